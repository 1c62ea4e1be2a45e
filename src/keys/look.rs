//! When are the signing keys read again before they are old? When somebody shows a token that names another one.

use std::sync::{Arc, Mutex, PoisonError};

use super::ring::Ring;
use super::signing::{KeyError, SigningKeys};

/// How often a second the keys are read again for tokens: those that name anything cost the database no more than that.
const FOR_TOKENS: u32 = 4;

/// How often a second they are read again to be published.
const TO_PUBLISH: u32 = 20;

/// Who may have them read again; neither takes the other's turns.
#[derive(Debug, Default)]
pub(super) struct Looks {
    for_tokens: Turns,
    to_publish: Turns,
}

/// How often they were, in the second that was last.
#[derive(Debug, Default)]
struct Turns(Mutex<(i64, u32)>);

impl Turns {
    /// Takes one of `most` a second; false when those of this one are used up.
    fn take(&self, most: u32, now: i64) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = match *taken {
            (second, looks) if second == now => (now, looks.saturating_add(1)),
            _ => (now, 1),
        };
        taken.1 <= most
    }
}

impl SigningKeys {
    /// The keys to verify a token with: read again if it names one that is not among those in memory. Another process may have
    /// made it a moment ago, and signs with it.
    ///
    /// # Errors
    /// As [`SigningKeys::ring`].
    pub async fn ring_for(&self, token: &str, now: i64) -> Result<Arc<Ring>, KeyError> {
        let ring = self.ring(now).await?;
        if ring.knows_key_of(token) {
            return Ok(ring);
        }
        let turn = self.looks.for_tokens.take(FOR_TOKENS, now);
        self.look(turn, ring, now).await
    }

    /// The keys to publish: read again, since whoever asks for them has seen a name that they do not know.
    ///
    /// # Errors
    /// As [`SigningKeys::ring`].
    pub async fn ring_to_publish(&self, now: i64) -> Result<Arc<Ring>, KeyError> {
        let ring = self.ring(now).await?;
        let turn = self.looks.to_publish.take(TO_PUBLISH, now);
        self.look(turn, ring, now).await
    }

    /// Reads the keys again, if that has not been done too often; those at hand go on where it fails.
    async fn look(&self, turn: bool, ring: Arc<Ring>, now: i64) -> Result<Arc<Ring>, KeyError> {
        if turn && !self.is_cut_off(now) {
            return Ok(self.read_or_keep(ring, now).await);
        }
        // Somebody else has just looked.
        self.ring(now).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_four_looks() {
        let looks = Turns::default();
        let taken = [10, 10, 10, 10, 10, 11, 10, 10].map(|now| looks.take(4, now));
        assert_eq!(taken, [true, true, true, true, false, true, true, true]);
    }
}
