//! Is this the master key that the database was sealed by?

use super::error::KeyError;
use super::ring::Ring;
use super::secret::same;
use super::vault::{Vault, VaultError};
use crate::store::{Conn, Db, facts, signing_keys};

/// What the keyed hash is for that tells one master key from another.
const PURPOSE: &str = "master key";

/// How a database and a master key belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// No master key has sealed anything in it.
    Free,
    /// It is this one, though the database does not say so yet.
    Fits,
    /// It is this one, and the database says so.
    Settled,
}

/// Whether some master key has sealed anything in this database.
///
/// # Errors
/// When the database refuses.
pub async fn is_sealed(conn: &mut Conn) -> Result<bool, KeyError> {
    Ok(facts::find(conn, facts::MASTER_KEY).await?.is_some() || !signing_keys::list(conn).await?.is_empty())
}

/// How this vault and this database belong together; nothing is written.
///
/// # Errors
/// `Unsealable` when another master key has sealed the database.
pub async fn look(conn: &mut Conn, vault: &Vault) -> Result<Claim, KeyError> {
    if let Some(known) = facts::find(conn, facts::MASTER_KEY).await? {
        let fits = same(known.as_bytes(), vault.mac(PURPOSE, &[])?.as_bytes());
        return if fits { Ok(Claim::Settled) } else { Err(VaultError::Unsealable.into()) };
    }
    let rows = signing_keys::list(conn).await?;
    let free = rows.is_empty();
    Ring::open(rows, &[], &Ring::default(), vault)?;
    Ok(if free { Claim::Free } else { Claim::Fits })
}

/// How many signing keys there are; an error unless this master key opens each.
///
/// # Errors
/// `Unsealable` when another master key has sealed one, or the database refuses.
pub async fn signing_keys_open(conn: &mut Conn, vault: &Vault) -> Result<usize, KeyError> {
    let rows = signing_keys::list(conn).await?;
    let there = rows.len();
    Ring::open(rows, &[], &Ring::default(), vault).map(|_| there)
}

/// Ties a database to its master key, once and for all: whoever comes with another one is refused from then on.
///
/// # Errors
/// `Unsealable` when another master key has sealed the database.
pub async fn settle(db: &Db, vault: &Vault) -> Result<(), KeyError> {
    let mut conn = db.read().await?;
    let claim = look(&mut conn, vault).await?;
    drop(conn);
    if claim == Claim::Settled {
        return Ok(());
    }
    let mut tx = db.write().await?;
    let first = facts::settle(&mut tx, facts::MASTER_KEY, &vault.mac(PURPOSE, &[])?).await?;
    tx.commit().await?;
    if first {
        return Ok(());
    }
    // Somebody was faster, perhaps with another key.
    look(&mut db.read().await?, vault).await.map(|_| ())
}
