//! Which queries keep who has asked for help because there was no way in for them?

use super::macros::{all, execute, optional, queries};
use super::row::from_row;
use super::{Conn, Result};

queries! {
    // A user who has just been deleted needs no help.
    ASK = "INSERT INTO help_requests (user_id, why, client_id, asked_at)
           SELECT u.id, $2, $3, $4 FROM users u WHERE u.id = $1
           ON CONFLICT (user_id) DO UPDATE SET why = excluded.why, client_id = excluded.client_id,
                                               asked_at = excluded.asked_at, closed_at = NULL";
    CLOSE = "UPDATE help_requests SET closed_at = $2 WHERE user_id = $1 AND closed_at IS NULL";
    OPEN = "SELECT h.user_id, u.login, u.name, u.group_id, h.why, h.client_id, h.asked_at
            FROM help_requests h JOIN users u ON u.id = h.user_id
            WHERE h.closed_at IS NULL AND (h.asked_at > $2 OR (h.asked_at = $2 AND h.user_id > $3))
              AND (CAST($1 AS TEXT) IS NULL OR u.group_id IN (
                  WITH RECURSIVE below (id, depth) AS (
                      SELECT g.id, CAST(0 AS BIGINT) FROM groups g WHERE g.id = $1
                      UNION ALL
                      SELECT g.id, b.depth + 1 FROM below b JOIN groups g ON COALESCE(g.parent_id, '') = b.id
                      WHERE b.depth < 50)
                  SELECT id FROM below))
            ORDER BY h.asked_at, h.user_id LIMIT $4";
    IS_OPEN = "SELECT user_id FROM help_requests WHERE user_id = $1 AND closed_at IS NULL";
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

/// Whether a user waits for help.
///
/// # Errors
/// When the database refuses.
pub async fn is_open(conn: &mut Conn, user_id: &str) -> Result<bool> {
    let row: Option<(String,)> = optional!(conn, (String,), IS_OPEN, user_id)?;
    Ok(row.is_some())
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
