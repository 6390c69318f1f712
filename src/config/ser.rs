//! Writes configuration types letter for letter as Caddy does, which is as Go's
//! `encoding/json` does: HTML's special characters escaped, and the objects of modules
//! with their keys sorted at every level.
//!
//! All goes into one buffer; an object whose keys must be sorted is put in order there
//! once it is complete.

use serde::Serialize;
use serde::ser::{
    Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, Serializer,
};
use std::cmp::Ordering;
use std::fmt;
use std::io::Write;
use std::ops::Range;

/// Writes a value on one line.
pub(super) fn compact(value: &impl Serialize) -> Vec<u8> {
    let mut writer = Writer::default();
    value.serialize(&mut writer).expect("the types of a configuration can be written");
    writer.out
}

/// The same JSON over many lines, indented with tabs.
pub(super) fn indent(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => {
                let end = string_end(rest);
                out.push(byte);
                out.extend_from_slice(&rest[..end]);
                rest = &rest[end..];
            }
            b'{' | b'[' => {
                out.push(byte);
                if let Some(closing @ (b'}' | b']')) = rest.first() {
                    out.push(*closing);
                    rest = &rest[1..];
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                new_line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => out.push(byte),
        }
    }
    out
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + depth, b'\t');
}

/// Behind the quote that ends the string whose first quote is before `text`.
fn string_end(text: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match text.get(at) {
            Some(b'\\') => at += 2,
            Some(b'"') | None => return (at + 1).min(text.len()),
            Some(_) => at += 1,
        }
    }
}

/// A type that no configuration has was to be written.
#[derive(Debug)]
pub(super) struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    /// How many modules the value is within; in them keys are sorted.
    modules: usize,
    /// The key that will name the module whose enum comes next.
    key: Option<&'static str>,
    /// The key and the name of the module whose fields come next.
    tag: Option<(&'static str, &'static str)>,
}

impl Writer {
    fn string(&mut self, text: &str) {
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
            self.out.extend_from_slice(&rest[..at]);
            rest = &rest[at..];
            rest = &rest[self.special(rest)..];
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    /// Writes the character that `text` begins with, and may have to be escaped; its length.
    fn special(&mut self, text: &[u8]) -> usize {
        let short = match text[0] {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            // The line and the paragraph separator, U+2028 and U+2029.
            0xe2 if text.starts_with(b"\xe2\x80\xa8") || text.starts_with(b"\xe2\x80\xa9") => {
                let last: &[u8] = if text[2] == 0xa8 { b"\\u2028" } else { b"\\u2029" };
                self.out.extend_from_slice(last);
                return 3;
            }
            0xe2 => {
                self.out.push(0xe2);
                return 1;
            }
            byte => {
                write!(self.out, "\\u{byte:04x}").expect("the buffer grows");
                return 1;
            }
        };
        self.out.extend_from_slice(&[b'\\', short]);
        1
    }

    fn object(&mut self) -> Object<'_> {
        self.out.push(b'{');
        let tag = self.tag.take();
        let mut object =
            Object { start: self.out.len(), entries: Vec::new(), key: 0..0, writer: self };
        if let Some((key, name)) = tag {
            object.key(|writer| writer.string(key));
            object.writer.string(name);
            object.entry_end();
        }
        object
    }

    fn named_module(&mut self, key: &'static str, name: &'static str) {
        self.tag = Some((key, name));
        self.object().close();
    }

    fn display(&mut self, value: impl fmt::Display) {
        write!(self.out, "{value}").expect("the buffer grows");
    }
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2)
}

/// An object that is being written.
struct Object<'w> {
    writer: &'w mut Writer,
    /// Where its first entry is in the buffer.
    start: usize,
    /// Where the keys and the entries are; kept when they must be sorted.
    entries: Vec<(Range<usize>, Range<usize>)>,
    /// Where the key of the entry that is being written is.
    key: Range<usize>,
}

impl Object<'_> {
    fn key(&mut self, write: impl FnOnce(&mut Writer)) {
        if self.writer.out.len() > self.start {
            self.writer.out.push(b',');
        }
        let start = self.writer.out.len();
        write(self.writer);
        self.key = start..self.writer.out.len();
        self.writer.out.push(b':');
    }

    fn entry_end(&mut self) {
        if self.writer.modules > 0 {
            let end = self.writer.out.len();
            self.entries.push((self.key.clone(), self.key.start..end));
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.key(|writer| writer.string(key));
        value.serialize(&mut *self.writer)?;
        self.entry_end();
        Ok(())
    }

    fn close(mut self) {
        let out = &self.writer.out;
        let order = |a: &Range<usize>, b: &Range<usize>| {
            compare_keys(&out[a.start..a.end], &out[b.start..b.end])
        };
        if !self.entries.is_sorted_by(|(a, _), (b, _)| order(a, b) != Ordering::Greater) {
            self.entries.sort_by(|(a, _), (b, _)| order(a, b));
            let mut sorted = Vec::with_capacity(out.len() - self.start);
            for (_, entry) in &self.entries {
                if !sorted.is_empty() {
                    sorted.push(b',');
                }
                sorted.extend_from_slice(&out[entry.start..entry.end]);
            }
            self.writer.out.truncate(self.start);
            self.writer.out.extend_from_slice(&sorted);
        }
        self.writer.out.push(b'}');
    }
}

/// Compares keys as they were before they were written.
fn compare_keys(a: &[u8], b: &[u8]) -> Ordering {
    let plain = |key: &[u8]| serde_json::from_slice::<String>(key).expect("it was just written");
    if a.contains(&b'\\') || b.contains(&b'\\') {
        return plain(a).cmp(&plain(b));
    }
    // Without the quotes: what ends is less than what goes on.
    a[1..a.len() - 1].cmp(&b[1..b.len() - 1])
}

macro_rules! displayed {
    ($($method:ident $type:ident;)*) => { $(
        fn $method(self, value: $type) -> Result<(), Error> {
            self.display(value);
            Ok(())
        }
    )* };
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = List<'w>;
    type SerializeTuple = List<'w>;
    type SerializeTupleStruct = List<'w>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Object<'w>;
    type SerializeStruct = Object<'w>;
    type SerializeStructVariant = Object<'w>;

    /// False marks this serializer for [`super::module`].
    fn is_human_readable(&self) -> bool {
        false
    }

    displayed! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        let size = value.abs();
        if size == 0.0 || (1e-6..1e21).contains(&size) {
            self.display(value);
            return Ok(());
        }
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        self.display(format_args!("{digits}e{sign}{exponent}"));
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.string(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.string(value);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        Err(serde::ser::Error::custom("bytes are no JSON"))
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.object().close();
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        match self.key.take() {
            Some(key) => self.named_module(key, variant),
            None => self.string(variant),
        }
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let Some((_, key)) = name.split_once(':') else { return value.serialize(self) };
        self.key = Some(key);
        self.modules += 1;
        let written = value.serialize(&mut *self);
        self.modules -= 1;
        written
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let Some(key) = self.key.take() else {
            let mut object = self.object();
            object.field(variant, value)?;
            object.close();
            return Ok(());
        };
        self.tag = Some((key, variant));
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'w>, Error> {
        self.out.push(b'[');
        Ok(List { start: self.out.len(), writer: self })
    }

    fn serialize_tuple(self, length: usize) -> Result<List<'w>, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List<'w>, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Error>, Error> {
        Err(Error(format!("{variant} is no JSON")))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'w>, Error> {
        Ok(self.object())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object<'w>, Error> {
        Ok(self.object())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'w>, Error> {
        match self.key.take() {
            Some(key) => self.tag = Some((key, variant)),
            None => return Err(Error(format!("{variant} is no module"))),
        }
        Ok(self.object())
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.string(&value.to_string());
        Ok(())
    }
}

/// A list that is being written.
struct List<'w> {
    writer: &'w mut Writer,
    start: usize,
}

impl List<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.writer.out.len() > self.start {
            self.writer.out.push(b',');
        }
        value.serialize(&mut *self.writer)
    }

    fn close(self) {
        self.writer.out.push(b']');
    }
}

macro_rules! lists {
    ($($trait:ident $method:ident;)*) => { $(
        impl $trait for List<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.item(value)
            }

            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        }
    )* };
}

lists! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
}

macro_rules! objects {
    ($($trait:ident;)*) => { $(
        impl $trait for Object<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close();
                Ok(())
            }
        }
    )* };
}

objects! {
    SerializeStruct;
    SerializeStructVariant;
}

impl SerializeMap for Object<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let mut written = Ok(());
        self.key(|writer| {
            let start = writer.out.len();
            written = key.serialize(&mut *writer);
            // Numbers are keys as text.
            if writer.out.get(start).is_some_and(|first| *first != b'"') {
                writer.out.insert(start, b'"');
                writer.out.push(b'"');
            }
        });
        written
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.writer)?;
        self.entry_end();
        Ok(())
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}
