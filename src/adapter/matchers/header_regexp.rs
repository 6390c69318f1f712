//! `header_regexp`: requests in whose header fields regular expressions find something.

use super::{Definition, expect_no_block, parse_field_regexp};
use crate::adapter::error::Result;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// Reads `header_regexp [NAME] FIELD EXPRESSION`, once for each field. Without a name, the
/// expression is named as the matcher is.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut fields = BTreeMap::new();
    while d.next() {
        let (field, regexp) = parse_field_regexp(d, into.name)?;
        if fields.contains_key(&field) {
            let text = format!(
                "header_regexp matcher can only be used once per named matcher, per header \
                 field: {field}"
            );
            return Err(d.err(text).into());
        }
        fields.insert(field, regexp);
        expect_no_block(d, "header_regexp")?;
    }
    into.set.header_regexp = Some(fields);
    Ok(())
}
