//! `init`: from nothing to a provider that can be served.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::{Operator, input};
use crate::config::{self, Period};
use crate::directory::users::{self, NewUser};
use crate::directory::{Address, By, Login, links, roles};
use crate::keys::SigningKeys;
use crate::keys::secret::entropy;

/// The settings of `init`.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The login of the first site administrator.
    #[arg(long, value_name = "LOGIN")]
    admin: String,
    /// Their email address.
    #[arg(long, value_name = "ADDRESS")]
    admin_email: Option<String>,
    /// The provider's own address, as browsers see it.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080")]
    issuer: String,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Read the administrator's password from standard input; without it a one-time link is printed.
    #[arg(long)]
    password_stdin: bool,
}

impl Init {
    pub(super) async fn run(self, file: Option<&Path>) -> anyhow::Result<()> {
        let login = Login::parse(&self.admin).context("--admin")?;
        let email = self.admin_email.as_deref().map(Address::parse).transpose().context("--admin-email")?;
        let password = self.password_stdin.then(|| input::new_password(true)).transpose()?;
        let file = file.map_or_else(|| PathBuf::from(config::DEFAULT_FILE), Path::to_owned);
        write_new(&file, &config::template(&self.issuer, &self.listen))?;
        let made = make(&file, &login, email.as_ref(), password.as_ref().map(|text| text.as_str())).await;
        if made.is_err() {
            // Else the next attempt would be refused for a file that this one has left behind.
            let _ = std::fs::remove_file(&file);
        }
        let link = made?;
        println!("Wrote {}, made the keys and the database, added {login}.", file.display());
        if let Some(Link { address, lifetime }) = link {
            println!("Choose a password within {lifetime} at:");
            println!("{address}");
        }
        println!("Next: countersign serve");
        Ok(())
    }
}

/// Where the administrator chooses a password, and for how long.
struct Link {
    address: String,
    lifetime: Period,
}

/// Makes everything that the new settings speak of, and the administrator; without a password there is a link.
async fn make(
    file: &Path,
    login: &Login,
    email: Option<&Address>,
    password: Option<&str>,
) -> anyhow::Result<Option<Link>> {
    let operator = Operator::open(Some(file))?;
    let hash = match password {
        // A site administrator is of no group: no code stands behind the password.
        Some(password) => {
            let known = input::known(&operator).and(login.as_str()).and(email.map_or("", Address::as_str));
            Some(input::hash_password(&operator, password, &known, false).await?)
        }
        None => None,
    };
    let ((db, vault), now_ms) = (operator.establish().await?, operator.clock.now_ms());
    SigningKeys::new(db.clone(), vault).ring(now_ms / 1000).await?;
    let by = By::operator(now_ms);
    let mut tx = db.write().await?;
    let role = roles::site_administrator(&mut tx, now_ms / 1000, &mut entropy()).await?;
    let new = NewUser { login, name: None, email, group: None, role: &role, password_hash: hash.as_deref() };
    let person = users::add(&mut tx, new, &by, &mut entropy()).await?;
    let lifetime = operator.config.signin.link_lifetime;
    let link = if hash.is_none() {
        let token = links::issue(&mut tx, &person, lifetime.as_secs(), &by, &mut entropy()).await?;
        Some(Link { address: links::address(&operator.config.issuer, &token), lifetime })
    } else {
        None
    };
    tx.commit().await?;
    db.close().await;
    Ok(link)
}

fn write_new(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    // A password for the mail server may be added to it.
    options.write(true).create_new(true).mode(0o600);
    match options.open(file).and_then(|mut opened| opened.write_all(text.as_bytes())) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is there already: nothing was changed", file.display())
        }
        written => written.with_context(|| format!("{} cannot be written", file.display())),
    }
}
