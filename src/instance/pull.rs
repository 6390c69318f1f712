//! Configurations that are fetched: `admin.config.load`.

use super::client::{self, Ask};
use super::load::LoadError;
use super::{Instance, Origin};
use crate::admin::{ApiError, Change, Method};
use crate::config::Config;
use crate::config::admin::{AdminConfig, ConfigLoader, HttpLoader};
use crate::http::{NetworkAddress, fill_placeholders};
use crate::logging::Level;
use futures_util::future::BoxFuture;
use std::sync::Weak;
use std::time::Duration;

/// How often a server that cannot be reached is asked, and how long between.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);
/// How long one answer may take when the configuration sets no limit.
const ANSWER: Duration = Duration::from_secs(300);

fn settings(config: &Config) -> Option<&AdminConfig> {
    config.admin.as_ref()?.config.as_ref()
}

/// Refuses a loader that cannot be asked.
pub(super) fn check(config: &Config) -> Result<(), LoadError> {
    let loader = settings(config).and_then(|settings| settings.load.as_ref());
    let Some(ConfigLoader::Http(HttpLoader { url, tls, .. })) = loader else { return Ok(()) };
    let wrong = |why: &str| Err(LoadError::Admin(format!("admin.config.load: {why}")));
    if tls.is_some() || url.starts_with("https:") {
        return wrong("fetching a configuration over HTTPS is not supported yet");
    }
    if !url.contains('{') && parse(url).is_none() {
        return wrong(&format!("\"{url}\" is no address; expected http://HOST/PATH"));
    }
    Ok(())
}

/// Refuses a fetched configuration that fetches another one without a pause.
pub(super) fn refuse_loop(config: &Config) -> Result<(), LoadError> {
    match settings(config) {
        Some(AdminConfig { load: Some(_), load_delay, .. }) if load_delay.0 <= 0 => {
            Err(LoadError::Admin(
                "recursive config loading detected: pulled configs cannot pull other configs \
                 without positive load_delay"
                    .to_owned(),
            ))
        }
        _ => Ok(()),
    }
}

/// Waits as long as is configured, then fetches a configuration and runs it. Goes on until
/// that has worked when there is a delay.
pub(super) fn fetch(instance: Weak<Instance>, settings: AdminConfig) -> BoxFuture<'static, ()> {
    // Boxed, because what it runs may fetch again.
    Box::pin(go_on(instance, settings))
}

async fn go_on(instance: Weak<Instance>, settings: AdminConfig) {
    let AdminConfig { load: Some(ConfigLoader::Http(loader)), load_delay, .. } = settings else {
        return;
    };
    let delay = load_delay.to_std();
    loop {
        tokio::time::sleep(delay).await;
        let Some(instance) = instance.upgrade() else { return };
        let loaded = once(&instance, &loader).await;
        let Err(error) = loaded else { return };
        instance.logs().write(
            Level::Error,
            "config_loader",
            "failed to load dynamic config",
            |o| {
                o.str("error", &error.to_string());
            },
        );
        if delay.is_zero() {
            return;
        }
    }
}

async fn once(instance: &std::sync::Arc<Instance>, loader: &HttpLoader) -> Result<(), ApiError> {
    let answer = answer(loader).await.map_err(ApiError::plain)?;
    if answer.status >= 400 {
        return Err(ApiError::plain(format!("server responded with HTTP {}", answer.status)));
    }
    let kind = answer.content_type.split(';').next().unwrap_or_default().trim().to_owned();
    let language = match (loader.adapter.as_str(), kind.split_once('/')) {
        ("", None) => "json",
        ("", Some((_, language))) => language,
        (adapter, _) => adapter,
    };
    let body = if language == "json" {
        answer.body
    } else {
        let adapted = instance.adapters.adapt(language, &answer.body);
        let unknown = || ApiError::plain(format!("unrecognized config adapter '{language}'"));
        let adapted = adapted.ok_or_else(unknown)?.map_err(ApiError::plain)?;
        adapted.json.into_bytes()
    };
    let change = Change {
        method: Method::Post,
        path: "/config".to_owned(),
        body: body.into(),
        if_match: String::new(),
        force: false,
    };
    // The change ends this fetch, which must not end the change.
    instance.change_from(change, Origin::Pulled).await
}

async fn answer(loader: &HttpLoader) -> Result<client::Answer, String> {
    let url = fill_placeholders(&loader.url);
    let (address, host, target) =
        parse(&url).ok_or_else(|| format!("\"{url}\" is no address; expected http://HOST/PATH"))?;
    let values = |(name, values): (&String, &Vec<String>)| {
        let fill = |value: &String| (fill_placeholders(name), fill_placeholders(value));
        values.iter().map(fill).collect::<Vec<_>>()
    };
    let method = fill_placeholders(&loader.method);
    let ask = Ask {
        method: if method.is_empty() { "GET" } else { &method },
        target: &target,
        host: &host,
        fields: loader.header.iter().flat_map(values).collect(),
        body: &[],
    };
    let limit = Some(loader.timeout.to_std()).filter(|limit| !limit.is_zero()).unwrap_or(ANSWER);
    let mut attempt = 1;
    loop {
        let asked = tokio::time::timeout(limit, client::ask(&address, &ask)).await;
        let error = match asked {
            Ok(Ok(answer)) if answer.status < 500 || attempt == ATTEMPTS => return Ok(answer),
            Ok(Ok(answer)) => format!("server responded with HTTP {}", answer.status),
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => "no answer in time".to_owned(),
        };
        if attempt == ATTEMPTS {
            return Err(format!("problem calling http loader url: {error}"));
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// The address, the host and the target of a URL.
fn parse(url: &str) -> Option<(NetworkAddress, String, String)> {
    let rest = url.strip_prefix("http://")?;
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(end);
    if host.is_empty() {
        return None;
    }
    let address = NetworkAddress::parse(host, 80).ok()?;
    let slash = if target.starts_with('/') { "" } else { "/" };
    Some((address, host.to_owned(), format!("{slash}{target}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<(&str, &str, &str)>) {
        let got = parse(url).map(|(address, host, target)| (address.to_string(), host, target));
        let expected = expected.map(|(a, h, t)| (a.to_owned(), h.to_owned(), t.to_owned()));
        assert_eq!(got, expected, "{url}");
    }

    #[test]
    fn an_address_has_a_host_a_port_and_a_target() {
        check("http://a.test", Some(("a.test:80", "a.test", "/")));
        check("http://a.test:81/b?c#d", Some(("a.test:81", "a.test:81", "/b?c")));
        check("http://[::1]?x", Some(("[::1]:80", "[::1]", "/?x")));
        check("https://a.test", None);
        check("http:///x", None);
    }
}
