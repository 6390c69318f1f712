//! Tasks: `pogo_spawn`, `pogo_await`, and the pools whose workers run them.
//!
//! Reading order: [`broker`] decides (who runs which task, who waits on whom, what is
//! refused), [`Tasks`] keeps it behind a lock, tells it the time and carries out what it
//! says through [`Hands`]; tasks go to their workers through [`Runner`]. The JSON of
//! messages and results passes through unread.
//!
//! This room knows no process and no socket; `php` lends it its hands.

pub(crate) mod broker;
pub(crate) mod quote;
mod tasks;

pub(crate) use broker::Runner;
pub(crate) use tasks::{Hands, Tasks};
