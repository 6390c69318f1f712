//! Every module that a configuration can name is read, with every field that it has.

use super::MODULES;
use crate::config::Config;
use serde_json::{Map, Value};

/// Where a namespace's modules go: the namespace, and the JSON around one. It ends with
/// the field that names the module, if that is not its key.
const PLACES: [(&str, &str); 27] = [
    ("caddy.config_loaders", r#"{"admin":{"config":{"load":$}}} module"#),
    ("caddy.listeners", r#"SERVER{"listener_wrappers":[$]} wrapper"#),
    ("caddy.logging.encoders", r#"LOG{"encoder":$} format"#),
    (
        "caddy.logging.encoders.filter",
        r#"LOG{"encoder":{"format":"filter","fields":{"a":$}}} filter"#,
    ),
    ("caddy.logging.writers", r#"LOG{"writer":$} output"#),
    ("caddy.network_proxy", r#"PROXY"transport":{"protocol":"http","network_proxy":$}} from"#),
    ("caddy.storage", r#"{"storage":$} module"#),
    (
        "http.authentication.hashes",
        r#"HANDLER{"handler":"authentication","providers":{"http_basic":{"hash":$}}} algorithm"#,
    ),
    (
        "http.authentication.providers",
        r#"HANDLER{"handler":"authentication","providers":{NAME:$}}"#,
    ),
    ("http.encoders", r#"HANDLER{"handler":"encode","encodings":{NAME:$}}"#),
    ("http.handlers", "HANDLER$ handler"),
    ("http.ip_sources", r#"SERVER{"trusted_proxies":$} source"#),
    ("http.matchers", r#"SERVER{"routes":[{"match":[{NAME:$}]}]}"#),
    ("http.precompressed", r#"HANDLER{"handler":"file_server","precompressed":{NAME:$}}"#),
    (
        "http.reverse_proxy.selection_policies",
        r#"PROXY"load_balancing":{"selection_policy":$}} policy"#,
    ),
    ("http.reverse_proxy.transport", r#"PROXY"transport":$} protocol"#),
    ("http.reverse_proxy.upstreams", r#"PROXY"dynamic_upstreams":$} source"#),
    ("tls.ca_pool.source", r#"CLIENTS{"ca":$} provider"#),
    ("tls.certificates", r#"TLS{"certificates":{NAME:$}}"#),
    ("tls.client_auth.verifier", r#"CLIENTS{"verifiers":[$]} verifier"#),
    (
        "tls.ech.publishers",
        r#"TLS{"encrypted_client_hello":{"publication":[{"publishers":{NAME:$}}]}}"#,
    ),
    ("tls.get_certificate", r#"TLS{"automation":{"policies":[{"get_certificate":[$]}]}} via"#),
    ("tls.handshake_match", r#"SERVER{"tls_connection_policies":[{"match":{NAME:$}}]}"#),
    ("tls.issuance", r#"TLS{"automation":{"policies":[{"issuers":[$]}]}} module"#),
    (
        "tls.leaf_cert_loader",
        r#"CLIENTS{"verifiers":[{"verifier":"leaf","leaf_certs_loaders":[$]}]} loader"#,
    ),
    ("tls.permission", r#"TLS{"automation":{"on_demand":{"permission":$}}} module"#),
    ("tls.stek", r#"TLS{"session_tickets":{"key_source":$}} provider"#),
];

/// What the words in [`PLACES`] stand for: what is before, and what is behind.
const AROUND: [(&str, &str, &str); 6] = [
    ("CLIENTS", r#"SERVER{"tls_connection_policies":[{"client_authentication":"#, "}]}"),
    ("PROXY", r#"HANDLER{"handler":"reverse_proxy","#, ""),
    ("HANDLER", r#"SERVER{"routes":[{"handle":["#, "]}]}"),
    ("SERVER", r#"{"apps":{"http":{"servers":{"s":"#, "}}}}"),
    ("LOG", r#"{"logging":{"logs":{"l":"#, "}}}"),
    ("TLS", r#"{"apps":{"tls":"#, "}}"),
];

/// A configuration with this module, whose object is `object`.
fn around(id: &str, mut object: Value) -> String {
    let place = id.rsplit_once('.').and_then(|(namespace, name)| {
        let known = PLACES.iter().find(|(known, _)| *known == namespace);
        known.map(|(_, place)| (*place, name))
    });
    let Some((place, name)) = place else {
        // An app, or the configuration itself.
        return if id == "-" {
            object.to_string()
        } else {
            format!(r#"{{"apps":{{"{id}":{object}}}}}"#)
        };
    };
    let (place, key) = place.split_once(' ').unwrap_or((place, ""));
    if !key.is_empty() {
        object[key] = name.into();
    }
    let mut json = place.to_owned();
    for (word, before, behind) in AROUND {
        if let Some(rest) = json.strip_prefix(word) {
            json = format!("{before}{rest}{behind}");
        }
    }
    json.replace("NAME", &format!("{name:?}")).replace('$', &object.to_string())
}

/// An object whose fields have this value, at the end of a way as `a.b[]` into an outer one.
fn object(way: &str, fields: &str, value: &Value) -> Value {
    let fields = fields.split(' ').filter(|field| !field.is_empty());
    let inner = fields.map(|field| (field.to_owned(), value.clone()));
    let inner = Value::Object(Map::from_iter(inner));
    way.rsplit('.').filter(|step| !step.is_empty()).fold(inner, |inner, step| {
        let (key, value) = match step.strip_suffix("[]") {
            Some(key) => (key, Value::Array(vec![inner])),
            None => (step, inner),
        };
        Value::Object(Map::from_iter([(key.to_owned(), value)]))
    })
}

#[track_caller]
fn check(line: &str) {
    let json = match line.split_once(" = ") {
        Some((id, value)) => around(id, serde_json::from_str(value).expect("a value")),
        None => {
            let (head, fields) = line.split_once('|').expect("a line has a bar");
            let (id, way) = head.trim_end().split_once(' ').unwrap_or((head.trim_end(), ""));
            around(id, object(way, fields, &Value::Null))
        }
    };
    let config = Config::from_json(json.as_bytes());
    let config = config.unwrap_or_else(|error| panic!("{line}\n{json}\n{}: {error}", error.path));
    let written = config.to_json(false);
    let again = Config::from_json(written.as_bytes()).map(|config| config.to_json(false));
    assert_eq!(again, Ok(written), "{line}");
}

#[test]
fn every_module_has_one_name() {
    let mut names: Vec<_> = super::module_names().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(names.contains(&"http.handlers.file_server"));
}

#[test]
fn every_module_is_read_with_every_field() {
    MODULES.lines().filter(|line| !line.starts_with('#')).for_each(check);
}

#[test]
fn a_field_that_no_module_has_is_refused() {
    for line in MODULES.lines().filter(|line| line.contains('|') && !line.starts_with('#')) {
        let (head, _) = line.split_once('|').expect("a line has a bar");
        let (id, way) = head.trim_end().split_once(' ').unwrap_or((head.trim_end(), ""));
        // These two hold names that users choose.
        if matches!(id, "http.handlers.vars" | "http.matchers.header") {
            continue;
        }
        let json = around(id, object(way, "no_such_field", &Value::Bool(true)));
        let error = Config::from_json(json.as_bytes()).expect_err(line);
        assert_eq!(error.message, "json: unknown field \"no_such_field\"", "{line}");
    }
}
