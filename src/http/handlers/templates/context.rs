//! What a template of a page knows: the request, and who answers its questions.

use super::functions;
use super::request::{Header, Request};
use crate::http::exchange::Exchange;
use crate::http::uri;
use bytes::Bytes;
use go_template::{Error, Object, Result, Set, Value};
use http::HeaderMap;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// How deep pages may include one another.
const DEPTH_MAX: usize = 50;

/// Asks the request's task for what only that knows.
pub(super) struct Asker(pub(super) mpsc::UnboundedSender<Ask>);

/// A question, and where its answer goes.
pub(super) enum Ask {
    /// The value of a placeholder; there is none of an unknown one.
    Placeholder(String, oneshot::Sender<Option<Vec<u8>>>),
    /// What the server answers to this target with these fields; nothing when that broke off.
    Page(Vec<u8>, HeaderMap, oneshot::Sender<Option<(u16, Bytes)>>),
}

impl Asker {
    /// Waits for an answer, so this is nothing for a thread that must go on.
    ///
    /// # Errors
    /// When the request is gone.
    pub(super) fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T> {
        let gone = || Error::new("the request is gone");
        let (sender, answer) = oneshot::channel();
        self.0.send(question(sender)).map_err(|_| gone())?;
        answer.blocking_recv().map_err(|_| gone())
    }
}

/// Everything that a page is made of.
pub(super) struct Page {
    pub(super) root: PathBuf,
    delimiters: Arc<(String, String)>,
    pub(super) asker: Asker,
    pub(super) request: Request,
    original: Request,
    remote: String,
    client: String,
    headers: HeaderMap,
}

/// A page that was rendered, or why it could not be; with the fields of the answer.
pub(super) struct Rendered {
    pub(super) text: Result<String>,
    pub(super) headers: HeaderMap,
}

impl Page {
    /// The page that this request asks for.
    pub(super) fn of(
        ex: &Exchange<'_>,
        root: PathBuf,
        delimiters: Arc<(String, String)>,
        asker: Asker,
    ) -> Self {
        let client = ex.client_ip().map_or_else(|| ex.remote().host(), |ip| ip.to_string());
        Self {
            root,
            delimiters,
            asker,
            request: Request::of(ex),
            original: Request::original(ex),
            remote: ex.remote().host(),
            client,
            headers: ex.response.headers.clone(),
        }
    }

    /// Runs the template.
    pub(super) fn render(self, text: &str) -> Rendered {
        let path = self.request.path();
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
pub(super) struct Context {
    pub(super) page: Page,
    /// The answer's fields.
    pub(super) headers: Rc<RefCell<HeaderMap>>,
}

/// The `.` of a page.
pub(super) struct Dot {
    pub(super) context: Rc<Context>,
    /// What the page was included with.
    pub(super) args: Value,
    pub(super) about: Option<Rc<dyn Object>>,
}

/// Runs the text of a page that is included `depth` deep.
///
/// # Errors
/// When it is no template, fails, or includes itself without end.
pub(super) fn execute(dot: Dot, name: &str, text: &str, depth: usize) -> Result<String> {
    let context = &Rc::clone(&dot.context);
    if depth > DEPTH_MAX {
        return Err(Error::new(format!("pages include one another more than {DEPTH_MAX} deep")));
    }
    let (open, close) = &*context.page.delimiters;
    let set = Rc::new(Set::new(go_template::functions()).with_delims(open, close));
    functions::add_all(&set, context, name, depth);
    set.parse(name, text)?;
    set.run(name, &Value::Object(Rc::new(dot)))
}

impl Object for Dot {
    fn type_name(&self) -> &str {
        "*templates.TemplateContext"
    }

    fn field(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.about.as_ref().and_then(|about| about.field(name)) {
            return Some(value);
        }
        let Context { page, headers } = &*self.context;
        Some(match name {
            "Args" => self.args.clone(),
            "Req" => Value::Object(Rc::new(page.request.clone())),
            "RespHeader" => Value::Object(Rc::new(Header::of_answer(Rc::clone(headers)))),
            "Root" => page.root.to_string_lossy().as_ref().into(),
            "CustomFuncs" => Value::list([]),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        if let Some(value) = self.about.as_ref().and_then(|about| about.call(name, args)) {
            return Some(value);
        }
        let page = &self.context.page;
        Some(match name {
            "OriginalReq" => Ok(Value::Object(Rc::new(page.original.clone()))),
            "Cookie" => {
                super::arguments::text(args, 0).map(|name| page.request.cookie(name).into())
            }
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
