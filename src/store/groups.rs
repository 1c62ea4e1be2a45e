//! Which queries keep groups?

use super::macros::{all, execute, optional, queries};
use super::row::{Columns, FromRow, from_row};
use super::{Conn, Result};

queries! {
    FIND = "SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at FROM groups WHERE id = $1";
    FIND_CHILD = "SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at FROM groups
                  WHERE COALESCE(parent_id, '') = $1 AND name_key = $2";
    LIST = "WITH RECURSIVE tree (id, parent_id, top_id, name, language, two_factor_setting, created_at, path, path_key) AS (
                SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at, name, name_key
                FROM groups WHERE COALESCE(parent_id, '') = ''
                UNION ALL
                SELECT g.id, g.parent_id, g.top_id, g.name, g.language, g.two_factor_setting, g.created_at,
                       t.path || '/' || g.name, t.path_key || '/' || g.name_key
                FROM tree t JOIN groups g ON COALESCE(g.parent_id, '') = t.id)
            SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at, path FROM tree
            WHERE path_key > $1 ORDER BY path_key LIMIT $2";
    LIST_BELOW = "WITH RECURSIVE tree (id, parent_id, top_id, name, language, two_factor_setting, created_at, path, path_key) AS (
                      SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at, CAST($2 AS TEXT), CAST($3 AS TEXT)
                      FROM groups WHERE id = $1
                      UNION ALL
                      SELECT g.id, g.parent_id, g.top_id, g.name, g.language, g.two_factor_setting, g.created_at,
                             t.path || '/' || g.name, t.path_key || '/' || g.name_key
                      FROM tree t JOIN groups g ON COALESCE(g.parent_id, '') = t.id)
                  SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at, path FROM tree
                  WHERE path_key > $4 ORDER BY path_key LIMIT $5";
    LINEAGE = "WITH RECURSIVE lineage (id, parent_id, top_id, name, language, two_factor_setting, created_at, depth) AS (
                   SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at, CAST(0 AS BIGINT)
                   FROM groups WHERE id = $1
                   UNION ALL
                   SELECT g.id, g.parent_id, g.top_id, g.name, g.language, g.two_factor_setting, g.created_at, l.depth + 1
                   FROM groups g JOIN lineage l ON g.id = l.parent_id WHERE l.depth < 50)
               SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at FROM lineage ORDER BY depth";
    CHILDREN = "SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at FROM groups
                WHERE COALESCE(parent_id, '') = $1 ORDER BY name_key LIMIT $2";
    ADD = "INSERT INTO groups (id, parent_id, top_id, name, name_key, language, two_factor, two_factor_setting, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, CAST($7 AS TEXT) = 'on', $7, $8)";
    LOCK = "UPDATE groups SET created_at = created_at WHERE id = $1";
    COUNT_CHILDREN = "SELECT COUNT(*) FROM groups WHERE COALESCE(parent_id, '') = $1";
    DELETE = "DELETE FROM groups WHERE id = $1
                AND NOT EXISTS (SELECT 1 FROM users u WHERE u.group_id = $1)
                AND NOT EXISTS (SELECT 1 FROM groups c WHERE COALESCE(c.parent_id, '') = $1)";
    SET = "UPDATE groups SET name = $2, name_key = $3, language = $4,
                             two_factor = CAST($5 AS TEXT) = 'on', two_factor_setting = $5 WHERE id = $1";
}

/// One group as the table holds it.
#[derive(Clone, Debug)]
pub struct GroupRow {
    /// The group's id.
    pub id: String,
    /// The group that it is part of.
    pub parent_id: Option<String>,
    /// The top-level group of its tree; its own id if it is one.
    pub top_id: String,
    /// Its name, unique among its siblings.
    pub name: String,
    /// Its language, a BCP 47 tag.
    pub language: String,
    /// Whether its people are asked for a code: `off`, `rehearse` or `on`.
    pub two_factor_setting: String,
    /// When it was added.
    pub created_at: i64,
}

from_row!(GroupRow { id, parent_id, top_id, name, language, two_factor_setting, created_at });

/// A group with its path.
#[derive(Clone, Debug)]
pub struct ListedGroup {
    /// The names from the top-level group's to its own, with slashes between them.
    pub path: String,
    /// The group.
    pub group: GroupRow,
}

impl FromRow for ListedGroup {
    fn from_row<C: Columns>(columns: &mut C) -> std::result::Result<Self, C::Error> {
        Ok(Self { path: columns.named("path")?, group: GroupRow::from_row(columns)? })
    }
}

/// The group of this id.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<GroupRow>> {
    optional!(conn, GroupRow, FIND, id)
}

/// The group of this folded name below `parent_id`, or at the top.
///
/// # Errors
/// When the database refuses.
pub async fn find_child(
    conn: &mut Conn,
    parent_id: Option<&str>,
    name_key: &str,
) -> Result<Option<GroupRow>> {
    optional!(conn, GroupRow, FIND_CHILD, parent_id.unwrap_or_default(), name_key)
}

/// At most `limit` groups whose folded paths come after `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<ListedGroup>> {
    all!(conn, ListedGroup, LIST, after, limit)
}

/// At most `limit` groups, by path, of those that hang from one, given with its path and the key of that, after the key `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list_below(
    conn: &mut Conn,
    (root_id, path, key): (&str, &str, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<ListedGroup>> {
    all!(conn, ListedGroup, LIST_BELOW, root_id, path, key, after, limit)
}

/// How many groups are directly below this one.
///
/// # Errors
/// When the database refuses.
pub async fn count_children(conn: &mut Conn, id: &str) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), COUNT_CHILDREN, id)?;
    Ok(row.map_or(0, |(count,)| count))
}

/// At most `limit` of the groups directly below this one, by name.
///
/// # Errors
/// When the database refuses.
pub async fn children(conn: &mut Conn, id: &str, limit: i64) -> Result<Vec<GroupRow>> {
    all!(conn, GroupRow, CHILDREN, id, limit)
}

/// Deletes a group that holds nobody and no other group; false when it does.
///
/// # Errors
/// When the database refuses.
pub async fn delete(conn: &mut Conn, id: &str) -> Result<bool> {
    Ok(execute!(conn, DELETE, id)? == 1)
}

/// A group and the groups that it is part of, itself first, the top-level one last.
///
/// # Errors
/// When the database refuses.
pub async fn lineage(conn: &mut Conn, id: &str) -> Result<Vec<GroupRow>> {
    all!(conn, GroupRow, LINEAGE, id)
}

/// Keeps a new group; a name that a sibling has is [`super::Error::Duplicate`].
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, group: &GroupRow, name_key: &str) -> Result<()> {
    execute!(
        conn,
        ADD,
        &group.id,
        &group.parent_id,
        &group.top_id,
        &group.name,
        name_key,
        &group.language,
        &group.two_factor_setting,
        group.created_at
    )
    .map(|_| ())
}

/// Replaces a group's name, language and two-factor flag.
///
/// # Errors
/// When the database refuses.
pub async fn set(conn: &mut Conn, group: &GroupRow, name_key: &str) -> Result<bool> {
    Ok(execute!(conn, SET, &group.id, &group.name, name_key, &group.language, &group.two_factor_setting)?
        == 1)
}

/// Makes other transactions that lock this group wait for this one: rules that look at several rows hold only if nobody
/// changes the others meanwhile.
///
/// # Errors
/// When the database refuses.
pub async fn lock(conn: &mut Conn, id: &str) -> Result<()> {
    execute!(conn, LOCK, id).map(|_| ())
}
