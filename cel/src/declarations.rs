//! Which functions there are, for values of which types.

use crate::types::Type;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The functions, one overload a line: its name, what it takes, what it yields. With a dot
/// before its name it is called on its first argument. Capital letters are any type, the
/// same one in one line.
const TEXT: &str = "
!_ (bool) bool
-_ (int) int
-_ (double) double
_+_ (int, int) int
_+_ (uint, uint) uint
_+_ (double, double) double
_+_ (string, string) string
_+_ (bytes, bytes) bytes
_+_ (list<A>, list<A>) list<A>
_+_ (timestamp, duration) timestamp
_+_ (duration, timestamp) timestamp
_+_ (duration, duration) duration
_-_ (int, int) int
_-_ (uint, uint) uint
_-_ (double, double) double
_-_ (timestamp, duration) timestamp
_-_ (timestamp, timestamp) duration
_-_ (duration, duration) duration
_*_ (int, int) int
_*_ (uint, uint) uint
_*_ (double, double) double
_/_ (int, int) int
_/_ (uint, uint) uint
_/_ (double, double) double
_%_ (int, int) int
_%_ (uint, uint) uint
_==_ (A, A) bool
_!=_ (A, A) bool
_<_ (ordered, same) bool
_<=_ (ordered, same) bool
_>_ (ordered, same) bool
_>=_ (ordered, same) bool
@in (A, list<A>) bool
@in (A, map<A,B>) bool
_?_:_ (bool, A, A) A
_[_] (list<A>, int) A
_[_] (map<A,B>, A) B
size (string) int
size (bytes) int
size (list<A>) int
size (map<A,B>) int
.size (string) int
.size (bytes) int
.size (list<A>) int
.size (map<A,B>) int
.contains (string, string) bool
.startsWith (string, string) bool
.endsWith (string, string) bool
.matches (string, string) bool
matches (string, string) bool
type (A) type<A>
dyn (A) dyn
bool (bool) bool
bool (string) bool
bytes (bytes) bytes
bytes (string) bytes
double (double) double
double (int) double
double (uint) double
double (string) double
duration (duration) duration
duration (int) duration
duration (string) duration
int (int) int
int (uint) int
int (double) int
int (string) int
int (timestamp) int
int (duration) int
string (string) string
string (bool) string
string (int) string
string (uint) string
string (double) string
string (bytes) string
string (timestamp) string
string (duration) string
timestamp (timestamp) timestamp
timestamp (int) timestamp
timestamp (string) timestamp
uint (uint) uint
uint (int) uint
uint (double) uint
uint (string) uint
.getFullYear (timestamp) int
.getFullYear (timestamp, string) int
.getMonth (timestamp) int
.getMonth (timestamp, string) int
.getDate (timestamp) int
.getDate (timestamp, string) int
.getDayOfMonth (timestamp) int
.getDayOfMonth (timestamp, string) int
.getDayOfWeek (timestamp) int
.getDayOfWeek (timestamp, string) int
.getDayOfYear (timestamp) int
.getDayOfYear (timestamp, string) int
.getHours (timestamp) int
.getHours (timestamp, string) int
.getHours (duration) int
.getMinutes (timestamp) int
.getMinutes (timestamp, string) int
.getMinutes (duration) int
.getSeconds (timestamp) int
.getSeconds (timestamp, string) int
.getSeconds (duration) int
.getMilliseconds (timestamp) int
.getMilliseconds (timestamp, string) int
.getMilliseconds (duration) int
.charAt (string, int) string
.format (string, list<dyn>) string
.indexOf (string, string) int
.indexOf (string, string, int) int
.join (list<string>) string
.join (list<string>, string) string
.lastIndexOf (string, string) int
.lastIndexOf (string, string, int) int
.lowerAscii (string) string
.replace (string, string, string) string
.replace (string, string, string, int) string
.reverse (string) string
.split (string, string) list<string>
.split (string, string, int) list<string>
.substring (string, int) string
.substring (string, int, int) string
.trim (string) string
.upperAscii (string) string
strings.quote (string) string
.distinct (list<A>) list<A>
.flatten (list<list<A>>) list<A>
.flatten (list<dyn>, int) list<dyn>
lists.range (int) list<int>
.reverse (list<A>) list<A>
.slice (list<A>, int, int) list<A>
.sort (list<ordered>) list<same>
.@sortByAssociatedKeys (list<A>, list<ordered>) list<A>
math.@max (number) same
math.@max (list<number>) same
math.@max (number, number) dyn
math.@max (list<dyn>) dyn
math.@min (number) same
math.@min (list<number>) same
math.@min (number, number) dyn
math.@min (list<dyn>) dyn
math.abs (number) same
math.sign (number) same
math.ceil (double) double
math.floor (double) double
math.round (double) double
math.trunc (double) double
math.sqrt (number) double
math.isInf (double) bool
math.isNaN (double) bool
math.isFinite (double) bool
math.bitAnd (int, int) int
math.bitAnd (uint, uint) uint
math.bitOr (int, int) int
math.bitOr (uint, uint) uint
math.bitXor (int, int) int
math.bitXor (uint, uint) uint
math.bitNot (int) int
math.bitNot (uint) uint
math.bitShiftLeft (int, int) int
math.bitShiftLeft (uint, int) uint
math.bitShiftRight (int, int) int
math.bitShiftRight (uint, int) uint
";

/// Types that have an order, which `ordered` stands for.
const ORDERED: [&str; 8] =
    ["bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"];
/// What `number` stands for.
const NUMBERS: [&str; 3] = ["int", "uint", "double"];

/// A function for values of some types.
#[derive(Clone, Debug)]
pub(crate) struct Overload {
    /// Whether it is called on its first argument.
    pub(crate) is_member: bool,
    /// What it takes. [`Type::Param`] is any type.
    pub(crate) takes: Vec<Type>,
    /// What it yields.
    pub(crate) yields: Type,
}

static ALL: LazyLock<HashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let mut all: HashMap<_, Vec<Overload>> = HashMap::new();
    for line in TEXT.lines().filter(|line| !line.is_empty()) {
        let (name, rest) = line.split_once(' ').expect("a line has a name");
        let is_member = name.starts_with('.');
        let name = name.strip_prefix('.').unwrap_or(name);
        for line in expand(rest) {
            let (takes, yields) = line.split_once(") ").expect("a line has what it yields");
            let takes = takes.trim_start_matches('(').split(", ").map(read).collect();
            let overload = Overload { is_member, takes, yields: read(yields) };
            all.entry(name).or_default().push(overload);
        }
    }
    all
});

/// The overloads of a function.
pub(crate) fn of(name: &str) -> Option<&'static [Overload]> {
    ALL.get(name).map(Vec::as_slice)
}

/// The lines that one with a word for several types stands for. The second such word is
/// taken by itself, `same` is what the first is.
fn expand(line: &str) -> Vec<String> {
    for (word, types) in [("ordered", &ORDERED[..]), ("number", &NUMBERS)] {
        if line.contains(word) {
            let each = types.iter().flat_map(|name| {
                let line = line.replacen(word, name, 1).replace("same", name);
                expand(&line)
            });
            return each.collect();
        }
    }
    vec![line.to_owned()]
}

fn read(text: &str) -> Type {
    let inner = |prefix: &str| text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('>'));
    match text {
        "A" => return Type::Param(0),
        "B" => return Type::Param(1),
        "timestamp" => return Type::Timestamp,
        "duration" => return Type::Duration,
        _ => {}
    }
    if let Some(item) = inner("list<") {
        return Type::list(read(item));
    }
    if let Some((key, value)) = inner("map<").and_then(|inner| inner.split_once(',')) {
        return Type::map(read(key), read(value));
    }
    if let Some(of) = inner("type<") {
        return Type::Type(Box::new(read(of)));
    }
    Type::named(text).expect("the table names types")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_that_is_declared_is_there() {
        for name in ALL.keys() {
            // The compiler itself knows these.
            let is_ours = matches!(*name, "_?_:_");
            assert!(is_ours || crate::functions::find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn words_for_several_types_are_all_of_them() {
        assert_eq!(of("_<_").map(<[_]>::len), Some(8));
        assert_eq!(of("math.@max").map(<[_]>::len), Some(3 + 3 + 9 + 1));
        let takes = &of("_[_]").expect("there is one")[1].takes;
        assert_eq!(takes[0], Type::map(Type::Param(0), Type::Param(1)));
    }
}
