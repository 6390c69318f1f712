//! `push`: pushes resources over HTTP/2.

use super::header::{apply_plain, parse_change, refuse_default};
use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, expect_no_arg};
use crate::config::handlers::{Handler, HeaderOps, Push, PushResource};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// push [MATCHER] [RESOURCE] {
///     [GET | HEAD] RESOURCE
///     headers {
///         [+|-]FIELD [VALUE | FIND REPLACE]
///     }
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut push = Push::default();
    if d.next_arg() {
        push.resources.push(resource("", d.val()));
    }
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "headers" => parse_headers(d, &mut push.headers)?,
            method @ ("GET" | "HEAD") => {
                let target = expect_arg(d)?;
                push.resources.push(resource(method, &target));
            }
            target => push.resources.push(resource("", target)),
        }
    }
    Ok(Handler::Push(push))
}

fn resource(method: &str, target: &str) -> PushResource {
    PushResource { method: method.to_owned(), target: target.to_owned() }
}

fn parse_headers(d: &mut Dispenser, headers: &mut Option<HeaderOps>) -> Result<()> {
    expect_no_arg(d)?;
    let nesting = d.nesting();
    while d.next_block(nesting) {
        let change = parse_change(d);
        if !d.remaining_args().is_empty() {
            return Err(d.arg_err().into());
        }
        refuse_default(d, &change)?;
        apply_plain(&change, headers.get_or_insert_default());
    }
    Ok(())
}
