//! The configuration as it was given: JSON that paths lead into.
//!
//! A path such as `/config/apps/http/servers/srv0/routes/0` walks down by keys and array
//! indexes. A change makes a new tree, so that one that cannot be loaded leaves no trace.
//! What is kept is what was said, not what it was taken for: `@id` stays, and numbers are
//! floating-point ones, as in Go. The rules and the texts are Caddy's.

use super::error::ApiError;
use crate::config::go_json;
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use xxhash_rust::xxh64::xxh64;

/// The one key at the root.
const CONFIG: &str = "config";
/// Names an object, for paths that begin with `/id/`.
const ID: &str = "@id";

/// What is to be done with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Sets it, or appends to the array that is there.
    Post,
    /// Creates it, or inserts before an array's element.
    Put,
    /// Replaces it.
    Patch,
    /// Removes it.
    Delete,
}

/// The whole configuration, as it was given.
#[derive(Clone, Debug)]
pub struct Tree {
    root: Map<String, Value>,
    /// The configuration's text, `null` when there is none.
    json: String,
    ids: BTreeMap<String, String>,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Map::from_iter([(CONFIG.to_owned(), Value::Null)]);
        Self { root, json: "null".to_owned(), ids: BTreeMap::new() }
    }
}

impl Tree {
    /// The configuration's text, on one line.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The path of the object with this `@id`.
    pub fn path_of(&self, id: &str) -> Option<&str> {
        self.ids.get(id).map(String::as_str)
    }

    /// The text of the value at a path, with a final newline; `null` where nothing is.
    ///
    /// # Errors
    /// When the path leads through what is no object and no array.
    pub fn read(&self, path: &str) -> Result<String, ApiError> {
        let parts = split(path)?;
        let mut at = Place::Object(&self.root);
        for (i, part) in parts.iter().enumerate() {
            let next = match at {
                Place::Object(object) => {
                    let next = object.get(*part).unwrap_or(&Value::Null);
                    if let (Value::Array(items), true) = (next, i + 2 == parts.len()) {
                        let index = index(path, parts[i + 1], items.len())?;
                        return Ok(go_json(&items[index]) + "\n");
                    }
                    if i + 1 == parts.len() {
                        return Ok(go_json(next) + "\n");
                    }
                    next
                }
                Place::Array(items) => {
                    let above = format!("/{}", parts[..=i].join("/"));
                    &items[index(&above, part, items.len())?]
                }
                Place::Nothing => return Err(no_way(&parts[..=i])),
            };
            at = Place::of(next);
        }
        // An element of an array in an array: Caddy answers with nothing.
        Ok(String::new())
    }

    /// The tree with a change made. An empty `body` is `null`.
    ///
    /// # Errors
    /// When the body is no JSON, the path leads nowhere, a key that is to be there is not
    /// or the reverse, or two objects have one `@id`.
    pub fn changed(&self, method: Method, path: &str, body: &[u8]) -> Result<Self, ApiError> {
        let value = if body.is_empty() { Value::Null } else { decode(body)? };
        let mut root = Value::Object(self.root.clone());
        apply(&mut root, method, path, value)?;
        let Value::Object(root) = root else { return Err(no_way(&[])) };
        let config = root.get(CONFIG).unwrap_or(&Value::Null);
        let mut ids = BTreeMap::new();
        collect_ids(config, &format!("/{CONFIG}"), &mut ids)
            .map_err(|why| ApiError::new(400, format!("indexing config: {why}")))?;
        let json = go_json(config);
        Ok(Self { root, json, ids })
    }

    /// Whether an `If-Match` names what is there: `"<path> <hash>"`.
    ///
    /// # Errors
    /// When it does not, or is malformed.
    pub fn check_match(&self, header: &str) -> Result<(), ApiError> {
        let malformed =
            |form: &str| ApiError::new(400, format!("malformed If-Match header; expect {form}"));
        let inner = header.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let inner = inner.ok_or_else(|| malformed("quoted string"))?;
        let parts: Vec<&str> = inner.split_whitespace().collect();
        let [path, hash] = parts[..] else {
            return Err(malformed("format \"<path> <hash>\""));
        };
        if format!("{:016x}", xxh64(self.read(path)?.as_bytes(), 0)) == hash {
            return Ok(());
        }
        Err(ApiError::new(412, "If-Match header did not match current config hash"))
    }
}

/// The `ETag` of a value's text at a path.
pub(super) fn etag(path: &str, text: &str) -> String {
    format!("\"{path} {:016x}\"", xxh64(text.as_bytes(), 0))
}

/// Where a walk has come.
enum Place<'t> {
    Object(&'t Map<String, Value>),
    Array(&'t [Value]),
    Nothing,
}

impl<'t> Place<'t> {
    fn of(value: &'t Value) -> Self {
        match value {
            Value::Object(object) => Self::Object(object),
            Value::Array(items) => Self::Array(items),
            _ => Self::Nothing,
        }
    }
}

/// The keys and indexes of a path. A final `...` is no part of the way.
fn split(path: &str) -> Result<Vec<&str>, ApiError> {
    let clean = path.trim_matches('/');
    if clean.is_empty() {
        return Err(ApiError::plain("no traversable path"));
    }
    let mut parts: Vec<&str> = clean.split('/').collect();
    if is_spread(path) {
        parts.pop();
    }
    Ok(parts)
}

/// Whether the elements of the given array are meant, and not the array.
fn is_spread(path: &str) -> bool {
    path.trim_matches('/').rsplit('/').next() == Some("...")
}

fn no_way(parts: &[&str]) -> ApiError {
    ApiError::plain(format!("invalid traversal path at: {}", parts.join("/")))
}

/// An array index in its one form, below `end`.
fn index(path: &str, text: &str, end: usize) -> Result<usize, ApiError> {
    let invalid =
        |why: &str| ApiError::plain(format!("[{path}] invalid array index '{text}': {why}"));
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if text.is_empty() {
        return Err(invalid("empty index"));
    }
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid(&format!("strconv.Atoi: parsing \"{text}\": invalid syntax")));
    }
    let Ok(number) = text.parse::<i64>() else {
        return Err(invalid(&format!("strconv.Atoi: parsing \"{text}\": value out of range")));
    };
    if number.to_string() != text {
        return Err(invalid("non-canonical array index"));
    }
    let index = usize::try_from(number).ok().filter(|index| *index < end);
    index.ok_or_else(|| ApiError::plain(format!("[{path}] array index out of bounds: {text}")))
}

/// Reads a value; its numbers become floating-point ones.
fn decode(body: &[u8]) -> Result<Value, ApiError> {
    let mut value = crate::config::parse(body)
        .map_err(|error| ApiError::plain(format!("decoding request body: {error}")))?;
    float(&mut value);
    Ok(value)
}

fn float(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().and_then(Number::from_f64);
            *number = float.unwrap_or_else(|| number.clone());
        }
        Value::Array(items) => items.iter_mut().for_each(float),
        Value::Object(fields) => fields.values_mut().for_each(float),
        _ => {}
    }
}

fn apply(root: &mut Value, method: Method, path: &str, value: Value) -> Result<(), ApiError> {
    let parts = split(path)?;
    let mut at = root;
    for (i, part) in parts.iter().enumerate() {
        at = match at {
            Value::Object(object) => {
                let enters_array = object.get(*part).is_some_and(Value::is_array);
                if enters_array && i + 2 == parts.len() {
                    let Some(Value::Array(items)) = object.get_mut(*part) else { return Ok(()) };
                    return change_item(items, method, path, parts[i + 1], value);
                }
                if i + 1 == parts.len() {
                    return change_field(object, method, path, part, value);
                }
                if method == Method::Put && object.get(*part).is_none_or(Value::is_null) {
                    object.insert((*part).to_owned(), Value::Object(Map::new()));
                }
                object.entry(*part).or_insert(Value::Null)
            }
            Value::Array(items) => {
                let above = format!("/{}", parts[..=i].join("/"));
                let index = index(&above, part, items.len())?;
                &mut items[index]
            }
            _ => return Err(no_way(&parts[..=i])),
        };
    }
    // An element of an array in an array: Caddy leaves it as it is.
    Ok(())
}

/// Changes an array at one of its elements. POST appends, whatever the index.
fn change_item(
    items: &mut Vec<Value>,
    method: Method,
    path: &str,
    text: &str,
    value: Value,
) -> Result<(), ApiError> {
    match method {
        Method::Post => append(items, path, value)?,
        Method::Put => {
            let index = index(path, text, items.len() + 1)?;
            items.insert(index, value);
        }
        Method::Patch => {
            let index = index(path, text, items.len())?;
            items[index] = value;
        }
        Method::Delete => {
            let index = index(path, text, items.len())?;
            items.remove(index);
        }
    }
    Ok(())
}

fn append(items: &mut Vec<Value>, path: &str, value: Value) -> Result<(), ApiError> {
    match value {
        Value::Array(more) if is_spread(path) => items.extend(more),
        _ if is_spread(path) => return Err(ApiError::plain("final element is not an array")),
        value => items.push(value),
    }
    Ok(())
}

fn change_field(
    object: &mut Map<String, Value>,
    method: Method,
    path: &str,
    key: &str,
    value: Value,
) -> Result<(), ApiError> {
    let refused =
        |status, what: &str| Err(ApiError::new(status, format!("[{path}] key {what}: {key}")));
    let is_there = object.contains_key(key);
    match method {
        Method::Post => {
            if let Some(Value::Array(items)) = object.get_mut(key) {
                return append(items, path, value);
            }
        }
        Method::Put if is_there => return refused(409, "already exists"),
        Method::Patch | Method::Delete if !is_there => return refused(404, "does not exist"),
        Method::Put | Method::Patch => {}
        Method::Delete => {
            object.remove(key);
            return Ok(());
        }
    }
    object.insert(key.to_owned(), value);
    Ok(())
}

/// Finds every `@id` and the path of its object.
fn collect_ids(
    value: &Value,
    path: &str,
    ids: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key != ID {
                    collect_ids(value, &format!("{path}/{key}"), ids)?;
                    continue;
                }
                let id = match value {
                    Value::String(id) => id.clone(),
                    Value::Number(_) => go_json(value),
                    _ => return Err(format!("{path}: {ID} field must be a string or number")),
                };
                if let Some(other) = ids.insert(id.clone(), path.to_owned()) {
                    return Err(format!("duplicate ID '{id}' found at {other} and {path}"));
                }
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(i, item)| collect_ids(item, &format!("{path}/{i}"), ids)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"{"a":{"list":[1,2,3],"deep":[[1],[2]]},"b":null,"c":"text"}"#;

    fn tree() -> Tree {
        Tree::default().changed(Method::Post, "/config", START.as_bytes()).expect("valid")
    }

    /// One change of [`START`]: what is at `/config/` then, or the error with its status.
    #[track_caller]
    fn check(method: Method, path: &str, body: &str, expected: &str) {
        let got = match tree().changed(method, path, body.as_bytes()) {
            Ok(tree) => tree.json().to_owned(),
            Err(error) => format!("{} {}", error.status, error.message),
        };
        assert_eq!(got, expected);
    }

    #[track_caller]
    fn check_read(path: &str, expected: &str) {
        let got = tree().read(path).unwrap_or_else(|error| error.message);
        assert_eq!(got, expected);
    }

    #[test]
    fn a_path_leads_to_a_value() {
        check_read("/config/a/list", "[1,2,3]\n");
        check_read("/config/a/list/1", "2\n");
        check_read("/config/a/list/...", "[1,2,3]\n");
        check_read("/config/none", "null\n");
        check_read("/config/a/deep/1/0", "");
        check_read("//", "no traversable path");
        check_read("/config/c/x", "invalid traversal path at: config/c/x");
        check_read("/config/b/x/y", "invalid traversal path at: config/b/x");
    }

    #[test]
    fn indexes_have_one_form() {
        let wrong = |text, why| {
            let expected = format!("[/config/a/list/{text}] invalid array index '{text}': {why}");
            check_read(&format!("/config/a/list/{text}"), &expected);
        };
        wrong("01", "non-canonical array index");
        wrong("+1", "non-canonical array index");
        wrong("x", "strconv.Atoi: parsing \"x\": invalid syntax");
        check_read("/config/a/list/3", "[/config/a/list/3] array index out of bounds: 3");
        check_read("/config/a/list/-1", "[/config/a/list/-1] array index out of bounds: -1");
        check_read("/config/a/deep/9/0", "[/config/a/deep/9] array index out of bounds: 9");
    }

    #[test]
    fn post_sets_and_appends() {
        let rest = r#""b":null,"c":"text"}"#;
        let list = |list: &str| format!(r#"{{"a":{{"deep":[[1],[2]],"list":{list}}},{rest}"#);
        check(Method::Post, "/config/a/list", "4", &list("[1,2,3,4]"));
        check(Method::Post, "/config/a/list", "[4]", &list("[1,2,3,[4]]"));
        check(Method::Post, "/config/a/list/...", "[4,5]", &list("[1,2,3,4,5]"));
        check(Method::Post, "/config/a/list/0", "4", &list("[1,2,3,4]"));
        check(Method::Post, "/config/a/list/...", "4", "500 final element is not an array");
        check(Method::Post, "/config", "{}", "{}");
        check(Method::Post, "/config/c/d", "1", "500 invalid traversal path at: config/c/d");
    }

    #[test]
    fn put_creates_and_inserts() {
        let made = r#"{"a":{"deep":[[1],[2]],"list":[1,2,3]},"b":{"x":{"y":1}},"c":"text"}"#;
        check(Method::Put, "/config/b/x/y", "1", made);
        let inserted = r#"{"a":{"deep":[[1],[2]],"list":[1,2,3,9]},"b":null,"c":"text"}"#;
        check(Method::Put, "/config/a/list/3", "9", inserted);
        check(Method::Put, "/config/c", "1", "409 [/config/c] key already exists: c");
        let outside = "500 [/config/a/list/4] array index out of bounds: 4";
        check(Method::Put, "/config/a/list/4", "1", outside);
    }

    #[test]
    fn patch_and_delete_want_something_there() {
        let replaced = r#"{"a":{"deep":[[1],[2]],"list":[1,9,3]},"b":null,"c":"text"}"#;
        check(Method::Patch, "/config/a/list/1", "9", replaced);
        check(Method::Delete, "/config/a", "", r#"{"b":null,"c":"text"}"#);
        check(Method::Delete, "/config/a/list/0", "", &replaced.replace("[1,9,3]", "[2,3]"));
        check(Method::Patch, "/config/x", "1", "404 [/config/x] key does not exist: x");
        check(Method::Delete, "/config/x", "", "404 [/config/x] key does not exist: x");
    }

    #[test]
    fn what_is_no_json_is_explained_as_go_does() {
        let end = "500 decoding request body: unexpected end of JSON input, at offset 1";
        check(Method::Post, "/config", "{", end);
    }

    #[test]
    fn numbers_and_text_are_written_as_go_does() {
        check(
            Method::Post,
            "/config",
            r#"{"a":10000000000,"b":1e3,"c":1.50,"d":"<>&","e":1e21}"#,
            r#"{"a":10000000000,"b":1000,"c":1.5,"d":"\u003c\u003e\u0026","e":1e+21}"#,
        );
    }

    #[test]
    fn objects_are_found_by_their_ids() {
        let json = r#"{"a":[{"@id":"x","b":{"@id":7}}]}"#;
        let tree = Tree::default().changed(Method::Post, "/config", json.as_bytes());
        let tree = tree.expect("valid");
        assert_eq!(tree.path_of("x"), Some("/config/a/0"));
        assert_eq!(tree.path_of("7"), Some("/config/a/0/b"));
        let wrong = |json: &str| {
            let got = Tree::default().changed(Method::Post, "/config", json.as_bytes());
            got.expect_err("it is wrong").message
        };
        assert_eq!(
            wrong(r#"{"a":{"@id":"x"},"b":{"@id":"x"}}"#),
            "indexing config: duplicate ID 'x' found at /config/a and /config/b"
        );
        assert_eq!(
            wrong(r#"{"@id":[]}"#),
            "indexing config: /config: @id field must be a string or number"
        );
    }

    #[test]
    fn a_match_is_of_path_and_hash() {
        let tree = tree();
        let tag = etag("/config/none", &tree.read("/config/none").expect("null"));
        assert_eq!(tag, "\"/config/none 396548453caeba50\"");
        let check = |header: &str| tree.check_match(header).map_err(|e| (e.status, e.message));
        assert_eq!(check(&tag), Ok(()));
        let status = |header: &str| check(header).map_err(|(status, _)| status);
        assert_eq!(status("\"/config/none 0\""), Err(412));
        assert_eq!(status("x"), Err(400));
        assert_eq!(status("\"a b c\""), Err(400));
    }
}
