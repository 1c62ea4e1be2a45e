//! How does an answer get back to whoever has asked? To an app by the browser, to a device by a page that sends the person back to it.

pub(super) mod app;
pub(super) mod device;

use axum::response::{IntoResponse, Redirect, Response};

use self::device::Outcome;
use super::request::destination::Destination;
use crate::oidc::clients::Client;
use crate::oidc::provider::Provider;
use crate::oidc::shared::error::Refusal;
use crate::web::{Problem, Refused};

/// Sends an authorization error response (RFC 6749 §4.1.2.1).
pub(super) async fn refuse(
    provider: &Provider,
    client: &Client,
    to: &Destination,
    refusal: &Refusal,
    now: i64,
) -> Result<Response, Problem> {
    let (error, description) = (refusal.code.name(), &refusal.description);
    let mut response = match to {
        Destination::App(to) => {
            let parameters = vec![("error", error.to_owned()), ("error_description", description.clone())];
            app::send(provider, client, to, parameters, now).await?
        }
        Destination::Device(waiting) => device::over(provider, client, waiting, Outcome::Refused),
        // Whoever does not want to come in after all sees the front page.
        Destination::Console(_) => return Ok(Redirect::to("/").into_response()),
    };
    response.extensions_mut().insert(Refused::new(Some(&client.id), error, description));
    Ok(response)
}
