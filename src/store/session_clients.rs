//! Which queries keep who has signed in where, and which apps are still to be told that a session has ended?

use super::macros::{all, execute, optional, queries};
use super::row::from_row;
use super::{Conn, Result};

queries! {
    // Only the session's own row says when it is over; one that has ended takes nobody in. What is noted already is not written again.
    ADD = "INSERT INTO session_clients (session_id, client_id, user_id, attempts, expires_at)
           SELECT s.id, $2, s.user_id, 0, s.expires_at FROM sessions s WHERE s.id = $1 AND s.ended_at IS NULL
           ON CONFLICT (session_id, client_id) DO UPDATE SET attempts = 0, next_at = NULL, done_at = NULL
              WHERE session_clients.attempts <> 0 OR session_clients.next_at IS NOT NULL OR session_clients.done_at IS NOT NULL";
    OWE_OF_SESSION = "UPDATE session_clients SET next_at = $2
                      WHERE session_id = $1 AND next_at IS NULL AND done_at IS NULL";
    OWE_OF_USER = "UPDATE session_clients SET next_at = $2
                   WHERE user_id = $1 AND next_at IS NULL AND done_at IS NULL";
    OF_SESSION = "SELECT session_id, client_id FROM session_clients WHERE session_id = $1 ORDER BY client_id LIMIT $2";
    // Each app in its turn: one that does not answer keeps the others waiting for one of its notices, not for all of them. Apps that
    // have registered themselves keep nobody waiting but each other.
    DUE = "SELECT session_id, client_id FROM (
               SELECT s.session_id, s.client_id, s.next_at,
                      ROW_NUMBER() OVER (PARTITION BY s.client_id ORDER BY s.next_at, s.session_id) AS turn
               FROM session_clients s JOIN clients c ON c.id = s.client_id
               WHERE s.next_at IS NOT NULL AND s.next_at <= $1 AND (c.registration_token_hash IS NOT NULL) = $2) AS due
           ORDER BY turn, next_at LIMIT $3";
    CLAIM = "UPDATE session_clients SET attempts = attempts + 1, next_at = $3
             WHERE session_id = $1 AND client_id = $2 AND next_at IS NOT NULL AND (attempts = 0 OR next_at <= $4)
             RETURNING session_id, client_id, user_id, attempts";
    FINISH = "UPDATE session_clients SET done_at = $4, next_at = NULL
              WHERE session_id = $1 AND client_id = $2 AND attempts = $3 AND next_at IS NOT NULL";
    DEFER = "UPDATE session_clients SET next_at = $4
             WHERE session_id = $1 AND client_id = $2 AND attempts = $3 AND next_at IS NOT NULL";
    PURGE = "DELETE FROM session_clients WHERE (session_id, client_id) IN (
                 SELECT session_id, client_id FROM session_clients WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
}

/// How long whoever ends a session has its notices to itself before the background takes them up, in seconds.
const HEAD_START: i64 = 3;

/// One app of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The session: `sid`.
    pub session_id: String,
    /// The app.
    pub client_id: String,
}

from_row!(Signed { session_id, client_id });

/// A notice that has been taken for sending.
#[derive(Clone, Debug)]
pub struct ClaimedNotice {
    /// The session: `sid`.
    pub session_id: String,
    /// The app.
    pub client_id: String,
    /// Whose session it was.
    pub user_id: String,
    /// Which attempt this is, from 1.
    pub attempts: i64,
}

from_row!(ClaimedNotice { session_id, client_id, user_id, attempts });

/// Notes that a session's person has signed in at an app; an app that was told before is told again. When the session has ended,
/// nothing is noted.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, session_id: &str, client_id: &str) -> Result<()> {
    execute!(conn, ADD, session_id, client_id).map(|_| ())
}

/// A session has ended: its apps are to be told.
pub(super) async fn owe_of_session(conn: &mut Conn, session_id: &str, now: i64) -> Result<()> {
    execute!(conn, OWE_OF_SESSION, session_id, now + HEAD_START).map(|_| ())
}

/// Every session of a user has ended: their apps are to be told.
pub(super) async fn owe_of_user(conn: &mut Conn, user_id: &str, now: i64) -> Result<()> {
    execute!(conn, OWE_OF_USER, user_id, now + HEAD_START).map(|_| ())
}

/// At most `limit` apps of a session.
///
/// # Errors
/// When the database refuses.
pub async fn of_session(conn: &mut Conn, session_id: &str, limit: i64) -> Result<Vec<Signed>> {
    all!(conn, Signed, OF_SESSION, session_id, limit)
}

/// At most `limit` notices whose turn it is, of apps that have registered themselves or of the others: of each app one, then of each
/// the next.
///
/// # Errors
/// When the database refuses.
pub async fn due(conn: &mut Conn, strangers: bool, now: i64, limit: i64) -> Result<Vec<Signed>> {
    all!(conn, Signed, DUE, now, strangers, limit)
}

/// Takes a notice for sending until `lease_until`, so that nobody else sends it meanwhile; none when somebody has, or it is settled.
///
/// # Errors
/// When the database refuses.
pub async fn claim(
    conn: &mut Conn,
    notice: &Signed,
    lease_until: i64,
    now: i64,
) -> Result<Option<ClaimedNotice>> {
    optional!(conn, ClaimedNotice, CLAIM, &notice.session_id, &notice.client_id, lease_until, now)
}

/// Settles a notice. False when the claim has run out and somebody else has taken it since.
///
/// # Errors
/// When the database refuses.
pub async fn finish(conn: &mut Conn, claimed: &ClaimedNotice, now: i64) -> Result<bool> {
    Ok(execute!(conn, FINISH, &claimed.session_id, &claimed.client_id, claimed.attempts, now)? == 1)
}

/// Puts a notice off until `next_at`; nothing happens if the claim has run out and somebody else has taken it since.
///
/// # Errors
/// When the database refuses.
pub async fn defer(conn: &mut Conn, claimed: &ClaimedNotice, next_at: i64) -> Result<()> {
    execute!(conn, DEFER, &claimed.session_id, &claimed.client_id, claimed.attempts, next_at).map(|_| ())
}

/// Deletes at most `limit` rows of sessions that expired before `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, before, limit)
}
