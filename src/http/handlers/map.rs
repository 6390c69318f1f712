//! `map`: placeholders of one's own, by a table.
//!
//! ```caddyfile
//! map {host} {tenant} {plan} {
//!     ~^(\w+)\.shop\.test$ "$1" free
//!     big.test             big  paid
//!     default              none -
//! }
//! ```
//!
//! Nothing is looked up before somebody asks for one of the placeholders, and then with
//! the request as it is at that moment. A row whose output is `null` (`-`) does not count
//! for that destination. What an expression gives is taken as it is; other outputs may
//! hold placeholders.

use crate::config::handlers::{Map as Config, Mapping};
use crate::http::exchange::Exchange;
use crate::http::placeholder::{Template, Unknown};
use crate::http::server::ProvisionError;
use regex::bytes::Regex;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// How deep tables may ask one another for one value: one that asks itself has no end.
const DEPTH_MAX: u32 = 16;

/// The compiled handler.
#[derive(Debug)]
pub(crate) struct Map {
    source: Template,
    destinations: Vec<String>,
    rows: Vec<Row>,
    defaults: Vec<Template>,
}

#[derive(Debug)]
struct Row {
    input: Input,
    /// One for each destination that it has a value for.
    outputs: Vec<Option<Output>>,
}

#[derive(Debug)]
enum Input {
    Text(String),
    Regexp(Regex),
}

#[derive(Debug)]
enum Output {
    Filled(Template),
    /// `$1` and `${name}` are what the expression found.
    Expanded(String),
}

impl Map {
    pub(super) fn provision(config: &Config) -> Result<Self, ProvisionError> {
        let wrong = |text: String| Err(ProvisionError::Invalid(text));
        let mut destinations: Vec<String> = Vec::new();
        for destination in &config.destinations {
            if destination.matches('{').count() != 1 || !destination.starts_with('{') {
                let text = "destination must be a placeholder and only a placeholder";
                return wrong(text.to_owned());
            }
            destinations.push(destination.trim_matches(['{', '}']).to_owned());
        }
        let mut rows = Vec::with_capacity(config.mappings.len());
        let mut seen = HashMap::new();
        for (index, row) in config.mappings.iter().enumerate() {
            let input = if row.input_regexp.is_empty() { &row.input } else { &row.input_regexp };
            if let Some(before) = seen.insert(input, index) {
                return wrong(format!(
                    "mapping {index} has a duplicate input '{input}' previously used with mapping \
                     {before}"
                ));
            }
            let (outputs, wanted) = (row.outputs.len(), destinations.len());
            if outputs != wanted {
                return wrong(format!(
                    "mapping {index} has {outputs} outputs but there are {wanted} destinations \
                     defined"
                ));
            }
            rows.push(Row::provision(row, index)?);
        }
        let (defaults, wanted) = (config.defaults.len(), destinations.len());
        if defaults > 0 && defaults != wanted {
            return wrong(format!("{wanted} destinations != {defaults} defaults"));
        }
        let template = |text: &String| Template::new(text, Unknown::Vanishes);
        Ok(Self {
            source: Template::new(&config.source, Unknown::Vanishes),
            destinations,
            rows,
            defaults: config.defaults.iter().map(template).collect(),
        })
    }

    pub(super) fn run<'s>(&'s self, ex: &mut Exchange<'s>) {
        ex.maps.push(self);
    }

    /// The value of a placeholder, if it is one of the destinations.
    pub(crate) fn value(&self, name: &str, ex: &Exchange<'_>) -> Option<Vec<u8>> {
        let index = self.destinations.iter().position(|destination| destination == name)?;
        let depth = ex.map_depth.fetch_add(1, Ordering::Relaxed);
        let value = if depth < DEPTH_MAX { self.look_up(index, ex) } else { Vec::new() };
        ex.map_depth.fetch_sub(1, Ordering::Relaxed);
        Some(value)
    }

    fn look_up(&self, index: usize, ex: &Exchange<'_>) -> Vec<u8> {
        let source = self.source.fill(ex);
        for row in &self.rows {
            let Some(Some(output)) = row.outputs.get(index) else { continue };
            match (&row.input, output) {
                (Input::Text(text), Output::Filled(output)) if *text.as_bytes() == *source => {
                    return output.fill(ex).into_owned();
                }
                (Input::Regexp(regexp), Output::Expanded(output)) => {
                    let Some(found) = regexp.captures(&source) else { continue };
                    let mut value = Vec::new();
                    found.expand(output.as_bytes(), &mut value);
                    return value;
                }
                _ => {}
            }
        }
        let default = self.defaults.get(index);
        default.map(|text| text.fill(ex).into_owned()).unwrap_or_default()
    }
}

impl Row {
    fn provision(config: &Mapping, index: usize) -> Result<Self, ProvisionError> {
        let text = &config.input_regexp;
        let input = if text.is_empty() {
            Input::Text(config.input.clone())
        } else if config.input.is_empty() {
            let regexp = Regex::new(text).map_err(|error| {
                ProvisionError::expression(&format!("mapping {index}"), text, &error)
            });
            Input::Regexp(regexp?)
        } else {
            return Err(ProvisionError::Invalid(format!(
                "mapping {index} has both input and input_regexp fields specified, which is \
                 confusing"
            )));
        };
        let outputs = config.outputs.iter().map(|value| Output::new(value, &input)).collect();
        Ok(Self { input, outputs })
    }
}

impl Output {
    fn new(value: &Value, input: &Input) -> Option<Self> {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(match input {
            Input::Regexp(_) => Self::Expanded(text),
            Input::Text(_) => Self::Filled(Template::new(&text, Unknown::Vanishes)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(json: &str, expected: &str) {
        let config = serde_json::from_str(json).expect("the case is a handler");
        let error = Map::provision(&config).expect_err("the case is wrong");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_table_that_cannot_be_meant_is_refused() {
        check_refused(
            r#"{"destinations":["a"]}"#,
            "destination must be a placeholder and only a placeholder",
        );
        check_refused(
            r#"{"destinations":["{a}"],"mappings":[{"input":"x","input_regexp":"y","outputs":[1]}]}"#,
            "mapping 0 has both input and input_regexp fields specified, which is confusing",
        );
        check_refused(
            r#"{"destinations":["{a}"],"mappings":[{"input":"x","outputs":[1]},{"input":"x"}]}"#,
            "mapping 1 has a duplicate input 'x' previously used with mapping 0",
        );
        check_refused(
            r#"{"destinations":["{a}"],"mappings":[{"input":"x","outputs":[1,2]}]}"#,
            "mapping 0 has 2 outputs but there are 1 destinations defined",
        );
    }
}
