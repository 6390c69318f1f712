//! What the conditions of a request make of a file, as Go's `ServeContent` decides it.

use super::range::{self, Ranges};
use crate::http::exchange::Exchange;
use http::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderValue, Method};
use std::time::{SystemTime, UNIX_EPOCH};

/// What conditions of the request say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Send,
    /// 304, or 412 for a condition that must hold.
    Not(u16),
}

/// What the request's conditions make of the file, in the order of RFC 9110, 13.2.2.
pub(super) fn verdict(
    ex: &Exchange<'_>,
    tag: Option<&HeaderValue>,
    modified: Option<SystemTime>,
) -> Verdict {
    if !ex.headers().keys().any(|name| name.as_str().starts_with("if-")) {
        return Verdict::Send;
    }
    let field = |name| text(ex, name);
    let tag = tag.and_then(|t| t.to_str().ok()).unwrap_or_default();
    if let Some(tags) = field(IF_MATCH) {
        if !listed(tags, tag, true) {
            return Verdict::Not(412);
        }
    } else if let Some(date) = field(IF_UNMODIFIED_SINCE)
        && newer(modified, date) == Some(true)
    {
        return Verdict::Not(412);
    }
    let reads = matches!(ex.method, Method::GET | Method::HEAD);
    if let Some(tags) = field(IF_NONE_MATCH) {
        if listed(tags, tag, false) {
            return Verdict::Not(if reads { 304 } else { 412 });
        }
    } else if let Some(date) = field(IF_MODIFIED_SINCE)
        && reads
        && newer(modified, date) == Some(false)
    {
        return Verdict::Not(304);
    }
    Verdict::Send
}

/// The ranges of the file that are asked for.
pub(super) fn wanted_ranges(
    ex: &Exchange<'_>,
    tag: Option<&HeaderValue>,
    modified: Option<SystemTime>,
    len: u64,
) -> Ranges {
    let Some(wanted) = text(ex, RANGE) else { return Ranges::All };
    if let Some(condition) = text(ex, IF_RANGE) {
        let tag = tag.and_then(|t| t.to_str().ok());
        let same = if condition.starts_with(['"', 'W']) {
            tag == Some(condition)
        } else {
            // The date must be the very one that was sent.
            newer(modified, condition) == Some(false)
                && modified.is_some_and(|m| httpdate::fmt_http_date(m) == condition)
        };
        if !same {
            return Ranges::All;
        }
    }
    range::parse(wanted, len)
}

/// A field of the request; one without a value is none.
fn text<'e>(ex: &'e Exchange<'_>, name: HeaderName) -> Option<&'e str> {
    ex.headers().get(name).and_then(|v| v.to_str().ok()).filter(|text| !text.is_empty())
}

/// Whether a list of tags has this one; the strong comparison takes no weak tags. Commas may
/// be missing, and behind what is no tag nothing is read.
fn listed(tags: &str, tag: &str, strong: bool) -> bool {
    let own_weak = tag.strip_prefix("W/");
    let tag = own_weak.unwrap_or(tag).strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let mut rest = tags;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',']);
        if rest.starts_with('*') {
            return true;
        }
        let weak = rest.strip_prefix("W/");
        let Some(quoted) = weak.unwrap_or(rest).strip_prefix('"') else { return false };
        let Some((opaque, behind)) = quoted.split_once('"') else { return false };
        if opaque.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return false;
        }
        if tag == Some(opaque) && !(strong && (weak.is_some() || own_weak.is_some())) {
            return true;
        }
        rest = behind;
    }
}

/// Whether something is newer than a date, in whole seconds.
pub(super) fn newer(modified: Option<SystemTime>, date: &str) -> Option<bool> {
    let seconds = |t: SystemTime| t.duration_since(UNIX_EPOCH).map(|d| d.as_secs()).ok();
    let date = httpdate::parse_http_date(date).ok()?;
    Some(seconds(modified?)? > seconds(date)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly_and_strongly() {
        assert!(listed("\"a\", W/\"b\"", "\"b\"", false));
        assert!(!listed("W/\"b\"", "\"b\"", true));
        assert!(listed("\"b\"", "W/\"b\"", false));
        assert!(!listed("W/\"b\"", "W/\"b\"", true));
        assert!(listed("*", "\"b\"", true));
        assert!(listed("\"a\" \"b\"", "\"b\"", false));
        assert!(listed(", ,\"b\"", "\"b\"", true));
        assert!(!listed("b, \"b\"", "\"b\"", false));
        assert!(!listed("\"c\"", "\"b\"", false));
    }
}
