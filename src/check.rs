//! Whether a configuration is valid: what Caddy's modules refuse when they are set up, in
//! their words, whether or not this server does yet what the module is for.
//!
//! What the types of [`crate::config`] can tell was told when it was read. Here are the
//! rest: expressions that do not compile, addresses and files that are none, settings that
//! contradict each other. Nothing is started and nothing kept. Who serves a configuration
//! asks here first, and then has what it cannot do refused by whoever would do it.
//!
//! In reading order: [`fault`] is what is wrong, and where; then a file per family, and
//! what they share: [`cel`].

mod cel;
mod fault;
mod handlers;
mod http;
mod logging;
mod matchers;
mod pki;
mod proxy;
mod tls;

pub use fault::Invalid;

use crate::config::Config;
use fault::{At, Checked};

/// Checks a configuration.
///
/// # Errors
/// The first thing that Caddy would refuse.
pub fn check(config: &Config) -> Result<(), Invalid> {
    whole(config).map_err(Invalid::from)
}

fn whole(config: &Config) -> Checked {
    if let Some(logging) = &config.logging {
        logging::check(logging).field("logging")?;
    }
    let Some(apps) = &config.apps else { return Ok(()) };
    let in_apps = |checked: Checked, name: &str| checked.named("", name).field("apps");
    if let Some(pki) = &apps.pki {
        in_apps(pki::check(pki), "pki")?;
    }
    if let Some(tls) = &apps.tls {
        // The HTTP app asks for this one before it looks at itself.
        let checked = in_apps(tls::check(tls), "tls");
        match &apps.http {
            Some(_) => checked.map_err(|fault| {
                fault.on_the_way("loading http app module: provision http: getting tls app: ")
            })?,
            None => checked?,
        }
    }
    if let Some(http) = &apps.http {
        in_apps(http::check(http, apps.tls.as_ref()), "http")?;
    }
    Ok(())
}

#[cfg(test)]
mod testing {
    use super::*;

    /// The path and the text of what is wrong with a configuration.
    #[track_caller]
    pub(super) fn refused(json: &str) -> (String, String) {
        let config = Config::from_json(json.as_bytes()).expect("the case can be read");
        let error = check(&config).expect_err("the case is wrong");
        (error.path.clone(), error.to_string())
    }

    #[track_caller]
    pub(super) fn accepted(json: &str) {
        let config = Config::from_json(json.as_bytes()).expect("the case can be read");
        assert_eq!(check(&config), Ok(()));
    }

    /// A configuration whose only server has only this route.
    pub(super) fn in_routes(route: &str) -> String {
        format!(r#"{{"apps":{{"http":{{"servers":{{"s":{{"routes":[{route}]}}}}}}}}}}"#)
    }
}
