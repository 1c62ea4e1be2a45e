//! Which queries list the users of a tree by their role, or by their group? Part by part, each by an index of its own, so that nobody goes
//! through everybody; where they are few, together.

use super::order::{after, columns, keys, order, order_of_keys};
use super::{LineRow, Page, Way, Which};
use crate::store::macros::{all, optional, queries, within};
use crate::store::user_words::{found, without_words};
use crate::store::users::{user_columns, user_joins};
use crate::store::{Conn, Query, Result};

/// By what a list is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The role's name.
    Role,
    /// The group's name; whoever has no group comes before all others.
    Group,
}

/// Where a part stands: the folded name of the role or the group, and its id.
pub type Stand = (String, String);

/// The parts of a table `q` in which there is anybody, `$4` of them, after the one of the name `$2` and the id `$3`; null for the first. That
/// there is anybody is asked for as a range and its first, so that PostgreSQL goes by the index of a part, and does not look for one whom it
/// takes to be frequent.
macro_rules! parts {
    ($table:literal, $column:literal, $who:literal, $than:literal, $direction:literal) => {
        concat!(
            "SELECT q.name_key, q.id FROM ",
            $table,
            " q WHERE (CAST($2 AS TEXT) IS NULL OR (q.name_key, q.id) ",
            $than,
            " ($2, $3)) AND (SELECT x.id FROM users x WHERE ",
            $column,
            " BETWEEN q.id AND q.id AND ",
            $who,
            " AND ",
            within!("x.group_id"),
            " ORDER BY ",
            $column,
            ", x.login_key LIMIT 1) IS NOT NULL ORDER BY q.name_key",
            $direction,
            ", q.id",
            $direction,
            " LIMIT $4"
        )
    };
}

/// Those of one part, in the order of their logins.
macro_rules! of_part {
    ($order:ident, $which:literal, $who:literal) => {
        lines!(
            "u.login_key IN (SELECT x.login_key FROM users x WHERE ",
            $which,
            " AND ",
            after!($order, "x", "$8"),
            " AND ",
            within!("x.group_id"),
            " AND ",
            found!("x"),
            " AND ",
            $who,
            order!($order, "x"),
            "LIMIT $3)",
            order!($order, "u")
        )
    };
}

/// Those of all parts who are found in this way: by the names of the parts, their ids, and the logins. They come after the login `$2` of the
/// part `$9`, `$10`.
macro_rules! together {
    ($key:literal, $id:literal, $than:literal, $direction:literal, $($way:expr),+) => {
        lines!(
            $($way),+,
            " AND ",
            within!("u.group_id"),
            " AND ",
            found!("u"),
            " AND ",
            shown!(),
            " AND (CAST($2 AS TEXT) IS NULL OR (",
            $key,
            ", ",
            $id,
            ", u.login_key) ",
            $than,
            " ($9, $10, $2)) ORDER BY ",
            $key,
            $direction,
            ", ",
            $id,
            $direction,
            ", u.login_key",
            $direction,
            " LIMIT $3"
        )
    };
}

/// The queries for lists of each kind.
macro_rules! kinds {
    ($($kind:ident = $who:literal;)+) => {
        $(mod $kind {
            use super::*;

            pub(super) const ROLES: &str = parts!("roles", "x.role_id", $who, ">", "");
            pub(super) const ROLES_LAST: &str = parts!("roles", "x.role_id", $who, "<", " DESC");
            pub(super) const GROUPS: &str = parts!("groups", "x.group_id", $who, ">", "");
            pub(super) const GROUPS_LAST: &str = parts!("groups", "x.group_id", $who, "<", " DESC");
            pub(super) const OF_ROLE: &str = of_part!(login, "x.role_id = $8", $who);
            pub(super) const OF_ROLE_LAST: &str = of_part!(login_last, "x.role_id = $8", $who);
            pub(super) const OF_GROUP: &str = of_part!(login, "x.group_id = $8", $who);
            pub(super) const OF_GROUP_LAST: &str = of_part!(login_last, "x.group_id = $8", $who);
        })+

        /// The queries of these kinds, by name.
        pub const OF_KINDS: &[Query] = &[$(
            (concat!("parts::", stringify!($kind), "::ROLES"), $kind::ROLES),
            (concat!("parts::", stringify!($kind), "::ROLES_LAST"), $kind::ROLES_LAST),
            (concat!("parts::", stringify!($kind), "::GROUPS"), $kind::GROUPS),
            (concat!("parts::", stringify!($kind), "::GROUPS_LAST"), $kind::GROUPS_LAST),
            (concat!("parts::", stringify!($kind), "::OF_ROLE"), $kind::OF_ROLE),
            (concat!("parts::", stringify!($kind), "::OF_ROLE_LAST"), $kind::OF_ROLE_LAST),
            (concat!("parts::", stringify!($kind), "::OF_GROUP"), $kind::OF_GROUP),
            (concat!("parts::", stringify!($kind), "::OF_GROUP_LAST"), $kind::OF_GROUP_LAST)
        ),+];
    };
}

kinds! {
    everybody = "x.id <> ''";
    no_email = "x.addressless AND x.status <> 'disabled'";
    // As a range: so SQLite goes by the index of the part, and not by that of all of them.
    never = "x.signed_in_at <= 0 AND x.status <> 'disabled'";
    disabled = "x.status = 'disabled'";
    invited = "x.status = 'invited'";
}

/// The queries for those who are found in some way, together.
macro_rules! ways {
    ($($way:ident = $($text:expr),+;)+) => {
        $(mod $way {
            use super::*;

            pub(super) const BY_ROLE: &str = together!("r.name_key", "r.id", ">", "", $($text),+);
            pub(super) const BY_ROLE_LAST: &str = together!("r.name_key", "r.id", "<", " DESC", $($text),+);
            pub(super) const BY_GROUP: &str = together!("COALESCE(g.name_key, '')", "COALESCE(g.id, '')", ">", "", $($text),+);
            pub(super) const BY_GROUP_LAST: &str = together!("COALESCE(g.name_key, '')", "COALESCE(g.id, '')", "<", " DESC", $($text),+);
        })+

        /// The queries of these ways, by name.
        pub const OF_WAYS: &[Query] = &[$(
            (concat!("parts::", stringify!($way), "::BY_ROLE"), $way::BY_ROLE),
            (concat!("parts::", stringify!($way), "::BY_ROLE_LAST"), $way::BY_ROLE_LAST),
            (concat!("parts::", stringify!($way), "::BY_GROUP"), $way::BY_GROUP),
            (concat!("parts::", stringify!($way), "::BY_GROUP_LAST"), $way::BY_GROUP_LAST)
        ),+];
    };
}

ways! {
    narrow = "u.group_id IN ", tree!();
    stopped = "u.id IN (SELECT b.user_id FROM code_budgets b WHERE b.stopped_at IS NOT NULL)";
    worded = "u.login_key IN (SELECT w.login_key FROM user_words w WHERE w.word >= $4 AND w.word < $5
                              UNION SELECT x.login_key FROM users x WHERE ", without_words!("x"), ")";
}

/// Of a part `$8` of many people: those whom a code is asked for that may not reach them, by what names them.
macro_rules! kept_out {
    ($order:ident, role) => {
        wide_kept_out!(
            $order,
            "x.role_id = $8 AND x.status = 'active' AND x.group_id IN (SELECT y.id FROM groups y WHERE y.two_factor_setting = 'on')"
        )
    };
    ($order:ident, group) => {
        wide_kept_out!(
            $order,
            "x.group_id = $8 AND x.status = 'active' AND x.group_id IN (SELECT y.id FROM groups y WHERE y.two_factor_setting = 'on')"
        )
    };
}

/// Those of a part `$10` of many whom a search finds, by its words.
macro_rules! found_of_part {
    (login, $which:literal) => {
        worded!(login, " AND w.login_key > $2", " AND x.login_key > $2 ORDER BY login_key ", $which)
    };
    (login_last, $which:literal) => {
        worded!(
            login_last,
            " AND (CAST($2 AS TEXT) IS NULL OR w.login_key < $2)",
            " AND (CAST($2 AS TEXT) IS NULL OR x.login_key < $2) ORDER BY login_key DESC ",
            $which
        )
    };
}

/// Those of no group, who are few.
macro_rules! of_no_group {
    ($order:ident) => {
        lines!(
            "u.group_id IS NULL AND ",
            after!($order, "u", "$8"),
            " AND ",
            within!("u.group_id"),
            " AND ",
            found!("u"),
            " AND ",
            shown!(),
            order!($order, "u"),
            "LIMIT $3"
        )
    };
}

queries! {
    KEPT_OUT_OF_ROLE = kept_out!(login, role);
    KEPT_OUT_OF_ROLE_LAST = kept_out!(login_last, role);
    KEPT_OUT_OF_GROUP = kept_out!(login, group);
    KEPT_OUT_OF_GROUP_LAST = kept_out!(login_last, group);
    FOUND_OF_ROLE = found_of_part!(login, "u.role_id = $10 AND ");
    FOUND_OF_ROLE_LAST = found_of_part!(login_last, "u.role_id = $10 AND ");
    FOUND_OF_GROUP = found_of_part!(login, "u.group_id = $10 AND ");
    FOUND_OF_GROUP_LAST = found_of_part!(login_last, "u.group_id = $10 AND ");
    OF_NO_GROUP = of_no_group!(login);
    OF_NO_GROUP_LAST = of_no_group!(login_last);
    STAND_OF_ROLE = "SELECT name_key, id FROM roles WHERE id = $1";
    STAND_OF_GROUP = "SELECT name_key, id FROM groups WHERE id = $1";
    COUNT_OF_ROLE = "SELECT COUNT(*) FROM (SELECT 1 AS n FROM users WHERE role_id = $1 LIMIT $2) AS counted";
    COUNT_OF_GROUP = "SELECT COUNT(*) FROM (SELECT 1 AS n FROM users WHERE group_id = $1 LIMIT $2) AS counted";
}

/// Where a part stands that a list goes on from; none where it is gone, or there was none.
///
/// # Errors
/// When the database refuses.
pub async fn stand(conn: &mut Conn, part: Part, id: &str) -> Result<Option<Stand>> {
    match part {
        Part::Role => optional!(conn, (String, String), STAND_OF_ROLE, id),
        Part::Group => optional!(conn, (String, String), STAND_OF_GROUP, id),
    }
}

/// The query of a kind; those whose codes may not reach them have others.
macro_rules! of {
    ($which:expr, $query:ident) => {
        match $which {
            Which::All | Which::KeptOut | Which::Stopped => everybody::$query,
            Which::NoEmail => no_email::$query,
            Which::Never => never::$query,
            Which::Disabled => disabled::$query,
            Which::Invited => invited::$query,
        }
    };
}

/// At most `limit` parts in which a list shows anybody, those that come after this one.
///
/// # Errors
/// When the database refuses.
pub async fn parts(
    conn: &mut Conn,
    which: Which,
    part: Part,
    page: Page<'_>,
    after: Option<&Stand>,
    limit: i64,
) -> Result<Vec<Stand>> {
    let (name, id) = (after.map(|(name, _)| name), after.map(|(_, id)| id));
    let query = match (part, page.last_first) {
        (Part::Role, false) => of!(which, ROLES),
        (Part::Role, true) => of!(which, ROLES_LAST),
        (Part::Group, false) => of!(which, GROUPS),
        (Part::Group, true) => of!(which, GROUPS_LAST),
    };
    all!(conn, (String, String), query, page.root, name, id, limit)
}

/// A page of those of one part, by their logins.
///
/// # Errors
/// When the database refuses.
pub async fn of_part(
    conn: &mut Conn,
    which: Which,
    part: Part,
    id: &str,
    page: Page<'_>,
) -> Result<Vec<LineRow>> {
    let query = match (part, page.last_first) {
        (Part::Role, false) => of!(which, OF_ROLE),
        (Part::Role, true) => of!(which, OF_ROLE_LAST),
        (Part::Group, false) => of!(which, OF_GROUP),
        (Part::Group, true) => of!(which, OF_GROUP_LAST),
    };
    by_login(conn, query, id, page).await
}

/// How many a part has, up to `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn count(conn: &mut Conn, part: Part, id: &str, limit: i64) -> Result<i64> {
    let row: Option<(i64,)> = match part {
        Part::Role => optional!(conn, (i64,), COUNT_OF_ROLE, id, limit)?,
        Part::Group => optional!(conn, (i64,), COUNT_OF_GROUP, id, limit)?,
    };
    Ok(row.map_or(0, |(count,)| count))
}

/// A page of those of one part of many whom a code is asked for that may not reach them.
///
/// # Errors
/// When the database refuses.
pub async fn kept_out_of_part(conn: &mut Conn, part: Part, id: &str, page: Page<'_>) -> Result<Vec<LineRow>> {
    let query = match (part, page.last_first) {
        (Part::Role, false) => KEPT_OUT_OF_ROLE,
        (Part::Role, true) => KEPT_OUT_OF_ROLE_LAST,
        (Part::Group, false) => KEPT_OUT_OF_GROUP,
        (Part::Group, true) => KEPT_OUT_OF_GROUP_LAST,
    };
    by_login(conn, query, id, page).await
}

/// What such a query finds in the part of this id.
async fn by_login(conn: &mut Conn, query: &'static str, id: &str, page: Page<'_>) -> Result<Vec<LineRow>> {
    let Page { root, words: (from, to), texts: (begins, later), limit, .. } = page;
    all!(conn, LineRow, query, root, page.place().0, limit, from, to, begins, later, id)
}

/// A page of those of one part whom a search finds: of all whom its words find, the first `looked_at` by login are looked at. `word` is that
/// of the list.
///
/// # Errors
/// When the database refuses.
pub async fn found_of_part(
    conn: &mut Conn,
    (word, looked_at): (&str, i64),
    part: Part,
    id: &str,
    page: Page<'_>,
) -> Result<Vec<LineRow>> {
    let Page { root, last_first, words: (from, to), texts: (begins, later), limit, .. } = page;
    let login = page.place().0;
    let query = match (part, last_first) {
        (Part::Role, false) => FOUND_OF_ROLE,
        (Part::Role, true) => FOUND_OF_ROLE_LAST,
        (Part::Group, false) => FOUND_OF_GROUP,
        (Part::Group, true) => FOUND_OF_GROUP_LAST,
    };
    all!(conn, LineRow, query, root, login, limit, from, to, begins, later, word, looked_at, id)
}

/// A page of those who have no group; `word` is that of the list.
///
/// # Errors
/// When the database refuses.
pub async fn of_no_group(conn: &mut Conn, word: &str, page: Page<'_>) -> Result<Vec<LineRow>> {
    let Page { root, last_first, words: (from, to), texts: (begins, later), limit, .. } = page;
    let login = page.place().0;
    let query = if last_first { OF_NO_GROUP_LAST } else { OF_NO_GROUP };
    all!(conn, LineRow, query, root, login, limit, from, to, begins, later, word)
}

/// A page of those of all parts, where they are few; they come after a login of the part that stands there. `word` is that of the list.
///
/// # Errors
/// When the database refuses.
pub async fn together(
    conn: &mut Conn,
    (way, word): (Way<'_>, &str),
    part: Part,
    page: Page<'_>,
    after: &Stand,
) -> Result<Vec<LineRow>> {
    let Page { root, last_first, after: login, words: (from, to), texts: (begins, later), limit, .. } = page;
    let (name, id, login) = (&after.0, &after.1, login.map(|(login, _)| login));
    macro_rules! of_way {
        ($way:ident) => {
            match (part, last_first) {
                (Part::Role, false) => $way::BY_ROLE,
                (Part::Role, true) => $way::BY_ROLE_LAST,
                (Part::Group, false) => $way::BY_GROUP,
                (Part::Group, true) => $way::BY_GROUP_LAST,
            }
        };
    }
    let query = match way {
        Way::Narrow(_) => of_way!(narrow),
        Way::Worded(..) => of_way!(worded),
        Way::Wide => of_way!(stopped),
    };
    all!(conn, LineRow, query, root, login, limit, from, to, begins, later, word, name, id)
}
