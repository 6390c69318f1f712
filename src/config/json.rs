//! Reading and writing a [`Config`] as Caddy does.

use super::Config;
use super::de::{Error, Node};
use super::ser::{compact, indent};
use super::syntax;
use serde::Deserialize;
use serde_json::Value;

/// What is said to somebody who names a module that is not there.
pub const NO_PLUGINS: &str =
    "pogo has the modules of a standard Caddy and of FrankenPHP; plugins cannot be added";

/// JSON that is no configuration: where and what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{way}{message}")]
pub struct JsonError {
    /// The path of the value that is wrong, as `apps.http.servers.srv0.listen[0]`;
    /// empty when the text is no JSON at all.
    pub path: String,
    /// What Caddy says it was loading, as `loading http app module: `; empty outside of
    /// modules.
    pub way: String,
    /// What is wrong there, in Caddy's words.
    pub message: String,
    /// What may help.
    pub hint: Option<&'static str>,
    /// Whether the text is no JSON at all.
    pub is_syntax: bool,
}

impl Config {
    /// The JSON of this configuration, letter for letter as Caddy prints it:
    /// on one line, or indented with tabs.
    pub fn to_json(&self, pretty: bool) -> String {
        let line = compact(self);
        let bytes = if pretty { indent(&line) } else { line };
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// When the text is no JSON, a field or a module is not known, or a value has the
    /// wrong type. The error names the path.
    pub fn from_json(text: &[u8]) -> Result<Self, JsonError> {
        Self::from_value(&parse(text)?)
    }

    /// Reads a configuration from JSON that was read already; `@id`s may stand in it.
    ///
    /// # Errors
    ///
    /// As [`Config::from_json`].
    pub fn from_value(value: &Value) -> Result<Self, JsonError> {
        Self::deserialize(Node::new(value)).map_err(|error| describe(&error))
    }
}

/// Reads JSON; of two fields with the same name the last one counts.
///
/// # Errors
/// When the text is no JSON, in Caddy's words.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    // What is not UTF-8 in a string is replaced, as Go does.
    let text = String::from_utf8_lossy(text);
    serde_json::from_str(&text).map_err(|error| {
        let message = match syntax::error(text.as_bytes()) {
            Some((what, offset)) => format!("{what}, at offset {offset}"),
            // As when it is nested too deeply.
            None => error.to_string(),
        };
        JsonError { path: String::new(), way: String::new(), message, hint: None, is_syntax: true }
    })
}

/// A value on one line, letter for letter as Go's `encoding/json` writes it.
pub fn go_json(value: &impl serde::Serialize) -> String {
    String::from_utf8(compact(value)).expect("JSON is UTF-8")
}

fn describe(error: &Error) -> JsonError {
    let is_unknown = error.message.starts_with("unknown module");
    JsonError {
        path: error.place.path(),
        way: error.place.words(),
        message: error.message.clone(),
        hint: is_unknown.then_some(NO_PLUGINS),
        is_syntax: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str) {
        let config = Config::from_json(json.as_bytes()).expect("the case is a configuration");
        assert_eq!(config.to_json(false), json);
    }

    #[track_caller]
    fn check_error(json: &str, path: &str, message: &str) {
        let got = Config::from_json(json.as_bytes()).expect_err("the case is wrong");
        assert_eq!((got.path.as_str(), got.to_string().as_str()), (path, message));
    }

    #[test]
    fn a_configuration_round_trips() {
        check("{}");
        check(concat!(
            r#"{"admin":{"disabled":true,"config":{"persist":false}},"#,
            r#""logging":{"logs":{"default":{"level":"DEBUG","exclude":["http.log.access.log0"]},"#,
            r#""log0":{"writer":{"output":"stdout"},"encoder":{"format":"console"},"#,
            r#""include":["http.log.access.log0"]}}},"#,
            r#""apps":{"frankenphp":{"num_threads":8,"max_threads":-1,"max_wait_time":1000000000},"#,
            r#""http":{"grace_period":2000000000,"servers":{"srv0":{"listen":[":8080"],"#,
            r#""routes":[{"group":"group0","match":[{"file":{"try_files":["a"],"#,
            r#""try_policy":"first_exist","split_path":[".php"]},"not":[{"path":["*/"]}]}],"#,
            r#""handle":[{"handler":"subroute","routes":[{"group":"group1","handle":"#,
            r#"[{"handler":"rewrite","uri":"/x"}],"match":[{"file":{"split_path":[".php"],"#,
            r#""try_files":["a"],"try_policy":"first_exist"}}],"terminal":true}]}]}]}}},"#,
            r#""pki":{"certificate_authorities":{"local":{"install_trust":false}}},"#,
            r#""pogo":{"worker":"w.php","pools":[{"name":"cpu","worker":"c.php"}]}}}"#,
        ));
    }

    #[test]
    fn text_is_escaped_for_html_as_go_does() {
        check(concat!(
            r#"{"apps":{"http":{"servers":{"srv0":{"routes":[{"handle":"#,
            r#"[{"body":"\u003cp\u003e \u0026 \"\u2028\" ü","handler":"static_response"}]}]}}}}}"#,
        ));
    }

    /// A configuration whose only server has these routes.
    fn routes(routes: &str) -> String {
        format!(r#"{{"apps":{{"http":{{"servers":{{"s":{{"routes":{routes}}}}}}}}}}}"#)
    }

    /// Where the routes' first handler is.
    const HANDLER: &str = "apps.http.servers.s.routes[0].handle[0]";
    const TO_HANDLER: &str = "loading http app module: provision http: server s: \
        setting up route handlers: route 0: loading handler modules: position 0: ";

    #[test]
    fn an_unknown_field_is_an_error_that_names_the_path() {
        check_error(r#"{"admn":{}}"#, "admn", r#"json: unknown field "admn""#);
        check_error(
            r#"{"apps":{"http":{"servers":{"s":{"lsten":[]}}}}}"#,
            "apps.http.servers.s.lsten",
            r#"loading http app module: decoding module config: http: json: unknown field "lsten""#,
        );
        check_error(
            &routes(
                r#"[{"handle":[{"handler":"subroute","routes":
                [{"handle":[{"handler":"rewrite","url":"/"}]}]}]}]"#,
            ),
            &format!("{HANDLER}.routes[0].handle[0].url"),
            &format!(
                "{TO_HANDLER}loading module 'subroute': provision http.handlers.subroute: \
                 setting up subroutes: route 0: loading handler modules: position 0: \
                 loading module 'rewrite': decoding module config: http.handlers.rewrite: \
                 json: unknown field \"url\""
            ),
        );
    }

    #[test]
    fn an_unknown_module_is_an_error_that_names_the_path() {
        let json = routes(r#"[{"handle":[{"handler":"teapot"}]}]"#);
        check_error(
            &json,
            HANDLER,
            &format!("{TO_HANDLER}loading module 'teapot': unknown module: http.handlers.teapot"),
        );
        let error = Config::from_json(json.as_bytes()).expect_err("there is no teapot");
        assert!(error.hint.is_some_and(|hint| hint.contains("plugins")));
        check_error(
            &routes(r#"[{"match":[{"moon":{}}]}]"#),
            "apps.http.servers.s.routes[0].match[0].moon",
            "loading http app module: provision http: server s: setting up route matchers: \
             route 0: loading matcher modules: module name 'moon': \
             unknown module: http.matchers.moon",
        );
        check_error(
            r#"{"apps":{"HTTP":{}}}"#,
            "apps.HTTP",
            "loading HTTP app module: unknown module: HTTP",
        );
    }

    #[test]
    fn a_module_must_be_named() {
        let unnamed = |shown: &str| {
            format!("{TO_HANDLER}module name not specified with key 'handler' in {shown}")
        };
        let check = |handler: &str, shown: &str| {
            check_error(
                &routes(&format!(r#"[{{"handle":[{handler}]}}]"#)),
                HANDLER,
                &unnamed(shown),
            );
        };
        check(r#"{"body":"x"}"#, "map[body:x]");
        check(r#"{"Handler":"static_response"}"#, "map[Handler:static_response]");
        check(r#"{"handler":7}"#, "map[handler:7]");
        check(r#"{"a":[1,"x"],"b":{"c":null}}"#, "map[a:[1 x] b:map[c:<nil>]]");
        check("null", "map[]");
    }

    #[test]
    fn an_unknown_field_beside_flattened_ones_is_an_error() {
        let response = |field: &str| {
            let handler =
                format!(r#"{{"handler":"headers","response":{{"deferred":true,{field}}}}}"#);
            routes(&format!(r#"[{{"handle":[{handler}]}}]"#))
        };
        check(&response(r#""delete":["X"]"#));
        check_error(
            &response(r#""deleted":["X"]"#),
            &format!("{HANDLER}.response.deleted"),
            &format!(
                "{TO_HANDLER}loading module 'headers': decoding module config: \
                 http.handlers.headers: json: unknown field \"deleted\""
            ),
        );
    }

    #[test]
    fn a_list_is_no_object() {
        let decoding = "loading http app module: decoding module config: http: json: cannot \
                        unmarshal array into a value of type object";
        check_error("[]", "", "json: cannot unmarshal array into a value of type object");
        check_error(r#"{"apps":{"http":[80]}}"#, "apps.http", decoding);
        check_error(&routes("[[]]"), "apps.http.servers.s.routes[0]", decoding);
    }

    #[test]
    fn a_wrong_type_is_told_with_the_right_one() {
        let decoding = "loading http app module: decoding module config: http: json: cannot \
                        unmarshal";
        let check = |field: &str, value: &str, message: &str| {
            check_error(
                &format!(r#"{{"apps":{{"http":{{"{field}":{value}}}}}}}"#),
                &format!("apps.http.{field}"),
                &format!("{decoding} {message}"),
            );
        };
        check(
            "http_port",
            "9300000000000000000",
            "number 9300000000000000000 into a value of type int",
        );
        check("http_port", "1.5", "number 1.5 into a value of type int");
        check("http_port", "\"x\"", "string into a value of type int");
        check("servers", "3", "number into a value of type object");
        check_error(
            r#"{"admin":{"disabled":1}}"#,
            "admin.disabled",
            "json: cannot unmarshal number into a value of type bool",
        );
    }

    #[test]
    fn null_leaves_a_value_at_its_default() {
        let config = |json: &str| Config::from_json(json.as_bytes()).map(|c| c.to_json(false));
        let nulls = r#"{"admin":null,"logging":{"logs":null},"apps":{"http":{"http_port":null,
            "grace_period":null,"servers":{"s":{"listen":[null,":1"],"routes":[null]}}}}}"#;
        assert_eq!(
            config(nulls).as_deref(),
            Ok(
                r#"{"logging":{},"apps":{"http":{"servers":{"s":{"listen":["",":1"],"routes":[{}]}}}}}"#
            )
        );
        check_error(
            &routes(r#"[{"match":[{"host":null}]}]"#),
            "apps.http.servers.s.routes[0].match[0].host",
            "loading http app module: provision http: server s: setting up route matchers: \
             route 0: loading matcher modules: module name 'host': module value cannot be null",
        );
    }

    #[test]
    fn the_case_of_fields_does_not_matter_and_the_last_of_two_counts() {
        let config = |json: &str| Config::from_json(json.as_bytes()).map(|c| c.to_json(false));
        let upper = r#"{"Admin":{"DISABLED":true},"apps":{"http":{"HTTP_port":81}}}"#;
        assert_eq!(
            config(upper).as_deref(),
            Ok(r#"{"admin":{"disabled":true},"apps":{"http":{"http_port":81}}}"#)
        );
        let twice = r#"{"apps":{"http":{"http_port":"x","http_port":82}}}"#;
        assert_eq!(config(twice).as_deref(), Ok(r#"{"apps":{"http":{"http_port":82}}}"#));
    }

    #[test]
    fn ten_thousand_sites_are_read_and_written() {
        let route = |n: usize| {
            format!(
                r#"{{"match":[{{"host":["h{n}.test"]}}],"handle":[{{"handler":"subroute","routes":
                [{{"handle":[{{"body":"x","handler":"static_response"}}]}}]}}],"terminal":true}}"#
            )
        };
        let all: Vec<String> = (0..10_000).map(route).collect();
        let json = routes(&format!("[{}]", all.join(","))).replace([' ', '\n'], "");
        let config = Config::from_json(json.as_bytes()).expect("it is a configuration");
        assert_eq!(config.to_json(false), json);
    }

    #[test]
    fn ids_are_for_the_admin_endpoint_only() {
        let json = r#"{"@id":"a","apps":{"http":{"http_port":81,"@id":"b"}}}"#;
        let config = Config::from_json(json.as_bytes()).expect("the case is a configuration");
        assert_eq!(config.to_json(false), r#"{"apps":{"http":{"http_port":81}}}"#);
    }

    #[test]
    fn what_is_no_json_is_told_apart() {
        let error = |json: &str| Config::from_json(json.as_bytes()).expect_err("it is wrong");
        assert!(error(r#"{"apps":{http}}"#).is_syntax);
        assert_eq!(error(r#"{"apps":{http}}"#).path, "");
        assert!(!error(r#"{"apps":3}"#).is_syntax);
    }

    #[test]
    fn text_after_the_configuration_is_an_error() {
        let text = "invalid character 'x' after top-level value, at offset 4";
        check_error("{} x", "", text);
    }
}
