//! How do secrets come in? By standard input or a prompt, never by an argument, which every user of the machine could read.

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Context as _, bail};
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
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password: use --password-stdin");
    }
    let once = Zeroizing::new(rpassword::prompt_password("Password: ")?);
    let again = Zeroizing::new(rpassword::prompt_password("Once more: ")?);
    if *once == *again { Ok(once) } else { bail!("the two passwords are not the same: try again") }
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
