//! The frames that the server and its PHP processes exchange.
//!
//! Two kinds of sockets carry them, both `SOCK_SEQPACKET`, so that a message is
//! whole or absent and the death of one end is seen as end of file by the other:
//!
//! * one **worker link** for each worker: bodies, answers, outcomes of tasks ([`frame`], and
//!   the payloads in [`request`], [`response`], [`task`]);
//! * one **control link** for each zygote: fork, stop, exit ([`control`]).
//!
//! Beside its link each worker has an **inbox** in shared memory for its requests or tasks
//! ([`ring`]).
//!
//! Read [`frame`] first, then [`codec`], the payloads, and [`control`].
//!
//! What arrives from a worker is hostile: every length is read once, checked
//! against what is there, and only then used. This crate knows neither HTTP
//! serving nor PHP; it moves bytes between those who do.

pub mod codec;
pub mod control;
pub mod frame;
pub mod known;
pub mod request;
pub mod response;
pub mod ring;
pub mod task;

/// The version of everything in this crate; server and PHP host must agree.
pub const VERSION: u32 = 4;
