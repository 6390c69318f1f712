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
  adapt          Adapts a Caddyfile to Caddy's JSON
  build-info     Prints what this program was built from
  environ        Prints the environment
  file-server    Serves a folder of files, without a Caddyfile
  fmt            Formats a Caddyfile
  hash-password  Hashes a password for basic_auth
  help           Help about a command
  php-cli        Runs a PHP script in the command line
  php-server     Serves a folder with PHP, without a Caddyfile
  reload         Gives a running server another configuration
  respond        Serves one fixed answer, without a Caddyfile
  run            Serves a configuration and blocks until it is stopped
  start          Serves a configuration in the background
  stop           Ends a running server
  validate       Tests whether a configuration is valid
  version        Prints the version

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
  pogo run [--config <path>] [--adapter <name>] [--envfile <path>] [--environ] [--resume] [--watch] [--pidfile <file>]

Flags:
  -a, --adapter string    What the configuration is written in, when it is not JSON
  -c, --config string     The configuration (default ./Caddyfile; - is standard input)
      --envfile string    Environment file(s) to load
  -e, --environ           Print the environment first
      --pidfile string    Where to write the process's number
      --pingback string   Where to send what standard input holds, once it serves
  -r, --resume            Serve the configuration that was saved last, if there is one
  -w, --watch             Load the configuration anew when its file changes

SIGUSR1 loads the configuration's file anew, unless the configuration was changed since.
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

const BUILD_INFO: &str = "\
Prints what this program was built from.

Usage:
  pogo build-info
";

const ENVIRON: &str = "\
Prints where things are, and the environment as the server would see it.

Usage:
  pogo environ [--envfile <path>]

Flags:
      --envfile string    Environment file(s) to load
";

const FILE_SERVER: &str = "\
Serves a folder of files, without a Caddyfile.

Usage:
  pogo file-server [--domain <name>] [--root <path>] [--listen <address>] [--browse] [--reveal-symlinks] [--file-limit <number>] [--templates] [--access-log] [--debug] [--no-compress] [--precompressed <formats>]

Flags:
  -a, --access-log               Log every request
  -b, --browse                   List folders
  -v, --debug                    Log in detail
  -d, --domain string            The name to answer to
  -f, --file-limit int           How many files a list holds at most (with --browse)
  -l, --listen string            The address to listen on (default \":80\"; \":443\" with a domain)
      --no-compress              Do not compress answers
  -p, --precompressed strings    Formats whose compressed files lie beside the others: br, gzip, zstd
      --reveal-symlinks          Show where symbolic links lead (with --browse)
  -r, --root string              The folder (default the current one)
  -t, --templates                Render templates
";

const RELOAD: &str = "\
Gives a running server another configuration, through its admin endpoint. Requests in flight go on; one that cannot be run leaves everything as it was.

Usage:
  pogo reload [--config <path>] [--adapter <name>] [--address <address>] [--force]

Flags:
      --address string    Where the admin endpoint is (default what the configuration says)
  -a, --adapter string    What the configuration is written in, when it is not JSON
  -c, --config string     The configuration (default ./Caddyfile)
      --envfile string    Environment file(s) to load
  -f, --force             Load it even if it is the one that runs; PHP starts anew
";

const RESPOND: &str = "\
Serves one fixed answer, without a Caddyfile.

Usage:
  pogo respond [--status <code>] [--body <text>] [--listen <address>] [--header \"Field: value\"]... [--access-log] [--debug] [<status or body>]

Flags:
      --access-log         Log every request
  -b, --body string        The body; what comes through standard input, if that is a pipe
  -v, --debug              Log in detail
  -H, --header strings     A header field; may be given several times
  -l, --listen string      The address; a range of ports is several servers (default a free port)
  -s, --status int         The status (default 200)

In the body, {{.N}} is the number of the server, {{.Port}} its port, {{.Address}} its address.
";

const START: &str = "\
Serves a configuration in the background, and returns once it answers.

Usage:
  pogo start [--config <path>] [--adapter <name>] [--envfile <path>] [--watch] [--pidfile <file>]

Flags:
  -a, --adapter string    What the configuration is written in, when it is not JSON
  -c, --config string     The configuration (default ./Caddyfile)
      --envfile string    Environment file(s) to load
      --pidfile string    Where to write the process's number
  -w, --watch             Load the configuration anew when its file changes
";

const STOP: &str = "\
Ends a running server in order, through its admin endpoint.

Usage:
  pogo stop [--config <path>] [--adapter <name>] [--address <address>]

Flags:
      --address string    Where the admin endpoint is (default localhost:2019)
  -a, --adapter string    What the configuration is written in, when it is not JSON
  -c, --config string     The configuration (default ./Caddyfile)
";

const HASH_PASSWORD: &str = "\
Hashes a password for basic_auth and prints the hash.

Usage:
  pogo hash-password [--plaintext <password>] [--algorithm <name>] [--bcrypt-cost <cost>] [--argon2id-time <n>] [--argon2id-memory <KiB>] [--argon2id-threads <n>] [--argon2id-keylen <bytes>]

Flags:
  -a, --algorithm string      bcrypt or argon2id (default \"bcrypt\")
      --argon2id-keylen int   Bytes of the hash (default 32)
      --argon2id-memory int   KiB of memory (default 47104)
      --argon2id-threads int  Lanes (default 1)
      --argon2id-time int     Passes (default 1)
      --bcrypt-cost int       From 4 to 31 (default 14)
  -p, --plaintext string      The password; asked for, or read from standard input, without it
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
        "build-info" => BUILD_INFO,
        "environ" => ENVIRON,
        "file-server" => FILE_SERVER,
        "reload" => RELOAD,
        "respond" => RESPOND,
        "start" => START,
        "stop" => STOP,
        "hash-password" => HASH_PASSWORD,
        _ => return None,
    })
}
