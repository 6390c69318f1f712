//! `redir`: sends the client elsewhere.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_arg, integer};
use crate::config::handlers::{Handler, StaticResponse, WeakString};
use caddyfile_parser::Dispenser;
use std::collections::BTreeMap;

/// Reads `redir [MATCHER] TO [permanent | temporary | html | STATUS]`.
///
/// A status is one of 300 to 399, 401, or a placeholder; 302 when there is none. `html`
/// answers with a page that sends browsers on, as no status would keep their history.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let to = expect_arg(d)?;
    let word = if d.next_arg() { d.val().to_owned() } else { String::new() };
    let status = match word.as_str() {
        "permanent" => "301",
        "temporary" | "" => "302",
        "html" => {
            return Ok(Handler::StaticResponse(StaticResponse {
                status_code: Some(WeakString("200".to_owned())),
                headers: field("Content-Type", "text/html; charset=utf-8"),
                body: page(&escape(&to)),
                ..StaticResponse::default()
            }));
        }
        status if status.starts_with('{') => status,
        status => {
            check_status(d, status)?;
            status
        }
    };
    Ok(Handler::StaticResponse(StaticResponse {
        status_code: Some(WeakString(status.to_owned())),
        headers: field("Location", &to),
        ..StaticResponse::default()
    }))
}

fn check_status(d: &Dispenser, status: &str) -> Result<()> {
    match integer(status) {
        Ok(300..=399 | 401) => Ok(()),
        Ok(number) => {
            Err(d.err(format!("Redir code not in the 3xx range or 401: '{number}'")).into())
        }
        Err(_) => {
            let text = format!("Not a supported redir code type or not valid integer: '{status}'");
            Err(d.err(text).into())
        }
    }
}

fn field(name: &str, value: &str) -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([(name.to_owned(), vec![value.to_owned()])])
}

/// The page of `html`, letter for letter as Caddy's configurations hold it.
fn page(to: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html>\n\t<head>\n\t\t<title>Redirecting...</title>\n\
         \t\t<script>window.location.replace(\"{to}\");</script>\n\
         \t\t<meta http-equiv=\"refresh\" content=\"0; URL='{to}'\">\n\t</head>\n\
         \t<body>Redirecting to <a href=\"{to}\">{to}</a>...</body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for ch in text.chars() {
        match ch {
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&#39;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            _ => out.push(ch),
        }
    }
    out
}
