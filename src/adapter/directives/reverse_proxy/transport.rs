//! `transport`: how servers are spoken to.

use super::dynamic::parse_resolver;
use super::{duration, number};
use crate::adapter::error::{Error, Result};
use crate::adapter::scope::Warnings;
use crate::adapter::values::{
    expect_arg, expect_args, expect_no_arg, not_registered, size, unknown,
};
use crate::adapter::{ca_pool, network_proxy};
use crate::config::duration::Duration;
use crate::config::handlers::reverse_proxy::{
    FastCgiTransport, HttpTransport, Transport, TransportTls,
};
use crate::config::network_proxy::{NetworkProxy, UrlProxy};
use caddyfile_parser::Dispenser;

const NAMESPACE: &str = "http.reverse_proxy.transport";

/// Reads the transport whose name is loaded, `http` or `fastcgi`, with its block.
pub(super) fn parse(d: &mut Dispenser, warnings: &Warnings) -> Result<Transport> {
    let name = d.val().to_owned();
    match name.as_str() {
        "fastcgi" => Ok(Transport::FastCgi(parse_fastcgi(&mut d.new_from_next_segment())?)),
        "http" => {
            let transport = parse_http(&mut d.new_from_next_segment(), warnings)?;
            Ok(Transport::Http(Box::new(transport)))
        }
        _ => Err(not_registered(d, NAMESPACE, &name, &["fastcgi", "http"])),
    }
}

/// The settings of `fastcgi`.
const FASTCGI: [&str; 8] = [
    "root",
    "split",
    "env",
    "resolve_root_symlink",
    "dial_timeout",
    "read_timeout",
    "write_timeout",
    "capture_stderr",
];

/// Reads
///
/// ```caddyfile
/// fastcgi {
///     root DIR
///     split EXTENSION…
///     env NAME VALUE
///     resolve_root_symlink
///     dial_timeout DURATION
///     read_timeout DURATION
///     write_timeout DURATION
///     capture_stderr
/// }
/// ```
fn parse_fastcgi(d: &mut Dispenser) -> Result<FastCgiTransport> {
    d.next();
    let mut transport = FastCgiTransport::default();
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "root" => transport.root = expect_arg(d)?,
            "split" => transport.split_path = expect_args(d)?,
            "env" => {
                let args = d.remaining_args();
                let [name, value] = args.as_slice() else {
                    return Err(d.arg_err().into());
                };
                transport.env.insert(name.clone(), value.clone());
            }
            "resolve_root_symlink" => {
                expect_no_arg(d)?;
                transport.resolve_root_symlink = true;
            }
            "dial_timeout" => transport.dial_timeout = fastcgi_timeout(d)?,
            "read_timeout" => transport.read_timeout = fastcgi_timeout(d)?,
            "write_timeout" => transport.write_timeout = fastcgi_timeout(d)?,
            "capture_stderr" => {
                expect_no_arg(d)?;
                transport.capture_stderr = true;
            }
            other => {
                return Err(unknown(d, format!("unrecognized subdirective {other}"), &FASTCGI));
            }
        }
    }
    Ok(transport)
}

/// Reads a timeout of FastCGI, here and in `php_fastcgi`.
pub(in crate::adapter::directives) fn fastcgi_timeout(d: &mut Dispenser) -> Result<Duration> {
    duration(d, |text| format!("bad timeout value {text}"))
}

/// The settings of `http`.
const HTTP: [&str; 31] = [
    "read_buffer",
    "write_buffer",
    "read_timeout",
    "write_timeout",
    "max_response_header",
    "proxy_protocol",
    "forward_proxy_url",
    "network_proxy",
    "dial_timeout",
    "dial_fallback_delay",
    "response_header_timeout",
    "expect_continue_timeout",
    "resolvers",
    "tls",
    "tls_client_auth",
    "tls_insecure_skip_verify",
    "tls_curves",
    "tls_timeout",
    "tls_trusted_ca_certs",
    "tls_server_name",
    "tls_renegotiation",
    "tls_except_ports",
    "tls_trust_pool",
    "keepalive",
    "keepalive_interval",
    "keepalive_idle_conns",
    "keepalive_idle_conns_per_host",
    "versions",
    "compression",
    "max_conns_per_host",
    "local_address",
];

/// Reads
///
/// ```caddyfile
/// http {
///     read_buffer SIZE
///     write_buffer SIZE
///     max_response_header SIZE
///     read_timeout DURATION
///     write_timeout DURATION
///     dial_timeout DURATION
///     dial_fallback_delay DURATION
///     response_header_timeout DURATION
///     expect_continue_timeout DURATION
///     proxy_protocol v1 | v2
///     network_proxy none | url URL
///     forward_proxy_url URL                 # out of use
///     resolvers ADDRESS…
///     keepalive off | DURATION
///     keepalive_interval DURATION
///     keepalive_idle_conns NUMBER
///     keepalive_idle_conns_per_host NUMBER
///     versions VERSION…
///     compression off
///     max_conns_per_host NUMBER
///     local_address ADDRESS
///     tls
///     tls_…                                 # see `parse_tls`
/// }
/// ```
fn parse_http(d: &mut Dispenser, warnings: &Warnings) -> Result<HttpTransport> {
    d.next();
    let mut http = HttpTransport::default();
    while d.next_block(0) {
        let word = d.val().to_owned();
        if parse_sizes_and_times(d, &word, &mut http)?
            || parse_connections(d, &word, &mut http, warnings)?
        {
            continue;
        }
        if word == "tls" || word.starts_with("tls_") {
            parse_tls(d, &word, &mut http.tls, warnings)?;
        } else {
            return Err(unknown_http(d, &word));
        }
    }
    Ok(http)
}

fn unknown_http(d: &Dispenser, word: &str) -> Error {
    unknown(d, format!("unrecognized subdirective {word}"), &HTTP)
}

/// Reads the setting `word` if it is a size or a span of time.
fn parse_sizes_and_times(d: &mut Dispenser, word: &str, http: &mut HttpTransport) -> Result<bool> {
    match word {
        "read_buffer" => http.read_buffer_size = bytes(d, "read buffer")?,
        "write_buffer" => http.write_buffer_size = bytes(d, "write buffer")?,
        "max_response_header" => http.max_response_header_size = bytes(d, "max response header")?,
        "read_timeout" => {
            let bad = |text: &str| format!("invalid read timeout duration '{text}'");
            http.read_timeout = duration(d, bad)?;
        }
        "write_timeout" => {
            let bad = |text: &str| format!("invalid write timeout duration '{text}'");
            http.write_timeout = duration(d, bad)?;
        }
        "dial_timeout" => http.dial_timeout = timeout(d)?,
        "dial_fallback_delay" => {
            let bad = |text: &str| format!("bad fallback delay value '{text}'");
            http.dial_fallback_delay = duration(d, bad)?;
        }
        "response_header_timeout" => http.response_header_timeout = timeout(d)?,
        "expect_continue_timeout" => http.expect_continue_timeout = timeout(d)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Reads the setting `word` if it is about connections or what goes over them.
fn parse_connections(
    d: &mut Dispenser,
    word: &str,
    http: &mut HttpTransport,
    warnings: &Warnings,
) -> Result<bool> {
    match word {
        "proxy_protocol" => {
            let version = expect_arg(d)?;
            if !["v1", "v2"].contains(&version.as_str()) {
                let text = format!("invalid proxy protocol version '{version}'");
                return Err(d.err(text).into());
            }
            http.proxy_protocol = version;
        }
        "forward_proxy_url" => {
            let text = "The 'forward_proxy_url' field is deprecated. Use 'network_proxy <url>' \
                        instead.";
            warnings.push("", text);
            let url = expect_arg(d)?;
            http.network_proxy = Some(NetworkProxy::Url(UrlProxy { url }));
        }
        "network_proxy" => http.network_proxy = Some(network_proxy::parse(d)?),
        "resolvers" => http.resolver = Some(parse_resolver(d)?),
        "keepalive" => {
            let text = expect_arg(d)?;
            let keep_alive = http.keep_alive.get_or_insert_default();
            if text == "off" {
                keep_alive.enabled = Some(false);
            } else {
                keep_alive.idle_timeout = Duration::parse(&text)
                    .map_err(|why| d.err(format!("bad duration value '{text}': {why}")))?;
            }
        }
        "keepalive_interval" => {
            let pause = duration(d, |text| format!("bad interval value '{text}'"))?;
            http.keep_alive.get_or_insert_default().probe_interval = pause;
        }
        "keepalive_idle_conns" => {
            http.keep_alive.get_or_insert_default().max_idle_conns = count(d)?;
        }
        "keepalive_idle_conns_per_host" => {
            http.keep_alive.get_or_insert_default().max_idle_conns_per_host = count(d)?;
        }
        "versions" => http.versions = expect_args(d)?,
        "compression" => {
            if d.next_arg() && d.val() == "off" {
                http.compression = Some(false);
            }
        }
        "max_conns_per_host" => http.max_conns_per_host = count(d)?,
        "local_address" => http.local_address = expect_arg(d)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Reads the setting `word` of TLS:
///
/// ```caddyfile
/// tls
/// tls_client_auth NAME | CERTIFICATE KEY
/// tls_insecure_skip_verify
/// tls_curves CURVE…
/// tls_timeout DURATION
/// tls_trusted_ca_certs FILE…            # out of use
/// tls_trust_pool POOL
/// tls_server_name NAME
/// tls_renegotiation never | once | freely
/// tls_except_ports PORT…
/// ```
fn parse_tls(
    d: &mut Dispenser,
    word: &str,
    tls: &mut Option<TransportTls>,
    warnings: &Warnings,
) -> Result<()> {
    match word {
        "tls" => {
            tls.get_or_insert_default();
        }
        "tls_client_auth" => {
            let tls = tls.get_or_insert_default();
            match d.remaining_args().as_slice() {
                [name] => tls.client_certificate_automate.clone_from(name),
                [certificate, key] => {
                    tls.client_certificate_file.clone_from(certificate);
                    tls.client_certificate_key_file.clone_from(key);
                }
                _ => return Err(d.arg_err().into()),
            }
        }
        "tls_insecure_skip_verify" => {
            expect_no_arg(d)?;
            tls.get_or_insert_default().insecure_skip_verify = true;
        }
        "tls_curves" => tls.get_or_insert_default().curves = expect_args(d)?,
        "tls_timeout" => tls.get_or_insert_default().handshake_timeout = timeout(d)?,
        "tls_trusted_ca_certs" => {
            let text = "The 'tls_trusted_ca_certs' field is deprecated. Use the \
                        'tls_trust_pool' field instead.";
            warnings.push("", text);
            let files = expect_args(d)?;
            let tls = tls.get_or_insert_default();
            if tls.ca.is_some() {
                // The last apostrophe is missing in Caddy, too.
                let text = "cannot specify both 'tls_trust_pool' and 'tls_trusted_ca_certs";
                return Err(d.err(text).into());
            }
            tls.root_ca_pem_files = files;
        }
        "tls_trust_pool" => parse_trust_pool(d, tls.get_or_insert_default())?,
        "tls_server_name" => tls.get_or_insert_default().server_name = expect_arg(d)?,
        "tls_renegotiation" => {
            let level = expect_arg(d)?;
            if !["never", "once", "freely"].contains(&level.as_str()) {
                return Err(d.arg_err().into());
            }
            tls.get_or_insert_default().renegotiation = level;
        }
        "tls_except_ports" => tls.get_or_insert_default().except_ports = expect_args(d)?,
        _ => return Err(unknown_http(d, word)),
    }
    Ok(())
}

fn parse_trust_pool(d: &mut Dispenser, tls: &mut TransportTls) -> Result<()> {
    expect_arg(d)?;
    let pool = ca_pool::parse(d)?;
    if !tls.root_ca_pem_files.is_empty() {
        let text = "cannot specify both 'tls_trust_pool' and 'tls_trusted_ca_certs'";
        return Err(d.err(text).into());
    }
    if tls.ca.is_some() {
        return Err(d.err("cannot specify \"tls_trust_pool\" twice in caddyfile").into());
    }
    tls.ca = Some(pool);
    Ok(())
}

fn timeout(d: &mut Dispenser) -> Result<Duration> {
    duration(d, |text| format!("bad timeout value '{text}'"))
}

fn count(d: &mut Dispenser) -> Result<i64> {
    number(d, |text| format!("bad integer value '{text}'"))
}

fn bytes(d: &mut Dispenser, what: &str) -> Result<i64> {
    let text = expect_arg(d)?;
    let bytes = size(&text).map_err(|why| d.err(format!("invalid {what} size '{text}': {why}")))?;
    Ok(bytes.cast_signed())
}
