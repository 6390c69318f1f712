//! Cookies in the fields of an entry: those that a client sent, and those that it is to
//! keep.

use super::hash;
use crate::config::logging::filters::{Action, CookieAction};
use std::borrow::Cow;

/// The `Cookie` lines as one line, changed.
pub(super) fn sent<'v>(lines: &[Cow<'_, [u8]>], actions: &[CookieAction]) -> Vec<Cow<'v, [u8]>> {
    let pairs = lines.iter().flat_map(|line| line.split(|b| *b == b';'));
    let cookies =
        pairs.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()).filter_map(|pair| {
            let (name, value) = changed(pair, actions)?;
            Some([name, b"=", &value].concat())
        });
    let line = cookies.collect::<Vec<_>>().join(&b"; "[..]);
    if line.is_empty() { Vec::new() } else { vec![line.into()] }
}

/// The `Set-Cookie` lines, changed. Their attributes stay as they are.
pub(super) fn set<'v>(lines: &[Cow<'_, [u8]>], actions: &[CookieAction]) -> Vec<Cow<'v, [u8]>> {
    let line = |line: &Cow<'_, [u8]>| {
        let end = line.iter().position(|b| *b == b';').unwrap_or(line.len());
        let (pair, attributes) = line.split_at(end);
        let (name, value) = changed(pair.trim_ascii(), actions)?;
        Some([name, b"=", &value, attributes].concat().into())
    };
    lines.iter().filter_map(line).collect()
}

/// Name and new value of a cookie; `None` when it is left out.
fn changed<'p>(pair: &'p [u8], actions: &[CookieAction]) -> Option<(&'p [u8], Cow<'p, [u8]>)> {
    let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
    let name = &pair[..equals];
    let value = pair.get(equals + 1..).unwrap_or_default();
    let action = actions.iter().find(|action| action.name.as_bytes() == name);
    match action.map(|action| (action.kind, &action.value)) {
        None => Some((name, value.into())),
        Some((Action::Delete, _)) => None,
        Some((Action::Replace, new)) => Some((name, new.clone().into_bytes().into())),
        Some((Action::Hash, _)) => Some((name, hash(value).into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions() -> Vec<CookieAction> {
        let json = r#"[{"type":"replace","name":"a","value":"X"},{"type":"delete","name":"b"},
                       {"type":"hash","name":"c"}]"#;
        serde_json::from_str(json).expect("actions")
    }

    #[test]
    fn cookies_of_a_client_become_one_line() {
        let lines = [Cow::Borrowed(&b"a=1; b=2;c=secret"[..]), Cow::Borrowed(b"d=4")];
        let expected: Vec<Cow<'_, [u8]>> = vec![b"a=X; c=2bb80d53; d=4".into()];
        assert_eq!(sent(&lines, &actions()), expected);
        let redacted = [Cow::Borrowed(&b"REDACTED"[..])];
        assert_eq!(sent(&redacted, &actions()), [&b"REDACTED="[..]]);
    }

    #[test]
    fn cookies_of_an_answer_keep_their_attributes() {
        let lines = [Cow::Borrowed(&b"a=1; Path=/; HttpOnly"[..]), Cow::Borrowed(b"b=2")];
        assert_eq!(set(&lines, &actions()), [&b"a=X; Path=/; HttpOnly"[..]]);
    }
}
