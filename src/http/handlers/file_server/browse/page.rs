//! The page that lists a folder: plain HTML for a phone as for a large screen, light or dark
//! as the reader has it, without scripts.
//!
//! Its links are the same listing in another order, layout or part, so that each state of
//! the page is an address. `filter` in the query keeps the entries whose names have it.

use super::listing::{Item, Listing, Order, Sort, human_size};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::{self, Display, Write as _};

const STYLE: &str = include_str!("page.css");
/// The icons, once each.
const ICONS: &str = include_str!("page.svg");

/// Extensions of images that browsers show.
const IMAGES: [&str; 10] =
    ["avif", "bmp", "gif", "ico", "jfif", "jpeg", "jpg", "png", "svg", "webp"];

/// Which icon stands for which extensions.
const KINDS: [(&str, &[&str]); 5] = [
    ("image", &IMAGES),
    (
        "media",
        &["aac", "avi", "flac", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "ogg", "opus", "wav"],
    ),
    (
        "pack",
        &["7z", "bz2", "deb", "gz", "iso", "jar", "rar", "rpm", "tar", "tgz", "xz", "zip", "zst"],
    ),
    (
        "code",
        &[
            "c", "cpp", "css", "go", "h", "htm", "html", "java", "js", "json", "php", "py", "rb",
            "rs", "sh", "sql", "toml", "ts", "xml", "yaml", "yml",
        ],
    ),
    ("text", &["csv", "doc", "docx", "log", "md", "odt", "pdf", "rtf", "txt"]),
];

/// The columns of the table: what they sort by, their names and classes, and what is said of
/// them where there is room.
const COLUMNS: [(Sort, &str, &str, &str); 3] = [
    (Sort::NameDirFirst, "Name", "", ""),
    (Sort::Size, "Size", "n", ""),
    (Sort::Time, "Modified", "", " (UTC)"),
];

/// Text that is no markup.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&#34;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The page.
pub(super) fn render(listing: &Listing) -> String {
    let mut page = String::with_capacity(8192 + 384 * listing.items.len());
    // A string takes all that is written.
    let _ = write(&mut page, listing);
    page
}

fn write(page: &mut String, listing: &Listing) -> fmt::Result {
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{ICONS}",
        Escaped(&listing.name),
    )?;
    write_head(page, listing)?;
    page.push_str("<main>\n");
    write_bar(page, listing)?;
    if listing.items.is_empty() && !(listing.can_go_up() && listing.filter.is_empty()) {
        let text = match listing.filter.as_str() {
            "" => "This folder is empty.",
            _ => "No name has this in it.",
        };
        writeln!(page, "<p class=\"card empty\">{text}</p>")?;
    } else if listing.layout == "grid" {
        write_grid(page, listing)?;
    } else {
        write_table(page, listing)?;
    }
    write_pages(page, listing)?;
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(())
}

/// Where we are, and the field to filter by.
fn write_head(page: &mut String, listing: &Listing) -> fmt::Result {
    page.push_str("<header>\n<h1>");
    for (at, (link, text)) in listing.breadcrumbs().iter().enumerate() {
        if at > 1 {
            page.push_str("<i>/</i>");
        }
        if link.is_empty() {
            write!(page, "{}", Escaped(text))?;
        } else {
            write!(page, "<a href=\"{link}\">{}</a>", Escaped(text))?;
        }
    }
    page.push_str("</h1>\n<form role=\"search\">");
    let state = Link::to(listing);
    let hidden = [("sort", state.sort), ("order", state.order), ("layout", state.layout)];
    for (name, value) in hidden.iter().filter(|(_, value)| !value.is_empty()) {
        write!(page, "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")?;
    }
    if let Some(limit) = listing.wanted {
        write!(page, "<input type=\"hidden\" name=\"limit\" value=\"{limit}\">")?;
    }
    write!(
        page,
        "<input type=\"search\" name=\"filter\" value=\"{}\" placeholder=\"Part of a name\" \
         aria-label=\"Part of a name\"><button>Filter</button></form>\n</header>\n",
        Escaped(&listing.filter)
    )
}

/// What there is, and the ways to see it.
fn write_bar(page: &mut String, listing: &Listing) -> fmt::Result {
    page.push_str("<div class=\"bar\">\n<p>");
    write!(page, "{}, ", count(listing.num_dirs, "folder"))?;
    write!(page, "{}, ", count(listing.num_files, "file"))?;
    write!(page, "{} in all", human_size(listing.total_size))?;
    if !listing.filter.is_empty() {
        let all = Link { filter: "", ..Link::to(listing) };
        write!(page, "; {} found (<a href=\"{all}\">show all</a>)", listing.found)?;
    }
    if listing.items.len() < listing.found {
        write!(page, "; {} shown", listing.items.len())?;
    }
    page.push_str("</p>\n");
    let state = Link::to(listing);
    let is_grid = listing.layout == "grid";
    if is_grid {
        page.push_str("<nav aria-label=\"Order\">");
        for (sort, name, ..) in COLUMNS {
            let (link, mark, _) = sorted_by(sort, listing);
            let current = if mark.is_empty() { "" } else { " aria-current=\"true\"" };
            write!(page, "<a href=\"{link}\"{current}>{name}{mark}</a>")?;
        }
        page.push_str("</nav>\n");
    }
    page.push_str("<nav aria-label=\"Layout\">");
    for (layout, name) in [("list", "List"), ("grid", "Grid")] {
        let current = if is_grid == (layout == "grid") { " aria-current=\"true\"" } else { "" };
        write!(page, "<a href=\"{}\"{current}>{name}</a>", Link { layout, ..state })?;
    }
    page.push_str("</nav>\n</div>\n");
    Ok(())
}

fn count(n: i64, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// The link that sorts by this, or turns the order round; the mark of how it is sorted, and
/// the word for that.
fn sorted_by(sort: Sort, listing: &Listing) -> (Link<'_>, &'static str, &'static str) {
    let by_name = sort == Sort::NameDirFirst && listing.sort == Sort::Name.name();
    let is_sorted = by_name || listing.sort == sort.name();
    let is_down = is_sorted && listing.order == Order::Desc.name();
    let order = if is_sorted && !is_down { Order::Desc } else { Order::Asc };
    let (mark, state) = match (is_sorted, is_down) {
        (false, _) => ("", "none"),
        (true, false) => (" <span aria-hidden=\"true\">↑</span>", "ascending"),
        (true, true) => (" <span aria-hidden=\"true\">↓</span>", "descending"),
    };
    let sort = if by_name { Sort::Name } else { sort };
    (Link { sort: sort.name(), order: order.name(), ..Link::to(listing) }, mark, state)
}

fn write_table(page: &mut String, listing: &Listing) -> fmt::Result {
    write!(
        page,
        "<div class=\"card\">\n<table>\n<caption>{}</caption>\n<thead><tr>",
        Escaped(&listing.name)
    )?;
    for (sort, name, class, more) in COLUMNS {
        let (link, mark, state) = sorted_by(sort, listing);
        write!(
            page,
            "<th scope=\"col\" class=\"{class}\" aria-sort=\"{state}\">\
             <a href=\"{link}\">{name}<i>{more}</i>{mark}</a></th>"
        )?;
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    if listing.can_go_up() {
        page.push_str(
            "<tr><th scope=\"row\"><a href=\"..\"><svg><use href=\"#up\"/></svg>Up</a></th>\
             <td></td><td></td></tr>\n",
        );
    }
    let largest = listing.items.iter().filter(|i| !i.is_dir).map(|i| i.size).max().unwrap_or(0);
    for item in &listing.items {
        let class = if item.is_dir { " class=\"dir\"" } else { "" };
        write!(page, "<tr{class}><th scope=\"row\"><a href=\"{}\">", Escaped(&item.url))?;
        write_icon(page, item)?;
        write!(page, "<span>{}", Escaped(&item.name))?;
        write_link_target(page, item)?;
        page.push_str("</span></a></th>");
        if item.is_dir {
            page.push_str("<td class=\"n\">–</td>");
        } else {
            let part = item.size.saturating_mul(100).checked_div(largest).unwrap_or(0);
            write!(page, "<td class=\"n\" style=\"--s:{part}\">{}</td>", item.human_size())?;
        }
        let (machine, day, time) = (item.mod_time, item.time("2006-01-02"), item.time("15:04"));
        writeln!(page, "<td><time datetime=\"{machine}\">{day}<i> {time}</i></time></td></tr>")?;
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
    Ok(())
}

fn write_grid(page: &mut String, listing: &Listing) -> fmt::Result {
    page.push_str("<ul>\n");
    if listing.can_go_up() {
        page.push_str(
            "<li class=\"card\"><a href=\"..\"><svg><use href=\"#up\"/></svg>Up</a></li>\n",
        );
    }
    for item in &listing.items {
        let class = if item.is_dir { "card dir" } else { "card" };
        write!(page, "<li class=\"{class}\"><a href=\"{}\">", Escaped(&item.url))?;
        if kind(item) == "image" {
            write!(page, "<img loading=\"lazy\" alt=\"\" src=\"{}\">", Escaped(&item.url))?;
        } else {
            write_icon(page, item)?;
        }
        write!(page, "<span>{}", Escaped(&item.name))?;
        write_link_target(page, item)?;
        page.push_str("</span>");
        if !item.is_dir {
            write!(page, "<small>{}</small>", item.human_size())?;
        }
        page.push_str("</a></li>\n");
    }
    page.push_str("</ul>\n");
    Ok(())
}

/// The name of an entry's icon.
fn kind(item: &Item) -> &'static str {
    if item.is_dir {
        return "dir";
    }
    let extension = item.name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let mut kinds = KINDS.iter();
    let found = kinds.find(|(_, known)| known.iter().any(|it| it.eq_ignore_ascii_case(extension)));
    found.map_or("file", |(kind, _)| kind)
}

fn write_icon(page: &mut String, item: &Item) -> fmt::Result {
    write!(page, "<svg aria-hidden=\"true\"><use href=\"#{}\"/></svg>", kind(item))
}

fn write_link_target(page: &mut String, item: &Item) -> fmt::Result {
    match item.symlink_path.as_str() {
        "" if item.is_symlink => page.write_str(" <small title=\"a link\">↪</small>"),
        "" => Ok(()),
        target => write!(page, " <small>→ {}</small>", Escaped(target)),
    }
}

/// The ways to the other parts of a listing that is shown in parts.
fn write_pages(page: &mut String, listing: &Listing) -> fmt::Result {
    let Some(length) = listing.wanted else { return Ok(()) };
    let next = listing.offset.saturating_add(length);
    let (has_previous, has_next) = (listing.offset > 0, next < listing.found);
    if !has_previous && !has_next {
        return Ok(());
    }
    let state = Link::to(listing);
    page.push_str("<div class=\"bar pages\"><nav aria-label=\"Parts\">");
    if has_previous {
        let offset = listing.offset.min(listing.found).saturating_sub(length);
        write!(page, "<a href=\"{}\" rel=\"prev\">← Previous</a>", Link { offset, ..state })?;
    }
    if has_next {
        write!(page, "<a href=\"{}\" rel=\"next\">Next →</a>", Link { offset: next, ..state })?;
    }
    page.push_str("</nav></div>\n");
    Ok(())
}

/// The same listing in another way.
#[derive(Clone, Copy)]
struct Link<'l> {
    sort: &'l str,
    order: &'l str,
    layout: &'l str,
    limit: Option<usize>,
    offset: usize,
    filter: &'l str,
}

impl<'l> Link<'l> {
    /// The listing as it is, from its start. Words of the client's that mean nothing are not
    /// repeated.
    fn to(listing: &'l Listing) -> Self {
        let sort = Sort::parse(&listing.sort).unwrap_or(Sort::NameDirFirst).name();
        let order = Order::parse(&listing.order).unwrap_or(Order::Asc).name();
        let Listing { layout, wanted: limit, filter, .. } = listing;
        Self { sort, order, layout, limit: *limit, offset: 0, filter }
    }
}

impl Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "?sort={}&amp;order={}", self.sort, self.order)?;
        if !self.layout.is_empty() {
            write!(f, "&amp;layout={}", self.layout)?;
        }
        if let Some(limit) = self.limit {
            write!(f, "&amp;limit={limit}")?;
        }
        if self.offset > 0 {
            write!(f, "&amp;offset={}", self.offset)?;
        }
        if !self.filter.is_empty() {
            let filter = utf8_percent_encode(self.filter, NON_ALPHANUMERIC);
            write!(f, "&amp;filter={filter}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn listing() -> Listing {
        let item = Item {
            name: "<b>\"x\".PNG".to_owned(),
            size: 2048,
            url: "./%3Cb%3E%22x%22.PNG".to_owned(),
            mod_time: Timestamp::from_second(1_700_000_000).expect("a time"),
            symlink_path: "../<y>".to_owned(),
            ..Item::default()
        };
        Listing {
            name: "docs".to_owned(),
            path: "/docs".to_owned(),
            items: vec![item],
            num_files: 1,
            sort: "size".to_owned(),
            order: "asc".to_owned(),
            wanted: Some(1),
            found: 1,
            ..Listing::default()
        }
    }

    #[track_caller]
    fn check(listing: &Listing, parts: &[&str]) {
        let page = render(listing);
        for part in parts {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
    }

    #[test]
    fn names_are_text_and_columns_sort_the_other_way() {
        check(
            &listing(),
            &[
                "<a href=\"./%3Cb%3E%22x%22.PNG\"><svg aria-hidden=\"true\">\
                 <use href=\"#image\"/></svg><span>&lt;b&gt;&#34;x&#34;.PNG",
                "<small>→ ../&lt;y&gt;</small>",
                "<td class=\"n\" style=\"--s:100\">2.0 KiB</td>",
                "<time datetime=\"2023-11-14T22:13:20Z\">2023-11-14<i> 22:13</i></time>",
                "aria-sort=\"ascending\"><a href=\"?sort=size&amp;order=desc&amp;limit=1\">Size",
                "aria-sort=\"none\"><a href=\"?sort=time&amp;order=asc&amp;limit=1\">Modified",
                "<a href=\"../\">/</a>docs</h1>",
                "<p>0 folders, 1 file, 0 B in all</p>",
                "<a href=\"..\">",
            ],
        );
    }

    #[test]
    fn tiles_show_images_and_can_be_sorted() {
        let listing = Listing { layout: "grid", sort: "\"><b>".to_owned(), ..listing() };
        check(
            &listing,
            &[
                "<img loading=\"lazy\" alt=\"\" src=\"./%3Cb%3E%22x%22.PNG\">",
                "?sort=namedirfirst&amp;order=asc&amp;layout=list&amp;limit=1",
                "<nav aria-label=\"Order\"><a href=\"?sort=namedirfirst&amp;order=asc\
                 &amp;layout=grid&amp;limit=1\">Name</a>",
            ],
        );
        assert!(!render(&listing).contains("<b>"));
    }

    #[test]
    fn parts_lead_to_one_another() {
        let part = Listing { offset: 1, found: 3, ..listing() };
        check(
            &part,
            &[
                "1 file, 0 B in all; 1 shown</p>",
                "<a href=\"?sort=size&amp;order=asc&amp;limit=1\" rel=\"prev\">",
                "<a href=\"?sort=size&amp;order=asc&amp;limit=1&amp;offset=2\" rel=\"next\">",
            ],
        );
        assert!(!render(&listing()).contains("rel="));
    }

    #[test]
    fn what_is_filtered_by_stays_in_field_and_links() {
        let none = Listing {
            items: Vec::new(),
            filter: "\"&ü".to_owned(),
            found: 0,
            wanted: None,
            ..listing()
        };
        check(
            &none,
            &[
                "value=\"&#34;&amp;ü\"",
                "; 0 found (<a href=\"?sort=size&amp;order=asc\">show all</a>)</p>",
                "&amp;filter=%22%26%C3%BC\"",
                "No name has this in it.",
            ],
        );
    }

    #[test]
    fn an_empty_root_says_so() {
        let root = Listing { path: "/".to_owned(), name: "/".to_owned(), ..Listing::default() };
        check(&root, &["This folder is empty."]);
    }

    #[test]
    fn icons_are_chosen_by_extension() {
        for (name, expected) in [
            ("a.JPG", "image"),
            ("b.tar.gz", "pack"),
            ("c.mp4", "media"),
            ("index.php", "code"),
            ("README.md", "text"),
            ("LICENSE", "file"),
        ] {
            let item = Item { name: name.to_owned(), ..Item::default() };
            assert_eq!(kind(&item), expected, "{name}");
        }
    }
}
