//! `basic_auth`: lets in who can name a password; once called `basicauth`.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::unknown;
use crate::config::handlers::{
    Account, Authentication, AuthenticationProviders, Handler, Hash, HashCache, HttpBasicAuth,
};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// basic_auth [MATCHER] [bcrypt | argon2id [REALM]] {
///     NAME HASH
/// }
/// ```
///
/// The hash is that of the password, as `hash-password` prints it; bcrypt unless another
/// algorithm is named.
pub(super) fn parse(d: &mut Dispenser, scope: &Scope<'_>) -> Result<Handler> {
    d.next();
    if d.val() == "basicauth" {
        scope.warn_deprecated("basicauth", "basic_auth");
    }
    let mut auth =
        HttpBasicAuth { hash_cache: Some(HashCache::default()), ..HttpBasicAuth::default() };
    let args = d.remaining_args();
    let hash = match args.as_slice() {
        [] => "bcrypt",
        [hash] => hash,
        [hash, realm] => {
            auth.realm.clone_from(realm);
            hash
        }
        _ => return Err(d.arg_err().into()),
    };
    auth.hash = Some(match hash {
        "bcrypt" => Hash::Bcrypt {},
        "argon2id" => Hash::Argon2id {},
        other => {
            let text = format!("unrecognized hash algorithm: {other}");
            return Err(unknown(d, text, &["bcrypt", "argon2id"]));
        }
    });
    while d.next_block(0) {
        let username = d.val().to_owned();
        let password = if d.next_arg() { d.val().to_owned() } else { String::new() };
        if d.next_arg() {
            return Err(d.arg_err().into());
        }
        if username.is_empty() || password.is_empty() {
            return Err(d.err("username and password cannot be empty or missing").into());
        }
        auth.accounts.push(Account { username, password });
    }
    let providers = AuthenticationProviders { http_basic: Some(auth) };
    Ok(Handler::Authentication(Authentication { providers }))
}
