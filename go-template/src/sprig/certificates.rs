//! Certificates: of authorities, signed by themselves, or by an authority.

use super::Plain;
use super::args::Args;
use super::crypto::random;
use super::keys::Key;
use crate::{Error, Object, Result, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use der::asn1::{
    Any, BitString, GeneralizedTime, Ia5String, ObjectIdentifier, OctetString, PrintableStringRef,
    SetOfVec, UtcTime, Utf8StringRef,
};
use der::pem::{self, LineEnding};
use der::{Decode, Encode};
use sha1::Digest;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, TbsCertificate, Version};

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("genCA", |a| authority(a, None)),
    ("genCAWithKey", |a| authority(a, Some(given_key(a, 2)?))),
    ("genSelfSignedCert", |a| self_signed(a, None)),
    ("genSelfSignedCertWithKey", |a| self_signed(a, Some(given_key(a, 4)?))),
    ("genSignedCert", |a| signed(a, None)),
    ("genSignedCertWithKey", |a| signed(a, Some(given_key(a, 5)?))),
    ("buildCustomCert", custom),
];

/// The bits of RSA keys that are made for certificates.
const RSA_BITS: usize = 2048;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const SUBJECT_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const AUTHORITY_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const EXTENDED_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// A certificate and its key, in PEM.
struct Pair {
    cert: String,
    key: String,
}

impl Object for Pair {
    fn type_name(&self) -> &str {
        "sprig.certificate"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.cert.as_str().into()),
            "Key" => Some(self.key.as_str().into()),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", self.cert, self.key)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// What a certificate is made for.
struct Wanted {
    subject: Name,
    alternatives: Vec<GeneralName>,
    days: i64,
    is_authority: bool,
}

/// Who signs a certificate: itself, or another.
struct Issuer {
    certificate: Certificate,
    key: Key,
}

fn failed(error: der::Error) -> Error {
    Error::new(format!("error creating certificate: {error}"))
}

fn given_key(a: &Args<'_>, at: usize) -> Result<Key> {
    let key = Key::parse(&a.text(at)?);
    key.map_err(|e| Error::new(format!("parsing private key: {e}")))
}

fn or_new(key: Option<Key>) -> Result<Key> {
    key.map_or_else(|| Key::new_rsa(RSA_BITS), Ok)
}

/// `genCA NAME DAYS`.
fn authority(a: &Args<'_>, key: Option<Key>) -> Result<Value> {
    let (subject, days) = (common_name(&a.text(0)?)?, a.int(1)?);
    let wanted = Wanted { subject, alternatives: Vec::new(), days, is_authority: true };
    wanted.certified(&or_new(key)?, None)
}

/// `genSelfSignedCert NAME IPS DNS DAYS`.
fn self_signed(a: &Args<'_>, key: Option<Key>) -> Result<Value> {
    Wanted::of(a)?.certified(&or_new(key)?, None)
}

/// `genSignedCert NAME IPS DNS DAYS AUTHORITY`.
fn signed(a: &Args<'_>, key: Option<Key>) -> Result<Value> {
    let by = match a.get(4)? {
        Value::Object(by) => by.as_any().downcast_ref::<Pair>(),
        _ => None,
    };
    let by = by.ok_or_else(|| Error::new("expected sprig.certificate"))?;
    let certificate = parsed(&by.cert)?;
    let parse = |e| Error::new(format!("error parsing private key: {e}"));
    let issuer = Issuer { certificate, key: Key::parse(&by.key).map_err(parse)? };
    if issuer.key.public()? != issuer.certificate.tbs_certificate.subject_public_key_info {
        let text = "x509: provided PrivateKey doesn't match parent's PublicKey";
        return Err(Error::new(format!("error creating certificate: {text}")));
    }
    Wanted::of(a)?.certified(&or_new(key)?, Some(&issuer))
}

/// `buildCustomCert CERT KEY`, both in Base64.
fn custom(a: &Args<'_>) -> Result<Value> {
    let text = |at: usize, what: &str| {
        let bytes = STANDARD.decode(a.text(at)?).ok().and_then(|b| String::from_utf8(b).ok());
        bytes.ok_or_else(|| Error::new(format!("unable to decode base64 {what}")))
    };
    let (cert, key) = (text(0, "certificate")?, text(1, "private key")?);
    parsed(&cert)?;
    Key::parse(&key).map_err(|e| Error::new(format!("error parsing private key: {e}")))?;
    Ok(Value::Object(Rc::new(Pair { cert, key })))
}

/// Reads a certificate in PEM.
fn parsed(text: &str) -> Result<Certificate> {
    let no_pem = |_| Error::new("unable to decode certificate");
    let (_, der) = pem::decode_vec(text.trim().as_bytes()).map_err(no_pem)?;
    let what = "error parsing certificate: decodedCert.Bytes";
    Certificate::from_der(&der).map_err(|e| Error::new(format!("{what}: {e}")))
}

/// The name of who has nothing but a common name.
fn common_name(name: &str) -> Result<Name> {
    if name.is_empty() {
        return Ok(RdnSequence::default());
    }
    let value = match PrintableStringRef::new(name) {
        Ok(name) => Any::from(name),
        Err(_) => Any::from(Utf8StringRef::new(name).map_err(failed)?),
    };
    let part = AttributeTypeAndValue { oid: COMMON_NAME, value };
    let part = SetOfVec::try_from(vec![part]).map_err(failed)?;
    Ok(RdnSequence(vec![RelativeDistinguishedName::from(part)]))
}

/// A moment as RFC 5280, 4.1.2.5 wants it written: with two digits of the year until 2049.
fn time(at: SystemTime) -> Result<Time> {
    if let Ok(time) = UtcTime::from_system_time(at) {
        return Ok(Time::UtcTime(time));
    }
    GeneralizedTime::from_system_time(at).map(Time::GeneralTime).map_err(failed)
}

/// Texts of a list that may be missing.
fn texts(a: &Args<'_>, at: usize, what: &str) -> Result<Vec<String>> {
    let items = a.list(at)?;
    let text = |item: &Value| {
        let shown = crate::print::sprint(item);
        let bad = || Error::new(format!("error {what}: {shown} is not a string"));
        item.as_str().map(str::to_owned).ok_or_else(bad)
    };
    items.iter().map(text).collect()
}

impl Wanted {
    fn of(a: &Args<'_>) -> Result<Self> {
        let mut alternatives = Vec::new();
        for name in texts(a, 2, "processing alternate dns name")? {
            alternatives.push(GeneralName::DnsName(Ia5String::new(&name).map_err(failed)?));
        }
        for ip in texts(a, 1, "parsing ip")? {
            let bad = |_| Error::new(format!("error parsing ip: {ip}"));
            let bytes = match ip.parse().map_err(bad)? {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(ip) => ip.octets().to_vec(),
            };
            alternatives.push(GeneralName::IpAddress(OctetString::new(bytes).map_err(failed)?));
        }
        let (subject, days) = (common_name(&a.text(0)?)?, a.int(3)?);
        Ok(Self { subject, alternatives, days, is_authority: false })
    }

    fn extensions(&self, own: &BitString, issuer: Option<&Issuer>) -> Result<Vec<Extension>> {
        let mut usage = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
        if self.is_authority {
            usage |= KeyUsages::KeyCertSign;
        }
        let constraints = BasicConstraints { ca: self.is_authority, path_len_constraint: None };
        let mut all = vec![
            extension(USAGE, true, &KeyUsage(usage))?,
            extension(EXTENDED_USAGE, false, &ExtendedKeyUsage(vec![SERVER_AUTH, CLIENT_AUTH]))?,
            extension(CONSTRAINTS, true, &constraints)?,
        ];
        if self.is_authority {
            let digest = OctetString::new(sha1::Sha1::digest(own.raw_bytes()).as_slice());
            let id = SubjectKeyIdentifier(digest.map_err(failed)?);
            all.push(extension(SUBJECT_KEY, false, &id)?);
        }
        let of_issuer = issuer.and_then(|issuer| {
            let mut theirs = issuer.certificate.tbs_certificate.extensions.iter().flatten();
            let id = theirs.find(|extension| extension.extn_id == SUBJECT_KEY)?;
            SubjectKeyIdentifier::from_der(id.extn_value.as_bytes()).ok()
        });
        if let Some(id) = of_issuer {
            let id = AuthorityKeyIdentifier { key_identifier: Some(id.0), ..Default::default() };
            all.push(extension(AUTHORITY_KEY, false, &id)?);
        }
        if !self.alternatives.is_empty() {
            let names = SubjectAltName(self.alternatives.clone());
            // Who has no name but these must be known by them.
            all.push(extension(ALT_NAME, self.subject.is_empty(), &names)?);
        }
        Ok(all)
    }

    /// The certificate for a key, and the key.
    fn certified(self, key: &Key, issuer: Option<&Issuer>) -> Result<Value> {
        let mut serial = random(16)?;
        // A positive number that begins with no zero.
        serial[0] = serial[0] & 0x7f | 0x40;
        let now = SystemTime::now();
        let span = Duration::from_secs(self.days.unsigned_abs().saturating_mul(24 * 3600));
        let end = if self.days < 0 { now.checked_sub(span) } else { now.checked_add(span) };
        let end = end.ok_or_else(|| Error::new("error creating certificate: too many days"))?;
        let public = key.public()?;
        let signer = issuer.map_or(key, |issuer| &issuer.key);
        let by = issuer.map(|issuer| issuer.certificate.tbs_certificate.subject.clone());
        let tbs_certificate = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&serial).map_err(failed)?,
            signature: signer.signs_by(),
            issuer: by.unwrap_or_else(|| self.subject.clone()),
            validity: Validity { not_before: time(now)?, not_after: time(end)? },
            extensions: Some(self.extensions(&public.subject_public_key, issuer)?),
            subject: self.subject,
            subject_public_key_info: public,
            issuer_unique_id: None,
            subject_unique_id: None,
        };
        let signature = signer.sign(&tbs_certificate.to_der().map_err(failed)?)?;
        let certificate = Certificate {
            signature_algorithm: tbs_certificate.signature.clone(),
            tbs_certificate,
            signature: BitString::from_bytes(&signature).map_err(failed)?,
        };
        let der = certificate.to_der().map_err(failed)?;
        let cert = pem::encode_string("CERTIFICATE", LineEnding::LF, &der);
        let cert = cert.map_err(|e| Error::new(format!("error pem-encoding certificate: {e}")))?;
        Ok(Value::Object(Rc::new(Pair { cert, key: key.pem()? })))
    }
}

fn extension(id: ObjectIdentifier, critical: bool, value: &impl Encode) -> Result<Extension> {
    let value = value.to_der().and_then(OctetString::new).map_err(failed)?;
    Ok(Extension { extn_id: id, critical, extn_value: value })
}
