//! Reads configuration types from a JSON tree by the rules of Go's `encoding/json`, as
//! Caddy does.
//!
//! Where they differ from serde's: the case of a field's name does not matter, `null`
//! leaves a value at its default, a list is no struct, `@id` belongs to the admin
//! endpoint and is passed over. Errors carry their [`Place`], so that nobody has to look
//! for the value that is wrong.
//!
//! Strings are borrowed from the tree, and nothing of it is copied before its type is
//! known: the time to read a configuration grows with its size alone.

use super::module::{self, NAMESPACE_END};
use super::place::{Kind, Place, Stage, Step};
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde_json::{Number, Value};
use std::fmt;

/// Names things for the admin endpoint; no part of what is configured.
const ID: &str = "@id";

/// What is wrong with a value, and where.
#[derive(Debug)]
pub(super) struct Error {
    /// Where, from the value that is being read down.
    pub(super) place: Place,
    /// What is wrong there.
    pub(super) message: String,
    /// What serde was asked to read is no variant that the enum has.
    is_unknown_variant: bool,
}

impl Error {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { place: Place::default(), message: message.into(), is_unknown_variant: false }
    }

    /// The same error, seen from one step further out.
    fn within(mut self, step: Step) -> Self {
        self.place.push_front(step);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        // So serde says it of structs with flattened fields.
        let field = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
        match field {
            Some((field, _)) => Self::unknown_field(field, &[]).within(Step::Field(field.into())),
            None => Self::new(message),
        }
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::new(format!("json: unknown field {field:?}"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("unknown value {variant:?}, expected one of {expected:?}");
        Self { is_unknown_variant: true, ..Self::new(message) }
    }
}

/// One value of the tree.
#[derive(Clone, Copy)]
pub(super) struct Node<'v> {
    value: &'v Value,
    /// A field that was read already: the name of a module in its object.
    skipped: Option<&'static str>,
}

impl<'v> Node<'v> {
    pub(super) fn new(value: &'v Value) -> Self {
        Self { value, skipped: None }
    }

    /// The value is not what its type wants.
    fn mismatch(self, wanted: &str) -> Error {
        let found = match self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if is_number_type(wanted) => format!("number {number}"),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        Error::new(format!("json: cannot unmarshal {found} into a value of type {wanted}"))
    }

    fn entries(self) -> impl Iterator<Item = (&'v String, &'v Value)> {
        let object = match self.value {
            Value::Object(object) => Some(object),
            _ => None,
        };
        object.into_iter().flatten().filter(move |(key, value)| {
            let is_id = key.as_str() == ID && (value.is_string() || value.is_number());
            !is_id && self.skipped != Some(key.as_str())
        })
    }

    fn integer<'de, V: Visitor<'de>>(
        self,
        wanted: &str,
        visitor: V,
        accepts: impl Fn(&Number) -> bool,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_u64(0),
            Value::Number(number) if accepts(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => Err(self.mismatch(wanted)),
            },
            _ => Err(self.mismatch(wanted)),
        }
    }

    fn object<V: Visitor<'v>>(
        self,
        entries: Vec<(&'v str, &'v Value)>,
        kind: FieldKind,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Fields { entries: entries.into_iter(), value: None, kind })
    }

    /// The object's entries under the names that the struct `fields` has for them.
    fn struct_entries(
        self,
        fields: &'static [&'static str],
        modules: Option<&'static str>,
    ) -> Result<Vec<(&'v str, &'v Value)>, Error> {
        let mut found: Vec<(&'v str, &'v Value)> = Vec::new();
        for (key, value) in self.entries() {
            let field = match modules {
                Some(namespace) => named_module(namespace, key, value, fields)?,
                None => field_of(key, fields)
                    .ok_or_else(|| <Error as serde::de::Error>::unknown_field(key, fields))
                    .map_err(|error| error.within(Step::Field(key.clone())))?,
            };
            // The last one counts when the same name stands there in several cases.
            found.retain(|(earlier, _)| *earlier != field);
            if !value.is_null() {
                found.push((field, value));
            }
        }
        Ok(found)
    }

    /// The module that an object names in its field `key`.
    fn module<V: Visitor<'v>>(
        self,
        namespace: &'static str,
        key: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let name = match self.value {
            Value::Object(object) => object.get(key),
            Value::Null => None,
            _ => {
                let error = self.mismatch("map[string]interface {}");
                return Err(error.within(Step::slot(namespace)));
            }
        };
        let Some(name) = name.and_then(Value::as_str).filter(|name| !name.is_empty()) else {
            let shown = match self.value {
                Value::Null => "map[]".to_owned(),
                value => module::go_value(value),
            };
            let message = format!("module name not specified with key '{key}' in {shown}");
            return Err(Error::new(message).within(Step::slot(namespace)));
        };
        let inner = Node { value: self.value, skipped: Some(key) };
        visitor.visit_enum(Module { name, content: inner }).map_err(|mut error| {
            let is_unknown = error.is_unknown_variant && error.place.is_empty();
            let stage = if is_unknown {
                error.message = format!("unknown module: {namespace}.{name}");
                error.is_unknown_variant = false;
                Stage::Find
            } else {
                Stage::Decode
            };
            error.within(Step::Module { kind: Kind::Inline, namespace, name: name.into(), stage })
        })
    }
}

/// Whether numbers of this type are shown in errors: they may be too large, or fractions.
fn is_number_type(name: &str) -> bool {
    name.starts_with("int") || name.starts_with("uint")
}

/// The field that `key` means: the case of its letters does not matter.
fn field_of(key: &str, fields: &'static [&'static str]) -> Option<&'static str> {
    let exact = fields.iter().find(|field| **field == key);
    exact.or_else(|| fields.iter().find(|field| field.eq_ignore_ascii_case(key))).copied()
}

/// The module `key` of a map from names to modules.
fn named_module(
    namespace: &'static str,
    key: &str,
    value: &Value,
    known: &'static [&'static str],
) -> Result<&'static str, Error> {
    let message = match known.iter().find(|name| **name == key) {
        Some(name) if !value.is_null() => return Ok(name),
        Some(_) => "module value cannot be null".to_owned(),
        None => format!("unknown module: {}", module::id(namespace, key)),
    };
    Err(Error::new(message).within(Step::named(namespace, key, Stage::Find)))
}

macro_rules! integers {
    ($($method:ident $type:ident $name:literal;)*) => { $(
        fn $method<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
            self.integer($name, visitor, |number| match number.as_u64() {
                Some(number) => $type::try_from(number).is_ok(),
                None => number.as_i64().is_some_and(|number| $type::try_from(number).is_ok()),
            })
        }
    )* };
}

impl<'v> Deserializer<'v> for Node<'v> {
    type Error = Error;

    /// False marks this deserializer for [`module`], which reads from it without a copy.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (None, Some(number), _) => visitor.visit_i64(number),
                (None, None, number) => visitor.visit_f64(number.unwrap_or(f64::INFINITY)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_bool(false),
            Value::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.mismatch("bool")),
        }
    }

    integers! {
        deserialize_i8 i8 "int8";
        deserialize_i16 i16 "int16";
        deserialize_i32 i32 "int32";
        deserialize_i64 i64 "int";
        deserialize_u8 u8 "uint8";
        deserialize_u16 u16 "uint16";
        deserialize_u32 u32 "uint32";
        deserialize_u64 u64 "uint";
    }

    fn deserialize_f32<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_f64(0.0),
            Value::Number(number) => visitor.visit_f64(number.as_f64().unwrap_or(f64::INFINITY)),
            _ => Err(self.mismatch("float64")),
        }
    }

    fn deserialize_char<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_borrowed_str(""),
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.mismatch("string")),
        }
    }

    fn deserialize_string<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'v>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct(name, &[], Nothing(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name.split_once(':') {
            Some((namespace, key)) => self.module(namespace, key, visitor),
            None => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = match self.value {
            Value::Null => &[][..],
            Value::Array(items) => items,
            _ => return Err(self.mismatch("array")),
        };
        visitor.visit_seq(Items { items: items.iter().enumerate() })
    }

    fn deserialize_tuple<V: Visitor<'v>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        if !matches!(self.value, Value::Object(_) | Value::Null) {
            return Err(self.mismatch("object"));
        }
        // So serde reads a struct with flattened fields: there too, null says nothing.
        let is_struct = (&visitor as &dyn Expected).to_string().starts_with("struct ");
        let entries = self.entries().filter(|(_, value)| !(is_struct && value.is_null()));
        let entries = entries.map(|(key, value)| (key.as_str(), value)).collect();
        self.object(entries, FieldKind::Field, visitor)
    }

    fn deserialize_struct<V: Visitor<'v>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if !matches!(self.value, Value::Object(_) | Value::Null) {
            return Err(self.mismatch("object"));
        }
        let modules = name.strip_suffix(NAMESPACE_END);
        let entries = self.struct_entries(fields, modules)?;
        self.object(entries, modules.map_or(FieldKind::Field, FieldKind::Module), visitor)
    }

    fn deserialize_enum<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Null => visitor.visit_enum("".into_deserializer()),
            _ => Err(self.mismatch("string")),
        }
    }

    fn deserialize_identifier<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

/// The visitor of a unit struct, which is given an object without fields.
struct Nothing<V>(V);

impl<'v, V: Visitor<'v>> Visitor<'v> for Nothing<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'v>>(self, _: A) -> Result<V::Value, A::Error> {
        self.0.visit_unit()
    }
}

struct Items<'v> {
    items: std::iter::Enumerate<std::slice::Iter<'v, Value>>,
}

impl<'v> SeqAccess<'v> for Items<'v> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'v>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((index, item)) = self.items.next() else { return Ok(None) };
        let read = seed.deserialize(Node::new(item));
        read.map(Some).map_err(|error| error.within(Step::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// What the keys of an object are.
#[derive(Clone, Copy)]
enum FieldKind {
    Field,
    /// Modules of this namespace.
    Module(&'static str),
}

struct Fields<'v> {
    entries: std::vec::IntoIter<(&'v str, &'v Value)>,
    value: Option<(&'v str, &'v Value)>,
    kind: FieldKind,
}

impl<'v> MapAccess<'v> for Fields<'v> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'v>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let read = seed.deserialize(StrDeserializer::<Error>::new(key));
        read.map(Some).map_err(|error| error.within(Step::Field(key.to_owned())))
    }

    fn next_value_seed<V: DeserializeSeed<'v>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (key, value) = self.value.expect("serde asks for a key before its value");
        seed.deserialize(Node::new(value)).map_err(|error| match self.kind {
            FieldKind::Field => error.within(Step::Field(key.to_owned())),
            FieldKind::Module(namespace) => {
                error.within(Step::named(namespace, key, Stage::Decode))
            }
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A module by its name; its fields stand beside that.
struct Module<'v> {
    name: &'v str,
    content: Node<'v>,
}

impl<'v> EnumAccess<'v> for Module<'v> {
    type Error = Error;
    type Variant = Node<'v>;

    fn variant_seed<T: DeserializeSeed<'v>>(self, seed: T) -> Result<(T::Value, Node<'v>), Error> {
        let name = StrDeserializer::<Error>::new(self.name);
        Ok((seed.deserialize(name)?, self.content))
    }
}

impl<'v> VariantAccess<'v> for Node<'v> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.struct_entries(&[], None).map(drop)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'v>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'v>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'v>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct("", fields, visitor)
    }
}
