//! The configuration of the command `php-server`, which has no Caddyfile.
//!
//! It is that of a site with `php_server`, but for its routes: a folder's address gets its
//! slash by a redirect of its own, and there is no policy of falling back to the front
//! controller, which is the last that is tried anyway.

use super::directives::php_server::{folder_route, route};
use crate::config::admin::{Admin, AdminConfig};
use crate::config::duration::Duration;
use crate::config::handlers::{
    Brotli, Encode, Encodings, FileServer, Gzip, Handler, Php, Rewrite, Subroute, Zstd,
};
use crate::config::http::{Http, Route, Server, ServerLogs};
use crate::config::logging::{Log, Logging};
use crate::config::matchers::{File, MatcherSet};
use crate::config::php::{FrankenPhp, Worker};
use crate::config::{Apps, Config};
use std::collections::BTreeMap;

const PATH: &str = "{http.request.uri.path}";
const SECOND: i64 = 1_000_000_000;
/// The largest head of a request.
const HEAD_BYTES_MAX: i64 = 16_384;

/// What the command's flags say.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--domain`: the only host; all when empty.
    pub domain: String,
    /// `--root`: where the files are; the working directory when empty.
    pub root: String,
    /// `--listen`; port 80, or 443 for a domain, when empty.
    pub listen: String,
    /// `--worker`: worker scripts and their number, 0 for the default.
    pub workers: Vec<(String, u32)>,
    /// `--watch`: the patterns that restart the first worker.
    pub watch: Vec<String>,
    /// `--access-log`.
    pub access_log: bool,
    /// `--debug`.
    pub debug: bool,
    /// `--no-compress`, turned round.
    pub compress: bool,
}

/// The configuration that the flags stand for.
pub fn config(options: &Options) -> Config {
    let listen = match (options.listen.as_str(), options.domain.as_str()) {
        ("", "") => ":80",
        ("", _) => ":443",
        (listen, _) => listen,
    };
    let mut server = Server {
        listen: vec![listen.to_owned()],
        read_header_timeout: Duration(10 * SECOND),
        idle_timeout: Duration(30 * SECOND),
        max_header_bytes: HEAD_BYTES_MAX,
        routes: vec![site(options)],
        ..Server::default()
    };
    if options.access_log {
        server.logs = Some(ServerLogs::default());
    }
    let admin = Admin {
        disabled: true,
        config: Some(AdminConfig { persist: Some(false), ..AdminConfig::default() }),
        ..Admin::default()
    };
    let debug = Log { level: "DEBUG".to_owned(), ..Log::default() };
    Config {
        admin: Some(admin),
        logging: options.debug.then(|| Logging {
            logs: BTreeMap::from([("default".to_owned(), debug)]),
            ..Logging::default()
        }),
        storage: None,
        apps: Some(Apps {
            frankenphp: Some(FrankenPhp { workers: workers(options), ..FrankenPhp::default() }),
            http: Some(Http {
                servers: BTreeMap::from([("php".to_owned(), server)]),
                ..Http::default()
            }),
            ..Apps::default()
        }),
    }
}

fn workers(options: &Options) -> Vec<Worker> {
    let mut watch = options.watch.clone();
    let workers = options.workers.iter().map(|(file_name, num)| Worker {
        file_name: file_name.clone(),
        num: *num,
        watch: std::mem::take(&mut watch),
        ..Worker::default()
    });
    workers.collect()
}

/// The one route of the server: a subroute, behind the domain if there is one.
fn site(options: &Options) -> Route {
    let root = &options.root;
    let php = Php {
        root: root.clone(),
        split_path: vec![".php".to_owned()],
        resolve_root_symlink: Some(true),
        ..Php::default()
    };
    let scripts = ["*.php", "*.php/*"].map(str::to_owned).to_vec();
    let scripts = MatcherSet { path: Some(scripts), ..MatcherSet::default() };
    let files = FileServer { root: root.clone(), ..FileServer::default() };
    let mut routes = Vec::new();
    if options.compress {
        routes.push(route(None, encode()));
    }
    routes.extend([
        folder_route(root, format!("{PATH}/index.php")),
        script(root),
        route(Some(scripts), Handler::Php(php)),
        route(None, Handler::FileServer(files)),
    ]);
    let domain = Some(&options.domain).filter(|domain| !domain.is_empty());
    let host = domain.map(|domain| vec![domain.clone()]);
    let matcher = host.map(|host| MatcherSet { host: Some(host), ..MatcherSet::default() });
    let subroute = Handler::Subroute(Subroute { routes, errors: None });
    Route { terminal: true, ..route(matcher, subroute) }
}

fn encode() -> Handler {
    let encodings = Encodings {
        br: Some(Brotli::default()),
        gzip: Some(Gzip::default()),
        zstd: Some(Zstd::default()),
    };
    let prefer = ["zstd", "br", "gzip"].map(str::to_owned).to_vec();
    Handler::Encode(Encode { encodings, prefer, ..Encode::default() })
}

/// Rewrites to the file or script that answers.
fn script(root: &str) -> Route {
    let tried = [PATH.to_owned(), format!("{PATH}/index.php"), "index.php".to_owned()];
    let file = File {
        root: root.to_owned(),
        try_files: tried.to_vec(),
        split_path: vec![".php".to_owned()],
        ..File::default()
    };
    let matcher = MatcherSet { file: Some(file), ..MatcherSet::default() };
    let uri = "{http.matchers.file.relative}{http.matchers.file.remainder}".to_owned();
    route(Some(matcher), Handler::Rewrite(Rewrite { uri, ..Rewrite::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_shape_the_configuration() {
        let options = Options {
            root: "public".to_owned(),
            listen: ":8080".to_owned(),
            workers: vec![("a.php".to_owned(), 2), ("b.php".to_owned(), 0)],
            watch: vec!["*.php".to_owned()],
            compress: true,
            ..Options::default()
        };
        let config = config(&options);
        assert_eq!(Config::from_json(config.to_json(false).as_bytes()), Ok(config.clone()));
        let apps = config.apps.expect("there are apps");
        let workers = apps.frankenphp.expect("PHP runs").workers;
        assert_eq!((workers[0].num, workers[0].watch.len(), workers[1].watch.len()), (2, 1, 0));
        let server = &apps.http.expect("there are servers").servers["php"];
        assert_eq!(server.listen, [":8080"]);
        let Handler::Subroute(site) = &server.routes[0].handle[0] else {
            panic!("the site is a subroute");
        };
        assert!(matches!(site.routes[0].handle[0], Handler::Encode(_)));
        assert_eq!(site.routes.len(), 5);
    }

    #[test]
    fn a_domain_is_served_over_https() {
        let options = Options { domain: "example.com".to_owned(), ..Options::default() };
        let config = config(&options);
        let http = config.apps.and_then(|apps| apps.http).expect("there are servers");
        let server = &http.servers["php"];
        assert_eq!((server.listen[0].as_str(), &server.automatic_https), (":443", &None));
    }
}
