//! `pogo hash-password`: what `basic_auth` takes in the place of a password.

use super::args::Args;
use super::{help, terminal};
use anyhow::{Context, anyhow, bail};
use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::ffi::OsString;
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

/// Bytes of a password that bcrypt looks at; more are refused.
const BCRYPT_MAX: usize = 72;
/// How often bcrypt goes round, as a power of two.
const COST: u64 = 14;

/// What the flags say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Options {
    plaintext: String,
    algorithm: String,
    cost: u64,
    time: u64,
    memory: u64,
    threads: u64,
    length: u64,
}

impl Default for Options {
    fn default() -> Self {
        let (plaintext, algorithm) = (String::new(), "bcrypt".to_owned());
        // OWASP's figures, as Caddy has them.
        Self {
            plaintext,
            algorithm,
            cost: COST,
            time: 1,
            memory: 46 * 1024,
            threads: 1,
            length: 32,
        }
    }
}

/// Hashes a password and prints the hash.
pub(super) fn command(words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let Some(mut options) = parse(words)? else { return help::print("hash-password") };
    if options.plaintext.is_empty() {
        options.plaintext = ask()?;
    }
    if options.plaintext.is_empty() {
        bail!("plaintext is required");
    }
    terminal::print(options.hash()? + "\n")?;
    Ok(ExitCode::SUCCESS)
}

/// The flags; `None` when help is asked for.
fn parse(words: Vec<OsString>) -> anyhow::Result<Option<Options>> {
    let mut options = Options::default();
    let mut args = Args::new("hash-password", words);
    while let Some(flag) = args.next()? {
        match flag.name() {
            "--help" | "-h" => return Ok(None),
            "--plaintext" | "-p" => options.plaintext = args.value()?,
            "--algorithm" | "-a" => options.algorithm = args.value()?,
            "--bcrypt-cost" => {
                // As in Caddy, what is no cost changes nothing.
                let cost = u64::try_from(args.integer()?).unwrap_or_default();
                options.cost = if (4..=31).contains(&cost) { cost } else { COST };
            }
            "--argon2id-time" => options.time = args.number_to(u32::MAX.into())?,
            "--argon2id-memory" => options.memory = args.number_to(u32::MAX.into())?,
            "--argon2id-threads" => options.threads = args.number_to(u8::MAX.into())?,
            "--argon2id-keylen" => options.length = args.number_to(u32::MAX.into())?,
            _ => return Err(args.unknown(&flag)),
        }
    }
    Ok(Some(options))
}

impl Options {
    fn hash(&self) -> anyhow::Result<String> {
        match self.algorithm.as_str() {
            "bcrypt" => self.bcrypt(),
            "argon2id" => self.argon2id(),
            other => bail!("unrecognized hash algorithm: {other}"),
        }
    }

    fn bcrypt(&self) -> anyhow::Result<String> {
        if self.plaintext.len() > BCRYPT_MAX {
            bail!("bcrypt: password length exceeds {BCRYPT_MAX} bytes");
        }
        let cost = u32::try_from(self.cost)?;
        let parts = bcrypt::hash_with_result(&self.plaintext, cost)
            .map_err(|_| anyhow!("bcrypt: cost {cost} is outside allowed range (4,31)"))?;
        Ok(parts.format_for_version(bcrypt::Version::TwoA))
    }

    fn argon2id(&self) -> anyhow::Result<String> {
        let number = |n: u64| u32::try_from(n).context("a parameter of argon2id is too large");
        let length = usize::try_from(self.length)?;
        let (memory, time) = (number(self.memory)?, number(self.time)?);
        let wrong = |error| anyhow!("argon2id: {error}");
        let params =
            Params::new(memory, time, number(self.threads)?, Some(length)).map_err(wrong)?;
        let mut salt = [0; 16];
        getrandom(&mut salt, GetRandomFlags::empty()).context("making a salt")?;
        let salt = SaltString::encode_b64(&salt).map_err(|error| anyhow!("argon2id: {error}"))?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = hasher.hash_password(self.plaintext.as_bytes(), &salt);
        Ok(hash.map_err(|error| anyhow!("argon2id: {error}"))?.to_string())
    }
}

/// A line of standard input; at a terminal, unseen and twice.
fn ask() -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return line();
    }
    let before = tcgetattr(&stdin).context("asking the terminal")?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Now, &silent).context("silencing the terminal")?;
    let asked = ["Enter password: ", "Confirm password: "].map(|prompt| {
        // A prompt that cannot be written is seen by whoever waits for it.
        let _ = std::io::stderr().write_all(prompt.as_bytes());
        let line = line();
        let _ = std::io::stderr().write_all(b"\n");
        line
    });
    tcsetattr(&stdin, OptionalActions::Now, &before).context("restoring the terminal")?;
    let [first, second] = asked;
    let first = first?;
    if first != second? {
        bail!("password does not match");
    }
    Ok(first)
}

fn line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("reading the password")?;
    let line = line.strip_suffix('\n').map_or(&*line, |l| l.strip_suffix('\r').unwrap_or(l));
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], start: &str) -> String {
        let options = parse(words.iter().map(OsString::from).collect()).expect("valid");
        let hash = options.expect("no help").hash();
        let text = hash.unwrap_or_else(|error| error.to_string());
        assert!(text.starts_with(start), "{text}");
        text
    }

    #[test]
    fn hashes_say_how_they_were_made() {
        let hash = check(&["-p", "x", "--bcrypt-cost", "4"], "$2a$04$");
        assert!(bcrypt::verify("x", &hash).expect("it is a hash"));
        let argon = ["-p", "x", "-a", "argon2id", "--argon2id-memory", "64"];
        check(&argon, "$argon2id$v=19$m=64,t=1,p=1$");
    }

    #[test]
    fn what_cannot_be_hashed_is_refused() {
        check(&["-p", "x", "-a", "md5"], "unrecognized hash algorithm: md5");
        check(&["-p", &"x".repeat(73)], "bcrypt: password length exceeds 72 bytes");
        let options = parse(["--bcrypt-cost", "-1"].map(OsString::from).to_vec());
        assert_eq!(options.expect("valid").expect("no help").cost, COST);
    }
}
