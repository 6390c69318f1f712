//! Pools of authorities: whom the certificate of a client, or of a server that is asked, may
//! be signed by.

use super::error::Result;
use super::storage;
use super::values::{expect_arg, expect_args, not_registered, unknown};
use crate::config::NoFields;
use crate::config::duration::Duration;
use crate::config::tls::ca_pool::{
    CaPool, CombinedPool, FilePool, HttpPool, InlinePool, PkiPool, PoolTls, StoragePool,
};
use caddyfile_parser::Dispenser;

/// Reads a pool; starts before its name.
type Parse = fn(&mut Dispenser) -> Result<CaPool>;

/// The pools.
const TABLE: &[(&str, Parse)] = &[
    ("combined", parse_combined),
    ("file", parse_file),
    ("http", parse_http),
    ("inline", parse_inline),
    ("pki_intermediate", |d| parse_pki(d).map(CaPool::PkiIntermediate)),
    ("pki_root", |d| parse_pki(d).map(CaPool::PkiRoot)),
    ("storage", parse_storage),
    ("system", parse_system),
];

/// Reads the pool whose name is loaded, with its block.
pub(super) fn parse(d: &mut Dispenser) -> Result<CaPool> {
    match TABLE.iter().find(|(name, _)| *name == d.val()) {
        Some((_, parse)) => parse(&mut d.new_from_next_segment()),
        None => {
            let known: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
            Err(not_registered(d, "tls.ca_pool.source", d.val(), &known))
        }
    }
}

/// Reads `combined { source POOL … }`.
fn parse_combined(d: &mut Dispenser) -> Result<CaPool> {
    d.next();
    refuse_args(d)?;
    let mut sources = Vec::new();
    while d.next_block(0) {
        expect_word(d, "source")?;
        expect_arg(d)?;
        sources.push(parse(d)?);
    }
    if sources.is_empty() {
        return Err(d.err("no sources specified").into());
    }
    Ok(CaPool::Combined(CombinedPool { sources }))
}

/// Reads `file FILE … { pem_file FILE … }`.
fn parse_file(d: &mut Dispenser) -> Result<CaPool> {
    let pem_files = parse_list(d, "pem_file")?;
    if pem_files.is_empty() {
        return Err(d.err("no certificates specified").into());
    }
    Ok(CaPool::File(FilePool { pem_files }))
}

/// Reads `inline { trust_der BASE64 … }`.
fn parse_inline(d: &mut Dispenser) -> Result<CaPool> {
    d.next();
    refuse_args(d)?;
    d.reset();
    let trusted_ca_certs = parse_list(d, "trust_der")?;
    if trusted_ca_certs.is_empty() {
        return Err(d.err("no certificates specified").into());
    }
    Ok(CaPool::Inline(InlinePool { trusted_ca_certs }))
}

/// Reads `pki_root NAME … { authority NAME … }`; `pki_intermediate` alike.
fn parse_pki(d: &mut Dispenser) -> Result<PkiPool> {
    let authority = parse_list(d, "authority")?;
    if authority.is_empty() {
        return Err(d.err("no authorities specified").into());
    }
    Ok(PkiPool { authority })
}

/// Reads
///
/// ```caddyfile
/// storage KEY … {
///     storage STORAGE …
///     keys KEY …
/// }
/// ```
fn parse_storage(d: &mut Dispenser) -> Result<CaPool> {
    d.next();
    let mut pool = StoragePool { pem_keys: d.remaining_args(), storage: None };
    while d.next_block(0) {
        match d.val() {
            "storage" => {
                if pool.storage.is_some() {
                    return Err(d.err("storage module already set").into());
                }
                expect_arg(d)?;
                pool.storage = Some(storage::parse(d)?);
            }
            "keys" => pool.pem_keys.extend(d.remaining_args()),
            other => {
                let text = format!("unrecognized directive: {other}");
                return Err(unknown(d, text, &["storage", "keys"]));
            }
        }
    }
    Ok(CaPool::Storage(pool))
}

/// Reads
///
/// ```caddyfile
/// http URL … {
///     endpoints URL …
///     tls {
///         ca POOL …
///         insecure_skip_verify
///         handshake_timeout DURATION
///         server_name NAME
///         renegotiation never | once | freely
///     }
/// }
/// ```
fn parse_http(d: &mut Dispenser) -> Result<CaPool> {
    d.next();
    let mut pool = HttpPool { endpoints: d.remaining_args(), tls: None };
    while d.next_block(0) {
        match d.val() {
            "endpoints" => pool.endpoints.extend(expect_args(d)?),
            "tls" if pool.tls.is_some() => {
                return Err(d.err("tls block already defined").into());
            }
            "tls" => pool.tls = Some(parse_tls(d)?),
            other => {
                let text = format!("unrecognized directive: {other}");
                return Err(unknown(d, text, &["endpoints", "tls"]));
            }
        }
    }
    Ok(CaPool::Http(pool))
}

fn parse_tls(d: &mut Dispenser) -> Result<PoolTls> {
    const WORDS: [&str; 5] =
        ["ca", "insecure_skip_verify", "handshake_timeout", "server_name", "renegotiation"];
    let mut tls = PoolTls::default();
    let nesting = d.nesting();
    while d.next_block(nesting) {
        match d.val() {
            "ca" => {
                expect_arg(d)?;
                tls.ca = Some(Box::new(parse(d)?));
            }
            "insecure_skip_verify" => tls.insecure_skip_verify = true,
            "handshake_timeout" => {
                let text = expect_arg(d)?;
                tls.handshake_timeout = Duration::parse(&text)
                    .map_err(|error| d.err(format!("bad timeout value '{text}': {error}")))?;
            }
            "server_name" => tls.server_name = expect_arg(d)?,
            "renegotiation" => {
                tls.renegotiation = expect_arg(d)?;
                let levels = ["never", "once", "freely"];
                if !levels.contains(&tls.renegotiation.as_str()) {
                    // Caddy forgets the word before it names it.
                    return Err(unknown(d, "unrecognized renegotiation level: ".into(), &levels));
                }
            }
            other => {
                let text = format!("unrecognized directive: {other}");
                return Err(unknown(d, text, &WORDS));
            }
        }
    }
    Ok(tls)
}

/// Reads `system`.
fn parse_system(d: &mut Dispenser) -> Result<CaPool> {
    d.next();
    refuse_args(d)?;
    if d.next_block(0) {
        return Err(d.err("system trust pool does not support any configuration").into());
    }
    Ok(CaPool::System(NoFields {}))
}

/// Reads arguments, and those of the only word that the block may hold.
fn parse_list(d: &mut Dispenser, word: &str) -> Result<Vec<String>> {
    d.next();
    let mut list = d.remaining_args();
    while d.next_block(0) {
        expect_word(d, word)?;
        list.extend(d.remaining_args());
    }
    Ok(list)
}

fn expect_word(d: &Dispenser, word: &str) -> Result<()> {
    if d.val() == word {
        return Ok(());
    }
    Err(unknown(d, format!("unrecognized directive: {}", d.val()), &[word]))
}

/// Fails at the loaded name when arguments follow it.
fn refuse_args(d: &mut Dispenser) -> Result<()> {
    if d.count_remaining_args() > 0 { Err(d.arg_err().into()) } else { Ok(()) }
}
