//! A template, parsed.

use crate::Value;

/// A piece of a template.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Text(String),
    /// Prints what a pipeline comes to, unless it declares variables.
    Action(Pipe),
    If(Branch),
    /// The list may run with `.` set, if its pipeline comes to something.
    With(Branch),
    Range(Branch),
    /// Runs another template of the set.
    Template {
        name: String,
        data: Option<Pipe>,
        line: usize,
    },
    Break,
    Continue,
}

/// A pipeline, and what runs when it comes to something and when not.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub pipe: Pipe,
    pub then: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// Commands, each of which gets what the one before came to.
#[derive(Clone, Debug)]
pub(crate) struct Pipe {
    /// The variables that it is for.
    pub vars: Vec<String>,
    /// Whether they exist already.
    pub assigns: bool,
    pub commands: Vec<Command>,
    pub line: usize,
    /// As it was written, for errors.
    pub text: String,
}

/// An operand, or a function or method with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub args: Vec<Operand>,
}

/// What stands alone or is an argument.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Dot,
    Nil,
    Literal(Value),
    /// A function's name.
    Function(String),
    /// `.A.B`.
    Field(Vec<String>),
    /// `$x.A.B`.
    Variable(String, Vec<String>),
    /// `(…).A.B`, or without fields.
    Pipe(Box<Pipe>, Vec<String>),
}
