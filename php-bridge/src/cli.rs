//! PHP's command line: `pogo-php cli FILE args…` and `pogo-php cli -r CODE args…`.

#![expect(unsafe_code, reason = "hands the arguments to PHP")]

use crate::complain;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

/// Runs a script, or code after `-r`, as PHP's own program does.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(script), is_code, name) = (match arguments.next() {
        Some(word) if word == "-r" => (arguments.next(), true, Some("Standard input code".into())),
        Some(word) if word == "-f" => (arguments.next(), false, None),
        first => (first, false, None),
    }) else {
        complain("pogo-php cli: a script, or -r and code, is required");
        return ExitCode::FAILURE;
    };
    let words = std::iter::once(name.unwrap_or_else(|| script.clone())).chain(arguments);
    // The kernel passes no argument that holds a NUL.
    let text = |word: OsString| CString::new(word.into_vec()).unwrap_or_default();
    let script = text(script);
    let words: Vec<CString> = words.map(text).collect();
    let mut pointers: Vec<_> = words.iter().map(|word| word.as_ptr().cast_mut()).collect();
    let count = i32::try_from(pointers.len()).unwrap_or(i32::MAX);
    pointers.push(std::ptr::null_mut());
    // SAFETY: this is the only thread, PHP was not started before, and the strings, which
    // PHP does not write to, outlive the call.
    let status =
        unsafe { php_sys::pogo_cli(count, pointers.as_mut_ptr(), script.as_ptr(), is_code) };
    ExitCode::from(u8::try_from(status & 0xff).unwrap_or(255))
}
