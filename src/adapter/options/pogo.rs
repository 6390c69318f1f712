//! `pogo`: the task pools.

use super::Options;
use crate::adapter::error::{Error, Result};
use crate::adapter::values::{expect_arg, integer, unknown};
use crate::config::duration::Duration;
use crate::config::php::{Pogo, Pool};
use caddyfile_parser::Dispenser;

/// Reads
///
/// ```caddyfile
/// pogo {
///     worker FILE
///     num_threads NUM
///     max_wait DURATION
///     pool NAME {
///         worker FILE
///         num_threads NUM
///         max_wait DURATION
///     }
/// }
/// ```
///
/// Whether each pool has what it needs is checked when the configuration is loaded, as
/// JSON can be wrong in the same ways.
pub(super) fn parse(d: &mut Dispenser, options: &mut Options) -> Result<()> {
    d.next();
    let mut pogo = Pogo::default();
    while d.next_block(0) {
        match d.val().to_owned().as_str() {
            "worker" => pogo.worker = expect_single(d, "worker")?,
            "num_threads" => pogo.num_threads = expect_threads(d)?,
            "max_wait" => pogo.max_wait = expect_wait(d)?,
            "pool" => pogo.pools.push(parse_pool(d)?),
            other => {
                let text = format!("unrecognized subdirective \"{other}\"");
                return Err(unknown(d, text, &["worker", "num_threads", "max_wait", "pool"]));
            }
        }
    }
    options.pogo = Some(pogo);
    Ok(())
}

fn parse_pool(d: &mut Dispenser) -> Result<Pool> {
    let mut pool = Pool { name: expect_single(d, "pool")?, ..Pool::default() };
    let nesting = d.nesting();
    while d.next_block(nesting) {
        match d.val().to_owned().as_str() {
            "worker" => pool.worker = expect_single(d, "worker")?,
            "num_threads" => pool.num_threads = expect_threads(d)?,
            "max_wait" => pool.max_wait = expect_wait(d)?,
            other => {
                let text = format!("unrecognized pool subdirective \"{other}\"");
                return Err(unknown(d, text, &["worker", "num_threads", "max_wait"]));
            }
        }
    }
    Ok(pool)
}

/// The only argument of a subdirective.
fn expect_single(d: &mut Dispenser, word: &str) -> Result<String> {
    let arg = expect_arg(d)?;
    if d.next_arg() {
        let text = format!("too many arguments for \"{word}\": {}", d.val());
        return Err(d.err(text).into());
    }
    Ok(arg)
}

fn expect_threads(d: &mut Dispenser) -> Result<u32> {
    let text = expect_single(d, "num_threads")?;
    let wrong = |error: String| Error::from(d.wrap_err(error));
    let number = integer(&text).map_err(wrong)?;
    u32::try_from(number)
        .map_err(|_| wrong(format!("strconv.Atoi: parsing {text:?}: value out of range")))
}

fn expect_wait(d: &mut Dispenser) -> Result<Duration> {
    let text = expect_single(d, "max_wait")?;
    Duration::parse(&text).map_err(|error| d.wrap_err(error).into())
}
