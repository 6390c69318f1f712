//! `expression …`: an expression of the Common Expression Language (CEL) is true.
//!
//! Placeholders are values in it, and all other matchers functions: `path('/a*')`,
//! `header({'Accept': '*json*'})`. The language is the crate `cel`'s.

mod calls;

use super::MatcherSet;
use crate::config::matchers::Expression as Config;
use crate::go;
use crate::http::exchange::{Exchange, Failure};
use crate::http::placeholder::{Clock, End, ErrorPart, Placeholder};
use crate::http::server::ProvisionError;
use cel::{Expr, Fault, Library, Program, Value, Wrong};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

pub use calls::matcher;

/// Placeholders in an expression, unless a backslash stands before them.
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"([^\\]|^)\{([a-zA-Z][a-zA-Z0-9_.-]+)\}";
    Regex::new(pattern).expect("the pattern is well-formed")
});
/// Those before which one stands.
static ESCAPED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"\\\{([a-zA-Z][a-zA-Z0-9_.-]+)\}";
    Regex::new(pattern).expect("the pattern is well-formed")
});

/// The expression with each placeholder as the call that yields its value. Errors show this
/// text, as in Caddy.
pub fn with_placeholders(expression: &str) -> String {
    let filled = PLACEHOLDER.replace_all(expression, "${1}ph(req, \"${2}\")");
    ESCAPED.replace_all(&filled, "{${1}}").into_owned()
}

/// The compiled matcher.
#[derive(Debug)]
pub(super) struct Expression(Program<Call>);

/// What expressions call that is ours.
#[derive(Debug)]
enum Call {
    /// Nothing has the name when it is absent.
    Placeholder(Option<Placeholder>),
    Matcher(Box<MatcherSet>),
}

impl Expression {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let source = with_placeholders(&config.expr);
        let program = Program::compile(&source, &Calls { name: &config.name });
        program.map(Self).map_err(|wrong| ProvisionError::Invalid(wrong.what))
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// When its value cannot be found, or a matcher in it ends the request.
    pub(super) fn matches(&self, ex: &mut Exchange<'_>) -> Result<bool, Failure> {
        let value = self.0.value(&mut |call: &Call| match call {
            Call::Placeholder(placeholder) => Ok(value_of(placeholder.as_ref(), ex)),
            Call::Matcher(set) => set.matches(ex).map(Value::Bool),
        });
        match value {
            Ok(Value::Bool(value)) => Ok(value),
            Ok(_) => Err(Failure::error(500, "the expression is not a boolean")),
            Err(Fault::Evaluation(text)) => {
                Err(Failure::error(500, format!("evaluating expression: {text}")))
            }
            Err(Fault::Own(failure)) => Err(failure),
        }
    }
}

/// The matchers and placeholders, compiled. What matchers capture has a name.
struct Calls<'n> {
    name: &'n str,
}

impl Library for Calls<'_> {
    type Call = Call;

    fn call(&self, function: &str, arguments: &[Expr], at: usize) -> Option<Result<Call, Wrong>> {
        let set = matcher(function, arguments, at, self.name)?;
        Some(set.and_then(|set| {
            let set = MatcherSet::provision(&set);
            // The matcher has no place of its own in the configuration.
            set.map(|set| Call::Matcher(Box::new(set))).map_err(|error| match error {
                ProvisionError::Invalid(what) | ProvisionError::At { message: what, .. } => {
                    Wrong::whole(what)
                }
            })
        }))
    }

    fn value(&self, name: &str) -> Call {
        Call::Placeholder(Placeholder::parse(name))
    }

    fn regex(&self, pattern: &str) -> Result<Regex, String> {
        go::regexp::compile(pattern)
    }
}

/// A placeholder's value, of the type that Caddy keeps it in.
fn value_of(placeholder: Option<&Placeholder>, ex: &Exchange<'_>) -> Value {
    let Some(placeholder) = placeholder else { return Value::Null };
    match placeholder {
        Placeholder::Now(Clock::Full) => return Value::Timestamp(Timestamp::now()),
        Placeholder::Duration { ms: false } => return span(ex.started.elapsed()),
        Placeholder::Duration { ms: true } => {
            return Value::Double(ex.started.elapsed().as_secs_f64() * 1e3);
        }
        Placeholder::TimeUntilShutdown => {
            let left = ex.shutdown_at().map(|at| at.saturating_duration_since(Instant::now()));
            return left.map_or(Value::Null, span);
        }
        Placeholder::Var(name) => {
            if let Some(json) = ex.vars.json(name) {
                return serde_json::from_slice(&json).map_or(Value::Null, of_json);
            }
        }
        _ => {}
    }
    let Some(value) = placeholder.value(ex) else { return Value::Null };
    let text = String::from_utf8_lossy(&value);
    let number = || text.parse().ok().map(Value::Int);
    let typed = match placeholder {
        Placeholder::Port
        | Placeholder::Local(End::Port)
        | Placeholder::Remote(End::Port)
        | Placeholder::InterceptStatus
        | Placeholder::Error(ErrorPart::Status) => number(),
        Placeholder::ShuttingDown | Placeholder::TrustedProxy => {
            Some(Value::Bool(&*value == b"true"))
        }
        _ => None,
    };
    typed.unwrap_or_else(|| Value::Text(text.into_owned()))
}

/// A value of a configuration; its numbers are floating-point ones, as in Caddy.
fn of_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(of_json).collect()),
        serde_json::Value::Object(fields) => {
            let field = |(name, value)| (Value::Text(name), of_json(value));
            Value::Map(fields.into_iter().map(field).collect())
        }
    }
}

fn span(span: Duration) -> Value {
    SignedDuration::try_from(span).map_or(Value::Null, Value::Duration)
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
    fn placeholders_are_calls_unless_they_are_escaped() {
        assert_eq!(with_placeholders("{a.b-c} == '\\{ab}'"), "ph(req, \"a.b-c\") == '{ab}'");
        assert_eq!(with_placeholders("{'a': {x}}"), "{'a': {x}}");
    }

    #[test]
    fn what_nobody_knows_is_shown_where_it_stands() {
        check_error(
            "nosuch({http.request.uri.path})",
            "compiling CEL program: ERROR: <input>:1:7: undeclared reference to 'nosuch' (in \
             container '')\n | nosuch(ph(req, \"http.request.uri.path\"))\n | ......^",
        );
        check_error("'text'", "CEL request matcher expects return type of bool, not string");
        let any = "CEL request matcher expects return type of bool, not google.protobuf.Any";
        check_error("{http.vars.x}", any);
    }

    #[test]
    fn matchers_want_what_they_are_asked_with() {
        let check = |expr: &str, at: usize, what: &str| {
            let dots = ".".repeat(at - 1);
            let shown = format!("ERROR: <input>:1:{at}: {what}\n | {expr}\n | {dots}^");
            check_error(expr, &format!("compiling CEL program: {shown}"));
        };
        check("path(1)", 6, "matcher arguments must be string constants");
        check("protocol(1)", 10, "matcher argument must be a string literal");
        check("header('a')", 8, "matcher requires a map literal argument");
        check("header({'a':1})", 13, "matcher map values must be string or list literals");
        check("header({1:'b'})", 10, "matcher map keys must be string literals");
        check("file({'root':1})", 6, "matcher requires either a map or string literal argument");
        check(
            "header_regexp('X')",
            14,
            "undeclared reference to 'header_regexp' (in container '')",
        );
        check("'x'.path('/a')", 9, "undeclared reference to 'path' (in container '')");
        check_error(
            "path()",
            "compiling CEL program: ERROR: <input>:-1:0: matcher requires at least one argument",
        );
        check_error(
            "path_regexp('(')",
            "compiling CEL program: compiling matcher regexp (: error parsing regexp: missing \
             closing ): `(`",
        );
        check_error(
            "'a'.matches('[')",
            "compiling CEL program: error parsing regexp: missing closing ]: `[`",
        );
        for valid in ["tls()", "file()", "vars({'a': ['b']}) && path('/x' + {http.vars.y}, '/z')"] {
            assert!(new(valid).is_ok(), "{valid}");
        }
    }
}
