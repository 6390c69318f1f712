//! `browse`: lists folders.
//!
//! ```caddyfile
//! file_server {
//!     browse [TEMPLATE] {
//!         sort size desc
//!         file_limit 1000
//!     }
//! }
//! ```
//!
//! A client that accepts `application/json` gets the entries as JSON, one that accepts
//! `text/plain` a table, any other a page: [`page`], or what a file with a template makes of
//! the listing ([`template`]). `sort`, `order`, `limit`, `offset` and `layout` in the query say
//! how, and to the page `filter`; the first two are remembered in cookies. [`listing`] reads
//! the folder.

mod listing;
mod page;
mod template;

use super::conditions;
use super::hide::Hidden;
use crate::config::handlers::Browse as Config;
use crate::http::exchange::{Exchange, Failure, Flow, Outcome};
use crate::http::{handlers::headers, uri};
use bytes::Bytes;
use http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, IF_MODIFIED_SINCE, LAST_MODIFIED, SET_COOKIE,
    VARY,
};
use http::{HeaderMap, HeaderValue};
use listing::{Listing, Order, Sort, View, Want};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// So many entries are read when nothing is said.
const FILE_LIMIT: usize = 10_000;
/// The layout of times in plain text when nothing is said.
const PLAIN_TIME: &str = "January 2, 2006 at 15:04:05";
/// The page of our own loads nothing but images of the listing.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'self'",
);

/// The compiled setting.
#[derive(Debug)]
pub(super) struct Browse {
    template: Option<PathBuf>,
    reveal_symlinks: bool,
    sort: Option<Sort>,
    order: Option<Order>,
    /// All are read when absent.
    file_limit: Option<usize>,
    plain_time: Arc<str>,
}

/// In which form a listing is wanted.
#[derive(Debug)]
enum Form {
    Json,
    Plain(Arc<str>),
    Page,
    Template(PathBuf),
}

/// A listing in its form.
struct Made {
    body: String,
    kind: HeaderValue,
    /// Fields that a template set.
    fields: Option<HeaderMap>,
}

impl Browse {
    /// # Errors
    /// What is wrong with the options of sorting.
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let (mut sort, mut order) = (None, None);
        for (at, option) in config.sort.iter().enumerate() {
            match at {
                0 => {
                    sort = Some(Sort::parse(option).ok_or_else(|| {
                        format!(
                            "the first option must be one of the following: name, namedirfirst, \
                         size, time, but got {option}"
                        )
                    })?)
                }
                1 => {
                    order = Some(Order::parse(option).ok_or_else(|| {
                        format!(
                            "the second option must be one of the following: asc, desc, but got \
                         {option}"
                        )
                    })?)
                }
                _ => {
                    let count = config.sort.len();
                    return Err(format!("only max 2 sort options are allowed, but got {count}"));
                }
            }
        }
        let plain_time = match config.plain_time_format.as_str() {
            "" => PLAIN_TIME,
            format => format,
        };
        Ok(Self {
            template: Some(PathBuf::from(&config.template_file))
                .filter(|file| !file.as_os_str().is_empty()),
            reveal_symlinks: config.reveal_symlinks,
            sort,
            order,
            file_limit: match config.file_limit {
                0 => Some(FILE_LIMIT),
                limit => usize::try_from(limit).ok(),
            },
            plain_time: plain_time.into(),
        })
    }

    /// Answers with the listing of a folder.
    pub(super) async fn run(
        &self,
        ex: &mut Exchange<'_>,
        pass_thru: bool,
        root: PathBuf,
        folder: Vec<u8>,
        hidden: Hidden,
    ) -> Outcome {
        let want = Want {
            folder,
            path: uri::clean(&ex.target.escaped_path()).into_owned(),
            hidden,
            limit: self.file_limit,
            reveal_symlinks: self.reveal_symlinks,
        };
        // A folder is read from the disk, with a look at each of its files.
        let read = tokio::task::spawn_blocking(move || want.read()).await;
        let mut listing = match read.map_err(io::Error::other).flatten() {
            Ok(listing) => listing,
            Err(error) => match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    return Err(Failure::error(403, error.to_string()));
                }
                io::ErrorKind::NotFound if pass_thru => return Ok(Flow::Next),
                io::ErrorKind::NotFound => return Err(Failure::status(404)),
                _ => return Err(Failure::error(500, error.to_string())),
            },
        };
        ex.response.headers.append(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        let modified = listing.modified;
        let since = ex.headers().get(IF_MODIFIED_SINCE).and_then(|v| v.to_str().ok());
        if since.and_then(|date| conditions::newer(modified, date)) == Some(false) {
            ex.respond(304, Bytes::new()).await?;
            return Ok(Flow::Done);
        }
        let form = self.form(ex.headers());
        let view = self.view(ex, &form);
        if let Some(date) = modified.and_then(|m| httpdate::fmt_http_date(m).parse().ok()) {
            ex.response.set(LAST_MODIFIED, date);
        }
        let arranging = tokio::task::spawn_blocking(move || {
            listing.arrange(view);
            listing
        });
        let listing = arranging.await.map_err(|error| Failure::error(500, error.to_string()))?;
        let made = form.make(ex, listing, root).await?;
        if let Some(fields) = made.fields {
            ex.response.headers = fields;
        }
        ex.response.set(CONTENT_TYPE, made.kind);
        ex.respond(200, made.body.into()).await?;
        Ok(Flow::Done)
    }

    fn form(&self, headers: &HeaderMap) -> Form {
        let accept = headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok());
        let accept = accept.collect::<Vec<_>>().join(",").to_ascii_lowercase();
        if accept.contains("application/json") {
            return Form::Json;
        }
        if accept.contains("text/plain") {
            return Form::Plain(Arc::clone(&self.plain_time));
        }
        self.template.clone().map_or(Form::Page, Form::Template)
    }

    /// How the client wants to see the listing: what its query says, then our configuration,
    /// then its cookies.
    fn view(&self, ex: &mut Exchange<'_>, form: &Form) -> View {
        let value = |name: &str| {
            let mut pairs = uri::query_pairs(ex.target.query());
            let found = pairs.find(|(key, _)| key == name.as_bytes()).map(|(_, value)| value);
            found
                .map(|value| String::from_utf8_lossy(&value).into_owned())
                .filter(|v| !v.is_empty())
        };
        let number = |name: &str| value(name)?.parse::<usize>().ok().filter(|n| *n > 0);
        let layout = match value("layout") {
            Some(layout) if layout == "grid" => "grid",
            Some(_) => "list",
            None => "",
        };
        let (offset, limit) = (number("offset"), number("limit"));
        // Caddy's page filters too, by a script; its other forms do not.
        let filter = value("filter").filter(|_| matches!(form, Form::Page)).unwrap_or_default();
        let sort = value("sort").or_else(|| self.sort.map(|sort| sort.name().to_owned()));
        let order = value("order").or_else(|| self.order.map(|order| order.name().to_owned()));
        let sort = remember(ex, "sort", sort, |v| Sort::parse(v).is_some(), "namedirfirst");
        let order = remember(ex, "order", order, |v| Order::parse(v).is_some(), "asc");
        View { sort, order, layout, offset, limit, filter }
    }
}

/// A setting of a listing. The client keeps it in a cookie and gets it from there when nothing
/// else is said.
fn remember(
    ex: &mut Exchange<'_>,
    name: &str,
    value: Option<String>,
    is_known: impl Fn(&str) -> bool,
    usual: &str,
) -> String {
    let Some(value) = value else {
        let cookie = ex.cookie(name).map(|value| String::from_utf8_lossy(value).into_owned());
        return cookie.unwrap_or_else(|| usual.to_owned());
    };
    if is_known(&value) {
        let secure = if ex.is_tls() { " Secure;" } else { "" };
        let cookie = format!("{name}={value}; HttpOnly;{secure} SameSite=Lax");
        ex.response.headers.append(SET_COOKIE, headers::value(cookie.as_bytes()));
    }
    value
}

impl Form {
    /// # Errors
    /// What is wrong with a template, or went wrong in it.
    async fn make(
        self,
        ex: &Exchange<'_>,
        listing: Listing,
        root: PathBuf,
    ) -> Result<Made, Failure> {
        const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
        Ok(match self {
            Self::Json => {
                let kind = HeaderValue::from_static("application/json; charset=utf-8");
                Made { body: listing.json(), kind, fields: None }
            }
            Self::Plain(time) => {
                let kind = HeaderValue::from_static("text/plain; charset=utf-8");
                Made { body: listing.plain(&time), kind, fields: None }
            }
            Self::Page => {
                let mut fields = ex.response.headers.clone();
                fields.entry(CONTENT_SECURITY_POLICY).or_insert(PAGE_POLICY);
                Made { body: page::render(&listing), kind: HTML, fields: Some(fields) }
            }
            Self::Template(file) => {
                let (body, fields) = template::render(ex, &file, root, listing).await?;
                Made { body, kind: HTML, fields: Some(fields) }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(config: &str, expected: &str) {
        let config = serde_json::from_str(config).expect("the case is right JSON");
        assert_eq!(Browse::new(&config).expect_err("it is wrong"), expected);
    }

    #[test]
    fn wrong_options_of_sorting_are_refused() {
        check_refused(
            r#"{"sort":["desc"]}"#,
            "the first option must be one of the following: name, namedirfirst, size, time, \
             but got desc",
        );
        check_refused(
            r#"{"sort":["size","time"]}"#,
            "the second option must be one of the following: asc, desc, but got time",
        );
        check_refused(
            r#"{"sort":["size","asc","asc"]}"#,
            "only max 2 sort options are allowed, but got 3",
        );
    }

    #[track_caller]
    fn check_form(accept: &'static str, expected: &str) {
        let browse = Browse::new(&Config::default()).expect("nothing is wrong");
        let headers = [(ACCEPT, HeaderValue::from_static(accept))].into_iter().collect();
        let form = format!("{:?}", browse.form(&headers));
        assert!(form.starts_with(expected), "{accept}: {form}");
    }

    #[test]
    fn a_client_says_in_which_form_it_wants_a_listing() {
        check_form("text/html,*/*;q=0.8", "Page");
        check_form("Application/JSON", "Json");
        check_form("text/plain, application/json", "Json");
        check_form("text/plain", "Plain");
    }
}
