//! Asks the admin endpoint of a running server.

use super::load::Source;
use crate::admin;
use crate::client::{self, Ask};
use crate::config::Config;
use anyhow::{Context, anyhow, bail};

/// How much of an error is shown.
const ERROR_MAX: usize = 2 * 1024 * 1024;

/// Where the endpoint is: as a flag says, or a configuration, or by default.
pub(super) fn address(flag: Option<&str>, config: Option<&Config>) -> String {
    let configured = config.and_then(|config| config.admin.as_ref()).map(|admin| &admin.listen);
    let configured = configured.filter(|listen| !listen.is_empty());
    flag.map(str::to_owned).or_else(|| configured.cloned()).unwrap_or_else(admin::default_listen)
}

/// The same for a command that reads no configuration unless flags name one.
pub(super) fn address_of(flag: Option<&str>, source: &Source) -> anyhow::Result<String> {
    if flag.is_some() || source.file.is_none() {
        return Ok(address(flag, None));
    }
    let loaded = source.load(None).context("couldn't determine admin API address")?;
    Ok(address(None, Some(&loaded.config)))
}

/// Posts to a path.
pub(super) fn post(
    listen: &str,
    target: &str,
    fields: Vec<(String, String)>,
    body: &[u8],
) -> anyhow::Result<()> {
    let address = admin::parse_address(listen)
        .map_err(|why| anyhow!("invalid admin address {listen}: {why}"))?;
    let is_local = address.is_unix() || address.is_fd();
    let host = if is_local { "127.0.0.1".to_owned() } else { address.join(address.ports.0) };
    let mut all = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    if !is_local {
        all.push(("Origin".to_owned(), format!("http://{host}")));
    }
    all.extend(fields);
    let ask = Ask { method: "POST", target, host: &host, fields: all, body, ..Ask::default() };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting to ask the admin endpoint")?;
    let answer = runtime
        .block_on(client::ask(&address.place(), None, &ask))
        .with_context(|| format!("performing request: asking {address}"))?;
    if answer.status < 400 {
        return Ok(());
    }
    let body = &answer.body[..answer.body.len().min(ERROR_MAX)];
    let body = String::from_utf8_lossy(body);
    bail!("pogo responded with error: HTTP {}: {}", answer.status, body.trim_end())
}
