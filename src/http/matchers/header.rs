//! `header Field value`: one of a field's lines has one of these values. `*` at either
//! end of a value stands for anything, alone for any value; an absent list means that
//! the field must be absent.

use crate::http::exchange::Exchange;
use crate::http::placeholder::{Template, Unknown};
use std::collections::BTreeMap;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct Header(Vec<(String, Option<Vec<Template>>)>);

impl Header {
    pub(super) fn new(fields: &BTreeMap<String, Option<Vec<String>>>) -> Self {
        let compile = |v: &String| Template::new(v, Unknown::Vanishes);
        let fields = fields.iter().map(|(name, values)| {
            let values = values.as_ref().map(|values| values.iter().map(compile).collect());
            (name.to_ascii_lowercase(), values)
        });
        Self(fields.collect())
    }

    pub(super) fn matches(&self, ex: &Exchange<'_>) -> bool {
        self.0.iter().all(|(name, values)| {
            let present = lines(ex, name);
            let Some(values) = values else { return present.is_empty() };
            if values.is_empty() {
                return !present.is_empty();
            }
            values.iter().any(|wanted| {
                let wanted = wanted.fill(ex);
                present.iter().any(|value| matches_value(&wanted, value))
            })
        })
    }
}

/// The lines of a field, whose name is in lower case.
pub(super) fn lines<'e>(ex: &'e Exchange<'_>, name: &str) -> Vec<&'e [u8]> {
    match name {
        "host" => vec![&ex.host],
        // Handlers do not see it, but it may be asked for.
        "transfer-encoding" => {
            ex.original_headers().get_all(name).iter().map(|v| v.as_bytes()).collect()
        }
        name => ex.headers().get_all(name).iter().map(|v| v.as_bytes()).collect(),
    }
}

/// Whether a value is the wanted one, which may have a `*` at either end.
pub(in crate::http) fn matches_value(wanted: &[u8], value: &[u8]) -> bool {
    match wanted {
        [b'*'] => true,
        [b'*', middle @ .., b'*'] => {
            middle.is_empty() || value.windows(middle.len()).any(|w| w == middle)
        }
        [b'*', tail @ ..] => value.ends_with(tail),
        [head @ .., b'*'] => value.starts_with(head),
        _ => wanted == value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_at_either_end() {
        let check = |wanted: &str, value: &str, expected| {
            assert_eq!(matches_value(wanted.as_bytes(), value.as_bytes()), expected, "{wanted}");
        };
        check("exact", "exact", true);
        check("exact", "EXACT", false);
        check("*mid*", "a mid b", true);
        check("pre*", "prefix", true);
        check("*suf", "a-suf", true);
        check("*", "", true);
        check("**", "", true);
    }
}
