//! What stands in clear at the beginning of a backup, and which key follows from it?

use std::io::{self, Read};

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use rand::CryptoRng;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::{Error, Result};
use crate::keys::Vault;
use crate::keys::secret::same;

/// How every backup begins.
const MAGIC: &[u8] = b"COUNTERSIGN BACKUP\n";

/// The one format that there is.
const FORMAT: u8 = 1;

/// What a key from the master key is for.
const PURPOSE: &str = "backup";

/// The most that deriving a key may cost, whatever a file says: 1 GiB, 16 passes, 16 lanes.
const MOST: Cost = Cost { memory_kib: 1 << 20, passes: 16, lanes: 16 };

/// The key of a file.
pub(super) type Key = Zeroizing<Vec<u8>>;

/// What opens a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// The master key of its provider, which is not inside.
    Master,
    /// A passphrase; the master key is inside.
    Passphrase(Cost),
}

/// What deriving a key from a passphrase costs (argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// How often over it.
    pub passes: u32,
    /// How many lanes; one core goes through all of them.
    pub lanes: u32,
}

impl Cost {
    /// 256 MiB, three times: a second or so, once.
    pub const USUAL: Self = Self { memory_kib: 256 * 1024, passes: 3, lanes: 1 };

    const fn is_bearable(self) -> bool {
        self.memory_kib <= MOST.memory_kib
            && self.passes <= MOST.passes
            && self.lanes <= MOST.lanes
            && self.passes >= 1
            && self.lanes >= 1
            && self.memory_kib >= 8 * self.lanes
    }
}

/// What opens it, in somebody's hands.
#[derive(Clone, Copy, Debug)]
pub enum Secret<'s> {
    /// The master key.
    Master(&'s Vault),
    /// The passphrase.
    Passphrase(&'s Zeroizing<String>),
}

/// The beginning of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What opens it.
    pub lock: Lock,
    salt: [u8; 32],
    /// What shows that a key is the right one.
    check: Option<[u8; 16]>,
}

impl Header {
    /// The header of a new backup.
    pub fn new(lock: Lock, rng: &mut impl CryptoRng) -> Self {
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        Self { lock, salt, check: None }
    }

    /// Reads it.
    ///
    /// # Errors
    /// When this is no backup, of another format, or deriving its key would cost too much.
    pub fn read(from: &mut impl Read) -> Result<Self> {
        let (mut magic, mut kind, mut salt, mut cost, mut check) =
            ([0; MAGIC.len()], [0; 2], [0; 32], [0; 12], [0; 16]);
        fill(from, &mut magic).map_err(|short| short.unwrap_or(Error::Foreign))?;
        if magic != MAGIC {
            return Err(Error::Foreign);
        }
        let mut at = MAGIC.len();
        for field in [&mut kind[..], &mut salt, &mut cost, &mut check] {
            fill(from, field).map_err(|short| short.unwrap_or(Error::CutOff(at as u64)))?;
            at += field.len();
        }
        let [format, kind] = kind;
        if format != FORMAT {
            return Err(Error::Format(format));
        }
        let [memory_kib, passes, lanes] = words(cost);
        let cost = Cost { memory_kib, passes, lanes };
        let lock = match kind {
            1 if cost == (Cost { memory_kib: 0, passes: 0, lanes: 0 }) => Lock::Master,
            // A key from the master key costs nothing.
            1 => return Err(Error::Changed((MAGIC.len() + 34) as u64)),
            2 if cost.is_bearable() => Lock::Passphrase(cost),
            2 => return Err(Error::Cost { memory_kib, passes }),
            _ => return Err(Error::Foreign),
        };
        Ok(Self { lock, salt, check: Some(check) })
    }

    /// How long it is, in bytes.
    pub(super) const LENGTH: u64 = (MAGIC.len() + 2 + 32 + 12 + 16) as u64;

    /// The key that seals what follows, and the header as it is written.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub(super) fn seal(&self, secret: Secret<'_>) -> Result<(Key, Vec<u8>)> {
        let (key, check) = self.derive(secret)?;
        Ok((key, [self.fields(), check].concat()))
    }

    /// The key that opens what follows.
    ///
    /// # Errors
    /// When the secret is another one, or OpenSSL refuses.
    pub(super) fn open(&self, secret: Secret<'_>) -> Result<Key> {
        let (key, check) = self.derive(secret)?;
        match (self.check.is_some_and(|known| same(&known, &check)), secret) {
            (true, _) => Ok(key),
            (false, Secret::Master(_)) => Err(Error::OtherKey),
            (false, Secret::Passphrase(_)) => Err(Error::OtherPassphrase),
        }
    }

    /// Everything but the check; all of it goes into the key, so that nothing of it can be changed.
    fn fields(&self) -> Vec<u8> {
        let (kind, cost) = match self.lock {
            Lock::Master => (1, [0; 3]),
            Lock::Passphrase(cost) => (2, [cost.memory_kib, cost.passes, cost.lanes]),
        };
        [MAGIC, &[FORMAT, kind], &self.salt, &cost.map(u32::to_be_bytes).concat()].concat()
    }

    fn derive(&self, secret: Secret<'_>) -> Result<(Key, Vec<u8>)> {
        let base = match (self.lock, secret) {
            (Lock::Master, Secret::Master(vault)) => Zeroizing::new(vault.mac_bytes(PURPOSE, &[&self.salt])?),
            (Lock::Passphrase(cost), Secret::Passphrase(text)) => stretched(text, &self.salt, cost)?,
            (Lock::Master, Secret::Passphrase(_)) => return Err(Error::OtherPassphrase),
            (Lock::Passphrase(_), Secret::Master(_)) => return Err(Error::OtherKey),
        };
        let fields = self.fields();
        let mut check = hmac(&base, b"check", &fields)?;
        check.truncate(16);
        Ok((hmac(&base, b"content", &fields)?, check.to_vec()))
    }
}

/// Fills all of it; none where there is not enough.
fn fill(from: &mut impl Read, field: &mut [u8]) -> std::result::Result<(), Option<Error>> {
    from.read_exact(field).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => None,
        _ => Some(e.into()),
    })
}

fn words(bytes: [u8; 12]) -> [u32; 3] {
    let word = |at: usize| {
        let part = bytes.iter().skip(at * 4).take(4);
        part.fold(0, |word, byte| word << 8 | u32::from(*byte))
    };
    [word(0), word(1), word(2)]
}

/// What a passphrase becomes, however its letters were typed.
fn stretched(text: &str, salt: &[u8], cost: Cost) -> Result<Key> {
    let plain: Zeroizing<String> = Zeroizing::new(text.nfkc().collect());
    let mut key = Zeroizing::new(vec![0; 32]);
    let Cost { memory_kib, passes, lanes } = cost;
    openssl::kdf::argon2id(None, plain.as_bytes(), salt, None, None, passes, lanes, memory_kib, &mut key)?;
    Ok(key)
}

fn hmac(key: &[u8], label: &[u8], message: &[u8]) -> Result<Key> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    signer.update(label)?;
    signer.update(&[0])?;
    signer.update(message)?;
    Ok(Zeroizing::new(signer.sign_to_vec()?))
}
