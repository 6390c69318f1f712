//! Content types by a file's extension: Go's own, then the system's, as in Caddy. Where a
//! system has no table, the one of `mime_guess` stands for it.

use http::HeaderValue;
use std::collections::HashMap;
use std::fs;
use std::sync::LazyLock;

/// Where systems keep what their desktops know of types; the first one that is there counts.
const SYSTEM: [&str; 2] = ["/usr/local/share/mime/globs2", "/usr/share/mime/globs2"];

/// What the system knows, if it knows anything.
static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| {
    SYSTEM.iter().find_map(|path| fs::read_to_string(path).ok()).map(|text| Table::new(&text))
});

/// Types by extension.
#[derive(Debug, Default)]
struct Table {
    exact: HashMap<String, HeaderValue>,
    /// By extensions in lower case.
    folded: HashMap<String, HeaderValue>,
}

impl Table {
    /// Reads lines of the form `weight:type:glob`, the heaviest first.
    fn new(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(':');
            let (Some(_), Some(kind), Some(glob)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let bare =
                |extension: &&str| !extension.is_empty() && !extension.contains(['?', '*', '[']);
            let Some(extension) = glob.strip_prefix("*.").filter(bare) else { continue };
            let Some(kind) = value(kind) else { continue };
            if !table.exact.contains_key(extension) {
                table.exact.insert(extension.to_owned(), kind.clone());
                table.folded.insert(extension.to_ascii_lowercase(), kind);
            }
        }
        table
    }

    fn get(&self, extension: &str, folded: &str) -> Option<HeaderValue> {
        self.exact.get(extension).or_else(|| self.folded.get(folded)).cloned()
    }
}

/// Reads the system's table, so that no request waits for it.
pub(super) fn prepare() {
    LazyLock::force(&TABLE);
}

/// The content type of a file, by its name. Text types say that they are UTF-8.
pub(super) fn of(name: &[u8]) -> Option<HeaderValue> {
    let file = name.rsplit(|b| *b == b'/').next()?;
    let dot = file.iter().rposition(|b| *b == b'.')?;
    let extension = std::str::from_utf8(&file[dot + 1..]).ok()?;
    let folded = extension.to_ascii_lowercase();
    if let Some(kind) = gos_own(&folded) {
        return Some(HeaderValue::from_static(kind));
    }
    match &*TABLE {
        Some(table) => table.get(extension, &folded),
        None => usual(&folded),
    }
}

/// Types that Go has built in and other tables have otherwise, or not.
fn gos_own(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "xml" | "xbl" | "xsl" => "text/xml; charset=utf-8",
        "ehtml" | "shtml" => "text/html; charset=utf-8",
        "text" => "text/plain; charset=utf-8",
        "ai" | "eps" => "application/postscript",
        "bin" | "com" | "exe" => "application/octet-stream",
        "wasm" => "application/wasm",
        "apng" => "image/apng",
        "ico" => "image/vnd.microsoft.icon",
        "jfif" | "pjp" | "pjpeg" => "image/jpeg",
        "m4a" => "audio/mp4",
        "wav" => "audio/wav",
        "webm" => "audio/webm",
        _ => return None,
    })
}

/// A type where the system knows none.
fn usual(extension: &str) -> Option<HeaderValue> {
    match extension {
        "log" => value("text/x-log"),
        "php" => value("application/x-php"),
        other => value(mime_guess::from_ext(other).first_raw()?),
    }
}

fn value(kind: &str) -> Option<HeaderValue> {
    let charset = if kind.starts_with("text/") { "; charset=utf-8" } else { "" };
    HeaderValue::try_from(format!("{kind}{charset}")).ok()
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
        check("/a/x.log", Some("text/x-log; charset=utf-8"));
        check("/a.b/none", None);
        check("/a/x.unknownext", None);
    }

    #[test]
    fn of_a_systems_types_the_first_counts_and_case_may_matter() {
        let text =
            "#comment\n80:a/one:*.x\n50:a/two:*.x\n50:a/upper:*.C\n50:text/c:*.c\n50:a/b:*.[0-9]\n";
        let table = Table::new(text);
        let check = |extension: &str, expected: Option<&str>| {
            let kind = table.get(extension, &extension.to_ascii_lowercase());
            assert_eq!(kind.as_ref().and_then(|k| k.to_str().ok()), expected, "{extension}");
        };
        check("x", Some("a/one"));
        check("X", Some("a/one"));
        check("C", Some("a/upper"));
        check("c", Some("text/c; charset=utf-8"));
        check("[0-9]", None);
    }
}
