//! A request and what belongs to it, with the fields and methods that Go's have.

use super::arguments::text;
use crate::http::exchange::Exchange;
use crate::http::uri::{self, Target};
use crate::logging::access::canonical;
use go_template::{Error, Fields, Object, Result, Value};
use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A request, as a template sees it.
#[derive(Clone)]
pub(super) struct Request {
    method: String,
    target: Target,
    pub(super) host: String,
    proto: &'static str,
    pub(super) headers: HeaderMap,
    length: i64,
    remote: String,
}

impl Request {
    /// The request as it is now.
    pub(super) fn of(ex: &Exchange<'_>) -> Self {
        let length = ex.body_length().map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX));
        Self {
            method: ex.method.as_str().to_owned(),
            target: ex.target.clone(),
            host: lossy(&ex.host),
            proto: ex.proto(),
            headers: ex.headers().clone(),
            length,
            remote: ex.remote().to_string(),
        }
    }

    /// What Caddy keeps of the request as it came: neither host nor fields.
    pub(super) fn original(ex: &Exchange<'_>) -> Self {
        Self {
            method: ex.original_method().as_str().to_owned(),
            target: ex.original_target(),
            host: String::new(),
            proto: "",
            headers: HeaderMap::new(),
            length: 0,
            remote: ex.remote().to_string(),
        }
    }

    /// The path and query in escaped form.
    pub(super) fn path(&self) -> String {
        lossy(&self.target.path)
    }

    /// The cookies, in their order.
    fn cookies(&self) -> Vec<Cookie> {
        let lines = self.headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|p| p.trim().split_once('='));
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
        pairs
            .filter(|(name, _)| is_name(name))
            .map(|(name, value)| {
                let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
                let is_quoted = bare.is_some();
                let value = bare.unwrap_or(value).to_owned();
                Cookie { name: name.to_owned(), value, is_quoted }
            })
            .collect()
    }

    /// The value of the first cookie of this name, or nothing.
    pub(super) fn cookie(&self, name: &str) -> String {
        let found = self.cookies().into_iter().find(|cookie| cookie.name == name);
        found.map(|cookie| cookie.value).unwrap_or_default()
    }

    fn form(&self) -> Query {
        let pairs = uri::query_pairs(self.target.query());
        Query(pairs.map(|(key, value)| (lossy(&key), lossy(&value))).collect())
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn empty_map() -> Value {
    Value::map(Fields::new())
}

impl Object for Request {
    fn type_name(&self) -> &str {
        "*http.Request"
    }

    fn field(&self, name: &str) -> Option<Value> {
        let version = self.proto.strip_prefix("HTTP/").unwrap_or("0.0");
        let digit = |at: usize| {
            let digit = version.split('.').nth(at).and_then(|digit| digit.parse().ok());
            Value::Int(digit.unwrap_or(0))
        };
        Some(match name {
            "Method" => self.method.as_str().into(),
            "URL" => Value::Object(Rc::new(Url { target: self.target.clone() })),
            "Header" => Value::Object(Rc::new(Header::of_request(&self.headers))),
            "Host" => self.host.as_str().into(),
            "Proto" => self.proto.into(),
            "ProtoMajor" => digit(0),
            "ProtoMinor" => digit(1),
            "ContentLength" => Value::Int(self.length),
            "RemoteAddr" => self.remote.as_str().into(),
            "RequestURI" => lossy(&self.target.uri()).into(),
            "TransferEncoding" => Value::list([]),
            "Close" => Value::Bool(false),
            "Form" | "PostForm" | "Trailer" => empty_map(),
            "TLS" | "Body" | "MultipartForm" => Value::Nil,
            "Pattern" => "".into(),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let field = |name: &str| {
            let value = self.headers.get(name).and_then(|v| v.to_str().ok());
            Ok(value.unwrap_or_default().into())
        };
        Some(match name {
            "UserAgent" => field("user-agent"),
            "Referer" => field("referer"),
            "FormValue" => text(args, 0).map(|key| self.form().first(key).into()),
            "PostFormValue" => text(args, 0).map(|_| "".into()),
            "ProtoAtLeast" => Ok(Value::Bool(match (args, self.field("ProtoMajor")?) {
                ([Value::Int(major), Value::Int(minor)], Value::Int(ours)) => {
                    let Some(Value::Int(second)) = self.field("ProtoMinor") else { return None };
                    (ours, second) >= (*major, *minor)
                }
                _ => return Some(Err(Error::new("ProtoAtLeast: wants two numbers"))),
            })),
            "Cookies" => Ok(Value::list(self.cookies().into_iter().map(Cookie::value_of))),
            "Cookie" => text(args, 0).and_then(|name| {
                let found = self.cookies().into_iter().find(|cookie| cookie.name == name);
                found
                    .map(Cookie::value_of)
                    .ok_or_else(|| Error::new("http: named cookie not present"))
            }),
            _ => return None,
        })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// A cookie that the client sent.
struct Cookie {
    name: String,
    value: String,
    is_quoted: bool,
}

impl Cookie {
    fn value_of(self) -> Value {
        Value::Object(Rc::new(self))
    }
}

impl Object for Cookie {
    fn type_name(&self) -> &str {
        "*http.Cookie"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Name" => self.name.as_str().into(),
            "Value" => self.value.as_str().into(),
            "Quoted" => self.is_quoted.into(),
            "Path" | "Domain" => "".into(),
            _ => return None,
        })
    }

    fn print(&self) -> String {
        let Self { name, value, is_quoted } = self;
        if *is_quoted || value.contains([' ', ',']) {
            format!("{name}=\"{value}\"")
        } else {
            format!("{name}={value}")
        }
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// Fields of a request, or those of the answer, which can be changed.
pub(super) struct Header {
    fields: Rc<RefCell<HeaderMap>>,
    is_answer: bool,
}

impl Header {
    fn of_request(fields: &HeaderMap) -> Self {
        let mut fields = fields.clone();
        // Go has it as the request's `Host` alone.
        fields.remove(HOST);
        Self { fields: Rc::new(RefCell::new(fields)), is_answer: false }
    }

    /// The answer's, which all who hold it see.
    pub(super) const fn of_answer(fields: Rc<RefCell<HeaderMap>>) -> Self {
        Self { fields, is_answer: true }
    }

    fn change(&self, how: &str, args: &[Value]) -> Result<Value> {
        let name: HeaderName =
            text(args, 0)?.parse().map_err(|_| Error::new("no name of a header field"))?;
        let mut fields = self.fields.borrow_mut();
        if how == "Del" {
            fields.remove(name);
            return Ok("".into());
        }
        let value: HeaderValue =
            text(args, 1)?.parse().map_err(|_| Error::new("no value of a header field"))?;
        if how == "Add" {
            fields.append(name, value);
        } else {
            fields.insert(name, value);
        }
        Ok("".into())
    }
}

impl Object for Header {
    fn type_name(&self) -> &str {
        if self.is_answer { "templates.WrappedHeader" } else { "http.Header" }
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(self.as_map()?.fields().ok()?.borrow().get(name).cloned().unwrap_or(Value::Nil))
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        Some(match name {
            "Get" => text(args, 0).map(|name| {
                let fields = self.fields.borrow();
                fields.get(name).map_or_else(String::new, |v| lossy(v.as_bytes())).into()
            }),
            "Values" => text(args, 0).map(|name| {
                let fields = self.fields.borrow();
                Value::strings(fields.get_all(name).iter().map(|v| lossy(v.as_bytes())))
            }),
            "Add" | "Set" | "Del" if self.is_answer => self.change(name, args),
            "Add" | "Set" | "Del" => {
                Err(Error::new(format!("function {name} has 0 return values; should be 1 or 2")))
            }
            _ => return None,
        })
    }

    fn as_map(&self) -> Option<Value> {
        let fields = self.fields.borrow();
        Some(Value::from_pairs(fields.keys().map(|name| {
            let values = fields.get_all(name).iter().map(|v| lossy(v.as_bytes()));
            (canonical(name.as_str()), Value::strings(values))
        })))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// A request's URL.
struct Url {
    target: Target,
}

impl Object for Url {
    fn type_name(&self) -> &str {
        "*url.URL"
    }

    fn field(&self, name: &str) -> Option<Value> {
        let escaped = self.target.escaped_path();
        Some(match name {
            "Path" => lossy(&self.target.path).into(),
            "RawPath" if *escaped != *uri::escape_path(&self.target.path) => lossy(&escaped).into(),
            "RawQuery" => lossy(self.target.query()).into(),
            "Scheme" | "Host" | "Fragment" | "Opaque" | "RawPath" => "".into(),
            "User" => Value::Nil,
            "ForceQuery" => Value::Bool(false),
            _ => return None,
        })
    }

    fn call(&self, name: &str, _: &[Value]) -> Option<Result<Value>> {
        Some(Ok(match name {
            "String" | "RequestURI" => lossy(&self.target.uri()).into(),
            "EscapedPath" => lossy(&self.target.escaped_path()).into(),
            "IsAbs" => Value::Bool(false),
            "Hostname" | "Port" => "".into(),
            "Query" => {
                let pairs = uri::query_pairs(self.target.query());
                let pairs = pairs.map(|(key, value)| (lossy(&key), lossy(&value)));
                Value::Object(Rc::new(Query(pairs.collect())))
            }
            _ => return None,
        }))
    }

    fn print(&self) -> String {
        lossy(&self.target.uri())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The keys and values of a query.
struct Query(Vec<(String, String)>);

impl Query {
    /// The first value of a key, or nothing.
    fn first(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k == key).map_or("", |(_, value)| value)
    }

    fn by_key(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, value) in &self.0 {
            all.entry(key).or_default().push(value);
        }
        all
    }

    /// The query again, its keys in order.
    fn encoded(&self) -> String {
        let escape = |part: &str| lossy(&uri::escape_query(part.as_bytes()));
        let all = self.by_key().into_iter();
        let pairs = all.flat_map(|(key, values)| {
            values.into_iter().map(move |value| format!("{}={}", escape(key), escape(value)))
        });
        pairs.collect::<Vec<_>>().join("&")
    }
}

impl Object for Query {
    fn type_name(&self) -> &str {
        "url.Values"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::strings(self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value)))
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let has = |key: &str| self.0.iter().any(|(k, _)| k == key);
        Some(match name {
            "Get" => text(args, 0).map(|key| self.first(key).into()),
            "Has" => text(args, 0).map(|key| has(key).into()),
            "Encode" => Ok(self.encoded().into()),
            _ => return None,
        })
    }

    fn as_map(&self) -> Option<Value> {
        let all = self.by_key().into_iter();
        Some(Value::from_pairs(all.map(|(key, values)| (key, Value::strings(values)))))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
