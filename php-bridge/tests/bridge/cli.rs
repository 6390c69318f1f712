//! PHP's command line.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn php(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pogo-php"))
        .arg("cli")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("pogo-php starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[track_caller]
fn check(arguments: &[&str], input: &str, code: i32, stdout: &str) {
    let output = php(arguments, input);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), &*text), (Some(code), stdout));
}

#[test]
fn code_sees_its_arguments() {
    let code = "echo json_encode($argv), $argc, PHP_SAPI;";
    check(&["-r", code, "x", "-y"], "", 0, r#"["Standard input code","x","-y"]3cli"#);
}

#[test]
fn the_exit_status_is_the_script_s() {
    check(&["-r", "echo 'a'; exit(7);"], "", 7, "a");
    check(&["-r", "ini_set('display_errors', 0); throw new Exception('x');"], "", 255, "");
}

#[test]
fn the_standard_streams_are_there() {
    check(&["-r", "fwrite(STDOUT, strtoupper(stream_get_contents(STDIN)));"], "hi", 0, "HI");
    let output = php(&["-r", "fwrite(STDERR, 'oh');"], "");
    assert_eq!(output.stderr, b"oh");
}

#[test]
fn a_missing_file_is_named() {
    check(&["missing.php"], "", 1, "Could not open input file: missing.php\n");
}

#[test]
fn the_version_is_json() {
    let program = env!("CARGO_BIN_EXE_pogo-php");
    let output = Command::new(program).arg("version").output().expect("it runs");
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(version["wire"], php_wire::VERSION);
    assert!(version["php"].as_str().is_some_and(|php| php.starts_with("8.")));
}
