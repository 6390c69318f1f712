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
    let field = |name: HeaderName| ex.headers().get(name).and_then(|v| v.to_str().ok());
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
    let text = |name: HeaderName| ex.headers().get(name).and_then(|v| v.to_str().ok());
    let Some(wanted) = text(RANGE) else { return Ranges::All };
    if let Some(condition) = text(IF_RANGE) {
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

/// Whether a list of tags has this one; the strong comparison takes no weak tags.
fn listed(tags: &str, tag: &str, strong: bool) -> bool {
    tags.split(',').map(str::trim).any(|t| {
        let weak = t.strip_prefix("W/");
        t == "*" || (weak.unwrap_or(t) == tag && !tag.is_empty() && !(strong && weak.is_some()))
    })
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
        assert!(listed("*", "\"b\"", true));
        assert!(!listed("\"c\"", "\"b\"", false));
    }
}
