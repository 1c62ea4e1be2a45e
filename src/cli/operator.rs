//! What does a command need? The settings, and whatever of the rest it asks for. Commands work on the database, whether the
//! server is running or not.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;

use crate::app::{establish, open_database, open_vault};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::directory::{self, Login, Passwords, Person, groups, people};
use crate::keys::{SigningKeys, Vault, VaultError, claim};
use crate::mail::Mailer;
use crate::store::{self, Conn, Db};
use crate::web::Pages;

/// Whoever runs the command line, with the settings at hand.
#[derive(Debug)]
pub struct Operator {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// Whether a file of settings was read.
    has_file: bool,
}

impl Operator {
    /// Reads the settings of a file, or of `countersign.toml`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let has_file = file.is_some() || Path::new(config::DEFAULT_FILE).exists();
        Ok(Self { config: config::load(file, std::env::vars_os())?, clock: Clock::System, has_file })
    }

    /// Whether the settings come from nowhere: there is no file, and the environment says nothing.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        !self.has_file
            && !std::env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("COUNTERSIGN_"))
    }

    /// Where there is no provider, it may be that the settings are elsewhere.
    #[must_use]
    pub fn look_elsewhere(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast_ref() {
            Some(store::Error::NoProvider { .. }) if !self.has_file => error.context(format!(
                "there is no {} in this folder (name it with --config FILE)",
                config::DEFAULT_FILE
            )),
            _ => error,
        }
    }

    /// The database of the provider that is here.
    ///
    /// # Errors
    /// When there is none, it does not answer, its schema is another one, or its master key is not here.
    pub async fn db(&self) -> anyhow::Result<Db> {
        let db = open_database(&self.config).await.map_err(|e| self.look_elsewhere(e))?;
        let vault = Vault::open(&self.config.keys.dir)?;
        claim::look(&mut db.read().await?, &vault).await?;
        Ok(db)
    }

    /// The database and the master key of a provider, made if there is none.
    ///
    /// # Errors
    /// When they cannot be made, or the master key is not the one that sealed the database.
    pub async fn establish(&self) -> anyhow::Result<(Db, Vault)> {
        let (db, vault) = establish(&self.config).await?;
        let missing = || VaultError::missing(&self.config.keys.dir);
        let vault = vault.ok_or_else(missing)?;
        claim::settle(&db, &vault).await?;
        Ok((db, vault))
    }

    /// The master key of this database.
    ///
    /// # Errors
    /// When it is not here, cannot be used, or is not the one that sealed the database.
    pub async fn vault(&self, db: &Db) -> anyhow::Result<Vault> {
        Ok(open_vault(&self.config, db).await?)
    }

    /// The signing keys.
    ///
    /// # Errors
    /// When the master key cannot be used.
    pub async fn keys(&self, db: &Db) -> anyhow::Result<SigningKeys> {
        Ok(SigningKeys::new(db.clone(), self.vault(db).await?))
    }

    /// What sends mail.
    ///
    /// # Errors
    /// When the settings of `[mail]` cannot be used.
    pub async fn mailer(&self, db: &Db) -> anyhow::Result<Mailer> {
        Ok(Mailer::new(db.clone(), self.vault(db).await?, &self.config, self.clock.clone())?)
    }

    /// What draws mails.
    ///
    /// # Errors
    /// When the templates cannot be used.
    pub fn pages(&self) -> anyhow::Result<Pages> {
        Ok(Pages::new(&self.config.brand, &self.config.templates)?.of_issuer(&self.config.issuer))
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
