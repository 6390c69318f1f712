//! `vars name value…`: one of some variables or placeholders has one of its values.

use crate::http::exchange::Exchange;
use crate::http::placeholder::{Placeholder, Template, Unknown};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct Vars(Vec<(Variable, Vec<Template>)>);

/// A variable of the request, or a placeholder.
#[derive(Debug)]
pub(super) enum Variable {
    Named(String),
    /// Nothing has the name when it is absent.
    Placeholder(Option<Placeholder>),
}

impl Vars {
    pub(super) fn new(vars: &BTreeMap<String, Vec<String>>) -> Self {
        let compile = |(name, values): (&String, &Vec<String>)| {
            let values = values.iter().map(|value| Template::new(value, Unknown::Vanishes));
            (Variable::new(name), values.collect())
        };
        Self(vars.iter().map(compile).collect())
    }

    pub(super) fn matches(&self, ex: &Exchange<'_>) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|(variable, values)| {
                let value = variable.value(ex);
                values.iter().any(|wanted| wanted.fill(ex) == value)
            })
    }
}

impl Variable {
    /// Reads `name` or `{placeholder}`.
    pub(super) fn new(name: &str) -> Self {
        match name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(inner) if !inner.contains('{') => {
                Self::Placeholder(Placeholder::parse(inner.trim_matches('}')))
            }
            _ => Self::Named(name.to_owned()),
        }
    }

    /// Its value, which is not looked into for placeholders again; nothing when unset.
    pub(super) fn value<'a>(&'a self, ex: &'a Exchange<'_>) -> Cow<'a, [u8]> {
        match self {
            Self::Named(name) => Cow::Borrowed(ex.vars.value(name)),
            Self::Placeholder(placeholder) => {
                placeholder.as_ref().and_then(|one| one.value(ex)).unwrap_or_default()
            }
        }
    }
}
