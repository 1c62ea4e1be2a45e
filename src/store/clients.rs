//! Which queries keep the relying apps?

use super::conn::Side;
use super::macros::{all, execute, optional, queries};
use super::row::from_row;
use super::{Conn, Error, Result, versions};

queries! {
    ADD = "INSERT INTO clients (id, secret_hash, secret_sealed, metadata, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $5)";
    FIND = "SELECT id, secret_hash, secret_sealed, registration_token_hash, metadata, created_at, updated_at
            FROM clients WHERE id = $1";
    LIST = "SELECT id, secret_hash, secret_sealed, registration_token_hash, metadata, created_at, updated_at
            FROM clients WHERE id > $1 ORDER BY id LIMIT $2";
    NAMING = "SELECT id FROM clients WHERE metadata LIKE '%\"' || $1 || '\"%' ORDER BY id LIMIT 1";
    LOCK = "UPDATE clients SET created_at = created_at WHERE id = $1";
    SET_METADATA = "UPDATE clients SET metadata = $2, updated_at = $3 WHERE id = $1";
    SET_SECRET = "UPDATE clients SET secret_hash = $2, secret_sealed = $3, updated_at = $4 WHERE id = $1";
    DELETE = "DELETE FROM clients WHERE id = $1";
}

/// PostgreSQL's alone: any number may hold the row so, and it can be changed meanwhile, but not be deleted.
const FIND_IN_USE: &str =
    "SELECT id, secret_hash, secret_sealed, registration_token_hash, metadata, created_at, updated_at
                           FROM clients WHERE id = $1 FOR KEY SHARE";

/// One relying app as the table holds it.
#[derive(Clone, Debug)]
pub struct ClientRow {
    /// `client_id`.
    pub id: String,
    /// The hash of `client_secret`; none for a public client.
    pub secret_hash: Option<String>,
    /// The secret itself, sealed, where it must be known.
    pub secret_sealed: Option<String>,
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
    registration_token_hash,
    metadata,
    created_at,
    updated_at
});

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

/// The client of this id, which no other transaction deletes until this one ends. On SQLite there is no other one meanwhile.
///
/// # Errors
/// When it is gone, or the database refuses.
pub async fn find_in_use(conn: &mut Conn, id: &str) -> Result<ClientRow> {
    let row = match conn.side {
        Side::Postgres(_) => optional!(conn, ClientRow, FIND_IN_USE, id)?,
        Side::Sqlite(_) => find(conn, id).await?,
    };
    row.ok_or(Error::Orphan { query: "FIND_IN_USE" })
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

/// Replaces a client's secret; false when there is no such client.
///
/// # Errors
/// When the database refuses.
pub async fn set_secret(
    conn: &mut Conn,
    id: &str,
    secret_hash: Option<&str>,
    secret_sealed: Option<&str>,
    now: i64,
) -> Result<bool> {
    let changed = execute!(conn, SET_SECRET, id, secret_hash, secret_sealed, now)? == 1;
    versions::count_up(conn, versions::CLIENTS).await?;
    Ok(changed)
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
