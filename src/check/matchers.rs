//! Request matchers.

use super::cel;
use super::fault::{At, Checked, Fault, each};
use crate::config::matchers::{File, IpRanges, MatcherSet, Regexp};
use crate::go::{netip, regexp};
use crate::http::url_pattern_fault;
use std::collections::{BTreeMap, HashMap};

const NAMESPACE: &str = "http.matchers";
/// How one of several files is chosen.
const TRY_POLICIES: [&str; 6] = [
    "",
    "first_exist",
    "first_exist_fallback",
    "smallest_size",
    "largest_size",
    "most_recently_modified",
];

/// Checks the matchers of a set, by their names' order.
pub(super) fn check(set: &MatcherSet) -> Checked {
    let MatcherSet { client_ip, expression, file, header: _, header_regexp, host, .. } = set;
    optional(client_ip.as_ref(), "client_ip", ranges)?;
    optional(expression.as_ref(), "expression", |expression| {
        cel::check(&expression.expr).map_err(Fault::new)
    })?;
    optional(file.as_ref(), "file", try_policy)?;
    optional(header_regexp.as_ref(), "header_regexp", regexps)?;
    optional(host.as_ref(), "host", |hosts| distinct(hosts))?;
    list(host.as_ref(), "host")?;
    list(set.method.as_ref(), "method")?;
    optional(set.not.as_ref(), "not", |sets| each(sets, check))?;
    list(set.path.as_ref(), "path")?;
    optional(set.path_regexp.as_ref(), "path_regexp", expression_of)?;
    optional(set.remote_ip.as_ref(), "remote_ip", ranges)?;
    optional(set.url_pattern.as_ref(), "url_pattern", |pattern| {
        url_pattern_fault(pattern).map_or(Ok(()), |why| Err(Fault::new(why)))
    })?;
    optional(set.vars_regexp.as_ref(), "vars_regexp", regexps)
}

fn optional<T>(matcher: Option<&T>, name: &str, check: impl Fn(&T) -> Checked) -> Checked {
    matcher.map_or(Ok(()), check).named(NAMESPACE, name)
}

/// A list without items is written as `null`, which is no module.
fn list(matcher: Option<&Vec<String>>, name: &str) -> Checked {
    if matcher.is_some_and(Vec::is_empty) {
        return Err(Fault::missing("module value cannot be null")).named(NAMESPACE, name);
    }
    Ok(())
}

fn ranges(matcher: &IpRanges) -> Checked {
    each(&matcher.ranges, |range| netip::check(range, "").map_err(Fault::new)).field("ranges")
}

fn try_policy(matcher: &File) -> Checked {
    if TRY_POLICIES.contains(&matcher.try_policy.as_str()) {
        return Ok(());
    }
    let why = format!("unknown try policy {}", matcher.try_policy);
    Err(Fault::together(why)).field("try_policy")
}

fn regexps(matcher: &BTreeMap<String, Regexp>) -> Checked {
    matcher.iter().try_for_each(|(field, expression)| expression_of(expression).field(field))
}

fn expression_of(matcher: &Regexp) -> Checked {
    regexp::check(&matcher.pattern).map_err(|why| {
        Fault::new(format!("compiling matcher regexp {}: {why}", matcher.pattern))
    })?;
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    if !matcher.name.chars().all(is_word) {
        let why = "invalid regexp name (must contain only word characters)";
        return Err(Fault::together(format!("{why}: {}", matcher.name)));
    }
    Ok(())
}

fn distinct(hosts: &[String]) -> Checked {
    let mut seen = HashMap::new();
    for (index, host) in hosts.iter().enumerate() {
        if let Some(first) = seen.insert(host.to_lowercase(), index) {
            let why = format!("host at index {first} is repeated at index {index}: {host}");
            return Err(Fault::new(why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::check::testing::{accepted, in_routes, refused};

    #[track_caller]
    fn check(set: &str, path: &str, message: &str) {
        let (got_path, got) = refused(&in_routes(&format!(r#"{{"match":[{set}]}}"#)));
        assert_eq!(got_path, format!("apps.http.servers.s.routes[0].match[0].{path}"));
        let way = "loading http app module: provision http: server s: setting up route matchers: \
                   route 0: loading matcher modules: module name ";
        assert_eq!(got, format!("{way}{message}"));
    }

    #[test]
    fn expressions_must_compile() {
        check(
            r#"{"path_regexp":{"pattern":"([a-z"}}"#,
            "path_regexp",
            "'path_regexp': provision http.matchers.path_regexp: compiling matcher regexp ([a-z: \
             error parsing regexp: missing closing ]: `[a-z`",
        );
        check(
            r#"{"header_regexp":{"X":{"name":"a b","pattern":"x"}}}"#,
            "header_regexp.X",
            "'header_regexp': http.matchers.header_regexp: invalid configuration: invalid regexp \
             name (must contain only word characters): a b",
        );
    }

    #[test]
    fn addresses_hosts_and_policies_are_checked() {
        check(
            r#"{"remote_ip":{"ranges":["10.0.0.300"]}}"#,
            "remote_ip.ranges[0]",
            "'remote_ip': provision http.matchers.remote_ip: invalid IP address: '10.0.0.300': \
             ParseAddr(\"10.0.0.300\"): IPv4 field has value >255",
        );
        check(
            r#"{"host":["a.test","b.test","A.test"]}"#,
            "host",
            "'host': provision http.matchers.host: host at index 0 is repeated at index 2: A.test",
        );
        check(
            r#"{"not":[{"file":{"try_policy":"best"}}]}"#,
            "not[0].file.try_policy",
            "'not': provision http.matchers.not: loading matcher sets: module name 'file': \
             http.matchers.file: invalid configuration: unknown try policy best",
        );
        check(r#"{"path":[]}"#, "path", "'path': module value cannot be null");
        accepted(&in_routes(r#"{"match":[{"host":["a.test"]},{"file":{}}]}"#));
    }
}
