//! Which queries serve clients that register themselves, and those who may let them?

use super::macros::{execute, optional, queries};
use super::{AHEAD, Conn, Result, versions};

queries! {
    INVITE = "INSERT INTO initial_access_tokens (token_hash, note, uses_left, created_at, expires_at)
              VALUES ($1, $2, $3, $4, $5)";
    IS_INVITED = "SELECT uses_left FROM initial_access_tokens
                  WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2 AND created_at - $3 <= $2";
    EXPIRE_INVITATION = "UPDATE initial_access_tokens SET expires_at = created_at - $3
                         WHERE token_hash = $1 AND expires_at >= created_at AND (expires_at <= $2 OR created_at - $3 > $2)";
    SPEND_INVITATION = "UPDATE initial_access_tokens SET uses_left = uses_left - 1
                        WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2";
    PURGE_INVITATIONS = "DELETE FROM initial_access_tokens WHERE token_hash IN (
                             SELECT token_hash FROM initial_access_tokens WHERE expires_at <= $1
                             ORDER BY expires_at LIMIT $2)";
    MARK = "UPDATE clients SET registration_token_hash = $2
            WHERE id = $1 AND (SELECT COUNT(*) FROM clients WHERE registration_token_hash IS NOT NULL) < $3";
    // The secret before goes with the one that it stood beside.
    REPLACE = "UPDATE clients SET metadata = $3, secret_hash = $4, secret_sealed = $5, updated_at = $6,
                   old_secret_hash = CASE WHEN secret_hash = $4 THEN old_secret_hash END,
                   old_secret_sealed = CASE WHEN secret_hash = $4 THEN old_secret_sealed END,
                   old_secret_until = CASE WHEN secret_hash = $4 THEN old_secret_until END
               WHERE id = $1 AND registration_token_hash = $2";
    WITHDRAW = "DELETE FROM clients WHERE id = $1 AND registration_token_hash = $2";
}

/// Keeps an initial access token (RFC 7591 §3).
///
/// # Errors
/// When the database refuses.
pub async fn invite(
    conn: &mut Conn,
    token_hash: &str,
    note: Option<&str>,
    uses: i64,
    now: i64,
    expires_at: i64,
) -> Result<()> {
    execute!(conn, INVITE, token_hash, note, uses, now, expires_at).map(|_| ())
}

/// Whether an initial access token would let somebody register a client now.
///
/// # Errors
/// When the database refuses.
pub async fn is_invited(conn: &mut Conn, token_hash: &str, now: i64) -> Result<bool> {
    let row: Option<(i64,)> = optional!(conn, (i64,), IS_INVITED, token_hash, now, AHEAD)?;
    Ok(row.is_some())
}

/// Lets an initial access token whose time is over be over for good, because whoever comes with it is told so.
///
/// # Errors
/// When the database refuses.
pub async fn expire_invitation(conn: &mut Conn, token_hash: &str, now: i64) -> Result<()> {
    execute!(conn, EXPIRE_INVITATION, token_hash, now, AHEAD).map(|_| ())
}

/// Uses an initial access token once; false when it has expired, or has no use left.
///
/// # Errors
/// When the database refuses.
pub async fn spend_invitation(conn: &mut Conn, token_hash: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, SPEND_INVITATION, token_hash, now)? == 1)
}

/// Deletes at most `limit` initial access tokens that have expired by `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge_invitations(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE_INVITATIONS, before, limit)
}

/// Marks a client as one that has registered itself; false when `most` others have.
///
/// # Errors
/// When the database refuses.
pub async fn mark(conn: &mut Conn, id: &str, token_hash: &str, most: i64) -> Result<bool> {
    Ok(execute!(conn, MARK, id, token_hash, most)? == 1)
}

/// What a client has replaced its registration with.
#[derive(Clone, Copy, Debug)]
pub struct Replacement<'a> {
    /// Its metadata, as JSON.
    pub metadata: &'a str,
    /// The hash of its secret.
    pub secret_hash: Option<&'a str>,
    /// The secret itself, sealed, where it must be known.
    pub secret_sealed: Option<&'a str>,
}

/// Replaces the registration of the client that holds this token; false when there is none.
///
/// # Errors
/// When the database refuses.
pub async fn replace(
    conn: &mut Conn,
    id: &str,
    token_hash: &str,
    with: Replacement<'_>,
    now: i64,
) -> Result<bool> {
    let Replacement { metadata, secret_hash, secret_sealed } = with;
    let replaced = execute!(conn, REPLACE, id, token_hash, metadata, secret_hash, secret_sealed, now)? == 1;
    versions::count_up(conn, versions::CLIENTS).await?;
    Ok(replaced)
}

/// Deletes the client that holds this token, and everything that hangs from it; false when there is none.
///
/// # Errors
/// When the database refuses.
pub async fn withdraw(conn: &mut Conn, id: &str, token_hash: &str) -> Result<bool> {
    let withdrawn = execute!(conn, WITHDRAW, id, token_hash)? == 1;
    versions::count_up(conn, versions::CLIENTS).await?;
    Ok(withdrawn)
}
