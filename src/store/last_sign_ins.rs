//! Which queries find out from the audit log when somebody has last signed in, and note it?

use super::macros::{all, execute, later, optional, queries};
use super::row::from_row;
use super::{Conn, Result};

/// That a sign-in is later than what is noted of its person, and not by a session, whose proofs were given before. People are looked at one by
/// one, so that PostgreSQL goes through the few events and not through everybody.
macro_rules! not_noted {
    () => {
        "e.details NOT LIKE '%\"by_session\":true%' AND (SELECT u.signed_in_at FROM users u WHERE u.id = e.user_id) < e.at_ms / 1000 "
    };
}

queries! {
    REACHED = "SELECT at_ms FROM signin_tally WHERE id = 'last'";
    OLDEST_NOT_NOTED = concat!(
        "SELECT e.id, e.at_ms, e.user_id FROM audit_events e
         WHERE (e.at_ms, e.id) > ($1, $2) AND e.event IN ('signin.completed', 'signin.override') AND ", not_noted!(),
        "ORDER BY e.at_ms, e.id LIMIT $3");
    // Of those that come one after the other no more are looked at, noted or not.
    NEWEST_NOT_NOTED = concat!(
        "SELECT e.id, e.at_ms, e.user_id FROM (
             SELECT id, at_ms, user_id, details FROM audit_events
             WHERE at_ms > $1 AND event IN ('signin.completed', 'signin.override') ORDER BY at_ms DESC, id DESC LIMIT 1000) AS e
         WHERE ", not_noted!(), "ORDER BY e.at_ms DESC, e.id DESC LIMIT $2");
    NOTE = "UPDATE users SET signed_in_at = $2 WHERE id = $1 AND signed_in_at < $2";
    ADVANCE = "UPDATE signin_tally SET at_ms = $1 WHERE id = 'last' AND at_ms < $1";
}

/// A sign-in.
#[derive(Clone, Debug)]
pub struct SignedInRow {
    /// The event's id.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who.
    pub user_id: String,
}

from_row!(SignedInRow { id, at_ms, user_id });

/// Until when everything is noted, in milliseconds since 1970.
///
/// # Errors
/// When the database refuses.
pub async fn reached(conn: &mut Conn) -> Result<i64> {
    Ok(optional!(conn, (i64,), REACHED)?.map_or(0, |(at_ms,)| at_ms))
}

/// The first `limit` sign-ins after the one at `(at_ms, id)` that are not noted; an empty id comes before all others.
///
/// # Errors
/// When the database refuses.
pub async fn oldest_not_noted(
    conn: &mut Conn,
    (at_ms, id): (i64, &str),
    limit: i64,
) -> Result<Vec<SignedInRow>> {
    all!(conn, SignedInRow, OLDEST_NOT_NOTED, at_ms, id, limit)
}

/// The newest `limit` of those after a moment, as far as they are among the last 1000 sign-ins.
///
/// # Errors
/// When the database refuses.
pub async fn newest_not_noted(conn: &mut Conn, at_ms: i64, limit: i64) -> Result<Vec<SignedInRow>> {
    all!(conn, SignedInRow, NEWEST_NOT_NOTED, at_ms, limit)
}

/// Notes that somebody has signed in at `now`, in seconds since 1970, unless they are known to have later; nobody waits to hear of it.
///
/// # Errors
/// When the database refuses.
pub async fn note(conn: &mut Conn, user_id: &str, now: i64) -> Result<()> {
    later!(conn, NOTE, user_id, now)
}

/// Says until when everything is noted.
///
/// # Errors
/// When the database refuses.
pub async fn advance(conn: &mut Conn, at_ms: i64) -> Result<()> {
    execute!(conn, ADVANCE, at_ms).map(|_| ())
}
