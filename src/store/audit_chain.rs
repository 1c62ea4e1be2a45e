//! Which queries chain the audit log?

use super::audit::EventRow;
use super::macros::{all, execute, optional, queries};
use super::row::{Columns, FromRow, from_row};
use super::{Conn, Result};

/// A query for events with their places in the chain.
macro_rules! links {
    ($which:literal) => {
        concat!(
            "SELECT e.id, e.at_ms, e.event, e.actor, e.user_id, e.group_id, e.client_id, e.network, e.details,
                    e.actor_login, e.user_login, e.top_id, e.seq, e.hash FROM audit_events e ",
            $which
        )
    };
}

queries! {
    BEGIN = "INSERT INTO audit_head (id, from_seq, from_hash, seq, hash, seal) VALUES ('head', 0, $1, 0, $1, $2)
             ON CONFLICT (id) DO NOTHING";
    LOCK = "UPDATE audit_head SET id = id WHERE id = 'head'";
    HEAD = "SELECT from_seq, from_hash, seq, hash, seal FROM audit_head WHERE id = 'head'";
    MOVE = "UPDATE audit_head SET from_seq = $1, from_hash = $2, seq = $3, hash = $4, seal = $5 WHERE id = 'head'";
    WAITS = "SELECT id FROM audit_events WHERE seq IS NULL LIMIT 1";
    COUNT_WAITING = "SELECT COUNT(*) FROM audit_events WHERE seq IS NULL";
    WAITING = links!("WHERE e.seq IS NULL ORDER BY e.at_ms, e.id LIMIT $1");
    LINK = "UPDATE audit_events SET seq = $2, hash = $3 WHERE id = $1 AND seq IS NULL";
    CHAINED = links!("WHERE e.seq > $1 ORDER BY e.seq LIMIT $2");
    CUT = "DELETE FROM audit_events WHERE seq <= $1";
}

/// Where the chain begins and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadRow {
    /// The place of the last event that was purged; the first that is kept comes after it.
    pub from_seq: i64,
    /// Its hash.
    pub from_hash: String,
    /// The place of the newest event.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
    /// What shows that we have written this.
    pub seal: String,
}

from_row!(HeadRow { from_seq, from_hash, seq, hash, seal });

/// An event and its place in the chain.
#[derive(Clone, Debug)]
pub struct LinkRow {
    /// The event, as it is kept.
    pub event: EventRow,
    /// Its place, from 1.
    pub seq: Option<i64>,
    /// Its hash over the one before and its own content.
    pub hash: Option<String>,
}

impl FromRow for LinkRow {
    fn from_row<C: Columns>(columns: &mut C) -> std::result::Result<Self, C::Error> {
        let event = EventRow::from_row(columns)?;
        Ok(Self { event, seq: columns.named("seq")?, hash: columns.named("hash")? })
    }
}

/// Begins the chain, where nobody has, with this hash before the first event.
///
/// # Errors
/// When the database refuses.
pub async fn begin(conn: &mut Conn, hash: &str, seal: &str) -> Result<()> {
    execute!(conn, BEGIN, hash, seal).map(|_| ())
}

/// Makes other processes that chain events wait until this transaction ends; false where nobody has begun, and nobody waits.
///
/// # Errors
/// When the database refuses.
pub async fn lock(conn: &mut Conn) -> Result<bool> {
    Ok(execute!(conn, LOCK)? == 1)
}

/// Where the chain begins and ends; none where nobody has begun it.
///
/// # Errors
/// When the database refuses.
pub async fn head(conn: &mut Conn) -> Result<Option<HeadRow>> {
    optional!(conn, HeadRow, HEAD)
}

/// Writes down where the chain begins and ends now.
///
/// # Errors
/// When the database refuses.
pub async fn move_head(conn: &mut Conn, head: &HeadRow) -> Result<()> {
    execute!(conn, MOVE, head.from_seq, &head.from_hash, head.seq, &head.hash, &head.seal).map(|_| ())
}

/// Whether an event waits for its place.
///
/// # Errors
/// When the database refuses.
pub async fn waits(conn: &mut Conn) -> Result<bool> {
    let row: Option<(String,)> = optional!(conn, (String,), WAITS)?;
    Ok(row.is_some())
}

/// How many events wait for their places.
///
/// # Errors
/// When the database refuses.
pub async fn count_waiting(conn: &mut Conn) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), COUNT_WAITING)?;
    Ok(row.map_or(0, |(count,)| count))
}

/// At most `limit` events that wait for their places, the oldest first.
///
/// # Errors
/// When the database refuses.
pub async fn waiting(conn: &mut Conn, limit: i64) -> Result<Vec<LinkRow>> {
    all!(conn, LinkRow, WAITING, limit)
}

/// Gives an event its place; false when it has one.
///
/// # Errors
/// When the database refuses.
pub async fn link(conn: &mut Conn, id: &str, seq: i64, hash: &str) -> Result<bool> {
    Ok(execute!(conn, LINK, id, seq, hash)? == 1)
}

/// At most `limit` events whose places come after `seq`.
///
/// # Errors
/// When the database refuses.
pub async fn chained(conn: &mut Conn, seq: i64, limit: i64) -> Result<Vec<LinkRow>> {
    all!(conn, LinkRow, CHAINED, seq, limit)
}

/// Deletes the events up to this place.
///
/// # Errors
/// When the database refuses.
pub async fn cut(conn: &mut Conn, seq: i64) -> Result<u64> {
    execute!(conn, CUT, seq)
}
