//! Storages: where certificates and keys are kept.

use super::error::Result;
use super::values::{expect_no_arg, not_registered, unknown};
use crate::config::storage::{FileSystem, Storage};
use caddyfile_parser::Dispenser;

/// Reads the storage whose name is loaded, with its block:
///
/// ```caddyfile
/// file_system [FOLDER] {
///     root FOLDER
/// }
/// ```
pub(super) fn parse(d: &mut Dispenser) -> Result<Storage> {
    match d.val() {
        "file_system" => {
            let folder = parse_file_system(&mut d.new_from_next_segment())?;
            Ok(Storage::FileSystem(folder))
        }
        name => Err(not_registered(d, "caddy.storage", name, &["file_system"])),
    }
}

fn parse_file_system(d: &mut Dispenser) -> Result<FileSystem> {
    d.next();
    let mut storage = FileSystem::default();
    if d.next_arg() {
        d.val().clone_into(&mut storage.root);
        expect_no_arg(d)?;
    }
    while d.next_block(0) {
        if d.val() != "root" {
            let text = format!("unrecognized parameter '{}'", d.val());
            return Err(unknown(d, text, &["root"]));
        }
        if !d.next_arg() {
            return Err(d.arg_err().into());
        }
        if !storage.root.is_empty() {
            return Err(d.err("root already set").into());
        }
        d.val().clone_into(&mut storage.root);
        expect_no_arg(d)?;
    }
    if storage.root.is_empty() {
        let text = "missing root path (to use default, omit storage config entirely)";
        return Err(d.err(text).into());
    }
    Ok(storage)
}
