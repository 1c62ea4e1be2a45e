//! Has something that is kept in memory been changed, here or by another process?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::macros::{execute, optional, queries};
use super::{Conn, Result};

queries! {
    FIND = "SELECT version FROM versions WHERE name = $1";
    COUNT_UP = "UPDATE versions SET version = version + 1 WHERE name = $1";
}

/// What is registered about relying apps.
pub const CLIENTS: &str = "clients";

/// How many transactions of this process have changed something that others keep in memory; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<AtomicU64>);

impl Changes {
    /// How many so far.
    #[must_use]
    pub fn so_far(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Counts one more when the answer is dropped.
    pub(super) fn at_the_end(&self) -> AtTheEnd {
        AtTheEnd(self.clone())
    }
}

/// The end of a transaction.
pub(super) struct AtTheEnd(Changes);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// The version of what goes by this name.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, name: &str) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), FIND, name)?;
    Ok(row.map_or(0, |(version,)| version))
}

/// Counts it up, in the transaction of the change.
///
/// # Errors
/// When the database refuses.
pub(super) async fn count_up(conn: &mut Conn, name: &str) -> Result<()> {
    execute!(conn, COUNT_UP, name)?;
    conn.changes_what_is_kept();
    Ok(())
}
