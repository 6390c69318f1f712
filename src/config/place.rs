//! Where in a configuration something is: as a JSON path, and in the words of Caddy's
//! errors, which tell what it was loading when it came there.

use std::collections::VecDeque;
use std::fmt::Write;

/// What closes the pattern of an item of a list.
const ITEM: &str = "[]";

/// A place in a configuration, as steps from its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(VecDeque<Step>);

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a field, or to the value of a key.
    Field(String),
    /// To an item of a list.
    Index(usize),
    /// Into a module.
    Module {
        /// How the slot names it.
        kind: Kind,
        /// The slot's namespace.
        namespace: &'static str,
        /// The module's name in it; empty when the object does not tell.
        name: String,
        /// What was being done with the module.
        stage: Stage,
    },
}

/// How a slot names its module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In a field of the module's own object.
    Inline,
    /// By the key that the module is the value of.
    Named,
}

/// What was being done with a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing yet: it is not there.
    Find,
    /// Reading its fields.
    Decode,
    /// Making use of them.
    Provision,
    /// Checking them together.
    Validate,
}

impl Step {
    /// To a slot whose object names no module.
    pub(super) fn slot(namespace: &'static str) -> Self {
        let (kind, stage) = (Kind::Inline, Stage::Find);
        Self::Module { kind, namespace, name: String::new(), stage }
    }

    /// To a module that is named by its key.
    pub(super) fn named(namespace: &'static str, name: &str, stage: Stage) -> Self {
        Self::Module { kind: Kind::Named, namespace, name: name.to_owned(), stage }
    }
}

impl Place {
    /// Whether it is the root.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a step goes into a module.
    pub fn holds_module(&self) -> bool {
        self.0.iter().any(|step| matches!(step, Step::Module { .. }))
    }

    /// Puts a step before all others.
    pub fn push_front(&mut self, step: Step) {
        self.0.push_front(step);
    }

    /// The JSON path, as `apps.http.servers.srv0.routes[0].handle[1].uri`.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.0 {
            let key = match step {
                Step::Field(key) => key,
                Step::Module { kind: Kind::Named, name, .. } => name,
                Step::Module { kind: Kind::Inline, .. } => continue,
                Step::Index(index) => {
                    let _ = write!(path, "[{index}]");
                    continue;
                }
            };
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key);
        }
        path
    }

    /// What Caddy says before the message of an error at this place, as
    /// `loading http app module: decoding module config: http: `; nothing outside of modules.
    pub fn words(&self) -> String {
        let mut words = String::new();
        // The module that the steps are in, and what they are since there.
        let mut scope = String::new();
        let (mut pattern, mut names) = (String::new(), Vec::new());
        let is_module = |step: &Step| matches!(step, Step::Module { .. });
        let last = self.0.iter().rposition(is_module);
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(key) => {
                    let is_key = holds_names(&scope, &pattern);
                    pattern.push_str(if pattern.is_empty() { "" } else { "." });
                    pattern.push_str(if is_key { "*" } else { key });
                    if is_key {
                        names.push(key.clone());
                    }
                }
                Step::Index(index) => {
                    pattern.push_str(ITEM);
                    names.push(index.to_string());
                }
                Step::Module { kind, namespace, name, stage } => {
                    let id = super::module::id(namespace, name);
                    words.push_str(&slot_words(&scope, &pattern, &names, *kind));
                    words.push_str(&module_words(*kind, namespace, name));
                    // What is inside a module is loaded when that is provisioned.
                    let stage = if last == Some(at) { *stage } else { Stage::Provision };
                    words.push_str(&stage_words(stage, &id));
                    scope = id;
                    pattern.clear();
                    names.clear();
                }
            }
        }
        words
    }
}

/// Maps from names that users choose, by the module that has them.
const NAMED: [(&str, &str); 8] = [
    ("", "logging.logs"),
    ("http", "servers"),
    ("http", "servers.*.named_routes"),
    ("pki", "certificate_authorities"),
    ("caddy.logging.encoders.filter", "fields"),
    ("caddy.logging.encoders.append", "fields"),
    ("http.handlers.static_response", "headers"),
    ("http.handlers.tracing", "span_attributes"),
];

fn holds_names(scope: &str, pattern: &str) -> bool {
    NAMED.contains(&(scope, pattern))
}

/// What Caddy is doing with a slot; the file says how to read it.
const SLOTS: &str = include_str!("place/slots.txt");

fn slot_words(scope: &str, pattern: &str, names: &[String], kind: Kind) -> String {
    let scope = if scope.is_empty() { "-" } else { scope };
    let known = SLOTS.lines().find_map(|line| {
        let rest = line.strip_prefix(scope)?.strip_prefix(" | ")?;
        rest.strip_prefix(pattern)?.strip_prefix(" | ")
    });
    if let Some(words) = known {
        let named = names.iter().enumerate();
        return named.fold(format!("{words} "), |words, (at, name)| {
            words.replace(&format!("{{{at}}}"), name)
        });
    }
    match names.last() {
        Some(position) if kind == Kind::Inline && pattern.ends_with(ITEM) => {
            format!("position {position}: ")
        }
        _ => String::new(),
    }
}

fn module_words(kind: Kind, namespace: &str, name: &str) -> String {
    match kind {
        Kind::Named if namespace.is_empty() => format!("loading {name} app module: "),
        Kind::Named => format!("module name '{name}': "),
        Kind::Inline if name.is_empty() => String::new(),
        Kind::Inline => format!("loading module '{name}': "),
    }
}

fn stage_words(stage: Stage, id: &str) -> String {
    match stage {
        Stage::Find => String::new(),
        Stage::Decode => format!("decoding module config: {id}: "),
        Stage::Provision => format!("provision {id}: "),
        Stage::Validate => format!("{id}: invalid configuration: "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(steps: impl IntoIterator<Item = Step>, path: &str, words: &str) {
        let place = Place(steps.into_iter().collect());
        assert_eq!(place.path(), path);
        assert_eq!(place.words(), words);
    }

    fn field(name: &str) -> Step {
        Step::Field(name.to_owned())
    }

    fn handler(name: &str, stage: Stage) -> Step {
        let (kind, namespace) = (Kind::Inline, "http.handlers");
        Step::Module { kind, namespace, name: name.to_owned(), stage }
    }

    /// To the handlers of a server's first route.
    fn in_server() -> Vec<Step> {
        let app = Step::named("", "http", Stage::Decode);
        let way = ["servers", "s", "routes"].map(field);
        let route = [Step::Index(0), field("handle"), Step::Index(2)];
        [field("apps"), app].into_iter().chain(way).chain(route).collect()
    }

    #[test]
    fn outside_of_modules_there_is_nothing_to_say() {
        check([], "", "");
        check([field("admin"), field("x")], "admin.x", "");
    }

    #[test]
    fn an_app_says_what_was_done_with_it() {
        let app = |stage| [field("apps"), Step::named("", "http", stage)];
        check(app(Stage::Find), "apps.http", "loading http app module: ");
        check(
            app(Stage::Decode),
            "apps.http",
            "loading http app module: decoding module config: http: ",
        );
        check(
            app(Stage::Validate),
            "apps.http",
            "loading http app module: http: invalid configuration: ",
        );
    }

    #[test]
    fn modules_within_modules_tell_the_whole_way() {
        let mut steps = in_server();
        steps.push(handler("subroute", Stage::Decode));
        steps.extend([field("routes"), Step::Index(1), field("match"), Step::Index(0)]);
        steps.push(Step::named("http.matchers", "host", Stage::Decode));
        check(
            steps,
            "apps.http.servers.s.routes[0].handle[2].routes[1].match[0].host",
            "loading http app module: provision http: server s: setting up route handlers: \
             route 0: loading handler modules: position 2: loading module 'subroute': \
             provision http.handlers.subroute: setting up subroutes: route 1: \
             loading matcher modules: module name 'host': \
             decoding module config: http.matchers.host: ",
        );
    }

    #[test]
    fn a_slot_without_a_name_tells_its_position() {
        let mut steps = in_server();
        steps.push(Step::slot("http.handlers"));
        check(
            steps,
            "apps.http.servers.s.routes[0].handle[2]",
            "loading http app module: provision http: server s: setting up route handlers: \
             route 0: loading handler modules: position 2: ",
        );
    }

    #[test]
    fn every_line_of_the_table_can_be_reached() {
        let lines = SLOTS.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            let parts: Vec<&str> = line.split(" | ").collect();
            let [scope, pattern, words] = parts[..] else { panic!("{line}") };
            let scope = if scope == "-" { "" } else { scope };
            let names: Vec<String> = (0..3).map(|n| format!("<{n}>")).collect();
            let got = slot_words(scope, pattern, &names, Kind::Inline);
            assert!(!got.contains('{') && got.ends_with(": "), "{line}: {got}");
            assert_eq!(words.contains('{'), got.contains('<'), "{line}");
            for (at, _) in pattern.match_indices('*') {
                let before = pattern[..at].trim_end_matches('.');
                assert!(holds_names(scope, before), "{line}: {before} is not among the names");
            }
        }
    }
}
