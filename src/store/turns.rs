//! Whose turn is the work that one process does for all? A lease in the database: whoever dies with it is waited for, and not for ever.

use super::macros::{execute, queries};
use super::{Conn, Db, Result};

queries! {
    // One that ends later than any may was written by a clock that is ahead: it binds nobody.
    TAKE = "INSERT INTO provider_facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value
            WHERE CAST(provider_facts.value AS BIGINT) <= $3 OR CAST(provider_facts.value AS BIGINT) > $4";
    GIVE_ON = "UPDATE provider_facts SET value = $2 WHERE name = $1 AND value = $3";
}

/// Work that one process at a time does, for all of them.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// What it goes by in the database.
    name: &'static str,
    /// How long it is before somebody's next turn, in seconds.
    pause: i64,
    /// How long whoever does it is waited for, in seconds.
    patience: i64,
}

/// Deleting what has expired, and counting by day. All look once a minute: a little less, so that none who looks a moment early waits for
/// another minute.
pub const HOUSEKEEPING: Work = Work { name: "turn_housekeeping", pause: 55, patience: 600 };

/// A turn that was taken.
#[derive(Debug)]
#[must_use = "a turn is to be given on"]
pub struct Turn {
    work: Work,
    since: i64,
}

impl Turn {
    const fn until(&self) -> i64 {
        self.since.saturating_add(self.work.patience)
    }

    /// Ends it: the next is due a pause after this one began, or at once when there is more to do. Nothing happens if it has lasted too long,
    /// and is somebody else's.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn give_on(self, db: &Db, more: bool) -> Result<()> {
        let mut tx = db.write().await?;
        let pause = if more { 0 } else { self.work.pause };
        let next = self.since.saturating_add(pause).to_string();
        let conn: &mut Conn = &mut tx;
        execute!(conn, GIVE_ON, self.work.name, &next, &self.until().to_string())?;
        tx.commit().await
    }
}

/// Takes the turn, unless it is another process's or was a moment ago.
///
/// # Errors
/// When the database refuses.
pub async fn take(db: &Db, work: Work, now: i64) -> Result<Option<Turn>> {
    let turn = Turn { work, since: now };
    let until = turn.until();
    let mut tx = db.write().await?;
    let conn: &mut Conn = &mut tx;
    let taken = execute!(conn, TAKE, work.name, &until.to_string(), now, until)? == 1;
    tx.commit().await?;
    Ok(taken.then_some(turn))
}
