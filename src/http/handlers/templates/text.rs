//! Markdown and HTML.

use percent_encoding::{AsciiSet, CONTROLS};
use pulldown_cmark::{Options, Parser, html};

/// What is escaped in one part of a path.
pub(super) const PATH_ESCAPES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b',')
    .add(b';')
    .add(b'!')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*');

/// A text without its tags. A `>` that closes none stays.
pub(super) fn strip_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut depth, mut quote) = (0_usize, None);
    for c in text.chars() {
        match (c, quote) {
            ('"' | '\'', None) if depth > 0 => quote = Some(c),
            (c, Some(open)) if depth > 0 && c == open => quote = None,
            ('<', None) => depth += 1,
            ('>', None) if depth > 0 => depth -= 1,
            (c, _) if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// Markdown as GitHub has it, with footnotes, as HTML. HTML in it stays as it is.
pub(super) fn markdown(text: &str) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS;
    let mut out = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut out, Parser::new_ext(text, options));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken_out() {
        assert_eq!(strip_html("a <b class=\">\">c</b> > d"), "a c > d");
        assert_eq!(strip_html("1 < 2"), "1 ");
    }

    #[test]
    fn markdown_becomes_html() {
        assert_eq!(markdown("My _text_ ~~x~~"), "<p>My <em>text</em> <del>x</del></p>\n");
        assert!(markdown("|a|\n|-|\n|b|").contains("<td>b</td>"));
    }
}
