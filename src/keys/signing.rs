//! How do signing keys come into use and out of it again, in every process that shares the database?

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use josekit::JoseError;
use serde_json::Value;
use tokio::sync::Mutex;

use super::make::{Fresh, fresh};
use super::ring::Ring;
use super::secret::entropy;
use super::vault::{Vault, VaultError};
use crate::config::SigningAlgorithm;
use crate::store::signing_keys::{self, SigningKeyRow};
use crate::store::{self, Conn, Db};

/// How long a new key is published before it signs, in seconds: longer than `/jwks` may be cached.
pub const PUBLISHED_AHEAD: i64 = 600;

/// How long a retired key stays published beyond its last token, in seconds.
const MARGIN: i64 = 3600;

/// How old the keys in memory may be, in seconds; a rotation elsewhere is seen after this long.
const STALE: i64 = 5;

/// Keys that may be there at once: `/jwks` stays small, whoever rotates however often.
const MOST: usize = 48;

/// What the seal of a signing key is for.
pub(super) const SEAL: &str = "signing key";

/// What can go wrong with signing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The master key does not open them.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// josekit refused.
    #[error("signing: {0}")]
    Jose(#[from] JoseError),
    /// There is no key for this algorithm.
    #[error("there is no signing key for {0}: run `countersign key rotate --at-once`")]
    None(&'static str),
    /// A row cannot be read.
    #[error("signing key {0} cannot be read")]
    Malformed(String),
    /// The keys of earlier rotations are still needed.
    #[error("{0} signing keys are still published: rotate again when the tokens of the oldest have expired")]
    TooMany(usize),
    /// The task that makes a key was cut off.
    #[error("making a signing key was interrupted")]
    Interrupted,
}

/// The signing keys; cheap to clone.
#[derive(Clone)]
pub struct SigningKeys {
    db: Db,
    vault: Vault,
    kept: Arc<Kept>,
}

/// The keys in memory, and when they were read.
struct Kept {
    ring: RwLock<(i64, Arc<Ring>)>,
    reading: Mutex<()>,
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
        let kept = Kept { ring: RwLock::new((i64::MIN, Arc::default())), reading: Mutex::new(()) };
        Self { db, vault, kept: Arc::new(kept) }
    }

    /// The keys, read again if those in memory are old, and made if there are none yet.
    ///
    /// # Errors
    /// When the database fails, the master key does not open them, or none can be made.
    pub async fn ring(&self, now: i64) -> Result<Arc<Ring>, KeyError> {
        let (read_at, ring) = self.kept();
        if is_recent(read_at, now) && ring.is_complete() {
            return Ok(ring);
        }
        // One request reads, or makes the first keys, which takes a while; the others wait for it only if they have none.
        let _turn = match self.kept.reading.try_lock() {
            Ok(turn) => turn,
            Err(_) if ring.is_complete() => return Ok(ring),
            Err(_) => self.kept.reading.lock().await,
        };
        let (read_at, ring) = self.kept();
        if is_recent(read_at, now) && ring.is_complete() {
            return Ok(ring);
        }
        let ring = self.read(now).await?;
        if ring.is_complete() { Ok(ring) } else { self.make_first(&ring, now).await }
    }

    fn kept(&self) -> (i64, Arc<Ring>) {
        let kept = self.kept.ring.read().unwrap_or_else(PoisonError::into_inner);
        (kept.0, Arc::clone(&kept.1))
    }

    async fn read(&self, now: i64) -> Result<Arc<Ring>, KeyError> {
        let rows = {
            let mut conn = self.db.read().await?;
            signing_keys::list(&mut conn).await?
        };
        let (_, before) = self.kept();
        let ring = Arc::new(Ring::open(rows, &before, &self.vault)?);
        *self.kept.ring.write().unwrap_or_else(PoisonError::into_inner) = (now, Arc::clone(&ring));
        Ok(ring)
    }

    /// Makes the first keys, which sign at once, where an algorithm has none. Another process may be faster.
    async fn make_first(&self, ring: &Ring, now: i64) -> Result<Arc<Ring>, KeyError> {
        let missing: Vec<_> =
            SigningAlgorithm::ALL.into_iter().filter(|a| ring.newest(*a).is_none()).collect();
        let keys = fresh(&missing).await?;
        let mut tx = self.db.write().await?;
        if self.add(&mut tx, &keys, now, now).await? {
            tx.commit().await?;
        } else {
            drop(tx);
        }
        self.read(now).await
    }

    /// Makes new keys. They sign after [`PUBLISHED_AHEAD`], or `at_once`; the old ones stay published until the last token that
    /// they can have signed has expired, `longest_token` seconds later. Two processes that rotate at once make one rotation.
    /// Answers the `kid`s of the new keys.
    ///
    /// # Errors
    /// When the database fails, no key can be made, or too many are still needed.
    pub async fn rotate(&self, now: i64, at_once: bool, longest_token: i64) -> Result<Vec<String>, KeyError> {
        let ring = self.read(now).await?;
        self.replace(&ring, now, at_once, longest_token).await
    }

    /// Rotates if the newest keys are older than `every` seconds; makes the first ones if there are none.
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
        let newest =
            SigningAlgorithm::ALL.into_iter().filter_map(|a| ring.newest(a)).map(|k| k.created_at).max();
        match newest {
            Some(made_at) if made_at + every <= now => self.replace(&ring, now, false, longest_token).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Replaces the newest keys of `ring`, all or none: none if somebody else has replaced them meanwhile.
    async fn replace(
        &self,
        ring: &Ring,
        now: i64,
        at_once: bool,
        longest_token: i64,
    ) -> Result<Vec<String>, KeyError> {
        let keys = fresh(&SigningAlgorithm::ALL).await?;
        let active_at = if at_once || !ring.is_complete() { now } else { now + PUBLISHED_AHEAD };
        let expires_at = active_at + longest_token + MARGIN;
        let mut tx = self.db.write().await?;
        signing_keys::purge(&mut tx, now).await?;
        let there = signing_keys::list(&mut tx).await?.len();
        if there + keys.len() > MOST {
            return Err(KeyError::TooMany(there));
        }
        if at_once {
            signing_keys::retire_earlier(&mut tx, active_at).await?;
        }
        for old in SigningAlgorithm::ALL.into_iter().filter_map(|a| ring.newest(a)) {
            if !signing_keys::retire(&mut tx, &old.kid, active_at, expires_at).await? {
                return Ok(Vec::new());
            }
        }
        if !self.add(&mut tx, &keys, now, active_at).await? {
            return Ok(Vec::new());
        }
        tx.commit().await?;
        self.read(now).await?;
        Ok(keys.into_iter().map(|key| key.kid).collect())
    }

    /// Adds new keys; false when an algorithm has a newest key already: then the transaction is spoilt.
    async fn add(&self, conn: &mut Conn, keys: &[Fresh], now: i64, active_at: i64) -> Result<bool, KeyError> {
        for key in keys {
            match signing_keys::add(conn, &sealed_row(&self.vault, key, now, active_at)?).await {
                Err(e) if e.is_duplicate() => return Ok(false),
                added => added?,
            }
        }
        Ok(true)
    }
}

/// Whether keys that were read at `read_at` will do now. A clock that was set back counts as a long time.
fn is_recent(read_at: i64, now: i64) -> bool {
    (read_at..read_at.saturating_add(STALE)).contains(&now)
}

pub(super) fn sealed_row(
    vault: &Vault,
    key: &Fresh,
    now: i64,
    active_at: i64,
) -> Result<SigningKeyRow, KeyError> {
    let private = zeroize::Zeroizing::new(key.private.to_string());
    Ok(SigningKeyRow {
        kid: key.kid.clone(),
        algorithm: key.algorithm.name().to_owned(),
        public_jwk: Value::Object(key.public.clone()).to_string(),
        sealed: vault.seal(SEAL, &key.kid, private.as_bytes(), &mut entropy())?,
        created_at: now,
        active_at,
        retired_at: None,
        expires_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Map;

    use super::super::ring::{NotOurs, Phase, phase};
    use crate::store::Options;

    async fn keys() -> (tempfile::TempDir, SigningKeys) {
        let (dir, keys) = without_keys().await;
        keys.ring(1000).await.unwrap();
        (dir, keys)
    }

    async fn without_keys() -> (tempfile::TempDir, SigningKeys) {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/keys.db", dir.path().display());
        let db = Db::open(&Options { url, max_connections: 2 }).await.unwrap();
        db.migrate().await.unwrap();
        let vault = Vault::open_or_create(dir.path(), &mut entropy()).unwrap();
        (dir, SigningKeys::new(db, vault))
    }

    fn claims() -> Map<String, Value> {
        Map::from_iter([("sub".to_owned(), Value::from("ned"))])
    }

    fn kids(ring: &Ring, now: i64) -> Vec<String> {
        let jwks = ring.jwks(now);
        let keys = jwks["keys"].as_array().unwrap().clone();
        keys.iter().map(|k| k["kid"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn a_new_key_is_published_before_it_signs_and_an_old_one_after() {
        let (_dir, keys) = keys().await;
        let before = keys.ring(1000).await.unwrap();
        let old = before.sign(SigningAlgorithm::ES256, "JWT", &claims(), 1000).unwrap();
        let made = keys.rotate(2000, false, 600).await.unwrap();
        assert_eq!(made.len(), 3);
        let ring = keys.ring(2000).await.unwrap();
        assert_eq!(kids(&ring, 2000).len(), 6);
        let kid_of =
            |token: &str| ring.verify(token, 2000).map(|_| token.split('.').next().unwrap().to_owned());
        let meanwhile = ring.sign(SigningAlgorithm::ES256, "JWT", &claims(), 2000).unwrap();
        assert_eq!(kid_of(&meanwhile), kid_of(&old), "the old key signs until the new one is known");
        let later = ring.sign(SigningAlgorithm::ES256, "JWT", &claims(), 2000 + PUBLISHED_AHEAD).unwrap();
        assert_ne!(kid_of(&later), kid_of(&old));
        assert!(ring.verify(&old, 2000 + PUBLISHED_AHEAD + 600).is_ok());
        let last = 2000 + PUBLISHED_AHEAD + 600 + MARGIN;
        assert_eq!(ring.verify(&old, last), Err(NotOurs));
        assert_eq!(kids(&ring, last).len(), 3);
    }

    /// A look at their age before there are any must not be taken for a look at the keys.
    #[tokio::test]
    async fn the_first_keys_are_made_although_their_age_was_asked_for_first() {
        let (_dir, keys) = without_keys().await;
        assert!(keys.rotate_if_due(1000, 100, 600).await.unwrap().is_empty());
        assert_eq!(kids(&keys.ring(1000).await.unwrap(), 1000).len(), 3);
    }

    #[tokio::test]
    async fn two_rotations_at_once_are_one() {
        let (_dir, keys) = keys().await;
        let other = SigningKeys::new(keys.db.clone(), keys.vault.clone());
        let (one, two) = tokio::join!(keys.rotate(2000, true, 600), other.rotate(2000, true, 600));
        assert_eq!(one.unwrap().len() + two.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn another_process_sees_a_rotation_within_seconds() {
        let (_dir, keys) = keys().await;
        let other = SigningKeys::new(keys.db.clone(), keys.vault.clone());
        assert_eq!(kids(&other.ring(1000).await.unwrap(), 1000).len(), 3);
        keys.rotate(1001, false, 600).await.unwrap();
        assert_eq!(kids(&other.ring(1005).await.unwrap(), 1005).len(), 6);
    }

    #[tokio::test]
    async fn the_background_makes_the_first_keys() {
        let (_dir, keys) = without_keys().await;
        assert!(keys.rotate_if_due(1000, 100, 600).await.unwrap().is_empty());
        assert_eq!(kids(&keys.kept().1, 1000).len(), 3);
    }

    #[tokio::test]
    async fn keys_rotate_by_themselves_when_they_are_old() {
        let (_dir, keys) = keys().await;
        assert!(keys.rotate_if_due(1000 + 99, 100, 600).await.unwrap().is_empty());
        assert_eq!(keys.rotate_if_due(1000 + 100, 100, 600).await.unwrap().len(), 3);
        assert!(keys.rotate_if_due(1000 + 101, 100, 600).await.unwrap().is_empty());
    }

    /// Both find the keys old; the slower one must not replace what the faster one has just made.
    #[tokio::test]
    async fn two_processes_that_find_the_keys_old_make_one_rotation() {
        let (_dir, keys) = keys().await;
        let other = SigningKeys::new(keys.db.clone(), keys.vault.clone());
        other.ring(1099).await.unwrap();
        assert_eq!(keys.rotate_if_due(1100, 100, 600).await.unwrap().len(), 3);
        assert!(other.rotate_if_due(1101, 100, 600).await.unwrap().is_empty());
    }

    /// A new process looks at their age before anybody signs in: that look finds none, and must not stand for five seconds.
    #[tokio::test]
    async fn keys_are_made_when_asked_for_although_a_moment_ago_there_were_none() {
        let (_dir, keys) = without_keys().await;
        assert!(keys.rotate_if_due(1000, 100, 600).await.unwrap().is_empty());
        assert_eq!(kids(&keys.ring(1000).await.unwrap(), 1000).len(), 3);
    }

    #[tokio::test]
    async fn two_first_starts_make_one_set() {
        let (_dir, keys) = without_keys().await;
        let other = SigningKeys::new(keys.db.clone(), keys.vault.clone());
        let (one, two, same) = tokio::join!(keys.ring(1000), other.ring(1000), keys.ring(1000));
        let one = kids(&one.unwrap(), 1000);
        assert_eq!(one.len(), 3);
        assert_eq!((kids(&two.unwrap(), 1000), kids(&same.unwrap(), 1000)), (one.clone(), one));
    }

    #[tokio::test]
    async fn a_rotation_at_once_lets_no_older_key_sign() {
        let (_dir, keys) = keys().await;
        keys.rotate(2000, false, 600).await.unwrap();
        let made = keys.rotate(2001, true, 600).await.unwrap();
        let ring = keys.ring(2001).await.unwrap();
        for now in [2001, 2001 + PUBLISHED_AHEAD] {
            let signing =
                ring.rows().filter(|row| phase(row, now) == Phase::Signing).map(|row| row.kid.clone());
            let mut signing: Vec<_> = signing.collect();
            let mut expected = made.clone();
            signing.sort();
            expected.sort();
            assert_eq!(signing, expected);
        }
        assert_eq!(kids(&ring, 2001).len(), 9, "what the others have signed still holds");
    }

    #[tokio::test]
    async fn rotating_without_end_is_refused_and_nothing_is_lost() {
        let (_dir, keys) = keys().await;
        for at in 0..15 {
            assert_eq!(keys.rotate(2000 + at, true, 600).await.unwrap().len(), 3);
        }
        let refused = keys.rotate(2100, true, 600).await.unwrap_err();
        assert!(matches!(refused, KeyError::TooMany(48)), "{refused}");
        assert_eq!(kids(&keys.ring(2100).await.unwrap(), 2100).len(), 48);
        let later = 2100 + 600 + MARGIN;
        assert_eq!(keys.rotate(later, true, 600).await.unwrap().len(), 3);
        assert_eq!(kids(&keys.ring(later).await.unwrap(), later).len(), 6);
    }

    #[tokio::test]
    async fn the_first_keys_sign_at_once_even_when_they_come_by_a_rotation() {
        let (_dir, keys) = without_keys().await;
        keys.rotate(1000, false, 600).await.unwrap();
        let ring = keys.ring(1000).await.unwrap();
        assert!(ring.sign(SigningAlgorithm::RS256, "JWT", &claims(), 1000).is_ok());
    }

    #[tokio::test]
    async fn another_master_key_does_not_open_the_keys() {
        let (_dir, keys) = keys().await;
        let elsewhere = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(elsewhere.path(), &mut entropy()).unwrap();
        let refused = SigningKeys::new(keys.db.clone(), vault).ring(1000).await.err().unwrap();
        assert!(refused.to_string().contains("master key"), "{refused}");
    }
}
