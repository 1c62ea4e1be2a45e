//! Is this the right password, and is that one good enough to be chosen?

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};
use rand::CryptoRng;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::foreign::{self, Bare, Foreign, Kind};
use super::guessable::{Known, Pattern, judge};
use super::hashing::{Hashers, Made, REST, Work};
use super::queue::{Lane, Queue, Turn};
use crate::clock::Stopwatch;
use crate::keys::secret::same;
use crate::metrics::Metrics;

/// What somebody typed as password. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Password {
    /// In NFKC, as it is hashed here.
    text: Zeroizing<String>,
    /// As it came, which is what others have hashed.
    raw: Zeroizing<String>,
}

/// A password in the bytes of one way of writing it.
pub(super) type Spelling = Zeroizing<Vec<u8>>;

/// The most characters of a password.
const MAX: usize = 128;

/// As many more may have been typed, which are fewer when they are composed.
const COMPOSED: usize = 4;

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
        let normal = Zeroizing::new(text.nfkc().take(MAX + 1).collect());
        Self { text: normal, raw: Zeroizing::new(text.chars().take(COMPOSED * MAX).collect()) }
    }

    fn as_spelling(&self) -> Spelling {
        Zeroizing::new(self.text.as_bytes().to_vec())
    }

    /// The bytes that another program may have hashed for it: as it came; composed, and in NFKC; and what browsers sent for pages that
    /// were not in UTF-8.
    fn spellings(&self) -> Vec<Spelling> {
        let composed: Zeroizing<String> = Zeroizing::new(self.raw.nfc().collect());
        let mut all = vec![Zeroizing::new(self.raw.as_bytes().to_vec())];
        let mut add = |bytes: &[u8]| {
            if all.iter().all(|known| known.as_slice() != bytes) {
                all.push(Zeroizing::new(bytes.to_vec()));
            }
        };
        add(composed.as_bytes());
        add(self.text.as_bytes());
        let (western, _, unknown) = encoding_rs::WINDOWS_1252.encode(&composed);
        let western = Zeroizing::new(western.into_owned());
        if !unknown {
            add(&western);
        }
        all
    }

    fn characters(&self) -> usize {
        self.text.chars().count()
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
        judge(&self.text, known).map_or(Ok(()), |pattern| Err(Weak::Guessable(pattern)))
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

    /// Whether this is the password that was hashed, here or elsewhere. Without a hash, or with a password that is too long to have been
    /// chosen, the answer is no, after the same work; a hash of another program takes its own time beside it.
    ///
    /// # Errors
    /// When no more work is done.
    pub async fn verify(&self, turn: &Turn, hash: Option<&str>, password: &Password) -> Result<bool, Busy> {
        let kept = hash.and_then(Kept::parse);
        let mut right = false;
        for spelling in spellings(kept.as_ref(), password) {
            right = self.is_of(turn, kept.as_ref(), spelling).await?;
            if right {
                break;
            }
        }
        Ok(right && password.characters() <= MAX)
    }

    async fn is_of(&self, turn: &Turn, kept: Option<&Kept>, spelling: Spelling) -> Result<bool, Busy> {
        let (stored, known) = match kept {
            Some(Kept::Own(stored) | Kept::Wrapped(_, stored)) => (stored.clone(), true),
            Some(Kept::Foreign(foreign)) => {
                let Some(stored) = foreign.argon2() else {
                    let params = Stored::nobody().params;
                    let work = Work::Check { password: spelling, foreign: foreign.clone(), params };
                    return Ok(self.hashers.take(turn.clone(), work).await? == Made::Right(true));
                };
                (stored, true)
            }
            None => (Stored::nobody(), false),
        };
        let output = self.work(turn, spelling, &stored).await?;
        Ok(output.is_some_and(|output| same(&output, &stored.output)) && known)
    }

    /// Whether this is the hash of another program that was wrapped.
    ///
    /// # Errors
    /// When the queue is full.
    pub async fn is_wrapped(&self, stored: &str, bare: &Bare) -> Result<bool, Busy> {
        let Some(Kept::Wrapped(kind, stored)) = Kept::parse(stored) else { return Ok(false) };
        let turn = self.enter(Lane::default()).await?;
        let output = self.work(&turn, Zeroizing::new(bare.as_bytes().to_vec()), &stored).await?;
        Ok(bare.is(kind) && output.is_some_and(|output| same(&output, &stored.output)))
    }

    /// Wraps the hash of another program that is too fast to be kept.
    ///
    /// # Errors
    /// When the queue is full.
    pub async fn wrap(&self, bare: &Bare, rng: &mut impl CryptoRng) -> Result<String, Busy> {
        let turn = self.enter(Lane::default()).await?;
        let inside = Zeroizing::new(bare.as_bytes().to_vec());
        Ok(bare.mark(&self.make(&turn, inside, rng).await?))
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
        self.make(turn, password.as_spelling(), rng).await
    }

    async fn make(&self, turn: &Turn, spelling: Spelling, rng: &mut impl CryptoRng) -> Result<String, Busy> {
        let mut salt = [0u8; 16];
        rng.fill_bytes(&mut salt);
        let stored = Stored { salt: salt.to_vec(), ..Stored::nobody() };
        let output = self.work(turn, spelling, &stored).await?;
        output.and_then(|output| to_phc(&stored.params, &salt, &output)).ok_or(Busy)
    }

    /// Whether a hash was made with less work than hashes are made with now, or elsewhere.
    #[must_use]
    pub fn needs_rehash(hash: &str) -> bool {
        Stored::parse(hash).is_none_or(|stored| {
            stored.params.m_cost() < MEMORY_KIB || stored.params.t_cost() < PASSES || stored.output.len() < 32
        })
    }

    async fn work(&self, turn: &Turn, spelling: Spelling, stored: &Stored) -> Result<Option<Vec<u8>>, Busy> {
        let Stored { algorithm, version, params, salt, .. } = stored.clone();
        let work = Work::Hash { password: spelling, salt, algorithm, version, params };
        match self.hashers.take(turn.clone(), work).await? {
            Made::Hash(output) => Ok(output),
            Made::Right(_) => Ok(None),
        }
    }
}

/// What the database holds of a password.
enum Kept {
    /// A hash of ours.
    Own(Stored),
    /// A hash of ours, of another program's.
    Wrapped(Kind, Stored),
    /// Another program's.
    Foreign(Foreign),
}

impl Kept {
    fn parse(text: &str) -> Option<Self> {
        if let Some((kind, inside)) = foreign::wrapped(text) {
            return Stored::parse(inside).map(|stored| Self::Wrapped(kind, stored));
        }
        Stored::parse(text).map(Self::Own).or_else(|| foreign::stored(text).map(Self::Foreign))
    }
}

/// What a password is tried as. The work is the same whose hash it may be: as often as it could be written elsewhere.
fn spellings(kept: Option<&Kept>, password: &Password) -> Vec<Spelling> {
    let mut all = password.spellings();
    match kept {
        None | Some(Kept::Own(_)) => {
            for spelling in &mut all {
                *spelling = password.as_spelling();
            }
        }
        Some(Kept::Wrapped(kind, _)) => {
            for spelling in &mut all {
                *spelling = Zeroizing::new(kind.hex(spelling).unwrap_or_default().into_bytes());
            }
        }
        Some(Kept::Foreign(_)) => {}
    }
    all
}

/// An argon2 hash, taken apart.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) output: Vec<u8>,
}

impl Stored {
    fn parse(phc: &str) -> Option<Self> {
        let hash = PasswordHash::new(phc).ok()?;
        if hash.algorithm.as_str() != "argon2id" {
            return None;
        }
        let params = Params::try_from(&hash).ok()?;
        let (salt, output) = (hash.salt?.as_ref().to_vec(), hash.hash?.as_bytes().to_vec());
        Some(Self { params, salt, output, ..Self::nobody() })
    }

    /// What a password is compared with when there is nobody to compare it with, and what a new hash begins as.
    fn nobody() -> Self {
        let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).unwrap_or_default();
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        Self { algorithm, version, params, salt: vec![0; 16], output: vec![0; 32] }
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
    use super::super::foreign::{Brought, NotAHash};
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

    /// Each made by the program that writes such hashes.
    #[tokio::test]
    async fn a_hash_of_another_program_knows_its_password_and_no_other() {
        let desk = Passwords::new(1, 10);
        for (hash, password) in FOREIGN {
            let Ok(Brought::Kept(foreign)) = Brought::read(hash) else { panic!("{hash}") };
            let stored = foreign.to_stored();
            assert_eq!(verify(&desk, Some(&stored), &Password::typed(password)).await, Ok(true), "{hash}");
            let wrong = Password::typed("incorrect horse battery");
            assert_eq!(verify(&desk, Some(&stored), &wrong).await, Ok(false), "{hash}");
            assert!(Passwords::needs_rehash(&stored), "{hash}");
            // Nobody gets the mark for nothing.
            assert_eq!(
                verify(&desk, Some(hash), &Password::typed(password)).await.ok(),
                Some(false),
                "{hash}"
            );
        }
    }

    #[tokio::test]
    async fn a_hash_without_salt_is_wrapped_and_knows_its_password_in_every_spelling() {
        let desk = Passwords::new(1, 10);
        for (bare, typed) in [
            ("88e4ddd2402d92d50e1879d6ecd9ffd4", "correct horse battery"),
            ("md5$88E4DDD2402D92D50E1879D6ECD9FFD4", "correct horse battery"),
            ("{MD5}iOTd0kAtktUOGHnW7Nn/1A==", "correct horse battery"),
            ("mysqlold$6f8c114b58f2ce9e", "mypass"),
            ("6f8c114b58f2ce9e", "mypass"),
            // `pässwort` in UTF-8, in Latin-1, and with the letter taken apart; what we make of it is composed.
            (PAESSWORT[0], "p\u{e4}sswort"),
            (PAESSWORT[1], "p\u{e4}sswort"),
            (PAESSWORT[1], "pa\u{308}sswort"),
            (PAESSWORT[2], "pa\u{308}sswort"),
            ("md5$e242f36f4f95f12966da8fa2efd59992", "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}"),
        ] {
            let Ok(Brought::Bare(bare)) = Brought::read(bare) else { panic!("{bare}") };
            let stored = desk.wrap(&bare, &mut entropy()).await.unwrap();
            assert!(stored.contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
            assert_eq!(verify(&desk, Some(&stored), &Password::typed(typed)).await, Ok(true), "{bare:?}");
            for wrong in ["", "incorrect", "p\u{e4}ssword", "88e4ddd2402d92d50e1879d6ecd9ffd4"] {
                assert_eq!(verify(&desk, Some(&stored), &Password::typed(wrong)).await, Ok(false), "{wrong}");
            }
            assert!(Passwords::needs_rehash(&stored));
        }
    }

    #[test]
    fn a_hash_that_is_damaged_unknown_empty_or_too_dear_is_not_taken() {
        let salted = "c2FsdHNhbHRzYWx0c2FsdA$C0L0nXHcAWvJfLpCqOsOe+RQ0a1nJTqJmVKGHZ2TZeM";
        for (hash, expected) in [
            (String::new(), NotAHash::Empty),
            ("d41d8cd98f00b204e9800998ecf8427e".into(), NotAHash::Empty),
            ("mysqlold$5030573512345671".into(), NotAHash::Empty),
            ("hunter2".into(), NotAHash::Unknown),
            ("correct horse ba".into(), NotAHash::Unknown),
            ("$2x$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS".into(), NotAHash::Unknown),
            ("$7$C6..../....SodiumChloride$".into(), NotAHash::Unknown),
            ("*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29".into(), NotAHash::Unknown),
            ("md5$123".into(), NotAHash::Damaged),
            ("{MD5}xx".into(), NotAHash::Damaged),
            ("$2b$04$abc".into(), NotAHash::Damaged),
            ("{SSHA}YWJj".into(), NotAHash::Damaged),
            ("$5$rounds=x$abc$def".into(), NotAHash::Damaged),
            ("$argon2id$nonsense".into(), NotAHash::Damaged),
            ("$scrypt$ln=99,r=8$a$b".into(), NotAHash::Damaged),
            ("$2b$31$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS".into(), NotAHash::Costly),
            (format!("$argon2id$v=19$m=4194304,t=3,p=4${salted}"), NotAHash::Costly),
            (format!("$argon2id$v=19$m=65536,t=999,p=4${salted}"), NotAHash::Costly),
            (format!("$pbkdf2-sha256$i=4000000000${salted}"), NotAHash::Costly),
            (format!("$scrypt$ln=40,r=8,p=1${salted}"), NotAHash::Costly),
            (format!("$scrypt$ln=14,r=8,p=4000000${salted}"), NotAHash::Costly),
            (format!("$6$rounds=999999999$abcdefgh${}", "x".repeat(86)), NotAHash::Costly),
        ] {
            assert_eq!(Brought::read(&hash), Err(expected), "{hash}");
        }
    }

    /// `md5` of `pässwort` in UTF-8, in Latin-1, and decomposed.
    const PAESSWORT: [&str; 3] = [
        "82c81e1208ef287416f23e0f15e7e2ed",
        "d2feeb85d0eddfa18121547111b1400a",
        "1da0ac0ff6e7e24686f8f9c42c4b19e6",
    ];

    const FOREIGN: [(&str, &str); 20] = [
        ("$2y$04$24SnYAyigbFjobk5B2lRzOHA9t7cL6Tu5Jkc4J0xNybfXQSXkMQ.W", "correct horse battery"),
        ("$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS", "correct horse battery"),
        (
            "$argon2i$v=19$m=64,t=1,p=1$OUVud2EvY1gvNEhjM2tJLg$WVMgYQgmBrop0/hfypZM/SF9878IO5xPztbmdZm8MLY",
            "correct horse battery",
        ),
        ("$5$abcdefgh$sYjQ4vynYsNAnM.JMipLH1IMXSipuA8cURgfc3GsHo.", "correct horse battery"),
        (
            "$6$abcdefgh$KPzvtaVCdkta7IevnwwCK0Zj62t07TjhQ.i0Voa.xA7FN084DBKCZKCk9Gl1akvsq9do9TqCIZSrV.riZ3fK.1",
            "p\u{e4}sswort",
        ),
        ("$1$5f4dcc3b$yQSiB3k6ToeuZleaxMOvr.", "correct horse battery"),
        ("$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "myPassword"),
        (
            "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHRzYWx0c2FsdA$Cf9xjlisAEzRbMZsosxST/5+wkpfUV6uoqiZkYtP6iQ",
            "correct horse battery",
        ),
        (
            "$pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0c2FsdA$Cf9xjlisAEzRbMZsosxST/5.wkpfUV6uoqiZkYtP6iQ",
            "correct horse battery",
        ),
        (
            "$pbkdf2-sha512$1000$c2FsdHNhbHRzYWx0c2FsdA$lYhPheApeiwq3tKG8A.KHC4iQ8mmHXFAKab1ywrJ5QhG73jAKAyVeLsbqTYH/KNRnW0OYbntj3FPNcXf3GKcRg",
            "correct horse battery",
        ),
        (
            "pbkdf2_sha256$1000$djangosalt$aX1Qi394+UFj0FScT2DL29ff7Z2hVGgCTFAQ5VTBv6w=",
            "correct horse battery",
        ),
        (
            "pbkdf2:sha256:1000$werksalt$0aa1e34f488d5aa9977d0e427e2eee5c44ad6bdcac7f11ea5f9313a89c8cd4e0",
            "correct horse battery",
        ),
        (
            "$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$fXnS5Awj6eMC+z1SbPBpyxEKbW7GHGyuCeVjw7IJSMI",
            "correct horse battery",
        ),
        (
            "scrypt:1024:8:1$werksalt$36ab0bedabcd6d9ff9770cbe2a4d2e34d69e74a4a00f3e5ad9336e025f3e9c9857f7f6194f273bade4af22fb00d91a7bdc320204167515dfb0064dd86c4fb68d",
            "correct horse battery",
        ),
        ("{SSHA}TWeSiwC7TvfkGrt/9dS9jO26FudzYWx0eXNhbHQ=", "correct horse battery"),
        ("{ssha}TWeSiwC7TvfkGrt/9dS9jO26FudzYWx0eXNhbHQ", "correct horse battery"),
        ("{SSHA256}ViA/kN6FZwoksyzoSNZVaplBPX90s9u/+/VCXT0gW9NzYWx0eXNhbHQ=", "correct horse battery"),
        (
            "{SSHA512}AsO8SuJOlOU/rvjdMkADM9V6bpxPnu4Pa5Lepixep9fxH/33VKF0AoNb7+ETFUu+h92Pgyc1ylD8Y3KNsbcsrXNhbHR5c2FsdA==",
            "correct horse battery",
        ),
        ("{SHA}mN7MYuzjmaIu0w1JDvMzvn/ec4U=", "correct horse battery"),
        ("{SMD5}8bOCUIQCOA6ZSdEU2eFzYHNhbHQ=", "correct horse battery"),
    ];

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
