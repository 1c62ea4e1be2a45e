//! How does an answer get back to whoever has asked? To an app by the browser, to a device by a page that sends the person back to it.

pub(super) mod app;
pub(super) mod device;

use axum::response::Response;

use self::device::Outcome;
use super::request::destination::Destination;
use crate::oidc::clients::Client;
use crate::oidc::provider::Provider;
use crate::oidc::shared::error::Refusal;
use crate::web::Problem;

/// Sends an authorization error response (RFC 6749 §4.1.2.1).
pub(super) async fn refuse(
    provider: &Provider,
    client: &Client,
    to: &Destination,
    refusal: &Refusal,
    now: i64,
) -> Result<Response, Problem> {
    let to = match to {
        Destination::App(to) => to,
        Destination::Device(waiting) => return Ok(device::over(provider, client, waiting, Outcome::Refused)),
    };
    let parameters =
        vec![("error", refusal.code.name().to_owned()), ("error_description", refusal.description.clone())];
    app::send(provider, client, to, parameters, now).await
}
