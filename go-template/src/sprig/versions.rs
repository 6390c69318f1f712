//! Semantic versions.

use super::Plain;
use super::args::Args;
use crate::{Error, Object, Result, Value};
use semver::{Version, VersionReq};
use std::rc::Rc;

/// The functions by name.
pub(super) const TABLE: &[(&str, Plain)] = &[
    ("semver", |a| Ok(Value::Object(Rc::new(Semver(version(&a.text(0)?)?))))),
    ("semverCompare", compare),
];

/// A version with fields.
struct Semver(Version);

impl Object for Semver {
    fn type_name(&self) -> &str {
        "*semver.Version"
    }

    fn field(&self, name: &str) -> Option<Value> {
        let number = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        Some(match name {
            "Major" => number(self.0.major),
            "Minor" => number(self.0.minor),
            "Patch" => number(self.0.patch),
            "Prerelease" => self.0.pre.as_str().into(),
            "Metadata" => self.0.build.as_str().into(),
            "Original" | "String" => self.0.to_string().into(),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
        let (Value::Object(other), "Compare") = (args.first()?, name) else { return None };
        let other = other.as_any().downcast_ref::<Self>()?;
        Some(Ok(Value::Int(self.0.cmp_precedence(&other.0) as i64)))
    }

    fn print(&self) -> String {
        self.0.to_string()
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

/// `semverCompare ">=1.2 <2 || ^3" VERSION`.
fn compare(a: &Args<'_>) -> Result<Value> {
    let (constraint, version) = (a.text(0)?, version(&a.text(1)?)?);
    for alternative in constraint.split("||") {
        if requirement(alternative)?.matches(&version) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// Constraints that must all hold, parted by commas or blanks; or a range with a hyphen.
fn requirement(text: &str) -> Result<VersionReq> {
    let bad = || Error::new(format!("improper constraint: {}", text.trim()));
    if let Some((low, high)) = text.split_once(" - ") {
        let range = format!(">={}, <={}", low.trim(), high.trim());
        return VersionReq::parse(&range).map_err(|_| bad());
    }
    let mut parts: Vec<String> = Vec::new();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        match parts.last_mut() {
            Some(last) if last.chars().all(|c| "<>=!~^".contains(c)) => last.push_str(word),
            _ => parts.push(word.to_owned()),
        }
    }
    let plain = |part: &String| {
        let at = part.find(|c: char| !"<>=!~^".contains(c)).unwrap_or(part.len());
        let (sign, number) = part.split_at(at);
        let number = number.strip_prefix('v').unwrap_or(number).replace(['x', 'X'], "*");
        let is_exact = sign.is_empty() && !number.contains('*');
        format!("{}{number}", if is_exact { "=" } else { sign })
    };
    let all: Vec<String> = parts.iter().map(plain).collect();
    VersionReq::parse(&all.join(", ")).map_err(|_| bad())
}
