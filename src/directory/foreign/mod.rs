//! Which password hashes of other programs are taken over, and is this the password of one?
//!
//! They are taken as they are written elsewhere, each until its owner has typed the right password here once. What a graphics card
//! tries by the thousand million (md5, MySQL's old hash) is not even kept: it becomes what an argon2id hash is made of, at once.

mod check;
mod old;
mod read;

use argon2::{Algorithm, Params, Version};

use super::password::Stored;

/// The hash of a password that was chosen elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brought {
    /// Too fast to be kept: wrapped before it is written down.
    Bare(Bare),
    /// Kept until the right password is typed.
    Kept(Foreign),
    /// As it was written down here before, or elsewhere by a program of ours: `{md5}` and the like before an argon2id hash.
    Wrapped(String),
}

/// A hash without salt, as it was written: in lower-case hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub struct Bare {
    kind: Kind,
    hex: String,
}

/// Which hash without salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `MD5()`
    Md5,
    /// `OLD_PASSWORD()` of MySQL before 4.1.
    MysqlOld,
}

/// A hash with a salt, as it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Foreign {
    text: String,
    recipe: Recipe,
}

/// How it was made.
#[derive(Clone, PartialEq, Eq)]
enum Recipe {
    Bcrypt,
    ShaCrypt,
    Argon2 { algorithm: Algorithm, version: Version, params: Params, salt: Vec<u8>, output: Vec<u8> },
    Pbkdf2 { digest: Digest, rounds: usize, salt: Vec<u8>, output: Vec<u8> },
    Scrypt { n: u64, r: u64, p: u64, salt: Vec<u8>, output: Vec<u8> },
    Md5Crypt { magic: &'static str, salt: String, output: String },
    Salted { digest: Digest, salt: Vec<u8>, output: Vec<u8> },
}

/// Which digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digest {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

/// Why a text is not taken as a hash. Each says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAHash {
    /// It is none of the kinds that are known.
    #[error(
        "the hash of the password is of no kind that is known here: they will be invited to choose a password"
    )]
    Unknown,
    /// It is of a known kind, and not written as those are.
    #[error("the hash of the password is damaged: they will be invited to choose a password")]
    Damaged,
    /// It would take too much work to check.
    #[error(
        "the hash of the password asks for more work than is done for one sign-in: they will be invited to choose a password"
    )]
    Costly,
    /// It is the hash of no password at all.
    #[error("the password is empty: they will be invited to choose one")]
    Empty,
}

/// How hashes are told apart in the database: what stands before an argon2id hash of a bare one, and before a foreign one.
const FOREIGN: &str = "{foreign}";

impl Kind {
    const ALL: [Self; 2] = [Self::Md5, Self::MysqlOld];

    const fn mark(self) -> &'static str {
        match self {
            Self::Md5 => "{md5}",
            Self::MysqlOld => "{mysqlold}",
        }
    }

    /// The hash of a password, spelt so, as it was written.
    pub(super) fn hex(self, password: &[u8]) -> Option<String> {
        match self {
            Self::Md5 => Digest::Md5.of(&[password]).map(|digest| old::hex(&digest)),
            Self::MysqlOld => Some(old::mysql(password)),
        }
    }
}

impl std::fmt::Debug for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bare({:?}, …)", self.kind)
    }
}

impl Bare {
    /// What is hashed again.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.hex.as_bytes()
    }

    /// Whether it is of this kind.
    pub(super) fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// How the argon2id hash of it is written down.
    pub(super) fn mark(&self, hash: &str) -> String {
        format!("{}{hash}", self.kind.mark())
    }
}

impl std::fmt::Debug for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Foreign(…)")
    }
}

impl Foreign {
    /// How it is written down here.
    #[must_use]
    pub fn to_stored(&self) -> String {
        format!("{FOREIGN}{}", self.text)
    }

    /// The parameters of an argon2 hash, which the threads have the memory for.
    pub(super) fn argon2(&self) -> Option<Stored> {
        let Recipe::Argon2 { algorithm, version, params, salt, output } = &self.recipe else { return None };
        Some(Stored {
            algorithm: *algorithm,
            version: *version,
            params: params.clone(),
            salt: salt.clone(),
            output: output.clone(),
        })
    }
}

impl Brought {
    /// Takes a hash as other programs write it: bcrypt (`$2a$`, `$2b$`, `$2y$`), argon2, scrypt and PBKDF2 as PHC strings, PBKDF2 and
    /// scrypt of passlib, Django and Werkzeug, SHA-crypt (`$5$`, `$6$`), md5-crypt (`$1$`, `$apr1$`), `{SSHA}` and its sisters of LDAP,
    /// 32 hexadecimal digits of md5 (also `md5$…` and `{MD5}…`) and 16 of MySQL's old hash (also `mysqlold$…`).
    ///
    /// # Errors
    /// When it is none, is damaged, or would cost too much to check.
    pub fn read(text: &str) -> Result<Self, NotAHash> {
        read::hash(text.trim())
    }
}

/// What a foreign hash in the database is; none for one of our own, and for what is damaged.
pub(super) fn stored(text: &str) -> Option<Foreign> {
    match read::hash(text.strip_prefix(FOREIGN)?) {
        Ok(Brought::Kept(foreign)) => Some(foreign),
        _ => None,
    }
}

/// What a bare hash has become in the database: what is hashed, and the argon2id hash of it.
pub(super) fn wrapped(text: &str) -> Option<(Kind, &str)> {
    Kind::ALL.into_iter().find_map(|kind| Some((kind, text.strip_prefix(kind.mark())?)))
}
