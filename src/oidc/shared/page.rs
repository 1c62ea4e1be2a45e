//! What do the pages of the protocol have in common: the session's cookie, their language, what they say when we have failed?

use axum::http::HeaderMap;

use crate::keys::KeyError;
use crate::web::{Language, Problem};

/// The session cookie's name, before the prefix that https gives it.
pub(in crate::oidc) const SESSION_COOKIE: &str = "session";

/// The language of a page.
pub(in crate::oidc) fn language(headers: &HeaderMap, ui_locales: Option<&str>) -> Language {
    Language::of_reader(headers, ui_locales)
}

/// The signing keys cannot be had, or do not sign.
pub(in crate::oidc) fn key_problem(e: KeyError) -> Problem {
    match e {
        KeyError::Store(e) => e.into(),
        other => Problem::Internal(other.to_string()),
    }
}

/// A defect of ours.
pub(in crate::oidc) fn internal(e: impl std::fmt::Display) -> Problem {
    Problem::Internal(e.to_string())
}
