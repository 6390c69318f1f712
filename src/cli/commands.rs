//! What the commands are and which flags they have: told once, for `help`, for shells that
//! complete words, and for manual pages.

/// A command.
#[derive(Debug)]
pub(super) struct Command {
    /// Its words: `storage export`.
    pub(super) name: &'static str,
    /// What it does, in a line.
    pub(super) short: &'static str,
    /// What stands behind its name, besides flags.
    pub(super) operands: &'static str,
    /// More about it; ends with a newline or is empty.
    pub(super) long: &'static str,
    /// Its flags, besides `--help`.
    pub(super) flags: &'static [Flag],
}

/// A flag.
#[derive(Debug)]
pub(super) struct Flag {
    /// Its name behind two dashes.
    pub(super) long: &'static str,
    /// Its letter behind one.
    pub(super) short: Option<char>,
    /// What its value is; empty for a switch.
    pub(super) value: &'static str,
    /// What it does.
    pub(super) about: &'static str,
}

impl Flag {
    const fn switch(long: &'static str, about: &'static str) -> Self {
        Self { long, short: None, value: "", about }
    }

    const fn with(long: &'static str, value: &'static str, about: &'static str) -> Self {
        Self { long, short: None, value, about }
    }

    const fn or(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    /// As messages name it: `-c, --config`.
    pub(super) fn shown(&self) -> String {
        let short = self.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
        format!("{short}--{}", self.long)
    }

    /// Whether its value is a file.
    pub(super) fn is_path(&self) -> bool {
        matches!(self.value, "path" | "folder")
    }
}

const CONFIG: Flag =
    Flag::with("config", "path", "The configuration (default ./Caddyfile; - is standard input)")
        .or('c');
const ADAPTER: Flag =
    Flag::with("adapter", "name", "What the configuration is written in, when it is not JSON")
        .or('a');
const ENV_FILE: Flag = Flag::with("envfile", "path", "Environment file(s) to load");
const PID_FILE: Flag = Flag::with("pidfile", "path", "Where to write the process's number");
const WATCH: Flag =
    Flag::switch("watch", "Load the configuration anew when its file changes").or('w');
const ACCESS_LOG: Flag = Flag::switch("access-log", "Log every request");
const DEBUG: Flag = Flag::switch("debug", "Log in detail").or('v');
const DOMAIN: Flag = Flag::with("domain", "name", "The name to answer to").or('d');
const LISTEN: Flag =
    Flag::with("listen", "address", "The address (default \":80\"; \":443\" with a domain)")
        .or('l');
const ROOT: Flag = Flag::with("root", "folder", "The folder (default the current one)").or('r');
const NO_COMPRESS: Flag = Flag::switch("no-compress", "Do not compress answers");
const NEEDED_CONFIG: Flag = Flag::with("config", "path", "The configuration (required)").or('c');

/// All commands, by their names.
pub(super) const COMMANDS: [Command; 23] = [
    Command {
        name: "adapt",
        short: "Adapts a Caddyfile to Caddy's JSON",
        operands: "",
        long: "",
        flags: &[
            Flag::with("adapter", "name", "What it is written in (default \"caddyfile\")").or('a'),
            CONFIG,
            ENV_FILE,
            Flag::switch("pretty", "Indent the JSON").or('p'),
            Flag::switch("validate", "Test whether the result is valid, without running it"),
        ],
    },
    Command {
        name: "build-info",
        short: "Prints what this program was built from",
        operands: "",
        long: "",
        flags: &[],
    },
    Command {
        name: "completion",
        short: "Prints a script by which a shell completes pogo's words",
        operands: "bash|zsh|fish|powershell",
        long: "\
For this session:

  bash        source <(pogo completion bash)
  zsh         source <(pogo completion zsh)
  fish        pogo completion fish | source
  PowerShell  pogo completion powershell | Out-String | Invoke-Expression

For all sessions, write it to a file that the shell reads:

  bash        /etc/bash_completion.d/pogo
  zsh         _pogo in a folder of $fpath
  fish        ~/.config/fish/completions/pogo.fish
",
        flags: &[],
    },
    Command {
        name: "environ",
        short: "Prints where things are, and the environment as the server would see it",
        operands: "",
        long: "",
        flags: &[ENV_FILE],
    },
    Command {
        name: "file-server",
        short: "Serves a folder of files, without a Caddyfile",
        operands: "",
        long: "",
        flags: &[
            ACCESS_LOG.or('a'),
            Flag::switch("browse", "List folders").or('b'),
            DEBUG,
            DOMAIN,
            Flag::with("file-limit", "number", "How many files a list holds at most").or('f'),
            LISTEN,
            NO_COMPRESS,
            Flag::with(
                "precompressed",
                "formats",
                "Formats whose compressed files lie beside the others: br, gzip, zstd",
            )
            .or('p'),
            Flag::switch("reveal-symlinks", "Show where symbolic links in lists lead"),
            ROOT,
            Flag::switch("templates", "Render templates").or('t'),
        ],
    },
    Command {
        name: "file-server export-template",
        short: "Prints a template of listings, to begin one of your own with",
        operands: "",
        long: "\
It names all that a template for `browse` is given; the listing without a template is a page of
its own and does not come from it.
",
        flags: &[],
    },
    Command {
        name: "fmt",
        short: "Formats a Caddyfile",
        operands: "[path]",
        long: "The exit code is 1 when it was not formatted.\n",
        flags: &[
            Flag::with("config", "path", "The file (default ./Caddyfile; - is standard input)")
                .or('c'),
            Flag::switch(
                "diff",
                "Print all lines, with - before those that go and + before new ones",
            )
            .or('d'),
            Flag::switch("overwrite", "Write the result to the file instead").or('w'),
        ],
    },
    Command {
        name: "hash-password",
        short: "Hashes a password for basic_auth",
        operands: "",
        long: "",
        flags: &[
            Flag::with("algorithm", "name", "bcrypt or argon2id (default \"bcrypt\")").or('a'),
            Flag::with("argon2id-keylen", "bytes", "The length of the hash (default 32)"),
            Flag::with("argon2id-memory", "KiB", "Memory (default 47104)"),
            Flag::with("argon2id-threads", "number", "Lanes (default 1)"),
            Flag::with("argon2id-time", "number", "Passes (default 1)"),
            Flag::with("bcrypt-cost", "number", "From 4 to 31; 14 if it is anything else"),
            Flag::with("plaintext", "password", "The password; asked for, or read, without it")
                .or('p'),
        ],
    },
    Command {
        name: "help",
        short: "Help about a command",
        operands: "[command]",
        long: "",
        flags: &[],
    },
    Command {
        name: "list-modules",
        short: "Lists the modules that a configuration can name",
        operands: "",
        long: "\
Modules that are read and not served yet are left out. \"Standard\" are those that Caddy has, too.
",
        flags: &[
            Flag::switch("json", "Print them as JSON"),
            Flag::switch("packages", "Print where they come from"),
            Flag::switch("skip-standard", "Leave out those that Caddy has, too").or('s'),
            Flag::switch("versions", "Print their versions"),
        ],
    },
    Command {
        name: "manpage",
        short: "Writes manual pages of section 8",
        operands: "",
        long: "",
        flags: &[Flag::with("directory", "folder", "Where to write them; made if it is not there")
            .or('o')],
    },
    Command {
        name: "php-cli",
        short: "Runs a PHP script in the command line",
        operands: "script.php|-r code [arguments]",
        long: "All words are PHP's own command line's.\n",
        flags: &[],
    },
    Command {
        name: "php-server",
        short: "Serves a folder with PHP, without a Caddyfile",
        operands: "",
        long: "",
        flags: &[
            ACCESS_LOG.or('a'),
            DEBUG,
            DOMAIN,
            LISTEN,
            NO_COMPRESS,
            ROOT,
            Flag::with("worker", "file[,number]", "A worker script, and how many workers run it")
                .or('w'),
        ],
    },
    Command {
        name: "reload",
        short: "Gives a running server another configuration",
        operands: "",
        long: "\
Requests in flight go on; a configuration that cannot be run leaves everything as it was.
",
        flags: &[
            ADAPTER,
            Flag::with("address", "address", "Where the admin endpoint is (default as configured)"),
            CONFIG,
            ENV_FILE,
            Flag::switch("force", "Load it even if nothing has changed").or('f'),
        ],
    },
    Command {
        name: "respond",
        short: "Serves one fixed answer, without a Caddyfile",
        operands: "[status|body]",
        long: "\
In the body, {{.N}} is the number of the server, {{.Port}} its port, {{.Address}} its address.
",
        flags: &[
            ACCESS_LOG,
            Flag::with(
                "body",
                "text",
                "The body; what comes through standard input, if it is a pipe",
            )
            .or('b'),
            DEBUG,
            Flag::with("header", "field", "A header field, as \"Name: value\"; may be repeated")
                .or('H'),
            Flag::with("listen", "address", "The address; a range of ports is several servers")
                .or('l'),
            Flag::with("status", "number", "The status (default 200)").or('s'),
        ],
    },
    Command {
        name: "run",
        short: "Serves a configuration and blocks until it is stopped",
        operands: "",
        long: "\
SIGUSR1 loads the configuration's file anew, unless the configuration was changed since.
SIGTERM or SIGINT stops accepting and finishes what has begun; a second one ends at once.
A service manager is told when it serves, reloads and ends (NOTIFY_SOCKET, as systemd has it).
",
        flags: &[
            ADAPTER,
            CONFIG,
            ENV_FILE,
            Flag::switch("environ", "Print the environment first").or('e'),
            PID_FILE,
            Flag::with(
                "pingback",
                "address",
                "Where to send what standard input holds, once it serves",
            ),
            Flag::switch("resume", "Serve the configuration that was saved last, if there is one")
                .or('r'),
            WATCH,
        ],
    },
    Command {
        name: "start",
        short: "Serves a configuration in the background",
        operands: "",
        long: "It returns once the server answers, or has ended.\n",
        flags: &[ADAPTER, CONFIG, ENV_FILE, PID_FILE, WATCH],
    },
    Command {
        name: "stop",
        short: "Ends a running server",
        operands: "",
        long: "",
        flags: &[
            ADAPTER,
            Flag::with(
                "address",
                "address",
                "Where the admin endpoint is (default localhost:2019)",
            ),
            CONFIG,
        ],
    },
    Command {
        name: "storage",
        short: "Commands for what is stored",
        operands: "export|import",
        long: "\
From one storage to another:

  pogo storage export --config old.json --output - | pogo storage import --config new.json --input -
",
        flags: &[],
    },
    Command {
        name: "storage export",
        short: "Writes what is stored to a tar archive",
        operands: "",
        long: "",
        flags: &[
            NEEDED_CONFIG,
            Flag::with("output", "path", "The archive; - is standard output").or('o'),
        ],
    },
    Command {
        name: "storage import",
        short: "Stores what a tar archive holds",
        operands: "",
        long: "",
        flags: &[
            NEEDED_CONFIG,
            Flag::with("input", "path", "The archive; - is standard input").or('i'),
        ],
    },
    Command {
        name: "validate",
        short: "Tests whether a configuration is valid",
        operands: "",
        long: "Nothing is started.\n",
        flags: &[ADAPTER, CONFIG, ENV_FILE],
    },
    Command {
        name: "version",
        short: "Prints the versions of Pogo and of the PHP it runs",
        operands: "",
        long: "",
        flags: &[],
    },
];

/// The command of a name.
pub(super) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// The commands that stand alone: not within others.
pub(super) fn outer() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(|command| !command.name.contains(' '))
}

/// The commands within another.
pub(super) fn within(name: &str) -> impl Iterator<Item = (&'static str, &'static Command)> {
    COMMANDS.iter().filter_map(move |command| {
        let rest = command.name.strip_prefix(name)?.strip_prefix(' ')?;
        Some((rest, command))
    })
}

/// A flag of a command by what was typed: `-c` or `--config`.
pub(super) fn flag(command: &str, typed: &str) -> Option<&'static Flag> {
    find(command)?.flags.iter().find(|flag| {
        let is_short = flag.short.is_some_and(|letter| typed == format!("-{letter}"));
        is_short || typed.strip_prefix("--") == Some(flag.long)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_flags_stand_in_order_and_once() {
        assert!(COMMANDS.is_sorted_by(|a, b| a.name < b.name));
        for Command { name, flags, .. } in &COMMANDS {
            assert!(flags.is_sorted_by(|a, b| a.long < b.long), "{name}");
            let mut letters: Vec<_> = flags.iter().filter_map(|flag| flag.short).collect();
            let count = letters.len();
            letters.sort_unstable();
            letters.dedup();
            assert_eq!(letters.len(), count, "{name}");
        }
    }

    #[test]
    fn a_flag_is_found_by_either_name() {
        assert_eq!(flag("run", "-w").map(Flag::shown).as_deref(), Some("-w, --watch"));
        assert_eq!(flag("run", "--watch").map(Flag::shown).as_deref(), Some("-w, --watch"));
        assert_eq!(flag("run", "--pidfile").map(Flag::shown).as_deref(), Some("--pidfile"));
        assert!(flag("run", "--").is_none() && flag("run", "w").is_none());
    }
}
