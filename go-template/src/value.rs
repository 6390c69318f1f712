//! What templates work on.

use crate::{Error, Result};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A value. Lists never change; maps do, and all who hold one see it, as in Go.
#[derive(Clone)]
pub enum Value {
    /// Nothing.
    Nil,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A fraction.
    Float(f64),
    /// A text.
    Str(Rc<str>),
    /// A list.
    List(Rc<Vec<Value>>),
    /// A map by name.
    Map(Rc<RefCell<Fields>>),
    /// Something with fields and methods.
    Object(Rc<dyn Object>),
    /// A function.
    Func(Func),
}

/// The entries of a map.
pub type Fields = BTreeMap<String, Value>;

/// A function that templates call.
pub type Func = Rc<dyn Fn(&[Value]) -> Result<Value>>;

/// A thing with fields and methods, as a Go struct is.
pub trait Object {
    /// The name of its type, as `%T` prints it.
    fn type_name(&self) -> &str;

    /// The field of this name.
    fn field(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// Calls the method of this name, if there is one.
    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let _ = (name, args);
        None
    }

    /// Its entries, if it is a map with methods.
    fn as_map(&self) -> Option<Value> {
        None
    }

    /// How it prints.
    fn print(&self) -> String {
        match self.as_map() {
            Some(map) => crate::print::sprint(&map),
            None => format!("{{{}}}", self.type_name()),
        }
    }

    /// What it is where a number is asked for.
    fn number(&self) -> Option<i64> {
        None
    }

    /// For those who know the type.
    fn as_any(&self) -> &dyn std::any::Any;
}

impl Value {
    /// A text.
    pub fn str(text: impl AsRef<str>) -> Self {
        Self::Str(text.as_ref().into())
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(Rc::new(items.into_iter().collect()))
    }

    /// A list of texts.
    pub fn strings<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Self {
        Self::list(items.into_iter().map(Self::str))
    }

    /// A new map.
    pub fn map(fields: Fields) -> Self {
        Self::Map(Rc::new(RefCell::new(fields)))
    }

    /// A map of these entries.
    pub fn from_pairs<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::map(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Whether `if` takes it for true: what is empty or zero is not.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Int(n) => *n != 0,
            Self::Float(n) => *n != 0.0,
            Self::Str(s) => !s.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(fields) => !fields.borrow().is_empty(),
            Self::Object(object) => object.as_map().is_none_or(|map| map.is_true()),
            Self::Func(_) => true,
        }
    }

    /// The name of its type in Go.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
            Self::Object(object) => object.type_name(),
            Self::Func(_) => "func",
        }
    }

    /// The kind of its type in Go.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Object(object) if object.as_map().is_some() => "map",
            Self::Object(object) if object.type_name().starts_with('*') => "ptr",
            Self::Object(_) => "struct",
            Self::Func(_) => "func",
        }
    }

    /// The value, or the map that it is with methods.
    pub(crate) fn plain(&self) -> Cow<'_, Self> {
        let map = match self {
            Self::Object(object) => object.as_map(),
            _ => None,
        };
        map.map_or(Cow::Borrowed(self), Cow::Owned)
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The list's items.
    ///
    /// # Errors
    /// When it is no list.
    pub fn items(&self) -> Result<Rc<Vec<Self>>> {
        match self {
            Self::List(items) => Ok(Rc::clone(items)),
            Self::Nil => Ok(Rc::default()),
            other => Err(Error::new(format!("expected a list, got {}", other.type_name()))),
        }
    }

    /// The map's entries.
    ///
    /// # Errors
    /// When it is no map.
    pub fn fields(&self) -> Result<Rc<RefCell<Fields>>> {
        match self {
            Self::Map(fields) => Ok(Rc::clone(fields)),
            other => Err(Error::new(format!("expected a map, got {}", other.type_name()))),
        }
    }
}

impl PartialEq for Value {
    /// Deep equality, as Go's `reflect.DeepEqual` sees it.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nil, Self::Nil) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => Rc::ptr_eq(a, b) || *a.borrow() == *b.borrow(),
            (Self::Object(a), Self::Object(b)) => Rc::ptr_eq(a, b) || a.print() == b.print(),
            _ => false,
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::print::sprint(self))
    }
}

impl From<serde_json::Value> for Value {
    /// As Go reads JSON: numbers are fractions.
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Nil,
            serde_json::Value::Bool(b) => Self::Bool(b),
            serde_json::Value::Number(n) => Self::Float(n.as_f64().unwrap_or(0.0)),
            serde_json::Value::String(s) => s.into(),
            serde_json::Value::Array(items) => Self::list(items.into_iter().map(Self::from)),
            serde_json::Value::Object(fields) => {
                let fields = fields.into_iter();
                Self::from_pairs(fields.map(|(key, value)| (key, Self::from(value))))
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::str(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Self::Float(n)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}
