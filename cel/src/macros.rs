//! Calls that are none: what stands between their parentheses is not evaluated first.

use crate::fault::Wrong;
use crate::parse::{Expr, Fold, Goal, Kind};
use crate::value::Value;

/// What a call with a dot before its name stands for.
pub(crate) fn expand_member(
    function: String,
    target: Expr,
    arguments: Vec<Expr>,
    at: usize,
) -> Result<Expr, Wrong> {
    let of = match &target.kind {
        Kind::Name(name) => name.as_str(),
        _ => "",
    };
    match (of, function.as_str(), arguments.len()) {
        ("cel", "bind", 3) => bind(arguments, at),
        ("math", "greatest" | "least", _) => extreme(&function, &target, arguments, at),
        (_, "all" | "exists" | "exists_one" | "filter" | "map", 2) | (_, "map", 3) => {
            fold(&function, target, arguments, at)
        }
        (_, "sortBy", 2) => sort_by(target, arguments, at),
        _ => {
            let target = Some(Box::new(target));
            Ok(Expr { kind: Kind::Call { function, target, arguments }, at })
        }
    }
}

/// `has(a.b)`.
pub(crate) fn has(mut arguments: Vec<Expr>, at: usize) -> Result<Expr, Wrong> {
    if arguments.len() != 1 {
        return Ok(crate::parse::call("has", arguments, at));
    }
    match arguments.swap_remove(0) {
        Expr { kind: Kind::Select(of, field), .. } => Ok(Expr { kind: Kind::Has(of, field), at }),
        other => Err(Wrong::at(other.at, "invalid argument to has() macro")),
    }
}

fn fold(goal: &str, over: Expr, arguments: Vec<Expr>, at: usize) -> Result<Expr, Wrong> {
    let mut arguments = arguments.into_iter();
    let name = variable(arguments.next(), "argument must be a simple name")?;
    let (first, second) = (arguments.next(), arguments.next());
    let Some(first) = first else { unreachable!("the macro was seen with two arguments") };
    let item = || Expr { kind: Kind::Name(name.clone()), at };
    let (goal, filter, body) = match (goal, second) {
        ("all", _) => (Goal::All, None, first),
        ("exists", _) => (Goal::Exists, None, first),
        ("exists_one", _) => (Goal::ExistsOne, None, first),
        ("filter", _) => (Goal::List, Some(first), item()),
        (_, None) => (Goal::List, None, first),
        (_, Some(second)) => (Goal::List, Some(first), second),
    };
    Ok(Expr { kind: Kind::Fold(Box::new(Fold { goal, over, name, filter, body })), at })
}

/// `list.sortBy(x, key)`: the items by what is made of each.
fn sort_by(list: Expr, arguments: Vec<Expr>, at: usize) -> Result<Expr, Wrong> {
    let mut arguments = arguments.into_iter();
    let name = variable(
        arguments.next(),
        "sortBy can only be applied to a list, identifier, comprehension, call or select expression",
    )?;
    let Some(body) = arguments.next() else { unreachable!("the macro was seen with two") };
    let fold = Fold { goal: Goal::List, over: list.clone(), name, filter: None, body };
    let keys = Expr { kind: Kind::Fold(Box::new(fold)), at };
    let function = "@sortByAssociatedKeys".to_owned();
    let target = Some(Box::new(list));
    Ok(Expr { kind: Kind::Call { function, target, arguments: vec![keys] }, at })
}

fn bind(arguments: Vec<Expr>, at: usize) -> Result<Expr, Wrong> {
    let mut arguments = arguments.into_iter();
    let name = variable(arguments.next(), "cel.bind() variable names must be simple identifiers")?;
    let (Some(value), Some(within)) = (arguments.next(), arguments.next()) else {
        unreachable!("the macro was seen with three arguments")
    };
    Ok(Expr { kind: Kind::Bind(name, Box::new([value, within])), at })
}

/// `math.greatest` and `math.least`, of any number of arguments or a list.
fn extreme(which: &str, target: &Expr, arguments: Vec<Expr>, at: usize) -> Result<Expr, Wrong> {
    if arguments.is_empty() {
        let what = format!("math.{which}() requires at least one argument");
        return Err(Wrong::at(target.at, what));
    }
    let is_alone = arguments.len() == 1;
    for one in &arguments {
        let is_wrong = match &one.kind {
            Kind::List(items) if is_alone => items.is_empty() || items.iter().any(is_no_number),
            Kind::List(_) | Kind::Map(_) => true,
            _ => is_no_number(one),
        };
        if is_wrong {
            let what = match is_alone {
                true => "invalid single argument value",
                false => "simple literal arguments must be numeric",
            };
            return Err(Wrong::at(one.at, format!("math.{which}() {what}")));
        }
    }
    let function = if which == "greatest" { "math.@max" } else { "math.@min" };
    let arguments = if arguments.len() <= 2 {
        arguments
    } else {
        vec![Expr { kind: Kind::List(arguments), at }]
    };
    Ok(crate::parse::call(function, arguments, at))
}

/// Whether this is known to be no number.
fn is_no_number(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Literal(value) => !matches!(value, Value::Int(_) | Value::Uint(_) | Value::Double(_)),
        _ => false,
    }
}

fn variable(expr: Option<Expr>, wrong: &str) -> Result<String, Wrong> {
    match expr {
        Some(Expr { kind: Kind::Name(name), .. }) => Ok(name),
        Some(other) => Err(Wrong::at(other.at, wrong)),
        None => unreachable!("a macro is one because of its arguments' number"),
    }
}
