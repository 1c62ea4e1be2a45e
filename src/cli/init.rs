//! `init`: from nothing to a provider that can be served.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use url::{Host, Url};

use super::{Operator, input};
use crate::config::{self, Period};
use crate::directory::users::{self, NewUser};
use crate::directory::{Address, By, Login, links, people, roles};
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
    /// The provider's own address, as browsers see it [default: `http://localhost:8080`]. Where there are settings already, be it in
    /// a file that was put there or in the environment, they stand, and nothing is written but the keys and the database.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Where to listen [default: 127.0.0.1, and the port of an http issuer, or else 8080].
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Read the administrator's password from standard input; without it a one-time link is printed.
    #[arg(long)]
    password_stdin: bool,
}

impl Init {
    pub(super) async fn run(self, file: Option<&Path>) -> anyhow::Result<()> {
        let login = Login::choose(&self.admin).context("--admin")?;
        let email = self.admin_email.as_deref().map(Address::parse).transpose().context("--admin-email")?;
        let password = self.password_stdin.then(|| input::new_password(true)).transpose()?;
        let settings = self.settings(file)?;
        let made =
            make(&settings.operator, &login, email.as_ref(), password.as_ref().map(|p| p.as_str())).await;
        if let (true, Some(written)) = (made.is_err(), &settings.written) {
            // Else the next attempt would take it for somebody's settings.
            let _ = std::fs::remove_file(written);
        }
        let link = made?;
        let at_stake = link.as_ref().map(|_| super::user::lost(login.as_str()));
        match &settings.written {
            Some(file) => println!("Wrote {}.", file.display()),
            None => println!("The settings are there already: issuer {}.", settings.operator.config.issuer),
        }
        println!("Made the keys and the database, added {login}.");
        if let Some(Link { address, lifetime }) = link {
            println!("Choose a password within {lifetime} at:");
            println!("{address}");
        }
        drop(at_stake);
        println!("Next: countersign serve");
        Ok(())
    }

    /// The settings that are there, or else those that this command writes.
    fn settings(&self, file: Option<&Path>) -> anyhow::Result<Settings> {
        let path = file.map_or_else(|| PathBuf::from(config::DEFAULT_FILE), Path::to_owned);
        let by_environment = file.is_none() && std::env::vars_os().any(|(name, _)| name == ISSUER);
        if path.exists() || by_environment {
            let operator = Operator::open(file)?;
            let issuer = &operator.config.issuer;
            if self.issuer.as_ref().is_some_and(|given| given != issuer) || self.listen.is_some() {
                let place = if path.exists() { path.display().to_string() } else { ISSUER.to_owned() };
                bail!(
                    "{place} is there already, and says issuer = {issuer:?}: leave --issuer and --listen out, or change it there"
                );
            }
            return Ok(Settings { operator, written: None });
        }
        let issuer = self.issuer.as_deref().unwrap_or("http://localhost:8080");
        let listen = self.listen.clone().unwrap_or_else(|| fitting(issuer));
        write_new(&path, &config::template(issuer, &listen))?;
        match Operator::open(Some(&path)) {
            Ok(operator) => Ok(Settings { operator, written: Some(path) }),
            Err(wrong) => {
                let _ = std::fs::remove_file(&path);
                Err(wrong)
            }
        }
    }
}

/// The variable that makes a file of settings unnecessary.
const ISSUER: &str = "COUNTERSIGN_ISSUER";

/// What `init` goes by.
struct Settings {
    operator: Operator,
    /// The file, if it was written just now.
    written: Option<PathBuf>,
}

/// Where a provider of this address listens when nobody says: a browser on this machine must find it, and a proxy that speaks https
/// finds it anywhere.
fn fitting(issuer: &str) -> String {
    let url = Url::parse(issuer).ok().filter(|url| url.scheme() == "http");
    let port = url.as_ref().and_then(Url::port_or_known_default).unwrap_or(8080);
    match url.as_ref().and_then(Url::host) {
        Some(Host::Ipv4(ip)) => format!("{ip}:{port}"),
        Some(Host::Ipv6(ip)) => format!("[{ip}]:{port}"),
        _ => format!("127.0.0.1:{port}"),
    }
}

/// Where the administrator chooses a password, and for how long.
struct Link {
    address: String,
    lifetime: Period,
}

/// Makes everything that the new settings speak of, and the administrator; without a password there is a link.
async fn make(
    operator: &Operator,
    login: &Login,
    email: Option<&Address>,
    password: Option<&str>,
) -> anyhow::Result<Option<Link>> {
    let hash = match password {
        // A site administrator is of no group: no code stands behind the password.
        Some(password) => {
            let known = input::known(operator).and(login.as_str()).and(email.map_or("", Address::as_str));
            Some(input::hash_password(operator, password, &known, false).await?)
        }
        None => None,
    };
    let ((db, vault), now_ms) = (operator.establish().await?, operator.clock.now_ms());
    SigningKeys::new(db.clone(), vault).ring(now_ms / 1000).await?;
    let by = By::operator(now_ms);
    let mut tx = db.write().await?;
    if people::has_site_administrator(&mut tx).await? {
        bail!(
            "a provider is there already, and nothing was added: `countersign user add LOGIN --site-administrator` makes another administrator"
        );
    }
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
    let written = options.open(file).and_then(|mut opened| opened.write_all(text.as_bytes()));
    written.with_context(|| {
            format!(
                "{} cannot be written (settings that come from the environment, {ISSUER} among them, need no file)",
                file.display()
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_listens_where_its_address_leads() {
        for (issuer, expected) in [
            ("http://localhost:8080", "127.0.0.1:8080"),
            ("http://localhost:9000", "127.0.0.1:9000"),
            ("http://login.localhost:81", "127.0.0.1:81"),
            ("http://localhost", "127.0.0.1:80"),
            ("http://127.0.0.2:9000", "127.0.0.2:9000"),
            ("http://[::1]:9000", "[::1]:9000"),
            ("https://login.example.org", "127.0.0.1:8080"),
            ("https://login.example.org:8443", "127.0.0.1:8080"),
            ("nonsense", "127.0.0.1:8080"),
        ] {
            assert_eq!(fitting(issuer), expected, "{issuer}");
        }
    }
}
