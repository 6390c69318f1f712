//! Module objects: JSON objects that name what they are in one of their fields,
//! as `{"handler": "rewrite", "uri": "/"}` does in `handler`; and objects whose keys are
//! the names of modules, as in `{"path": ["/"], "host": ["a.test"]}`.
//!
//! The first kind is an enum with a variant for each module and [`slot`]. The second is a
//! struct with `#[serde(rename = "http.matchers.*")]` and a field for each module, in
//! alphabetical order.
//!
//! Caddy prints a module object with its keys in alphabetical order at every level,
//! whatever the order of the fields of its type; [`write`] does the same.

use super::de::{Error, Node};
use serde::de::value::EnumAccessDeserializer;
use serde::de::{DeserializeOwned, EnumAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;

/// Ends the name, as serde has it, of a struct whose fields are modules of one namespace.
pub(super) const NAMESPACE_END: &str = ".*";

/// Gives an enum of modules its slot: `slot!(Issuer, "tls.issuance", "module");`.
///
/// The enum derives both of serde's traits with `#[serde(remote = "Self")]`, and its
/// variants each hold the module's fields; [`NoFields`] where there are none.
macro_rules! slot {
    ($modules:ty, $namespace:literal, $key:literal) => {
        impl ::serde::Serialize for $modules {
            fn serialize<S: ::serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                /// The enum in serde's own form.
                struct External<'m>(&'m $modules);
                impl ::serde::Serialize for External<'_> {
                    fn serialize<S: ::serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                        <$modules>::serialize(self.0, s)
                    }
                }
                $crate::config::module::write(concat!($namespace, ":", $key), &External(self), s)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $modules {
            fn deserialize<D: ::serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                /// The enum in serde's own form.
                struct External($modules);
                impl<'de> ::serde::Deserialize<'de> for External {
                    fn deserialize<D: ::serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                        <$modules>::deserialize(d).map(External)
                    }
                }
                let read: External =
                    $crate::config::module::read(concat!($namespace, ":", $key), d)?;
                Ok(read.0)
            }
        }
    };
}
pub(super) use slot;

/// A module that has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

/// Writes a module that serde would write as `{"rewrite": {"uri": "/"}}` as
/// `{"handler": "rewrite", "uri": "/"}`.
pub(super) fn write<T: Serialize, S: Serializer>(
    slot: &'static str,
    module: &T,
    s: S,
) -> Result<S::Ok, S::Error> {
    if !s.is_human_readable() {
        // Our own: it knows by the colon in the name what is meant.
        return s.serialize_newtype_struct(slot, module);
    }
    let value = serde_json::to_value(module).map_err(serde::ser::Error::custom)?;
    tagged(value, key_of(slot)).map_err(serde::ser::Error::custom)?.serialize(s)
}

/// What serde wrote for a variant, with the variant's name as the field `key`.
fn tagged(value: Value, key: &str) -> Result<Value, &'static str> {
    let Value::Object(outer) = value else { return Err("a module is not an object") };
    let Some((name, Value::Object(mut fields))) = outer.into_iter().next() else {
        return Err("a module has no fields");
    };
    fields.insert(key.to_owned(), Value::String(name));
    Ok(Value::Object(fields))
}

/// The reverse of [`write()`].
pub(super) fn read<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    slot: &'static str,
    d: D,
) -> Result<T, D::Error> {
    if !d.is_human_readable() {
        return d.deserialize_newtype_struct(slot, ModuleVisitor(PhantomData));
    }
    let value = Value::deserialize(d)?;
    let read = Node::new(&value).deserialize_newtype_struct(slot, ModuleVisitor(PhantomData));
    read.map_err(|error: Error| {
        let (path, message) = (error.place.path(), error.message);
        let colon = if path.is_empty() { "" } else { ": " };
        serde::de::Error::custom(format!("{path}{colon}{message}"))
    })
}

/// Gives a module's name and fields to the enum that knows them.
struct ModuleVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ModuleVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a module")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<T, A::Error> {
        T::deserialize(EnumAccessDeserializer::new(access))
    }
}

fn key_of(slot: &'static str) -> &'static str {
    slot.split_once(':').map_or(slot, |(_, key)| key)
}

/// A module's ID, as `http.handlers.rewrite`.
pub(super) fn id(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

/// A value as Go shows it, `map[handler:7]`.
pub(super) fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_value).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{key}:{}", go_value(value));
            format!("map[{}]", fields.iter().map(field).collect::<Vec<_>>().join(" "))
        }
    }
}
