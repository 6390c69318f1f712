//! A listing through a template of the operator's own.
//!
//! Its `.` has the fields and methods of Caddy's: `Name`, `Path`, `CanGoUp`, `Items`, `Offset`,
//! `Limit`, `NumDirs`, `NumFiles`, `TotalFileSize`, `TotalFileSizeFollowingSymlinks`, their
//! `Human…`, `Sort`, `Order`, `Layout`, `Breadcrumbs` and `RespHeader`; an item `Name`, `Size`,
//! `URL`, `ModTime`, `Mode`, `IsDir`, `IsSymlink`, `SymlinkPath`, `HasExt`, `HumanSize`,
//! `HumanModTime` and `Tpl`, the listing that it is of.

use super::listing::{Item, Listing, human_size};
use crate::http::{handlers::headers, uri};
use go_template::{Error, Object, Result, Set, Value};
use http::{HeaderMap, HeaderName};
use std::any::Any;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

/// The listing that a template sees.
struct Dot {
    listing: Rc<Listing>,
    fields: Rc<RefCell<HeaderMap>>,
}

/// One of its entries.
struct Entry {
    at: usize,
    listing: Rc<Listing>,
}

/// The fields of the answer.
struct Fields(Rc<RefCell<HeaderMap>>);

/// What a template makes of a listing, and the fields of the answer with what it set.
///
/// # Errors
/// When it cannot be read, is no template, or fails.
pub(super) fn render(
    file: &Path,
    listing: &Listing,
    fields: HeaderMap,
) -> std::result::Result<(String, HeaderMap), String> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| format!("parsing browse template file: {}: {e}", file.display()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let set = Set::new(go_template::functions());
    set.add_function(
        "pathEscape",
        Rc::new(|args| {
            let text = args.first().and_then(Value::as_str).unwrap_or_default();
            let escaped = uri::escape_path(text.as_bytes());
            Ok(Value::from(String::from_utf8_lossy(&escaped).replace('/', "%2F")))
        }),
    );
    set.parse(&name, &text).map_err(|e| format!("parsing browse template file: {e}"))?;
    let fields = Rc::new(RefCell::new(fields));
    let dot = Dot { listing: Rc::new(listing.clone()), fields: Rc::clone(&fields) };
    let text = set.run(&name, &Value::Object(Rc::new(dot))).map_err(|e| e.to_string())?;
    Ok((text, fields.take()))
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

impl Object for Dot {
    fn type_name(&self) -> &'static str {
        "*fileserver.templateContext"
    }

    fn field(&self, name: &str) -> Option<Value> {
        if name == "RespHeader" {
            return Some(Value::Object(Rc::new(Fields(Rc::clone(&self.fields)))));
        }
        field_of(&self.listing, name)
    }

    fn call(&self, name: &str, _: &[Value]) -> Option<Result<Value>> {
        call_of(&self.listing, name).map(Ok)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A listing as its items have it.
struct Parent(Rc<Listing>);

impl Object for Parent {
    fn type_name(&self) -> &'static str {
        "*fileserver.browseTemplateContext"
    }

    fn field(&self, name: &str) -> Option<Value> {
        field_of(&self.0, name)
    }

    fn call(&self, name: &str, _: &[Value]) -> Option<Result<Value>> {
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

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value>> {
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

impl Object for Fields {
    fn type_name(&self) -> &'static str {
        "templates.WrappedHeader"
    }

    fn call(&self, method: &str, args: &[Value]) -> Option<Result<Value>> {
        let text = |at: usize| args.get(at).and_then(Value::as_str).unwrap_or_default();
        let name = HeaderName::try_from(text(0));
        let (mut fields, value) = (self.0.borrow_mut(), headers::value(text(1).as_bytes()));
        let Ok(name) = name else {
            return Some(Err(Error::new(format!("no name of a header field: {:?}", text(0)))));
        };
        match method {
            "Add" => drop(fields.append(name, value)),
            "Set" => drop(fields.insert(name, value)),
            "Del" => drop(fields.remove(name)),
            _ => return None,
        }
        Some(Ok(Value::str("")))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, text: &str, expected: &str) -> HeaderMap {
        let file = std::env::temp_dir().join(format!("pogo-browse-{}-{name}", std::process::id()));
        std::fs::write(&file, text).expect("a file of ours");
        let dir = Item { name: "sub/".to_owned(), is_dir: true, ..Item::default() };
        let item = Item { name: "a b.TXT".to_owned(), size: 1536, ..Item::default() };
        let listing = Listing {
            name: "docs".to_owned(),
            path: "/docs".to_owned(),
            items: vec![dir, item],
            layout: "grid",
            ..Listing::default()
        };
        let made = render(&file, &listing, HeaderMap::new());
        std::fs::remove_file(&file).expect("it is there");
        let (text, fields) = made.unwrap_or_else(|error| (error, HeaderMap::new()));
        assert_eq!(text, expected);
        fields
    }

    #[test]
    fn a_template_sees_the_listing_and_its_items() {
        check(
            "items",
            "{{.Name}} {{.CanGoUp}}{{range .Items}} {{.Name | pathEscape}}:{{.HumanSize}}\
             {{if .HasExt \".md\" \".txt\"}} text{{end}}\
             {{if .IsDir}} {{.HumanModTime \"2006\"}} {{.Tpl.Layout}}{{end}}{{end}}\
             {{range $i, $c := .Breadcrumbs}} {{$i}}{{$c.Link}}{{$c.Text}}{{end}}",
            "docs true sub%2F:0 B 1970 grid a%20b.TXT:1.5 KiB text 0..// 1docs",
        );
    }

    #[test]
    fn a_template_sets_fields_of_the_answer() {
        let fields = check("fields", "{{.RespHeader.Set \"X-A\" \"1\"}}x", "x");
        assert_eq!(fields["x-a"], "1");
    }
}
