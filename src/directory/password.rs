//! Is this the right password, and is that one good enough to be chosen?

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};
use rand::CryptoRng;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::guessable::{Known, Pattern, judge};
use super::hashing::{Hashers, REST, Work};
use super::queue::{Lane, Queue, Turn};
use crate::clock::Stopwatch;
use crate::keys::secret::same;
use crate::metrics::Metrics;

/// What somebody typed as password, in NFKC. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// The most characters of a password.
const MAX: usize = 128;

/// Why a password may not be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// It is too short.
    #[error("the password needs at least {0} characters")]
    TooShort(usize),
    /// It is too long.
    #[error("the password can have at most 128 characters")]
    TooLong,
    /// Too few guesses find it.
    #[error(
        "the password is too easy to guess: {0}; choose another, such as a few words that do not belong together"
    )]
    Guessable(Pattern),
}

/// Too many passwords are being checked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked at once")]
pub struct Busy;

/// What checks passwords: argon2id, as many at once as there are cores, with a bounded and fair queue before them; cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    metrics: Metrics,
    /// Whose turn it is. There are more turns than cores, as a turn lasts until what was found out is written down.
    queue: Queue,
    hashers: Hashers,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords(…)")
    }
}

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// How many may read, hash and write at once, for each core that hashes.
const TURNS_A_CORE: usize = 2;

impl Password {
    /// What was typed.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        // Cut after normalising: what is longer must be seen to be, and never pass for its beginning.
        Self(Zeroizing::new(text.nfkc().take(MAX + 1).collect()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn characters(&self) -> usize {
        self.0.chars().count()
    }

    /// Whether it has at least so many characters.
    #[must_use]
    pub fn has(&self, characters: usize) -> bool {
        self.characters() >= characters
    }

    /// Whether this password may be chosen by somebody about whom this much is known, where at least `shortest` characters are
    /// asked for.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_strength(&self, known: &Known, shortest: usize) -> Result<(), Weak> {
        if self.characters() > MAX {
            return Err(Weak::TooLong);
        }
        if !self.has(shortest) {
            return Err(Weak::TooShort(shortest));
        }
        judge(&self.0, known).map_or(Ok(()), |pattern| Err(Weak::Guessable(pattern)))
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Passwords {
    /// A desk for `cores` hashes at once, with `waiting` more behind them.
    #[must_use]
    pub fn new(cores: usize, waiting: usize) -> Self {
        let cores = cores.max(1);
        Self {
            queue: Queue::new(TURNS_A_CORE * cores, waiting),
            hashers: Hashers::new(cores, REST),
            metrics: Metrics::off(),
        }
    }

    /// The same, measured by these instruments.
    #[must_use]
    pub fn measured(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// How many wait for a turn, and how many have one.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        self.queue.load()
    }

    /// Waits for a turn. It is to be held until what came of it is written down: of one account there is one at a time.
    ///
    /// # Errors
    /// When the queue is full of others, or the turn does not come.
    pub async fn enter(&self, lane: Lane) -> Result<Turn, Busy> {
        let watch = self.metrics.is_on().then(Stopwatch::start);
        let turn = self.queue.enter(lane).await;
        if let Some(watch) = watch {
            self.metrics.waited_for_hash(watch.elapsed());
        }
        turn
    }

    /// Whether this is the password that was hashed. Without a hash, or with a password that is too long to have been
    /// chosen, the answer is no, after the same work.
    ///
    /// # Errors
    /// When no more work is done.
    pub async fn verify(&self, turn: &Turn, hash: Option<&str>, password: &Password) -> Result<bool, Busy> {
        let known = hash.and_then(Stored::parse);
        let stored = known.clone().unwrap_or_else(Stored::nobody);
        let output = self.work(turn, password, stored.salt.clone(), stored.params.clone()).await?;
        let right = output.is_some_and(|output| same(&output, &stored.output));
        Ok(right && known.is_some() && password.characters() <= MAX)
    }

    /// Hashes a password that was chosen, after waiting for a turn behind others of the same lane.
    ///
    /// # Errors
    /// When the queue is full.
    pub async fn hash(
        &self,
        lane: Lane,
        password: &Password,
        rng: &mut impl CryptoRng,
    ) -> Result<String, Busy> {
        let turn = self.enter(lane).await?;
        self.hash_again(&turn, password, rng).await
    }

    /// Hashes a password that was found right.
    ///
    /// # Errors
    /// When no more work is done.
    pub async fn hash_again(
        &self,
        turn: &Turn,
        password: &Password,
        rng: &mut impl CryptoRng,
    ) -> Result<String, Busy> {
        let mut salt = [0u8; 16];
        rng.fill_bytes(&mut salt);
        let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).unwrap_or_default();
        let output = self.work(turn, password, salt.to_vec(), params.clone()).await?;
        output.and_then(|output| to_phc(&params, &salt, &output)).ok_or(Busy)
    }

    /// Whether a hash was made with less work than hashes are made with now.
    #[must_use]
    pub fn needs_rehash(hash: &str) -> bool {
        Stored::parse(hash).is_none_or(|stored| {
            stored.params.m_cost() < MEMORY_KIB || stored.params.t_cost() < PASSES || stored.output.len() < 32
        })
    }

    async fn work(
        &self,
        turn: &Turn,
        password: &Password,
        salt: Vec<u8>,
        params: Params,
    ) -> Result<Option<Vec<u8>>, Busy> {
        self.hashers.hash(turn.clone(), Work { password: password.clone(), salt, params }).await
    }
}

/// A hash as it is stored, taken apart.
#[derive(Clone)]
struct Stored {
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Stored {
    fn parse(phc: &str) -> Option<Self> {
        let hash = PasswordHash::new(phc).ok()?;
        if hash.algorithm.as_str() != "argon2id" {
            return None;
        }
        let params = Params::try_from(&hash).ok()?;
        Some(Self { params, salt: hash.salt?.as_ref().to_vec(), output: hash.hash?.as_bytes().to_vec() })
    }

    /// What a password is compared with when there is nobody to compare it with.
    fn nobody() -> Self {
        let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).unwrap_or_default();
        Self { params, salt: vec![0; 16], output: vec![0; 32] }
    }
}

fn to_phc(params: &Params, salt: &[u8], output: &[u8]) -> Option<String> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(output).ok()?),
    };
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::secret::entropy;

    async fn verify(desk: &Passwords, hash: Option<&str>, password: &Password) -> Result<bool, Busy> {
        let turn = desk.enter(Lane::default()).await?;
        desk.verify(&turn, hash, password).await
    }

    #[tokio::test]
    async fn the_right_password_is_right_and_no_other_is() {
        let desk = Passwords::new(1, 10);
        let hash = desk
            .hash(Lane::default(), &Password::typed("correct horse battery"), &mut entropy())
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(verify(&desk, Some(&hash), &Password::typed("correct horse battery")).await, Ok(true));
        for wrong in ["", "correct horse batterz", "Correct horse battery", "correct horse battery "] {
            assert_eq!(verify(&desk, Some(&hash), &Password::typed(wrong)).await, Ok(false), "{wrong}");
        }
        assert_eq!(verify(&desk, None, &Password::typed("")).await, Ok(false));
        assert_eq!(verify(&desk, Some("garbage"), &Password::typed("")).await, Ok(false));
    }

    #[tokio::test]
    async fn composed_and_decomposed_letters_are_one_password() {
        let desk = Passwords::new(1, 10);
        let hash = desk
            .hash(Lane::default(), &Password::typed("p\u{e4}ssw\u{f6}rter"), &mut entropy())
            .await
            .unwrap();
        let decomposed = Password::typed("pa\u{308}sswo\u{308}rter");
        assert_eq!(verify(&desk, Some(&hash), &decomposed).await, Ok(true));
    }

    #[tokio::test]
    async fn an_overlong_password_never_passes_for_its_beginning() {
        let desk = Passwords::new(1, 10);
        let chosen = "e\u{301}".repeat(128);
        let hash = desk.hash(Lane::default(), &Password::typed(&chosen), &mut entropy()).await.unwrap();
        assert_eq!(verify(&desk, Some(&hash), &Password::typed(&chosen)).await, Ok(true));
        let longer = format!("{chosen}x");
        assert_eq!(verify(&desk, Some(&hash), &Password::typed(&longer)).await, Ok(false));
        assert_eq!(Password::typed(&longer).check_strength(&Known::default(), 8), Err(Weak::TooLong));
    }

    #[test]
    fn a_hash_that_took_less_work_is_to_be_made_again() {
        let phc = |m, t| format!("$argon2id$v=19$m={m},t={t},p=1$c29tZXNhbHRzb21lc2FsdA${}", "A".repeat(43));
        for (hash, expected) in [
            (phc(19_456, 2), false),
            (phc(65_536, 3), false),
            (phc(19_456, 1), true),
            (phc(4096, 2), true),
            ("garbage".to_owned(), true),
        ] {
            assert_eq!(Passwords::needs_rehash(&hash), expected, "{hash}");
        }
    }

    #[tokio::test]
    async fn a_full_queue_says_so_at_once() {
        let desk = Passwords::new(1, 0);
        let mut taken = Vec::new();
        for _ in 0..TURNS_A_CORE {
            taken.push(desk.enter(Lane::default()).await.unwrap());
        }
        assert_eq!(verify(&desk, None, &Password::typed("x")).await, Err(Busy));
    }

    #[test]
    fn weak_passwords_are_refused() {
        let known = Known::of_site("Countersign", "https://id.example.org").and("ned.flanders");
        let check = |text: &str, shortest| Password::typed(text).check_strength(&known, shortest);
        assert_eq!(check("short", 8), Err(Weak::TooShort(8)));
        assert_eq!(check("long enough?", 15), Err(Weak::TooShort(15)));
        assert_eq!(check(&"é".repeat(129), 8), Err(Weak::TooLong));
        assert_eq!(check("Ned.Flanders", 8), Err(Weak::Guessable(Pattern::Own)));
        assert_eq!(check("P4ssw0rd123!", 8), Err(Weak::Guessable(Pattern::Listed)));
        assert_eq!(check("correct horse battery", 15), Ok(()));
        let longest: String = ('\u{4e00}'..).take(128).collect();
        assert_eq!(check(&longest, 8), Ok(()));
    }

    #[test]
    fn a_password_never_shows_itself() {
        assert_eq!(format!("{:?}", Password::typed("secret")), "Password(…)");
    }
}
