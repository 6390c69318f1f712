//! A server that is configured through its admin endpoint.

use super::server::free_port;
use super::{Client, Processes, Response, Server, Site};

/// A server with nothing but an endpoint, in a folder of its own.
pub(crate) struct Endpoint {
    /// The server.
    pub(crate) server: Server,
    /// Its folder.
    pub(crate) site: Site,
    /// Where the endpoint is.
    pub(crate) port: u16,
}

impl Endpoint {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let port = free_port();
        let json = format!("{{\"admin\":{{\"listen\":\"localhost:{port}\"}}}}");
        let site = Site::new().file("empty.json", &json);
        let home = site.folder().display().to_string();
        let words = ["run", "--config", "empty.json"];
        let server = Server::start_with(site.folder(), port, &words, &[("XDG_CONFIG_HOME", &home)]);
        Self { server, site, port }
    }

    /// One request to the endpoint.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, kind: &str, body: &str) -> Response {
        ask(self.port, method, path, kind, body)
    }

    /// Loads a Caddyfile, in which `ADMIN` is the endpoint.
    #[track_caller]
    pub(crate) fn load(&self, caddyfile: &str) -> Response {
        let text = caddyfile.replace("ADMIN", &format!("localhost:{}", self.port));
        self.ask("POST", "/load", "text/caddyfile", &text)
    }

    fn log_threads(&self) -> usize {
        let folder = format!("/proc/{}/task", self.server.pid());
        let threads = std::fs::read_dir(folder).expect("it runs").flatten();
        let names = threads.filter_map(|t| std::fs::read_to_string(t.path().join("comm")).ok());
        names.filter(|name| name.trim() == "log").count()
    }

    /// What is there in the server at the moment.
    #[track_caller]
    pub(crate) fn holdings(&self) -> Holdings {
        let text = self.ask("GET", "/metrics", "", "").body;
        let figure = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
        };
        let folder = format!("/proc/{}/fd", self.server.pid());
        let links = std::fs::read_dir(folder).expect("it runs").flatten();
        let links: Vec<_> = links.filter_map(|e| std::fs::read_link(e.path()).ok()).collect();
        let sockets = links.iter().filter(|link| link.to_string_lossy().starts_with("socket:"));
        Holdings {
            tasks: figure("pogo_tasks"),
            connections: figure("pogo_connections"),
            retiring: figure("pogo_retiring_configurations"),
            descriptors: figure("process_open_fds"),
            sockets: sockets.count(),
            log_threads: self.log_threads(),
            processes: Processes::under(self.server.pid()).alive().len(),
        }
    }
}

/// What a server holds, each of which can leak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holdings {
    tasks: usize,
    connections: usize,
    /// Replaced configurations that are still in use.
    pub(crate) retiring: usize,
    descriptors: usize,
    sockets: usize,
    log_threads: usize,
    processes: usize,
}

impl Holdings {
    /// Whether there is nothing more than there was.
    pub(crate) fn is_within(&self, before: &Self) -> bool {
        let pairs = [
            (self.tasks, before.tasks),
            (self.connections, before.connections),
            (self.retiring, before.retiring),
            (self.descriptors, before.descriptors),
            (self.sockets, before.sockets),
            (self.log_threads, before.log_threads),
            (self.processes, before.processes),
        ];
        pairs.iter().all(|(now, before)| now <= before)
    }
}

/// One request to an endpoint, on a connection of its own.
#[track_caller]
pub(crate) fn ask(port: u16, method: &str, path: &str, kind: &str, body: &str) -> Response {
    let mut client = Client::connect(port);
    let length = body.len();
    client.send(&format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: {kind}\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    client.receive()
}
