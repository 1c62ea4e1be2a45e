//! Has the signature of this very token been found right before? To check one by ECDSA costs as much as three signatures.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::secret::sha256;

/// How many tokens a key remembers at most, on either shelf.
const MOST: usize = 2048;

/// The tokens that a key was found to have signed: as SHA-256 of the whole text, in which one other bit is another token.
#[derive(Default)]
pub(super) struct Verified(Mutex<Shelves>);

#[derive(Default)]
struct Shelves {
    /// What was shown lately. When it is full it becomes the old shelf, and what was there and was not shown again is forgotten.
    young: HashSet<[u8; 32]>,
    old: HashSet<[u8; 32]>,
}

impl Verified {
    /// Checks a token, unless this very one has been checked before. Nothing is remembered of one that is wrong.
    ///
    /// # Errors
    /// What the check says.
    pub(super) fn check<E>(&self, token: &str, check: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let digest = sha256(token.as_bytes());
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).knows(digest) {
            return Ok(());
        }
        check()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(digest);
        Ok(())
    }
}

impl Shelves {
    fn knows(&mut self, digest: [u8; 32]) -> bool {
        if self.young.contains(&digest) {
            return true;
        }
        let known = self.old.remove(&digest);
        if known {
            self.put(digest);
        }
        known
    }

    fn put(&mut self, digest: [u8; 32]) {
        if self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a token had to be checked.
    fn looked(verified: &Verified, token: &str, right: bool) -> bool {
        let mut looked = false;
        let checked = verified.check(token, || {
            looked = true;
            if right { Ok(()) } else { Err(()) }
        });
        assert_eq!(checked.is_ok(), right || !looked);
        looked
    }

    #[test]
    fn a_right_token_is_checked_once_and_a_wrong_one_each_time() {
        let verified = Verified::default();
        assert!(looked(&verified, "a", true));
        assert!(!looked(&verified, "a", true));
        for _ in 0..2 {
            assert!(looked(&verified, "b", false));
        }
        assert!(looked(&verified, "a ", true), "another text is another token");
    }

    #[test]
    fn a_bounded_number_is_remembered_and_what_is_shown_again_stays() {
        let verified = Verified::default();
        looked(&verified, "stays", true);
        for n in 0..10 * MOST {
            assert!(looked(&verified, &n.to_string(), true));
            assert!(!looked(&verified, "stays", true));
            let shelves = verified.0.lock().unwrap();
            assert!(shelves.young.len() <= MOST && shelves.old.len() <= MOST);
        }
        assert!(looked(&verified, "0", true));
    }
}
