//! What is a person told when we cannot do what they asked?

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::form::BadForm;
use crate::store;

/// A request that ends in a page which says why. The page itself is drawn by the layer that knows the language.
#[derive(Clone, Debug)]
pub enum Problem {
    /// There is no such page.
    NotFound,
    /// The page is there, but not for this method.
    MethodNotAllowed,
    /// The request could not be read.
    BadForm(BadForm),
    /// A form came from another site.
    ForeignForm,
    /// A one-time link is spent, too old, or was never one.
    DeadLink,
    /// The app or the person that it is about was deleted a moment ago.
    Gone,
    /// The database does not answer; the same request may succeed later.
    Unavailable(String),
    /// A defect of ours; the text is for the log.
    Internal(String),
}

impl Problem {
    /// The status that goes with it.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::DeadLink => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadForm(bad) => bad.status(),
            Self::ForeignForm => StatusCode::FORBIDDEN,
            Self::Gone => StatusCode::GONE,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word that its sentences begin with in the catalogue.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::BadForm(_) => "bad-form",
            Self::ForeignForm => "foreign-form",
            Self::DeadLink => "dead-link",
            Self::Gone => "gone",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// The same for a program, in the words of RFC 6749 §4.1.2.1 and §5.2.
    pub(super) fn json(&self, request: &str) -> serde_json::Value {
        let (error, description) = match self {
            Self::NotFound => ("invalid_request", "there is nothing here".to_owned()),
            Self::MethodNotAllowed => ("invalid_request", "this method is not for this address".to_owned()),
            Self::BadForm(bad) => ("invalid_request", bad.to_string()),
            Self::ForeignForm => ("invalid_request", "this form came from another site".to_owned()),
            Self::DeadLink => ("invalid_request", "this link no longer works".to_owned()),
            Self::Gone => ("invalid_request", "what this is about was deleted a moment ago".to_owned()),
            Self::Unavailable(_) => ("temporarily_unavailable", format!("request {request}")),
            Self::Internal(_) => ("server_error", format!("request {request}")),
        };
        serde_json::json!({ "error": error, "error_description": description })
    }

    /// Writes down what the page does not say.
    pub(super) fn log(&self) {
        match self {
            Self::Unavailable(reason) => tracing::warn!(reason, "not available"),
            Self::Internal(reason) => tracing::error!(reason, "internal error"),
            other => tracing::debug!(problem = other.key(), "refused"),
        }
    }
}

impl From<store::Error> for Problem {
    fn from(e: store::Error) -> Self {
        match e {
            e if e.is_orphan() => Self::Gone,
            e if e.may_pass() => Self::Unavailable(e.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<BadForm> for Problem {
    fn from(bad: BadForm) -> Self {
        Self::BadForm(bad)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if matches!(self, Self::Unavailable(_)) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for BadForm {
    fn into_response(self) -> Response {
        Problem::BadForm(self).into_response()
    }
}
