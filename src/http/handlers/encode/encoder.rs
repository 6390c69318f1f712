//! The encoders: bytes in, compressed bytes out.
//!
//! What one of them may keep of a body is bounded, as each answer in flight has its own:
//! windows are 128 KiB for Zstandard, as in Caddy, and 256 KiB for Brotli unless the
//! configuration says otherwise; gzip's are 32 KiB.

use super::negotiate::Encoding;
use crate::config::handlers::{Brotli, Encodings, Gzip, Zstd};
use brotli::CompressorWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write as _};
use zstd::zstd_safe::CParameter;

/// Caddy's default; more gains little and costs much.
const GZIP_LEVEL: u32 = 5;
/// Brotli's quality when none is configured.
const BROTLI_QUALITY: i64 = 6;
/// The window of Brotli when none is configured, as a power of two.
const BROTLI_WINDOW: u32 = 18;
/// The smallest window of Brotli.
const BROTLI_WINDOW_MIN: u32 = 10;
/// The window of Zstandard, as a power of two.
const ZSTD_WINDOW: u32 = 17;
/// The smallest window of Zstandard.
const ZSTD_WINDOW_MIN: u32 = 10;
/// Brotli collects this much before it gives it to us.
const BROTLI_BUFFER: usize = 4096;

/// How one encoding is made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Settings {
    Brotli {
        quality: u32,
        /// The window as a power of two; the length of the body decides when absent.
        window: Option<u32>,
    },
    Gzip(Compression),
    Zstd {
        level: i32,
        checksum: bool,
    },
}

/// What makes one body smaller.
pub(super) enum Encoder {
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Settings {
    /// The settings of an encoding, if it is configured.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn of(encoding: Encoding, config: &Encodings) -> Option<Result<Self, String>> {
        match encoding {
            Encoding::Brotli => config.br.as_ref().map(Self::brotli),
            Encoding::Gzip => config.gzip.as_ref().map(Self::gzip),
            Encoding::Zstd => config.zstd.as_ref().map(Self::zstd),
        }
    }

    /// The encoding that they are of.
    pub(super) const fn encoding(self) -> Encoding {
        match self {
            Self::Brotli { .. } => Encoding::Brotli,
            Self::Gzip(_) => Encoding::Gzip,
            Self::Zstd { .. } => Encoding::Zstd,
        }
    }

    fn brotli(config: &Brotli) -> Result<Self, String> {
        let quality = config.quality.unwrap_or(BROTLI_QUALITY);
        let quality = u32::try_from(quality).ok().filter(|quality| *quality <= 11);
        let quality = quality.ok_or_else(|| {
            let quality = config.quality.unwrap_or_default();
            format!("br: quality {quality} is not within 0 and 11")
        })?;
        let window = match u32::try_from(config.lgwin) {
            Ok(0) => None,
            Ok(window @ 10..=24) => Some(window),
            _ => return Err(format!("br: window {} is not within 10 and 24", config.lgwin)),
        };
        Ok(Self::Brotli { quality, window })
    }

    fn gzip(config: &Gzip) -> Result<Self, String> {
        match config.level {
            0 => Ok(Self::Gzip(Compression::new(GZIP_LEVEL))),
            level @ 1..=9 => {
                Ok(Self::Gzip(Compression::new(u32::try_from(level).unwrap_or(GZIP_LEVEL))))
            }
            level => Err(format!("gzip: compression level {level} is not within 1 and 9")),
        }
    }

    fn zstd(config: &Zstd) -> Result<Self, String> {
        let level = match config.level.as_str() {
            "fastest" => 1,
            "" | "default" => 3,
            "better" => 7,
            "best" => 11,
            level => return Err(format!("zstd: unknown compression level \"{level}\"")),
        };
        Ok(Self::Zstd { level, checksum: config.checksum.unwrap_or(true) })
    }

    /// An encoder for a body, whose length may be known.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn encoder(self, len: Option<u64>) -> io::Result<Encoder> {
        let needed = |min: u32, max: u32| len.map_or(max, |len| window(len).clamp(min, max));
        match self {
            Self::Gzip(level) => Ok(Encoder::Gzip(GzEncoder::new(Vec::new(), level))),
            Self::Brotli { quality, window } => {
                let window = window.unwrap_or_else(|| needed(BROTLI_WINDOW_MIN, BROTLI_WINDOW));
                let writer = CompressorWriter::new(Vec::new(), BROTLI_BUFFER, quality, window);
                Ok(Encoder::Brotli(Box::new(writer)))
            }
            Self::Zstd { level, checksum } => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), level)?;
                let window = needed(ZSTD_WINDOW_MIN, ZSTD_WINDOW);
                encoder.set_parameter(CParameter::WindowLog(window))?;
                encoder.include_checksum(checksum)?;
                Ok(Encoder::Zstd(encoder))
            }
        }
    }
}

/// The power of two that holds so many bytes.
fn window(len: u64) -> u32 {
    u64::BITS - len.saturating_sub(1).leading_zeros()
}

impl Encoder {
    /// Takes a part of the body; what can be said of it so far comes back. With `flush` that
    /// is all of it.
    ///
    /// # Errors
    /// When there is no memory.
    pub(super) fn write(&mut self, data: &[u8], flush: bool) -> io::Result<Vec<u8>> {
        match self {
            Self::Brotli(encoder) => {
                encoder.write_all(data)?;
                if flush {
                    encoder.flush()?;
                }
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Gzip(encoder) => {
                encoder.write_all(data)?;
                if flush {
                    encoder.flush()?;
                }
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Zstd(encoder) => {
                encoder.write_all(data)?;
                if flush {
                    encoder.flush()?;
                }
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    /// Takes the last part of the body.
    ///
    /// # Errors
    /// When there is no memory.
    pub(super) fn finish(mut self, data: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = self.write(data, false)?;
        let rest = match self {
            Self::Brotli(encoder) => encoder.into_inner(),
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        if out.is_empty() {
            return Ok(rest);
        }
        out.extend_from_slice(&rest);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn decode(encoding: Encoding, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let read = match encoding {
            Encoding::Brotli => brotli::Decompressor::new(data, 4096).read_to_end(&mut out),
            Encoding::Gzip => flate2::read::GzDecoder::new(data).read_to_end(&mut out),
            Encoding::Zstd => zstd::stream::read::Decoder::new(data)
                .and_then(|mut decoder| decoder.read_to_end(&mut out)),
        };
        // Of a stream that goes on, what is there was read.
        let _ = read;
        out
    }

    fn usual(encoding: Encoding) -> Settings {
        let all = Encodings {
            br: Some(Brotli::default()),
            gzip: Some(Gzip::default()),
            zstd: Some(Zstd::default()),
        };
        Settings::of(encoding, &all).expect("it is configured").expect("defaults are right")
    }

    #[test]
    fn what_is_flushed_can_be_read_before_the_end_and_the_end_closes_it() {
        for encoding in Encoding::USUAL {
            let mut encoder = usual(encoding).encoder(None).expect("memory");
            let mut sent = encoder.write(b"first ", true).expect("memory");
            assert_eq!(decode(encoding, &sent), b"first ", "{encoding:?}");
            sent.extend(encoder.finish(b"second").expect("memory"));
            assert_eq!(decode(encoding, &sent), b"first second", "{encoding:?}");
        }
    }

    #[test]
    fn a_body_longer_than_its_window_comes_out_as_it_went_in() {
        let body: Vec<u8> = (0..700_000_u32).flat_map(|n| (n % 97).to_le_bytes()).collect();
        for encoding in Encoding::USUAL {
            let mut encoder = usual(encoding).encoder(Some(100)).expect("memory");
            let mut sent = Vec::new();
            for part in body.chunks(65_536) {
                sent.extend(encoder.write(part, false).expect("memory"));
            }
            sent.extend(encoder.finish(b"").expect("memory"));
            assert!(sent.len() < body.len() / 2, "{encoding:?} {}", sent.len());
            assert_eq!(decode(encoding, &sent), body, "{encoding:?}");
        }
    }

    #[test]
    fn a_window_is_as_large_as_the_body() {
        assert_eq!([1, 2, 3, 1024, 1025].map(window), [0, 1, 2, 10, 11]);
        assert_eq!(window(u64::MAX), 64);
    }
}
