//! Files that lie beside a file and say more of it: the same compressed, or its `ETag`.

use super::hide::Hidden;
use super::read::{self, Kind};
use crate::blocking;
use crate::config::handlers::FileServer as Config;
use crate::http::exchange::{Exchange, Failure};
use crate::http::handlers::encode::negotiate::{self, Encoding};
use http::HeaderValue;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;

/// A tag is not longer.
const TAG_MAX: u64 = 4096;

/// The compressed files that a handler looks for, the preferred ones first.
#[derive(Debug)]
pub(super) struct Sidecars(Vec<Encoding>);

/// A compressed file that is sent instead.
pub(super) struct Sidecar {
    pub(super) encoding: Encoding,
    pub(super) name: Vec<u8>,
    pub(super) file: read::File,
    pub(super) meta: Metadata,
}

impl Sidecars {
    /// # Errors
    /// The encoding in `precompressed_order` that is not configured or not known.
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let formats = &config.precompressed;
        let is_on = |encoding: &Encoding| match encoding {
            Encoding::Brotli => formats.br.is_some(),
            Encoding::Gzip => formats.gzip.is_some(),
            Encoding::Zstd => formats.zstd.is_some(),
        };
        let mut order = Vec::new();
        for name in &config.precompressed_order {
            let encoding = Encoding::parse(name).filter(is_on);
            order.push(encoding.ok_or_else(|| format!("encoding \"{name}\" is not configured"))?);
        }
        let mut rest: Vec<_> = Encoding::USUAL.into_iter().filter(is_on).collect();
        rest.retain(|encoding| !order.contains(encoding));
        order.append(&mut rest);
        Ok(Self(order))
    }

    /// The compressed form of a file that the client likes best of those that are there.
    pub(super) fn find(&self, ex: &Exchange<'_>, name: &[u8], hidden: &Hidden) -> Option<Sidecar> {
        let accepted = negotiate::accepted(ex.headers(), &self.0);
        accepted.into_iter().find_map(|encoding| {
            let name = [name, suffix(encoding)].concat();
            if hidden.hides(&name) {
                return None;
            }
            match read::find(&name) {
                Ok(Some(Kind::File(file, meta))) => Some(Sidecar { encoding, name, file, meta }),
                _ => None,
            }
        })
    }
}

const fn suffix(encoding: Encoding) -> &'static [u8] {
    match encoding {
        Encoding::Brotli => b".br",
        Encoding::Gzip => b".gz",
        Encoding::Zstd => b".zst",
    }
}

/// The tag that a file beside this one holds; the first of these extensions that is there.
///
/// # Errors
/// When it is there and cannot be read.
pub(super) fn tag(name: &[u8], extensions: &[String]) -> Result<Option<HeaderValue>, Failure> {
    for extension in extensions {
        let name = [name, extension.as_bytes()].concat();
        let read: io::Result<_> = blocking::look(|| {
            let mut tag = Vec::new();
            std::fs::File::open(OsStr::from_bytes(&name))?.take(TAG_MAX).read_to_end(&mut tag)?;
            Ok(tag)
        });
        match read {
            Ok(mut tag) => {
                tag.retain(|b| *b != b'\n');
                let tag = (!tag.is_empty()).then(|| super::super::headers::value(&tag));
                return Ok(tag);
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => {
                let name = String::from_utf8_lossy(&name);
                let text = format!("cannot read etag from file {name}: {e}");
                return Err(Failure::error(500, text));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &str, expected: Result<&[&str], &str>) {
        let config = serde_json::from_str(config).expect("the case is right JSON");
        let sidecars = Sidecars::new(&config);
        let names = sidecars.as_ref().map(|s| s.0.iter().map(|e| e.name()).collect::<Vec<_>>());
        let expected = expected.map(<[_]>::to_vec).map_err(str::to_owned);
        assert_eq!(names.map_err(Clone::clone), expected);
    }

    #[test]
    fn the_order_is_of_what_is_configured() {
        check(
            r#"{"precompressed":{"gzip":{},"br":{}},"precompressed_order":["gzip"]}"#,
            Ok(&["gzip", "br"]),
        );
        check(
            r#"{"precompressed":{"gzip":{}},"precompressed_order":["br"]}"#,
            Err("encoding \"br\" is not configured"),
        );
    }
}
