//! A collector of spans and figures: it speaks OTLP by HTTP and by gRPC, in the clear or over TLS.

use super::poll;
use bytes::Bytes;
use flate2::read::{GzDecoder, GzEncoder};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::io::Read;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The certificate of `localhost`, and its key.
pub(crate) const CERTIFICATE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/cert.pem");
pub(crate) const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/key.pem");

/// How a collector behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Grpc,
    /// It takes connections, and never says anything.
    Mute,
}

/// What a collector was sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The path, or the procedure.
    pub(crate) path: String,
    /// The fields, as `name: value`.
    pub(crate) fields: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    /// The spans in it.
    pub(crate) fn resources(&self) -> Vec<ResourceSpans> {
        let message = ExportTraceServiceRequest::decode(self.body.as_slice());
        message.expect("spans").resource_spans
    }

    /// The figures in it.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let message = ExportMetricsServiceRequest::decode(self.body.as_slice());
        let resources = message.expect("figures").resource_metrics.into_iter();
        resources.flat_map(|r| r.scope_metrics).flat_map(|scope| scope.metrics).collect()
    }
}

/// A collector that runs until the test ends.
pub(crate) struct Collector {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Collector {
    pub(crate) fn start(kind: Kind, is_secure: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let requests = Arc::default();
        let tls = is_secure.then(|| acceptor(kind));
        runtime.spawn(accept(listener, kind, tls, Arc::clone(&requests)));
        Self { port, requests, _runtime: runtime }
    }

    /// All that was sent so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("nobody panicked").clone()
    }

    /// All spans that were sent so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.requests().into_iter();
        let resources = requests.flat_map(|request| request.resources());
        resources.flat_map(|r| r.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// Waits for this many spans.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Span> {
        poll(&format!("{count} spans"), || Some(self.spans()).filter(|s| s.len() >= count))
    }
}

/// The value of an attribute, as text; empty without one.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.clone()) {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => text,
        Some(AnyValue { value: Some(Value::IntValue(number)) }) => number.to_string(),
        _ => String::new(),
    }
}

/// An identifier in digits.
pub(crate) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// TLS of `localhost`, as a collector of this kind speaks it.
pub(crate) fn acceptor(kind: Kind) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_file(CERTIFICATE).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(KEY).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    // By gRPC, clients have to show the same certificate.
    let builder = if kind == Kind::Grpc {
        let mut roots = RootCertStore::empty();
        roots.add(chain[0].clone()).expect("a root");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key).expect("they fit");
    if kind == Kind::Grpc {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(
    listener: TcpListener,
    kind: Kind,
    tls: Option<TlsAcceptor>,
    requests: Arc<Mutex<Vec<Request>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, requests) = (tls.clone(), Arc::clone(&requests));
        tokio::spawn(async move {
            match tls {
                None => answer(kind, stream, requests).await,
                Some(tls) => {
                    let stream = tls.accept(stream).await.expect("TLS");
                    answer(kind, stream, requests).await;
                }
            }
        });
    }
}

async fn answer(
    kind: Kind,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: Arc<Mutex<Vec<Request>>>,
) {
    let keep = |request| requests.lock().expect("nobody panicked").push(request);
    match kind {
        Kind::Http => post(stream, keep).await,
        Kind::Grpc => calls(stream, keep).await,
        Kind::Mute => std::future::pending().await,
    }
}

async fn post(mut stream: impl AsyncRead + AsyncWrite + Unpin, keep: impl Fn(Request)) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    let head = String::from_utf8(head).expect("text");
    let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
    let first = lines.next().expect("a line");
    let path = first.split(' ').nth(1).expect("a path").to_owned();
    let fields: Vec<String> = lines.map(|line| line.to_lowercase()).collect();
    let length = fields.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.expect("a length").parse().expect("a number")];
    stream.read_exact(&mut body).await.expect("a body");
    let is_compressed = fields.iter().any(|field| field == "content-encoding: gzip");
    keep(Request { path, fields, body: unpack(&body, is_compressed) });
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\
                  Content-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(answer.as_bytes()).await.expect("sent");
    // Who closes first may lose what the other has not read yet.
    let _ = stream.shutdown().await;
}

async fn calls(stream: impl AsyncRead + AsyncWrite + Unpin, keep: impl Fn(Request)) {
    let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let (head, mut body) = request.into_parts();
        let mut send = respond.send_response(grpc_head(), false).expect("sent");
        let mut frame = Vec::new();
        // The connection must go on for the body to come.
        let read = async {
            while let Some(Ok(part)) = body.data().await {
                body.flow_control().release_capacity(part.len()).expect("released");
                frame.extend_from_slice(&part);
            }
        };
        tokio::select! {
            () = read => {}
            other = connection.accept() => panic!("a second call: {other:?}"),
        }
        let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            format!("{name}: {}", value.to_str().expect("text"))
        };
        let fields = head.headers.iter().map(field).collect();
        assert_eq!(frame[1..5], u32::try_from(frame.len() - 5).expect("short").to_be_bytes());
        let body = unpack(&frame[5..], frame[0] == 1);
        keep(Request { path: head.uri.path().to_owned(), fields, body });
        send.send_data(complaint(), false).expect("sent");
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        send.send_trailers(trailers).expect("sent");
    }
}

/// A compressed answer: something was not taken.
fn complaint() -> Bytes {
    let part = ExportTracePartialSuccess { rejected_spans: 1, error_message: "no room".into() };
    let message = ExportTraceServiceResponse { partial_success: Some(part) }.encode_to_vec();
    let mut packed = GzEncoder::new(message.as_slice(), flate2::Compression::fast());
    let mut frame = vec![1, 0, 0, 0, 0];
    packed.read_to_end(&mut frame).expect("packed");
    let length = u32::try_from(frame.len() - 5).expect("short");
    frame[1..5].copy_from_slice(&length.to_be_bytes());
    frame.into()
}

fn grpc_head() -> http::Response<()> {
    let head = http::Response::builder().header("content-type", "application/grpc");
    head.body(()).expect("a head")
}

fn unpack(body: &[u8], is_compressed: bool) -> Vec<u8> {
    let mut plain = Vec::new();
    match is_compressed {
        true => drop(GzDecoder::new(body).read_to_end(&mut plain).expect("gzip")),
        false => plain.extend_from_slice(body),
    }
    plain
}
