//! Finds PHP by `php-config`, compiles the shim over its headers and links `libphp`.
//!
//! Environment: `PHP_CONFIG` names another `php-config`; `POGO_LIBPHP_DIR` says where
//! `libphp.so` is, when it is in none of the usual places.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: [&str; 9] = [
    "boot.c",
    "cli.c",
    "functions.c",
    "limit.c",
    "request.c",
    "resident.c",
    "sapi.c",
    "tasks.c",
    "vars.c",
];

fn main() {
    println!("cargo:rerun-if-changed=shim");
    for name in ["PHP_CONFIG", "POGO_LIBPHP_DIR"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let version = php_config("--version");
    let minor: String = version.split('.').take(2).collect::<Vec<_>>().join(".");
    compile_shim();
    let (dir, name) = find_library(&minor);
    println!("cargo:rustc-link-search=native={}", dir.display());
    println!("cargo:rustc-link-lib=dylib={name}");
}

fn php_config(flag: &str) -> String {
    let program = env::var("PHP_CONFIG").unwrap_or_else(|_| "php-config".into());
    let output = Command::new(&program)
        .arg(flag)
        .output()
        .unwrap_or_else(|e| panic!("cannot run {program}: {e}; install php-dev or set PHP_CONFIG"));
    assert!(output.status.success(), "{program} {flag} failed");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn compile_shim() {
    let mut build = cc::Build::new();
    for source in SOURCES {
        build.file(Path::new("shim").join(source));
    }
    // PHP's own headers are not held to our warnings.
    for include in php_config("--includes").split_whitespace() {
        build.flag("-isystem").flag(include.trim_start_matches("-I"));
    }
    build
        .include("shim")
        .define("ZEND_ENABLE_STATIC_TSRMLS_CACHE", "1")
        .define("_GNU_SOURCE", None)
        .std("gnu11")
        .extra_warnings(true)
        .warnings_into_errors(true)
        .compile("pogo_shim");
}

/// Folder and link name of `libphp`: Debian's carries the version, others do not.
fn find_library(minor: &str) -> (PathBuf, String) {
    let mut dirs: Vec<PathBuf> =
        env::var_os("POGO_LIBPHP_DIR").map(PathBuf::from).into_iter().collect();
    let prefix = php_config("--prefix");
    dirs.extend(["lib", "lib64", "lib/php"].map(|d| Path::new(&prefix).join(d)));
    let arch = format!("{}-linux-gnu", env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default());
    dirs.push(Path::new("/usr/lib").join(arch));
    dirs.extend(["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    let names = [format!("php{minor}"), "php".to_owned()];
    for dir in &dirs {
        for name in &names {
            if dir.join(format!("lib{name}.so")).exists() {
                return (dir.clone(), name.clone());
            }
        }
    }
    panic!("no libphp{minor}.so or libphp.so; install libphp-embed or set POGO_LIBPHP_DIR");
}
