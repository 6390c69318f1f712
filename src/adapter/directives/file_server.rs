//! `file_server`: serves files.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{
    expect_arg, expect_args, expect_no_arg, integer, not_registered, unknown,
};
use crate::config::handlers::{
    Browse, FileServer, Handler, Precompressed, PrecompressedFormats, WeakString,
};
use caddyfile_parser::Dispenser;

const SUBDIRECTIVES: [&str; 10] = [
    "fs",
    "root",
    "hide",
    "index",
    "browse",
    "precompressed",
    "status",
    "disable_canonical_uris",
    "pass_thru",
    "etag_file_extensions",
];

const BROWSE_SUBDIRECTIVES: [&str; 4] =
    ["reveal_symlinks", "sort", "file_limit", "plain_time_format"];

/// By what listings are sorted, and in which direction.
const SORTS: [&str; 6] = ["name", "namedirfirst", "size", "time", "asc", "desc"];

/// The encodings of files, those first that are preferred when none is named.
const FORMATS: [&str; 3] = ["br", "zstd", "gzip"];

/// Reads
///
/// ```caddyfile
/// file_server [MATCHER] [browse] {
///     fs NAME
///     root DIR
///     hide FILE…
///     index FILE…
///     browse [TEMPLATE] {
///         reveal_symlinks
///         sort [name | namedirfirst | size | time] [asc | desc]
///         file_limit COUNT
///         plain_time_format LAYOUT
///     }
///     precompressed [br | zstd | gzip]…
///     status STATUS
///     disable_canonical_uris
///     pass_thru
///     etag_file_extensions EXTENSION…
/// }
/// ```
///
/// The Caddyfiles that the site comes from are hidden by themselves.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut server = FileServer::default();
    match d.remaining_args().as_slice() {
        [] => {}
        [word] if word == "browse" => server.browse = Some(Browse::default()),
        _ => return Err(d.arg_err().into()),
    }
    while d.next_block(0) {
        parse_subdirective(d, &mut server)?;
    }
    hide_caddyfiles(&mut server, scope);
    Ok(Handler::FileServer(server))
}

fn parse_subdirective(d: &mut Dispenser, server: &mut FileServer) -> Result<()> {
    match d.val().to_owned().as_str() {
        "fs" => {
            let name = expect_arg(d)?;
            if !server.fs.is_empty() {
                return Err(d.err("file system already specified").into());
            }
            server.fs = name;
        }
        "root" => server.root = expect_arg(d)?,
        "hide" => server.hide.extend(expect_args(d)?),
        "index" => server.index_names = Some(expect_args(d)?),
        "browse" => {
            if server.browse.is_some() {
                return Err(d.err("browsing is already configured").into());
            }
            server.browse = Some(parse_browse(d)?);
        }
        "precompressed" => parse_precompressed(d, server)?,
        "status" => {
            // An empty word is no status.
            let status = expect_arg(d)?;
            server.status_code = Some(WeakString(status)).filter(|status| !status.0.is_empty());
        }
        "disable_canonical_uris" => {
            expect_no_arg(d)?;
            server.canonical_uris = Some(false);
        }
        "pass_thru" => {
            expect_no_arg(d)?;
            server.pass_thru = true;
        }
        "etag_file_extensions" => server.etag_file_extensions = expect_args(d)?,
        other => {
            let text = format!("unknown subdirective '{other}'");
            return Err(unknown(d, text, &SUBDIRECTIVES));
        }
    }
    Ok(())
}

fn parse_browse(d: &mut Dispenser) -> Result<Browse> {
    let mut browse = Browse::default();
    if d.next_arg() {
        d.val().clone_into(&mut browse.template_file);
    }
    let nesting = d.nesting();
    while d.next_block(nesting) {
        match d.val().to_owned().as_str() {
            "reveal_symlinks" => {
                if browse.reveal_symlinks {
                    return Err(d.err("Symlinks path reveal is already enabled").into());
                }
                browse.reveal_symlinks = true;
            }
            "sort" => {
                while d.next_arg() {
                    let sort = d.val().to_owned();
                    if !SORTS.contains(&sort.as_str()) {
                        return Err(unknown(d, format!("unknown sort option '{sort}'"), &SORTS));
                    }
                    browse.sort.push(sort);
                }
            }
            "file_limit" => {
                let limit = match d.remaining_args().as_slice() {
                    [limit] => integer(limit).ok(),
                    _ => None,
                };
                let Some(limit) = limit else {
                    return Err(d.err("file_limit should have an integer value").into());
                };
                if browse.file_limit != 0 {
                    return Err(d.err("file_limit is already enabled").into());
                }
                browse.file_limit = limit;
            }
            "plain_time_format" => parse_plain_time_format(d, &mut browse)?,
            other => {
                let text = format!("unknown subdirective '{other}'");
                return Err(unknown(d, text, &BROWSE_SUBDIRECTIVES));
            }
        }
    }
    Ok(browse)
}

fn parse_plain_time_format(d: &mut Dispenser, browse: &mut Browse) -> Result<()> {
    let text = match d.remaining_args().as_slice() {
        [] => "plain_time_format is missing a time layout argument",
        [layout] if layout.is_empty() => {
            "plain_time_format requires a non-empty time layout argument"
        }
        [_] if !browse.plain_time_format.is_empty() => "plain_time_format is already set",
        [layout] => {
            browse.plain_time_format.clone_from(layout);
            return Ok(());
        }
        _ => {
            "plain_time_format accepts exactly one time layout argument; enclose layouts \
             containing spaces in quotes"
        }
    };
    Err(d.err(text).into())
}

fn parse_precompressed(d: &mut Dispenser, server: &mut FileServer) -> Result<()> {
    let mut order = d.remaining_args();
    if order.is_empty() {
        order = FORMATS.map(str::to_owned).to_vec();
    }
    for name in &order {
        let Some(format) = format_mut(&mut server.precompressed, name) else {
            return Err(not_registered(d, "http.precompressed", name, &FORMATS));
        };
        *format = Some(Precompressed::default());
    }
    server.precompressed_order = order;
    Ok(())
}

fn format_mut<'a>(
    formats: &'a mut PrecompressedFormats,
    name: &str,
) -> Option<&'a mut Option<Precompressed>> {
    match name {
        "br" => Some(&mut formats.br),
        "gzip" => Some(&mut formats.gzip),
        "zstd" => Some(&mut formats.zstd),
        _ => None,
    }
}

/// Hides the Caddyfiles that the site comes from, unless they are hidden already.
fn hide_caddyfiles(server: &mut FileServer, scope: &Scope<'_>) {
    for file in scope.files {
        let absolute = scope.shared.loader.absolute(file).unwrap_or_else(|_| file.clone());
        if !is_hidden(&absolute, &server.hide) {
            // Without a slash it would hide every file of that name.
            let slash = if file.contains('/') { "" } else { "./" };
            server.hide.push(format!("{slash}{file}"));
        }
    }
}

/// Whether a file is hidden by one of the patterns: one without a slash names any part of
/// the path, one with a slash the file itself or a folder above it.
fn is_hidden(path: &str, hide: &[String]) -> bool {
    let options =
        glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    hide.iter().any(|pattern| {
        let matches =
            |name: &str| glob::Pattern::new(pattern).is_ok_and(|p| p.matches_with(name, options));
        let part = !pattern.contains('/') && path.split('/').any(matches);
        let below =
            || path.strip_prefix(pattern.as_str()).is_some_and(|rest| rest.starts_with('/'));
        part || pattern.contains('/') && below() || matches(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_hidden(path: &str, pattern: &str, expected: bool) {
        assert_eq!(is_hidden(path, &[pattern.to_owned()]), expected, "{pattern}");
    }

    #[test]
    fn a_pattern_hides_parts_of_a_path_or_what_is_below_it() {
        check_hidden("/srv/app/Caddyfile", "Caddyfile", true);
        check_hidden("/srv/app/Caddyfile", "app", true);
        check_hidden("/srv/app/Caddyfile", "Caddy*", true);
        check_hidden("/srv/app/Caddyfile", "caddyfile", false);
        check_hidden("/srv/app/Caddyfile", "/srv/app", true);
        check_hidden("/srv/app/Caddyfile", "/srv/a", false);
        check_hidden("/srv/app/Caddyfile", "/srv/*", false);
        check_hidden("/srv/app/Caddyfile", "/srv/*/Caddyfile", true);
    }
}
