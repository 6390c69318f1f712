//! Reading and writing a [`Config`] as Caddy does.

use super::Config;
use super::module::PATH_END;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io;

/// JSON that is no configuration: where and what.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct JsonError {
    /// The path of the value that is wrong, as `apps.http.servers.srv0.listen[0]`;
    /// empty when the text is no JSON at all.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
    /// Whether the text is no JSON at all.
    pub is_syntax: bool,
}

/// Names things for the admin endpoint; no part of what is configured.
const ID: &str = "@id";

impl Config {
    /// The JSON of this configuration, letter for letter as Caddy prints it:
    /// on one line, or indented with tabs.
    pub fn to_json(&self, pretty: bool) -> String {
        if pretty {
            write(self, GoFormatter(PrettyFormatter::with_indent(b"\t")))
        } else {
            write(self, GoFormatter(CompactFormatter))
        }
    }

    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// When the text is no JSON, a field or a module is not known, or a value has the
    /// wrong type. The error names the path.
    pub fn from_json(text: &[u8]) -> Result<Self, JsonError> {
        let mut value: Value = serde_json::from_slice(text).map_err(|error| JsonError {
            path: String::new(),
            message: error.to_string(),
            is_syntax: true,
        })?;
        let config = if drop_ids(&mut value) {
            read(&mut serde_json::Deserializer::from_str(&value.to_string()))
        } else {
            // From the text, as errors tell the line.
            read(&mut serde_json::Deserializer::from_slice(text))
        };
        let config: Self = config?;
        let written = serde_json::to_value(&config).expect("a configuration can be written");
        refuse_lists(&value, &written, "")?;
        Ok(config)
    }
}

fn read<'de, R: serde_json::de::Read<'de>>(
    de: &mut serde_json::Deserializer<R>,
) -> Result<Config, JsonError> {
    serde_path_to_error::deserialize(de).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        describe(if path == "." { String::new() } else { path }, &message)
    })
}

/// Removes each `@id`; whether there was one.
fn drop_ids(value: &mut Value) -> bool {
    let mut had = false;
    match value {
        Value::Object(fields) => {
            had = fields.remove(ID).is_some();
            fields.values_mut().for_each(|field| had |= drop_ids(field));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| had |= drop_ids(item)),
        _ => {}
    }
    had
}

/// Refuses lists where objects are meant: serde takes their items for the fields.
fn refuse_lists(given: &Value, written: &Value, path: &str) -> Result<(), JsonError> {
    match (given, written) {
        (Value::Array(_), Value::Object(_)) => Err(JsonError {
            path: path.to_owned(),
            message: "invalid type: array, expected an object".to_owned(),
            is_syntax: false,
        }),
        (Value::Array(given), Value::Array(written)) => {
            let mut pairs = given.iter().zip(written).enumerate();
            pairs.try_for_each(|(index, (given, written))| {
                refuse_lists(given, written, &format!("{path}[{index}]"))
            })
        }
        (Value::Object(given), Value::Object(written)) => {
            let dot = if path.is_empty() { "" } else { "." };
            given.iter().try_for_each(|(key, given)| match written.get(key) {
                Some(written) => refuse_lists(given, written, &format!("{path}{dot}{key}")),
                None => Ok(()),
            })
        }
        _ => Ok(()),
    }
}

/// Joins the path to a module object with the path inside it.
fn describe(outer: String, message: &str) -> JsonError {
    let Some((inner, message)) = message.rsplit_once(PATH_END) else {
        return JsonError { path: outer, message: plainly(message), is_syntax: false };
    };
    let path = if outer.is_empty() { inner.to_owned() } else { format!("{outer}.{inner}") };
    JsonError { path, message: plainly(message), is_syntax: false }
}

/// A message of serde's in the words of JSON instead of those of Rust.
fn plainly(message: &str) -> String {
    const WORDS: [(&str, &str); 8] = [
        ("expected a map", "expected an object"),
        ("expected a sequence", "expected an array"),
        ("invalid type: map", "invalid type: object"),
        ("invalid type: sequence", "invalid type: array"),
        ("expected u16", "expected a number from 0 to 65535"),
        ("expected u32", "expected a number from 0 to 4294967295"),
        ("expected u64", "expected a number from 0 on"),
        ("expected i64", "expected a whole number"),
    ];
    let mut text = message.to_owned();
    for (rust, json) in WORDS {
        text = text.replace(rust, json);
    }
    let Some((before, after)) = text.split_once("expected struct ") else { return text };
    let rest = after.trim_start_matches(|c: char| c.is_alphanumeric());
    format!("{before}expected an object{rest}")
}

/// A value on one line, letter for letter as Go's `encoding/json` prints it.
pub fn go_json(value: &impl Serialize) -> String {
    write(value, GoFormatter(CompactFormatter))
}

fn write<F: Formatter>(value: &impl Serialize, formatter: F) -> String {
    let mut out = Vec::with_capacity(1024);
    value
        .serialize(&mut Serializer::with_formatter(&mut out, formatter))
        .expect("the types of a configuration are serializable and the buffer grows");
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Writes strings and numbers as Go's `encoding/json` does, and leaves the layout to `F`.
struct GoFormatter<F>(F);

impl<F: Formatter> Formatter for GoFormatter<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let special = rest[at..].chars().next().expect("find gave its position");
            write!(writer, "\\u{:04x}", u32::from(special))?;
            rest = &rest[at + special.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let size = value.abs();
        if size != 0.0 && !(1e-6..1e21).contains(&size) {
            let text = format!("{value:e}");
            let (digits, exponent) = text.split_once('e').expect("`e` was asked for");
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            return write!(writer, "{digits}e{sign}{exponent}");
        }
        write!(writer, "{value}")
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_array(w)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_array(w)
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(w, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_array_value(w)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_object(w)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_object(w)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(w, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_object_value(w)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_object_value(w)
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
    fn check_error(json: &str, error: &str) {
        let got = Config::from_json(json.as_bytes()).expect_err("the case is wrong");
        assert_eq!(got.to_string(), error);
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

    #[test]
    fn an_unknown_field_is_an_error_that_names_the_path() {
        check_error(
            r#"{"admn":{}}"#,
            "admn: unknown field `admn`, expected one of `admin`, `logging`, `storage`, `apps` at line 1 column 7",
        );
        let known = "`method`, `uri`, `strip_path_prefix`, `strip_path_suffix`, `uri_substring`, `path_regexp`, `query`";
        check_error(
            r#"{"apps":{"http":{"servers":{"s":{"routes":[{"handle":[{"handler":"subroute","routes":[{"handle":[{"handler":"rewrite","url":"/"}]}]}]}]}}}}}"#,
            &format!(
                "apps.http.servers.s.routes[0].handle[0].routes[0].handle[0].url: \
                 unknown field `url`, expected one of {known} at line 1 column 133"
            ),
        );
    }

    #[test]
    fn an_unknown_module_is_an_error_that_names_the_path() {
        check_error(
            r#"{"apps":{"http":{"servers":{"s":{"routes":[{"handle":[{"handler":"teapot"}]}]}}}}}"#,
            "apps.http.servers.s.routes[0].handle[0].handler: \
             module not registered: http.handlers.teapot at line 1 column 75",
        );
    }

    #[test]
    fn an_unknown_field_beside_flattened_ones_is_an_error() {
        let response = |field: &str| {
            format!(
                r#"{{"apps":{{"http":{{"servers":{{"s":{{"routes":[{{"handle":[{{"handler":"headers","response":{{"deferred":true,{field}}}}}]}}]}}}}}}}}}}"#
            )
        };
        check(&response(r#""delete":["X"]"#));
        let got = Config::from_json(response(r#""deleted":["X"]"#).as_bytes());
        let got = got.expect_err("the case is wrong").to_string();
        let path = "apps.http.servers.s.routes[0].handle[0].response";
        assert!(got.starts_with(path) && got.contains("unknown field `deleted`"), "{got}");
    }

    #[test]
    fn a_list_is_no_object() {
        let text = "invalid type: array, expected an object";
        check_error("[]", text);
        check_error(r#"{"apps":{"http":[80]}}"#, &format!("apps.http: {text}"));
        let server =
            |server: &str| format!(r#"{{"apps":{{"http":{{"servers":{{"s":{server}}}}}}}}}"#);
        check_error(&server("[]"), &format!("apps.http.servers.s: {text}"));
        check_error(
            &server(r#"{"routes":[{"handle":[{"handler":"subroute","routes":[[]]}]}]}"#),
            &format!("apps.http.servers.s.routes[0].handle[0].routes[0]: {text}"),
        );
    }

    #[test]
    fn types_are_named_in_the_words_of_json() {
        check_error(
            r#"{"apps":{"http":{"http_port":70000}}}"#,
            "apps.http.http_port: invalid value: integer `70000`, \
             expected a number from 0 to 65535 at line 1 column 34",
        );
        check_error(
            r#"{"admin":3}"#,
            "admin: invalid type: integer `3`, expected an object at line 1 column 10",
        );
        check_error(
            r#"{"apps":{"http":{"servers":{"s":{"listen":{}}}}}}"#,
            "apps.http.servers.s.listen: invalid type: object, expected an array \
             at line 1 column 42",
        );
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
        check_error("{} x", "trailing characters at line 1 column 4");
    }
}
