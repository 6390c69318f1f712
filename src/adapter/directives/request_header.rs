//! `request_header`: changes the header of the request.

use super::header::{apply_plain, parse_change, refuse_default, trim_colon};
use super::new_route;
use crate::adapter::error::Result;
use crate::adapter::scope::{Scope, Value};
use crate::adapter::values::expect_no_arg;
use crate::config::handlers::{Handler, HeaderOps, Headers};
use caddyfile_parser::Dispenser;

/// Reads `request_header [MATCHER] [+|-]FIELD [VALUE | FIND REPLACE]`.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Vec<Value>> {
    d.next();
    let matcher = scope.take_matcher(d)?;
    d.next();
    if !d.next_arg() {
        return Err(d.arg_err().into());
    }
    let mut change = parse_change(d);
    trim_colon(&mut change);
    expect_no_arg(d)?;
    refuse_default(d, &change)?;
    let mut ops = HeaderOps::default();
    apply_plain(&change, &mut ops);
    let headers = Headers { request: Some(ops), response: None };
    Ok(vec![new_route(matcher, Handler::Headers(headers))])
}
