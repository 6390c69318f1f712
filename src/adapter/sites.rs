//! Site blocks: keys, and what the directives yield, sorted by what it is for.

use super::address::Address;
use super::directives;
use super::error::{Error, Result};
use super::matchers;
use super::scope::{Bind, Invoked, Matchers, NamedLog, Scope, Shared, Value, Yield};
use super::shorthands;
use super::tls::TlsSettings;
use crate::config::http::Route;
use caddyfile_parser::{Segment, ServerBlock, Token, clean_path};
use std::collections::BTreeSet;

/// A site block whose directives have been read.
pub(super) struct Site {
    /// Its addresses as they were written,
    pub(super) keys: Vec<Token>,
    /// and what they say; in the same order.
    pub(super) addresses: Vec<Address>,
    /// What its handlers yield.
    pub(super) handlers: Vec<Yield>,
    /// The routes of each of its error handlers.
    pub(super) error_routes: Vec<Vec<Route>>,
    /// Where it listens.
    pub(super) binds: Vec<Bind>,
    /// Its logs.
    pub(super) logs: Vec<NamedLog>,
    /// Where its certificates come from; one for each use of `tls`.
    pub(super) tls: Vec<TlsSettings>,
    /// The authorities of our own that it uses.
    pub(super) authorities: Vec<String>,
    /// The named routes that it invokes.
    pub(super) invoked: Invoked,
    /// Of how many servers it is still to become a part.
    pub(super) uses: usize,
}

/// Refuses blocks that start with a matcher or a directive: they have lost their braces.
///
/// # Errors
///
/// When there is one.
pub(super) fn check_keys(blocks: &[ServerBlock]) -> Result<()> {
    for block in blocks {
        for (index, key) in block.keys.iter().enumerate() {
            let (file, line, text) = (&key.file, key.line, &key.text);
            let what = if index == 0 && text.starts_with('@') {
                format!("cannot define a matcher outside of a site block: '{text}'")
            } else if directives::find(text).is_some() {
                format!(
                    "parsed '{text}' as a site address, but it is a known directive; \
                     directives must appear in a site block"
                )
            } else {
                continue;
            };
            return Err(Error::blame(key, format!("{file}:{line}: {what}")));
        }
    }
    Ok(())
}

/// Reads the directives of all sites, in written order.
///
/// # Errors
///
/// When a directive or a matcher is not known or wrong.
pub(super) fn read(blocks: Vec<ServerBlock>, shared: &Shared<'_>) -> Result<Vec<Site>> {
    blocks.into_iter().map(|block| read_one(block, shared)).collect()
}

fn read_one(mut block: ServerBlock, shared: &Shared<'_>) -> Result<Site> {
    block.segments.iter_mut().for_each(shorthands::expand);
    if block.keys.is_empty() {
        let text = "server block without any key is global configuration, and if used, \
                    it must be first";
        return Err(match block.segments.first().and_then(|segment| segment.0.first()) {
            Some(token) => Error::blame(token, text),
            None => Error::new(text),
        });
    }
    let files = files_of(&block);
    let mut definitions = Matchers::new();
    let (defining, directives): (Vec<Segment>, Vec<Segment>) =
        block.segments.into_iter().partition(|segment| segment.directive().starts_with('@'));
    for segment in defining {
        matchers::define(segment, &mut definitions)?;
    }
    let scope = Scope { shared, matchers: definitions, files: &files };
    let mut site = Site {
        keys: block.keys,
        addresses: Vec::new(),
        handlers: Vec::new(),
        error_routes: Vec::new(),
        binds: Vec::new(),
        logs: Vec::new(),
        tls: Vec::new(),
        uses: 0,
        authorities: Vec::new(),
        invoked: Invoked::new(),
    };
    for segment in directives {
        for one in read_directive(segment, &scope, block.has_braces)? {
            match one.value {
                Value::Route(_) | Value::Routes(_) => site.handlers.push(one),
                Value::ErrorRoutes(routes) => site.error_routes.push(routes),
                Value::Bind(bind) => site.binds.push(bind),
                Value::Log(log) => site.logs.push(*log),
                Value::Tls(settings) => site.tls.push(*settings),
                Value::Authority(name) => site.authorities.push(name),
            }
        }
    }
    site.invoked = shared.invoked.take();
    Ok(site)
}

/// The files that a block's tokens come from, sorted.
pub(super) fn files_of(block: &ServerBlock) -> Vec<String> {
    let tokens = block.segments.iter().flat_map(|segment| &segment.0);
    let files: BTreeSet<&str> = tokens.map(|token| &*token.file).collect();
    files.into_iter().map(clean_path).collect()
}

/// Whether this is what a site looks like: an address and a block.
fn looks_like_site(segment: &Segment) -> bool {
    let has_block = segment.0.iter().any(Token::opens_block);
    has_block && segment.directive().contains(['.', ':'])
}

fn read_directive(segment: Segment, scope: &Scope<'_>, has_braces: bool) -> Result<Vec<Yield>> {
    let token = segment.0.first().cloned().expect("a segment starts with its directive");
    let name = token.text.clone();
    let Some(directive) = directives::find(&name) else {
        let mut text = format!("{}:{}: unrecognized directive: {name}", token.file, token.line);
        if !has_braces {
            text.push_str(
                "\nDid you mean to define a second site? If so, you must use curly braces around \
                 each site to separate their configurations.",
            );
        }
        let error = Error::blame(&token, text);
        if has_braces && looks_like_site(&segment) {
            return Err(error.hint_at("is there a \"}\" missing before this site?"));
        }
        return Err(error.suggest(directives::names()));
    };
    directive.read(segment, scope).map_err(|error| {
        error.wrap(|text| format!("parsing caddyfile tokens for '{name}': {text}")).at(&token)
    })
}
