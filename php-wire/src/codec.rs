//! Reading and writing payloads: little-endian integers and strings.
//!
//! A string is its length as `u32`, its bytes, and a NUL that the length does not
//! count: a worker uses strings in place, and PHP wants them to end so.

use crate::frame::FrameError;

/// Writes a payload.
#[derive(Debug, Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    /// Appends one byte.
    pub fn u8(&mut self, v: u8) {
        self.0.push(v);
    }

    /// Appends two bytes.
    pub fn u16(&mut self, v: u16) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    /// Appends four bytes.
    pub fn u32(&mut self, v: u32) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    /// Appends eight bytes.
    pub fn u64(&mut self, v: u64) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    /// Appends eight bytes of a signed number.
    pub fn i64(&mut self, v: i64) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    /// Appends a string. Nothing that travels comes near 4 GiB; longer is cut there.
    pub fn str(&mut self, s: &[u8]) {
        let len = u32::try_from(s.len()).unwrap_or(u32::MAX);
        self.0.reserve(len as usize + 5);
        self.u32(len);
        self.0.extend_from_slice(&s[..len as usize]);
        self.0.push(0);
    }

    /// Appends a string that may be absent, or, which is as short, empty.
    pub fn opt(&mut self, s: Option<&[u8]>) {
        match s {
            None => self.u8(0),
            Some(b"") => self.u8(2),
            Some(s) => {
                self.u8(1);
                self.str(s);
            }
        }
    }

    /// Appends a count, at most 65,535.
    ///
    /// # Panics
    /// When the count is larger, which limits on heads make impossible.
    pub fn count(&mut self, n: usize) {
        self.u16(u16::try_from(n).expect("heads hold fewer than 65,536 entries"));
    }
}

/// Reads a payload; every method fails when it ends early.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader over `payload`; `what` names it in errors.
    pub const fn new(payload: &'a [u8], what: &'static str) -> Self {
        Self { rest: payload, what }
    }

    /// The error for this payload.
    pub const fn malformed(&self) -> FrameError {
        FrameError::Payload(self.what)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(self.malformed())?;
        self.rest = rest;
        Ok(*head)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, FrameError> {
        self.array::<1>().map(|[b]| b)
    }

    /// The next two bytes.
    pub fn u16(&mut self) -> Result<u16, FrameError> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next four bytes.
    pub fn u32(&mut self) -> Result<u32, FrameError> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next eight bytes.
    pub fn u64(&mut self) -> Result<u64, FrameError> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next eight bytes as a signed number.
    pub fn i64(&mut self) -> Result<i64, FrameError> {
        self.array().map(i64::from_le_bytes)
    }

    /// The next string; a NUL follows it in memory.
    pub fn str(&mut self) -> Result<&'a [u8], FrameError> {
        let len = self.u32()? as usize;
        let Some((s, rest)) = self.rest.split_at_checked(len) else { return Err(self.malformed()) };
        let [0, rest @ ..] = rest else { return Err(self.malformed()) };
        self.rest = rest;
        Ok(s)
    }

    /// The next string, if it is there.
    pub fn opt(&mut self) -> Result<Option<&'a [u8]>, FrameError> {
        match self.u8()? {
            0 => Ok(None),
            1 => self.str().map(Some),
            2 => Ok(Some(&b"\0"[..0])),
            _ => Err(self.malformed()),
        }
    }

    /// Whatever was not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}
