//! JSON as Go writes it.

use crate::Value;
use std::fmt::Write;

/// How JSON is written.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// On lines of their own, indented.
    pub(super) is_pretty: bool,
    /// With what could be taken for HTML escaped.
    pub(super) escapes_html: bool,
}

/// The JSON of a value.
pub(super) fn write(value: &Value, style: Style) -> String {
    let mut out = String::new();
    write_into(value, style, 0, &mut out);
    out
}

fn write_into(value: &Value, style: Style, depth: usize, out: &mut String) {
    match value {
        Value::Nil | Value::Func(_) => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        Value::Float(n) => out.push_str(&number(*n)),
        Value::Str(text) => text_into(text, style, out),
        Value::List(items) => {
            let parts = items.iter().map(|item| (None, item.clone()));
            group(['[', ']'], parts, style, depth, out);
        }
        Value::Map(fields) => {
            let fields = fields.borrow().clone();
            let parts = fields.into_iter().map(|(key, value)| (Some(key), value));
            group(['{', '}'], parts, style, depth, out);
        }
        Value::Object(object) => match object.as_map() {
            Some(map) => write_into(&map, style, depth, out),
            None => text_into(&object.print(), style, out),
        },
    }
}

fn group(
    signs: [char; 2],
    parts: impl Iterator<Item = (Option<String>, Value)>,
    style: Style,
    depth: usize,
    out: &mut String,
) {
    let line = |depth: usize, out: &mut String| {
        if style.is_pretty {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
    };
    out.push(signs[0]);
    let mut is_empty = true;
    for (key, value) in parts {
        if !std::mem::take(&mut is_empty) {
            out.push(',');
        }
        line(depth + 1, out);
        if let Some(key) = key {
            text_into(&key, style, out);
            out.push_str(if style.is_pretty { ": " } else { ":" });
        }
        write_into(&value, style, depth + 1, out);
    }
    if !is_empty {
        line(depth, out);
    }
    out.push(signs[1]);
}

/// A fraction: with an exponent only when it is very large or very small.
fn number(n: f64) -> String {
    if !n.is_finite() {
        return "null".to_owned();
    }
    if n == 0.0 || (1e-6..1e21).contains(&n.abs()) {
        return n.to_string();
    }
    let text = format!("{n:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

fn text_into(text: &str, style: Style, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' '
                || matches!(c, '\u{2028}' | '\u{2029}')
                || (style.escapes_html && matches!(c, '<' | '>' | '&')) =>
            {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
