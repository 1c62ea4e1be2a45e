//! How does an answer get back to the relying app? The one door for codes, tokens and errors alike.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use form_urlencoded::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Provider;
use super::authorize::key_problem;
use super::clients::Client;
use super::device::{self, Outcome};
use super::error::Refusal;
use super::progress::card;
use super::request::{Carrier, ResponseMode};
use crate::web::layers::WITH_SCRIPT;
use crate::web::{FormPostPage, Language, Problem};

/// How long an answer that is a JWT holds, in seconds (JARM §2.1 recommends 10 minutes at most).
const JWT_LIFETIME: i64 = 600;

/// Where an authorization response goes: an address that has been found registered, and what belongs to every answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTo {
    /// The registered `redirect_uri`.
    pub redirect_uri: String,
    /// Whether the request has left it out, as it may where there is only one (RFC 6749 §3.1.2.3).
    #[serde(default)]
    pub implied: bool,
    /// `state`, handed back letter by letter.
    pub state: Option<String>,
    /// How the parameters travel.
    #[serde(default)]
    pub mode: ResponseMode,
}

/// Where the answer to an authorization request goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Destination {
    /// To the app, by the browser.
    App(ReturnTo),
    /// To a device, which asks for it at the token endpoint (RFC 8628 §3.4).
    Device(Waiting),
}

/// A device that waits for a person to decide in a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The hash of its `device_code`.
    pub device_code_hash: String,
    /// Its `user_code`, sealed: the person compares it with what the device shows (RFC 8628 §5.4).
    pub sealed_user_code: String,
    /// The language of the page at the end: a tag of BCP 47.
    pub language: String,
}

impl From<ReturnTo> for Destination {
    fn from(to: ReturnTo) -> Self {
        Self::App(to)
    }
}

impl Destination {
    /// The app's address; none for a device.
    #[must_use]
    pub fn app(&self) -> Option<&ReturnTo> {
        match self {
            Self::App(to) => Some(to),
            Self::Device(_) => None,
        }
    }

    /// The device that waits; none for an app.
    #[must_use]
    pub fn device(&self) -> Option<&Waiting> {
        match self {
            Self::App(_) => None,
            Self::Device(waiting) => Some(waiting),
        }
    }
}

/// The parameters of an answer, in their order.
pub(super) type Parameters = Vec<(&'static str, String)>;

/// Sends an authorization response (RFC 6749 §4.1.2) to the app, with `state`, and with `iss` (RFC 9207 §2) where it is no JWT,
/// which says so itself.
pub(super) async fn send(
    provider: &Provider,
    client: &Client,
    to: &ReturnTo,
    mut parameters: Parameters,
    now: i64,
) -> Result<Response, Problem> {
    parameters.extend(to.state.clone().map(|state| ("state", state)));
    if to.mode.jwt {
        parameters = vec![("response", as_jwt(provider, client, parameters, now).await?)];
    } else {
        parameters.push(("iss", provider.issuer.clone()));
    }
    Ok(match to.mode.carrier {
        // 303, since a 307 would carry a form with a password along (RFC 9700 §4.12).
        Carrier::Query | Carrier::Fragment => Redirect::to(&to.address(&parameters)).into_response(),
        Carrier::FormPost => form_post(provider, client, to, parameters),
    })
}

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
    send(provider, client, to, parameters, now).await
}

/// JARM §2.1: the parameters as claims, signed for this client.
async fn as_jwt(
    provider: &Provider,
    client: &Client,
    parameters: Parameters,
    now: i64,
) -> Result<String, Problem> {
    let mut claims: Map<String, Value> =
        parameters.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    claims.insert("iss".to_owned(), Value::from(provider.issuer.as_str()));
    claims.insert("aud".to_owned(), Value::from(client.id.as_str()));
    claims.insert("exp".to_owned(), Value::from(now + JWT_LIFETIME));
    let chosen = client.metadata.authorization_signed_response_alg;
    let algorithm = chosen.unwrap_or_else(|| provider.algorithm_for(client));
    let ring = provider.keys.ring(now).await.map_err(key_problem)?;
    ring.sign(algorithm, "JWT", &claims, now).map_err(key_problem)
}

/// Form Post §2: a page that sends itself on, or is sent by its button where there is no JavaScript.
fn form_post(provider: &Provider, client: &Client, to: &ReturnTo, fields: Parameters) -> Response {
    let page = FormPostPage { app: card(client), action: to.redirect_uri.clone(), fields };
    let mut response = provider.signin.pages.respond(StatusCode::OK, &page, Language::default());
    let policy = HeaderValue::from_static(WITH_SCRIPT);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

impl ReturnTo {
    fn address(&self, parameters: &[(&'static str, String)]) -> String {
        let query = Serializer::new(String::new()).extend_pairs(parameters).finish();
        let joint = match (self.mode.carrier, self.redirect_uri.split_once('?')) {
            (Carrier::Fragment, _) => "#",
            (_, None) => "?",
            (_, Some((_, ""))) => "",
            (_, Some(_)) => "&",
        };
        format!("{}{joint}{query}", self.redirect_uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(redirect_uri: &str, carrier: Carrier) -> ReturnTo {
        let mode = ResponseMode { carrier, jwt: false };
        ReturnTo { redirect_uri: redirect_uri.to_owned(), implied: false, state: None, mode }
    }

    #[test]
    fn the_registered_query_stays_and_values_are_encoded() {
        let parameters = [("code", "c0de".to_owned()), ("state", "x&y=1 ü".to_owned())];
        for (registered, carrier, expected) in [
            ("https://app.example.org/cb", Carrier::Query, "https://app.example.org/cb?"),
            ("https://app.example.org/cb?", Carrier::Query, "https://app.example.org/cb?"),
            ("https://app.example.org/cb?t=a%20b", Carrier::Query, "https://app.example.org/cb?t=a%20b&"),
            ("https://app.example.org/cb?t=a", Carrier::Fragment, "https://app.example.org/cb?t=a#"),
        ] {
            let address = to(registered, carrier).address(&parameters);
            assert_eq!(address, format!("{expected}code=c0de&state=x%26y%3D1+%C3%BC"));
        }
    }
}
