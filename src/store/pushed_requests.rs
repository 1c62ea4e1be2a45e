//! Which queries keep the authorization requests that clients have pushed (RFC 9126)?

use super::macros::{execute, optional, queries};
use super::row::from_row;
use super::{AHEAD, Conn, Result};

queries! {
    ADD = "INSERT INTO pushed_requests (uri_hash, client_id, parameters, dpop_jkt, created_at, expires_at, kept_until, source)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    FIND = "SELECT client_id, parameters, dpop_jkt, created_at, expires_at, used_at FROM pushed_requests WHERE uri_hash = $1";
    EXPIRE = "UPDATE pushed_requests SET expires_at = created_at - $2
              WHERE uri_hash = $1 AND expires_at >= created_at";
    USE_UP = "UPDATE pushed_requests SET used_at = $2 WHERE uri_hash = $1 AND used_at IS NULL";
    PURGE = "DELETE FROM pushed_requests WHERE uri_hash IN (
                 SELECT uri_hash FROM pushed_requests WHERE kept_until <= $1 ORDER BY kept_until LIMIT $2)";
}

/// One pushed request as the table holds it.
#[derive(Clone, Debug)]
pub struct PushedRow {
    /// Who has pushed it.
    pub client_id: String,
    /// Its parameters, as JSON pairs of name and value.
    pub parameters: String,
    /// The thumbprint of the key that must be proven to redeem its code (RFC 9449 §10.1).
    pub dpop_jkt: Option<String>,
    /// When it was pushed.
    pub created_at: i64,
    /// Until when a sign-in may begin from it.
    pub expires_at: i64,
    /// When it was answered.
    pub used_at: Option<i64>,
}

from_row!(PushedRow { client_id, parameters, dpop_jkt, created_at, expires_at, used_at });

/// What a new pushed request is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewPushed<'a> {
    /// SHA-256 of its `request_uri`.
    pub uri_hash: &'a str,
    /// Who has pushed it.
    pub client_id: &'a str,
    /// Its parameters, as JSON pairs of name and value.
    pub parameters: &'a str,
    /// The thumbprint of the key that must be proven to redeem its code.
    pub dpop_jkt: Option<&'a str>,
    /// Now.
    pub created_at: i64,
    /// Until when a sign-in may begin from it.
    pub expires_at: i64,
    /// Until when a sign-in that began from it may end.
    pub kept_until: i64,
    /// Whose share of the room it takes.
    pub source: &'a str,
}

/// Keeps a pushed request.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, new: NewPushed<'_>) -> Result<()> {
    let NewPushed { uri_hash, client_id, parameters, dpop_jkt, created_at, expires_at, kept_until, source } =
        new;
    execute!(conn, ADD, uri_hash, client_id, parameters, dpop_jkt, created_at, expires_at, kept_until, source)
        .map(|_| ())
}

/// The pushed request of this hash, whatever has become of it.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, uri_hash: &str) -> Result<Option<PushedRow>> {
    optional!(conn, PushedRow, FIND, uri_hash)
}

/// Lets a pushed request be over for good, because whoever comes with it is told so.
///
/// # Errors
/// When the database refuses.
pub async fn expire(conn: &mut Conn, uri_hash: &str) -> Result<()> {
    execute!(conn, EXPIRE, uri_hash, AHEAD).map(|_| ())
}

/// Uses a pushed request up, once; false when it has been answered before. A sign-in that began in time may end after the
/// request has expired.
///
/// # Errors
/// When the database refuses.
pub async fn use_up(conn: &mut Conn, uri_hash: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, USE_UP, uri_hash, now)? == 1)
}

/// Deletes at most `limit` pushed requests that are of no more use at `now`.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, now: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, now, limit)
}
