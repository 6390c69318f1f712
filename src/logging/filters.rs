//! What fields of an entry become on their way into a log.
//!
//! A filter belongs to one path, as `request>headers>Cookie`. What leads to a field that
//! has a filter is left as it is; what lies within one is not looked at any more.

mod cookies;

use crate::config::logging::filters::{
    Action, EXPRESSION_MAX, FieldFilter, IpMask, OPERATIONS_MAX, QueryAction,
};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A text that several expressions change does not grow beyond this, as in Caddy.
const TEXT_MAX: usize = 1_000_000;

/// A field's value, as far as filters tell values apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'v> {
    /// Text.
    Text(Cow<'v, [u8]>),
    /// A list of texts, as a header's values.
    Texts(Vec<Cow<'v, [u8]>>),
    /// Anything else, as JSON.
    Json(Cow<'v, [u8]>),
}

/// What filters made of a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Applied<'v> {
    /// None is for it.
    Untouched(Value<'v>),
    /// Its key and value now.
    Changed(String, Value<'v>),
    /// It is left out.
    Gone,
}

/// Filters by path.
#[derive(Debug)]
pub(super) struct Filters(BTreeMap<String, Filter>);

#[derive(Debug)]
enum Filter {
    Cookie(Vec<crate::config::logging::filters::CookieAction>),
    Delete,
    Hash,
    IpMask(IpMask),
    Query(Vec<QueryAction>),
    Regexps(Vec<(regex::bytes::Regex, String)>),
    Rename(String),
    Replace(String),
    SetCookie(Vec<crate::config::logging::filters::CookieAction>),
}

impl Filters {
    /// Compiles a configuration's filters; the error says which one is wrong, and why.
    pub(super) fn compile(fields: &BTreeMap<String, FieldFilter>) -> Result<Self, String> {
        let compile = |(path, filter): (&String, &FieldFilter)| {
            let filter = Filter::compile(filter).map_err(|why| format!("filter {path}: {why}"))?;
            Ok((path.clone(), filter))
        };
        fields.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }
}

impl Filter {
    fn compile(filter: &FieldFilter) -> Result<Self, String> {
        let expression = |text: &str, value: &str| {
            let compiled = regex::bytes::Regex::new(text);
            let compiled = compiled.map_err(|_| format!("bad expression \"{text}\""))?;
            Ok::<_, String>((compiled, value.to_owned()))
        };
        Ok(match filter {
            FieldFilter::Cookie(cookies) => Self::Cookie(cookies.actions.0.clone()),
            FieldFilter::SetCookie(cookies) => Self::SetCookie(cookies.actions.0.clone()),
            FieldFilter::Delete(_) => Self::Delete,
            FieldFilter::Hash(_) => Self::Hash,
            FieldFilter::IpMask(mask) => {
                let fits = |bits: i64, max| (0..=max).contains(&bits);
                if !fits(mask.ipv4_cidr, 32) || !fits(mask.ipv6_cidr, 128) {
                    return Err("no address has so many bits".to_owned());
                }
                Self::IpMask(mask.clone())
            }
            FieldFilter::MultiRegexp(several) => {
                let operations = &several.operations.0;
                if operations.is_empty() {
                    return Err("no regexp operations configured".to_owned());
                }
                if operations.len() > OPERATIONS_MAX {
                    return Err(format!(
                        "too many regexp operations (maximum {OPERATIONS_MAX} allowed)"
                    ));
                }
                if let Some(i) = operations.iter().position(|o| o.regexp.is_empty()) {
                    return Err(format!("regexp operation {i} has an empty pattern"));
                }
                if operations.iter().any(|o| o.regexp.len() > EXPRESSION_MAX) {
                    return Err(format!(
                        "regexp pattern too long (maximum {EXPRESSION_MAX} characters)"
                    ));
                }
                let compiled = operations.iter().map(|o| expression(&o.regexp, &o.value));
                Self::Regexps(compiled.collect::<Result<_, _>>()?)
            }
            FieldFilter::Query(query) => Self::Query(query.actions.0.clone()),
            FieldFilter::Regexp(one) => Self::Regexps(vec![expression(&one.regexp, &one.value)?]),
            FieldFilter::Rename(rename) => Self::Rename(rename.name.clone()),
            FieldFilter::Replace(replace) => Self::Replace(replace.value.clone()),
        })
    }

    /// The new value; `None` when the field is left out.
    fn value<'v>(&self, value: Value<'v>) -> Option<Value<'v>> {
        Some(match self {
            Self::Delete => return None,
            Self::Rename(_) => value,
            Self::Replace(text) => Value::Text(text.clone().into_bytes().into()),
            Self::Hash => each(value, hash),
            Self::IpMask(mask) => each(value, |text| mask_all(text, mask)),
            Self::Query(actions) => each(value, |text| change_query(text, actions)),
            Self::Regexps(list) => each(value, |text| replace_all(text, list)),
            Self::Cookie(actions) => match value {
                Value::Texts(lines) => Value::Texts(cookies::sent(&lines, actions)),
                other => other,
            },
            Self::SetCookie(actions) => match value {
                Value::Texts(lines) => Value::Texts(cookies::set(&lines, actions)),
                other => other,
            },
        })
    }
}

/// Runs a field through the filters that are for its path.
pub(super) fn apply<'v>(
    filters: &[Filters],
    path: &str,
    key: &str,
    mut value: Value<'v>,
) -> Applied<'v> {
    let mut name = None;
    for filter in filters.iter().filter_map(|filters| filters.0.get(path)) {
        let name = name.get_or_insert_with(|| key.to_owned());
        if let Filter::Rename(new) = filter {
            name.clone_from(new);
        }
        match filter.value(value) {
            None => return Applied::Gone,
            Some(changed) => value = changed,
        }
    }
    match name {
        None => Applied::Untouched(value),
        Some(name) => Applied::Changed(name, value),
    }
}

/// Changes the text, or each one of a list; leaves alone what is none.
fn each<'v>(value: Value<'v>, change: impl Fn(&[u8]) -> Vec<u8>) -> Value<'v> {
    match value {
        Value::Text(text) => Value::Text(change(&text).into()),
        Value::Texts(list) => Value::Texts(list.iter().map(|t| change(t).into()).collect()),
        json @ Value::Json(_) => json,
    }
}

/// The first four bytes of the SHA-256 hash, as hexadecimal digits.
fn hash(text: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest(text);
    digest[..4].iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

fn replace_all(text: &[u8], list: &[(regex::bytes::Regex, String)]) -> Vec<u8> {
    let mut text = text.to_vec();
    for (expression, value) in list {
        text = expression.replace_all(&text, value.as_bytes()).into_owned();
        text.truncate(TEXT_MAX);
    }
    text
}

/// Masks each address of a list with commas; a port stays.
fn mask_all(text: &[u8], mask: &IpMask) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let masked = text.split(',').map(|item| mask_one(item.trim(), mask));
    masked.collect::<Vec<_>>().join(", ").into_bytes()
}

fn mask_one(item: &str, mask: &IpMask) -> String {
    let (host, port) = match split_port(item) {
        Some((host, port)) => (host, Some(port)),
        None => (item, None),
    };
    let Ok(address) = host.parse::<IpAddr>() else { return item.to_owned() };
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { mask.ipv4_cidr } else { mask.ipv6_cidr };
    // Without a number nothing is kept, not even a network: Go prints this for no address.
    let masked = match u32::try_from(bits) {
        Ok(bits @ 1..) => network(address, bits).to_string(),
        _ => "<nil>".to_owned(),
    };
    match port {
        None | Some("") => masked,
        Some(port) if masked.contains(':') => format!("[{masked}]:{port}"),
        Some(port) => format!("{masked}:{port}"),
    }
}

/// Host and port of `host:port` and `[host]:port`.
fn split_port(item: &str) -> Option<(&str, &str)> {
    if let Some(rest) = item.strip_prefix('[') {
        return rest.split_once("]:");
    }
    let (host, port) = item.split_once(':')?;
    (!port.contains(':')).then_some((host, port))
}

/// The network of an address: its first bits.
fn network(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

/// A URI whose query's parameters were changed; they are sorted then, as Go writes them.
fn change_query(uri: &[u8], actions: &[QueryAction]) -> Vec<u8> {
    let Some(at) = uri.iter().position(|b| *b == b'?') else { return uri.to_vec() };
    let (path, rest) = uri.split_at(at);
    let hash_at = rest.iter().position(|b| *b == b'#').unwrap_or(rest.len());
    let (query, fragment) = rest[1..].split_at(hash_at - 1);
    let mut parameters: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    for pair in query.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let value = pair.get(equals + 1..).unwrap_or_default();
        parameters.entry(decode(&pair[..equals])).or_default().push(decode(value));
    }
    for QueryAction { kind, parameter, value } in actions {
        match (kind, parameters.get_mut(parameter.as_bytes())) {
            (Action::Delete, _) => drop(parameters.remove(parameter.as_bytes())),
            (Action::Replace, Some(values)) => values.fill(value.clone().into_bytes()),
            (Action::Hash, Some(values)) => values.iter_mut().for_each(|v| *v = hash(v)),
            (Action::Replace | Action::Hash, None) => {}
        }
    }
    let pairs = parameters.iter().flat_map(|(key, values)| values.iter().map(move |v| (key, v)));
    let pairs: Vec<_> = pairs.map(|(key, v)| format!("{}={}", encode(key), encode(v))).collect();
    let query = pairs.join("&");
    // A bare question mark stays where there was one.
    let mark: &[u8] = if query.is_empty() && rest.len() > 1 { b"" } else { b"?" };
    [path, mark, query.as_bytes(), fragment].concat()
}

fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_encoding::percent_decode(&spaced).collect()
}

fn encode(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &b in text {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(b));
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of the field `a` that holds this text.
    #[track_caller]
    fn check(filter: &str, text: &str, expected: &str) {
        let config = serde_json::from_str(&format!(r#"{{"a":{filter}}}"#)).expect("filters");
        let filters = [Filters::compile(&config).expect("they are valid")];
        let list = vec![Cow::Borrowed(text.as_bytes())];
        let got = apply(&filters, "a", "a", Value::Texts(list));
        let expected = vec![Cow::Borrowed(expected.as_bytes())];
        assert_eq!(got, Applied::Changed("a".to_owned(), Value::Texts(expected)), "{filter}");
    }

    #[test]
    fn texts_are_changed_in_lists_too() {
        check(r#"{"filter":"hash"}"#, "secret", "2bb80d53");
        check(r#"{"filter":"regexp","regexp":"(\\d)\\d","value":"${1}x"}"#, "1234", "1x3x");
        let several = r#"{"filter":"multi_regexp","operations":[{"regexp":"a","value":"b"},
                          {"regexp":"b","value":"c"}]}"#;
        check(several, "ab", "cc");
    }

    #[test]
    fn addresses_keep_their_networks_and_ports() {
        let mask = r#"{"filter":"ip_mask","ipv4_cidr":16,"ipv6_cidr":32}"#;
        check(mask, "203.0.113.7", "203.0.0.0");
        check(mask, "203.0.113.7:80,10.1.2.3", "203.0.0.0:80, 10.1.0.0");
        check(mask, "[2001:db8::1]:443", "[2001:db8::]:443");
        check(mask, "2001:db8:1::1", "2001:db8::");
        check(mask, "nobody", "nobody");
    }

    #[test]
    fn parameters_of_a_query_are_changed() {
        let query = r#"{"filter":"query","actions":[
            {"type":"replace","parameter":"a","value":"X Y"},
            {"type":"delete","parameter":"b"},{"type":"hash","parameter":"c"}]}"#;
        check(query, "/p?c=secret&b=1&a=1&a=2&z=%2F", "/p?a=X+Y&a=X+Y&c=2bb80d53&z=%2F");
        check(query, "/p?b=1", "/p");
        check(query, "/p", "/p");
        check(query, "/p?", "/p?");
    }

    #[test]
    fn a_field_is_left_out_renamed_or_replaced() {
        let config = r#"{"a":{"filter":"delete"},"b":{"filter":"rename","name":"c"},
                         "d":{"filter":"replace","value":"x"}}"#;
        let config = serde_json::from_str(config).expect("filters");
        let filters = [Filters::compile(&config).expect("they are valid")];
        let number = || Value::Json(Cow::Borrowed(b"1"));
        let apply = |path: &str| apply(&filters, path, path, number());
        assert_eq!(apply("a"), Applied::Gone);
        assert_eq!(apply("b"), Applied::Changed("c".to_owned(), number()));
        let text = Value::Text(Cow::Borrowed(b"x"));
        assert_eq!(apply("d"), Applied::Changed("d".to_owned(), text));
        assert_eq!(apply("e"), Applied::Untouched(number()));
    }

    #[test]
    fn a_bad_filter_is_refused_by_its_path() {
        let refused = |filter: &str| {
            let config = serde_json::from_str(&format!(r#"{{"a":{filter}}}"#)).expect("filters");
            Filters::compile(&config).expect_err("it is wrong")
        };
        let expression = refused(r#"{"filter":"regexp","regexp":"("}"#);
        assert_eq!(expression, "filter a: bad expression \"(\"");
        let none = refused(r#"{"filter":"multi_regexp","operations":[]}"#);
        assert_eq!(none, "filter a: no regexp operations configured");
    }
}
