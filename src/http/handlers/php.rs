//! `php`: runs the script that the path names.
//!
//! ```caddyfile
//! php_server            # with routing, files and index around it
//! php { root /srv/public; env APP_ENV prod; worker index.php 4 }
//! ```
//!
//! is `{"handler":"php","root":"…","split_path":[".php"],"env":{…},"workers":[…]}`. The path
//! is cut behind the first `.php`; what follows is PATH_INFO. A worker script of this
//! handler takes the requests of its paths, or those for its own file; then come the worker
//! scripts of the whole server, then the workers that run any script. [`meta`] is what PHP
//! is told of a request, [`client`] how its answer becomes ours.

mod client;
mod meta;

use super::answer;
use crate::blocking;
use crate::config::handlers::Php as Config;
use crate::http::exchange::{Exchange, Failure, Flow, Outcome};
use crate::http::matchers::Path as PathMatcher;
use crate::http::placeholder::{Template, Unknown};
use crate::http::server::{Provision, ProvisionError};
use crate::http::uri;
use crate::php::{self, Pool, Workers};
use bytes::{Bytes, BytesMut};
use client::Client;
use meta::{Meta, Script};
use php_wire::frame::INLINE_BODY_MAX;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long reading the next part of a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Php {
    root: Root,
    splits: Vec<Vec<u8>>,
    env: Vec<(String, Template)>,
    /// Absent when PHP is not running.
    target: Option<Target>,
    body_timeout: Option<Duration>,
    cwd: Vec<u8>,
}

#[derive(Debug)]
enum Root {
    /// Absolute, links resolved if that was wanted.
    Fixed(Vec<u8>),
    /// With the text that it was filled to first, and what became of that: hardly a site
    /// has more than one.
    Filled(Template, OnceLock<(Vec<u8>, Vec<u8>)>),
}

impl Root {
    /// The root for this request.
    fn of<'r>(&'r self, ex: &Exchange<'_>, cwd: &[u8]) -> Cow<'r, [u8]> {
        match self {
            Self::Fixed(root) => root.into(),
            Self::Filled(template, first) => {
                let filled = template.fill(ex);
                let (text, root) = first.get_or_init(|| (filled.to_vec(), absolute(&filled, cwd)));
                match *filled == **text {
                    true => root.into(),
                    false => absolute(&filled, cwd).into(),
                }
            }
        }
    }
}

#[derive(Debug)]
struct Target {
    runtime: Arc<php::Runtime>,
    workers: Workers,
    /// The patterns of `workers.by_path`, in that order.
    patterns: Vec<PathMatcher>,
}

impl Php {
    pub(super) fn provision(
        config: &Config,
        provision: &mut Provision<'_>,
    ) -> Result<Self, ProvisionError> {
        if config.hot_reload.is_some() {
            return Err(ProvisionError::Invalid("hot_reload is not supported yet".to_owned()));
        }
        let splits = match config.split_path.as_slice() {
            [] => vec![b".php".to_vec()],
            splits => splits.iter().map(|s| split(s)).collect::<Result<_, _>>()?,
        };
        let cwd = std::env::current_dir().unwrap_or_default().into_os_string().into_vec();
        let resolve = config.resolve_root_symlink.unwrap_or(true);
        let root = if config.root.is_empty() { "{http.vars.root}" } else { &config.root };
        let root = Template::new(root, Unknown::Stays);
        let root = match root.literal() {
            Some(text) => Root::Fixed(fixed_root(&absolute(text, &cwd), resolve)?),
            None => Root::Filled(root, OnceLock::new()),
        };
        let target = provision.php.map(|runtime| {
            let workers = runtime.workers_of(config);
            let patterns = workers.by_path.iter().map(|w| PathMatcher::new(&w.paths)).collect();
            Target { runtime: Arc::clone(runtime), workers, patterns }
        });
        let env = config.env.iter();
        let body_timeout = config.request_body_timeout.map_or(BODY_TIMEOUT, |d| d.to_std());
        Ok(Self {
            root,
            splits,
            env: env.map(|(k, v)| (k.clone(), Template::new(v, Unknown::Stays))).collect(),
            target,
            body_timeout: (!body_timeout.is_zero()).then_some(body_timeout),
            cwd,
        })
    }

    pub(super) async fn run(&self, ex: &mut Exchange<'_>) -> Outcome {
        let Some(target) = &self.target else {
            return Err(Failure::error(503, "PHP is not running"));
        };
        if ex.target.path.contains(&0) {
            return answer::plain(ex, 400, "invalid request path").await;
        }
        let (pool, meta) = self.ask(ex, target)?;
        self.serve(ex, pool, meta).await
    }

    /// Who is to run the script, and what is told of the request.
    fn ask<'t>(
        &self,
        ex: &Exchange<'_>,
        target: &'t Target,
    ) -> Result<(&'t Arc<Pool>, Meta), Failure> {
        let root = self.root.of(ex, &self.cwd);
        let script = Script::of(&root, &ex.target.path, &self.splits);
        let matched = target.by_path(ex);
        let script = match matched {
            Some(worker) => script.run_instead(&worker.script, &root),
            None => script,
        };
        let pool = matched.map(|worker| &worker.pool);
        let pool = match pool.or_else(|| target.workers.for_script(&script.file)) {
            Some(pool) => pool,
            None if !self.was_found(ex, &script.file) && !is_there(&script.file) => {
                return Err(Failure::error(404, "script not found"));
            }
            None => target.runtime.classic(),
        };
        Ok((pool, Meta::of(ex, &root, &script, &self.env)))
    }

    /// Whether a `file` matcher has just seen this script.
    fn was_found(&self, ex: &Exchange<'_>, script: &[u8]) -> bool {
        let below_cwd = script.strip_prefix(&*self.cwd).and_then(|rest| rest.strip_prefix(b"/"));
        ex.file_match.as_ref().is_some_and(|found| {
            found.is_file(script) || below_cwd.is_some_and(|name| found.is_file(name))
        })
    }

    async fn serve(&self, ex: &mut Exchange<'_>, pool: &Arc<Pool>, mut meta: Meta) -> Outcome {
        if ex.body_exceeds_limit() {
            return Err(Failure::error(413, "http: request body too large"));
        }
        ex.set_body_timeout(self.body_timeout);
        meta.add_body(short_body(ex).await.as_deref());
        let head = meta.head();
        let gone = ex.gone();
        let mut client = Client::new(ex);
        let served = tokio::select! {
            biased;
            served = pool.serve(&head, &mut client) => served,
            // The worker is told by the end of the future.
            () = gone => return Err(Failure::Abort),
        };
        match served {
            Ok(_) if ex.response.has_ended() => Ok(Flow::Done),
            Ok(_) => Err(Failure::Abort),
            Err(error) if !ex.response.has_begun() && !error.body().is_empty() => {
                answer::plain(ex, error.status(), error.body()).await
            }
            Err(error) => Err(Failure::error(error.status(), error.to_string())),
        }
    }
}

impl Target {
    /// The worker script that takes the requests of this path, if one does.
    fn by_path(&self, ex: &Exchange<'_>) -> Option<&php::ByPath> {
        let mut matched = self.patterns.iter().zip(&self.workers.by_path);
        matched.find(|(pattern, _)| pattern.matches(ex)).map(|(_, worker)| worker)
    }
}

/// The whole body, when it is short enough to travel with the request. One cut short by
/// its sender is passed on as far as it came.
async fn short_body(ex: &mut Exchange<'_>) -> Option<Bytes> {
    let len = usize::try_from(ex.body_length()?).ok().filter(|len| *len <= INLINE_BODY_MAX / 2)?;
    let mut body = BytesMut::with_capacity(len);
    while body.len() < len {
        match ex.read_body().await {
            Ok(Some(part)) => body.extend_from_slice(&part),
            Ok(None) | Err(_) => break,
        }
    }
    Some(body.freeze())
}

fn split(text: &str) -> Result<Vec<u8>, ProvisionError> {
    if text.is_ascii() {
        return Ok(text.to_ascii_lowercase().into_bytes());
    }
    let why = "invalid split_path: split path contains non-ASCII characters";
    Err(ProvisionError::Invalid(why.into()))
}

fn absolute(path: &[u8], cwd: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        return uri::clean(path).into_owned();
    }
    uri::clean(&[cwd, b"/", path].concat()).into_owned()
}

fn fixed_root(root: &[u8], resolve: bool) -> Result<Vec<u8>, ProvisionError> {
    if !resolve {
        return Ok(root.to_vec());
    }
    match std::fs::canonicalize(Path::new(OsStr::from_bytes(root))) {
        Ok(path) => Ok(path.into_os_string().into_vec()),
        Err(error) => {
            let root = String::from_utf8_lossy(root);
            Err(ProvisionError::Invalid(format!("unable to resolve root symlink: {root}: {error}")))
        }
    }
}

fn is_there(file: &[u8]) -> bool {
    blocking::look(|| Path::new(OsStr::from_bytes(file)).exists())
}
