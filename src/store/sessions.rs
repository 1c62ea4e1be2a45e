//! Which queries keep browsers that have signed in?

use super::macros::{execute, execute_later, later, optional, queries};
use super::row::from_row;
use super::{Conn, Later, Result};

queries! {
    ADD = "INSERT INTO sessions (id, token_hash, user_id, password_at, code_at, created_at, seen_at, expires_at, skipped_at)
           VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)";
    FIND = "SELECT id, user_id, password_at, code_at, skipped_at, created_at, seen_at, expires_at FROM sessions
            WHERE token_hash = $1 AND ended_at IS NULL AND expires_at > $2 AND seen_at > $3";
    FIND_BY_ID = "SELECT id, user_id, password_at, code_at, skipped_at, created_at, seen_at, expires_at FROM sessions
                  WHERE id = $1 AND ended_at IS NULL AND expires_at > $2";
    STALE = "SELECT id FROM sessions WHERE token_hash = $1 AND ended_at IS NULL AND seen_at > 0";
    EXPIRE = "UPDATE sessions SET seen_at = 0
              WHERE token_hash = $1 AND ended_at IS NULL AND (expires_at <= $2 OR seen_at <= $3)";
    OVERRIDDEN = "SELECT id FROM sessions WHERE id = $1 AND overridden_at IS NOT NULL";
    MARK_OVERRIDE = "UPDATE sessions SET overridden_at = $2 WHERE id = $1 AND overridden_at IS NULL";
    SEE = "UPDATE sessions SET seen_at = $2 WHERE id = $1 AND ended_at IS NULL";
    RENEW = "UPDATE sessions SET token_hash = $2, password_at = $3, code_at = $4, seen_at = $5, skipped_at = $6
             WHERE id = $1 AND ended_at IS NULL";
    END = "UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    END_OF_USER = "UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL";
    PURGE = "DELETE FROM sessions WHERE id IN (
                 SELECT id FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
}

/// One live session as the table holds it.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Its public name: `sid` in ID tokens.
    pub id: String,
    /// Who has signed in.
    pub user_id: String,
    /// When the password was given.
    pub password_at: i64,
    /// When a code was given, if one was.
    pub code_at: Option<i64>,
    /// When its person went on without the code that their group rehearses.
    pub skipped_at: Option<i64>,
    /// When it began.
    pub created_at: i64,
    /// When it was last used.
    pub seen_at: i64,
    /// When it is over in any case.
    pub expires_at: i64,
}

from_row!(SessionRow { id, user_id, password_at, code_at, skipped_at, created_at, seen_at, expires_at });

/// The proofs that a session stands on.
#[derive(Clone, Copy, Debug)]
pub struct Proofs {
    /// When the password was given.
    pub password_at: i64,
    /// When a code was given, if one was.
    pub code_at: Option<i64>,
    /// When its person went on without the code that their group rehearses.
    pub skipped_at: Option<i64>,
}

/// Keeps a new session; nobody waits to hear of it.
///
/// # Errors
/// When the database refuses.
pub async fn add(
    conn: &mut Conn,
    id: &str,
    token_hash: &str,
    user_id: &str,
    proofs: Proofs,
    now: i64,
    expires_at: i64,
) -> Result<()> {
    let Proofs { password_at, code_at, skipped_at } = proofs;
    later!(conn, ADD, id, token_hash, user_id, password_at, code_at, now, expires_at, skipped_at)
}

/// The live session of a cookie: not ended, not too old, used since `idle_since`.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    conn: &mut Conn,
    token_hash: &str,
    now: i64,
    idle_since: i64,
) -> Result<Option<SessionRow>> {
    optional!(conn, SessionRow, FIND, token_hash, now, idle_since)
}

/// The session of this id, if it has not ended and is not too old.
///
/// # Errors
/// When the database refuses.
pub async fn find_by_id(conn: &mut Conn, id: &str, now: i64) -> Result<Option<SessionRow>> {
    optional!(conn, SessionRow, FIND_BY_ID, id, now)
}

/// Whether there is a session of this cookie that may have grown too old, and nobody has been told yet ([`expire`]).
///
/// # Errors
/// When the database refuses.
pub async fn is_stale(conn: &mut Conn, token_hash: &str) -> Result<bool> {
    let row: Option<(String,)> = optional!(conn, (String,), STALE, token_hash)?;
    Ok(row.is_some())
}

/// Lets a session that has grown too old be so for good, because its browser is asked to sign in again; one can still sign out of it.
///
/// # Errors
/// When the database refuses.
pub async fn expire(conn: &mut Conn, token_hash: &str, now: i64, idle_since: i64) -> Result<()> {
    execute!(conn, EXPIRE, token_hash, now, idle_since).map(|_| ())
}

/// Whether `override_2fa` has let somebody in by this session before.
///
/// # Errors
/// When the database refuses.
pub async fn is_overridden(conn: &mut Conn, id: &str) -> Result<bool> {
    let row: Option<(String,)> = optional!(conn, (String,), OVERRIDDEN, id)?;
    Ok(row.is_some())
}

/// Notes that `override_2fa` lets somebody in by this session; false when it has before.
///
/// # Errors
/// When the database refuses.
pub async fn mark_override(conn: &mut Conn, id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, MARK_OVERRIDE, id, now)? == 1)
}

/// Notes that a session is in use: that has not happened when it has ended. If it has, nobody else can end it before the transaction is
/// over.
///
/// # Errors
/// When the database refuses.
pub fn see(conn: &mut Conn, id: &str, now: i64) -> Result<Later<u64>> {
    execute_later!(conn, SEE, id, now)
}

/// The same; false when it has ended.
///
/// # Errors
/// When the database refuses.
pub async fn hold(conn: &mut Conn, id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, SEE, id, now)? == 1)
}

/// Gives a session new proofs and a new cookie; false when it has ended meanwhile.
///
/// # Errors
/// When the database refuses.
pub async fn renew(conn: &mut Conn, id: &str, token_hash: &str, proofs: Proofs, now: i64) -> Result<bool> {
    let Proofs { password_at, code_at, skipped_at } = proofs;
    Ok(execute!(conn, RENEW, id, token_hash, password_at, code_at, now, skipped_at)? == 1)
}

/// Ends one session, and with it the grants that do not outlive it; its apps are to be told. False when it had ended before.
///
/// # Errors
/// When the database refuses.
pub async fn end(conn: &mut Conn, id: &str, now: i64) -> Result<bool> {
    // The session first: whoever is giving a grant in it holds its row, and what they have written is seen after that.
    let ended = execute!(conn, END, id, now)? == 1;
    // Grants before notices, as whoever deletes an app comes to them.
    super::tokens::end_grants_of_session(conn, id, now).await?;
    super::session_clients::owe_of_session(conn, id, now).await?;
    Ok(ended)
}

/// Ends every session and every grant of a user: they were disabled, are about to be deleted, or have a new password. The apps of
/// the sessions are to be told.
///
/// # Errors
/// When the database refuses.
pub async fn end_user(conn: &mut Conn, user_id: &str, now: i64) -> Result<()> {
    execute!(conn, END_OF_USER, user_id, now)?;
    super::tokens::end_grants_of_user(conn, user_id, now).await?;
    super::session_clients::owe_of_user(conn, user_id, now).await
}

/// Deletes at most `limit` sessions that expired before `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, before, limit)
}
