//! What does somebody see of the audit log? What happened in their own group and those below it.

use super::proof::{Proof, ViewAudit};
use super::{By, Error, Person};
use crate::store::audit::{self, EventRow, Wanted};
use crate::store::{Conn, Tx, users};

/// How long after the first click another one is the second of the same, in milliseconds.
const TWICE_WITHIN_MS: i64 = 10_000;

/// The most that are looked at.
const JUST_ADDED: i64 = 20;

/// A page of events.
#[derive(Clone, Debug)]
pub struct Events {
    /// The events.
    pub events: Vec<EventRow>,
    /// What the next page comes after; none on the last.
    pub next: Option<String>,
}

/// At most `limit` of the events that are wanted and that the actor may see, the newest or the oldest first, that come after `after` of the
/// page before.
///
/// # Errors
/// When the database refuses.
pub async fn events(
    conn: &mut Conn,
    by: &Proof<ViewAudit>,
    wanted: Wanted<'_>,
    (newest_first, after): (bool, &str),
    limit: usize,
) -> Result<Events, Error> {
    let tree = by.tree();
    // Of a whole tree the events say themselves to which they belong; also of those who are gone.
    let from = tree.root_id().filter(|root| tree.top_id() != Some(*root));
    let wanted = Wanted { top_id: tree.top_id(), from, ..wanted };
    let (at_ms, id) = after
        .split_once('.')
        .and_then(|(at_ms, id)| Some((at_ms.parse().ok()?, id)))
        .unwrap_or((if newest_first { i64::MAX } else { i64::MIN }, ""));
    let more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut events = if newest_first {
        audit::newest(conn, wanted, (at_ms, id), more).await?
    } else {
        audit::oldest(conn, wanted, (at_ms, id), more).await?
    };
    let cut = events.len() > limit;
    events.truncate(limit);
    let next = events.last().filter(|_| cut).map(|last| format!("{}.{}", last.at_ms, last.id));
    Ok(Events { events, next })
}

/// The latest of what has happened in somebody's sign-ins, newest first; for whoever may edit them.
///
/// # Errors
/// When the database refuses.
pub async fn sign_ins(conn: &mut Conn, person: &Person, limit: i64) -> Result<Vec<EventRow>, Error> {
    let wanted = Wanted { user_id: Some(&person.id), kind: Some("signin"), ..Wanted::default() };
    Ok(audit::newest(conn, wanted, (i64::MAX, ""), limit).await?)
}

/// What whoever acts has added within the last ten seconds, by the name of its event, the newest first: a second click on the same button
/// finds there what the first has made. Their other requests that ask so wait until this one has ended.
///
/// # Errors
/// When the database refuses.
pub async fn just_added(tx: &mut Tx, by: &By, event: &str) -> Result<Vec<EventRow>, Error> {
    let Some(actor) = by.user_id() else { return Ok(Vec::new()) };
    users::lock(tx, actor).await?;
    let since_ms = Some(by.now_ms - TWICE_WITHIN_MS);
    let wanted = Wanted { actor: Some(actor), kind: Some(event), since_ms, ..Wanted::default() };
    Ok(audit::newest(tx, wanted, (i64::MAX, ""), JUST_ADDED).await?)
}

/// Whose login this was when they were deleted, last of all who had it: what of them somebody sees is for [`events`] to say.
///
/// # Errors
/// When the database refuses.
pub async fn deleted(conn: &mut Conn, login: &str) -> Result<Option<String>, Error> {
    Ok(audit::deleted(conn, login).await?)
}
