//! Builds one JSON object, field by field, into a buffer.
//!
//! Text that is not UTF-8 gets U+FFFD, as in Caddy's log. Numbers never have an exponent.

use std::io::Write as _;

/// An open object.
#[derive(Debug)]
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

/// Writes an object that `fill` fills.
pub fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out, first: true });
    out.push(b'}');
}

impl Object<'_> {
    /// A field with text.
    pub fn str(&mut self, key: &str, value: &str) {
        self.bytes(key, value.as_bytes());
    }

    /// A field with text that may not be UTF-8.
    pub fn bytes(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        string(self.out, value);
    }

    /// A field with an integer.
    pub fn int(&mut self, key: &str, value: i64) {
        self.display(key, value);
    }

    /// A field with a count.
    pub fn uint(&mut self, key: &str, value: u64) {
        self.display(key, value);
    }

    /// A field with a fraction.
    pub fn float(&mut self, key: &str, value: f64) {
        self.display(key, value);
    }

    /// A field whose value is JSON already.
    pub fn raw(&mut self, key: &str, json: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(json);
    }

    /// A field with an object.
    pub fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        object(self.out, fill);
    }

    /// A field with an array of texts.
    pub fn strings<'v>(&mut self, key: &str, values: impl IntoIterator<Item = &'v [u8]>) {
        self.key(key);
        self.out.push(b'[');
        for (i, value) in values.into_iter().enumerate() {
            if i > 0 {
                self.out.push(b',');
            }
            string(self.out, value);
        }
        self.out.push(b']');
    }

    fn display(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        // Writing to memory does not fail.
        let _ = write!(self.out, "{value}");
    }

    fn key(&mut self, key: &str) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
        string(self.out, key.as_bytes());
        self.out.push(b':');
    }
}

/// A text as JSON.
pub fn text(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    string(&mut out, text);
    out
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        escape(out, chunk.valid());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
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
    fn an_object_is_what_a_json_reader_expects() {
        let mut out = Vec::new();
        object(&mut out, |o| {
            o.bytes("t", b"a\"b\\\n\x01\xffz");
            o.int("i", -3);
            o.float("f", 0.000_012);
            o.object("o", |o| o.strings("s", [&b"x"[..], b"y"]));
            o.raw("r", b"null");
        });
        assert_eq!(
            String::from_utf8_lossy(&out),
            "{\"t\":\"a\\\"b\\\\\\n\\u0001\u{fffd}z\",\"i\":-3,\"f\":0.000012,\"o\":{\"s\":[\"x\",\"y\"]},\"r\":null}"
        );
    }
}
