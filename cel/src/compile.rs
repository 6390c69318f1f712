//! From a tree to a program: names are found, and types checked by what functions take.

use crate::declarations::{self, Overload};
use crate::fault::{Place, Wrong};
use crate::functions;
use crate::parse::{Expr, Fold, Kind, parse};
use crate::program::{Node, Program, Walk};
use crate::types::{Bindings, Type};
use crate::value::Value;
use regex::Regex;

/// What the language's user adds to it.
pub trait Library {
    /// A call that is not ours.
    type Call;

    /// What a call stands for that the library knows, and its type. What stands between its
    /// parentheses is not checked.
    fn call(
        &self,
        function: &str,
        arguments: &[Expr],
        at: usize,
    ) -> Option<Result<Self::Call, Wrong>>;

    /// A value by its name: what `ph(req, "name")` stands for. Its type is [`Type::Any`].
    fn value(&self, name: &str) -> Self::Call;

    /// Compiles a regular expression.
    ///
    /// # Errors
    /// What is wrong with it.
    fn regex(&self, pattern: &str) -> Result<Regex, String> {
        Regex::new(pattern).map_err(|error| error.to_string())
    }
}

/// The language alone.
#[derive(Clone, Copy, Debug)]
pub struct Bare;

impl Library for Bare {
    type Call = ();

    fn call(&self, _: &str, _: &[Expr], _: usize) -> Option<Result<(), Wrong>> {
        None
    }

    fn value(&self, _: &str) {}
}

/// The name under which the library's request is known, and its type.
const REQUEST: (&str, Type) = ("req", Type::Opaque("http.Request"));

impl<C> Program<C> {
    /// Compiles an expression, which must yield a boolean.
    ///
    /// # Errors
    /// All that is wrong with it, in cel-go's words.
    pub fn compile<L: Library<Call = C>>(source: &str, library: &L) -> Result<Self, Wrong> {
        let mut calls = Vec::new();
        let mut own = |function: &str, arguments: &[Expr], at: usize| {
            let call = library.call(function, arguments, at)?;
            Some(call.map(|call| {
                calls.push(Some(call));
                (calls.len() - 1, Type::Bool)
            }))
        };
        let shown = |wrong: &[Wrong]| {
            let all: Vec<String> = wrong.iter().map(|one| one.show(source)).collect();
            Wrong::whole(format!("compiling CEL program: {}", all.join("\n")))
        };
        let expr = parse(source, &mut own).map_err(|wrong| shown(&[wrong]))?;
        let mut compiler = Compiler {
            library,
            calls,
            known: Bindings::default(),
            names: Vec::new(),
            slots_max: 0,
            wrong: Vec::new(),
        };
        let (node, of) = compiler.compile(&expr);
        if !compiler.wrong.is_empty() {
            compiler.wrong.sort_by_key(|wrong| wrong.place);
            return Err(shown(&compiler.wrong));
        }
        let of = compiler.known.settle(&of);
        if !matches!(of, Type::Bool | Type::Dyn) {
            let what = format!("CEL request matcher expects return type of bool, not {of}");
            return Err(Wrong::whole(what));
        }
        Ok(Self { node, slots: compiler.slots_max })
    }
}

struct Compiler<'l, L: Library> {
    library: &'l L,
    /// The library's calls that are in the tree; each is taken once.
    calls: Vec<Option<L::Call>>,
    known: Bindings,
    /// Names that macros have given here, the innermost last.
    names: Vec<(String, Type)>,
    slots_max: usize,
    wrong: Vec<Wrong>,
}

type Compiled<C> = (Node<C>, Type);

impl<L: Library> Compiler<'_, L> {
    fn fail(&mut self, at: usize, what: impl Into<String>) -> Compiled<L::Call> {
        self.wrong.push(Wrong::at(at, what));
        (Node::Value(Value::Null), Type::Error)
    }

    fn undeclared(&mut self, name: &str, at: usize) -> Compiled<L::Call> {
        self.fail(at, format!("undeclared reference to '{name}' (in container '')"))
    }

    fn compile(&mut self, expr: &Expr) -> Compiled<L::Call> {
        let at = expr.at;
        match &expr.kind {
            Kind::Literal(value) => (Node::Value(value.clone()), value.kind()),
            Kind::Name(name) => self.name(name, at),
            Kind::List(items) => {
                let (items, kinds) = self.all(items);
                let item = self.joined(&kinds);
                (Node::List(items), Type::list(item))
            }
            Kind::Map(entries) => {
                let (keys, key_kinds) = self.all(entries.iter().map(|(key, _)| key));
                let (values, kinds) = self.all(entries.iter().map(|(_, value)| value));
                let of = Type::map(self.joined(&key_kinds), self.joined(&kinds));
                (Node::Map(keys.into_iter().zip(values).collect()), of)
            }
            Kind::Select(of, field) => self.select(expr, of, field),
            Kind::Has(of, field) => {
                let (node, kind) = self.compile(of);
                match self.field_of(&kind, at) {
                    Type::Error => (Node::Value(Value::Null), Type::Error),
                    _ => (Node::Has(Box::new(node), field.clone()), Type::Bool),
                }
            }
            Kind::Call { function, target, arguments } => {
                self.call(function, target.as_deref(), arguments, at)
            }
            Kind::Fold(fold) => self.fold(fold, at),
            Kind::Bind(name, parts) => {
                let [value, within] = parts.as_ref();
                let (value, kind) = self.compile(value);
                let slot = self.names.len();
                let (body, kind) = self.with_name(name, kind, |this| this.compile(within));
                let bind = Node::Bind { slot, value: Box::new(value), body: Box::new(body) };
                (bind, kind)
            }
            Kind::Own(number, of) => match self.calls[*number].take() {
                Some(call) => (Node::Own(call), of.clone()),
                None => self.fail(at, "a matcher cannot stand where it is asked twice"),
            },
        }
    }

    fn all<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e Expr>,
    ) -> (Vec<Node<L::Call>>, Vec<Type>) {
        exprs.into_iter().map(|expr| self.compile(expr)).unzip()
    }

    /// The type of values of these types: theirs if they are of one.
    fn joined(&mut self, kinds: &[Type]) -> Type {
        let Some((first, others)) = kinds.split_first() else { return self.known.fresh() };
        let mut joined = first.clone();
        for other in others {
            let one = std::slice::from_ref(&joined);
            if self.known.assign_all(std::slice::from_ref(other), one) {
                if other.is_open() {
                    joined = Type::Dyn;
                }
            } else {
                joined = Type::Dyn;
            }
        }
        joined
    }

    fn with_name<T>(&mut self, name: &str, kind: Type, then: impl FnOnce(&mut Self) -> T) -> T {
        self.names.push((name.to_owned(), kind));
        self.slots_max = self.slots_max.max(self.names.len());
        let done = then(self);
        self.names.pop();
        done
    }

    fn name(&mut self, name: &str, at: usize) -> Compiled<L::Call> {
        if let Some(slot) = self.names.iter().rposition(|(known, _)| known == name) {
            return (Node::Slot(slot), self.names[slot].1.clone());
        }
        if let Some(of) = Type::named(name) {
            return (Node::Value(Value::Type(name.to_owned())), Type::Type(Box::new(of)));
        }
        if name == REQUEST.0 {
            return (Node::Value(Value::Null), REQUEST.1);
        }
        self.undeclared(name, at)
    }

    fn select(&mut self, expr: &Expr, of: &Expr, field: &str) -> Compiled<L::Call> {
        if let Some(name) = qualified(expr)
            && let Some(named) = Type::named(&name)
        {
            return (Node::Value(Value::Type(name)), Type::Type(Box::new(named)));
        }
        let (node, kind) = self.compile(of);
        let of = self.field_of(&kind, expr.at);
        (Node::Select(Box::new(node), field.to_owned()), of)
    }

    /// The type of a field of what is of a type.
    fn field_of(&mut self, kind: &Type, at: usize) -> Type {
        match self.known.resolve(kind) {
            Type::Map(_, value) => *value,
            Type::Error => Type::Error,
            Type::Dyn | Type::Any | Type::Param(_) => Type::Dyn,
            Type::Opaque(name) => {
                self.fail(at, format!("unexpected failed resolution of '{name}'")).1
            }
            other => {
                let name = other.short();
                self.fail(at, format!("type '{name}' does not support field selection")).1
            }
        }
    }

    fn call(
        &mut self,
        function: &str,
        target: Option<&Expr>,
        arguments: &[Expr],
        at: usize,
    ) -> Compiled<L::Call> {
        if let Some(target) = target
            && let Some(prefix) = qualified(target)
            && let Some(overloads) = declarations::of(&format!("{prefix}.{function}"))
        {
            return self.resolved(&format!("{prefix}.{function}"), overloads, None, arguments, at);
        }
        if function == "ph" && target.is_none() {
            return self.placeholder(arguments, at);
        }
        if matches!(function, "_&&_" | "_||_") {
            return self.logic(function, arguments);
        }
        match declarations::of(function) {
            Some(overloads) => self.resolved(function, overloads, target, arguments, at),
            None => {
                for expr in target.into_iter().chain(arguments) {
                    self.compile(expr);
                }
                self.undeclared(function, at)
            }
        }
    }

    /// `ph(req, "name")`.
    fn placeholder(&mut self, arguments: &[Expr], at: usize) -> Compiled<L::Call> {
        let (_, kinds) = self.all(arguments);
        if !self.known.assign_all(&kinds, &[REQUEST.1, Type::Text]) {
            return self.no_overload("ph", false, &kinds, at);
        }
        match arguments {
            [_, Expr { kind: Kind::Literal(Value::Text(name)), .. }] => {
                (Node::Own(self.library.value(name)), Type::Any)
            }
            _ => self.fail(at, "the name of a placeholder must be a string literal"),
        }
    }

    /// `&&` and `||`, whose sides must be booleans.
    fn logic(&mut self, function: &str, arguments: &[Expr]) -> Compiled<L::Call> {
        let sides = arguments.iter().map(|side| self.boolean(side)).collect();
        (if function == "_&&_" { Node::And(sides) } else { Node::Or(sides) }, Type::Bool)
    }

    /// An expression that must be a boolean.
    fn boolean(&mut self, expr: &Expr) -> Node<L::Call> {
        let (node, kind) = self.compile(expr);
        if !self.known.assign_all(std::slice::from_ref(&kind), &[Type::Bool]) {
            let name = self.known.settle(&kind).short();
            self.fail(expr.at, format!("expected type 'bool' but found '{name}'"));
        }
        node
    }

    /// A call of a function that there is.
    fn resolved(
        &mut self,
        function: &str,
        overloads: &[Overload],
        target: Option<&Expr>,
        arguments: &[Expr],
        at: usize,
    ) -> Compiled<L::Call> {
        let (mut nodes, kinds) = self.all(target.into_iter().chain(arguments));
        let Some(yields) = self.overload(overloads, target.is_some(), &kinds) else {
            return self.no_overload(function, target.is_some(), &kinds, at);
        };
        if function == "_?_:_" {
            let three = <[Node<L::Call>; 3]>::try_from(nodes).ok();
            let three = three.expect("the signs separate three");
            return (Node::If(Box::new(three)), yields);
        }
        if function == "matches"
            && let Node::Value(Value::Text(pattern)) = &nodes[1]
        {
            let compiled = self.library.regex(pattern);
            return match compiled {
                Ok(regex) => (Node::Regex(Box::new(nodes.swap_remove(0)), regex), yields),
                Err(why) => self.fail_whole(why),
            };
        }
        let find = functions::find(function).expect("what is declared is there");
        if let [Node::Value(value)] = nodes.as_slice()
            && functions::is_conversion(function)
        {
            return match find(std::slice::from_ref(value)) {
                Ok(value) => (Node::Value(value), yields),
                Err(why) => self.fail_whole(why),
            };
        }
        (Node::Call(find, nodes), yields)
    }

    fn fail_whole(&mut self, why: String) -> Compiled<L::Call> {
        self.wrong.push(Wrong { what: why, place: Place::Whole });
        (Node::Value(Value::Null), Type::Error)
    }

    /// What the overloads yield that take values of these types.
    fn overload(
        &mut self,
        overloads: &[Overload],
        is_member: bool,
        kinds: &[Type],
    ) -> Option<Type> {
        let mut yields: Option<Type> = None;
        for overload in overloads.iter().filter(|overload| overload.is_member == is_member) {
            let unknown = [self.known.fresh(), self.known.fresh()];
            let takes: Vec<_> = overload.takes.iter().map(|of| with(of, &unknown)).collect();
            if !self.known.assign_all(kinds, &takes) {
                continue;
            }
            let of = self.known.resolve(&with(&overload.yields, &unknown));
            yields = Some(match yields {
                None => of,
                Some(before) if before == of || before == Type::Dyn => before,
                Some(_) => Type::Dyn,
            });
        }
        yields
    }

    fn no_overload(
        &mut self,
        function: &str,
        is_member: bool,
        kinds: &[Type],
        at: usize,
    ) -> Compiled<L::Call> {
        let mut names: Vec<_> = kinds.iter().map(|of| self.known.settle(of).short()).collect();
        let before = if is_member { names.remove(0) + "." } else { String::new() };
        let applied = format!("{before}({})", names.join(", "));
        self.fail(at, format!("found no matching overload for '{function}' applied to '{applied}'"))
    }

    fn fold(&mut self, fold: &Fold, at: usize) -> Compiled<L::Call> {
        use crate::parse::Goal;
        let Fold { goal, over, name, filter, body } = fold;
        let (node, kind) = self.compile(over);
        let item = match self.known.resolve(&kind) {
            Type::List(item) => *item,
            Type::Map(key, _) => *key,
            Type::Dyn | Type::Error | Type::Param(_) => Type::Dyn,
            other => {
                let name = other.short();
                let what = format!(
                    "expression of type '{name}' cannot be range of a comprehension (must be \
                     list, map, or dynamic)"
                );
                self.fail(over.at, what);
                Type::Error
            }
        };
        let slot = self.names.len();
        let (filter, body, yields) = self.with_name(name, item, |this| {
            let filter = filter.as_ref().map(|filter| (this.compile(filter), filter.at));
            match goal {
                Goal::All | Goal::Exists => (filter, this.boolean(body), Type::Bool),
                Goal::ExistsOne => {
                    let (body, kind) = this.compile(body);
                    this.condition(&kind, &Type::Int, at);
                    (filter, body, Type::Bool)
                }
                Goal::List => {
                    let (body, kind) = this.compile(body);
                    (filter, body, Type::list(kind))
                }
            }
        });
        if let Some(((_, kind), _)) = &filter {
            self.condition(kind, &yields, at);
        }
        let walk =
            Walk { goal: *goal, over: node, slot, filter: filter.map(|((node, _), _)| node), body };
        (Node::Walk(Box::new(walk)), yields)
    }

    /// Reports a condition of a macro that is no boolean, as cel-go words it: by the choice
    /// that it expands to.
    fn condition(&mut self, kind: &Type, yields: &Type, at: usize) {
        if !self.known.assign_all(std::slice::from_ref(kind), &[Type::Bool]) {
            self.no_overload("_?_:_", false, &[kind.clone(), yields.clone(), yields.clone()], at);
        }
    }
}

/// A declared type with what stands for its unknown ones.
fn with(of: &Type, unknown: &[Type; 2]) -> Type {
    match of {
        Type::Param(number) => unknown[*number].clone(),
        Type::List(item) => Type::list(with(item, unknown)),
        Type::Map(key, value) => Type::map(with(key, unknown), with(value, unknown)),
        Type::Type(inner) => Type::Type(Box::new(with(inner, unknown))),
        other => other.clone(),
    }
}

/// Names with dots between, as a word.
fn qualified(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Name(name) => Some(name.clone()),
        Kind::Select(of, field) => Some(format!("{}.{field}", qualified(of)?)),
        _ => None,
    }
}
