//! Semantic versions.

use super::Plain;
use crate::{Error, Object, Result, Value};
use semver::{BuildMetadata, Prerelease, Version};
use std::cmp::Ordering;
use std::rc::Rc;

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("semver", |a| {
        let original = a.text(0)?;
        Ok(value(version(&original)?, original))
    }),
    ("semverCompare", |a| Ok(satisfies(&a.text(0)?, &version(&a.text(1)?)?)?.into())),
];

/// A version with fields.
struct Semver {
    version: Version,
    original: String,
}

fn value(version: Version, original: String) -> Value {
    Value::Object(Rc::new(Semver { version, original }))
}

impl Object for Semver {
    fn type_name(&self) -> &str {
        "*semver.Version"
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let number = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let Version { major, minor, patch, pre, build } = &self.version;
        let next = |version: Version| {
            let original = version.to_string();
            value(version, original)
        };
        let other = match args.first() {
            Some(Value::Object(other)) => other.as_any().downcast_ref::<Self>(),
            _ => None,
        };
        Some(Ok(match (name, other) {
            ("Major", _) => number(*major),
            ("Minor", _) => number(*minor),
            ("Patch", _) => number(*patch),
            ("Prerelease", _) => pre.as_str().into(),
            ("Metadata", _) => build.as_str().into(),
            ("Original", _) => self.original.as_str().into(),
            ("String", _) => self.print().into(),
            ("IncMajor", _) => next(Version::new(major + 1, 0, 0)),
            ("IncMinor", _) => next(Version::new(*major, minor + 1, 0)),
            // What comes before a version is followed by the version itself.
            ("IncPatch", _) => {
                next(Version::new(*major, *minor, patch + u64::from(pre.is_empty())))
            }
            ("Compare", Some(other)) => {
                Value::Int(self.version.cmp_precedence(&other.version) as i64)
            }
            ("LessThan", Some(other)) => self.version.cmp_precedence(&other.version).is_lt().into(),
            ("GreaterThan", Some(other)) => {
                self.version.cmp_precedence(&other.version).is_gt().into()
            }
            ("Equal", Some(other)) => self.version.cmp_precedence(&other.version).is_eq().into(),
            _ => return None,
        }))
    }

    fn print(&self) -> String {
        self.version.to_string()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// A version, which may have a `v` before it and lack its last numbers.
fn version(text: &str) -> Result<Version> {
    let plain = text.strip_prefix('v').unwrap_or(text);
    let end = plain.find(['-', '+']).unwrap_or(plain.len());
    let (numbers, rest) = plain.split_at(end);
    let missing = 2_usize.saturating_sub(numbers.matches('.').count());
    let full = format!("{numbers}{}{rest}", ".0".repeat(missing));
    Version::parse(&full).map_err(|_| Error::new("Invalid Semantic Version"))
}

/// What a version must be like.
struct Constraint {
    sign: &'static str,
    /// The least version that is meant, and how many of its numbers were given.
    least: Version,
    given: usize,
}

/// The signs, those first that begin with others.
const SIGNS: [&str; 11] = ["!=", "=>", ">=", "=<", "<=", "~>", "=", ">", "<", "~", "^"];

/// Whether a version satisfies constraints: one of those that `||` parts, whose parts by commas
/// or blanks must all hold.
fn satisfies(constraints: &str, version: &Version) -> Result<bool> {
    let mut is_any = false;
    for alternative in constraints.split("||") {
        let mut holds = true;
        for constraint in all(alternative)? {
            holds &= constraint.allows(version);
        }
        is_any |= holds;
    }
    Ok(is_any)
}

/// The constraints of an alternative; a range with a hyphen is two.
fn all(text: &str) -> Result<Vec<Constraint>> {
    let bad = || Error::new(format!("improper constraint: {}", text.trim()));
    if let Some((low, high)) = text.split_once(" - ") {
        let low = Constraint::parse(&format!(">={}", low.trim())).ok_or_else(bad)?;
        let high = Constraint::parse(&format!("<={}", high.trim())).ok_or_else(bad)?;
        return Ok(vec![low, high]);
    }
    let mut words: Vec<String> = Vec::new();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        match words.last_mut() {
            Some(last) if SIGNS.contains(&last.as_str()) => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    if words.is_empty() {
        return Err(bad());
    }
    words.iter().map(|word| Constraint::parse(word).ok_or_else(bad)).collect()
}

impl Constraint {
    fn parse(text: &str) -> Option<Self> {
        let sign = SIGNS.iter().find(|sign| text.starts_with(**sign)).copied().unwrap_or("");
        let rest = &text[sign.len()..];
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        let end = rest.find(['-', '+']).unwrap_or(rest.len());
        let (numbers, more) = rest.split_at(end);
        let is_wild = |word: &&str| !matches!(*word, "x" | "X" | "*");
        let words: Vec<&str> = numbers.split('.').take_while(is_wild).collect();
        let mut parts = words.iter().map(|word| word.parse::<u64>());
        let mut part = || parts.next().unwrap_or(Ok(0)).ok();
        let mut least = Version::new(part()?, part()?, part()?);
        let is_number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
        let is_known = |word: &str| !is_wild(&word) || is_number(word);
        if numbers.split('.').count() > 3 || !numbers.split('.').all(is_known) {
            return None;
        }
        let (pre, build) = more.split_once('+').unwrap_or((more, ""));
        least.pre = Prerelease::new(pre.strip_prefix('-').unwrap_or(pre)).ok()?;
        least.build = BuildMetadata::new(build).ok()?;
        Some(Self { sign, least, given: words.len() })
    }

    /// The first version whose given numbers are higher, the last of these `kept` ones being
    /// raised.
    fn above(&self, kept: usize) -> Version {
        let Version { major, minor, patch, .. } = self.least;
        match kept {
            0 => Version::new(u64::MAX, 0, 0),
            1 => Version::new(major + 1, 0, 0),
            2 => Version::new(major, minor + 1, 0),
            _ => Version::new(major, minor, patch + 1),
        }
    }

    fn allows(&self, version: &Version) -> bool {
        // What comes before a version is wanted only where one such is named.
        if !version.pre.is_empty() && self.least.pre.is_empty() {
            return false;
        }
        let is = |order: fn(Ordering) -> bool| order(version.cmp_precedence(&self.least));
        let below = |end: &Version| version.cmp_precedence(end).is_lt();
        let within = |end: &Version| is(Ordering::is_ge) && below(end);
        let Version { major, minor, .. } = self.least;
        match self.sign {
            "" | "=" if self.given == 3 => is(Ordering::is_eq),
            "" | "=" => within(&self.above(self.given)),
            "!=" if self.given == 3 => is(Ordering::is_ne),
            "!=" => !within(&self.above(self.given)),
            ">" if self.given == 3 => is(Ordering::is_gt),
            ">" => !below(&self.above(self.given)),
            ">=" | "=>" => is(Ordering::is_ge),
            "<" => is(Ordering::is_lt),
            "<=" | "=<" if self.given == 3 => is(Ordering::is_le),
            "<=" | "=<" => below(&self.above(self.given)),
            "~" | "~>" => within(&self.above(self.given.min(2))),
            // The first number that is not 0 stays.
            _ if major > 0 || self.given < 2 => within(&self.above(self.given.min(1))),
            _ if minor > 0 || self.given < 3 => within(&self.above(2)),
            _ => within(&self.above(3)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_hold_as_in_sprig() {
        for (constraint, text, expected) in [
            ("^1.2.0", "1.9.0", true),
            (">=1.2 <2 || 3.x", "2.1.0", false),
            ("~1.2.0", "1.2.9", true),
            ("*", "1.0.0", true),
            (">1.0", "1.0.5", false),
            ("!=1.2.3", "1.2.4", true),
            ("1.2 - 1.4", "1.4.5", true),
            ("^0.2.3", "0.3.0", false),
            ("~1", "1.9.0", true),
            ("^1.2.0", "1.3.0-beta", false),
            ("^1.2.0-0", "1.3.0-beta", true),
            ("<=1.2", "1.2.9", true),
            (">= 1.2.0, < 2", "1.5.0", true),
            (">1", "1.5.0", false),
        ] {
            let version = version(text).expect("a version");
            assert_eq!(satisfies(constraint, &version), Ok(expected), "{constraint} {text}");
        }
        assert!(satisfies("x.y", &Version::new(1, 0, 0)).is_err());
    }
}
