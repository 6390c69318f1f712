//! `header`: changes the header of answers.

use super::new_route;
use crate::adapter::error::Result;
use crate::adapter::response_matcher;
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::canonical_field;
use crate::config::handlers::{
    Handler, HeaderOps, Headers, Replacement, ResponseHeaderOps, ResponseMatcher,
};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// header [MATCHER] [[+|-|?|>]FIELD [VALUE | FIND REPLACE]] {
///     [+|-|?|>]FIELD [VALUE | FIND REPLACE]
///     defer
///     match RESPONSE_MATCHER
/// }
/// ```
///
/// `+` adds, `-` removes, `?` sets what is not there, `>` sets when the head goes out.
/// What `?` sets is a handler of its own, as it asks for fields that are not there.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let matcher = scope.take_matcher(d)?;
    d.next();
    let mut plain = ResponseHeaderOps::default();
    let mut defaults = ResponseHeaderOps::default();
    let has_args = d.next_arg();
    if has_args {
        apply(&parse_change(d), &mut plain);
        plain.deferred |= !plain.ops.delete.is_empty();
    }
    while d.next_block(0) {
        match d.val() {
            "defer" => plain.deferred = true,
            "match" => plain.require = Some(response_matcher::parse(d)?),
            _ if has_args => {
                return Err(d.err("cannot specify headers in both arguments and block").into());
            }
            _ => {
                let mut change = parse_change(d);
                trim_colon(&mut change);
                let is_default = change.field.starts_with('?');
                apply(&change, if is_default { &mut defaults } else { &mut plain });
            }
        }
    }
    let handlers = [plain, defaults].into_iter().filter(|ops| *ops != ResponseHeaderOps::default());
    let handlers = handlers.map(|ops| Headers { request: None, response: Some(ops) });
    Ok(handlers.map(|ops| new_route(matcher.clone(), Handler::Headers(ops))).collect())
}

/// One line of what is done to a field.
pub(super) struct Change {
    /// The field with what stands before its name.
    pub(super) field: String,
    value: String,
    replacement: Option<String>,
}

impl Change {
    /// The change in the arguments of one line; `None` when there are none or too many.
    pub(super) fn from_args(args: &[String]) -> Option<Self> {
        let (field, value, replacement) = match args {
            [field] => (field, "", None),
            [field, value] => (field, value.as_str(), None),
            [field, value, replacement] => (field, value.as_str(), Some(replacement.clone())),
            _ => return None,
        };
        Some(Self { field: field.clone(), value: value.to_owned(), replacement })
    }
}

/// Refuses a default where Caddy knows none.
pub(super) fn refuse_default(d: &Dispenser, change: &Change) -> Result<()> {
    let field = &change.field;
    if !field.starts_with('?') {
        return Ok(());
    }
    let text = format!(
        "{field}: the default header modifier ('?') can only be used on response headers; for \
         conditional manipulation of request headers, use matchers"
    );
    Err(d.err(text).into())
}

/// Reads the field that is loaded, and what is done to it.
pub(super) fn parse_change(d: &mut Dispenser) -> Change {
    let field = d.val().to_owned();
    let value = if d.next_arg() { d.val().to_owned() } else { String::new() };
    let replacement = d.next_arg().then(|| d.val().to_owned());
    Change { field, value, replacement }
}

/// Drops the colon that people write out of habit.
pub(super) fn trim_colon(change: &mut Change) {
    if change.field.ends_with(':') {
        change.field.pop();
    }
}

/// Adds a change that is no default to `ops`; true when it waits for the head to go out.
pub(super) fn apply_plain(change: &Change, ops: &mut HeaderOps) -> bool {
    let Change { field, value, replacement } = change;
    let value = || value.clone();
    if let Some(field) = field.strip_prefix('+') {
        ops.add.entry(canonical_field(field)).or_default().push(value());
        return false;
    }
    if let Some(field) = field.strip_prefix('-') {
        ops.delete.push(field.to_owned());
        return true;
    }
    let deferred = field.starts_with('>');
    match replacement {
        Some(replacement) => {
            let field = field.trim_start_matches(['+', '-', '?', '>']).to_owned();
            ops.replace.entry(field).or_default().push(Replacement {
                search_regexp: value(),
                replace: replacement.clone(),
                ..Replacement::default()
            });
        }
        None => {
            let field = field.strip_prefix('>').unwrap_or(field);
            ops.set.insert(canonical_field(field), vec![value()]);
        }
    }
    deferred
}

fn apply(change: &Change, response: &mut ResponseHeaderOps) {
    let Some(field) = change.field.strip_prefix('?') else {
        response.deferred |= apply_plain(change, &mut response.ops);
        return;
    };
    let require = response.require.get_or_insert_with(ResponseMatcher::default);
    require.headers.insert(field.to_owned(), None);
    response.ops.set.insert(canonical_field(field), vec![change.value.clone()]);
}
