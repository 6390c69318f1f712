//! `preferred_chains`, of the option and of issuers.

use crate::adapter::error::Result;
use crate::adapter::values::{expect_args, expect_no_arg, unknown};
use crate::config::tls::issuers::ChainPreference;
use caddyfile_parser::Dispenser;

/// Reads, with `preferred_chains` loaded,
///
/// ```caddyfile
/// preferred_chains smallest
/// preferred_chains {
///     root_common_name NAME …
/// }
/// preferred_chains {
///     any_common_name NAME …
/// }
/// ```
pub(in crate::adapter) fn parse_chains(d: &mut Dispenser) -> Result<ChainPreference> {
    let mut chains = ChainPreference::default();
    if d.next_arg() {
        if d.val() != "smallest" {
            let text = format!("Invalid argument '{}'", d.val());
            return Err(unknown(d, text, &["smallest"]));
        }
        chains.smallest = Some(true);
        expect_no_arg(d)?;
        let nesting = d.nesting();
        if d.next_block(nesting) {
            let text = "No more options are accepted when using the 'smallest' option";
            return Err(d.err(text).into());
        }
    }
    let nesting = d.nesting();
    while d.next_block(nesting) {
        let word = d.val().to_owned();
        let (names, others, other) = match word.as_str() {
            "root_common_name" => {
                (&mut chains.root_common_name, &chains.any_common_name, "any_common_name")
            }
            "any_common_name" => {
                (&mut chains.any_common_name, &chains.root_common_name, "root_common_name")
            }
            _ => {
                let text = format!("Received unrecognized parameter '{word}'");
                return Err(unknown(d, text, &["root_common_name", "any_common_name"]));
            }
        };
        names.extend(expect_args(d)?);
        if !others.is_empty() {
            return Err(d.err(format!("Can't set {word} when {other} is already set")).into());
        }
    }
    if chains == ChainPreference::default() {
        return Err(d.err("No options for preferred_chains received").into());
    }
    Ok(chains)
}
