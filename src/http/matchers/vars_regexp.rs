//! `vars_regexp name variable ^v(\d+)$`: an expression finds something in one of some
//! variables or placeholders.

use super::vars::Variable;
use crate::config::matchers::Regexp as Config;
use crate::http::exchange::Exchange;
use crate::http::regexp::Regexp;
use crate::http::server::ProvisionError;
use std::collections::BTreeMap;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct VarsRegexp(Vec<(Variable, Regexp)>);

impl VarsRegexp {
    pub(super) fn provision(vars: &BTreeMap<String, Config>) -> Result<Self, ProvisionError> {
        let compile = |(name, regexp): (&String, &Config)| {
            let compiled = Regexp::provision(regexp).map_err(|error| error.within(name))?;
            Ok((Variable::new(name), compiled))
        };
        vars.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn matches(&self, ex: &mut Exchange<'_>) -> bool {
        self.0.iter().any(|(variable, regexp)| {
            let found = regexp.find(&variable.value(ex));
            ex.keep(found)
        })
    }
}
