//! What does a person type? A `user_code` (RFC 8628 §6.1): eight consonants, so that no word comes about by chance.

use rand::{CryptoRng, RngExt};
use unicode_normalization::UnicodeNormalization;

use crate::keys::{Vault, VaultError};

/// Twenty letters without vowels: 34 bits in eight of them, of which the page lets few be tried.
const LETTERS: [char; 20] =
    ['B', 'C', 'D', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Z'];

/// How many letters a code has.
const LENGTH: usize = 8;

/// What the keyed hash and the seal of a code are for.
const PURPOSE: &str = "device user code";

/// A `user_code`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::oidc) struct UserCode(String);

impl UserCode {
    /// A new one.
    pub(in crate::oidc) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self((0..LENGTH).filter_map(|_| LETTERS.get(rng.random_range(0..LETTERS.len()))).collect())
    }

    /// What was typed: case, spaces and hyphens of every kind do not matter. None for what cannot be a code.
    pub(in crate::oidc) fn parse(typed: &str) -> Option<Self> {
        let dash = |c: &char| matches!(c, '-' | '_' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}');
        let letters = typed.nfkc().filter(|c| !c.is_whitespace() && !dash(c) && !c.is_control());
        let code: String = letters.take(LENGTH + 1).map(|c| c.to_ascii_uppercase()).collect();
        let fits = code.chars().count() == LENGTH && code.chars().all(|c| LETTERS.contains(&c));
        fits.then_some(Self(code))
    }

    /// As the device shows it: in two groups.
    pub(in crate::oidc) fn shown(&self) -> String {
        let (first, second) = self.0.split_at_checked(LENGTH / 2).unwrap_or((&self.0, ""));
        format!("{first}-{second}")
    }

    /// What the database knows it by: a keyed hash, since the code itself is short.
    pub(in crate::oidc) fn key(&self, vault: &Vault) -> Result<String, VaultError> {
        vault.mac(PURPOSE, &[self.0.as_bytes()])
    }

    /// The code as a pending sign-in keeps it.
    pub(in crate::oidc) fn seal(
        &self,
        vault: &Vault,
        device_code_hash: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<String, VaultError> {
        vault.seal(PURPOSE, device_code_hash, self.shown().as_bytes(), rng)
    }
}

/// What was sealed, as the device shows it.
pub(in crate::oidc) fn unseal(
    vault: &Vault,
    device_code_hash: &str,
    sealed: &str,
) -> Result<String, VaultError> {
    let bytes = vault.unseal(PURPOSE, device_code_hash, sealed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::secret::entropy;
    use proptest::prelude::*;

    #[test]
    fn a_code_is_shown_in_two_groups_and_read_however_it_is_typed() {
        let code = UserCode::generate(&mut entropy());
        let shown = code.shown();
        assert_eq!(shown.len(), 9);
        assert_eq!(shown.chars().nth(4), Some('-'));
        for typed in
            [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), format!("\u{a0}{shown}\n")]
        {
            assert_eq!(UserCode::parse(&typed), Some(code.clone()), "{typed:?}");
        }
        assert_eq!(UserCode::parse("ｗｄｊｂ‐mjht"), Some(UserCode("WDJBMJHT".to_owned())));
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in ["", "WDJB-MJH", "WDJB-MJHTX", "WDJB-MJHA", "WDJB-MJH1", "WDJBßJHT"] {
            assert_eq!(UserCode::parse(typed), None, "{typed}");
        }
    }

    proptest! {
        #[test]
        fn nothing_typed_panics_and_what_is_read_is_shown_right(typed in ".*") {
            if let Some(code) = UserCode::parse(&typed) {
                prop_assert_eq!(UserCode::parse(&code.shown()), Some(code));
            }
        }
    }
}
