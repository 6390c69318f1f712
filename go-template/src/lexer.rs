//! Cuts a template into text and the tokens of its actions.

use crate::{Error, Result};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// What stands outside of actions.
    Text(String),
    /// The beginning of an action.
    Open,
    /// Its end.
    Close,
    /// A word: a keyword, a constant or a function.
    Word(String),
    /// `.name`, right behind something or on its own.
    Field(String),
    /// `.` alone.
    Dot,
    /// `$name`, or `$`.
    Variable(String),
    /// `"…"` or `` `…` ``, unescaped.
    Str(String),
    /// A number or a character as it was written.
    Number(String),
    /// `'x'`.
    Char(char),
    /// Blanks, which part arguments.
    Space,
    /// `(`, `)`, `|`, `,`, `=` or `:=`.
    Sign(&'static str),
}

/// A token, and the line on which it begins.
pub(crate) type Placed = (Token, usize);

struct Lexer<'t> {
    name: &'t str,
    rest: &'t str,
    line: usize,
    open: &'t str,
    close: &'t str,
    tokens: Vec<Placed>,
}

/// Cuts a template whose actions stand between `open` and `close`.
pub(crate) fn lex(name: &str, text: &str, (open, close): (&str, &str)) -> Result<Vec<Placed>> {
    let tokens = Vec::new();
    let mut lexer = Lexer { name, rest: text, line: 1, open, close, tokens };
    while !lexer.rest.is_empty() {
        lexer.text()?;
    }
    Ok(lexer.tokens)
}

impl Lexer<'_> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(Error::new(message).at(self.name, self.line, ""))
    }

    fn push(&mut self, token: Token) {
        self.tokens.push((token, self.line));
    }

    /// Moves on by so many bytes, which are returned.
    fn take(&mut self, len: usize) -> &str {
        let (taken, rest) = self.rest.split_at(len);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    /// Text up to the next action, and that action.
    fn text(&mut self) -> Result<()> {
        let at = self.rest.find(self.open);
        let after = at.map(|at| &self.rest[at + self.open.len()..]);
        let trims = after.is_some_and(|after| {
            after.starts_with('-') && after[1..].starts_with([' ', '\t', '\r', '\n'])
        });
        let text = &self.rest[..at.unwrap_or(self.rest.len())];
        let kept = if trims { text.trim_end_matches(BLANKS) } else { text }.to_owned();
        let len = text.len();
        if !kept.is_empty() {
            self.push(Token::Text(kept));
        }
        self.take(len);
        if at.is_none() {
            return Ok(());
        }
        self.take(self.open.len() + usize::from(trims));
        if self.rest.trim_start_matches(BLANKS).starts_with("/*") {
            return self.comment();
        }
        self.push(Token::Open);
        self.action()
    }

    fn comment(&mut self) -> Result<()> {
        let Some(end) = self.rest.find("*/") else { return self.fail("unclosed comment") };
        self.take(end + 2);
        let trims = self.rest.strip_prefix([' ', '\t', '\r', '\n']).is_some_and(|rest| {
            rest.trim_start_matches(BLANKS).starts_with(&format!("-{}", self.close))
        });
        let Some(end) = self.rest.find(self.close) else {
            return self.fail("comment ends before closing delimiter");
        };
        if !trims && end != 0 {
            return self.fail("comment ends before closing delimiter");
        }
        self.take(end + self.close.len());
        self.trim_after(trims);
        Ok(())
    }

    fn trim_after(&mut self, trims: bool) {
        if trims {
            let blanks = self.rest.len() - self.rest.trim_start_matches(BLANKS).len();
            self.take(blanks);
        }
    }

    /// The tokens of an action, to its end.
    fn action(&mut self) -> Result<()> {
        loop {
            let blanks = self.rest.len() - self.rest.trim_start_matches(BLANKS).len();
            let after = &self.rest[blanks..];
            let trims = blanks > 0
                && after.strip_prefix('-').is_some_and(|rest| rest.starts_with(self.close));
            if trims || after.starts_with(self.close) {
                self.take(blanks + usize::from(trims) + self.close.len());
                self.push(Token::Close);
                self.trim_after(trims);
                return Ok(());
            }
            if blanks > 0 {
                self.push(Token::Space);
                self.take(blanks);
                continue;
            }
            self.token()?;
        }
    }

    fn token(&mut self) -> Result<()> {
        let Some(first) = self.rest.chars().next() else { return self.fail("unclosed action") };
        for sign in [":=", "=", "(", ")", "|", ","] {
            if self.rest.starts_with(sign) {
                self.take(sign.len());
                self.push(Token::Sign(sign));
                return Ok(());
            }
        }
        match first {
            '"' => self.quoted(),
            '`' => self.raw(),
            '\'' => self.character(),
            '.' if !self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let name = self.word_at(1);
                self.take(1 + name.len());
                let token = if name.is_empty() { Token::Dot } else { Token::Field(name) };
                self.push(token);
                Ok(())
            }
            '$' => {
                let name = self.word_at(1);
                self.take(1 + name.len());
                self.push(Token::Variable(name));
                Ok(())
            }
            '+' | '-' | '.' | '0'..='9' => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
                let len = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
                let number = self.take(len).to_owned();
                self.push(Token::Number(number));
                Ok(())
            }
            _ if first == '_' || first.is_alphabetic() => {
                let word = self.word_at(0);
                self.take(word.len());
                self.push(Token::Word(word));
                Ok(())
            }
            other => self.fail(format!("unexpected {other:?} in command")),
        }
    }

    fn word_at(&self, at: usize) -> String {
        let is_part = |c: &char| *c == '_' || c.is_alphanumeric();
        self.rest[at..].chars().take_while(is_part).collect()
    }

    fn raw(&mut self) -> Result<()> {
        let Some(end) = self.rest[1..].find('`') else {
            return self.fail("unterminated raw quoted string");
        };
        let text = self.rest[1..=end].replace('\r', "");
        self.push(Token::Str(text));
        self.take(end + 2);
        Ok(())
    }

    /// Where a quoted thing ends: the byte behind its last quote.
    fn quoted_end(&self, quote: char) -> Option<usize> {
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                '\n' => return None,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == quote => return Some(at + 1),
                _ => {}
            }
        }
        None
    }

    fn quoted(&mut self) -> Result<()> {
        let Some(end) = self.quoted_end('"') else {
            return self.fail("unterminated quoted string");
        };
        let Some(text) = unescape(&self.rest[1..end - 1]) else {
            return self.fail("invalid syntax");
        };
        self.push(Token::Str(text));
        self.take(end);
        Ok(())
    }

    fn character(&mut self) -> Result<()> {
        let Some(end) = self.quoted_end('\'') else {
            return self.fail("unterminated character constant");
        };
        let text = unescape(&self.rest[1..end - 1]).unwrap_or_default();
        let mut chars = text.chars();
        let (Some(c), None) = (chars.next(), chars.next()) else {
            return self.fail("malformed character constant");
        };
        self.push(Token::Char(c));
        self.take(end);
        Ok(())
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Go's escapes. Bytes that are no UTF-8 become U+FFFD.
fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let kind = escape.chars().next()?;
        rest = &escape[kind.len_utf8()..];
        let simple = match kind {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '\\' => b'\\',
            '\'' => b'\'',
            '"' => b'"',
            _ => {
                rest = number(kind, escape, &mut out)?;
                continue;
            }
        };
        out.push(simple);
    }
    out.extend_from_slice(rest.as_bytes());
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// An escape by number, of which `escape` begins with the kind; what follows it.
fn number<'t>(kind: char, escape: &'t str, out: &mut Vec<u8>) -> Option<&'t str> {
    let (from, len, radix) = match kind {
        'x' => (1, 2, 16),
        'u' => (1, 4, 16),
        'U' => (1, 8, 16),
        '0'..='7' => (0, 3, 8),
        _ => return None,
    };
    let code = u32::from_str_radix(escape.get(from..from + len)?, radix).ok()?;
    if matches!(kind, 'u' | 'U') {
        out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        out.push(u8::try_from(code).ok()?);
    }
    Some(&escape[from + len..])
}
