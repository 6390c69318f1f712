//! Types of values, and which may stand for which.

use std::fmt;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Whatever: what it is, is known when it is evaluated.
    Dyn,
    /// The same, of a value that the library yields.
    Any,
    /// Of what is wrong already, and is not to be reported again.
    Error,
    /// `null`.
    Null,
    /// `bool`.
    Bool,
    /// `int`, of 64 bits.
    Int,
    /// `uint`, of 64 bits.
    Uint,
    /// `double`.
    Double,
    /// `string`.
    Text,
    /// `bytes`.
    Bytes,
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// `google.protobuf.Duration`.
    Duration,
    /// A type of the library, by its name.
    Opaque(&'static str),
    /// `list(T)`.
    List(Box<Type>),
    /// `map(K, V)`.
    Map(Box<Type>, Box<Type>),
    /// `type(T)`: a value that is a type.
    Type(Box<Type>),
    /// A type that is not known yet, by its number.
    Param(usize),
}

impl Type {
    /// `list(item)`.
    pub(crate) fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    /// `map(key, value)`.
    pub(crate) fn map(key: Self, value: Self) -> Self {
        Self::Map(Box::new(key), Box::new(value))
    }

    /// The type that a name in an expression stands for.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bool" => Self::Bool,
            "bytes" => Self::Bytes,
            "double" => Self::Double,
            "dyn" => Self::Dyn,
            "int" => Self::Int,
            "null_type" => Self::Null,
            "string" => Self::Text,
            "uint" => Self::Uint,
            "google.protobuf.Timestamp" => Self::Timestamp,
            "google.protobuf.Duration" => Self::Duration,
            "list" => Self::list(Self::Dyn),
            "map" => Self::map(Self::Dyn, Self::Dyn),
            "type" => Self::Type(Box::new(Self::Dyn)),
            _ => return None,
        })
    }

    /// Whether it says nothing.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Dyn | Self::Any | Self::Error)
    }

    /// The name within messages about calls, which are shorter for some.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::Any => "any".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Timestamp => "timestamp".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::List(item) => format!("list({})", item.short()),
            Self::Map(key, value) => format!("map({}, {})", key.short(), value.short()),
            Self::Type(of) => format!("type({})", of.short()),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dyn | Self::Param(_) => "dyn",
            Self::Any => "google.protobuf.Any",
            Self::Error => "!error!",
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Duration => "google.protobuf.Duration",
            Self::Opaque(name) => name,
            Self::List(item) => return write!(f, "list({item})"),
            Self::Map(key, value) => return write!(f, "map({key}, {value})"),
            Self::Type(of) => return write!(f, "type({of})"),
        })
    }
}

/// What is known of types that were not known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings(Vec<Option<Type>>);

impl Bindings {
    /// A type of which nothing is known yet.
    pub(crate) fn fresh(&mut self) -> Type {
        self.0.push(None);
        Type::Param(self.0.len() - 1)
    }

    /// The type with all that is known in it.
    pub(crate) fn resolve(&self, of: &Type) -> Type {
        match of {
            Type::Param(number) => match &self.0[*number] {
                Some(known) => self.resolve(known),
                None => of.clone(),
            },
            Type::List(item) => Type::list(self.resolve(item)),
            Type::Map(key, value) => Type::map(self.resolve(key), self.resolve(value)),
            Type::Type(inner) => Type::Type(Box::new(self.resolve(inner))),
            other => other.clone(),
        }
    }

    /// The type where nothing is left unknown.
    pub(crate) fn settle(&self, of: &Type) -> Type {
        match self.resolve(of) {
            Type::Param(_) => Type::Dyn,
            Type::List(item) => Type::list(self.settle(&item)),
            Type::Map(key, value) => Type::map(self.settle(&key), self.settle(&value)),
            Type::Type(inner) => Type::Type(Box::new(self.settle(&inner))),
            other => other,
        }
    }

    /// Whether values of these types may stand where those are declared; what that says of
    /// unknown types is remembered, unless they may not.
    pub(crate) fn assign_all(&mut self, from: &[Type], to: &[Type]) -> bool {
        let before = self.clone();
        let fits =
            from.len() == to.len() && from.iter().zip(to).all(|(from, to)| self.assign(from, to));
        if !fits {
            *self = before;
        }
        fits
    }

    fn assign(&mut self, from: &Type, to: &Type) -> bool {
        if let Type::Param(number) = to {
            return self.bind(*number, from);
        }
        if let Type::Param(number) = from {
            return self.bind(*number, to);
        }
        if from.is_open() || to.is_open() {
            return true;
        }
        match (from, to) {
            // Whatever is an object may be absent.
            (Type::Null, Type::Timestamp | Type::Duration | Type::Opaque(_)) => true,
            (Type::List(from), Type::List(to)) => self.assign(from, to),
            (Type::Map(from, one), Type::Map(to, other)) => {
                self.assign(from, to) && self.assign(one, other)
            }
            // What a type is of is no matter.
            (Type::Type(_), Type::Type(_)) => true,
            (Type::Timestamp | Type::Duration | Type::Opaque(_), Type::Null) => true,
            (from, to) => from == to,
        }
    }

    fn bind(&mut self, number: usize, with: &Type) -> bool {
        if *with == Type::Param(number) {
            return true;
        }
        let Some(known) = self.0[number].clone() else {
            let with = self.resolve(with);
            if with != Type::Param(number) && !mentions(&with, number) {
                self.0[number] = Some(with);
            }
            return true;
        };
        if !self.assign(with, &known) {
            return false;
        }
        if with.is_open() && !known.is_open() && !matches!(known, Type::Param(_)) {
            self.0[number] = Some(with.clone());
        }
        true
    }
}

/// Whether a type is made of an unknown one: nothing is made of itself.
fn mentions(of: &Type, number: usize) -> bool {
    match of {
        Type::Param(other) => *other == number,
        Type::List(item) | Type::Type(item) => mentions(item, number),
        Type::Map(key, value) => mentions(key, number) || mentions(value, number),
        _ => false,
    }
}
