//! Content types by a file's extension, from a fixed table: the same on every system.

use http::HeaderValue;

/// The content type of a file, by its name. Text types say that they are UTF-8.
pub(super) fn of(name: &[u8]) -> Option<HeaderValue> {
    let file = name.rsplit(|b| *b == b'/').next()?;
    let dot = file.iter().rposition(|b| *b == b'.')?;
    let extension = std::str::from_utf8(&file[dot + 1..]).ok()?.to_ascii_lowercase();
    // Where the table and Go's own disagree, Go's counts.
    let kind = match extension.as_str() {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "xml" => "text/xml; charset=utf-8",
        "php" => "application/x-httpd-php",
        "log" => "text/x-log; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        other => return from_table(other),
    };
    Some(HeaderValue::from_static(kind))
}

fn from_table(extension: &str) -> Option<HeaderValue> {
    let kind = mime_guess::from_ext(extension).first_raw()?;
    if kind.starts_with("text/") {
        HeaderValue::try_from(format!("{kind}; charset=utf-8")).ok()
    } else {
        Some(HeaderValue::from_static(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_extension_in_any_case() {
        let check = |name: &str, expected: Option<&str>| {
            let kind = of(name.as_bytes());
            assert_eq!(kind.as_ref().and_then(|k| k.to_str().ok()), expected, "{name}");
        };
        check("/a/index.HTML", Some("text/html; charset=utf-8"));
        check("/a/app.js", Some("text/javascript; charset=utf-8"));
        check("/a/x.png", Some("image/png"));
        check("/a.b/none", None);
        check("/a/x.unknownext", None);
    }
}
