//! Was any event changed or removed since it was written? Each is chained to the one before it a moment after its transaction, by one
//! process at a time, so that no sign-in waits for another's; where the chain begins and ends is sealed with the master key.

use serde_json::json;

use crate::keys::secret::{hex, same, sha256};
use crate::keys::{Vault, VaultError};
use crate::store::audit::EventRow;
use crate::store::audit_chain::{self, HeadRow, LinkRow};
use crate::store::purge::Purged;
use crate::store::{self, Conn, Db};

/// What the head is sealed for.
const SEAL: &str = "audit chain head";

/// Events chained in one transaction: the lock of the head, and on SQLite everybody's, is held for a few milliseconds.
const BATCH: i64 = 250;

/// Batches that are deleted in one turn: more than come meanwhile, and no more than whoever ends the process may wait for.
const TURN: u32 = 40;

/// How long events are kept, in milliseconds.
const MEMORY: i64 = 400 * 86_400_000;

/// Events read at once while the chain is verified.
const PAGE: i64 = 1000;

/// Why the chain does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The master key could not be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Somebody else has written where the chain begins and ends.
    #[error(
        "the end of the audit log's chain was changed by somebody without the master key: see `countersign audit verify`"
    )]
    Forged,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// The place of the first event that is kept.
    pub from: i64,
    /// The place of the newest event that is chained.
    pub upto: i64,
    /// Its hash, to be noted elsewhere.
    pub hash: String,
    /// How many events wait for their places.
    pub waiting: i64,
    /// The first thing that is wrong.
    pub broken: Option<Break>,
}

/// What is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Break {
    /// The event at this place is not what was written.
    Changed {
        /// The place.
        seq: i64,
        /// The event's id.
        id: String,
    },
    /// The event at this place is gone.
    Removed {
        /// The place.
        seq: i64,
    },
    /// There are events after the end, or none where the end is.
    End {
        /// The place of the last event that is there.
        found: i64,
        /// The place of the last one that was written.
        expected: i64,
    },
    /// Where it begins and ends was written by somebody without the master key.
    Seal,
    /// The event at a place that was noted elsewhere has another hash now, or is gone: the chain was written anew.
    Noted {
        /// The place.
        seq: i64,
    },
}

/// Chains the events that wait, at most a few hundred, and answers whether there may be more.
///
/// # Errors
/// When the database or the master key fails, or the end of the chain is not ours: then it is left as it is, as evidence.
pub async fn link(db: &Db, vault: &Vault) -> Result<bool, Error> {
    if !audit_chain::waits(&mut db.read().await?).await? {
        return Ok(false);
    }
    let mut tx = db.write().await?;
    let mut head = own_head(&mut tx, vault).await?;
    let waiting = audit_chain::waiting(&mut tx, BATCH).await?;
    for LinkRow { event, .. } in &waiting {
        let (seq, hash) = (head.seq + 1, content_hash(&head.hash, head.seq + 1, event));
        if audit_chain::link(&mut tx, &event.id, seq, &hash).await? {
            (head.seq, head.hash) = (seq, hash);
        }
    }
    head.seal = seal(vault, &head)?;
    audit_chain::move_head(&mut tx, &head).await?;
    tx.commit().await?;
    Ok(i64::try_from(waiting.len()) == Ok(BATCH))
}

/// Deletes events that are older than 400 days, from the beginning of the chain on, and no more than a turn takes. What is left is chained to
/// the last that went.
///
/// # Errors
/// When the database or the master key fails, or the end of the chain is not ours.
pub async fn purge(db: &Db, vault: &Vault, now_ms: i64) -> Result<Purged, Error> {
    let mut rows = 0;
    for _ in 0..TURN {
        let gone = cut(db, vault, now_ms - MEMORY).await?;
        rows += gone;
        if gone < BATCH.unsigned_abs() {
            return Ok(Purged { rows, more: false });
        }
    }
    Ok(Purged { rows, more: true })
}

/// Deletes at most a batch of events from the beginning on.
async fn cut(db: &Db, vault: &Vault, before_ms: i64) -> Result<u64, Error> {
    let mut conn = db.read().await?;
    let from = audit_chain::head(&mut conn).await?.map_or(0, |head| head.from_seq);
    let first = audit_chain::chained(&mut conn, from, 1).await?;
    drop(conn);
    if first.first().is_none_or(|link| link.event.at_ms > before_ms) {
        return Ok(0);
    }
    let mut tx = db.write().await?;
    let mut head = own_head(&mut tx, vault).await?;
    let oldest = audit_chain::chained(&mut tx, head.from_seq, BATCH).await?;
    let old = oldest.into_iter().take_while(|link| link.event.at_ms <= before_ms).last();
    let Some(LinkRow { seq: Some(seq), hash: Some(hash), .. }) = old else { return Ok(0) };
    (head.from_seq, head.from_hash) = (seq, hash);
    head.seal = seal(vault, &head)?;
    let gone = audit_chain::cut(&mut tx, seq).await?;
    audit_chain::move_head(&mut tx, &head).await?;
    tx.commit().await?;
    Ok(gone)
}

/// Goes through the whole chain. `noted` is the place and the hash of an event as somebody has written them down elsewhere.
///
/// # Errors
/// When the database or the master key fails.
pub async fn verify(conn: &mut Conn, vault: &Vault, noted: Option<(i64, &str)>) -> Result<Report, Error> {
    let waiting = audit_chain::count_waiting(conn).await?;
    let Some(head) = audit_chain::head(conn).await? else {
        // Nothing was ever chained: then nothing has a place either, and nobody has noted one.
        let found = audit_chain::chained(conn, 0, 1).await?.first().and_then(|link| link.seq).unwrap_or(0);
        let broken = (found > 0).then_some(Break::Seal);
        let broken = broken.or(noted.map(|(seq, _)| Break::Noted { seq }));
        return Ok(Report { from: 1, upto: 0, hash: beginning(), waiting, broken });
    };
    let from = head.from_seq + 1;
    let mut report = Report { from, upto: head.seq, hash: head.hash.clone(), waiting, broken: None };
    if !is_ours(vault, &head)? {
        report.broken = Some(Break::Seal);
        return Ok(report);
    }
    let mut walk = Walk { seq: head.from_seq, hash: head.from_hash.clone(), noted };
    walk.noted.take_if(|(seq, _)| *seq <= head.from_seq);
    report.broken = walk.go_on(conn).await?;
    let mut head = head;
    // What has been chained while we went has an end of its own, and one that we have written.
    while report.broken.is_none() && walk.seq > head.seq {
        let newer = audit_chain::head(conn).await?.filter(|newer| newer.seq > head.seq);
        let Some(newer) = newer else { break };
        if !is_ours(vault, &newer)? {
            report.broken = Some(Break::Seal);
            return Ok(report);
        }
        report.broken = walk.go_on(conn).await?;
        head = newer;
    }
    (report.upto, report.hash) = (head.seq, head.hash.clone());
    report.broken = report.broken.or_else(|| walk.break_at(&head));
    Ok(report)
}

fn is_ours(vault: &Vault, head: &HeadRow) -> Result<bool, VaultError> {
    Ok(same(seal(vault, head)?.as_bytes(), head.seal.as_bytes()))
}

/// How far somebody has come who goes through the chain.
struct Walk<'a> {
    seq: i64,
    hash: String,
    /// The place and the hash that were noted, until they are passed.
    noted: Option<(i64, &'a str)>,
}

impl Walk<'_> {
    /// Goes on until there is nothing more; the answer is the first break.
    async fn go_on(&mut self, conn: &mut Conn) -> Result<Option<Break>, Error> {
        loop {
            let page = audit_chain::chained(conn, self.seq, PAGE).await?;
            if page.is_empty() {
                return Ok(None);
            }
            for link in &page {
                let seq = self.seq + 1;
                if link.seq != Some(seq) {
                    return Ok(Some(Break::Removed { seq }));
                }
                let expected = content_hash(&self.hash, seq, &link.event);
                if link.hash.as_deref() != Some(expected.as_str()) {
                    return Ok(Some(Break::Changed { seq, id: link.event.id.clone() }));
                }
                (self.seq, self.hash) = (seq, expected);
                if let Some((_, as_noted)) = self.noted.take_if(|(place, _)| *place == seq)
                    && as_noted != self.hash
                {
                    return Ok(Some(Break::Noted { seq }));
                }
            }
        }
    }

    /// What is wrong where the chain ends so.
    fn break_at(&self, head: &HeadRow) -> Option<Break> {
        if self.seq != head.seq || self.hash != head.hash {
            return Some(Break::End { found: self.seq, expected: head.seq });
        }
        self.noted.map(|(seq, _)| Break::Noted { seq })
    }
}

/// The end of the chain, begun where nobody has, with its lock; an error where it is not ours.
async fn own_head(conn: &mut Conn, vault: &Vault) -> Result<HeadRow, Error> {
    // Whoever saw no end has locked none, though another may have written it since.
    if audit_chain::lock(conn).await?
        && let Some(head) = audit_chain::head(conn).await?
    {
        return if is_ours(vault, &head)? { Ok(head) } else { Err(Error::Forged) };
    }
    let mut head =
        HeadRow { from_seq: 0, from_hash: beginning(), seq: 0, hash: beginning(), seal: String::new() };
    head.seal = seal(vault, &head)?;
    audit_chain::begin(conn, &head.hash, &head.seal).await?;
    // Of two that begin at once the second waits in the statement above, and goes on where the first has come to.
    audit_chain::lock(conn).await?;
    let head = audit_chain::head(conn).await?.unwrap_or(head);
    if is_ours(vault, &head)? { Ok(head) } else { Err(Error::Forged) }
}

fn seal(vault: &Vault, head: &HeadRow) -> Result<String, VaultError> {
    let HeadRow { from_seq, from_hash, seq, hash, .. } = head;
    let text = format!("{from_seq}\n{from_hash}\n{seq}\n{hash}");
    vault.mac(SEAL, &[text.as_bytes()])
}

/// The hash before the first event.
fn beginning() -> String {
    hex(&sha256(b"countersign audit chain"))
}

/// The hash of an event at this place, over the one before it and everything that is kept of it.
fn content_hash(before: &str, seq: i64, event: &EventRow) -> String {
    let content = json!([
        before,
        seq,
        event.id,
        event.at_ms,
        event.event,
        event.actor,
        event.user_id,
        event.group_id,
        event.client_id,
        event.network,
        event.details,
        event.actor_login,
        event.user_login,
        event.top_id,
    ]);
    hex(&sha256(content.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> EventRow {
        EventRow {
            id: "1".to_owned(),
            at_ms: 5,
            event: "user.changed".to_owned(),
            actor: "ada".to_owned(),
            user_id: Some("ned".to_owned()),
            group_id: None,
            client_id: None,
            network: None,
            details: "{}".to_owned(),
            actor_login: None,
            user_login: None,
            top_id: None,
        }
    }

    #[test]
    fn every_part_of_an_event_counts_and_so_does_its_place() {
        let whole = content_hash("before", 7, &event());
        let text = |text: &str| Some(text.to_owned());
        for other in [
            EventRow { id: "2".to_owned(), ..event() },
            EventRow { at_ms: 6, ..event() },
            EventRow { event: "user.deleted".to_owned(), ..event() },
            EventRow { actor: "max".to_owned(), ..event() },
            EventRow { user_id: None, ..event() },
            EventRow { user_id: None, group_id: text("ned"), ..event() },
            EventRow { client_id: text("x"), ..event() },
            EventRow { network: text("x"), ..event() },
            EventRow { details: "{\"a\":1}".to_owned(), ..event() },
            EventRow { actor_login: text("x"), ..event() },
            EventRow { user_login: text("x"), ..event() },
            EventRow { top_id: text("x"), ..event() },
        ] {
            assert_ne!(content_hash("before", 7, &other), whole, "{other:?}");
        }
        assert_ne!(content_hash("before", 8, &event()), whole);
        assert_ne!(content_hash("Before", 7, &event()), whole);
    }
}
