//! Which queries list the users of a tree by their role, or by their group? Part by part, each by an index of its own, so that nobody goes
//! through everybody; where they are few, together.

use super::order::{after, order};
use super::{LineRow, Page, Way, Which};
use crate::store::macros::{all, optional, within};
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

/// The parts of a table `q` in which there is anybody, `$4` of them, after the one of the name `$2` and the id `$3`; null for the first.
macro_rules! parts {
    ($table:literal, $column:literal, $who:literal, $than:literal, $direction:literal) => {
        concat!(
            "SELECT q.name_key, q.id FROM ",
            $table,
            " q WHERE (CAST($2 AS TEXT) IS NULL OR (q.name_key, q.id) ",
            $than,
            " ($2, $3)) AND (SELECT x.id FROM users x WHERE ",
            $column,
            " = q.id AND ",
            $who,
            " AND ",
            within!("x.group_id"),
            " LIMIT 1) IS NOT NULL ORDER BY q.name_key",
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
    never = "x.status <> 'disabled' AND NOT EXISTS (
                 SELECT 1 FROM audit_events e WHERE e.user_id = x.id AND e.event IN ('signin.completed', 'signin.override'))";
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
    kept_out = "u.id IN (SELECT x.id FROM users x WHERE x.addressless
                         UNION SELECT b.user_id FROM code_budgets b WHERE b.stopped_at IS NOT NULL
                         UNION SELECT m.user_id FROM messages m WHERE m.state = 'refused')";
    worded = "u.login_key IN (SELECT w.login_key FROM user_words w WHERE w.word >= $4 AND w.word < $5
                              UNION SELECT x.login_key FROM users x WHERE ", without_words!("x"), ")";
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

const OF_NO_GROUP: &str = of_no_group!(login);
const OF_NO_GROUP_LAST: &str = of_no_group!(login_last);
const STAND_OF_ROLE: &str = "SELECT name_key, id FROM roles WHERE id = $1";
const STAND_OF_GROUP: &str = "SELECT name_key, id FROM groups WHERE id = $1";

/// The other queries, by name.
pub const OTHERS: &[Query] = &[
    ("parts::OF_NO_GROUP", OF_NO_GROUP),
    ("parts::OF_NO_GROUP_LAST", OF_NO_GROUP_LAST),
    ("parts::STAND_OF_ROLE", STAND_OF_ROLE),
    ("parts::STAND_OF_GROUP", STAND_OF_GROUP),
];

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

/// The query of a kind; those whose codes may not reach them are listed together.
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
    let Page { root, last_first, after, words: (from, to), texts: (begins, later), limit, .. } = page;
    let login = if last_first { after } else { after.or(Some(("", ""))) }.map(|(login, _)| login);
    let query = match (part, last_first) {
        (Part::Role, false) => of!(which, OF_ROLE),
        (Part::Role, true) => of!(which, OF_ROLE_LAST),
        (Part::Group, false) => of!(which, OF_GROUP),
        (Part::Group, true) => of!(which, OF_GROUP_LAST),
    };
    all!(conn, LineRow, query, root, login, limit, from, to, begins, later, id)
}

/// The same of those who have no group; `word` is that of the list.
///
/// # Errors
/// When the database refuses.
pub async fn of_no_group(conn: &mut Conn, word: &str, page: Page<'_>) -> Result<Vec<LineRow>> {
    let Page { root, last_first, after, words: (from, to), texts: (begins, later), limit, .. } = page;
    let login = if last_first { after } else { after.or(Some(("", ""))) }.map(|(login, _)| login);
    let query = if last_first { OF_NO_GROUP_LAST } else { OF_NO_GROUP };
    all!(conn, LineRow, query, root, login, limit, from, to, begins, later, word)
}

/// A page of those of all parts, where they are few; they come after a login of the part that stands there. `word` is that of the list.
///
/// # Errors
/// When the database refuses.
pub async fn together(
    conn: &mut Conn,
    which: Which,
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
    let query = match (way, which) {
        (Way::Narrow(_), _) => of_way!(narrow),
        (Way::Worded(..), _) => of_way!(worded),
        (Way::Wide, Which::Stopped) => of_way!(stopped),
        (Way::Wide, _) => of_way!(kept_out),
    };
    all!(conn, LineRow, query, root, login, limit, from, to, begins, later, word, name, id)
}
