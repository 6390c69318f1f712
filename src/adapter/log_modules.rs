//! What logs consist of: [`writers`], [`encoders`], [`filters`] of fields; cores and
//! sampling, which stand here.

mod encoders;
mod filters;
mod writers;

pub(super) use encoders::parse_encoder;
pub(super) use writers::parse_writer;

use super::error::Result;
use super::values::{expect_arg, expect_duration, integer, not_registered, unknown};
use crate::config::NoFields;
use crate::config::logging::{Core, Sampling};
use caddyfile_parser::Dispenser;
use std::collections::HashSet;

/// Reads `core CORE …`, of which `core` is loaded.
pub(super) fn parse_core(d: &mut Dispenser) -> Result<Core> {
    match expect_arg(d)?.as_str() {
        "mock" => {
            // Whatever is said to it is ignored.
            drop(d.next_segment());
            Ok(Core::Mock(NoFields {}))
        }
        name => Err(not_registered(d, "caddy.logging.cores", name, &["mock"])),
    }
}

/// Reads `sampling { interval DURATION; first NUM; thereafter NUM }`, each at most once.
/// Arguments are ignored, as Caddy does.
pub(super) fn parse_sampling(d: &mut Dispenser) -> Result<Sampling> {
    let mut d = d.new_from_next_segment();
    d.next();
    d.remaining_args();
    let mut sampling = Sampling::default();
    let mut seen = HashSet::new();
    while d.next_block(0) {
        let word = d.val().to_owned();
        if !seen.insert(word.clone()) {
            let text = format!("'{word}' specified more than once in the same sampling block");
            return Err(d.err(text).into());
        }
        match word.as_str() {
            "interval" => {
                sampling.interval = expect_duration(&mut d, "failed to parse interval")?;
            }
            "first" => sampling.first = expect_integer(&mut d, "failed to parse first")?,
            "thereafter" => {
                sampling.thereafter = expect_integer(&mut d, "failed to parse thereafter")?;
            }
            other => {
                let text = format!("unrecognized subdirective: {other}");
                return Err(unknown(&d, text, &["interval", "first", "thereafter"]));
            }
        }
    }
    Ok(sampling)
}

fn expect_integer(d: &mut Dispenser, what: &str) -> Result<i64> {
    let text = expect_arg(d)?;
    integer(&text).map_err(|error| d.err(format!("{what}: {error}")).into())
}
