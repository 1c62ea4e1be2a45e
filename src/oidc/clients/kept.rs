//! Which clients are at hand, and are they still what the database holds?
//!
//! Whatever changes or removes a client counts a version up in the same transaction (`store::versions`). What this process changes
//! itself is forgotten here as soon as it is committed; of what others change it hears when it looks at the version, twice a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Client, is_id};
use crate::store::clients::{self, ClientRow};
use crate::store::versions::{self, Changes};
use crate::store::{Conn, Result};

/// How long a look at the version counts, in milliseconds: with the time that a look takes, nobody is told anything that is older than a
/// second.
const COUNTS: i64 = 500;

/// How long anything is kept, in milliseconds: a process of an earlier version may run beside this one for a while, and counts nothing up.
const LONGEST: i64 = 60_000;

/// How many clients are kept at most, and how much of them, in bytes of metadata, beside what is made of that: half on either shelf. Anybody may register many.
const MOST: usize = 1000;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Clients as they were read.
#[derive(Debug)]
pub struct Kept {
    /// What this process has changed.
    changes: Changes,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// The version at the last look, and when that was, in milliseconds since 1970.
    version: Option<i64>,
    looked_at: i64,
    /// The state of `changes` that all of it has come after.
    changes: u64,
    /// How often everything was forgotten, and when that was last.
    era: u64,
    since: i64,
    /// What was asked for lately. When it is full it becomes the old shelf, and what was there and was not asked for again is gone.
    young: Shelf,
    old: Shelf,
}

#[derive(Debug, Default)]
struct Shelf {
    clients: HashMap<String, Read>,
    bytes: usize,
}

/// A client, and what it was made of.
#[derive(Debug)]
struct Read {
    client: Arc<Client>,
    row: ClientRow,
}

impl Read {
    fn of(row: ClientRow) -> Result<Self> {
        Ok(Self { client: Arc::new(Client::from_row(row.clone())?), row })
    }

    fn size(&self) -> usize {
        self.row.metadata.len()
    }
}

impl Kept {
    /// None yet, of a database in which this process changes so much.
    #[must_use]
    pub fn new(changes: Changes) -> Self {
        Self { changes, memory: Mutex::default() }
    }

    /// The client of this id, if it is at hand, and what is at hand counts at this time (milliseconds since 1970).
    #[must_use]
    pub fn at_hand(&self, id: &str, now_ms: i64) -> Option<Arc<Client>> {
        let mut memory = self.memory();
        if memory.counts(self.changes.so_far(), now_ms) { memory.get(id) } else { None }
    }

    /// The client of this id, read if it is not at hand.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn find(&self, conn: &mut Conn, id: &str, now_ms: i64) -> Result<Option<Arc<Client>>> {
        // Before anything is read: what is changed meanwhile is not kept.
        let changes = self.changes.so_far();
        if !self.memory().counts(changes, now_ms) {
            let version = versions::find(conn, versions::CLIENTS).await?;
            self.memory().learn(version, changes, now_ms);
        }
        let era = {
            let mut memory = self.memory();
            if let Some(client) = memory.get(id) {
                return Ok(Some(client));
            }
            memory.era
        };
        if !is_id(id) {
            return Ok(None);
        }
        let Some(row) = clients::find(conn, id).await? else { return Ok(None) };
        let read = Read::of(row)?;
        let client = Arc::clone(&read.client);
        let mut memory = self.memory();
        if memory.era == era && self.changes.so_far() == changes {
            memory.put(read);
        }
        Ok(Some(client))
    }

    /// The client of a row: as it is at hand, where that was made of the very same.
    ///
    /// # Errors
    /// When something in the row is none of ours.
    pub fn of_row(&self, row: ClientRow) -> Result<Arc<Client>> {
        match self.memory().made_of(&row) {
            Some(client) => Ok(client),
            None => Client::from_row(row).map(Arc::new),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn counts(&self, changes: u64, now_ms: i64) -> bool {
        self.version.is_some()
            && self.changes == changes
            && (self.looked_at..self.looked_at.saturating_add(COUNTS)).contains(&now_ms)
    }

    /// Forgets everything if anything has changed since, or it is old.
    fn learn(&mut self, version: i64, changes: u64, now_ms: i64) {
        let is_old = !(self.since..self.since.saturating_add(LONGEST)).contains(&now_ms);
        if self.version != Some(version) || self.changes != changes || is_old {
            (self.young, self.old) = (Shelf::default(), Shelf::default());
            (self.era, self.since) = (self.era + 1, now_ms);
        }
        (self.version, self.changes, self.looked_at) = (Some(version), changes, now_ms);
    }

    fn get(&mut self, id: &str) -> Option<Arc<Client>> {
        if let Some(read) = self.young.clients.get(id) {
            return Some(Arc::clone(&read.client));
        }
        let read = self.old.clients.remove(id)?;
        let client = Arc::clone(&read.client);
        self.put(read);
        Some(client)
    }

    fn made_of(&self, row: &ClientRow) -> Option<Arc<Client>> {
        let read = self.young.clients.get(&row.id)?;
        (read.row == *row).then(|| Arc::clone(&read.client))
    }

    fn put(&mut self, read: Read) {
        let size = read.size();
        if self.young.clients.len() >= MOST / 2 || self.young.bytes + size > MOST_BYTES / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        if size <= MOST_BYTES / 2 && self.young.clients.insert(read.client.id.clone(), read).is_none() {
            self.young.bytes += size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::clients::Metadata;

    /// A client with so many bytes of metadata.
    fn client(n: usize, size: usize) -> Read {
        let row = ClientRow {
            id: n.to_string(),
            secret_hash: Some("hash".to_owned()),
            secret_sealed: None,
            old_secret_hash: None,
            old_secret_sealed: None,
            old_secret_until: None,
            registration_token_hash: None,
            metadata: "x".repeat(size),
            created_at: 1,
            updated_at: 1,
        };
        let client = Client::unregistered(&row.id, Metadata::web_app("App", Vec::new()));
        Read { client: Arc::new(client), row }
    }

    #[test]
    fn a_client_is_at_hand_for_the_row_that_it_was_made_of_and_no_other() {
        let mut memory = Memory::default();
        memory.put(client(1, 10));
        let row = client(1, 10).row;
        assert!(memory.made_of(&row).is_some());
        for other in [
            ClientRow { id: "2".to_owned(), ..row.clone() },
            ClientRow { metadata: "y".repeat(10), ..row.clone() },
            ClientRow { secret_hash: None, ..row.clone() },
            ClientRow { old_secret_until: Some(1), ..row.clone() },
            ClientRow { registration_token_hash: Some("hash".to_owned()), ..row.clone() },
            ClientRow { updated_at: 2, ..row },
        ] {
            assert!(memory.made_of(&other).is_none(), "{other:?}");
        }
    }

    fn kept(memory: &Memory) -> (usize, usize) {
        let shelves = [&memory.young, &memory.old];
        (shelves.iter().map(|shelf| shelf.clients.len()).sum(), shelves.iter().map(|shelf| shelf.bytes).sum())
    }

    #[test]
    fn a_look_counts_for_half_a_second_and_until_this_process_changes_something() {
        let mut memory = Memory::default();
        assert!(!memory.counts(0, 0), "nobody has looked yet");
        memory.learn(7, 3, 10_000);
        for (changes, now_ms, counts) in
            [(3, 10_000, true), (3, 10_499, true), (3, 10_500, false), (3, 9_999, false), (4, 10_000, false)]
        {
            assert_eq!(memory.counts(changes, now_ms), counts, "{changes} {now_ms}");
        }
    }

    #[test]
    fn another_version_or_a_change_of_ours_forgets_everything_and_the_same_nothing() {
        let mut memory = Memory::default();
        for (version, changes, now_ms, stays) in [
            (1, 0, 1000, false),
            (1, 0, 1500, true),
            (2, 0, 1500, false),
            (2, 1, 1500, false),
            (2, 1, 2000, true),
            (1, 1, 2000, false),
            (1, 1, 61_999, true),
            (1, 1, 62_000, false),
            (1, 1, 61_000, false),
        ] {
            memory.put(client(1, 10));
            let era = memory.era;
            memory.learn(version, changes, now_ms);
            let what = format!("{version} {changes} {now_ms}");
            assert_eq!((memory.get("1").is_some(), memory.era == era), (stays, stays), "{what}");
        }
    }

    #[test]
    fn however_many_there_are_a_bounded_number_is_kept_and_whoever_is_asked_for_stays() {
        let mut memory = Memory::default();
        memory.put(client(0, 100));
        for n in 1..100_000 {
            memory.put(client(n, 100));
            assert!(memory.get("0").is_some(), "asked for each time");
            assert!(kept(&memory).0 <= MOST);
        }
        assert!(memory.get("1").is_none());
        let mut memory = Memory::default();
        for n in 0..1000 {
            memory.put(client(n, 100_000));
            assert!(kept(&memory).1 <= MOST_BYTES);
        }
        memory.put(client(1001, MOST_BYTES));
        assert!(memory.get("1001").is_none(), "what is larger than a shelf is not kept");
    }
}
