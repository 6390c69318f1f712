//! Every function, once at least. What is fixed was asked of Sprig itself.

use crate::{Functions, Set, Value};
use std::collections::BTreeSet;

/// A template, and what it prints.
const CASES: &[(&str, &str)] = &[
    ("{{hello}}", "Hello!"),
    ("{{abbrev 5 \"hello world\"}}|{{abbrev 3 \"hello\"}}", "he...|hello"),
    ("{{abbrevboth 5 10 \"1234 5678 9123\"}}", "...5678..."),
    ("{{trunc 5 \"hello world\"}}|{{trunc -5 \"hello world\"}}|{{trunc 9 \"a\"}}", "hello|world|a"),
    ("{{trim \"  a \"}}{{upper \"b\"}}{{lower \"C\"}}", "aBc"),
    ("{{title \"hello world\"}} {{untitle \"Hello World\"}}", "Hello World hello world"),
    ("{{substr 0 5 \"hello world\"}}|{{substr 6 -1 \"hello world\"}}", "hello|world"),
    ("{{repeat 3 \"ab\"}}", "ababab"),
    ("{{trimall \"$\" \"$5.00$\"}}{{trimAll \"-\" \"-a-\"}}", "5.00a"),
    ("{{trimSuffix \"-\" \"hello-\"}}{{trimPrefix \"-\" \"-hello\"}}", "hellohello"),
    ("{{nospace \"h e l l o\"}} {{initials \"First Try\"}} {{swapcase \"aBc\"}}", "hello FT AbC"),
    (
        "{{randAlphaNum 7 | len}}{{randAlpha 3 | len}}{{randAscii 4 | len}}{{randNumeric 2 | len}}",
        "7342",
    ),
    ("{{shuffle \"aaa\"}}", "aaa"),
    (
        "{{snakecase \"FirstName\"}} {{kebabcase \"FirstName\"}} {{camelcase \"http_server\"}}",
        "first_name first-name HttpServer",
    ),
    ("{{wrap 5 \"one two three\"}}", "one\ntwo\nthree"),
    ("{{wrapWith 5 \"|\" \"Hello World\"}}", "Hello|World"),
    (
        "{{contains \"cat\" \"catch\"}} {{hasPrefix \"cat\" \"catch\"}} {{hasSuffix \"x\" \"catch\"}}",
        "true true false",
    ),
    (
        "{{quote \"a\" 1 nil}} {{squote \"a\" \"b\"}} {{cat \"hello\" 1 \"x\"}}",
        "\"a\" \"1\" 'a' 'b' hello 1 x",
    ),
    ("{{indent 2 \"a\\nb\"}}{{nindent 1 \"c\"}}", "  a\n  b\n c"),
    ("{{\"I Am\" | replace \" \" \"-\"}} {{plural \"one\" \"many\" 2}}", "I-Am many"),
    ("{{sha1sum \"hi\"}}", "c22b5f9178342609428d6f51b2c5af4c0bde6a42"),
    (
        "{{sha256sum \"hi\" | trunc 16}} {{sha512sum \"hi\" | trunc 16}}",
        "8f434346648f6b96 150a14ed5bea6cc7",
    ),
    ("{{adler32sum \"hi\"}}", "20644050"),
    ("{{bcrypt \"x\" | len}} {{htpasswd \"u\" \"p\" | trunc 4}}", "60 u:$2"),
    ("{{randBytes 3 | len}} {{uuidv4 | len}}", "4 36"),
    (
        "{{toString 1}}{{atoi \"12\"}}{{int \"3\"}}{{int64 4.9}}{{float64 \"1.5\"}}{{toDecimal \"777\"}}",
        "112341.5511",
    ),
    (
        "{{split \"$\" \"a$b\"}} {{splitList \"$\" \"a$b\"}} {{splitn \"$\" 2 \"a$b$c\"}}",
        "map[_0:a _1:b] [a b] map[_0:a _1:b$c]",
    ),
    (
        "{{list 1 2 | toStrings | join \"-\"}} {{until 3}} {{untilStep 3 9 3}} {{seq 3}} {{seq 2 2 6}} {{seq 3 1}}",
        "1-2 [0 1 2] [3 6] 1 2 3 2 4 6 3 2 1",
    ),
    ("{{add1 1}}{{add 1 2 3}}{{sub 5 2}}{{div 7 2}}{{mod 7 2}}{{mul 2 3 4}}", "2633124"),
    (
        "{{add1f 1.5}} {{addf 0.1 0.2}} {{subf 3 0.5}} {{divf 10 4}} {{mulf 1.1 3}}",
        "2.5 0.3 2.5 2.5 3.3",
    ),
    ("{{max 1 3 2}}{{biggest 1 2}}{{min 3 1}} {{maxf 1 2.5}} {{minf 1 2.5}}", "321 2.5 1"),
    ("{{ceil 1.1}} {{floor 1.9}} {{round 123.555555 3}} {{round 1.5 0}}", "2 1 123.556 2"),
    ("{{randInt 5 6}}", "5"),
    ("{{list \"c\" \"a\" | sortAlpha | join \",\"}}", "a,c"),
    ("{{default \"d\" \"\"}}{{default \"d\" 1}}{{\"\" | default \"e\"}}", "d1e"),
    (
        "{{empty 0}} {{coalesce 0 \"\" 3}} {{all 1 0}} {{any 0 1}} {{compact (list 1 0 2)}}{{mustCompact (list \"\" 1)}}",
        "true 3 false true [1 2][1]",
    ),
    ("{{(fromJson \"{\\\"a\\\": 1.5}\").a}}{{(mustFromJson \"[1]\") | first}}", "1.51"),
    ("{{toJson (dict \"a\" \"<\")}}{{mustToJson (list 1 2.5)}}", "{\"a\":\"\\u003c\"}[1,2.5]"),
    ("{{toPrettyJson (list 1)}}{{mustToPrettyJson 1}}", "[\n  1\n]1"),
    ("{{toRawJson \"<\"}}{{mustToRawJson \"&\"}}", "\"<\"\"&\""),
    ("{{ternary 1 2 true}}{{ternary 1 2 false}}{{true | ternary \"a\" \"b\"}}", "12a"),
    (
        "{{$d := dict \"a\" (dict \"b\" 1)}}{{$c := deepCopy $d}}{{$m := mustDeepCopy $d}}{{$_ := set $d.a \"b\" 2}}{{$c.a.b}}{{$m.a.b}}{{$d.a.b}}",
        "112",
    ),
    (
        "{{typeOf 1}} {{typeIs \"int\" 1}} {{typeIsLike \"string\" \"\"}} {{kindOf (list)}} {{kindIs \"map\" (dict)}}",
        "int true true slice true",
    ),
    ("{{deepEqual (list 1 (dict \"a\" 2)) (list 1 (dict \"a\" 2))}}", "true"),
    (
        "{{base \"/a/b.c\"}} {{dir \"/a/b.c\"}} {{clean \"/a//b/../c\"}} {{ext \"/a/b.c\"}} {{isAbs \"a\"}}",
        "b.c /a /a/c .c false",
    ),
    (
        "{{osBase \"/a/b\"}} {{osDir \"/a/b\"}} {{osClean \"a/./b\"}} {{osExt \"a.b\"}} {{osIsAbs \"/a\"}}",
        "b /a a/b .b true",
    ),
    (
        "{{b64enc \"hi\"}} {{b64dec \"aGk=\"}} {{b32enc \"hi\"}} {{b32dec \"NBUQ====\"}}",
        "aGk= hi NBUQ==== hi",
    ),
    ("{{list 1 2}}{{tuple 3}}{{get (dict \"a\" 1) \"a\"}}{{get (dict) \"x\"}}", "[1 2][3]1"),
    (
        "{{$d := dict \"a\" 1 \"b\" 2}}{{$_ := unset $d \"a\"}}{{$d}}{{hasKey $d \"a\"}}",
        "map[b:2]false",
    ),
    ("{{pluck \"a\" (dict \"a\" 1) (dict \"a\" 2) (dict)}}", "[1 2]"),
    ("{{keys (dict \"b\" 1 \"a\" 2) | sortAlpha}}{{values (dict \"a\" 1)}}", "[a b][1]"),
    (
        "{{pick (dict \"a\" 1 \"b\" 2) \"a\"}}{{omit (dict \"a\" 1 \"b\" 2) \"a\"}}",
        "map[a:1]map[b:2]",
    ),
    (
        "{{merge (dict \"a\" 1) (dict \"a\" 2 \"b\" 3)}}{{mustMerge (dict) (dict \"a\" 1)}}",
        "map[a:1 b:3]map[a:1]",
    ),
    (
        "{{mergeOverwrite (dict \"a\" 1) (dict \"a\" 2)}}{{mustMergeOverwrite (dict) (dict \"a\" 1)}}",
        "map[a:2]map[a:1]",
    ),
    (
        "{{append (list 1) 2}}{{mustAppend (list 1) 2}}{{push (list 1) 2}}{{mustPush (list 1) 2}}",
        "[1 2][1 2][1 2][1 2]",
    ),
    ("{{prepend (list 1) 2}}{{mustPrepend (list 1) 2}}", "[2 1][2 1]"),
    (
        "{{$l := list 1 2 3}}{{first $l}}{{mustFirst $l}}{{rest $l}}{{mustRest $l}}{{last $l}}{{mustLast $l}}{{initial $l}}{{mustInitial $l}}",
        "11[2 3][2 3]33[1 2][1 2]",
    ),
    (
        "{{$l := list 1 2 2}}{{reverse $l}}{{mustReverse $l}}{{uniq $l}}{{mustUniq $l}}{{without $l 2}}{{mustWithout $l 1}}",
        "[2 2 1][2 2 1][1 2][1 2][1][2 2]",
    ),
    (
        "{{$l := list 1 2 3}}{{has 2 $l}}{{mustHas 4 $l}}{{slice $l 1}}{{mustSlice $l 1 2}}{{concat $l (list 4)}}",
        "truefalse[2 3][2][1 2 3 4]",
    ),
    ("{{chunk 2 (list 1 2 3)}}{{mustChunk 3 (list 1)}}", "[[1 2] [3]][[1]]"),
    (
        "{{$d := dict \"a\" (dict \"b\" 1)}}{{dig \"a\" \"b\" \"x\" $d}}{{dig \"a\" \"c\" \"x\" $d}}",
        "1x",
    ),
    ("{{regexMatch \"^a\" \"ab\"}}{{mustRegexMatch \"^b\" \"ab\"}}", "truefalse"),
    ("{{regexFindAll \"[2,4]\" \"1234\" -1}}{{mustRegexFindAll \"[0-9]\" \"12\" 1}}", "[2 4][1]"),
    ("{{regexFind \"[a-z][1-9]\" \"ab1\"}}{{mustRegexFind \"x\" \"a\"}}", "b1"),
    (
        "{{regexReplaceAll \"a(x*)b\" \"-ab-axxb-\" \"${1}W\"}}{{mustRegexReplaceAll \"a\" \"ba\" \"c\"}}",
        "-W-xxW-bc",
    ),
    (
        "{{regexReplaceAllLiteral \"a\" \"ba\" \"$1\"}}{{mustRegexReplaceAllLiteral \"a\" \"a\" \"b\"}}",
        "b$1b",
    ),
    (
        "{{regexSplit \"z+\" \"pizza\" -1}}{{mustRegexSplit \"z\" \"pizza\" 2}}{{regexQuoteMeta \"1.2\"}}",
        "[pi a][pi za]1\\.2",
    ),
    ("{{(semver \"1.2.3-beta\").Prerelease}}{{(semver \"v2.1\").Minor}}", "beta1"),
    (
        "{{semverCompare \"^1.2.0\" \"1.9.0\"}} {{semverCompare \">=1.2 <2 || 3.x\" \"2.1.0\"}} {{semverCompare \"1.2.3\" \"1.2.4\"}}",
        "true false false",
    ),
    (
        "{{$u := urlParse \"http://u:p@h.x:80/p?q=1#f\"}}{{$u.hostname}}{{$u.path}}{{$u.query}}{{$u.userinfo}} {{urlJoin $u}}",
        "h.x/pq=1u:p http://u:p@h.x:80/p?q=1#f",
    ),
    (
        "{{encryptAES \"key\" \"text\" | decryptAES \"key\"}} {{encryptAES \"key\" \"\"}} {{decryptAES \"secretkey\" \"30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=\"}}",
        "text  plaintext",
    ),
    (
        "{{derivePassword 1 \"long\" \"password\" \"user\" \"example.com\"}} {{derivePassword 1 \"x\" \"p\" \"u\" \"s\"}}",
        "ZedaFaxcZaso9* cannot find password template x",
    ),
    (
        "{{genPrivateKey \"ed25519\" | trunc 31}}..{{genPrivateKey \"dsa\" | trunc 31}} {{genPrivateKey \"x\"}}",
        "-----BEGIN PRIVATE KEY-----\nMC4..-----BEGIN DSA PRIVATE KEY----- Unknown type x",
    ),
    (
        "{{$ca := genCA \"ca\" 365}}{{$c := genSignedCert \"x.y\" (list \"10.0.0.1\") (list \"x.y\") 30 $ca}}{{trunc 27 $c.Cert}} {{trunc 31 $c.Key}} {{$b := buildCustomCert (b64enc $ca.Cert) (b64enc $ca.Key)}}{{eq $b.Cert $ca.Cert}}",
        "-----BEGIN CERTIFICATE----- -----BEGIN RSA PRIVATE KEY----- true",
    ),
    (
        "{{$k := genPrivateKey \"ecdsa\"}}{{$e := genPrivateKey \"ed25519\"}}{{$ca := genCAWithKey \"ca\" 365 $k}}{{eq $ca.Key $k}} {{$c := genSignedCertWithKey \"x\" nil nil 10 $ca $e}}{{eq $c.Key $e}} {{(genSelfSignedCertWithKey \"x\" nil nil 10 $e).Key | eq $e}} {{(genSelfSignedCert \"ü\" nil nil -1).Cert | trunc 10}}",
        "true true true -----BEGIN",
    ),
    ("{{getHostByName \"127.0.0.1\"}}", "127.0.0.1"),
    (
        "{{$t := toDate \"2006-01-02\" \"2017-12-31\"}}{{date \"02/01/2006\" $t}} {{htmlDate $t}}",
        "31/12/2017 2017-12-31",
    ),
    (
        "{{dateInZone \"15:04 MST\" 0 \"UTC\"}}{{date_in_zone \"2006\" 0 \"UTC\"}}{{htmlDateInZone 0 \"UTC\"}}",
        "00:00 UTC19701970-01-01",
    ),
    (
        "{{$t := mustToDate \"2006-01-02 MST\" \"1970-01-02 UTC\"}}{{unixEpoch $t}} {{($t | dateModify \"-1h\").Unix}} {{($t | date_modify \"1m\").Unix}}",
        "86400 82800 86460",
    ),
    (
        "{{(mustDateModify \"1s\" (now)).IsZero}}{{(must_date_modify \"1s\" (now)).IsZero}}",
        "falsefalse",
    ),
    (
        "{{ago (now)}} {{duration \"95\"}} {{durationRound \"2400h\"}} {{durationRound 1}}",
        "0s 1m35s 3mo 0s",
    ),
];

/// Those that are checked by their errors.
const REFUSALS: &[(&str, &str)] = &[
    ("{{fail \"broken\"}}", "error calling fail: broken"),
    ("{{div 1 0}}", "integer divide by zero"),
    ("{{mustFromJson \"{\"}}", "EOF"),
    ("{{mustRegexMatch \"(\" \"\"}}", "error parsing regexp"),
    ("{{repeat 100000000 \"a\"}}", "too"),
    ("{{untilStep 0 1000000000 1}}", "too many numbers"),
    ("{{semver \"x\"}}", "Invalid Semantic Version"),
    ("{{upper}}", "wrong number of args"),
    ("{{$d := dict}}{{set $d \"a\" (list (dict \"b\" $d))}}", "a part of itself"),
    ("{{$d := dict}}{{merge $d (dict \"a\" $d)}}", "a part of itself"),
    ("{{$n := dict}}{{merge (dict \"n\" $n) (dict \"n\" (dict \"x\" $n))}}", "a part of itself"),
    ("{{decryptAES \"k\" \"aGk=\"}}", "too short"),
    ("{{genCAWithKey \"a\" 1 \"bad\"}}", "parsing private key: no PEM data in input"),
    ("{{genSelfSignedCert \"a\" (list \"nope\") nil 1}}", "error parsing ip: nope"),
    ("{{buildCustomCert \"x\" \"y\"}}", "unable to decode base64 certificate"),
    ("{{buildCustomCert \"eA==\" \"eA==\"}}", "unable to decode certificate"),
];

fn run(template: &str) -> crate::Result<String> {
    let set = Set::new(crate::functions());
    set.parse("t", template)?;
    set.run("t", &Value::Nil)
}

#[test]
fn every_function_does_what_sprig_says() {
    for (template, expected) in CASES {
        assert_eq!(run(template).as_deref(), Ok(*expected), "{template}");
    }
    for (template, expected) in REFUSALS {
        let error = run(template).expect_err(template).to_string();
        assert!(error.contains(expected), "{template}: {error}");
    }
}

#[test]
fn a_certificate_is_for_the_authority_that_signed_it() {
    let other = "{{$k := genPrivateKey \"ecdsa\"}}{{$a := genCAWithKey \"a\" 1 $k}}\
                 {{$f := buildCustomCert (b64enc $a.Cert) (b64enc (genPrivateKey \"ecdsa\"))}}\
                 {{genSignedCertWithKey \"x\" nil nil 1 $f $k}}";
    let error = run(other).expect_err("the key is another's").to_string();
    assert!(error.contains("provided PrivateKey doesn't match parent's PublicKey"), "{error}");
}

#[test]
fn every_function_has_a_case() {
    let all: Functions = super::functions();
    let texts = CASES.iter().chain(REFUSALS).map(|(template, _)| *template);
    let used: BTreeSet<&str> = texts
        .flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .collect();
    let missing: Vec<_> = all.keys().filter(|name| !used.contains(**name)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}
