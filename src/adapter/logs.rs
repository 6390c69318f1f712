//! Which requests go to which log, and the logs themselves.

use super::address::{HTTP_PORT, HTTPS_PORT};
use super::directives::log::DEFAULT;
use super::network_address::{join_host_port, split_host_port};
use super::options::Options;
use super::scope::NamedLog;
use super::servers::{Pairing, Part};
use super::sites::Site;
use crate::config::http::ServerLogs;
use crate::config::logging::{Log, Logging};
use std::collections::BTreeSet;

const DEBUG: &str = "DEBUG";

/// The access logs of a server; `None` when none of its sites has one.
pub(super) fn of_server(pairing: &Pairing, sites: &[Site]) -> Option<ServerLogs> {
    if pairing.parts.iter().all(|part| sites[part.site].logs.is_empty()) {
        return None;
    }
    let mut logs = ServerLogs::default();
    for part in &pairing.parts {
        let hosts = log_hosts(part, sites);
        let own = &sites[part.site].logs;
        for log in own.iter().filter(|log| !log.no_hostname) {
            add(&mut logs, log, &hosts, part.has_all_hosts(sites));
        }
        if own.is_empty() {
            logs.skip_unmapped_hosts |= part.hosts(sites).is_empty();
            logs.skip_hosts.extend(hosts);
        }
    }
    logs.skip_hosts.sort();
    Some(logs)
}

fn add(logs: &mut ServerLogs, log: &NamedLog, hosts: &BTreeSet<String>, all_hosts: bool) {
    if log.hostnames.is_empty() && all_hosts {
        logs.default_logger_name.clone_from(&log.name);
        return;
    }
    let mut map = |host: &str| {
        let names = logs.logger_names.entry(host.to_owned()).or_default();
        names.push(log.name.clone());
    };
    if log.hostnames.is_empty() {
        for host in hosts {
            map(&split_host_port(host).map_or_else(|_| host.clone(), |(host, _)| host));
        }
    } else {
        log.hostnames.iter().for_each(|host| map(host));
    }
}

/// The hosts of a site, with the port where it is an unusual one.
fn log_hosts(part: &Part, sites: &[Site]) -> BTreeSet<String> {
    let usual = [String::new(), HTTP_PORT.to_string(), HTTPS_PORT.to_string()];
    let addresses = part.addresses(sites).filter(|address| !address.host.is_empty());
    addresses
        .map(|address| match usual.contains(&address.port) {
            true => address.host.clone(),
            false => join_host_port(&address.host, &address.port),
        })
        .collect()
}

/// The logs of the options and of all sites.
pub(super) fn build(pairings: &[Pairing], sites: &[Site], options: &Options) -> Option<Logging> {
    let of_sites = pairings.iter().flat_map(|pairing| &pairing.parts);
    let of_sites = of_sites.flat_map(|part| &sites[part.site].logs);
    let mut logs: Vec<NamedLog> = options.logs.iter().chain(of_sites).cloned().collect();
    logs.retain(|log| !log.name.is_empty());
    if options.debug {
        for log in logs.iter_mut().filter_map(|log| log.log.as_mut()) {
            if log.level.is_empty() {
                DEBUG.clone_into(&mut log.level);
            }
        }
        if !logs.iter().any(|log| log.name == DEFAULT) {
            let log = Log { level: DEBUG.to_owned(), ..Log::default() };
            let name = DEFAULT.to_owned();
            logs.push(NamedLog { name, log: Some(log), ..NamedLog::default() });
        }
    }
    let mut logging = Logging::default();
    // The default log is there before the others leave entries to it.
    let default = logs.iter().find(|log| log.name == DEFAULT && log.log.is_some());
    if let Some(NamedLog { name, log: Some(log), .. }) = default {
        logging.logs.insert(name.clone(), log.clone());
    }
    for NamedLog { name, log, .. } in logs {
        let Some(log) = log.filter(|_| name != DEFAULT) else { continue };
        let include = log.include.clone();
        logging.logs.insert(name, log);
        if !include.is_empty() {
            // What a log of its own takes does not go to the default log, too.
            let default = logging.logs.entry(DEFAULT.to_owned()).or_default();
            default.exclude.extend(include);
            default.exclude.sort();
            default.exclude.dedup();
        }
    }
    (!logging.logs.is_empty()).then_some(logging)
}
