//! Hashes, passwords and random numbers.

use super::Plain;
use super::args::Args;
use crate::{Error, Result, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use sha1::Digest;

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("sha1sum", |a| Ok(HEXLOWER.encode(&sha1::Sha1::digest(a.text(0)?)).into())),
    ("sha256sum", |a| Ok(HEXLOWER.encode(&sha2::Sha256::digest(a.text(0)?)).into())),
    ("sha512sum", |a| Ok(HEXLOWER.encode(&sha2::Sha512::digest(a.text(0)?)).into())),
    ("adler32sum", |a| Ok(adler32(a.text(0)?.as_bytes()).to_string().into())),
    ("bcrypt", |a| Ok(hashed(&a.text(0)?)?.into())),
    ("htpasswd", htpasswd),
    ("randBytes", |a| Ok(STANDARD.encode(random(a.size(0)?)?).into())),
    ("uuidv4", |_| Ok(uuid()?.into())),
];

/// What `bcrypt` costs: as much as Sprig's.
const COST: u32 = 10;

fn hashed(password: &str) -> Result<String> {
    bcrypt::hash(password, COST).map_err(|e| Error::new(format!("failed to encrypt: {e}")))
}

fn htpasswd(a: &Args<'_>) -> Result<Value> {
    let (user, password) = (a.text(0)?, a.text(1)?);
    if user.contains(':') {
        return Ok(format!("invalid username: {user}").into());
    }
    Ok(format!("{user}:{}", hashed(&password)?).into())
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let step = |(a, b): (u32, u32), byte: &u8| {
        let a = (a + u32::from(*byte)) % MODULUS;
        (a, (b + a) % MODULUS)
    };
    let (a, b) = bytes.iter().fold((1, 0), step);
    (b << 16) | a
}

pub(super) fn random(len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    getrandom::fill(&mut bytes).map_err(|e| Error::new(e.to_string()))?;
    Ok(bytes)
}

/// A random number below `limit`, which is not 0, each equally likely.
pub(super) fn random_below(limit: usize) -> Result<usize> {
    let limit = limit as u64;
    let fair = u64::MAX - u64::MAX % limit;
    loop {
        let bytes = random(8)?;
        let n = u64::from_le_bytes(bytes.try_into().expect("8 bytes were asked for"));
        if n < fair {
            return Ok(usize::try_from(n % limit).expect("it is below a usize"));
        }
    }
}

fn uuid() -> Result<String> {
    let mut b = random(16)?;
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex = HEXLOWER.encode(&b);
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(parts.join("-"))
}
