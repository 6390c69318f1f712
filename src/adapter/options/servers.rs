//! `servers`: settings of the servers that sites make up.

mod modules;

use super::{Options, set_flag};
use crate::adapter::Warning;
use crate::adapter::error::{Error, Result};
use crate::adapter::values::{
    expect_arg, expect_args, expect_duration, expect_no_arg, expect_only_arg, integer_of, size,
    unknown,
};
use crate::config::duration::Duration;
use crate::config::http::{Metrics, Server};
use caddyfile_parser::{Dispenser, Token};
use std::cmp::Reverse;
use std::collections::HashSet;

const PROTOCOLS: [&str; 4] = ["h1", "h2", "h2c", "h3"];
const TIMEOUTS: [&str; 7] = [
    "read_body",
    "read_body_idle",
    "read_header",
    "write",
    "write_idle",
    "write_max_chunk",
    "idle",
];
const OPTIONS: [&str; 21] = [
    "name",
    "listener_wrappers",
    "packet_conn_wrappers",
    "timeouts",
    "keepalive_interval",
    "keepalive_idle",
    "keepalive_count",
    "max_header_size",
    "enable_full_duplex",
    "expected_underscore_headers",
    "expected_dot_headers",
    "log_credentials",
    "protocols",
    "strict_sni_host",
    "trusted_proxies",
    "trusted_proxies_strict",
    "trusted_proxies_unix",
    "client_ip_headers",
    "metrics",
    "trace",
    "0rtt",
];

const METRICS_ARE_GLOBAL: &str = "The nested 'metrics' option inside `servers` is deprecated and \
    will be removed in the next major version. Use the global 'metrics' option instead.";

/// One use of the option.
#[derive(Clone, Debug, Default)]
pub(in crate::adapter) struct ServerOptions {
    /// The option itself, for errors that show up when all are read.
    pub(in crate::adapter) token: Option<Token>,
    /// Which server is meant, by an address on which it listens; any when empty.
    pub(in crate::adapter) listener: String,
    /// Its new name; none when empty.
    pub(in crate::adapter) name: String,
    /// What the options say, in the fields that they set.
    settings: Server,
    log_credentials: bool,
    trace: bool,
}

impl ServerOptions {
    /// The error, which lies at this use.
    pub(in crate::adapter) fn blame(&self, error: Error) -> Error {
        self.token.iter().fold(error, |error, token| error.at(token))
    }

    /// Writes the settings into a server, over what is there.
    pub(in crate::adapter) fn apply(&self, server: &mut Server) {
        let sites = std::mem::replace(server, self.settings.clone());
        server.listen = sites.listen;
        server.routes = sites.routes;
        server.errors = sites.errors;
        server.named_routes = sites.named_routes;
        server.tls_connection_policies = sites.tls_connection_policies;
        server.automatic_https = sites.automatic_https;
        server.logs = sites.logs;
        server.listen_protocols = sites.listen_protocols;
        if self.log_credentials || self.trace {
            let logs = server.logs.get_or_insert_default();
            logs.should_log_credentials |= self.log_credentials;
            logs.trace |= self.trace;
        }
    }
}

/// Reads
///
/// ```caddyfile
/// servers [LISTENER] {
///     name NAME
///     listener_wrappers {
///         http_redirect
///         proxy_protocol {
///             timeout DURATION
///             allow RANGE…
///             deny RANGE…
///             fallback_policy ignore | use | reject | require | skip
///         }
///         tls
///     }
///     packet_conn_wrappers
///     timeouts {
///         read_body DURATION
///         read_body_idle DURATION [BYTES_A_SECOND]
///         read_header DURATION
///         write DURATION
///         write_idle DURATION [BYTES_A_SECOND]
///         write_max_chunk SIZE
///         idle DURATION
///     }
///     keepalive_interval DURATION
///     keepalive_idle DURATION
///     keepalive_count NUM
///     max_header_size SIZE
///     enable_full_duplex
///     expected_underscore_headers FIELD…
///     expected_dot_headers FIELD…
///     log_credentials
///     protocols h1 | h2 | h2c | h3 …
///     strict_sni_host [on | insecure_off]
///     trusted_proxies static RANGE… | private_ranges
///     trusted_proxies_strict
///     trusted_proxies_unix
///     client_ip_headers FIELD…
///     metrics {
///         per_host
///     }
///     trace
///     0rtt off
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    let mut server = ServerOptions { token: Some(d.token()), ..ServerOptions::default() };
    if d.next_arg() {
        server.listener = d.val().to_owned();
        expect_no_arg(d)?;
    }
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "name" if server.listener.is_empty() => {
                let text = "cannot set a name for a server without a listener address";
                return Err(d.err(text).into());
            }
            "name" => server.name = expect_arg(d)?,
            "log_credentials" => set_flag(d, &mut server.log_credentials)?,
            "trace" => set_flag(d, &mut server.trace)?,
            "metrics" => {
                options.warnings.push(Warning {
                    message: METRICS_ARE_GLOBAL.to_owned(),
                    place: None,
                    fields: Vec::new(),
                    logger: "",
                });
                server.settings.metrics = Some(parse_metrics(d)?);
            }
            word => parse_setting(d, word, &mut server.settings)?,
        }
    }
    options.servers.push(server);
    Ok(())
}

/// Puts the longest addresses first, and refuses two of one.
pub(super) fn sort(servers: &mut [ServerOptions]) -> Result<()> {
    servers.sort_by_key(|server| Reverse(server.listener.len()));
    let mut seen = HashSet::new();
    for server in &*servers {
        if !seen.insert(&server.listener) {
            let error = Error::new(format!(
                "cannot have 'servers' global options with duplicate listener addresses: {}",
                server.listener
            ));
            return Err(server.blame(error));
        }
    }
    Ok(())
}

/// Reads an option that sets a field of the server, of which the option `word` is loaded.
fn parse_setting(d: &mut Dispenser, word: &str, server: &mut Server) -> Result<()> {
    match word {
        "listener_wrappers" => modules::parse_wrappers(d, &mut server.listener_wrappers)?,
        "packet_conn_wrappers" => modules::refuse_packet_conn_wrappers(d)?,
        "timeouts" => {
            let nesting = d.nesting();
            while d.next_block(nesting) {
                parse_timeout(d, server)?;
            }
        }
        "keepalive_interval" => {
            server.keepalive_interval = expect_duration(d, "parsing keepalive interval duration")?;
        }
        "keepalive_idle" => {
            server.keepalive_idle = expect_duration(d, "parsing keepalive idle duration")?;
        }
        "keepalive_count" => {
            server.keepalive_count = integer_of(&expect_arg(d)?, 32)
                .map_err(|error| d.err(format!("parsing keepalive count int: {error}")))?;
        }
        "max_header_size" => server.max_header_bytes = parse_size(d, word)?,
        "enable_full_duplex" => set_flag(d, &mut server.enable_full_duplex)?,
        "expected_underscore_headers" => server.expected_underscore_headers = expect_args(d)?,
        "expected_dot_headers" => server.expected_dot_headers = expect_args(d)?,
        "protocols" => parse_protocols(d, &mut server.protocols)?,
        "strict_sni_host" => server.strict_sni_host = Some(parse_strict_sni_host(d)?),
        "trusted_proxies" => server.trusted_proxies = Some(modules::parse_ip_source(d)?),
        "trusted_proxies_strict" => {
            expect_no_arg(d)?;
            server.trusted_proxies_strict = 1;
        }
        "trusted_proxies_unix" => set_flag(d, &mut server.trusted_proxies_unix)?,
        "client_ip_headers" => parse_client_ip_headers(d, &mut server.client_ip_headers)?,
        "0rtt" => {
            if expect_arg(d)? != "off" {
                let text =
                    format!("unsupported 0rtt argument '{}' (only 'off' is supported)", d.val());
                return Err(d.err(text).into());
            }
            server.allow_0rtt = Some(false);
        }
        other => {
            let text = format!("unrecognized servers option '{other}'");
            return Err(unknown(d, text, &OPTIONS));
        }
    }
    Ok(())
}

/// Reads a size; `what` it is the size of.
fn parse_size(d: &mut Dispenser, what: &str) -> Result<i64> {
    let bytes =
        size(&expect_only_arg(d)?).map_err(|error| d.err(format!("parsing {what}: {error}")))?;
    // Sizes beyond this type are negative in Caddy, too.
    Ok(bytes.cast_signed())
}

fn parse_timeout(d: &mut Dispenser, server: &mut Server) -> Result<()> {
    let word = d.val().to_owned();
    let timeout = match word.as_str() {
        "read_body" => &mut server.read_timeout,
        "read_header" => &mut server.read_header_timeout,
        "write" => &mut server.write_timeout,
        "idle" => &mut server.idle_timeout,
        "read_body_idle" => {
            return parse_idle(d, &word, &mut server.read_idle_timeout, &mut server.read_min_rate);
        }
        "write_idle" => {
            return parse_idle(
                d,
                &word,
                &mut server.write_idle_timeout,
                &mut server.write_min_rate,
            );
        }
        "write_max_chunk" => {
            server.max_write_chunk = parse_size(d, &word)?;
            return Ok(());
        }
        other => {
            let text = format!("unrecognized timeouts option '{other}'");
            return Err(unknown(d, text, &TIMEOUTS));
        }
    };
    *timeout = expect_duration(d, &format!("parsing {word} timeout duration"))?;
    Ok(())
}

/// Reads `DURATION [BYTES_A_SECOND]`.
fn parse_idle(
    d: &mut Dispenser,
    word: &str,
    timeout: &mut Duration,
    min_rate: &mut i64,
) -> Result<()> {
    let args = d.remaining_args();
    let (duration, rate) = match args.as_slice() {
        [duration] => (duration, None),
        [duration, rate] => (duration, Some(rate)),
        _ => return Err(d.arg_err().into()),
    };
    *timeout = Duration::parse(duration)
        .map_err(|error| d.err(format!("parsing {word} timeout duration: {error}")))?;
    if let Some(rate) = rate {
        *min_rate = integer_of(rate, 64)
            .map_err(|error| d.err(format!("parsing {word} min_rate bytes/second: {error}")))?;
    }
    Ok(())
}

fn parse_protocols(d: &mut Dispenser, protocols: &mut Vec<String>) -> Result<()> {
    for protocol in d.remaining_args() {
        if !PROTOCOLS.contains(&protocol.as_str()) {
            let text = format!("unknown protocol '{protocol}': expected h1, h2, h2c, or h3");
            return Err(d.err(text).into());
        }
        if protocols.contains(&protocol) {
            return Err(d.err(format!("protocol {protocol} specified more than once")).into());
        }
        protocols.push(protocol);
    }
    expect_no_block(d)
}

fn parse_strict_sni_host(d: &mut Dispenser) -> Result<bool> {
    if d.next_arg() && !["on", "insecure_off"].contains(&d.val()) {
        let got = d.val();
        let text = format!("strict_sni_host only supports 'on' or 'insecure_off', got '{got}'");
        return Err(d.err(text).into());
    }
    Ok(d.val() != "insecure_off")
}

fn parse_client_ip_headers(d: &mut Dispenser, fields: &mut Vec<String>) -> Result<()> {
    for field in d.remaining_args() {
        if fields.contains(&field) {
            let text = format!("client IP header {field} specified more than once");
            return Err(d.err(text).into());
        }
        fields.push(field);
    }
    expect_no_block(d)
}

fn parse_metrics(d: &mut Dispenser) -> Result<Metrics> {
    let mut metrics = Metrics::default();
    let nesting = d.nesting();
    while d.next_block(nesting) {
        if d.val() != "per_host" {
            let text = format!("unrecognized metrics option '{}'", d.val());
            return Err(unknown(d, text, &["per_host"]));
        }
        metrics.per_host = true;
    }
    Ok(metrics)
}

/// Fails when a block opens on this line.
fn expect_no_block(d: &mut Dispenser) -> Result<()> {
    let nesting = d.nesting();
    if d.next_block(nesting) { Err(d.arg_err().into()) } else { Ok(()) }
}
