//! What an expression is compiled to, and its value.

use crate::functions::Function;
use crate::parse::Goal;
use crate::value::{Value, count, find};
use regex::Regex;

/// A compiled expression with the library's calls.
#[derive(Debug)]
pub struct Program<C> {
    pub(crate) node: Node<C>,
    /// How many names macros give at once.
    pub(crate) slots: usize,
}

/// A part of a program.
#[derive(Debug)]
pub(crate) enum Node<C> {
    Value(Value),
    /// What a macro has named.
    Slot(usize),
    /// The library's.
    Own(C),
    List(Vec<Node<C>>),
    Map(Vec<(Node<C>, Node<C>)>),
    Select(Box<Node<C>>, String),
    Has(Box<Node<C>>, String),
    And(Vec<Node<C>>),
    Or(Vec<Node<C>>),
    If(Box<[Node<C>; 3]>),
    /// Matches an expression that is known beforehand.
    Regex(Box<Node<C>>, Regex),
    Call(Function, Vec<Node<C>>),
    Walk(Box<Walk<C>>),
    Bind {
        slot: usize,
        value: Box<Node<C>>,
        body: Box<Node<C>>,
    },
}

/// Goes through a list, or the keys of a map.
#[derive(Debug)]
pub(crate) struct Walk<C> {
    pub(crate) goal: Goal,
    pub(crate) over: Node<C>,
    /// Where each item is.
    pub(crate) slot: usize,
    pub(crate) filter: Option<Node<C>>,
    pub(crate) body: Node<C>,
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault<E> {
    /// What CEL says.
    Evaluation(String),
    /// What the library says; it ends all.
    Own(E),
}

type Outcome<T, E> = Result<T, Fault<E>>;

impl<C> Program<C> {
    /// Its value; `own` yields those of the library's calls.
    ///
    /// # Errors
    /// When it has none, or the library ends it.
    pub fn value<E>(
        &self,
        own: &mut impl FnMut(&C) -> Result<Value, E>,
    ) -> Result<Value, Fault<E>> {
        self.node.value(&mut Run { own, slots: Vec::with_capacity(self.slots) })
    }
}

/// An evaluation.
struct Run<'r, F> {
    own: &'r mut F,
    /// What macros have named.
    slots: Vec<Value>,
}

fn no_overload<E>() -> Fault<E> {
    Fault::Evaluation("no such overload".to_owned())
}

impl<C> Node<C> {
    fn value<E, F: FnMut(&C) -> Result<Value, E>>(
        &self,
        run: &mut Run<'_, F>,
    ) -> Outcome<Value, E> {
        Ok(match self {
            Self::Value(value) => value.clone(),
            Self::Slot(slot) => run.slots[*slot].clone(),
            Self::Own(call) => (run.own)(call).map_err(Fault::Own)?,
            Self::List(items) => {
                Value::List(items.iter().map(|item| item.value(run)).collect::<Result<_, _>>()?)
            }
            Self::Map(entries) => {
                let mut values: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let (key, value) = (key.value(run)?, value.value(run)?);
                    if find(&values, &key).is_some() {
                        let key = key.to_text().unwrap_or_default();
                        let what = format!("Failed with repeated key: {key}");
                        return Err(Fault::Evaluation(what));
                    }
                    values.push((key, value));
                }
                Value::Map(values)
            }
            Self::Select(of, field) => return select(of.value(run)?, field),
            Self::Has(of, field) => match of.value(run)? {
                Value::Map(entries) => {
                    Value::Bool(find(&entries, &Value::from(field.as_str())).is_some())
                }
                // What is not there has nothing.
                Value::Null => Value::Bool(false),
                _ => return Err(no_overload()),
            },
            Self::And(sides) => return either(sides, false, run),
            Self::Or(sides) => return either(sides, true, run),
            Self::If(three) => {
                let [condition, yes, no] = three.as_ref();
                return match condition.value(run)? {
                    Value::Bool(true) => yes.value(run),
                    Value::Bool(false) => no.value(run),
                    _ => Err(no_overload()),
                };
            }
            Self::Regex(text, regex) => match text.value(run)? {
                Value::Text(text) => Value::Bool(regex.is_match(&text)),
                _ => return Err(no_overload()),
            },
            Self::Call(function, arguments) => {
                let values: Vec<Value> =
                    arguments.iter().map(|one| one.value(run)).collect::<Result<_, _>>()?;
                function(&values).map_err(Fault::Evaluation)?
            }
            Self::Walk(walk) => return walk.value(run),
            Self::Bind { slot, value, body } => {
                let value = value.value(run)?;
                return run.with(*slot, value, |run| body.value(run));
            }
        })
    }
}

impl<F> Run<'_, F> {
    /// Does something while a slot holds a value.
    fn with<T>(&mut self, slot: usize, value: Value, then: impl FnOnce(&mut Self) -> T) -> T {
        self.slots.truncate(slot);
        // Macros are evaluated from the outermost in, so the slots below are filled.
        self.slots.push(value);
        let done = then(self);
        self.slots.truncate(slot);
        done
    }
}

impl<C> Walk<C> {
    fn value<E, F: FnMut(&C) -> Result<Value, E>>(
        &self,
        run: &mut Run<'_, F>,
    ) -> Outcome<Value, E> {
        let items = match self.over.value(run)? {
            Value::List(items) => items,
            Value::Map(entries) => entries.into_iter().map(|(key, _)| key).collect(),
            _ => return Err(no_overload()),
        };
        match self.goal {
            Goal::All => self.until(items, false, run),
            Goal::Exists => self.until(items, true, run),
            Goal::ExistsOne => {
                let mut found = 0;
                for item in items {
                    match run.with(self.slot, item, |run| self.body.value(run))? {
                        Value::Bool(is) => found += usize::from(is),
                        _ => return Err(no_overload()),
                    }
                }
                Ok(Value::Bool(count(found) == Value::Int(1)))
            }
            Goal::List => {
                let mut made = Vec::new();
                for item in items {
                    made.extend(run.with(self.slot, item, |run| self.made(run))?);
                }
                Ok(Value::List(made))
            }
        }
    }

    /// Whether the body is `decisive` for any item, whatever is wrong with others.
    fn until<E, F: FnMut(&C) -> Result<Value, E>>(
        &self,
        items: Vec<Value>,
        decisive: bool,
        run: &mut Run<'_, F>,
    ) -> Outcome<Value, E> {
        let mut fault = None;
        for item in items {
            let side = run.with(self.slot, item, |run| self.body.value(run));
            if decides(side, decisive, &mut fault)? {
                return Ok(Value::Bool(decisive));
            }
        }
        fault.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    /// What is made of the item in the slot, if it is meant.
    fn made<E, F: FnMut(&C) -> Result<Value, E>>(
        &self,
        run: &mut Run<'_, F>,
    ) -> Outcome<Option<Value>, E> {
        let is_meant = match self.filter.as_ref().map(|filter| filter.value(run)).transpose()? {
            None => true,
            Some(Value::Bool(is)) => is,
            Some(_) => return Err(no_overload()),
        };
        if is_meant { self.body.value(run).map(Some) } else { Ok(None) }
    }
}

/// `&&` and `||`: the side that is `decisive` decides, whatever is wrong with the other.
fn either<C, E, F: FnMut(&C) -> Result<Value, E>>(
    sides: &[Node<C>],
    decisive: bool,
    run: &mut Run<'_, F>,
) -> Outcome<Value, E> {
    let mut fault = None;
    for side in sides {
        let side = side.value(run);
        if decides(side, decisive, &mut fault)? {
            return Ok(Value::Bool(decisive));
        }
    }
    fault.map_or(Ok(Value::Bool(!decisive)), Err)
}

/// Whether a side decides; what is wrong with it is kept.
fn decides<E>(
    side: Outcome<Value, E>,
    decisive: bool,
    fault: &mut Option<Fault<E>>,
) -> Outcome<bool, E> {
    match side {
        Ok(Value::Bool(value)) => return Ok(value == decisive),
        Err(own @ Fault::Own(_)) => return Err(own),
        Ok(_) => *fault = Some(no_overload()),
        Err(one) => *fault = Some(one),
    }
    Ok(false)
}

fn select<E>(of: Value, field: &str) -> Outcome<Value, E> {
    let Value::Map(entries) = of else { return Err(no_overload()) };
    let found = entries.into_iter().find(|(key, _)| key.equals(&Value::from(field)));
    found.map(|(_, value)| value).ok_or_else(|| Fault::Evaluation(format!("no such key: {field}")))
}

#[cfg(test)]
mod tests;
