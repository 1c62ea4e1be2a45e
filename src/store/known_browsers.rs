//! Which queries remember the browsers in which somebody has signed in before?

use super::macros::{execute, later, optional, queries};
use super::{Conn, Result};

queries! {
    IS_KNOWN = "SELECT seen_at FROM known_browsers WHERE browser_hash = $1 AND user_id = $2";
    SEE = "UPDATE known_browsers SET seen_at = $3 WHERE browser_hash = $1 AND user_id = $2";
    ADD = "INSERT INTO known_browsers (browser_hash, user_id, seen_at) VALUES ($1, $2, $3)
           ON CONFLICT (browser_hash, user_id) DO UPDATE SET seen_at = $3";
    RENAME = "UPDATE known_browsers SET browser_hash = $2 WHERE browser_hash = $1";
    KEEP_NEWEST = "DELETE FROM known_browsers WHERE user_id = $1 AND browser_hash NOT IN (
                       SELECT browser_hash FROM known_browsers WHERE user_id = $1
                       ORDER BY seen_at DESC, browser_hash LIMIT $2)";
    FORGET_USER = "DELETE FROM known_browsers WHERE user_id = $1";
    PURGE = "DELETE FROM known_browsers WHERE browser_hash IN (
                 SELECT browser_hash FROM known_browsers WHERE seen_at <= $1 ORDER BY seen_at LIMIT $2)
             AND seen_at <= $1";
}

/// Whether a user has signed in with this browser before.
///
/// # Errors
/// When the database refuses.
pub async fn is_known(conn: &mut Conn, browser_hash: &str, user_id: &str) -> Result<bool> {
    let row: Option<(i64,)> = optional!(conn, (i64,), IS_KNOWN, browser_hash, user_id)?;
    Ok(row.is_some())
}

/// Notes that a user signs in with a browser that is known; false when it is not.
///
/// # Errors
/// When the database refuses.
pub async fn see(conn: &mut Conn, browser_hash: &str, user_id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, SEE, browser_hash, user_id, now)? > 0)
}

/// Remembers that a user has signed in with a browser, and at most `most` of theirs: the newest. Nobody waits to hear of it.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, browser_hash: &str, user_id: &str, now: i64, most: i64) -> Result<()> {
    later!(conn, ADD, browser_hash, user_id, now)?;
    later!(conn, KEEP_NEWEST, user_id, most)
}

/// A browser is known by another name from now on, to everybody who has signed in with it.
///
/// # Errors
/// When the database refuses.
pub async fn rename(conn: &mut Conn, before: &str, after: &str) -> Result<()> {
    later!(conn, RENAME, before, after)
}

/// Forgets the browsers of a user.
///
/// # Errors
/// When the database refuses.
pub async fn forget_user(conn: &mut Conn, user_id: &str) -> Result<()> {
    execute!(conn, FORGET_USER, user_id).map(|_| ())
}

/// Forgets at most about `limit` browsers that nobody has signed in with since `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, before, limit)
}
