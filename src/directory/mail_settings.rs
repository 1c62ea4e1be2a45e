//! Who says by which mail server mail leaves, from within the program? It reaches into the network, so that only site administrators may.

use rand::CryptoRng;

use super::policy::Refusal;
use super::proof::{AdministerSite, Proof};
use super::rights::own;
use super::{By, Error};
use crate::config::{Config, Encryption};
use crate::keys::Vault;
use crate::keys::secret::TokenHash;
use crate::mail::MailError;
use crate::mail::settings::{self, MailSettings, TrialFailed};
use crate::store::{Conn, Db, Tx, seen_ids};

/// Why settings are not saved.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The rules say no, or the database refuses.
    #[error(transparent)]
    Directory(#[from] Error),
    /// They make no sense, or cannot be sealed.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The password that is kept is for another login or another server, and goes nowhere else.
    #[error("the password is for another server or login: type it again")]
    PasswordWanted,
    /// Somebody else has saved other settings meanwhile: of these parts, or, where all of them are to go, of any.
    #[error("somebody else has just changed the settings: look again first ({})", .0.join(", "))]
    Overtaken(Vec<&'static str>),
    /// There were many trials within the hour.
    #[error("too many trials within an hour")]
    TooMany,
}

/// How long trials are counted, in seconds, and the most of one person in that time: each may take the program ten seconds.
const TRIALS: (i64, u32) = (3600, 60);

/// What those queue for who save settings or forget them: the second sees what the first has done.
const QUEUE: &str = "mail settings";

/// What the password is told by: whether it is another one, and nothing else of it.
const MARK: &str = "credential";

/// What can be seen of settings, part by part: its name, and what it holds.
pub type Parts = Vec<(&'static str, String)>;

/// What can be seen of settings.
#[must_use]
pub fn parts(settings: &MailSettings) -> Parts {
    vec![
        ("host", settings.host.clone()),
        ("port", settings.port.map(|port| port.to_string()).unwrap_or_default()),
        ("encryption", word(settings.encryption).to_owned()),
        ("username", settings.username.clone().unwrap_or_default()),
        ("from", settings.from.clone()),
    ]
}

/// The parts by which one tells whether somebody else has changed settings meanwhile: those that can be seen, and of the password a hash under
/// the master key, since a page that says so is no place for a plain one.
///
/// # Errors
/// When the master key cannot be used.
pub fn marks(vault: &Vault, settings: &MailSettings) -> Result<Parts, Failed> {
    let mark = match &settings.password {
        Some(password) => vault.mac("mail password", &[password.as_bytes()]).map_err(MailError::from)?,
        None => String::new(),
    };
    Ok([parts(settings), vec![(MARK, mark)]].concat())
}

/// The names of those parts.
pub const MARKED: [&str; 6] = ["host", "port", "encryption", "username", "from", MARK];

/// The word for how a connection is protected.
#[must_use]
pub const fn word(encryption: Encryption) -> &'static str {
    match encryption {
        Encryption::Tls => "tls",
        Encryption::Starttls => "starttls",
        Encryption::None => "none",
    }
}

/// The fields of the parts that were seen, are something else by now, and would be something else again.
fn overtaken(seen: &Parts, now: &Parts, typed: &Parts) -> Vec<&'static str> {
    let each = now.iter().zip(typed).filter(|((name, now), (_, typed))| {
        let before = seen.iter().find(|(seen, _)| seen == name);
        now != typed && before.is_some_and(|(_, before)| before != now)
    });
    each.map(|((name, _), _)| if *name == MARK { "password" } else { *name }).collect()
}

/// What was typed, with the password that is kept where none was: for the same login at the same server, and nowhere else.
///
/// # Errors
/// When the rules say no, a password has to be typed, the database refuses, or what was saved cannot be opened.
pub async fn completed(
    conn: &mut Conn,
    vault: &Vault,
    config: &Config,
    typed: MailSettings,
    by: &Proof<AdministerSite>,
) -> Result<MailSettings, Failed> {
    let (current, _) = current(conn, vault, config, by).await?;
    if typed.username.is_none() || typed.password.is_some() {
        return Ok(typed);
    }
    let known = MailSettings { password: None, from: typed.from.clone(), ..current.clone() };
    match current.password {
        Some(password) if known == typed => Ok(MailSettings { password: Some(password), ..typed }),
        _ => Err(Failed::PasswordWanted),
    }
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
/// When the rules say no, or there were many trials; inside, at which stage this one has failed.
pub async fn try_out(
    db: &Db,
    config: &Config,
    typed: &MailSettings,
    to: &str,
    by: &Proof<AdministerSite>,
) -> Result<Result<(), TrialFailed>, Failed> {
    allowed(by)?;
    let (mut tx, now) = (db.write().await.map_err(Error::from)?, by.now());
    by.holds_still(&mut tx).await?;
    let actor = by.user_id().unwrap_or_default();
    let taken = seen_ids::take_place(&mut tx, "mail trial", actor, TRIALS.1, now + TRIALS.0, now).await;
    if !taken.map_err(Error::from)? {
        return Err(Failed::TooMany);
    }
    tx.commit().await.map_err(Error::from)?;
    Ok(typed.try_out(config, to).await)
}

/// Saves settings; every process on this database takes them up within a second or so. What somebody else has saved since the actor has
/// `seen` the [`marks`] is not overwritten.
///
/// # Errors
/// When the rules say no, somebody else was first, the settings make no sense, or the database refuses.
pub async fn save(
    tx: &mut Tx,
    vault: &Vault,
    config: &Config,
    typed: &MailSettings,
    seen: &Parts,
    by: &Proof<AdministerSite>,
    rng: &mut impl CryptoRng,
) -> Result<(), Failed> {
    seen_ids::queue(tx, QUEUE, by.now()).await.map_err(Error::from)?;
    by.holds_still(tx).await?;
    let (before, _) = current(tx, vault, config, by).await?;
    let overtaken = overtaken(seen, &marks(vault, &before)?, &marks(vault, typed)?);
    if !overtaken.is_empty() {
        return Err(Failed::Overtaken(overtaken));
    }
    settings::save(tx, vault, config, typed, rng).await?;
    let event =
        by.event("mail.settings_saved").detail("before", before.shown()).detail("after", typed.shown());
    Ok(by.record(event, tx, rng).await.map_err(Error::from)?)
}

/// What was saved, in few characters, so that whoever means to forget it can say what they have seen; empty where the file counts.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn version(conn: &mut Conn, by: &Proof<AdministerSite>) -> Result<String, Failed> {
    allowed(by)?;
    let kept = settings::kept(conn).await.map_err(Error::from)?;
    Ok(kept.map(|sealed| TokenHash::of(&sealed).as_str().to_owned()).unwrap_or_default())
}

/// Forgets what was saved: the file counts again. False when nothing was. What somebody else has saved since the actor has `seen` the
/// [`version`] is not forgotten.
///
/// # Errors
/// When the rules say no, somebody else has saved something meanwhile, or the database refuses.
pub async fn reset(
    tx: &mut Tx,
    seen: Option<&str>,
    by: &Proof<AdministerSite>,
    rng: &mut impl CryptoRng,
) -> Result<bool, Failed> {
    seen_ids::queue(tx, QUEUE, by.now()).await.map_err(Error::from)?;
    by.holds_still(tx).await?;
    let now = version(tx, by).await?;
    if seen.is_some_and(|seen| seen != now) && !now.is_empty() {
        return Err(Failed::Overtaken(Vec::new()));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A vault whose master key stands in its file as this letter over and over.
    fn vault_of(letter: &str) -> Vault {
        Vault::parse(&format!("{}=", letter.repeat(43))).unwrap()
    }

    fn at(host: &str, from: &str) -> MailSettings {
        MailSettings {
            host: host.to_owned(),
            port: None,
            encryption: Encryption::Tls,
            username: None,
            password: None,
            from: from.to_owned(),
        }
    }

    #[test]
    fn what_somebody_else_has_saved_meanwhile_is_not_overwritten() {
        let vault = vault_of("A");
        let marks = |settings: &MailSettings| marks(&vault, settings).unwrap();
        let seen = marks(&at("a", "x@y.org"));
        assert_eq!(seen.iter().map(|(name, _)| *name).collect::<Vec<_>>(), MARKED);
        for (now, typed, expected) in [
            (at("a", "x@y.org"), at("b", "x@y.org"), vec![]),
            (at("c", "x@y.org"), at("b", "x@y.org"), vec!["host"]),
            // The same as mine, or another part: nothing is lost.
            (at("b", "x@y.org"), at("b", "x@y.org"), vec![]),
            (at("c", "z@y.org"), at("b", "w@y.org"), vec!["host", "from"]),
        ] {
            assert_eq!(overtaken(&seen, &marks(&now), &marks(&typed)), expected, "{now:?} {typed:?}");
        }
        let none = Vec::new();
        assert!(overtaken(&none, &marks(&at("c", "q@y.org")), &marks(&at("b", "w@y.org"))).is_empty());
    }

    #[test]
    fn another_password_is_seen_to_be_one_and_not_which() {
        let vault = vault_of("A");
        let with = |password: Option<&str>| {
            let settings = MailSettings { password: password.map(str::to_owned), ..at("a", "x@y.org") };
            marks(&vault, &settings).unwrap()
        };
        for (seen, now, typed, expected) in [
            (Some("old"), Some("old"), Some("mine"), vec![]),
            (Some("old"), Some("theirs"), Some("mine"), vec!["password"]),
            (Some("old"), Some("theirs"), None, vec!["password"]),
            (None, Some("theirs"), Some("mine"), vec!["password"]),
            (Some("old"), None, Some("mine"), vec!["password"]),
            (Some("old"), Some("mine"), Some("mine"), vec![]),
        ] {
            assert_eq!(
                overtaken(&with(seen), &with(now), &with(typed)),
                expected,
                "{seen:?} {now:?} {typed:?}"
            );
        }
        assert!(with(Some("old")).iter().all(|(_, value)| !value.contains("old")));
        let other = vault_of("Q");
        let settings = MailSettings { password: Some("old".to_owned()), ..at("a", "x@y.org") };
        assert_ne!(marks(&other, &settings).unwrap(), with(Some("old")), "it takes the master key");
    }
}
