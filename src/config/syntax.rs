//! What is wrong with a text that is no JSON, in the words of Go's `encoding/json`.
//!
//! Only asked once a text could not be read; the reading itself is serde_json's.

/// What is wrong with a text, and how many bytes of it were read until that was seen;
/// `None` when it is JSON.
pub(super) fn error(text: &[u8]) -> Option<(String, usize)> {
    Scanner { text, at: 0 }.document().err().map(|expected| {
        // At the end Go says so, unless a word is cut off: that it sees by a space after it.
        let (byte, offset) = match text.get(expected.at) {
            Some(byte) => (*byte, expected.at + 1),
            None if expected.is_in_word => (b' ', text.len()),
            None => return ("unexpected end of JSON input".to_owned(), text.len()),
        };
        let (shown, place) = (quote(byte), expected.place);
        (format!("invalid character {shown} {place}"), offset)
    })
}

/// A byte that cannot stand where it does.
struct Unexpected {
    at: usize,
    place: String,
    is_in_word: bool,
}

type Scan<T = ()> = Result<T, Unexpected>;

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
}

/// What a value is within.
enum Container {
    Object,
    Array,
}

impl Scanner<'_> {
    fn document(&mut self) -> Scan {
        let mut within = Vec::new();
        loop {
            self.blanks();
            let opened = self.value()?;
            let is_open = opened.is_some();
            within.extend(opened);
            if is_open && !self.is_closed_at_once(&mut within)? {
                continue;
            }
            if !self.is_followed(&mut within)? {
                break;
            }
        }
        self.blanks();
        if self.at < self.text.len() {
            return Err(self.unexpected("after top-level value"));
        }
        Ok(())
    }

    /// Reads a value, or what opens one.
    fn value(&mut self) -> Scan<Option<Container>> {
        match self.peek() {
            Some(b'{') => {
                self.at += 1;
                return Ok(Some(Container::Object));
            }
            Some(b'[') => {
                self.at += 1;
                return Ok(Some(Container::Array));
            }
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            _ => return Err(self.unexpected("looking for beginning of value")),
        }
        Ok(None)
    }

    /// What follows an opening brace or bracket: its counterpart, or a first value, to
    /// whose beginning this goes.
    fn is_closed_at_once(&mut self, within: &mut Vec<Container>) -> Scan<bool> {
        self.blanks();
        let closing = match within.last() {
            Some(Container::Array) => b']',
            _ => b'}',
        };
        if self.peek() == Some(closing) {
            self.at += 1;
            within.pop();
            return Ok(true);
        }
        if closing == b'}' {
            self.key()?;
        }
        Ok(false)
    }

    /// Goes from behind a value to the next one, if the text has one.
    fn is_followed(&mut self, within: &mut Vec<Container>) -> Scan<bool> {
        while let Some(container) = within.last() {
            self.blanks();
            let (closing, place) = match container {
                Container::Object => (b'}', "after object key:value pair"),
                Container::Array => (b']', "after array element"),
            };
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.blanks();
                    if closing == b'}' {
                        self.key()?;
                    }
                    return Ok(true);
                }
                Some(byte) if byte == closing => {
                    self.at += 1;
                    within.pop();
                }
                _ => return Err(self.unexpected(place)),
            }
        }
        Ok(false)
    }

    /// Reads a key and its colon.
    fn key(&mut self) -> Scan {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("looking for beginning of object key string"));
        }
        self.string()?;
        self.blanks();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("after object key"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Scan {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                None | Some(0..0x20) => return Err(self.unexpected("in string literal")),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Scan {
        match self.peek() {
            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.unexpected("in \\u hexadecimal character escape"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.unexpected("in string escape code")),
        }
        Ok(())
    }

    fn number(&mut self) -> Scan {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits("in numeric literal")?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digits(&mut self, place: &str) -> Scan {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(Unexpected { is_in_word: true, ..self.unexpected(place) });
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Scan {
        for letter in word.bytes() {
            if self.peek() != Some(letter) {
                let place = format!("in literal {word} (expecting {})", quote(letter));
                return Err(Unexpected { is_in_word: true, ..self.unexpected(&place) });
            }
            self.at += 1;
        }
        Ok(())
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn unexpected(&self, place: &str) -> Unexpected {
        Unexpected { at: self.at, place: place.to_owned(), is_in_word: false }
    }
}

/// A byte as Go shows it.
fn quote(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        0..0x20 | 0x7f..0xa1 | 0xad => format!("'\\x{byte:02x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, message: &str, offset: usize) {
        assert_eq!(error(text.as_bytes()), Some((message.to_owned(), offset)), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
    }

    #[track_caller]
    fn check_valid(text: &str) {
        assert_eq!(error(text.as_bytes()), None, "{text}");
    }

    #[test]
    fn json_is_not_complained_about() {
        check_valid(r#" {"a":[1,-2.5e+3,0,"x\u00e9\n"],"b":{},"c":[[],{"d":null}],"e":true} "#);
        check_valid("[]");
        check_valid("3");
    }

    #[test]
    fn a_text_that_ends_early_is_said_to() {
        for text in ["", " ", "{", "{\"a", "{\"a\"", "{\"a\":", "[1", "[1,", "\"\\u12"] {
            check(text, "unexpected end of JSON input", text.len());
        }
    }

    #[test]
    fn a_wrong_byte_is_told_with_its_place() {
        check("{} x", "invalid character 'x' after top-level value", 4);
        check("{a}", "invalid character 'a' looking for beginning of object key string", 2);
        check("{'a'}", r"invalid character '\'' looking for beginning of object key string", 2);
        check("{\"a\":1,}", "invalid character '}' looking for beginning of object key string", 8);
        check("[1,]", "invalid character ']' looking for beginning of value", 4);
        check("{\"a\" 1}", "invalid character '1' after object key", 6);
        check("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair", 8);
        check("[1 2]", "invalid character '2' after array element", 4);
        check("{\"a\":01}", "invalid character '1' after object key:value pair", 7);
        check("{\"a\":1é}", "invalid character 'Ã' after object key:value pair", 7);
        check("{\"a\":\"\u{1}\"}", "invalid character '\\x01' in string literal", 7);
        check("[\"\\q\"]", "invalid character 'q' in string escape code", 4);
        check("[\"\\u12x\"]", "invalid character 'x' in \\u hexadecimal character escape", 7);
    }

    #[test]
    fn words_and_numbers_say_what_they_lack() {
        check("{\"a\":tru}", "invalid character '}' in literal true (expecting 'e')", 9);
        check("{\"a\":nul", "invalid character ' ' in literal null (expecting 'l')", 8);
        check("{\"a\":-}", "invalid character '}' in numeric literal", 7);
        check("[1.x]", "invalid character 'x' after decimal point in numeric literal", 4);
        check("[1e]", "invalid character ']' in exponent of numeric literal", 4);
    }
}
