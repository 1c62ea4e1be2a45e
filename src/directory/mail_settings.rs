//! Who says by which mail server mail leaves, from within the program? It reaches into the network, so that only site administrators may.

use rand::CryptoRng;

use super::policy::Refusal;
use super::proof::{AdministerSite, Proof};
use super::rights::own;
use super::{By, Error};
use crate::config::Config;
use crate::keys::Vault;
use crate::mail::MailError;
use crate::mail::settings::{self, MailSettings, TrialFailed};
use crate::store::{Conn, Tx};

/// Why settings are not saved.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The rules say no, or the database refuses.
    #[error(transparent)]
    Directory(#[from] Error),
    /// They make no sense, or cannot be sealed.
    #[error(transparent)]
    Mail(#[from] MailError),
}

/// The settings that count: what was saved, and whether it was, or else the file's.
///
/// # Errors
/// When the rules say no, the database refuses, or what was saved cannot be opened.
pub async fn current(
    conn: &mut Conn,
    vault: &Vault,
    config: &Config,
    by: &Proof<AdministerSite>,
) -> Result<(MailSettings, bool), Failed> {
    allowed(by)?;
    Ok(match settings::saved(conn, vault).await? {
        Some(saved) => (saved, true),
        None => (MailSettings::of(&config.mail), false),
    })
}

/// Tries settings that were typed and are not saved; nothing is sent.
///
/// # Errors
/// When the rules say no; inside, at which stage the trial has failed.
pub async fn try_out(
    config: &Config,
    typed: &MailSettings,
    to: &str,
    by: &Proof<AdministerSite>,
) -> Result<Result<(), TrialFailed>, Failed> {
    allowed(by)?;
    Ok(typed.try_out(config, to).await)
}

/// Saves settings; every process on this database takes them up within a second or so.
///
/// # Errors
/// When the rules say no, the settings make no sense, or the database refuses.
pub async fn save(
    tx: &mut Tx,
    vault: &Vault,
    config: &Config,
    typed: &MailSettings,
    by: &Proof<AdministerSite>,
    rng: &mut impl CryptoRng,
) -> Result<(), Failed> {
    let (before, _) = current(tx, vault, config, by).await?;
    settings::save(tx, vault, config, typed, rng).await?;
    let event =
        by.event("mail.settings_saved").detail("before", before.shown()).detail("after", typed.shown());
    Ok(by.record(event, tx, rng).await.map_err(Error::from)?)
}

/// Forgets what was saved: the file counts again. False when nothing was.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn reset(
    tx: &mut Tx,
    by: &Proof<AdministerSite>,
    rng: &mut impl CryptoRng,
) -> Result<bool, Failed> {
    allowed(by)?;
    if !settings::reset(tx).await.map_err(Error::from)? {
        return Ok(false);
    }
    by.record(by.event("mail.settings_reset"), tx, rng).await.map_err(Error::from)?;
    Ok(true)
}

/// Whether whoever acts may say how mail leaves, and try any address: the right means nothing in a group.
///
/// # Errors
/// When they may not.
pub fn allowed(by: &By) -> Result<(), Error> {
    if by.administers_site() { Ok(()) } else { Err(Refusal::LacksRight(own::ADMINISTER_SITE).into()) }
}
