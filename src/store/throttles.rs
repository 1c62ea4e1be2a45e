//! Which queries count password failures, and remember the browsers that have signed in before?

use super::macros::{execute, optional, queries};
use super::{Conn, Result};

queries! {
    TAKE = "INSERT INTO throttles (subject, failures, not_before_at, updated_at) VALUES ($1, 1, $2, $2)
            ON CONFLICT (subject) DO UPDATE SET
                failures = CASE WHEN throttles.updated_at <= $3 THEN 1 ELSE throttles.failures + 1 END,
                updated_at = $2
            WHERE throttles.not_before_at <= $2
            RETURNING failures";
    WAIT = "UPDATE throttles SET not_before_at = $2 WHERE subject = $1 AND not_before_at < $2";
    NOT_BEFORE = "SELECT not_before_at FROM throttles WHERE subject = $1";
    GIVE_BACK = "UPDATE throttles SET failures = failures - 1, not_before_at = $2
                 WHERE subject = $1 AND failures > 0";
    CLEAR = "DELETE FROM throttles WHERE subject = $1";
    PURGE = "DELETE FROM throttles WHERE subject IN (
                 SELECT subject FROM throttles WHERE updated_at <= $1 ORDER BY updated_at LIMIT $2)";
    KNOW_BROWSER = "INSERT INTO known_browsers (browser_hash, user_id, seen_at) VALUES ($1, $2, $3)
                    ON CONFLICT (browser_hash, user_id) DO UPDATE SET seen_at = $3";
    IS_KNOWN = "SELECT seen_at FROM known_browsers WHERE browser_hash = $1 AND user_id = $2";
    PURGE_BROWSERS = "DELETE FROM known_browsers WHERE browser_hash IN (
                          SELECT browser_hash FROM known_browsers WHERE seen_at <= $1 ORDER BY seen_at LIMIT $2)
                      AND seen_at <= $1";
}

/// Counts one more failure of a subject, before it is known to be one; none while the subject must wait. One that has
/// been quiet since `quiet_since` starts from nothing.
///
/// # Errors
/// When the database refuses.
pub async fn take(conn: &mut Conn, subject: &str, now: i64, quiet_since: i64) -> Result<Option<i64>> {
    let taken: Option<(i64,)> = optional!(conn, (i64,), TAKE, subject, now, quiet_since)?;
    Ok(taken.map(|(failures,)| failures))
}

/// Lets a subject wait until `not_before`.
///
/// # Errors
/// When the database refuses.
pub async fn wait(conn: &mut Conn, subject: &str, not_before: i64) -> Result<()> {
    execute!(conn, WAIT, subject, not_before).map(|_| ())
}

/// Until when a subject must wait.
///
/// # Errors
/// When the database refuses.
pub async fn not_before(conn: &mut Conn, subject: &str) -> Result<Option<i64>> {
    let row: Option<(i64,)> = optional!(conn, (i64,), NOT_BEFORE, subject)?;
    Ok(row.map(|(at,)| at))
}

/// Takes back one count that turned out to be no failure, and the wait that came with it.
///
/// # Errors
/// When the database refuses.
pub async fn give_back(conn: &mut Conn, subject: &str, now: i64) -> Result<()> {
    execute!(conn, GIVE_BACK, subject, now).map(|_| ())
}

/// Forgets the failures of a subject.
///
/// # Errors
/// When the database refuses.
pub async fn clear(conn: &mut Conn, subject: &str) -> Result<()> {
    execute!(conn, CLEAR, subject).map(|_| ())
}

/// Deletes at most `limit` subjects that have been quiet since `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, before, limit)
}

/// Remembers that a user has signed in with this browser.
///
/// # Errors
/// When the database refuses.
pub async fn know_browser(conn: &mut Conn, browser_hash: &str, user_id: &str, now: i64) -> Result<()> {
    execute!(conn, KNOW_BROWSER, browser_hash, user_id, now).map(|_| ())
}

/// Whether a user has signed in with this browser before.
///
/// # Errors
/// When the database refuses.
pub async fn is_known(conn: &mut Conn, browser_hash: &str, user_id: &str) -> Result<bool> {
    let row: Option<(i64,)> = optional!(conn, (i64,), IS_KNOWN, browser_hash, user_id)?;
    Ok(row.is_some())
}

/// Forgets at most about `limit` browsers that nobody has signed in with since `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge_browsers(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE_BROWSERS, before, limit)
}
