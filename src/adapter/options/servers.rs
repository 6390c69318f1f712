//! `servers`: settings of the servers that sites make up.

use super::{Options, set_flag};
use crate::adapter::error::{Error, Result};
use crate::adapter::values::{
    expect_arg, expect_duration, expect_no_arg, expect_only_arg, integer, size, unknown,
};
use crate::config::duration::Duration;
use crate::config::http::Server;
use caddyfile_parser::{Dispenser, Token};
use std::cmp::Reverse;
use std::collections::HashSet;

const PROTOCOLS: [&str; 4] = ["h1", "h2", "h2c", "h3"];
const TIMEOUTS: [&str; 4] = ["read_body", "read_header", "write", "idle"];
const OPTIONS: [&str; 10] = [
    "name",
    "timeouts",
    "keepalive_interval",
    "keepalive_idle",
    "keepalive_count",
    "max_header_size",
    "enable_full_duplex",
    "log_credentials",
    "protocols",
    "trace",
];

/// One use of the option.
#[derive(Clone, Debug, Default)]
pub(in crate::adapter) struct ServerOptions {
    /// The option itself, for errors that show up when all are read.
    pub(in crate::adapter) token: Option<Token>,
    /// Which server is meant, by an address on which it listens; any when empty.
    pub(in crate::adapter) listener: String,
    /// Its new name; none when empty.
    pub(in crate::adapter) name: String,
    read_timeout: Duration,
    read_header_timeout: Duration,
    write_timeout: Duration,
    idle_timeout: Duration,
    keepalive_interval: Duration,
    keepalive_idle: Duration,
    keepalive_count: i64,
    max_header_bytes: i64,
    enable_full_duplex: bool,
    log_credentials: bool,
    trace: bool,
    protocols: Vec<String>,
}

impl ServerOptions {
    /// The error, which lies at this use.
    pub(in crate::adapter) fn blame(&self, error: Error) -> Error {
        self.token.iter().fold(error, |error, token| error.at(token))
    }

    /// Writes the settings into a server, over what is there.
    pub(in crate::adapter) fn apply(&self, server: &mut Server) {
        server.read_timeout = self.read_timeout;
        server.read_header_timeout = self.read_header_timeout;
        server.write_timeout = self.write_timeout;
        server.idle_timeout = self.idle_timeout;
        server.keepalive_interval = self.keepalive_interval;
        server.keepalive_idle = self.keepalive_idle;
        server.keepalive_count = self.keepalive_count;
        server.max_header_bytes = self.max_header_bytes;
        server.enable_full_duplex = self.enable_full_duplex;
        server.protocols.clone_from(&self.protocols);
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
///     timeouts {
///         read_body DURATION
///         read_header DURATION
///         write DURATION
///         idle DURATION
///     }
///     keepalive_interval DURATION
///     keepalive_idle DURATION
///     keepalive_count NUM
///     max_header_size SIZE
///     enable_full_duplex
///     log_credentials
///     protocols h1 | h2 | h2c | h3 …
///     trace
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
        parse_option(d, &mut server)?;
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

fn parse_option(d: &mut Dispenser, server: &mut ServerOptions) -> Result<()> {
    match d.val().to_owned().as_str() {
        "name" if server.listener.is_empty() => {
            let text = "cannot set a name for a server without a listener address";
            return Err(d.err(text).into());
        }
        "name" => server.name = expect_arg(d)?,
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
            let text = expect_arg(d)?;
            server.keepalive_count = integer(&text)
                .map_err(|error| d.err(format!("parsing keepalive count int: {error}")))?;
        }
        "max_header_size" => {
            let text = expect_only_arg(d)?;
            let wrong = |error: String| d.err(format!("parsing max_header_size: {error}"));
            let bytes = size(&text).map_err(wrong)?;
            server.max_header_bytes =
                i64::try_from(bytes).map_err(|_| wrong(format!("too large: {text}")))?;
        }
        "enable_full_duplex" => set_flag(d, &mut server.enable_full_duplex)?,
        "log_credentials" => set_flag(d, &mut server.log_credentials)?,
        "trace" => set_flag(d, &mut server.trace)?,
        "protocols" => parse_protocols(d, server)?,
        other => {
            let text = format!("unrecognized servers option '{other}'");
            return Err(unknown(d, text, &OPTIONS));
        }
    }
    Ok(())
}

fn parse_timeout(d: &mut Dispenser, server: &mut ServerOptions) -> Result<()> {
    let word = d.val().to_owned();
    let timeout = match word.as_str() {
        "read_body" => &mut server.read_timeout,
        "read_header" => &mut server.read_header_timeout,
        "write" => &mut server.write_timeout,
        "idle" => &mut server.idle_timeout,
        other => {
            let text = format!("unrecognized timeouts option '{other}'");
            return Err(unknown(d, text, &TIMEOUTS));
        }
    };
    *timeout = expect_duration(d, &format!("parsing {word} timeout duration"))?;
    Ok(())
}

fn parse_protocols(d: &mut Dispenser, server: &mut ServerOptions) -> Result<()> {
    for protocol in d.remaining_args() {
        if !PROTOCOLS.contains(&protocol.as_str()) {
            let text = format!("unknown protocol '{protocol}': expected h1, h2, h2c, or h3");
            return Err(d.err(text).into());
        }
        if server.protocols.contains(&protocol) {
            return Err(d.err(format!("protocol {protocol} specified more than once")).into());
        }
        server.protocols.push(protocol);
    }
    let nesting = d.nesting();
    if d.next_block(nesting) { Err(d.arg_err().into()) } else { Ok(()) }
}
