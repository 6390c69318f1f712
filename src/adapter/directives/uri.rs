//! `uri`: changes parts of the request's URI.

use super::new_route;
use crate::adapter::error::Result;
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::{expect_only_arg, integer, unknown};
use crate::config::handlers::{
    Handler, QueryArgument, QueryOps, QueryReplacement, RegexpReplacement, Rewrite,
    SubstringReplacement,
};
use caddyfile_parser::Dispenser;

const MANIPULATIONS: [&str; 5] =
    ["strip_prefix", "strip_suffix", "replace", "path_regexp", "query"];

/// Reads
///
/// ```caddyfile
/// uri [MATCHER] strip_prefix PREFIX
/// uri [MATCHER] strip_suffix SUFFIX
/// uri [MATCHER] replace TEXT BY [LIMIT]
/// uri [MATCHER] path_regexp EXPRESSION BY
/// uri [MATCHER] query [-|+]KEY [VALUE | EXPRESSION BY] | KEY>NEW_KEY {
///     [-|+]KEY [VALUE | EXPRESSION BY] | KEY>NEW_KEY
/// }
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
        "query" => rewrite.query = Some(parse_query(d)?),
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

fn parse_query(d: &mut Dispenser) -> Result<QueryOps> {
    let mut ops = QueryOps::default();
    let args = d.remaining_args();
    if args.len() > 3 {
        return Err(d.arg_err().into());
    }
    if !args.is_empty() {
        apply(d, &args, &mut ops)?;
    }
    while d.next_block(0) {
        if !args.is_empty() {
            let text = "Cannot specify uri query rewrites in both argument and block";
            return Err(d.err(text).into());
        }
        let mut line = vec![d.val().to_owned()];
        line.extend(d.remaining_args());
        apply(d, &line, &mut ops)?;
    }
    Ok(ops)
}

/// One change: `-` removes a key, `+` adds a value, `>` renames.
fn apply(d: &Dispenser, line: &[String], ops: &mut QueryOps) -> Result<()> {
    let argument =
        |key: &str, val: &str| QueryArgument { key: key.to_owned(), val: val.to_owned() };
    match line {
        [key] if key.starts_with('-') => ops.delete.push(key.trim_start_matches('-').to_owned()),
        [key, val] if key.starts_with('+') => {
            ops.add.push(argument(key.trim_start_matches('+'), val));
        }
        [key, ..] if key.starts_with(['-', '+']) => return Err(d.arg_err().into()),
        [key] if key.contains('>') => {
            let mut names = key.split('>');
            let (old, new) = (names.next(), names.next());
            ops.rename.push(argument(old.unwrap_or_default(), new.unwrap_or_default()));
        }
        [key, ..] if key.contains('>') => return Err(d.arg_err().into()),
        [key, val] => ops.set.push(argument(key, val)),
        [key, search_regexp, replace] => ops.replace.push(QueryReplacement {
            key: key.clone(),
            search_regexp: search_regexp.clone(),
            replace: replace.clone(),
            ..QueryReplacement::default()
        }),
        _ => return Err(d.arg_err().into()),
    }
    Ok(())
}
