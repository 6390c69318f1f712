//! Front matter: what stands above a text in YAML, TOML or JSON.

use go_template::sprig::dates;
use go_template::{Error, Fields, Object, Result, Value, layout};
use std::rc::Rc;

/// Reads front matter.
type Read = fn(&str) -> Result<Value>;

/// How front matter opens, how it may close, and how it is read.
const FORMS: [(&str, &[&str], Read); 3] =
    [("---", &["---", "..."], yaml), ("+++", &["+++"], toml), ("{", &["}"], json)];

/// How YAML writes a point in time, in Go's layouts.
const YAML_TIMES: [&str; 4] = [
    "2006-1-2T15:4:5.999999999Z07:00",
    "2006-1-2t15:4:5.999999999Z07:00",
    "2006-1-2 15:4:5.999999999",
    "2006-1-2",
];

/// A text and what stood above it.
struct Document {
    meta: Value,
    body: String,
}

impl Object for Document {
    fn type_name(&self) -> &str {
        "templates.parsedMarkdownDoc"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Meta" => Some(self.meta.clone()),
            "Body" => Some(self.body.as_str().into()),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", go_template::print::sprint(&self.meta), self.body)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// `Meta` and `Body` of a text.
pub(super) fn split(text: &str) -> Result<Value> {
    let start = text.len() - text.trim_start().len();
    // The fence stands on the first line that is not blank.
    let line = text[start..].find('\n').map(|end| (&text[start..start + end], start + end));
    let form = line.and_then(|(line, end)| {
        FORMS.iter().find(|(open, ..)| *open == line.trim()).map(|form| (form, end))
    });
    let Some(((_, closings, parse), end)) = form else { return document(Value::Nil, text) };
    let rest = &text[end..];
    let close =
        closings.iter().filter_map(|close| Some((rest.find(&format!("\n{close}"))?, close)));
    let Some((at, close)) = close.min() else {
        return Err(Error::new("unterminated front matter"));
    };
    document(parse(&rest[..=at])?, &rest[at + 1 + close.len()..])
}

fn document(meta: Value, body: &str) -> Result<Value> {
    let meta = match meta {
        Value::Nil => Value::map(Fields::new()),
        meta @ Value::Map(_) => meta,
        other => {
            let kind = other.type_name();
            return Err(Error::new(format!(
                "cannot unmarshal {kind} into map[string]interface {{}}"
            )));
        }
    };
    Ok(Value::Object(Rc::new(Document { meta, body: body.to_owned() })))
}

fn json(text: &str) -> Result<Value> {
    let json: serde_json::Value =
        serde_json::from_str(&format!("{{{text}}}")).map_err(|e| Error::new(e.to_string()))?;
    Ok(json.into())
}

fn yaml(text: &str) -> Result<Value> {
    let failed = |e: serde_yaml_ng::Error| Error::new(format!("yaml: {e}"));
    let yaml: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).map_err(failed)?;
    Ok(of_yaml(yaml, text))
}

/// A value; `text` is all of the YAML, where only plain words may be times.
fn of_yaml(yaml: serde_yaml_ng::Value, text: &str) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match yaml {
        Yaml::Null => Value::Nil,
        Yaml::Bool(b) => Value::Bool(b),
        Yaml::Number(n) => {
            n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap_or(0.0)), Value::Int)
        }
        Yaml::String(word) => time_of_yaml(&word, text).unwrap_or_else(|| word.into()),
        Yaml::Sequence(items) => Value::list(items.into_iter().map(|item| of_yaml(item, text))),
        Yaml::Mapping(fields) => Value::from_pairs(fields.into_iter().map(|(key, value)| {
            (go_template::print::sprint(&of_yaml(key, "")), of_yaml(value, text))
        })),
        Yaml::Tagged(tagged) => of_yaml(tagged.value, text),
    }
}

/// The point in time that a word stands for, unless it is in quotes somewhere.
fn time_of_yaml(word: &str, text: &str) -> Option<Value> {
    let year = word.bytes().take_while(u8::is_ascii_digit).count();
    if year != 4 || word.as_bytes().get(4) != Some(&b'-') || text.is_empty() {
        return None;
    }
    if ['"', '\''].iter().any(|quote| text.contains(&format!("{quote}{word}{quote}"))) {
        return None;
    }
    YAML_TIMES.iter().find_map(|form| layout::parse(form, word).ok()).map(dates::time)
}

fn toml(text: &str) -> Result<Value> {
    let toml: toml::Table = toml::from_str(text).map_err(|e| Error::new(format!("toml: {e}")))?;
    Ok(of_toml(toml::Value::Table(toml)))
}

fn of_toml(toml: toml::Value) -> Value {
    match toml {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(n) => Value::Int(n),
        toml::Value::Float(n) => Value::Float(n),
        toml::Value::Boolean(b) => Value::Bool(b),
        toml::Value::Datetime(at) => time_of_toml(&at.to_string()),
        toml::Value::Array(items) => Value::list(items.into_iter().map(of_toml)),
        toml::Value::Table(fields) => {
            Value::from_pairs(fields.into_iter().map(|(key, value)| (key, of_toml(value))))
        }
    }
}

/// A date, a time of day or both, with an offset or without; what is missing is zero.
fn time_of_toml(text: &str) -> Value {
    const FORMS: [&str; 4] = [
        "2006-01-02T15:04:05.999999999Z07:00",
        "2006-01-02T15:04:05.999999999",
        "2006-01-02",
        "15:04:05.999999999",
    ];
    let found = FORMS.iter().find_map(|form| layout::parse(form, text).ok());
    found.map_or_else(|| text.into(), dates::time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let shown = split(text).map(|value| go_template::print::sprint(&value));
        assert_eq!(shown.as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn front_matter_is_told_from_the_body() {
        check("---\ntitle: A\nn: 1\n---\nbody", "{map[n:1 title:A] \nbody}");
        check("---\ntitle: A\n...\nbody", "{map[title:A] \nbody}");
        check("+++\ntitle = \"A\"\n+++\nbody\n", "{map[title:A] \nbody\n}");
        check("{\n\"title\": \"A\"\n}\nbody", "{map[title:A] \nbody}");
        check("plain\n---\n", "{map[] plain\n---\n}");
        assert_eq!(
            split("---\na: b\n").map(drop).expect_err("it is open").to_string(),
            "unterminated front matter"
        );
        assert!(split("---\na: [\n---\n").is_err());
        assert!(split("---\n- a\n---\n").is_err());
    }

    #[test]
    fn times_are_times_unless_they_are_quoted() {
        check("---\na: 2020-01-02\n---\n", "{map[a:2020-01-02 00:00:00 +0000 UTC] \n}");
        check("---\na: '2020-01-02'\n---\n", "{map[a:2020-01-02] \n}");
        check("---\na: 2020-x\n---\n", "{map[a:2020-x] \n}");
        check(
            "+++\na = 2020-01-02T03:04:05Z\nb = \"2020-01-02\"\n+++\n",
            "{map[a:2020-01-02 03:04:05 +0000 UTC b:2020-01-02] \n}",
        );
    }
}
