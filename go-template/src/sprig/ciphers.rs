//! Encrypted texts, and passwords that are made of one password.

use super::Plain;
use super::crypto::random;
use crate::{Error, Result, Value};
use aes::Aes256;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit, block_padding::Pkcs7};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("encryptAES", |a| encrypt(&a.text(0)?, &a.text(1)?)),
    ("decryptAES", |a| decrypt(&a.text(0)?, &a.text(1)?)),
    ("derivePassword", |a| {
        let counter = u32::try_from(a.int(0)?).unwrap_or(0);
        derive(counter, &a.text(1)?, [&a.text(2)?, &a.text(3)?, &a.text(4)?])
    }),
];

/// An initial vector, or a block.
const BLOCK: usize = 16;

/// A password's first 32 bytes, filled up with zeros, which is what Sprig takes for a key.
fn key(password: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.iter_mut().zip(password.bytes()).for_each(|(to, from)| *to = from);
    key
}

/// AES-256-CBC with a random vector before the text, in Base64.
fn encrypt(password: &str, text: &str) -> Result<Value> {
    if text.is_empty() {
        return Ok("".into());
    }
    let mut out = random(BLOCK)?;
    let vector: [u8; BLOCK] = out.as_slice().try_into().expect("so many bytes were asked for");
    let cipher = cbc::Encryptor::<Aes256>::new(&key(password).into(), &vector.into());
    out.extend(cipher.encrypt_padded_vec_mut::<Pkcs7>(text.as_bytes()));
    Ok(STANDARD.encode(out).into())
}

fn decrypt(password: &str, encoded: &str) -> Result<Value> {
    if encoded.is_empty() {
        return Ok("".into());
    }
    let bytes = STANDARD.decode(encoded).map_err(|e| Error::new(e.to_string()))?;
    let short = || Error::new("the encrypted text is too short");
    let (vector, rest) = bytes.split_first_chunk::<BLOCK>().ok_or_else(short)?;
    let cipher = cbc::Decryptor::<Aes256>::new(&key(password).into(), vector.into());
    let text = cipher.decrypt_padded_vec_mut::<Pkcs7>(rest);
    let text = text.map_err(|_| Error::new("the text was not encrypted with this password"))?;
    Ok(String::from_utf8_lossy(&text).as_ref().into())
}

/// What kinds of passwords there are, and the forms of each.
const FORMS: [(&str, &[&str]); 6] = [
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

/// The letters that a letter of a form stands for.
const fn letters(class: u8) -> &'static [u8] {
    match class {
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// A site's password by the Master Password algorithm, version 3.
fn derive(counter: u32, kind: &str, [password, user, site]: [&str; 3]) -> Result<Value> {
    const SCOPE: &[u8] = b"com.lyndir.masterpassword";
    let Some((_, forms)) = FORMS.iter().find(|(name, _)| *name == kind) else {
        return Ok(format!("cannot find password template {kind}").into());
    };
    let sized = |text: &str| {
        let len = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
        [SCOPE, &len, text.as_bytes()].concat()
    };
    let failed = || Error::new("failed to derive password");
    let cost = scrypt::Params::new(15, 8, 2, 64).map_err(|_| failed())?;
    let mut key = [0; 64];
    scrypt::scrypt(password.as_bytes(), &sized(user), &cost, &mut key).map_err(|_| failed())?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let seed = hmac::sign(&key, &[sized(site), counter.to_be_bytes().to_vec()].concat());
    let Some((first, rest)) = seed.as_ref().split_first() else { return Err(failed()) };
    let form = forms[usize::from(*first) % forms.len()];
    let letter = |(class, byte): (u8, &u8)| {
        let letters = letters(class);
        char::from(letters[usize::from(*byte) % letters.len()])
    };
    Ok(form.bytes().zip(rest).map(letter).collect::<String>().into())
}
