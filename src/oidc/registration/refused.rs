//! What is somebody told who may not register a client so? (RFC 7591 §3.2.2, RFC 6750 §3)

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::sector::SectorFailure;
use crate::oidc::clients;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::Failure;
use crate::store;
use crate::web::{self, form::BadForm};

/// Why a registration, or its change, is refused.
pub(super) enum Refused {
    /// The metadata is wrong: 400.
    Request(Refusal),
    /// The body cannot be read: 400 or 413.
    Body(BadForm),
    /// Nobody may register: 403.
    Closed,
    /// There is no token: 401, and no error code in the challenge.
    NoToken,
    /// The token does not open this: 401.
    Token(&'static str),
    /// Too many registrations from one network: 429, with the seconds to wait.
    TooMany { wait: i64 },
    /// As many clients have registered themselves as may: 503.
    Full(u32),
    /// The database does not answer, or worse.
    Failure(Failure),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Request(refusal)
    }
}

impl From<SectorFailure> for Refused {
    fn from(failure: SectorFailure) -> Self {
        Self::Request(Refusal::new(Code::InvalidClientMetadata, failure.to_string()))
    }
}

impl From<store::Error> for Refused {
    fn from(e: store::Error) -> Self {
        Self::Failure(e.into())
    }
}

impl From<clients::Error> for Refused {
    fn from(e: clients::Error) -> Self {
        match e {
            clients::Error::Store(e) => e.into(),
            clients::Error::Invalid(invalid) => {
                Self::Request(Refusal::new(Code::InvalidClientMetadata, invalid.to_string()))
            }
            other => Self::Failure(Failure::Internal(other.to_string())),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let refusal = |code, what: &str| Refusal::new(code, what);
        let (status, refusal, header) = match self {
            Self::Request(refusal) => (StatusCode::BAD_REQUEST, refusal, None),
            Self::Body(bad) => (bad.status(), refusal(Code::InvalidClientMetadata, &bad.to_string()), None),
            Self::Closed => {
                let what = "registration over HTTP is closed here: ask the operator to add the app";
                (StatusCode::FORBIDDEN, refusal(Code::AccessDenied, what), None)
            }
            Self::NoToken => {
                let what = "send the token in the Authorization header, as Bearer (RFC 6750 section 2.1)";
                let challenge = "Bearer realm=\"registration\"".to_owned();
                let header = (header::WWW_AUTHENTICATE, challenge);
                (StatusCode::UNAUTHORIZED, refusal(Code::InvalidToken, what), Some(header))
            }
            Self::Token(what) => {
                let challenge = format!(
                    "Bearer realm=\"registration\", error=\"invalid_token\", error_description=\"{what}\""
                );
                let header = (header::WWW_AUTHENTICATE, challenge);
                (StatusCode::UNAUTHORIZED, refusal(Code::InvalidToken, what), Some(header))
            }
            Self::TooMany { wait } => {
                let what = format!("too many registrations have come from this network: wait {wait} seconds");
                let header = (header::RETRY_AFTER, wait.to_string());
                let refusal = refusal(Code::TemporarilyUnavailable, &what);
                (StatusCode::TOO_MANY_REQUESTS, refusal, Some(header))
            }
            Self::Full(most) => {
                let what = format!(
                    "{most} clients have registered themselves here, as many as may: ask the operator"
                );
                (StatusCode::SERVICE_UNAVAILABLE, refusal(Code::TemporarilyUnavailable, &what), None)
            }
            Self::Failure(failure) => return failure.into_response(),
        };
        let body = json!({ "error": refusal.code.name(), "error_description": refusal.description });
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(web::Refused::new(None, refusal.code.name(), &refusal.description));
        if let Some((name, value)) = header
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
