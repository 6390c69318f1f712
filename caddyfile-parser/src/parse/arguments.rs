//! `{args[…]}` in imported tokens.

use super::{Fact, Warning};
use crate::token::Token;

/// The arguments of one import statement.
pub(super) struct Arguments<'parser> {
    pub(super) values: &'parser [Token],
    pub(super) warnings: &'parser mut Vec<Warning>,
}

/// A token would become longer than it may, or looking for its arguments would take longer
/// than it is worth.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// How a placeholder names an argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `{args[0]}`
    Bracketed,
    /// `{args.0}`
    Deprecated,
}

impl<'parser> Arguments<'parser> {
    /// The texts that take the place of the text of `token`: any number for a
    /// token like `{args[1:]}`, else one. The bytes that are read and written
    /// for it are taken from `budget`.
    pub(super) fn expand(
        &mut self,
        token: &Token,
        budget: &mut usize,
    ) -> Result<Vec<String>, TooLong> {
        if let Some((start, end)) = self.variadic(token) {
            let values = &self.values[start..end];
            spend(budget, values.iter().map(|value| value.text.len()).sum())?;
            return Ok(values.iter().map(|value| value.text.clone()).collect());
        }
        Ok(vec![self.replace(&token.text, budget)?])
    }

    /// The range of arguments that a token of the form `{args[start:end]}`
    /// stands for.
    fn variadic(&mut self, token: &Token) -> Option<(usize, usize)> {
        let range = token.text.strip_prefix("{args[")?.strip_suffix("]}")?;
        let count = self.values.len();
        if range.is_empty() {
            self.warn_at(token, "Placeholder", "cannot have an empty index");
            return None;
        }
        let (start, end) = range.split_once(':')?;
        if start.contains('}') || end.contains('{') {
            // These are several placeholders, and the colon is between them.
            return None;
        }
        let Some(start) = index_or(start, 0) else {
            self.warn_at(token, "Variadic placeholder", "has an invalid start index");
            return None;
        };
        let count_signed = i64::try_from(count).unwrap_or(i64::MAX);
        let Some(end) = index_or(end, count_signed) else {
            self.warn_at(token, "Variadic placeholder", "has an invalid end index");
            return None;
        };
        match (usize::try_from(start), usize::try_from(end)) {
            (Ok(start), Ok(end)) if start <= end && end <= count => Some((start, end)),
            _ => {
                let what = format!("indices are out of bounds, only {count} argument(s) exist");
                self.warn_at(token, "Variadic placeholder", &what);
                None
            }
        }
    }

    /// The text with the placeholders replaced that name arguments. A `\`
    /// before a brace is removed, and the brace means nothing then.
    fn replace(&mut self, text: &str, budget: &mut usize) -> Result<String, TooLong> {
        spend(budget, text.len())?;
        let bytes = text.as_bytes();
        let mut copy = Copy { text, output: String::new(), taken: 0, budget };
        let mut unclosed = 0;
        // The end of the last placeholder: those that start inside of it end
        // there, too.
        let mut end = 0;
        let mut at = 0;
        while let Some(found) = bytes[at..].iter().position(|byte| b"{}".contains(byte)) {
            at += found;
            let brace = at;
            at += 1;
            if brace > 0 && bytes[brace - 1] == b'\\' {
                copy.up_to(brace - 1);
                copy.taken = brace;
                continue;
            }
            if bytes[brace] == b'}' {
                continue;
            }
            if unclosed > UNCLOSED_MAX {
                return Ok(String::new());
            }
            if brace >= end {
                let Some(closing) = closing_brace(bytes, brace) else {
                    unclosed += 1;
                    continue;
                };
                end = closing;
            }
            if let Some(value) = self.lookup(&text[brace + 1..end], copy.budget)? {
                copy.up_to(brace);
                copy.insert(value)?;
                at = end + 1;
                copy.taken = at;
            }
        }
        copy.up_to(text.len());
        Ok(copy.output)
    }

    /// The argument that `key`, the inside of a placeholder, names. Warns when
    /// it names one that does not exist.
    fn lookup(&mut self, key: &str, budget: &mut usize) -> Result<Option<&'parser str>, TooLong> {
        let (index, form) = if let Some(index) = key.strip_prefix("args.") {
            (index, Form::Deprecated)
        } else if let Some(index) = key.strip_prefix("args[") {
            spend(budget, index.len())?;
            // A name in the old form takes precedence, but must be the whole.
            let Some(index) = index.strip_suffix(']').filter(|_| !has_deprecated(index)) else {
                return Ok(None);
            };
            (index, Form::Bracketed)
        } else {
            return Ok(None);
        };
        spend(budget, index.len())?;
        if index.is_empty() || index.contains('\n') {
            return Ok(None);
        }
        self.value(index, form)
    }

    /// The argument at `index`, which stood in a placeholder of that form.
    fn value(&mut self, index: &str, form: Form) -> Result<Option<&'parser str>, TooLong> {
        let shown = match form {
            Form::Bracketed => format!("{{args[{index}]}}"),
            Form::Deprecated => format!("{{args.{index}}}"),
        };
        if form == Form::Bracketed && index.contains(':') {
            self.warn(format!("Variadic placeholder {shown} must be a token on its own"));
            return Ok(None);
        }
        let Some(number) = parse_index(index) else {
            self.warn(format!("Placeholder {shown} has an invalid index"));
            return Ok(None);
        };
        // Nothing counts from the end: a negative index is out of bounds, too.
        let argument = usize::try_from(number).ok().and_then(|number| self.values.get(number));
        let Some(argument) = argument else {
            let count = self.values.len();
            self.warn(format!(
                "Placeholder {shown} index is out of bounds, only {count} argument(s) exist"
            ));
            return Ok(None);
        };
        if form == Form::Deprecated {
            self.warn(format!("Placeholder {shown} deprecated, use {{args[{index}]}} instead"));
        }
        Ok(Some(&argument.text))
    }

    fn warn(&mut self, message: String) {
        self.warnings.push(Warning { message, fields: Vec::new(), logger: LOGGER });
    }

    fn warn_at(&mut self, token: &Token, kind: &str, what: &str) {
        self.warnings.push(Warning {
            message: format!("{kind} {} {what}", token.text),
            fields: vec![
                ("file", Fact::Text(format!("{}:{}", token.file, token.line))),
                ("import_chain", Fact::List(token.imports.chain().to_vec())),
            ],
            logger: LOGGER,
        });
    }
}

/// A text on its way into another, with what is inserted on the way.
struct Copy<'a> {
    text: &'a str,
    output: String,
    /// Up to where the text has been copied or left out.
    taken: usize,
    budget: &'a mut usize,
}

impl Copy<'_> {
    /// Copies the text up to `end`.
    fn up_to(&mut self, end: usize) {
        self.output.push_str(&self.text[self.taken..end]);
        self.taken = end;
    }

    fn insert(&mut self, value: &str) -> Result<(), TooLong> {
        spend(self.budget, value.len())?;
        self.output.push_str(value);
        Ok(())
    }
}

fn spend(budget: &mut usize, bytes: usize) -> Result<(), TooLong> {
    *budget = budget.checked_sub(bytes).ok_or(TooLong)?;
    Ok(())
}

/// Under which name warnings about placeholders are logged.
const LOGGER: &str = "caddyfile";

/// How many braces of a token may stay open; more, and nothing is left of it.
const UNCLOSED_MAX: usize = 100;

/// The `}` for the `{` at `open`: the next one that is not escaped, or the last
/// of the text.
fn closing_brace(bytes: &[u8], open: usize) -> Option<usize> {
    let next = |from: usize| Some(from + bytes[from..].iter().position(|byte| *byte == b'}')?);
    let mut end = next(open)?;
    while end + 1 < bytes.len() && bytes[end - 1] == b'\\' {
        end = next(end + 1)?;
    }
    Some(end)
}

/// Whether a name in the form `args.0` occurs.
fn has_deprecated(key: &str) -> bool {
    let mut found = key.match_indices("args.").map(|(at, name)| &key[at + name.len()..]);
    found.any(|behind| !behind.is_empty() && !behind.starts_with('\n'))
}

/// A whole number with or without a sign.
fn parse_index(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// A whole number, or `default` for nothing.
fn index_or(text: &str, default: i64) -> Option<i64> {
    if text.is_empty() { Some(default) } else { parse_index(text) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Arguments, TooLong};
    use crate::token::Token;

    fn token(text: &str) -> Token {
        Token::new(text, Arc::from("Caddyfile"), 3)
    }

    /// Expands with the arguments `one` and `two words`.
    fn expand(text: &str) -> (Result<Vec<String>, TooLong>, Vec<String>) {
        let values = [token("one"), token("two words")];
        let mut warnings = Vec::new();
        let mut arguments = Arguments { values: &values, warnings: &mut warnings };
        let expanded = arguments.expand(&token(text), &mut 10_000);
        (expanded, warnings.into_iter().map(|warning| warning.message).collect())
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let expected = expected.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(expand(text), (Ok(expected), Vec::new()), "{text}");
    }

    #[track_caller]
    fn check_warning(text: &str, expected: &str, warnings: &[&str]) {
        let (expanded, warned) = expand(text);
        assert_eq!(expanded, Ok(vec![expected.to_owned()]), "{text}");
        assert_eq!(warned, warnings, "{text}");
    }

    #[test]
    fn a_placeholder_is_replaced_inside_of_a_word() {
        check("{args[0]}", &["one"]);
        check("a{args[1]}b{args[0]}", &["atwo wordsbone"]);
        check("{args[+1]}", &["two words"]);
    }

    #[test]
    fn a_range_is_a_token_of_its_own() {
        check("{args[:]}", &["one", "two words"]);
        check("{args[1:]}", &["two words"]);
        check("{args[:1]}", &["one"]);
        check("{args[1:1]}", &[]);
        check("{args[0]}:{args[1]}", &["one:two words"]);
    }

    #[test]
    fn what_names_no_argument_stays() {
        check("{http.request.uri}", &["{http.request.uri}"]);
        check("{", &["{"]);
        check("}{}", &["}{}"]);
        check("{a{args", &["{a{args"]);
    }

    #[test]
    fn a_backslash_before_a_brace_goes() {
        check(r"\{args[0]\}", &["{args[0]}"]);
        check(r"{a\}b}", &["{a}b}"]);
        check(r"a\\{b", &[r"a\{b"]);
    }

    #[test]
    fn the_name_must_fill_the_braces() {
        check("{ args[0] }", &["{ args[0] }"]);
        check("{{args[0]}}", &["{one}"]);
        check("{x args[0]y}{args[0]y}", &["{x args[0]y}{args[0]y}"]);
        check("{args[0args.1]}", &["{args[0args.1]}"]);
    }

    #[test]
    fn what_does_not_exist_stays_with_a_warning() {
        check_warning(
            "{args[2]}",
            "{args[2]}",
            &["Placeholder {args[2]} index is out of bounds, only 2 argument(s) exist"],
        );
        check_warning("{args[x]}", "{args[x]}", &["Placeholder {args[x]} has an invalid index"]);
        check_warning("{args[]}", "{args[]}", &["Placeholder {args[]} cannot have an empty index"]);
        check_warning(
            "{args[5] {args[0]}",
            "{args[5] one",
            &["Placeholder {args[5] {args[0]} has an invalid index"],
        );
    }

    #[test]
    fn a_range_inside_of_a_word_stays_with_a_warning() {
        check_warning(
            "a{args[:]}",
            "a{args[:]}",
            &["Variadic placeholder {args[:]} must be a token on its own"],
        );
        check_warning(
            "{args[1:9]}",
            "{args[1:9]}",
            &[
                "Variadic placeholder {args[1:9]} indices are out of bounds, only 2 argument(s) exist",
                "Variadic placeholder {args[1:9]} must be a token on its own",
            ],
        );
        check_warning(
            "{args[x:]}",
            "{args[x:]}",
            &[
                "Variadic placeholder {args[x:]} has an invalid start index",
                "Variadic placeholder {args[x:]} must be a token on its own",
            ],
        );
    }

    #[test]
    fn the_old_form_works_with_a_warning() {
        check_warning(
            "{args.1}",
            "two words",
            &["Placeholder {args.1} deprecated, use {args[1]} instead"],
        );
        check_warning(
            "{args.7}",
            "{args.7}",
            &["Placeholder {args.7} index is out of bounds, only 2 argument(s) exist"],
        );
    }

    #[test]
    fn nothing_counts_from_the_end() {
        check_warning(
            "{args[-1]}",
            "{args[-1]}",
            &["Placeholder {args[-1]} index is out of bounds, only 2 argument(s) exist"],
        );
    }

    #[test]
    fn more_than_a_hundred_open_braces_leave_nothing() {
        check(&"{".repeat(101), &[&"{".repeat(101)]);
        check(&"{".repeat(102), &[""]);
    }

    #[test]
    fn a_word_cannot_grow_beyond_its_budget() {
        assert_eq!(expand(&"{args[1]}".repeat(600)).0, Err(TooLong));
        assert_eq!(expand(&"{args[x".repeat(500)).0, Ok(vec![String::new()]));
        assert_eq!(expand(&format!("{}]}}", "{args[x".repeat(500))).0, Err(TooLong));
    }
}
