//! What is wrong with an expression, and how that is shown.

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong, in cel-go's words.
    pub what: String,
    /// Where.
    pub place: Place,
}

/// Where something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nowhere: the whole is wrong, and is not shown.
    Whole,
    /// Nowhere that can be told.
    Unknown,
    /// At an offset into the text.
    At(usize),
}

impl Wrong {
    /// Wrong at an offset into the text.
    pub fn at(at: usize, what: impl Into<String>) -> Self {
        Self { what: what.into(), place: Place::At(at) }
    }

    /// Wrong at a place that has no offset.
    pub fn nowhere(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: Place::Unknown }
    }

    /// Wrong as a whole.
    pub fn whole(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: Place::Whole }
    }

    /// The message, with the line that it is about and a mark below the place.
    pub(crate) fn show(&self, source: &str) -> String {
        let Self { what, place } = self;
        let at = match *place {
            Place::Whole => return what.clone(),
            Place::Unknown => return format!("ERROR: <input>:-1:0: {what}"),
            Place::At(_) if source.is_empty() => return format!("ERROR: <input>:1:0: {what}"),
            Place::At(at) => at,
        };
        let start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let number = source[..at].matches('\n').count() + 1;
        let line = source[start..].lines().next().unwrap_or_default();
        let column = source[start..at].chars().count();
        let dots = ".".repeat(column);
        format!("ERROR: <input>:{number}:{}: {what}\n | {line}\n | {dots}^", column + 1)
    }
}
