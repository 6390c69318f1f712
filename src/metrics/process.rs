//! What the kernel knows of this process.

use super::text::{Text, to_float};
use rustix::process::{Resource, getrlimit};

/// Writes what the kernel tells. What it does not tell is left out.
pub(super) fn write(text: &mut Text) {
    let stat = Stat::read();
    if let Some(stat) = &stat {
        let help = "Total user and system CPU time spent in seconds.";
        text.only("process_cpu_seconds_total", "counter", help, stat.cpu);
    }
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        let help = "Maximum number of open file descriptors.";
        text.only("process_max_fds", "gauge", help, to_float(limit));
    }
    if let Some((received, sent)) = network() {
        let help = "Number of bytes received by the process over the network.";
        text.only("process_network_receive_bytes_total", "counter", help, received);
        let help = "Number of bytes sent by the process over the network.";
        text.only("process_network_transmit_bytes_total", "counter", help, sent);
    }
    let open = std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    // As Prometheus' libraries have it, no bound is the greatest number.
    let memory_limit = getrlimit(Resource::As).current.unwrap_or(u64::MAX);
    let mut gauge = |name: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            text.only(name, "gauge", help, value);
        }
    };
    gauge("process_open_fds", "Number of open file descriptors.", open.map(|n| to_float(n as u64)));
    let resident = stat.as_ref().map(|stat| stat.resident);
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", resident);
    gauge(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        stat.as_ref().and_then(Stat::started),
    );
    let size = stat.as_ref().map(|stat| stat.virtual_size);
    gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", size);
    let help = "Maximum amount of virtual memory available in bytes.";
    gauge("process_virtual_memory_max_bytes", help, Some(to_float(memory_limit)));
}

/// Bytes received and sent in the process's network namespace, as the kernel counts them.
fn network() -> Option<(f64, f64)> {
    let text = std::fs::read_to_string("/proc/self/net/netstat").ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("IpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let of = |wanted: &str| {
        let mut pairs = names.split(' ').zip(values.split(' '));
        pairs.find(|(name, _)| *name == wanted)?.1.parse::<f64>().ok()
    };
    Some((of("InOctets")?, of("OutOctets")?))
}

/// The parts of `/proc/self/stat` that are told.
struct Stat {
    cpu: f64,
    started_after_boot: f64,
    virtual_size: f64,
    resident: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The program's name, which may hold anything, ends with the last parenthesis.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let ticks = to_float(rustix::param::clock_ticks_per_second());
        Some(Self {
            cpu: (field(14)? + field(15)?) / ticks,
            started_after_boot: field(22)? / ticks,
            virtual_size: field(23)?,
            resident: field(24)? * to_float(rustix::param::page_size() as u64),
        })
    }

    fn started(&self) -> Option<f64> {
        let text = std::fs::read_to_string("/proc/stat").ok()?;
        let boot = text.lines().find_map(|line| line.strip_prefix("btime "))?;
        Some(boot.trim().parse::<f64>().ok()? + self.started_after_boot)
    }
}
