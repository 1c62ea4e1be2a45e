//! What does a person read at the end, whose device has waited?

use axum::http::StatusCode;
use axum::response::Response;

use super::super::request::destination::Waiting;
use crate::oidc::clients::{Client, card};
use crate::oidc::provider::Provider;
use crate::web::{DeviceOverPage, Language};

/// What has become of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::oidc::authorize) enum Outcome {
    /// It may have its tokens.
    Allowed,
    /// It may not.
    Refused,
    /// It no longer waits.
    TooLate,
}

/// The page at the end: the person goes back to the device.
pub(in crate::oidc::authorize) fn over(
    provider: &Provider,
    client: &Client,
    waiting: &Waiting,
    outcome: Outcome,
) -> Response {
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
