//! An HTTP/1.1 client that hides nothing.

use super::PATIENCE;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// 200 and so on.
    pub(crate) status: u16,
    /// Name in lower case and value, in order.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, out of its chunks.
    pub(crate) body: String,
}

impl Response {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }
}

/// A connection that stays open between requests.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// One request on a connection of its own.
#[track_caller]
pub(crate) fn get(port: u16, path: &str) -> Response {
    Client::connect(port).get(path)
}

impl Client {
    /// Connects.
    #[track_caller]
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { stream: BufReader::new(stream) }
    }

    /// A GET and its answer.
    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        self.receive()
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub(crate) fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).expect("sent");
    }

    /// Receives an answer.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Response {
        self.try_receive().expect("an answer")
    }

    /// Receives an answer; an error when the connection ends before it does.
    pub(crate) fn try_receive(&mut self) -> std::io::Result<Response> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|s| s.parse().ok());
        let status =
            status.ok_or_else(|| std::io::Error::other(format!("not HTTP: {status_line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Response { status, headers, body: String::new() };
        let body = if response.header("transfer-encoding").is_some() {
            self.chunks()?
        } else {
            let length =
                response.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
            self.exactly(length)?
        };
        response.body = String::from_utf8_lossy(&body).into_owned();
        Ok(response)
    }

    /// All that comes until the server closes.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> String {
        let mut text = String::new();
        self.stream.read_to_string(&mut text).expect("text until the end");
        text
    }

    fn chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(&line, 16).map_err(std::io::Error::other)?;
            body.extend(self.exactly(size)?);
            self.line()?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn exactly(&mut self, length: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
