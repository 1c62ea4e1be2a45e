//! How does a client get what it has asked to have encrypted? (OIDC Core §10.2, OIDC Registration §2)

use std::sync::Arc;

use super::Provider;
use super::client_keys::ClientKeyFailure;
use super::clients::{Client, Encryption};
use crate::keys::jose::{self, ClientKeys, EncryptFailure};

/// A client's keys, at hand before anything happens that cannot be taken back.
pub(super) struct Encrypter {
    how: Encryption,
    keys: Arc<ClientKeys>,
}

/// What is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A signed JWT: the two are nested (RFC 7519 §5.2).
    Jwt,
    /// The claims themselves.
    Claims,
}

/// Why something cannot be encrypted to a client, as a sentence for its developer.
#[derive(Debug, thiserror::Error)]
pub(super) enum EncryptionFailure {
    /// Its keys cannot be had.
    #[error("what this client has registered to have encrypted cannot be: {0}")]
    Keys(#[from] ClientKeyFailure),
    /// None of them will do.
    #[error("what this client has registered to have encrypted cannot be: {0}")]
    Encrypt(#[from] EncryptFailure),
}

impl Encrypter {
    /// What encrypts to a client in the way that it has registered, if it has.
    ///
    /// # Errors
    /// When its keys cannot be had.
    pub(super) async fn of(
        provider: &Provider,
        client: &Client,
        how: Option<Encryption>,
        now: i64,
    ) -> Result<Option<Self>, EncryptionFailure> {
        let Some(how) = how else { return Ok(None) };
        Ok(Some(Self { how, keys: provider.client_keys.keys(client, now).await? }))
    }

    /// Encrypts, in the compact form.
    ///
    /// # Errors
    /// When none of the client's keys will do.
    pub(super) fn encrypt(&self, payload: &str, content: Content) -> Result<String, EncryptionFailure> {
        let content_type = (content == Content::Jwt).then_some("JWT");
        let Encryption { alg, enc } = self.how;
        Ok(jose::encrypt(payload.as_bytes(), content_type, alg, enc, &self.keys)?)
    }
}
