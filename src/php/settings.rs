//! What PHP is to run, worked out of the configuration: every number and path resolved.

use super::threads::{self, Wish};
use crate::config::handlers::{Handler, Php, ResponseHandler};
use crate::config::http::Route;
use crate::config::{Config, php};
use crate::pogo::quote::quoted;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The task pool that is meant when none is named.
const DEFAULT_POOL: &str = "default";
/// How long a task may wait for a worker when the configuration does not say.
const TASK_WAIT: Duration = Duration::from_secs(30);
/// How long a worker above the usual number may idle when the configuration does not say.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// What a [`super::Runtime`] runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The PHP host, `pogo-php`.
    pub host: PathBuf,
    /// Settings over those of php.ini, sorted by name.
    pub ini: Vec<(String, String)>,
    /// The workers that run any script, once a request.
    pub classic: Size,
    /// How many workers there may be in all, without those of task pools.
    pub threads_max: u32,
    /// How many processors there are.
    pub processors: usize,
    /// How long a request may wait for a worker; unbounded when absent.
    pub max_wait: Option<Duration>,
    /// How long a worker above the usual number may idle.
    pub max_idle: Duration,
    /// After how many requests a worker is replaced; 0 is never.
    pub max_requests: u64,
    /// The worker scripts.
    pub workers: Vec<WorkerScript>,
    /// The task pools, the default one first; tasks are not configured when absent.
    pub tasks: Option<Vec<TaskPool>>,
}

/// How many workers a pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Usually.
    pub num: u32,
    /// At most, under load.
    pub max: u32,
}

/// One worker script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerScript {
    /// Its name in logs.
    pub name: String,
    /// The script: absolute, symbolic links resolved.
    pub script: PathBuf,
    /// Its workers.
    pub size: Size,
    /// More environment of the script.
    pub env: Vec<(String, String)>,
    /// Takes requests of these paths, whatever their script; by its script when empty.
    pub match_path: Vec<String>,
    /// How often a boot may fail in a row at the start; unbounded when absent.
    pub max_failures: Option<u32>,
    /// The `php` handler that alone reaches it; all do when absent.
    pub scope: Option<Scope>,
}

/// Which `php` handlers reach a worker script.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those with this `server_index`.
    Index(i64),
    /// Those without an index that look like this.
    Same(String),
}

/// One task pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPool {
    /// Its name.
    pub name: String,
    /// The script: absolute, symbolic links resolved.
    pub script: PathBuf,
    /// Its workers.
    pub num: u32,
    /// How long a task may wait for one.
    pub max_wait: Duration,
}

/// Why a configuration cannot run, in FrankenPHP's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The configuration contradicts itself or names what is not there.
    #[error("{0}")]
    Invalid(String),
}

/// What the settings depend on besides the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The working directory.
    pub cwd: PathBuf,
    /// The number of CPUs.
    pub cpus: u32,
    /// The PHP host, `pogo-php`.
    pub host: PathBuf,
}

impl Scope {
    /// The scope of the workers of this handler; none when it has none.
    pub(super) fn of(handler: &Php) -> Option<Self> {
        if handler.server_index != 0 {
            return Some(Self::Index(handler.server_index));
        }
        let key = || serde_json::to_string(handler).expect("plain data can be written");
        (!handler.workers.is_empty()).then(|| Self::Same(key()))
    }
}

impl Settings {
    /// The settings of a configuration, `None` when it has no use for PHP.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn resolve(config: &Config, around: &Surroundings) -> Result<Option<Self>, SettingsError> {
        let Some(apps) = &config.apps else { return Ok(None) };
        let mut handlers = Vec::new();
        for server in apps.http.iter().flat_map(|http| http.servers.values()) {
            let errors = server.errors.iter().flat_map(|errors| &errors.routes);
            let named = server.named_routes.values();
            collect(server.routes.iter().chain(errors).chain(named), &mut handlers);
        }
        if apps.frankenphp.is_none() && apps.pogo.is_none() && handlers.is_empty() {
            return Ok(None);
        }
        let app = apps.frankenphp.clone().unwrap_or_default();
        let (scripts, threads) = workers(&app, &handlers, around)?;
        let tasks = apps.pogo.as_ref().map(|pogo| task_pools(pogo, around)).transpose()?;
        Ok(Some(Self {
            host: around.host.clone(),
            ini: pairs(&app.php_ini),
            classic: threads.classic,
            threads_max: threads.max,
            processors: usize::try_from(around.cpus).unwrap_or(1),
            max_wait: Some(app.max_wait_time.to_std()).filter(|d| !d.is_zero()),
            max_idle: or(app.max_idle_time.to_std(), IDLE_MAX),
            max_requests: app.max_requests,
            workers: scripts,
            tasks,
        }))
    }
}

/// All `php` handlers of some routes.
fn collect<'c>(routes: impl Iterator<Item = &'c Route>, found: &mut Vec<&'c Php>) {
    for handler in routes.flat_map(|route| &route.handle) {
        // A boxed iterator, lest its type holds itself.
        let inner: Box<dyn Iterator<Item = _>> = match handler {
            Handler::Php(php) => {
                found.push(php);
                continue;
            }
            Handler::Subroute(sub) => {
                let errors = sub.errors.iter().flat_map(|errors| &errors.routes);
                Box::new(sub.routes.iter().chain(errors))
            }
            Handler::Intercept(intercept) => Box::new(handled(&intercept.handle_response)),
            Handler::ReverseProxy(proxy) => Box::new(handled(&proxy.handle_response)),
            _ => continue,
        };
        collect(inner, found);
    }
}

/// The routes that answer in the place of others.
fn handled(handlers: &[ResponseHandler]) -> impl Iterator<Item = &Route> {
    handlers.iter().flat_map(|handler| &handler.routes)
}

/// One worker script as configured, and where.
struct Found<'c> {
    config: &'c php::Worker,
    handler: Option<&'c Php>,
}

/// All worker scripts, and how many workers there are.
fn workers(
    app: &php::FrankenPhp,
    handlers: &[&Php],
    around: &Surroundings,
) -> Result<(Vec<WorkerScript>, threads::Threads), SettingsError> {
    let mut found: Vec<Found<'_>> =
        app.workers.iter().map(|config| Found { config, handler: None }).collect();
    let mut scopes = HashSet::new();
    for handler in handlers {
        // The copies of one php_server are one server; the first says what it runs.
        let is_new = !handler.workers.is_empty()
            && Scope::of(handler).is_some_and(|scope| scopes.insert(scope));
        let own = handler.workers.iter().filter(|_| is_new);
        found.extend(own.map(|config| Found { config, handler: Some(handler) }));
    }
    let wishes: Vec<Wish<'_>> = found.iter().map(Found::wish).collect();
    let threads = threads::count(app.num_threads, app.max_threads, &wishes, around.cpus)?;
    let mut scripts = Vec::with_capacity(found.len());
    for (found, size) in found.iter().zip(&threads.scripts) {
        scripts.push(found.resolve(*size, around)?);
    }
    check_files(&scripts)?;
    let servers: Vec<&str> =
        found.iter().map(|found| found.handler.map_or("", |handler| &handler.name)).collect();
    name_apart(&mut scripts, &servers)?;
    Ok((scripts, threads))
}

impl<'c> Found<'c> {
    fn wish(&self) -> Wish<'c> {
        let php::Worker { file_name, num, max_threads, .. } = self.config;
        Wish { file: file_name, num: *num, max: *max_threads }
    }

    fn resolve(&self, size: Size, around: &Surroundings) -> Result<WorkerScript, SettingsError> {
        // All fields by name: a new one is either honoured or refused here.
        let php::Worker {
            name,
            file_name: _,
            num: _,
            max_threads: _,
            env: own_env,
            watch,
            match_path,
            max_consecutive_failures,
        } = self.config;
        let file = self.file();
        let script = script_path(&file, &around.cwd)?;
        if !watch.is_empty() {
            return Err(SettingsError::Invalid(format!(
                "worker {}: watch is not supported yet: restart pogo after a change",
                quoted(&file)
            )));
        }
        let mut env = self.handler.map(|handler| handler.env.clone()).unwrap_or_default();
        env.extend(own_env.clone());
        if self.handler.is_none() && !match_path.is_empty() {
            return Err(SettingsError::Invalid(format!(
                "worker {} has a request matcher but no server scope, use \
                 WithWorkerServerScope()",
                quoted(&file)
            )));
        }
        Ok(WorkerScript {
            name: name.clone(),
            script,
            size,
            env: pairs(&env),
            match_path: match_path.clone(),
            max_failures: u32::try_from(*max_consecutive_failures).ok(),
            scope: self.handler.and_then(Scope::of),
        })
    }

    /// The script's file; relative to the root of its handler, if that is set and known.
    fn file(&self) -> String {
        let file = with_environment(&self.config.file_name);
        let root = self.handler.map_or("", |handler| handler.root.as_str());
        if root.is_empty() || root.contains('{') || Path::new(&file).is_absolute() {
            return file;
        }
        Path::new(root).join(file).to_string_lossy().into_owned()
    }
}

/// Replaces `{env.NAME}` by the environment's value.
fn with_environment(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{env.") {
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&std::env::var(name).unwrap_or_default());
        rest = after;
    }
    out + rest
}

/// A script's absolute path, symbolic links resolved.
fn script_path(file: &str, cwd: &Path) -> Result<PathBuf, SettingsError> {
    cwd.join(file).canonicalize().map_err(|e| {
        // Errors of the system end in their number, which says nothing more.
        let text = e.to_string().to_lowercase();
        let text = text.split(" (os error").next().unwrap_or_default();
        SettingsError::Invalid(format!(
            "worker filename is invalid {}: lstat {file}: {text}",
            quoted(file)
        ))
    })
}

/// No file may be run twice where a request could not say which is meant.
fn check_files(scripts: &[WorkerScript]) -> Result<(), SettingsError> {
    let mut seen = HashSet::new();
    for worker in scripts.iter().filter(|worker| worker.match_path.is_empty()) {
        if !seen.insert((&worker.scope, &worker.script)) {
            let whose =
                if worker.scope.is_some() { "workers in a server" } else { "global workers" };
            let file = quoted(&worker.script.to_string_lossy());
            return Err(SettingsError::Invalid(format!(
                "two {whose} cannot have the same filename: {file}"
            )));
        }
    }
    Ok(())
}

/// Gives every worker script a name of its own: its file's when it has none. Names of
/// scripts that only some handlers reach are made unique, by the handler's name first.
fn name_apart(scripts: &mut [WorkerScript], servers: &[&str]) -> Result<(), SettingsError> {
    let mut taken = HashSet::new();
    for (worker, server) in scripts.iter_mut().zip(servers) {
        if worker.name.is_empty() {
            worker.name = worker.script.to_string_lossy().into_owned();
        }
        if worker.scope.is_none() && taken.contains(&worker.name) {
            let name = quoted(&worker.name);
            return Err(SettingsError::Invalid(format!(
                "two workers cannot have the same name: {name}"
            )));
        }
        if !server.is_empty() && taken.contains(&worker.name) {
            worker.name = format!("{server}:{}", worker.name);
        }
        let base = worker.name.clone();
        let mut n = 0;
        while !taken.insert(worker.name.clone()) {
            n += 1;
            worker.name = format!("{base}_{n}");
        }
    }
    Ok(())
}

/// The task pools, the default one first.
fn task_pools(pogo: &php::Pogo, around: &Surroundings) -> Result<Vec<TaskPool>, SettingsError> {
    let invalid = |text: String| Err(SettingsError::Invalid(text));
    let php::Pogo { worker, num_threads, max_wait, pools } = pogo;
    if worker.is_empty() && (*num_threads != 0 || max_wait.0 != 0) {
        // They are the default pool's, and would be lost beside `pool default { … }`.
        let text = "pogo num_threads and max_wait belong to the top-level worker: \
                    set them in the pool";
        return invalid(text.into());
    }
    let top = php::Pool {
        name: DEFAULT_POOL.into(),
        worker: worker.clone(),
        num_threads: *num_threads,
        max_wait: *max_wait,
    };
    let top = Some(top).filter(|top| !top.worker.is_empty());
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for pool in top.iter().chain(pools) {
        if pool.name.is_empty() {
            return invalid("pogo pool name is required".into());
        }
        if !seen.insert(pool.name.as_str()) {
            return invalid(format!("duplicate pogo pool {}", quoted(&pool.name)));
        }
        if pool.worker.is_empty() {
            return invalid(format!("pogo pool {} worker is required", quoted(&pool.name)));
        }
        found.push(TaskPool {
            name: pool.name.clone(),
            script: script_path(&with_environment(&pool.worker), &around.cwd)?,
            num: if pool.num_threads == 0 { around.cpus.max(1) * 2 } else { pool.num_threads },
            max_wait: or(pool.max_wait.to_std(), TASK_WAIT),
        });
    }
    let Some(at) = found.iter().position(|pool| pool.name == DEFAULT_POOL) else {
        return invalid("pogo requires a default worker".into());
    };
    found[..=at].rotate_right(1);
    Ok(found)
}

/// A span of time, or another when it is not set.
fn or(span: Duration, otherwise: Duration) -> Duration {
    if span.is_zero() { otherwise } else { span }
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(String, String)> {
    map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with the scripts that the configurations below name.
    struct Scripts(PathBuf);

    impl Scripts {
        fn new(test: &str) -> Self {
            let dir =
                std::env::temp_dir().join(format!("pogo-settings-{test}-{}", std::process::id()));
            std::fs::create_dir_all(&dir).expect("a directory");
            for name in ["a.php", "b.php"] {
                std::fs::write(dir.join(name), "<?php").expect("a file");
            }
            Self(dir.canonicalize().expect("a path"))
        }

        fn resolve(&self, json: &str) -> Result<Option<Settings>, String> {
            let config = serde_json::from_str(json).expect("a configuration");
            let (cwd, host) = (self.0.clone(), PathBuf::from("pogo-php"));
            let around = Surroundings { cwd, cpus: 2, host };
            Settings::resolve(&config, &around).map_err(|e| e.to_string())
        }

        #[track_caller]
        fn settings(&self, json: &str) -> Settings {
            self.resolve(json).expect("a valid configuration").expect("one that uses PHP")
        }

        #[track_caller]
        fn check_error(&self, json: &str, expected: &str) {
            assert_eq!(self.resolve(json).expect_err("an invalid configuration"), expected);
        }
    }

    impl Drop for Scripts {
        fn drop(&mut self) {
            // What is left in a temporary directory harms nobody.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_configuration_without_php_needs_none() {
        let scripts = Scripts::new("none");
        assert_eq!(scripts.resolve("{}"), Ok(None));
        let json = r#"{"apps":{"http":{"servers":{"s":{"routes":[
            {"handle":[{"handler":"static_response","body":"hi"}]}]}}}}}"#;
        assert_eq!(scripts.resolve(json), Ok(None));
    }

    #[test]
    fn a_php_handler_anywhere_is_enough() {
        let scripts = Scripts::new("nested");
        let route = r#"{"handle":[{"handler":"php"}]}"#;
        for server in [
            format!(r#""routes":[{{"handle":[{{"handler":"subroute","routes":[{route}]}}]}}]"#),
            format!(
                r#""routes":[{{"handle":[{{"handler":"intercept","handle_response":[
                    {{"routes":[{route}]}}]}}]}}]"#
            ),
            format!(r#""named_routes":{{"n":{route}}}"#),
        ] {
            let json = format!(r#"{{"apps":{{"http":{{"servers":{{"s":{{{server}}}}}}}}}}}"#);
            let settings = scripts.settings(&json);
            assert_eq!(settings.classic, Size { num: 4, max: 4 });
            assert_eq!((settings.tasks, settings.max_wait), (None, None));
        }
    }

    #[test]
    fn workers_of_handlers_are_found_once_for_both_copies_of_a_php_server() {
        let scripts = Scripts::new("copies");
        let json = r#"{"apps":{"frankenphp":{"workers":[{"file_name":"b.php","num":1}]},
            "http":{"servers":{"s":{"routes":[
            {"handle":[{"handler":"php","server_index":1,"env":{"K":"h","L":"h"},
                "workers":[{"file_name":"a.php","num":2,"env":{"K":"w"}}]}]},
            {"handle":[{"handler":"php","server_index":1,
                "workers":[{"file_name":"a.php","num":2}]}]}]}}}}}"#;
        let workers = scripts.settings(json).workers;
        let got: Vec<_> = workers.iter().map(|w| (w.size.num, w.scope.clone())).collect();
        assert_eq!(got, [(1, None), (2, Some(Scope::Index(1)))]);
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(workers[1].env, [pair("K", "w"), pair("L", "h")]);
        assert_eq!(workers[1].script, scripts.0.join("a.php"));
    }

    #[test]
    fn worker_files_must_exist_and_be_named_once() {
        let scripts = Scripts::new("files");
        let workers = |list: &str| format!(r#"{{"apps":{{"frankenphp":{{"workers":[{list}]}}}}}}"#);
        let text = "worker filename is invalid \"c.php\": lstat c.php: no such file or directory";
        scripts.check_error(&workers(r#"{"file_name":"c.php"}"#), text);
        let twice = r#"{"file_name":"a.php","num":1},{"file_name":"./a.php","num":1}"#;
        let file = scripts.0.join("a.php");
        let text = format!("two global workers cannot have the same filename: {file:?}");
        scripts.check_error(&workers(twice), &text);
        let named = r#"{"name":"n","file_name":"a.php"},{"name":"n","file_name":"b.php"}"#;
        scripts.check_error(&workers(named), "two workers cannot have the same name: \"n\"");
    }

    #[test]
    fn names_of_workers_are_made_unique_by_that_of_their_server() {
        let scripts = Scripts::new("names");
        let json = r#"{"apps":{"http":{"servers":{"s":{"routes":[{"handle":[
            {"handler":"php","server_index":1,"workers":[{"name":"w","file_name":"a.php"}]},
            {"handler":"php","server_index":2,"name":"api",
                "workers":[{"name":"w","file_name":"a.php"}]},
            {"handler":"php","server_index":3,"workers":[{"name":"w","file_name":"a.php"}]}
            ]}]}}}}}"#;
        let workers = scripts.settings(json).workers;
        let names: Vec<_> = workers.iter().map(|worker| worker.name.as_str()).collect();
        assert_eq!(names, ["w", "api:w", "w_1"]);
    }

    #[test]
    fn what_is_not_there_yet_is_refused() {
        let scripts = Scripts::new("watch");
        scripts.check_error(
            r#"{"apps":{"frankenphp":{"workers":[{"file_name":"a.php","watch":["*.php"]}]}}}"#,
            "worker \"a.php\": watch is not supported yet: restart pogo after a change",
        );
    }

    #[test]
    fn task_pools_come_in_two_forms() {
        let scripts = Scripts::new("tasks");
        let top = scripts.settings(
            r#"{"apps":{"pogo":{"worker":"a.php","num_threads":3,"pools":[
                {"name":"cpu","worker":"b.php","max_wait":1000000000}]}}}"#,
        );
        let named = scripts.settings(
            r#"{"apps":{"pogo":{"pools":[{"name":"cpu","worker":"b.php","max_wait":1000000000},
                {"name":"default","worker":"a.php","num_threads":3}]}}}"#,
        );
        assert_eq!(top.tasks, named.tasks);
        let pools = top.tasks.expect("task pools");
        let got: Vec<_> =
            pools.iter().map(|p| (p.name.as_str(), p.num, p.max_wait.as_secs())).collect();
        assert_eq!(got, [("default", 3, 30), ("cpu", 4, 1)]);
    }

    #[test]
    fn task_pools_must_be_complete() {
        let scripts = Scripts::new("pools");
        for (pogo, expected) in [
            ("{}", "pogo requires a default worker"),
            (r#"{"pools":[{"name":"x","worker":"a.php"}]}"#, "pogo requires a default worker"),
            (
                r#"{"num_threads":2,"pools":[{"name":"default","worker":"a.php"}]}"#,
                "pogo num_threads and max_wait belong to the top-level worker: \
                 set them in the pool",
            ),
            (r#"{"worker":"a.php","pools":[{"worker":"a.php"}]}"#, "pogo pool name is required"),
            (r#"{"worker":"a.php","pools":[{"name":"x"}]}"#, "pogo pool \"x\" worker is required"),
            (
                r#"{"worker":"a.php","pools":[{"name":"default","worker":"b.php"}]}"#,
                "duplicate pogo pool \"default\"",
            ),
        ] {
            scripts.check_error(&format!(r#"{{"apps":{{"pogo":{pogo}}}}}"#), expected);
        }
    }
}
