//! `templates`: answers are templates of Go's language.
//!
//! ```caddyfile
//! templates {
//!     mime text/html
//!     root parts
//! }
//! ```
//!
//! A template runs on a thread that may block, as it reads files. What only the request's
//! task knows (placeholders, other pages of the server) it asks that for.
//!
//! In reading order: [`context`] is what a template sees, with [`request`]; [`functions`] is
//! what it calls, with [`files`], [`front_matter`], [`markdown`], [`humanize`] and [`text`].

mod arguments;
mod context;
mod files;
mod front_matter;
mod functions;
mod humanize;
mod markdown;
mod request;
mod text;

use crate::config::handlers::Templates as Config;
use crate::http::exchange::{Exchange, Failure, Flow, Outcome};
use crate::http::inner;
use crate::http::placeholder::{Placeholder, Template, Unknown};
use crate::http::response::Afterwards;
use crate::http::server::ProvisionError;
use bytes::Bytes;
use context::{Ask, Asker, Page};
use go_template::Object;
use http::HeaderMap;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What is a template when nothing else is said.
const MIME_TYPES: [&str; 3] = ["text/html", "text/plain", "text/markdown"];

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Templates {
    root: Template,
    mime_types: Vec<String>,
    delimiters: Arc<(String, String)>,
}

/// One request's look at its answer.
struct Watch<'s>(&'s Templates);

impl Templates {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let delimiters = match config.delimiters.as_slice() {
            [] => ("{{".to_owned(), "}}".to_owned()),
            [open, close] => (open.clone(), close.clone()),
            _ => {
                let text = "delimiters must consist of exactly two elements: opening and closing";
                return Err(ProvisionError::Invalid(text.to_owned()));
            }
        };
        let root = match config.file_root.as_str() {
            "" => "{http.vars.root}",
            root => root,
        };
        let usual = || MIME_TYPES.map(str::to_owned).to_vec();
        let mime_types =
            if config.mime_types.is_empty() { usual() } else { config.mime_types.clone() };
        let root = Template::new(root, Unknown::Vanishes);
        Ok(Self { root, mime_types, delimiters: Arc::new(delimiters) })
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        ex.response.afterwards(Watch(self));
    }
}

impl<'s> Afterwards<'s> for Watch<'s> {
    fn takes(&self, ex: &Exchange<'_>) -> bool {
        let kind = ex.response.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        kind.is_some_and(|kind| self.0.mime_types.iter().any(|t| kind.contains(t.as_str())))
    }

    fn answer<'e>(
        self: Box<Self>,
        ex: &'e mut Exchange<'s>,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'e>>
    where
        's: 'e,
    {
        Box::pin(async move { render(self.0, ex, &body).await })
    }
}

/// What a template makes of something, with the functions of pages below `root`, and the
/// fields of the answer as it leaves them. `about` has what its `.` has besides.
///
/// # Errors
/// When it is no template, or fails.
pub(super) async fn render_about(
    ex: &Exchange<'_>,
    root: PathBuf,
    (name, text): (String, String),
    about: impl FnOnce() -> Rc<dyn Object> + Send + 'static,
) -> Result<(String, HeaderMap), Failure> {
    let (asker, asked) = mpsc::unbounded_channel();
    let delimiters = Arc::new(("{{".to_owned(), "}}".to_owned()));
    let page = Page::of(ex, root, delimiters, Asker(asker));
    let rendering =
        tokio::task::spawn_blocking(move || page.render_about(&name, &text, Some(about())));
    answer(ex, asked).await;
    let done = rendering.await.map_err(|e| Failure::error(500, e.to_string()))?;
    Ok((done.text.map_err(|error| failed(&error))?, done.headers))
}

/// A page's error: its text, or the status that it asked for.
fn failed(error: &go_template::Error) -> Failure {
    error.status.map_or_else(|| Failure::error(500, error.to_string()), Failure::status)
}

/// Answers what a page asks while it is rendered. It has the only sender: its end is the end
/// of the rendering.
async fn answer(ex: &Exchange<'_>, mut asked: mpsc::UnboundedReceiver<Ask>) {
    while let Some(question) = asked.recv().await {
        // A page that failed meanwhile wants no answer.
        match question {
            Ask::Placeholder(name, answer) => drop(answer.send(value(ex, &name))),
            Ask::Page(target, headers, answer) => {
                drop(answer.send(inner::get(ex, &target, headers).await));
            }
        }
    }
}

/// What a placeholder stands for. Files are not read that way: templates may be made of what
/// nobody trusts, and have `readFile` for those below their root.
fn value(ex: &Exchange<'_>, name: &str) -> Option<Vec<u8>> {
    if name.starts_with("file.") {
        return None;
    }
    Placeholder::parse(name).and_then(|p| Some(p.value(ex)?.into_owned()))
}

async fn render<'s>(templates: &'s Templates, ex: &mut Exchange<'s>, body: &[u8]) -> Outcome {
    let root = match templates.root.fill_text(ex) {
        root if root.is_empty() => PathBuf::from("."),
        root => PathBuf::from(&*root),
    };
    let (asker, asked) = mpsc::unbounded_channel();
    let page = Page::of(ex, root, Arc::clone(&templates.delimiters), Asker(asker));
    let text = String::from_utf8_lossy(body).into_owned();
    let rendering = tokio::task::spawn_blocking(move || page.render(&text));
    answer(ex, asked).await;
    let done = rendering.await.map_err(|e| Failure::error(500, e.to_string()))?;
    ex.response.headers = done.headers;
    // It is of the body that was taken, whatever is sent instead.
    ex.response.headers.remove(CONTENT_LENGTH);
    let text = done.text.map_err(|error| failed(&error))?;
    for field in [ACCEPT_RANGES, LAST_MODIFIED, ETAG] {
        ex.response.headers.remove(field);
    }
    let body = Bytes::from(text);
    let has_body = ex.method != http::Method::HEAD && !matches!(ex.response.status, 204 | 304);
    if has_body {
        ex.response.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    let status = ex.response.status;
    ex.respond(status, body).await?;
    Ok(Flow::Done)
}
