//! Which queries keep grants, and the authorization codes and refresh tokens that hang from them?

use super::macros::{execute, execute_later, later, optional, queries};
use super::row::from_row;
use super::{AHEAD, Conn, Later, Result};

queries! {
    ADD_GRANT = "INSERT INTO grants (id, user_id, client_id, session_id, scopes, nonce, amr, acr, auth_time,
                                     created_at, expires_at, details)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    FIND_GRANT = "SELECT id, user_id, client_id, session_id, scopes, nonce, amr, acr, auth_time, created_at,
                         expires_at, ended_at, details
                  FROM grants WHERE id = $1";
    END_GRANT = "UPDATE grants SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    END_UNREDEEMED = "UPDATE grants SET ended_at = $2
                      WHERE id = $1 AND ended_at IS NULL
                        AND NOT EXISTS (SELECT 1 FROM authorization_codes c WHERE c.grant_id = $1 AND c.spent_at IS NOT NULL)";
    END_GRANTS_OF_USER = "UPDATE grants SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL";
    // Whose session it is leads to its grants: the index begins with that.
    END_GRANTS_OF_SESSION = "UPDATE grants SET ended_at = $2
                             WHERE user_id = (SELECT s.user_id FROM sessions s WHERE s.id = $1)
                               AND session_id = $1 AND ended_at IS NULL
                               AND ' ' || scopes || ' ' NOT LIKE '% offline_access %'";
    IS_REDEEMED = "SELECT CAST(1 AS BIGINT) FROM authorization_codes WHERE grant_id = $1 AND spent_at IS NOT NULL LIMIT 1";
    ADD_CODE = "INSERT INTO authorization_codes (code_hash, grant_id, redirect_uri, code_challenge, expires_at, bound_to)
                VALUES ($1, $2, $3, $4, $5, $6)";
    FIND_CODE = "SELECT grant_id, redirect_uri, code_challenge, expires_at, spent_at, bound_to
                 FROM authorization_codes WHERE code_hash = $1";
    SPEND_CODE = "UPDATE authorization_codes SET spent_at = $2
                  WHERE code_hash = $1 AND spent_at IS NULL AND expires_at > $2";
    // Its making is its grant's.
    EXPIRE_CODE = "UPDATE authorization_codes SET expires_at = 0
                   WHERE code_hash = $1 AND spent_at IS NULL AND expires_at > 0";
    ADD_REFRESH = "INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at, bound_to)
                   VALUES ($1, $2, $3, $4, $5)";
    FIND_REFRESH = "SELECT t.grant_id, t.expires_at, t.spent_at, t.bound_to, t.retried_at, s.token_hash AS waiting_successor
                    FROM refresh_tokens t
                    LEFT JOIN refresh_tokens s ON s.token_hash = t.successor_hash AND s.spent_at IS NULL
                    WHERE t.token_hash = $1";
    SPEND_REFRESH = "UPDATE refresh_tokens SET spent_at = $2, successor_hash = $3
                     WHERE token_hash = $1 AND spent_at IS NULL AND expires_at > $2";
    RETRY_REFRESH = "UPDATE refresh_tokens SET retried_at = $4
                     WHERE token_hash = $1 AND successor_hash = $2 AND retried_at IS NULL AND spent_at >= $3
                       AND EXISTS (SELECT 1 FROM refresh_tokens s WHERE s.token_hash = $2 AND s.spent_at IS NULL)";
    EXPIRE_REFRESH = "UPDATE refresh_tokens SET expires_at = created_at - $3
                      WHERE token_hash = $1 AND expires_at <= $2 AND expires_at >= created_at";
    RENEW_REFRESH = "UPDATE refresh_tokens SET expires_at = $2
                     WHERE token_hash = $1 AND spent_at IS NULL AND expires_at > $3";
    PURGE_REFRESH = "DELETE FROM refresh_tokens WHERE token_hash IN (
                         SELECT token_hash FROM refresh_tokens WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
    PURGE_GRANTS = "DELETE FROM grants WHERE id IN (
                        SELECT id FROM grants WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
    REMEMBER_CONSENT = "INSERT INTO consents (user_id, client_id, scopes, granted_at) VALUES ($1, $2, $3, $4)
                        ON CONFLICT (user_id, client_id) DO UPDATE SET scopes = $3, granted_at = $4";
    CONSENTED = "SELECT scopes FROM consents WHERE user_id = $1 AND client_id = $2";
}

/// One grant as the table holds it.
#[derive(Clone, Debug)]
pub struct GrantRow {
    /// Its id; the part of an access token's `jti` before the dot.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// For which relying app.
    pub client_id: String,
    /// The session in which it was given: `sid`.
    pub session_id: String,
    /// The scopes, separated by spaces.
    pub scopes: String,
    /// The `nonce` of the authorization request.
    pub nonce: Option<String>,
    /// What was proven, as RFC 8176 words separated by spaces.
    pub amr: String,
    /// The authentication context class reference.
    pub acr: String,
    /// When the last factor was given.
    pub auth_time: i64,
    /// When it was given.
    pub created_at: i64,
    /// When it is over in any case.
    pub expires_at: i64,
    /// When it ended before that.
    pub ended_at: Option<i64>,
    /// What else was granted, as JSON.
    pub details: String,
}

from_row!(GrantRow {
    id,
    user_id,
    client_id,
    session_id,
    scopes,
    nonce,
    amr,
    acr,
    auth_time,
    created_at,
    expires_at,
    ended_at,
    details
});

/// One authorization code as the table holds it.
#[derive(Clone, Debug)]
pub struct CodeRow {
    /// The grant that it stands for.
    pub grant_id: String,
    /// The `redirect_uri` that it was sent to; empty when the request left it out.
    pub redirect_uri: String,
    /// The S256 `code_challenge` (RFC 7636 §4.2), if one was sent.
    pub code_challenge: Option<String>,
    /// Until when it may be redeemed.
    pub expires_at: i64,
    /// When it was redeemed.
    pub spent_at: Option<i64>,
    /// The key that must be proven to redeem it, as JSON.
    pub bound_to: Option<String>,
}

from_row!(CodeRow { grant_id, redirect_uri, code_challenge, expires_at, spent_at, bound_to });

/// One refresh token as the table holds it.
#[derive(Clone, Debug)]
pub struct RefreshRow {
    /// The grant that it renews.
    pub grant_id: String,
    /// Until when it may be used.
    pub expires_at: i64,
    /// When it was used.
    pub spent_at: Option<i64>,
    /// The key that must be proven to use it, as JSON.
    pub bound_to: Option<String>,
    /// When it was used once more.
    pub retried_at: Option<i64>,
    /// The hash of the token that was given for it, as long as that one is unused. It comes with the rest in one statement:
    /// read apart, a retry by another request in between would look like a reuse.
    pub waiting_successor: Option<String>,
}

from_row!(RefreshRow { grant_id, expires_at, spent_at, bound_to, retried_at, waiting_successor });

/// What a new refresh token is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewRefresh<'a> {
    /// Its hash.
    pub token_hash: &'a str,
    /// The grant that it renews.
    pub grant_id: &'a str,
    /// Now.
    pub created_at: i64,
    /// Until when it may be used.
    pub expires_at: i64,
    /// The key that must be proven to use it, as JSON.
    pub bound_to: Option<&'a str>,
}

/// Keeps a new grant (`ended_at` is not written); nobody waits to hear of it.
///
/// # Errors
/// When the database refuses.
pub async fn add_grant(conn: &mut Conn, grant: &GrantRow) -> Result<()> {
    later!(
        conn,
        ADD_GRANT,
        &grant.id,
        &grant.user_id,
        &grant.client_id,
        &grant.session_id,
        &grant.scopes,
        &grant.nonce,
        &grant.amr,
        &grant.acr,
        grant.auth_time,
        grant.created_at,
        grant.expires_at,
        &grant.details
    )
}

/// The grant of this id, whatever has become of it.
///
/// # Errors
/// When the database refuses.
pub async fn find_grant(conn: &mut Conn, id: &str) -> Result<Option<GrantRow>> {
    optional!(conn, GrantRow, FIND_GRANT, id)
}

/// Ends a grant whose code nobody has redeemed; its code ends with it.
///
/// # Errors
/// When the database refuses.
pub async fn end_unredeemed(conn: &mut Conn, grant_id: &str, now: i64) -> Result<()> {
    execute!(conn, END_UNREDEEMED, grant_id, now).map(|_| ())
}

/// Whether the app has redeemed the code of a grant.
///
/// # Errors
/// When the database refuses.
pub async fn is_redeemed(conn: &mut Conn, grant_id: &str) -> Result<bool> {
    let found: Option<(i64,)> = optional!(conn, (i64,), IS_REDEEMED, grant_id)?;
    Ok(found.is_some())
}

/// Ends one grant; false when it has ended already.
///
/// # Errors
/// When the database refuses.
pub async fn end_grant(conn: &mut Conn, id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, END_GRANT, id, now)? == 1)
}

/// Ends every grant of a user.
///
/// # Errors
/// When the database refuses.
pub async fn end_grants_of_user(conn: &mut Conn, user_id: &str, now: i64) -> Result<()> {
    execute!(conn, END_GRANTS_OF_USER, user_id, now).map(|_| ())
}

/// Ends the grants of a session that were not given for when the person is away (`offline_access`, OIDC Core §11).
///
/// # Errors
/// When the database refuses.
pub async fn end_grants_of_session(conn: &mut Conn, session_id: &str, now: i64) -> Result<()> {
    execute!(conn, END_GRANTS_OF_SESSION, session_id, now).map(|_| ())
}

/// Keeps a new authorization code; nobody waits to hear of it.
///
/// # Errors
/// When the database refuses.
pub async fn add_code(conn: &mut Conn, code_hash: &str, code: &CodeRow) -> Result<()> {
    later!(
        conn,
        ADD_CODE,
        code_hash,
        &code.grant_id,
        &code.redirect_uri,
        &code.code_challenge,
        code.expires_at,
        &code.bound_to
    )
}

/// The authorization code of this hash, whatever has become of it.
///
/// # Errors
/// When the database refuses.
pub async fn find_code(conn: &mut Conn, code_hash: &str) -> Result<Option<CodeRow>> {
    optional!(conn, CodeRow, FIND_CODE, code_hash)
}

/// Redeems a code, once and in time: then that has happened.
///
/// # Errors
/// When the database refuses.
pub fn spend_code(conn: &mut Conn, code_hash: &str, now: i64) -> Result<Later<u64>> {
    execute_later!(conn, SPEND_CODE, code_hash, now)
}

/// Lets a code be over for good, because its client is told so.
///
/// # Errors
/// When the database refuses.
pub async fn expire_code(conn: &mut Conn, code_hash: &str) -> Result<()> {
    execute!(conn, EXPIRE_CODE, code_hash).map(|_| ())
}

/// Keeps a new refresh token; nobody waits to hear of it.
///
/// # Errors
/// When the database refuses.
pub async fn add_refresh(conn: &mut Conn, new: NewRefresh<'_>) -> Result<()> {
    later!(conn, ADD_REFRESH, new.token_hash, new.grant_id, new.created_at, new.expires_at, new.bound_to)
}

/// The refresh token of this hash, whatever has become of it.
///
/// # Errors
/// When the database refuses.
pub async fn find_refresh(conn: &mut Conn, token_hash: &str) -> Result<Option<RefreshRow>> {
    optional!(conn, RefreshRow, FIND_REFRESH, token_hash)
}

/// Uses a refresh token up, once and in time; `successor` is the hash of the one that is given for it.
///
/// # Errors
/// When the database refuses.
pub async fn spend_refresh(
    conn: &mut Conn,
    token_hash: &str,
    successor: Option<&str>,
    now: i64,
) -> Result<bool> {
    Ok(execute!(conn, SPEND_REFRESH, token_hash, now, successor)? == 1)
}

/// Uses a spent refresh token once more, if it was spent at `since` or later and its `successor` is unused. When the answer is false,
/// the transaction must not be committed.
///
/// # Errors
/// When the database refuses.
pub async fn retry_refresh(
    conn: &mut Conn,
    token_hash: &str,
    successor: &str,
    since: i64,
    now: i64,
) -> Result<bool> {
    Ok(execute!(conn, RETRY_REFRESH, token_hash, successor, since, now)? == 1)
}

/// Lets a refresh token that has expired be so for good, because its client is told so.
///
/// # Errors
/// When the database refuses.
pub async fn expire_refresh(conn: &mut Conn, token_hash: &str, now: i64) -> Result<()> {
    execute!(conn, EXPIRE_REFRESH, token_hash, now, AHEAD).map(|_| ())
}

/// Lets an unused refresh token hold until `expires_at`; false when it is used or expired.
///
/// # Errors
/// When the database refuses.
pub async fn renew_refresh(conn: &mut Conn, token_hash: &str, expires_at: i64, now: i64) -> Result<bool> {
    Ok(execute!(conn, RENEW_REFRESH, token_hash, expires_at, now)? == 1)
}

/// Remembers what a person has agreed to.
///
/// # Errors
/// When the database refuses.
pub async fn remember_consent(
    conn: &mut Conn,
    user_id: &str,
    client_id: &str,
    scopes: &str,
    now: i64,
) -> Result<()> {
    execute!(conn, REMEMBER_CONSENT, user_id, client_id, scopes, now).map(|_| ())
}

/// The scopes that a person has agreed to before.
///
/// # Errors
/// When the database refuses.
pub async fn consented(conn: &mut Conn, user_id: &str, client_id: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = optional!(conn, (String,), CONSENTED, user_id, client_id)?;
    Ok(row.map(|(scopes,)| scopes))
}

/// Deletes at most `limit` refresh tokens that expired before `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge_refresh(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE_REFRESH, before, limit)
}

/// Deletes at most `limit` grants that expired before `before`, with their codes.
///
/// # Errors
/// When the database refuses.
pub async fn purge_grants(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE_GRANTS, before, limit)
}
