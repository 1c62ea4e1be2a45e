//! Who takes back somebody's sessions, and what apps have been allowed about them?

use rand::CryptoRng;

use super::by::{By, standing};
use super::{Error, Person, Tree, people, policy};
use crate::store::access::{self, Live};
use crate::store::{Conn, Tx, sessions, tokens};

/// The most people that are counted.
pub const COUNTED: i64 = 10_000;

/// How many people of a tree use an app: those who have a grant for it that holds, up to [`COUNTED`].
///
/// # Errors
/// When the database refuses.
pub async fn people_of_app(conn: &mut Conn, tree: &Tree, client_id: &str, now: i64) -> Result<i64, Error> {
    Ok(access::people_of_client(conn, tree.root_id(), client_id, now, COUNTED).await?)
}

/// Ends one live session, and the grants that do not outlive it; its apps are told. Answers whose it was.
///
/// # Errors
/// When there is none, the rules say no, or the database refuses.
pub async fn end_session(
    tx: &mut Tx,
    id: &str,
    live: Live,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<Person, Error> {
    let unknown = || Error::UnknownSession(id.to_owned());
    let session = access::session(tx, id, live).await?.ok_or_else(unknown)?;
    let person = allowed(tx, &session.user_id, by).await?.ok_or_else(unknown)?;
    if !sessions::end(tx, id, by.now()).await? {
        return Err(unknown());
    }
    by.record(by.event("session.ended").user(&person.id).detail("session", id), tx, rng).await?;
    Ok(person)
}

/// Ends every session of somebody, and the grants that do not outlive them; the apps are told. Answers how many there were.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn end_sessions(
    tx: &mut Tx,
    person: &Person,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<u64, Error> {
    let person = allowed(tx, &person.id, by).await?.ok_or(Error::Vanished)?;
    let ended = access::end_sessions(tx, &person.id, by.now()).await?;
    by.record(by.event("session.ended").user(&person.id).detail("sessions", ended), tx, rng).await?;
    Ok(ended)
}

/// Ends one grant: its tokens are void, and its app asks anew. Answers whose it was.
///
/// # Errors
/// When there is none, the rules say no, or the database refuses.
pub async fn revoke_grant(tx: &mut Tx, id: &str, by: &By, rng: &mut impl CryptoRng) -> Result<Person, Error> {
    let unknown = || Error::UnknownGrant(id.to_owned());
    let grant = access::grant(tx, id, by.now()).await?.ok_or_else(unknown)?;
    let person = allowed(tx, &grant.user_id, by).await?.ok_or_else(unknown)?;
    if !tokens::end_grant(tx, id, by.now()).await? {
        return Err(unknown());
    }
    access::forget_consent(tx, &person.id, Some(&grant.client_id)).await?;
    let event = by.event("grant.revoked").user(&person.id).client(grant.client_id).detail("grant", id);
    by.record(event, tx, rng).await?;
    Ok(person)
}

/// Ends every grant of somebody, for one app or for all, and forgets what they have agreed to there. Answers how many there were.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn revoke_grants(
    tx: &mut Tx,
    person: &Person,
    client_id: Option<&str>,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<u64, Error> {
    let person = allowed(tx, &person.id, by).await?.ok_or(Error::Vanished)?;
    let ended = access::end_grants(tx, &person.id, client_id, by.now()).await?;
    access::forget_consent(tx, &person.id, client_id).await?;
    let mut event = by.event("grant.revoked").user(&person.id).detail("grants", ended);
    if let Some(client_id) = client_id {
        event = event.client(client_id);
    }
    by.record(event, tx, rng).await?;
    Ok(ended)
}

/// The user, whom nobody else changes until the transaction ends, if the actor may act on them.
async fn allowed(tx: &mut Tx, user_id: &str, by: &By) -> Result<Option<Person>, Error> {
    let Some(person) = people::locked(tx, user_id).await? else { return Ok(None) };
    policy::may_edit(&by.actor, &standing(tx, &person).await?)?;
    Ok(Some(person))
}
