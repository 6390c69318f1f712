//! Private keys in PEM: RSA, DSA, ECDSA and Ed25519.
//!
//! Each is written in the form that Go writes it in: RSA, DSA and ECDSA in their own, Ed25519
//! as PKCS #8. What is signed is signed by `ring`.

use super::Plain;
use super::crypto::random;
use crate::{Error, Result};
use der::asn1::{Any, BitString, Null, ObjectIdentifier, OctetString, UintRef};
use der::pem::{self, LineEnding};
use der::{Decode, Encode, Sequence};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair};
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::pkcs8::PrivateKeyInfo;
use rsa::{BigUint, RsaPrivateKey};
use x509_cert::spki::{
    AlgorithmIdentifierOwned, AlgorithmIdentifierRef, SubjectPublicKeyInfoOwned,
};

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] =
    &[("genPrivateKey", |a| Ok(generated(&a.text(0)?)?.into()))];

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A curve, its name, and how it signs.
type Curve = (ObjectIdentifier, &'static EcdsaSigningAlgorithm, ObjectIdentifier);

const CURVES: [Curve; 2] = [
    (
        ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"),
    ),
    (
        ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"),
    ),
];

/// The group of DSA keys: 2048 bits with a subgroup of 256 (RFC 5114, 2.3). To look for another
/// one takes seconds, and keys of one group are as safe as those of many.
const DSA_P: &[u8] = b"87A8E61DB4B6663CFFBBD19C651959998CEEF608660DD0F25D2CEED4435E3B00\
    E00DF8F1D61957D4FAF7DF4561B2AA3016C3D91134096FAA3BF4296D830E9A7C209E0C6497517ABD5A8A9D306BCF\
    67ED91F9E6725B4758C022E0B1EF4275BF7B6C5BFC11D45F9088B941F54EB1E59BB8BC39A0BF12307F5C4FDB70C5\
    81B23F76B63ACAE1CAA6B7902D52526735488A0EF13C6D9A51BFA4AB3AD8347796524D8EF6A167B5A41825D967E1\
    44E5140564251CCACB83E6B486F6B3CA3F7971506026C0B857F689962856DED4010ABD0BE621C3A3960A54E710C3\
    75F26375D7014103A4B54330C198AF126116D2276E11715F693877FAD7EF09CADB094AE91E1A1597";
const DSA_G: &[u8] = b"3FB32C9B73134D0B2E77506660EDBD484CA7B18F21EF205407F4793A1A0BA125\
    10DBC15077BE463FFF4FED4AAC0BB555BE3A6C1B0C6B47B1BC3773BF7E8C6F62901228F8C28CBB18A55AE3134100\
    0A650196F931C77A57F2DDF463E5E9EC144B777DE62AAAB8A8628AC376D282D6ED3864E67982428EBC831D14348F\
    6F2F9193B5045AF2767164E1DFC967C1FB3F2E55A4BD1BFFE83B9C80D052B985D182EA0ADB2A3B7313D3FE14C848\
    4B1E052588B9B7D2BBD2DF016199ECD06E1557CD0915B3353BBB64E0EC377FD028370DF92B52C7891428CDC67EB6\
    184B523D1DB246C32F63078490F00EF8D647D148D47954515E2327CFEF98C582664B4C0F6CC41659";
const DSA_Q: &[u8] = b"8CF83642A709A097B447997640129DA299B1A47D1EB3750BA308B0FE64F5FBD3";

/// An ECDSA key (RFC 5915).
#[derive(Sequence)]
struct EcKey {
    version: u8,
    private: OctetString,
    #[asn1(context_specific = "0", optional = "true")]
    curve: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", optional = "true")]
    public: Option<BitString>,
}

/// A DSA key as OpenSSL writes it.
#[derive(Sequence)]
struct DsaKey<'a> {
    version: u8,
    p: UintRef<'a>,
    q: UintRef<'a>,
    g: UintRef<'a>,
    y: UintRef<'a>,
    x: UintRef<'a>,
}

/// A private key that can sign.
pub(super) enum Key {
    Rsa(Box<RsaPrivateKey>),
    Ec {
        curve: &'static Curve,
        private: Vec<u8>,
        public: Vec<u8>,
    },
    /// Its seed.
    Ed25519([u8; 32]),
}

fn failed(what: &'static str) -> impl Fn(der::Error) -> Error {
    move |e| Error::new(format!("{what}: {e}"))
}

fn armoured(label: &str, der: &[u8]) -> Result<String> {
    let text = pem::encode_string(label, LineEnding::LF, der);
    text.map_err(|e| Error::new(e.to_string()))
}

/// A new private key; what is wrong with its type is the text.
fn generated(kind: &str) -> Result<String> {
    match kind {
        "" | "rsa" => Key::new_rsa(4096)?.pem(),
        "ecdsa" => Key::new_ec()?.pem(),
        "ed25519" => {
            let seed = random(32)?.try_into().expect("so many bytes were asked for");
            Key::Ed25519(seed).pem()
        }
        "dsa" => dsa(),
        kind => Ok(format!("Unknown type {kind}")),
    }
}

fn dsa() -> Result<String> {
    let number = |digits| BigUint::parse_bytes(digits, 16).expect("the digits are right");
    let (p, q, g) = (number(DSA_P), number(DSA_Q), number(DSA_G));
    let one = BigUint::from(1_u8);
    // So many bits more than the subgroup has make each key as likely as the others.
    let x = BigUint::from_bytes_be(&random(48)?) % (&q - &one) + &one;
    let y = g.modpow(&x, &p);
    let [p, q, g, y, x] = [p, q, g, y, x].map(|n| n.to_bytes_be());
    let uint = |bytes| UintRef::new(bytes).map_err(failed("failed to generate private key"));
    let key =
        DsaKey { version: 0, p: uint(&p)?, q: uint(&q)?, g: uint(&g)?, y: uint(&y)?, x: uint(&x)? };
    let der = key.to_der().map_err(failed("failed to generate private key"))?;
    armoured("DSA PRIVATE KEY", &der)
}

impl Key {
    /// A new RSA key of so many bits.
    pub(super) fn new_rsa(bits: usize) -> Result<Self> {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits);
        key.map(|key| Self::Rsa(Box::new(key)))
            .map_err(|e| Error::new(format!("error generating rsa key: {e}")))
    }

    fn new_ec() -> Result<Self> {
        let failed = || Error::new("failed to generate private key");
        let made = EcdsaKeyPair::generate_pkcs8(CURVES[0].1, &SystemRandom::new());
        let made = made.map_err(|_| failed())?;
        let info = PrivateKeyInfo::from_der(made.as_ref()).map_err(|_| failed())?;
        Self::of_pkcs8(&info)
    }

    /// Reads a key in PEM.
    ///
    /// # Errors
    /// When it is none, or cannot sign.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let no_pem = |_| Error::new("no PEM data in input");
        let (label, der) = pem::decode_vec(text.trim().as_bytes()).map_err(no_pem)?;
        match label {
            "PRIVATE KEY" => {
                let info = PrivateKeyInfo::from_der(&der);
                Self::of_pkcs8(&info.map_err(failed("decoding PEM as PKCS#8"))?)
            }
            "RSA PRIVATE KEY" => Self::of_pkcs1(&der),
            "EC PRIVATE KEY" => Self::of_sec1(&der, None),
            "DSA PRIVATE KEY" => {
                Err(Error::new("x509: only RSA, ECDSA and Ed25519 keys supported"))
            }
            label => match label.strip_suffix(" PRIVATE KEY") {
                Some(kind) => Err(Error::new(format!("invalid private key type {kind}"))),
                None => {
                    Err(Error::new(format!("no private key data in PEM block of type {label}")))
                }
            },
        }
    }

    fn of_pkcs1(der: &[u8]) -> Result<Self> {
        let key = RsaPrivateKey::from_pkcs1_der(der);
        let text = "parsing RSA private key from PEM";
        key.map(|key| Self::Rsa(Box::new(key))).map_err(|e| Error::new(format!("{text}: {e}")))
    }

    fn of_sec1(der: &[u8], curve: Option<ObjectIdentifier>) -> Result<Self> {
        let key = EcKey::from_der(der).map_err(failed("parsing EC private key from PEM"))?;
        let curve = key.curve.or(curve);
        let curve = CURVES.iter().find(|(known, ..)| Some(*known) == curve);
        let (Some(curve), Some(public)) = (curve, key.public) else {
            return Err(Error::new("parsing EC private key from PEM: unknown elliptic curve"));
        };
        let (private, public) = (key.private.into_bytes(), public.raw_bytes().to_vec());
        Ok(Self::Ec { curve, private, public })
    }

    fn of_pkcs8(info: &PrivateKeyInfo<'_>) -> Result<Self> {
        match info.algorithm.oid {
            RSA => Self::of_pkcs1(info.private_key),
            EC => {
                let curve = info.algorithm.parameters_oid().ok();
                Self::of_sec1(info.private_key, curve)
            }
            ED25519 => {
                let bad = || Error::new("decoding PEM as PKCS#8: invalid Ed25519 private key");
                let seed = OctetString::from_der(info.private_key).map_err(|_| bad())?;
                seed.as_bytes().try_into().map(Self::Ed25519).map_err(|_| bad())
            }
            other => Err(Error::new(format!("decoding PEM as PKCS#8: unknown algorithm: {other}"))),
        }
    }

    /// The key in PEM.
    pub(super) fn pem(&self) -> Result<String> {
        let error = failed("error pem-encoding key");
        match self {
            Self::Rsa(key) => {
                let der = key.to_pkcs1_der().map_err(|e| Error::new(e.to_string()))?;
                armoured("RSA PRIVATE KEY", der.as_bytes())
            }
            Self::Ec { curve, private, public } => {
                let key = EcKey {
                    version: 1,
                    private: OctetString::new(private.as_slice()).map_err(&error)?,
                    curve: Some(curve.0),
                    public: Some(BitString::from_bytes(public).map_err(&error)?),
                };
                armoured("EC PRIVATE KEY", &key.to_der().map_err(&error)?)
            }
            Self::Ed25519(seed) => {
                let seed = OctetString::new(seed.as_slice()).and_then(|seed| seed.to_der());
                let seed = seed.map_err(&error)?;
                let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
                let der = PrivateKeyInfo::new(algorithm, &seed).to_der().map_err(&error)?;
                armoured("PRIVATE KEY", &der)
            }
        }
    }

    /// The public key, as certificates have it.
    pub(super) fn public(&self) -> Result<SubjectPublicKeyInfoOwned> {
        let error = failed("error retrieving public key from signee key");
        let (algorithm, bytes) = match self {
            Self::Rsa(key) => {
                let der = key.to_public_key().to_pkcs1_der();
                let der = der.map_err(|e| Error::new(e.to_string()))?;
                (identifier(RSA, Some(Null.into())), der.as_bytes().to_vec())
            }
            Self::Ec { curve, public, .. } => {
                (identifier(EC, Some(Any::from(curve.0))), public.clone())
            }
            Self::Ed25519(_) => {
                (identifier(ED25519, None), self.ed25519()?.public_key().as_ref().to_vec())
            }
        };
        let subject_public_key = BitString::from_bytes(&bytes).map_err(error)?;
        Ok(SubjectPublicKeyInfoOwned { algorithm, subject_public_key })
    }

    /// How this key signs.
    pub(super) fn signs_by(&self) -> AlgorithmIdentifierOwned {
        match self {
            Self::Rsa(_) => identifier(RSA_SHA256, Some(Null.into())),
            Self::Ec { curve, .. } => identifier(curve.2, None),
            Self::Ed25519(_) => identifier(ED25519, None),
        }
    }

    fn ed25519(&self) -> Result<Ed25519KeyPair> {
        let Self::Ed25519(seed) = self else { return Err(Error::new("no Ed25519 key")) };
        Ed25519KeyPair::from_seed_unchecked(seed).map_err(|e| Error::new(e.to_string()))
    }

    /// Signs bytes.
    ///
    /// # Errors
    /// When the key is none that is safe to sign with.
    pub(super) fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let rejected =
            |e: ring::error::KeyRejected| Error::new(format!("error creating certificate: {e}"));
        let failed = |_| Error::new("error creating certificate: signing failed");
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let der = key.to_pkcs1_der().map_err(|e| Error::new(e.to_string()))?;
                let pair = signature::RsaKeyPair::from_der(der.as_bytes()).map_err(rejected)?;
                let mut out = vec![0; pair.public().modulus_len()];
                let way = &signature::RSA_PKCS1_SHA256;
                pair.sign(way, &random, bytes, &mut out).map_err(failed)?;
                Ok(out)
            }
            Self::Ec { curve, private, public } => {
                let pair = EcdsaKeyPair::from_private_key_and_public_key(
                    curve.1, private, public, &random,
                );
                let made = pair.map_err(rejected)?.sign(&random, bytes).map_err(failed)?;
                Ok(made.as_ref().to_vec())
            }
            Self::Ed25519(_) => Ok(self.ed25519()?.sign(bytes).as_ref().to_vec()),
        }
    }
}

const fn identifier(oid: ObjectIdentifier, parameters: Option<Any>) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters }
}
