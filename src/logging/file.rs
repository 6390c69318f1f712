//! A log in a file, which is rolled: when it has grown, or at its time, it is renamed, and
//! a new one is begun. Another thread compresses and removes the old ones.

mod old;

use super::append;
use crate::config::logging::writers::File as Config;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use std::fs::{self, DirBuilder, File as Handle, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;
const SIZE_MB: u64 = 100;
const KEEP: usize = 10;
const KEEP_DAYS: i64 = 90;
const TIME_FORMAT: &str = "2006-01-02T15-04-05.000";

/// The open file.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    handle: Handle,
    mode: u32,
    size: u64,
    /// Absent when it is never rolled.
    rolls: Option<Rolls>,
}

#[derive(Debug)]
struct Rolls {
    size_max: u64,
    interval: Option<std::time::Duration>,
    /// Times of a day.
    marks: Vec<Time>,
    zone: TimeZone,
    /// When it is rolled next, whatever its size.
    next: Option<Timestamp>,
    old: old::Old,
}

impl File {
    /// Opens the file, and makes its folder.
    pub(super) fn open(config: &Config) -> io::Result<Self> {
        let path = PathBuf::from(append::fill(&config.filename, &append::value_of));
        let mode = if config.mode.0 == 0 { MODE } else { config.mode.0 };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folder(folder, &config.dir_mode, mode)?;
        }
        let handle = open(&path, mode)?;
        if config.mode.0 != 0 {
            // The file may have been there with another one, and the umask says nothing.
            handle.set_permissions(Permissions::from_mode(mode))?;
        }
        let size = handle.metadata()?.len();
        let rolls = config.roll.unwrap_or(true).then(|| Rolls::new(config)).transpose()?;
        let mut file = Self { path, handle, mode, size, rolls };
        if let Some(rolls) = &mut file.rolls {
            rolls.next = rolls.after(&Timestamp::now());
        }
        Ok(file)
    }

    /// Rolls before `len` more bytes, when it is time or they would be too many.
    fn roll_before(&mut self, len: usize) -> io::Result<()> {
        let Some(rolls) = &mut self.rolls else { return Ok(()) };
        let now = Timestamp::now();
        let reason = if rolls.next.is_some_and(|next| now >= next) {
            rolls.next = rolls.after(&now);
            "time"
        } else if self.size > 0 && self.size + len as u64 > rolls.size_max {
            "size"
        } else {
            return Ok(());
        };
        if self.size > 0 {
            let aside = rolls.old.name(&self.path, &now.to_zoned(rolls.zone.clone()), reason);
            fs::rename(&self.path, aside)?;
            self.handle = open(&self.path, self.mode)?;
            self.size = 0;
            rolls.old.tidy(&self.path);
        }
        Ok(())
    }
}

impl Write for File {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        // A log that cannot be rolled still grows.
        let _ = self.roll_before(data.len());
        let written = self.handle.write(data)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Rolls {
    fn new(config: &Config) -> io::Result<Self> {
        let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let mut marks = Vec::new();
        for minute in &config.roll_minutes {
            let minute = i8::try_from(*minute).ok().filter(|minute| (0..60).contains(minute));
            let minute = minute
                .ok_or_else(|| wrong("roll_minutes: a minute lies between 0 and 59".to_owned()))?;
            marks.extend((0..24).filter_map(|hour| Time::new(hour, minute, 0, 0).ok()));
        }
        for text in &config.roll_at {
            let parts = text.split_once(':');
            let time = parts.and_then(|(hour, minute)| {
                Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
            });
            marks.push(time.ok_or_else(|| wrong(format!("roll_at: \"{text}\" is no HH:MM")))?);
        }
        marks.sort_unstable();
        let or = |n: i64, default| u64::try_from(n).ok().filter(|n| *n > 0).unwrap_or(default);
        let compression = match (config.roll_compression.as_str(), config.roll_gzip) {
            ("none", _) | ("", Some(false)) => old::Compression::None,
            ("" | "gzip", _) => old::Compression::Gzip,
            ("zstd", _) => old::Compression::Zstd,
            (other, _) => {
                let text = format!(
                    "roll_compression: \"{other}\" is neither \"none\", \"gzip\" nor \"zstd\""
                );
                return Err(wrong(text));
            }
        };
        let zone = if config.roll_local_time { TimeZone::system() } else { TimeZone::UTC };
        let format = match config.backup_time_format.as_str() {
            "" => TIME_FORMAT,
            own => own,
        };
        Ok(Self {
            size_max: or(config.roll_size_mb, SIZE_MB) << 20,
            interval: Some(config.roll_interval.to_std()).filter(|i| !i.is_zero()),
            marks,
            next: None,
            old: old::Old {
                keep: usize::try_from(or(config.roll_keep, 0))
                    .ok()
                    .filter(|n| *n > 0)
                    .unwrap_or(KEEP),
                days: if config.roll_keep_days > 0 { config.roll_keep_days } else { KEEP_DAYS },
                compression,
                format: format.to_owned(),
                zone: zone.clone(),
            },
            zone,
        })
    }

    /// When it is rolled next after this moment.
    fn after(&self, now: &Timestamp) -> Option<Timestamp> {
        let interval = self.interval.and_then(|interval| now.checked_add(interval).ok());
        let local: Zoned = now.to_zoned(self.zone.clone());
        let on = |day: jiff::civil::Date, mark: &Time| {
            day.to_datetime(*mark).to_zoned(self.zone.clone()).ok().map(|at| at.timestamp())
        };
        let today = self.marks.iter().filter_map(|mark| on(local.date(), mark));
        let tomorrow = local.date().checked_add(1.day()).ok();
        let later = tomorrow.iter().filter_map(|day| on(*day, self.marks.first()?));
        let mark = today.chain(later).find(|at| at > now);
        interval.into_iter().chain(mark).min()
    }
}

fn open(path: &Path, mode: u32) -> io::Result<Handle> {
    OpenOptions::new().append(true).create(true).mode(mode).open(path)
}

/// Makes a folder and those above it, with the mode that a configuration's word means.
fn make_folder(folder: &Path, dir_mode: &str, file_mode: u32) -> io::Result<()> {
    let mode = match dir_mode.trim().to_ascii_lowercase().as_str() {
        "" | "0" => DIR_MODE,
        "inherit" => {
            let there = folder.ancestors().find_map(|above| fs::metadata(above).ok());
            there.map_or(DIR_MODE, |folder| folder.permissions().mode() & 0o7777)
        }
        // Who may read the file may enter its folder.
        "from_file" => file_mode | (file_mode & 0o444) >> 2,
        digits => u32::from_str_radix(digits, 8).map_err(|_| {
            let text = format!("dir_mode: \"{digits}\" is not an octal file mode");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?,
    };
    let missing: Vec<&Path> = folder.ancestors().take_while(|f| !f.exists()).collect();
    DirBuilder::new().recursive(true).mode(mode).create(folder)?;
    for made in missing.into_iter().filter(|made| !made.as_os_str().is_empty()) {
        fs::set_permissions(made, Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("pogo-log-{name}-{}", std::process::id()));
        // One of an earlier run may be there.
        let _ = fs::remove_dir_all(&path);
        path
    }

    fn config(folder: &Path, settings: &str) -> Config {
        let mut config: Config = serde_json::from_str(settings).expect("settings of a file");
        config.filename = folder.join("sub/a.log").display().to_string();
        config
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder.join("sub")).expect("the folder was made");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("it is there").file_name();
        let mut names: Vec<_> =
            entries.map(name).map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_has_grown_is_put_aside_and_compressed() {
        let folder = folder("grown");
        for (compression, ending) in [("gzip", ".log.gz"), ("zstd", ".log.zst"), ("none", ".log")] {
            let settings =
                format!(r#"{{"roll_size_mb":1,"roll_keep":1,"roll_compression":"{compression}"}}"#);
            let folder = folder.join(compression);
            let mut file = File::open(&config(&folder, &settings)).expect("it opens");
            for _ in 0..3 {
                file.write_all(&vec![b'x'; 600 << 10]).expect("written");
            }
            let deadline = Instant::now() + Duration::from_secs(10);
            let is_tidy = |names: &[String]| {
                matches!(names, [old, new] if new == "a.log" && old.ends_with(ending)
                    && old.starts_with("a-2") && old.contains("-size."))
            };
            while !is_tidy(&names(&folder)) {
                assert!(Instant::now() < deadline, "{:?}", names(&folder));
                std::thread::yield_now();
            }
        }
        fs::remove_dir_all(folder).expect("it was made");
    }

    #[test]
    fn modes_are_those_of_the_configuration() {
        let folder = folder("modes");
        let mode = |path: &str| {
            fs::metadata(folder.join(path)).expect("it is there").permissions().mode() & 0o777
        };
        File::open(&config(&folder, r#"{"mode":"0644","dir_mode":"from_file"}"#)).expect("opens");
        assert_eq!((mode("sub/a.log"), mode("sub")), (0o644, 0o755));
        fs::remove_dir_all(&folder).expect("it was made");
        File::open(&config(&folder, "{}")).expect("opens");
        assert_eq!((mode("sub/a.log"), mode("sub")), (0o600, 0o700));
        fs::remove_dir_all(&folder).expect("it was made");
    }

    #[track_caller]
    fn check_next(settings: &str, now: &str, expected: Option<&str>) {
        let rolls = Rolls::new(&serde_json::from_str(settings).expect("settings"));
        let now: Timestamp = now.parse().expect("a time");
        let next = rolls.expect("it is valid").after(&now);
        assert_eq!(next.map(|at| at.to_string()).as_deref(), expected);
    }

    #[test]
    fn the_next_time_is_the_first_of_all() {
        check_next("{}", "2026-01-02T03:04:05Z", None);
        let minutes = r#"{"roll_minutes":[0,30]}"#;
        check_next(minutes, "2026-01-02T03:04:05Z", Some("2026-01-02T03:30:00Z"));
        check_next(minutes, "2026-01-02T23:30:00Z", Some("2026-01-03T00:00:00Z"));
        let both = r#"{"roll_at":["12:00"],"roll_interval":3600000000000}"#;
        check_next(both, "2026-01-02T03:04:05Z", Some("2026-01-02T04:04:05Z"));
        check_next(both, "2026-01-02T11:30:00Z", Some("2026-01-02T12:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let wrong = |settings: &str| {
            let config = serde_json::from_str(settings).expect("settings");
            Rolls::new(&config).expect_err("it is wrong").to_string()
        };
        assert_eq!(wrong(r#"{"roll_at":["25:00"]}"#), "roll_at: \"25:00\" is no HH:MM");
        let minute = wrong(r#"{"roll_minutes":[60]}"#);
        assert_eq!(minute, "roll_minutes: a minute lies between 0 and 59");
    }
}
