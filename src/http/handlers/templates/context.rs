//! What a template of a page knows: the request, and the functions of a web server.

use super::{files, front_matter, humanize, text};
use crate::http::exchange::Exchange;
use crate::http::uri::{self, Target};
use crate::logging::access::canonical;
use go_template::{Error, Fields, Object, Result, Set, Value};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// How deep pages may include one another.
const DEPTH_MAX: usize = 50;

/// Asks the request's task for a placeholder's value.
pub(super) struct Asker(pub(super) mpsc::UnboundedSender<Asked>);

/// A placeholder's name, and where its value goes; there is none of an unknown one.
pub(super) type Asked = (String, oneshot::Sender<Option<Vec<u8>>>);

/// Everything that a page is made of.
pub(super) struct Page {
    root: PathBuf,
    delimiters: Arc<(String, String)>,
    asker: Asker,
    request: Request,
    original: Request,
    remote: String,
    client: String,
    path: String,
    headers: HeaderMap,
}

/// A page that was rendered, or why it could not be; with the fields of the answer.
pub(super) struct Rendered {
    pub(super) text: Result<String>,
    pub(super) headers: HeaderMap,
}

/// A request, as a template sees it.
#[derive(Clone)]
struct Request {
    method: String,
    target: Target,
    host: String,
    proto: &'static str,
    headers: HeaderMap,
    length: i64,
    remote: String,
}

impl Page {
    /// The page that this request asks for.
    pub(super) fn of(
        ex: &Exchange<'_>,
        root: PathBuf,
        delimiters: Arc<(String, String)>,
        asker: Asker,
    ) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let length = ex.body_length().map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX));
        let request = Request {
            method: ex.method.as_str().to_owned(),
            target: ex.target.clone(),
            host: text(&ex.host),
            proto: ex.proto(),
            headers: ex.headers().clone(),
            length,
            remote: ex.remote().to_string(),
        };
        let original = Request {
            method: ex.original_method().as_str().to_owned(),
            target: ex.original_target(),
            host: text(ex.original_host()),
            headers: ex.original_headers().clone(),
            ..request.clone()
        };
        let client = ex.client_ip().map_or_else(|| ex.remote().host(), |ip| ip.to_string());
        Self {
            root,
            delimiters,
            asker,
            path: text(&ex.target.path),
            request,
            original,
            remote: ex.remote().host(),
            client,
            headers: ex.response.headers.clone(),
        }
    }

    /// Runs the template.
    pub(super) fn render(self, text: &str) -> Rendered {
        let path = self.path.clone();
        self.render_about(&path, text, None)
    }

    /// Runs a template whose `.` has the fields and methods of `about` too; those it includes
    /// do not see them.
    pub(super) fn render_about(
        self,
        name: &str,
        text: &str,
        about: Option<Rc<dyn Object>>,
    ) -> Rendered {
        let headers = Rc::new(RefCell::new(self.headers.clone()));
        let context = Rc::new(Context { page: self, headers: Rc::clone(&headers) });
        let dot = Dot { context: Rc::clone(&context), args: Value::list([]), about };
        let text = execute(dot, name, text, 0);
        Rendered { text, headers: headers.take() }
    }
}

/// What stays the same over included pages.
struct Context {
    page: Page,
    headers: Rc<RefCell<HeaderMap>>,
}

/// The `.` of a page.
struct Dot {
    context: Rc<Context>,
    args: Value,
    about: Option<Rc<dyn Object>>,
}

fn execute(dot: Dot, name: &str, text: &str, depth: usize) -> Result<String> {
    let context = &Rc::clone(&dot.context);
    if depth > DEPTH_MAX {
        return Err(Error::new(format!("pages include one another more than {DEPTH_MAX} deep")));
    }
    let (open, close) = &*context.page.delimiters;
    let set = Rc::new(Set::new(go_template::functions()).with_delims(open, close));
    add_functions(&set, context, name, depth);
    set.parse(name, text)?;
    set.run(name, &Value::Object(Rc::new(dot)))
}

/// Adds a function.
fn add(set: &Set, name: &'static str, f: impl Fn(&[Value]) -> Result<Value> + 'static) {
    set.add_function(name, Rc::new(f));
}

/// The text of an argument.
fn arg(args: &[Value], at: usize) -> Result<String> {
    let count = args.len();
    let missing =
        || Error::new(format!("wrong number of args: want at least {} got {count}", at + 1));
    args.get(at).map(go_template::print::sprint).ok_or_else(missing)
}

fn add_functions(set: &Rc<Set>, context: &Rc<Context>, page: &str, depth: usize) {
    add_file_functions(set, context, page, depth);
    let own = Rc::clone(context);
    add(set, "httpError", move |args| {
        let status = arg(args, 0)?.parse().map_err(|_| Error::new("no status"))?;
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
        add(set, name, move |args| {
            let (answer, value) = oneshot::channel();
            let gone = |_| Error::new("the request is gone");
            own.page
                .asker
                .0
                .send((arg(args, 0)?, answer))
                .map_err(|_| Error::new("the request is gone"))?;
            let value = value.blocking_recv().map_err(gone)?.unwrap_or_default();
            Ok(String::from_utf8_lossy(&value).as_ref().into())
        });
    }
    add(set, "env", |args| Ok(std::env::var(arg(args, 0)?).unwrap_or_default().into()));
    add(set, "stripHTML", |args| Ok(text::strip_html(&arg(args, 0)?).into()));
    add(set, "markdown", |args| Ok(text::markdown(&arg(args, 0)?).into()));
    add(set, "splitFrontMatter", |args| front_matter::split(&arg(args, 0)?));
    add(set, "humanize", |args| {
        humanize::humanize(&arg(args, 0)?, &arg(args, 1)?).map(Value::from)
    });
    add(set, "httpInclude", |_| Err(Error::new("httpInclude is not supported")));
    // It calls a function if there is one; plugins bring some, and none is here.
    add(set, "maybe", |_| Ok("".into()));
    add(set, "pathEscape", |args| {
        let escaped =
            percent_encoding::utf8_percent_encode(&arg(args, 0)?, text::PATH_ESCAPES).to_string();
        Ok(escaped.into())
    });
}

fn add_file_functions(set: &Rc<Set>, context: &Rc<Context>, page: &str, depth: usize) {
    let own = Rc::clone(context);
    add(set, "include", move |args| {
        let name = arg(args, 0)?;
        let text = files::read(&own.page.root, &name)?;
        let args = Value::list(args[1..].iter().cloned());
        let dot = Dot { context: Rc::clone(&own), args, about: None };
        execute(dot, &name, &text, depth + 1).map(Value::from)
    });
    let own = Rc::clone(context);
    // The set has the function, so the function must not keep the set.
    let (into, name) = (Rc::downgrade(set), page.to_owned());
    add(set, "import", move |args| {
        let text = files::read(&own.page.root, &arg(args, 0)?)?;
        if let Some(set) = into.upgrade() {
            set.parse(&name, &text)?;
        }
        Ok("".into())
    });
    let own = Rc::clone(context);
    add(set, "readFile", move |args| files::read(&own.page.root, &arg(args, 0)?).map(Value::from));
    let own = Rc::clone(context);
    add(set, "listFiles", move |args| files::list(&own.page.root, &arg(args, 0)?));
    let own = Rc::clone(context);
    add(set, "fileExists", move |args| Ok(files::exists(&own.page.root, &arg(args, 0)?).into()));
    let own = Rc::clone(context);
    add(set, "fileStat", move |args| files::stat(&own.page.root, &arg(args, 0)?));
}

impl Object for Dot {
    fn type_name(&self) -> &str {
        "*templates.TemplateContext"
    }

    fn field(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.about.as_ref().and_then(|about| about.field(name)) {
            return Some(value);
        }
        let page = &self.context.page;
        Some(match name {
            "Args" => self.args.clone(),
            "Req" => request(&page.request),
            "RespHeader" => {
                Value::Object(Rc::new(Header { fields: Rc::clone(&self.context.headers) }))
            }
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        if let Some(value) = self.about.as_ref().and_then(|about| about.call(name, args)) {
            return Some(value);
        }
        let page = &self.context.page;
        Some(match name {
            "OriginalReq" => Ok(request(&page.original)),
            "Cookie" => arg(args, 0).map(|name| cookie(&page.request.headers, &name).into()),
            "RemoteIP" => Ok(page.remote.as_str().into()),
            "ClientIP" => Ok(page.client.as_str().into()),
            "Host" => {
                let (host, _) = uri::split_host(page.request.host.as_bytes());
                Ok(String::from_utf8_lossy(host).as_ref().into())
            }
            _ => return None,
        })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The value of the first cookie of this name.
fn cookie(headers: &HeaderMap, name: &str) -> String {
    let lines = headers.get_all(http::header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut pairs =
        lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let found = pairs.find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    found.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(found).to_owned()
}

fn request(request: &Request) -> Value {
    let url = Url { target: request.target.clone() };
    let fields: Fields = [
        ("Method", request.method.as_str().into()),
        ("URL", Value::Object(Rc::new(url))),
        ("Header", header(&request.headers)),
        ("Host", request.host.as_str().into()),
        ("Proto", request.proto.into()),
        ("ContentLength", Value::Int(request.length)),
        ("RemoteAddr", request.remote.as_str().into()),
        ("RequestURI", String::from_utf8_lossy(&request.target.uri()).as_ref().into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    Value::Object(Rc::new(Struct {
        name: "*http.Request",
        fields,
        headers: request.headers.clone(),
    }))
}

/// A struct of Go's with plain fields.
struct Struct {
    name: &'static str,
    fields: Fields,
    headers: HeaderMap,
}

impl Object for Struct {
    fn type_name(&self) -> &str {
        self.name
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.get(name).cloned()
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let field = |name: &str| {
            let value = self.headers.get(name).and_then(|v| v.to_str().ok());
            Ok(value.unwrap_or_default().into())
        };
        Some(match name {
            "UserAgent" => field("user-agent"),
            "Referer" => field("referer"),
            "FormValue" => arg(args, 0).map(|_| "".into()),
            _ => return None,
        })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn header(headers: &HeaderMap) -> Value {
    Value::Object(Rc::new(Header { fields: Rc::new(RefCell::new(headers.clone())) }))
}

/// Fields of a request, or those of the answer, which can be changed.
struct Header {
    fields: Rc<RefCell<HeaderMap>>,
}

impl Object for Header {
    fn type_name(&self) -> &str {
        "http.Header"
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        Some(match name {
            "Get" => arg(args, 0).map(|name| {
                let fields = self.fields.borrow();
                let value = fields.get(&name).map(|v| String::from_utf8_lossy(v.as_bytes()));
                value.map_or_else(|| "".into(), |value| value.as_ref().into())
            }),
            "Values" => arg(args, 0).map(|name| {
                let fields = self.fields.borrow();
                let values = fields.get_all(&name).iter();
                Value::strings(values.map(|v| String::from_utf8_lossy(v.as_bytes())))
            }),
            "Add" | "Set" | "Del" => self.change(name, args),
            _ => return None,
        })
    }

    fn print(&self) -> String {
        let fields = self.fields.borrow();
        let shown = fields.keys().map(|name| {
            let values = fields.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes()));
            format!("{}:[{}]", canonical(name.as_str()), values.collect::<Vec<_>>().join(" "))
        });
        let mut shown: Vec<String> = shown.collect();
        shown.sort();
        format!("map[{}]", shown.join(" "))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl Header {
    fn change(&self, how: &str, args: &[Value]) -> Result<Value> {
        let name: HeaderName =
            arg(args, 0)?.parse().map_err(|_| Error::new("no name of a header field"))?;
        let mut fields = self.fields.borrow_mut();
        if how == "Del" {
            fields.remove(name);
            return Ok("".into());
        }
        let value: HeaderValue =
            arg(args, 1)?.parse().map_err(|_| Error::new("no value of a header field"))?;
        if how == "Add" {
            fields.append(name, value);
        } else {
            fields.insert(name, value);
        }
        Ok("".into())
    }
}

/// A request's URL.
struct Url {
    target: Target,
}

impl Object for Url {
    fn type_name(&self) -> &str {
        "*url.URL"
    }

    fn field(&self, name: &str) -> Option<Value> {
        let text = |bytes: &[u8]| Value::str(String::from_utf8_lossy(bytes));
        Some(match name {
            "Path" => text(&self.target.path),
            "RawQuery" => text(self.target.query()),
            "Scheme" | "Host" | "Fragment" | "Opaque" | "RawPath" => "".into(),
            _ => return None,
        })
    }

    fn call(&self, name: &str, _: &[Value]) -> Option<Result<Value>> {
        let text = |bytes: &[u8]| Value::str(String::from_utf8_lossy(bytes));
        Some(Ok(match name {
            "String" | "RequestURI" => text(&self.target.uri()),
            "Query" => {
                let pairs = uri::query_pairs(self.target.query()).map(|(key, value)| {
                    (
                        String::from_utf8_lossy(&key).into_owned(),
                        String::from_utf8_lossy(&value).into_owned(),
                    )
                });
                Value::Object(Rc::new(Query(pairs.collect())))
            }
            _ => return None,
        }))
    }

    fn print(&self) -> String {
        String::from_utf8_lossy(&self.target.uri()).into_owned()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The keys and values of a query.
struct Query(Vec<(String, String)>);

impl Object for Query {
    fn type_name(&self) -> &str {
        "url.Values"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::strings(self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value)))
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let key = match arg(args, 0) {
            Ok(key) if matches!(name, "Get" | "Has") => key,
            _ => return None,
        };
        let found = self.0.iter().find(|(k, _)| *k == key).map(|(_, value)| value.as_str());
        Some(Ok(if name == "Has" { found.is_some().into() } else { found.unwrap_or("").into() }))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
