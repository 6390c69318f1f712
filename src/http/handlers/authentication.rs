//! `authentication`: lets in who shows who they are.
//!
//! ```caddyfile
//! basic_auth /private/* bcrypt "the vault" {
//!     alice $2a$14$…
//! }
//! ```
//!
//! Who comes in is `{http.auth.user.id}`, and `user_id` in the access log. Everybody else
//! gets 401 and `Www-Authenticate`, through the error routes. An unknown name costs as
//! much time as a known one: its password is compared too. Comparing keeps a processor
//! busy on purpose, so it runs on threads of its own, on no more than there are
//! processors, and passwords that were right are remembered if `hash_cache` says so.

use crate::config::handlers::{Authentication as Config, Hash, HttpBasicAuth};
use crate::http::address::fill_placeholders;
use crate::http::exchange::{Exchange, Failure};
use crate::http::server::ProvisionError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many right passwords are remembered; then all are forgotten.
const REMEMBERED_MAX: usize = 1000;

/// The compiled handler.
#[derive(Debug)]
pub(super) struct Authentication {
    basic: Option<Basic>,
}

/// Names and passwords.
#[derive(Debug)]
struct Basic {
    algorithm: Algorithm,
    /// Hashes by name.
    accounts: HashMap<String, Arc<str>>,
    /// What the password of an unknown name is compared with.
    decoy: Option<Arc<str>>,
    challenge: HeaderValue,
    memory: Option<Memory>,
    /// One permit for each comparison that may run.
    comparisons: Semaphore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Argon2id,
    Bcrypt,
}

/// Which passwords were right: digests that mean nothing outside this process.
#[derive(Debug)]
struct Memory {
    secret: [u8; 32],
    right: Mutex<HashSet<[u8; 32]>>,
}

impl Authentication {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let basic = config.providers.http_basic.as_ref().map(Basic::provision);
        Ok(Self { basic: basic.transpose()? })
    }

    /// Lets the request pass, or refuses it.
    pub(super) async fn run(&self, ex: &mut Exchange<'_>) -> Result<(), Failure> {
        if let Some(basic) = &self.basic {
            if let Some(user) = basic.user(ex).await {
                ex.user_id = Some(user);
                return Ok(());
            }
            ex.response.set(WWW_AUTHENTICATE, basic.challenge.clone());
        }
        Err(Failure::error(401, "not authenticated"))
    }
}

impl Basic {
    fn provision(config: &HttpBasicAuth) -> Result<Self, ProvisionError> {
        let wrong = |text: String| ProvisionError::Invalid(text).within("providers.http_basic");
        let mut accounts = HashMap::new();
        let mut decoy = None;
        for (index, account) in config.accounts.iter().enumerate() {
            let name = fill_placeholders(&account.username);
            let password = fill_placeholders(&account.password);
            if name.is_empty() || password.is_empty() {
                return Err(wrong(format!("account {index}: username and password are required")));
            }
            let hash = Arc::from(hash(&password).map_err(wrong)?);
            decoy.get_or_insert_with(|| Arc::clone(&hash));
            if accounts.insert(name.clone(), hash).is_some() {
                return Err(wrong(format!("account {index}: username is not unique: {name}")));
            }
        }
        let realm = if config.realm.is_empty() { "restricted" } else { &config.realm };
        let memory = config.hash_cache.as_ref().map(|_| Memory::new()).transpose();
        Ok(Self {
            algorithm: match config.hash {
                Some(Hash::Argon2id {}) => Algorithm::Argon2id,
                Some(Hash::Bcrypt {}) | None => Algorithm::Bcrypt,
            },
            accounts,
            decoy,
            challenge: super::headers::value(format!("Basic realm=\"{realm}\"").as_bytes()),
            memory: memory.map_err(wrong)?,
            comparisons: Semaphore::new(
                std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            ),
        })
    }

    /// Who it is, if the password is right.
    async fn user(&self, ex: &Exchange<'_>) -> Option<String> {
        let (name, password) = credentials(ex.headers().get(AUTHORIZATION)?.as_bytes())?;
        let known =
            std::str::from_utf8(&name).ok().filter(|name| self.accounts.contains_key(*name));
        let hash = known.and_then(|name| self.accounts.get(name)).or(self.decoy.as_ref())?;
        let is_right = self.is_right(hash, password).await;
        known.filter(|_| is_right).map(str::to_owned)
    }

    async fn is_right(&self, hash: &Arc<str>, password: Vec<u8>) -> bool {
        let digest = self.memory.as_ref().map(|memory| memory.digest(hash, &password));
        if let (Some(memory), Some(digest)) = (&self.memory, &digest)
            && memory.right.lock().contains(digest)
        {
            return true;
        }
        // It is never closed.
        let Ok(_permit) = self.comparisons.acquire().await else { return false };
        let (algorithm, hash) = (self.algorithm, Arc::clone(hash));
        let compared = tokio::task::spawn_blocking(move || algorithm.compare(&hash, &password));
        // A comparison that panicked has not said that it is right.
        let is_right = compared.await.unwrap_or(false);
        if let (true, Some(memory), Some(digest)) = (is_right, &self.memory, digest) {
            memory.keep(digest);
        }
        is_right
    }
}

/// A configured hash: as it is, or in base64 if it has none of the usual forms.
fn hash(password: &str) -> Result<String, String> {
    if password.starts_with('$') {
        return Ok(password.to_owned());
    }
    let wrong = |error: &dyn std::fmt::Display| format!("base64-decoding password: {error}");
    let bytes = STANDARD.decode(password).map_err(|error| wrong(&error))?;
    String::from_utf8(bytes).map_err(|error| wrong(&error))
}

/// Name and password of an `Authorization` field (RFC 7617).
fn credentials(field: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = field.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let mut name = STANDARD.decode(encoded).ok()?;
    let colon = name.iter().position(|b| *b == b':')?;
    let password = name.split_off(colon + 1);
    name.truncate(colon);
    Some((name, password))
}

impl Algorithm {
    /// Whether this is the password; not when the hash is none.
    fn compare(self, hash: &str, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Argon2id => {
                use argon2::password_hash::{PasswordHash, PasswordVerifier};
                let hash = PasswordHash::new(hash);
                hash.is_ok_and(|hash| {
                    argon2::Argon2::default().verify_password(password, &hash).is_ok()
                })
            }
        }
    }
}

impl Memory {
    fn new() -> Result<Self, String> {
        let mut secret = [0; 32];
        rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| format!("making a secret for the cache of passwords: {error}"))?;
        Ok(Self { secret, right: Mutex::default() })
    }

    fn digest(&self, hash: &str, password: &[u8]) -> [u8; 32] {
        let parts = Sha256::new().chain_update(self.secret).chain_update(hash.len().to_le_bytes());
        parts.chain_update(hash).chain_update(password).finalize().into()
    }

    fn keep(&self, digest: [u8; 32]) {
        let mut right = self.right.lock();
        if right.len() >= REMEMBERED_MAX {
            right.clear();
        }
        right.insert(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_a_name_and_a_password_in_base64() {
        let check = |field: &str, expected: Option<(&str, &str)>| {
            let got = credentials(field.as_bytes());
            let bytes = |text: &str| text.as_bytes().to_vec();
            assert_eq!(got, expected.map(|(n, p)| (bytes(n), bytes(p))), "{field}");
        };
        check("Basic YWxpY2U6YTpi", Some(("alice", "a:b")));
        check("basic YWxpY2U6", Some(("alice", "")));
        check("Basic YWxpY2U=", None);
        check("Basic ???", None);
        check("Bearer x", None);
        check("Basi", None);
    }

    #[test]
    fn passwords_are_compared_with_either_hash_and_never_with_none() {
        let bcrypt = bcrypt::hash("secret", 4).expect("a valid cost");
        assert!(Algorithm::Bcrypt.compare(&bcrypt, b"secret"));
        assert!(!Algorithm::Bcrypt.compare(&bcrypt, b"Secret"));
        assert!(!Algorithm::Bcrypt.compare("$2a$no hash", b"secret"));
        let argon = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQxMjM$ppdICb8kYsuEqp4H9oOdMQ";
        assert!(!Algorithm::Argon2id.compare(argon, b"wrong"));
        assert!(!Algorithm::Argon2id.compare("", b""));
    }

    #[track_caller]
    fn check_refused(accounts: &str, expected: &str) {
        let json = format!(r#"{{"providers":{{"http_basic":{{"accounts":{accounts}}}}}}}"#);
        let config = serde_json::from_str(&json).expect("the case is a handler");
        let error = Authentication::provision(&config).expect_err("the case is wrong");
        assert_eq!(error.to_string(), format!("providers.http_basic: {expected}"));
    }

    #[test]
    fn accounts_have_different_names_and_readable_hashes() {
        let account = r#"{"username":"a","password":"$2a$04$x"}"#;
        check_refused(&format!("[{account},{account}]"), "account 1: username is not unique: a");
        check_refused(
            r#"[{"username":"","password":"$x"}]"#,
            "account 0: username and password are required",
        );
        check_refused(
            r#"[{"username":"a","password":"?"}]"#,
            "base64-decoding password: Invalid symbol 63, offset 0.",
        );
    }
}
