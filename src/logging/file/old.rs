//! Log files that were put aside: their names, and what becomes of them.

use go_template::layout;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned};
use parking_lot::Mutex;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Whoever has it may change old files.
static TURN: Mutex<()> = Mutex::new(());

/// How many milliseconds later a name may say than it is.
const LATER_MAX: i64 = 1000;

/// How they are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// What becomes of them.
#[derive(Clone, Debug)]
pub(super) struct Old {
    /// How many there may be.
    pub(super) keep: usize,
    /// For how long.
    pub(super) days: i64,
    pub(super) compression: Compression,
    /// Of the time in their names, as a layout of Go's, and where that time holds.
    pub(super) format: String,
    pub(super) zone: TimeZone,
}

impl Compression {
    const fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

impl Old {
    /// The name of a file that is put aside now: `a-TIME-REASON.log` for `a.log`.
    pub(super) fn name(&self, path: &Path, now: &Zoned, reason: &str) -> PathBuf {
        let (stem, ending) = parts(path);
        let name = |at: &Zoned| {
            let time = layout::format(&self.format, at);
            path.with_file_name(format!("{stem}-{time}-{reason}{ending}"))
        };
        let is_free = |path: &PathBuf| {
            ["", ".gz", ".zst"].iter().all(|ending| {
                let mut name = path.as_os_str().to_owned();
                name.push(ending);
                !Path::new(&name).exists()
            })
        };
        // No file takes another one's place: one of the same moment counts as a later one.
        let later = (0..LATER_MAX).filter_map(|ms| now.checked_add(ms.milliseconds()).ok());
        later.map(|at| name(&at)).find(is_free).unwrap_or_else(|| name(now))
    }

    /// Compresses and removes files on a thread of its own.
    pub(super) fn tidy(&self, path: &Path) {
        let (old, path) = (self.clone(), path.to_owned());
        let thread = std::thread::Builder::new().name("log-old".into());
        let work = move || {
            // One at a time: two would compress and remove the same files.
            let _turn = TURN.lock();
            old.work(&path);
        };
        // Without a thread they stay as they are until the next time.
        let _ = thread.spawn(work);
    }

    fn work(&self, path: &Path) -> Option<()> {
        let mut files = self.files(path)?;
        files.sort_by(|a, b| b.0.cmp(&a.0));
        let span = Span::new().try_days(self.days).ok()?;
        let oldest = Zoned::now().checked_sub(span).ok()?;
        for (i, (time, file)) in files.into_iter().enumerate() {
            if i >= self.keep || time < oldest {
                // Another configuration's thread may have been faster; so below.
                let _ = fs::remove_file(file);
            } else if !is_compressed(&file) {
                let _ = self.compress(&file);
            }
        }
        Some(())
    }

    /// The files that were put aside for a log, with their times.
    fn files(&self, path: &Path) -> Option<Vec<(Zoned, PathBuf)>> {
        let (stem, ending) = parts(path);
        let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
        let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
        let time_of = |name: &str| {
            let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(name);
            let inner = name.strip_prefix(&stem)?.strip_prefix('-')?.strip_suffix(&ending)?;
            let (time, _reason) = inner.rsplit_once('-')?;
            let time = layout::parse(&self.format, time).ok()?;
            time.datetime().to_zoned(self.zone.clone()).ok()
        };
        let files = entries.flatten().filter_map(|entry| {
            let time = time_of(entry.file_name().to_str()?)?;
            Some((time, entry.path()))
        });
        Some(files.collect())
    }

    fn compress(&self, path: &Path) -> io::Result<()> {
        if self.compression == Compression::None {
            return Ok(());
        }
        let mut from = File::open(path)?;
        let mode = from.metadata()?.permissions().mode();
        let mut name = path.as_os_str().to_owned();
        name.push(self.compression.ending());
        // It has its name when it is complete.
        let mut part = name.clone();
        part.push(".part");
        let mut options = fs::OpenOptions::new();
        let to = options.write(true).create(true).truncate(true).mode(mode).open(&part)?;
        match self.compression {
            Compression::None => {}
            Compression::Gzip => {
                let mut to = flate2::write::GzEncoder::new(to, flate2::Compression::default());
                io::copy(&mut from, &mut to)?;
                to.finish()?;
            }
            Compression::Zstd => zstd::stream::copy_encode(from, to, 0)?,
        }
        fs::rename(part, name)?;
        fs::remove_file(path)
    }
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "gz" || ending == "zst")
}

/// A file's name before its ending, and the ending with its dot.
fn parts(path: &Path) -> (String, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.rfind('.') {
        Some(at) => (name[..at].to_owned(), name[at..].to_owned()),
        None => (name.into_owned(), String::new()),
    }
}
