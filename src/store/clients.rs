//! Which queries keep the relying apps?

use super::conn::Side;
use super::macros::{all, execute, optional, optional_later, queries};
use super::row::from_row;
use super::{Conn, Later, Result, slips, versions};

/// A query for clients.
macro_rules! clients {
    ($which:literal) => {
        concat!(
            "SELECT id, secret_hash, secret_sealed, old_secret_hash, old_secret_sealed, old_secret_until,
                    registration_token_hash, metadata, created_at, updated_at FROM clients ",
            $which
        )
    };
}

queries! {
    ADD = "INSERT INTO clients (id, secret_hash, secret_sealed, metadata, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $5)";
    FIND = clients!("WHERE id = $1");
    LIST = clients!("WHERE id > $1 ORDER BY id LIMIT $2");
    WITH_CERTIFICATES = clients!("WHERE metadata LIKE '%\"x5c\"%' ORDER BY id LIMIT $1");
    NAMING = "SELECT id FROM clients WHERE metadata LIKE '%\"' || $1 || '\"%' ORDER BY id LIMIT 1";
    LOCK = "UPDATE clients SET created_at = created_at WHERE id = $1";
    SET_METADATA = "UPDATE clients SET metadata = $2, updated_at = $3 WHERE id = $1";
    SET_SECRETS = "UPDATE clients SET secret_hash = $2, secret_sealed = $3, old_secret_hash = $4, old_secret_sealed = $5,
                                      old_secret_until = $6, updated_at = $7 WHERE id = $1";
    END_OLD_SECRET = "UPDATE clients SET old_secret_hash = NULL, old_secret_sealed = NULL, old_secret_until = NULL
                      WHERE id = $1 AND old_secret_hash = $2";
    PURGE_OLD_SECRETS = "UPDATE clients SET old_secret_hash = NULL, old_secret_sealed = NULL, old_secret_until = NULL
                         WHERE id IN (SELECT id FROM clients WHERE old_secret_until <= $1 ORDER BY old_secret_until LIMIT $2)";
    DELETE = "DELETE FROM clients WHERE id = $1";
}

/// PostgreSQL's alone: any number may hold the row so, and it can be changed meanwhile, but not be deleted.
const FIND_IN_USE: &str = clients!("WHERE id = $1 FOR KEY SHARE");

/// One relying app as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRow {
    /// `client_id`.
    pub id: String,
    /// The hash of `client_secret`; none for a public client.
    pub secret_hash: Option<String>,
    /// The secret itself, sealed, where it must be known.
    pub secret_sealed: Option<String>,
    /// The hash of the secret before.
    pub old_secret_hash: Option<String>,
    /// That secret itself, sealed, where it must be known.
    pub old_secret_sealed: Option<String>,
    /// Until when it works, in seconds since 1970.
    pub old_secret_until: Option<i64>,
    /// The hash of the registration access token.
    pub registration_token_hash: Option<String>,
    /// Everything else, as JSON with the names of RFC 7591.
    pub metadata: String,
    /// When it was registered.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

from_row!(ClientRow {
    id,
    secret_hash,
    secret_sealed,
    old_secret_hash,
    old_secret_sealed,
    old_secret_until,
    registration_token_hash,
    metadata,
    created_at,
    updated_at
});

/// The secrets of a client, as they are kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecretsRow<'a> {
    /// The hash of its secret; none where it has none.
    pub hash: Option<&'a str>,
    /// The secret itself, sealed, where it must be known.
    pub sealed: Option<&'a str>,
    /// The same two of the secret before, and until when that works, in seconds since 1970.
    pub old: Option<(&'a str, Option<&'a str>, i64)>,
}

/// Keeps a new client.
///
/// # Errors
/// When the database refuses.
pub async fn add(
    conn: &mut Conn,
    id: &str,
    secret_hash: Option<&str>,
    secret_sealed: Option<&str>,
    metadata: &str,
    now: i64,
) -> Result<()> {
    execute!(conn, ADD, id, secret_hash, secret_sealed, metadata, now).map(|_| ())
}

/// The client of this id.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<ClientRow>> {
    optional!(conn, ClientRow, FIND, id)
}

/// At most `limit` clients that have registered certificates beside their keys.
///
/// # Errors
/// When the database refuses.
pub async fn with_certificates(conn: &mut Conn, limit: i64) -> Result<Vec<ClientRow>> {
    all!(conn, ClientRow, WITH_CERTIFICATES, limit)
}

/// The client of this id, which no other transaction deletes until this one ends. On SQLite there is no other one meanwhile.
///
/// # Errors
/// When the database refuses.
pub fn find_in_use(conn: &mut Conn, id: &str) -> Result<Later<Option<ClientRow>>> {
    match conn.side {
        Side::Postgres(_) => optional_later!(conn, ClientRow, FIND_IN_USE, id),
        Side::Sqlite(_) => optional_later!(conn, ClientRow, FIND, id),
    }
}

/// Keeps every other transaction from changing a client until this one ends: what is read after it is what will be changed.
///
/// # Errors
/// When the database refuses.
pub async fn lock(conn: &mut Conn, id: &str) -> Result<()> {
    execute!(conn, LOCK, id).map(|_| ())
}

/// At most `limit` clients whose ids come after `after`, in the order of their ids.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<ClientRow>> {
    all!(conn, ClientRow, LIST, after, limit)
}

/// A client whose metadata names this id of ours, be it of a group.
///
/// # Errors
/// When the database refuses.
pub async fn naming(conn: &mut Conn, id: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = optional!(conn, (String,), NAMING, id)?;
    Ok(row.map(|(id,)| id))
}

/// Replaces a client's metadata; false when there is no such client.
///
/// # Errors
/// When the database refuses.
pub async fn set_metadata(conn: &mut Conn, id: &str, metadata: &str, now: i64) -> Result<bool> {
    let changed = execute!(conn, SET_METADATA, id, metadata, now)? == 1;
    versions::count_up(conn, versions::CLIENTS).await?;
    Ok(changed)
}

/// Replaces a client's secrets; false when there is no such client.
///
/// # Errors
/// When the database refuses.
pub async fn set_secrets(conn: &mut Conn, id: &str, secrets: SecretsRow<'_>, now: i64) -> Result<bool> {
    let SecretsRow { hash, sealed, old } = secrets;
    let (old_hash, old_sealed) = (old.map(|(hash, ..)| hash), old.and_then(|(_, sealed, _)| sealed));
    let until = old.map(|(.., until)| until);
    let changed = execute!(conn, SET_SECRETS, id, hash, sealed, old_hash, old_sealed, until, now)? == 1;
    slips::forget_old_secret(conn, id).await?;
    versions::count_up(conn, versions::CLIENTS).await?;
    Ok(changed)
}

/// Takes the secret before the newest away from a client, if it is the one of this hash; false when it is not.
///
/// # Errors
/// When the database refuses.
pub async fn end_old_secret(conn: &mut Conn, id: &str, old_hash: &str) -> Result<bool> {
    let ended = execute!(conn, END_OLD_SECRET, id, old_hash)? == 1;
    versions::count_up(conn, versions::CLIENTS).await?;
    Ok(ended)
}

/// Takes at most `limit` old secrets away that have worked until `before`.
///
/// # Errors
/// When the database refuses.
pub(super) async fn purge_old_secrets(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    let gone = execute!(conn, PURGE_OLD_SECRETS, before, limit)?;
    if gone > 0 {
        versions::count_up(conn, versions::CLIENTS).await?;
    }
    Ok(gone)
}

/// Deletes a client, and everything that hangs from it.
///
/// # Errors
/// When the database refuses.
pub async fn delete(conn: &mut Conn, id: &str) -> Result<bool> {
    let deleted = execute!(conn, DELETE, id)? == 1;
    versions::count_up(conn, versions::CLIENTS).await?;
    Ok(deleted)
}
