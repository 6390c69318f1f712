//! Expressions with their values, and with what is wrong with them.

use super::*;
use crate::{Bare, Wrong};

fn evaluate(source: &str) -> Result<Value, String> {
    let program = Program::compile(source, &Bare).map_err(|wrong: Wrong| wrong.what)?;
    program.value(&mut |()| Ok(Value::Null)).map_err(|fault: Fault<()>| format!("{fault:?}"))
}

#[track_caller]
fn check_all_true(sources: &str) {
    for source in sources.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert_eq!(evaluate(source), Ok(Value::Bool(true)), "{source}");
    }
}

#[track_caller]
fn check_wrong(source: &str, errors: &str) {
    assert_eq!(evaluate(source), Err(format!("compiling CEL program: {errors}")), "{source}");
}

#[track_caller]
fn check_fault(source: &str, why: &str) {
    assert_eq!(evaluate(source), Err(format!("Evaluation({why:?})")), "{source}");
}

#[test]
fn operators_bind_and_count_as_in_cel() {
    check_all_true(
        r#"
        1 + 2 * 3 == 7 && (1 + 2) * 3 == 9
        -3 / 2 == -1 && -3 % 2 == -1 && 5u - 2u == 3u
        1 == 1 ? true : false
        true || 1 / 0 == 1
        1 / 0 == 1 || true
        !(false && 1 / 0 == 1)
        dyn(1) == dyn(1.0) && dyn(1) < dyn(2.5) && dyn(1) != dyn('a')
        'a' + 'b' == 'ab' && [1] + [2] == [1, 2] && b'a' + b'b' == b'ab'
        1 in [1, 2] && !('c' in {'a': 1}) && 2 in {2: 'x'}
        {'a': 1}.a == 1 && {'a': [1, 2]}['a'][1] == 2
        0x10 == 16 && -0x10 == -16 && 1e3 == 1000.0 && .5 == 0.5 && 1u < 2u
        -9223372036854775808 < 0 && 18446744073709551615u > 0u
        r'\d' == '\\d' && '''a'b''' == "a'b" && "\u00e9\x41\101" == 'éAA'
        b'\xff'.size() == 1 && b'é'.size() == 2 && 'é'.size() == 1
        type(1) == int && type(type(1)) == type && type(null) == null_type
        type(timestamp(0)) == google.protobuf.Timestamp
        [] == [] && {} == {} && [[]] == [[]]
        "#,
    );
}

#[test]
fn macros_go_through_lists_and_maps() {
    check_all_true(
        "
        [1, 2, 3].all(x, x > 0) && ![1, 2].all(x, x > 1) && [].all(x, x)
        [1, 2].exists(x, x == 2) && {'a': 1}.exists(k, k == 'a')
        [1, 2, 2].exists_one(x, x == 1) && ![1, 2, 2].exists_one(x, x == 2)
        [1, 2, 3].map(x, x * 2) == [2, 4, 6] && [1, 2, 3].map(x, x > 1, x * 2) == [4, 6]
        [1, 2, 3].filter(x, x != 2) == [1, 3]
        [0, 1].exists(x, 1 / x == 1)
        ![0, 2].all(x, 1 / x == 1)
        [[1, 2], [3]].all(x, x.exists(y, y > x.size() - 1))
        [1, 2].map(x, [3].map(y, x + y)) == [[4], [5]]
        has({'a': 1}.a) && !has({'a': 1}.b) && !has(dyn({'a': {}}).a.b)
        cel.bind(x, 2, cel.bind(y, x + 1, x * y)) == 6
        ['bb', 'a'].sortBy(x, size(x)) == ['a', 'bb']
        ",
    );
    check_fault("[0, 1].all(x, 1 / x == 1)", "division by zero");
    check_fault("{'a': 1}.b == 1", "no such key: b");
}

#[test]
fn times_have_parts_and_arithmetic() {
    check_all_true(
        "
        timestamp('2020-01-02T03:04:05.250Z').getFullYear() == 2020
        timestamp('2020-01-02T03:04:05Z').getMonth() == 0
        timestamp('2020-01-02T03:04:05Z').getDate() == 2
        timestamp('2020-01-02T03:04:05Z').getDayOfMonth() == 1
        timestamp('2020-01-02T03:04:05Z').getDayOfWeek() == 4
        timestamp('2020-01-02T03:04:05Z').getDayOfYear() == 1
        timestamp('2020-01-02T03:04:05Z').getHours('Europe/Berlin') == 4
        timestamp('2020-01-02T03:04:05Z').getHours('-02:30') == 0
        timestamp('2020-01-02T03:04:05.250Z').getMilliseconds() == 250
        duration('1h30m').getMinutes() == 90 && duration('1.5s').getMilliseconds() == 1500
        timestamp('2020-01-02T03:04:05Z') + duration('1h') > timestamp('2020-01-02T03:04:05Z')
        timestamp(7200) - timestamp(3600) == duration('1h')
        timestamp(7200) - duration('1h') == timestamp(3600)
        duration('1h') + duration('1m') == duration('61m')
        string(duration('90m')) == '5400s' && int(timestamp(5)) == 5
        string(timestamp('2020-01-02T03:04:05.5+01:00')) == '2020-01-02T02:04:05.5Z'
        ",
    );
    check_fault(
        "timestamp('9999-12-30T21:59:59Z') + duration('24h') == timestamp(0)",
        "timestamp overflow",
    );
    check_wrong("timestamp('x') == timestamp(0)", "invalid RFC 3339 timestamp \"x\"");
    check_wrong(
        "duration('x') == duration('1s')",
        "type conversion error from 'string' to 'google.protobuf.Duration'",
    );
}

#[test]
fn values_are_converted() {
    check_all_true(
        "
        int('12') == 12 && int(1.9) == 1 && int(-1.9) == -1 && uint(3) == 3u && double(2u) == 2.0
        string(1.0) == '1' && string(1e30) == '1e+30' && string(true) == 'true'
        string(b'a') == 'a' && bytes('a') == b'a' && bool('true') && !bool('F')
        ",
    );
    check_wrong("int('x') == 1", "type conversion error from 'string' to 'int'");
    check_wrong("uint(-1) == 1u", "unsigned integer overflow");
    check_wrong("int(1e30) == 1", "integer overflow");
    check_fault("9223372036854775807 + 1 == 0", "integer overflow");
    check_fault("1u - 2u == 0u", "unsigned integer overflow");
}

#[test]
fn texts_lists_and_numbers_have_the_extensions() {
    check_all_true(
        r#"
        'abc'.charAt(1) == 'b' && 'abc'.charAt(3) == ''
        'abc'.indexOf('c') == 2 && 'abc'.indexOf('b', 5) == -1 && 'abc'.indexOf('') == 0
        'abcb'.lastIndexOf('b') == 3 && 'abcb'.lastIndexOf('b', 2) == 1 && 'abc'.lastIndexOf('') == 3
        'abc'.substring(1) == 'bc' && 'abc'.substring(1, 2) == 'b'
        'aaa'.replace('a', 'b', 2) == 'bba' && ' a '.trim() == 'a' && 'aB'.upperAscii() == 'AB'
        'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'abc'.split('') == ['a', 'b', 'c'] && 'a'.split('', 0) == []
        ['a', 'b'].join('-') == 'a-b' && 'abc'.reverse() == 'cba'
        strings.quote('a"b\n') == '"a\\"b\\n"'
        '%s|%d%%|%.2f|%e|%b|%o|%x|%X'.format(['a', 5, 1.239, 1234.5, 5, 8, 255, 'az']) == 'a|5%|1.24|1.234500e+03|101|10|ff|617A'
        '%s'.format([[1, 'a', 2.5, null, {'b': 1, 'a': 2}]]) == '[1, a, 2.5, null, {a: 2, b: 1}]'
        'abc'.matches('^a.*c$') && matches('abc', 'b')
        [3, 1, 2].sort() == [1, 2, 3] && [1, 1, 2].distinct() == [1, 2] && [1, 2].reverse() == [2, 1]
        [[1, [2]], [3]].flatten() == [1, [2], 3] && [[1, [2]], [3]].flatten(2) == [1, 2, 3]
        lists.range(3) == [0, 1, 2] && [1, 2, 3].slice(1, 2) == [2]
        math.greatest(1, 2.5, 3u) == 3 && math.least([2, 1]) == 1 && math.greatest(4) == 4
        math.round(-1.5) == -2.0 && math.sign(-5) == -1 && math.sqrt(4) == 2.0 && math.isNaN(0.0 / 0.0)
        math.bitShiftLeft(1, 3) == 8 && math.bitShiftRight(-8, 1) > 0 && math.bitNot(0) == -1
        "#,
    );
    check_fault("'abc'.charAt(4) == ''", "index out of range: 4");
    check_fault("[1, 'a'].sort() == [1]", "list elements must have the same type");
}

#[test]
fn types_are_checked() {
    let overload = |source: &str, at: usize, function: &str, applied: &str| {
        let dots = ".".repeat(at - 1);
        let what = format!("found no matching overload for '{function}' applied to '{applied}'");
        check_wrong(source, &format!("ERROR: <input>:1:{at}: {what}\n | {source}\n | {dots}^"));
    };
    overload("1 == 'a'", 3, "_==_", "(int, string)");
    overload("1 + 1.0 == 2.0", 3, "_+_", "(int, double)");
    overload("dyn(1) + 1 == 8.0", 12, "_==_", "(int, double)");
    overload("[] == 1", 4, "_==_", "(list(dyn), int)");
    overload("{'a':1} == {1:1}", 9, "_==_", "(map(string, int), map(int, int))");
    overload("true ? 1 : 'a'", 6, "_?_:_", "(bool, int, string)");
    overload("'a'.startsWith(1)", 15, "startsWith", "string.(int)");
    overload("1 in ['a']", 3, "@in", "(int, list(string))");
    overload("null == 1", 6, "_==_", "(null, int)");
    overload("req == 1", 5, "_==_", "(http.Request, int)");
    overload("[1].filter(x, 1)", 11, "_?_:_", "(int, list(int), list(int))");
    overload("[1].exists_one(x, 'a')", 15, "_?_:_", "(string, int, int)");
    overload("[1,2].join('-') == '1-2'", 11, "join", "list(int).(string)");
    let bool_expected = |source: &str, at: usize| {
        let dots = ".".repeat(at - 1);
        let what = "expected type 'bool' but found 'int'";
        check_wrong(source, &format!("ERROR: <input>:1:{at}: {what}\n | {source}\n | {dots}^"));
    };
    bool_expected("true && 1", 9);
    bool_expected("[1].all(x, 1 + x)", 14);
    for (source, of) in [
        ("1", "int"),
        ("[1]", "list(int)"),
        ("{'a':1}", "map(string, int)"),
        ("type(1)", "type(int)"),
        ("null", "null_type"),
        ("duration('1s')", "google.protobuf.Duration"),
    ] {
        let what = format!("CEL request matcher expects return type of bool, not {of}");
        assert_eq!(evaluate(source), Err(what), "{source}");
    }
}

#[test]
fn what_is_not_declared_is_told() {
    check_wrong(
        "x == 1 || optional.of(y)",
        "ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n \
         | x == 1 || optional.of(y)\n | ^\n\
         ERROR: <input>:1:11: undeclared reference to 'optional' (in container '')\n \
         | x == 1 || optional.of(y)\n | ..........^\n\
         ERROR: <input>:1:22: undeclared reference to 'of' (in container '')\n \
         | x == 1 || optional.of(y)\n | .....................^\n\
         ERROR: <input>:1:23: undeclared reference to 'y' (in container '')\n \
         | x == 1 || optional.of(y)\n | ......................^",
    );
    check_wrong(
        "'a'.b == 1",
        "ERROR: <input>:1:4: type 'string' does not support field selection\n | 'a'.b == 1\n | ...^",
    );
    check_wrong(
        "1.all(x, true)",
        "ERROR: <input>:1:1: expression of type 'int' cannot be range of a comprehension (must \
         be list, map, or dynamic)\n | 1.all(x, true)\n | ^",
    );
}

#[test]
fn what_cannot_be_read_is_told() {
    let check = |source: &str, at: usize, what: &str| {
        let dots = ".".repeat(at - 1);
        check_wrong(source, &format!("ERROR: <input>:1:{at}: {what}\n | {source}\n | {dots}^"));
    };
    let beginnings = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, \
                      NUM_UINT, STRING, BYTES, IDENTIFIER}";
    check("1 +", 4, &format!("Syntax error: mismatched input '<EOF>' expecting {beginnings}"));
    check("1 ++ 2", 4, &format!("Syntax error: extraneous input '+' expecting {beginnings}"));
    check("size('a'", 9, "Syntax error: missing ')' at '<EOF>'");
    check("size('a'))", 10, "Syntax error: extraneous input ')' expecting <EOF>");
    check("[1,2", 5, "Syntax error: mismatched input '<EOF>' expecting {']', ','}");
    check("{'a' 1}", 6, "Syntax error: missing ':' at '1'");
    check("a ? b", 6, "Syntax error: mismatched input '<EOF>' expecting ':'");
    check("\"a\" \"b\" == 'c'", 5, "Syntax error: mismatched input '\"b\"' expecting <EOF>");
    check("@x", 1, "Syntax error: token recognition error at: '@'");
    check("for == 1", 1, "reserved identifier: for");
    check("9223372036854775808 == 1", 1, "invalid int literal");
    check("has(1)", 5, "invalid argument to has() macro");
    check("[1].all(x.y, true)", 10, "argument must be a simple name");
    check("[1,2].?x", 6, "unsupported syntax '.?'");
    check("math.greatest()", 1, "math.greatest() requires at least one argument");
    check("math.greatest('a')", 15, "math.greatest() invalid single argument value");
}

#[test]
fn no_text_can_harm_the_compiler() {
    let (deep, long) = ("(".repeat(100_000), "!".repeat(100_000));
    let (chain, lists) = ("1 + ".repeat(10_000), format!("{}1", "[".repeat(249)));
    let wrong =
        ["", "'", "r'", "{", "[1", "a.", "-", "!", "1.e", "'\\u12", "ü", "-ü", "'\\", "b'\\"];
    for text in wrong.into_iter().chain([deep.as_str(), &long, &chain, &lists]) {
        assert!(evaluate(text).is_err(), "{text}");
    }
    let nested = format!("{}true{}", "(".repeat(90), ")".repeat(90));
    assert_eq!(evaluate(&nested), Ok(Value::Bool(true)));
    let either = "false || ".repeat(5_000) + "true";
    assert_eq!(evaluate(&either), Ok(Value::Bool(true)));
}
