//! Who replaces the signing keys, from within the program? Every app trusts what they sign, so that only site administrators may.

use super::Error;
use super::proof::{AdministerSite, Proof};
use crate::keys::{KeyError, SigningKeys, Takeover};
use crate::store::Db;

/// Why the keys are not replaced.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The rules say no, or the database refuses.
    #[error(transparent)]
    Directory(#[from] Error),
    /// None can be made, or too many are still needed.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// Replaces all signing keys; what the old ones have signed can hold for `longest_token` seconds. Answers the `kid`s of the new ones: none if
/// somebody else was faster.
///
/// # Errors
/// When whoever acts may no longer, no key can be made, too many are still needed, or the database refuses.
pub async fn rotate(
    db: &Db,
    keys: &SigningKeys,
    takeover: Takeover,
    longest_token: i64,
    by: &Proof<AdministerSite>,
) -> Result<Vec<String>, Failed> {
    let rotation = keys.prepare(by.now(), takeover, longest_token, None).await?;
    let mut tx = db.write().await.map_err(Error::from)?;
    by.holds_still(&mut tx).await?;
    Ok(keys.carry_out(tx, rotation, by.doer()).await?)
}
