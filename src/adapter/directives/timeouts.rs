//! `timeouts`: bounds how long reading and writing take.

use crate::adapter::error::Result;
use crate::adapter::scope::Scope;
use crate::adapter::values::{expect_size, integer_of, unknown};
use crate::config::duration::{Duration, DurationError};
use crate::config::handlers::{Handler, Timeouts};
use caddyfile_parser::Dispenser;

const SUBDIRECTIVES: [&str; 3] = ["read_timeout", "write_timeout", "max_write_chunk"];

/// Reads
///
/// ```caddyfile
/// timeouts [MATCHER] {
///     read_timeout DURATION [BYTES_PER_SECOND]
///     write_timeout DURATION [BYTES_PER_SECOND]
///     max_write_chunk SIZE
/// }
/// ```
///
/// Unlike elsewhere, durations know no days here.
pub(super) fn parse(d: &mut Dispenser, _: &Scope<'_>) -> Result<Handler> {
    d.next();
    let mut timeouts = Timeouts::default();
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "read_timeout" => {
                let (timeout, rate) = (&mut timeouts.read_timeout, &mut timeouts.read_min_rate);
                parse_timeout(d, "read_timeout", timeout, rate)?;
            }
            "write_timeout" => {
                let (timeout, rate) = (&mut timeouts.write_timeout, &mut timeouts.write_min_rate);
                parse_timeout(d, "write_timeout", timeout, rate)?;
            }
            "max_write_chunk" => {
                timeouts.max_write_chunk = expect_size(d, "parsing max_write_chunk")?;
            }
            other => {
                let text = format!("unrecognized timeouts subdirective '{other}'");
                return Err(unknown(d, text, &SUBDIRECTIVES));
            }
        }
    }
    Ok(Handler::Timeouts(timeouts))
}

/// Reads `DURATION [BYTES_PER_SECOND]`. A rate that is not given stays as it was.
fn parse_timeout(
    d: &mut Dispenser,
    word: &str,
    timeout: &mut Duration,
    rate: &mut i64,
) -> Result<()> {
    let args = d.remaining_args();
    let (duration, min_rate) = match args.as_slice() {
        [duration] => (duration, None),
        [duration, rate] => (duration, Some(rate)),
        _ => return Err(d.arg_err().into()),
    };
    *timeout = duration
        .parse()
        .map_err(|error: DurationError| d.err(format!("parsing {word}: {error}")))?;
    if let Some(text) = min_rate {
        *rate = integer_of(text, 64)
            .map_err(|error| d.err(format!("parsing {word} min_rate: {error}")))?;
    }
    Ok(())
}
