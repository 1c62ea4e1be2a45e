//! How does an answer get back to the relying app? The one door for codes, tokens and errors alike.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use form_urlencoded::Serializer;
use serde_json::{Map, Value};

use super::super::request::destination::ReturnTo;
use super::super::request::response::Carrier;
use crate::oidc::clients::{Client, card};
use crate::oidc::provider::Provider;
use crate::oidc::shared::kinds::Kind;
use crate::oidc::shared::page::key_problem;
use crate::web::{FormPostPage, Language, Problem};

/// How long an answer that is a JWT holds, in seconds (JARM §2.1 recommends 10 minutes at most).
const JWT_LIFETIME: i64 = 600;

/// The parameters of an answer, in their order.
pub(in crate::oidc::authorize) type Parameters = Vec<(&'static str, String)>;

/// Sends an authorization response (RFC 6749 §4.1.2) to the app, with `state`, and with `iss` (RFC 9207 §2) where it is no JWT,
/// which says so itself.
pub(in crate::oidc::authorize) async fn send(
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
    ring.sign(algorithm, Kind::AuthorizationResponse.typ(), &claims, now).map_err(key_problem)
}

/// Form Post §2: a page that sends itself on, or is sent by its button where there is no JavaScript.
fn form_post(provider: &Provider, client: &Client, to: &ReturnTo, fields: Parameters) -> Response {
    let page = FormPostPage { app: card(client), action: to.redirect_uri.clone(), fields };
    let mut response = provider.signin.pages.respond(StatusCode::OK, &page, Language::default());
    // With less than the origin, browsers send `Origin: null`, and an app cannot tell our form from a stranger's.
    let policy = HeaderValue::from_static("strict-origin");
    response.headers_mut().insert(header::REFERRER_POLICY, policy);
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
    use super::super::super::request::response::ResponseMode;
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
