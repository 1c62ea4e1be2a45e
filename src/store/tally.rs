//! Which queries count sign-ins by day, from the audit log, and read the count?

use super::macros::{all, execute, optional, queries, within};
use super::row::from_row;
use super::{Conn, Result};

queries! {
    // Whoever counts holds the row: nothing is counted twice.
    LOCK = "UPDATE signin_tally SET at_ms = at_ms WHERE id = 'signins' RETURNING at_ms, event_id";
    REACHED = "SELECT at_ms, event_id FROM signin_tally WHERE id = 'signins'";
    EVENTS = "SELECT e.id, e.at_ms, e.event, e.details, COALESCE(e.group_id, u.group_id, '') AS group_id
              FROM audit_events e LEFT JOIN users u ON u.id = e.user_id
              WHERE (e.at_ms, e.id) > ($1, $2) AND e.at_ms <= $3
              ORDER BY e.at_ms, e.id LIMIT $4";
    RECENT = concat!(
        "SELECT e.id, e.at_ms, e.event, e.details, '' AS group_id
         FROM audit_events e LEFT JOIN users u ON u.id = e.user_id
         WHERE (e.at_ms, e.id) > ($2, $3) AND ", within!("COALESCE(e.group_id, u.group_id, '')"),
        " ORDER BY e.at_ms DESC, e.id LIMIT $4");
    ADD = "INSERT INTO signin_days (day, group_id, outcome, n) VALUES ($1, $2, $3, $4)
           ON CONFLICT (day, group_id, outcome) DO UPDATE SET n = signin_days.n + excluded.n";
    ADVANCE = "UPDATE signin_tally SET at_ms = $1, event_id = $2 WHERE id = 'signins'";
    DAYS = concat!(
        "SELECT day, outcome, CAST(SUM(n) AS BIGINT) AS n FROM signin_days
         WHERE day >= $2 AND ", within!("group_id"), " GROUP BY day, outcome ORDER BY day, outcome");
    FORGET = "DELETE FROM signin_days WHERE day < $1";
}

/// An event, as far as it says how a sign-in ended.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// Its id.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What happened.
    pub event: String,
    /// The rest, as JSON.
    pub details: String,
    /// In which group; empty for none.
    pub group_id: String,
}

from_row!(EventRow { id, at_ms, event, details, group_id });

/// How many sign-ins of a day ended in one way.
#[derive(Clone, Debug)]
pub struct DayRow {
    /// The day, in days since 1970 (UTC).
    pub day: i64,
    /// In which way.
    pub outcome: String,
    /// How many.
    pub n: i64,
}

from_row!(DayRow { day, outcome, n });

/// The last event that was counted (when, and its id); nobody else counts until the transaction is over.
///
/// # Errors
/// When the database refuses.
pub async fn lock(conn: &mut Conn) -> Result<(i64, String)> {
    let row: Option<(i64, String)> = optional!(conn, (i64, String), LOCK)?;
    Ok(row.unwrap_or_default())
}

/// The last event that was counted.
///
/// # Errors
/// When the database refuses.
pub async fn reached(conn: &mut Conn) -> Result<(i64, String)> {
    let row: Option<(i64, String)> = optional!(conn, (i64, String), REACHED)?;
    Ok(row.unwrap_or_default())
}

/// At most `limit` events after one, until a moment.
///
/// # Errors
/// When the database refuses.
pub async fn events(
    conn: &mut Conn,
    (at_ms, id): (i64, &str),
    until_ms: i64,
    limit: i64,
) -> Result<Vec<EventRow>> {
    all!(conn, EventRow, EVENTS, at_ms, id, until_ms, limit)
}

/// The newest `limit` events after one, of a tree.
///
/// # Errors
/// When the database refuses.
pub async fn recent(
    conn: &mut Conn,
    root: Option<&str>,
    (at_ms, id): (i64, &str),
    limit: i64,
) -> Result<Vec<EventRow>> {
    all!(conn, EventRow, RECENT, root, at_ms, id, limit)
}

/// Adds to the count of a day.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, day: i64, group_id: &str, outcome: &str, n: i64) -> Result<()> {
    execute!(conn, ADD, day, group_id, outcome, n).map(|_| ())
}

/// Notes how far has been counted.
///
/// # Errors
/// When the database refuses.
pub async fn advance(conn: &mut Conn, at_ms: i64, id: &str) -> Result<()> {
    execute!(conn, ADVANCE, at_ms, id).map(|_| ())
}

/// The counts of a tree since a day.
///
/// # Errors
/// When the database refuses.
pub async fn days(conn: &mut Conn, root: Option<&str>, since: i64) -> Result<Vec<DayRow>> {
    all!(conn, DayRow, DAYS, root, since)
}

/// Forgets the days before one.
///
/// # Errors
/// When the database refuses.
pub async fn forget(conn: &mut Conn, before: i64) -> Result<()> {
    execute!(conn, FORGET, before).map(|_| ())
}
