//! `expression …`: an expression of the Common Expression Language (CEL) is true.
//!
//! Placeholders are values in it, and all other matchers functions: `path('/a*')`,
//! `header({'Accept': '*json*'})`. Of CEL's library there are the operators and functions
//! of numbers, texts, lists and maps; macros, durations and timestamps are not.

mod calls;
mod parse;
mod value;

use super::MatcherSet;
use crate::config::matchers::Expression as Config;
use crate::http::exchange::{Exchange, Failure};
use crate::http::placeholder::{ErrorPart, Placeholder};
use crate::http::server::ProvisionError;
use parse::Tree;
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;
use value::Value;

/// Placeholders in an expression, unless a backslash stands before them.
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"([^\\]|^)\{([a-zA-Z][a-zA-Z0-9_.-]+)\}";
    Regex::new(pattern).expect("the pattern is well-formed")
});

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct Expression(Node);

/// An expression with its names resolved.
#[derive(Debug)]
enum Node {
    Value(Value),
    /// Nothing has the name when it is absent.
    Placeholder(Option<Placeholder>),
    Matcher(Box<MatcherSet>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    If(Box<[Node; 3]>),
    /// Matches an expression that is known beforehand.
    Regex(Box<Node>, Regex),
    Call(String, Vec<Node>),
}

/// Why an expression has no value.
enum Fault {
    /// What CEL says.
    Evaluation(String),
    /// A matcher in it ends the request.
    Matcher(Failure),
}

impl Expression {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        // The text that errors show is that with placeholders replaced, as in Caddy.
        let text = PLACEHOLDER.replace_all(&config.expr, "${1}ph(req, \"${2}\")");
        let compiled = parse::parse(&text).and_then(|tree| Node::new(tree, &config.name));
        let node = compiled.map_err(|(what, at)| {
            ProvisionError::Invalid(format!("compiling CEL program: {}", show(&text, &what, at)))
        })?;
        if let Node::Value(value) = &node
            && !matches!(value, Value::Bool(_))
        {
            let name = calls::type_name(value);
            let text = format!("CEL request matcher expects return type of bool, not {name}");
            return Err(ProvisionError::Invalid(text));
        }
        Ok(Self(node))
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// When its value cannot be found, or a matcher in it ends the request.
    pub(super) fn matches(&self, ex: &mut Exchange<'_>) -> Result<bool, Failure> {
        match self.0.value(ex) {
            Ok(Value::Bool(value)) => Ok(value),
            Ok(_) => Err(Failure::error(500, "the expression is not a boolean")),
            Err(Fault::Evaluation(text)) => {
                Err(Failure::error(500, format!("evaluating expression: {text}")))
            }
            Err(Fault::Matcher(failure)) => Err(failure),
        }
    }
}

impl Node {
    fn new(tree: Tree, name: &str) -> Result<Self, parse::Wrong> {
        let all = |trees: Vec<Tree>| {
            trees.into_iter().map(|tree| Self::new(tree, name)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match tree {
            Tree::Literal(value) => Self::Value(value),
            Tree::Name(word, at) => {
                return Err((format!("undeclared reference to '{word}' (in container '')"), at));
            }
            Tree::List(items) => Self::List(all(items)?),
            Tree::Map(entries) => {
                let entry = |(key, value)| Ok((Self::new(key, name)?, Self::new(value, name)?));
                Self::Map(entries.into_iter().map(entry).collect::<Result<_, _>>()?)
            }
            Tree::Call(function, arguments, at) => {
                if let Some(key) = calls::placeholder(&function, &arguments) {
                    return Ok(Self::Placeholder(Placeholder::parse(key)));
                }
                if let Some(set) = calls::matcher(&function, &arguments, name) {
                    let set = set.map_err(|what| (what, at))?;
                    let compiled = MatcherSet::provision(&set);
                    let set = compiled.map_err(|error| (error.to_string(), at))?;
                    return Ok(Self::Matcher(Box::new(set)));
                }
                Self::call(function, all(arguments)?, at)?
            }
        })
    }

    fn call(function: String, arguments: Vec<Self>, at: usize) -> Result<Self, parse::Wrong> {
        let count = arguments.len();
        match function.as_str() {
            "&&" | "||" => {
                let pair = <[Self; 2]>::try_from(arguments).expect("the sign stands between two");
                Ok(if function == "&&" { Self::And(pair.into()) } else { Self::Or(pair.into()) })
            }
            "?:" => {
                let three = <[Self; 3]>::try_from(arguments).expect("the signs separate three");
                Ok(Self::If(three.into()))
            }
            "matches" if count == 2 && matches!(arguments[1], Self::Value(Value::Text(_))) => {
                let mut arguments = arguments.into_iter();
                let (text, pattern) = (arguments.next(), arguments.next());
                let (Some(text), Some(Self::Value(Value::Text(pattern)))) = (text, pattern) else {
                    unreachable!("the guard has seen two arguments, and a text as the second")
                };
                let regex = Regex::new(&pattern).map_err(|error| (error.to_string(), at))?;
                Ok(Self::Regex(Box::new(text), regex))
            }
            name if value::is_function(name, count) => Ok(Self::Call(function, arguments)),
            name => Err((format!("undeclared reference to '{name}' (in container '')"), at)),
        }
    }

    fn value(&self, ex: &mut Exchange<'_>) -> Result<Value, Fault> {
        Ok(match self {
            Self::Value(value) => value.clone(),
            Self::Placeholder(placeholder) => value_of(placeholder.as_ref(), ex),
            Self::Matcher(set) => Value::Bool(set.matches(ex).map_err(Fault::Matcher)?),
            Self::List(items) => {
                Value::List(items.iter().map(|item| item.value(ex)).collect::<Result<_, _>>()?)
            }
            Self::Map(entries) => {
                let mut values = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    values.push((key.value(ex)?, value.value(ex)?));
                }
                Value::Map(values)
            }
            Self::And(pair) => return either(pair, false, ex),
            Self::Or(pair) => return either(pair, true, ex),
            Self::If(three) => {
                let [condition, yes, no] = three.as_ref();
                return match condition.value(ex)? {
                    Value::Bool(true) => yes.value(ex),
                    Value::Bool(false) => no.value(ex),
                    _ => Err(Fault::Evaluation("no such overload".to_owned())),
                };
            }
            Self::Regex(text, regex) => match text.value(ex)? {
                Value::Text(text) => Value::Bool(regex.is_match(&text)),
                _ => return Err(Fault::Evaluation("no such overload".to_owned())),
            },
            Self::Call(name, arguments) => {
                let values: Vec<Value> =
                    arguments.iter().map(|one| one.value(ex)).collect::<Result<_, _>>()?;
                value::call(name, &values).map_err(Fault::Evaluation)?
            }
        })
    }
}

/// `&&` and `||`: the side that is `decisive` decides, whatever is wrong with the other.
fn either(pair: &[Node; 2], decisive: bool, ex: &mut Exchange<'_>) -> Result<Value, Fault> {
    let mut fault = None;
    for side in pair {
        match side.value(ex) {
            Ok(Value::Bool(value)) if value == decisive => return Ok(Value::Bool(value)),
            Ok(Value::Bool(_)) => {}
            Err(Fault::Matcher(failure)) => return Err(Fault::Matcher(failure)),
            Ok(_) => fault = Some(Fault::Evaluation("no such overload".to_owned())),
            Err(one) => fault = Some(one),
        }
    }
    fault.map_or(Ok(Value::Bool(!decisive)), Err)
}

/// A placeholder's value: a number where Caddy keeps one, else a text.
fn value_of(placeholder: Option<&Placeholder>, ex: &Exchange<'_>) -> Value {
    let Some(placeholder) = placeholder else { return Value::Null };
    let Some(value) = placeholder.value(ex) else { return Value::Null };
    let text: Cow<'_, str> = String::from_utf8_lossy(&value);
    let is_number =
        matches!(placeholder, Placeholder::Error(ErrorPart::Status) | Placeholder::Port);
    match text.parse() {
        Ok(number) if is_number => Value::Int(number),
        _ => Value::Text(text.into_owned()),
    }
}

/// An error as CEL shows it: the place, and the line with a mark below it.
fn show(text: &str, what: &str, at: usize) -> String {
    let before = &text[..at.min(text.len())];
    let number = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let line = text.lines().nth(number - 1).unwrap_or_default();
    let dots = ".".repeat(column);
    format!("ERROR: <input>:{number}:{}: {what}\n | {line}\n | {dots}^", column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(expr: &str) -> Result<Expression, String> {
        let config = Config { expr: expr.to_owned(), name: String::new() };
        Expression::provision(&config).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check_error(expr: &str, error: &str) {
        assert_eq!(new(expr).expect_err("the case is wrong"), error);
    }

    #[test]
    fn what_nobody_knows_is_shown_where_it_stands() {
        check_error(
            "nosuch({http.request.uri.path})",
            "compiling CEL program: ERROR: <input>:1:7: undeclared reference to 'nosuch' (in \
             container '')\n | nosuch(ph(req, \"http.request.uri.path\"))\n | ......^",
        );
        check_error(
            "1 +",
            "compiling CEL program: ERROR: <input>:1:4: Syntax error: unexpected end\n | 1 +\n \
             | ...^",
        );
        check_error("'text'", "CEL request matcher expects return type of bool, not string");
    }

    #[test]
    fn no_text_can_harm_the_parser() {
        let (deep, long) = ("(".repeat(10_000), "!".repeat(10_000));
        let chain = "1 + ".repeat(10_000);
        let wrong = ["", "'", "r'", "{", "[1", "a.", "-", "!", "1.e", "'\\u12", "ü", "-ü"];
        for text in wrong.into_iter().chain([deep.as_str(), &long, &chain]) {
            assert!(new(text).is_err(), "{text}");
        }
    }
}
