//! How many workers there are: FrankenPHP's sums, with its errors.
//!
//! `num_threads` counts the workers of worker scripts and those that run any script; of
//! the latter there is always one. Task pools are not counted: they have their own numbers.

use super::settings::{SettingsError, Size};
use crate::pogo::quote::quoted;

/// What the configuration says about one worker script.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Its file, as the errors name it.
    pub file: &'a str,
    /// How many workers run it; twice the CPUs when 0.
    pub num: u32,
    /// How far their number may rise; not by itself when 0.
    pub max: i64,
}

/// How many workers there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threads {
    /// Those that run any script.
    pub classic: Size,
    /// Those of each worker script.
    pub scripts: Vec<Size>,
    /// How many there may be in all.
    pub max: u32,
}

/// Counts the workers. `num` is `num_threads` and `max` is `max_threads`, 0 when they are
/// not set; -1 is automatic, for which twice the number is taken.
///
/// # Errors
/// When the numbers contradict one another.
pub fn count(
    num: u32,
    max: i64,
    scripts: &[Wish<'_>],
    cpus: u32,
) -> Result<Threads, SettingsError> {
    let usual = cpus.saturating_mul(2).max(1);
    let mut of_scripts = 0_u32;
    let mut extra = 0_u32;
    for wish in scripts {
        let own = if wish.num == 0 { usual } else { wish.num };
        of_scripts = of_scripts.saturating_add(own);
        extra = extra.saturating_add(check_script(wish, max)?);
    }
    let total = total(num, of_scripts, usual, max != 0 || extra > 0)?;
    let max_total = match max {
        0 => total.saturating_add(extra),
        ..0 => total.saturating_mul(2),
        1.. => u32::try_from(max).unwrap_or(u32::MAX),
    };
    check_max(num, max_total, total, of_scripts)?;
    let classic = total - of_scripts;
    let spare = max_total - total;
    let size = |wish: &Wish<'_>| {
        let own = if wish.num == 0 { usual } else { wish.num };
        let most = u32::try_from(wish.max).ok().filter(|max| *max > 0);
        Size { num: own, max: most.unwrap_or(own.saturating_add(spare)).max(own) }
    };
    Ok(Threads {
        classic: Size { num: classic, max: classic.saturating_add(spare) },
        scripts: scripts.iter().map(size).collect(),
        max: max_total,
    })
}

/// How many workers above its number a script asks for.
fn check_script(wish: &Wish<'_>, max_total: i64) -> Result<u32, SettingsError> {
    if wish.max <= 0 {
        return Ok(0);
    }
    let (num, max, file) = (wish.num, wish.max, quoted(wish.file));
    if max < i64::from(num) {
        return invalid(format!(
            "worker max_threads ({max}) must be greater or equal to worker num ({num}) ({file})"
        ));
    }
    if max_total > 0 && max > max_total {
        return invalid(format!(
            "worker max_threads ({max}) cannot be greater than total max_threads ({max_total}) ({file})"
        ));
    }
    Ok(u32::try_from(max - i64::from(num)).unwrap_or(u32::MAX))
}

/// How many workers there usually are in all.
fn total(num: u32, of_scripts: u32, usual: u32, has_max: bool) -> Result<u32, SettingsError> {
    match num {
        0 if has_max || of_scripts >= usual => Ok(of_scripts.saturating_add(1)),
        0 => Ok(usual),
        _ if num <= of_scripts => invalid(format!(
            "num_threads ({num}) must be greater than the number of worker threads ({of_scripts})"
        )),
        _ => Ok(num),
    }
}

/// Whether there may be as many workers as there usually are.
fn check_max(num: u32, max: u32, total: u32, of_scripts: u32) -> Result<(), SettingsError> {
    if max >= total {
        return Ok(());
    }
    invalid(if num == 0 {
        format!(
            "max_threads ({max}) must be greater than the number of worker threads ({of_scripts})"
        )
    } else {
        format!("max_threads ({max}) must be greater than or equal to num_threads ({num})")
    })
}

fn invalid<T>(text: String) -> Result<T, SettingsError> {
    Err(SettingsError::Invalid(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With 4 CPUs: `num_threads`, `max_threads`, number and maximum of each script; then
    /// how many there are in all, of which so many run any script, and how many at most.
    #[track_caller]
    fn check(num: u32, max: i64, scripts: &[(u32, i64)], expected: Result<(u32, u32, u32), &str>) {
        let wishes: Vec<_> =
            scripts.iter().map(|(num, max)| Wish { file: "w.php", num: *num, max: *max }).collect();
        let got = count(num, max, &wishes, 4).map(|t| {
            let of_scripts: u32 = t.scripts.iter().map(|s| s.num).sum();
            (of_scripts + t.classic.num, t.classic.num, t.max)
        });
        assert_eq!(got.map_err(|e| e.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn numbers_that_are_not_set_follow_from_the_cpus_and_the_scripts() {
        check(0, 0, &[], Ok((8, 8, 8)));
        check(0, 0, &[(1, 0)], Ok((8, 7, 8)));
        check(0, 0, &[(0, 0)], Ok((9, 1, 9)));
        check(0, 0, &[(20, 0)], Ok((21, 1, 21)));
        check(0, 50, &[(2, 0)], Ok((3, 1, 50)));
        check(0, -1, &[(2, 0)], Ok((3, 1, 6)));
        check(5, -1, &[], Ok((5, 5, 10)));
        check(0, 0, &[(2, 5)], Ok((3, 1, 6)));
        check(9, 0, &[(2, 5)], Ok((9, 7, 12)));
    }

    #[test]
    fn numbers_that_contradict_one_another_are_refused() {
        let few = "num_threads (2) must be greater than the number of worker threads (2)";
        check(2, 0, &[(2, 0)], Err(few));
        check(2, 9, &[(2, 0)], Err(few));
        let small = "max_threads (2) must be greater than the number of worker threads (2)";
        check(0, 2, &[(2, 0)], Err(small));
        let low = "max_threads (4) must be greater than or equal to num_threads (5)";
        check(5, 4, &[], Err(low));
        let own = "worker max_threads (1) must be greater or equal to worker num (2) (\"w.php\")";
        check(0, 0, &[(2, 1)], Err(own));
        let more =
            "worker max_threads (9) cannot be greater than total max_threads (4) (\"w.php\")";
        check(0, 4, &[(2, 9)], Err(more));
    }

    #[test]
    fn a_script_may_have_what_is_spare_unless_it_says_otherwise() {
        let wish = |num, max| Wish { file: "w.php", num, max };
        let got = count(4, 10, &[wish(1, 3), wish(1, 0)], 4).expect("consistent");
        let size = |num, max| Size { num, max };
        assert_eq!(got.scripts, [size(1, 3), size(1, 7)]);
        assert_eq!(got.classic, size(2, 8));
    }
}
