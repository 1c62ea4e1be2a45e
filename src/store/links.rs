//! Which queries keep one-time links?

use super::macros::{execute, optional, queries};
use super::{Conn, Result};

queries! {
    ADD = "INSERT INTO links (token_hash, purpose, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
    FIND = "SELECT user_id FROM links
            WHERE token_hash = $1 AND purpose = $2 AND spent_at IS NULL AND expires_at > $3";
    SPEND = "UPDATE links SET spent_at = $3
             WHERE token_hash = $1 AND purpose = $2 AND spent_at IS NULL AND expires_at > $3";
    END_OF_USER = "UPDATE links SET spent_at = $2 WHERE user_id = $1 AND spent_at IS NULL";
}

/// Keeps a new link.
///
/// # Errors
/// When the database refuses.
pub async fn add(
    conn: &mut Conn,
    token_hash: &str,
    purpose: &str,
    user_id: &str,
    now: i64,
    expires_at: i64,
) -> Result<()> {
    execute!(conn, ADD, token_hash, purpose, user_id, now, expires_at).map(|_| ())
}

/// Whose link this is, if it may still be used for this purpose.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, token_hash: &str, purpose: &str, now: i64) -> Result<Option<String>> {
    let row: Option<(String,)> = optional!(conn, (String,), FIND, token_hash, purpose, now)?;
    Ok(row.map(|(user_id,)| user_id))
}

/// Uses a link up, once and in time.
///
/// # Errors
/// When the database refuses.
pub async fn spend(conn: &mut Conn, token_hash: &str, purpose: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, SPEND, token_hash, purpose, now)? == 1)
}

/// Voids every link of a user.
///
/// # Errors
/// When the database refuses.
pub async fn end_of_user(conn: &mut Conn, user_id: &str, now: i64) -> Result<()> {
    execute!(conn, END_OF_USER, user_id, now).map(|_| ())
}
