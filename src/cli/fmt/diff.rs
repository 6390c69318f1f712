//! How two texts differ, line by line.

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// In both texts.
    Both,
    /// In the first only.
    First,
    /// In the second only.
    Second,
}

/// How many pairs of lines are compared at most, at a byte each. Texts that differ in more
/// are shown one after the other.
const PAIRS_MAX: usize = 100_000_000;

/// The lines of both texts in their order: a longest common sequence of theirs once, and the
/// others with their side. Where several sequences are as long, it is the one that Caddy
/// shows.
pub(super) fn lines<T: Copy + PartialEq>(first: &[T], second: &[T]) -> Vec<(Side, T)> {
    let pairs = || first.iter().zip(second);
    let head = pairs().take_while(|(a, b)| a == b).count();
    let longest = first.len().min(second.len()) - head;
    let tails = first.iter().rev().zip(second.iter().rev()).take(longest);
    let tail = tails.take_while(|(a, b)| a == b).count();
    let middle = between(&first[head..first.len() - tail], &second[head..second.len() - tail]);
    let both = |line: &T| (Side::Both, *line);
    let end = first[first.len() - tail..].iter().map(both);
    first[..head].iter().map(both).chain(middle).chain(end).collect()
}

/// The same for what is left without the lines at both ends that are equal.
fn between<T: Copy + PartialEq>(first: &[T], second: &[T]) -> Vec<(Side, T)> {
    let steps = steps(first, second);
    let width = second.len() + 1;
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::with_capacity(first.len() + second.len());
    while i < first.len() || j < second.len() {
        let side = match steps.get(i * width + j) {
            Some(side) => *side,
            // Too many to compare: all of the second after all of the first.
            None if i < first.len() => Side::First,
            None => Side::Second,
        };
        lines.push((side, if side == Side::Second { second[j] } else { first[i] }));
        i += usize::from(side != Side::Second);
        j += usize::from(side != Side::First);
    }
    lines
}

/// What comes first of what is left after `i` lines of the first and `j` of the second, at
/// `i * width + j`, where the width is one more than the second has lines. Empty when that
/// would be too many.
fn steps<T: PartialEq>(first: &[T], second: &[T]) -> Vec<Side> {
    let width = second.len() + 1;
    let count = width.saturating_mul(first.len() + 1);
    if count > PAIRS_MAX {
        return Vec::new();
    }
    let mut steps = vec![Side::Second; count];
    // How long the longest common sequences are behind this line of the first, and the next.
    let (mut next, mut this) = (vec![0_u32; width], vec![0_u32; width]);
    for (i, line) in first.iter().enumerate().rev() {
        steps[i * width + second.len()] = Side::First;
        for (j, other) in second.iter().enumerate().rev() {
            let both = if line == other { next[j + 1] + 1 } else { 0 };
            this[j] = both.max(next[j]).max(this[j + 1]);
            steps[i * width + j] = match this[j] {
                length if length == next[j] => Side::First,
                length if length == this[j + 1] => Side::Second,
                _ => Side::Both,
            };
        }
        std::mem::swap(&mut next, &mut this);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of one character a line.
    #[track_caller]
    fn check(first: &str, second: &str, expected: &str) {
        let [first, second] = [first, second].map(|text| text.chars().collect::<Vec<char>>());
        let shown: Vec<String> = lines(&first, &second)
            .into_iter()
            .map(|(side, line)| match side {
                Side::Both => line.to_string(),
                Side::First => format!("-{line}"),
                Side::Second => format!("+{line}"),
            })
            .collect();
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn equal_lines_stand_once() {
        check("", "", "");
        check("abc", "abc", "a b c");
    }

    #[test]
    fn what_is_gone_comes_before_what_is_new() {
        check("axc", "ayc", "a -x +y c");
        check("ab", "xy", "-a -b +x +y");
        check("", "xy", "+x +y");
        check("ab", "", "-a -b");
    }

    #[test]
    fn as_much_as_can_be_is_kept() {
        check("abcbdab", "bdcaba", "-a -b -c b d +c a b +a");
        check("aab", "ab", "a -a b");
    }
}
