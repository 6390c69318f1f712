//! `respond`: gives a fixed answer.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_only_arg, unknown};
use crate::config::handlers::{Handler, StaticResponse, WeakString};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// respond [MATCHER] STATUS | BODY [STATUS] {
///     body TEXT
///     close
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut answer = StaticResponse::default();
    match d.remaining_args().as_slice() {
        [status] if is_status(status) => answer.status_code = Some(WeakString(status.clone())),
        [body] => answer.body.clone_from(body),
        [body, status] => {
            answer.body.clone_from(body);
            // An empty word is no status.
            answer.status_code = Some(status).filter(|s| !s.is_empty()).cloned().map(WeakString);
        }
        _ => return Err(d.arg_err().into()),
    }
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "body" => parse_text(d, "body", &mut answer.body)?,
            "close" if answer.close => return Err(d.err("close already specified").into()),
            "close" => answer.close = true,
            other => {
                let text = format!("unrecognized subdirective '{other}'");
                return Err(unknown(d, text, &["body", "close"]));
            }
        }
    }
    Ok(Handler::StaticResponse(answer))
}

/// Whether a lone argument is a status rather than a text.
pub(super) fn is_status(text: &str) -> bool {
    text.len() == 3 && text.parse::<i64>().is_ok_and(|number| number > 0)
}

/// Reads the only argument of a subdirective into a text that may be given once.
pub(super) fn parse_text(d: &mut Dispenser, word: &str, text: &mut String) -> Result<()> {
    if !text.is_empty() {
        return Err(d.err(format!("{word} already specified")).into());
    }
    *text = expect_only_arg(d)?;
    Ok(())
}
