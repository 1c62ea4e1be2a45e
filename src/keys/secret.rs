//! How are random secrets made, compared and kept? A `Token` is shown once; only its `TokenHash` is stored.

use std::fmt;

use base64::Engine as _;
use openssl::sha::sha256;
use rand::CryptoRng;
use rand::rand_core::UnwrapErr;
#[expect(clippy::disallowed_types, reason = "for the one place that may")]
use rand::rngs::SysRng;
use zeroize::Zeroizing;

/// The operating system's randomness; the one place that asks for it.
#[must_use]
pub fn entropy() -> impl CryptoRng + Send {
    UnwrapErr(SysRng)
}

/// 256 random bits as 43 letters of base64url: an authorization code, a refresh token, a cookie, a client secret.
/// Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// SHA-256 of a token in hexadecimal: what the database holds instead of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHash(String);

impl Token {
    /// A new one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bits = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(bits.as_mut_slice());
        Self(Zeroizing::new(base64url(bits.as_slice())))
    }

    /// One that was made elsewhere, and is taken over with what it is for.
    #[must_use]
    pub fn taken_over(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// What is handed to whom it belongs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl TokenHash {
    /// The hash under which a presented token would be stored.
    #[must_use]
    pub fn of(presented: &str) -> Self {
        Self(hex(&sha256(presented.as_bytes())))
    }

    /// The hash as the database holds it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A short public name for a row: 128 random bits as 26 letters of lower-case base32. Never a secret.
pub fn new_id(rng: &mut impl CryptoRng) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0u8; 26];
    rng.fill_bytes(&mut bytes);
    bytes.iter().map(|b| char::from(*ALPHABET.get(usize::from(b & 31)).unwrap_or(&b'a'))).collect()
}

/// Whether two secrets are the same, in a time that does not depend on where they differ.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && openssl::memcmp::eq(left, right)
}

/// Base64url without padding (RFC 4648 §5), as JOSE and OAuth write bytes.
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        for nibble in [b >> 4, b & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_256_bits_of_base64url_and_debug_hides_it() {
        let token = Token::generate(&mut entropy());
        assert_eq!(token.reveal().len(), 43);
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert_eq!(token.hash(), TokenHash::of(token.reveal()));
    }

    #[test]
    fn ids_have_26_letters_and_differ() {
        let (one, two) = (new_id(&mut entropy()), new_id(&mut entropy()));
        assert_eq!(one.len(), 26);
        assert_ne!(one, two);
    }

    #[test]
    fn same_compares_whole_secrets() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
    }
}
