//! When are the signing keys read again before they are old? When somebody shows a token that names another one.

use std::sync::Arc;

use super::error::KeyError;
use super::ring::Ring;
use super::signing::SigningKeys;

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
        let turn = self.looks.for_tokens(now);
        self.look(turn, ring, now).await
    }

    /// The keys to publish: read again, since whoever asks for them has seen a name that they do not know.
    ///
    /// # Errors
    /// As [`SigningKeys::ring`].
    pub async fn ring_to_publish(&self, now: i64) -> Result<Arc<Ring>, KeyError> {
        let ring = self.ring(now).await?;
        let turn = self.looks.to_publish(now);
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
