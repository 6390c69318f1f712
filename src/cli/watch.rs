//! `run --watch`: loads a configuration anew when its file changes.

use super::load::Source;
use crate::instance::Instance;
use crate::logging::Level;
use std::sync::Arc;
use std::time::Duration;

/// How often the file is read. It is read rather than watched, because what it imports may
/// be anywhere.
const EVERY: Duration = Duration::from_secs(1);

/// The JSON of a configuration that may be read again.
pub(super) async fn read(source: Source) -> Result<String, String> {
    let reading = tokio::task::spawn_blocking(move || source.load(None));
    let loaded = reading.await.map_err(|panic| panic.to_string())?;
    loaded.map(|loaded| loaded.json).map_err(|error| format!("{error:#}"))
}

/// Loads the file when what it adapts to has changed, for ever.
pub(super) async fn watch(instance: Arc<Instance>, source: Source, file: String) {
    let say = |level, text: &str, error: Option<&str>| {
        instance.logs().write(level, "watcher", text, |o| {
            o.str("config_file", &file);
            if let Some(error) = error {
                o.str("error", error);
            }
        });
    };
    let mut last = read(source.clone()).await;
    say(Level::Info, "watching config file for changes", None);
    loop {
        tokio::time::sleep(EVERY).await;
        let now = read(source.clone()).await;
        if now == last {
            continue;
        }
        match &now {
            // It may be right again in a second.
            Err(error) => say(Level::Error, "unable to load latest config", Some(error)),
            Ok(json) => {
                say(Level::Info, "config file changed; reloading", None);
                if let Err(error) = instance.load(json.clone(), false).await {
                    say(Level::Error, "applying latest config", Some(&error.to_string()));
                }
            }
        }
        last = now;
    }
}
