//! What is a client told when it asks by itself, without a browser, and cannot have what it asks for? (RFC 6749 §5.2)

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::error::{Code, Refusal};
use super::slip::Slip;
use crate::keys::{KeyError, VaultError};
use crate::store;
use crate::web::Refused;

/// The header in which an answer tells the nonce of the next `DPoP` proof (RFC 9449 §8).
pub(in crate::oidc) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Why a request of a client is refused.
#[derive(Debug)]
pub(in crate::oidc) enum Failure {
    /// The request is wrong: 400.
    Request(Refusal),
    /// The client has not proven who it is: 401, with a challenge if it came by HTTP Basic (RFC 6749 §5.2).
    Client { refusal: Refusal, by_basic: bool },
    /// The proof of possession must hold this nonce: 400 (RFC 9449 §8).
    DpopNonce(String),
    /// The database does not answer: 503.
    Unavailable(String),
    /// A defect of ours: 500.
    Internal(String),
}

impl Failure {
    /// A request that is wrong in a way that RFC 6749 §5.2 calls `invalid_request`.
    pub(in crate::oidc) fn invalid(description: impl AsRef<str>) -> Self {
        Self::Request(Refusal::new(Code::InvalidRequest, description))
    }

    pub(in crate::oidc) fn request(refusal: Refusal) -> Self {
        Self::Request(refusal)
    }

    pub(in crate::oidc) fn client(refusal: Refusal, by_basic: bool) -> Self {
        Self::Client { refusal, by_basic }
    }

    pub(in crate::oidc) fn grant(description: &str) -> Self {
        Self::Request(Refusal::new(Code::InvalidGrant, description))
    }

    /// The same, where it is known which mistake of the client's it was.
    pub(in crate::oidc) fn code(description: &str, slip: Slip) -> Self {
        Self::Request(Refusal::new(Code::InvalidGrant, description).slipped(slip))
    }
}

impl From<store::Error> for Failure {
    fn from(e: store::Error) -> Self {
        match e {
            e if e.is_orphan() => {
                let description = "the client, or what its request is about, was deleted a moment ago";
                Self::client(Refusal::new(Code::InvalidClient, description), false)
            }
            e if e.may_pass() => Self::Unavailable(e.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(e: KeyError) -> Self {
        match e {
            KeyError::Store(e) => e.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<VaultError> for Failure {
    fn from(e: VaultError) -> Self {
        Self::Internal(e.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, error, description) = match &self {
            Self::Request(r) => (StatusCode::BAD_REQUEST, r.code.name(), r.description.as_str()),
            Self::Client { refusal: r, .. } => {
                (StatusCode::UNAUTHORIZED, r.code.name(), r.description.as_str())
            }
            Self::DpopNonce(_) => {
                let description = "the DPoP proof must hold the nonce of this answer's DPoP-Nonce header";
                (StatusCode::BAD_REQUEST, Code::UseDpopNonce.name(), description)
            }
            Self::Unavailable(reason) => {
                tracing::warn!(reason, "a client's request cannot be served now");
                let code = Code::TemporarilyUnavailable.name();
                (StatusCode::SERVICE_UNAVAILABLE, code, "the database does not answer: try again")
            }
            Self::Internal(reason) => {
                tracing::error!(reason, "a client's request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "something went wrong on our side")
            }
        };
        let body = Json(json!({ "error": error, "error_description": description }));
        let mut response = (status, body).into_response();
        if status.is_client_error() {
            response.extensions_mut().insert(Refused::new(None, error, description));
        }
        let headers = response.headers_mut();
        if matches!(self, Self::Client { by_basic: true, .. }) {
            let challenge = HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Self::DpopNonce(nonce) = &self
            && let Ok(nonce) = HeaderValue::from_str(nonce)
        {
            headers.insert(DPOP_NONCE, nonce);
        }
        if matches!(self, Self::Unavailable(_)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
