//! Text that JSON may give as a number.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Text that JSON may also give as a number or a boolean, and is printed as such.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeakString(pub String);

impl Serialize for WeakString {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0.as_str() {
            "true" => s.serialize_bool(true),
            "false" => s.serialize_bool(false),
            text => match text.parse::<i64>() {
                Ok(n) => s.serialize_i64(n),
                Err(_) => s.serialize_str(text),
            },
        }
    }
}

impl<'de> Deserialize<'de> for WeakString {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Value::deserialize(d)? {
            Value::String(s) => Ok(Self(s)),
            Value::Number(n) => Ok(Self(n.to_string())),
            Value::Bool(b) => Ok(Self(b.to_string())),
            _ => Err(serde::de::Error::custom("expected a string, a number or a boolean")),
        }
    }
}
