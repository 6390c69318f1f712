//! Builds one JSON object, field by field, into a buffer.
//!
//! Text that is not UTF-8 gets U+FFFD, as in Caddy's log. Numbers never have an exponent.

use super::filters::{self, Applied, Filters, Value};
use std::borrow::Cow;
use std::io::Write as _;
use std::ops::Deref;
use std::time::Duration;

/// How an object's values look, and what becomes of them first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look<'a> {
    /// Whether a blank follows each `:` and `,`, as in lines for people.
    pub(super) spaced: bool,
    pub(super) durations: Durations,
    /// What changes fields, the first one first.
    pub(super) filters: &'a [Filters],
}

/// How durations are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Durations {
    /// Seconds, with a fraction.
    #[default]
    Seconds,
    /// Whole nanoseconds.
    Nanos,
    /// Whole milliseconds.
    Millis,
    /// Text, as Go's `1.5s`.
    Text,
}

impl Durations {
    /// That of a configuration's word; seconds for one that is not known, as in Caddy.
    pub(super) fn parse(word: &str) -> Self {
        match word {
            "ns" | "nano" | "nanos" => Self::Nanos,
            "ms" | "milli" | "millis" => Self::Millis,
            "string" => Self::Text,
            _ => Self::Seconds,
        }
    }
}

/// An open object.
#[derive(Debug)]
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
    look: Look<'a>,
    /// Where it lies within the entry, as `request>headers>`; empty when nobody asks.
    path: String,
}

/// Writes an object that `fill` fills.
pub fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    object_as(out, Look::default(), fill);
}

/// Writes an object that looks so.
pub(super) fn object_as(out: &mut Vec<u8>, look: Look<'_>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out, first: true, look, path: String::new() });
    out.push(b'}');
}

impl Object<'_> {
    /// A field with text.
    pub fn str(&mut self, key: &str, value: &str) {
        self.bytes(key, value.as_bytes());
    }

    /// A field with text that may not be UTF-8.
    pub fn bytes(&mut self, key: &str, value: &[u8]) {
        self.field(key, Value::Text(Cow::Borrowed(value)));
    }

    /// A field with an integer.
    pub fn int(&mut self, key: &str, value: i64) {
        self.display(key, value);
    }

    /// A field with a count.
    pub fn uint(&mut self, key: &str, value: u64) {
        if !self.look.filters.is_empty() {
            return self.display(key, value);
        }
        self.key(key);
        self.out.extend_from_slice(&Digits::of(value));
    }

    /// A field with a fraction.
    pub fn float(&mut self, key: &str, value: f64) {
        if !self.look.filters.is_empty() {
            return self.display(key, value);
        }
        self.key(key);
        fraction(self.out, value);
    }

    /// A field with a span of time, in the form that the log has for them.
    pub fn duration(&mut self, key: &str, value: Duration) {
        match self.look.durations {
            Durations::Seconds => self.float(key, value.as_secs_f64()),
            Durations::Nanos => self.display(key, value.as_nanos()),
            Durations::Millis => self.display(key, value.as_millis()),
            Durations::Text => {
                let nanos = i64::try_from(value.as_nanos()).unwrap_or(i64::MAX);
                self.str(key, &go_template::layout::duration(nanos));
            }
        }
    }

    /// A field whose value is JSON already.
    pub fn raw(&mut self, key: &str, json: &[u8]) {
        if !self.look.filters.is_empty()
            && let Ok(text) = serde_json::from_slice::<String>(json)
        {
            // Filters change text, wherever it comes from.
            return self.str(key, &text);
        }
        self.field(key, Value::Json(Cow::Borrowed(json)));
    }

    /// A field with an object.
    pub fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        let mut look = self.look;
        let mut path = String::new();
        if !look.filters.is_empty() {
            path = format!("{}{key}", self.path);
            match filters::apply(look.filters, &path, key, Value::Json(Cow::Borrowed(b""))) {
                Applied::Untouched(_) => path.push('>'),
                Applied::Gone => return,
                Applied::Changed(key, Value::Json(_)) => {
                    // Under another name, and as it is.
                    self.key(&key);
                    look.filters = &[];
                    return object_as(self.out, look, fill);
                }
                Applied::Changed(key, value) => return self.put(&key, &value),
            }
        }
        self.key(key);
        self.out.push(b'{');
        fill(&mut Object { out: self.out, first: true, look, path });
        self.out.push(b'}');
    }

    /// A field with an array of texts.
    pub fn strings<'v>(&mut self, key: &str, values: impl IntoIterator<Item = &'v [u8]>) {
        if self.look.filters.is_empty() {
            self.key(key);
            return texts(self.out, self.look.spaced, values);
        }
        let values = values.into_iter().map(Cow::Borrowed).collect();
        self.field(key, Value::Texts(values));
    }

    /// Adds fields that come through these filters.
    pub(super) fn filtered(&mut self, filters: &[Filters], fill: impl FnOnce(&mut Object<'_>)) {
        let look = Look { filters, ..self.look };
        let mut inner = Object { out: self.out, first: self.first, look, path: String::new() };
        fill(&mut inner);
        self.first = inner.first;
    }

    fn display(&mut self, key: &str, value: impl std::fmt::Display) {
        if self.look.filters.is_empty() {
            self.key(key);
            // Writing to memory does not fail.
            let _ = write!(self.out, "{value}");
            return;
        }
        self.field(key, Value::Json(value.to_string().into_bytes().into()));
    }

    /// Writes a field, or what filters make of it.
    fn field(&mut self, key: &str, value: Value<'_>) {
        if self.look.filters.is_empty() {
            return self.put(key, &value);
        }
        let path = format!("{}{key}", self.path);
        match filters::apply(self.look.filters, &path, key, value) {
            Applied::Untouched(value) => self.put(key, &value),
            Applied::Changed(key, value) => self.put(&key, &value),
            Applied::Gone => {}
        }
    }

    fn put(&mut self, key: &str, value: &Value<'_>) {
        self.key(key);
        match value {
            Value::Text(text) => string(self.out, text),
            Value::Texts(list) => {
                texts(self.out, self.look.spaced, list.iter().map(|text| &**text));
            }
            Value::Json(json) => self.out.extend_from_slice(json),
        }
    }

    fn key(&mut self, key: &str) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.extend_from_slice(if self.look.spaced { b", " } else { b"," });
        }
        string(self.out, key.as_bytes());
        self.out.extend_from_slice(if self.look.spaced { b": " } else { b":" });
    }
}

/// Writes a number that may have a fraction: the shortest text that stands for it.
pub(super) fn fraction(out: &mut Vec<u8>, value: f64) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format(value);
    if text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-')) {
        return out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    }
    // It has an exponent. Writing to memory does not fail.
    let _ = write!(out, "{value}");
}

/// A number in digits, without what formatting costs: each line of an access log has many.
pub(crate) struct Digits {
    text: [u8; 20],
    from: usize,
}

impl Digits {
    /// The digits of a number.
    pub(crate) fn of(mut n: u64) -> Self {
        let mut digits = Self { text: [0; 20], from: 20 };
        loop {
            digits.from -= 1;
            digits.text[digits.from] = b'0' + u8::try_from(n % 10).unwrap_or(0);
            n /= 10;
            if n == 0 {
                return digits;
            }
        }
    }
}

impl Deref for Digits {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text[self.from..]
    }
}

fn texts<'v>(out: &mut Vec<u8>, spaced: bool, values: impl IntoIterator<Item = &'v [u8]>) {
    out.push(b'[');
    for (i, value) in values.into_iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(if spaced { b", " } else { b"," });
        }
        string(out, value);
    }
    out.push(b']');
}

/// A text as JSON.
pub fn text(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    string(&mut out, text);
    out
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 4);
    out.push(b'"');
    if is_plain(text) {
        out.extend_from_slice(text);
        return out.push(b'"');
    }
    for chunk in text.utf8_chunks() {
        escape(out, chunk.valid());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// Whether a text is ASCII that stands for itself, as nearly all of them are.
fn is_plain(text: &[u8]) -> bool {
    // Each byte is looked at, so that many are at once.
    text.iter()
        .fold(true, |plain, b| plain & (*b >= 0x20) & (*b < 0x80) & (*b != b'"') & (*b != b'\\'))
}

fn escape(out: &mut Vec<u8>, text: &str) {
    let plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    let bytes = text.as_bytes();
    let mut from = 0;
    for (i, &b) in bytes.iter().enumerate() {
        if plain(b) {
            continue;
        }
        out.extend_from_slice(&bytes[from..i]);
        from = i + 1;
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            // Writing to memory does not fail.
            _ => drop(write!(out, "\\u{b:04x}")),
        }
    }
    out.extend_from_slice(&bytes[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_written_as_formatting_writes_them() {
        for value in [0.0, 3.0, -2.5, 0.1, 1e-7, 12e-6, 1e21, 1e300, 1_795_260_476.463_722_5] {
            let mut out = Vec::new();
            fraction(&mut out, value);
            assert_eq!(String::from_utf8_lossy(&out), value.to_string());
        }
    }

    #[test]
    fn an_object_is_what_a_json_reader_expects() {
        let mut out = Vec::new();
        object(&mut out, |o| {
            o.bytes("t", b"a\"b\\\n\x01\xffz");
            o.int("i", -3);
            o.uint("u", u64::MAX);
            o.uint("z", 0);
            o.float("f", 0.000_012);
            o.object("o", |o| o.strings("s", [&b"x"[..], b"y"]));
            o.raw("r", b"null");
        });
        assert_eq!(
            String::from_utf8_lossy(&out),
            "{\"t\":\"a\\\"b\\\\\\n\\u0001\u{fffd}z\",\"i\":-3,\"u\":18446744073709551615,\"z\":0,\"f\":0.000012,\"o\":{\"s\":[\"x\",\"y\"]},\"r\":null}"
        );
    }
}
