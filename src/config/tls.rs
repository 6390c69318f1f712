//! The `tls` app: where certificates come from; and what a connection may use.
//!
//! In reading order: `certificates`, those that are at hand; `automation`, how others are
//! had, from the `issuers` or `managers`, after a `challenges`; `connection_policy`, what a
//! connection may use, with `client_auth` and its `ca_pool`; `ech` and `session_tickets`.

pub mod automation;
pub mod ca_pool;
pub mod certificates;
pub mod challenges;
pub mod client_auth;
pub mod connection_policy;
pub mod dns;
pub mod ech;
pub mod issuers;
pub mod managers;
pub mod session_tickets;

pub use automation::{Automation, AutomationPolicy};
pub use connection_policy::ConnectionPolicy;
pub use issuers::Issuer;

use super::is_default;
use serde::{Deserialize, Serialize};

/// The `tls` app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Certificates that are at hand, and names that they are had for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<certificates::Certificates>,
    /// How certificates are had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automation: Option<Automation>,
    /// Keys of session tickets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_tickets: Option<session_tickets::SessionTickets>,
    /// How many certificates are held in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// Whether certificates that are at hand go without OCSP staples.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_ocsp_stapling: bool,
    /// Whether the storage is not tried out at start.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_storage_check: bool,
    /// Whether old certificates stay in the storage.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_storage_clean: bool,
    /// Names that hide those that clients ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted_client_hello: Option<ech::EncryptedClientHello>,
    /// Who writes DNS records, where nothing else says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<dns::DnsProvider>,
    /// DNS servers that are asked; the system's when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub resolvers: Vec<String>,
}

/// How many certificates are held in memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// So many at most; 10,000 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub capacity: i64,
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[track_caller]
    fn check(apps: &str) {
        let json = format!(r#"{{"apps":{{{apps}}}}}"#);
        let config = Config::from_json(json.as_bytes()).expect("the case is a configuration");
        assert_eq!(config.to_json(false), json);
    }

    #[track_caller]
    fn check_error(apps: &str, end: &str) {
        let json = format!(r#"{{"apps":{{{apps}}}}}"#);
        let got = Config::from_json(json.as_bytes()).expect_err("the case is wrong").to_string();
        assert!(got.ends_with(end), "{got}");
    }

    #[test]
    fn the_app_round_trips_with_all_its_fields() {
        check(concat!(
            r#""tls":{"certificates":{"automate":["a.test"],"load_files":[{"certificate":"c","#,
            r#""key":"k","format":"pem","tags":["t"]}],"load_folders":["f"],"load_pem":"#,
            r#"[{"certificate":"c","key":"k"}],"load_storage":{"pairs":[{"certificate":"c","#,
            r#""key":"k"}]}},"automation":{"policies":[{"subjects":["a.test"],"issuers":"#,
            r#"[{"account_key":"k","acme_timeout":1,"ca":"c","certificate_lifetime":2,"#,
            r#""challenges":{"bind_host":"h","distributed":false,"dns":{"override_domain":"o","#,
            r#""propagation_delay":1,"propagation_timeout":-1,"resolvers":["r"],"ttl":3},"#,
            r#""http":{"alternate_port":1,"disabled":true},"tls-alpn":{"disabled":true}},"#,
            r#""email":"e","external_account":{"key_id":"","mac_key":"m"},"module":"acme","#,
            r#""preferred_chains":{"any_common_name":["a"],"root_common_name":["r"],"#,
            r#""smallest":true},"profile":"p","test_ca":"t","trusted_roots_pem_files":["f"]},"#,
            r#"{"ca":"c","lifetime":1,"module":"internal","sign_with_root":true},"#,
            r#"{"alternate_http_port":1,"api_key":"k","cname_validation":{},"listen_host":"l","#,
            r#""module":"zerossl","validity_days":90}],"get_certificate":[{"url":"u","#,
            r#""via":"http"},{"via":"tailscale"}],"must_staple":true,"#,
            r#""renewal_window_ratio":0.25,"key_type":"p256","storage":{"module":"file_system","#,
            r#""root":"r"},"on_demand":true,"reuse_private_keys":true,"#,
            r#""disable_ocsp_stapling":true,"ocsp_overrides":{"a":"b"}}],"on_demand":{"#,
            r#""ask":"u","permission":{"endpoint":"u","module":"http"}},"ocsp_interval":1,"#,
            r#""renew_interval":2,"storage_clean_interval":3},"session_tickets":{"key_source":"#,
            r#"{"provider":"distributed","storage":{"module":"file_system"}},"#,
            r#""rotation_interval":1,"max_keys":2,"disable_rotation":true,"disabled":true},"#,
            r#""cache":{"capacity":1},"disable_ocsp_stapling":true,"#,
            r#""disable_storage_check":true,"disable_storage_clean":true,"#,
            r#""encrypted_client_hello":{"configs":[{"public_name":"n"}],"publication":"#,
            r#"[{"configs":["n"],"domains":["d"],"publishers":{"dns":{}}}]},"#,
            r#""resolvers":["r"]}"#,
        ));
    }

    #[test]
    fn connection_policies_round_trip_with_all_their_fields() {
        check(concat!(
            r#""http":{"servers":{"s":{"tls_connection_policies":[{"match":{"local_ip":"#,
            r#"{"ranges":["10.0.0.0/8"]},"remote_ip":{"ranges":["a"],"not_ranges":["b"]},"#,
            r#""sni":["a.test"],"sni_regexp":{"name":"n","pattern":"p"}},"#,
            r#""certificate_selection":{"serial_number":["1"],"subject_organization":["o"],"#,
            r#""public_key_algorithm":"ecdsa","any_tag":["t"],"all_tags":["u"]},"#,
            r#""cipher_suites":["c"],"curves":["x25519"],"alpn":["h2"],"#,
            r#""protocol_min":"tls1.2","protocol_max":"tls1.3","drop":true,"#,
            r#""client_authentication":{"ca":{"provider":"combined","sources":"#,
            r#"[{"pem_files":["f"],"provider":"file"},{"endpoints":["e"],"provider":"http","#,
            r#""tls":{"ca":{"provider":"system"},"handshake_timeout":1,"#,
            r#""insecure_skip_verify":true,"renegotiation":"once","server_name":"n"}},"#,
            r#"{"provider":"inline","trusted_ca_certs":["c"]},{"authority":["a"],"#,
            r#""provider":"pki_intermediate"},{"authority":["a"],"provider":"pki_root"},"#,
            r#"{"pem_keys":["k"],"provider":"storage","storage":{"module":"file_system"}}]},"#,
            r#""trusted_ca_certs":["c"],"trusted_ca_certs_pem_files":["f"],"#,
            r#""trusted_leaf_certs":["l"],"verifiers":[{"leaf_certs_loaders":[{"files":["f"],"#,
            r#""loader":"file"},{"folders":["f"],"loader":"folder"},{"certificates":["c"],"#,
            r#""loader":"pem"},{"certificates":["c"],"loader":"storage","storage":"#,
            r#"{"module":"file_system"}}],"verifier":"leaf"}],"mode":"require"},"#,
            r#""default_sni":"d","fallback_sni":"f","insecure_secrets_log":"l"}]}}},"#,
            r#""pki":{"certificate_authorities":{"local":{"name":"n","#,
            r#""root_common_name":"r","intermediate_common_name":"i","#,
            r#""intermediate_lifetime":1,"install_trust":true,"root":{"certificate":"c","#,
            r#""private_key":"k","format":"pem_file"},"intermediate":{},"#,
            r#""maintenance_interval":2,"renewal_window_ratio":0.2,"#,
            r#""storage":{"module":"file_system"}}}}"#,
        ));
    }

    #[test]
    fn modules_of_plugins_are_not_registered() {
        check_error(
            r#""tls":{"dns":{"name":"cloudflare"}}"#,
            "unknown module: dns.providers.cloudflare",
        );
        check_error(
            r#""tls":{"automation":{"policies":[{"issuers":[{"module":"mine"}]}]}}"#,
            "unknown module: tls.issuance.mine",
        );
    }
}
