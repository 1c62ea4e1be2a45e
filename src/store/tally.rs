//! Which queries count sign-ins by day, from the audit log, and read the count?

use super::macros::{all, execute, optional, queries, within};
use super::row::from_row;
use super::{Conn, Result};

/// Those events of one kind that are so.
macro_rules! of_kind {
    ($kind:literal, $which:expr) => {
        concat!(
            "SELECT found.id, found.at_ms, found.event, found.details, found.group_id FROM (
                 SELECT e.id, e.at_ms, e.event, e.details, COALESCE(e.group_id, u.group_id, '') AS group_id
                 FROM audit_events e LEFT JOIN users u ON u.id = e.user_id WHERE e.event = '",
            $kind,
            "' AND ",
            $which,
            ") AS found"
        )
    };
}

/// Those with which a sign-in ends, and in which order they stand together. Each kind is found by itself: among all that has happened they may be
/// few, as after an import.
macro_rules! ends {
    ($which:expr, $order:literal) => {
        concat!(
            of_kind!("signin.completed", $which),
            " UNION ALL ",
            of_kind!("signin.override", $which),
            " UNION ALL ",
            of_kind!("signin.refused", $which),
            " UNION ALL ",
            of_kind!("signin.code_refused", $which),
            " UNION ALL ",
            of_kind!("signin.codes_stopped", $which),
            $order
        )
    };
}

queries! {
    // Whoever counts holds the row: nothing is counted twice.
    LOCK = "UPDATE signin_tally SET at_ms = at_ms WHERE id = 'signins' RETURNING at_ms, event_id";
    REACHED = "SELECT at_ms, event_id FROM signin_tally WHERE id = 'signins'";
    EVENTS = ends!("(e.at_ms, e.id) > ($1, $2) AND e.at_ms <= $3 ORDER BY e.at_ms, e.id LIMIT $4", " ORDER BY at_ms, id LIMIT $4");
    RECENT_ENDS = ends!(
        concat!("(e.at_ms, e.id) > ($2, $3) AND ", within!("COALESCE(e.group_id, u.group_id, '')"), " ORDER BY e.at_ms DESC, e.id DESC LIMIT $4"),
        " ORDER BY at_ms DESC, id DESC LIMIT $4");
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

/// At most `limit` events after one, until a moment, with which a sign-in ended; the oldest first.
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

/// The newest `limit` of those after one, of a tree.
///
/// # Errors
/// When the database refuses.
pub async fn recent(
    conn: &mut Conn,
    root: Option<&str>,
    (at_ms, id): (i64, &str),
    limit: i64,
) -> Result<Vec<EventRow>> {
    all!(conn, EventRow, RECENT_ENDS, root, at_ms, id, limit)
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
