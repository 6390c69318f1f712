//! The functions of a page: files beside it, its request, other pages.

use super::arguments::{any_text, text};
use super::context::{Ask, Context, Dot, execute};
use super::{files, front_matter, humanize};
use super::{markdown, text as plain};
use go_template::{Error, Result, Set, Value};
use http::{HeaderMap, HeaderValue};
use std::ops::RangeInclusive;
use std::rc::Rc;

/// How deep a page may ask the server for others; as in Caddy.
const ASKED_MAX: u32 = 3;
/// Counts how deep that is, in a header field.
const DEPTH_FIELD: &str = "caddy-templates-include";

/// Adds a function that takes so many arguments.
fn add(
    set: &Set,
    name: &'static str,
    count: RangeInclusive<usize>,
    f: impl Fn(&[Value]) -> Result<Value> + 'static,
) {
    set.add_function(
        name,
        Rc::new(move |args| {
            let got = args.len();
            if count.contains(&got) {
                return f(args);
            }
            let min = count.start();
            let want = if count.start() == count.end() {
                min.to_string()
            } else {
                format!("at least {min}")
            };
            Err(Error::new(format!("wrong number of args for {name}: want {want} got {got}")))
        }),
    );
}

/// Adds all of them to the set of a page, which is included `depth` deep.
pub(super) fn add_all(set: &Rc<Set>, context: &Rc<Context>, page: &str, depth: usize) {
    add_files(set, context);
    add_pages(set, context, page, depth);
    let own = Rc::clone(context);
    add(set, "httpError", 1..=1, move |args| {
        let Value::Int(status) = args[0] else {
            let found = args[0].type_name();
            return Err(Error::new(format!("expected integer; found {found}")));
        };
        let status = u16::try_from(status).unwrap_or(500);
        // An error page shall not have what was said of the page that failed.
        let gone = ["length", "type", "encoding", "range"].map(|part| format!("content-{part}"));
        let gone =
            gone.iter().map(String::as_str).chain(["etag", "last-modified", "accept-ranges"]);
        let mut headers = own.headers.borrow_mut();
        gone.for_each(|name| drop(headers.remove(name)));
        Err(Error::with_status(format!("HTTP {status}"), status))
    });
    for name in ["placeholder", "ph"] {
        let own = Rc::clone(context);
        add(set, name, 1..=1, move |args| {
            let name = text(args, 0)?.to_owned();
            let value = own.page.asker.ask(|answer| Ask::Placeholder(name, answer))?;
            Ok(String::from_utf8_lossy(&value.unwrap_or_default()).as_ref().into())
        });
    }
    add(set, "env", 1..=1, |args| {
        Ok(std::env::var_os(text(args, 0)?).unwrap_or_default().to_string_lossy().as_ref().into())
    });
    add(set, "expandenv", 1..=1, |args| Ok(plain::expand_env(text(args, 0)?).into()));
    add(set, "stripHTML", 1..=1, |args| Ok(plain::strip_html(text(args, 0)?).into()));
    add(set, "markdown", 1..=1, |args| Ok(markdown::html(&any_text(args, 0)?).into()));
    add(set, "splitFrontMatter", 1..=1, |args| front_matter::split(&any_text(args, 0)?));
    add(set, "humanize", 2..=2, |args| {
        humanize::humanize(text(args, 0)?, text(args, 1)?).map(Value::from)
    });
    // It calls a function if there is one; plugins bring some, and none is here.
    add(set, "maybe", 1..=usize::MAX, |_| Ok("".into()));
    add(set, "pathEscape", 1..=1, |args| Ok(plain::escape_path_part(text(args, 0)?).into()));
}

fn add_files(set: &Set, context: &Rc<Context>) {
    let own = Rc::clone(context);
    add(set, "readFile", 1..=1, move |args| {
        files::read(&own.page.root, text(args, 0)?).map(Value::from)
    });
    let own = Rc::clone(context);
    add(set, "listFiles", 1..=1, move |args| files::list(&own.page.root, text(args, 0)?));
    let own = Rc::clone(context);
    add(set, "fileExists", 1..=1, move |args| {
        Ok(files::exists(&own.page.root, text(args, 0)?).into())
    });
    let own = Rc::clone(context);
    add(set, "fileStat", 1..=1, move |args| files::stat(&own.page.root, text(args, 0)?));
}

fn add_pages(set: &Rc<Set>, context: &Rc<Context>, page: &str, depth: usize) {
    let own = Rc::clone(context);
    add(set, "include", 1..=usize::MAX, move |args| {
        let name = text(args, 0)?;
        let text = files::read(&own.page.root, name)?;
        let args = Value::list(args[1..].iter().cloned());
        let dot = Dot { context: Rc::clone(&own), args, about: None };
        execute(dot, name, &text, depth + 1).map(Value::from).map_err(Error::of_another)
    });
    let own = Rc::clone(context);
    // The set has the function, so the function must not keep the set.
    let (into, name) = (Rc::downgrade(set), page.to_owned());
    add(set, "import", 1..=1, move |args| {
        let text = files::read(&own.page.root, text(args, 0)?)?;
        if let Some(set) = into.upgrade() {
            set.parse(&name, &text).map_err(Error::of_another)?;
        }
        Ok("".into())
    });
    let own = Rc::clone(context);
    add(set, "httpInclude", 1..=1, move |args| {
        let target = text(args, 0)?;
        let headers = headers_of_include(&own.page.request.headers)?;
        let path = plain::request_target(target)?;
        let answer = own.page.asker.ask(|answer| Ask::Page(path, headers, answer))?;
        let (status, body) = answer.ok_or_else(|| Error::new("the answer broke off"))?;
        if status >= 400 {
            return Err(Error::new(format!("http {status}")));
        }
        let dot = Dot { context: Rc::clone(&own), args: Value::list([]), about: None };
        let text = String::from_utf8_lossy(&body);
        execute(dot, target, &text, depth + 1).map(Value::from).map_err(Error::of_another)
    });
}

/// The fields that a page asks the server for another with: those of its own request, no
/// coding, and how deep that is.
fn headers_of_include(own: &HeaderMap) -> Result<HeaderMap> {
    let depth = match own.get(DEPTH_FIELD) {
        None => 1,
        Some(depth) => {
            let depth: Option<u32> = depth.to_str().ok().and_then(|depth| depth.parse().ok());
            match depth {
                Some(depth) if depth >= ASKED_MAX => {
                    return Err(Error::new("virtual request cycle"));
                }
                Some(depth) => depth + 1,
                None => return Err(Error::new("parsing Caddy-Templates-Include: invalid syntax")),
            }
        }
    };
    let mut headers = own.clone();
    headers.insert(http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(DEPTH_FIELD, depth.into());
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(depth: Option<&'static str>, expected: std::result::Result<&str, &str>) {
        let field =
            depth.map(|d| (DEPTH_FIELD.parse().expect("a name"), d.parse().expect("a value")));
        let made = headers_of_include(&field.into_iter().collect()).map_err(|e| e.to_string());
        let made = made.map(|headers| headers[DEPTH_FIELD].to_str().map(str::to_owned));
        let made = made.map(|depth| depth.unwrap_or_default());
        assert_eq!(made.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn pages_that_ask_for_themselves_end() {
        check(None, Ok("1"));
        check(Some("2"), Ok("3"));
        check(Some("3"), Err("virtual request cycle"));
        check(Some("x"), Err("parsing Caddy-Templates-Include: invalid syntax"));
    }
}
