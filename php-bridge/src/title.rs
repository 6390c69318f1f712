//! What `ps` shows for this process.

#![expect(unsafe_code, reason = "writes over the arguments the kernel shows")]

use std::ptr::NonNull;

/// The memory in which the kernel keeps, and shows, this process's arguments and,
/// behind them, its environment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Title {
    room: Option<(NonNull<u8>, usize)>,
}

impl Title {
    /// Finds the room. The environment is moved out of it first.
    ///
    /// Call it before the arguments are needed no more, and in the only thread.
    pub(crate) fn take() -> Self {
        for (name, value) in std::env::vars_os() {
            // SAFETY: this is the only thread; each variable is copied to the heap.
            unsafe { std::env::set_var(name, value) };
        }
        Self { room: room() }
    }

    /// Shows `text`, cut to the room.
    pub(crate) fn show(self, text: &str) {
        let Some((start, len)) = self.room else { return };
        // SAFETY: `room` is this process's own writable memory, nothing points into it
        // since the environment moved out, and no reference to it outlives this call.
        let room = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), len) };
        let cut = text.len().min(len - 1);
        room.fill(0);
        room[..cut].copy_from_slice(&text.as_bytes()[..cut]);
    }
}

/// From the first argument to the end of the environment, as `/proc` tells it.
fn room() -> Option<(NonNull<u8>, usize)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything; fields count from behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<usize>().ok();
    let (arguments, environment_start, end) = (field(48)?, field(50)?, field(51)?);
    let in_order = arguments < environment_start && environment_start <= end;
    let start = NonNull::new(std::ptr::with_exposed_provenance_mut::<u8>(arguments))?;
    (in_order && end - arguments > 1).then_some((start, end - arguments))
}
