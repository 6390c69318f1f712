//! The life of one request: from its head through the routes to the end of its answer.

use super::connection::Connection;
use super::exchange::{Asked, Exchange, Failure, HandlerError, Outcome};
use super::head;
use super::loggers;
use super::placeholder::ErrorPart;
use super::response::Gone;
use super::routes::Routes;
use super::server::Site;
use super::service;
use super::uri::{is_host, split_host};
use crate::logging::json::Object;
use crate::logging::{Level, access};
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use pingora_core::protocols::http::server::Session;
use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};

/// A longer method is none.
const METHOD_MAX: usize = 32;

/// Answers the request whose head the session has read. False when the connection must
/// not be used any more, because the answer broke off.
pub(super) async fn request(
    session: &mut Session,
    connection: &Connection,
    site: &Site,
    asked: Asked,
) -> bool {
    let mut ex = Exchange::new(session, connection, site, asked);
    let target = ex.parse_target();
    let malformed = target.is_none();
    ex.target = target.unwrap_or_default();
    clean_fields(&mut ex);
    let refused = match malformed {
        true => Err(Failure::error(400, "malformed request target")),
        false => refuse(&ex),
    };
    let outcome = match (refused, &site.service) {
        (Err(refused), _) => Err(refused),
        (Ok(()), None) => guarded(pin!(run(&site.routes, &mut ex))).await,
        (Ok(()), Some(service)) => guarded(pin!(service::answer(&mut ex, &**service))).await,
    };
    ex.settle_log_fields();
    ex.measure(&outcome);
    ex.end_spans(&outcome);
    let answered = finish(&mut ex, site, outcome).await;
    ex.settle_log_fields();
    ex.log_uuid();
    log(&ex, site);
    answered.is_ok() && ex.response.has_ended()
}

/// Refuses what no route may see.
fn refuse(ex: &Exchange<'_>) -> Result<(), Failure> {
    if ex.method.as_str().len() > METHOD_MAX {
        return Err(Failure::error(405, "method is too long"));
    }
    // Without a host, only HTTP/1.0 asks for anything; a service judges itself.
    if ex.host.is_empty() && ex.site.service.is_none() && ex.proto() == "HTTP/1.1" {
        return Err(Failure::error(400, "rfc9112 forbids empty Host"));
    }
    // It may become a part of a path, in which `..` leads elsewhere.
    let (name, _) = split_host(&ex.host);
    if !is_host(&ex.host) || (!name.is_empty() && name.iter().all(|b| *b == b'.')) {
        return Err(Failure::error(400, "invalid host"));
    }
    Ok(())
}

/// Hides fields that no handler should see: those that scripts would take for others; how a
/// body is framed is the connection's matter.
fn clean_fields(ex: &mut Exchange<'_>) {
    let headers = ex.headers();
    let mut unwanted = ex.site.aliases.refused(headers);
    let [has_coding, has_length] = head::has(headers, &[TRANSFER_ENCODING, CONTENT_LENGTH]);
    if has_coding {
        unwanted.push(TRANSFER_ENCODING.as_str());
    }
    let repeats_length = has_length && headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some();
    if unwanted.is_empty() && !repeats_length {
        return;
    }
    let unwanted: Vec<String> = unwanted.into_iter().map(str::to_owned).collect();
    ex.change_headers(|headers, _| {
        for name in &unwanted {
            headers.remove(name.as_str());
        }
        // They are equal, or the request would have been refused.
        if let Some(length) = headers.get(CONTENT_LENGTH).cloned() {
            headers.insert(CONTENT_LENGTH, length);
        }
    });
}

/// Runs routes, and what they left to be done with the whole answer.
async fn run<'s>(routes: &'s Routes, ex: &mut Exchange<'s>) -> Outcome {
    let outcome = routes.run(ex).await;
    let flow = ex.catch(0, outcome).await?;
    if ex.response.layers() > 0 {
        ex.complete().await?;
        ex.settle(0).await?;
    }
    Ok(flow)
}

/// Turns a panic into an error. What runs is large, so it stays where it is.
async fn guarded(run: Pin<&mut impl Future<Output = Outcome>>) -> Outcome {
    AssertUnwindSafe(run).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Failure::error(500, format!("panic: {}", text.unwrap_or_default())))
    })
}

/// Answers what the routes left: an error, or nothing at all.
async fn finish<'s>(ex: &mut Exchange<'s>, site: &'s Site, outcome: Outcome) -> Result<(), Gone> {
    let error = match outcome {
        Ok(_) => return ex.complete().await,
        Err(Failure::Abort) => return Err(Gone),
        Err(Failure::Error(error)) => error,
    };
    if ex.response.has_begun() {
        ex.log_error(&error, false);
        return Err(Gone);
    }
    ex.response.unwind(0);
    let status = error.status;
    ex.error = Some(error.clone());
    let Some(routes) = &site.errors else {
        ex.log_error(&error, false);
        return ex.respond(status, Bytes::new()).await;
    };
    ex.restore_target();
    let outcome = guarded(pin!(run(routes, ex))).await;
    ex.end_spans(&outcome);
    match outcome {
        Ok(_) => {
            ex.log_error(&error, true);
            ex.complete().await
        }
        Err(Failure::Abort) => Err(Gone),
        Err(Failure::Error(second)) => {
            ex.log_second_error(&error, &second);
            if ex.response.has_begun() {
                return Err(Gone);
            }
            ex.response.unwind(0);
            ex.respond(status, Bytes::new()).await
        }
    }
}

impl Exchange<'_> {
    /// Logs an error of a handler. One that error routes answer, or that is the client's
    /// fault, is for those who debug.
    pub(super) fn log_error(&self, error: &HandlerError, answered: bool) {
        let level = if answered || error.status < 500 { Level::Debug } else { Level::Error };
        for logger in self.error_loggers() {
            self.site.logs.write(level, &logger, &error.message(), |o| {
                self.describe(o);
                describe_error(o, error);
            });
        }
    }

    /// Logs that the error routes failed too.
    fn log_second_error(&self, first: &HandlerError, second: &HandlerError) {
        for logger in self.error_loggers() {
            let message = "error handling handler error";
            self.site.logs.write(Level::Error, &logger, message, |o| {
                self.describe(o);
                o.bytes("error", &second.part(ErrorPart::Whole));
                o.object("first_error", |o| {
                    o.str("msg", &first.message());
                    describe_error(o, first);
                });
            });
        }
    }

    fn describe(&self, o: &mut Object<'_>) {
        o.object("request", |o| access::describe(o, &described(self, self.site)));
        o.duration("duration", self.started.elapsed());
    }

    /// The loggers that errors of this request go to.
    fn error_loggers(&self) -> Vec<Cow<'_, str>> {
        match self.logger_names {
            Some(names) if self.site.loggers.is_some() => {
                names.iter().map(|name| loggers::error_logger(name).into()).collect()
            }
            _ => vec![error_logger(self.site, self.original_host()).into()],
        }
    }
}

/// The logger that takes errors of requests for this host.
fn error_logger<'s>(site: &'s Site, host: &[u8]) -> &'s str {
    site.loggers.as_ref().and_then(|loggers| loggers.error(host)).unwrap_or("http.log.error")
}

fn describe_error(o: &mut Object<'_>, error: &HandlerError) {
    o.uint("status", error.status.into());
    o.str("err_id", &error.id);
    o.str("err_trace", "");
}

fn described<'a>(ex: &'a Exchange<'_>, site: &Site) -> access::Request<'a> {
    access::Request {
        remote: ex.remote().socket_addr(),
        client: ex.client_ip(),
        proto: ex.proto(),
        method: ex.original_method().as_str(),
        host: ex.original_host(),
        uri: ex.original_uri(),
        headers: ex.original_headers(),
        with_credentials: site.loggers.as_ref().is_some_and(|l| l.with_credentials),
    }
}

/// Writes the access log.
fn log(ex: &Exchange<'_>, site: &Site) {
    if ex.vars.value("log_skip") == b"true" {
        return;
    }
    let Some(loggers) = &site.loggers else { return };
    let usual = loggers.access(ex.original_host());
    if usual.is_empty() {
        return;
    }
    let answer = access::Answer {
        bytes_read: ex.body_bytes_read(),
        user_id: ex.user_id.as_deref().unwrap_or_default(),
        duration: ex.started.elapsed(),
        size: ex.response.size,
        status: if ex.response.unhandled { 0 } else { ex.response.status },
        unhandled: ex.response.unhandled,
        headers: ex.response.fields(),
        untyped: ex.response.untyped,
        extra: &ex.log_fields,
    };
    let request = described(ex, site);
    let write = |logger: &str| access::handled(&site.logs, logger, &request, &answer);
    match ex.logger_names {
        Some(names) => names.iter().for_each(|name| write(&loggers::access_logger(name))),
        None => usual.iter().for_each(|logger| write(logger)),
    }
}
