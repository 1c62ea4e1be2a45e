//! Which way does mail leave by now: as the file of settings says, or as a site administrator has saved it in the database?
//!
//! What is saved is sealed, counts before the file, and is taken up by every process within a second or so, without a restart.

use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use super::message::mask;
use super::smtp::Smtp;
use super::transport::{MailError, sender};
use crate::config::{self, Config, Encryption, TransportKind};
use crate::keys::Vault;
use crate::store::{Conn, facts};

/// What the settings are sealed for.
const SEAL: &str = "mail settings";

/// How long a trial may take, in seconds.
const TRIAL: u32 = 10;

/// The settings of a mail server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSettings {
    /// Its name.
    pub host: String,
    /// Its port; none for the usual one.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// The login there, if it asks for one.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// Whom mail comes from.
    pub from: String,
}

/// How far a trial has come before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The settings themselves make no sense.
    Settings,
    /// No mail server answers there.
    Connect,
    /// It answers, and no protected connection comes about.
    Tls,
    /// It does not take the login.
    Login,
    /// It does not take a message from this sender.
    Sender,
    /// It does not take a message to this address.
    Recipient,
}

/// Why a trial has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrialFailed {
    /// At which stage.
    pub stage: Stage,
    /// What was found, in the server's own words where it said any.
    pub words: String,
}

impl std::fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MailSettings({}:{:?})", self.host, self.port)
    }
}

impl MailSettings {
    /// As the file and the environment say it.
    #[must_use]
    pub fn of(file: &config::Mail) -> Self {
        Self {
            host: file.host.clone(),
            port: file.port,
            encryption: file.encryption,
            username: file.username.clone(),
            password: file.password.clone(),
            from: file.from.clone(),
        }
    }

    /// The settings of the file with these in place of its own; what they do not say stays.
    #[must_use]
    pub fn over(&self, config: &Config) -> Config {
        let mail = config::Mail {
            transport: TransportKind::Smtp,
            host: self.host.clone(),
            port: self.port,
            encryption: self.encryption,
            username: self.username.clone(),
            password: self.password.clone(),
            from: self.from.clone(),
            ..config.mail.clone()
        };
        Config { mail, ..config.clone() }
    }

    /// Tries these settings, without saving them and without sending anything: connects, agrees on TLS, logs in, and asks whether a message
    /// from this sender and to this address would be taken.
    ///
    /// # Errors
    /// At which stage it fails, and the words that were found there.
    pub async fn try_out(&self, config: &Config, to: &str) -> Result<(), TrialFailed> {
        let wrong = |e: MailError| TrialFailed { stage: Stage::Settings, words: e.to_string() };
        let mut config = self.over(config);
        config.mail.timeout = config::Period::seconds(TRIAL);
        let from = sender(&config.mail).map_err(wrong)?;
        Smtp::new(&config).map_err(wrong)?.try_out(from.email.as_ref(), &[to]).await.map(|_| ())
    }

    /// Whether they make sense at all.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self, config: &Config) -> Result<(), MailError> {
        let over = self.over(config);
        sender(&over.mail)?;
        Smtp::new(&over).map(|_| ())
    }

    /// What may be shown of them: everything but the password.
    #[must_use]
    pub fn shown(&self) -> serde_json::Value {
        serde_json::json!({
            "host": self.host,
            "port": self.port,
            "encryption": self.encryption,
            "username": self.username.as_deref().map(mask),
            "password": self.password.is_some(),
            "from": self.from,
        })
    }
}

/// The settings that were saved, as they are kept; none where the file counts.
///
/// # Errors
/// When the database refuses.
pub async fn kept(conn: &mut Conn) -> crate::store::Result<Option<String>> {
    facts::find(conn, facts::MAIL_SETTINGS).await
}

/// The settings that were saved; none where the file counts.
///
/// # Errors
/// When the database refuses, or they cannot be opened.
pub async fn saved(conn: &mut Conn, vault: &Vault) -> Result<Option<MailSettings>, MailError> {
    match kept(conn).await? {
        None => Ok(None),
        Some(sealed) => open(vault, &sealed).map(Some),
    }
}

/// Opens what was kept.
pub(super) fn open(vault: &Vault, sealed: &str) -> Result<MailSettings, MailError> {
    let plain = vault.unseal(SEAL, facts::MAIL_SETTINGS, sealed)?;
    serde_json::from_slice(&plain).map_err(|e| MailError::Build(e.to_string()))
}

/// Saves settings, in place of those before and of the file's.
///
/// # Errors
/// When they make no sense, or the database or the master key fails.
pub async fn save(
    conn: &mut Conn,
    vault: &Vault,
    config: &Config,
    settings: &MailSettings,
    rng: &mut impl CryptoRng,
) -> Result<(), MailError> {
    settings.check(config)?;
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(settings).unwrap_or_default());
    let sealed = vault.seal(SEAL, facts::MAIL_SETTINGS, &plain, rng)?;
    Ok(facts::set(conn, facts::MAIL_SETTINGS, &sealed).await?)
}

/// Forgets what was saved: the file counts again. False when nothing was.
///
/// # Errors
/// When the database refuses.
pub async fn reset(conn: &mut Conn) -> crate::store::Result<bool> {
    facts::forget(conn, facts::MAIL_SETTINGS).await
}
