//! `pogo help`.

use super::terminal;
use std::ffi::OsString;
use std::process::ExitCode;

const OVERVIEW: &str = "\
Pogo is a Caddy-compatible web and PHP application server with pools of task workers.

Usage:
  pogo [command]

Examples:
  $ pogo run
  $ pogo run --config Caddyfile
  $ pogo php-server --root public

Commands:
  adapt        Adapts a Caddyfile to Caddy's JSON
  fmt          Formats a Caddyfile
  help         Help about a command
  php-cli      Runs a PHP script in the command line
  php-server   Serves a folder with PHP, without a Caddyfile
  run          Serves a configuration and blocks until it is stopped
  validate     Tests whether a configuration is valid
  version      Prints the version

Use \"pogo help [command]\" for more about a command.
";

const ADAPT: &str = "\
Adapts a Caddyfile to Caddy's JSON and prints it.

Usage:
  pogo adapt [--config <path>] [--adapter <name>] [--pretty] [--validate] [--envfile <path>]

Flags:
  -a, --adapter string    What the configuration is written in (default \"caddyfile\")
  -c, --config string     The file to adapt (default ./Caddyfile; - is standard input)
      --envfile string    Environment file(s) to load
  -p, --pretty            Indent the JSON
      --validate          Test whether the result is valid, without running it
";

const FMT: &str = "\
Formats a Caddyfile and prints it; the exit code is 1 when it was not formatted.

Usage:
  pogo fmt [--overwrite] [--diff] [<path>]

Flags:
  -c, --config string     The file to format (default ./Caddyfile; - is standard input)
  -d, --diff              Print all lines, with - before those that go and + before new ones
  -w, --overwrite         Write the result to the file instead
";

const PHP_CLI: &str = "\
Runs a PHP script as PHP's own command line would.

Usage:
  pogo php-cli script.php [args ...]
  pogo php-cli -r 'code' [args ...]
";

const PHP_SERVER: &str = "\
Serves a folder with PHP, without a Caddyfile.

Usage:
  pogo php-server [--domain <name>] [--root <path>] [--listen <address>] [--worker <file>[,<number>]]... [--access-log] [--debug] [--no-compress]

Flags:
  -a, --access-log        Log every request
  -v, --debug             Log in detail
  -d, --domain string     The name to answer to
  -l, --listen string     The address to listen on (default \":80\"; \":443\" with a domain)
      --no-compress       Do not compress answers
  -r, --root string       The site's folder (default the current one)
  -w, --worker strings    A worker script, and how many workers run it
";

const RUN: &str = "\
Serves a configuration and blocks until it is stopped.

Usage:
  pogo run [--config <path>] [--adapter <name>] [--envfile <path>] [--environ] [--pidfile <file>]

Flags:
  -a, --adapter string    What the configuration is written in, when it is not JSON
  -c, --config string     The configuration (default ./Caddyfile; - is standard input)
      --envfile string    Environment file(s) to load
  -e, --environ           Print the environment first
      --pidfile string    Where to write the process's number

SIGTERM or SIGINT stops accepting and finishes what has begun; a second one ends at once.
";

const VALIDATE: &str = "\
Tests whether a configuration is valid, without running it.

Usage:
  pogo validate [--config <path>] [--adapter <name>] [--envfile <path>]

Flags:
  -a, --adapter string    What the configuration is written in, when it is not JSON
  -c, --config string     The configuration (default ./Caddyfile; - is standard input)
      --envfile string    Environment file(s) to load
";

const VERSION: &str = "\
Prints the versions of Pogo and of the PHP it runs.

Usage:
  pogo version
";

/// `pogo help [command]`.
pub(super) fn command(words: &[OsString]) -> anyhow::Result<ExitCode> {
    let word = words.first().map(|w| w.display().to_string()).unwrap_or_default();
    terminal::print(match word.as_str() {
        "" => OVERVIEW,
        "help" => "Help about a command.\n\nUsage:\n  pogo help [command]\n",
        word => of(word).ok_or_else(|| {
            anyhow::anyhow!("unknown help topic \"{word}\" (\"pogo help\" lists the commands)")
        })?,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the help of a command that was called with `--help`.
pub(super) fn print(command: &str) -> anyhow::Result<ExitCode> {
    terminal::print(of(command).unwrap_or(OVERVIEW))?;
    Ok(ExitCode::SUCCESS)
}

fn of(command: &str) -> Option<&'static str> {
    Some(match command {
        "adapt" => ADAPT,
        "fmt" => FMT,
        "php-cli" => PHP_CLI,
        "php-server" => PHP_SERVER,
        "run" => RUN,
        "validate" => VALIDATE,
        "version" => VERSION,
        _ => return None,
    })
}
