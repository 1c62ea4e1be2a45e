//! Which queries keep the signing keys?

use super::macros::{all, all_later, execute, queries};
use super::row::from_row;
use super::{Conn, Result};

queries! {
    LIST = "SELECT kid, kind, public_jwk, sealed, created_at, active_at, retired_at, expires_at
            FROM signing_keys ORDER BY created_at, kid LIMIT 100";
    ADD = "INSERT INTO signing_keys (kid, kind, public_jwk, sealed, created_at, active_at)
           VALUES ($1, $2, $3, $4, $5, $6)";
    RETIRE = "UPDATE signing_keys SET retired_at = $2, expires_at = $3 WHERE kid = $1 AND retired_at IS NULL";
    RETIRE_EARLIER = "UPDATE signing_keys SET retired_at = $1 WHERE retired_at > $1 AND kind = $2";
    WITHDRAW_RETIRED = "UPDATE signing_keys SET expires_at = $1
                        WHERE retired_at IS NOT NULL AND expires_at > $1 AND kind = $2";
    PURGE = "DELETE FROM signing_keys WHERE expires_at <= $1";
    ASK = "INSERT INTO asked_algorithms (algorithm) VALUES ($1) ON CONFLICT (algorithm) DO NOTHING";
    ASKED = "SELECT algorithm FROM asked_algorithms ORDER BY algorithm LIMIT 100";
}

/// One signing key as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRow {
    /// The key's name: its RFC 7638 thumbprint.
    pub kid: String,
    /// What kind of key it is: `RSA`, `P-256`, `P-384`, `P-521` or `Ed25519`.
    pub kind: String,
    /// The public half, as a JWK.
    pub public_jwk: String,
    /// The whole, as a JWK, sealed.
    pub sealed: String,
    /// When it was made; it is published from then on.
    pub created_at: i64,
    /// From when it signs.
    pub active_at: i64,
    /// When another takes over.
    pub retired_at: Option<i64>,
    /// Until when it is published.
    pub expires_at: Option<i64>,
}

from_row!(SigningKeyRow { kid, kind, public_jwk, sealed, created_at, active_at, retired_at, expires_at });

/// Every key that is there.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn) -> Result<Vec<SigningKeyRow>> {
    all!(conn, SigningKeyRow, LIST)
}

/// Keeps a new key, which nothing retires yet. A kind has one such key.
///
/// # Errors
/// When the database refuses; `Duplicate` when the kind has one.
pub async fn add(conn: &mut Conn, key: &SigningKeyRow) -> Result<()> {
    execute!(conn, ADD, &key.kid, &key.kind, &key.public_jwk, &key.sealed, key.created_at, key.active_at)
        .map(|_| ())
}

/// Lets another key take over at `retired_at`, once; false when that has been decided already.
///
/// # Errors
/// When the database refuses.
pub async fn retire(conn: &mut Conn, kid: &str, retired_at: i64, expires_at: i64) -> Result<bool> {
    Ok(execute!(conn, RETIRE, kid, retired_at, expires_at)? == 1)
}

/// Lets keys of a kind that would have signed for a while yet stop at `retired_at`.
///
/// # Errors
/// When the database refuses.
pub async fn retire_earlier(conn: &mut Conn, kind: &str, retired_at: i64) -> Result<()> {
    execute!(conn, RETIRE_EARLIER, retired_at, kind).map(|_| ())
}

/// Lets nothing count any more that retired keys of a kind have signed: they are no longer published.
///
/// # Errors
/// When the database refuses.
pub async fn withdraw_retired(conn: &mut Conn, kind: &str, now: i64) -> Result<()> {
    execute!(conn, WITHDRAW_RETIRED, now, kind).map(|_| ())
}

/// Notes that some client has asked for an algorithm; from then on a key is published for it.
///
/// # Errors
/// When the database refuses.
pub async fn ask(conn: &mut Conn, algorithm: &str) -> Result<()> {
    execute!(conn, ASK, algorithm).map(|_| ())
}

/// Every key that is there, and the algorithms that clients have asked for: on PostgreSQL in one trip.
///
/// # Errors
/// When the database refuses.
pub async fn list_with_asked(conn: &mut Conn) -> Result<(Vec<SigningKeyRow>, Vec<String>)> {
    let keys = all_later!(conn, SigningKeyRow, LIST)?;
    let asked: Vec<(String,)> = all!(conn, (String,), ASKED)?;
    Ok((keys.answer()?, asked.into_iter().map(|(algorithm,)| algorithm).collect()))
}

/// Deletes keys whose last token has expired.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, now: i64) -> Result<u64> {
    execute!(conn, PURGE, now)
}
