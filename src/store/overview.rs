//! Which queries count what needs a manager's attention? `$1` is the group that their tree hangs from, null for the whole site; each
//! count ends at a limit.

use super::macros::{all, execute, optional, queries, within};
use super::row::from_row;
use super::{Conn, Result};

queries! {
    // One look for each of the few, whoever is in the tree.
    STOPPED = concat!(
        "SELECT COUNT(*) FROM (
             SELECT b.user_id FROM code_budgets b
             WHERE b.stopped_at IS NOT NULL
               AND (SELECT u.id FROM users u WHERE u.id = b.user_id AND ", within!("u.group_id"), ") IS NOT NULL
             LIMIT $2) AS counted");
    OVERRIDES = concat!(
        "SELECT e.at_ms, COALESCE(e.user_login, u.login) AS login, e.user_id
         FROM audit_events e LEFT JOIN users u ON u.id = e.user_id
         WHERE e.event = 'signin.override' AND e.at_ms > $2 AND ", within!("e.group_id"),
        " ORDER BY e.at_ms DESC LIMIT $3");
    // Whoever says no to an app is no failure of the app; nor is it that somebody cannot be sent a code, of which no app hears.
    FAILING = "SELECT e.client_id, COUNT(*) AS n FROM audit_events e JOIN clients c ON c.id = e.client_id
               WHERE e.event = 'signin.refused' AND e.at_ms > $1 AND e.details LIKE '%\"error\":%' AND e.details NOT LIKE '%access!_denied%' ESCAPE '!'
               GROUP BY e.client_id ORDER BY COUNT(*) DESC, e.client_id LIMIT $2";
    REFUSED_AT = concat!(
        "SELECT e.at_ms, e.details, u.id AS user_id, COALESCE(e.user_login, u.login) AS login
         FROM audit_events e LEFT JOIN users u ON u.id = e.user_id
         WHERE e.event = 'signin.refused' AND e.client_id = $2 AND e.at_ms > $3 AND e.details LIKE '%\"error\":%' AND ", within!("u.group_id"),
        " ORDER BY e.at_ms DESC LIMIT $4");
    LAST_VISIT = "SELECT at, before_at FROM console_visits WHERE user_id = $1";
    VISIT = "INSERT INTO console_visits (user_id, at, before_at) VALUES ($1, $2, $2)
             ON CONFLICT (user_id) DO UPDATE SET before_at = console_visits.at, at = $2";
}

/// A sign-in by override.
#[derive(Clone, Debug)]
pub struct OverrideRow {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// By whom, where that is still known.
    pub login: Option<String>,
    /// The user's id.
    pub user_id: Option<String>,
}

from_row!(OverrideRow { at_ms, login, user_id });

/// A sign-in that an app was refused.
#[derive(Clone, Debug)]
pub struct RefusedRow {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The event's facts, as JSON: `error` is what the app was told.
    pub details: String,
    /// Whose it was, where they are still there: the user's id.
    pub user_id: Option<String>,
    /// Their login, where that is still known.
    pub login: Option<String>,
}

from_row!(RefusedRow { at_ms, details, user_id, login });

/// How many people's codes are stopped, up to `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn stopped(conn: &mut Conn, root: Option<&str>, limit: i64) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), STOPPED, root, limit)?;
    Ok(row.map_or(0, |(n,)| n))
}

/// At most `limit` sign-ins by override since `since_ms`; newest first.
///
/// # Errors
/// When the database refuses.
pub async fn overrides(
    conn: &mut Conn,
    root: Option<&str>,
    since_ms: i64,
    limit: i64,
) -> Result<Vec<OverrideRow>> {
    all!(conn, OverrideRow, OVERRIDES, root, since_ms, limit)
}

/// The apps with most refused sign-ins since `since_ms`, by id, and how many.
///
/// # Errors
/// When the database refuses.
pub async fn failing(conn: &mut Conn, since_ms: i64, limit: i64) -> Result<Vec<(String, i64)>> {
    all!(conn, (String, i64), FAILING, since_ms, limit)
}

/// At most `limit` refused sign-ins at an app since `since_ms`; newest first.
///
/// # Errors
/// When the database refuses.
pub async fn refused_at(
    conn: &mut Conn,
    root: Option<&str>,
    client_id: &str,
    since_ms: i64,
    limit: i64,
) -> Result<Vec<RefusedRow>> {
    all!(conn, RefusedRow, REFUSED_AT, root, client_id, since_ms, limit)
}

/// When a user was on the home page last, and before that.
///
/// # Errors
/// When the database refuses.
pub async fn last_visit(conn: &mut Conn, user_id: &str) -> Result<Option<(i64, i64)>> {
    optional!(conn, (i64, i64), LAST_VISIT, user_id)
}

/// Notes that a user is on the home page now.
///
/// # Errors
/// When the database refuses.
pub async fn visit(conn: &mut Conn, user_id: &str, now: i64) -> Result<()> {
    execute!(conn, VISIT, user_id, now).map(|_| ())
}
