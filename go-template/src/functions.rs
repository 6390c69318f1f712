//! The functions that Go's templates bring along. `and` and `or` stand with the execution,
//! because they do not run all their arguments.

use crate::print::{quote, sprint, sprintf};
use crate::{Error, Functions, Result, Value};
use std::cmp::Ordering;
use std::rc::Rc;

/// A function of the table.
type Plain = fn(&[Value]) -> Result<Value>;

/// The functions by name.
pub fn builtins() -> Functions {
    let table: [(&'static str, Plain); 19] = [
        ("call", call),
        ("eq", eq),
        ("ge", |args| compare(args, "ge", Ordering::is_ge)),
        ("gt", |args| compare(args, "gt", Ordering::is_gt)),
        ("html", |args| Ok(Value::from(escape_html(&join(args))))),
        ("index", index),
        ("js", |args| Ok(Value::from(escape_js(&join(args))))),
        ("le", |args| compare(args, "le", Ordering::is_le)),
        ("len", len),
        ("lt", |args| compare(args, "lt", Ordering::is_lt)),
        ("ne", |args| {
            expect(args, 2, "ne")?;
            Ok(Value::Bool(!basic_eq(&args[0], &args[1])?))
        }),
        ("not", |args| {
            expect(args, 1, "not")?;
            Ok(Value::Bool(!args[0].is_true()))
        }),
        ("print", |args| Ok(Value::from(join(args)))),
        ("printf", |args| {
            let format = args.first().and_then(Value::as_str);
            let format =
                format.ok_or_else(|| Error::new("wrong type for value; expected string"))?;
            Ok(Value::from(sprintf(format, &args[1..])))
        }),
        ("println", |args| {
            let words: Vec<String> = args.iter().map(sprint).collect();
            Ok(Value::from(words.join(" ") + "\n"))
        }),
        ("slice", slice),
        ("urlquery", |args| Ok(Value::from(escape_query(&join(args))))),
        ("and", |_| Err(Error::new("and is part of the language"))),
        ("or", |_| Err(Error::new("or is part of the language"))),
    ];
    table.into_iter().map(|(name, f)| (name, Rc::new(f) as crate::Func)).collect()
}

/// Refuses another number of arguments.
pub(crate) fn expect(args: &[Value], count: usize, name: &str) -> Result<()> {
    if args.len() == count {
        return Ok(());
    }
    let got = args.len();
    Err(Error::new(format!("wrong number of args for {name}: want {count} got {got}")))
}

/// `print`: a blank between two that are both no texts.
pub(crate) fn join(args: &[Value]) -> String {
    let mut out = String::new();
    for (i, arg) in args.iter().enumerate() {
        let both =
            |a: &Value, b: &Value| !matches!((a, b), (Value::Str(_), _) | (_, Value::Str(_)));
        if i > 0 && both(&args[i - 1], arg) {
            out.push(' ');
        }
        out.push_str(&sprint(arg));
    }
    out
}

fn call(args: &[Value]) -> Result<Value> {
    match args.first() {
        Some(Value::Func(f)) => f(&args[1..]),
        Some(Value::Nil) => Err(Error::new("call of nil")),
        Some(other) => {
            Err(Error::new(format!("non-function {} of type {}", sprint(other), other.type_name())))
        }
        None => Err(Error::new("wrong number of args for call: want at least 1 got 0")),
    }
}

fn incompatible() -> Error {
    Error::new("incompatible types for comparison")
}

fn basic_eq(a: &Value, b: &Value) -> Result<bool> {
    match (a, b) {
        (Value::Nil, _) | (_, Value::Nil) => Ok(matches!((a, b), (Value::Nil, Value::Nil))),
        (Value::List(_) | Value::Map(_) | Value::Func(_), _) => {
            Err(Error::new(format!("non-comparable type {}: {}", sprint(a), a.type_name())))
        }
        (Value::Object(x), Value::Int(n)) | (Value::Int(n), Value::Object(x)) => {
            x.number().map(|x| x == *n).ok_or_else(incompatible)
        }
        _ if std::mem::discriminant(a) == std::mem::discriminant(b) => Ok(a == b),
        _ => Err(incompatible()),
    }
}

fn eq(args: &[Value]) -> Result<Value> {
    let Some((first, others)) = args.split_first() else {
        return Err(Error::new("wrong number of args for eq: want at least 1 got 0"));
    };
    if others.is_empty() {
        return Err(Error::new("missing argument for comparison"));
    }
    for other in others {
        if basic_eq(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn compare(args: &[Value], name: &str, is: fn(Ordering) -> bool) -> Result<Value> {
    expect(args, 2, name)?;
    let number = |value: &Value| match value {
        Value::Object(object) => object.number().map_or_else(|| value.clone(), Value::Int),
        value => value.clone(),
    };
    let ordering = match (number(&args[0]), number(&args[1])) {
        (Value::Int(a), Value::Int(b)) => a.cmp(&b),
        (Value::Float(a), Value::Float(b)) => match a.partial_cmp(&b) {
            Some(ordering) => ordering,
            None => return Ok(Value::Bool(false)),
        },
        (Value::Str(a), Value::Str(b)) => a.cmp(&b),
        (Value::Int(_) | Value::Float(_) | Value::Str(_), _) => return Err(incompatible()),
        _ => return Err(Error::new("invalid type for comparison")),
    };
    Ok(Value::Bool(is(ordering)))
}

fn len(args: &[Value]) -> Result<Value> {
    expect(args, 1, "len")?;
    let len = match &*args[0].plain() {
        Value::Str(s) => s.len(),
        Value::List(items) => items.len(),
        Value::Map(fields) => fields.borrow().len(),
        Value::Nil => return Err(Error::new("len of nil pointer")),
        other => return Err(Error::new(format!("len of type {}", other.type_name()))),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}

/// A number as a place in something of this length, or at its end.
fn place(at: &Value, len: usize, inclusive: bool) -> Result<usize> {
    let Value::Int(n) = at else {
        return Err(Error::new(format!("cannot index slice/array with type {}", at.type_name())));
    };
    let place = usize::try_from(*n).ok().filter(|n| *n < len || (inclusive && *n == len));
    place.ok_or_else(|| Error::new(format!("index out of range: {n}")))
}

fn index(args: &[Value]) -> Result<Value> {
    let Some((first, places)) = args.split_first() else {
        return Err(Error::new("wrong number of args for index: want at least 1 got 0"));
    };
    let mut value = first.clone();
    for at in places {
        value = match &*value.plain() {
            Value::List(items) => items[place(at, items.len(), false)?].clone(),
            Value::Str(s) => Value::Int(s.as_bytes()[place(at, s.len(), false)?].into()),
            Value::Map(fields) => {
                let Value::Str(key) = at else {
                    let text = format!("value has type {}; should be string", at.type_name());
                    return Err(Error::new(text));
                };
                fields.borrow().get(&**key).cloned().unwrap_or(Value::Nil)
            }
            Value::Nil => return Err(Error::new("index of untyped nil")),
            other => {
                return Err(Error::new(format!("can't index item of type {}", other.type_name())));
            }
        };
    }
    Ok(value)
}

fn slice(args: &[Value]) -> Result<Value> {
    let Some((value, places)) = args.split_first() else {
        return Err(Error::new("wrong number of args for slice: want at least 1 got 0"));
    };
    if places.len() > 3 {
        return Err(Error::new(format!("too many slice indexes: {}", places.len())));
    }
    let len = match value {
        Value::Str(s) => s.len(),
        Value::List(items) => items.len(),
        Value::Nil => return Err(Error::new("slice of untyped nil")),
        other => return Err(Error::new(format!("can't slice item of type {}", other.type_name()))),
    };
    let from = places.first().map_or(Ok(0), |at| place(at, len, true))?;
    let to = places.get(1).map_or(Ok(len), |at| place(at, len, true))?;
    if from > to {
        return Err(Error::new(format!("invalid slice index: {from} > {to}")));
    }
    Ok(match value {
        Value::Str(s) => Value::from(String::from_utf8_lossy(&s.as_bytes()[from..to]).as_ref()),
        Value::List(items) => Value::list(items[from..to].iter().cloned()),
        _ => Value::Nil,
    })
}

/// Go's escapes for HTML.
pub(crate) fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn escape_js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Escapes a text for a query, a blank as `+`.
pub(crate) fn escape_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(b.into())
            }
            b' ' => out.push('+'),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// A text in quotes, as `quote` and `%q` have it.
pub(crate) fn quoted(value: &Value) -> String {
    quote(&sprint(value))
}
