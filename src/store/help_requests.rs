//! Which queries keep who has asked for help because there was no way in for them?

use super::macros::{all, execute, optional, queries, within};
use super::row::from_row;
use super::{Conn, Result};

/// That the person `u` of a request `h` has come in since, with a code, or where they asked without one: by override, or because none is asked
/// for any more. Whoever goes on without the code of a rehearsal has none still.
macro_rules! came_in {
    () => {
        "EXISTS (SELECT 1 FROM audit_events e
                 WHERE e.user_id = h.user_id AND e.at_ms >= (h.asked_at + 1) * 1000
                   AND e.event IN ('signin.completed', 'signin.override') AND e.details NOT LIKE '%\"by_session\":true%'
                   AND (e.details LIKE '%\"pwd otp mfa\"%'
                        OR (e.client_id IS NOT DISTINCT FROM h.client_id
                            AND (e.event = 'signin.override' OR NOT EXISTS (
                                SELECT 1 FROM groups w WHERE w.id = u.group_id AND w.two_factor_setting <> 'off')))))"
    };
}

/// A query for open requests; the arguments say whose.
macro_rules! open {
    ($($which:tt)+) => {
        concat!(
            "SELECT h.user_id, u.login, u.name, u.group_id, h.why, h.client_id, h.asked_at
             FROM help_requests h JOIN users u ON u.id = h.user_id WHERE h.closed_at IS NULL AND ",
            $($which)+
        )
    };
}

queries! {
    // A user who has just been deleted needs no help.
    ASK = "INSERT INTO help_requests (user_id, why, client_id, asked_at)
           SELECT u.id, $2, $3, $4 FROM users u WHERE u.id = $1
           ON CONFLICT (user_id) DO UPDATE SET why = excluded.why, client_id = excluded.client_id,
                                               asked_at = excluded.asked_at, closed_at = NULL";
    CLOSE = "UPDATE help_requests SET closed_at = $2 WHERE user_id = $1 AND closed_at IS NULL";
    CLOSE_OF_THEN = "UPDATE help_requests SET closed_at = $3 WHERE user_id = $1 AND asked_at = $2 AND closed_at IS NULL";
    CAME_IN = concat!(
        "SELECT h.user_id, h.asked_at FROM help_requests h JOIN users u ON u.id = h.user_id WHERE h.closed_at IS NULL AND ", came_in!(),
        " ORDER BY h.asked_at, h.user_id LIMIT $1");
    OPEN = open!("(h.asked_at > $2 OR (h.asked_at = $2 AND h.user_id > $3)) AND ", within!("u.group_id"),
                 " AND NOT ", came_in!(), " ORDER BY h.asked_at, h.user_id LIMIT $4");
    OF_USER = open!("h.user_id = $1 AND NOT ", came_in!());
    COUNT = concat!(
        "SELECT COUNT(*) FROM (
             SELECT h.user_id FROM help_requests h JOIN users u ON u.id = h.user_id
             WHERE h.closed_at IS NULL AND ", within!("u.group_id"), " AND NOT ", came_in!(), " LIMIT $2) AS counted");
    PURGE = "DELETE FROM help_requests WHERE user_id IN (
                 SELECT user_id FROM help_requests WHERE asked_at <= $1 ORDER BY asked_at LIMIT $2)";
}

/// One open request.
#[derive(Clone, Debug)]
pub struct HelpRow {
    /// Who asks.
    pub user_id: String,
    /// Their login.
    pub login: String,
    /// Their full name.
    pub name: Option<String>,
    /// Their group; none for a site administrator.
    pub group_id: Option<String>,
    /// What kept them out.
    pub why: String,
    /// The app that they were on the way to.
    pub client_id: Option<String>,
    /// When they last asked, in seconds since 1970.
    pub asked_at: i64,
}

from_row!(HelpRow { user_id, login, name, group_id, why, client_id, asked_at });

/// Keeps a request, in place of the one before of the same user.
///
/// # Errors
/// When the database refuses.
pub async fn ask(conn: &mut Conn, user_id: &str, why: &str, client_id: Option<&str>, now: i64) -> Result<()> {
    execute!(conn, ASK, user_id, why, client_id, now).map(|_| ())
}

/// Closes a user's request; false when none is open.
///
/// # Errors
/// When the database refuses.
pub async fn close(conn: &mut Conn, user_id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, CLOSE, user_id, now)? == 1)
}

/// Closes the request that a user made at `asked_at`; false when it is not open, or they have asked again.
///
/// # Errors
/// When the database refuses.
pub async fn close_of_then(conn: &mut Conn, user_id: &str, asked_at: i64, now: i64) -> Result<bool> {
    Ok(execute!(conn, CLOSE_OF_THEN, user_id, asked_at, now)? == 1)
}

/// At most `limit` users whose open request says nothing any more, and when they asked: they have come in since. The oldest request first.
///
/// # Errors
/// When the database refuses.
pub async fn came_in(conn: &mut Conn, limit: i64) -> Result<Vec<(String, i64)>> {
    all!(conn, (String, i64), CAME_IN, limit)
}

/// The open request of a user.
///
/// # Errors
/// When the database refuses.
pub async fn of_user(conn: &mut Conn, user_id: &str) -> Result<Option<HelpRow>> {
    optional!(conn, HelpRow, OF_USER, user_id)
}

/// How many requests are open of a group and those below it or of everybody, up to `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn count(conn: &mut Conn, below: Option<&str>, limit: i64) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), COUNT, below, limit)?;
    Ok(row.map_or(0, |(n,)| n))
}

/// At most `limit` open requests, the oldest first, of a group and those below it or of everybody, that come after the one of
/// `(asked_at, user_id)`.
///
/// # Errors
/// When the database refuses.
pub async fn open(
    conn: &mut Conn,
    below: Option<&str>,
    (asked_at, user_id): (i64, &str),
    limit: i64,
) -> Result<Vec<HelpRow>> {
    all!(conn, HelpRow, OPEN, below, asked_at, user_id, limit)
}

/// Deletes at most `limit` requests that were made before `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, before, limit)
}
