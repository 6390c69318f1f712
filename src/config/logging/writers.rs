//! Where the entries of a log go.

use crate::config::duration::Duration;
use crate::config::is_default;
use crate::config::module::{NoFields, slot};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where the entries of a log go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Writer {
    /// Nowhere.
    Discard(NoFields),
    /// To a file.
    File(File),
    /// Over a connection.
    Net(Net),
    /// To standard error.
    Stderr(NoFields),
    /// To standard output.
    Stdout(NoFields),
}

slot!(Writer, "caddy.logging.writers", "output");

/// A file, which is rolled: when it has grown, it is put aside and a new one is begun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// Its path.
    #[serde(skip_serializing_if = "is_default")]
    pub filename: String,
    /// Its permissions; `0600` when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: FileMode,
    /// The permissions of folders that are made for it, as octal digits; `inherit` means those
    /// of the nearest folder that is there, `from_file` what follows from `mode`. `0700` when
    /// empty.
    #[serde(skip_serializing_if = "is_default")]
    pub dir_mode: String,
    /// Whether it is rolled; yes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roll: Option<bool>,
    /// At which size, in MiB; 100 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub roll_size_mb: i64,
    /// After which time; never for its age when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub roll_interval: Duration,
    /// At which minutes of each hour.
    #[serde(skip_serializing_if = "is_default")]
    pub roll_minutes: Vec<i64>,
    /// At which times of each day, as `HH:MM`.
    #[serde(skip_serializing_if = "is_default")]
    pub roll_at: Vec<String>,
    /// Whether rolled files are compressed; yes when absent. Older than `roll_compression`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roll_gzip: Option<bool>,
    /// How rolled files are compressed: `none`, `gzip` or `zstd`; `gzip` when empty.
    #[serde(skip_serializing_if = "is_default")]
    pub roll_compression: String,
    /// Whether the names of rolled files tell the local time instead of UTC.
    #[serde(skip_serializing_if = "is_default")]
    pub roll_local_time: bool,
    /// How many rolled files are kept; 10 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub roll_keep: i64,
    /// How many days they are kept; 90 when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub roll_keep_days: i64,
    /// The time in the names of rolled files, as a layout of Go's.
    #[serde(skip_serializing_if = "is_default")]
    pub backup_time_format: String,
}

/// A connection to which entries are written. It is made anew when it breaks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Net {
    /// Where to, with a network in front when it is not TCP.
    #[serde(skip_serializing_if = "is_default")]
    pub address: String,
    /// How long connecting may take; 10 seconds when 0.
    #[serde(skip_serializing_if = "is_default")]
    pub dial_timeout: Duration,
    /// Whether the server starts although there is nobody; entries go to standard error then.
    #[serde(skip_serializing_if = "is_default")]
    pub soft_start: bool,
}

/// Permissions of a file. JSON holds their octal digits as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl FileMode {
    /// Reads octal digits; `None` when the text has others, or too many.
    pub fn parse(digits: &str) -> Option<Self> {
        let is_octal = digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
        let digits = if digits.is_empty() { "0" } else { digits };
        is_octal.then(|| u32::from_str_radix(digits, 8).ok().map(Self)).flatten()
    }
}

impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{:04o}", self.0))
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(d)?;
        let wrong = || serde::de::Error::custom(format!("\"{digits}\" is not an octal file mode"));
        Self::parse(&digits).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, written: &str) {
        let writer: Writer = serde_json::from_str(json).expect("the case is a writer");
        assert_eq!(serde_json::to_string(&writer).expect("writers can be written"), written);
    }

    #[test]
    fn modes_are_octal_digits() {
        let file = |mode: &str| format!(r#"{{"mode":"{mode}","output":"file"}}"#);
        check(&file("644"), &file("0644"));
        check(&file("0"), r#"{"output":"file"}"#);
        for wrong in ["9", "-1", "rw", "777777777777"] {
            let error = serde_json::from_str::<Writer>(&file(wrong)).expect_err("it is no mode");
            assert!(error.to_string().contains("is not an octal file mode"), "{error}");
        }
    }

    #[test]
    fn a_writer_without_settings_is_its_name() {
        check(r#"{"output":"stdout"}"#, r#"{"output":"stdout"}"#);
        assert!(serde_json::from_str::<Writer>(r#"{"output":"stdout","x":1}"#).is_err());
    }
}
