//! Why a text is no JSON, in the words of Go's `encoding/json`.

/// The first error of a text, and its offset: the number of bytes up to the one that is
/// wrong, itself included. `None` when nothing is wrong with it for Go.
pub(super) fn explain(text: &[u8]) -> Option<String> {
    let mut scanner = Scanner { text, at: 0 };
    let (why, offset) = scanner.document().err()?;
    Some(format!("{why}, at offset {offset}"))
}

type Outcome = Result<(), (String, usize)>;

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Outcome {
        self.value()?;
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { self.wrong("after top-level value") }
    }

    fn skip_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The next byte that is no blank.
    fn next(&mut self) -> Option<u8> {
        self.skip_space();
        self.text.get(self.at).copied()
    }

    /// Blames the byte that is next.
    fn wrong(&self, context: &str) -> Outcome {
        let Some(byte) = self.text.get(self.at) else {
            return Err(("unexpected end of JSON input".to_owned(), self.text.len()));
        };
        let shown = match byte {
            b'\'' => "\\'".to_owned(),
            b'"' => "\"".to_owned(),
            0x80.. => char::from(*byte).to_string(),
            byte => byte.escape_ascii().to_string(),
        };
        Err((format!("invalid character '{shown}' {context}"), self.at + 1))
    }

    fn value(&mut self) -> Outcome {
        match self.next() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.wrong("looking for beginning of value"),
        }
    }

    fn object(&mut self) -> Outcome {
        self.at += 1;
        if self.next() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.next() != Some(b'"') {
                return self.wrong("looking for beginning of object key string");
            }
            self.string()?;
            if self.next() != Some(b':') {
                return self.wrong("after object key");
            }
            self.at += 1;
            self.value()?;
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return self.wrong("after object key:value pair"),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn array(&mut self) -> Outcome {
        self.at += 1;
        if self.next() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value()?;
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.wrong("after array element"),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Outcome {
        self.at += 1;
        loop {
            match self.text.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(0x20..) => self.at += 1,
                _ => return self.wrong("in string literal"),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Outcome {
        match self.text.get(self.at) {
            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => (0..4).try_for_each(|_| {
                self.at += 1;
                let is_hex = self.text.get(self.at).is_some_and(u8::is_ascii_hexdigit);
                if is_hex { Ok(()) } else { self.wrong("in \\u hexadecimal character escape") }
            }),
            _ => self.wrong("in string escape code"),
        }
    }

    fn number(&mut self) -> Outcome {
        if self.text[self.at] == b'-' {
            self.at += 1;
        }
        match self.text.get(self.at) {
            // What follows a zero is no part of the number.
            Some(b'0') => self.at += 1,
            _ => self.digits("in numeric literal")?,
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn digits(&mut self, context: &str) -> Outcome {
        if !self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            return self.wrong(context);
        }
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Outcome {
        for letter in word.bytes() {
            if self.text.get(self.at) != Some(&letter) {
                let expecting = char::from(letter);
                return self.wrong(&format!("in literal {word} (expecting '{expecting}')"));
            }
            self.at += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(explain(text.as_bytes()).unwrap_or_default(), expected, "{text}");
    }

    #[test]
    fn errors_are_gos() {
        check("", "unexpected end of JSON input, at offset 0");
        check("{", "unexpected end of JSON input, at offset 1");
        let key = "invalid character 'x' looking for beginning of object key string, at offset 2";
        check("{x", key);
        check("x", "invalid character 'x' looking for beginning of value, at offset 1");
        check("{\"a\" 1}", "invalid character '1' after object key, at offset 6");
        check("{\"a\":1 2}", "invalid character '2' after object key:value pair, at offset 8");
        check("[1 2]", "invalid character '2' after array element, at offset 4");
        check("{} x", "invalid character 'x' after top-level value, at offset 4");
        check("\"a\nb\"", "invalid character '\\n' in string literal, at offset 3");
        check("\"\\x\"", "invalid character 'x' in string escape code, at offset 3");
        check("tru3", "invalid character '3' in literal true (expecting 'e'), at offset 4");
        check("1.x", "invalid character 'x' after decimal point in numeric literal, at offset 3");
        check("01", "invalid character '1' after top-level value, at offset 2");
        check("'a'", "invalid character '\\'' looking for beginning of value, at offset 1");
    }

    #[test]
    fn nothing_is_wrong_with_json() {
        check(" {\"a\":[1,-2.5e+3,true,null,\"\\u00ff\\n\"],\"b\":{}} ", "");
    }
}
