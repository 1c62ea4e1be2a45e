//! Which queries keep one-time links?

use super::macros::{execute, optional, queries};
use super::row::from_row;
use super::{AHEAD, Conn, Result};

queries! {
    ADD = "INSERT INTO links (token_hash, purpose, user_id, signin_id, created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6)";
    FIND = "SELECT user_id, signin_id FROM links
            WHERE token_hash = $1 AND purpose = $2 AND spent_at IS NULL AND expires_at > $3 AND created_at - $4 <= $3";
    HAD_ONE = "SELECT user_id FROM links WHERE user_id = $1 LIMIT 1";
    SPEND = "UPDATE links SET spent_at = $3
             WHERE token_hash = $1 AND purpose = $2 AND spent_at IS NULL AND expires_at > $3 AND created_at - $4 <= $3";
    BURY = "UPDATE links SET spent_at = $2
            WHERE token_hash = $1 AND spent_at IS NULL AND (expires_at <= $2 OR created_at - $3 > $2)";
    IS_EXPIRED = "SELECT user_id FROM links
                  WHERE token_hash = $1 AND spent_at IS NULL AND (expires_at <= $2 OR created_at - $3 > $2)";
    END_OF_USER = "UPDATE links SET spent_at = $2 WHERE user_id = $1 AND spent_at IS NULL";
    END_OF_HOLDERS = "UPDATE links SET spent_at = $2
                      WHERE spent_at IS NULL AND user_id IN (SELECT id FROM users WHERE role_id = $1)";
    END_OF_PURPOSE = "UPDATE links SET spent_at = $3 WHERE user_id = $1 AND purpose = $2 AND spent_at IS NULL";
}

/// A link that may still be used.
#[derive(Clone, Debug)]
pub struct LinkRow {
    /// Whose it is.
    pub user_id: String,
    /// The sign-in from which it was asked for.
    pub signin_id: Option<String>,
}

from_row!(LinkRow { user_id, signin_id });

/// What a new link is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewLink<'a> {
    /// The hash of what it ends in.
    pub token_hash: &'a str,
    /// What it is for.
    pub purpose: &'a str,
    /// Whose it is.
    pub user_id: &'a str,
    /// The sign-in from which it was asked for.
    pub signin_id: Option<&'a str>,
    /// Until when it may be used.
    pub expires_at: i64,
}

/// Keeps a new link.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, new: NewLink<'_>, now: i64) -> Result<()> {
    execute!(conn, ADD, new.token_hash, new.purpose, new.user_id, new.signin_id, now, new.expires_at)
        .map(|_| ())
}

/// The link that ends in this, if it may still be used for this purpose.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, token_hash: &str, purpose: &str, now: i64) -> Result<Option<LinkRow>> {
    optional!(conn, LinkRow, FIND, token_hash, purpose, now, AHEAD)
}

/// Whether a user has, or had, a link that is still known.
///
/// # Errors
/// When the database refuses.
pub async fn had_one(conn: &mut Conn, user_id: &str) -> Result<bool> {
    let row: Option<(String,)> = optional!(conn, (String,), HAD_ONE, user_id)?;
    Ok(row.is_some())
}

/// Uses a link up, once and in time.
///
/// # Errors
/// When the database refuses.
pub async fn spend(conn: &mut Conn, token_hash: &str, purpose: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, SPEND, token_hash, purpose, now, AHEAD)? == 1)
}

/// Whether this link could still be used, had it not expired.
///
/// # Errors
/// When the database refuses.
pub async fn is_expired(conn: &mut Conn, token_hash: &str, now: i64) -> Result<bool> {
    let row: Option<(String,)> = optional!(conn, (String,), IS_EXPIRED, token_hash, now, AHEAD)?;
    Ok(row.is_some())
}

/// Uses an expired link up, so that it stays refused, whatever a clock may say.
///
/// # Errors
/// When the database refuses.
pub async fn bury(conn: &mut Conn, token_hash: &str, now: i64) -> Result<()> {
    execute!(conn, BURY, token_hash, now, AHEAD).map(|_| ())
}

/// Voids every link of a user.
///
/// # Errors
/// When the database refuses.
pub async fn end_of_user(conn: &mut Conn, user_id: &str, now: i64) -> Result<()> {
    execute!(conn, END_OF_USER, user_id, now).map(|_| ())
}

/// The same of everyone who holds a role.
///
/// # Errors
/// When the database refuses.
pub async fn end_of_holders(conn: &mut Conn, role_id: &str, now: i64) -> Result<()> {
    execute!(conn, END_OF_HOLDERS, role_id, now).map(|_| ())
}

/// Voids every link of a user for this purpose.
///
/// # Errors
/// When the database refuses.
pub async fn end_of_purpose(conn: &mut Conn, user_id: &str, purpose: &str, now: i64) -> Result<()> {
    execute!(conn, END_OF_PURPOSE, user_id, purpose, now).map(|_| ())
}
