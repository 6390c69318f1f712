//! The text that figures are told in: Prometheus' own, or OpenMetrics (its version 1.0.0).

use go_template::print::float;
use std::fmt::Write;

/// A form of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format, version 0.0.4.
    Prometheus,
    /// OpenMetrics.
    OpenMetrics {
        /// Whether the client named version 1.0.0, not only 0.0.1.
        is_final: bool,
    },
}

impl Format {
    /// What a client's `Accept` field asks for.
    pub fn negotiate(accept: &str) -> Self {
        let mut best = (0.0, Self::Prometheus);
        for clause in accept.split(',') {
            let mut parts = clause.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let (mut quality, mut version) = (1.0, "");
            for parameter in parts {
                match parameter.split_once('=') {
                    Some(("q", q)) => quality = q.parse().unwrap_or(0.0),
                    Some(("version", v)) => version = v,
                    _ => {}
                }
            }
            let format = match (kind, version) {
                ("application/openmetrics-text", "1.0.0") => Self::OpenMetrics { is_final: true },
                ("application/openmetrics-text", "0.0.1" | "") => {
                    Self::OpenMetrics { is_final: false }
                }
                ("text/plain", "0.0.4" | "") => Self::Prometheus,
                _ => continue,
            };
            if quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    /// The content type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics { is_final: true } => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
            Self::OpenMetrics { is_final: false } => {
                "application/openmetrics-text; version=0.0.1; charset=utf-8"
            }
        }
    }
}

/// How a client wants names to be written that Prometheus did not always know. Ours are all
/// plain, so nothing but the content type tells.
pub(super) fn escaping(accept: &str) -> &str {
    const KNOWN: [&str; 4] = ["allow-utf-8", "underscores", "dots", "values"];
    let parameters = accept.split([',', ';']).filter_map(|part| part.trim().split_once('='));
    let wanted = parameters.filter(|(name, _)| *name == "escaping").map(|(_, value)| value.trim());
    wanted.into_iter().find(|value| KNOWN.contains(value)).unwrap_or("underscores")
}

/// Labels and their values, in the order of their names.
pub(super) type Labels<'l> = [(&'static str, &'l str)];

/// Text that is being written.
#[derive(Debug)]
pub(super) struct Text {
    out: String,
    format: Format,
}

impl Text {
    pub(super) const fn new(format: Format) -> Self {
        Self { out: String::new(), format }
    }

    /// Begins a family of series.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let name = match self.format {
            // There the name is that of the series without what says that it counts.
            Format::OpenMetrics { .. } if kind == "counter" => {
                name.strip_suffix("_total").unwrap_or(name)
            }
            _ => name,
        };
        // Writing to a string does not fail.
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A family that has one series without labels.
    pub(super) fn only(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.value(name, &[], value);
    }

    /// One series of the family.
    pub(super) fn value(&mut self, name: &str, labels: &Labels<'_>, value: f64) {
        self.name(name, labels);
        let value = float(value);
        let is_whole = value.bytes().all(|b| b == b'-' || b.is_ascii_digit());
        let point = if is_whole && self.format != Format::Prometheus { ".0" } else { "" };
        let _ = writeln!(self.out, " {value}{point}");
    }

    /// One bucket of a histogram.
    pub(super) fn bucket(&mut self, name: &str, labels: &Labels<'_>, bound: &str, count: u64) {
        let is_whole = bound.bytes().all(|b| b.is_ascii_digit());
        let point = if is_whole && self.format != Format::Prometheus { ".0" } else { "" };
        let bound = format!("{bound}{point}");
        let mut labels = labels.to_vec();
        labels.push(("le", &bound));
        self.count(&format!("{name}_bucket"), &labels, count);
    }

    /// One series that is a count.
    pub(super) fn count(&mut self, name: &str, labels: &Labels<'_>, count: u64) {
        self.name(name, labels);
        let _ = writeln!(self.out, " {count}");
    }

    fn name(&mut self, name: &str, labels: &Labels<'_>) {
        self.out.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            self.out.push(if index == 0 { '{' } else { ',' });
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.out, "{label}=\"{value}\"");
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
    }

    /// All that was written.
    pub(super) fn finish(mut self) -> String {
        if self.format != Format::Prometheus {
            self.out.push_str("# EOF\n");
        }
        self.out
    }
}

/// Figures this large are told approximately.
#[expect(clippy::cast_precision_loss, reason = "Prometheus' numbers are floating-point ones")]
pub(super) const fn to_float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_format(accept: &str, expected: Format) {
        assert_eq!(Format::negotiate(accept), expected, "{accept}");
    }

    #[test]
    fn the_form_is_the_one_that_the_client_likes_best() {
        let open = |is_final| Format::OpenMetrics { is_final };
        check_format("", Format::Prometheus);
        check_format("*/*", Format::Prometheus);
        check_format("application/openmetrics-text; version=1.0.0", open(true));
        check_format("application/openmetrics-text", open(false));
        check_format("application/openmetrics-text;version=9", Format::Prometheus);
        check_format("application/openmetrics-text;q=0.5,text/plain", Format::Prometheus);
        check_format("text/plain;q=0.5,application/openmetrics-text;version=1.0.0", open(true));
    }

    #[track_caller]
    fn check(format: Format, expected: &str) {
        let mut text = Text::new(format);
        text.family("a_total", "counter", "Things.");
        text.value("a_total", &[("x", "a\"b\\"), ("y", "")], 2.0);
        text.only("b", "gauge", "Share.", 0.5);
        text.only("c", "gauge", "Bytes.", 12_345_678.0);
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn both_forms_are_written() {
        check(
            Format::Prometheus,
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"a\\\"b\\\\\",y=\"\"} 2\n\
             # HELP b Share.\n# TYPE b gauge\nb 0.5\n\
             # HELP c Bytes.\n# TYPE c gauge\nc 1.2345678e+07\n",
        );
        check(
            Format::OpenMetrics { is_final: true },
            "# HELP a Things.\n# TYPE a counter\na_total{x=\"a\\\"b\\\\\",y=\"\"} 2.0\n\
             # HELP b Share.\n# TYPE b gauge\nb 0.5\n\
             # HELP c Bytes.\n# TYPE c gauge\nc 1.2345678e+07\n# EOF\n",
        );
    }
}
