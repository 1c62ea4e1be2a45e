//! Has somebody else a name, or one that looks like it?

use super::login::{self, Login};
use super::{Address, Error};
use crate::store::{Tx, seen_ids, users};

/// Whether somebody else has this name, as login or as preferred username. Those are two columns, and no unique rule sees both:
/// whoever takes a name queues for it.
pub(super) async fn is_taken(tx: &mut Tx, key: &str, id: &str, now: i64) -> Result<bool, Error> {
    seen_ids::queue(tx, &format!("name\n{key}"), now).await?;
    Ok(users::has_namesake(tx, key, id).await?)
}

/// Whether a login is an address by which somebody else signs in: who had it as login would keep them out, and would be taken for them.
async fn is_an_address(tx: &mut Tx, login: &Login, id: &str) -> Result<bool, Error> {
    let Some(key) = Address::key_of(login.as_str()) else { return Ok(false) };
    Ok(users::find_by_email(tx, &key, 2).await?.iter().any(|holder| holder.id != id))
}

/// Whether a name would pass for somebody else's (UTS 39 §4).
pub(super) async fn looks_taken(tx: &mut Tx, name: &str, id: &str, now: i64) -> Result<bool, Error> {
    match login::passes_for(name) {
        Some(key) => is_taken(tx, &key, id, now).await,
        None => Ok(false),
    }
}

/// Refuses a login that somebody else has, or that would pass for theirs.
pub(super) async fn refuse_taken(tx: &mut Tx, login: &Login, id: &str, now: i64) -> Result<(), Error> {
    if is_taken(tx, &login.key(), id, now).await? || is_an_address(tx, login, id).await? {
        return Err(Error::LoginTaken(login.to_string()));
    }
    if looks_taken(tx, login.as_str(), id, now).await? {
        return Err(Error::LoginAlike(login.to_string()));
    }
    Ok(())
}
