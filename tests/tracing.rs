//! Spans: how they hang together, and how they reach a collector.

use super::support::collector::{CERTIFICATE, Collector, Kind, attribute, hex};
use super::support::server::free_port;
use super::support::{Client, Server, Site, run};
use rustix::process::Signal;
use std::time::{Duration, Instant};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A site whose page tells the header that it sees.
fn traced() -> Site {
    Site::with_caddyfile(
        "{\n\tadmin off\n}\n:{$PORT} {\n\troot public\n\tlog\n\ttracing {\n\t\t\
         span \"{http.request.method} {http.request.uri.path}\"\n\t\tspan_attributes {\n\t\t\t\
         shop {http.request.header.X-Shop}\n\t\t\tkind {http.response.header.Content-Type}\n\t\t\
         }\n\t}\n\terror /lost 404\n\terror /broken 503\n\tphp_server\n}\n",
    )
    .file("public/page.php", "<?php echo $_SERVER['HTTP_TRACEPARENT'] ?? 'none';")
}

/// Serves a traced site whose spans go to a collector.
#[track_caller]
fn serve(site: &Site, collector: &Collector, scheme: &str, env: &[(&str, &str)]) -> Server {
    let endpoint = format!("{scheme}://localhost:{}", collector.port);
    let common = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", CERTIFICATE),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
    ];
    let env: Vec<_> = common.into_iter().chain(env.iter().copied()).collect();
    Server::start_with(site.folder(), free_port(), &["run"], &env)
}

fn get(client: &mut Client, path: &str, fields: &str) -> String {
    client.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost:8\r\n{fields}\r\n"));
    client.receive().body
}

/// A collector of this kind receives the span of a request, linked to who called and to
/// what PHP sees.
#[track_caller]
fn check(kind: Kind, is_secure: bool, env: &[(&str, &str)], path: &str, field: &str) {
    let collector = Collector::start(kind, is_secure);
    let site = traced();
    let scheme = if is_secure { "https" } else { "http" };
    let server = serve(&site, &collector, scheme, env);
    let fields = format!(
        "traceparent: 00-{TRACE}-{CALLER}-01\r\ntracestate: a=b\r\nX-Shop: 7\r\n\
         User-Agent: test\r\n"
    );
    let seen = get(&mut server.connect(), "/page.php?x", &fields);
    let span = collector.wait_for(1).remove(0);
    assert_eq!(seen, format!("00-{TRACE}-{}-01", hex(&span.span_id)));
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.into(), CALLER.into()));
    assert_eq!((span.name.as_str(), span.kind, &*span.trace_state), ("GET /page.php", 2, "a=b"));
    let expected = [
        ("shop", "7"),
        ("kind", "text/html; charset=UTF-8"),
        ("server.address", "localhost"),
        ("server.port", "8"),
        ("http.request.method", "GET"),
        ("url.scheme", "http"),
        ("url.path", "/page.php"),
        ("client.address", "127.0.0.1"),
        ("network.peer.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("user_agent.original", "test"),
        ("http.response.body.size", "55"),
        ("http.response.status_code", "200"),
    ];
    for (key, value) in expected {
        assert_eq!(attribute(&span.attributes, key), value, "{key}");
    }
    let request = collector.requests().remove(0);
    assert_eq!(request.path, path);
    assert!(request.fields.iter().any(|f| f == field), "{field}: {:?}", request.fields);
    let resource = request.message.resource_spans[0].resource.as_ref().expect("a resource");
    assert_eq!(attribute(&resource.attributes, "service.name"), "shop");
    assert_eq!(attribute(&resource.attributes, "webengine.name"), "Pogo");
    let line = server.wait_for_log(&["handled request", "/page.php"]);
    let ids = format!("\"traceID\":\"{TRACE}\",\"spanID\":\"{}\"", hex(&span.span_id));
    assert!(line.contains(&ids), "{line}");
}

#[test]
fn a_collector_is_sent_linked_spans_by_http() {
    let env = [("OTEL_SERVICE_NAME", "shop"), ("OTEL_EXPORTER_OTLP_HEADERS", "key=a%20b")];
    check(Kind::Http, false, &env, "/v1/traces", "key: a b");
}

#[test]
fn a_collector_is_sent_linked_spans_by_https() {
    let env = [
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ];
    check(Kind::Http, true, &env, "/v1/traces", "content-encoding: gzip");
}

#[test]
fn a_collector_is_sent_linked_spans_by_grpc() {
    let procedure = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let env = [("OTEL_SERVICE_NAME", "shop"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    check(Kind::Grpc, false, &env, procedure, "te: trailers");
    let compressed = [env[0], env[1], ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")];
    check(Kind::Grpc, true, &compressed, procedure, "grpc-encoding: gzip");
}

#[test]
fn a_span_tells_how_the_request_ended() {
    let collector = Collector::start(Kind::Http, false);
    let site = traced();
    let server = serve(&site, &collector, "http", &[]);
    let mut client = server.connect();
    for path in ["/lost", "/broken", "/page.php"] {
        get(&mut client, path, "");
    }
    let spans = collector.wait_for(3);
    let ends: Vec<_> = spans
        .iter()
        .map(|span| {
            let status = span.status.as_ref().map_or(0, |status| status.code);
            (span.name.as_str(), attribute(&span.attributes, "http.response.status_code"), status)
        })
        .collect();
    let expected =
        [("GET /lost", "404", 0), ("GET /broken", "503", 2), ("GET /page.php", "200", 0)];
    assert_eq!(ends, expected.map(|(name, code, status)| (name, code.to_owned(), status)));
    assert!(spans.iter().all(|span| span.parent_span_id.is_empty()), "{spans:?}");
}

#[test]
fn what_is_not_sampled_goes_on_and_is_not_sent() {
    let collector = Collector::start(Kind::Http, false);
    let site = traced();
    let server = serve(&site, &collector, "http", &[("OTEL_PROPAGATORS", "tracecontext,b3")]);
    let mut client = server.connect();
    let refused = format!("traceparent: 00-{TRACE}-{CALLER}-00\r\n");
    let seen = get(&mut client, "/page.php", &refused);
    assert!(seen.starts_with(&format!("00-{TRACE}-")) && seen.ends_with("-00"), "{seen}");
    assert!(!seen.contains(CALLER), "{seen}");
    // The form of Zipkin is read as well.
    get(&mut client, "/page.php", &format!("b3: {TRACE}-{CALLER}-1\r\n"));
    let spans = collector.wait_for(1);
    assert_eq!((spans.len(), hex(&spans[0].parent_span_id)), (1, CALLER.to_owned()));
}

#[test]
fn a_collector_that_says_nothing_holds_up_nobody() {
    let collector = Collector::start(Kind::Mute, false);
    let site = traced();
    let env = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "4"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "600"),
    ];
    let mut server = serve(&site, &collector, "http", &env);
    let mut client = server.connect();
    let begun = Instant::now();
    for _ in 0..40 {
        get(&mut client, "/lost", "");
    }
    // One that waited for the collector would have taken longer alone.
    assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
    server.wait_for_log(&[
        "warn",
        "http.handlers.tracing",
        "traces export: exporter export timeout",
    ]);
    server.wait_for_log(&["spans were dropped", "\"spans\":"]);
    server.signal(Signal::TERM);
    assert!(server.wait().success());
}

#[test]
fn what_waits_is_sent_when_nobody_traces_any_more() {
    let collector = Collector::start(Kind::Http, false);
    let (port, admin) = (free_port(), free_port());
    let text = |tracing: &str| {
        format!("{{\n\tadmin localhost:{admin}\n}}\n:{port} {{\n\t{tracing}\n\trespond ok\n}}\n")
    };
    let site = Site::with_caddyfile(&text("tracing"));
    let home = site.folder().display().to_string();
    let endpoint = format!("http://localhost:{}/own", collector.port);
    let env = [
        ("XDG_CONFIG_HOME", home.as_str()),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
    ];
    let mut server = Server::start_with(site.folder(), port, &["run"], &env);
    let load = |caddyfile: &str| {
        let mut client = Client::connect(admin);
        let length = caddyfile.len();
        client.send(&format!(
            "POST /load HTTP/1.1\r\nHost: localhost:{admin}\r\nContent-Type: text/caddyfile\r\n\
             Connection: close\r\nContent-Length: {length}\r\n\r\n{caddyfile}"
        ));
        assert_eq!(client.receive().status, 200);
    };
    get(&mut server.connect(), "/", "");
    // Who traces after a reload shares the queue with who did before.
    load(&text("tracing {\n\t\tspan second\n\t}"));
    get(&mut server.connect(), "/", "");
    assert_eq!(collector.spans().len(), 0);
    load(&text("header x y"));
    let names: Vec<String> = collector.wait_for(2).into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["handler", "second"]);
    let paths: Vec<String> = collector.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(paths, ["/own"]);
    load(&text("tracing {\n\t\tspan last\n\t}"));
    get(&mut server.connect(), "/", "");
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    assert_eq!(collector.wait_for(3)[2].name, "last");
}

#[test]
fn spans_are_printed_if_that_is_wanted() {
    let collector = Collector::start(Kind::Mute, false);
    let site = traced();
    let env = [("OTEL_TRACES_EXPORTER", "console"), ("OTEL_PROPAGATORS", "none")];
    let server = serve(&site, &collector, "http", &env);
    assert_eq!(get(&mut server.connect(), "/page.php", ""), "none");
    let line = server.wait_for_log(&["\"Name\":\"GET /page.php\""]);
    let span: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(span["Parent"]["SpanID"], "0000000000000000");
    assert_eq!(span["SpanKind"], 2);
}

#[test]
fn nothing_is_traced_when_tracing_is_disabled() {
    let collector = Collector::start(Kind::Mute, false);
    let site = traced();
    let server = serve(&site, &collector, "http", &[("OTEL_SDK_DISABLED", "true")]);
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let seen = get(&mut server.connect(), "/page.php", &format!("traceparent: {parent}\r\n"));
    assert_eq!(seen, parent);
    assert!(!server.wait_for_log(&["handled request"]).contains("traceID"));
}

#[test]
fn an_exporter_that_is_none_is_refused() {
    let site = traced();
    let mut server =
        Server::spawn(site.folder(), free_port(), &["run"], &[("OTEL_TRACES_EXPORTER", "zipkin")]);
    assert!(!server.wait().success());
    server.wait_for_log(&[
        "provision http.handlers.tracing: creating trace exporter error: unknown exporter or \
         metrics producer",
    ]);
    let valid = run(site.folder(), &["validate"]);
    assert!(valid.status.success(), "{valid:?}");
}
