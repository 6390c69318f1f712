//! A content type by the first bytes of a body, as Go's `DetectContentType` finds it: the
//! algorithm of the WHATWG's MIME Sniffing Standard without its tables for fonts in frames.

/// No more bytes than these are looked at.
const LEN: usize = 512;

/// Tags with which a page begins, in any case; behind them comes a space or `>`.
const PAGES: [&[u8]; 17] = [
    b"<!DOCTYPE HTML",
    b"<HTML",
    b"<HEAD",
    b"<SCRIPT",
    b"<IFRAME",
    b"<H1",
    b"<DIV",
    b"<FONT",
    b"<TABLE",
    b"<A",
    b"<STYLE",
    b"<TITLE",
    b"<B",
    b"<BODY",
    b"<BR",
    b"<P",
    b"<!--",
];

/// Bytes with which a body begins, and what it is then.
const BEGINNINGS: [(&[u8], &str); 22] = [
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xfe\xff", "text/plain; charset=utf-16be"),
    (b"\xff\xfe", "text/plain; charset=utf-16le"),
    (b"\xef\xbb\xbf", "text/plain; charset=utf-8"),
    (b"\0\0\x01\0", "image/x-icon"),
    (b"\0\0\x02\0", "image/x-icon"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"ID3", "audio/mpeg"),
    (b"OggS\0", "application/ogg"),
    (b"MThd\0\0\0\x06", "audio/midi"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"\0\x01\0\0", "font/ttf"),
    (b"OTTO", "font/otf"),
    (b"ttcf", "font/collection"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\0asm", "application/wasm"),
];

/// Archives, which come after media.
const ARCHIVES: [(&[u8], &str); 4] = [
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1a\x07\0", "application/x-rar-compressed"),
    (b"Rar!\x1a\x07\x01\0", "application/x-rar-compressed"),
];

/// Kinds of RIFF, by what stands at its eighth byte.
const RIFFS: [(&[u8], &str); 3] =
    [(b"AVI ", "video/avi"), (b"WAVE", "audio/wave"), (b"WEBPVP", "image/webp")];

/// The content type of a body that begins so.
pub(in crate::http) fn content_type(body: &[u8]) -> &'static str {
    let body = &body[..body.len().min(LEN)];
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0c);
    let text = &body[body.iter().position(|b| !blank(b)).unwrap_or(body.len())..];
    if PAGES.iter().any(|tag| is_page(text, tag)) {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    let begins = |table: &[(&[u8], &'static str)], bytes: &[u8]| {
        table.iter().find(|(beginning, _)| bytes.starts_with(beginning)).map(|(_, kind)| *kind)
    };
    let riff = || begins(&RIFFS, body.strip_prefix(b"RIFF")?.get(4..)?);
    let aiff = || {
        let is_aiff = body.starts_with(b"FORM") && body.get(8..12) == Some(b"AIFF");
        is_aiff.then_some("audio/aiff")
    };
    begins(&BEGINNINGS, body)
        .or_else(riff)
        .or_else(aiff)
        .or_else(|| is_mp4(body).then_some("video/mp4"))
        .or_else(|| begins(&ARCHIVES, body))
        .unwrap_or_else(|| {
            let is_binary =
                body.iter().any(|b| matches!(b, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f));
            if is_binary { "application/octet-stream" } else { "text/plain; charset=utf-8" }
        })
}

fn is_page(text: &[u8], tag: &[u8]) -> bool {
    let Some((start, rest)) = text.split_at_checked(tag.len()) else { return false };
    start.eq_ignore_ascii_case(tag) && matches!(rest.first(), Some(b' ' | b'>'))
}

/// Whether a box of type `ftyp` names a brand of MP4.
fn is_mp4(body: &[u8]) -> bool {
    let Some((len, rest)) = body.split_first_chunk() else { return false };
    let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
    if len > body.len() || len % 4 != 0 || !rest.starts_with(b"ftyp") {
        return false;
    }
    // The third group is a version, not a brand.
    let brands = body[..len].chunks_exact(4).enumerate().skip(2).filter(|(at, _)| *at != 3);
    brands.map(|(_, brand)| brand).any(|brand| brand.starts_with(b"mp4"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8], expected: &str) {
        assert_eq!(content_type(body), expected);
    }

    #[test]
    fn a_body_is_known_by_its_first_bytes() {
        check(b"", "text/plain; charset=utf-8");
        check("Lizenz für alle\n".as_bytes(), "text/plain; charset=utf-8");
        check(b"\n <!doctype html>", "text/html; charset=utf-8");
        check(b"<br>", "text/html; charset=utf-8");
        check(b"<brown>", "text/plain; charset=utf-8");
        check(b" <?xml version", "text/xml; charset=utf-8");
        check(b"\x89PNG\r\n\x1a\n..", "image/png");
        check(b"RIFF1234WEBPVP8 ", "image/webp");
        check(b"\0\0\0\x18ftypisom\0\0\0\0mp42mp41", "video/mp4");
        check(b"\x1f\x8b\x08\0", "application/x-gzip");
        check(b"a\0b", "application/octet-stream");
    }
}
