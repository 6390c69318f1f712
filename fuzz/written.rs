//! Caddyfiles as people write them: bytes choose the words, the blanks and the nesting.
//!
//! The formatter must keep what these mean. It need not keep what nobody writes, such as a
//! `\` before a blank or a `#` within a word that a heredoc follows, because there it does
//! what Caddy does.

/// Words that stand alone.
const WORDS: [&str; 25] = [
    "a",
    "respond",
    "header",
    "/path/*",
    "*.example.com",
    "@name",
    "{host}",
    "{$HOST}",
    "{env.X}",
    "{args[0]}",
    "a,b",
    "200",
    "?X",
    "-Y",
    "+Z",
    ">W",
    r"^/\.x$",
    r"a\{b\}",
    "{http.request.uri}/x",
    "\"two words\"",
    "\"a \\\"quoted\\\" word\"",
    "`{\"json\": true}`",
    "\"{\"",
    "\"\"",
    "ü",
];

/// What may stand between two words.
const BLANKS: [&str; 4] = [" ", "  ", "\t", " \t "];

/// How deep blocks are nested; as far as they are indented.
const NESTING_MAX: usize = 9;

/// How many sites a file has at most.
const SITES_MAX: usize = 4;

/// Bytes as a source of choices; the first of each when there are none left.
struct Choices<'data>(std::slice::Iter<'data, u8>);

impl Choices<'_> {
    /// A number below `bound`, which is at most 256.
    fn below(&mut self, bound: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte) % bound)
    }

    fn of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }

    fn is_done(&self) -> bool {
        self.0.len() == 0
    }
}

/// The Caddyfile that `data` chooses.
pub(super) fn caddyfile(data: &[u8]) -> String {
    let mut choices = Choices(data.iter());
    let mut text = String::new();
    if choices.below(4) == 1 {
        text.push_str("{\n");
        lines(&mut choices, 1, &mut text);
        text.push_str("}\n");
    }
    let mut sites = 0;
    while sites == 0 || (sites < SITES_MAX && !choices.is_done()) {
        spaces(&mut choices, &mut text);
        sites += 1;
        text.push_str(&format!("site{sites}.test"));
        if choices.below(4) == 1 {
            text.push_str(choices.of(&[", b.test", ",\nb.test", "  c.test"]));
        }
        text.push_str(choices.of(&[" ", "  ", "\t"]));
        text.push_str("{\n");
        lines(&mut choices, 1, &mut text);
        text.push_str(choices.of(&["}\n", "  }\n", "} \n", "}\n\n\n\n"]));
    }
    text
}

/// Some lines of a block, and of blocks in it.
fn lines(choices: &mut Choices<'_>, nesting: usize, text: &mut String) {
    for _ in 0..choices.below(6) {
        spaces(choices, text);
        if choices.below(8) == 7 {
            text.push_str(choices.of(&["# a comment\n", "#another { } \"\n", "# \n"]));
            continue;
        }
        text.push_str(choices.of(&["root", "handle", "log", "x_y", "@m"]));
        for _ in 0..choices.below(4) {
            text.push_str(choices.of(&BLANKS));
            text.push_str(choices.of(&WORDS));
        }
        match choices.below(8) {
            1 if nesting < NESTING_MAX => {
                text.push_str(choices.of(&BLANKS));
                text.push_str("{\n");
                lines(choices, nesting + 1, text);
                spaces(choices, text);
                text.push_str("}\n");
            }
            2 => text.push_str(" <<END\n  kept   as it is {\n\n    }\n  END\n"),
            3 => text.push_str(" \"over\n  two   lines\"\n"),
            4 => text.push_str("   # behind a line\n"),
            _ => text.push_str(choices.of(&["\n", "  \n", "\n\n", "\r\n"])),
        }
    }
}

/// Indentation and empty lines, right or wrong.
fn spaces(choices: &mut Choices<'_>, text: &mut String) {
    text.push_str(choices.of(&["", "\t", "  ", "\n\t", "\n\n\n", "\t\t\t"]));
}
