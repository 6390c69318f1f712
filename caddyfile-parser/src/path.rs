//! Paths as text, with `/` between their elements.

/// The shortest path of the same meaning: without `.`, without empty elements,
/// and without `..` where there is something to go up from.
pub fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut elements: Vec<&str> = Vec::new();
    for element in path.split('/') {
        match element {
            "" | "." => {}
            ".." if elements.last().is_some_and(|last| *last != "..") => {
                elements.pop();
            }
            ".." if absolute => {}
            _ => elements.push(element),
        }
    }
    let joined = elements.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// `path` seen from the directory of the file `base`; itself when absolute.
pub(crate) fn beside(base: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let directory = base.rsplit_once('/').map_or(".", |(directory, _)| directory);
    clean(&format!("{directory}/{path}"))
}

/// The last element.
pub(crate) fn base(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, base)| base)
}

#[cfg(test)]
mod tests {
    use super::{beside, clean};

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(clean(path), expected);
    }

    #[test]
    fn dots_and_empty_elements_go() {
        check("/a/./b//c/", "/a/b/c");
        check("a/../b", "b");
        check("", ".");
        check("a/..", ".");
    }

    #[test]
    fn going_up_ends_at_the_root() {
        check("/../../a", "/a");
        check("../../a", "../../a");
        check("/", "/");
    }

    #[test]
    fn a_relative_path_starts_beside_the_file() {
        assert_eq!(beside("/etc/caddy/Caddyfile", "sites/*"), "/etc/caddy/sites/*");
        assert_eq!(beside("/etc/caddy/Caddyfile", "../x"), "/etc/x");
        assert_eq!(beside("/etc/Caddyfile", "/srv/./x"), "/srv/./x");
        assert_eq!(beside("/Caddyfile", "x"), "/x");
    }
}
