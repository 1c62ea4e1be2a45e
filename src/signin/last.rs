//! When did somebody last sign in? Read from the audit log behind the pages, so that a sign-in writes nothing for it; what has come since is
//! noted when somebody looks.

use std::collections::BTreeMap;

use crate::store::last_sign_ins::{self, SignedInRow};
use crate::store::{Db, Result};

/// Sign-ins that are noted in one transaction.
const BATCH: i64 = 200;

/// How long, in seconds, an event may be on its way into the log: what has come since then is looked at again.
const SETTLED: i64 = 120;

/// How far, in seconds, the place behind which one looks may fall back while nobody signs in.
const BEHIND: i64 = 3600;

/// Notes all sign-ins since the last time; answers how many. Any number of processes may at once.
///
/// # Errors
/// When the database refuses.
pub async fn catch_up(db: &Db, now: i64) -> Result<usize> {
    let mut conn = db.read().await?;
    let reached = last_sign_ins::reached(&mut conn).await?;
    drop(conn);
    let (mut noted, mut after) = (0, (reached + 1, String::new()));
    loop {
        let mut conn = db.read().await?;
        let some = last_sign_ins::oldest_not_noted(&mut conn, (after.0, &after.1), BATCH).await?;
        drop(conn);
        noted += some.len();
        note(db, &some).await?;
        match some.last() {
            Some(last) if i64::try_from(some.len()).is_ok_and(|n| n == BATCH) => {
                after = (last.at_ms, last.id.clone());
            }
            _ => break,
        }
        tokio::task::yield_now().await;
    }
    let settled = (now - SETTLED) * 1000;
    if noted > 0 || reached < settled - BEHIND * 1000 {
        let mut tx = db.write().await?;
        last_sign_ins::advance(&mut tx, settled).await?;
        tx.commit().await?;
    }
    Ok(noted)
}

/// Notes the newest of them, before somebody looks: in a crowd the others follow within a minute.
///
/// # Errors
/// When the database refuses.
pub async fn look(db: &Db) -> Result<()> {
    let mut conn = db.read().await?;
    let reached = last_sign_ins::reached(&mut conn).await?;
    let some = last_sign_ins::newest_not_noted(&mut conn, reached, BATCH).await?;
    drop(conn);
    note(db, &some).await
}

async fn note(db: &Db, some: &[SignedInRow]) -> Result<()> {
    if some.is_empty() {
        return Ok(());
    }
    // One after the other by their ids, as everybody does who notes several.
    let mut people: BTreeMap<&str, i64> = BTreeMap::new();
    for SignedInRow { at_ms, user_id, .. } in some {
        let last = people.entry(user_id).or_default();
        *last = (*last).max(at_ms / 1000);
    }
    let mut tx = db.write().await?;
    for (user, at) in people {
        last_sign_ins::note(&mut tx, user, at).await?;
    }
    tx.commit().await
}
