//! Short names of placeholders, which people may write in sites: `{host}` stands for
//! `{http.request.host}`.

use caddyfile_parser::Segment;

/// Whole names.
const NAMES: [(&str, &str); 35] = [
    ("%path", "http.request.uri.path_escaped"),
    ("%query", "http.request.uri.query_escaped"),
    ("%uri", "http.request.uri_escaped"),
    ("?query", "http.request.uri.prefixed_query"),
    ("client_ip", "http.vars.client_ip"),
    ("dir", "http.request.uri.path.dir"),
    ("file", "http.request.uri.path.file"),
    ("host", "http.request.host"),
    ("hostport", "http.request.hostport"),
    ("method", "http.request.method"),
    ("orig_?query", "http.request.orig_uri.prefixed_query"),
    ("orig_dir", "http.request.orig_uri.path.dir"),
    ("orig_file", "http.request.orig_uri.path.file"),
    ("orig_method", "http.request.orig_method"),
    ("orig_path", "http.request.orig_uri.path"),
    ("orig_query", "http.request.orig_uri.query"),
    ("orig_uri", "http.request.orig_uri"),
    ("path", "http.request.uri.path"),
    ("port", "http.request.port"),
    ("query", "http.request.uri.query"),
    ("remote", "http.request.remote"),
    ("remote_host", "http.request.remote.host"),
    ("remote_port", "http.request.remote.port"),
    ("scheme", "http.request.scheme"),
    ("tls_cipher", "http.request.tls.cipher_suite"),
    ("tls_client_certificate_der_base64", "http.request.tls.client.certificate_der_base64"),
    ("tls_client_certificate_pem", "http.request.tls.client.certificate_pem"),
    ("tls_client_fingerprint", "http.request.tls.client.fingerprint"),
    ("tls_client_issuer", "http.request.tls.client.issuer"),
    ("tls_client_serial", "http.request.tls.client.serial"),
    ("tls_client_subject", "http.request.tls.client.subject"),
    ("tls_version", "http.request.tls.version"),
    ("upstream_hostport", "http.reverse_proxy.upstream.hostport"),
    ("uri", "http.request.uri"),
    ("uuid", "http.request.uuid"),
];

/// Families: what stands behind the prefix is kept. The flag says whether dots may.
const FAMILIES: [(&str, &str, bool); 12] = [
    ("cookie.", "http.request.cookie.", false),
    ("err.", "http.error.", true),
    ("file.", "http.request.uri.path.file.", false),
    ("file_match.", "http.matchers.file.", false),
    ("header.", "http.request.header.", false),
    ("labels.", "http.request.host.labels.", false),
    ("path.", "http.request.uri.path.", false),
    ("query.", "http.request.uri.query.", false),
    ("re.", "http.regexp.", true),
    ("resp.", "http.intercept.", true),
    ("rp.", "http.reverse_proxy.", true),
    ("vars.", "http.vars.", false),
];

/// Replaces the short names in all tokens of a directive.
pub(super) fn expand(segment: &mut Segment) {
    for token in &mut segment.0 {
        if let Some(text) = expand_text(&token.text) {
            token.text = text;
        }
    }
}

/// The short name of a placeholder, which is given with or without its braces.
pub(super) fn short_name(placeholder: &str) -> Option<&'static str> {
    let long = placeholder.trim_matches(['{', '}']);
    NAMES.iter().find(|(_, name)| *name == long).map(|(short, _)| *short)
}

/// The text with its short names replaced; `None` when it has none.
fn expand_text(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut done = 0;
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        from = open + 1;
        let Some(close) = text[from..].find(['{', '}']).map(|at| from + at) else {
            break;
        };
        if text.as_bytes()[close] == b'{' {
            continue;
        }
        if let Some(name) = long_name(&text[from..close]) {
            out.push_str(&text[done..from]);
            out.push_str(&name);
            done = close;
        }
        from = close;
    }
    if done == 0 {
        return None;
    }
    out.push_str(&text[done..]);
    Some(out)
}

fn long_name(short: &str) -> Option<String> {
    if let Some((_, long)) = NAMES.iter().find(|(name, _)| *name == short) {
        return Some((*long).to_owned());
    }
    FAMILIES.iter().find_map(|(prefix, long, dots)| {
        let key = short.strip_prefix(prefix)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || *dots && c == '.';
        key.chars().all(fits).then(|| format!("{long}{key}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expanded: &str) {
        assert_eq!(expand_text(text).as_deref().unwrap_or(text), expanded);
    }

    #[test]
    fn short_names_become_long_ones() {
        check("/x{uri}?{query}", "/x{http.request.uri}?{http.request.uri.query}");
        check("{header.X-Y}{re.a.1}", "{http.request.header.X-Y}{http.regexp.a.1}");
        check("{{host}}", "{{http.request.host}}");
    }

    #[test]
    fn other_braces_stay() {
        check("{", "{");
        check("{}", "{}");
        check("{header.X.Dot} {env.X} {hos", "{header.X.Dot} {env.X} {hos");
    }
}
