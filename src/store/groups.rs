//! Which queries keep groups?

use super::macros::{all, execute, optional, queries};
use super::row::{Columns, FromRow, from_row};
use super::{Conn, Result};

/// How much a group asks for, as a number to stand by.
macro_rules! setting {
    () => {
        "CASE two_factor_setting WHEN 'off' THEN CAST(0 AS BIGINT) WHEN 'rehearse' THEN 1 ELSE 2 END"
    };
}

/// A page of groups with their paths, those that come after the folded path `$1`, `$2` of them: of the whole site, or from the one `$3` on, whose
/// path is `$4`, folded `$5`.
macro_rules! listed {
    (site, $after:expr, $order:expr) => {
        listed!("name, name_key FROM groups WHERE COALESCE(parent_id, '') = ''", $after, $order)
    };
    (below, $after:expr, $order:expr) => {
        listed!("CAST($4 AS TEXT), CAST($5 AS TEXT) FROM groups WHERE id = $3", $after, $order)
    };
    ($roots:literal, $after:expr, $order:expr) => {
        concat!(
            "WITH RECURSIVE tree (id, parent_id, top_id, name, language, two_factor_setting, created_at, path, path_key) AS (
                 SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at, ",
            $roots,
            " UNION ALL
                 SELECT g.id, g.parent_id, g.top_id, g.name, g.language, g.two_factor_setting, g.created_at,
                        t.path || '/' || g.name, t.path_key || '/' || g.name_key
                 FROM tree t JOIN groups g ON COALESCE(g.parent_id, '') = t.id)
             SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at, path FROM tree
             WHERE ",
            $after,
            " ORDER BY ",
            $order,
            " LIMIT $2"
        )
    };
}

queries! {
    FIND = "SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at FROM groups WHERE id = $1";
    FIND_CHILD = "SELECT id, parent_id, top_id, name, language, two_factor_setting, created_at FROM groups
                  WHERE COALESCE(parent_id, '') = $1 AND name_key = $2";
    LIST = listed!(site, "path_key > $1", "path_key");
    LIST_LAST = listed!(site, "($1 = '' OR path_key < $1)", "path_key DESC");
    BY_SETTING = listed!(site, concat!("(", setting!(), ", path_key) > (CAST($3 AS BIGINT), $1)"), concat!(setting!(), ", path_key"));
    BY_SETTING_LAST = listed!(site, concat!("($1 = '' OR (", setting!(), ", path_key) < (CAST($3 AS BIGINT), $1))"), concat!(setting!(), " DESC, path_key DESC"));
    LIST_BELOW = listed!(below, "path_key > $1", "path_key");
    LIST_BELOW_LAST = listed!(below, "($1 = '' OR path_key < $1)", "path_key DESC");
    BELOW_BY_SETTING = listed!(below, concat!("(", setting!(), ", path_key) > (CAST($6 AS BIGINT), $1)"), concat!(setting!(), ", path_key"));
    BELOW_BY_SETTING_LAST = listed!(below, concat!("($1 = '' OR (", setting!(), ", path_key) < (CAST($6 AS BIGINT), $1))"), concat!(setting!(), " DESC, path_key DESC"));
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

/// In which order groups are listed, and after which: its folded path, empty for the first page, and how much it asks for (0 to 2) where that
/// matters.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// By how much they ask for, and then by path; by path alone if not.
    pub by_setting: bool,
    /// Whether the last ones come first.
    pub last_first: bool,
    /// The folded path of the one that they come after.
    pub after: &'a str,
    /// How much that one asks for.
    pub setting: i64,
}

/// At most `limit` groups.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, order: Order<'_>, limit: i64) -> Result<Vec<ListedGroup>> {
    let Order { after, setting, .. } = order;
    match (order.by_setting, order.last_first) {
        (false, false) => all!(conn, ListedGroup, LIST, after, limit),
        (false, true) => all!(conn, ListedGroup, LIST_LAST, after, limit),
        (true, false) => all!(conn, ListedGroup, BY_SETTING, after, limit, setting),
        (true, true) => all!(conn, ListedGroup, BY_SETTING_LAST, after, limit, setting),
    }
}

/// The same of those that hang from one, itself among them, given with its path and the key of that.
///
/// # Errors
/// When the database refuses.
pub async fn list_below(
    conn: &mut Conn,
    (root_id, path, key): (&str, &str, &str),
    order: Order<'_>,
    limit: i64,
) -> Result<Vec<ListedGroup>> {
    let Order { after, setting, .. } = order;
    macro_rules! run {
        ($query:ident $(, $more:expr)*) => {
            all!(conn, ListedGroup, $query, after, limit, root_id, path, key $(, $more)*)
        };
    }
    match (order.by_setting, order.last_first) {
        (false, false) => run!(LIST_BELOW),
        (false, true) => run!(LIST_BELOW_LAST),
        (true, false) => run!(BELOW_BY_SETTING, setting),
        (true, true) => run!(BELOW_BY_SETTING_LAST, setting),
    }
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
