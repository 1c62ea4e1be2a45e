//! What is sealed or keyed, and with what? Everything comes from one master key, by purpose.

use std::fmt;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use rand::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::readers::others_can_read;
use super::secret::{hex, new_id, same};

/// The file in the keys' folder.
const FILE: &str = "master.key";

/// The master key in use; cheap to clone, and its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    master: Zeroizing<[u8; 32]>,
    /// What was derived from it: that costs as much as what is done with it.
    derived: RwLock<Vec<Arc<Derived>>>,
}

/// The key of one use and purpose, of which the program has some twenty.
struct Derived {
    usage: &'static str,
    purpose: String,
    key: Zeroizing<Vec<u8>>,
    /// The same key, ready to be used.
    hmac: Hmac<Sha256>,
}

/// What is wrong with the master key, or with something sealed; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file cannot be read or made.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no master key.
    #[error("{}: there is no master key: put the one there that this database was sealed by (a new provider gets one from `countersign init` or `countersign migrate`)", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Others than its owner and the groups of this process can read it.
    #[error("{}: others can read the master key: run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// This user may not.
    #[error("{}: this user may not read the master key, or make one there: check who owns it and its folder, and their modes, or [keys] dir", path.display())]
    Forbidden {
        /// The file.
        path: PathBuf,
    },
    /// There is a folder in its place.
    #[error("{}: is a folder, and not a master key: put the one there that was made with this database", path.display())]
    Folder {
        /// Where it should be.
        path: PathBuf,
    },
    /// It is no master key.
    #[error("{}: is not a master key: restore the one that was made with this database", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// There is a master key of another database where one was to be put.
    #[error("{}: there is another master key: move it away, or name another folder in [keys] dir", path.display())]
    Another {
        /// The file.
        path: PathBuf,
    },
    /// What was to be opened was sealed with another key, for another purpose, or has been changed.
    #[error(
        "the master key is not the one that this database was sealed by: put that one into the keys folder, or check [database] url and [keys] dir"
    )]
    Unsealable,
    /// OpenSSL refused.
    #[error("OpenSSL: {0}")]
    Crypto(#[from] openssl::error::ErrorStack),
    /// What hashes with a key refused it.
    #[error("HMAC: {0}")]
    Key(#[from] hmac::digest::InvalidLength),
}

impl VaultError {
    fn of_file(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::PermissionDenied => Self::Forbidden { path },
            _ => Self::File { path, source },
        }
    }

    /// That there is no master key in this folder.
    #[must_use]
    pub fn missing(dir: &Path) -> Self {
        Self::Missing { path: dir.join(FILE) }
    }
}

impl Vault {
    /// The vault of a folder; its master key is made if there is none.
    ///
    /// # Errors
    /// When the file cannot be made, or is not fit to be used.
    pub fn open_or_create(dir: &Path, rng: &mut impl CryptoRng) -> Result<Self, VaultError> {
        match Self::open(dir) {
            Err(VaultError::Missing { path }) => {
                create(dir, &path, rng).map_err(|source| VaultError::of_file(&path, source))?;
                Self::open(dir)
            }
            opened => opened,
        }
    }

    /// The vault of a folder.
    ///
    /// # Errors
    /// When there is no master key, others can read it, or it is none.
    pub fn open(dir: &Path) -> Result<Self, VaultError> {
        let path = dir.join(FILE);
        let failed = |source: std::io::Error| match source.kind() {
            ErrorKind::NotFound => VaultError::Missing { path: path.clone() },
            _ => VaultError::of_file(&path, source),
        };
        if path.is_dir() {
            return Err(VaultError::Folder { path });
        }
        if others_can_read(&path).map_err(failed)? {
            return Err(VaultError::Exposed { path });
        }
        let bytes = Zeroizing::new(std::fs::read(&path).map_err(failed)?);
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        Self::parse(text).ok_or(VaultError::Malformed { path })
    }

    /// The vault of a master key as it stands in its file; none where that is no master key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim()).unwrap_or_default());
        let key: [u8; 32] = bytes.as_slice().try_into().ok()?;
        Some(Self(Arc::new(Keys { master: Zeroizing::new(key), derived: RwLock::default() })))
    }

    /// The master key as it stands in its file, for a place that keeps it as well.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_STANDARD.encode(self.0.master.as_slice()) + "\n")
    }

    /// Puts this master key into a folder, unless one is there.
    ///
    /// # Errors
    /// When it cannot be put there, or another one is there.
    pub fn place(&self, dir: &Path, rng: &mut impl CryptoRng) -> Result<(), VaultError> {
        let path = dir.join(FILE);
        put(dir, &path, &self.reveal(), rng).map_err(|source| VaultError::of_file(&path, source))?;
        let there = Self::open(dir)?;
        if same(there.0.master.as_slice(), self.0.master.as_slice()) {
            Ok(())
        } else {
            Err(VaultError::Another { path })
        }
    }

    /// [`Self::mac_bytes`] in hexadecimal.
    ///
    /// # Errors
    /// When the key is refused.
    pub fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Result<String, VaultError> {
        Ok(hex(&self.mac_bytes(purpose, parts)?))
    }

    /// A keyed hash (HMAC-SHA-256) of these parts for this purpose. The parts' lengths are hashed too, so that no two
    /// lists of parts are one text.
    ///
    /// # Errors
    /// When the key is refused.
    pub fn mac_bytes(&self, purpose: &str, parts: &[&[u8]]) -> Result<Vec<u8>, VaultError> {
        let mut message = Vec::new();
        for part in parts {
            message.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            message.extend_from_slice(part);
        }
        Ok(hmac(&self.key_for("mac", purpose)?.hmac, &message))
    }

    /// Encrypts (AES-256-GCM) for this purpose and context; only the same two open it again.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub fn seal(
        &self,
        purpose: &str,
        context: &str,
        plain: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<String, VaultError> {
        let mut nonce = [0u8; 12];
        rng.fill_bytes(&mut nonce);
        let key = self.key_for("seal", purpose)?;
        let mut tag = [0u8; 16];
        let cipher = Cipher::aes_256_gcm();
        let sealed = encrypt_aead(cipher, &key.key, Some(&nonce), context.as_bytes(), plain, &mut tag)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode([nonce.as_slice(), &tag, &sealed].concat()))
    }

    /// Opens what was sealed for this purpose and context.
    ///
    /// # Errors
    /// When it was sealed otherwise, or has been changed.
    pub fn unseal(
        &self,
        purpose: &str,
        context: &str,
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).map_err(|_| VaultError::Unsealable)?;
        let (nonce, rest) = bytes.split_at_checked(12).ok_or(VaultError::Unsealable)?;
        let (tag, sealed) = rest.split_at_checked(16).ok_or(VaultError::Unsealable)?;
        let key = self.key_for("seal", purpose)?;
        let plain =
            decrypt_aead(Cipher::aes_256_gcm(), &key.key, Some(nonce), context.as_bytes(), sealed, tag);
        plain.map(Zeroizing::new).map_err(|_| VaultError::Unsealable)
    }

    /// One key for each use and purpose, so that what one leaks says nothing about another.
    fn key_for(&self, usage: &'static str, purpose: &str) -> Result<Arc<Derived>, VaultError> {
        let known = self.0.derived.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.iter().find(|one| one.usage == usage && one.purpose == purpose) {
            return Ok(Arc::clone(known));
        }
        drop(known);
        let master = Hmac::new_from_slice(self.0.master.as_slice())?;
        let text = format!("countersign\n{usage}\n{purpose}");
        let key = Zeroizing::new(hmac(&master, text.as_bytes()));
        let hmac = Hmac::new_from_slice(&key)?;
        let derived = Arc::new(Derived { usage, purpose: purpose.to_owned(), key, hmac });
        self.0.derived.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&derived));
        Ok(derived)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}

/// HMAC-SHA-256 by a key that is ready: OpenSSL would look both up by name and take the key in anew, each time.
fn hmac(key: &Hmac<Sha256>, message: &[u8]) -> Vec<u8> {
    key.clone().chain_update(message).finalize().into_bytes().to_vec()
}

/// Puts a new master key in place, whole and on the disk, unless somebody else is faster: whoever reads it meanwhile
/// finds all of it or nothing, and what it seals is lost without it.
fn create(dir: &Path, path: &Path, rng: &mut impl CryptoRng) -> std::io::Result<()> {
    let mut key = Zeroizing::new([0u8; 32]);
    rng.fill_bytes(key.as_mut_slice());
    let text = Zeroizing::new(BASE64_STANDARD.encode(key.as_slice()) + "\n");
    put(dir, path, &text, rng)
}

fn put(dir: &Path, path: &Path, text: &str, rng: &mut impl CryptoRng) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let draft = dir.join(format!("{FILE}.{}", new_id(rng)));
    let placed = write(&draft, text).and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    std::fs::remove_file(&draft).or_else(|e| if placed.is_ok() { Err(e) } else { Ok(()) })?;
    placed?;
    #[cfg(unix)]
    std::fs::File::open(dir)?.sync_all()?;
    Ok(())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::super::secret::entropy;
    use super::*;

    fn vault() -> (tempfile::TempDir, Vault) {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(dir.path(), &mut entropy()).unwrap();
        (dir, vault)
    }

    #[test]
    fn what_is_sealed_opens_only_for_its_purpose_and_context() {
        let (dir, vault) = vault();
        let sealed = vault.seal("mail", "row 1", b"123456", &mut entropy()).unwrap();
        assert!(!sealed.contains("123456"));
        assert_eq!(vault.unseal("mail", "row 1", &sealed).unwrap().as_slice(), b"123456");
        let reopened = Vault::open(dir.path()).unwrap();
        assert_eq!(reopened.unseal("mail", "row 1", &sealed).unwrap().as_slice(), b"123456");
        assert!(vault.unseal("mail", "row 2", &sealed).is_err());
        assert!(vault.unseal("keys", "row 1", &sealed).is_err());
        assert!(
            vault.unseal("mail", "row 1", &sealed.replace(|c: char| c.is_ascii_uppercase(), "a")).is_err()
        );
        for short in ["", "AAAA", "!!"] {
            assert!(vault.unseal("mail", "row 1", short).is_err());
        }
    }

    #[test]
    fn another_master_key_opens_nothing() {
        let ((_one, vault), (_two, other)) = (vault(), vault());
        let sealed = vault.seal("mail", "row 1", b"x", &mut entropy()).unwrap();
        assert!(matches!(other.unseal("mail", "row 1", &sealed), Err(VaultError::Unsealable)));
    }

    #[test]
    fn a_keyed_hash_tells_purposes_and_parts_apart() {
        let (_dir, vault) = vault();
        let mac = |purpose: &str, parts: &[&[u8]]| vault.mac(purpose, parts).unwrap();
        assert_eq!(mac("code", &[b"ab", b"c"]), mac("code", &[b"ab", b"c"]));
        assert_ne!(mac("code", &[b"ab", b"c"]), mac("code", &[b"a", b"bc"]));
        assert_ne!(mac("code", &[b"ab", b"c"]), mac("reset", &[b"ab", b"c"]));
    }

    /// What is in a database was made by programs of before; reckoned by Python's `hmac`.
    #[test]
    fn a_keyed_hash_stays_what_it_was() {
        let master: [u8; 32] = std::array::from_fn(|n| u8::try_from(n).unwrap());
        let vault = Vault::parse(&BASE64_STANDARD.encode(master)).unwrap();
        let expected = "e9c0a87d7b0e2e8d984207b00bed50d0ecec07b09737799deefd441de8b8bd85";
        assert_eq!(vault.mac("code", &[b"ab", b"c"]).unwrap(), expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_master_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, _) = vault();
        let path = dir.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
        let refused = Vault::open(dir.path()).unwrap_err();
        assert!(refused.to_string().contains("chmod 600"), "{refused}");
    }

    #[test]
    fn what_is_in_the_place_of_a_master_key_is_told_with_what_to_do() {
        let (dir, _) = vault();
        let path = dir.path().join(FILE);
        for there in [&b""[..], b"\xff\xfe\x00", b"words"] {
            std::fs::write(&path, there).unwrap();
            let refused = Vault::open(dir.path()).unwrap_err();
            assert!(matches!(refused, VaultError::Malformed { .. }), "{refused}");
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let refused = Vault::open(dir.path()).unwrap_err().to_string();
        assert!(refused.ends_with("put the one there that was made with this database"), "{refused}");
        let forbidden = VaultError::of_file(&path, ErrorKind::PermissionDenied.into()).to_string();
        assert!(forbidden.contains("master.key: this user may not") && forbidden.contains("[keys] dir"));
    }

    /// As when two processes are started for the first time.
    #[test]
    fn a_master_key_that_somebody_else_has_just_made_is_kept() {
        let (dir, vault) = vault();
        create(dir.path(), &dir.path().join(FILE), &mut entropy()).unwrap();
        let sealed = vault.seal("mail", "row 1", b"x", &mut entropy()).unwrap();
        assert!(Vault::open(dir.path()).unwrap().unseal("mail", "row 1", &sealed).is_ok());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft stays behind");
    }

    #[test]
    fn a_master_key_is_put_where_none_is_and_never_over_another() {
        let ((_one, vault), (_two, other)) = (vault(), vault());
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            vault.place(dir.path(), &mut entropy()).unwrap();
        }
        let sealed = vault.seal("mail", "row 1", b"x", &mut entropy()).unwrap();
        assert!(Vault::open(dir.path()).unwrap().unseal("mail", "row 1", &sealed).is_ok());
        let refused = other.place(dir.path(), &mut entropy());
        assert!(matches!(refused, Err(VaultError::Another { .. })), "{refused:?}");
        assert!(Vault::open(dir.path()).unwrap().unseal("mail", "row 1", &sealed).is_ok());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft stays behind");
        assert!(Vault::parse(&vault.reveal()).is_some() && Vault::parse("x").is_none());
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", vault().1), "Vault(…)");
    }

    #[test]
    fn a_missing_or_mangled_master_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Vault::open(dir.path()), Err(VaultError::Missing { .. })));
        let (dir, _) = vault();
        for wrong in ["", "short", "!!", &BASE64_STANDARD.encode([1; 31]), &BASE64_STANDARD.encode([1; 33])] {
            std::fs::write(dir.path().join(FILE), wrong).unwrap();
            assert!(matches!(Vault::open(dir.path()), Err(VaultError::Malformed { .. })), "{wrong}");
            let kept = Vault::open_or_create(dir.path(), &mut entropy());
            assert!(matches!(kept, Err(VaultError::Malformed { .. })), "it is never overwritten");
        }
    }
}
