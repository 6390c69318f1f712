//! `http_redirect`: who speaks plain HTTP to a port of HTTPS is sent to HTTPS.

use crate::config::listeners::HttpRedirect as Config;
use crate::http::conn::Conn;
use pingora_core::protocols::Shutdown;
use tokio::io::AsyncWriteExt;

/// How long a head may be when the configuration does not say.
const HEAD_MAX: usize = 1024 * 1024;

/// What plain HTTP begins with, as far as Caddy looks.
const BEGINNINGS: [&[u8]; 5] = [b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"];

/// The compiled wrapper.
#[derive(Debug)]
pub(super) struct HttpRedirect {
    head_max: usize,
}

impl HttpRedirect {
    pub(super) fn new(config: &Config) -> Self {
        let max = usize::try_from(config.max_header_bytes).ok().filter(|max| *max > 0);
        Self { head_max: max.unwrap_or(HEAD_MAX) }
    }

    /// Answers and ends a connection that speaks plain HTTP.
    pub(super) async fn admit(&self, conn: &mut Conn) -> bool {
        while conn.waiting().len() < 5 {
            if !matches!(conn.fill().await, Ok(true)) {
                return false;
            }
        }
        if !BEGINNINGS.contains(&&conn.waiting()[..5]) {
            return true;
        }
        let head = loop {
            let seen = conn.waiting();
            if let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") {
                break String::from_utf8_lossy(&seen[..end]).into_owned();
            }
            if seen.len() > self.head_max || !matches!(conn.fill().await, Ok(true)) {
                return false;
            }
        };
        if let Some(answer) = redirect(&head) {
            // A client that does not take its answer is gone.
            let _ = conn.write_all(answer.as_bytes()).await;
            Shutdown::shutdown(conn).await;
        }
        false
    }
}

/// The answer to a head: the same host and target with HTTPS.
fn redirect(head: &str) -> Option<String> {
    let mut lines = head.split("\r\n");
    let target = lines.next()?.split(' ').nth(1)?;
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    })?;
    Some(format!(
        "HTTP/1.0 308 Permanent Redirect\r\nLocation: https://{host}{target}\r\n\
         Content-Length: 0\r\n\r\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_target_stay() {
        let answer = redirect("GET /a?b HTTP/1.1\r\nAccept: */*\r\nhost: a.test:8443");
        let expected = "HTTP/1.0 308 Permanent Redirect\r\n\
                        Location: https://a.test:8443/a?b\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(answer.as_deref(), Some(expected));
        assert_eq!(redirect("GET / HTTP/1.0"), None);
    }
}
