//! Front matter: what stands above a text in YAML, TOML or JSON.

use go_template::{Error, Result, Value};

/// Reads front matter.
type Read = fn(&str) -> Result<Value>;

/// How front matter opens, how it may close, and how it is read.
const FORMS: [(&str, &[&str], Read); 3] =
    [("---", &["---", "..."], yaml), ("+++", &["+++"], toml), ("{", &["}"], json)];

/// `Meta` and `Body` of a text.
pub(super) fn split(text: &str) -> Result<Value> {
    let start = text.len() - text.trim_start().len();
    // The fence stands on the first line that is not blank.
    let line = text[start..].find('\n').map(|end| (&text[start..start + end], start + end));
    let form = line.and_then(|(line, end)| {
        FORMS.iter().find(|(open, ..)| *open == line.trim()).map(|form| (form, end))
    });
    let Some(((_, closings, parse), end)) = form else { return Ok(parts(Value::Nil, text)) };
    let rest = &text[end..];
    let close =
        closings.iter().filter_map(|close| Some((rest.find(&format!("\n{close}"))?, close)));
    let Some((at, close)) = close.min() else {
        return Err(Error::new("unterminated front matter"));
    };
    let meta = parse(&rest[..=at])?;
    Ok(parts(meta, &rest[at + 1 + close.len()..]))
}

fn parts(meta: Value, body: &str) -> Value {
    let meta = if matches!(meta, Value::Nil) { Value::map(Default::default()) } else { meta };
    Value::from_pairs([("Meta", meta), ("Body", body.into())])
}

fn json(text: &str) -> Result<Value> {
    let json = serde_json::from_str(&format!("{{{text}}}"));
    Ok(from_json(json.map_err(|e| Error::new(e.to_string()))?))
}

fn yaml(text: &str) -> Result<Value> {
    let yaml: serde_json::Value =
        serde_yaml_ng::from_str(text).map_err(|e| Error::new(format!("yaml: {e}")))?;
    Ok(from_json(yaml))
}

fn toml(text: &str) -> Result<Value> {
    let toml: serde_json::Value =
        toml::from_str(text).map_err(|e| Error::new(format!("toml: {e}")))?;
    Ok(from_json(toml))
}

fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(b) => Value::Bool(b),
        serde_json::Value::Number(n) => {
            n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap_or(0.0)), Value::Int)
        }
        serde_json::Value::String(s) => s.into(),
        serde_json::Value::Array(items) => Value::list(items.into_iter().map(from_json)),
        serde_json::Value::Object(fields) => {
            Value::from_pairs(fields.into_iter().map(|(key, value)| (key, from_json(value))))
        }
    }
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
        check("---\ntitle: A\nn: 1\n---\nbody", "map[Body:\nbody Meta:map[n:1 title:A]]");
        check("---\ntitle: A\n...\nbody", "map[Body:\nbody Meta:map[title:A]]");
        check("+++\ntitle = \"A\"\n+++\nbody\n", "map[Body:\nbody\n Meta:map[title:A]]");
        check("{\n\"title\": \"A\"\n}\nbody", "map[Body:\nbody Meta:map[title:A]]");
        check("plain\n---\n", "map[Body:plain\n---\n Meta:map[]]");
        assert_eq!(
            split("---\na: b\n").expect_err("it is open").to_string(),
            "unterminated front matter"
        );
        assert!(split("---\na: [\n---\n").is_err());
    }
}
