//! The variables `OTEL_*`: how their values are read.

use percent_encoding::percent_decode_str;
use std::fmt;
use std::time::Duration;

/// Where variables are looked up.
type Lookup<'v> = dyn Fn(&str) -> Option<String> + 'v;

/// Variables, and what is wrong with those that were read so far. One that is wrong is told
/// of and passed over, as OpenTelemetry wants it.
pub struct Variables<'v> {
    lookup: Box<Lookup<'v>>,
    complaints: Vec<String>,
}

impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").field("complaints", &self.complaints).finish_non_exhaustive()
    }
}

impl Variables<'static> {
    /// Those of the process.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }
}

impl<'v> Variables<'v> {
    /// Variables that are found so.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + 'v) -> Self {
        Self { lookup: Box::new(lookup), complaints: Vec::new() }
    }

    /// A value without space around it; none when it is empty.
    pub fn text(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?;
        Some(value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Whether a switch is on; none when it is not set.
    pub fn switch(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A number from 0.
    pub fn number(&mut self, name: &str) -> Option<u64> {
        let value = self.text(name)?;
        let number = value.parse().ok();
        if number.is_none() {
            self.complain(format!("{name}: \"{value}\" is no number"));
        }
        number
    }

    /// A span of time in milliseconds.
    pub fn millis(&mut self, name: &str) -> Option<Duration> {
        self.number(name).map(Duration::from_millis)
    }

    /// A list of `key=value`, whose values are percent-encoded.
    pub fn pairs(&mut self, name: &str) -> Option<Vec<(String, String)>> {
        let mut pairs = Vec::new();
        for pair in self.text(name)?.split(',') {
            let read = pair.split_once('=').and_then(|(key, value)| {
                let value = percent_decode_str(value).decode_utf8().ok()?;
                let key = key.trim();
                (!key.is_empty()).then(|| (key.to_owned(), value.trim().to_owned()))
            });
            match read {
                Some(pair) => pairs.push(pair),
                None => self.complain(format!("{name}: \"{pair}\" is no key=value")),
            }
        }
        Some(pairs)
    }

    /// Notes that something is wrong.
    pub fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    /// What is wrong with the variables that were read.
    pub fn into_complaints(self) -> Vec<String> {
        self.complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_or_complained_of() {
        let mut variables = Variables::new(|name| {
            let value = match name {
                "PAIRS" => "a=b, c = d%20e ,f,=g",
                "SPAN" => " 250 ",
                "NONE" => " ",
                "BAD" => "x",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let own = |(k, v): (&str, &str)| (k.to_owned(), v.to_owned());
        assert_eq!(variables.pairs("PAIRS"), Some(vec![own(("a", "b")), own(("c", "d e"))]));
        assert_eq!(variables.millis("SPAN"), Some(Duration::from_millis(250)));
        assert_eq!(variables.text("NONE"), None);
        assert_eq!(variables.number("BAD"), None);
        assert_eq!(
            variables.into_complaints(),
            [
                "PAIRS: \"f\" is no key=value",
                "PAIRS: \"=g\" is no key=value",
                "BAD: \"x\" is no number",
            ]
        );
    }
}
