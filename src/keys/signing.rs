//! Which key signs now, which are published, and how do new ones take over?

use std::fmt;
use std::sync::{Arc, RwLock};

use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jwk::alg::{ec::EcCurve, ed::EdCurve};
use josekit::jws::{self, ES256, EdDSA, JwsHeader, JwsSigner, JwsVerifier, RS256};
use openssl::sha::sha256;
use serde_json::{Map, Value, json};

use super::secret::{base64url, entropy};
use super::vault::{Vault, VaultError};
use crate::config::SigningAlgorithm;
use crate::store::signing_keys::{self, SigningKeyRow};
use crate::store::{self, Db};

/// How long a new key is published before it signs, in seconds: longer than `/jwks` may be cached.
pub const PUBLISHED_AHEAD: i64 = 600;

/// How long a retired key stays published beyond its last token, in seconds.
const MARGIN: i64 = 3600;

/// How old the keys in memory may be, in seconds; a rotation elsewhere is seen after this long.
const STALE: i64 = 5;

/// What the seal of a signing key is for.
const SEAL: &str = "signing key";

/// The longest JWT that is looked at, in bytes.
const MAX_JWT: usize = 16 * 1024;

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
    /// The task that makes a key was cut off.
    #[error("making a signing key was interrupted")]
    Interrupted,
}

/// Why a JWT is not one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JWT that this provider has signed")]
pub struct NotOurs;

/// The signing keys; cheap to clone.
#[derive(Clone)]
pub struct SigningKeys {
    db: Db,
    vault: Vault,
    ring: Arc<RwLock<(i64, Arc<Ring>)>>,
    /// Held while the first keys are made, which takes a while: they are made once, however many ask.
    making: Arc<tokio::sync::Mutex<()>>,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKeys(…)")
    }
}

/// The keys as they were at one moment, ready for use.
#[derive(Default)]
pub struct Ring(Vec<Arc<Key>>);

struct Key {
    row: SigningKeyRow,
    algorithm: SigningAlgorithm,
    public: Map<String, Value>,
    signer: Box<dyn JwsSigner>,
    verifier: Box<dyn JwsVerifier>,
}

impl SigningKeys {
    /// The keys of a database; none are read yet.
    #[must_use]
    pub fn new(db: Db, vault: Vault) -> Self {
        Self { db, vault, ring: Arc::new(RwLock::new((i64::MIN, Arc::default()))), making: Arc::default() }
    }

    /// The keys, read again if those in memory are old, and made if there are none yet.
    ///
    /// # Errors
    /// When the database fails, or the master key does not open them.
    pub async fn ring(&self, now: i64) -> Result<Arc<Ring>, KeyError> {
        let (read_at, ring) = self.kept();
        if (read_at..read_at.saturating_add(STALE)).contains(&now) {
            return Ok(ring);
        }
        let ring = self.read(now).await?;
        if ring.is_complete() { Ok(ring) } else { self.ensure(now).await }
    }

    fn kept(&self) -> (i64, Arc<Ring>) {
        let kept = self.ring.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        (kept.0, Arc::clone(&kept.1))
    }

    async fn read(&self, now: i64) -> Result<Arc<Ring>, KeyError> {
        let rows = {
            let mut conn = self.db.read().await?;
            signing_keys::list(&mut conn).await?
        };
        let (_, before) = self.kept();
        let keys = rows.into_iter().map(|row| match before.of(&row.kid) {
            // Building a signer costs more than a signature: what has not changed is kept.
            Some(key) if key.row.retired_at == row.retired_at => Ok(Arc::clone(key)),
            _ => Key::open(row, &self.vault).map(Arc::new),
        });
        let ring = Arc::new(Ring(keys.collect::<Result<_, _>>()?));
        *self.ring.write().unwrap_or_else(std::sync::PoisonError::into_inner) = (now, Arc::clone(&ring));
        Ok(ring)
    }

    /// Makes the first keys, which sign at once, where an algorithm has none.
    ///
    /// # Errors
    /// When the database fails, or no key can be made.
    async fn ensure(&self, now: i64) -> Result<Arc<Ring>, KeyError> {
        let _turn = self.making.lock().await;
        let ring = self.read(now).await?;
        let missing: Vec<_> =
            SigningAlgorithm::ALL.into_iter().filter(|a| ring.newest(*a).is_none()).collect();
        let making: Vec<_> =
            missing.into_iter().map(|a| tokio::task::spawn_blocking(move || generate(a))).collect();
        for task in making {
            let key = task.await.map_err(|_| KeyError::Interrupted)??;
            let mut tx = self.db.write().await?;
            let there = signing_keys::list(&mut tx).await?;
            if !there.iter().any(|row| row.algorithm == key.algorithm.name() && row.retired_at.is_none()) {
                signing_keys::add(&mut tx, &self.row(&key, now, now)?).await?;
                tx.commit().await?;
            }
        }
        self.read(now).await
    }

    /// Makes new keys. They sign after [`PUBLISHED_AHEAD`], or `at_once`; the old ones stay published until the last token that
    /// they can have signed has expired, `longest_token` seconds later. Two processes that rotate at once make one rotation.
    /// Answers the `kid`s of the new keys.
    ///
    /// # Errors
    /// When the database fails, or no key can be made.
    pub async fn rotate(&self, now: i64, at_once: bool, longest_token: i64) -> Result<Vec<String>, KeyError> {
        let ring = self.read(now).await?;
        let active_at = if at_once { now } else { now + PUBLISHED_AHEAD };
        let mut made = Vec::new();
        for algorithm in SigningAlgorithm::ALL {
            let task = tokio::task::spawn_blocking(move || generate(algorithm));
            let key = task.await.map_err(|_| KeyError::Interrupted)??;
            let mut tx = self.db.write().await?;
            if let Some(old) = ring.newest(algorithm) {
                let expires_at = active_at + longest_token + MARGIN;
                if !signing_keys::retire(&mut tx, &old.row.kid, active_at, expires_at).await? {
                    continue;
                }
            }
            let row = self.row(&key, now, active_at)?;
            signing_keys::add(&mut tx, &row).await?;
            signing_keys::purge(&mut tx, now).await?;
            tx.commit().await?;
            made.push(row.kid);
        }
        self.read(now).await?;
        Ok(made)
    }

    /// Rotates if the newest keys are older than `every` seconds.
    ///
    /// # Errors
    /// As [`SigningKeys::rotate`].
    pub async fn rotate_if_due(
        &self,
        now: i64,
        every: i64,
        longest_token: i64,
    ) -> Result<Vec<String>, KeyError> {
        let ring = self.ring(now).await?;
        let newest =
            SigningAlgorithm::ALL.into_iter().filter_map(|a| ring.newest(a)).map(|k| k.row.created_at).max();
        match newest {
            Some(made_at) if made_at + every <= now => self.rotate(now, false, longest_token).await,
            _ => Ok(Vec::new()),
        }
    }

    fn row(&self, key: &Generated, now: i64, active_at: i64) -> Result<SigningKeyRow, KeyError> {
        let private = zeroize::Zeroizing::new(key.private.to_string());
        Ok(SigningKeyRow {
            kid: key.kid.clone(),
            algorithm: key.algorithm.name().to_owned(),
            public_jwk: Value::Object(key.public.clone()).to_string(),
            sealed: self.vault.seal(SEAL, &key.kid, private.as_bytes(), &mut entropy())?,
            created_at: now,
            active_at,
            retired_at: None,
            expires_at: None,
        })
    }
}

impl Ring {
    /// Signs claims, by the key whose turn it is. `typ` is the header's type (RFC 7515 §4.1.9).
    ///
    /// # Errors
    /// When there is no key for the algorithm.
    pub fn sign(
        &self,
        algorithm: SigningAlgorithm,
        typ: &str,
        claims: &Map<String, Value>,
        now: i64,
    ) -> Result<String, KeyError> {
        let key = self.signing(algorithm, now).ok_or(KeyError::None(algorithm.name()))?;
        let mut header = JwsHeader::new();
        header.set_token_type(typ);
        header.set_key_id(&key.row.kid);
        let payload = serde_json::to_vec(claims).unwrap_or_default();
        Ok(jws::serialize_compact(&payload, &header, &*key.signer)?)
    }

    /// The claims of a JWT, if one of the published keys has signed it under its own `alg`, and its `typ`. Whether it has
    /// expired is the caller's to judge: an `id_token_hint` may have.
    ///
    /// # Errors
    /// When it is not ours.
    pub fn verify(&self, token: &str, now: i64) -> Result<(Map<String, Value>, String), NotOurs> {
        if token.len() > MAX_JWT {
            return Err(NotOurs);
        }
        let select = |header: &JwsHeader| {
            let key = self.of(header.key_id().unwrap_or_default());
            let fits =
                |k: &&Arc<Key>| header.algorithm() == Some(k.algorithm.name()) && is_published(&k.row, now);
            Ok(key.filter(fits).map(|k| &*k.verifier))
        };
        let (payload, header) = jws::deserialize_compact_with_selector(token, select).map_err(|_| NotOurs)?;
        let claims = serde_json::from_slice(&payload).map_err(|_| NotOurs)?;
        Ok((claims, header.token_type().unwrap_or_default().to_owned()))
    }

    /// The JWK Set (RFC 7517 §5): the public half of every key that signs, will sign, or may have signed a token that
    /// still holds.
    #[must_use]
    pub fn jwks(&self, now: i64) -> Value {
        let keys: Vec<_> = self.0.iter().filter(|k| is_published(&k.row, now)).map(|k| &k.public).collect();
        json!({ "keys": keys })
    }

    /// Every key as the database holds it, for lists.
    pub fn rows(&self) -> impl Iterator<Item = &SigningKeyRow> {
        self.0.iter().map(|key| &key.row)
    }

    fn is_complete(&self) -> bool {
        SigningAlgorithm::ALL.into_iter().all(|algorithm| self.newest(algorithm).is_some())
    }

    fn of(&self, kid: &str) -> Option<&Arc<Key>> {
        self.0.iter().find(|key| key.row.kid == kid)
    }

    fn signing(&self, algorithm: SigningAlgorithm, now: i64) -> Option<&Arc<Key>> {
        let fits = |k: &&Arc<Key>| k.algorithm == algorithm && is_signing(&k.row, now);
        self.0.iter().filter(fits).max_by_key(|k| k.row.active_at)
    }

    fn newest(&self, algorithm: SigningAlgorithm) -> Option<&Arc<Key>> {
        self.0.iter().rfind(|k| k.algorithm == algorithm && k.row.retired_at.is_none())
    }
}

/// Whether a key signs now.
fn is_signing(key: &SigningKeyRow, now: i64) -> bool {
    key.active_at <= now && key.retired_at.is_none_or(|at| now < at)
}

/// Whether a key is published now.
fn is_published(key: &SigningKeyRow, now: i64) -> bool {
    key.expires_at.is_none_or(|at| now < at)
}

impl Key {
    fn open(row: SigningKeyRow, vault: &Vault) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed(row.kid.clone());
        let algorithm = SigningAlgorithm::from_name(&row.algorithm).ok_or_else(malformed)?;
        let private = vault.unseal(SEAL, &row.kid, &row.sealed)?;
        let private = Jwk::from_bytes(private.as_slice())?;
        let public: Map<String, Value> = serde_json::from_str(&row.public_jwk).map_err(|_| malformed())?;
        let public_key = Jwk::from_map(public.clone())?;
        let (signer, verifier): (Box<dyn JwsSigner>, Box<dyn JwsVerifier>) = match algorithm {
            SigningAlgorithm::RS256 => {
                (Box::new(RS256.signer_from_jwk(&private)?), Box::new(RS256.verifier_from_jwk(&public_key)?))
            }
            SigningAlgorithm::ES256 => {
                (Box::new(ES256.signer_from_jwk(&private)?), Box::new(ES256.verifier_from_jwk(&public_key)?))
            }
            SigningAlgorithm::EdDSA => {
                (Box::new(EdDSA.signer_from_jwk(&private)?), Box::new(EdDSA.verifier_from_jwk(&public_key)?))
            }
        };
        Ok(Self { row, algorithm, public, signer, verifier })
    }
}

struct Generated {
    kid: String,
    algorithm: SigningAlgorithm,
    private: Jwk,
    public: Map<String, Value>,
}

fn generate(algorithm: SigningAlgorithm) -> Result<Generated, KeyError> {
    let mut private = match algorithm {
        SigningAlgorithm::RS256 => Jwk::generate_rsa_key(2048)?,
        SigningAlgorithm::ES256 => Jwk::generate_ec_key(EcCurve::P256)?,
        SigningAlgorithm::EdDSA => Jwk::generate_ed_key(EdCurve::Ed25519)?,
    };
    let kid = thumbprint(private.to_public_key()?.as_ref());
    private.set_key_id(&kid);
    private.set_key_use("sig");
    private.set_algorithm(algorithm.name());
    let mut public: Map<String, Value> = private.to_public_key()?.into();
    for (name, value) in [("kid", kid.as_str()), ("use", "sig"), ("alg", algorithm.name())] {
        public.insert(name.to_owned(), Value::from(value));
    }
    public.remove("key_ops");
    Ok(Generated { kid, algorithm, private, public })
}

/// RFC 7638 §3: SHA-256 of the required members in the order of the alphabet, without white space.
fn thumbprint(public: &Map<String, Value>) -> String {
    let required = ["crv", "e", "kty", "n", "x", "y"];
    let members: Vec<String> = required
        .into_iter()
        .filter_map(|name| public.get(name).map(|value| format!("\"{name}\":{value}")))
        .collect();
    base64url(&sha256(format!("{{{}}}", members.join(",")).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;
    use proptest::prelude::*;

    async fn keys() -> (tempfile::TempDir, SigningKeys) {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/keys.db", dir.path().display());
        let db = Db::open(&Options { url, max_connections: 2 }).await.unwrap();
        db.migrate().await.unwrap();
        let vault = Vault::open_or_create(dir.path(), &mut entropy()).unwrap();
        let keys = SigningKeys::new(db, vault);
        keys.ring(1000).await.unwrap();
        (dir, keys)
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
    async fn each_algorithm_signs_what_its_published_key_verifies() {
        let (_dir, keys) = keys().await;
        let ring = keys.ring(1000).await.unwrap();
        for algorithm in SigningAlgorithm::ALL {
            let token = ring.sign(algorithm, "JWT", &claims(), 1000).unwrap();
            assert_eq!(ring.verify(&token, 1000), Ok((claims(), "JWT".to_owned())), "{algorithm:?}");
            let mut tampered = token.clone();
            tampered.replace_range(token.find('.').unwrap() + 1..token.find('.').unwrap() + 3, "AA");
            assert_eq!(ring.verify(&tampered, 1000), Err(NotOurs));
        }
        let jwks = ring.jwks(1000);
        assert_eq!(jwks["keys"].as_array().unwrap().len(), 3);
        for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"qi\""] {
            assert!(!jwks.to_string().contains(private), "{private}");
        }
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
        assert_eq!(kids(&*other.ring(1000).await.unwrap(), 1000).len(), 3);
        keys.rotate(1001, false, 600).await.unwrap();
        assert_eq!(kids(&*other.ring(1005).await.unwrap(), 1005).len(), 6);
    }

    #[tokio::test]
    async fn keys_rotate_by_themselves_when_they_are_old() {
        let (_dir, keys) = keys().await;
        assert!(keys.rotate_if_due(1000 + 99, 100, 600).await.unwrap().is_empty());
        assert_eq!(keys.rotate_if_due(1000 + 100, 100, 600).await.unwrap().len(), 3);
        assert!(keys.rotate_if_due(1000 + 101, 100, 600).await.unwrap().is_empty());
    }

    #[test]
    fn unsigned_and_foreign_tokens_are_not_ours() {
        let ring = Ring::default();
        for token in ["", ".", "..", "eyJhbGciOiJub25lIn0.e30.", &"x".repeat(20_000)] {
            assert_eq!(ring.verify(token, 0), Err(NotOurs), "{token}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(token in ".*") {
            prop_assert_eq!(Ring::default().verify(&token, 0), Err(NotOurs));
        }
    }
}
