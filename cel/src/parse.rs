//! From tokens to a tree, by the grammar of the CEL specification.

use crate::fault::{Place, Wrong};
use crate::macros;
use crate::token::{Sort, Token, quote, tokens};
use crate::types::Type;
use crate::value::Value;

/// How deep expressions may be nested, and how many operators and calls one may have, other
/// than `&&` and `||`: who goes through the tree recurses.
const DEPTH_MAX: usize = 100;
const CHAIN_MAX: usize = 150;
/// What may begin a value, as cel-go's parser lists it.
const BEGINNINGS: &str = "'.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, \
                          STRING, BYTES, IDENTIFIER}";
/// Names that are kept for other languages.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];
/// Operators between two values, those that bind least first; all of a row bind alike.
const BETWEEN: [&[&str]; 3] =
    [&["==", "!=", "<=", ">=", "<", ">", "in"], &["+", "-"], &["*", "/", "%"]];

/// A part of an expression, and the offset that what is wrong with it is told of.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// The offset into the text.
    pub at: usize,
}

/// What a part of an expression is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A value.
    Literal(Value),
    /// A name.
    Name(String),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{a: b}`.
    Map(Vec<(Expr, Expr)>),
    /// `a.b`.
    Select(Box<Expr>, String),
    /// `has(a.b)`.
    Has(Box<Expr>, String),
    /// A call. Operators are functions by their signs, as `_+_`.
    Call {
        /// The function.
        function: String,
        /// What stands before its name and a dot.
        target: Option<Box<Expr>>,
        /// What stands between its parentheses.
        arguments: Vec<Expr>,
    },
    /// What a macro goes through a list or a map for.
    Fold(Box<Fold>),
    /// `cel.bind(name, value, within)`.
    Bind(String, Box<[Expr; 2]>),
    /// The library's own call, by its number, and its type.
    Own(usize, Type),
}

/// A macro that goes through a list, or the keys of a map.
#[derive(Clone, Debug)]
pub struct Fold {
    pub(crate) goal: Goal,
    pub(crate) over: Expr,
    /// The name of each item.
    pub(crate) name: String,
    /// Which items are meant, for `filter` and the long form of `map`.
    pub(crate) filter: Option<Expr>,
    /// What is made of each item.
    pub(crate) body: Expr,
}

/// What a [`Fold`] yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Whether the body is true of all.
    All,
    /// Whether it is of any.
    Exists,
    /// Whether it is of exactly one.
    ExistsOne,
    /// The list of all bodies.
    List,
}

/// What a library makes of a call that it knows, and its type; the error is its message.
pub(crate) type Own<'l> =
    dyn FnMut(&str, &[Expr], usize) -> Option<Result<(usize, Type), Wrong>> + 'l;

/// Reads an expression.
pub(crate) fn parse(source: &str, own: &mut Own<'_>) -> Result<Expr, Wrong> {
    let tokens = tokens(source);
    let mut parser = Parser { source, tokens: &tokens, at: 0, depth: 0, chained: 0, own };
    let expr = parser.ternary()?;
    match parser.sort() {
        Sort::End => Ok(expr),
        Sort::Unknown => parser.unrecognized(),
        _ => {
            // One token too many, or more.
            let is_one = tokens.get(parser.at + 1).is_some_and(|next| next.sort == Sort::End);
            let what = if is_one { "extraneous" } else { "mismatched" };
            parser.syntax(&format!("{what} input '{}' expecting <EOF>", parser.text()))
        }
    }
}

struct Parser<'p> {
    source: &'p str,
    tokens: &'p [Token],
    at: usize,
    /// How many expressions this one is within.
    depth: usize,
    /// Operators and calls so far.
    chained: usize,
    own: &'p mut Own<'p>,
}

type Parsed<T = Expr> = Result<T, Wrong>;

impl<'p> Parser<'p> {
    fn sort(&self) -> Sort {
        self.tokens[self.at].sort
    }

    fn start(&self) -> usize {
        self.tokens[self.at].start
    }

    /// The next token as it stands there.
    fn text(&self) -> &'p str {
        let Token { sort, start, end } = self.tokens[self.at];
        if sort == Sort::End { "<EOF>" } else { &self.source[start..end] }
    }

    fn syntax<T>(&self, what: &str) -> Parsed<T> {
        Err(Wrong::at(self.start(), format!("Syntax error: {what}")))
    }

    fn unrecognized<T>(&self) -> Parsed<T> {
        self.syntax(&format!("token recognition error at: '{}'", self.text()))
    }

    fn mismatched<T>(&self, expected: &str) -> Parsed<T> {
        if self.sort() == Sort::Unknown {
            return self.unrecognized();
        }
        self.syntax(&format!("mismatched input '{}' expecting {expected}", self.text()))
    }

    /// Whether the next token is followed by another that could begin a value.
    fn is_before_value(&self) -> bool {
        let Some(next) = self.tokens.get(self.at + 1) else { return false };
        match next.sort {
            Sort::End | Sort::Unknown => false,
            Sort::Identifier | Sort::Number | Sort::Text => true,
            Sort::Operator => self.source[next.start..].starts_with(['(', '[', '{', '!', '-', '.']),
        }
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.sort(), Sort::Operator | Sort::Identifier) && self.text() == sign
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is = self.is(sign);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.takes(sign) {
            return Ok(());
        }
        match self.sort() {
            Sort::Unknown => self.unrecognized(),
            Sort::End if sign != ":" => {
                self.syntax(&format!("missing '{sign}' at '{}'", self.text()))
            }
            _ => self.mismatched(&format!("'{sign}'")),
        }
    }

    /// Counts an operator or a call.
    fn chain(&mut self) -> Parsed<()> {
        self.chained += 1;
        if self.chained > CHAIN_MAX {
            return self.syntax(&format!("expression has more than {CHAIN_MAX} operators"));
        }
        Ok(())
    }

    fn ternary(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let what = format!("expression recursion limit exceeded: {DEPTH_MAX}");
            return Err(Wrong { what, place: Place::At(self.start()) });
        }
        let condition = self.either()?;
        let at = self.start();
        let expr = if self.takes("?") {
            self.chain()?;
            let yes = self.either()?;
            self.expect(":")?;
            let no = self.ternary()?;
            call("_?_:_", vec![condition, yes, no], at)
        } else {
            condition
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn either(&mut self) -> Parsed {
        self.sides("||", |this| this.sides("&&", |this| this.between(0)))
    }

    /// Values with `&&` or with `||` between, however many, in one call.
    fn sides(&mut self, sign: &str, side: impl Fn(&mut Self) -> Parsed) -> Parsed {
        let mut sides = vec![side(self)?];
        let at = self.start();
        while self.takes(sign) {
            sides.push(side(self)?);
        }
        Ok(match sides.len() {
            1 => sides.swap_remove(0),
            _ => call(&format!("_{sign}_"), sides, at),
        })
    }

    fn between(&mut self, row: usize) -> Parsed {
        let Some(signs) = BETWEEN.get(row) else { return self.unary() };
        let mut left = self.between(row + 1)?;
        loop {
            let at = self.start();
            let Some(sign) = signs.iter().find(|sign| self.takes(sign)) else { return Ok(left) };
            self.chain()?;
            let right = self.between(row + 1)?;
            let function = if *sign == "in" { "@in".to_owned() } else { format!("_{sign}_") };
            left = call(&function, vec![left, right], at);
        }
    }

    fn unary(&mut self) -> Parsed {
        let mut signs = Vec::new();
        loop {
            let at = self.start();
            if self.takes("!") {
                signs.push(("!_", at));
            } else if self.is("-") && self.tokens[self.at + 1].sort != Sort::Number {
                self.at += 1;
                signs.push(("-_", at));
            } else {
                break;
            }
            self.chain()?;
        }
        let expr = self.member()?;
        let apply = |expr, (function, at): (&str, usize)| call(function, vec![expr], at);
        Ok(signs.into_iter().rev().fold(expr, apply))
    }

    /// A value, and `.field`, `.method(…)` or `[index]`, as often as there are.
    fn member(&mut self) -> Parsed {
        let mut expr = self.primary()?;
        loop {
            let at = self.start();
            if self.takes("[") {
                self.chain()?;
                if self.is("?") {
                    return Err(Wrong::at(at, "unsupported syntax '[?'"));
                }
                let index = self.ternary()?;
                self.expect("]")?;
                expr = call("_[_]", vec![expr, index], at);
            } else if self.takes(".") {
                self.chain()?;
                expr = self.field(expr, at)?;
            } else {
                return Ok(expr);
            }
        }
    }

    /// What stands behind a dot.
    fn field(&mut self, of: Expr, at: usize) -> Parsed {
        if self.is("?") {
            return Err(Wrong::at(at, "unsupported syntax '.?'"));
        }
        if self.sort() != Sort::Identifier {
            return match self.sort() {
                Sort::Unknown => self.unrecognized(),
                _ => self.syntax(&format!("no viable alternative at input '.{}'", self.text())),
            };
        }
        let name = self.text().to_owned();
        self.at += 1;
        let call = self.start();
        if !self.takes("(") {
            return Ok(Expr { kind: Kind::Select(Box::new(of), name), at });
        }
        let arguments = self.items(")")?;
        macros::expand_member(name, of, arguments, call)
    }

    fn primary(&mut self) -> Parsed {
        let at = self.start();
        let is_number = |token: &Token| token.sort == Sort::Number;
        match (self.sort(), self.text()) {
            (Sort::Number, _) => self.number(""),
            (Sort::Operator, "-") if self.tokens.get(self.at + 1).is_some_and(is_number) => {
                self.at += 1;
                self.number("-").map(|expr| Expr { at, ..expr })
            }
            (Sort::Text, text) => {
                let value = unquote(text).map_err(|what| Wrong::at(at, what))?;
                self.at += 1;
                Ok(Expr { kind: Kind::Literal(value), at })
            }
            (Sort::Identifier, _) => self.named(),
            (Sort::Operator, "(") => {
                self.at += 1;
                let expr = self.ternary()?;
                self.expect(")")?;
                Ok(expr)
            }
            (Sort::Operator, "[") => {
                self.at += 1;
                Ok(Expr { kind: Kind::List(self.items("]")?), at })
            }
            (Sort::Operator, "{") => {
                self.at += 1;
                Ok(Expr { kind: Kind::Map(self.entries()?), at })
            }
            (Sort::Operator, ".") => {
                self.at += 1;
                match self.sort() {
                    Sort::Identifier => self.named(),
                    _ => self.mismatched("IDENTIFIER"),
                }
            }
            (Sort::Unknown, _) => self.unrecognized(),
            (Sort::Operator, sign) if self.is_before_value() => {
                let what = format!("extraneous input '{sign}' expecting {}", beginnings(""));
                self.syntax(&what)
            }
            _ => self.mismatched(&beginnings("")),
        }
    }

    /// A name that nothing stands before, and its arguments if it is called.
    fn named(&mut self) -> Parsed {
        let (name, at) = (self.text(), self.start());
        self.at += 1;
        let kind = match name {
            "true" => Kind::Literal(Value::Bool(true)),
            "false" => Kind::Literal(Value::Bool(false)),
            "null" => Kind::Literal(Value::Null),
            _ if RESERVED.contains(&name) => {
                return Err(Wrong::at(at, format!("reserved identifier: {name}")));
            }
            _ if self.is("(") => {
                let call = self.start();
                self.at += 1;
                self.chain()?;
                let arguments = self.items(")")?;
                return self.called(name, arguments, call);
            }
            _ => Kind::Name(name.to_owned()),
        };
        Ok(Expr { kind, at })
    }

    fn called(&mut self, name: &str, arguments: Vec<Expr>, at: usize) -> Parsed {
        if name == "has" {
            return macros::has(arguments, at);
        }
        if let Some(own) = (self.own)(name, &arguments, at) {
            let (number, of) = own?;
            return Ok(Expr { kind: Kind::Own(number, of), at });
        }
        Ok(call(name, arguments, at))
    }

    fn items(&mut self, closing: &str) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        while !self.takes(closing) {
            if items.is_empty() && self.sort() == Sort::End {
                return self.mismatched(&beginnings(closing));
            }
            items.push(self.ternary()?);
            if !self.takes(",") {
                match (self.sort(), closing) {
                    (Sort::End, "]") => return self.mismatched("{']', ','}"),
                    _ => self.expect(closing)?,
                }
                break;
            }
        }
        Ok(items)
    }

    fn entries(&mut self) -> Parsed<Vec<(Expr, Expr)>> {
        let mut entries = Vec::new();
        while !self.takes("}") {
            let key = self.ternary()?;
            if !self.is(":") && self.sort() != Sort::End && self.sort() != Sort::Unknown {
                return self.syntax(&format!("missing ':' at '{}'", self.text()));
            }
            self.expect(":")?;
            entries.push((key, self.ternary()?));
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(entries)
    }

    fn number(&mut self, sign: &str) -> Parsed {
        let (text, at) = (self.text(), self.start());
        let (digits, is_unsigned) = match text.strip_suffix(['u', 'U']) {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        let (digits, radix) = match digits.strip_prefix("0x") {
            Some(hex) => (hex, 16),
            None => (digits, 10),
        };
        let is_whole = radix == 16 || digits.bytes().all(|digit| digit.is_ascii_digit());
        let (value, name) = if !is_whole {
            (format!("{sign}{digits}").parse().ok().map(Value::Double), "double")
        } else if is_unsigned {
            let value = u64::from_str_radix(digits, radix).ok().filter(|_| sign.is_empty());
            (value.map(Value::Uint), "uint")
        } else {
            let value = i64::from_str_radix(&format!("{sign}{digits}"), radix);
            (value.ok().map(Value::Int), "int")
        };
        let Some(value) = value else {
            return Err(Wrong::at(at, format!("invalid {name} literal")));
        };
        self.at += 1;
        Ok(Expr { kind: Kind::Literal(value), at })
    }
}

/// A call that nothing stands before.
pub(crate) fn call(function: &str, arguments: Vec<Expr>, at: usize) -> Expr {
    let kind = Kind::Call { function: function.to_owned(), target: None, arguments };
    Expr { kind, at }
}

/// What may begin a value, or close a list of them.
fn beginnings(closing: &str) -> String {
    let closing = if closing == ")" { "')', " } else { "" };
    format!("{{'[', '{{', '(', {closing}{BEGINNINGS}")
}

/// The value of a text or of bytes, which stand in quotes.
fn unquote(text: &str) -> Result<Value, &'static str> {
    let prefix = text.find(['"', '\'']).unwrap_or(0);
    let is = |letter: char| text[..prefix].to_ascii_lowercase().contains(letter);
    let (is_raw, is_bytes) = (is('r'), is('b'));
    let body = &text[prefix..];
    let quote = quote(body).len();
    let inner = &body[quote..body.len() - quote];
    let mut bytes = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' || is_raw {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let wrong = if is_bytes { "invalid bytes literal" } else { "invalid string literal" };
        match chars.next().and_then(|letter| escape(letter, &mut chars)).ok_or(wrong)? {
            // In bytes such a number is a byte, not a character.
            (code, true) if is_bytes => bytes.push(u8::try_from(code).map_err(|_| wrong)?),
            (code, _) => {
                let c = char::from_u32(code).ok_or(wrong)?;
                bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            }
        }
    }
    if is_bytes {
        return Ok(Value::Bytes(bytes));
    }
    String::from_utf8(bytes).map(Value::Text).map_err(|_| "invalid string literal")
}

/// What an escape with this letter stands for, and whether it is given as up to 255.
fn escape(letter: char, rest: &mut std::str::Chars<'_>) -> Option<(u32, bool)> {
    let (radix, digits, first) = match letter {
        'n' => return Some((0xa, false)),
        't' => return Some((0x9, false)),
        'r' => return Some((0xd, false)),
        'a' => return Some((0x7, false)),
        'b' => return Some((0x8, false)),
        'f' => return Some((0xc, false)),
        'v' => return Some((0xb, false)),
        '\\' | '"' | '\'' | '`' | '?' => return Some((letter.into(), false)),
        'x' | 'X' => (16, 2, 0),
        'u' => (16, 4, 0),
        'U' => (16, 8, 0),
        '0'..='3' => (8, 2, letter.to_digit(8)?),
        _ => return None,
    };
    let mut code = first;
    for _ in 0..digits {
        code = code.checked_mul(radix)? + rest.next()?.to_digit(radix)?;
    }
    Some((code, digits == 2))
}
