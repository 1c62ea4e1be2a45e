//! Which queries keep roles?

use super::macros::{all, execute, optional, queries};
use super::row::from_row;
use super::{Conn, Result};

/// A page of roles, of the top-level group `$1` or of all, that come after the one of the id `$2`, `$3` of them.
macro_rules! listed {
    ($key:literal, $of_last:literal, $than:literal, $order:literal) => {
        concat!(
            "SELECT x.id, x.group_id, x.name, x.rank, x.rights FROM roles x
             WHERE (CAST($1 AS TEXT) IS NULL OR x.group_id = $1)
               AND (CAST($2 AS TEXT) IS NULL OR ",
            $key,
            " ",
            $than,
            " (SELECT ",
            $of_last,
            " FROM roles a WHERE a.id = $2)) ORDER BY ",
            $order,
            " LIMIT $3"
        )
    };
}

queries! {
    FIND = "SELECT id, group_id, name, rank, rights FROM roles WHERE id = $1";
    FIND_NAMED = "SELECT id, group_id, name, rank, rights FROM roles
                  WHERE COALESCE(group_id, '') = $1 AND name_key = $2";
    LIST = listed!("(COALESCE(x.group_id, ''), x.rank, x.id)", "COALESCE(a.group_id, ''), a.rank, a.id", ">", "COALESCE(x.group_id, ''), x.rank, x.id");
    BY_NAME = listed!("(x.name_key, x.id)", "a.name_key, a.id", ">", "x.name_key, x.id");
    BY_NAME_LAST = listed!("(x.name_key, x.id)", "a.name_key, a.id", "<", "x.name_key DESC, x.id DESC");
    BY_RANK = listed!("(x.rank, x.name_key, x.id)", "a.rank, a.name_key, a.id", ">", "x.rank, x.name_key, x.id");
    BY_RANK_LAST = listed!("(x.rank, x.name_key, x.id)", "a.rank, a.name_key, a.id", "<", "x.rank DESC, x.name_key DESC, x.id DESC");
    ADD = "INSERT INTO roles (id, group_id, name, name_key, rank, rights, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)";
    SET = "UPDATE roles SET name = $2, name_key = $3, rank = $4, rights = $5 WHERE id = $1";
    COUNT_HOLDERS = "SELECT COUNT(*) FROM users WHERE role_id = $1";
    COUNT_HOLDERS_WITHIN = "SELECT COUNT(*) FROM users WHERE role_id = $1 AND group_id IN (
                                WITH RECURSIVE tree (id) AS (
                                    SELECT id FROM groups WHERE id = $2
                                    UNION ALL
                                    SELECT g.id FROM tree t JOIN groups g ON COALESCE(g.parent_id, '') = t.id)
                                SELECT id FROM tree)";
    DELETE = "DELETE FROM roles WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.role_id = $1)";
    DELETE_OF_GROUP = "DELETE FROM roles WHERE group_id = $1
                         AND NOT EXISTS (SELECT 1 FROM users u WHERE u.role_id = roles.id)";
    LOCK_SITE = "UPDATE roles SET created_at = created_at WHERE group_id IS NULL";
}

/// One role as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
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

from_row!(RoleRow { id, group_id, name, rank, rights });

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

/// In which order roles are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Tree by tree, the lowest rank first.
    #[default]
    Trees,
    /// By the folded name; the last ones first, or not.
    Name(bool),
    /// By rank, whatever the tree; the highest first, or not.
    Rank(bool),
}

/// At most `limit` roles, of one top-level group or of all, that come after the one of the id `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    conn: &mut Conn,
    top_id: Option<&str>,
    order: Order,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<RoleRow>> {
    let query = match order {
        Order::Trees => LIST,
        Order::Name(false) => BY_NAME,
        Order::Name(true) => BY_NAME_LAST,
        Order::Rank(false) => BY_RANK,
        Order::Rank(true) => BY_RANK_LAST,
    };
    all!(conn, RoleRow, query, top_id, after, limit)
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

/// How many users hold a role.
///
/// # Errors
/// When the database refuses.
pub async fn count_holders(conn: &mut Conn, id: &str) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), COUNT_HOLDERS, id)?;
    Ok(row.map_or(0, |(count,)| count))
}

/// How many users of a group and of those below it hold a role.
///
/// # Errors
/// When the database refuses.
pub async fn count_holders_within(conn: &mut Conn, id: &str, root_id: &str) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), COUNT_HOLDERS_WITHIN, id, root_id)?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Deletes a role that nobody holds; false when somebody does.
///
/// # Errors
/// When the database refuses.
pub async fn delete(conn: &mut Conn, id: &str) -> Result<bool> {
    Ok(execute!(conn, DELETE, id)? == 1)
}

/// Deletes the roles of a top-level group that nobody holds.
///
/// # Errors
/// When the database refuses.
pub async fn delete_of_group(conn: &mut Conn, top_id: &str) -> Result<()> {
    execute!(conn, DELETE_OF_GROUP, top_id).map(|_| ())
}
