//! Markdown as HTML, written as Caddy's does it: CommonMark with GitHub's tables, task lists,
//! strikethrough and plain links ([`links`]), footnotes, and ids of headings.
//!
//! The parser is `pulldown-cmark`; this is what is made of its events. Code is not coloured: it
//! has the class `language-…`, by which scripts do that.

mod links;

use links::{Piece, pieces};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use pulldown_cmark::{Alignment, CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// What is escaped in the address of a link; `%` stands where an escape begins.
const HREF_ESCAPES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A link back from a footnote.
const BACK: &str = "class=\"footnote-backref\" role=\"doc-backlink\">&#x21a9;&#xfe0e;</a>";

type Placed<'t> = (Event<'t>, Range<usize>);

/// The HTML of a text. HTML in it stays as it is.
pub(super) fn html(text: &str) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS;
    let events = merged(Parser::new_ext(text, options).into_offset_iter());
    let (body, notes) = apart(events);
    let mut writer = Writer {
        text,
        out: String::with_capacity(text.len() * 3 / 2),
        ids: HashSet::new(),
        notes: Notes::count(&body, &notes),
        columns: Vec::new(),
        cell: 0,
        is_in_head: false,
        is_in_code: false,
        is_in_link: false,
    };
    writer.events(&body);
    writer.footnotes(&notes);
    writer.out
}

/// Events with texts that follow one another made one.
fn merged<'t>(events: impl Iterator<Item = Placed<'t>>) -> Vec<Placed<'t>> {
    let mut all: Vec<Placed<'t>> = Vec::new();
    for (event, range) in events {
        match (all.last_mut(), event) {
            (Some((Event::Text(before), place)), Event::Text(more)) => {
                *before = format!("{before}{more}").into();
                place.end = range.end;
            }
            (_, event) => all.push((event, range)),
        }
    }
    all
}

/// Footnotes by their names.
type Definitions<'t> = HashMap<String, Vec<Placed<'t>>>;

/// The events of the text itself, and those of its footnotes.
fn apart(events: Vec<Placed<'_>>) -> (Vec<Placed<'_>>, Definitions<'_>) {
    let (mut body, mut notes) = (Vec::new(), Definitions::new());
    let mut open: Option<(String, Vec<Placed<'_>>)> = None;
    for (event, range) in events {
        match (&mut open, event) {
            (None, Event::Start(Tag::FootnoteDefinition(name))) => {
                open = Some((name.to_string(), Vec::new()));
            }
            (_, Event::End(TagEnd::FootnoteDefinition)) => {
                if let Some((name, events)) = open.take() {
                    notes.entry(name).or_insert(events);
                }
            }
            (Some((_, events)), event) => events.push((event, range)),
            (None, event) => body.push((event, range)),
        }
    }
    (body, notes)
}

/// Which footnotes are referred to, in their order, and how often.
#[derive(Default)]
struct Notes {
    order: Vec<String>,
    total: HashMap<String, usize>,
    written: HashMap<String, usize>,
}

impl Notes {
    fn count(body: &[Placed<'_>], notes: &Definitions<'_>) -> Self {
        let mut counted = Self::default();
        counted.add(body, notes);
        let mut at = 0;
        while let Some(name) = counted.order.get(at).cloned() {
            counted.add(&notes[&name], notes);
            at += 1;
        }
        counted
    }

    fn add(&mut self, events: &[Placed<'_>], notes: &Definitions<'_>) {
        for (event, _) in events {
            let Event::FootnoteReference(name) = event else { continue };
            if !notes.contains_key(&**name) {
                continue;
            }
            let count = self.total.entry(name.to_string()).or_insert(0);
            *count += 1;
            if *count == 1 {
                self.order.push(name.to_string());
            }
        }
    }

    /// The number of a footnote.
    fn number(&self, name: &str) -> Option<usize> {
        self.order.iter().position(|known| known == name).map(|at| at + 1)
    }
}

/// What tells one reference to a footnote from the others: nothing for the first.
fn nth(n: usize) -> String {
    if n == 0 { String::new() } else { n.to_string() }
}

struct Writer<'t> {
    text: &'t str,
    out: String,
    ids: HashSet<String>,
    notes: Notes,
    /// The alignments of a table's columns, and which is next.
    columns: Vec<Alignment>,
    cell: usize,
    is_in_head: bool,
    is_in_code: bool,
    is_in_link: bool,
}

impl Writer<'_> {
    fn events(&mut self, events: &[Placed<'_>]) {
        let mut rest = events;
        while let [(event, range), after @ ..] = rest {
            rest = match event {
                Event::Start(Tag::Image { dest_url, title, .. }) => {
                    let end = end_of(after, &TagEnd::Image);
                    self.image(dest_url, title, &after[..end]);
                    after.get(end + 1..).unwrap_or_default()
                }
                Event::Start(Tag::Heading { level, .. }) => {
                    let end = end_of(after, &TagEnd::Heading(*level));
                    let id = self.heading_id(&after[..end]);
                    self.line();
                    self.out.push_str(&format!("<{level} id=\"{id}\">"));
                    after
                }
                Event::Start(tag) => {
                    self.start(tag);
                    after
                }
                Event::End(tag) => {
                    self.end(*tag);
                    after
                }
                event => {
                    self.inline(event, range);
                    after
                }
            };
        }
    }

    /// Begins a new line, unless one has just begun.
    fn line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn open_block(&mut self, html: &str) {
        self.line();
        self.out.push_str(html);
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph => self.open_block("<p>"),
            Tag::BlockQuote(_) => self.open_block("<blockquote>\n"),
            Tag::CodeBlock(kind) => self.start_code(kind),
            Tag::HtmlBlock => self.line(),
            Tag::List(None) => self.open_block("<ul>\n"),
            Tag::List(Some(1)) => self.open_block("<ol>\n"),
            Tag::List(Some(n)) => self.open_block(&format!("<ol start=\"{n}\">\n")),
            Tag::Item => self.open_block("<li>"),
            Tag::Table(columns) => {
                self.columns.clone_from(columns);
                self.open_block("<table>\n");
            }
            Tag::TableHead => {
                (self.cell, self.is_in_head) = (0, true);
                self.out.push_str("<thead>\n<tr>\n");
            }
            Tag::TableRow => {
                self.cell = 0;
                // The first row below the head opens the body.
                self.out.push_str(if self.out.ends_with("</thead>\n") {
                    "<tbody>\n<tr>\n"
                } else {
                    "<tr>\n"
                });
            }
            Tag::TableCell => {
                let align = match self.columns.get(self.cell) {
                    Some(Alignment::Left) => " style=\"text-align:left\"",
                    Some(Alignment::Center) => " style=\"text-align:center\"",
                    Some(Alignment::Right) => " style=\"text-align:right\"",
                    _ => "",
                };
                let name = if self.is_in_head { "th" } else { "td" };
                self.out.push_str(&format!("<{name}{align}>"));
            }
            Tag::Emphasis => self.out.push_str("<em>"),
            Tag::Strong => self.out.push_str("<strong>"),
            Tag::Strikethrough => self.out.push_str("<del>"),
            Tag::Link { link_type, dest_url, title, .. } => {
                self.is_in_link = true;
                let mail = if *link_type == LinkType::Email { "mailto:" } else { "" };
                self.out.push_str(&format!("<a href=\"{mail}{}\"", href(dest_url)));
                self.title(title);
                self.out.push('>');
            }
            _ => {}
        }
    }

    fn start_code(&mut self, kind: &CodeBlockKind<'_>) {
        self.is_in_code = true;
        self.open_block("<pre><code");
        if let CodeBlockKind::Fenced(info) = kind
            && let Some(language) = info.split([' ', '\t', ',', '{']).next()
            && !language.is_empty()
        {
            self.out.push_str(" class=\"language-");
            escape_into(language, &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
    }

    fn end(&mut self, tag: TagEnd) {
        let html = match tag {
            TagEnd::Paragraph => "</p>\n",
            TagEnd::Heading(level) => return self.out.push_str(&format!("</{level}>\n")),
            TagEnd::BlockQuote(_) => "</blockquote>\n",
            TagEnd::CodeBlock => {
                self.is_in_code = false;
                // Code at the end of a text may lack the end of its line.
                if !self.out.ends_with('>') {
                    self.line();
                }
                "</code></pre>\n"
            }
            TagEnd::List(true) => "</ol>\n",
            TagEnd::List(false) => "</ul>\n",
            TagEnd::Item => "</li>\n",
            TagEnd::Table if self.out.ends_with("</thead>\n") => "</table>\n",
            TagEnd::Table => "</tbody>\n</table>\n",
            TagEnd::TableHead => {
                self.is_in_head = false;
                "</tr>\n</thead>\n"
            }
            TagEnd::TableRow => "</tr>\n",
            TagEnd::TableCell => {
                self.cell += 1;
                if self.is_in_head { "</th>\n" } else { "</td>\n" }
            }
            TagEnd::Emphasis => "</em>",
            TagEnd::Strong => "</strong>",
            TagEnd::Strikethrough => "</del>",
            TagEnd::Link => {
                self.is_in_link = false;
                "</a>"
            }
            _ => return,
        };
        if matches!(tag, TagEnd::BlockQuote(_) | TagEnd::List(_)) {
            self.line();
        }
        self.out.push_str(html);
    }

    fn inline(&mut self, event: &Event<'_>, range: &Range<usize>) {
        match event {
            Event::Text(text) if self.is_in_code || self.is_in_link => {
                escape_into(text, &mut self.out);
            }
            Event::Text(text) => self.linked(text, range.start),
            Event::Code(code) => {
                self.out.push_str("<code>");
                escape_into(code, &mut self.out);
                self.out.push_str("</code>");
            }
            Event::Html(html) | Event::InlineHtml(html) => self.out.push_str(html),
            Event::SoftBreak => self.out.push('\n'),
            Event::HardBreak => self.out.push_str("<br>\n"),
            Event::Rule => self.open_block("<hr>\n"),
            Event::TaskListMarker(is_done) => {
                let checked = if *is_done { "checked=\"\" " } else { "" };
                self.out.push_str(&format!("<input {checked}disabled=\"\" type=\"checkbox\"> "));
            }
            Event::FootnoteReference(name) => self.reference(name),
            _ => {}
        }
    }

    fn linked(&mut self, text: &str, start: usize) {
        let before = self.text[..start].bytes().next_back();
        for piece in pieces(text, before) {
            match piece {
                Piece::Text(text) => escape_into(text, &mut self.out),
                Piece::Link { scheme, text } => {
                    self.out.push_str(&format!("<a href=\"{scheme}{}\">", href(text)));
                    escape_into(text, &mut self.out);
                    self.out.push_str("</a>");
                }
            }
        }
    }

    fn title(&mut self, title: &str) {
        if !title.is_empty() {
            self.out.push_str(" title=\"");
            escape_into(title, &mut self.out);
            self.out.push('"');
        }
    }

    fn image(&mut self, url: &str, title: &str, inside: &[Placed<'_>]) {
        self.out.push_str(&format!("<img src=\"{}\" alt=\"", href(url)));
        for (event, _) in inside {
            match event {
                Event::Text(text) | Event::Code(text) => escape_into(text, &mut self.out),
                Event::SoftBreak | Event::HardBreak => self.out.push('\n'),
                _ => {}
            }
        }
        self.out.push('"');
        self.title(title);
        self.out.push('>');
    }

    /// An id of what stands in the last line of a heading, that no other one has.
    fn heading_id(&mut self, inside: &[Placed<'_>]) -> String {
        let start = inside.iter().map(|(_, range)| range.start).min().unwrap_or(0);
        let end = inside.iter().map(|(_, range)| range.end).max().unwrap_or(0);
        let line = self.text[start..end].lines().next_back().unwrap_or_default().trim();
        let letters = line.chars().filter_map(|c| match c {
            c if c.is_ascii_alphanumeric() => Some(c.to_ascii_lowercase()),
            ' ' | '\t' | '-' | '_' => Some('-'),
            _ => None,
        });
        let mut id: String = letters.collect();
        if id.is_empty() {
            "heading".clone_into(&mut id);
        }
        let mut unique = id.clone();
        let mut n = 0;
        while !self.ids.insert(unique.clone()) {
            n += 1;
            unique = format!("{id}-{n}");
        }
        unique
    }

    fn reference(&mut self, name: &str) {
        let Some(number) = self.notes.number(name) else { return };
        let count = self.notes.written.entry(name.to_owned()).or_insert(0);
        let nth = nth(*count);
        *count += 1;
        self.out.push_str(&format!(
            "<sup id=\"fnref{nth}:{number}\"><a href=\"#fn:{number}\" class=\"footnote-ref\" \
             role=\"doc-noteref\">{number}</a></sup>"
        ));
    }

    fn footnotes(&mut self, notes: &Definitions<'_>) {
        if self.notes.order.is_empty() {
            return;
        }
        self.open_block("<div class=\"footnotes\" role=\"doc-endnotes\">\n<hr>\n<ol>\n");
        for (at, name) in self.notes.order.clone().iter().enumerate() {
            let number = at + 1;
            self.out.push_str(&format!("<li id=\"fn:{number}\">\n"));
            self.events(&notes[name]);
            let ends_in_text = self.out.ends_with("</p>\n");
            if ends_in_text {
                self.out.truncate(self.out.len() - "</p>\n".len());
            }
            for n in 0..self.notes.total[name] {
                let nth = nth(n);
                self.out.push_str(&format!("&#160;<a href=\"#fnref{nth}:{number}\" {BACK}"));
            }
            self.out.push_str(if ends_in_text { "</p>\n</li>\n" } else { "</li>\n" });
        }
        self.out.push_str("</ol>\n</div>\n");
    }
}

/// Where a tag that has just begun ends.
fn end_of(events: &[Placed<'_>], tag: &TagEnd) -> usize {
    let is_end = |(event, _): &Placed<'_>| matches!(event, Event::End(end) if end == tag);
    let mut depth = 0;
    for (at, placed) in events.iter().enumerate() {
        match &placed.0 {
            Event::Start(start) if start.to_end() == *tag => depth += 1,
            _ if is_end(placed) && depth == 0 => return at,
            _ if is_end(placed) => depth -= 1,
            _ => {}
        }
    }
    events.len()
}

/// An address as it stands in an attribute.
fn href(url: &str) -> String {
    let mut parts = url.split('%');
    let mut escaped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_escape = part.len() >= 2 && part.bytes().take(2).all(|b| b.is_ascii_hexdigit());
        escaped.push_str(if is_escape { "%" } else { "%25" });
        escaped.push_str(part);
    }
    let escaped = utf8_percent_encode(&escaped, HREF_ESCAPES).to_string();
    let mut out = String::with_capacity(escaped.len());
    escape_into(&escaped, &mut out);
    out
}

fn escape_into(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(html(text), expected, "{text}");
    }

    #[test]
    fn text_is_written_as_caddy_writes_it() {
        check(
            "My _text_ ~~x~~ \"q\"  \nb",
            "<p>My <em>text</em> <del>x</del> &quot;q&quot;<br>\nb</p>\n",
        );
        check(
            "- [x] a\n- b\n\n***",
            "<ul>\n<li><input checked=\"\" disabled=\"\" type=\"checkbox\"> a</li>\n<li>b</li>\n</ul>\n<hr>\n",
        );
        check("    a\n", "<pre><code>a\n</code></pre>\n");
        check("```go {x}\n<\n```", "<pre><code class=\"language-go\">&lt;\n</code></pre>\n");
        check("![*a* b](c.png \"t\")", "<p><img src=\"c.png\" alt=\"a b\" title=\"t\"></p>\n");
        check(
            "[a](/b%20c%zz<\"> 't')",
            "<p><a href=\"/b%20c%25zz%3C%22%3E\" title=\"t\">a</a></p>\n",
        );
        check("a www.b.org", "<p>a <a href=\"http://www.b.org\">www.b.org</a></p>\n");
    }

    #[test]
    fn headings_have_ids_of_their_own() {
        check(
            "# A b\n## A *b*\n# Ü!\n\na_b\n===\n",
            "<h1 id=\"a-b\">A b</h1>\n<h2 id=\"a-b-1\">A <em>b</em></h2>\n\
             <h1 id=\"heading\">Ü!</h1>\n<h1 id=\"a-b-2\">a_b</h1>\n",
        );
    }

    #[test]
    fn tables_are_aligned() {
        check(
            "|a|b|\n|-|-:|\n|1|2|",
            "<table>\n<thead>\n<tr>\n<th>a</th>\n<th style=\"text-align:right\">b</th>\n</tr>\n\
             </thead>\n<tbody>\n<tr>\n<td>1</td>\n<td style=\"text-align:right\">2</td>\n</tr>\n\
             </tbody>\n</table>\n",
        );
        check("|a|\n|-|", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n</table>\n");
    }

    #[test]
    fn footnotes_stand_at_the_end_in_the_order_of_their_references() {
        let page = html("x[^b] y[^a] z[^b]\n\n[^a]: A\n[^b]: B\n[^c]: C\n");
        let notes = page.split_once("<ol>\n").expect("there are footnotes").1;
        let back = |id: &str| format!("&#160;<a href=\"#{id}\" {BACK}");
        assert_eq!(
            notes,
            format!(
                "<li id=\"fn:1\">\n<p>B{}{}</p>\n</li>\n<li id=\"fn:2\">\n<p>A{}</p>\n</li>\n\
                 </ol>\n</div>\n",
                back("fnref:1"),
                back("fnref1:1"),
                back("fnref:2")
            )
        );
    }
}
