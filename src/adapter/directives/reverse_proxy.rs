//! `reverse_proxy`: asks other servers.
//!
//! `php_fastcgi` and `forward_auth` stand for more, but have all that is read here, too.

mod dynamic;
mod health_checks;
mod load_balancing;
mod transport;
mod upstream;

pub(super) use transport::fastcgi_timeout;

use super::header::{Change, apply_plain, refuse_default};
use crate::adapter::error::{Error, Result};
use crate::adapter::response_handlers::{self, ResponseHandlers};
use crate::adapter::scope::{Scope, Warnings};
use crate::adapter::values::{PRIVATE_RANGES, expect_arg, expect_no_arg, integer, size, unknown};
use crate::config::duration::Duration;
use crate::config::handlers::reverse_proxy::{HttpTransport, Transport};
use crate::config::handlers::{Handler, Headers, ReverseProxy};
use caddyfile_parser::Dispenser;
use upstream::Scheme;

/// The subdirectives that no file of this folder lists.
const SUBDIRECTIVES: [&str; 16] = [
    "to",
    "dynamic",
    "flush_interval",
    "request_buffers",
    "response_buffers",
    "stream_buffer_size",
    "stream_timeout",
    "stream_close_delay",
    "proxy_status_name",
    "trusted_proxies",
    "header_up",
    "header_down",
    "method",
    "rewrite",
    "transport",
    "verbose_logs",
];

/// Reads
///
/// ```caddyfile
/// reverse_proxy [MATCHER] [UPSTREAM…] {
///     to UPSTREAM…
///     dynamic SOURCE
///     lb_…                         # see `load_balancing`
///     health_…                     # see `health_checks`, also for max_fails and the like
///     flush_interval DURATION | -1
///     request_buffers SIZE | unlimited
///     response_buffers SIZE | unlimited
///     stream_buffer_size SIZE
///     stream_timeout DURATION
///     stream_close_delay DURATION
///     proxy_status_name NAME
///     trusted_proxies RANGE | private_ranges…
///     header_up [+|-]FIELD [VALUE | FIND REPLACE]
///     header_down [+|-]FIELD [VALUE | FIND REPLACE]
///     method METHOD
///     rewrite URI
///     transport http | fastcgi
///     @NAME RESPONSE_MATCHER
///     replace_status [@NAME] STATUS
///     handle_response [@NAME] {
///         DIRECTIVE…
///     }
///     verbose_logs
/// }
/// ```
///
/// An upstream is `[SCHEME://]HOST[:PORT[-PORT]]` with the scheme `http`, `https` or `h2c`, or
/// `unix/PATH`; it may hold placeholders when it has no scheme. All have the same scheme,
/// which decides on TLS. The port is 80 when neither it nor a scheme is given.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    let mut proxy = ReverseProxy::default();
    parse_into(d, scope, &mut proxy)?;
    Ok(Handler::ReverseProxy(Box::new(proxy)))
}

/// Reads the arguments and the block behind the directive's name into `proxy`, which may
/// have settings already.
pub(super) fn parse_into(
    d: &mut Dispenser,
    scope: &Scope<'_>,
    proxy: &mut ReverseProxy,
) -> Result<()> {
    d.next();
    let mut reader = Reader {
        scope,
        had_transport: proxy.transport.is_some(),
        proxy,
        scheme: Scheme::default(),
        transport: None,
        responses: ResponseHandlers::default(),
    };
    reader.parse_upstreams(d)?;
    while d.next_block(0) {
        reader.parse_subdirective(d)?;
    }
    reader.finish(d)
}

/// What has been read so far.
struct Reader<'r> {
    scope: &'r Scope<'r>,
    proxy: &'r mut ReverseProxy,
    /// Whether the directive came with a transport: then none may be given.
    had_transport: bool,
    scheme: Scheme,
    transport: Option<Transport>,
    responses: ResponseHandlers,
}

impl Reader<'_> {
    /// Reads the addresses that follow on this line; true when there are some.
    fn parse_upstreams(&mut self, d: &mut Dispenser) -> Result<bool> {
        let tokens = d.remaining_args_as_tokens();
        for token in &tokens {
            let address = &token.text;
            let upstreams = self.scheme.parse(address).map_err(|why| {
                Error::from(d.err(format!("parsing upstream '{address}': {why}"))).relocate(token)
            })?;
            self.proxy.upstreams.extend(upstreams);
        }
        Ok(!tokens.is_empty())
    }

    fn parse_subdirective(&mut self, d: &mut Dispenser) -> Result<()> {
        if self.responses.read(d)? {
            return Ok(());
        }
        let word = d.val().to_owned();
        let proxy = &mut *self.proxy;
        let warnings = &self.scope.shared.warnings;
        match word.as_str() {
            "to" => {
                if !self.parse_upstreams(d)? {
                    return Err(d.arg_err().into());
                }
            }
            "dynamic" => {
                expect_arg(d)?;
                proxy.dynamic_upstreams = Some(dynamic::parse(d)?);
            }
            "header_up" => header_up(d, headers(proxy), warnings)?,
            "header_down" => header_down(d, headers(proxy))?,
            "method" => proxy.rewrite.get_or_insert_default().method = only_arg(d)?,
            "rewrite" => proxy.rewrite.get_or_insert_default().uri = only_arg(d)?,
            "transport" => {
                expect_arg(d)?;
                if self.had_transport {
                    return Err(d.err("transport already specified").into());
                }
                self.transport = Some(transport::parse(d, warnings)?);
            }
            "verbose_logs" => {
                if proxy.verbose_logs {
                    return Err(d.err("verbose_logs already specified").into());
                }
                proxy.verbose_logs = true;
            }
            name if load_balancing::SUBDIRECTIVES.contains(&name) => {
                load_balancing::parse(d, &mut proxy.load_balancing)?;
            }
            name if health_checks::ACTIVE.contains(&name) => {
                health_checks::parse_active(d, &mut proxy.health_checks, warnings)?;
            }
            name if health_checks::PASSIVE.contains(&name) => {
                health_checks::parse_passive(d, &mut proxy.health_checks)?;
            }
            _ => return parse_flow(d, &word, proxy),
        }
        Ok(())
    }

    /// Settles what depends on all that was read, and reads the blocks of `handle_response`.
    fn finish(mut self, d: &Dispenser) -> Result<()> {
        let wants_tls = self.scheme.is("https");
        let wants_h2c = self.scheme.is("h2c");
        let mut transport = self.transport.take();
        if transport.is_none() && (wants_tls || wants_h2c) {
            transport = Some(Transport::Http(Box::default()));
        }
        match transport {
            Some(Transport::Http(mut http)) => {
                if wants_tls {
                    http.tls.get_or_insert_default();
                }
                if http.tls.is_some() {
                    warn_of_host(self.proxy, &self.scope.shared.warnings);
                }
                if self.scheme.is("http") && http.tls.is_some() {
                    let text = "upstream address scheme is HTTP but transport is configured for \
                                HTTP+TLS (HTTPS)";
                    return Err(d.err(text).into());
                }
                if wants_h2c {
                    http.versions = vec!["h2c".to_owned(), "2".to_owned()];
                }
                if *http != HttpTransport::default() {
                    self.proxy.transport = Some(Transport::Http(http));
                }
            }
            Some(Transport::FastCgi(_)) if wants_tls => {
                let text = "upstreams are configured for HTTPS but transport module does not \
                            support TLS: *fastcgi.Transport";
                return Err(d.err(text).into());
            }
            Some(fastcgi) => self.proxy.transport = Some(fastcgi),
            None => {}
        }
        let handlers = self.responses.finish(self.scope)?;
        self.proxy.handle_response.extend(handlers);
        Ok(())
    }
}

/// Reads the subdirective that is loaded if it is about how bodies and streams flow.
fn parse_flow(d: &mut Dispenser, word: &str, proxy: &mut ReverseProxy) -> Result<()> {
    match word {
        "flush_interval" => proxy.flush_interval = nanoseconds_or_duration(d)?,
        "stream_timeout" => proxy.stream_timeout = nanoseconds_or_duration(d)?,
        "stream_close_delay" => proxy.stream_close_delay = nanoseconds_or_duration(d)?,
        "request_buffers" => proxy.request_buffers = size_or_unlimited(d)?,
        "response_buffers" => proxy.response_buffers = size_or_unlimited(d)?,
        "stream_buffer_size" => proxy.stream_buffer_size = size_or_unlimited(d)?,
        "proxy_status_name" => proxy.proxy_status_name = only_arg(d)?,
        "trusted_proxies" => {
            for range in d.remaining_args() {
                match range.as_str() {
                    "private_ranges" => {
                        proxy.trusted_proxies.extend(PRIVATE_RANGES.map(str::to_owned));
                    }
                    _ => proxy.trusted_proxies.push(range),
                }
            }
        }
        _ => {
            let mut known = SUBDIRECTIVES.to_vec();
            known.extend(response_handlers::SUBDIRECTIVES);
            known.extend(load_balancing::SUBDIRECTIVES);
            known.extend(health_checks::ACTIVE);
            known.extend(health_checks::PASSIVE);
            return Err(unknown(d, format!("unrecognized subdirective {word}"), &known));
        }
    }
    Ok(())
}

fn headers(proxy: &mut ReverseProxy) -> &mut Headers {
    proxy.headers.get_or_insert_default()
}

fn header_up(d: &mut Dispenser, headers: &mut Headers, warnings: &Warnings) -> Result<()> {
    let ops = headers.request.get_or_insert_default();
    let args = d.remaining_args();
    if let [field, value] = args.as_slice() {
        warn_of_forwarded(field, value, warnings);
    }
    let change = Change::from_args(&args).ok_or_else(|| d.arg_err())?;
    refuse_default(d, &change)?;
    apply_plain(&change, ops);
    Ok(())
}

fn header_down(d: &mut Dispenser, headers: &mut Headers) -> Result<()> {
    let response = headers.response.get_or_insert_default();
    let args = d.remaining_args();
    let change = Change::from_args(&args).ok_or_else(|| d.arg_err())?;
    refuse_default(d, &change)?;
    apply_plain(&change, &mut response.ops);
    Ok(())
}

/// Warns of fields that are set to what they are anyway.
fn warn_of_forwarded(field: &str, value: &str, warnings: &Warnings) {
    let usual = match field.to_ascii_lowercase().as_str() {
        "x-forwarded-for" => {
            ("X-Forwarded-For", &["{http.request.remote}", "{http.request.remote.host}"][..])
        }
        "x-forwarded-proto" => ("X-Forwarded-Proto", &["{http.request.scheme}"][..]),
        "x-forwarded-host" => {
            ("X-Forwarded-Host", &["{http.request.host}", "{http.request.hostport}"][..])
        }
        _ => return,
    };
    let (name, values) = usual;
    if values.contains(&value) {
        let text = format!(
            "Unnecessary header_up {name}: the reverse proxy's default behavior is to pass \
             headers to the upstream"
        );
        warnings.push("caddyfile", text);
    }
}

/// Warns of a `Host` that is set to what it is anyway when servers are asked over TLS.
fn warn_of_host(proxy: &ReverseProxy, warnings: &Warnings) {
    let request = proxy.headers.as_ref().and_then(|headers| headers.request.as_ref());
    let host = request.and_then(|ops| ops.set.get("Host")).and_then(|values| values.first());
    if host.is_some_and(|host| host == "{http.reverse_proxy.upstream.hostport}") {
        let text = "Unnecessary header_up Host: the reverse proxy's default behavior is to pass \
                    the configured upstream address to the upstream when proxying to HTTPS";
        warnings.push("caddyfile", text);
    }
}

/// Reads the only argument. An error blames the first one too many, not the one before it.
fn only_arg(d: &mut Dispenser) -> Result<String> {
    let arg = expect_arg(d)?;
    expect_no_arg(d)?;
    Ok(arg)
}

/// Reads a duration; `bad` goes in front of an error and gets the argument.
pub(super) fn duration(d: &mut Dispenser, bad: impl Fn(&str) -> String) -> Result<Duration> {
    let text = expect_arg(d)?;
    Duration::parse(&text).map_err(|why| d.err(format!("{}: {why}", bad(&text))).into())
}

/// Reads an integer; `bad` goes in front of an error and gets the argument.
fn number(d: &mut Dispenser, bad: impl Fn(&str) -> String) -> Result<i64> {
    let text = expect_arg(d)?;
    integer(&text).map_err(|why| d.err(format!("{}: {why}", bad(&text))).into())
}

/// Reads a duration, or an integer that counts nanoseconds; of use for -1.
fn nanoseconds_or_duration(d: &mut Dispenser) -> Result<Duration> {
    let text = expect_arg(d)?;
    if let Ok(nanoseconds) = integer(&text) {
        return Ok(Duration(nanoseconds));
    }
    Duration::parse(&text)
        .map_err(|why| d.err(format!("bad duration value '{text}': {why}")).into())
}

/// Reads a size in bytes, or `unlimited`, which is -1.
fn size_or_unlimited(d: &mut Dispenser) -> Result<i64> {
    let text = expect_arg(d)?;
    let bytes = match text.as_str() {
        "unlimited" => -1,
        _ => {
            let invalid = |why| d.err(format!("invalid byte size '{text}': {why}"));
            size(&text).map_err(invalid)?.cast_signed()
        }
    };
    expect_no_arg(d)?;
    Ok(bytes)
}
