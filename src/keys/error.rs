//! What can go wrong with the keys?

use josekit::JoseError;

use super::vault::VaultError;
use crate::store;

/// What can go wrong with signing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The master key does not open them.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// josekit refused.
    #[error("signing: {0}")]
    Jose(#[from] JoseError),
    /// There is no key for this algorithm.
    #[error("there is no signing key for {0}: run `countersign key rotate --at-once`")]
    None(&'static str),
    /// A row cannot be read.
    #[error("signing key {0} cannot be read")]
    Malformed(String),
    /// The keys of earlier rotations are still needed.
    #[error("{0} signing keys are still published: rotate again when the tokens of the oldest have expired")]
    TooMany(usize),
    /// The task that makes a key was cut off.
    #[error("making a signing key was interrupted")]
    Interrupted,
}
