//! URLs and names of hosts.

use super::Plain;
use super::args::Args;
use crate::print::quote;
use crate::{Error, Result, Value};
use std::net::ToSocketAddrs;

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("urlParse", parse),
    ("urlJoin", join),
    ("getHostByName", |a| {
        let name = a.text(0)?;
        let found = (name.as_str(), 0).to_socket_addrs();
        let first = found.ok().and_then(|mut all| all.next());
        Ok(first.map_or_else(String::new, |address| address.ip().to_string()).into())
    }),
];

fn parse(a: &Args<'_>) -> Result<Value> {
    let text = a.text(0)?;
    let bad = |why: &str| Error::new(format!("unable to parse url: parse {}: {why}", quote(&text)));
    if text.contains(|c: char| c.is_control()) {
        return Err(bad("net/url: invalid control character in URL"));
    }
    let (rest, fragment) = text.split_once('#').unwrap_or((&text, ""));
    let is_scheme = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        Some(("", _)) => return Err(bad("missing protocol scheme")),
        _ => (String::new(), rest),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_opaque = !scheme.is_empty() && !rest.starts_with('/');
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", if is_opaque { "" } else { rest }),
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if let Some(c) = host.chars().find(|c| " <>\"\\^`{|}".contains(*c)) {
        return Err(bad(&format!("invalid character \"{c}\" in host name")));
    }
    let path = &unescaped(path).ok_or_else(|| bad("invalid URL escape"))?;
    let parts = [
        ("scheme", scheme.as_str()),
        ("host", host),
        ("hostname", hostname(host)),
        ("path", path),
        ("query", query),
        ("opaque", if is_opaque { rest } else { "" }),
        ("fragment", fragment),
        ("userinfo", user),
    ];
    Ok(Value::from_pairs(parts.map(|(key, part)| (key, part.into()))))
}

/// A host without its port and its brackets.
fn hostname(host: &str) -> &str {
    if let Some(inside) = host.strip_prefix('[') {
        return inside.split(']').next().unwrap_or("");
    }
    host.split(':').next().unwrap_or("")
}

fn join(a: &Args<'_>) -> Result<Value> {
    let map = a.map(0)?;
    let map = map.borrow();
    let part = |key: &str| map.get(key).map(crate::print::sprint).filter(|part| !part.is_empty());
    let mut url = part("scheme").map_or_else(String::new, |scheme| scheme + ":");
    match part("opaque") {
        Some(opaque) => url.push_str(&opaque),
        None => {
            let user = part("userinfo").map_or_else(String::new, |user| user + "@");
            if let Some(host) = part("host") {
                url.push_str(&format!("//{user}{host}"));
            }
            let path = part("path").unwrap_or_default();
            if !path.is_empty() && !path.starts_with('/') && part("host").is_some() {
                url.push('/');
            }
            url.push_str(&escaped(&path));
        }
    }
    url.extend(part("query").map(|query| format!("?{query}")));
    url.extend(part("fragment").map(|fragment| format!("#{fragment}")));
    Ok(url.into())
}

/// A path without escapes; nothing when one is malformed.
fn unescaped(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A path as it stands in a URL.
fn escaped(path: &str) -> String {
    let escape = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(b).to_string(),
        b if b"-_.~$&+,/:;=@".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    path.bytes().map(escape).collect()
}
