//! The loggers of a server's requests, by the host that was asked for.

use super::uri;
use crate::config::http::ServerLogs;
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};

/// The names of a host's loggers, whole.
#[derive(Debug)]
struct Names {
    /// Those of the access log.
    access: Vec<String>,
    /// That of errors.
    error: String,
}

/// What a server logs of its requests.
#[derive(Debug)]
pub(super) struct Loggers {
    hosts: HashMap<Box<[u8]>, Names>,
    /// Hosts that are not logged.
    skipped: HashSet<Box<[u8]>>,
    /// For hosts without their own; none when these are not logged.
    others: Option<Names>,
    /// Whether credentials are logged.
    pub(super) with_credentials: bool,
}

impl Names {
    fn new(names: &[String]) -> Self {
        Self {
            access: names.iter().map(|name| access_logger(name)).collect(),
            error: error_logger(names.first().map_or("", String::as_str)),
        }
    }
}

impl Loggers {
    /// Compiles a configuration. Hosts are looked up in small letters.
    pub(super) fn new(config: &ServerLogs) -> Self {
        let small = |host: &String| host.to_lowercase().into_bytes().into();
        let default = std::slice::from_ref(&config.default_logger_name);
        let named = config.logger_names.iter();
        Self {
            hosts: named.map(|(host, names)| (small(host), Names::new(names))).collect(),
            skipped: config.skip_hosts.iter().map(small).collect(),
            others: (!config.skip_unmapped_hosts).then(|| Names::new(default)),
            with_credentials: config.should_log_credentials,
        }
    }

    /// The loggers that take the access log of requests for this host.
    pub(super) fn access(&self, host: &[u8]) -> &[String] {
        self.of(host).map(|names| names.access.as_slice()).unwrap_or_default()
    }

    /// The logger that takes errors of requests for this host, if it is logged.
    pub(super) fn error(&self, host: &[u8]) -> Option<&str> {
        self.of(host).map(|names| names.error.as_str())
    }

    fn of(&self, host: &[u8]) -> Option<&Names> {
        if self.hosts.is_empty() && self.skipped.is_empty() {
            return self.others.as_ref();
        }
        let mut name = SmallVec::<[u8; 128]>::from_slice(uri::split_host(host).0);
        name.make_ascii_lowercase();
        if self.skipped.contains(&*name) {
            return None;
        }
        let own = self.hosts.get(&*name).or_else(|| {
            let dot = name.iter().position(|b| *b == b'.')?;
            name.drain(..dot);
            name.insert(0, b'*');
            self.hosts.get(&*name)
        });
        own.or(self.others.as_ref())
    }
}

/// The access logger of this name.
pub(super) fn access_logger(name: &str) -> String {
    below("http.log.access", name)
}

/// The logger of errors of this name.
pub(super) fn error_logger(name: &str) -> String {
    below("http.log.error", name)
}

fn below(base: &str, name: &str) -> String {
    if name.is_empty() { base.to_owned() } else { format!("{base}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_own_loggers_those_of_its_parent_or_the_default() {
        let config = serde_json::json!({
            "default_logger_name": "all",
            "logger_names": {"A.test": ["one", "two"], "*.test": "wild"},
            "skip_hosts": ["Quiet.test"],
        });
        let loggers = Loggers::new(&serde_json::from_value(config).expect("a configuration"));
        let check = |host: &str, access: &[&str], error: Option<&str>| {
            let full: Vec<_> = access.iter().map(|name| access_logger(name)).collect();
            assert_eq!(loggers.access(host.as_bytes()), full, "{host}");
            let error = error.map(error_logger);
            assert_eq!(loggers.error(host.as_bytes()), error.as_deref(), "{host}");
        };
        check("a.TEST:8080", &["one", "two"], Some("one"));
        check("b.test", &["wild"], Some("wild"));
        check("quiet.test", &[], None);
        check("x.b.test", &["all"], Some("all"));
        check("", &["all"], Some("all"));
    }

    #[test]
    fn hosts_without_a_logger_may_be_left_out() {
        let config = serde_json::json!({"logger_names": {"a": [""]}, "skip_unmapped_hosts": true});
        let loggers = Loggers::new(&serde_json::from_value(config).expect("a configuration"));
        assert_eq!(loggers.access(b"a"), ["http.log.access"]);
        assert!(loggers.access(b"b").is_empty());
    }
}
