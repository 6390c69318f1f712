//! Expressions of the Common Expression Language (CEL), as matchers have them: whether one
//! can be read, and whether the functions and names in it are there, in the words of cel-go.
//!
//! What an expression yields is the matcher's business.

use std::fmt::Write;

/// Functions that an expression may call by their bare name: those of the language, those
/// of Caddy, and its matchers.
const FUNCTIONS: [&str; 30] = [
    "bool",
    "bytes",
    "caddyPlaceholder",
    "client_ip",
    "double",
    "duration",
    "dyn",
    "expression",
    "file",
    "has",
    "header",
    "header_regexp",
    "host",
    "int",
    "method",
    "not",
    "path",
    "path_regexp",
    "ph",
    "protocol",
    "query",
    "remote_ip",
    "size",
    "string",
    "timestamp",
    "tls",
    "type",
    "uint",
    "vars",
    "vars_regexp",
];
/// Names that stand for something: the request, types, and the rooms of extensions.
const NAMES: [&str; 22] = [
    "bool",
    "bytes",
    "cel",
    "double",
    "duration",
    "google",
    "int",
    "list",
    "lists",
    "map",
    "math",
    "null_type",
    "optional",
    "req",
    "sets",
    "string",
    "strings",
    "timestamp",
    "type",
    "uint",
    "base64",
    "dyn",
];
/// Macros that give names of their own to what is within their parentheses.
const BINDERS: [&str; 8] =
    ["all", "exists", "exists_one", "existsOne", "filter", "map", "bind", "sortBy"];
/// How deep expressions may be nested, as in cel-go.
const DEPTH_MAX: usize = 250;
/// What may begin a value, as the parser lists it.
const BEGINNINGS: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, \
                          NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/// Checks an expression.
///
/// # Errors
/// What cel-go says, with the line and a mark below it.
pub(super) fn check(expression: &str) -> Result<(), String> {
    let source = with_placeholders(expression);
    let tokens = tokens(&source);
    let mut parser = Parser {
        source: &source,
        tokens: &tokens,
        at: 0,
        depth: 0,
        bound: Vec::new(),
        undeclared: Vec::new(),
    };
    let parsed = parser.ternary().and_then(|()| match parser.peek() {
        Kind::End => Ok(()),
        _ => Err(format!("extraneous input '{}' expecting <EOF>", parser.text())),
    });
    if let Err(why) = parsed {
        let at = tokens[parser.at].start;
        return Err(format!(
            "compiling CEL program: {}",
            mark(&source, at, &format!("Syntax error: {why}"))
        ));
    }
    let faults: Vec<String> = parser
        .undeclared
        .iter()
        .map(|(name, at)| {
            mark(&source, *at, &format!("undeclared reference to '{name}' (in container '')"))
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("compiling CEL program: {}", faults.join("\n")))
}

/// The expression with each placeholder as the call that yields its value.
fn with_placeholders(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression;
    while let Some(at) = rest.find('{') {
        let (before, inner) = (&rest[..at], &rest[at + 1..]);
        let is_name = |c: char| c == '.' || c == '-' || c == '_' || c.is_ascii_alphanumeric();
        let end = inner.find(|c: char| !is_name(c)).unwrap_or(inner.len());
        let is_placeholder = end > 1
            && inner[end..].starts_with('}')
            && inner.starts_with(|c: char| c.is_ascii_alphabetic());
        out.push_str(before);
        if before.ends_with('\\') || !is_placeholder {
            if before.ends_with('\\') {
                out.pop();
            }
            out.push('{');
            rest = inner;
            continue;
        }
        // Writing to a string cannot fail.
        let _ = write!(out, "ph(req, {:?})", &inner[..end]);
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    out
}

/// A message with the line it is about and a mark below the place.
fn mark(source: &str, at: usize, message: &str) -> String {
    let line_start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let number = source[..at].matches('\n').count() + 1;
    let line = source[line_start..].lines().next().unwrap_or_default();
    let column = source[line_start..at].chars().count();
    if source.is_empty() {
        return format!("ERROR: <input>:1:0: {message}");
    }
    let dots = ".".repeat(column);
    format!("ERROR: <input>:{number}:{}: {message}\n | {line}\n | {dots}^", column + 1)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Identifier,
    /// A number or a string.
    Literal,
    Operator,
    /// A character that no token begins with, or a string that does not end.
    Unknown,
    End,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

fn tokens(source: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (kind, length) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '/' if rest.starts_with("//") => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '0'..='9' => (Kind::Literal, number_length(rest)),
            '"' | '\'' => string_length(rest, 0),
            'r' | 'R' | 'b' | 'B' if prefix_length(rest).is_some() => {
                string_length(rest, prefix_length(rest).unwrap_or(0))
            }
            '_' | 'a'..='z' | 'A'..='Z' => {
                let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
                (Kind::Identifier, rest.find(|c| !is_word(c)).unwrap_or(rest.len()))
            }
            _ => operator(rest),
        };
        found.push(Token { kind, start: at, end: at + length });
        at += length;
    }
    found.push(Token { kind: Kind::End, start: source.len(), end: source.len() });
    found
}

fn operator(rest: &str) -> (Kind, usize) {
    const LONG: [&str; 6] = ["&&", "||", "==", "!=", "<=", ">="];
    if LONG.iter().any(|operator| rest.starts_with(operator)) {
        return (Kind::Operator, 2);
    }
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let is_known = rest.starts_with([
        '(', ')', '[', ']', '{', '}', '.', ',', '?', ':', '!', '<', '>', '+', '-', '*', '/', '%',
    ]);
    (if is_known { Kind::Operator } else { Kind::Unknown }, first)
}

fn number_length(rest: &str) -> usize {
    let is_part = |c: char| c == '.' || c.is_ascii_alphanumeric();
    rest.find(|c| !is_part(c)).unwrap_or(rest.len())
}

/// How long the letters before a string's quote are: `r`, `b`, `rb`, `br`.
fn prefix_length(rest: &str) -> Option<usize> {
    let end = rest.find(['"', '\''])?;
    let letters = rest[..end].to_ascii_lowercase();
    matches!(letters.as_str(), "r" | "b" | "rb" | "br").then_some(end)
}

fn string_length(rest: &str, prefix: usize) -> (Kind, usize) {
    let is_raw = rest[..prefix].contains(['r', 'R']);
    let body = &rest[prefix..];
    let quote =
        if body.starts_with("\"\"\"") || body.starts_with("'''") { &body[..3] } else { &body[..1] };
    let mut at = quote.len();
    while let Some(c) = body[at..].chars().next() {
        if body[at..].starts_with(quote) {
            return (Kind::Literal, prefix + at + quote.len());
        }
        at += c.len_utf8();
        if c == '\\' && !is_raw {
            at += body[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    (Kind::Unknown, rest.len())
}

/// Goes through the grammar and collects what is not declared.
struct Parser<'s> {
    source: &'s str,
    tokens: &'s [Token],
    at: usize,
    /// How many expressions this one is within.
    depth: usize,
    /// Names that macros around here have given.
    bound: Vec<&'s str>,
    undeclared: Vec<(&'s str, usize)>,
}

type Parsed = Result<(), String>;

impl<'s> Parser<'s> {
    fn peek(&self) -> Kind {
        self.tokens[self.at].kind
    }

    /// The next token as it stands there.
    fn text(&self) -> &'s str {
        let Token { kind, start, end } = self.tokens[self.at];
        if kind == Kind::End { "<EOF>" } else { &self.source[start..end] }
    }

    fn is(&self, operator: &str) -> bool {
        self.peek() == Kind::Operator && self.text() == operator
    }

    fn takes(&mut self, operator: &str) -> bool {
        let is = self.is(operator);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, operator: &str) -> Parsed {
        if self.takes(operator) {
            return Ok(());
        }
        Err(match self.peek() {
            Kind::End => format!("missing '{operator}' at '<EOF>'"),
            _ => format!("mismatched input '{}' expecting '{operator}'", self.text()),
        })
    }

    fn ternary(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("expression recursion limit exceeded: {DEPTH_MAX}"));
        }
        self.operators()?;
        if self.takes("?") {
            self.operators()?;
            self.expect(":")?;
            self.ternary()?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Operands with operators between them: what binds how tightly changes no name.
    fn operators(&mut self) -> Parsed {
        const BETWEEN: [&str; 13] =
            ["&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"];
        loop {
            while self.takes("!") || self.takes("-") {}
            self.operand()?;
            let is_in = self.peek() == Kind::Identifier && self.text() == "in";
            let is_operator = self.peek() == Kind::Operator && BETWEEN.contains(&self.text());
            if !is_in && !is_operator {
                return Ok(());
            }
            self.at += 1;
        }
    }

    fn operand(&mut self) -> Parsed {
        let token = self.tokens[self.at];
        match (token.kind, self.text()) {
            (Kind::Literal, _) | (Kind::Identifier, "true" | "false" | "null") => self.at += 1,
            (Kind::Identifier, name) => self.named(name, token.start)?,
            (Kind::Operator, "(") => {
                self.at += 1;
                self.ternary()?;
                self.expect(")")?;
            }
            (Kind::Operator, "[") => {
                self.at += 1;
                self.items("]")?;
            }
            (Kind::Operator, "{") => {
                self.at += 1;
                self.entries()?;
            }
            (Kind::Operator, ".") => {
                self.at += 1;
                return self.operand();
            }
            (Kind::Unknown, text) => return Err(format!("token recognition error at: '{text}'")),
            (_, text) => return Err(format!("mismatched input '{text}' expecting {BEGINNINGS}")),
        }
        self.members()
    }

    /// A name that nothing stands before, and its arguments if it is called.
    fn named(&mut self, name: &'s str, start: usize) -> Parsed {
        self.at += 1;
        if !self.is("(") {
            if !NAMES.contains(&name) && !self.bound.contains(&name) {
                self.undeclared.push((name, start));
            }
            return Ok(());
        }
        if !FUNCTIONS.contains(&name) {
            self.undeclared.push((name, self.tokens[self.at].start));
        }
        self.at += 1;
        self.items(")")
    }

    /// `.field`, `.method(…)`, `[index]`, as often as there are.
    fn members(&mut self) -> Parsed {
        loop {
            if self.takes("[") {
                self.takes("?");
                self.ternary()?;
                self.expect("]")?;
            } else if self.takes(".") {
                self.takes("?");
                if self.peek() != Kind::Identifier {
                    let text = self.text();
                    return Err(format!("no viable alternative at input '.{text}'"));
                }
                let method = self.text();
                self.at += 1;
                if self.takes("(") {
                    self.arguments(method)?;
                }
            } else {
                return Ok(());
            }
        }
    }

    fn arguments(&mut self, method: &str) -> Parsed {
        let binds = BINDERS.contains(&method) && self.peek() == Kind::Identifier;
        if binds {
            self.bound.push(self.text());
        }
        let parsed = self.items(")");
        if binds {
            self.bound.pop();
        }
        parsed
    }

    fn items(&mut self, closing: &str) -> Parsed {
        while !self.takes(closing) {
            self.ternary()?;
            if !self.takes(",") {
                return self.expect(closing);
            }
        }
        Ok(())
    }

    fn entries(&mut self) -> Parsed {
        while !self.takes("}") {
            self.takes("?");
            self.ternary()?;
            self.expect(":")?;
            self.ternary()?;
            if !self.takes(",") {
                return self.expect("}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_error(expression: &str, errors: &str) {
        let expected = format!("compiling CEL program: {errors}");
        assert_eq!(check(expression), Err(expected), "{expression}");
    }

    #[test]
    fn what_is_declared_compiles() {
        for valid in [
            "{path} == '/'",
            "header({'A': 'b'}) || method('GET') && {http.request.host}.startsWith(\"x\")",
            "path('/a*', '/b') ? !host('x') : size([1, 2u, 3.5e3]) > 1",
            "['a', 'b'].exists(x, x == {query.k}) && 'a' in ['b']",
            "math.greatest(1, -2) == 2 // a comment",
            "r'\\d'.matches({path}) && {vars.x}[0].y < 0x1f",
            "{header.Accept-Language}.split(',')[0] != null",
        ] {
            assert_eq!(check(valid), Ok(()), "{valid}");
        }
    }

    #[test]
    fn what_is_not_declared_is_told() {
        check_error(
            "nosuch({path})",
            "ERROR: <input>:1:7: undeclared reference to 'nosuch' (in container '')\n \
             | nosuch(ph(req, \"path\"))\n | ......^",
        );
        check_error(
            "x == 1 || y == 2",
            "ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n \
             | x == 1 || y == 2\n | ^\n\
             ERROR: <input>:1:11: undeclared reference to 'y' (in container '')\n \
             | x == 1 || y == 2\n | ..........^",
        );
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("{}true{}", "(".repeat(100_000), ")".repeat(100_000));
        let error = check(&deep).expect_err("it is too deep");
        assert!(error.contains("expression recursion limit exceeded: 250"));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        check_error(
            "1 +",
            &format!(
                "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting \
                 {BEGINNINGS}\n | 1 +\n | ...^"
            ),
        );
        check_error(
            "path('/a'",
            "ERROR: <input>:1:10: Syntax error: missing ')' at '<EOF>'\n | path('/a'\n | .........^",
        );
        check_error(
            "path('/a'))",
            "ERROR: <input>:1:11: Syntax error: extraneous input ')' expecting <EOF>\n \
             | path('/a'))\n | ..........^",
        );
        let empty = format!("mismatched input '<EOF>' expecting {BEGINNINGS}");
        check_error("", &format!("ERROR: <input>:1:0: Syntax error: {empty}"));
    }
}
