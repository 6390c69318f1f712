//! Tasks: `pogo_spawn`, `pogo_await`, and the pools whose workers run them.
