//! Which rows have nothing left to say, and how are they deleted without holding everybody up?

use super::macros::{execute, queries};
use super::room::{self, Room};
use super::{Conn, Db, Result};

queries! {
    PURGE_LINKS = "DELETE FROM links WHERE token_hash IN (
                       SELECT token_hash FROM links WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
    PURGE_MESSAGES = "DELETE FROM messages WHERE id IN (
                          SELECT id FROM messages WHERE created_at_ms <= $1 ORDER BY created_at_ms LIMIT $2)";
}

/// Rows deleted in one transaction.
const BATCH: i64 = 500;

/// Transactions for one kind in one turn: behind a million sessions that expired at once, other kinds and whoever ends the process wait
/// for no longer than that.
const TURN: u32 = 20;

/// How many of each kind are kept that anybody can leave here.
const IN_ALL: i64 = 50_000;

/// How long a finished row is still of use, in seconds: a replayed code or a late page must find why it is refused.
const AFTERGLOW: i64 = 3600;

/// How long failures are kept, in seconds: longer than it takes to forget as many as are counted.
const FAILURE_MEMORY: i64 = 86_400;

/// How long a wrong code is remembered, in seconds: longer than any window that can be set.
const WRONG_CODE_MEMORY: i64 = 31 * 86_400;

/// How long a browser that nobody signs in with is remembered, in seconds.
const BROWSER_MEMORY: i64 = 400 * 86_400;

/// How long the delivery record is kept, in seconds.
const MAIL_MEMORY: i64 = 30 * 86_400;

/// How long a request for help is kept, answered or not, in seconds.
const HELP_MEMORY: i64 = 90 * 86_400;

/// How long mistakes of apps are kept, in days.
const SLIP_MEMORY: i64 = 30;

/// One kind of row that grows old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    SignIns,
    TooMany(Room),
    Sessions,
    SessionClients,
    RefreshTokens,
    /// With their codes.
    Grants,
    PushedRequests,
    SeenIds,
    DeviceCodes,
    HandCodes,
    WrongCodes,
    Failures,
    Places,
    Browsers,
    Links,
    Messages,
    Invitations,
    HelpRequests,
    OldSecrets,
    Slips,
}

const KINDS: &[Kind] = &[
    Kind::SignIns,
    Kind::TooMany(Room::SignIns),
    Kind::TooMany(Room::Pushed),
    Kind::TooMany(Room::Devices),
    Kind::Sessions,
    Kind::SessionClients,
    Kind::RefreshTokens,
    Kind::Grants,
    Kind::PushedRequests,
    Kind::SeenIds,
    Kind::DeviceCodes,
    Kind::HandCodes,
    Kind::WrongCodes,
    Kind::Failures,
    Kind::Places,
    Kind::Browsers,
    Kind::Links,
    Kind::Messages,
    Kind::Invitations,
    Kind::HelpRequests,
    Kind::OldSecrets,
    Kind::Slips,
];

/// What came of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// How many rows went.
    pub rows: u64,
    /// Whether there may be more than one turn takes.
    pub more: bool,
}

/// Deletes what has expired, in batches of their own transactions, and of each kind no more than a turn takes. Several processes may do so
/// at once.
///
/// # Errors
/// When the database refuses.
pub async fn run(db: &Db, now: i64) -> Result<Purged> {
    let mut purged = Purged::default();
    let mut tokens_left = false;
    for kind in KINDS.iter().copied() {
        // No token outlives its grant, and thousands may belong to one: it would take all of them along in one transaction.
        if kind == Kind::Grants && tokens_left {
            continue;
        }
        let some = turn(db, kind, now).await?;
        tokens_left |= kind == Kind::RefreshTokens && some.more;
        purged = Purged { rows: purged.rows + some.rows, more: purged.more || some.more };
    }
    Ok(purged)
}

async fn turn(db: &Db, kind: Kind, now: i64) -> Result<Purged> {
    let mut rows = 0;
    for _ in 0..TURN {
        let mut tx = db.write().await?;
        tx.take_time();
        let deleted = batch(&mut tx, kind, now).await?;
        tx.commit().await?;
        rows += deleted;
        if deleted < BATCH.unsigned_abs() {
            return Ok(Purged { rows, more: false });
        }
        tokio::task::yield_now().await;
    }
    Ok(Purged { rows, more: true })
}

async fn batch(conn: &mut Conn, kind: Kind, now: i64) -> Result<u64> {
    let expired = now.saturating_sub(AFTERGLOW);
    match kind {
        Kind::SignIns => super::signins::purge(conn, expired, BATCH).await,
        Kind::TooMany(of) => room::trim(conn, of, IN_ALL, BATCH).await,
        Kind::Sessions => super::sessions::purge(conn, expired, BATCH).await,
        Kind::SessionClients => super::session_clients::purge(conn, expired, BATCH).await,
        Kind::RefreshTokens => super::tokens::purge_refresh(conn, expired, BATCH).await,
        Kind::Grants => super::tokens::purge_grants(conn, expired, BATCH).await,
        Kind::PushedRequests => super::pushed_requests::purge(conn, now, BATCH).await,
        // Once its time is over, a name comes too late for another reason.
        Kind::SeenIds => super::seen_ids::purge(conn, now, BATCH).await,
        Kind::DeviceCodes => super::device_codes::purge(conn, expired, BATCH).await,
        Kind::HandCodes => super::challenges::purge_hand_codes(conn, expired, BATCH).await,
        Kind::WrongCodes => super::challenges::purge_wrong_codes(conn, now - WRONG_CODE_MEMORY, BATCH).await,
        Kind::Failures => super::failures::purge(conn, now - FAILURE_MEMORY, BATCH).await,
        Kind::Places => super::failures::purge_places(conn, now - FAILURE_MEMORY, BATCH).await,
        Kind::Browsers => super::known_browsers::purge(conn, now - BROWSER_MEMORY, BATCH).await,
        Kind::Links => execute!(conn, PURGE_LINKS, expired, BATCH),
        Kind::Messages => execute!(conn, PURGE_MESSAGES, (now - MAIL_MEMORY) * 1000, BATCH),
        Kind::Invitations => super::registrations::purge_invitations(conn, expired, BATCH).await,
        Kind::HelpRequests => super::help_requests::purge(conn, now - HELP_MEMORY, BATCH).await,
        Kind::Slips => super::slips::purge(conn, now.div_euclid(86_400) - SLIP_MEMORY, BATCH).await,
        Kind::OldSecrets => super::clients::purge_old_secrets(conn, now, BATCH).await,
    }
}
