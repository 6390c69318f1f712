//! `{args[…]}` in imported tokens.

use super::{Fact, Warning};
use crate::token::Token;

/// The arguments of one import statement.
pub(super) struct Arguments<'parser> {
    pub(super) values: &'parser [Token],
    pub(super) warnings: &'parser mut Vec<Warning>,
}

/// Why a token cannot be expanded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unexpandable {
    /// It would become longer than it may, or looking for its arguments would
    /// take longer than it is worth.
    TooLong,
    /// The placeholder counts from the end, which has no meaning.
    NegativeIndex(String),
}

/// What a placeholder without its braces stands for.
enum Value<'args> {
    /// It names no argument.
    Foreign,
    /// It names an argument that does not exist, and a warning says so.
    Missing,
    Known(&'args str),
}

impl Arguments<'_> {
    /// The texts that take the place of the text of `token`: any number for a
    /// token like `{args[1:]}`, else one. `budget` is what their length may be
    /// in bytes.
    pub(super) fn expand(
        &mut self,
        token: &Token,
        budget: usize,
    ) -> Result<Vec<String>, Unexpandable> {
        if let Some((start, end)) = self.variadic(token) {
            return Ok(self.values[start..end].iter().map(|arg| arg.text.clone()).collect());
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
    fn replace(&mut self, text: &str, mut budget: usize) -> Result<String, Unexpandable> {
        if !text.contains(['{', '}']) {
            return Ok(text.to_owned());
        }
        let bytes = text.as_bytes();
        let mut output = String::new();
        // Up to where the text is in the output.
        let mut written = 0;
        let mut unclosed = 0;
        // The end of the last placeholder that named nothing: those that start
        // inside of it end there, too, and most of them name nothing either.
        let mut foreign_end = None;
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            if at > 0 && bytes[at - 1] == b'\\' && (byte == b'{' || byte == b'}') {
                output.push_str(&text[written..at - 1]);
                written = at;
                at += 1;
                continue;
            }
            if byte != b'{' || foreign_end.is_some_and(|end| at < end) {
                at += 1;
                continue;
            }
            if unclosed > UNCLOSED_MAX {
                return Ok(String::new());
            }
            let Some(end) = closing_brace(bytes, at) else {
                unclosed += 1;
                at += 1;
                continue;
            };
            output.push_str(&text[written..at]);
            written = at;
            let key = &text[at + 1..end];
            budget = budget.checked_sub(key.len() + 1).ok_or(Unexpandable::TooLong)?;
            at = match self.lookup(key)? {
                Value::Known(value) => {
                    budget = budget.checked_sub(value.len()).ok_or(Unexpandable::TooLong)?;
                    output.push_str(value);
                    written = end + 1;
                    end + 1
                }
                Value::Missing => at + 1,
                Value::Foreign => {
                    foreign_end = Some(end);
                    at + 1
                }
            };
        }
        output.push_str(&text[written..]);
        Ok(output)
    }

    /// What `key`, the inside of a placeholder, stands for. It need not be an
    /// argument's name as a whole: it is enough that it contains one.
    fn lookup(&mut self, key: &str) -> Result<Value<'_>, Unexpandable> {
        if let Some(index) = find_deprecated(key) {
            let shown = format!("{{args.{index}}}");
            return self.value(index, &shown, || {
                Some(format!("Placeholder {shown} deprecated, use {{args[{index}]}} instead"))
            });
        }
        let Some(index) = find_index(key) else { return Ok(Value::Foreign) };
        let shown = format!("{{args[{index}]}}");
        if index.contains(':') {
            self.warn(format!("Variadic placeholder {shown} must be a token on its own"));
            return Ok(Value::Missing);
        }
        self.value(index, &shown, || None)
    }

    /// The argument at `index`. What `remark` says of it is a warning.
    fn value(
        &mut self,
        index: &str,
        shown: &str,
        remark: impl Fn() -> Option<String>,
    ) -> Result<Value<'_>, Unexpandable> {
        let Some(index) = parse_index(index) else {
            self.warn(format!("Placeholder {shown} has an invalid index"));
            return Ok(Value::Missing);
        };
        let Ok(index) = usize::try_from(index) else {
            return Err(Unexpandable::NegativeIndex(shown.to_owned()));
        };
        let count = self.values.len();
        if index >= count {
            self.warn(format!(
                "Placeholder {shown} index is out of bounds, only {count} argument(s) exist"
            ));
            return Ok(Value::Missing);
        }
        if let Some(remark) = remark() {
            self.warn(remark);
        }
        Ok(Value::Known(&self.values[index].text))
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

/// What stands behind the first `args.`, up to the end of the line.
fn find_deprecated(key: &str) -> Option<&str> {
    key.match_indices("args.").find_map(|(at, found)| {
        let index = key[at + found.len()..].split('\n').next().unwrap_or_default();
        (!index.is_empty()).then_some(index)
    })
}

/// What stands between the first `args[` and the last `]` on its line.
fn find_index(key: &str) -> Option<&str> {
    key.match_indices("args[").find_map(|(at, found)| {
        let line = key[at + found.len()..].split('\n').next().unwrap_or_default();
        line.rsplit_once(']').map(|(index, _)| index).filter(|index| !index.is_empty())
    })
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

    use super::{Arguments, Unexpandable};
    use crate::token::Token;

    fn token(text: &str) -> Token {
        Token::new(text, Arc::from("Caddyfile"), 3)
    }

    /// Expands with the arguments `one` and `two words`.
    fn expand(text: &str) -> (Result<Vec<String>, Unexpandable>, Vec<String>) {
        let values = [token("one"), token("two words")];
        let mut warnings = Vec::new();
        let mut arguments = Arguments { values: &values, warnings: &mut warnings };
        let expanded = arguments.expand(&token(text), 1000);
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
    fn the_name_may_stand_anywhere_in_the_braces() {
        check("{ args[0] }", &["one"]);
        check("{{args[0]}}", &["one}"]);
        check("{x args[0]y}", &["one"]);
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
    fn counting_from_the_end_is_refused() {
        let refused = Unexpandable::NegativeIndex("{args[-1]}".to_owned());
        assert_eq!(expand("{args[-1]}").0, Err(refused));
    }

    #[test]
    fn more_than_a_hundred_open_braces_leave_nothing() {
        check(&"{".repeat(101), &[&"{".repeat(101)]);
        check(&"{".repeat(102), &[""]);
    }

    #[test]
    fn a_word_cannot_grow_beyond_its_budget() {
        assert_eq!(expand(&"{args[1]}".repeat(200)).0, Err(Unexpandable::TooLong));
        assert_eq!(expand(&"{args[x".repeat(500)).0, Ok(vec![String::new()]));
        assert_eq!(expand(&format!("{}]}}", "{args[x".repeat(500))).0, Err(Unexpandable::TooLong));
    }
}
