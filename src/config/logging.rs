//! Logs: what is written down, where and how.
//!
//! * [`writers`]: where entries go;
//! * [`encoders`]: the form that they have there;
//! * [`filters`]: what some of their fields become on the way.

pub mod encoders;
pub mod filters;
pub mod writers;

use super::duration::Duration;
use super::is_default;
use super::module::{NoFields, slot};
use encoders::Encoder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use writers::Writer;

/// The logs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logging {
    /// What code writes that knows no log; the default log gets it when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<Sink>,
    /// The logs by name. `default` is there even if it is not configured.
    #[serde(skip_serializing_if = "is_default")]
    pub logs: BTreeMap<String, Log>,
}

/// A struct with the fields that every log has, and these. Serde's `flatten` would let fields
/// pass that nobody knows.
macro_rules! log {
    ($(#[$about:meta])* $name:ident { $($more:tt)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// Where it goes; standard error when absent.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub writer: Option<Writer>,
            /// Its form; `console` on a terminal and `json` elsewhere when absent.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub encoder: Option<Encoder>,
            /// What takes entries beside the writer.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub core: Option<Core>,
            /// The least level: `DEBUG`, `INFO`, `WARN`, `ERROR`, `PANIC` or `FATAL`; `INFO`
            /// when empty.
            #[serde(skip_serializing_if = "is_default")]
            pub level: String,
            /// How much of it is kept; all when absent.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub sampling: Option<Sampling>,
            /// Whether entries tell the code that wrote them.
            #[serde(skip_serializing_if = "is_default")]
            pub with_caller: bool,
            /// How many callers up that code is looked for.
            #[serde(skip_serializing_if = "is_default")]
            pub with_caller_skip: i64,
            /// The least level at which entries have a stack trace; none has one when empty.
            #[serde(skip_serializing_if = "is_default")]
            pub with_stacktrace: String,
            $($more)*
        }
    };
}

log! {
    /// The log of code that knows no log.
    Sink {}
}

log! {
    /// One log.
    Log {
        /// Which loggers it takes, by the beginning of their names; all when empty.
        #[serde(skip_serializing_if = "is_default")]
        pub include: Vec<String>,
        /// Which it does not.
        #[serde(skip_serializing_if = "is_default")]
        pub exclude: Vec<String>,
    }
}

/// What takes entries beside the writer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Core {
    /// Takes them and does nothing; Caddy has it for its tests.
    Mock(NoFields),
}

slot!(Core, "caddy.logging.cores", "module");

/// How much of a log is kept when there is a lot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// In each span of this length, for each level and message; 1 second when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub interval: Duration,
    /// So many entries are kept, 100 when 0,
    #[serde(skip_serializing_if = "is_default")]
    pub first: i64,
    /// then each of this number, 100 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub thereafter: i64,
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn every_field_comes_out_as_it_went_in() {
        let of_both = concat!(
            r#""writer":{"output":"net"},"encoder":{"fields":{"a":1},"format":"append","#,
            r#""wrap":{"format":"console","time_local":true}},"core":{"module":"mock"},"#,
            r#""level":"WARN","sampling":{"interval":1,"first":2,"thereafter":3},"#,
            r#""with_caller":true,"with_caller_skip":4,"with_stacktrace":"ERROR""#,
        );
        let json = format!(
            r#"{{"logging":{{"sink":{{{of_both}}},"logs":{{"a":{{{of_both},"include":["b"],"exclude":["c"]}}}}}}}}"#
        );
        let config = Config::from_json(json.as_bytes()).expect("the case is a configuration");
        assert_eq!(config.to_json(false), json);
    }
}
