//! `intercept`: handles answers of the handlers behind it before they go out.
//!
//! ```caddyfile
//! intercept {
//!     @missing status 404
//!     handle_response @missing {
//!         rewrite * /404.html
//!         file_server
//!     }
//! }
//! ```

use super::headers::Answers;
use crate::config::handlers::Intercept as Config;
use crate::config::handlers::ResponseHandler;
use crate::http::exchange::{Exchange, Flow, Intercepted, Outcome};
use crate::http::placeholder::{Template, Unknown};
use crate::http::response::Afterwards;
use crate::http::routes::Routes;
use crate::http::server::{Provision, ProvisionError};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use std::pin::Pin;

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Intercept(Vec<Case>);

/// Answers, and what is done with them.
#[derive(Debug)]
struct Case {
    answers: Option<Answers>,
    /// The only thing that changes, where it is set.
    status: Option<Template>,
    /// What answers instead; where there is nothing, the answer stands.
    routes: Option<Routes>,
}

/// One request's look at its answer.
struct Watch<'s>(&'s Intercept);

impl Intercept {
    pub(super) fn provision(
        config: &Config,
        provision: &mut Provision<'_>,
    ) -> Result<Self, ProvisionError> {
        let mut cases = Vec::with_capacity(config.handle_response.len());
        for (index, case) in config.handle_response.iter().enumerate() {
            let within = |error: ProvisionError| error.within(&format!("handle_response[{index}]"));
            cases.push(Case::provision(case, provision).map_err(within)?);
        }
        Ok(Self(cases))
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        ex.response.afterwards(Watch(self));
    }

    /// The first case that an answer is one of.
    fn case(&self, ex: &Exchange<'_>) -> Option<&Case> {
        self.0.iter().find(|case| case.answers.as_ref().is_none_or(|a| a.matches(ex)))
    }
}

impl Case {
    fn provision(
        config: &ResponseHandler,
        provision: &mut Provision<'_>,
    ) -> Result<Self, ProvisionError> {
        let ResponseHandler { matcher, status_code, routes } = config;
        let status = status_code.as_ref().filter(|code| !code.0.is_empty());
        let routes =
            if routes.is_empty() { None } else { Some(Routes::provision(routes, provision)?) };
        Ok(Self {
            answers: matcher.as_ref().map(Answers::new),
            status: status.map(|code| Template::new(&code.0, Unknown::Vanishes)),
            routes,
        })
    }
}

impl<'s> Afterwards<'s> for Watch<'s> {
    fn takes(&self, ex: &Exchange<'_>) -> bool {
        self.0.case(ex).is_some()
    }

    fn answer<'e>(
        self: Box<Self>,
        ex: &'e mut Exchange<'s>,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'e>>
    where
        's: 'e,
    {
        Box::pin(async move { handle(self.0, ex, body).await })
    }
}

async fn handle<'s>(intercept: &'s Intercept, ex: &mut Exchange<'s>, body: Bytes) -> Outcome {
    let Some(case) = intercept.case(ex) else { return Ok(Flow::Next) };
    let (status, headers) = (ex.response.status, ex.response.headers.clone());
    ex.intercepted = Some(Box::new(Intercepted { status, headers }));
    if let Some(code) = &case.status {
        let code = code.fill_text(ex).parse().unwrap_or(500);
        ex.respond(code, body).await?;
        return Ok(Flow::Done);
    }
    let Some(routes) = &case.routes else {
        ex.respond(status, body).await?;
        return Ok(Flow::Done);
    };
    // It is of the body that was taken.
    let length = ex.response.headers.remove(CONTENT_LENGTH);
    ex.response.status = 0;
    routes.run(ex).await?;
    if ex.response.has_ended() {
        return Ok(Flow::Done);
    }
    if let Some(length) = length {
        ex.response.headers.insert(CONTENT_LENGTH, length);
    }
    let status = if ex.response.status == 0 { status } else { ex.response.status };
    ex.respond(status, body).await?;
    Ok(Flow::Done)
}
