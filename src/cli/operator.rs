//! What does a command need? The settings, and whatever of the rest it asks for. Commands work on the database, whether the
//! server is running or not.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;

use crate::app::open_database;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::directory::{self, Login, Passwords, Person, groups, people};
use crate::keys::secret::entropy;
use crate::keys::{SigningKeys, Vault};
use crate::mail::Mailer;
use crate::store::{Conn, Db};
use crate::web::Pages;

/// Whoever runs the command line, with the settings at hand.
#[derive(Debug)]
pub struct Operator {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: Clock,
}

impl Operator {
    /// Reads the settings of a file, or of `countersign.toml`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self { config: config::load(file, std::env::vars_os())?, clock: Clock::System })
    }

    /// The database, with its schema up to date.
    ///
    /// # Errors
    /// When it does not answer, or its schema is another one.
    pub async fn db(&self) -> anyhow::Result<Db> {
        open_database(&self.config).await
    }

    /// The master key, made if there is none.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn vault(&self) -> anyhow::Result<Vault> {
        Ok(Vault::open_or_create(&self.config.keys.dir, &mut entropy())?)
    }

    /// The signing keys.
    ///
    /// # Errors
    /// When the master key cannot be used.
    pub fn keys(&self, db: &Db) -> anyhow::Result<SigningKeys> {
        Ok(SigningKeys::new(db.clone(), self.vault()?))
    }

    /// What sends mail.
    ///
    /// # Errors
    /// When the settings of `[mail]` cannot be used.
    pub fn mailer(&self, db: &Db) -> anyhow::Result<Mailer> {
        Ok(Mailer::new(db.clone(), self.vault()?, &self.config, self.clock.clone())?)
    }

    /// What draws mails.
    ///
    /// # Errors
    /// When the templates cannot be used.
    pub fn pages(&self) -> anyhow::Result<Pages> {
        Ok(Pages::new(&self.config.brand, &self.config.templates)?)
    }

    /// What hashes passwords.
    #[must_use]
    pub fn passwords(&self) -> Passwords {
        Passwords::new(1, 1)
    }
}

/// The paths of groups that one page names, each asked for once.
#[derive(Debug, Default)]
pub struct Paths(HashMap<String, String>);

impl Paths {
    /// The path of a group; none for the site itself.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn of(&mut self, conn: &mut Conn, id: Option<&str>) -> anyhow::Result<Option<&str>> {
        let Some(id) = id else { return Ok(None) };
        if !self.0.contains_key(id) {
            let path = groups::path(conn, id).await?;
            // Of a group that is gone, its id says most.
            self.0.insert(id.to_owned(), if path.is_empty() { id.to_owned() } else { path });
        }
        Ok(self.0.get(id).map(String::as_str))
    }
}

/// The user of a login, or a line that says that there is none.
///
/// # Errors
/// When there is none, or the database refuses.
pub async fn find_user(conn: &mut Conn, login: &str) -> anyhow::Result<Person> {
    let parsed = Login::parse(login).context("LOGIN")?;
    let found = people::find_by_login(conn, &parsed).await?;
    Ok(found.ok_or_else(|| directory::Error::UnknownUser(login.to_owned()))?)
}
