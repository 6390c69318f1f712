//! `query`: requests with some keys and values in their query.

use super::{Definition, expect_no_block};
use crate::adapter::error::Result;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// Reads `query KEY=VALUE…`; values of one key are alternatives, and an empty word means
/// that there is no query.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while d.next() {
        let arguments = d.remaining_args();
        for argument in arguments.iter().filter(|argument| !argument.is_empty()) {
            let Some((key, value)) = argument.split_once('=') else {
                // Caddy names the last argument, whichever is to blame.
                let text = format!(
                    "malformed query matcher token: {}; must be in param=val format",
                    d.val()
                );
                return Err(d.err(text).into());
            };
            query.entry(key.to_owned()).or_default().push(value.to_owned());
        }
        expect_no_block(d, "query")?;
    }
    into.set.query = Some(query);
    Ok(())
}
