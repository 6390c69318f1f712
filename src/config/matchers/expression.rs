//! The `expression` matcher, which is a string in JSON as long as it has no name.

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An expression of the Common Expression Language (CEL) that yields a boolean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expression {
    /// The expression; placeholders may stand in it.
    pub expr: String,
    /// The name under which matchers that it calls keep what they capture.
    pub name: String,
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let Self { expr, name } = self;
        if name.is_empty() {
            return expr.serialize(s);
        }
        let mut fields = s.serialize_struct("Expression", 2)?;
        fields.serialize_field("expr", expr)?;
        fields.serialize_field("name", name)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Forms)
    }
}

/// Reads both forms.
struct Forms;

/// The form of an object.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Named {
    expr: String,
    name: String,
}

impl<'de> Visitor<'de> for Forms {
    type Value = Expression;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an expression, or an object with expr and name")
    }

    fn visit_str<E: serde::de::Error>(self, expr: &str) -> Result<Expression, E> {
        Ok(Expression { expr: expr.to_owned(), name: String::new() })
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Expression, A::Error> {
        let Named { expr, name } = Named::deserialize(MapAccessDeserializer::new(fields))?;
        Ok(Expression { expr, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_text_nor_object_is_refused() {
        let error = serde_json::from_str::<Expression>("[1]").expect_err("a list is no expression");
        let text = error.to_string();
        assert!(text.contains("expected an expression, or an object with expr and name"), "{text}");
    }
}
