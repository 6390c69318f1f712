//! A listing through a template of the operator's own.
//!
//! It has the functions and fields of [`templates`], and its `.` those of a listing: `Name`, `Path`, `CanGoUp`, `Items`, `Offset`,
//! `Limit`, `NumDirs`, `NumFiles`, `TotalFileSize`, `TotalFileSizeFollowingSymlinks`, their
//! `Human…`, `Sort`, `Order`, `Layout` and `Breadcrumbs`; an item `Name`, `Size`,
//! `URL`, `ModTime`, `Mode`, `IsDir`, `IsSymlink`, `SymlinkPath`, `HasExt`, `HumanSize`,
//! `HumanModTime` and `Tpl`, the listing that it is of.

use super::listing::{Item, Listing, human_size};
use crate::http::exchange::{Exchange, Failure};
use crate::http::handlers::templates;
use go_template::{Error, Object, Value};
use http::HeaderMap;
use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The listing that a template sees.
struct Parent(Rc<Listing>);

/// One of its entries.
struct Entry {
    at: usize,
    listing: Rc<Listing>,
}

/// What a template makes of a listing, and the fields of the answer with what it set.
///
/// # Errors
/// When it cannot be read, is no template, or fails.
pub(super) async fn render(
    ex: &Exchange<'_>,
    file: &Path,
    root: PathBuf,
    listing: Listing,
) -> Result<(String, HeaderMap), Failure> {
    let failed = |e: io::Error| {
        let text = format!("parsing browse template file: {}: {e}", file.display());
        Failure::error(500, text)
    };
    let text = tokio::fs::read_to_string(file).await.map_err(failed)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let about = move || -> Rc<dyn Object> { Rc::new(Parent(Rc::new(listing))) };
    templates::render_about(ex, root, (name, text), about).await
}

fn int(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

fn entry(at: usize, listing: &Rc<Listing>) -> Value {
    Value::Object(Rc::new(Entry { at, listing: Rc::clone(listing) }))
}

/// The fields of a listing itself.
fn field_of(listing: &Rc<Listing>, name: &str) -> Option<Value> {
    Some(match name {
        "Name" => Value::str(&listing.name),
        "Path" => Value::str(&listing.path),
        "CanGoUp" => Value::Bool(listing.can_go_up()),
        "Items" => Value::list((0..listing.items.len()).map(|at| entry(at, listing))),
        "Offset" => int(listing.offset),
        "Limit" => int(listing.limit),
        "NumDirs" => Value::Int(listing.num_dirs),
        "NumFiles" => Value::Int(listing.num_files),
        "TotalFileSize" => Value::Int(listing.total_size),
        "TotalFileSizeFollowingSymlinks" => Value::Int(listing.total_size_followed),
        "Sort" => Value::str(&listing.sort),
        "Order" => Value::str(&listing.order),
        "Layout" => Value::str(listing.layout),
        _ => return None,
    })
}

/// The methods of a listing.
fn call_of(listing: &Listing, name: &str) -> Option<Value> {
    Some(match name {
        "Breadcrumbs" => Value::list(listing.breadcrumbs().into_iter().map(|(link, text)| {
            Value::from_pairs([("Link", Value::from(link)), ("Text", Value::from(text))])
        })),
        "HumanTotalFileSize" => Value::from(human_size(listing.total_size)),
        "HumanTotalFileSizeFollowingSymlinks" => {
            Value::from(human_size(listing.total_size_followed))
        }
        _ => return None,
    })
}

impl Object for Parent {
    fn type_name(&self) -> &'static str {
        "*fileserver.browseTemplateContext"
    }

    fn field(&self, name: &str) -> Option<Value> {
        field_of(&self.0, name)
    }

    fn call(&self, name: &str, _: &[Value]) -> Option<go_template::Result<Value>> {
        call_of(&self.0, name).map(Ok)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Entry {
    fn item(&self) -> &Item {
        &self.listing.items[self.at]
    }
}

impl Object for Entry {
    fn type_name(&self) -> &'static str {
        "fileserver.fileInfo"
    }

    fn field(&self, name: &str) -> Option<Value> {
        let item = self.item();
        Some(match name {
            "Name" => Value::str(&item.name),
            "Size" => Value::Int(item.size),
            "URL" => Value::str(&item.url),
            "ModTime" => Value::from(item.time("2006-01-02 15:04:05.999999999 -0700 MST")),
            "Mode" => Value::Int(item.mode.into()),
            "IsDir" => Value::Bool(item.is_dir),
            "IsSymlink" => Value::Bool(item.is_symlink),
            "SymlinkPath" => Value::str(&item.symlink_path),
            "Tpl" => Value::Object(Rc::new(Parent(Rc::clone(&self.listing)))),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<go_template::Result<Value>> {
        let item = self.item();
        Some(match name {
            "HumanSize" => Ok(Value::from(item.human_size())),
            "HumanModTime" => match args.first().and_then(Value::as_str) {
                Some(format) => Ok(Value::from(item.time(format))),
                None => Err(Error::new("HumanModTime: wants the layout of a time")),
            },
            "HasExt" => {
                let name = item.name.to_lowercase();
                let mut extensions = args.iter().filter_map(Value::as_str);
                Ok(Value::Bool(extensions.any(|e| name.ends_with(&e.to_lowercase()))))
            }
            _ => return None,
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use go_template::Set;

    #[test]
    fn a_template_sees_the_listing_and_its_items() {
        let dir = Item { name: "sub/".to_owned(), is_dir: true, ..Item::default() };
        let item = Item { name: "a b.TXT".to_owned(), size: 1536, ..Item::default() };
        let listing = Listing {
            name: "docs".to_owned(),
            path: "/docs".to_owned(),
            items: vec![dir, item],
            layout: "grid",
            ..Listing::default()
        };
        let set = Set::new(go_template::functions());
        let text = "{{.Name}} {{.CanGoUp}}{{range .Items}} {{.Name | upper}}:{{.HumanSize}}\
                    {{if .HasExt \".md\" \".txt\"}} text{{end}}\
                    {{if .IsDir}} {{.HumanModTime \"2006\"}} {{.Tpl.Layout}}{{end}}{{end}}\
                    {{range $i, $c := .Breadcrumbs}} {{$i}}{{$c.Link}}{{$c.Text}}{{end}}";
        set.parse("page", text).expect("a template");
        let dot = Value::Object(Rc::new(Parent(Rc::new(listing))));
        let made = set.run("page", &dot).expect("no error");
        let expected = "docs true SUB/:0 B 1970 grid A B.TXT:1.5 KiB text 0..// 1docs";
        assert_eq!(made, expected);
    }
}
