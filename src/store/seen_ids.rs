//! Which names have come already that count once: the `jti` of assertions, of proofs, of tokens that were revoked?

use std::fmt::Write as _;

use openssl::sha::sha256;

use super::macros::{execute, optional, queries};
use super::{Conn, Result};

queries! {
    /// A name whose time is over may come again, whether or not its row has been purged.
    REMEMBER = "INSERT INTO seen_ids (purpose, id_hash, expires_at) VALUES ($1, $2, $3)
                ON CONFLICT (purpose, id_hash) DO UPDATE SET expires_at = $3 WHERE seen_ids.expires_at <= $4";
    QUEUE = "INSERT INTO seen_ids (purpose, id_hash, expires_at) VALUES ('queue', $1, $2)
             ON CONFLICT (purpose, id_hash) DO UPDATE SET expires_at = $2";
    FIND = "SELECT expires_at FROM seen_ids WHERE purpose = $1 AND id_hash = $2 AND expires_at > $3";
    PURGE = "DELETE FROM seen_ids WHERE (purpose, id_hash) IN (
                 SELECT purpose, id_hash FROM seen_ids WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
}

/// Remembers a name for this purpose until `expires_at`; false when it is remembered already. Of any number of
/// processes that come with the same name at once, one is told true.
///
/// # Errors
/// When the database refuses.
pub async fn remember(conn: &mut Conn, purpose: &str, id: &str, expires_at: i64, now: i64) -> Result<bool> {
    Ok(execute!(conn, REMEMBER, purpose, hash(id), expires_at, now)? == 1)
}

/// Takes one of so many places for a name until `expires_at`; false when all of them are taken. So no more than that many of
/// what it stands for happen in any time of that length, whoever they happen to at once.
///
/// # Errors
/// When the database refuses.
pub async fn take_place(
    conn: &mut Conn,
    purpose: &str,
    id: &str,
    places: u32,
    expires_at: i64,
    now: i64,
) -> Result<bool> {
    for place in 0..places {
        if remember(conn, purpose, &format!("{id}\n{place}"), expires_at, now).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits until every transaction that has queued for this before has ended, and lets those that come later wait for this one:
/// for rules that look at many rows, none of which could be locked instead. What is read after it sees what they have done.
///
/// # Errors
/// When the database refuses.
pub async fn queue(conn: &mut Conn, for_what: &str, now: i64) -> Result<()> {
    execute!(conn, QUEUE, hash(for_what), now).map(|_| ())
}

/// Whether a name is remembered for this purpose.
///
/// # Errors
/// When the database refuses.
pub async fn is_seen(conn: &mut Conn, purpose: &str, id: &str, now: i64) -> Result<bool> {
    let row: Option<(i64,)> = optional!(conn, (i64,), FIND, purpose, hash(id), now)?;
    Ok(row.is_some())
}

/// Deletes at most `limit` names whose time was over at `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, before, limit)
}

/// A name of any length as one of a fixed length.
fn hash(id: &str) -> String {
    sha256(id.as_bytes()).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
