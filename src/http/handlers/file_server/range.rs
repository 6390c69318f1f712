//! `Range`: which bytes are asked for, and the form of an answer with several.

use http::HeaderValue;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

/// What a `Range` field asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ranges {
    /// Everything, also when the ranges together are longer than that.
    All,
    One(Range<u64>),
    Several(Vec<Range<u64>>),
    /// The field cannot be read.
    Malformed(&'static str),
    /// Nothing of what it names is there.
    Outside,
}

/// More ranges than a reader has a use for cost the disk more than the whole file.
const RANGES_MAX: usize = 100;

/// Reads a `Range` field for a file of `len` bytes.
pub(super) fn parse(field: &str, len: u64) -> Ranges {
    const MALFORMED: Ranges = Ranges::Malformed("invalid range");
    let Some(list) = field.strip_prefix("bytes=") else { return MALFORMED };
    let mut ranges = Vec::new();
    let mut any_outside = false;
    for spec in list.split(',').map(str::trim).filter(|s| !s.is_empty()) {
        let Some((first, last)) = spec.split_once('-') else { return MALFORMED };
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let range = if first.trim().is_empty() {
            let Some(suffix) = number(last) else { return MALFORMED };
            len.saturating_sub(suffix)..len
        } else {
            let Some(start) = number(first) else { return MALFORMED };
            let end = match last.trim() {
                "" => len,
                last => match number(last) {
                    Some(last) if last >= start => last.saturating_add(1).min(len),
                    _ => return MALFORMED,
                },
            };
            start..end
        };
        if range.start >= len { any_outside = true } else { ranges.push(range) }
    }
    let wanted: u64 = ranges.iter().fold(0, |sum, r| sum.saturating_add(r.end - r.start));
    match ranges.len() {
        // An empty file is sent whole.
        0 if len == 0 => Ranges::All,
        0 if any_outside => Ranges::Outside,
        0 => Ranges::All,
        _ if wanted > len => Ranges::All,
        RANGES_MAX.. => Ranges::All,
        1 => Ranges::One(ranges.remove(0)),
        _ => Ranges::Several(ranges),
    }
}

/// Sixty hexadecimal digits that no file is likely to have.
fn boundary() -> String {
    let digits = |_| format!("{:015x}", RandomState::new().hash_one(()) >> 4);
    (0..4).map(digits).collect()
}

/// An answer with several ranges.
pub(super) struct Multipart {
    /// The content type of the whole.
    pub(super) kind: String,
    pub(super) len: u64,
    /// What stands before each range, and the range.
    pub(super) parts: Vec<(Vec<u8>, Range<u64>)>,
    pub(super) end: Vec<u8>,
}

/// Lays out an answer with several ranges of a file of `len` bytes.
pub(super) fn multipart(ranges: &[Range<u64>], kind: Option<&HeaderValue>, len: u64) -> Multipart {
    let boundary = boundary();
    let mut parts = Vec::new();
    for (i, range) in ranges.iter().enumerate() {
        let mut before = if i == 0 { Vec::new() } else { b"\r\n".to_vec() };
        let (start, last) = (range.start, range.end - 1);
        let head = format!("--{boundary}\r\nContent-Range: bytes {start}-{last}/{len}\r\n");
        before.extend_from_slice(head.as_bytes());
        if let Some(kind) = kind {
            before.extend_from_slice(b"Content-Type: ");
            before.extend_from_slice(kind.as_bytes());
            before.extend_from_slice(b"\r\n");
        }
        before.extend_from_slice(b"\r\n");
        parts.push((before, range.clone()));
    }
    let end = format!("\r\n--{boundary}--\r\n").into_bytes();
    let sum: u64 = parts.iter().map(|(b, r)| b.len() as u64 + (r.end - r.start)).sum();
    Multipart {
        kind: format!("multipart/byteranges; boundary={boundary}"),
        len: sum + end.len() as u64,
        parts,
        end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: &str, expected: &Ranges) {
        assert_eq!(parse(field, 12), *expected, "{field}");
    }

    #[test]
    fn a_range_is_read_as_go_does() {
        check("bytes=0-4", &Ranges::One(0..5));
        check("bytes=6-", &Ranges::One(6..12));
        check("bytes=-3", &Ranges::One(9..12));
        check("bytes=5-500", &Ranges::One(5..12));
        check("bytes=50-60", &Ranges::Outside);
        check("bytes=4-2", &Ranges::Malformed("invalid range"));
        check("lines=0-4", &Ranges::Malformed("invalid range"));
        check("bytes=abc", &Ranges::Malformed("invalid range"));
        check("bytes=0-1,-2", &Ranges::Several(vec![0..2, 10..12]));
        check("bytes=0-11,0-11", &Ranges::All);
        check("bytes=0-1,50-60", &Ranges::One(0..2));
        let many = format!("bytes={}", "0-0,".repeat(101));
        assert_eq!(parse(&many, 1000), Ranges::All);
        check("bytes=, 2-3", &Ranges::One(2..4));
        assert_eq!(parse("bytes=0-4", 0), Ranges::All);
        assert_eq!(parse("bytes=0-18446744073709551615", 12), Ranges::One(0..12));
    }

    #[test]
    fn the_length_of_several_ranges_is_what_is_sent() {
        let parts = multipart(&[0..2, 4..6], Some(&HeaderValue::from_static("text/plain")), 12);
        let sent: u64 = parts.parts.iter().map(|(b, r)| b.len() as u64 + (r.end - r.start)).sum();
        assert_eq!(sent + parts.end.len() as u64, parts.len);
    }
}
