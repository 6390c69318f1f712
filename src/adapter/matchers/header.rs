//! `header`: requests with some header fields.

use super::{Definition, expect_no_block};
use crate::adapter::error::Result;
use crate::adapter::values::canonical_field;
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// Field names and values; `None` means that there must be no such field.
type Fields = BTreeMap<String, Option<Vec<String>>>;

/// Reads `header FIELD VALUE` and `header !FIELD`; values of one field are alternatives.
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut fields = Fields::new();
    parse_fields(d, &mut fields)?;
    into.set.header = Some(fields);
    Ok(())
}

/// The same for answers.
pub(in crate::adapter) fn parse_fields(d: &mut Dispenser, fields: &mut Fields) -> Result<()> {
    while d.next() {
        if !d.next_arg() {
            return Err(d.err("malformed header matcher: expected field").into());
        }
        let field = d.val().to_owned();
        if let Some(absent) = field.strip_prefix('!') {
            if absent.is_empty() {
                let text = "malformed header matcher: must have field name following ! character";
                return Err(d.err(text).into());
            }
            fields.insert(absent.to_owned(), None);
            if d.next_arg() {
                let text =
                    "malformed header matcher: null matching headers cannot have a field value";
                return Err(d.err(text).into());
            }
        } else {
            if !d.next_arg() {
                let text = "malformed header matcher: expected both field and value";
                return Err(d.err(text).into());
            }
            let values = fields.entry(canonical_field(&field)).or_default();
            values.get_or_insert_default().push(d.val().to_owned());
        }
        expect_no_block(d, "header")?;
    }
    Ok(())
}
