//! What PHP pages see and send, in both modes.

use super::support::server::free_port;
use super::support::{Server, Site};

#[test]
fn a_page_answers_and_a_file_is_a_file() {
    let site = Site::php("")
        .file("public/index.php", "<?php echo 'index of ', $_SERVER['REQUEST_URI'];")
        .file(
            "public/page.php",
            "<?php header('X-Page: 1'); http_response_code(201); echo PHP_SAPI;",
        )
        .file("public/plain.txt", "plain");
    let server = Server::start(site.folder());
    let page = server.get("/page.php");
    assert_eq!((page.status, page.body.as_str()), (201, "frankenphp"));
    assert_eq!(page.header("x-page"), Some("1"));
    assert_eq!(server.get("/plain.txt").body, "plain");
    assert_eq!(server.get("/no/such/file").body, "index of /no/such/file");
}

#[test]
fn a_form_reaches_the_script_over_one_connection() {
    let site = Site::php("").file(
        "public/index.php",
        "<?php echo json_encode([$_SERVER['REQUEST_METHOD'], $_GET, $_POST, $_COOKIE]);",
    );
    let server = Server::start(site.folder());
    let mut client = server.connect();
    client.send(
        "POST /?a=1 HTTP/1.1\r\nHost: localhost\r\nCookie: c=2\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\nb=3&d=4",
    );
    let want = "[\"POST\",{\"a\":\"1\"},{\"b\":\"3\",\"d\":\"4\"},{\"c\":\"2\"}]";
    assert_eq!(client.receive().body, want);
    assert_eq!(client.get("/?e=5").body, "[\"GET\",{\"e\":\"5\"},[],[]]");
}

#[test]
fn a_worker_script_stays_up_between_requests() {
    let site = Site::php("\tfrankenphp {\n\t\tworker public/index.php 1\n\t}").file(
        "public/index.php",
        "<?php $n = 0; while (frankenphp_handle_request(function () use (&$n) {
            echo ++$n, ' ', $_SERVER['QUERY_STRING'];
        })) {}",
    );
    let server = Server::start(site.folder());
    assert_eq!(server.get("/?a").body, "1 a");
    assert_eq!(server.get("/?b").body, "2 b");
}

#[test]
fn opcache_is_shared_by_all_workers() {
    // Opcache would wait two seconds before it trusts a file that was just written.
    let options =
        "\tfrankenphp {\n\t\tnum_threads 2\n\t\tphp_ini opcache.file_update_protection 0\n\t}";
    let site = Site::php(options).file(
        "public/index.php",
        "<?php echo json_encode([getmypid(), opcache_get_status()['opcache_statistics']['num_cached_scripts']]);",
    );
    let server = Server::start(site.folder());
    assert_eq!(server.get("/").status, 200);
    assert_eq!(server.get("/").json()[1], 1);
}

#[test]
fn php_ini_of_the_configuration_wins() {
    let site = Site::php("\tfrankenphp {\n\t\tphp_ini memory_limit 77M\n\t}")
        .file("public/index.php", "<?php echo ini_get('memory_limit');");
    assert_eq!(Server::start(site.folder()).get("/").body, "77M");
}

#[test]
fn frankenphps_default_caddyfile_serves_a_page() {
    let caddyfile = "{\n\tskip_install_trust\n\n\t{$CADDY_GLOBAL_OPTIONS}\n\n\tfrankenphp {\n\t\t{$FRANKENPHP_CONFIG}\n\t}\n}\n\n\
        {$CADDY_EXTRA_CONFIG}\n\n{$SERVER_NAME:localhost} {\n\troot {$SERVER_ROOT:public/}\n\tencode zstd br gzip\n\n\
        \t{$CADDY_SERVER_EXTRA_DIRECTIVES}\n\n\tphp_server {\n\t\t#worker /path/to/your/worker.php\n\t}\n}\n\n\
        import Caddyfile.d/*.caddyfile\n";
    let site = Site::with_caddyfile(caddyfile).file("public/index.php", "<?php echo 'served';");
    let port = free_port();
    let name = format!(":{port}");
    // The usual port may be that of a Caddy that runs here.
    let admin = format!("localhost:{}", free_port());
    let env = [("SERVER_NAME", name.as_str()), ("CADDY_ADMIN", &admin)];
    let server = Server::start_with(site.folder(), port, &["run"], &env);
    assert_eq!(server.get("/").body, "served");
}

#[test]
fn php_server_needs_no_caddyfile() {
    let site = Site::new()
        .file("public/index.php", "<?php echo 'by command: ', $_SERVER['REQUEST_URI'];")
        .file("public/a.txt", "file");
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let words = ["php-server", "--root", "public", "--listen", &listen, "--access-log"];
    let server = Server::start_with(site.folder(), port, &words, &[]);
    assert_eq!(server.get("/x/y").body, "by command: /x/y");
    assert_eq!(server.get("/a.txt").body, "file");
    server.wait_for_log(&["\"logger\":\"http.log.access", "\"uri\":\"/a.txt\"", "\"status\":200"]);
}

#[test]
fn a_script_over_its_limit_ends_by_phps_own_timeout() {
    let site = Site::php("")
        .file("public/loop.php", "<?php register_shutdown_function(fn () => print(' bye')); set_time_limit(1); while (true);")
        .file("public/sleep.php", "<?php register_shutdown_function(fn () => print(' bye')); set_time_limit(1); sleep(60);");
    let server = Server::start(site.folder());
    for page in ["/loop.php", "/sleep.php"] {
        let begun = std::time::Instant::now();
        let answer = server.get(page);
        let took = begun.elapsed().as_millis();
        assert!(
            answer.body.contains("Maximum execution time of 1 second exceeded"),
            "{page}: {answer:?}"
        );
        assert!(answer.body.ends_with(" bye"), "{page}: {answer:?}");
        assert!((900..2500).contains(&took), "{page} took {took} ms");
    }
    server.wait_for_log(&["Maximum execution time of 1 second exceeded"]);
}
