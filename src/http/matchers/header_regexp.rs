//! `header_regexp name Field ^v(\d+)$`: expressions find something in a line of each of
//! these fields.

use super::header::lines;
use crate::config::matchers::Regexp as Config;
use crate::http::exchange::Exchange;
use crate::http::regexp::Regexp;
use crate::http::server::ProvisionError;
use std::collections::BTreeMap;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct HeaderRegexp(Vec<(String, Regexp)>);

impl HeaderRegexp {
    pub(super) fn provision(fields: &BTreeMap<String, Config>) -> Result<Self, ProvisionError> {
        let compile = |(field, regexp): (&String, &Config)| {
            let compiled = Regexp::provision(regexp).map_err(|error| error.within(field))?;
            Ok((field.to_ascii_lowercase(), compiled))
        };
        fields.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn matches(&self, ex: &mut Exchange<'_>) -> bool {
        self.0.iter().all(|(field, regexp)| {
            let found = lines(ex, field).into_iter().find_map(|line| regexp.find(line));
            ex.keep(found)
        })
    }
}
