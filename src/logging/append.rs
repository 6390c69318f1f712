//! Fields that an encoder adds to each entry.

use super::form::moment;
use super::json::Object;
use go_template::layout;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The fields, by name.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, Content)>);

#[derive(Debug)]
enum Content {
    /// The same for all entries.
    Text(String),
    /// Text with placeholders of the time.
    Timed(String),
    Json(Vec<u8>),
}

impl Fields {
    /// Compiles fields. Placeholders of the process get their values here; those of the
    /// time with each entry; others vanish.
    pub(super) fn compile(fields: &BTreeMap<String, Value>) -> Self {
        let content = |value: &Value| match value {
            Value::String(text) => {
                let text = fill(text, &|name| match name.strip_prefix("time.") {
                    Some(_) => Some(format!("{{{name}}}")),
                    None => value_of(name),
                });
                if text.contains("{time.") { Content::Timed(text) } else { Content::Text(text) }
            }
            other => Content::Json(other.to_string().into_bytes()),
        };
        Self(fields.iter().map(|(key, value)| (key.clone(), content(value))).collect())
    }

    pub(super) fn write(&self, o: &mut Object<'_>, at: Duration) {
        for (key, content) in &self.0 {
            match content {
                Content::Text(text) => o.str(key, text),
                Content::Timed(text) => o.str(key, &fill(text, &|name| time(name, at))),
                Content::Json(json) => o.raw(key, json),
            }
        }
    }
}

/// The text with the values of its placeholders.
pub(super) fn fill(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, (name, behind))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        filled.push_str(before);
        filled.push_str(&value(name).unwrap_or_default());
        rest = behind;
    }
    filled + rest
}

/// The value of a placeholder that is the process's.
pub(super) fn value_of(name: &str) -> Option<String> {
    if let Some(variable) = name.strip_prefix("env.") {
        return Some(std::env::var(variable).unwrap_or_default());
    }
    if let Some(path) = name.strip_prefix("file.") {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        return Some(text.strip_suffix('\n').unwrap_or(&text).to_owned());
    }
    match name {
        "system.hostname" => rustix::system::uname().nodename().to_str().ok().map(str::to_owned),
        "system.wd" => Some(std::env::current_dir().ok()?.display().to_string()),
        "system.slash" => Some("/".to_owned()),
        "system.os" => Some(std::env::consts::OS.to_owned()),
        "system.arch" => Some(match std::env::consts::ARCH {
            "x86_64" => "amd64".to_owned(),
            "aarch64" => "arm64".to_owned(),
            other => other.to_owned(),
        }),
        _ => None,
    }
}

fn time(name: &str, at: Duration) -> Option<String> {
    let with = |layout: &str, local: bool| Some(layout::format(layout, &moment(at, local)));
    match name {
        "time.now" => with("2006-01-02 15:04:05.999999999 -0700 MST", true),
        "time.now.http" => with("Mon, 02 Jan 2006 15:04:05 GMT", false),
        "time.now.common_log" => with("02/Jan/2006:15:04:05 -0700", true),
        "time.now.year" => with("2006", true),
        "time.now.unix" => Some(at.as_secs().to_string()),
        "time.now.unix_ms" => Some(at.as_millis().to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::json;

    #[test]
    fn placeholders_have_values_in_text_only() {
        let json = r#"{"a":"{system.os}{none}!","b":"{time.now.unix}s","c":["{system.os}"]}"#;
        let fields = Fields::compile(&serde_json::from_str(json).expect("fields"));
        let mut out = Vec::new();
        json::object(&mut out, |o| fields.write(o, Duration::from_secs(7)));
        let expected = r#"{"a":"linux!","b":"7s","c":["{system.os}"]}"#;
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
