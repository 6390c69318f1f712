//! A Caddyfile becomes a configuration, as Caddy's own adapter makes it.
//!
//! In the order in which a Caddyfile passes through:
//!
//! * `options`: the global options, a file per word;
//! * `sites`: each site's tokens, `shorthands` first, into what its directives yield;
//! * `directives`: a file per word; `matchers`: the same for matchers;
//! * `named_routes`: the routes that sites invoke;
//! * `routes`: the order of what they yield, by Caddy's rules;
//! * `address`, `servers`: which sites share a server, and what its routes are;
//! * `tls`, `pki`, `logs`: what follows from the sites for certificates, authorities, logs.
//!
//! [`php_server_command`] builds the configuration of the command `php-server`, which has
//! no Caddyfile.
//!
//! **Invariant**: nothing here opens a file but through the loader, or prints.

mod address;
mod ca_pool;
mod directives;
mod error;
#[cfg(test)]
mod goldens;
mod log_modules;
mod logs;
mod matchers;
mod named_routes;
mod network_address;
mod network_proxy;
mod options;
pub mod php_server_command;
mod pki;
mod response_handlers;
mod response_matcher;
mod routes;
mod scope;
mod servers;
mod shorthands;
mod sites;
mod stable_sort;
mod storage;
mod tls;
mod values;

pub(crate) use error::nearest;
pub use error::{Error, Place};
pub use servers::TlsSite;

use crate::config::admin::{Admin, AdminConfig};
use crate::config::http::Http;
use crate::config::{Apps, Config};
use caddyfile_parser::parse::Fact;
use caddyfile_parser::{Loader, Warning as LanguageWarning};
use error::Result;
use named_routes::NamedRoutes;
use options::Options;
use scope::{Counter, Shared, Warnings};
use std::cell::RefCell;
use tls::CertificateTags;

/// What a Caddyfile adapts to.
#[derive(Clone, Debug)]
pub struct Adapted {
    /// The configuration.
    pub config: Config,
    /// What looks odd, but is no error.
    pub warnings: Vec<Warning>,
    /// The sites that are served over TLS, and where they stand.
    pub tls_sites: Vec<TlsSite>,
}

/// Something that a user should look at, although the Caddyfile is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What, in Caddy's words.
    pub message: String,
    /// Where, when a line is to blame: the file and the line, from 1.
    pub place: Option<(String, u32)>,
    /// Further facts by their names: Caddy logs them as fields.
    pub fields: Vec<(&'static str, Fact)>,
    /// The logger under which Caddy prints it; empty for its main one.
    pub logger: &'static str,
}

/// Adapts a Caddyfile. `file` is its name in errors; what it imports is asked from `loader`.
///
/// # Errors
///
/// The first thing that is wrong, in Caddy's words.
pub fn adapt(file: &str, bytes: &[u8], loader: &dyn Loader) -> Result<(Config, Vec<Warning>)> {
    let adapted = adapt_sites(file, bytes, loader)?;
    Ok((adapted.config, adapted.warnings))
}

/// As [`adapt`], and tells where the sites stand.
///
/// # Errors
///
/// The first thing that is wrong, in Caddy's words.
pub fn adapt_sites(file: &str, bytes: &[u8], loader: &dyn Loader) -> Result<Adapted> {
    let mut warnings = Vec::new();
    match adapt_with(file, bytes, loader, &mut warnings) {
        Ok((config, tls_sites)) => Ok(Adapted { config, warnings, tls_sites }),
        Err(error) => Err(error.after(warnings)),
    }
}

fn adapt_with(
    file: &str,
    bytes: &[u8],
    loader: &dyn Loader,
    warnings: &mut Vec<Warning>,
) -> Result<(Config, Vec<TlsSite>)> {
    let parsed = caddyfile_parser::parse(file, bytes, loader)?;
    warnings.extend(parsed.warnings.into_iter().map(Warning::from));
    let mut blocks = parsed.blocks;
    sites::check_keys(&blocks)?;
    let is_options = blocks.first().is_some_and(|block| block.keys.is_empty());
    let options = Options::parse(is_options.then(|| blocks.remove(0)), warnings)?;
    let shared = Shared {
        order: options.order.clone(),
        groups: Counter::default(),
        logs: Counter::default(),
        php_servers: Counter::default(),
        invoked: RefCell::default(),
        tls: &options.tls,
        certificate_tags: CertificateTags::default(),
        warnings: Warnings::default(),
        loader,
    };
    let read = NamedRoutes::take(&mut blocks, &shared)
        .and_then(|named_routes| Ok((named_routes, sites::read(blocks, &shared)?)));
    warnings.extend(shared.warnings.take());
    let (named_routes, sites) = read?;
    let built = servers::build(sites, &named_routes, &options, &shared, warnings)?;
    warnings.extend(unformatted(file, bytes));
    let tls_sites = built.tls_sites.clone();
    Ok((assemble(options, built), tls_sites))
}

impl From<LanguageWarning> for Warning {
    fn from(warning: LanguageWarning) -> Self {
        Self {
            message: warning.message,
            place: None,
            fields: warning.fields,
            logger: warning.logger,
        }
    }
}

/// The warning of a file that `fmt` would change.
fn unformatted(file: &str, bytes: &[u8]) -> Option<Warning> {
    let line = caddyfile_parser::first_unformatted_line(bytes)?;
    Some(Warning {
        message: "Caddyfile input is not formatted; run 'caddy fmt --overwrite' to fix \
                  inconsistencies"
            .to_owned(),
        place: Some((file.to_owned(), line)),
        fields: Vec::new(),
        logger: "",
    })
}

/// Puts the configuration together.
fn assemble(mut options: Options, built: servers::Built) -> Config {
    let mut admin = options.admin.take();
    if options.persist_config_off {
        let persist = AdminConfig { persist: Some(false), ..AdminConfig::default() };
        admin.get_or_insert_with(Admin::default).config = Some(persist);
    }
    let (http_port, https_port) = options.ports();
    let http = Http {
        http_port,
        https_port,
        grace_period: options.grace_period,
        shutdown_delay: options.shutdown_delay,
        servers: built.servers,
        metrics: built.metrics,
    };
    let apps = Apps {
        filesystems: None,
        events: options.events,
        frankenphp: options.frankenphp,
        http: Some(http).filter(|http| !http.servers.is_empty()),
        pki: built.pki,
        pogo: options.pogo,
        tls: built.tls,
    };
    let apps = Some(apps).filter(|apps| *apps != Apps::default());
    Config { admin, logging: built.logging, storage: options.storage, apps }
}
