//! Which queries keep mail that waits to be sent, and what became of it?

use super::macros::{all, execute, optional, queries};
use super::row::from_row;
use super::{Conn, Result};

queries! {
    ADD = "INSERT INTO messages (id, purpose, user_id, address, reference, sealed, state, attempts, created_at_ms,
                                 next_at, expires_at, top_id)
           VALUES ($1, $2, $3, $4, $5, $6, 'queued', 0, $7, $8, $9,
                   (SELECT g.top_id FROM users u JOIN groups g ON g.id = u.group_id WHERE u.id = $3))";
    HASTEN = "UPDATE messages SET next_at = $2 WHERE id = $1 AND state IN ('queued', 'deferred') AND expires_at > $2";
    CLAIM = "UPDATE messages SET state = 'sending', attempts = attempts + 1, next_at = $2
             WHERE id = $1 AND (state = 'queued' OR (state IN ('deferred', 'sending') AND next_at <= $3))
             RETURNING id, purpose, address, sealed, attempts, created_at_ms, expires_at";
    DUE = "SELECT id FROM messages WHERE state IN ('queued', 'deferred', 'sending') AND next_at <= $1
           ORDER BY next_at LIMIT $2";
    FINISH = "UPDATE messages SET state = $2, answer = $3, done_at = $4, sealed = NULL
              WHERE id = $1 AND state = 'sending' AND attempts = $5";
    DEFER = "UPDATE messages SET state = 'deferred', answer = $2, next_at = $3
             WHERE id = $1 AND state = 'sending' AND attempts = $4";
    STATE = "SELECT state FROM messages WHERE id = $1";
    // What was not sent does not count; nor does what a clock ahead of this one has written.
    NTH_CODE = "SELECT created_at_ms FROM messages
                WHERE lower(replace(address, 'I', 'i')) = $1 AND created_at_ms > $2 AND created_at_ms <= $3
                  AND purpose = 'sign_in_code'
                  AND state NOT IN ('refused', 'expired') AND NOT forgiven
                ORDER BY created_at_ms DESC LIMIT 1 OFFSET $4";
    FORGIVE_CODES = "UPDATE messages SET forgiven = TRUE WHERE user_id = $1 AND NOT forgiven AND purpose = 'sign_in_code'";
    WAITING = "SELECT state, COUNT(*) FROM messages WHERE state IN ('queued', 'deferred', 'sending') GROUP BY state";
    RECENT = "SELECT id, purpose, user_id, address, reference, state, attempts, answer, created_at_ms, done_at
              FROM messages ORDER BY created_at_ms DESC, id LIMIT $1";
}

/// A message that waits, as the sender needs it.
#[derive(Clone, Debug)]
pub struct ClaimedRow {
    /// The message's id; part of what seals it.
    pub id: String,
    /// What it is for.
    pub purpose: String,
    /// Where it goes.
    pub address: String,
    /// The message, sealed.
    pub sealed: Option<String>,
    /// Which attempt this is, from 1.
    pub attempts: i64,
    /// When it was queued, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// Until when it is worth sending.
    pub expires_at: i64,
}

from_row!(ClaimedRow { id, purpose, address, sealed, attempts, created_at_ms, expires_at });

/// A line of the delivery record.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DeliveryRow {
    /// The message's id.
    pub id: String,
    /// What it is for.
    pub purpose: String,
    /// Whom it concerns.
    pub user_id: Option<String>,
    /// Where it goes.
    pub address: String,
    /// What page and mail both show.
    pub reference: Option<String>,
    /// `queued`, `sending`, `deferred`, `accepted`, `refused` or `expired`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// The mail server's last words.
    pub answer: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// When it was settled.
    pub done_at: Option<i64>,
}

from_row!(DeliveryRow {
    id,
    purpose,
    user_id,
    address,
    reference,
    state,
    attempts,
    answer,
    created_at_ms,
    done_at
});

/// What a new message is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it is for.
    pub purpose: &'a str,
    /// Whom it concerns.
    pub user_id: Option<&'a str>,
    /// Where it goes.
    pub address: &'a str,
    /// What page and mail both show.
    pub reference: Option<&'a str>,
    /// The message, sealed.
    pub sealed: &'a str,
    /// Now, in milliseconds.
    pub created_at_ms: i64,
    /// When the background worker may take it up, if nobody else has.
    pub next_at: i64,
    /// Until when it is worth sending.
    pub expires_at: i64,
}

/// Keeps a new message.
///
/// # Errors
/// When the database refuses.
pub async fn add(conn: &mut Conn, new: NewMessage<'_>) -> Result<()> {
    execute!(
        conn,
        ADD,
        new.id,
        new.purpose,
        new.user_id,
        new.address,
        new.reference,
        new.sealed,
        new.created_at_ms,
        new.next_at,
        new.expires_at
    )
    .map(|_| ())
}

/// Takes a message for sending until `lease_until`, so that nobody else sends it meanwhile; none when somebody has.
///
/// # Errors
/// When the database refuses.
pub async fn claim(conn: &mut Conn, id: &str, lease_until: i64, now: i64) -> Result<Option<ClaimedRow>> {
    optional!(conn, ClaimedRow, CLAIM, id, lease_until, now)
}

/// At most `limit` messages whose turn it is.
///
/// # Errors
/// When the database refuses.
pub async fn due(conn: &mut Conn, now: i64, limit: i64) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = all!(conn, (String,), DUE, now, limit)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Settles a message, and empties it: it may have carried a code. Nothing happens if the claim has run out and somebody
/// else has taken the message since.
///
/// # Errors
/// When the database refuses.
pub async fn finish(
    conn: &mut Conn,
    claimed: &ClaimedRow,
    state: &str,
    answer: &str,
    now: i64,
) -> Result<()> {
    execute!(conn, FINISH, &claimed.id, state, answer, now, claimed.attempts).map(|_| ())
}

/// Puts a message off until `next_at`; nothing happens if the claim has run out and somebody else has taken it since.
///
/// # Errors
/// When the database refuses.
pub async fn defer(conn: &mut Conn, claimed: &ClaimedRow, answer: &str, next_at: i64) -> Result<()> {
    execute!(conn, DEFER, &claimed.id, answer, next_at, claimed.attempts).map(|_| ())
}

/// Lets a message that waits be sent now; false when it does not wait any more, or would come too late.
///
/// # Errors
/// When the database refuses.
pub async fn hasten(conn: &mut Conn, id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, HASTEN, id, now)? == 1)
}

/// What has become of a message.
///
/// # Errors
/// When the database refuses.
pub async fn state(conn: &mut Conn, id: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = optional!(conn, (String,), STATE, id)?;
    Ok(row.map(|(state,)| state))
}

/// When the `limit`th code, counted backwards from now, went to an address, however its letters are written, in milliseconds; none when fewer have since `since_ms`.
/// Whoever sends another if there is none queues first (`seen_ids::queue`).
///
/// # Errors
/// When the database refuses.
pub async fn nth_code(
    conn: &mut Conn,
    address: &str,
    limit: i64,
    since_ms: i64,
    until_ms: i64,
) -> Result<Option<i64>> {
    let mailbox = address.to_ascii_lowercase();
    let row: Option<(i64,)> = optional!(conn, (i64,), NTH_CODE, &mailbox, since_ms, until_ms, limit - 1)?;
    Ok(row.map(|(at,)| at))
}

/// Lets codes be sent to a user's address again, however many there have been.
///
/// # Errors
/// When the database refuses.
pub async fn forgive_codes(conn: &mut Conn, user_id: &str) -> Result<()> {
    execute!(conn, FORGIVE_CODES, user_id).map(|_| ())
}

/// How many messages wait to be sent, by state.
///
/// # Errors
/// When the database refuses.
pub async fn waiting(conn: &mut Conn) -> Result<Vec<(String, i64)>> {
    all!(conn, (String, i64), WAITING)
}

/// The newest `limit` lines of the delivery record.
///
/// # Errors
/// When the database refuses.
pub async fn recent(conn: &mut Conn, limit: i64) -> Result<Vec<DeliveryRow>> {
    all!(conn, DeliveryRow, RECENT, limit)
}
