//! A watch over the framing of chunked bodies, while the session reads them.
//!
//! The session is lenient where a proxy in front may be lenient in another way: it takes a
//! size without digits, and ends a line of a chunk at the next CRLF, whatever stands before
//! it. Two readers that differ about where a body ends differ about where the next request
//! begins. So every byte passes here first, and nothing of a body goes on from the place
//! where it breaks RFC 9112 (section 7.1). The limits are Go's.

/// Bytes of a size with its extensions.
const LINE_MAX: usize = 4096;
/// Bytes of all sizes and extensions beyond what is usual for as much data.
const OVERHEAD_MAX: u64 = 16 * 1024;
/// Bytes of all trailer fields.
const TRAILER_MAX: usize = 4096;
/// Digits of a size.
const DIGITS_MAX: usize = 16;

/// How far a chunked body has come.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    state: State,
    /// Of the chunk.
    size: u64,
    /// Digits of the size.
    digits: usize,
    /// Bytes of the line, or of the trailer.
    len: usize,
    overhead: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// Spaces behind the size.
    Space,
    Extension,
    /// LF behind the size.
    SizeEnd,
    Data(u64),
    /// CR, then LF, behind the data.
    DataCr,
    DataLf,
    /// The first byte of a trailer field, or of the end.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    /// LF of the last line.
    Last,
}

/// What some bytes are to a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// All of them are a part of it.
    Part,
    /// It ends before this index.
    End(usize),
    /// It is no body any more from this index on.
    Broken(usize),
}

impl Chunks {
    /// Looks at the next bytes.
    pub(super) fn see(&mut self, bytes: &[u8]) -> Seen {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let State::Data(left) = self.state {
                let len = (bytes.len() - at).min(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - len as u64;
                self.state = if left == 0 { State::DataCr } else { State::Data(left) };
                at += len;
                continue;
            }
            match self.step(byte) {
                Some(State::Last) if self.state == State::Last => return Seen::End(at + 1),
                Some(next) => self.state = next,
                None => return Seen::Broken(at),
            }
            at += 1;
        }
        Seen::Part
    }

    /// The state after one byte of framing; `Last` after `Last` is the end, and nothing is
    /// what cannot follow.
    fn step(&mut self, byte: u8) -> Option<State> {
        match (self.state, byte) {
            (State::Size | State::Space | State::Extension, _) => self.step_in_size(byte),
            (State::SizeEnd, b'\n') => self.begin_chunk(),
            (State::DataCr, b'\r') => Some(State::DataLf),
            (State::DataLf, b'\n') => {
                (self.size, self.digits, self.len) = (0, 0, 0);
                Some(State::Size)
            }
            (State::Last, b'\n') => Some(State::Last),
            (State::Trailer | State::TrailerName | State::TrailerValue | State::TrailerLf, _) => {
                self.step_in_trailer(byte)
            }
            _ => None,
        }
    }

    fn step_in_size(&mut self, byte: u8) -> Option<State> {
        self.len += 1;
        if self.len > LINE_MAX {
            return None;
        }
        match (self.state, byte) {
            (State::Size, b) if b.is_ascii_hexdigit() => {
                self.digits += 1;
                let digit = char::from(b).to_digit(16)?;
                self.size = self.size.checked_mul(16)? | u64::from(digit);
                (self.digits <= DIGITS_MAX && i64::try_from(self.size).is_ok())
                    .then_some(State::Size)
            }
            _ if self.digits == 0 => None,
            (_, b'\r') => Some(State::SizeEnd),
            (State::Extension, b) => is_text(b).then_some(State::Extension),
            (_, b';') => Some(State::Extension),
            (_, b' ' | b'\t') => Some(State::Space),
            _ => None,
        }
    }

    /// The state behind the line of a size.
    fn begin_chunk(&mut self) -> Option<State> {
        let usual = self.size.saturating_mul(2).saturating_add(16);
        self.overhead = (self.overhead + self.len as u64 + 1).saturating_sub(usual);
        if self.overhead > OVERHEAD_MAX {
            return None;
        }
        if self.size > 0 {
            return Some(State::Data(self.size));
        }
        self.len = 0;
        Some(State::Trailer)
    }

    fn step_in_trailer(&mut self, byte: u8) -> Option<State> {
        self.len += 1;
        if self.len > TRAILER_MAX {
            return None;
        }
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        match (self.state, byte) {
            (State::Trailer, b'\r') => Some(State::Last),
            (State::TrailerName, b':') => Some(State::TrailerValue),
            (State::Trailer | State::TrailerName, b) => is_name(b).then_some(State::TrailerName),
            (State::TrailerValue, b'\r') => Some(State::TrailerLf),
            (State::TrailerValue, b) => is_text(b).then_some(State::TrailerValue),
            (State::TrailerLf, b'\n') => Some(State::Trailer),
            _ => None,
        }
    }
}

/// Whether a byte may stand in the value of a field.
const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at a body in one piece, and byte by byte, which must be the same.
    #[track_caller]
    fn check(body: &str, expected: Seen) {
        assert_eq!(Chunks::default().see(body.as_bytes()), expected, "{body:?}");
        let mut chunks = Chunks::default();
        let seen = body.bytes().enumerate().find_map(|(at, b)| match chunks.see(&[b]) {
            Seen::Part => None,
            Seen::End(_) => Some(Seen::End(at + 1)),
            Seen::Broken(_) => Some(Seen::Broken(at)),
        });
        assert_eq!(seen.unwrap_or(Seen::Part), expected, "{body:?}, byte by byte");
    }

    #[test]
    fn a_body_ends_behind_its_last_chunk() {
        for body in [
            "0\r\n\r\n",
            "3\r\nabc\r\n0\r\n\r\n",
            "0003;a=b;c=\"d e\"\r\nabc\r\n00\r\n\r\n",
            "3 \t\r\nabc\r\n0 ;x\r\n\r\n",
            "a\r\n0\r\n\r\n01234\r\n0\r\nA: b\r\nC-d: \t\u{e4}\r\n\r\n",
        ] {
            check(body, Seen::End(body.len()));
            check(&format!("{body}GET / HTTP/1.1"), Seen::End(body.len()));
            check(&body[..body.len() - 1], Seen::Part);
        }
    }

    #[test]
    fn a_size_is_one_to_sixteen_digits_that_fit() {
        for (body, at) in [
            ("\r\n", 0),
            ("\n", 0),
            (" 3\r\n", 0),
            ("+3\r\n", 0),
            ("-3\r\n", 0),
            ("0x3\r\n", 1),
            ("1_0\r\n", 1),
            (";a\r\n", 0),
            ("00000000000000003\r\n", 16),
            ("ffffffffffffffff\r\n", 15),
            ("8000000000000000\r\n", 15),
        ] {
            check(body, Seen::Broken(at));
        }
        check("7fffffffffffffff\r\nabc", Seen::Part);
    }

    #[test]
    fn a_line_ends_with_both_its_bytes() {
        for (body, at) in [
            ("3\nabc\r\n", 1),
            ("3\rabc\r\n", 2),
            ("3;a\nabc\r\n", 3),
            ("3;a\rb\r\n", 4),
            ("3;\0\r\n", 2),
            ("3 a\r\n", 2),
            ("3\r\nabc\n0\r\n\r\n", 6),
            ("3\r\nabc0\r\n\r\n", 6),
            ("3\r\nabcd\r\n0\r\n\r\n", 6),
            ("3\r\nabc\r0\r\n\r\n", 7),
            ("0\r\n\n", 3),
            ("0\r\n\rx", 4),
            ("0\r\nX: t\n\n", 7),
            ("0\r\nX : t\r\n\r\n", 4),
            ("0\r\nX: t\r\n fold\r\n\r\n", 9),
            ("0\r\nnothing\r\n\r\n", 10),
            ("0\r\n: t\r\n\r\n", 3),
        ] {
            check(body, Seen::Broken(at));
        }
    }

    #[test]
    fn what_is_not_data_is_bounded() {
        check(&format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(5000)), Seen::Broken(LINE_MAX));
        let many = format!("1;{}\r\nx\r\n", "a".repeat(1000)).repeat(40);
        assert!(matches!(Chunks::default().see(many.as_bytes()), Seen::Broken(_)));
        let fair = "1\r\nx\r\n".repeat(100_000) + "0\r\n\r\n";
        assert_eq!(Chunks::default().see(fair.as_bytes()), Seen::End(fair.len()));
        let trailer = format!("0\r\n{}\r\n", "X: t\r\n".repeat(2000));
        check(&trailer, Seen::Broken(3 + TRAILER_MAX));
    }
}
