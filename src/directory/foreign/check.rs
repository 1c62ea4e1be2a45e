//! Is this the password of a foreign hash? By the libraries that make such hashes, and compared in constant time.

use openssl::hash::{Hasher, MessageDigest};
use openssl::pkcs5;

use super::{Digest, Foreign, Recipe, old};
use crate::keys::secret::same;

/// The most memory that scrypt asks for, in bytes: what was found affordable, and a little for itself.
const SCRYPT_MEMORY: u64 = 132 * 1024 * 1024;

impl Digest {
    pub(super) const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn openssl(self) -> MessageDigest {
        match self {
            Self::Md5 => MessageDigest::md5(),
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    /// The digest of all parts together; none when the library has none of this kind.
    pub(super) fn of(self, parts: &[&[u8]]) -> Option<Vec<u8>> {
        let mut hasher = Hasher::new(self.openssl()).ok()?;
        for part in parts {
            hasher.update(part).ok()?;
        }
        Some(hasher.finish().ok()?.to_vec())
    }
}

impl Foreign {
    /// Whether this is the password, spelt so. Nothing else is done meanwhile: that may take a second.
    pub(in crate::directory) fn is_of(&self, password: &[u8]) -> bool {
        match &self.recipe {
            Recipe::Bcrypt => bcrypt::verify(password, &self.text).unwrap_or_default(),
            Recipe::ShaCrypt => {
                use sha_crypt::{PasswordHashRef, PasswordVerifier as _, ShaCrypt};
                let hash = PasswordHashRef::new(&self.text);
                hash.is_ok_and(|hash| ShaCrypt::default().verify_password(password, hash).is_ok())
            }
            // The threads have the memory for it.
            Recipe::Argon2 { .. } => false,
            Recipe::Pbkdf2 { digest, rounds, salt, output } => {
                let mut made = vec![0; output.len()];
                let done = pkcs5::pbkdf2_hmac(password, salt, *rounds, digest.openssl(), &mut made);
                done.is_ok() && same(&made, output)
            }
            Recipe::Scrypt { n, r, p, salt, output } => {
                let mut made = vec![0; output.len()];
                pkcs5::scrypt(password, salt, *n, *r, *p, SCRYPT_MEMORY, &mut made).is_ok()
                    && same(&made, output)
            }
            Recipe::Md5Crypt { magic, salt, output } => {
                let made = old::md5_crypt(password, magic, salt);
                made.is_some_and(|made| same(made.as_bytes(), output.as_bytes()))
            }
            Recipe::Salted { digest, salt, output } => {
                digest.of(&[password, salt]).is_some_and(|made| same(&made, output))
            }
        }
    }
}
