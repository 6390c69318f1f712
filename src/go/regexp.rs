//! Whether a text is a regular expression of Go's, in the words of its `regexp` package.
//!
//! The `regex` crate is of the same family (RE2) and runs them; but it words its errors
//! otherwise, and knows a few things that Go refuses.

/// How deep groups may be nested, and how often something may be repeated.
const DEPTH_MAX: usize = 1000;
const REPEAT_MAX: u64 = 1000;
/// Classes as `[[:alpha:]]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Checks an expression.
///
/// # Errors
/// Go's message, as ``error parsing regexp: missing closing ]: `[a-z` ``.
pub(crate) fn check(expression: &str) -> Result<(), String> {
    let mut scan = Scan { rest: expression, depth: 0, can_repeat: false, repeated: None };
    let (what, part) = match scan.expression() {
        Ok(()) if scan.depth == 0 => return Ok(()),
        // These two are about the whole.
        Ok(()) => ("missing closing )", expression),
        Err((what @ "unexpected )", _)) => (what, expression),
        Err(fault) => fault,
    };
    Err(format!("error parsing regexp: {what}: `{part}`"))
}

/// Compiles an expression.
///
/// # Errors
/// As [`check`].
pub(crate) fn compile(expression: &str) -> Result<regex::Regex, String> {
    check(expression)?;
    regex::Regex::new(expression).map_err(|error| last_line(&error))
}

/// The same for bytes that may be no text.
pub(crate) fn compile_bytes(expression: &str) -> Result<regex::bytes::Regex, String> {
    check(expression)?;
    regex::bytes::Regex::new(expression).map_err(|error| last_line(&error))
}

/// What the library says of an expression that Go would take; it draws it on the lines before.
fn last_line(error: &regex::Error) -> String {
    let shown = error.to_string();
    let why = shown.lines().last().unwrap_or_default();
    why.strip_prefix("error: ").unwrap_or(why).to_owned()
}

/// What is wrong, and with which part.
type Fault<'e> = (&'static str, &'e str);
type Scanned<'e, T = ()> = Result<T, Fault<'e>>;

struct Scan<'e> {
    rest: &'e str,
    /// How many groups are open.
    depth: usize,
    /// Whether there is something before that can be repeated.
    can_repeat: bool,
    /// The text from a repetition on that ended just here.
    repeated: Option<&'e str>,
}

impl<'e> Scan<'e> {
    fn expression(&mut self) -> Scanned<'e> {
        while let Some(first) = self.rest.chars().next() {
            let before = self.rest;
            let earlier = self.repeated.take();
            match first {
                '(' => {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX {
                        return Err(("expression nests too deeply", before));
                    }
                    self.group()?;
                    self.can_repeat = false;
                }
                ')' if self.depth == 0 => return Err(("unexpected )", before)),
                ')' => {
                    self.depth -= 1;
                    self.skip(1);
                    self.can_repeat = true;
                }
                '|' => {
                    self.skip(1);
                    self.can_repeat = false;
                }
                '[' => {
                    self.class()?;
                    self.can_repeat = true;
                }
                '*' | '+' | '?' => {
                    self.skip(1);
                    self.repetition(before, earlier)?;
                }
                '{' => match self.count()? {
                    true => self.repetition(before, earlier)?,
                    false => {
                        self.skip(1);
                        self.can_repeat = true;
                    }
                },
                '\\' => {
                    self.escape()?;
                    self.can_repeat = true;
                }
                other => {
                    self.skip(other.len_utf8());
                    self.can_repeat = true;
                }
            }
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// The text from `start` on that was read since.
    fn since(&self, start: &'e str) -> &'e str {
        &start[..start.len() - self.rest.len()]
    }

    /// After an operator that `before` begins with; `earlier` begins with one just before.
    fn repetition(&mut self, before: &'e str, earlier: Option<&'e str>) -> Scanned<'e> {
        if self.rest.starts_with('?') {
            self.skip(1);
        }
        if let Some(earlier) = earlier {
            return Err(("invalid nested repetition operator", self.since(earlier)));
        }
        if !self.can_repeat {
            return Err(("missing argument to repetition operator", self.since(before)));
        }
        self.repeated = Some(before);
        Ok(())
    }

    /// Reads `{2,5}`; false when the brace is a letter like others.
    fn count(&mut self) -> Scanned<'e, bool> {
        let Some((inner, after)) = self.rest[1..].split_once('}') else { return Ok(false) };
        let number = |digits: &str| -> Option<u64> {
            let is_number = !digits.is_empty()
                && digits.bytes().all(|digit| digit.is_ascii_digit())
                && !(digits.len() > 1 && digits.starts_with('0'));
            is_number.then(|| digits.parse().unwrap_or(u64::MAX))
        };
        let (least, most) = match inner.split_once(',') {
            None => (number(inner), number(inner)),
            Some((least, "")) => (number(least), Some(0)),
            Some((least, most)) => (number(least), number(most)),
        };
        let (Some(least), Some(most)) = (least, most) else { return Ok(false) };
        let before = self.rest;
        self.rest = after;
        let is_bounded = !inner.ends_with(',');
        if least > REPEAT_MAX || most > REPEAT_MAX || (is_bounded && least > most) {
            return Err(("invalid repeat count", self.since(before)));
        }
        Ok(true)
    }

    /// Reads what opens a group: `(`, `(?:`, `(?i)`, `(?P<name>`.
    fn group(&mut self) -> Scanned<'e> {
        let start = self.rest;
        if !start.starts_with("(?") {
            self.skip(1);
            return Ok(());
        }
        let named = start.strip_prefix("(?P<").or_else(|| start.strip_prefix("(?<"));
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            let Some((name, after)) = named.split_once('>') else {
                return Err(("invalid named capture", start));
            };
            self.rest = after;
            let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
            if name.is_empty() || !name.chars().all(is_word) {
                return Err(("invalid named capture", self.since(start)));
            }
            return Ok(());
        }
        self.skip(2);
        self.flags(start)
    }

    fn flags(&mut self, start: &'e str) -> Scanned<'e> {
        let (mut is_negated, mut has_flag) = (false, false);
        while let Some(flag) = self.rest.chars().next() {
            self.skip(flag.len_utf8());
            match flag {
                'i' | 'm' | 's' | 'U' => has_flag = true,
                '-' if !is_negated => (is_negated, has_flag) = (true, false),
                ':' | ')' if !is_negated || has_flag => {
                    // Flags alone are no group.
                    self.depth -= usize::from(flag == ')');
                    return Ok(());
                }
                _ => break,
            }
        }
        Err(("invalid or unsupported Perl syntax", self.since(start)))
    }

    /// Reads `[…]`.
    fn class(&mut self) -> Scanned<'e> {
        let start = self.rest;
        self.skip(1);
        if self.rest.starts_with('^') {
            self.skip(1);
        }
        let mut is_first = true;
        while is_first || !self.rest.starts_with(']') {
            is_first = false;
            if self.named_class()? || self.perl_class()? {
                continue;
            }
            let range = self.rest;
            let low = self.class_char(start)?;
            if !self.rest.starts_with('-') || self.rest.starts_with("-]") || self.rest == "-" {
                continue;
            }
            self.skip(1);
            if self.class_char(start)? < low {
                return Err(("invalid character class range", self.since(range)));
            }
        }
        self.skip(1);
        Ok(())
    }

    /// Reads `[:alpha:]` in a class.
    fn named_class(&mut self) -> Scanned<'e, bool> {
        let Some(inner) = self.rest.strip_prefix("[:") else { return Ok(false) };
        let Some((name, after)) = inner.split_once(":]") else { return Ok(false) };
        let start = self.rest;
        self.rest = after;
        if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(("invalid character class range", self.since(start)));
        }
        Ok(true)
    }

    /// Reads `\d` and `\pL`, which stand for several characters.
    fn perl_class(&mut self) -> Scanned<'e, bool> {
        let Some(escaped) = self.rest.strip_prefix('\\') else { return Ok(false) };
        match escaped.chars().next() {
            Some('d' | 'D' | 's' | 'S' | 'w' | 'W') => self.skip(2),
            Some('p' | 'P') => return self.unicode_class().map(|()| true),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unicode_class(&mut self) -> Scanned<'e> {
        let start = self.rest;
        let name = &start[2..];
        let name = if name.starts_with('{') {
            let Some(end) = name.find('}') else {
                return Err(("invalid character class range", start));
            };
            &name[..=end]
        } else {
            &name[..name.chars().next().map_or(0, char::len_utf8)]
        };
        self.skip(2 + name.len());
        if regex::Regex::new(&format!(r"\p{name}")).is_err() && name != "{Any}" {
            return Err(("invalid character class range", self.since(start)));
        }
        Ok(())
    }

    /// Reads one character of a class that began at `start`.
    fn class_char(&mut self, start: &'e str) -> Scanned<'e, char> {
        match self.rest.chars().next() {
            None => Err(("missing closing ]", start)),
            Some('\\') => self.escaped_char(),
            Some(plain) => {
                self.skip(plain.len_utf8());
                Ok(plain)
            }
        }
    }

    /// Reads what begins with a backslash outside of a class.
    fn escape(&mut self) -> Scanned<'e> {
        let start = self.rest;
        match start[1..].chars().next() {
            Some('A' | 'b' | 'B' | 'z') => self.skip(2),
            Some('C') => return Err(("invalid escape sequence", &start[..2])),
            Some('Q') => {
                let quoted = &start[2..];
                self.rest = quoted.split_once("\\E").map_or("", |(_, after)| after);
            }
            _ if self.perl_class()? => {}
            _ => drop(self.escaped_char()?),
        }
        Ok(())
    }

    /// Reads an escape that stands for one character.
    fn escaped_char(&mut self) -> Scanned<'e, char> {
        let start = self.rest;
        self.skip(1);
        let Some(letter) = self.rest.chars().next() else {
            return Err(("trailing backslash at end of expression", ""));
        };
        self.skip(letter.len_utf8());
        let invalid = "invalid escape sequence";
        match letter {
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            'x' => self.hexadecimal().ok_or_else(|| (invalid, self.since(start))),
            '0'..='7' => self.octal(letter).ok_or_else(|| (invalid, self.since(start))),
            mark if mark.is_ascii() && !mark.is_ascii_alphanumeric() => Ok(mark),
            _ => Err((invalid, self.since(start))),
        }
    }

    /// After `\x`: two digits, or some in braces.
    fn hexadecimal(&mut self) -> Option<char> {
        if let Some(inner) = self.rest.strip_prefix('{') {
            let end = inner.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(inner.len());
            let (digits, after) = inner.split_at(end);
            let closing = after.chars().next();
            self.rest = &after[closing.map_or(0, char::len_utf8)..];
            let value = u32::from_str_radix(digits, 16).ok()?;
            return char::from_u32(value).filter(|_| closing == Some('}'));
        }
        let mut value = 0;
        let mut is_valid = true;
        for _ in 0..2 {
            let digit = self.rest.chars().next()?;
            self.skip(digit.len_utf8());
            is_valid &= digit.is_ascii_hexdigit();
            value = value * 16 + digit.to_digit(16).unwrap_or(0);
        }
        char::from_u32(value).filter(|_| is_valid)
    }

    /// After `\` and a digit: up to two more. One alone would refer to a group.
    fn octal(&mut self, first: char) -> Option<char> {
        let mut value = first.to_digit(8)?;
        let mut digits = 1;
        while let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) {
            if digits == 3 {
                break;
            }
            self.skip(1);
            value = value * 8 + digit;
            digits += 1;
        }
        char::from_u32(value).filter(|_| digits > 1 || first == '0')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_valid(expression: &str) {
        assert_eq!(check(expression), Ok(()), "{expression}");
    }

    #[track_caller]
    fn check_error(expression: &str, what: &str, part: &str) {
        let expected = format!("error parsing regexp: {what}: `{part}`");
        assert_eq!(check(expression), Err(expected), "{expression}");
    }

    #[test]
    fn what_go_knows_is_valid() {
        check_valid(r"^/(?P<user>\w+)/(?<id>[0-9]{2,5})(?i:\.PHP|x*?)$");
        check_valid(r"[]a-z^-]+[^]][[:alpha:]\d\pL\p{Greek}-][a-]");
        check_valid(r"\x41\x{1F600}\101\0\Q(*\E\A\b\z\/\_");
        check_valid(r"a{,5}b{x}{2}(?i)(?s-m:.)(|a)");
    }

    #[test]
    fn brackets_and_parentheses_must_close() {
        check_error("([a-z", "missing closing ]", "[a-z");
        check_error("a(b", "missing closing )", "a(b");
        check_error("a)b", "unexpected )", "a)b");
        check_error("x[]", "missing closing ]", "[]");
    }

    #[test]
    fn repetitions_need_something_to_repeat() {
        check_error("*a", "missing argument to repetition operator", "*");
        check_error("(?i)+?b", "missing argument to repetition operator", "+?");
        check_error("a**b", "invalid nested repetition operator", "**");
        check_error("a{2}{3}", "invalid nested repetition operator", "{2}{3}");
        check_error("a{1001}", "invalid repeat count", "{1001}");
        check_error("a{3,2}b", "invalid repeat count", "{3,2}");
    }

    #[test]
    fn what_needs_a_stack_is_refused() {
        check_error("(?=a)", "invalid or unsupported Perl syntax", "(?=");
        check_error("(?<!a)", "invalid named capture", "(?<!a)");
        check_error(r"(a)\1", "invalid escape sequence", r"\1");
        check_error(r"\Z", "invalid escape sequence", r"\Z");
        check_error(r"a\", "trailing backslash at end of expression", "");
        check_error("(?P<a b>x)", "invalid named capture", "(?P<a b>");
    }

    #[test]
    fn classes_are_checked() {
        check_error("[z-a]", "invalid character class range", "z-a");
        check_error("[[:wrong:]]", "invalid character class range", "[:wrong:]");
        check_error(r"\p{Klingon}", "invalid character class range", r"\p{Klingon}");
        check_error(r"[\q]", "invalid escape sequence", r"\q");
    }
}
