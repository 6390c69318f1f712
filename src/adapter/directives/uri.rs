//! `uri`: changes parts of the request's URI.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{integer, unknown};
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
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let args = d.remaining_args();
    let mut rewrite = Rewrite::default();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["strip_prefix", prefix] => rewrite.strip_path_prefix = (*prefix).to_owned(),
        ["strip_suffix", suffix] => rewrite.strip_path_suffix = (*suffix).to_owned(),
        ["replace", find, replace] => {
            rewrite.uri_substring.push(parse_replace(d, find, replace, "")?);
        }
        ["replace", find, replace, limit] => {
            rewrite.uri_substring.push(parse_replace(d, find, replace, limit)?);
        }
        ["path_regexp", find, replace] => {
            let (find, replace) = ((*find).to_owned(), (*replace).to_owned());
            rewrite.path_regexp.push(RegexpReplacement { find, replace });
        }
        ["query", ..] if args.len() <= 4 => rewrite.query = Some(parse_query(d, &args[1..])?),
        [other, ..] if !MANIPULATIONS.contains(other) => {
            let text = format!("unrecognized URI manipulation '{other}'");
            return Err(unknown(d, text, &MANIPULATIONS));
        }
        _ => return Err(d.arg_err().into()),
    }
    Ok(Handler::Rewrite(rewrite))
}

/// An empty limit is none.
fn parse_replace(
    d: &Dispenser,
    find: &str,
    replace: &str,
    limit: &str,
) -> Result<SubstringReplacement> {
    let limit = match limit {
        "" => 0,
        limit => integer(limit)
            .map_err(|error| d.err(format!("limit must be an integer; invalid: {error}")))?,
    };
    Ok(SubstringReplacement { find: find.to_owned(), replace: replace.to_owned(), limit })
}

fn parse_query(d: &mut Dispenser, args: &[String]) -> Result<QueryOps> {
    let mut ops = QueryOps::default();
    if !args.is_empty() {
        apply(d, args, &mut ops)?;
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
