//! What is secret here, and what proves that a token is ours? The master key, random secrets, and signing keys.

mod make;
mod ring;
pub mod secret;
mod signing;
mod vault;

pub use ring::{NotOurs, Phase, Ring, phase};
pub use signing::{KeyError, PUBLISHED_AHEAD, SigningKeys, Takeover};
pub use vault::{Vault, VaultError};
