//! Which queries tell whether users can be sent a code, and need one?

use super::macros::{all, optional, queries, within};
use super::row::from_row;
use super::{Conn, Result};

/// A query for what decides whether users can be sent a code; the argument says whose.
macro_rules! needs {
    ($($which:tt)+) => {
        concat!(
            "SELECT u.id, u.login, u.login_key, u.group_id, u.email, u.status, r.rights AS role_rights, g.two_factor_setting, b.stopped_at,
                    CASE WHEN m.id IS NOT NULL THEN COALESCE(m.answer, '') END AS undelivered,
                    m.address AS unreached, m.done_at AS undelivered_at
             FROM users u JOIN roles r ON r.id = u.role_id LEFT JOIN groups g ON g.id = u.group_id
             LEFT JOIN code_budgets b ON b.user_id = u.id
             LEFT JOIN messages m ON m.state = 'refused'
                  AND lower(m.address) = lower(COALESCE(NULLIF(TRIM(u.email), ''), u.login))
                  AND m.id = (SELECT x.id FROM messages x WHERE x.user_id = u.id AND x.done_at IS NOT NULL
                              ORDER BY x.created_at_ms DESC, x.id DESC LIMIT 1) ",
            $($which)+
        )
    };
}

/// The login of the user of this id, if they are in the group `$1`, not disabled, and come after `$2`; null if not. Asked so, it is one look
/// for each.
macro_rules! in_group {
    ($id:literal) => {
        concat!(
            "(SELECT x.login_key FROM users x
              WHERE x.id = ",
            $id,
            " AND x.group_id = $1 AND x.status <> 'disabled' AND x.login_key > $2)"
        )
    };
}

/// That a user `x` of a group `h` of the tree is asked for a code, and comes after the login `$3` of the group `$2`.
macro_rules! asked_in_tree {
    () => {
        concat!(
            "h.two_factor_setting = 'on' AND x.status = 'active' AND ",
            within!("x.group_id"),
            " AND (x.group_id > $2 OR (x.group_id = $2 AND x.login_key > $3))"
        )
    };
}

/// What is known of the user of this id, if they are one of those; null if not.
macro_rules! in_tree {
    ($column:literal, $id:literal) => {
        concat!(
            "(SELECT ",
            $column,
            " FROM users x JOIN groups h ON h.id = x.group_id WHERE x.id = ",
            $id,
            " AND ",
            asked_in_tree!(),
            ")"
        )
    };
}

queries! {
    OF_USER = needs!("WHERE u.id = $1");
    OF_GROUP = needs!("WHERE u.group_id = $1 AND u.status <> 'disabled' AND u.login_key > $2
                             ORDER BY u.login_key LIMIT $3");
    // Whoever none of the three names has an address that nothing speaks against. The first so many of each kind are those of all.
    OF_GROUP_HARD_TO_REACH = needs!("WHERE u.login_key IN (SELECT login_key FROM (
             SELECT login_key FROM (
                 SELECT x.login_key FROM users x
                 WHERE x.group_id = $1 AND x.addressless AND x.status <> 'disabled' AND x.login_key > $2
                 ORDER BY x.login_key LIMIT $3) AS nowhere
             UNION SELECT ", in_group!("s.user_id"), " FROM code_budgets s WHERE s.stopped_at IS NOT NULL
             UNION SELECT ", in_group!("y.user_id"), " FROM messages y WHERE y.state = 'refused') AS hard
             ORDER BY login_key NULLS LAST LIMIT $3)
         ORDER BY u.login_key LIMIT $3");
    // By the groups, so that nobody of those is looked at that ask for no code. What became of their messages is asked of the first alone.
    OF_TREE_HARD_TO_REACH = needs!("WHERE u.login_key IN (SELECT login_key FROM (
             SELECT group_id, login_key FROM (
                 SELECT x.group_id, x.login_key FROM groups h JOIN users x ON x.group_id = h.id
                 WHERE x.addressless AND ", asked_in_tree!(), "
                 ORDER BY x.group_id, x.login_key LIMIT $4) AS nowhere
             UNION SELECT ", in_tree!("x.group_id", "s.user_id"), ", ", in_tree!("x.login_key", "s.user_id"), "
                   FROM code_budgets s WHERE s.stopped_at IS NOT NULL
             UNION SELECT ", in_tree!("x.group_id", "y.user_id"), ", ", in_tree!("x.login_key", "y.user_id"), "
                   FROM messages y WHERE y.state = 'refused') AS hard
             ORDER BY group_id NULLS LAST, login_key LIMIT $4)
         ORDER BY u.group_id, u.login_key LIMIT $4");
    // Most are asked: whoever is not is counted one by one.
    COUNT_NEEDING = "SELECT COUNT(*) FROM users u
                     WHERE u.group_id = $1 AND u.status <> 'disabled'
                       AND u.role_id NOT IN (SELECT r.id FROM groups t JOIN roles r ON COALESCE(r.group_id, '') = t.top_id
                                             WHERE t.id = $1 AND ' ' || r.rights || ' ' LIKE '% override!_2fa %' ESCAPE '!')";
    COUNT_OF_ROLE = "SELECT (SELECT COUNT(*) FROM users WHERE role_id = $1)
                          - (SELECT COUNT(*) FROM users WHERE role_id = $1 AND status = 'disabled')";
    OF_ROLE = needs!("WHERE u.role_id = $1 AND u.status <> 'disabled' AND u.login_key > $2
                            ORDER BY u.login_key LIMIT $3");
    COUNT_WITH_STATUS = "SELECT COUNT(*) FROM users WHERE group_id = $1 AND status = $2";
    WITH_STATUS = "SELECT login FROM users WHERE group_id = $1 AND status = $2 ORDER BY login_key LIMIT $3";
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
    two_factor_setting,
    stopped_at,
    undelivered,
    unreached,
    undelivered_at
});

/// At most `limit` of those of a group who are not disabled and whose folded logins come after `after`.
///
/// # Errors
/// When the database refuses.
pub async fn of_group(conn: &mut Conn, group_id: &str, after: &str, limit: i64) -> Result<Vec<NeedRow>> {
    all!(conn, NeedRow, OF_GROUP, group_id, after, limit)
}

/// The same of those whom a code may not reach: without an email, with their codes stopped, or with a message that was refused.
///
/// # Errors
/// When the database refuses.
pub async fn of_group_hard_to_reach(
    conn: &mut Conn,
    group_id: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<NeedRow>> {
    all!(conn, NeedRow, OF_GROUP_HARD_TO_REACH, group_id, after, limit)
}

/// The same of those who are active in a group and those below it, or in all, where a code is asked for; by group, and those who come
/// after the folded login of this group.
///
/// # Errors
/// When the database refuses.
pub async fn of_tree_hard_to_reach(
    conn: &mut Conn,
    root: Option<&str>,
    (group_id, after): (&str, &str),
    limit: i64,
) -> Result<Vec<NeedRow>> {
    all!(conn, NeedRow, OF_TREE_HARD_TO_REACH, root, group_id, after, limit)
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

/// How many of a group are not disabled and have no `override_2fa`.
///
/// # Errors
/// When the database refuses.
pub async fn count_needing(conn: &mut Conn, group_id: &str) -> Result<i64> {
    let count: Option<(i64,)> = optional!(conn, (i64,), COUNT_NEEDING, group_id)?;
    Ok(count.map_or(0, |(count,)| count))
}

/// How many hold a role and are not disabled.
///
/// # Errors
/// When the database refuses.
pub async fn count_of_role(conn: &mut Conn, role_id: &str) -> Result<i64> {
    let count: Option<(i64,)> = optional!(conn, (i64,), COUNT_OF_ROLE, role_id)?;
    Ok(count.map_or(0, |(count,)| count))
}

/// How many of a group have this status, and the logins of the first `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn with_status(
    conn: &mut Conn,
    group_id: &str,
    status: &str,
    limit: i64,
) -> Result<(i64, Vec<String>)> {
    let count: Option<(i64,)> = optional!(conn, (i64,), COUNT_WITH_STATUS, group_id, status)?;
    let logins: Vec<(String,)> = all!(conn, (String,), WITH_STATUS, group_id, status, limit)?;
    Ok((count.map_or(0, |(count,)| count), logins.into_iter().map(|(login,)| login).collect()))
}
