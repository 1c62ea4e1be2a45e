//! What is secret here, and what proves that a token is ours, or a client's? The master key, random secrets, signing keys,
//! and what clients sign.

pub mod claim;
mod compact;
mod error;
pub mod jose;
mod jwe;
mod jwk;
mod kind;
mod look;
mod make;
mod pace;
mod readers;
mod ring;
pub mod secret;
mod signer;
mod signing;
mod vault;
mod verified;

pub use error::KeyError;
pub use kind::KeyKind;
pub use readers::others_can_read;
pub use ring::{NotOurs, Phase, Ring, phase};
pub use signing::{PUBLISHED_AHEAD, Rotation, SigningKeys, Takeover, publish_for};
pub use vault::{Vault, VaultError};
