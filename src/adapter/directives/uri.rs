//! `uri`: changes parts of the request's URI.

use super::new_route;
use crate::adapter::error::Result;
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::{expect_only_arg, integer, unknown};
use crate::config::handlers::{Handler, RegexpReplacement, Rewrite, SubstringReplacement};
use caddyfile_parser::Dispenser;

const MANIPULATIONS: [&str; 4] = ["strip_prefix", "strip_suffix", "replace", "path_regexp"];

/// Reads
///
/// ```caddyfile
/// uri [MATCHER] strip_prefix PREFIX
/// uri [MATCHER] strip_suffix SUFFIX
/// uri [MATCHER] replace TEXT BY [LIMIT]
/// uri [MATCHER] path_regexp EXPRESSION BY
/// ```
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let matcher = scope.take_matcher(d)?;
    d.next();
    if !d.next_arg() {
        return Err(d.arg_err().into());
    }
    let mut rewrite = Rewrite::default();
    match d.val().to_owned().as_str() {
        "strip_prefix" => {
            let prefix = expect_only_arg(d)?;
            let slash = if prefix.starts_with(['/', '{']) { "" } else { "/" };
            rewrite.strip_path_prefix = format!("{slash}{prefix}");
        }
        "strip_suffix" => rewrite.strip_path_suffix = expect_only_arg(d)?,
        "replace" => rewrite.uri_substring.push(parse_replace(d)?),
        "path_regexp" => {
            let Some([find, replace]) = d.all_args() else {
                return Err(d.arg_err().into());
            };
            rewrite.path_regexp.push(RegexpReplacement { find, replace });
        }
        other => {
            let text = format!("unrecognized URI manipulation '{other}'");
            return Err(unknown(d, text, &MANIPULATIONS));
        }
    }
    Ok(vec![new_route(matcher, Handler::Rewrite(rewrite))])
}

fn parse_replace(d: &mut Dispenser) -> Result<SubstringReplacement> {
    let args = d.remaining_args();
    let (find, replace, limit) = match args.as_slice() {
        [find, replace] => (find, replace, 0),
        [find, replace, limit] => {
            let limit = integer(limit)
                .map_err(|error| d.err(format!("limit must be an integer; invalid: {error}")))?;
            (find, replace, limit)
        }
        _ => return Err(d.arg_err().into()),
    };
    Ok(SubstringReplacement { find: find.clone(), replace: replace.clone(), limit })
}
