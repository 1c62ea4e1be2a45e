//! Which queries keep the devices that wait for a person (RFC 8628)?

use super::macros::{execute, optional, queries};
use super::row::from_row;
use super::{AHEAD, Conn, Result};

queries! {
    ADD = "INSERT INTO device_codes (code_hash, user_code_key, client_id, request, created_at, expires_at, pace, source)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    FIND = "SELECT code_hash, client_id, request, grant_id, created_at, expires_at, denied_at, spent_at
            FROM device_codes WHERE code_hash = $1";
    FIND_WAITING = "SELECT code_hash, client_id, request, grant_id, created_at, expires_at, denied_at, spent_at
                    FROM device_codes
                    WHERE user_code_key = $1 AND grant_id IS NULL AND denied_at IS NULL AND expires_at > $2
                      AND created_at - $3 <= $2";
    EXPIRE = "UPDATE device_codes SET expires_at = created_at - $2
              WHERE code_hash = $1 AND spent_at IS NULL AND expires_at >= created_at";
    EXPIRE_TYPED = "UPDATE device_codes SET expires_at = created_at - $3
                    WHERE user_code_key = $1 AND expires_at >= created_at AND (expires_at <= $2 OR created_at - $3 > $2)";
    POLL = "UPDATE device_codes SET polled_at = $2
            WHERE code_hash = $1 AND (polled_at IS NULL OR polled_at + pace <= $2)";
    SLOW_DOWN = "UPDATE device_codes SET polled_at = $2, pace = CASE WHEN pace < $4 THEN pace + $3 ELSE pace END
                 WHERE code_hash = $1";
    ALLOW = "UPDATE device_codes SET grant_id = $2
             WHERE code_hash = $1 AND grant_id IS NULL AND denied_at IS NULL AND expires_at > $3";
    DENY = "UPDATE device_codes SET denied_at = $2
            WHERE code_hash = $1 AND grant_id IS NULL AND denied_at IS NULL AND expires_at > $2";
    SPEND = "UPDATE device_codes SET spent_at = $2
             WHERE code_hash = $1 AND grant_id IS NOT NULL AND spent_at IS NULL AND expires_at > $2";
    PURGE = "DELETE FROM device_codes WHERE code_hash IN (
                 SELECT code_hash FROM device_codes WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
}

/// By how many seconds a device that asks too often must slow down (RFC 8628 §3.5).
const SLOWER_BY: i64 = 5;

/// The slowest pace that is asked for, in seconds.
const SLOWEST: i64 = 120;

/// One waiting device as the table holds it.
#[derive(Clone, Debug)]
pub struct DeviceCodeRow {
    /// The hash of `device_code`.
    pub code_hash: String,
    /// The relying app that runs on the device.
    pub client_id: String,
    /// What it asked for, as JSON.
    pub request: String,
    /// What a person has allowed.
    pub grant_id: Option<String>,
    /// When it began to wait.
    pub created_at: i64,
    /// Until when it waits.
    pub expires_at: i64,
    /// When a person said no.
    pub denied_at: Option<i64>,
    /// When the device got its tokens.
    pub spent_at: Option<i64>,
}

from_row!(DeviceCodeRow {
    code_hash,
    client_id,
    request,
    grant_id,
    created_at,
    expires_at,
    denied_at,
    spent_at
});

/// What a new waiting device is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewDeviceCode<'a> {
    /// The hash of `device_code`.
    pub code_hash: &'a str,
    /// The keyed hash of `user_code`.
    pub user_code_key: &'a str,
    /// The relying app.
    pub client_id: &'a str,
    /// What it asked for, as JSON.
    pub request: &'a str,
    /// Now.
    pub created_at: i64,
    /// Until when it waits.
    pub expires_at: i64,
    /// How many seconds the device waits between two questions.
    pub pace: i64,
    /// Whose share of the room it takes.
    pub source: &'a str,
}

/// Keeps a waiting device.
///
/// # Errors
/// When its `user_code` is another's too, or the database refuses.
pub async fn add(conn: &mut Conn, new: NewDeviceCode<'_>) -> Result<()> {
    execute!(
        conn,
        ADD,
        new.code_hash,
        new.user_code_key,
        new.client_id,
        new.request,
        new.created_at,
        new.expires_at,
        new.pace,
        new.source
    )
    .map(|_| ())
}

/// The device of this `device_code`, whatever has become of it.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, code_hash: &str) -> Result<Option<DeviceCodeRow>> {
    optional!(conn, DeviceCodeRow, FIND, code_hash)
}

/// The device of this `user_code`, if nobody has decided about it yet.
///
/// # Errors
/// When the database refuses.
pub async fn find_waiting(conn: &mut Conn, user_code_key: &str, now: i64) -> Result<Option<DeviceCodeRow>> {
    optional!(conn, DeviceCodeRow, FIND_WAITING, user_code_key, now, AHEAD)
}

/// Lets a `device_code` be over for good, because its device is told so.
///
/// # Errors
/// When the database refuses.
pub async fn expire(conn: &mut Conn, code_hash: &str) -> Result<()> {
    execute!(conn, EXPIRE, code_hash, AHEAD).map(|_| ())
}

/// Lets the device of a `user_code` whose time is over wait no more, because whoever has typed it is told so.
///
/// # Errors
/// When the database refuses.
pub async fn expire_typed(conn: &mut Conn, user_code_key: &str, now: i64) -> Result<()> {
    execute!(conn, EXPIRE_TYPED, user_code_key, now, AHEAD).map(|_| ())
}

/// Notes that a device asks; false when it does so too early, and then it must wait longer from now on.
///
/// # Errors
/// When the database refuses.
pub async fn poll(conn: &mut Conn, code_hash: &str, now: i64) -> Result<bool> {
    if execute!(conn, POLL, code_hash, now)? == 1 {
        return Ok(true);
    }
    execute!(conn, SLOW_DOWN, code_hash, now, SLOWER_BY, SLOWEST)?;
    Ok(false)
}

/// Lets a device have a grant, once and in time.
///
/// # Errors
/// When the database refuses.
pub async fn allow(conn: &mut Conn, code_hash: &str, grant_id: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, ALLOW, code_hash, grant_id, now)? == 1)
}

/// Refuses a device, once and in time.
///
/// # Errors
/// When the database refuses.
pub async fn deny(conn: &mut Conn, code_hash: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, DENY, code_hash, now)? == 1)
}

/// Uses a `device_code` up, once and in time.
///
/// # Errors
/// When the database refuses.
pub async fn spend(conn: &mut Conn, code_hash: &str, now: i64) -> Result<bool> {
    Ok(execute!(conn, SPEND, code_hash, now)? == 1)
}

/// Deletes at most `limit` devices that have waited in vain since `before`.
///
/// # Errors
/// When the database refuses.
pub async fn purge(conn: &mut Conn, before: i64, limit: i64) -> Result<u64> {
    execute!(conn, PURGE, before, limit)
}
