//! A folder's entries: read, put in order, and shown as JSON or as a table.

use super::super::hide::Hidden;
use crate::http::uri;
use go_template::layout;
use jiff::{Timestamp, tz::TimeZone};
use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::time::SystemTime;

/// A tab goes to the next multiple of this.
const TAB: usize = 8;

/// Which folder to read, and how.
pub(super) struct Want {
    /// Its name on disk.
    pub(super) folder: Vec<u8>,
    /// Its path as the client escaped it, cleaned.
    pub(super) path: Vec<u8>,
    pub(super) hidden: Hidden,
    /// How many entries are read, whichever the disk has first.
    pub(super) limit: Option<usize>,
    pub(super) reveal_symlinks: bool,
}

/// How a client wants to see a folder. Sort and order may be words that mean nothing: then
/// entries come as the disk has them, or ascending.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) sort: String,
    pub(super) order: String,
    pub(super) layout: &'static str,
    pub(super) offset: Option<usize>,
    pub(super) limit: Option<usize>,
    /// What names must have in them, in any case.
    pub(super) filter: String,
}

/// A folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) items: Vec<Item>,
    pub(super) num_dirs: i64,
    pub(super) num_files: i64,
    /// Of all files; symbolic links count themselves.
    pub(super) total_size: i64,
    /// Of all files; symbolic links count what they lead to.
    pub(super) total_size_followed: i64,
    pub(super) sort: String,
    pub(super) order: String,
    pub(super) layout: &'static str,
    pub(super) offset: usize,
    /// How many entries there are no more of; 0 when fewer are left.
    pub(super) limit: usize,
    /// How many were wanted at once.
    pub(super) wanted: Option<usize>,
    pub(super) filter: String,
    /// How many entries the filter left, of which some may be shown.
    pub(super) found: usize,
    /// When the folder, or one of its entries, last changed.
    pub(super) modified: Option<SystemTime>,
}

/// An entry, in the order in which Caddy prints its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    /// Folders end with a slash.
    pub(super) name: String,
    pub(super) size: i64,
    pub(super) url: String,
    #[serde(serialize_with = "as_text")]
    pub(super) mod_time: Timestamp,
    /// As Go writes modes.
    pub(super) mode: u32,
    pub(super) is_dir: bool,
    pub(super) is_symlink: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) symlink_path: String,
}

/// By what entries are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Name,
    NameDirFirst,
    Size,
    Time,
}

/// In which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Asc,
    Desc,
}

impl Sort {
    const ALL: [Self; 4] = [Self::Name, Self::NameDirFirst, Self::Size, Self::Time];

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == word)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NameDirFirst => "namedirfirst",
            Self::Size => "size",
            Self::Time => "time",
        }
    }

    /// Compares entries, each with its name in lower case.
    fn compare(self, a: &(String, Item), b: &(String, Item)) -> Ordering {
        let by_name = || a.0.cmp(&b.0);
        let dirs_first = || b.1.is_dir.cmp(&a.1.is_dir);
        match self {
            Self::Name => by_name(),
            Self::NameDirFirst => dirs_first().then_with(by_name),
            // What a folder's own size is depends on the file system.
            Self::Size if a.1.is_dir && b.1.is_dir => by_name(),
            Self::Size => dirs_first().then_with(|| a.1.size.cmp(&b.1.size)),
            Self::Time => a.1.mod_time.cmp(&b.1.mod_time),
        }
    }
}

impl Order {
    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Asc, Self::Desc].into_iter().find(|order| order.name() == word)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        }
    }
}

impl Want {
    /// Reads the folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(&self) -> io::Result<Listing> {
        let folder = Path::new(OsStr::from_bytes(&self.folder));
        let unescaped = uri::unescape(&self.path).unwrap_or_default();
        let last = unescaped.rsplit(|b| *b == b'/').next().filter(|name| !name.is_empty());
        let mut listing = Listing {
            name: String::from_utf8_lossy(last.unwrap_or(b"/")).into_owned(),
            path: String::from_utf8_lossy(&self.path).into_owned(),
            modified: fs::metadata(folder)?.modified().ok(),
            ..Listing::default()
        };
        for entry in fs::read_dir(folder)?.take(self.limit.unwrap_or(usize::MAX)) {
            let entry = entry?;
            let file = entry.path();
            if self.hidden.hides(file.as_os_str().as_bytes()) {
                continue;
            }
            // It may have gone meanwhile.
            let Ok(meta) = entry.metadata() else { continue };
            listing.add(entry.file_name().as_bytes(), &file, &meta, self.reveal_symlinks);
        }
        Ok(listing)
    }
}

impl Listing {
    fn add(&mut self, name: &[u8], file: &Path, meta: &Metadata, reveal_symlinks: bool) {
        let size = |meta: &Metadata| i64::try_from(meta.len()).unwrap_or(i64::MAX);
        let is_symlink = meta.is_symlink();
        // Where it leads to there may be nothing; then it stands for itself.
        let target = if is_symlink { fs::metadata(file).ok() } else { None };
        let is_dir = meta.is_dir() || target.as_ref().is_some_and(Metadata::is_dir);
        let followed = size(target.as_ref().unwrap_or(meta));
        if is_dir {
            self.num_dirs += 1;
        } else {
            self.num_files += 1;
            self.total_size += size(meta);
            self.total_size_followed += followed;
        }
        let link = if is_symlink && reveal_symlinks { fs::read_link(file).ok() } else { None };
        let slash: &[u8] = if is_dir { b"/" } else { b"" };
        let name = [name, slash].concat();
        // A colon in the name would look like the end of a scheme.
        let url = [b"./", &*uri::escape_path(&name)].concat();
        let modified = meta.modified().ok();
        self.modified = self.modified.max(modified);
        self.items.push(Item {
            name: String::from_utf8_lossy(&name).into_owned(),
            size: followed,
            url: String::from_utf8_lossy(&url).into_owned(),
            mod_time: modified.and_then(|m| Timestamp::try_from(m).ok()).unwrap_or_default(),
            mode: mode(meta),
            is_dir,
            is_symlink,
            symlink_path: link.map(|l| l.to_string_lossy().into_owned()).unwrap_or_default(),
        });
    }

    /// Whether there is a folder above.
    pub(super) fn can_go_up(&self) -> bool {
        self.path.len() > 1
    }

    /// Sorts the entries, and keeps those that are wanted.
    pub(super) fn arrange(&mut self, view: View) {
        if !view.filter.is_empty() {
            let part = view.filter.to_lowercase();
            self.items.retain(|item| item.name.to_lowercase().contains(&part));
        }
        self.found = self.items.len();
        if let Some(sort) = Sort::parse(&view.sort) {
            let items = std::mem::take(&mut self.items);
            let mut named: Vec<_> =
                items.into_iter().map(|item| (item.name.to_lowercase(), item)).collect();
            let is_reversed = view.order == Order::Desc.name();
            named.sort_by(|a, b| {
                let order = sort.compare(a, b);
                if is_reversed { order.reverse() } else { order }
            });
            self.items = named.into_iter().map(|(_, item)| item).collect();
        }
        if let Some(offset) = view.offset {
            self.items.drain(..offset.min(self.items.len()));
            self.offset = offset;
        }
        if let Some(limit) = view.limit.filter(|limit| *limit <= self.items.len()) {
            self.items.truncate(limit);
            self.limit = limit;
        }
        (self.sort, self.order, self.layout) = (view.sort, view.order, view.layout);
        (self.wanted, self.filter) = (view.limit, view.filter);
    }

    /// The folders on the way to this one: where each is, and its name.
    pub(super) fn breadcrumbs(&self) -> Vec<(String, String)> {
        let path = self.path.strip_suffix('/').unwrap_or(&self.path);
        let count = path.split('/').count();
        let crumb = |(at, part): (usize, &str)| {
            let text = uri::unescape(part.as_bytes()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let text = if at == 0 && text.is_empty() { "/".to_owned() } else { text };
            ("../".repeat(count - at - 1), text)
        };
        path.split('/').enumerate().map(crumb).collect()
    }

    /// The entries as JSON, as Go writes it.
    pub(super) fn json(&self) -> String {
        // Plain data has no error.
        let json = serde_json::to_string(&self.items).unwrap_or_default();
        let mut out = String::with_capacity(json.len() + 1);
        for c in json.chars() {
            // All of these can stand in strings only.
            match c {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    out.push_str(&format!("\\u{:04x}", u32::from(c)));
                }
                c => out.push(c),
            }
        }
        out.push('\n');
        out
    }

    /// The entries as a table whose columns tabs fill up.
    pub(super) fn plain(&self, time: &str) -> String {
        let head = [["Name", "Size", "Modified"], ["----", "----", "--------"]];
        let head = head.map(|row| row.map(str::to_owned));
        let rows =
            self.items.iter().map(|item| [item.name.clone(), item.human_size(), item.time(time)]);
        let rows: Vec<_> = head.into_iter().chain(rows).collect();
        let width = |at: usize| {
            let longest = rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
            (longest + 1).next_multiple_of(TAB)
        };
        let widths = [width(0), width(1)];
        let mut out = String::new();
        for [name, size, modified] in &rows {
            for (text, width) in [name, size].into_iter().zip(widths) {
                out.push_str(text);
                let missing = width - text.chars().count();
                out.push_str(&"\t".repeat(missing.div_ceil(TAB)));
            }
            out.push_str(modified);
            out.push('\n');
        }
        out
    }
}

fn as_text<S: Serializer>(at: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(at)
}

impl Item {
    pub(super) fn human_size(&self) -> String {
        human_size(self.size)
    }

    /// When it changed, in a layout of Go's.
    pub(super) fn time(&self, format: &str) -> String {
        layout::format(format, &self.mod_time.to_zoned(TimeZone::UTC))
    }
}

/// A number of bytes in units of 1024, with one digit behind the point below ten.
pub(super) fn human_size(size: i64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let bytes = size.unsigned_abs();
    let unit = bytes.checked_ilog2().map_or(0, |log| usize::try_from(log / 10).unwrap_or(0));
    let scale = 1_u128 << (10 * unit);
    // Half a tenth is rounded up.
    let tenths = (u128::from(bytes) * 10 + scale / 2) / scale;
    if unit == 0 {
        format!("{bytes} B")
    } else if tenths < 100 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        // Go rounds what is already rounded to tenths, half to even.
        let whole = tenths / 10;
        let up = match tenths % 10 {
            0..5 => 0,
            5 => whole % 2,
            _ => 1,
        };
        format!("{} {}", whole + up, UNITS[unit])
    }
}

/// The mode of a file in Go's bits: permissions as in Unix, the kind above them.
fn mode(meta: &Metadata) -> u32 {
    let unix = meta.permissions().mode();
    let kind = meta.file_type();
    let kinds = if kind.is_dir() {
        1 << 31
    } else if kind.is_symlink() {
        1 << 27
    } else if kind.is_block_device() {
        1 << 26
    } else if kind.is_char_device() {
        1 << 26 | 1 << 21
    } else if kind.is_fifo() {
        1 << 25
    } else if kind.is_socket() {
        1 << 24
    } else {
        0
    };
    let special = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];
    let set =
        special.iter().filter(|(bit, _)| unix & bit != 0).fold(0, |bits, (_, bit)| bits | bit);
    unix & 0o777 | kinds | set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, size: i64, seconds: i64) -> Item {
        Item {
            name: name.to_owned(),
            size,
            url: format!("./{name}"),
            mod_time: Timestamp::from_second(1_700_000_000 + seconds).expect("a time"),
            mode: 0o644,
            is_dir: name.ends_with('/'),
            ..Item::default()
        }
    }

    fn listing() -> Listing {
        let items =
            vec![item("b.txt", 3, 1), item("Z/", 4096, 3), item("C", 1, 2), item("a<&>/", 9, 0)];
        Listing { items, path: "/docs/a%20b".to_owned(), ..Listing::default() }
    }

    #[track_caller]
    fn check(sort: &str, order: &str, expected: &[&str]) {
        let mut listing = listing();
        listing.arrange(View { sort: sort.into(), order: order.into(), ..View::default() });
        let names: Vec<_> = listing.items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, expected, "{sort} {order}");
    }

    #[test]
    fn entries_are_sorted_as_they_are_wanted() {
        check("name", "asc", &["a<&>/", "b.txt", "C", "Z/"]);
        check("namedirfirst", "asc", &["a<&>/", "Z/", "b.txt", "C"]);
        check("namedirfirst", "desc", &["C", "b.txt", "Z/", "a<&>/"]);
        check("size", "asc", &["a<&>/", "Z/", "C", "b.txt"]);
        check("time", "desc", &["Z/", "C", "b.txt", "a<&>/"]);
        check("nothing", "desc", &["b.txt", "Z/", "C", "a<&>/"]);
    }

    #[test]
    fn a_part_of_the_entries_can_be_had() {
        let mut part = listing();
        let view = View { offset: Some(1), limit: Some(2), ..View::default() };
        part.arrange(view);
        assert_eq!((part.items.len(), part.offset, part.limit), (2, 1, 2));
        assert_eq!(part.items[0].name, "Z/");
        let mut all = listing();
        all.arrange(View { offset: Some(9), limit: Some(2), ..View::default() });
        assert_eq!((all.items.len(), all.offset, all.limit), (0, 9, 0));
    }

    #[test]
    fn entries_are_filtered_before_they_are_counted() {
        let mut listing = listing();
        listing.arrange(View { filter: "B".to_owned(), limit: Some(5), ..View::default() });
        assert_eq!((listing.items.len(), listing.found, listing.wanted), (1, 1, Some(5)));
        assert_eq!(listing.items[0].name, "b.txt");
    }

    #[test]
    fn json_is_as_go_writes_it() {
        let listing = Listing { items: vec![item("a<&>/", 9, 0)], ..Listing::default() };
        assert_eq!(
            listing.json(),
            "[{\"name\":\"a\\u003c\\u0026\\u003e/\",\"size\":9,\
             \"url\":\"./a\\u003c\\u0026\\u003e/\",\"mod_time\":\"2023-11-14T22:13:20Z\",\
             \"mode\":420,\"is_dir\":true,\"is_symlink\":false}]\n"
        );
        assert_eq!(Listing::default().json(), "[]\n");
    }

    #[test]
    fn columns_of_a_table_end_at_tabs() {
        let listing = Listing { items: vec![item("deep.txt", 5, 0)], ..Listing::default() };
        assert_eq!(
            listing.plain("2006-01-02"),
            "Name\t\tSize\tModified\n----\t\t----\t--------\ndeep.txt\t5 B\t2023-11-14\n"
        );
    }

    #[test]
    fn breadcrumbs_lead_up() {
        let crumbs = listing().breadcrumbs();
        let crumbs: Vec<_> = crumbs.iter().map(|(to, text)| (&**to, &**text)).collect();
        assert_eq!(crumbs, [("../../", "/"), ("../", "docs"), ("", "a b")]);
        let root = Listing { path: "/".to_owned(), ..Listing::default() };
        assert_eq!(root.breadcrumbs(), [(String::new(), "/".to_owned())]);
    }

    #[test]
    fn sizes_are_in_units_of_1024() {
        for (size, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10_000, "9.8 KiB"),
            (82_854_982, "79 MiB"),
            (i64::MAX, "8.0 EiB"),
        ] {
            assert_eq!(human_size(size), expected);
        }
    }

    #[test]
    fn modes_have_gos_bits() {
        let of = |name: &str| mode(&fs::metadata(name).expect("it is there"));
        assert_eq!(of("src") >> 31, 1);
        assert_eq!(of("/dev/null") >> 21, 0b10_0001);
        assert_eq!(of("/tmp") & 0o777 | of("/tmp") >> 20 & 1, 0o777);
    }
}
