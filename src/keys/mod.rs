//! What is secret here, and what proves that a token is ours? The master key, random secrets, and signing keys.

pub mod secret;
mod signing;
mod vault;

pub use signing::{KeyError, NotOurs, PUBLISHED_AHEAD, Ring, SigningKeys};
pub use vault::{Vault, VaultError};
