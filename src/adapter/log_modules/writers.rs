//! Writers: where a log goes.

use crate::adapter::error::{Error, Result};
use crate::adapter::values::{
    expect_arg, expect_args, expect_no_arg, expect_only_arg, integer, not_registered, size,
    unknown, unsigned_of,
};
use crate::config::NoFields;
use crate::config::duration::Duration;
use crate::config::logging::writers::{File, FileMode, Net, Writer};
use caddyfile_parser::Dispenser;

const WRITERS: [&str; 5] = ["stdout", "stderr", "discard", "file", "net"];

const FILE_SETTINGS: [&str; 13] = [
    "mode",
    "dir_mode",
    "roll_disabled",
    "roll_size",
    "roll_uncompressed",
    "roll_compression",
    "roll_local_time",
    "roll_keep",
    "roll_keep_for",
    "roll_interval",
    "roll_minutes",
    "roll_at",
    "backup_time_format",
];

const COMPRESSIONS: [&str; 3] = ["none", "gzip", "zstd"];

const MIB: u64 = 1 << 20;
const DAY: i64 = 86_400_000_000_000;

/// Reads `output WRITER …`, of which `output` is loaded.
pub(in crate::adapter) fn parse_writer(d: &mut Dispenser) -> Result<Writer> {
    Ok(match expect_arg(d)?.as_str() {
        "stdout" => Writer::Stdout(NoFields {}),
        "stderr" => Writer::Stderr(NoFields {}),
        "discard" => Writer::Discard(NoFields {}),
        "file" => Writer::File(parse_file(&mut d.new_from_next_segment())?),
        "net" => Writer::Net(parse_net(&mut d.new_from_next_segment())?),
        name => return Err(not_registered(d, "caddy.logging.writers", name, &WRITERS)),
    })
}

/// Reads
///
/// ```caddyfile
/// file PATH {
///     mode OCTAL
///     dir_mode OCTAL | inherit | from_file
///     roll_disabled
///     roll_size SIZE
///     roll_uncompressed
///     roll_compression none | gzip | zstd
///     roll_local_time
///     roll_keep NUM
///     roll_keep_for DURATION
///     roll_interval DURATION
///     roll_minutes MINUTE…
///     roll_at HH:MM…
///     backup_time_format LAYOUT
/// }
/// ```
///
/// Minutes and times may also stand in one word, with commas between them.
fn parse_file(d: &mut Dispenser) -> Result<File> {
    d.next();
    let mut file = File { filename: expect_arg(d)?, ..File::default() };
    expect_no_arg(d)?;
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "mode" => {
                let text = expect_only_arg(d)?;
                file.mode = parse_mode(d, "mode", &text)?;
            }
            "dir_mode" => {
                let text = expect_only_arg(d)?.trim().to_owned();
                if !["inherit", "from_file"].contains(&text.to_lowercase().as_str()) {
                    parse_mode(d, "dir_mode", &text)?;
                }
                file.dir_mode = text;
            }
            "backup_time_format" => file.backup_time_format = expect_only_arg(d)?,
            word if word.starts_with("roll_") => parse_rolling(d, word, &mut file)?,
            other => return Err(unknown_setting(d, other)),
        }
    }
    Ok(file)
}

/// Reads one of the settings that say when a file is rolled, and what happens to it then.
fn parse_rolling(d: &mut Dispenser, word: &str, file: &mut File) -> Result<()> {
    match word {
        "roll_disabled" => {
            file.roll = Some(false);
            expect_no_arg(d)?;
        }
        "roll_size" => {
            let bytes = size(&expect_only_arg(d)?)
                .map_err(|error| d.err(format!("parsing size: {error}")))?;
            file.roll_size_mb = bytes.div_ceil(MIB).cast_signed();
        }
        "roll_uncompressed" => {
            file.roll_gzip = Some(false);
            expect_no_arg(d)?;
        }
        "roll_compression" => {
            file.roll_compression = expect_only_arg(d)?.trim().to_lowercase();
            if !COMPRESSIONS.contains(&file.roll_compression.as_str()) {
                let text = "parsing roll_compression: must be 'none', 'gzip' or 'zstd'";
                return Err(unknown(d, text.to_owned(), &COMPRESSIONS));
            }
        }
        "roll_local_time" => {
            file.roll_local_time = true;
            expect_no_arg(d)?;
        }
        "roll_keep" => {
            file.roll_keep = integer(&expect_only_arg(d)?)
                .map_err(|error| d.err(format!("parsing roll_keep number: {error}")))?;
        }
        "roll_keep_for" => file.roll_keep_days = parse_days(d)?,
        "roll_interval" => {
            file.roll_interval = Duration::parse(&expect_only_arg(d)?)
                .map_err(|error| d.err(format!("parsing roll_interval duration: {error}")))?;
        }
        "roll_minutes" => {
            let minutes: std::result::Result<_, _> =
                parse_list(d, word)?.iter().map(|text| integer(text)).collect();
            file.roll_minutes =
                minutes.map_err(|error| d.err(format!("parsing roll_minutes number: {error}")))?;
        }
        "roll_at" => file.roll_at = parse_list(d, word)?,
        other => return Err(unknown_setting(d, other)),
    }
    Ok(())
}

/// Reads octal digits; `what` they are the mode of. Four of them stand in an error, as Go
/// fills them up.
fn parse_mode(d: &Dispenser, what: &str, text: &str) -> Result<FileMode> {
    match unsigned_of(&format!("{text:0>4}"), 8, 32) {
        Ok(mode) => Ok(FileMode(u32::try_from(mode).expect("32 bits were asked for"))),
        Err(error) => Err(d.err(format!("parsing {what}: {error}")).into()),
    }
}

/// Reads a duration as the days that have begun in it.
fn parse_days(d: &mut Dispenser) -> Result<i64> {
    let span = Duration::parse(&expect_only_arg(d)?)
        .map_err(|error| d.err(format!("parsing roll_keep_for duration: {error}")))?;
    if span.0 < 0 {
        return Err(d.err(format!("negative roll_keep_for duration: {span}")).into());
    }
    Ok(span.0 / DAY + i64::from(span.0 % DAY > 0))
}

/// Reads the words of a line, which may have commas in them.
fn parse_list(d: &mut Dispenser, word: &str) -> Result<Vec<String>> {
    let args = expect_args(d)?;
    let items = args.iter().flat_map(|arg| arg.split(',')).map(str::trim);
    let items: Vec<String> = items.map(str::to_owned).collect();
    if items.iter().any(String::is_empty) {
        return Err(d.err(format!("parsing {word}: empty value")).into());
    }
    Ok(items)
}

/// Reads `net ADDRESS { dial_timeout DURATION; soft_start }`.
fn parse_net(d: &mut Dispenser) -> Result<Net> {
    d.next();
    let mut net = Net { address: expect_arg(d)?, ..Net::default() };
    expect_no_arg(d)?;
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "dial_timeout" => {
                let text = expect_arg(d)?;
                net.dial_timeout = Duration::parse(&text)
                    .map_err(|_| d.err(format!("invalid duration: {text}")))?;
            }
            "soft_start" => net.soft_start = true,
            other => {
                let text = format!("unrecognized subdirective '{other}'");
                return Err(unknown(d, text, &["dial_timeout", "soft_start"]));
            }
        }
        expect_no_arg(d)?;
    }
    Ok(net)
}

fn unknown_setting(d: &Dispenser, word: &str) -> Error {
    unknown(d, format!("unrecognized subdirective '{word}'"), &FILE_SETTINGS)
}
