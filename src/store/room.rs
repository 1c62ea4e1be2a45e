//! How much may be kept here for those who have proven nothing yet? Whoever asks has a share, and of that their own oldest goes first.

use super::macros::{execute, optional, queries};
use super::{Conn, Db, Result};

queries! {
    SURPLUS_SIGNIN = "SELECT id FROM signins WHERE source = $1 AND user_id IS NULL
                      ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET $2";
    DROP_SIGNIN = "DELETE FROM signins WHERE id = $1 AND user_id IS NULL";
    TRIM_SIGNINS = "DELETE FROM signins WHERE id IN (
                        SELECT id FROM (
                            SELECT id, ROW_NUMBER() OVER (PARTITION BY source ORDER BY created_at DESC, id DESC) AS place
                            FROM signins WHERE user_id IS NULL) AS ranked
                        ORDER BY place, id LIMIT $2 OFFSET $1)";
    SURPLUS_PUSHED = "SELECT uri_hash FROM pushed_requests WHERE source = $1
                      ORDER BY created_at DESC, uri_hash DESC LIMIT 1 OFFSET $2";
    DROP_PUSHED = "DELETE FROM pushed_requests WHERE uri_hash = $1";
    TRIM_PUSHED = "DELETE FROM pushed_requests WHERE uri_hash IN (
                       SELECT uri_hash FROM (
                           SELECT uri_hash, ROW_NUMBER() OVER (PARTITION BY source ORDER BY created_at DESC, uri_hash DESC) AS place
                           FROM pushed_requests) AS ranked
                       ORDER BY place, uri_hash LIMIT $2 OFFSET $1)";
    SURPLUS_DEVICE = "SELECT code_hash FROM device_codes WHERE source = $1
                      ORDER BY created_at DESC, code_hash DESC LIMIT 1 OFFSET $2";
    DROP_DEVICE = "DELETE FROM device_codes WHERE code_hash = $1";
    TRIM_DEVICES = "DELETE FROM device_codes WHERE code_hash IN (
                        SELECT code_hash FROM (
                            SELECT code_hash, ROW_NUMBER() OVER (PARTITION BY source ORDER BY created_at DESC, code_hash DESC) AS place
                            FROM device_codes) AS ranked
                        ORDER BY place, code_hash LIMIT $2 OFFSET $1)";
}

/// What anybody can leave here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Sign-ins in which nobody has given a password yet.
    SignIns,
    /// Pushed authorization requests.
    Pushed,
    /// Devices that wait for a person.
    Devices,
}

/// How many are dropped for one that comes: more than one, so that requests which come at once do not add up.
const DROPS: usize = 2;

/// Makes room for one more of this source, which may have `most`. Each of those that go is a transaction of its own: whoever holds a
/// row that is another's waits for nobody.
///
/// # Errors
/// When the database refuses.
pub async fn make(db: &Db, room: Room, source: &str, most: i64) -> Result<()> {
    for _ in 0..DROPS {
        let mut conn = db.read().await?;
        let surplus = surplus(&mut conn, room, source, most).await?;
        drop(conn);
        let Some(id) = surplus else { return Ok(()) };
        let mut tx = db.write().await?;
        match room {
            Room::SignIns => execute!(tx, DROP_SIGNIN, &id)?,
            Room::Pushed => execute!(tx, DROP_PUSHED, &id)?,
            Room::Devices => execute!(tx, DROP_DEVICE, &id)?,
        };
        tx.commit().await?;
    }
    Ok(())
}

/// The newest of a source for which there is no room beside another one.
async fn surplus(conn: &mut Conn, room: Room, source: &str, most: i64) -> Result<Option<String>> {
    let before = (most - 1).max(0);
    let row: Option<(String,)> = match room {
        Room::SignIns => optional!(conn, (String,), SURPLUS_SIGNIN, source, before)?,
        Room::Pushed => optional!(conn, (String,), SURPLUS_PUSHED, source, before)?,
        Room::Devices => optional!(conn, (String,), SURPLUS_DEVICE, source, before)?,
    };
    Ok(row.map(|(id,)| id))
}

/// Deletes at most `limit` of those that are more than `in_all`: first those that come last in the largest shares.
///
/// # Errors
/// When the database refuses.
pub async fn trim(conn: &mut Conn, room: Room, in_all: i64, limit: i64) -> Result<u64> {
    match room {
        Room::SignIns => execute!(conn, TRIM_SIGNINS, in_all, limit),
        Room::Pushed => execute!(conn, TRIM_PUSHED, in_all, limit),
        Room::Devices => execute!(conn, TRIM_DEVICES, in_all, limit),
    }
}
