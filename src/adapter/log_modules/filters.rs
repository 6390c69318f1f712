//! Filters: what fields of a log become.

use crate::adapter::error::{Error, Result};
use crate::adapter::values::{expect_arg, integer, not_registered, unknown};
use crate::config::NoFields;
use crate::config::logging::filters::{
    Action, CookieAction, Cookies, EXPRESSION_MAX, FieldFilter, IpMask, List, MultiRegexp,
    OPERATIONS_MAX, Query, QueryAction, Regexp, Rename, Replace,
};
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

const FILTERS: [&str; 10] = [
    "cookie",
    "delete",
    "hash",
    "ip_mask",
    "multi_regexp",
    "query",
    "regexp",
    "rename",
    "replace",
    "set_cookie",
];

/// The filters of one encoder, as they are read.
#[derive(Default)]
pub(super) struct FieldFilters {
    filters: BTreeMap<String, FieldFilter>,
    /// A field may have several of these, unlike the others.
    regexps: BTreeMap<String, Vec<Regexp>>,
}

impl FieldFilters {
    /// Reads `FIELD FILTER …`, of which the field is loaded.
    pub(super) fn parse(&mut self, d: &mut Dispenser) -> Result<()> {
        let field = d.val().to_owned();
        let name = expect_arg(d)?;
        if !FILTERS.contains(&name.as_str()) {
            return Err(not_registered(d, "caddy.logging.encoders.filter", &name, &FILTERS));
        }
        let filter = match parse_filter(&mut d.new_from_next_segment(), &name)? {
            FieldFilter::Regexp(regexp) => {
                self.regexps.entry(field).or_default().push(regexp);
                return Ok(());
            }
            filter => filter,
        };
        if self.regexps.contains_key(&field) {
            let text =
                format!("cannot mix regexp filters with other filter types for field {field}");
            return Err(d.err(text).into());
        }
        if self.filters.contains_key(&field) {
            let text = format!(
                "field {field} already has a filter; \
                 multiple non-regexp filters per field are not supported"
            );
            return Err(d.err(text).into());
        }
        self.filters.insert(field, filter);
        Ok(())
    }

    /// The filters by field. Several expressions become one filter; expressions replace a
    /// filter that stands before them, as in Caddy.
    pub(super) fn merge(self) -> Result<BTreeMap<String, FieldFilter>> {
        let Self { mut filters, regexps } = self;
        for (field, mut regexps) in regexps {
            let filter = if regexps.len() == 1 {
                FieldFilter::Regexp(regexps.remove(0))
            } else {
                check_all(&regexps).map_err(|text| {
                    Error::new(format!("adding regexp operation for field {field}: {text}"))
                })?;
                FieldFilter::MultiRegexp(MultiRegexp { operations: List(regexps) })
            };
            filters.insert(field, filter);
        }
        Ok(filters)
    }
}

/// Refuses expressions that Caddy does not take together.
fn check_all(regexps: &[Regexp]) -> std::result::Result<(), String> {
    for (index, Regexp { regexp, .. }) in regexps.iter().enumerate() {
        if index == OPERATIONS_MAX {
            return Err(format!("cannot add operation: maximum {index} operations allowed"));
        }
        let length = regexp.len();
        if length == 0 {
            return Err("regexp pattern cannot be empty".to_owned());
        }
        if length > EXPRESSION_MAX {
            return Err(format!(
                "regexp pattern too long: {length} characters (maximum {EXPRESSION_MAX})"
            ));
        }
    }
    Ok(())
}

/// Reads a filter from its own segment:
///
/// ```caddyfile
/// cookie | set_cookie { replace NAME BY; hash NAME; delete NAME }
/// delete
/// hash
/// ip_mask [IPV4_BITS [IPV6_BITS]] { ipv4 BITS; ipv6 BITS }
/// multi_regexp { regexp EXPRESSION BY }
/// query { replace PARAMETER BY; hash PARAMETER; delete PARAMETER }
/// regexp EXPRESSION BY
/// rename FIELD
/// replace BY
/// ```
///
/// More arguments than these are ignored, as Caddy does.
fn parse_filter(d: &mut Dispenser, name: &str) -> Result<FieldFilter> {
    d.next();
    Ok(match name {
        "cookie" => FieldFilter::Cookie(parse_cookies(d)?),
        "delete" => FieldFilter::Delete(NoFields {}),
        "hash" => FieldFilter::Hash(NoFields {}),
        "ip_mask" => FieldFilter::IpMask(parse_ip_mask(d)?),
        "multi_regexp" => FieldFilter::MultiRegexp(parse_operations(d)?),
        "query" => FieldFilter::Query(parse_query(d)?),
        "regexp" => FieldFilter::Regexp(Regexp { regexp: optional(d), value: optional(d) }),
        "rename" => FieldFilter::Rename(Rename { name: optional(d) }),
        "replace" => FieldFilter::Replace(Replace { value: optional(d) }),
        _ => FieldFilter::SetCookie(parse_cookies(d)?),
    })
}

/// The next argument, or nothing.
fn optional(d: &mut Dispenser) -> String {
    if d.next_arg() { d.val().to_owned() } else { String::new() }
}

fn parse_ip_mask(d: &mut Dispenser) -> Result<IpMask> {
    let mut mask = IpMask::default();
    let args = d.remaining_args();
    if args.len() > 2 {
        return Err(d.err("too many arguments").into());
    }
    for (bits, text) in [&mut mask.ipv4_cidr, &mut mask.ipv6_cidr].into_iter().zip(&args) {
        *bits = parse_bits(d, text)?;
    }
    while d.next_block(0) {
        let bits = match d.val() {
            "ipv4" => &mut mask.ipv4_cidr,
            "ipv6" => &mut mask.ipv6_cidr,
            other => {
                let text = format!("unrecognized subdirective {other}");
                return Err(unknown(d, text, &["ipv4", "ipv6"]));
            }
        };
        let text = expect_arg(d)?;
        *bits = parse_bits(d, &text)?;
    }
    Ok(mask)
}

fn parse_bits(d: &Dispenser, text: &str) -> Result<i64> {
    integer(text).map_err(|error| d.err(format!("error parsing {text}: {error}")).into())
}

fn parse_operations(d: &mut Dispenser) -> Result<MultiRegexp> {
    let mut operations = Vec::new();
    while d.next_block(0) {
        if d.val() != "regexp" {
            return Err(unknown(d, format!("unrecognized subdirective {}", d.val()), &["regexp"]));
        }
        if operations.len() >= OPERATIONS_MAX {
            let text = format!("too many regexp operations (maximum {OPERATIONS_MAX} allowed)");
            return Err(d.err(text).into());
        }
        let regexp = expect_arg(d)?;
        if regexp.len() > EXPRESSION_MAX {
            let text = format!("regexp pattern too long (maximum {EXPRESSION_MAX} characters)");
            return Err(d.err(text).into());
        }
        if regexp.is_empty() {
            return Err(d.err("regexp pattern cannot be empty").into());
        }
        operations.push(Regexp { regexp, value: expect_arg(d)? });
    }
    if operations.is_empty() {
        let text = "multi_regexp filter requires at least one regexp operation";
        return Err(d.err(text).into());
    }
    Ok(MultiRegexp { operations: List(operations) })
}

fn parse_cookies(d: &mut Dispenser) -> Result<Cookies> {
    let mut actions = Vec::new();
    while d.next_block(0) {
        let (kind, name, value) = parse_action(d)?;
        actions.push(CookieAction { kind, name, value });
    }
    Ok(Cookies { actions: List(actions) })
}

fn parse_query(d: &mut Dispenser) -> Result<Query> {
    let mut actions = Vec::new();
    while d.next_block(0) {
        let (kind, parameter, value) = parse_action(d)?;
        actions.push(QueryAction { kind, parameter, value });
    }
    Ok(Query { actions: List(actions) })
}

/// Reads `replace NAME BY`, `hash NAME` or `delete NAME`, of which the first word is loaded.
fn parse_action(d: &mut Dispenser) -> Result<(Action, String, String)> {
    let kind = match d.val() {
        "replace" => Action::Replace,
        "hash" => Action::Hash,
        "delete" => Action::Delete,
        other => {
            let text = format!("unrecognized subdirective {other}");
            return Err(unknown(d, text, &["replace", "hash", "delete"]));
        }
    };
    let name = expect_arg(d)?;
    let value = if kind == Action::Replace { expect_arg(d)? } else { String::new() };
    Ok((kind, name, value))
}
