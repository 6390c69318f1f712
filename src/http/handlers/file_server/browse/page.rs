//! The page that lists a folder: plain HTML for a phone as for a large screen, light or dark
//! as the reader has it, without scripts.

use super::listing::{Item, Listing, Order, Sort, human_size};
use std::fmt::{self, Display, Write as _};

const STYLE: &str = include_str!("page.css");

/// Extensions of images that browsers show.
const IMAGES: [&str; 7] = [".avif", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"];

/// The columns of the table: what they sort by, their names and classes.
const COLUMNS: [(Sort, &str, &str); 3] =
    [(Sort::NameDirFirst, "Name", ""), (Sort::Size, "Size", "n"), (Sort::Time, "Modified", "t")];

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
    let mut page = String::with_capacity(4096 + 256 * listing.items.len());
    // A string takes all that is written.
    let _ = write(&mut page, listing);
    page
}

fn write(page: &mut String, listing: &Listing) -> fmt::Result {
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        Escaped(&listing.name),
    )?;
    write_head(page, listing)?;
    page.push_str("<main>\n");
    if listing.items.is_empty() && !listing.can_go_up() {
        page.push_str("<p class=\"empty\">This folder is empty.</p>\n");
    } else if listing.layout == "grid" {
        write_grid(page, listing)?;
    } else {
        write_table(page, listing)?;
    }
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(())
}

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
    page.push_str("</h1>\n<div class=\"tools\"><span>");
    write!(page, "{}, ", count(listing.num_dirs, "folder"))?;
    write!(page, "{}, ", count(listing.num_files, "file"))?;
    write!(page, "{} in all</span>", human_size(listing.total_size))?;
    let is_grid = listing.layout == "grid";
    let (other, name) = if is_grid { ("list", "As a list") } else { ("grid", "As tiles") };
    let link = Link { sort: &listing.sort, order: &listing.order, layout: other, listing };
    write!(page, "<a href=\"{link}\">{name}</a></div>\n</header>\n")
}

fn count(n: i64, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

fn write_table(page: &mut String, listing: &Listing) -> fmt::Result {
    page.push_str("<table>\n<thead><tr>");
    for (sort, name, class) in COLUMNS {
        let is_sorted = listing.sort == sort.name()
            || sort == Sort::NameDirFirst && listing.sort == Sort::Name.name();
        let is_down = is_sorted && listing.order == Order::Desc.name();
        let order = if is_sorted && !is_down { Order::Desc } else { Order::Asc };
        let (mark, state) = match (is_sorted, is_down) {
            (false, _) => ("", "none"),
            (true, false) => (" ↑", "ascending"),
            (true, true) => (" ↓", "descending"),
        };
        let layout = listing.layout;
        let link = Link { sort: sort.name(), order: order.name(), layout, listing };
        write!(
            page,
            "<th class=\"{class}\" aria-sort=\"{state}\"><a href=\"{link}\">{name}</a>{mark}</th>"
        )?;
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    if listing.can_go_up() {
        page.push_str(
            "<tr><td><a href=\"..\">../</a></td><td class=\"n\"></td><td class=\"t\"></td></tr>\n",
        );
    }
    for item in &listing.items {
        write!(page, "<tr><td><a href=\"{}\">{}", Escaped(&item.url), Escaped(&item.name))?;
        write_link_target(page, item)?;
        page.push_str("</a></td><td class=\"n\">");
        if !item.is_dir {
            page.push_str(&item.human_size());
        }
        let (machine, human) = (item.mod_time, item.time("2006-01-02 15:04"));
        writeln!(
            page,
            "</td><td class=\"t\"><time datetime=\"{machine}\">{human}</time></td></tr>"
        )?;
    }
    page.push_str("</tbody>\n</table>\n");
    Ok(())
}

fn write_grid(page: &mut String, listing: &Listing) -> fmt::Result {
    page.push_str("<ul>\n");
    if listing.can_go_up() {
        page.push_str("<li><a href=\"..\">../</a></li>\n");
    }
    for item in &listing.items {
        write!(page, "<li><a href=\"{}\">", Escaped(&item.url))?;
        let name = item.name.to_lowercase();
        if IMAGES.iter().any(|extension| name.ends_with(extension)) {
            write!(page, "<img loading=\"lazy\" alt=\"\" src=\"{}\">", Escaped(&item.url))?;
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

fn write_link_target(page: &mut String, item: &Item) -> fmt::Result {
    if item.symlink_path.is_empty() {
        return Ok(());
    }
    write!(page, " <small>→ {}</small>", Escaped(&item.symlink_path))
}

/// The same listing in another way.
struct Link<'l> {
    sort: &'l str,
    order: &'l str,
    layout: &'l str,
    listing: &'l Listing,
}

impl Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Words of the client's that mean nothing are not repeated.
        let sort = Sort::parse(self.sort).unwrap_or(Sort::NameDirFirst).name();
        let order = Order::parse(self.order).unwrap_or(Order::Asc).name();
        write!(f, "?sort={sort}&amp;order={order}")?;
        if !self.layout.is_empty() {
            write!(f, "&amp;layout={}", self.layout)?;
        }
        for (name, n) in [("limit", self.listing.limit), ("offset", self.listing.offset)] {
            if n > 0 {
                write!(f, "&amp;{name}={n}")?;
            }
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
            limit: 1,
            ..Listing::default()
        }
    }

    #[track_caller]
    fn check(page: &str, parts: &[&str]) {
        for part in parts {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
    }

    #[test]
    fn names_are_text_and_columns_sort_the_other_way() {
        check(
            &render(&listing()),
            &[
                "<a href=\"./%3Cb%3E%22x%22.PNG\">&lt;b&gt;&#34;x&#34;.PNG",
                "<small>→ ../&lt;y&gt;</small>",
                "<td class=\"n\">2.0 KiB</td>",
                "<time datetime=\"2023-11-14T22:13:20Z\">2023-11-14 22:13</time>",
                "aria-sort=\"ascending\"><a href=\"?sort=size&amp;order=desc&amp;limit=1\">Size",
                "<a href=\"../\">/</a>docs</h1>",
                "0 folders, 1 file, 0 B in all",
                "<a href=\"..\">../</a>",
            ],
        );
    }

    #[test]
    fn tiles_show_images() {
        let listing = Listing { layout: "grid", sort: "\"><b>".to_owned(), ..listing() };
        let page = render(&listing);
        check(
            &page,
            &[
                "<img loading=\"lazy\" alt=\"\" src=\"./%3Cb%3E%22x%22.PNG\">",
                "?sort=namedirfirst&amp;order=asc&amp;layout=list&amp;limit=1",
            ],
        );
        assert!(!page.contains("<b>"), "{page}");
    }

    #[test]
    fn an_empty_root_says_so() {
        let root = Listing { path: "/".to_owned(), name: "/".to_owned(), ..Listing::default() };
        check(&render(&root), &["This folder is empty."]);
    }
}
