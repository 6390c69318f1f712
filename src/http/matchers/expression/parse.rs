//! The syntax of expressions: from text to a tree of calls, as cel-spec's grammar has it.

use super::value::Value;

/// How deep an expression may be nested, and how many operators it may chain: who reads
/// the tree recurses.
const NESTING_MAX: u32 = 100;
const CHAIN_MAX: u32 = 400;

/// An expression as it is written. Operators are calls of functions by their signs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Literal(Value),
    Name(String, usize),
    List(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
    /// What is called, with what, and the offset that an error about it names.
    Call(String, Vec<Tree>, usize),
}

/// What is wrong, and the offset of where.
pub(super) type Wrong = (String, usize);

/// Binary operators, those that bind least first; all of a row bind alike.
const BINARY: [&[&str]; 5] =
    [&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">", "in"], &["+", "-"], &["*", "/", "%"]];

struct Parser<'t> {
    text: &'t str,
    at: usize,
    nesting: u32,
    /// Operators and calls so far.
    chained: u32,
}

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Tree, Wrong> {
    let mut parser = Parser { text, at: 0, nesting: 0, chained: 0 };
    let tree = parser.expression()?;
    parser.skip();
    match parser.rest().chars().next() {
        None => Ok(tree),
        Some(c) => parser.wrong(&format!("unexpected '{c}'")),
    }
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn wrong<T>(&self, what: &str) -> Result<T, Wrong> {
        Err((format!("Syntax error: {what}"), self.at))
    }

    /// Passes over blanks and comments.
    fn skip(&mut self) {
        loop {
            self.at = self.text.len() - self.rest().trim_start().len();
            match self.rest().strip_prefix("//") {
                Some(comment) => self.at += 2 + comment.find('\n').unwrap_or(comment.len()),
                None => return,
            }
        }
    }

    /// Takes a sign or a word if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        self.skip();
        let Some(after) = self.rest().strip_prefix(sign) else { return false };
        if sign == "in" && after.starts_with(is_word) {
            return false;
        }
        self.at += sign.len();
        true
    }

    /// Counts an operator.
    fn chain(&mut self) -> Result<(), Wrong> {
        self.chained += 1;
        if self.chained > CHAIN_MAX { self.wrong("too many operators") } else { Ok(()) }
    }

    fn expect(&mut self, sign: &str) -> Result<(), Wrong> {
        if self.take(sign) { Ok(()) } else { self.wrong(&format!("expected '{sign}'")) }
    }

    fn expression(&mut self) -> Result<Tree, Wrong> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return self.wrong("nested too deep");
        }
        let condition = self.binary(0)?;
        let at = self.at;
        let tree = if self.take("?") {
            let yes = self.binary(0)?;
            self.expect(":")?;
            let no = self.expression()?;
            Tree::Call("?:".to_owned(), vec![condition, yes, no], at)
        } else {
            condition
        };
        self.nesting -= 1;
        Ok(tree)
    }

    fn binary(&mut self, row: usize) -> Result<Tree, Wrong> {
        let Some(signs) = BINARY.get(row) else { return self.unary() };
        let mut left = self.binary(row + 1)?;
        loop {
            self.skip();
            let at = self.at;
            let Some(sign) = signs.iter().find(|sign| self.take(sign)) else { return Ok(left) };
            self.chain()?;
            let right = self.binary(row + 1)?;
            left = Tree::Call((*sign).to_owned(), vec![left, right], at);
        }
    }

    fn unary(&mut self) -> Result<Tree, Wrong> {
        let mut signs = Vec::new();
        loop {
            self.skip();
            let at = self.at;
            let is_digit = |c: &u8| c.is_ascii_digit();
            let is_number = self.rest().as_bytes().get(1).is_some_and(is_digit);
            if self.take("!") {
                signs.push(("!", at));
            } else if !is_number && self.take("-") {
                signs.push(("neg", at));
            } else {
                break;
            }
            self.chain()?;
        }
        let tree = self.member()?;
        let apply = |tree, (sign, at): (&str, usize)| Tree::Call(sign.to_owned(), vec![tree], at);
        Ok(signs.into_iter().rev().fold(tree, apply))
    }

    fn member(&mut self) -> Result<Tree, Wrong> {
        let mut tree = self.primary()?;
        loop {
            let at = self.at;
            if self.rest().trim_start().starts_with(['.', '[']) {
                self.chain()?;
            }
            if self.take(".") {
                let name = self.word()?;
                let call = self.at;
                let mut arguments = vec![tree];
                if self.take("(") {
                    arguments.extend(self.list(")")?);
                    tree = Tree::Call(name, arguments, call);
                } else {
                    arguments.push(Tree::Literal(Value::Text(name)));
                    tree = Tree::Call("[]".to_owned(), arguments, at);
                }
            } else if self.take("[") {
                let index = self.expression()?;
                self.expect("]")?;
                tree = Tree::Call("[]".to_owned(), vec![tree, index], at);
            } else {
                return Ok(tree);
            }
        }
    }

    fn primary(&mut self) -> Result<Tree, Wrong> {
        if self.take("(") {
            let tree = self.expression()?;
            self.expect(")")?;
            return Ok(tree);
        }
        if self.take("[") {
            return Ok(Tree::List(self.list("]")?));
        }
        if self.take("{") {
            return self.map();
        }
        self.skip();
        let rest = self.rest();
        let first = rest.chars().next();
        let raw = rest.starts_with(['r', 'R']) && rest[1..].starts_with(['"', '\'']);
        match first {
            Some('"' | '\'') => self.string(false),
            Some(_) if raw => {
                self.at += 1;
                self.string(true)
            }
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            Some(c) if is_word(c) => {
                let at = self.at;
                let name = self.word()?;
                let call = self.at;
                Ok(match name.as_str() {
                    "true" => Tree::Literal(Value::Bool(true)),
                    "false" => Tree::Literal(Value::Bool(false)),
                    "null" => Tree::Literal(Value::Null),
                    _ if self.take("(") => Tree::Call(name, self.list(")")?, call),
                    _ => Tree::Name(name, at),
                })
            }
            Some(c) => self.wrong(&format!("unexpected '{c}'")),
            None => self.wrong("unexpected end"),
        }
    }

    /// Expressions up to `end`, with commas between.
    fn list(&mut self, end: &str) -> Result<Vec<Tree>, Wrong> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.expression()?);
            if !self.take(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }

    fn map(&mut self) -> Result<Tree, Wrong> {
        let mut entries = Vec::new();
        while !self.take("}") {
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Tree::Map(entries))
    }

    fn word(&mut self) -> Result<String, Wrong> {
        self.skip();
        let rest = self.rest();
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if end == 0 {
            return self.wrong("expected a name");
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn number(&mut self) -> Result<Tree, Wrong> {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let sign = usize::from(rest.starts_with('-'));
        let end = rest[sign..].find(|c| !is_part(c)).map_or(rest.len(), |end| end + sign);
        let digits = &rest[..end];
        let value = match digits.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16).ok().map(Value::Int),
            None if digits.contains(['.', 'e', 'E']) => digits.parse().ok().map(Value::Double),
            None => digits.trim_end_matches(['u', 'U']).parse().ok().map(Value::Int),
        };
        let Some(value) = value else { return self.wrong(&format!("bad number '{digits}'")) };
        self.at += end;
        Ok(Tree::Literal(value))
    }

    /// A text between single or triple quotes; with escapes unless it is `raw`.
    fn string(&mut self, raw: bool) -> Result<Tree, Wrong> {
        let rest = self.rest();
        let triple = ["\"\"\"", "'''"].into_iter().find(|quote| rest.starts_with(quote));
        let quote = triple.unwrap_or(&rest[..1]);
        let mut text = String::new();
        let mut chars = rest[quote.len()..].char_indices();
        while let Some((at, c)) = chars.next() {
            if rest[quote.len() + at..].starts_with(quote) {
                self.at += at + 2 * quote.len();
                return Ok(Tree::Literal(Value::Text(text)));
            }
            if c == '\\' && !raw {
                match chars.next().and_then(|(_, c)| escape(c, &mut chars)) {
                    Some(c) => text.push(c),
                    None => return self.wrong("bad escape in a string"),
                }
            } else {
                text.push(c);
            }
        }
        self.wrong("unterminated string")
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The character that an escape stands for, whose letter is `c`.
fn escape(c: char, rest: &mut std::str::CharIndices<'_>) -> Option<char> {
    let digits = match c {
        'n' => return Some('\n'),
        't' => return Some('\t'),
        'r' => return Some('\r'),
        'a' => return Some('\u{7}'),
        'b' => return Some('\u{8}'),
        'f' => return Some('\u{c}'),
        'v' => return Some('\u{b}'),
        '\\' | '"' | '\'' | '`' | '?' => return Some(c),
        'x' | 'X' => 2,
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + rest.next()?.1.to_digit(16)?;
    }
    char::from_u32(code)
}
