//! `templates`: answers are templates.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, expect_args, expect_no_arg, not_registered};
use crate::config::handlers::{Handler, Templates};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// templates [MATCHER] {
///     mime TYPE…
///     between OPEN CLOSE
///     root DIR
///     extensions {
///         MODULE
///     }
/// }
/// ```
///
/// There are no modules with more functions. As in Caddy, other words are passed over.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut templates = Templates::default();
    while d.next_block(0) {
        match d.val() {
            "mime" => templates.mime_types = expect_args(d)?,
            "between" => {
                templates.delimiters = d.remaining_args();
                if templates.delimiters.len() != 2 {
                    return Err(d.arg_err().into());
                }
            }
            "root" => templates.file_root = expect_arg(d)?,
            "extensions" => refuse_extensions(d)?,
            _ => {}
        }
    }
    Ok(Handler::Templates(templates))
}

fn refuse_extensions(d: &mut Dispenser) -> Result<()> {
    expect_no_arg(d)?;
    if d.next_block(d.nesting()) {
        return Err(not_registered(d, "http.handlers.templates.functions", d.val(), &[]));
    }
    Ok(())
}
