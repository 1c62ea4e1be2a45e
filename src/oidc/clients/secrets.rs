//! Does a client know its secret, and how does it come to another one? The one before works on for a while, so that whoever puts the new
//! one into the app has time.

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{AuthMethod, Client, Error, Invalid, Metadata, find_to_change};
use crate::keys::secret::{Token, TokenHash, same};
use crate::keys::{Vault, VaultError};
use crate::store::clients::{self, ClientRow, SecretsRow};
use crate::store::{self, Db, Tx};

/// How long an old secret works on where nobody says anything else, in seconds: somebody can do the rest tomorrow.
pub const OVERLAP: i64 = 86_400;

/// The longest that it may, in seconds.
pub const LONGEST_OVERLAP: i64 = 30 * 86_400;

/// What the seal of a client's secret is for.
const SEAL: &str = "client secret";

/// The secret before the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSecret {
    /// Its SHA-256, in hexadecimal.
    pub hash: String,
    /// The secret itself, sealed, where the provider must know it.
    pub sealed: Option<String>,
    /// Until when it works, in seconds since 1970.
    pub until: i64,
}

/// What a client has proven with a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// That it knows the newest one.
    ByNewest,
    /// That it knows the one before, which works still.
    ByOld,
    /// That it knows the one before, whose time is over.
    TooLate,
    /// Nothing.
    Nothing,
}

/// A secret that the provider knows itself.
pub struct Known {
    /// The secret.
    pub secret: Zeroizing<Vec<u8>>,
    /// What whoever knows it proves.
    pub proves: Proven,
}

/// A new secret, which is shown this once, and until when the one before works, in seconds since 1970.
#[derive(Debug)]
pub struct Rotated {
    /// The secret.
    pub secret: Token,
    /// Until when the old one works; none where it no longer does.
    pub old_until: Option<i64>,
}

/// What the database holds of a secret.
pub(super) struct KeptSecret {
    pub(super) hash: Option<String>,
    pub(super) sealed: Option<String>,
}

impl KeptSecret {
    pub(super) fn of(
        secret: Option<&Token>,
        metadata: &Metadata,
        vault: &Vault,
        client_id: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let keyed = secret.filter(|_| metadata.token_endpoint_auth_method == AuthMethod::ClientSecretJwt);
        let sealed = keyed.map(|secret| vault.seal(SEAL, client_id, secret.reveal().as_bytes(), rng));
        Ok(Self { hash: secret.map(|secret| secret.hash().as_str().to_owned()), sealed: sealed.transpose()? })
    }
}

impl OldSecret {
    pub(super) fn of(row: &ClientRow) -> Option<Self> {
        let (hash, until) = (row.old_secret_hash.clone()?, row.old_secret_until?);
        Some(Self { hash, sealed: row.old_secret_sealed.clone(), until })
    }

    const fn proves(&self, now: i64) -> Proven {
        if now < self.until { Proven::ByOld } else { Proven::TooLate }
    }
}

/// Gives a client a new secret. The one before works on for `keep` seconds, one before that no longer: in this process at once, and in
/// every other within a second.
///
/// # Errors
/// When there is no such client, it has no secret, `keep` is too long, or the database refuses.
pub async fn rotate_secret(
    tx: &mut Tx,
    vault: &Vault,
    id: &str,
    keep: i64,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<Rotated, Error> {
    let client = find_to_change(tx, id).await?.ok_or_else(|| Error::Unknown(id.to_owned()))?;
    let refuse = |field, reason| Err(Invalid::Field { field, reason }.into());
    if !client.metadata.token_endpoint_auth_method.needs_secret() {
        return refuse("token_endpoint_auth_method", "does not rest on a secret: this client has none");
    }
    if !(0..=LONGEST_OVERLAP).contains(&keep) {
        return refuse("client_secret", "may stay valid beside a new one for 30d at most");
    }
    let secret = Token::generate(rng);
    let kept = KeptSecret::of(Some(&secret), &client.metadata, vault, id, rng)?;
    let until = now.saturating_add(keep);
    let before = client.secret_hash.as_deref().filter(|_| keep > 0);
    let old = before.map(|hash| (hash, client.secret_sealed.as_deref(), until));
    let row = SecretsRow { hash: kept.hash.as_deref(), sealed: kept.sealed.as_deref(), old };
    clients::set_secrets(tx, id, row, now).await?;
    Ok(Rotated { secret, old_until: old.map(|(.., until)| until) })
}

/// Ends the secret before the newest now; false where there is none.
///
/// # Errors
/// When there is no such client, or the database refuses.
pub async fn end_old_secret(tx: &mut Tx, id: &str) -> Result<bool, Error> {
    let client = find_to_change(tx, id).await?.ok_or_else(|| Error::Unknown(id.to_owned()))?;
    match client.old_secret {
        Some(old) => Ok(clients::end_old_secret(tx, id, &old.hash).await?),
        None => Ok(false),
    }
}

impl Client {
    /// Whether this is a secret of the client's.
    #[must_use]
    pub fn proves(&self, secret: &str, now: i64) -> Proven {
        let hash = TokenHash::of(secret);
        let is = |kept: &str| same(kept.as_bytes(), hash.as_str().as_bytes());
        let newest = self.secret_hash.as_deref().is_some_and(is);
        let old = self.old_secret.as_ref().filter(|old| is(&old.hash)).map(|old| old.proves(now));
        if newest { Proven::ByNewest } else { old.unwrap_or(Proven::Nothing) }
    }

    /// The secrets themselves, where the provider knows them: the newest first.
    ///
    /// # Errors
    /// When the master key does not open them.
    pub fn known_secrets(&self, vault: &Vault, now: i64) -> Result<Vec<Known>, VaultError> {
        let newest = self.secret_sealed.as_deref().map(|sealed| (sealed, Proven::ByNewest));
        let old = self.old_secret.as_ref();
        let old = old.and_then(|old| Some((old.sealed.as_deref()?, old.proves(now))));
        let opened = |(sealed, proves)| Ok(Known { secret: vault.unseal(SEAL, &self.id, sealed)?, proves });
        newest.into_iter().chain(old).map(opened).collect()
    }

    /// Until when the secret before the newest works, in seconds since 1970; none where there is none that does.
    #[must_use]
    pub fn old_secret_until(&self, now: i64) -> Option<i64> {
        self.old_secret.as_ref().map(|old| old.until).filter(|until| now < *until)
    }

    /// Somebody has been told that the time of the old secret is over: then it is, even if the clock is set back.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn mark_old_secret(&self, db: &Db) -> store::Result<()> {
        let Some(old) = &self.old_secret else { return Ok(()) };
        let mut tx = db.write().await?;
        clients::end_old_secret(&mut tx, &self.id, &old.hash).await?;
        tx.commit().await
    }

    /// Whether its registered method needs a secret that it does not have.
    #[must_use]
    pub fn lacks_its_secret(&self) -> bool {
        let method = self.metadata.token_endpoint_auth_method;
        method.needs_secret() && !self.has_secret_for(method)
    }

    pub(super) fn has_secret_for(&self, method: AuthMethod) -> bool {
        self.secret_hash.is_some() && (method != AuthMethod::ClientSecretJwt || self.secret_sealed.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_secret_proves_something_until_its_end() {
        let hash = |secret: &str| TokenHash::of(secret).as_str().to_owned();
        let client = Client {
            secret_hash: Some(hash("new")),
            old_secret: Some(OldSecret { hash: hash("old"), sealed: None, until: 1000 }),
            ..Client::unregistered("app", Metadata::web_app("App", Vec::new()))
        };
        for (secret, now, expected) in [
            ("new", 0, Proven::ByNewest),
            ("new", 5000, Proven::ByNewest),
            ("old", 999, Proven::ByOld),
            ("old", 1000, Proven::TooLate),
            ("older", 0, Proven::Nothing),
            ("", 0, Proven::Nothing),
        ] {
            assert_eq!(client.proves(secret, now), expected, "{secret} at {now}");
        }
        assert_eq!((client.old_secret_until(999), client.old_secret_until(1000)), (Some(1000), None));
        let none = Client::unregistered("app", Metadata::web_app("App", Vec::new()));
        assert_eq!(none.proves("", 0), Proven::Nothing);
    }
}
