//! `init`: from nothing to a provider that can be served.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::{Operator, input};
use crate::directory::users::{self, NewUser};
use crate::directory::{Address, By, Login, links, roles};
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
        let file = file.map_or_else(|| PathBuf::from("countersign.toml"), Path::to_owned);
        let text = crate::config::template(&self.issuer, &self.listen);
        let operator = Self::settings(&file, &text)?;
        let hash = match &password {
            // A site administrator is of no group: no code stands behind the password.
            Some(password) => Some(input::hash_password(&operator, password, login.as_str(), false).await?),
            None => None,
        };
        write_new(&file, &text)?;
        let (db, now_ms) = (operator.db().await?, operator.clock.now_ms());
        operator.keys(&db)?.ring(now_ms / 1000).await?;
        let by = By::operator(now_ms);
        let mut tx = db.write().await?;
        let role = roles::site_administrator(&mut tx, now_ms / 1000, &mut entropy()).await?;
        let new = NewUser {
            login: &login,
            name: None,
            email: email.as_ref(),
            group: None,
            role: &role,
            password_hash: hash.as_deref(),
        };
        let person = users::add(&mut tx, new, &by, &mut entropy()).await?;
        let lifetime = operator.config.signin.link_lifetime.as_secs();
        let link = match hash {
            Some(_) => None,
            None => Some(links::issue(&mut tx, &person, lifetime, &by, &mut entropy()).await?),
        };
        tx.commit().await?;
        db.close().await;
        println!("Wrote {}, made the keys and the database, added {login}.", file.display());
        if let Some(link) = link {
            println!("Choose a password within {} at:", operator.config.signin.link_lifetime);
            println!("{}", links::address(&operator.config.issuer, &link));
        }
        println!("Next: countersign serve");
        Ok(())
    }

    /// The settings that the new file will give, checked before anything is written.
    fn settings(file: &Path, text: &str) -> anyhow::Result<Operator> {
        if file.exists() {
            bail!("{} is there already: nothing was changed", file.display());
        }
        write_new(file, text)?;
        let operator = Operator::open(Some(file));
        std::fs::remove_file(file).with_context(|| file.display().to_string())?;
        operator
    }
}

fn write_new(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    // A password for the mail server may be added to it.
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = || format!("{} cannot be written", file.display());
    options.open(file).and_then(|mut f| f.write_all(text.as_bytes())).with_context(failed)
}
