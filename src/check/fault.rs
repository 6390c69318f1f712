//! What is wrong with a configuration, and where.

use crate::config::place::{Kind, Place, Stage, Step};

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{way}{message}")]
pub struct Invalid {
    /// The JSON path of where.
    pub path: String,
    /// What Caddy says it was loading.
    pub way: String,
    /// What is wrong there.
    pub message: String,
}

/// What is wrong with a part, seen from that part.
#[derive(Debug)]
pub(super) struct Fault {
    place: Place,
    message: String,
    /// What the innermost module was being asked to do.
    stage: Stage,
    /// What Caddy says before all else.
    before: &'static str,
}

/// Whether a part is as it should be.
pub(super) type Checked = Result<(), Fault>;

impl Fault {
    /// Seen when a module makes use of its settings.
    pub(super) fn new(message: impl Into<String>) -> Self {
        let (place, message) = (Place::default(), message.into());
        Self { place, message, stage: Stage::Provision, before: "" }
    }

    /// Seen when a module looks at all of its settings together.
    pub(super) fn together(message: impl Into<String>) -> Self {
        Self { stage: Stage::Validate, ..Self::new(message) }
    }

    /// The same fault, found by another module that asked for this one.
    pub(super) fn on_the_way(self, before: &'static str) -> Self {
        Self { before, ..self }
    }

    /// What a module is named by holds nothing.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self { stage: Stage::Find, ..Self::new(message) }
    }

    /// The same fault with words before it, unless a module further in has it: there the
    /// way to the module says them.
    pub(super) fn after_outside_modules(self, words: &str) -> Self {
        if self.place.holds_module() {
            return self;
        }
        Self { message: format!("{words}{}", self.message), ..self }
    }

    fn within(mut self, step: Step) -> Self {
        self.place.push_front(step);
        self
    }
}

impl From<Fault> for Invalid {
    fn from(fault: Fault) -> Self {
        let Fault { place, message, before, .. } = fault;
        Self { path: place.path(), way: format!("{before}{}", place.words()), message }
    }
}

/// Says where a fault is, from the inside out.
pub(super) trait At: Sized {
    /// In a field.
    fn field(self, name: &str) -> Self;
    /// In an item of a list.
    fn index(self, index: usize) -> Self;
    /// In the module that its object names.
    fn inline(self, namespace: &'static str, name: &str) -> Self;
    /// In the module that its key names.
    fn named(self, namespace: &'static str, name: &str) -> Self;
}

impl At for Checked {
    fn field(self, name: &str) -> Self {
        self.map_err(|fault| fault.within(Step::Field(name.to_owned())))
    }

    fn index(self, index: usize) -> Self {
        self.map_err(|fault| fault.within(Step::Index(index)))
    }

    fn inline(self, namespace: &'static str, name: &str) -> Self {
        self.map_err(|fault| fault.into_module(Kind::Inline, namespace, name))
    }

    fn named(self, namespace: &'static str, name: &str) -> Self {
        self.map_err(|fault| fault.into_module(Kind::Named, namespace, name))
    }
}

impl Fault {
    fn into_module(self, kind: Kind, namespace: &'static str, name: &str) -> Self {
        let stage = self.stage;
        self.within(Step::Module { kind, namespace, name: name.to_owned(), stage })
    }
}

/// Checks each item of a list.
pub(super) fn each<'c, T: 'c>(
    items: impl IntoIterator<Item = &'c T>,
    check: impl Fn(&T) -> Checked,
) -> Checked {
    items.into_iter().enumerate().try_for_each(|(index, item)| check(item).index(index))
}
