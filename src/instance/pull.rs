//! Configurations that are fetched: `admin.config.load`.

use super::load::LoadError;
use super::{Instance, Origin};
use crate::admin::{ApiError, Change, Method};
use crate::blocking;
use crate::client::tls::{Files, Tls};
use crate::client::{self, Ask, Url};
use crate::config::Config;
use crate::config::admin::{AdminConfig, ConfigLoader, HttpLoader};
use crate::http::fill_placeholders;
use crate::logging::Level;
use futures_util::future::BoxFuture;
use std::sync::Weak;
use std::time::Duration;

/// How often a server that cannot be reached is asked, and how long between.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);
/// How many addresses may lead to one another.
const REDIRECTS_MAX: u32 = 10;
/// Fields that go to the server of the URL only.
const SECRETS: [&str; 3] = ["authorization", "cookie", "cookie2"];
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
    if tls.as_ref().is_some_and(|tls| tls.use_server_identity) {
        return wrong("tls.use_server_identity is not supported yet");
    }
    if !url.contains('{') && Url::parse(url).is_none() {
        return wrong(&no_address(url));
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
        let adapted = blocking::in_place(|| instance.adapters.adapt(language, &answer.body));
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
    let url = Url::parse(&url).ok_or_else(|| no_address(&url))?;
    let limit = Some(loader.timeout.to_std()).filter(|limit| !limit.is_zero()).unwrap_or(ANSWER);
    let mut attempt = 1;
    loop {
        let asked = tokio::time::timeout(limit, follow(loader, url.clone())).await;
        let error = match asked {
            Ok(Ok(answer)) if (200..500).contains(&answer.status) => return Ok(answer),
            Ok(Ok(answer)) => {
                format!("bad response status code from http loader url: {}", answer.status)
            }
            Ok(Err(error)) => format!("problem calling http loader url: {error}"),
            Err(_elapsed) => "problem calling http loader url: no answer in time".to_owned(),
        };
        if attempt == ATTEMPTS {
            return Err(error);
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks for a URL, and for those that it leads to, as Go's client does.
async fn follow(loader: &HttpLoader, mut url: Url) -> Result<client::Answer, String> {
    let values = |(name, values): (&String, &Vec<String>)| {
        let fill = |value: &String| (fill_placeholders(name), fill_placeholders(value));
        values.iter().map(fill).collect::<Vec<_>>()
    };
    let mut fields: Vec<(String, String)> = loader.header.iter().flat_map(values).collect();
    let mut method = fill_placeholders(&loader.method);
    if method.is_empty() {
        method = "GET".to_owned();
    }
    for _ in 0..REDIRECTS_MAX {
        let tls = url.secure.then(|| secured(loader)).transpose()?;
        let slash = if url.target.starts_with('/') { "" } else { "/" };
        let ask = Ask {
            method: &method,
            target: &format!("{slash}{}", url.target),
            host: &url.authority,
            fields: fields.clone(),
            ..Ask::default()
        };
        let answer = client::ask(&url.place(), tls.as_ref(), &ask).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let leads_on = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        if !leads_on || answer.location.is_empty() {
            return Ok(answer);
        }
        let next = url.join(&answer.location).ok_or_else(|| no_address(&answer.location))?;
        if next.authority != url.authority {
            // What is said to one server is not for another.
            fields.retain(|(name, _)| !SECRETS.contains(&name.to_ascii_lowercase().as_str()));
        }
        if answer.status <= 303 && method != "HEAD" {
            method = "GET".to_owned();
        }
        url = next;
    }
    Err(format!("stopped after {REDIRECTS_MAX} redirects"))
}

fn no_address(url: &str) -> String {
    format!("\"{url}\" is no address; expected http://HOST/PATH or https://HOST/PATH")
}

/// TLS as the loader wants it.
fn secured(loader: &HttpLoader) -> Result<Tls, String> {
    let files = loader.tls.as_ref().map(|tls| {
        let named = |name: &String| (!name.is_empty()).then(|| name.into());
        let key = named(&tls.client_certificate_key_file);
        Files {
            roots: tls.root_ca_pem_files.iter().map(Into::into).collect(),
            identity: named(&tls.client_certificate_file).zip(key),
        }
    });
    Tls::new(&files.unwrap_or_default(), &[]).map_err(|error| error.to_string())
}
