//! How does a client get what it has asked to have encrypted? (OIDC Core §10.2, OIDC Registration §2)

use std::sync::Arc;

use super::keys::{ClientKeyCache, ClientKeyFailure};
use super::{Client, Encryption};
use crate::keys::jose::{self, ClientKeys, EncryptFailure};
use crate::oidc::shared::failure::Failure;

/// A client's keys, at hand before anything happens that cannot be taken back.
pub(in crate::oidc) struct Encrypter {
    how: Encryption,
    keys: Arc<ClientKeys>,
}

/// What is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::oidc) enum Content {
    /// A signed JWT: the two are nested (RFC 7519 §5.2).
    Jwt,
    /// The claims themselves.
    Claims,
}

/// Why something cannot be encrypted to a client, as a sentence for its developer.
#[derive(Debug, thiserror::Error)]
pub(in crate::oidc) enum EncryptionFailure {
    /// Its keys cannot be had.
    #[error("what this client has registered to have encrypted cannot be: {0}")]
    Keys(#[from] ClientKeyFailure),
    /// None of them will do.
    #[error("what this client has registered to have encrypted cannot be: {0}")]
    Encrypt(#[from] EncryptFailure),
}

impl From<EncryptionFailure> for Failure {
    fn from(e: EncryptionFailure) -> Self {
        Self::invalid(e.to_string())
    }
}

impl Encrypter {
    /// What encrypts to a client in the way that it has registered, if it has. `kept` has its keys.
    ///
    /// # Errors
    /// When its keys cannot be had, or none of them will do.
    pub(in crate::oidc) async fn of(
        kept: &ClientKeyCache,
        client: &Client,
        how: Option<Encryption>,
        now: i64,
    ) -> Result<Option<Self>, EncryptionFailure> {
        let Some(how) = how else { return Ok(None) };
        let encrypter = Self { how, keys: kept.keys(client, now).await? };
        // Only trying tells: no key may fit, and the numbers of one that does may be no key.
        encrypter.encrypt("", Content::Claims)?;
        Ok(Some(encrypter))
    }

    /// Encrypts, in the compact form.
    ///
    /// # Errors
    /// When none of the client's keys will do.
    pub(in crate::oidc) fn encrypt(
        &self,
        payload: &str,
        content: Content,
    ) -> Result<String, EncryptionFailure> {
        let content_type = (content == Content::Jwt).then_some("JWT");
        let Encryption { alg, enc } = self.how;
        Ok(jose::encrypt(payload.as_bytes(), content_type, alg, enc, &self.keys)?)
    }
}
