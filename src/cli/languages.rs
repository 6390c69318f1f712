//! The languages of configurations, for who takes them over the network: Caddyfiles.

use super::terminal;
use crate::adapter;
use crate::admin::{Adapted, Adapters, Warning};
use caddyfile_parser::Disk;

/// All languages that there are.
#[derive(Debug)]
pub(super) struct Languages;

impl Adapters for Languages {
    fn adapt(&self, language: &str, text: &[u8]) -> Option<Result<Adapted, String>> {
        if language != "caddyfile" {
            return None;
        }
        let (config, found) = match adapter::adapt("Caddyfile", text, &Disk) {
            Ok(adapted) => adapted,
            Err(error) => return Some(Err(error.to_string())),
        };
        let mut warnings = Vec::new();
        for warning in found {
            let Some((file, line)) = warning.place else {
                // Caddy logs these and does not answer with them.
                terminal::warn(&warning);
                continue;
            };
            let message = warning.message;
            warnings.push(Warning { file, line, directive: String::new(), message });
        }
        Some(Ok(Adapted { json: config.to_json(false), warnings }))
    }
}
