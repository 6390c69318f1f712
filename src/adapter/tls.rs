//! TLS: the readers of its modules, and what follows from sites and options.
//!
//! In reading order: `issuers` with their `challenges` and `chains`, `managers`, `dns` and
//! `client_auth` read modules; `settings` is what the directive `tls` yields; `subjects`
//! says what a name may have; `connections` and `automation` are what sites come to, with
//! the options' `defaults` and the merging in `consolidate`.

mod automation;
mod chains;
mod challenges;
pub(super) mod client_auth;
mod connections;
mod consolidate;
mod defaults;
pub(super) mod dns;
pub(super) mod issuers;
pub(super) mod managers;
mod settings;
mod subjects;

pub(super) use automation::build;
pub(super) use chains::parse_chains;
pub(super) use challenges::{parse_dns_duration, parse_dns_timeout};
pub(super) use connections::{ConnectionPolicies, ServerPolicies};
pub(super) use defaults::implicit_issuers;
pub(super) use settings::{CertificateTags, TlsSettings};
