//! Which queries tell whether users can be sent a code, and need one?

use super::macros::{all, nothing, optional, queries, within};
use super::row::from_row;
use super::{Conn, Result};

/// That a message `m` is the last of a user `u`, and did not reach the address that they have.
macro_rules! undelivered {
    () => {
        "m.user_id = u.id AND m.state = 'refused' AND m.done_at IS NOT NULL
         AND lower(m.address) = lower(COALESCE(NULLIF(TRIM(u.email), ''), u.login))
         AND NOT EXISTS (SELECT 1 FROM messages x
                         WHERE x.user_id = m.user_id AND x.done_at IS NOT NULL AND x.created_at_ms >= m.created_at_ms
                           AND (x.created_at_ms > m.created_at_ms OR x.id > m.id))"
    };
}

/// What decides whether a user `u` of a group `g` can be sent a code, but for the argument: since when their codes are stopped, and what became of the
/// last message. What one row alone knows is asked for beside the user: with two tables more to join PostgreSQL takes three times as long
/// to find a way, which is longer than going it.
macro_rules! decisive {
    ($last:literal) => {
        concat!(
            "SELECT u.id, u.login, u.login_key, u.group_id, u.email, u.status,
                    (SELECT r.rights FROM roles r WHERE r.id = u.role_id) AS role_rights, g.top_id, g.two_factor_setting, ",
            $last,
            " FROM users u LEFT JOIN groups g ON g.id = u.group_id "
        )
    };
}

/// A query for all of that; the argument says whose.
macro_rules! needs {
    ($($which:tt)+) => {
        concat!(
            decisive!(
                "(SELECT b.stopped_at FROM code_budgets b WHERE b.user_id = u.id AND b.stopped_at IS NOT NULL) AS stopped_at,
                 CASE WHEN m.id IS NOT NULL THEN COALESCE(m.answer, '') END AS undelivered,
                 m.address AS unreached, m.done_at AS undelivered_at"
            ),
            "LEFT JOIN messages m ON ",
            undelivered!(),
            " ",
            $($which)+
        )
    };
}

/// The same of those who have no address, which decides before all else: no code is on its way to them, nor stopped.
macro_rules! unaddressed {
    ($($which:tt)+) => {
        concat!(
            decisive!(
                "CAST(NULL AS BIGINT) AS stopped_at, CAST(NULL AS TEXT) AS undelivered, CAST(NULL AS TEXT) AS unreached,
                 CAST(NULL AS BIGINT) AS undelivered_at"
            ),
            $($which)+
        )
    };
}

/// Which users `u` are looked at: those of the group `$1` who are not disabled, or those of the tree below it (null for the whole site) who
/// are active and asked for a code as their groups are set.
macro_rules! whom {
    // So that nobody goes by the group, which may hold many.
    (group) => {
        "COALESCE(u.group_id, '') = $1 AND u.status <> 'disabled'"
    };
    (tree) => {
        concat!("u.status = 'active' AND g.two_factor_setting = 'on' AND ", within!("u.group_id"))
    };
}

/// The first of them, by group and login: `$3` of a group, after the login `$2`, or `$4` of a tree, after the login `$3` of the group `$2`. The
/// second argument says more of whom, and the first what is asked of them. They are joined by their ids, which are in no order: PostgreSQL would go by the login through everybody before the
/// last of them.
macro_rules! first {
    ($asked:ident, group, $who:expr) => {
        first!($asked, "x.group_id", $who)
    };
    ($asked:ident, $group:literal, $who:expr) => {
        $asked!(
            "WHERE u.id IN (SELECT id FROM (
                 SELECT x.id, x.login_key FROM users x WHERE ",
            $who,
            " AND ",
            $group,
            " = $1 AND x.status <> 'disabled' AND x.login_key > $2
                 ORDER BY x.login_key LIMIT $3) AS first)
             ORDER BY u.login_key LIMIT $3"
        )
    };
    ($asked:ident, tree, $who:expr) => {
        $asked!(
            "WHERE u.id IN (SELECT id FROM (
                 SELECT x.id, x.group_id, x.login_key FROM groups h JOIN users x ON x.group_id = h.id WHERE ",
            $who,
            " AND x.status = 'active' AND h.two_factor_setting = 'on' AND ",
            within!("x.group_id"),
            " AND (x.group_id, x.login_key) > ($2, $3)
                 ORDER BY x.group_id, x.login_key LIMIT $4) AS first)
             ORDER BY u.group_id, u.login_key LIMIT $4"
        )
    };
}

/// That a code may not reach a user `x`.
macro_rules! hard {
    () => {
        "(x.addressless
          OR EXISTS (SELECT 1 FROM code_budgets s WHERE s.user_id = x.id AND s.stopped_at IS NOT NULL)
          OR EXISTS (SELECT 1 FROM messages y WHERE y.user_id = x.id AND y.state = 'refused'))"
    };
}

/// The ids of those, after this one, whose codes are stopped, in their order.
macro_rules! stopped {
    ($after:literal) => {
        concat!(
            "SELECT s.user_id FROM code_budgets s WHERE s.stopped_at IS NOT NULL AND s.user_id > ",
            $after,
            " ORDER BY s.user_id"
        )
    };
}

/// The same of those to whom a message was refused.
macro_rules! refused {
    ($after:literal) => {
        concat!(
            "SELECT DISTINCT y.user_id FROM messages y WHERE y.state = 'refused' AND y.user_id > ",
            $after,
            " ORDER BY y.user_id"
        )
    };
}

/// The last of the first `$2` of these, and how many they are.
macro_rules! last {
    ($found:expr) => {
        concat!("SELECT MAX(user_id) AS last, COUNT(*) AS n FROM (", $found, " LIMIT $2) AS found")
    };
}

/// The first so many of both.
macro_rules! in_doubt {
    ($after:literal, $limit:literal) => {
        concat!(
            "SELECT user_id FROM (
                 SELECT user_id FROM (",
            stopped!($after),
            " LIMIT ",
            $limit,
            ") AS stopped
                 UNION SELECT user_id FROM (",
            refused!($after),
            " LIMIT ",
            $limit,
            ") AS refused) AS doubt
             ORDER BY user_id LIMIT ",
            $limit
        )
    };
}

/// Those among these who are looked at, but for whoever has no address.
macro_rules! doubtful {
    ($whom:ident) => {
        needs!(
            "WHERE u.id IN (",
            in_doubt!("$2", "$3"),
            ") AND NOT u.addressless AND ",
            whom!($whom),
            " ORDER BY u.id LIMIT $3"
        )
    };
}

/// The ids of the roles of the tree of the group `$1` that hold `override_2fa`.
macro_rules! overriding {
    () => {
        "SELECT r.id FROM groups t JOIN roles r ON COALESCE(r.group_id, '') = t.top_id
         WHERE t.id = $1 AND ' ' || r.rights || ' ' LIKE '% override!_2fa %' ESCAPE '!'"
    };
}

/// Those of the group `$1` who are active and have an address, among the users whose ids a table has after `$2` and up to `$3`; what is known of
/// their messages, and where that is. Whoever goes through a thousand of them reads no more of each than decides. The ids are selected, so that
/// PostgreSQL does not find the range wide, and goes through all messages for it; the tables are joined by `CROSS JOIN`, so that SQLite goes through
/// them in this order.
macro_rules! have_address {
    ($columns:literal, $from:expr) => {
        concat!(
            "SELECT u.id, u.login, u.login_key, u.role_id IN (",
            overriding!(),
            ") AS overrides, ",
            $columns,
            " FROM ",
            $from,
            " AND NOT u.addressless AND COALESCE(u.group_id, '') = $1 AND u.status = 'active' ORDER BY u.id"
        )
    };
}

queries! {
    OF_USER = needs!("WHERE u.id = $1");
    OF_GROUP = needs!("WHERE u.group_id = $1 AND u.status <> 'disabled' AND u.login_key > $2
                             ORDER BY u.login_key LIMIT $3");
    // Whoever has no address, by an index of their own; and then the others, by the few whom something speaks against. Where all are few,
    // in one order. Each looks at no more than it is asked for, however many there are.
    GROUP_NOWHERE = first!(unaddressed, group, "x.addressless");
    TREE_NOWHERE = first!(unaddressed, tree, "x.addressless");
    GROUP_NOWHERE_BUT_ALIKE = first!(unaddressed, "x.group_id || ''", concat!("x.addressless AND NOT (", nothing!(), ")"));
    GROUP_IN_DOUBT = doubtful!(group);
    TREE_IN_DOUBT = doubtful!(tree);
    // The same of a group, in two.
    STOPPED_OF_GROUP = have_address!(
        "CAST(NULL AS TEXT) AS undelivered, CAST(NULL AS TEXT) AS unreached, CAST(NULL AS BIGINT) AS undelivered_at",
        "code_budgets s CROSS JOIN users u
         WHERE u.id = s.user_id AND s.stopped_at IS NOT NULL AND s.user_id > (SELECT CAST($2 AS TEXT)) AND s.user_id <= (SELECT CAST($3 AS TEXT))");
    LAST_STOPPED = last!(stopped!("$1"));
    REFUSED_OF_GROUP = have_address!(
        "COALESCE(m.answer, '') AS undelivered, m.address AS unreached, m.done_at AS undelivered_at",
        concat!(
            "messages m CROSS JOIN users u
             WHERE ", undelivered!(), " AND m.user_id > (SELECT CAST($2 AS TEXT)) AND m.user_id <= (SELECT CAST($3 AS TEXT))"));
    LAST_REFUSED = last!(refused!("$1"));
    LAST_IN_DOUBT = concat!("SELECT MAX(user_id) AS last, COUNT(*) AS n FROM (", in_doubt!("$1", "$2"), ") AS found");
    GROUP_OF_FEW = first!(needs, group, hard!());
    GROUP_OF_FEW_BUT_ALIKE = first!(needs, group, concat!(hard!(), " AND NOT (x.addressless AND ", nothing!(), ")"));
    TREE_OF_FEW = first!(needs, tree, hard!());
    // Most need a code: nobody's role is looked at, and those of the few roles that do without are taken off, counted role by role: joined, they are
    // looked for by PostgreSQL among everybody.
    COUNT_NEEDING = concat!(
        "SELECT (SELECT COUNT(*) FROM users WHERE group_id = $1 AND status = $2)
              - (SELECT CAST(COALESCE(SUM((SELECT COUNT(*) FROM users u
                                           WHERE u.group_id = $1 AND u.role_id = o.id AND u.status = $2)), 0) AS BIGINT)
                 FROM (", overriding!(), ") AS o)");
    NEEDING = concat!(
        "SELECT u.id, u.login FROM users u
         WHERE u.group_id = $1 AND u.status = $2 AND u.role_id NOT IN (", overriding!(), ")
         ORDER BY u.login_key LIMIT $3");
    COUNT_OF_ROLE = "SELECT (SELECT COUNT(*) FROM users WHERE role_id = $1)
                          - (SELECT COUNT(*) FROM users WHERE role_id = $1 AND status = 'disabled')";
    OF_ROLE = needs!("WHERE u.role_id = $1 AND u.status <> 'disabled' AND u.login_key > $2
                            ORDER BY u.login_key LIMIT $3");
    COUNT_WITH_STATUS = "SELECT COUNT(*) FROM users WHERE group_id = $1 AND status = $2";
    WITH_STATUS = "SELECT id, login FROM users WHERE group_id = $1 AND status = $2 ORDER BY login_key LIMIT $3";
}

/// What decides whether a user can be sent a code, and needs one.
#[derive(Clone, Debug)]
pub struct NeedRow {
    /// The user's id.
    pub id: String,
    /// The login as it was written.
    pub login: String,
    /// What it is compared by.
    pub login_key: String,
    /// Their group; none for a site administrator.
    pub group_id: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// Whether they may sign in: `active`, `disabled`, `invited`.
    pub status: String,
    /// The rights of their role, separated by spaces.
    pub role_rights: String,
    /// The top-level group of its tree.
    pub top_id: Option<String>,
    /// Their group's two-factor setting.
    pub two_factor_setting: Option<String>,
    /// Since when their codes are stopped.
    pub stopped_at: Option<i64>,
    /// What the mail server said of the last message, if that did not reach the address that they have.
    pub undelivered: Option<String>,
    /// That address, as the message had it.
    pub unreached: Option<String>,
    /// When it said so.
    pub undelivered_at: Option<i64>,
}

from_row!(NeedRow {
    id,
    login,
    login_key,
    group_id,
    email,
    status,
    role_rights,
    top_id,
    two_factor_setting,
    stopped_at,
    undelivered,
    unreached,
    undelivered_at
});

/// Somebody of a group, active, with an address, whom a code may not reach all the same.
#[derive(Clone, Debug)]
pub struct DoubtRow {
    /// The user's id.
    pub id: String,
    /// The login as it was written.
    pub login: String,
    /// What it is compared by.
    pub login_key: String,
    /// Whether their role has `override_2fa`.
    pub overrides: bool,
    /// As of a [`NeedRow`].
    pub undelivered: Option<String>,
    /// As of a [`NeedRow`].
    pub unreached: Option<String>,
    /// As of a [`NeedRow`].
    pub undelivered_at: Option<i64>,
}

from_row!(DoubtRow { id, login, login_key, overrides, undelivered, unreached, undelivered_at });

/// What may keep a code from somebody who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Their codes are stopped.
    Stopped,
    /// The last message did not reach the address that they have.
    Refused,
}

/// At most `limit` of those of a group who are not disabled and whose folded logins come after `after`.
///
/// # Errors
/// When the database refuses.
pub async fn of_group(conn: &mut Conn, group_id: &str, after: &str, limit: i64) -> Result<Vec<NeedRow>> {
    all!(conn, NeedRow, OF_GROUP, group_id, after, limit)
}

/// Whom a look is about that may not be reached by a code.
#[derive(Clone, Copy, Debug)]
pub enum Among<'a> {
    /// Those of the group of this id who are not disabled.
    Group(&'a str),
    /// The same but for those who have nothing that could be an address, who are [`alike`](super::alike).
    GroupButAlike(&'a str),
    /// Those who are active in the group of this id and those below it, or anywhere, where a code is asked for.
    Tree(Option<&'a str>),
}

/// At most `limit` of those who have no address, by group and login, after the folded login of this group.
///
/// # Errors
/// When the database refuses.
pub async fn nowhere(
    conn: &mut Conn,
    among: Among<'_>,
    (group_id, key): (&str, &str),
    limit: i64,
) -> Result<Vec<NeedRow>> {
    match among {
        Among::Group(id) => all!(conn, NeedRow, GROUP_NOWHERE, id, key, limit),
        Among::GroupButAlike(id) => all!(conn, NeedRow, GROUP_NOWHERE_BUT_ALIKE, id, key, limit),
        Among::Tree(root) => all!(conn, NeedRow, TREE_NOWHERE, root, group_id, key, limit),
    }
}

/// Of all who may not be reached, the same: without an address, with their codes stopped, or with a message that was refused. It looks at
/// everybody.
///
/// # Errors
/// When the database refuses.
pub async fn of_few(
    conn: &mut Conn,
    among: Among<'_>,
    (group_id, key): (&str, &str),
    limit: i64,
) -> Result<Vec<NeedRow>> {
    match among {
        Among::Group(id) => all!(conn, NeedRow, GROUP_OF_FEW, id, key, limit),
        Among::GroupButAlike(id) => all!(conn, NeedRow, GROUP_OF_FEW_BUT_ALIKE, id, key, limit),
        Among::Tree(root) => all!(conn, NeedRow, TREE_OF_FEW, root, group_id, key, limit),
    }
}

/// Those who have an address and may not be reached all the same, among the first `looked_at` such users of the whole site whose ids come after this one.
///
/// # Errors
/// When the database refuses.
pub async fn in_doubt(
    conn: &mut Conn,
    among: Among<'_>,
    after: &str,
    looked_at: i64,
) -> Result<Vec<NeedRow>> {
    match among {
        Among::Group(id) | Among::GroupButAlike(id) => {
            all!(conn, NeedRow, GROUP_IN_DOUBT, id, after, looked_at)
        }
        Among::Tree(root) => all!(conn, NeedRow, TREE_IN_DOUBT, root, after, looked_at),
    }
}

/// Those of a group who are active, have an address and are in this doubt, among the first `looked_at` of the whole site who are and whose ids
/// come after this one; and the id that the next ones come after, if there may be any.
///
/// # Errors
/// When the database refuses.
pub async fn in_one_doubt(
    conn: &mut Conn,
    doubt: Doubt,
    group_id: &str,
    after: &str,
    looked_at: i64,
) -> Result<(Vec<DoubtRow>, Option<String>)> {
    let last: Option<(Option<String>, i64)> = match doubt {
        Doubt::Stopped => optional!(conn, (Option<String>, i64), LAST_STOPPED, after, looked_at)?,
        Doubt::Refused => optional!(conn, (Option<String>, i64), LAST_REFUSED, after, looked_at)?,
    };
    let Some((Some(last), n)) = last else { return Ok((Vec::new(), None)) };
    let rows = match doubt {
        Doubt::Stopped => all!(conn, DoubtRow, STOPPED_OF_GROUP, group_id, after, last)?,
        Doubt::Refused => all!(conn, DoubtRow, REFUSED_OF_GROUP, group_id, after, last)?,
    };
    Ok((rows, Some(last).filter(|_| n == looked_at)))
}

/// The id of the last of those who were so looked at; none where there are no more.
///
/// # Errors
/// When the database refuses.
pub async fn last_in_doubt(conn: &mut Conn, after: &str, looked_at: i64) -> Result<Option<String>> {
    let found: Option<(Option<String>, i64)> =
        optional!(conn, (Option<String>, i64), LAST_IN_DOUBT, after, looked_at)?;
    Ok(found.and_then(|(last, n)| last.filter(|_| n == looked_at)))
}

/// The same of those who hold a role.
///
/// # Errors
/// When the database refuses.
pub async fn of_role(conn: &mut Conn, role_id: &str, after: &str, limit: i64) -> Result<Vec<NeedRow>> {
    all!(conn, NeedRow, OF_ROLE, role_id, after, limit)
}

/// The same of one user.
///
/// # Errors
/// When the database refuses.
pub async fn of_user(conn: &mut Conn, id: &str) -> Result<Option<NeedRow>> {
    optional!(conn, NeedRow, OF_USER, id)
}

/// How many of a group have this status and no `override_2fa`.
///
/// # Errors
/// When the database refuses.
pub async fn count_needing(conn: &mut Conn, group_id: &str, status: &str) -> Result<i64> {
    let count: Option<(i64,)> = optional!(conn, (i64,), COUNT_NEEDING, group_id, status)?;
    Ok(count.map_or(0, |(count,)| count))
}

/// The ids and logins of the first `limit` of them.
///
/// # Errors
/// When the database refuses.
pub async fn needing(
    conn: &mut Conn,
    group_id: &str,
    status: &str,
    limit: i64,
) -> Result<Vec<(String, String)>> {
    all!(conn, (String, String), NEEDING, group_id, status, limit)
}

/// How many hold a role and are not disabled.
///
/// # Errors
/// When the database refuses.
pub async fn count_of_role(conn: &mut Conn, role_id: &str) -> Result<i64> {
    let count: Option<(i64,)> = optional!(conn, (i64,), COUNT_OF_ROLE, role_id)?;
    Ok(count.map_or(0, |(count,)| count))
}

/// How many of a group have this status, and the ids and logins of the first `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn with_status(
    conn: &mut Conn,
    group_id: &str,
    status: &str,
    limit: i64,
) -> Result<(i64, Vec<(String, String)>)> {
    let count: Option<(i64,)> = optional!(conn, (i64,), COUNT_WITH_STATUS, group_id, status)?;
    let people = all!(conn, (String, String), WITH_STATUS, group_id, status, limit)?;
    Ok((count.map_or(0, |(count,)| count), people))
}
