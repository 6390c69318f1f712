//! `not …`: none of these sets matches.

use super::MatcherSet;
use crate::config::matchers::MatcherSet as Config;
use crate::http::exchange::{Exchange, Failure};
use crate::http::server::ProvisionError;

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct Not(Vec<MatcherSet>);

impl Not {
    pub(super) fn provision(sets: &[Config]) -> Result<Self, ProvisionError> {
        super::provision(sets).map(Self)
    }

    pub(super) fn matches(&self, ex: &mut Exchange<'_>) -> Result<bool, Failure> {
        for set in &self.0 {
            if set.matches(ex)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
