//! `file_server`: serves files.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, expect_args, expect_no_arg, unknown};
use crate::config::handlers::{FileServer, Handler, WeakString};
use caddyfile_parser::Dispenser;

const SUBDIRECTIVES: [&str; 6] =
    ["root", "hide", "index", "status", "disable_canonical_uris", "pass_thru"];

/// Reads
///
/// ```caddyfile
/// file_server [MATCHER] {
///     root DIR
///     hide FILE…
///     index FILE…
///     status STATUS
///     disable_canonical_uris
///     pass_thru
/// }
/// ```
///
/// The Caddyfiles that the site comes from are hidden by themselves.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    d.next();
    if !d.remaining_args().is_empty() {
        return Err(d.arg_err().into());
    }
    let mut server = FileServer::default();
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "root" => server.root = expect_arg(d)?,
            "hide" => server.hide.extend(expect_args(d)?),
            "index" => server.index_names = Some(expect_args(d)?),
            "status" => server.status_code = Some(WeakString(expect_arg(d)?)),
            "disable_canonical_uris" => {
                expect_no_arg(d)?;
                server.canonical_uris = Some(false);
            }
            "pass_thru" => {
                expect_no_arg(d)?;
                server.pass_thru = true;
            }
            other => {
                let text = format!("unknown subdirective '{other}'");
                return Err(unknown(d, text, &SUBDIRECTIVES));
            }
        }
    }
    for file in scope.files {
        let absolute = scope.shared.loader.absolute(file).unwrap_or_else(|_| file.clone());
        if !is_hidden(&absolute, &server.hide) {
            // Without a slash it would hide every file of that name.
            let slash = if file.contains('/') { "" } else { "./" };
            server.hide.push(format!("{slash}{file}"));
        }
    }
    Ok(Handler::FileServer(server))
}

/// Whether a file is hidden by one of the patterns: one without a slash names any part of
/// the path, one with a slash the file itself or a folder above it.
fn is_hidden(path: &str, hide: &[String]) -> bool {
    hide.iter().any(|pattern| {
        let matches = |name: &str| glob::Pattern::new(pattern).is_ok_and(|p| p.matches(name));
        let part = !pattern.contains('/') && path.split('/').any(matches);
        let below =
            || path.strip_prefix(pattern.as_str()).is_some_and(|rest| rest.starts_with('/'));
        part || pattern.contains('/') && below() || matches(path)
    })
}
