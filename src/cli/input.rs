//! How do secrets come in? By standard input or a prompt, never by an argument, which every user of the machine could read.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use zeroize::Zeroizing;

use super::Operator;
use crate::directory::{Known, Lane, Password};
use crate::keys::secret::entropy;

/// The longest secret that is read, in bytes.
const LONGEST: u64 = 4096;

/// A new password: from standard input, or from a prompt that asks twice.
///
/// # Errors
/// When there is none, or the two differ.
pub fn new_password(from_stdin: bool) -> anyhow::Result<Zeroizing<String>> {
    if from_stdin {
        return from_stdin_as("--password-stdin", "password");
    }
    twice("password", "Password: ", "--password-stdin")
}

fn twice(what: &str, prompt: &str, instead: &str) -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the {what}: use {instead}");
    }
    let once = Zeroizing::new(rpassword::prompt_password(prompt)?);
    let again = Zeroizing::new(rpassword::prompt_password("Once more: ")?);
    if *once == *again { Ok(once) } else { bail!("the two {what}s are not the same: try again") }
}

/// A client's secret, from standard input.
///
/// # Errors
/// When there is none.
pub fn from_stdin(option: &str) -> anyhow::Result<Zeroizing<String>> {
    from_stdin_as(option, "secret")
}

fn from_stdin_as(option: &str, what: &str) -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().take(LONGEST).read_to_string(&mut text).context("standard input")?;
    let line = Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned());
    if line.is_empty() {
        bail!("{option}: there is no {what} on standard input");
    }
    Ok(line)
}

/// Where a passphrase comes from.
#[derive(Debug, Args)]
pub struct Passphrase {
    /// Read the passphrase from the first line of a file.
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_stdin")]
    passphrase_file: Option<PathBuf>,
    /// Read the passphrase from standard input; without either there is a prompt.
    #[arg(long)]
    passphrase_stdin: bool,
}

/// The shortest passphrase, in characters: whoever has the file can guess for years.
const SHORTEST: usize = 16;

impl Passphrase {
    /// Whether it is said where it comes from.
    pub const fn is_given(&self) -> bool {
        self.passphrase_stdin || self.passphrase_file.is_some()
    }

    /// A new one.
    ///
    /// # Errors
    /// When there is none, it is too short, or what was typed differs.
    pub fn chosen(&self) -> anyhow::Result<Zeroizing<String>> {
        let text = match self.told()? {
            Some(text) => text,
            None => twice("passphrase", "Passphrase: ", "--passphrase-file or --passphrase-stdin")?,
        };
        if text.chars().count() < SHORTEST {
            bail!(
                "the passphrase needs at least {SHORTEST} characters, such as five words that do not belong together: whoever has the file can guess for as long as they like"
            );
        }
        Ok(text)
    }

    /// One that is known already.
    ///
    /// # Errors
    /// When there is none.
    pub fn known(&self, stdin_is_taken: bool) -> anyhow::Result<Zeroizing<String>> {
        if stdin_is_taken && self.passphrase_file.is_none() {
            bail!("the backup itself comes by standard input: give the passphrase by --passphrase-file");
        }
        if let Some(text) = self.told()? {
            return Ok(text);
        }
        if !std::io::stdin().is_terminal() {
            bail!(
                "the backup is sealed by a passphrase, and there is no terminal to ask for it: use --passphrase-file or --passphrase-stdin"
            );
        }
        Ok(Zeroizing::new(rpassword::prompt_password("Passphrase: ")?))
    }

    fn told(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        if self.passphrase_stdin {
            return from_stdin_as("--passphrase-stdin", "passphrase").map(Some);
        }
        let Some(file) = &self.passphrase_file else { return Ok(None) };
        let mut text = Zeroizing::new(String::new());
        let opened = std::fs::File::open(file);
        let read = opened.and_then(|opened| opened.take(LONGEST).read_to_string(&mut text));
        read.with_context(|| file.display().to_string())?;
        let line = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
        if line.is_empty() {
            bail!("{}: there is no passphrase in its first line", file.display());
        }
        Ok(Some(line))
    }
}

/// What everybody knows of the people of a site.
pub fn known(operator: &Operator) -> Known {
    Known::of_site(&operator.config.brand.name, &operator.config.issuer)
}

/// Checks the strength of a new password of somebody about whom this much is known, and hashes it.
///
/// # Errors
/// When it is too weak.
pub async fn hash_password(
    operator: &Operator,
    text: &str,
    known: &Known,
    with_code: bool,
) -> anyhow::Result<String> {
    let password = Password::typed(text);
    let shortest = operator.config.signin.shortest_password(with_code);
    password.check_strength(known, shortest)?;
    Ok(operator.passwords().hash(Lane::default(), &password, &mut entropy()).await?)
}

/// Prints a value as JSON.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// The value of a word.
///
/// # Errors
/// When it is not known: a line that names those that are.
pub fn expected<T>(option: &str, name: &str, value: Option<T>, known: &[&str]) -> anyhow::Result<T> {
    value.with_context(|| format!("{option} {name}: expected one of {}", known.join(", ")))
}
