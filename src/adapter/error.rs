//! What is wrong with a Caddyfile: Caddy's text, and where it points.

use super::Warning;
use caddyfile_parser::{Dispenser, Error as LanguageError, Loader, Token};
use std::fmt;
use std::sync::Arc;

/// Why a Caddyfile does not adapt. Shown in Caddy's words; [`Error::excerpt`] adds the
/// source line with a caret and, for a misspelt word, what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    text: String,
    place: Option<Place>,
    hint: Option<String>,
    warnings: Vec<Warning>,
}

/// The word that an error blames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The word without its quotes.
    pub word: String,
}

pub(super) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Where the error lies, when it is known.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// What may have been meant.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What looked odd before the error was met.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Where the error lies, the source line, and a caret below the word with the hint; on
    /// four lines, for people. `None` when the place is not known or cannot be read.
    pub fn excerpt(&self, loader: &dyn Loader) -> Option<String> {
        let place = self.place.as_ref()?;
        let source = loader.read(&place.file).ok()?;
        let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let line = source.split(|byte| *byte == b'\n').nth(index)?;
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        // A word of several lines is marked on its first.
        let word = place.word.lines().next().unwrap_or_default();
        let at = position(line, word).unwrap_or(line.len() - line.trim_start().len());
        let indent: String =
            line[..at].chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let carets = "^".repeat(word.chars().count().max(1));
        let hint = self.hint.as_ref().map(|hint| format!(" {hint}")).unwrap_or_default();
        let Place { file, .. } = place;
        Some(format!(
            "{margin}--> {file}:{number}\n{margin} |\n{number} | {line}\n{margin} | {indent}{carets}{hint}"
        ))
    }

    /// An error that names its place itself, or has none.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), place: None, hint: None, warnings: Vec::new() }
    }

    /// An error whose text names no place, or names it in its own way.
    pub(super) fn blame(token: &Token, text: impl Into<String>) -> Self {
        let place = Place { file: token.file.clone(), line: token.line, word: token.text.clone() };
        Self { place: Some(place), ..Self::new(text) }
    }

    /// The same error, which lies at `token` unless its place is known.
    pub(super) fn at(self, token: &Token) -> Self {
        if self.place.is_some() {
            self
        } else {
            Self { hint: self.hint, ..Self::blame(token, self.text) }
        }
    }

    /// The same error, which lies at `token` whatever its text says.
    pub(super) fn relocate(self, token: &Token) -> Self {
        Self { hint: self.hint, ..Self::blame(token, self.text) }
    }

    /// The same error with what the reading of some token was wrapped into; the innermost
    /// place is kept.
    pub(super) fn wrap(self, wrapper: impl FnOnce(&str) -> String) -> Self {
        Self { text: wrapper(&self.text), ..self }
    }

    /// As [`Error::wrap`], and the place of the loaded token goes into the text, too.
    pub(super) fn wrap_at(self, d: &Dispenser, wrapper: impl FnOnce(&str) -> String) -> Self {
        let text = d.err(wrapper(&self.text)).to_string();
        Self { text, ..self }
    }

    /// The same error after what looked odd.
    pub(super) fn after(mut self, warnings: Vec<Warning>) -> Self {
        self.warnings = warnings;
        self
    }

    /// Adds which of the `known` words may have been meant by the one that is blamed.
    pub(super) fn suggest<'a>(mut self, known: impl IntoIterator<Item = &'a str>) -> Self {
        let word = self.place.as_ref().map_or("", |place| &place.word);
        self.hint = nearest(word, known).map(|near| format!("did you mean \"{near}\"?"));
        self
    }

    /// Adds a hint unless there is one.
    pub(super) fn or_hint(mut self, hint: &str) -> Self {
        self.hint.get_or_insert_with(|| hint.to_owned());
        self
    }

    /// Adds what may have been meant by a subdirective that another directive, which reads
    /// the rest of the block, does not know either, and for which it has no suggestion.
    pub(super) fn or_suggest(self, known: &[&str]) -> Self {
        let is_unknown = self.text.contains("unrecognized subdirective ");
        if self.hint.is_none() && is_unknown { self.suggest(known.iter().copied()) } else { self }
    }

    /// Adds a hint of its own words.
    pub(super) fn hint_at(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }
}

impl From<LanguageError> for Error {
    fn from(error: LanguageError) -> Self {
        let place = error.position().filter(|place| place.line > 0).map(|place| Place {
            file: place.file.clone(),
            line: place.line,
            word: place.word.clone(),
        });
        let mut known: Vec<&str> = error.known().iter().map(String::as_str).collect();
        known.sort_unstable();
        Self { place, ..Self::new(error.to_string()) }.suggest(known)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

/// Where a word stands in a line: by itself if it does, else within another.
fn position(line: &str, word: &str) -> Option<usize> {
    let is_alone = |at: &usize| {
        let (before, after) = (&line[..*at], &line[at + word.len()..]);
        !before.ends_with(|c: char| !c.is_whitespace())
            && !after.starts_with(|c: char| !c.is_whitespace())
    };
    line.match_indices(word).map(|(at, _)| at).find(is_alone).or_else(|| line.find(word))
}

/// The known word that differs least from `word`, when it is a likely slip.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A slip in every third letter is another word.
    let limit = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = [vec![0; b.len() + 1], (0..=b.len()).collect(), vec![0; b.len() + 1]];
    for i in 1..=a.len() {
        let [before, last, next] = &mut rows;
        next[0] = i;
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            next[j] = change.min(last[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                next[j] = next[j].min(before[j - 2] + 1);
            }
        }
        rows.rotate_left(1);
    }
    rows[1][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, meant: Option<&str>) {
        let known = ["respond", "redir", "root", "reverse_proxy", "header", "handle"];
        assert_eq!(nearest(word, known), meant, "{word}");
    }

    #[test]
    fn a_slip_is_recognized() {
        check("respnod", Some("respond"));
        check("redirr", Some("redir"));
        check("heaer", Some("header"));
        check("revers_proxi", Some("reverse_proxy"));
    }

    #[test]
    fn the_caret_stands_below_the_word_itself() {
        assert_eq!(position("\trespond @a a", "a"), Some(12));
        assert_eq!(position("\trespond \"a\"", "a"), Some(10));
        assert_eq!(position("\trespond {$X}", "b"), None);
        assert_eq!(position("ü ü", "ü"), Some(0));
    }

    #[test]
    fn another_word_is_not_a_slip() {
        check("gzip", None);
        check("x", None);
        check("", None);
    }
}
