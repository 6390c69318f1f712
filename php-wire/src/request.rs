//! The payload of `REQUEST`: everything PHP wants to know before a script runs.

use crate::codec::{Reader, Writer};
use crate::frame::FrameError;
use crate::known;

/// One request on its way to a worker. All strings are bytes: a URI or a header need not be UTF-8.
#[derive(Clone, Debug, Default)]
pub struct Head<'a> {
    /// HTTP's version as PHP counts it: 1000, 1001, 2000, 3000.
    pub proto: u16,
    /// When the request was accepted, in nanoseconds since 1970.
    pub accepted_ns: u64,
    /// The announced length of the body, -1 when it is chunked.
    pub content_length: i64,
    /// The method.
    pub method: &'a [u8],
    /// Path and query as the client sent them.
    pub request_uri: &'a [u8],
    /// The query without `?`.
    pub query: &'a [u8],
    /// The script's file.
    pub script: &'a [u8],
    /// `PATH_TRANSLATED`, when there is a `PATH_INFO`.
    pub path_translated: Option<&'a [u8]>,
    /// `Content-Type`.
    pub content_type: Option<&'a [u8]>,
    /// All `Cookie` lines, joined with `; `.
    pub cookie: Option<&'a [u8]>,
    /// `Authorization`.
    pub authorization: Option<&'a [u8]>,
    /// The values of [`known::VARS`] in that order; an absent one is not set in `$_SERVER`.
    pub vars: [Option<&'a [u8]>; known::VARS.len()],
    /// Headers: number in [`known::HEADERS`] plus 1 and an empty name, or 0 and the
    /// name in canonical case; the values of repeated headers are joined with `, `.
    pub headers: Vec<(u16, &'a [u8], &'a [u8])>,
    /// The `env` of the php handler; it goes to `$_SERVER` last and to `getenv`.
    pub env: Vec<(&'a [u8], &'a [u8])>,
    /// Whether `body` is the whole body.
    pub body_complete: bool,
    /// The body's first bytes, at most [`crate::frame::INLINE_BODY_MAX`].
    pub body: &'a [u8],
    /// All of this as it travels, if it was written before: of the rest, who sends it needs
    /// only what it asks for itself.
    pub written: Option<&'a [u8]>,
}

impl<'a> Head<'a> {
    /// Writes the payload.
    pub fn encode(&self, w: &mut Writer) {
        if let Some(written) = self.written {
            w.0.extend_from_slice(written);
            return;
        }
        self.encode_head(w);
        w.u8(u8::from(self.body_complete));
        w.0.extend_from_slice(self.body);
    }

    /// Writes the payload as far as the body: one byte that says whether the body is
    /// complete, and the body, are to follow.
    pub fn encode_head(&self, w: &mut Writer) {
        w.u16(self.proto);
        w.u64(self.accepted_ns);
        w.i64(self.content_length);
        for s in [self.method, self.request_uri, self.query, self.script] {
            w.str(s);
        }
        for s in [self.path_translated, self.content_type, self.cookie, self.authorization] {
            w.opt(s);
        }
        for v in self.vars {
            w.opt(v);
        }
        w.count(self.headers.len());
        for (number, name, value) in &self.headers {
            w.u16(*number);
            if *number == 0 {
                w.str(name);
            }
            w.str(value);
        }
        w.count(self.env.len());
        for (name, value) in &self.env {
            w.str(name);
            w.str(value);
        }
    }

    /// Reads a payload.
    pub fn decode(payload: &'a [u8]) -> Result<Self, FrameError> {
        let mut r = Reader::new(payload, "REQUEST");
        let mut head = Self {
            proto: r.u16()?,
            accepted_ns: r.u64()?,
            content_length: r.i64()?,
            method: r.str()?,
            request_uri: r.str()?,
            query: r.str()?,
            script: r.str()?,
            path_translated: r.opt()?,
            content_type: r.opt()?,
            cookie: r.opt()?,
            authorization: r.opt()?,
            ..Self::default()
        };
        for v in &mut head.vars {
            *v = r.opt()?;
        }
        for _ in 0..r.u16()? {
            let number = r.u16()?;
            if usize::from(number) > known::HEADERS.len() {
                return Err(r.malformed());
            }
            let name = if number == 0 { r.str()? } else { b"" };
            head.headers.push((number, name, r.str()?));
        }
        for _ in 0..r.u16()? {
            head.env.push((r.str()?, r.str()?));
        }
        head.body_complete = r.u8()? != 0;
        head.body = r.rest();
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut head = Head {
            proto: 1001,
            content_length: 3,
            method: b"POST",
            request_uri: b"/a.php?x=1",
            query: b"x=1",
            script: b"/srv/a.php",
            content_type: Some(b"text/plain"),
            headers: vec![(1, b"", b"*/*"), (0, b"X-Odd", b"\xff")],
            env: vec![(b"K", b"v")],
            body_complete: true,
            body: b"abc",
            ..Head::default()
        };
        head.vars[0] = Some(b"3");
        let mut w = Writer::default();
        head.encode(&mut w);
        w.0
    }

    #[test]
    fn what_was_written_before_is_passed_on() {
        let bytes = sample();
        let mut w = Writer::default();
        Head { written: Some(&bytes), ..Head::default() }.encode(&mut w);
        assert_eq!(w.0, bytes);
    }

    #[test]
    fn a_request_arrives_as_it_was_sent() {
        let bytes = sample();
        let got = Head::decode(&bytes).expect("well-formed");
        assert_eq!(
            (got.method, got.body, got.vars[0]),
            (&b"POST"[..], &b"abc"[..], Some(&b"3"[..]))
        );
        assert_eq!(got.headers[1], (0, &b"X-Odd"[..], &b"\xff"[..]));
        let mut again = Writer::default();
        got.encode(&mut again);
        assert_eq!(again.0, bytes);
    }

    #[test]
    fn a_request_cut_short_anywhere_is_refused_or_has_a_shorter_body() {
        let bytes = sample();
        for cut in 0..bytes.len() - 3 {
            assert!(Head::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
