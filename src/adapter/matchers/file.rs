//! `file`: requests for which a file exists.

use super::Definition;
use crate::adapter::error::Result;
use crate::adapter::values::{expect_arg, expect_args, unknown};
use crate::config::matchers::File;
use caddyfile_parser::Dispenser;

const SUBDIRECTIVES: [&str; 4] = ["root", "try_files", "try_policy", "split_path"];

/// Reads
///
/// ```caddyfile
/// file [FILE…] {
///     root DIR
///     try_files FILE…
///     try_policy POLICY
///     split_path EXTENSION…
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser, into: &mut Definition<'_>) -> Result<()> {
    let mut file = File::default();
    while d.next() {
        file.try_files.extend(d.remaining_args());
        while d.next_block(0) {
            match d.val().to_owned().as_str() {
                "root" => file.root = expect_arg(d)?,
                "try_files" => {
                    file.try_files.extend(d.remaining_args());
                    if file.try_files.is_empty() {
                        return Err(d.arg_err().into());
                    }
                }
                "try_policy" => file.try_policy = expect_arg(d)?,
                "split_path" => file.split_path = expect_args(d)?,
                other => {
                    let text = format!("unrecognized subdirective: {other}");
                    return Err(unknown(d, text, &SUBDIRECTIVES));
                }
            }
        }
    }
    into.set.file = Some(file);
    Ok(())
}
