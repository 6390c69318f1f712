//! Global options, a file per word that users type; words that only set a field stand here.
//!
//! To add one: a file with its `parse`, and a line in [`TABLE`], or in that of `tls` when it
//! is about certificates.

mod acme_eab;
mod admin;
mod auto_https;
mod default_bind;
mod ech;
mod events;
mod filesystem;
mod frankenphp;
mod metrics;
mod on_demand_tls;
mod order;
mod pki;
mod pogo;
mod servers;
mod storage;
mod tls;

pub(super) use pki::DEFAULT as DEFAULT_AUTHORITY;
pub(super) use servers::ServerOptions;
pub(super) use tls::{StorageClean, TlsOptions};

use super::Warning;
use super::address::{HTTP_PORT, HTTPS_PORT};
use super::directives::{self, log};
use super::error::{Error, Result};
use super::scope::{Bind, NamedLog};
use super::values::{expect_no_arg, expect_only_arg, integer};
use crate::config::admin::Admin;
use crate::config::duration::Duration;
use crate::config::events::Events;
use crate::config::http::Metrics;
use crate::config::php::{FrankenPhp, Pogo};
use crate::config::storage::Storage;
use caddyfile_parser::{Dispenser, ServerBlock};

/// What the global options say.
#[derive(Default)]
pub(super) struct Options {
    pub(super) admin: Option<Admin>,
    pub(super) auto_https: Vec<String>,
    pub(super) debug: bool,
    pub(super) default_bind: Vec<Bind>,
    pub(super) events: Option<Events>,
    pub(super) frankenphp: Option<FrankenPhp>,
    pub(super) grace_period: Duration,
    http_port: Option<i64>,
    https_port: Option<i64>,
    pub(super) logs: Vec<NamedLog>,
    pub(super) metrics: Option<Metrics>,
    /// The directives in the order in which they run.
    pub(super) order: Vec<&'static str>,
    pub(super) persist_config_off: bool,
    pub(super) pogo: Option<Pogo>,
    /// Of all servers, the one with the longest address first.
    pub(super) servers: Vec<ServerOptions>,
    pub(super) shutdown_delay: Duration,
    pub(super) storage: Option<Storage>,
    pub(super) tls: TlsOptions,
    /// What looks odd in the option that is being read.
    warnings: Vec<Warning>,
}

/// The function of an option starts before the option's name.
type Parse = fn(&mut Dispenser, &mut Options) -> Result<()>;

/// The options.
const TABLE: &[(&str, Parse)] = &[
    ("admin", admin::parse),
    ("auto_https", auto_https::parse),
    ("debug", |_, options| {
        options.debug = true;
        Ok(())
    }),
    ("default_bind", default_bind::parse),
    ("events", events::parse),
    ("filesystem", filesystem::parse),
    ("frankenphp", frankenphp::parse),
    ("grace_period", |d, options| {
        options.grace_period = parse_duration(d)?;
        Ok(())
    }),
    ("http_port", |d, options| {
        options.http_port = Some(parse_port(d)?);
        Ok(())
    }),
    ("https_port", |d, options| {
        options.https_port = Some(parse_port(d)?);
        Ok(())
    }),
    ("log", |d, options| {
        options.logs.push(log::parse_option(d, &options.logs)?);
        Ok(())
    }),
    ("metrics", metrics::parse),
    ("order", order::parse),
    ("persist_config", |d, options| {
        options.persist_config_off = true;
        match parse_word(d)?.as_str() {
            "off" => Ok(()),
            _ => Err(d.err("persist_config must be 'off'").into()),
        }
    }),
    ("pogo", pogo::parse),
    ("servers", servers::parse),
    ("shutdown_delay", |d, options| {
        options.shutdown_delay = parse_duration(d)?;
        Ok(())
    }),
    ("storage", storage::parse),
];

impl Options {
    /// Reads the block of global options; what looks odd in it is added to `warnings`.
    ///
    /// # Errors
    ///
    /// When an option is not known or wrong.
    pub(super) fn parse(block: Option<ServerBlock>, warnings: &mut Vec<Warning>) -> Result<Self> {
        let mut options = Self { order: directives::default_order(), ..Self::default() };
        for segment in block.into_iter().flat_map(|block| block.segments) {
            let token = segment.0.first().cloned().expect("a segment starts with its option");
            let name = token.text.clone();
            let table = || TABLE.iter().chain(tls::TABLE);
            let Some((_, parse)) = table().find(|(known, _)| *known == name) else {
                let (file, line) = (&token.file, token.line);
                let text = format!("{file}:{line}: unrecognized global option: {name}");
                return Err(Error::blame(&token, text).suggest(table().map(|known| known.0)));
            };
            let parsed = parse(&mut Dispenser::new(segment.0), &mut options);
            // They are told whether or not the option is right.
            warnings.append(&mut options.warnings);
            parsed.map_err(|error| {
                error
                    .wrap(|text| format!("parsing caddyfile tokens for '{name}': {text}"))
                    .at(&token)
            })?;
        }
        servers::sort(&mut options.servers)?;
        Ok(options)
    }

    /// The port of plain HTTP.
    pub(super) fn http_port(&self) -> i64 {
        self.http_port.unwrap_or(HTTP_PORT)
    }

    /// The port of HTTPS.
    pub(super) fn https_port(&self) -> i64 {
        self.https_port.unwrap_or(HTTPS_PORT)
    }

    /// Whether there is no automatic HTTPS at all.
    pub(super) fn is_auto_https_off(&self) -> bool {
        self.auto_https.iter().any(|kind| kind == "off")
    }

    /// The ports as they are given.
    pub(super) fn given_ports(&self) -> (Option<i64>, Option<i64>) {
        (self.http_port, self.https_port)
    }

    /// The ports as they stand in the configuration: 0 when they are not given.
    pub(super) fn ports(&self) -> (i64, i64) {
        (self.http_port.unwrap_or_default(), self.https_port.unwrap_or_default())
    }
}

/// Reads an option with one word.
fn parse_word(d: &mut Dispenser) -> Result<String> {
    d.next();
    if !d.next() {
        return Err(d.arg_err().into());
    }
    let word = d.val().to_owned();
    if d.next() { Err(d.arg_err().into()) } else { Ok(word) }
}

/// Reads an option with a duration; Go's error stands alone then.
fn parse_duration(d: &mut Dispenser) -> Result<Duration> {
    d.next();
    if !d.next() {
        return Err(d.arg_err().into());
    }
    Duration::parse(d.val()).map_err(|error| Error::blame(&d.token(), error.to_string()))
}

/// Reads an option with a port. Whether there is such a port shows when a site listens there.
fn parse_port(d: &mut Dispenser) -> Result<i64> {
    d.next();
    let text = expect_only_arg(d)?;
    integer(&text).map_err(|error| {
        d.err(format!("converting port '{text}' to integer value: {error}")).into()
    })
}

/// Sets a flag that takes no argument.
fn set_flag(d: &mut Dispenser, flag: &mut bool) -> Result<()> {
    *flag = true;
    expect_no_arg(d)
}
