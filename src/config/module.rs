//! Module objects: JSON objects that name what they are in one of their fields,
//! as `{"handler": "rewrite", "uri": "/"}` does in `handler`.
//!
//! Caddy prints such an object with its keys in alphabetical order at every level,
//! whatever the order of the fields of its type; [`serialize`] does the same.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use serde_path_to_error::{Segment, Track};

/// Stands between the path inside a module object and the error there, so that
/// [`super::Config::from_json`] can join the path to the one that leads to the object.
pub(super) const PATH_END: char = '\u{1}';

/// A slot that holds one module of a namespace.
pub(super) struct Slot {
    /// The namespace, as in `http.handlers`.
    pub(super) namespace: &'static str,
    /// The field that names the module, as `handler` does.
    pub(super) key: &'static str,
}

impl Slot {
    /// Writes a module that `external` writes in serde's default form,
    /// `{"rewrite": {"uri": "/"}}`, as `{"handler": "rewrite", "uri": "/"}`.
    pub(super) fn serialize<S: Serializer>(
        &self,
        external: impl FnOnce(serde_json::value::Serializer) -> Result<Value, serde_json::Error>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        let value = external(serde_json::value::Serializer).map_err(serde::ser::Error::custom)?;
        let Value::Object(outer) = value else {
            return Err(serde::ser::Error::custom("a module is not an object"));
        };
        let Some((name, Value::Object(mut fields))) = outer.into_iter().next() else {
            return Err(serde::ser::Error::custom("a module has no fields"));
        };
        fields.insert(self.key.to_owned(), Value::String(name));
        fields.serialize(s)
    }

    /// The reverse of [`Slot::serialize`]. An error holds the path within the object,
    /// then [`PATH_END`], then the message.
    pub(super) fn deserialize<'de, T, D: Deserializer<'de>>(
        &self,
        external: impl FnOnce(
            serde_path_to_error::Deserializer<'_, '_, Value>,
        ) -> Result<T, serde_json::Error>,
        d: D,
    ) -> Result<T, D::Error> {
        let mut fields = Map::deserialize(d)?;
        let name = match fields.remove(self.key) {
            Some(Value::String(name)) => name,
            Some(_) => return Err(D::Error::custom(format!("{} must be a string", self.key))),
            None => {
                let message = format!("module name not specified with key '{}'", self.key);
                return Err(D::Error::custom(message));
            }
        };
        let mut outer = Map::new();
        outer.insert(name.clone(), Value::Object(fields));
        let mut track = Track::new();
        let inner = serde_path_to_error::Deserializer::new(Value::Object(outer), &mut track);
        external(inner).map_err(|error| {
            let path = track.path();
            let mut segments = path.iter();
            let within = segments.any(|segment| matches!(segment, Segment::Enum { .. }));
            let message = error.to_string();
            if !within && message.starts_with("unknown variant") {
                let (namespace, key) = (self.namespace, self.key);
                return D::Error::custom(format!(
                    "{key}{PATH_END}module not registered: {namespace}.{name}"
                ));
            }
            let path = join(segments);
            D::Error::custom(if path.is_empty() {
                message
            } else if message.contains(PATH_END) {
                format!("{path}.{message}")
            } else {
                format!("{path}{PATH_END}{message}")
            })
        })
    }
}

/// Gives an enum of modules its slot: `slot!(Issuer, "tls.issuance", "module");`.
///
/// The enum derives both of serde's traits with `#[serde(remote = "Self")]`, and its
/// variants each hold the module's fields; [`NoFields`] where there are none.
macro_rules! slot {
    ($modules:ty, $namespace:literal, $key:literal) => {
        impl ::serde::Serialize for $modules {
            fn serialize<S: ::serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                $crate::config::module::Slot { namespace: $namespace, key: $key }
                    .serialize(|external| Self::serialize(self, external), s)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $modules {
            fn deserialize<D: ::serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                $crate::config::module::Slot { namespace: $namespace, key: $key }
                    .deserialize(|external| Self::deserialize(external), d)
            }
        }
    };
}
pub(super) use slot;

/// A module that has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

/// Writes a path as `routes[0].handle[1].uri`.
fn join<'a>(segments: impl Iterator<Item = &'a Segment>) -> String {
    let mut path = String::new();
    for segment in segments {
        match segment {
            Segment::Seq { index } => path.push_str(&format!("[{index}]")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Segment::Unknown => {}
        }
    }
    path
}
