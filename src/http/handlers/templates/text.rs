//! Paths and HTML.

use crate::http::uri;
use go_template::print::quote;
use go_template::{Error, Result};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What is escaped in one part of a path.
const PATH_ESCAPES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b',')
    .add(b';')
    .add(b'!')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*');

/// A text without its tags. A `>` that closes none stays.
pub(super) fn strip_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut depth, mut quote) = (0_usize, None);
    for c in text.chars() {
        match (c, quote) {
            ('"' | '\'', None) if depth > 0 => quote = Some(c),
            (c, Some(open)) if depth > 0 && c == open => quote = None,
            ('<', None) => depth += 1,
            ('>', None) if depth > 0 => depth -= 1,
            (c, _) if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// A text with `$NAME` and `${NAME}` replaced by variables of the environment.
pub(super) fn expand_env(text: &str) -> String {
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let in_braces = part.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let (name, rest) = in_braces.unwrap_or_else(|| {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            part.split_at(part.find(|c| !is_name(c)).unwrap_or(part.len()))
        });
        if name.is_empty() {
            out.push('$');
        } else if let Some(value) = std::env::var_os(name) {
            out.push_str(&value.to_string_lossy());
        }
        out.push_str(rest);
    }
    out
}

/// A part of a path, escaped.
pub(super) fn escape_path_part(text: &str) -> String {
    utf8_percent_encode(text, PATH_ESCAPES).to_string()
}

/// The path and query that a URL asks its server for.
///
/// # Errors
/// When it is no URL.
pub(super) fn request_target(url: &str) -> Result<Vec<u8>> {
    let bad = |why: &str| Error::new(format!("parse {}: {why}", quote(url)));
    if url.chars().any(|c| c.is_ascii_control()) {
        return Err(bad("net/url: invalid control character in URL"));
    }
    let rest = url.split('#').next().unwrap_or_default();
    let rest = match rest.split_once("://") {
        Some((scheme, rest)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
            rest.find(['/', '?']).map_or("", |at| &rest[at..])
        }
        _ => rest,
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let unescaped = uri::unescape(path.as_bytes()).ok_or_else(|| bad("invalid URL escape"))?;
    let is_escaped = path.bytes().all(|b| b.is_ascii_graphic());
    let path = if is_escaped { path.as_bytes().into() } else { uri::escape_path(&unescaped) };
    let mut target = path.into_owned();
    if !target.starts_with(b"/") {
        target.insert(0, b'/');
    }
    if !query.is_empty() {
        target.push(b'?');
        target.extend(
            utf8_percent_encode(query, CONTROLS).collect::<String>().replace(' ', "%20").bytes(),
        );
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken_out() {
        assert_eq!(strip_html("a <b class=\">\">c</b> > d"), "a c > d");
        assert_eq!(strip_html("1 < 2"), "1 ");
    }

    #[test]
    fn variables_of_the_environment_are_put_in() {
        let path = std::env::var("PATH").expect("there is one");
        let expanded = expand_env("a $PATH-${PATH}$NONE_OF_THIS$ 1");
        assert_eq!(expanded, format!("a {path}-{path}$ 1"));
    }

    #[track_caller]
    fn check_target(url: &str, expected: std::result::Result<&str, &str>) {
        let target = request_target(url).map_err(|e| e.to_string());
        let target = target.map(|target| String::from_utf8_lossy(&target).into_owned());
        assert_eq!(target.as_deref().map_err(String::as_str), expected, "{url}");
    }

    #[test]
    fn a_target_is_what_its_server_is_asked_for() {
        check_target("/a/b?c=d&e", Ok("/a/b?c=d&e"));
        check_target("a b/é?x y#z", Ok("/a%20b/%C3%A9?x%20y"));
        check_target("/a%20b", Ok("/a%20b"));
        check_target("http://other.test:80/x?y", Ok("/x?y"));
        check_target("https://other.test", Ok("/"));
        check_target("/%zz", Err("parse \"/%zz\": invalid URL escape"));
        check_target("/\n", Err("parse \"/\\n\": net/url: invalid control character in URL"));
    }
}
