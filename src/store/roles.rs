//! Which queries keep roles?

use sqlx::FromRow;

use super::macros::{all, execute, optional, queries};
use super::{Conn, Result};

queries! {
    FIND = "SELECT id, group_id, name, rank, rights FROM roles WHERE id = $1";
    FIND_NAMED = "SELECT id, group_id, name, rank, rights FROM roles
                  WHERE COALESCE(group_id, '') = $1 AND name_key = $2";
    LIST = "SELECT id, group_id, name, rank, rights FROM roles
            WHERE (CAST($1 AS TEXT) IS NULL OR group_id = $1) ORDER BY COALESCE(group_id, ''), rank, id LIMIT $2";
    ADD = "INSERT INTO roles (id, group_id, name, name_key, rank, rights, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)";
    SET = "UPDATE roles SET name = $2, name_key = $3, rank = $4, rights = $5 WHERE id = $1";
    HOLDERS = "SELECT id FROM users WHERE role_id = $1 ORDER BY id LIMIT $2";
    LOCK_SITE = "UPDATE roles SET created_at = created_at WHERE group_id IS NULL";
}

/// One role as the table holds it.
#[derive(Clone, Debug, FromRow)]
pub struct RoleRow {
    /// The role's id.
    pub id: String,
    /// The top-level group that it serves; none for the site administrator's.
    pub group_id: Option<String>,
    /// Its name, unique in its tree.
    pub name: String,
    /// Its rank.
    pub rank: i64,
    /// Its rights, separated by spaces.
    pub rights: String,
}

/// The role of this id.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<RoleRow>> {
    optional!(conn, RoleRow, FIND, id)
}

/// The role of this folded name that serves a top-level group, or the site.
///
/// # Errors
/// When the database refuses.
pub async fn find_named(conn: &mut Conn, top_id: Option<&str>, name_key: &str) -> Result<Option<RoleRow>> {
    optional!(conn, RoleRow, FIND_NAMED, top_id.unwrap_or_default(), name_key)
}

/// At most `limit` roles, of one top-level group or of all, the lowest first.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, top_id: Option<&str>, limit: i64) -> Result<Vec<RoleRow>> {
    all!(conn, RoleRow, LIST, top_id, limit)
}

/// Keeps a new role; a name that the tree has is [`super::Error::Duplicate`].
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, role: &RoleRow, name_key: &str, now: i64) -> Result<()> {
    execute!(conn, ADD, &role.id, &role.group_id, &role.name, name_key, role.rank, &role.rights, now)
        .map(|_| ())
}

/// Replaces a role's name, rank and rights.
///
/// # Errors
/// When the database refuses.
pub async fn set(conn: &mut Conn, role: &RoleRow, name_key: &str) -> Result<bool> {
    Ok(execute!(conn, SET, &role.id, &role.name, name_key, role.rank, &role.rights)? == 1)
}

/// Makes other transactions that lock the site's own roles wait for this one, as [`super::groups::lock`] does for a tree.
///
/// # Errors
/// When the database refuses.
pub async fn lock_site(conn: &mut Conn) -> Result<()> {
    execute!(conn, LOCK_SITE).map(|_| ())
}

/// At most `limit` users who hold a role.
///
/// # Errors
/// When the database refuses.
pub async fn holders(conn: &mut Conn, id: &str, limit: i64) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = all!(conn, (String,), HOLDERS, id, limit)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
