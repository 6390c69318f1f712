//! Runs templates.

use crate::node::{Branch, Command, Node, Operand, Pipe};
use crate::parser;
use crate::print::sprint;
use crate::{Error, Functions, Result, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// How deep templates may run one another.
const DEPTH_MAX: usize = 200;
/// The most that a template may print.
const OUTPUT_MAX: usize = 256 * 1024 * 1024;

/// Templates that know one another, and the functions that they call.
pub struct Set {
    shared: Rc<Functions>,
    functions: RefCell<Functions>,
    templates: RefCell<HashMap<String, Rc<Vec<Node>>>>,
    delims: (String, String),
}

struct Run<'s> {
    set: &'s Set,
    /// The template that runs, for errors.
    name: String,
    out: String,
    vars: Vec<(String, Value)>,
    depth: usize,
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Set").field("delims", &self.delims).finish_non_exhaustive()
    }
}

impl Set {
    /// A set without templates, which has these functions and may get others.
    pub fn new(shared: Rc<Functions>) -> Self {
        let delims = ("{{".to_owned(), "}}".to_owned());
        Self { shared, functions: RefCell::default(), templates: RefCell::default(), delims }
    }

    /// Actions stand between these; an empty one is the usual one.
    #[must_use]
    pub fn with_delims(mut self, open: &str, close: &str) -> Self {
        if !open.is_empty() {
            open.clone_into(&mut self.delims.0);
        }
        if !close.is_empty() {
            close.clone_into(&mut self.delims.1);
        }
        self
    }

    /// Adds a function, or puts it in the place of another.
    pub fn add_function(&self, name: &'static str, f: crate::Func) {
        self.functions.borrow_mut().insert(name, f);
    }

    /// Adds the templates of a text: those that it defines, and itself as `name`. An empty
    /// text does not put itself in the place of another.
    ///
    /// # Errors
    /// When it cannot be parsed; then nothing is added.
    pub fn parse(&self, name: &str, text: &str) -> Result<()> {
        let own = self.functions.borrow();
        let is_function = |name: &str| own.contains_key(name) || self.shared.contains_key(name);
        let (open, close) = &self.delims;
        let defined = parser::parse(name, text, (open, close), &is_function)?;
        let mut templates = self.templates.borrow_mut();
        for (name, nodes) in defined {
            let is_blank =
                nodes.iter().all(|n| matches!(n, Node::Text(text) if text.trim().is_empty()));
            if !(is_blank && templates.contains_key(&name)) {
                templates.insert(name, Rc::new(nodes));
            }
        }
        Ok(())
    }

    fn function(&self, name: &str) -> Option<crate::Func> {
        let own = self.functions.borrow();
        own.get(name).or_else(|| self.shared.get(name)).map(Rc::clone)
    }

    /// Runs a template; what it printed.
    ///
    /// # Errors
    /// When there is none of that name, or it fails.
    pub fn run(&self, name: &str, data: &Value) -> Result<String> {
        let nodes = self.templates.borrow().get(name).map(Rc::clone);
        let nodes = nodes.ok_or_else(|| {
            Error::new(format!("template: {name:?} is an incomplete or empty template"))
        })?;
        let mut run = Run {
            set: self,
            name: name.to_owned(),
            out: String::new(),
            vars: vec![(String::new(), data.clone())],
            depth: 0,
        };
        run.list(&nodes, data)?;
        Ok(run.out)
    }
}

impl Run<'_> {
    fn fail<T>(&self, pipe: &Pipe, error: Error) -> Result<T> {
        Err(error.at(&self.name, pipe.line, &pipe.text))
    }

    fn print(&mut self, text: &str) -> Result<()> {
        if self.out.len() + text.len() > OUTPUT_MAX {
            return Err(Error::new("the template prints too much"));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn list(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow> {
        let scope = self.vars.len();
        let mut flow = Flow::On;
        for node in nodes {
            flow = self.node(node, dot)?;
            if flow != Flow::On {
                break;
            }
        }
        self.vars.truncate(scope);
        Ok(flow)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow> {
        match node {
            Node::Text(text) => self.print(text)?,
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.vars.is_empty() {
                    let text =
                        if value == Value::Nil { "<no value>".to_owned() } else { sprint(&value) };
                    self.print(&text)?;
                }
            }
            Node::If(branch) => return self.branch(branch, dot, false),
            Node::With(branch) => return self.branch(branch, dot, true),
            Node::Range(branch) => return self.range(branch, dot),
            Node::Template { name, data, line } => {
                self.template(name, data.as_ref(), *line, dot)?
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn branch(&mut self, branch: &Branch, dot: &Value, moves_dot: bool) -> Result<Flow> {
        let scope = self.vars.len();
        let value = self.pipe(&branch.pipe, dot)?;
        let flow = if value.is_true() {
            self.list(&branch.then, if moves_dot { &value } else { dot })
        } else {
            self.list(&branch.otherwise, dot)
        }?;
        self.vars.truncate(scope);
        Ok(flow)
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow> {
        let scope = self.vars.len();
        let over = self.pipe(&branch.pipe, dot)?.plain().into_owned();
        let items: Box<dyn Iterator<Item = (Value, Value)>> = match &over {
            Value::List(items) => {
                let items = Rc::clone(items);
                Box::new((0..items.len()).map(move |i| (index(i), items[i].clone())))
            }
            Value::Map(fields) => {
                let entries: Vec<_> =
                    fields.borrow().iter().map(|(k, v)| (Value::str(k), v.clone())).collect();
                Box::new(entries.into_iter())
            }
            Value::Int(n) => Box::new((0..*n).map(|i| (Value::Int(i), Value::Int(i)))),
            Value::Nil => Box::new(std::iter::empty()),
            other => {
                let text = format!("range can't iterate over {}", sprint(other));
                return self.fail(&branch.pipe, Error::new(text));
            }
        };
        let mut ran = false;
        for (key, item) in items {
            ran = true;
            self.vars.truncate(scope);
            self.bind(&branch.pipe, key, &item);
            if self.list(&branch.then, &item)? == Flow::Break {
                break;
            }
        }
        self.vars.truncate(scope);
        if ran { Ok(Flow::On) } else { self.list(&branch.otherwise, dot) }
    }

    /// Sets the variables of a range to one of its items.
    fn bind(&mut self, pipe: &Pipe, key: Value, item: &Value) {
        let values = match pipe.vars.len() {
            0 => return,
            1 => vec![item.clone()],
            _ => vec![key, item.clone()],
        };
        for (name, value) in pipe.vars.iter().zip(values) {
            if pipe.assigns {
                self.assign(name, value);
            } else {
                self.vars.push((name.clone(), value));
            }
        }
    }

    fn assign(&mut self, name: &str, value: Value) {
        if let Some((_, held)) = self.vars.iter_mut().rev().find(|(var, _)| var == name) {
            *held = value;
        }
    }

    fn template(
        &mut self,
        name: &str,
        data: Option<&Pipe>,
        line: usize,
        dot: &Value,
    ) -> Result<()> {
        let data = data.map_or(Ok(Value::Nil), |pipe| self.pipe(pipe, dot))?;
        let nodes = self.set.templates.borrow().get(name).map(Rc::clone);
        let Some(nodes) = nodes else {
            let text = format!("template {name:?} not defined");
            return Err(Error::new(text).at(&self.name, line, &format!("template {name:?}")));
        };
        if self.depth >= DEPTH_MAX {
            let text = format!("exceeded maximum template depth ({DEPTH_MAX})");
            return Err(Error::new(text).at(&self.name, line, name));
        }
        let caller = std::mem::replace(&mut self.name, name.to_owned());
        let vars = std::mem::replace(&mut self.vars, vec![(String::new(), data.clone())]);
        self.depth += 1;
        self.list(&nodes, &data)?;
        self.depth -= 1;
        self.vars = vars;
        self.name = caller;
        Ok(())
    }

    /// What a pipeline comes to; its variables are set to that, unless it is a range's.
    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value> {
        let mut value = None;
        for command in &pipe.commands {
            let result = self.command(command, dot, value.take());
            value = Some(result.or_else(|error| self.fail(pipe, error))?);
        }
        let value = value.unwrap_or(Value::Nil);
        if let [name] = pipe.vars.as_slice() {
            if pipe.assigns {
                self.assign(name, value.clone());
            } else {
                self.vars.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn command(&mut self, command: &Command, dot: &Value, last: Option<Value>) -> Result<Value> {
        let Some((first, others)) = command.args.split_first() else { return Ok(Value::Nil) };
        if let Operand::Function(name) = first {
            return self.function(name, others, dot, last);
        }
        if matches!(first, Operand::Nil) {
            return Err(Error::new("nil is not a command"));
        }
        if others.is_empty() && last.is_none() {
            return self.operand(first, dot);
        }
        let (base, fields) = match first {
            Operand::Field(fields) => (dot.clone(), fields),
            Operand::Variable(name, fields) if !fields.is_empty() => (self.variable(name)?, fields),
            Operand::Pipe(pipe, fields) if !fields.is_empty() => (self.pipe(pipe, dot)?, fields),
            _ => return Err(Error::new("can't give argument to non-function")),
        };
        let args = self.arguments(others, dot, last)?;
        let (method, path) = fields.split_last().unwrap_or((&fields[0], &[]));
        let base = walk(base, path)?;
        match &base {
            Value::Object(object) => match object.call(method, &args) {
                Some(result) => result,
                None => match object.field(method) {
                    Some(Value::Func(f)) => f(&args),
                    Some(_) => Err(Error::new(format!(
                        "{method} has arguments but cannot be invoked as function"
                    ))),
                    None => Err(no_field(method, &base)),
                },
            },
            Value::Map(_) => Err(Error::new(format!("{method} is not a method but has arguments"))),
            _ => Err(no_field(method, &base)),
        }
    }

    /// What a call is given: its operands, and what came through the pipe.
    fn arguments(
        &mut self,
        operands: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Vec<Value>> {
        let mut args = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            args.push(self.operand(operand, dot)?);
        }
        args.extend(last);
        Ok(args)
    }

    fn function(
        &mut self,
        name: &str,
        operands: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value> {
        if matches!(name, "and" | "or") {
            return self.logic(name, operands, dot, last);
        }
        let args = self.arguments(operands, dot, last)?;
        let f = self
            .set
            .function(name)
            .ok_or_else(|| Error::new(format!("{name:?} is not a defined function")))?;
        f(&args).map_err(|error| {
            if error.is_placed {
                return error;
            }
            let message = format!("error calling {name}: {}", error.message);
            Error { message, ..error }
        })
    }

    /// `and` and `or` stop at the argument that decides.
    fn logic(
        &mut self,
        name: &str,
        operands: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value> {
        let mut value = None;
        for operand in operands {
            let next = self.operand(operand, dot)?;
            if next.is_true() == (name == "or") {
                return Ok(next);
            }
            value = Some(next);
        }
        let none = || Error::new(format!("wrong number of args for {name}: want at least 1 got 0"));
        last.or(value).ok_or_else(none)
    }

    fn variable(&self, name: &str) -> Result<Value> {
        let found = self.vars.iter().rev().find(|(var, _)| var == name);
        found
            .map(|(_, value)| value.clone())
            .ok_or_else(|| Error::new(format!("undefined variable: ${name}")))
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value> {
        match operand {
            Operand::Dot => Ok(dot.clone()),
            Operand::Nil => Ok(Value::Nil),
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Function(name) => self.function(name, &[], dot, None),
            Operand::Field(fields) => walk(dot.clone(), fields),
            Operand::Variable(name, fields) => walk(self.variable(name)?, fields),
            Operand::Pipe(pipe, fields) => {
                let scope = self.vars.len();
                let value = self.pipe(pipe, dot)?;
                self.vars.truncate(scope);
                walk(value, fields)
            }
        }
    }
}

fn index(at: usize) -> Value {
    Value::Int(i64::try_from(at).unwrap_or(i64::MAX))
}

/// Follows fields; a method without arguments is one.
fn walk(mut value: Value, fields: &[String]) -> Result<Value> {
    for field in fields {
        value = match &value {
            Value::Map(entries) => entries.borrow().get(field).cloned().unwrap_or(Value::Nil),
            Value::Object(object) => match object.call(field, &[]) {
                Some(result) => result.map_err(|error| {
                    let message = format!("error calling {field}: {}", error.message);
                    Error { message, ..error }
                })?,
                None => object.field(field).ok_or_else(|| no_field(field, &value))?,
            },
            Value::Nil => {
                return Err(Error::new(format!("nil data; no entry for key {field:?}")));
            }
            _ => return Err(no_field(field, &value)),
        };
    }
    Ok(value)
}

fn no_field(field: &str, value: &Value) -> Error {
    Error::new(format!("can't evaluate field {field} in type {}", value.type_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Value {
        Value::from_pairs([
            ("name", Value::str("Ann")),
            ("items", Value::strings(["a", "b", "c"])),
            ("map", Value::from_pairs([("x", Value::Int(1)), ("y", Value::Int(2))])),
            ("zero", Value::Int(0)),
        ])
    }

    fn run(text: &str) -> Result<String> {
        let set = Set::new(Rc::new(crate::builtins()));
        set.parse("t", text)?;
        set.run("t", &data())
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(run(text).as_deref(), Ok(expected), "{text}");
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(run(text).expect_err("an error").to_string(), expected, "{text}");
    }

    #[test]
    fn values_are_printed() {
        check("Hi {{.name}}!", "Hi Ann!");
        check("{{.none}} {{.map.none}}", "<no value> <no value>");
        check(
            "{{1}} {{0x1F}} {{1.5}} {{'a'}} {{true}} {{\"q\\n\"}}{{`r`}}",
            "1 31 1.5 97 true q\nr",
        );
        check("{{$}}|{{.items}}", "map[items:[a b c] map:map[x:1 y:2] name:Ann zero:0]|[a b c]");
        check("{{.map.x}}{{index .map \"y\"}}{{index .items 1}}{{len .items}}", "12b3");
    }

    #[test]
    fn conditions_and_loops_run() {
        check("{{if .zero}}a{{else if .name}}b{{else}}c{{end}}", "b");
        check("{{range $i, $e := .items}}{{$i}}{{$e}} {{end}}", "0a 1b 2c ");
        check("{{range $k, $v := .map}}{{$k}}={{$v}};{{end}}", "x=1;y=2;");
        check("{{range .none}}x{{else}}none{{end}}", "none");
        check("{{range 3}}{{.}}{{end}}", "012");
        check("{{range .items}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac");
        check("{{range .items}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a");
        check("{{with .name}}{{.}}{{end}}{{with .none}}x{{else}}y{{end}}", "Anny");
        check("{{with .none}}x{{else with .name}}{{.}}{{end}}", "Ann");
    }

    #[test]
    fn variables_have_scopes() {
        check("{{$x := 1}}{{if true}}{{$x = 2}}{{$y := 3}}{{$y}}{{end}}{{$x}}", "32");
        check("{{$x := .name}}{{range .items}}{{$x}}{{$.zero}}{{end}}", "Ann0Ann0Ann0");
        check_error("{{$x}}", "template: t:1: undefined variable \"$x\"");
    }

    #[test]
    fn pipelines_pass_values_on() {
        check("{{.name | printf \"%s-%s\" \"x\" | len}}", "5");
        check("{{(index .items 0) | printf \"%s%s\" (print 1 2)}}", "1 2a");
        check("{{and .name .zero}} {{or .zero .name}} {{not .zero}}", "0 Ann true");
        check("{{or .name (index .items 99)}}", "Ann");
        check("{{eq 1 2 1}} {{lt 1 2}} {{ge \"b\" \"a\"}} {{ne 1 1}}", "true true true false");
    }

    #[test]
    fn templates_run_one_another() {
        check(
            "{{define \"d\"}}<{{.}}>{{end}}{{template \"d\" .name}}{{template \"d\" 2}}",
            "<Ann><2>",
        );
        check("{{block \"b\" .name}}({{.}}){{end}}", "(Ann)");
        check_error(
            "{{define \"d\"}}{{template \"d\"}}{{end}}{{template \"d\"}}",
            "template: d:1: executing \"d\" at <d>: exceeded maximum template depth (200)",
        );
        check_error(
            "\n{{template \"none\"}}",
            "template: t:2: executing \"t\" at <template \"none\">: template \"none\" not defined",
        );
    }

    #[test]
    fn blanks_and_comments_are_cut() {
        check("a {{- 1 -}} b", "a1b");
        check("a {{/* c */}} b {{- /* c */ -}} d", "a  bd");
        check("{{ -1 }}{{- \"x\" }}", "-1x");
    }

    #[test]
    fn errors_say_where() {
        check_error(
            "a\n{{index .items 9}}",
            "template: t:2: executing \"t\" at <index .items 9>: error calling index: index out of range: 9",
        );
        check_error(
            "{{.name.x}}",
            "template: t:1: executing \"t\" at <.name.x>: can't evaluate field x in type string",
        );
        check_error("{{nope}}", "template: t:1: function \"nope\" not defined");
        check_error("{{if}}x", "template: t:1: missing value for command");
        check_error("{{if 1}}x", "template: t:1: unexpected EOF");
        check_error("{{end}}", "template: t:1: unexpected {{end}}");
        check_error("{{ .x ", "template: t:1: unclosed action");
        check_error("{{1 | 2}}", "template: t:1: non executable command in pipeline stage 2");
        check_error("{{\"a}}", "template: t:1: unterminated quoted string");
        check_error("{{break}}", "template: t:1: {{break}} outside {{range}}");
        check_error(
            "{{eq 1 \"a\"}}",
            "template: t:1: executing \"t\" at <eq 1 \"a\">: error calling eq: incompatible types for comparison",
        );
    }

    #[test]
    fn other_delimiters_can_be_set() {
        let set = Set::new(Rc::new(crate::builtins())).with_delims("[[", "]]");
        set.parse("t", "{{x}} [[ .name ]]").expect("a template");
        assert_eq!(set.run("t", &data()).as_deref(), Ok("{{x}} Ann"));
    }

    #[test]
    fn nothing_that_is_typed_breaks_the_parser() {
        let pieces = [
            "{{",
            "}}",
            "if ",
            "range ",
            "$x",
            ":=",
            "|",
            "(",
            ")",
            "\"",
            "`",
            ".",
            "end",
            "else ",
            "-",
            " ",
            "'",
            "/*",
            "1",
            "é",
            "\n",
            "define \"a\"",
        ];
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push_str(
                    pieces[usize::try_from(state >> 33).expect("31 bits") % pieces.len()],
                );
            }
            let _ = run(&text);
        }
    }
}
