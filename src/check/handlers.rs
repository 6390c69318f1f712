//! Handlers, by the order of their names.

use super::fault::{At, Checked, Fault, each};
use super::{http, proxy};
use crate::config::handlers::{
    Authentication, CopyResponseHeaders, Encode, Encodings, FileServer, Handler, HeaderOps,
    Headers, HttpBasicAuth, Map, QueryOps, ResponseHandler, Rewrite, Subroute, Templates,
};
use crate::go::regexp;
use std::collections::{BTreeSet, HashMap};

const NAMESPACE: &str = "http.handlers";
/// By what a listing of a folder may be sorted, and in which direction.
const SORT_KEYS: [&str; 4] = ["name", "namedirfirst", "size", "time"];
const SORT_ORDERS: [&str; 2] = ["asc", "desc"];
const ZSTD_LEVELS: [&str; 4] = ["fastest", "better", "best", "default"];

/// Checks a handler.
pub(super) fn check(handler: &Handler) -> Checked {
    let (name, checked) = match handler {
        Handler::Authentication(handler) => ("authentication", authentication(handler)),
        Handler::CopyResponseHeaders(handler) => ("copy_response_headers", copied(handler)),
        Handler::Encode(handler) => ("encode", encode(handler)),
        Handler::FileServer(handler) => ("file_server", file_server(handler)),
        Handler::Headers(handler) => ("headers", headers(handler)),
        Handler::Intercept(handler) => ("intercept", response_handlers(&handler.handle_response)),
        Handler::Map(handler) => ("map", map(handler)),
        Handler::ReverseProxy(handler) => ("reverse_proxy", proxy::check(handler)),
        Handler::Rewrite(handler) => ("rewrite", rewrite(handler)),
        Handler::Subroute(handler) => ("subroute", subroute(handler)),
        Handler::Templates(handler) => ("templates", templates(handler)),
        Handler::Tracing(_) => ("tracing", tracing()),
        // Nothing that these can hold is refused.
        _ => return Ok(()),
    };
    checked.inline(NAMESPACE, name)
}

fn authentication(handler: &Authentication) -> Checked {
    let basic = handler.providers.http_basic.as_ref();
    let checked = basic.map_or(Ok(()), accounts);
    checked.named("http.authentication.providers", "http_basic").field("providers")
}

fn accounts(basic: &HttpBasicAuth) -> Checked {
    let mut names = BTreeSet::new();
    for (index, account) in basic.accounts.iter().enumerate() {
        let why = if !names.insert(&account.username) {
            format!("account {index}: username is not unique: {}", account.username)
        } else if account.username.is_empty() || account.password.is_empty() {
            format!("account {index}: username and password are required")
        } else if let Some(at) = base64_fault(&account.password) {
            format!("base64-decoding password: illegal base64 data at input byte {at}")
        } else {
            continue;
        };
        return Err(Fault::new(why)).index(index).field("accounts");
    }
    Ok(())
}

/// Where a password that is neither a hash nor a placeholder stops being base64.
fn base64_fault(password: &str) -> Option<usize> {
    if password.starts_with('$') || password.contains('{') {
        return None;
    }
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let letters = password.bytes().take_while(is_letter).count();
    let padding = &password[letters..];
    let is_whole = match letters % 4 {
        0 => padding.is_empty(),
        1 => false,
        2 => padding == "==",
        _ => padding == "=",
    };
    if is_whole {
        return None;
    }
    // A group that is cut off is wrong from its beginning on, as Go sees it.
    Some(if padding.is_empty() { letters / 4 * 4 } else { letters })
}

fn copied(handler: &CopyResponseHeaders) -> Checked {
    if handler.include.is_empty() || handler.exclude.is_empty() {
        return Ok(());
    }
    let why = "cannot define both 'exclude' and 'include' lists at the same time";
    Err(Fault::together(why))
}

fn encode(handler: &Encode) -> Checked {
    encodings(&handler.encodings).field("encodings")?;
    let Encodings { br, gzip, zstd } = &handler.encodings;
    let mut seen = BTreeSet::new();
    for (index, name) in handler.prefer.iter().enumerate() {
        let is_enabled = match name.as_str() {
            "br" => br.is_some(),
            "gzip" => gzip.is_some(),
            "zstd" => zstd.is_some(),
            _ => false,
        };
        let what = match (is_enabled, seen.insert(name)) {
            (false, _) => "not enabled",
            (true, false) => "is duplicated in prefer",
            (true, true) => continue,
        };
        let why = format!("encoding {name} {what}");
        return Err(Fault::together(why)).index(index).field("prefer");
    }
    Ok(())
}

fn encodings(encodings: &Encodings) -> Checked {
    let namespace = "http.encoders";
    if let Some(gzip) = &encodings.gzip {
        let why = match gzip.level {
            ..=-4 => "quality too low; must be >= -3",
            10.. => "quality too high; must be <= 9",
            _ => "",
        };
        if !why.is_empty() {
            return Err(Fault::together(why)).field("level").named(namespace, "gzip");
        }
    }
    let level = encodings.zstd.as_ref().map_or("", |zstd| &zstd.level);
    if !level.is_empty() && !ZSTD_LEVELS.contains(&level.to_lowercase().as_str()) {
        let why = "unexpected compression level, use one of 'fastest', 'better', 'best', 'default'";
        return Err(Fault::new(why)).field("level").named(namespace, "zstd");
    }
    Ok(())
}

fn file_server(handler: &FileServer) -> Checked {
    let Some(browse) = &handler.browse else { return Ok(()) };
    for (index, option) in browse.sort.iter().enumerate() {
        let why = match index {
            0 if SORT_KEYS.contains(&option.as_str()) => continue,
            1 if SORT_ORDERS.contains(&option.as_str()) => continue,
            0 => format!(
                "the first option must be one of the following: {}, but got {option}",
                SORT_KEYS.join(", ")
            ),
            1 => format!(
                "the second option must be one of the following: {}, but got {option}",
                SORT_ORDERS.join(", ")
            ),
            _ => format!("only max 2 sort options are allowed, but got {}", index + 1),
        };
        return Err(Fault::new(why)).index(index).field("sort").field("browse");
    }
    Ok(())
}

/// Checks what is done to header fields.
pub(super) fn headers(handler: &Headers) -> Checked {
    let request = handler.request.as_ref();
    let response = handler.response.as_ref().map(|response| &response.ops);
    for (name, ops) in [("request", request), ("response", response)] {
        ops.map_or(Ok(()), replacements).field(name)?;
    }
    Ok(())
}

fn replacements(ops: &HeaderOps) -> Checked {
    for (field, replacements) in &ops.replace {
        each(replacements, |replacement| {
            if !replacement.search.is_empty() && !replacement.search_regexp.is_empty() {
                return Err(Fault::together(format!(
                    "cannot specify both a substring search and a regular expression search for \
                     field '{field}'"
                )));
            }
            Ok(())
        })
        .field(field)
        .field("replace")?;
        for (index, replacement) in replacements.iter().enumerate() {
            if has_placeholder(&replacement.search_regexp) {
                continue;
            }
            regexp::check(&replacement.search_regexp)
                .map_err(|why| {
                    let place = format!("replacement {index} for header field '{field}'");
                    Fault::new(format!("{place}: {why}"))
                })
                .index(index)
                .field(field)
                .field("replace")?;
        }
    }
    Ok(())
}

fn has_placeholder(text: &str) -> bool {
    let after = text.split_once('{').map(|(_, after)| after);
    after.and_then(|after| after.find('}')).is_some_and(|end| end > 0)
}

/// Checks the routes that handle answers.
pub(super) fn response_handlers(handlers: &[ResponseHandler]) -> Checked {
    each(handlers, |handler| http::routes(&handler.routes)).field("handle_response")
}

fn map(handler: &Map) -> Checked {
    for (index, destination) in handler.destinations.iter().enumerate() {
        let inner = destination.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if !inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(['{', '}'])) {
            return Err(Fault::new(format!(
                "destination {index} must be a placeholder and only a placeholder, but got \
                 '{destination}'"
            )))
            .index(index)
            .field("destinations");
        }
    }
    for (index, mapping) in handler.mappings.iter().enumerate() {
        regexp::check(&mapping.input_regexp)
            .map_err(|why| Fault::new(format!("compiling regexp for mapping {index}: {why}")))
            .index(index)
            .field("mappings")?;
    }
    let (wanted, defaults) = (handler.destinations.len(), handler.defaults.len());
    if defaults > 0 && defaults != wanted {
        let why = format!("{wanted} destinations != {defaults} defaults");
        return Err(Fault::together(why)).field("defaults");
    }
    mappings(handler)
        .or_else(|(index, why)| Err(Fault::together(why)).index(index).field("mappings"))
}

/// The first mapping that is wrong, and what is wrong with it.
fn mappings(handler: &Map) -> Result<(), (usize, String)> {
    let wanted = handler.destinations.len();
    let mut seen = HashMap::new();
    for (index, mapping) in handler.mappings.iter().enumerate() {
        let is_regexp = !mapping.input_regexp.is_empty();
        if is_regexp && !mapping.input.is_empty() {
            let what = "has both input and input_regexp fields specified, which is confusing";
            return Err((index, format!("mapping {index} {what}")));
        }
        let input = if is_regexp { &mapping.input_regexp } else { &mapping.input };
        if let Some(first) = seen.insert((is_regexp, input), index) {
            let why = format!(
                "mapping {index} has a duplicate input '{input}' previously used with mapping \
                 {first}"
            );
            return Err((index, why));
        }
        let outputs = mapping.outputs.len();
        if outputs != wanted {
            let why = format!(
                "mapping {index} has {outputs} outputs but there are {wanted} destinations defined"
            );
            return Err((index, why));
        }
    }
    Ok(())
}

/// Checks what is done to a request's URI.
pub(super) fn rewrite(handler: &Rewrite) -> Checked {
    for (index, replacement) in handler.path_regexp.iter().enumerate() {
        let checked = if replacement.find.is_empty() {
            Err("path_regexp find cannot be empty".to_owned())
        } else {
            regexp::check(&replacement.find)
                .map_err(|why| format!("compiling regular expression {index}: {why}"))
        };
        checked.map_err(Fault::new).index(index).field("path_regexp")?;
    }
    let replacements = handler.query.iter().flat_map(|QueryOps { replace, .. }| replace);
    each(replacements, |replacement| {
        let expression = &replacement.search_regexp;
        regexp::check(expression).map_err(|why| {
            Fault::new(format!(
                "compiling regular expression {expression} in query rewrite replace operation: \
                 replacement for query field '{}': {why}",
                replacement.key
            ))
        })
    })
    .field("replace")
    .field("query")
}

fn subroute(handler: &Subroute) -> Checked {
    http::routes(&handler.routes)?;
    match &handler.errors {
        Some(errors) => http::routes(&errors.routes).field("errors"),
        None => Ok(()),
    }
}

/// What it needs stands in the environment.
fn tracing() -> Checked {
    crate::tracing::check().map_err(|error| Fault::new(error.to_string()))
}

fn templates(handler: &Templates) -> Checked {
    if matches!(handler.delimiters.len(), 0 | 2) {
        return Ok(());
    }
    let why = "delimiters must consist of exactly two elements: opening and closing";
    Err(Fault::together(why)).field("delimiters")
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{accepted, in_routes, refused};

    #[track_caller]
    fn check(handler: &str, path: &str, message: &str) {
        let (got_path, got) = refused(&in_routes(&format!(r#"{{"handle":[{handler}]}}"#)));
        assert_eq!(got_path, format!("apps.http.servers.s.routes[0].handle[0].{path}"));
        let way = "loading http app module: provision http: server s: setting up route handlers: \
                   route 0: loading handler modules: position 0: loading module ";
        assert_eq!(got, format!("{way}{message}"));
    }

    #[test]
    fn accounts_need_a_name_and_a_hash() {
        let provider = |accounts: &str| {
            format!(
                r#"{{"handler":"authentication","providers":{{"http_basic":{{"accounts":{accounts}}}}}}}"#
            )
        };
        let way = "'authentication': provision http.handlers.authentication: loading \
                   authentication providers: module name 'http_basic': \
                   provision http.authentication.providers.http_basic: ";
        let path = |index: usize| format!("providers.http_basic.accounts[{index}]");
        let account =
            |name: &str, hash: &str| format!(r#"{{"username":"{name}","password":"{hash}"}}"#);
        check(
            &provider(&format!("[{}]", account("a", ""))),
            &path(0),
            &format!("{way}account 0: username and password are required"),
        );
        check(
            &provider(&format!("[{},{}]", account("a", "$2a$"), account("a", "$2a$"))),
            &path(1),
            &format!("{way}account 1: username is not unique: a"),
        );
        check(
            &provider(&format!("[{}]", account("a", "secret!"))),
            &path(0),
            &format!("{way}base64-decoding password: illegal base64 data at input byte 6"),
        );
        accepted(&in_routes(&format!(
            r#"{{"handle":[{}]}}"#,
            provider(&format!("[{}]", account("a", "JDJhJDE0")))
        )));
    }

    #[test]
    fn encodings_are_checked() {
        check(
            r#"{"handler":"encode","encodings":{"gzip":{}},"prefer":["br"]}"#,
            "prefer[0]",
            "'encode': http.handlers.encode: invalid configuration: encoding br not enabled",
        );
        check(
            r#"{"handler":"encode","encodings":{"gzip":{}},"prefer":["gzip","gzip"]}"#,
            "prefer[1]",
            "'encode': http.handlers.encode: invalid configuration: encoding gzip is duplicated \
             in prefer",
        );
        check(
            r#"{"handler":"encode","encodings":{"gzip":{"level":10}}}"#,
            "encodings.gzip.level",
            "'encode': provision http.handlers.encode: loading encoder modules: module name \
             'gzip': http.encoders.gzip: invalid configuration: quality too high; must be <= 9",
        );
    }

    #[test]
    fn a_map_has_as_many_outputs_as_destinations() {
        let map = |rest: &str| format!(r#"{{"handler":"map","source":"x",{rest}}}"#);
        let way = "'map': http.handlers.map: invalid configuration: ";
        check(
            &map(r#""destinations":["{a}"],"mappings":[{"input":"b","outputs":[]}]"#),
            "mappings[0]",
            &format!("{way}mapping 0 has 0 outputs but there are 1 destinations defined"),
        );
        check(
            &map(r#""destinations":["{a}"],"defaults":["1","2"]"#),
            "defaults",
            &format!("{way}1 destinations != 2 defaults"),
        );
        check(
            &map(r#""destinations":["a"]"#),
            "destinations[0]",
            "'map': provision http.handlers.map: destination 0 must be a placeholder and only a \
             placeholder, but got 'a'",
        );
    }

    #[test]
    fn expressions_must_compile() {
        check(
            r#"{"handler":"rewrite","path_regexp":[{"find":"a)"}]}"#,
            "path_regexp[0]",
            "'rewrite': provision http.handlers.rewrite: compiling regular expression 0: \
             error parsing regexp: unexpected ): `a)`",
        );
        check(
            r#"{"handler":"headers","request":{"replace":{"X":[{"search_regexp":"*"}]}}}"#,
            "request.replace.X[0]",
            "'headers': provision http.handlers.headers: replacement 0 for header field 'X': \
             error parsing regexp: missing argument to repetition operator: `*`",
        );
    }

    #[test]
    fn handlers_within_handlers_are_checked() {
        check(
            r#"{"handler":"subroute","routes":[{"handle":[{"handler":"templates","delimiters":["x"]}]}]}"#,
            "routes[0].handle[0].delimiters",
            "'subroute': provision http.handlers.subroute: setting up subroutes: route 0: \
             loading handler modules: position 0: loading module 'templates': \
             http.handlers.templates: invalid configuration: delimiters must consist of exactly \
             two elements: opening and closing",
        );
    }
}
