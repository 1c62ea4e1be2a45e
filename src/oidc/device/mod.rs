//! How does a device without a keyboard get its tokens? (RFC 8628) It shows a short code, and a person types that in a browser.

pub(super) mod authorization;
pub(super) mod page;
mod user_code;

use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Provider;
use super::answer::Waiting;
use super::clients::Client;
use super::progress::card;
use super::scopes::Scopes;
use crate::web::{DeviceOverPage, Language, Problem};

/// How long a device waits for a person, in seconds: time enough to find another device and a password.
pub(super) const LIFETIME: i64 = 600;

/// What a device has asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DeviceRequest {
    scopes: Scopes,
    /// For whom the access tokens will be (RFC 8707).
    resources: Vec<String>,
}

/// What has become of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It may have its tokens.
    Allowed,
    /// It may not.
    Refused,
    /// It no longer waits.
    TooLate,
}

/// The page at the end: the person goes back to the device.
pub(super) fn over(provider: &Provider, client: &Client, waiting: &Waiting, outcome: Outcome) -> Response {
    let (title, lead) = match outcome {
        Outcome::Allowed => ("device-allowed-title", "device-allowed-lead"),
        Outcome::Refused => ("device-refused-title", "device-refused-lead"),
        Outcome::TooLate => ("device-late-title", "device-late-lead"),
    };
    let late = outcome == Outcome::TooLate;
    let status = if late { StatusCode::GONE } else { StatusCode::OK };
    let page = DeviceOverPage { app: card(client), title, lead, alert: late };
    let language = Language::of_group(Some(&waiting.language));
    provider.signin.pages.respond(status, &page, language)
}

/// The code that the device shows, as it shows it.
pub(super) fn shown_code(provider: &Provider, waiting: &Waiting) -> Result<String, Problem> {
    let opened =
        user_code::unseal(&provider.signin.vault, &waiting.device_code_hash, &waiting.sealed_user_code);
    opened.map_err(|e| Problem::Internal(e.to_string()))
}
