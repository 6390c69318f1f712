//! The admin endpoint, and configurations that replace one another.

use super::support::endpoint::{Endpoint, ask};
use super::support::server::{free_port, pogo};
use super::support::{Client, Server, Site, collector, poll};
use rustix::process::Signal;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A Caddyfile with one site.
fn site(port: u16, directives: &str) -> String {
    format!("{{\n\tadmin ADMIN\n}}\n:{port} {{\n\t{directives}\n}}\n")
}

#[test]
fn an_empty_server_takes_caddyfiles_and_shows_what_they_adapt_to() {
    let endpoint = Endpoint::start();
    let port = free_port();
    let caddyfile = site(port, "respond \"one <two>\"");
    let loaded = endpoint.load(&caddyfile);
    assert_eq!((loaded.status, loaded.body.as_str()), (200, ""));
    assert_eq!(Client::connect(port).get("/").body, "one <two>");
    let shown = endpoint.ask("GET", "/config/", "", "");
    let text = caddyfile.replace("ADMIN", &format!("localhost:{}", endpoint.port));
    let adapted = endpoint.ask("POST", "/adapt", "text/caddyfile", &text);
    assert_eq!(shown.json(), adapted.json()["result"]);
    assert!(shown.body.contains("one \\u003ctwo\\u003e"), "{}", shown.body);
}

#[test]
fn parts_of_a_configuration_are_changed_by_their_paths() {
    let endpoint = Endpoint::start();
    let port = free_port();
    assert_eq!(endpoint.load(&site(port, "respond \"a\"")).status, 200);
    let body = "/config/apps/http/servers/srv0/routes/0/handle/0/body";
    let set = |method, path: &str, json| {
        let answer = endpoint.ask(method, path, "application/json", json);
        (answer.status, answer.body)
    };
    let mut client = Client::connect(port);
    assert_eq!(client.get("/").body, "a");
    assert_eq!(set("PATCH", body, "\"b\""), (200, String::new()));
    assert_eq!(client.get("/").body, "b", "a connection sees it at its next request");
    assert_eq!(endpoint.ask("GET", body, "", "").body, "\"b\"\n");
    assert_eq!(set("PUT", body, "\"c\"").0, 409);
    assert_eq!(set("POST", "/config/apps/http/servers/srv0/nonsense", "1").0, 500);
    assert_eq!(set("DELETE", "/config/apps/http", ""), (200, String::new()));
    // Who comes in the very moment in which it closes is reset.
    poll("the site to close", || {
        let gone = std::net::TcpStream::connect(("127.0.0.1", port)).err()?;
        (gone.kind() == std::io::ErrorKind::ConnectionRefused).then_some(())
    });
}

#[test]
fn a_load_that_fails_leaves_everything_as_it_was() {
    let endpoint = Endpoint::start();
    let (port, taken) = (free_port(), std::net::TcpListener::bind("0.0.0.0:0").expect("a port"));
    let taken = taken.local_addr().map(|a| a.port()).map(|port| (taken, port)).expect("a port");
    assert_eq!(endpoint.load(&site(port, "respond \"old\"")).status, 200);
    let before = endpoint.ask("GET", "/config/", "", "").body;
    let refused = |caddyfile: &str, why: &str| {
        let answer = endpoint.load(caddyfile);
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains(why), "{} in {}", why, answer.body);
        assert_eq!(Client::connect(port).get("/").body, "old");
        assert_eq!(endpoint.ask("GET", "/config/", "", "").body, before);
    };
    refused(&site(port, "nonsense"), "unrecognized directive: nonsense");
    refused(&site(taken.1, "respond \"new\""), "address already in use");
    refused("{\n\tadmin ADMIN\n}\nexample.com\nrespond x\n", "loading config: loading new config");
    let php = "root /nowhere\n\tphp_server {\n\t\troot /nowhere\n\t}";
    refused(&site(port, php), "unable to resolve root symlink");
}

#[test]
fn a_request_in_flight_outlives_its_listener() {
    let endpoint = Endpoint::start();
    let (old, new) = (free_port(), free_port());
    assert_eq!(endpoint.load(&site(old, "respond \"{http.request.body}\"")).status, 200);
    let mut slow = Client::connect(old);
    slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nsl");
    // The handler waits for the rest of the body once it has asked for it.
    let mut idle = Client::connect(old);
    assert_eq!(idle.get("/").status, 200);
    assert_eq!(endpoint.load(&site(new, "respond \"new\"")).status, 200);
    assert_eq!(Client::connect(new).get("/").body, "new");
    assert!(idle.try_receive().is_err(), "an idle connection is closed");
    slow.send("ow");
    assert_eq!(slow.receive().body, "slow");
    assert!(std::net::TcpStream::connect(("127.0.0.1", old)).is_err());
}

#[test]
fn a_grace_period_cuts_off_what_takes_longer() {
    let endpoint = Endpoint::start();
    let (old, new) = (free_port(), free_port());
    let caddyfile = site(old, "respond \"{http.request.body}\"").replacen(
        "admin ADMIN",
        "admin ADMIN\n\tgrace_period 100ms",
        1,
    );
    assert_eq!(endpoint.load(&caddyfile).status, 200);
    let mut slow = Client::connect(old);
    slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nsl");
    assert_eq!(Client::connect(old).get("/").status, 200);
    assert_eq!(endpoint.load(&site(new, "respond \"new\"")).status, 200);
    assert!(slow.try_receive().is_err(), "it is cut off");
}

#[test]
fn sites_and_the_endpoint_can_be_unix_sockets() {
    let endpoint = Endpoint::start();
    let folder = endpoint.site.folder().canonicalize().expect("it is there");
    let (web, admin) = (folder.join("web.sock"), folder.join("admin.sock"));
    let caddyfile = format!(
        "{{\n\tadmin unix/{}\n}}\nhttp:// {{\n\tbind unix/{}|0600\n\trespond \"{{remote_host}}\"\n}}\n",
        admin.display(),
        web.display()
    );
    assert_eq!(endpoint.load(&caddyfile).status, 200);
    let over = |path: &std::path::Path, target: &str| {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(path).expect("it listens");
        write!(stream, "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    assert!(over(&web, "/").ends_with("\r\n\r\n@"));
    assert!(over(&admin, "/config/admin/listen").contains("admin.sock"));
    let port = endpoint.port;
    poll("the old endpoint to close", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).err().map(drop)
    });
    let address = format!("unix/{}", admin.display());
    let mut server = endpoint.server;
    let stopped = pogo().args(["stop", "--address", &address]).status().expect("it runs");
    assert!(stopped.success());
    assert_eq!(server.wait().code(), Some(0));
    assert!(!web.exists() && !admin.exists(), "their files are gone");
}

#[test]
fn the_commands_reload_and_stop() {
    let admin = free_port();
    let caddyfile = |body: &str| {
        format!(
            "{{\n\tadmin localhost:{admin}\n\tpersist_config off\n}}\n:{{$PORT}} {{\n\trespond \"{body}\"\n}}\n"
        )
    };
    let site = Site::with_caddyfile(&caddyfile("one"));
    let mut server = Server::start(site.folder());
    assert_eq!(server.get("/").body, "one");
    let command = |words: &[&str]| {
        let port = server.port.to_string();
        let mut command = pogo();
        command.args(words).current_dir(site.folder()).env("PORT", port);
        command.output().expect("it runs")
    };
    std::fs::write(site.folder().join("Caddyfile"), caddyfile("two")).expect("written");
    assert!(command(&["reload"]).status.success());
    assert_eq!(server.get("/").body, "two");
    std::fs::write(site.folder().join("Caddyfile"), caddyfile("three")).expect("written");
    server.signal(Signal::USR1);
    server.wait_for_log(&["successfully reloaded config from file"]);
    assert_eq!(server.get("/").body, "three");
    let failed = command(&["reload", "--config", "/dev/null", "--adapter", "caddyfile"]);
    assert_eq!(failed.status.code(), Some(1));
    let elsewhere = command(&["stop", "--address", "localhost:1"]);
    assert_eq!(elsewhere.status.code(), Some(1));
    assert!(command(&["stop", "--config", "Caddyfile"]).status.success());
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_configuration_is_resumed_and_watched() {
    let (admin, port) = (free_port(), free_port());
    let caddyfile = |body: &str| {
        format!("{{\n\tadmin localhost:{admin}\n}}\n:{port} {{\n\trespond \"{body}\"\n}}\n")
    };
    let site = Site::with_caddyfile(&caddyfile("one"));
    let home = site.folder().display().to_string();
    let env = [("XDG_CONFIG_HOME", home.as_str())];
    let server = Server::start_with(site.folder(), port, &["run", "--watch"], &env);
    server.wait_for_log(&["watching config file for changes"]);
    std::fs::write(site.folder().join("Caddyfile"), caddyfile("two")).expect("written");
    poll("the change to be seen", || (server.get("/").body == "two").then_some(()));
    let saved = site.folder().join("caddy/autosave.json");
    poll("the change to be saved", || {
        std::fs::read_to_string(&saved).ok().filter(|json| json.contains("two")).map(drop)
    });
    drop(server);
    let server = Server::start_with(site.folder(), port, &["run", "--resume"], &env);
    server.wait_for_log(&["resuming from last configuration"]);
    assert_eq!(server.get("/").body, "two");
}

#[test]
fn start_returns_once_the_server_answers() {
    let (admin, port) = (free_port(), free_port());
    let site = Site::with_caddyfile(&format!(
        "{{\n\tadmin localhost:{admin}\n\tpersist_config off\n}}\n:{port} {{\n\trespond hi\n}}\n"
    ));
    let mut start = pogo();
    start.arg("start").current_dir(site.folder()).stdin(Stdio::null());
    let output = start.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    // Its output stays open in the server, so only its end is waited for.
    let mut output = output;
    assert!(output.wait().expect("it ends").success());
    assert_eq!(Client::connect(port).get("/").body, "hi");
    assert_eq!(ask(admin, "POST", "/stop", "", "").status, 200);
    poll("the server to end", || std::net::TcpStream::connect(("127.0.0.1", port)).err().map(drop));
    let broken = Site::with_caddyfile("nonsense {\n");
    let mut start = pogo();
    start.arg("start").current_dir(broken.folder()).stdin(Stdio::null()).stderr(Stdio::null());
    assert_eq!(start.status().expect("it runs").code(), Some(1));
}

/// An answer that leads on.
const ELSEWHERE: &[u8] = b"HTTP/1.1 302 Found\r\nLocation: there\r\nContent-Length: 4\r\n\r\nnull";

#[test]
fn a_configuration_is_fetched_over_https() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a port");
    let source = listener.local_addr().expect("its address").port();
    let (admin, port) = (free_port(), free_port());
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/caddyfile\r\n\r\n\
         {{\n\tadmin localhost:{admin}\n}}\n:{port} {{\n\trespond fetched\n}}\n"
    );
    runtime.spawn(async move {
        let tls = collector::acceptor(collector::Kind::Http);
        while let Ok((stream, _)) = listener.accept().await {
            // Who does not trust us is gone now.
            let Ok(mut stream) = tls.accept(stream).await else { continue };
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).await.unwrap_or_default();
            let is_there = asked[..length].starts_with(b"GET /there ");
            let _ = match is_there {
                true => stream.write_all(answer.as_bytes()).await,
                false => stream.write_all(ELSEWHERE).await,
            };
            let _ = stream.shutdown().await;
        }
    });
    let config = |tls: &str| {
        format!(
            r#"{{"admin":{{"listen":"localhost:{admin}","config":{{"load":{{"module":"http",
            "url":"https://localhost:{source}/x","timeout":"1s"{tls}}}}}}}}}"#
        )
    };
    let trusted = format!(r#","tls":{{"root_ca_pem_files":["{}"]}}"#, collector::CERTIFICATE);
    let site = Site::new().file("no.json", &config("")).file("yes.json", &config(&trusted));
    let home = site.folder().display().to_string();
    let start = |file: &str| {
        let words = ["run", "--config", file];
        Server::start_with(site.folder(), admin, &words, &[("XDG_CONFIG_HOME", &home)])
    };
    start("no.json").wait_for_log(&["failed to load dynamic config", "UnknownIssuer"]);
    let _server = start("yes.json");
    let body = poll("the site", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
        Some(super::support::get(port, "/").body)
    });
    assert_eq!(body, "fetched");
}
