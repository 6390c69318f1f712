//! Spans and figures: how they hang together, and how they reach a collector.

use super::support::collector::{CERTIFICATE, Collector, KEY, Kind, attribute, hex};
use super::support::server::free_port;
use super::support::{Client, Server, Site, poll, run};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
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
    let resource = request.resources().remove(0).resource.expect("a resource");
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
    let compressed = [
        env[0],
        env[1],
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", CERTIFICATE),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", KEY),
    ];
    check(Kind::Grpc, true, &compressed, procedure, "grpc-encoding: gzip");
}

#[test]
fn a_message_that_is_longer_than_the_window_arrives_by_grpc() {
    let collector = Collector::start(Kind::Grpc, false);
    let site = traced();
    let env = [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    let mut server = serve(&site, &collector, "http", &env);
    let mut client = server.connect();
    let field = format!("X-Shop: {}\r\n", "x".repeat(4000));
    for _ in 0..100 {
        get(&mut client, "/lost", &field);
    }
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    assert_eq!((collector.spans().len(), collector.requests().len()), (100, 1));
    server.wait_for_log(&["traces export: OTLP partial success: no room (1 spans rejected)"]);
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

/// A site whose requests are counted, and told to a collector.
fn counted() -> Site {
    Site::with_caddyfile(
        "{\n\tadmin off\n\tmetrics {\n\t\totlp\n\t}\n}\n:{$PORT} {\n\trespond ok\n}\n",
    )
}

/// How many requests a collector was told of last, by their count and by their sizes.
fn told(collector: &Collector) -> (f64, u64) {
    let metrics = collector.requests().pop().map(|last| last.metrics()).unwrap_or_default();
    let data = |name: &str| metrics.iter().find(|metric| metric.name == name)?.data.clone();
    let count = match data("caddy_http_requests_total") {
        Some(Data::Sum(sum)) => match sum.data_points[0].value {
            Some(Value::AsDouble(count)) => count,
            value => panic!("{value:?}"),
        },
        _ => 0.0,
    };
    match data("caddy_http_response_size_bytes") {
        Some(Data::Histogram(histogram)) => {
            let point = &histogram.data_points[0];
            assert_eq!(attribute(&point.attributes, "server"), "srv0");
            assert_eq!(attribute(&point.attributes, "code"), "200");
            assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
            (count, point.count)
        }
        _ => (count, 0),
    }
}

#[test]
fn figures_are_sent_from_time_to_time() {
    let procedure = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    let kinds = [(Kind::Http, "http/protobuf", "/v1/metrics"), (Kind::Grpc, "grpc", procedure)];
    for (kind, protocol, path) in kinds {
        let collector = Collector::start(kind, false);
        let site = counted();
        let env =
            [("OTEL_METRIC_EXPORT_INTERVAL", "50"), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let server = serve(&site, &collector, "http", &env);
        for _ in 0..2 {
            assert_eq!(server.get("/").body, "ok");
        }
        poll("two requests to be told of", || (told(&collector) == (2.0, 2)).then_some(()));
        assert_eq!(collector.requests()[0].path, path);
    }
}

#[test]
fn the_last_figures_are_sent_at_the_end() {
    let collector = Collector::start(Kind::Http, false);
    let site = counted();
    let mut server = serve(&site, &collector, "http", &[]);
    assert_eq!(server.get("/").body, "ok");
    assert_eq!(collector.requests().len(), 0);
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    assert_eq!(told(&collector), (1.0, 1));
}

#[test]
fn each_handler_is_told_of_if_that_is_wanted() {
    let site = Site::with_caddyfile(
        "{\n\tadmin off\n\tdebug\n\tservers {\n\t\ttrace\n\t}\n}\n:{$PORT} {\n\troute /a* {\n\t\t\
         vars x y\n\t\trespond ok\n\t}\n}\n",
    );
    let server = Server::start(site.folder());
    assert_eq!(server.get("/a").body, "ok");
    let parts = ["\"logger\":\"http.log.trace\",\"msg\":\"static_response\"", "{\"body\":\"ok\"}"];
    server.wait_for_log(&parts);
    let log = server.log();
    let told = log.lines().filter(|line| line.contains("http.log.trace"));
    let modules: Vec<&str> =
        told.filter_map(|line| line.split_once("\"msg\":")).map(|l| l.1).collect();
    assert_eq!(
        modules,
        [
            "\"subroute\",\"module\":{\"routes\":[{}]}}",
            "\"vars\",\"module\":{\"x\":\"y\"}}",
            "\"static_response\",\"module\":{\"body\":\"ok\"}}",
        ]
    );
}

#[test]
fn figures_for_an_exporter_that_is_none_are_refused() {
    let site = counted();
    let mut server = Server::spawn(
        site.folder(),
        free_port(),
        &["run"],
        &[("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon")],
    );
    assert!(!server.wait().success());
    server.wait_for_log(&["provision http: creating OTLP metric reader: invalid OTLP protocol"]);
}
