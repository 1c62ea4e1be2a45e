//! Which queries keep what an import has brought, and look at everybody who is here for the next one?

use super::macros::{all, execute, queries};
use super::row::from_row;
use super::{Conn, Result};

queries! {
    LIST = "SELECT kind, key, local_id, said FROM moved
            WHERE source = $1 AND (kind > $2 OR (kind = $2 AND key > $3)) ORDER BY kind, key LIMIT $4";
    NOTE = "INSERT INTO moved (source, kind, key, local_id, said, moved_at) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (source, kind, key) DO UPDATE SET local_id = $4, said = $5, moved_at = $6";
    FORGET = "DELETE FROM moved WHERE source = $1 AND kind = $2 AND key = $3";
    // Only what an import has wrapped or taken over comes along of a hash: whether it is still the one.
    HERE = "SELECT u.id, u.login, u.login_key, u.preferred_key, u.name, u.email, u.status, u.group_id, u.role_id, u.legacy_id,
                   CASE WHEN u.password_hash LIKE '{%' THEN u.password_hash END AS foreign_hash,
                   u.password_hash IS NOT NULL AS has_password
            FROM users u WHERE u.login_key > $1 ORDER BY u.login_key LIMIT $2";
    SET_LEGACY = "UPDATE users SET legacy_id = $2 WHERE id = $1
                  AND NOT EXISTS (SELECT 1 FROM users o WHERE o.legacy_id = $2 AND o.id <> $1)";
}

/// Something that an import has brought.
#[derive(Clone, Debug)]
pub struct MovedRow {
    /// `group`, `role` or `user`.
    pub kind: String,
    /// What the source knows it by.
    pub key: String,
    /// What it is here.
    pub local_id: String,
    /// What the source said of it when it was last imported, as a JSON object of texts. Nothing of a password.
    pub said: String,
}

from_row!(MovedRow { kind, key, local_id, said });

/// Somebody who is here, as far as an import looks at them.
#[derive(Clone, Debug)]
pub struct HereRow {
    /// The user's id.
    pub id: String,
    /// The login.
    pub login: String,
    /// What it is compared by.
    pub login_key: String,
    /// What a `preferred_username` of their own is compared by.
    pub preferred_key: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// `active`, `disabled` or `invited`.
    pub status: String,
    /// The group.
    pub group_id: Option<String>,
    /// The role.
    pub role_id: String,
    /// What apps knew them by.
    pub legacy_id: Option<String>,
    /// The hash of their password, where it is still one of another program.
    pub foreign_hash: Option<String>,
    /// Whether they have a password at all.
    pub has_password: bool,
}

from_row!(HereRow {
    id,
    login,
    login_key,
    preferred_key,
    name,
    email,
    status,
    group_id,
    role_id,
    legacy_id,
    foreign_hash,
    has_password
});

/// What else a new user may bring along.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bringing<'a> {
    /// What the password is checked against.
    pub password_hash: Option<&'a str>,
    /// What apps knew them by; nobody else's.
    pub legacy_id: Option<&'a str>,
}

/// At most `limit` things that a source has brought, after the one of this kind and key.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    conn: &mut Conn,
    source: &str,
    (kind, key): (&str, &str),
    limit: i64,
) -> Result<Vec<MovedRow>> {
    all!(conn, MovedRow, LIST, source, kind, key, limit)
}

/// Writes down what was brought, or what is said of it now.
///
/// # Errors
/// When the database refuses.
pub async fn note(conn: &mut Conn, source: &str, moved: &MovedRow, now: i64) -> Result<()> {
    execute!(conn, NOTE, source, &moved.kind, &moved.key, &moved.local_id, &moved.said, now).map(|_| ())
}

/// Forgets what was brought under a key.
///
/// # Errors
/// When the database refuses.
pub async fn forget(conn: &mut Conn, source: &str, kind: &str, key: &str) -> Result<()> {
    execute!(conn, FORGET, source, kind, key).map(|_| ())
}

/// At most `limit` of those who are here, whose folded logins come after `after`.
///
/// # Errors
/// When the database refuses.
pub async fn here(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<HereRow>> {
    all!(conn, HereRow, HERE, after, limit)
}

/// Writes down what apps knew a user by; false when they knew somebody else so.
///
/// # Errors
/// When the database refuses.
pub async fn set_legacy(conn: &mut Conn, id: &str, legacy_id: &str) -> Result<bool> {
    Ok(execute!(conn, SET_LEGACY, id, legacy_id)? == 1)
}
