//! Makes templates of tokens.

use crate::lexer::{Placed, Token, lex};
use crate::node::{Branch, Command, Node, Operand, Pipe};
use crate::{Error, Result, Value};

/// How deep blocks and parentheses may be nested.
const DEPTH_MAX: usize = 100;

/// Templates by name, as one text defines them.
pub(crate) type Defined = Vec<(String, Vec<Node>)>;

struct Parser<'t> {
    name: &'t str,
    tokens: std::iter::Peekable<std::vec::IntoIter<Placed>>,
    line: usize,
    depth: usize,
    loops: usize,
    /// Variables that are in scope, innermost last.
    vars: Vec<String>,
    defined: Defined,
    is_function: &'t dyn Fn(&str) -> bool,
}

/// What ended a list of nodes.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// The end of the text.
    Text,
    /// `{{end}}`.
    End,
    /// `{{else`, of which the rest follows.
    Else,
}

/// Parses a text: the templates that it defines, itself last, by its name.
pub(crate) fn parse(
    name: &str,
    text: &str,
    delims: (&str, &str),
    is_function: &dyn Fn(&str) -> bool,
) -> Result<Defined> {
    let tokens = lex(name, text, delims)?.into_iter().peekable();
    let mut parser = Parser {
        name,
        tokens,
        line: 1,
        depth: 0,
        loops: 0,
        vars: vec![String::new()],
        defined: Vec::new(),
        is_function,
    };
    let (nodes, end) = parser.list()?;
    match end {
        Stop::Text => {}
        Stop::End => return parser.fail("unexpected {{end}}"),
        Stop::Else => return parser.fail("unexpected {{else}}"),
    }
    let mut defined = parser.defined;
    defined.push((name.to_owned(), nodes));
    Ok(defined)
}

impl Parser<'_> {
    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(Error::new(message).at(self.name, self.line, ""))
    }

    fn next(&mut self) -> Option<Token> {
        let (token, line) = self.tokens.next()?;
        self.line = line;
        Some(token)
    }

    fn peek(&mut self) -> Option<&Token> {
        self.tokens.peek().map(|(token, _)| token)
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Token::Space) {
            self.next();
        }
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.fail("too deeply nested");
        }
        Ok(())
    }

    /// Nodes up to what ends them. After `else`, its action is still open.
    fn list(&mut self) -> Result<(Vec<Node>, Stop)> {
        let mut nodes = Vec::new();
        while let Some(token) = self.next() {
            if let Token::Text(text) = token {
                nodes.push(Node::Text(text));
                continue;
            }
            self.skip_space();
            let word = match self.peek() {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            };
            match word.as_str() {
                "end" => {
                    self.next();
                    self.close()?;
                    return Ok((nodes, Stop::End));
                }
                "else" => {
                    self.next();
                    return Ok((nodes, Stop::Else));
                }
                "define" => self.define()?,
                _ => nodes.push(self.node(&word)?),
            }
        }
        Ok((nodes, Stop::Text))
    }

    /// An action that is neither `end`, `else` nor `define`.
    fn node(&mut self, word: &str) -> Result<Node> {
        if matches!(word, "if" | "with" | "range" | "block" | "template" | "break" | "continue") {
            self.next();
        }
        Ok(match word {
            "if" => Node::If(self.branch("if")?),
            "with" => Node::With(self.branch("with")?),
            "range" => Node::Range(self.branch("range")?),
            "block" => self.block()?,
            "template" => self.template()?,
            "break" | "continue" => {
                if self.loops == 0 {
                    return self.fail(format!("{{{{{word}}}}} outside {{{{range}}}}"));
                }
                self.close()?;
                if word == "break" { Node::Break } else { Node::Continue }
            }
            _ => Node::Action(self.pipe(&Token::Close)?),
        })
    }

    fn close(&mut self) -> Result<()> {
        self.skip_space();
        match self.next() {
            Some(Token::Close) => Ok(()),
            Some(other) => self.fail(format!("unexpected {} in end", describe(&other))),
            None => self.fail("unclosed action"),
        }
    }

    /// The rest of `{{if …}}`, `{{with …}}` or `{{range …}}`, to its end.
    fn branch(&mut self, word: &str) -> Result<Branch> {
        self.deeper()?;
        let scope = self.vars.len();
        let pipe = self.pipe(&Token::Close)?;
        let is_loop = usize::from(word == "range");
        self.loops += is_loop;
        let (then, end) = self.list()?;
        self.loops -= is_loop;
        let otherwise = match end {
            Stop::End => Vec::new(),
            Stop::Else => self.otherwise(word)?,
            Stop::Text => return self.fail("unexpected EOF"),
        };
        self.vars.truncate(scope);
        self.depth -= 1;
        Ok(Branch { pipe, then, otherwise })
    }

    /// What follows `{{else`: another condition, or a list.
    fn otherwise(&mut self, word: &str) -> Result<Vec<Node>> {
        self.skip_space();
        if matches!(self.peek(), Some(Token::Word(next)) if next == word && word != "range") {
            self.next();
            let branch = self.branch(word)?;
            return Ok(vec![if word == "if" { Node::If(branch) } else { Node::With(branch) }]);
        }
        self.close()?;
        match self.list()? {
            (nodes, Stop::End) => Ok(nodes),
            (_, Stop::Else) => self.fail("expected end; found {{else}}"),
            (_, Stop::Text) => self.fail("unexpected EOF"),
        }
    }

    fn string(&mut self, context: &str) -> Result<String> {
        self.skip_space();
        match self.next() {
            Some(Token::Str(name)) => Ok(name),
            Some(other) => self.fail(format!("unexpected {} in {context}", describe(&other))),
            None => self.fail("unclosed action"),
        }
    }

    /// The nodes of a template within this text, to its end.
    fn body(&mut self) -> Result<Vec<Node>> {
        self.deeper()?;
        let vars = std::mem::replace(&mut self.vars, vec![String::new()]);
        let loops = std::mem::take(&mut self.loops);
        let (nodes, end) = self.list()?;
        (self.vars, self.loops) = (vars, loops);
        self.depth -= 1;
        match end {
            Stop::End => Ok(nodes),
            Stop::Else => self.fail("unexpected {{else}} in define clause"),
            Stop::Text => self.fail("unexpected EOF"),
        }
    }

    fn define(&mut self) -> Result<()> {
        self.next();
        let name = self.string("define clause")?;
        self.close()?;
        let body = self.body()?;
        self.defined.push((name, body));
        Ok(())
    }

    fn block(&mut self) -> Result<Node> {
        let line = self.line;
        let name = self.string("block clause")?;
        let data = Some(self.pipe(&Token::Close)?);
        let body = self.body()?;
        self.defined.push((name.clone(), body));
        Ok(Node::Template { name, data, line })
    }

    fn template(&mut self) -> Result<Node> {
        let line = self.line;
        let name = self.string("template clause")?;
        self.skip_space();
        let data = if self.peek() == Some(&Token::Close) {
            self.next();
            None
        } else {
            Some(self.pipe(&Token::Close)?)
        };
        Ok(Node::Template { name, data, line })
    }

    /// A pipeline up to `end`, which is taken.
    fn pipe(&mut self, end: &Token) -> Result<Pipe> {
        self.deeper()?;
        self.skip_space();
        let line = self.tokens.peek().map_or(self.line, |(_, line)| *line);
        let (vars, assigns) = self.declaration()?;
        let mut commands = vec![self.command()?];
        let mut text = commands.iter().map(describe_command).collect::<String>();
        loop {
            match self.next() {
                Some(token) if token == *end => break,
                Some(Token::Sign("|")) => {
                    let command = self.command()?;
                    text = format!("{text} | {}", describe_command(&command));
                    self.refuse_constant(&command, commands.len() + 1)?;
                    commands.push(command);
                }
                Some(other) => {
                    return self.fail(format!("unexpected {} in command", describe(&other)));
                }
                None => return self.fail("unclosed action"),
            }
        }
        self.depth -= 1;
        Ok(Pipe { vars, assigns, commands, line, text })
    }

    /// Only what can be called may stand behind a `|`.
    fn refuse_constant(&self, command: &Command, stage: usize) -> Result<()> {
        let callable = |operand: &Operand| match operand {
            Operand::Function(_) | Operand::Field(_) => true,
            Operand::Variable(_, fields) | Operand::Pipe(_, fields) => !fields.is_empty(),
            Operand::Dot | Operand::Nil | Operand::Literal(_) => false,
        };
        if command.args.first().is_some_and(callable) {
            return Ok(());
        }
        self.fail(format!("non executable command in pipeline stage {stage}"))
    }

    /// `$x :=`, `$x =` or `$i, $x :=` at the beginning of a pipeline.
    fn declaration(&mut self) -> Result<(Vec<String>, bool)> {
        let mut ahead = self.tokens.clone().map(|(token, _)| token);
        let mut vars = Vec::new();
        let mut taken = 0;
        let assigns = loop {
            let mut next = || {
                let token = ahead.by_ref().inspect(|_| taken += 1).find(|t| *t != Token::Space);
                token.unwrap_or(Token::Close)
            };
            let Token::Variable(name) = next() else { return Ok((Vec::new(), false)) };
            vars.push(name);
            match next() {
                Token::Sign(":=") => break false,
                Token::Sign("=") => break true,
                Token::Sign(",") if vars.len() == 1 => {}
                _ => return Ok((Vec::new(), false)),
            }
        };
        for _ in 0..taken {
            self.next();
        }
        if assigns {
            for name in &vars {
                self.known_variable(name)?;
            }
        } else {
            self.vars.extend(vars.iter().cloned());
        }
        Ok((vars, assigns))
    }

    fn known_variable(&self, name: &str) -> Result<()> {
        if self.vars.iter().any(|var| var == name) {
            return Ok(());
        }
        self.fail(format!("undefined variable \"${name}\""))
    }

    /// Operands up to `|` or what ends the pipeline.
    fn command(&mut self) -> Result<Command> {
        let mut args = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None | Some(Token::Close | Token::Sign("|" | ")" | "=" | ":=" | ",")) => break,
                _ => args.push(self.operand()?),
            }
            match self.peek() {
                None | Some(Token::Space | Token::Close | Token::Sign(_)) => {}
                Some(other) => {
                    let what = describe(other);
                    return self.fail(format!("unexpected {what} in operand"));
                }
            }
        }
        if args.is_empty() {
            return self.fail("missing value for command");
        }
        Ok(Command { args })
    }

    fn operand(&mut self) -> Result<Operand> {
        let Some(token) = self.next() else { return self.fail("unclosed action") };
        Ok(match token {
            Token::Word(word) => match word.as_str() {
                "true" | "false" => Operand::Literal(Value::Bool(word == "true")),
                "nil" => Operand::Nil,
                _ if (self.is_function)(&word) => self.function(word),
                _ => return self.fail(format!("function {word:?} not defined")),
            },
            Token::Str(text) => Operand::Literal(Value::from(text)),
            Token::Char(c) => Operand::Literal(Value::Int(u32::from(c).into())),
            Token::Number(text) => match number(&text) {
                Some(value) => Operand::Literal(value),
                None => return self.fail(format!("bad number syntax: {text:?}")),
            },
            Token::Dot => Operand::Dot,
            Token::Field(name) => {
                let mut fields = vec![name];
                fields.extend(self.fields());
                Operand::Field(fields)
            }
            Token::Variable(name) => {
                self.known_variable(&name)?;
                Operand::Variable(name, self.fields())
            }
            Token::Sign("(") => {
                let pipe = self.pipe(&Token::Sign(")"))?;
                Operand::Pipe(Box::new(pipe), self.fields())
            }
            other => return self.fail(format!("unexpected {} in operand", describe(&other))),
        })
    }

    /// A function, or fields of what it comes to.
    fn function(&mut self, name: String) -> Operand {
        let fields = self.fields();
        if fields.is_empty() {
            return Operand::Function(name);
        }
        let (line, text) = (self.line, name.clone());
        let commands = vec![Command { args: vec![Operand::Function(name)] }];
        let pipe = Pipe { vars: Vec::new(), assigns: false, commands, line, text };
        Operand::Pipe(Box::new(pipe), fields)
    }

    /// The fields right behind an operand.
    fn fields(&mut self) -> Vec<String> {
        let mut fields = Vec::new();
        while let Some(Token::Field(name)) = self.peek() {
            fields.push(name.clone());
            self.next();
        }
        fields
    }
}

/// A number as Go writes it.
fn number(text: &str) -> Option<Value> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let plain = digits.replace('_', "").to_ascii_lowercase();
    let radixes = [("0x", 16), ("0b", 2), ("0o", 8)];
    let by_radix = radixes.iter().find_map(|(prefix, radix)| {
        plain.strip_prefix(prefix).map(|digits| i64::from_str_radix(digits, *radix).ok())
    });
    let whole = match by_radix {
        Some(whole) => whole,
        None if plain.len() > 1
            && plain.starts_with('0')
            && plain.bytes().all(|b| b.is_ascii_digit()) =>
        {
            i64::from_str_radix(&plain, 8).ok()
        }
        None => plain.parse().ok(),
    };
    if let Some(whole) = whole {
        return Some(Value::Int(if negative { -whole } else { whole }));
    }
    if by_radix.is_some() || !plain.contains(['.', 'e']) {
        return None;
    }
    let fraction: f64 = plain.parse().ok()?;
    Some(Value::Float(if negative { -fraction } else { fraction }))
}

/// A token as an error names it.
fn describe(token: &Token) -> String {
    match token {
        Token::Text(_) => "text".to_owned(),
        Token::Open => "\"{{\"".to_owned(),
        Token::Close => "\"}}\"".to_owned(),
        Token::Word(word) => format!("<{word}>"),
        Token::Field(name) => format!("<.{name}>"),
        Token::Dot => "<.>".to_owned(),
        Token::Variable(name) => format!("<${name}>"),
        Token::Str(text) => format!("{text:?}"),
        Token::Number(text) => format!("{text:?}"),
        Token::Char(c) => format!("{c:?}"),
        Token::Space => "space".to_owned(),
        Token::Sign(sign) => format!("{sign:?}"),
    }
}

/// A command as an error shows it.
fn describe_command(command: &Command) -> String {
    let args: Vec<String> = command.args.iter().map(describe_operand).collect();
    args.join(" ")
}

fn describe_operand(operand: &Operand) -> String {
    let fields = |fields: &[String]| -> String {
        fields.iter().flat_map(|field| [".", field.as_str()]).collect()
    };
    match operand {
        Operand::Dot => ".".to_owned(),
        Operand::Nil => "nil".to_owned(),
        Operand::Literal(Value::Str(text)) => format!("{text:?}"),
        Operand::Literal(value) => crate::print::sprint(value),
        Operand::Function(name) => name.clone(),
        Operand::Field(names) => fields(names),
        Operand::Variable(name, names) => format!("${name}{}", fields(names)),
        Operand::Pipe(pipe, names) => format!("({}){}", pipe.text, fields(names)),
    }
}
