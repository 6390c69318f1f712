//! What FrankenPHP's admin endpoint says of its threads, about our workers.

use super::runtime::Runtime;
use super::settings::Settings;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// One worker in FrankenPHP's words. Where a worker's request is not known here, its fields
/// are empty.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Thread<'r> {
    index: u32,
    name: &'r str,
    state: &'static str,
    is_waiting: bool,
    is_busy: bool,
    waiting_since_milliseconds: u64,
    #[serde(rename = "CurrentURI")]
    current_uri: &'static str,
    current_method: &'static str,
    request_started_at: u64,
    request_count: u64,
    memory_usage: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Report<'r> {
    thread_debug_states: Vec<Thread<'r>>,
    reserved_thread_count: u32,
}

/// What the workers of each pool are called, in the order of the pools.
pub(super) fn names(settings: &Settings) -> Vec<String> {
    let worker = |file: &std::path::Path| format!("Worker PHP Thread - {}", file.display());
    let scripts = settings.workers.iter().map(|w| worker(&w.script));
    let tasks = settings.tasks.iter().flatten().map(|pool| worker(&pool.script));
    ["Regular PHP Thread".to_owned()].into_iter().chain(scripts).chain(tasks).collect()
}

impl Runtime {
    /// The workers, in the JSON of FrankenPHP's `/frankenphp/threads`.
    pub fn threads_json(&self) -> String {
        let waiting = self.idle_serials();
        let all = self.roster.workers.iter();
        let mut threads: Vec<Thread<'_>> = all
            .map(|worker| {
                let is_waiting = waiting.contains(&worker.serial);
                let is_booting = worker.pid() == 0;
                Thread {
                    index: worker.serial,
                    name: self.names.get(worker.pool).map_or("unknown", String::as_str),
                    state: if is_booting { "booting" } else { "ready" },
                    is_waiting,
                    is_busy: !is_waiting && !is_booting,
                    waiting_since_milliseconds: 0,
                    current_uri: "",
                    current_method: "",
                    request_started_at: 0,
                    request_count: 0,
                    memory_usage: 0,
                }
            })
            .collect();
        threads.sort_unstable_by_key(|thread| thread.index);
        for (index, thread) in (0..).zip(&mut threads) {
            thread.index = index;
        }
        let report = Report { thread_debug_states: threads, reserved_thread_count: 0 };
        let mut out = Vec::new();
        let formatter = PrettyFormatter::with_indent(b"    ");
        let written = report.serialize(&mut Serializer::with_formatter(&mut out, formatter));
        written.map(|()| String::from_utf8(out).unwrap_or_default()).unwrap_or_default()
    }
}
