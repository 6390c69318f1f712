//! What a worker answers: heads and log lines.

use crate::codec::{Reader, Writer};
use crate::frame::FrameError;

/// Status and header lines of an answer. The bytes of the body follow it in the payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// The status as PHP has it; the server checks its range.
    pub status: u16,
    /// Lines as PHP holds them, `Name: value`; the server splits and checks them.
    pub lines: Vec<&'a [u8]>,
}

impl<'a> Head<'a> {
    /// Writes the head.
    pub fn encode(&self, w: &mut Writer) {
        w.u16(self.status);
        w.count(self.lines.len());
        for line in &self.lines {
            w.str(line);
        }
    }

    /// Reads a head and what follows it.
    pub fn decode(payload: &'a [u8]) -> Result<(Self, &'a [u8]), FrameError> {
        let mut r = Reader::new(payload, "RESPONSE");
        let mut head = Self { status: r.u16()?, lines: Vec::new() };
        for _ in 0..r.u16()? {
            head.lines.push(r.str()?);
        }
        Ok((head, r.rest()))
    }
}

/// Where a log line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Source {
    /// `error_log()` and the engine's own messages; `level` is syslog's (0 to 7).
    ErrorLog = 0,
    /// `frankenphp_log()`; `level` is slog's (-4 debug, 0 info, 4 warn, 8 error), any integer.
    Call = 1,
    /// Output of a worker script outside a request; `level` is 6.
    Output = 2,
}

/// A line for the server's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log<'a> {
    /// Who wrote it.
    pub source: Source,
    /// How bad it is, on the scale of its source.
    pub level: i64,
    /// The text.
    pub message: &'a [u8],
    /// A JSON object with more fields, or nothing.
    pub context: &'a [u8],
}

impl<'a> Log<'a> {
    /// Writes the payload.
    pub fn encode(&self, w: &mut Writer) {
        w.u8(self.source as u8);
        w.i64(self.level);
        w.str(self.message);
        w.str(self.context);
    }

    /// Reads a payload.
    pub fn decode(payload: &'a [u8]) -> Result<Self, FrameError> {
        let mut r = Reader::new(payload, "LOG");
        let source = match r.u8()? {
            0 => Source::ErrorLog,
            1 => Source::Call,
            2 => Source::Output,
            _ => return Err(r.malformed()),
        };
        Ok(Self { source, level: r.i64()?, message: r.str()?, context: r.str()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_and_the_body_behind_it_arrive() {
        let head = Head { status: 404, lines: vec![b"X-A: b", b"no colon"] };
        let mut w = Writer::default();
        head.encode(&mut w);
        w.0.extend_from_slice(b"body");
        assert_eq!(Head::decode(&w.0).expect("well-formed"), (head, &b"body"[..]));
    }

    #[test]
    fn a_log_line_arrives() {
        let log = Log { source: Source::Call, level: -4, message: b"m", context: b"{}" };
        let mut w = Writer::default();
        log.encode(&mut w);
        assert_eq!(Log::decode(&w.0).expect("well-formed"), log);
    }
}
