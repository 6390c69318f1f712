//! The commands that end by themselves, and what they say when they fail.

use super::support::server::free_port;
use super::support::{Server, Site, poll, run};
use rustix::process::Signal;
use std::net::TcpListener;
use std::process::Output;

#[track_caller]
fn check(folder: &Site, words: &[&str], code: i32, out: &str, err: &str) {
    let output = run(folder.folder(), words);
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(code), "{words:?}: {stdout}{stderr}");
    assert!(stdout.contains(out), "{words:?} printed {stdout:?}, not {out:?}");
    // Standard error is no terminal here, so it is a JSON line.
    assert!(stderr.replace("\\\"", "\"").contains(err), "{words:?} said {stderr:?}, not {err:?}");
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn version_names_pogo_and_php() {
    check(&Site::new(), &["version"], 0, "Pogo v0.1.0 PHP 8.", "");
}

#[test]
fn help_lists_the_commands_and_explains_each() {
    check(&Site::new(), &[], 0, "php-server", "");
    check(&Site::new(), &["help", "run"], 0, "--pidfile", "");
    check(&Site::new(), &["adapt", "--help"], 0, "--pretty", "");
    check(&Site::new(), &["help", "nothing"], 1, "", "unknown help topic \"nothing\"");
}

#[test]
fn a_wrong_command_line_is_refused() {
    check(&Site::new(), &["serve"], 1, "", "unknown command \"serve\" for \"pogo\"");
    check(&Site::new(), &["run", "--nope"], 1, "", "unknown flag: --nope");
    check(&Site::new(), &["run", "--config"], 1, "", "flag needs an argument: --config");
    check(
        &Site::new(),
        &["ru"],
        1,
        "",
        "for \"pogo\"\n\nDid you mean this?\n\trun\n\nRun 'pogo --help'",
    );
    let number = "invalid argument \"x\" for \"-f, --file-limit\" flag: strconv.ParseInt";
    check(&Site::new(), &["file-server", "--file-limit", "x"], 1, "", number);
}

#[test]
fn an_error_of_a_caddyfile_names_its_place_even_where_caddys_words_do_not() {
    let site = Site::with_caddyfile(":8080 {\n\trespond @nope hi\n}\n");
    check(&site, &["run"], 1, "", "\"file\":\"Caddyfile\",\"line\":2}");
}

#[test]
fn what_is_configured_and_not_there_is_refused() {
    let site = Site::with_caddyfile(":8080 {\n\treverse_proxy localhost:1\n}\n");
    let why = "apps.http.servers.srv0.routes[0].handle[0]: reverse_proxy is not supported yet";
    check(&site, &["run"], 1, "", why);
    check(&site, &["validate"], 0, "Valid configuration", "");
    check(&site, &["adapt"], 0, "\"handler\":\"reverse_proxy\"", "");
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    let site = Site::with_caddyfile(":8080 {\n\t@m path_regexp ([a-z\n\trespond @m hi\n}\n");
    let why = "compiling matcher regexp ([a-z: error parsing regexp: missing closing ]: `[a-z`";
    let path = "\"path\":\"apps.http.servers.srv0.routes[0].match[0].path_regexp\"";
    check(&site, &["validate"], 1, "", why);
    check(&site, &["validate"], 1, "", path);
    check(&site, &["run"], 1, "", why);
    check(&site, &["adapt", "--validate"], 1, "path_regexp", "\"msg\":\"validation: ");
    let site = site.file(
        "plugin.json",
        r#"{"apps":{"http":{"servers":{"s":{"routes":[{"handle":[{"handler":"teapot"}]}]}}}}}"#,
    );
    let plugin = ["validate", "--config", "plugin.json"];
    check(&site, &plugin, 1, "", "unknown module: http.handlers.teapot");
    check(&site, &plugin, 1, "", "plugins cannot be added");
    let site = site.file("misspelt.json", r#"{"admn":{}}"#);
    let misspelt = ["validate", "--config", "misspelt.json"];
    check(&site, &misspelt, 1, "", "decoding config: json: unknown field");
    let site = site.file("other.json", "apps:\n");
    let other = ["validate", "--config", "other.json"];
    let syntax = "config is not valid JSON: invalid character 'a' looking for beginning of value, at offset 1";
    check(&site, &other, 1, "", syntax);
}

#[test]
fn adapt_prints_caddys_json() {
    let site = Site::with_caddyfile(":8080 {\n\trespond \"hi\" 200\n}\n");
    let json = "{\"apps\":{\"http\":{\"servers\":{\"srv0\":{\"listen\":[\":8080\"],\"routes\":[{\"handle\":[{\"body\":\"hi\",\"handler\":\"static_response\",\"status_code\":200}]}]}}}}}\n";
    check(&site, &["adapt"], 0, json, "");
    check(
        &site,
        &["adapt", "--pretty", "--config", "Caddyfile"],
        0,
        "\n\t\"apps\": {\n\t\t\"http\"",
        "",
    );
    check(&site, &["validate"], 0, "Valid configuration", "");
}

#[test]
fn an_error_in_the_caddyfile_names_the_place() {
    let site = Site::with_caddyfile(":8080 {\n\tnonsense\n}\n");
    let error = "Caddyfile:2: unrecognized directive: nonsense";
    check(&site, &["adapt"], 1, "", &format!("\"msg\":\"{error}"));
    let prefixed = format!("adapting config using caddyfile: {error}");
    check(&site, &["validate"], 1, "", &prefixed);
    check(&site, &["run"], 1, "", &prefixed);
}

#[test]
fn fmt_prints_compares_and_overwrites() {
    let site = Site::with_caddyfile("a {\n  b  c\n}\n");
    let unformatted = "Caddyfile:2: Caddyfile input is not formatted; Tip: use '--overwrite'";
    check(&site, &["fmt"], 1, "a {\n\tb c\n}\n", unformatted);
    let compared = "  a {\n-   b  c\n+ \tb c\n  }\n  \n";
    check(&site, &["fmt", "--diff"], 1, compared, unformatted);
    check(&site, &["fmt", "-d", "-w", "Caddyfile"], 0, "", "");
    check(&site, &["fmt", "-d", "--config", "Caddyfile"], 0, "  a {\n  \tb c\n  }\n  \n", "");
}

#[test]
fn fmt_takes_one_file() {
    let site = Site::with_caddyfile("");
    let two = "fmt does not support multiple files  a b";
    check(&site, &["fmt", "a", "b"], 1, "", two);
    let two = "fmt does not support multiple files a b";
    check(&site, &["fmt", "-c", "a", "b"], 1, "", two);
    check(&site, &["fmt", "."], 1, "", "reading input file: read .: is a directory");
    let missing = "reading input file: open nowhere: no such file or directory";
    check(&site, &["fmt", "nowhere"], 1, "", missing);
}

#[test]
fn a_missing_configuration_is_one_clear_error() {
    let site = Site::new();
    check(&site, &["run"], 1, "", "there is no Caddyfile in current directory");
    let missing = "reading config from file: open nowhere: no such file or directory";
    check(&site, &["run", "--config", "nowhere"], 1, "", missing);
    check(&site, &["run", "-c", "nowhere", "-a", "toml"], 1, "", missing);
}

#[test]
fn a_wrong_json_configuration_names_its_path() {
    let site =
        Site::new().file("a.json", "{\"apps\":{\"http\":{\"servers\":{\"s\":{\"lissen\":[]}}}}}");
    check(&site, &["validate", "--config", "a.json"], 1, "", "apps.http.servers.s");
}

#[test]
fn a_site_that_needs_tls_is_refused() {
    let site = Site::with_caddyfile("{\n\tadmin off\n}\nexample.com {\n\trespond hi\n}\n");
    check(&site, &["run"], 1, "", "Caddyfile:4");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let site = Site::with_caddyfile(&format!(
        "{{\n\tadmin off\n}}\nhttp://127.0.0.1:{port} {{\n\trespond hi\n}}\n"
    ));
    check(&site, &["run"], 1, "", &format!(":{port}"));
    check(&site, &["run"], 1, "", "address already in use");
}

#[test]
fn a_term_signal_ends_the_server_with_code_0() {
    let site = Site::with_caddyfile("{\n\tadmin off\n}\n:{$PORT} {\n\trespond hi\n}\n");
    let mut server = Server::start(site.folder());
    assert_eq!(server.get("/").body, "hi");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_environment_file_reaches_the_caddyfile() {
    let site = Site::with_caddyfile(
        "{\n\tadmin off\n}\n:{$PORT} {\n\trespond \"{$WORD} {env.WORD}\"\n}\n",
    )
    .file("more.env", "# more\nexport WORD='from the file'\n");
    let words = ["run", "--envfile", "more.env", "--pidfile", "pid"];
    let server = Server::start_with(site.folder(), free_port(), &words, &[]);
    assert_eq!(server.get("/").body, "from the file from the file");
    let pid = std::fs::read_to_string(site.folder().join("pid")).expect("a pid file");
    assert_eq!(pid.trim(), server.pid().to_string());
}

#[test]
fn php_cli_runs_a_script_with_its_arguments() {
    let site = Site::new().file("a.php", "<?php echo PHP_SAPI, json_encode($argv); exit(3);");
    check(&site, &["php-cli", "a.php", "x", "--flag"], 3, "cli[\"a.php\",\"x\",\"--flag\"]", "");
    check(&site, &["php-cli", "-r", "echo 6 * 7;"], 0, "42", "");
}

#[test]
fn modules_are_listed() {
    let site = Site::new();
    check(&site, &["list-modules"], 0, "\nhttp.handlers.file_server\n", "");
    check(&site, &["list-modules", "--packages", "--versions"], 0, "\npogo pogo v0.1.0\n", "");
    let json = "\"module_name\": \"pogo\",\n    \"module_type\": \"non-standard\"\n  }\n]\n";
    check(&site, &["list-modules", "-s", "--json"], 0, json, "");
}

#[test]
fn shells_complete_the_words() {
    let site = Site::new();
    check(&site, &["completion"], 1, "", "accepts 1 arg(s), received 0");
    check(
        &site,
        &["completion", "tcsh"],
        1,
        "",
        "invalid argument \"tcsh\" for \"pogo completion\"",
    );
    check(&site, &["completion", "fish"], 0, "-l pidfile -r -F", "");
    check(&site, &["completion", "zsh"], 0, "#compdef pogo\n", "");
    check(&site, &["completion", "powershell"], 0, "'run' { '--adapter', '-a'", "");
    let script = run(site.folder(), &["completion", "bash"]).stdout;
    let script = String::from_utf8(script).expect("a script is text");
    let completed = |words: &str| {
        let asked = format!(
            "{script}COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _pogo\n\
             echo \"${{COMPREPLY[*]}}\""
        );
        let output = std::process::Command::new("bash").args(["-c", &asked]).output();
        texts(&output.expect("bash runs")).0.trim_end().to_owned()
    };
    assert_eq!(completed("pogo val"), "validate");
    assert_eq!(completed("pogo run --p"), "--pidfile --pingback");
    assert_eq!(completed("pogo storage ex"), "export");
    assert_eq!(completed("pogo storage export --out"), "--output");
}

#[test]
fn manual_pages_are_written() {
    let site = Site::new();
    check(
        &site,
        &["manpage"],
        3,
        "",
        "designated output directory and specified section are required",
    );
    check(&site, &["manpage", "--directory", "man/8"], 0, "", "");
    let page = std::fs::read_to_string(site.folder().join("man/8/pogo-storage-export.8"));
    let page = page.expect("the page is there");
    assert!(page.contains(".B \\-o, \\-\\-output <path>\n"), "{page}");
    assert!(site.folder().join("man/8/pogo.8").exists());
}

#[test]
fn what_is_stored_moves_in_an_archive() {
    let config =
        |root: &str| format!("{{\"storage\":{{\"module\":\"file_system\",\"root\":\"{root}\"}}}}");
    let site = Site::new()
        .file("old/certificates/a/a.key", "secret")
        .file("old/b", "")
        .file("old.json", &config("old"))
        .file("new.json", &config("new"))
        .file("junk", "junk");
    check(&site, &["storage"], 0, "export", "");
    check(&site, &["storage", "export", "-o", "x.tar"], 1, "", "--config is required");
    check(&site, &["storage", "export", "-c", "old.json"], 1, "", "--output is required");
    check(
        &site,
        &["storage", "export", "-c", "new.json", "-o", "-"],
        1,
        "",
        "lstat new: no such file or directory",
    );
    check(&site, &["storage", "export", "--config", "old.json", "--output", "x.tar"], 0, "", "");
    let import = ["storage", "import", "--config", "new.json", "--input", "x.tar"];
    check(&site, &import, 0, "Successfully imported storage\n", "");
    let moved = std::fs::read_to_string(site.folder().join("new/certificates/a/a.key"));
    assert_eq!(moved.expect("the file is there"), "secret");
    assert!(site.folder().join("new/b").exists());
    let missing = "opening input file: open nowhere: no such file or directory";
    check(&site, &["storage", "import", "-c", "new.json", "-i", "nowhere"], 1, "", missing);
    check(
        &site,
        &["storage", "import", "-c", "new.json", "-i", "junk"],
        1,
        "",
        "reading archive: ",
    );
}

#[test]
fn the_template_of_listings_is_one_for_browse() {
    let site = Site::with_caddyfile(
        "{\n\tadmin off\n}\n:{$PORT} {\n\troot files\n\tfile_server {\n\t\tbrowse list.html\n\t}\n}\n",
    )
    .file("files/<one>.txt", "12345")
    .file("files/two/x", "");
    let template = run(site.folder(), &["file-server", "export-template"]).stdout;
    std::fs::write(site.folder().join("list.html"), template).expect("written");
    let server = Server::start(site.folder());
    let page = server.get("/").body;
    assert!(page.contains("<a href=\"./two/\">two/</a>") || page.contains(">two"), "{page}");
    assert!(page.contains("&lt;one&gt;.txt</a>") && page.contains("5 B"), "{page}");
}

#[test]
fn a_service_manager_is_told() {
    let site = Site::with_caddyfile("{\n\tadmin off\n}\n:{$PORT} {\n\trespond hi\n}\n");
    let socket = site.folder().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&socket).expect("a socket");
    manager.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("set");
    let told = || {
        let mut buffer = [0; 512];
        let length = manager.recv(&mut buffer).expect("the server tells something in time");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let variable = ("NOTIFY_SOCKET", socket.to_str().expect("text"));
    let mut server = Server::start_with(site.folder(), free_port(), &["run"], &[variable]);
    assert!(told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told(), "READY=1");
    server.signal(Signal::USR1);
    assert!(told().starts_with("RELOADING=1\n"));
    assert_eq!(told(), "READY=1");
    server.signal(Signal::TERM);
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_reload_that_is_asked_for_during_the_start_is_done_after_it() {
    let site = Site::php("\tpogo {\n\t\tworker task.php\n\t\tnum_threads 1\n\t}").file(
        "task.php",
        "<?php touch(__DIR__ . '/boots');
        while (!file_exists(__DIR__ . '/go')) { usleep(1000); }
        while (frankenphp_handle_request(fn ($message) => $message)) {}",
    );
    let server = Server::spawn(site.folder(), free_port(), &["run"], &[]);
    poll("the worker to boot", || site.folder().join("boots").exists().then_some(()));
    server.signal(Signal::USR1);
    std::fs::write(site.folder().join("go"), "").expect("written");
    server.wait_for_log(&["successfully reloaded config from file"]);
}

#[test]
fn administration_from_afar_is_refused_while_it_is_not_there() {
    let site = Site::new()
        .file("remote.json", r#"{"admin":{"remote":{"listen":":2021"}}}"#)
        .file("identity.json", r#"{"admin":{"identity":{"identifiers":["a.test"]}}}"#);
    let remote = "admin.remote: remote administration is not supported yet";
    check(&site, &["run", "--config", "remote.json"], 1, "", remote);
    let identity = "admin.identity: identity management is not supported yet";
    check(&site, &["run", "--config", "identity.json"], 1, "", identity);
}
