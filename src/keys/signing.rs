//! How do signing keys come into use and out of it again, in every process that shares the database?

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;

use super::error::KeyError;
use super::kind::KeyKind;
use super::make::{Fresh, fresh, sealed_row};
use super::pace::Looks;
use super::ring::{ALWAYS, Ring};
use super::secret::entropy;
use super::vault::Vault;
use crate::audit::{Actor, Doer, Event};
use crate::config::SigningAlgorithm;
use crate::store::signing_keys;
use crate::store::{self, Conn, Db, Tx};

/// How long a new key is published before it signs, in seconds: longer than `/jwks` may be cached.
pub const PUBLISHED_AHEAD: i64 = 600;

/// How long a retired key stays published beyond its last token, in seconds.
const MARGIN: i64 = 3600;

/// How old the keys in memory may be, in seconds: a rotation elsewhere, and stolen keys that were withdrawn there, are seen in the next one.
const STALE: i64 = 1;

/// How long after a look that has failed there is none, in seconds.
const AGAIN: i64 = 5;

/// How long keys that were read are good for while the database cannot be asked, in seconds: what others retire meanwhile stays
/// published for so long beyond its last token.
const KEPT: i64 = MARGIN;

/// How long a request waits for keys to be read again while it has older ones.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keys that may be there at once: `/jwks` stays small, whoever rotates however often.
const MOST: usize = 80;

/// When new keys take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// When every relying app has had time to see them.
    Announced,
    /// Now; what the old ones have signed holds until its time is over.
    AtOnce,
    /// Now, since the old ones are in somebody else's hands: nothing that they have signed counts any more.
    Stolen,
}

/// New keys that nobody knows yet, and which old ones they are to replace.
pub struct Rotation {
    ring: Arc<Ring>,
    kinds: Vec<KeyKind>,
    keys: Vec<Fresh>,
    now: i64,
    takeover: Takeover,
    longest_token: i64,
}

impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rotation(…)")
    }
}

/// Notes that a client, or the settings, want this algorithm: from now on a key is published for it.
///
/// # Errors
/// When the database refuses.
pub async fn publish_for(conn: &mut Conn, algorithm: SigningAlgorithm) -> store::Result<()> {
    if ALWAYS.contains(&algorithm) {
        return Ok(());
    }
    signing_keys::ask(conn, algorithm.name()).await
}

/// The signing keys; cheap to clone.
#[derive(Clone)]
pub struct SigningKeys {
    db: Db,
    vault: Vault,
    kept: Arc<Kept>,
    pub(super) looks: Arc<Looks>,
}

/// The keys in memory.
struct Kept {
    ring: RwLock<Memory>,
    reading: Mutex<()>,
}

/// The keys, when they were read, and when that was last tried.
#[derive(Clone)]
struct Memory {
    ring: Arc<Ring>,
    read_at: i64,
    tried_at: i64,
}

impl Memory {
    /// Whether they will do now. Where the last look failed, the next one waits for its turn too.
    fn is_good(&self, now: i64) -> bool {
        self.ring.is_complete()
            && (is_recent(self.read_at, now, STALE)
                || self.is_cut_off(now) && is_recent(self.read_at, now, KEPT))
    }

    /// Whether the last look has failed, and it is too soon for another.
    fn is_cut_off(&self, now: i64) -> bool {
        self.tried_at > self.read_at && is_recent(self.tried_at, now, AGAIN)
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKeys(…)")
    }
}

impl SigningKeys {
    /// The keys of a database; none are read yet.
    #[must_use]
    pub fn new(db: Db, vault: Vault) -> Self {
        let memory = Memory { ring: Arc::default(), read_at: i64::MIN, tried_at: i64::MIN };
        let kept = Kept { ring: RwLock::new(memory), reading: Mutex::new(()) };
        Self { db, vault, kept: Arc::new(kept), looks: Arc::default() }
    }

    /// The keys, read again if those in memory are old, and made if there are none yet. While the database does not answer, those
    /// in memory go on for an hour.
    ///
    /// # Errors
    /// When the database fails, the master key does not open them, or none can be made.
    pub async fn ring(&self, now: i64) -> Result<Arc<Ring>, KeyError> {
        let memory = self.memory();
        if memory.is_good(now) {
            return Ok(memory.ring);
        }
        // One request reads, or makes the first keys, which takes a while; the others wait for it only if they have none.
        let may_wait = memory.ring.is_complete() && is_recent(memory.read_at, now, KEPT);
        let _turn = match self.kept.reading.try_lock() {
            Ok(turn) => turn,
            Err(_) if may_wait => return Ok(memory.ring),
            Err(_) => self.kept.reading.lock().await,
        };
        let memory = self.memory();
        if memory.is_good(now) {
            return Ok(memory.ring);
        }
        let ring = if may_wait { self.read_or_keep(memory.ring, now).await } else { self.read(now).await? };
        if ring.is_complete() { Ok(ring) } else { self.make_first(&ring, now).await }
    }

    /// The keys that are there, read now; none are made.
    ///
    /// # Errors
    /// When the database fails, or the master key does not open them.
    pub async fn there(&self, now: i64) -> Result<Arc<Ring>, KeyError> {
        self.read(now).await
    }

    /// Reads the keys again, for a moment; the ones at hand stay if that fails.
    pub(super) async fn read_or_keep(&self, ring: Arc<Ring>, now: i64) -> Arc<Ring> {
        let reason = match tokio::time::timeout(PATIENCE, self.read(now)).await {
            Ok(Ok(read)) => return read,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the database does not answer".to_owned(),
        };
        tracing::warn!(reason, "the signing keys were not read again: those at hand go on");
        self.kept.ring.write().unwrap_or_else(PoisonError::into_inner).tried_at = now;
        ring
    }

    /// Whether the last look at the database has failed, and it is too soon for another.
    pub(super) fn is_cut_off(&self, now: i64) -> bool {
        self.memory().is_cut_off(now)
    }

    fn memory(&self) -> Memory {
        self.kept.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read(&self, now: i64) -> Result<Arc<Ring>, KeyError> {
        let (rows, asked) = {
            let mut conn = self.db.read().await?;
            signing_keys::list_with_asked(&mut conn).await?
        };
        let before = self.memory().ring;
        let ring = if before.is_of(&rows, &asked) {
            before
        } else {
            Arc::new(Ring::open(rows, &asked, &before, &self.vault)?)
        };
        let memory = Memory { ring: Arc::clone(&ring), read_at: now, tried_at: now };
        *self.kept.ring.write().unwrap_or_else(PoisonError::into_inner) = memory;
        Ok(ring)
    }

    /// Makes the first keys, which sign at once, of the kinds that have none. Another process may be faster.
    async fn make_first(&self, ring: &Ring, now: i64) -> Result<Arc<Ring>, KeyError> {
        let missing: Vec<_> = KeyKind::ALL.into_iter().filter(|k| ring.newest(*k).is_none()).collect();
        let keys = fresh(&missing).await?;
        let mut tx = self.db.write().await?;
        if self.add(&mut tx, &keys, now, |_| now).await? {
            tx.commit().await?;
        } else {
            drop(tx);
        }
        self.read(now).await
    }

    /// Makes new keys. They sign after [`PUBLISHED_AHEAD`], or at once; the old ones stay published until the last token that
    /// they can have signed has expired, `longest_token` seconds later. Two processes that rotate at the same time make one
    /// rotation. Only the key of one algorithm, if one is named; other algorithms may share it. Answers the `kid`s of the new keys:
    /// none if somebody else was faster.
    ///
    /// # Errors
    /// When the database fails, no key can be made, or too many are still needed.
    pub async fn rotate(
        &self,
        now: i64,
        takeover: Takeover,
        longest_token: i64,
        which: Option<SigningAlgorithm>,
        by: impl Into<Doer> + Send,
    ) -> Result<Vec<String>, KeyError> {
        let rotation = self.prepare(now, takeover, longest_token, which).await?;
        self.carry_out(self.db.write().await?, rotation, by).await
    }

    /// Makes what a rotation puts in the place of the keys that are there now, before its transaction: it takes a while.
    ///
    /// # Errors
    /// When the database fails, or no key can be made.
    pub async fn prepare(
        &self,
        now: i64,
        takeover: Takeover,
        longest_token: i64,
        which: Option<SigningAlgorithm>,
    ) -> Result<Rotation, KeyError> {
        let ring = self.read(now).await?;
        let kinds = which.map_or_else(|| KeyKind::ALL.to_vec(), |algorithm| vec![KeyKind::of(algorithm)]);
        let keys = fresh(&kinds).await?;
        Ok(Rotation { ring, kinds, keys, now, takeover, longest_token })
    }

    /// Rotates all if one of the newest keys is older than `every` seconds; makes the first ones where there are none.
    ///
    /// # Errors
    /// As [`SigningKeys::rotate`].
    pub async fn rotate_if_due(
        &self,
        now: i64,
        every: i64,
        longest_token: i64,
    ) -> Result<Vec<String>, KeyError> {
        self.ring(now).await?;
        // The keys that are found old are those that are replaced: read now, and once, or two processes would rotate in turn.
        let ring = self.read(now).await?;
        match ring.newest_since() {
            Some(made_at) if made_at + every <= now => {
                let (kinds, takeover) = (KeyKind::ALL.to_vec(), Takeover::Announced);
                let keys = fresh(&kinds).await?;
                let rotation = Rotation { ring, kinds, keys, now, takeover, longest_token };
                self.carry_out(self.db.write().await?, rotation, Actor::System).await
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Replaces the keys that were the newest when a rotation was prepared, all or none, and commits. Answers the `kid`s of the new ones: none
    /// if somebody else has replaced the old ones meanwhile.
    ///
    /// # Errors
    /// When the database fails, or too many keys are still needed.
    pub async fn carry_out(
        &self,
        mut tx: Tx,
        rotation: Rotation,
        by: impl Into<Doer> + Send,
    ) -> Result<Vec<String>, KeyError> {
        let Rotation { ring, kinds, keys, now, takeover, longest_token } = rotation;
        let at_once = takeover != Takeover::Announced;
        let active_at = if at_once { now } else { now + PUBLISHED_AHEAD };
        // Where there is no key yet, none is there to sign meanwhile.
        let begins = |kind: KeyKind| if ring.newest(kind).is_some() { active_at } else { now };
        let expires_at = active_at + longest_token + MARGIN;
        signing_keys::purge(&mut tx, now).await?;
        let there = signing_keys::list(&mut tx).await?.len();
        if there + keys.len() > MOST {
            return Err(KeyError::TooMany(there));
        }
        if at_once {
            for kind in &kinds {
                signing_keys::retire_earlier(&mut tx, kind.name(), active_at).await?;
            }
        }
        for old in kinds.iter().filter_map(|k| ring.newest(*k)) {
            if !signing_keys::retire(&mut tx, &old.kid, active_at, expires_at).await? {
                return Ok(Vec::new());
            }
        }
        if takeover == Takeover::Stolen {
            for kind in &kinds {
                signing_keys::withdraw_retired(&mut tx, kind.name(), now).await?;
            }
        }
        if !self.add(&mut tx, &keys, now, begins).await? {
            return Ok(Vec::new());
        }
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let event = Event::by("keys.rotated", by.into())
            .detail("active_at", active_at)
            .detail("at_once", at_once)
            .detail("stolen", takeover == Takeover::Stolen)
            .detail("kinds", names);
        event.record(&mut tx, now * 1000, &mut entropy()).await?;
        tx.commit().await?;
        self.read(now).await?;
        Ok(keys.into_iter().map(|key| key.kid).collect())
    }

    /// Adds new keys; false when a kind has a newest key already: then the transaction is spoilt.
    async fn add(
        &self,
        conn: &mut Conn,
        keys: &[Fresh],
        now: i64,
        begins: impl Fn(KeyKind) -> i64 + Send,
    ) -> Result<bool, KeyError> {
        for key in keys {
            match signing_keys::add(conn, &sealed_row(&self.vault, key, now, begins(key.kind))?).await {
                Err(e) if e.is_duplicate() => return Ok(false),
                added => added?,
            }
        }
        Ok(true)
    }
}

/// Whether something that was done at `at` is no older than this now. A clock that was set back counts as a long time.
fn is_recent(at: i64, now: i64, age: i64) -> bool {
    (at..at.saturating_add(age)).contains(&now)
}
