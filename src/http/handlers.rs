//! Handlers: a file per module, in the words of Caddy's JSON.
//!
//! A handler answers, or changes the request and lets the next one run, or leaves a
//! filter behind that changes the answer on its way out.

mod answer;
mod authentication;
mod copy_response;
mod encode;
mod error;
mod file_server;
mod headers;
mod intercept;
mod invoke;
mod log_append;
mod map;
mod metrics;
mod php;
mod request_body;
mod rewrite;
mod static_response;
pub(super) mod subroute;
mod templates;
mod timeouts;
mod tracing;
mod vars;

pub(crate) use log_append::{Body as AnswerBody, LogAppend};
pub(crate) use map::Map;
pub(crate) use tracing::Traced;

use super::exchange::{Exchange, Flow, Outcome};
use super::invoked::Invoked;
use super::server::{Provision, ProvisionError};
use crate::config::handlers::Handler as Config;

/// A compiled handler.
#[derive(Debug)]
pub(crate) struct Handler {
    kind: Kind,
    /// It has a placeholder for the request's body.
    needs_body: bool,
    /// What is told when it runs, if that is wanted.
    invoked: Option<Box<Invoked>>,
}

#[derive(Debug)]
enum Kind {
    Authentication(Box<authentication::Authentication>),
    CopyResponse(copy_response::CopyResponse),
    Encode(encode::Encode),
    Error(error::Error),
    FileServer(Box<file_server::FileServer>),
    Headers(Box<headers::Headers>),
    Intercept(intercept::Intercept),
    Invoke(invoke::Invoke),
    LogAppend(Box<LogAppend>),
    Map(Box<Map>),
    Metrics(metrics::Metrics),
    /// Nothing to do.
    Nothing,
    Php(Box<php::Php>),
    RequestBody(request_body::RequestBody),
    Rewrite(Box<rewrite::Rewrite>),
    StaticResponse(Box<static_response::StaticResponse>),
    Subroute(subroute::Subroute),
    Templates(Box<templates::Templates>),
    Timeouts(timeouts::Timeouts),
    Tracing(Box<tracing::Tracing>),
    Vars(vars::Vars),
}

impl Handler {
    /// Compiles a handler.
    pub(super) fn provision(
        config: &Config,
        provision: &mut Provision<'_>,
    ) -> Result<Self, ProvisionError> {
        let mut needs_body = false;
        let kind = match config {
            Config::AcmeServer(_) => {
                let text = "acme_server is not supported yet";
                return Err(ProvisionError::Invalid(text.to_owned()));
            }
            Config::Encode(c) => Kind::Encode(encode::Encode::provision(c)?),
            Config::Error(c) => Kind::Error(error::Error::new(c)),
            Config::FileServer(c) => {
                Kind::FileServer(Box::new(file_server::FileServer::provision(c, provision)?))
            }
            Config::Headers(c) => {
                let handler = headers::Headers::provision(c)?;
                needs_body = handler.needs_body();
                Kind::Headers(Box::new(handler))
            }
            Config::Invoke(c) => Kind::Invoke(invoke::Invoke::new(c, provision)),
            Config::Php(c) => Kind::Php(Box::new(php::Php::provision(c, provision)?)),
            Config::ReverseProxy(_) => {
                let text = "reverse_proxy is not supported yet";
                return Err(ProvisionError::Invalid(text.to_owned()));
            }
            Config::Rewrite(c) => Kind::Rewrite(Box::new(rewrite::Rewrite::provision(c)?)),
            Config::StaticResponse(c) => {
                let handler = static_response::StaticResponse::provision(c)?;
                needs_body = handler.needs_body();
                Kind::StaticResponse(Box::new(handler))
            }
            Config::Intercept(c) => Kind::Intercept(intercept::Intercept::provision(c, provision)?),
            Config::Templates(c) => Kind::Templates(Box::new(templates::Templates::provision(c)?)),
            Config::Subroute(c) => Kind::Subroute(subroute::Subroute::provision(c, provision)?),
            Config::Vars(c) => {
                let handler = vars::Vars::provision(c)?;
                needs_body = handler.needs_body();
                Kind::Vars(handler)
            }
            Config::Authentication(c) => {
                Kind::Authentication(Box::new(authentication::Authentication::provision(c)?))
            }
            Config::CopyResponse(_) => Kind::CopyResponse(copy_response::CopyResponse::Whole),
            Config::CopyResponseHeaders(c) => {
                Kind::CopyResponse(copy_response::CopyResponse::of_headers(c)?)
            }
            Config::LogAppend(c) => {
                let handler = LogAppend::new(c);
                needs_body = handler.needs_body();
                Kind::LogAppend(Box::new(handler))
            }
            Config::Map(c) => Kind::Map(Box::new(Map::provision(c)?)),
            Config::Metrics(c) => Kind::Metrics(metrics::Metrics::new(c, provision)),
            // No browser takes what is pushed any more, and nothing is.
            Config::Push(_) => Kind::Nothing,
            Config::RequestBody(c) => {
                let handler = request_body::RequestBody::new(c);
                needs_body = handler.needs_body();
                Kind::RequestBody(handler)
            }
            Config::Timeouts(c) => Kind::Timeouts(timeouts::Timeouts::new(c)),
            Config::Tracing(c) => {
                let handler = tracing::Tracing::provision(c, provision)?;
                needs_body = handler.needs_body();
                Kind::Tracing(Box::new(handler))
            }
        };
        let invoked = provision.tells_invoked.then(|| Box::new(Invoked::new(config)));
        Ok(Self { kind, needs_body, invoked })
    }

    /// Runs it.
    ///
    /// # Errors
    /// When it fails: the error routes answer then.
    pub(super) async fn run<'s>(&'s self, ex: &mut Exchange<'s>) -> Outcome {
        if let Some(invoked) = &self.invoked {
            invoked.tell(ex);
        }
        if self.needs_body {
            ex.buffer_body().await;
        }
        ex.disk.forget();
        match &self.kind {
            Kind::Authentication(handler) => handler.run(ex).await?,
            Kind::CopyResponse(handler) => return Err(handler.run()),
            Kind::Encode(handler) => handler.run(ex),
            Kind::Error(handler) => return Err(handler.run(ex)),
            Kind::FileServer(handler) => return handler.run(ex).await,
            Kind::Headers(handler) => handler.run(ex),
            Kind::Intercept(handler) => handler.run(ex),
            Kind::Templates(handler) => handler.run(ex),
            Kind::LogAppend(handler) => handler.run(ex),
            Kind::Map(handler) => handler.run(ex),
            Kind::Metrics(handler) => return handler.run(ex).await,
            Kind::Nothing => {}
            Kind::RequestBody(handler) => handler.run(ex),
            Kind::Timeouts(handler) => handler.run(ex),
            Kind::Tracing(handler) => handler.run(ex),
            Kind::Invoke(handler) => return Box::pin(handler.run(ex)).await,
            Kind::Php(handler) => return Box::pin(handler.run(ex)).await,
            Kind::Rewrite(handler) => handler.run(ex),
            Kind::StaticResponse(handler) => return handler.run(ex).await,
            Kind::Subroute(handler) => return Box::pin(handler.run(ex)).await,
            Kind::Vars(handler) => handler.run(ex),
        }
        Ok(Flow::Next)
    }
}
