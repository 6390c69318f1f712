//! `pogo storage`: what certificates and keys are kept in, to and from an archive.

use super::args::Args;
use super::load::{Source, reason};
use super::{help, terminal};
use crate::config::storage::Storage;
use anyhow::{Context, anyhow, bail};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

/// Keys are nobody else's.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// `export`, `import`, or help.
pub(super) fn command(mut words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    match words.first().and_then(|word| word.to_str()) {
        Some("export") => export(words.split_off(1)),
        Some("import") => import(words.split_off(1)),
        _ => help::print("storage"),
    }
}

fn export(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let Some((root, output)) = parse("storage export", "output", words)? else {
        return help::print("storage export");
    };
    if output == "-" {
        pack(&root, &mut io::stdout().lock())?;
    } else {
        let mut file = OpenOptions::new();
        file.write(true).create(true).truncate(true).mode(FILE_MODE);
        let mut file = file.open(&output).map_err(|e| anyhow!("open {output}: {}", reason(&e)));
        pack(&root, file.as_mut().map_err(|error| anyhow!("opening output file: {error}"))?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn import(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let Some((root, input)) = parse("storage import", "input", words)? else {
        return help::print("storage import");
    };
    if input == "-" {
        unpack(&mut io::stdin().lock(), &root)?;
    } else {
        let mut file = File::open(&input)
            .map_err(|e| anyhow!("opening input file: open {input}: {}", reason(&e)))?;
        unpack(&mut file, &root)?;
    }
    terminal::print("Successfully imported storage\n")?;
    Ok(ExitCode::SUCCESS)
}

/// The folder and the archive that flags name; `None` when help is asked for.
fn parse(
    command: &'static str,
    archive: &str,
    words: Vec<OsString>,
) -> anyhow::Result<Option<(PathBuf, String)>> {
    let (mut source, mut path) = (Source::default(), String::new());
    let mut args = Args::new(command, words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return Ok(None),
            "--config" | "-c" => source.file = Some(args.value()?),
            name if name.strip_prefix("--") == Some(archive) => path = args.value()?,
            "-i" if archive == "input" => path = args.value()?,
            "-o" if archive == "output" => path = args.value()?,
            _ => return Err(args.unknown(&flag)),
        }
    }
    if source.file.is_none() {
        bail!("--config is required");
    }
    if path.is_empty() {
        bail!("--{archive} is required");
    }
    let loaded = source.load(None)?;
    let configured = loaded.config.storage.map(|storage| match storage {
        Storage::FileSystem(folder) => folder.root,
    });
    let root = configured.filter(|root| !root.is_empty()).map(PathBuf::from);
    Ok(Some((root.unwrap_or_else(super::environ::data_folder), path)))
}

/// Writes all files below a folder, by their paths in it.
fn pack(root: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut names = Vec::new();
    let missing = |e: &io::Error| anyhow!("lstat {}: {}", root.display(), reason(e));
    fs::symlink_metadata(root).map_err(|e| missing(&e))?;
    list(root, Path::new(""), &mut names).with_context(|| format!("reading {}", root.display()))?;
    let mut archive = tar::Builder::new(out);
    for name in names {
        let path = root.join(&name);
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let modified = fs::metadata(&path).and_then(|meta| meta.modified()).ok();
        let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let mut header = tar::Header::new_gnu();
        header.set_mode(FILE_MODE);
        header.set_size(bytes.len() as u64);
        header.set_mtime(modified.map_or(0, |since| since.as_secs()));
        let written = archive.append_data(&mut header, &name, bytes.as_slice());
        written.with_context(|| format!("writing archive entry {}", name.display()))?;
    }
    archive.finish().context("writing archive")
}

/// The files below a folder of the storage, in the order of their names.
fn list(root: &Path, folder: &Path, names: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(root.join(folder))?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = folder.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(root, &name, names)?;
        } else if kind.is_file() {
            names.push(name);
        }
    }
    Ok(())
}

/// Stores the files of an archive.
fn unpack(archive: &mut dyn Read, root: &Path) -> anyhow::Result<()> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().context("reading archive")? {
        let mut entry = entry.context("reading archive")?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().context("reading archive")?.into_owned();
        let is_below = name.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_below {
            bail!("reading archive: {} is not below the storage", name.display());
        }
        let path = root.join(&name);
        let folder = path.parent().unwrap_or(root);
        let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
        made.with_context(|| format!("making {}", folder.display()))?;
        let mut file = OpenOptions::new();
        file.write(true).create(true).truncate(true).mode(FILE_MODE);
        let mut file = file.open(&path).with_context(|| format!("storing {}", name.display()))?;
        io::copy(&mut entry, &mut file).with_context(|| format!("storing {}", name.display()))?;
    }
    Ok(())
}
