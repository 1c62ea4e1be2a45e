//! The UserInfo endpoint (OIDC Core §5.3): who is it that this access token was given for?

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::Provider;
use super::claims;
use super::clients;
use super::confirmation::Confirmation;
use super::discovery::open_to_all;
use super::dpop;
use super::error::{Code, Refusal};
use super::presented::{Presented, Scheme, Unheld};
use super::scopes::{Scope, Scopes};
use super::tokens::{ACCESS_TOKEN, GrantDetails};
use crate::directory::{Status, people};
use crate::store::{self, tokens};
use crate::web::form::Form;

/// Why UserInfo is refused (RFC 6750 §3.1).
enum Failure {
    /// There is no token: 401, and no error code.
    NoToken,
    /// The request is wrong: 400.
    Request(&'static str),
    /// The token is not one of ours, too old, or ended: 401.
    Token(&'static str),
    /// The token does not open UserInfo: 403.
    Scope,
    /// Its sender does not hold its key: 401 (RFC 9449 §7.1, RFC 8705 §3).
    Unheld(Unheld),
    /// The database does not answer, or worse.
    Store(store::Error),
    /// The signing keys cannot be had.
    Keys(crate::keys::KeyError),
}

impl From<store::Error> for Failure {
    fn from(e: store::Error) -> Self {
        Self::Store(e)
    }
}

impl From<Unheld> for Failure {
    fn from(unheld: Unheld) -> Self {
        Self::Unheld(unheld)
    }
}

/// `GET /userinfo`
pub(super) async fn get(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    respond(&provider, &parts, None).await
}

/// `POST /userinfo`, with the token in the header or in the form (RFC 6750 §2.2)
pub(super) async fn post(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let form = Form::from_request(Request::from_parts(parts.clone(), body), &()).await;
    respond(&provider, &parts, form.ok().as_ref()).await
}

async fn respond(provider: &Provider, parts: &Parts, form: Option<&Form>) -> Response {
    let now = provider.signin.clock.now();
    let (scheme, answer) = match Presented::of(parts, form) {
        Ok(Some(token)) => (token.scheme, claims_for(provider, parts, &token, now).await),
        Ok(None) => (Scheme::Bearer, Err(Failure::NoToken)),
        Err(description) => (Scheme::Bearer, Err(Failure::Request(description))),
    };
    let mut response = answer.unwrap_or_else(|failure| failure.into_response(scheme));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if scheme == Scheme::Dpop {
        dpop::offer_nonce(provider, now, &mut response);
    }
    open_to_all(response)
}

async fn claims_for(
    provider: &Provider,
    parts: &Parts,
    presented: &Presented,
    now: i64,
) -> Result<Response, Failure> {
    let ring = provider.keys.ring(now).await.map_err(Failure::Keys)?;
    let ours = ring.verify(&presented.token, now);
    let (claims, typ) = ours.map_err(|_| Failure::Token("this is not an access token of this provider"))?;
    let text = |name: &str| claims.get(name).and_then(|v| v.as_str()).unwrap_or_default();
    if typ != ACCESS_TOKEN || text("iss") != provider.issuer || !has_audience(&claims, &provider.issuer) {
        return Err(Failure::Token("this is not an access token for this endpoint"));
    }
    if claims.get("exp").and_then(Value::as_i64).is_none_or(|exp| exp <= now) {
        return Err(Failure::Token("the access token has expired"));
    }
    let bound = match claims.get("cnf") {
        Some(cnf) => Some(Confirmation::of_claim(cnf).ok_or(Failure::Token("the token's cnf is not ours"))?),
        None => None,
    };
    presented.check_holder(provider, parts, "/userinfo", bound.as_ref(), now).await?;
    let scopes = Scopes::parse(text("scope"));
    if !scopes.has(Scope::Openid) {
        return Err(Failure::Scope);
    }
    let ended = Failure::Token("the grant of this access token has ended");
    let grant_id = text("jti").split('.').next().unwrap_or_default();
    let mut conn = provider.signin.db.read().await?;
    let grant = tokens::find_grant(&mut conn, grant_id).await?;
    let Some(grant) = grant.filter(|g| g.ended_at.is_none() && g.expires_at > now) else { return Err(ended) };
    let person = people::find(&mut conn, &grant.user_id).await?;
    let Some(person) = person.filter(|p| p.status == Status::Active) else { return Err(ended) };
    let Some(client) = clients::find(&mut conn, &grant.client_id).await? else { return Err(ended) };
    let subject = provider.subject(&client, &person.id).map_err(|e| Failure::Keys(e.into()))?;
    let requested = GrantDetails::of(&grant).userinfo_claims;
    Ok(Json(claims::about(&mut conn, &person, &subject, &scopes, &requested).await?).into_response())
}

/// Whether a token is for this audience, which may be one of several (RFC 9068 §4).
fn has_audience(claims: &Map<String, Value>, audience: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one == audience),
        _ => false,
    }
}

impl Failure {
    /// The refusal, for a token that was sent in this way.
    fn into_response(self, scheme: Scheme) -> Response {
        let nonce = match &self {
            Self::Unheld(Unheld::Nonce(nonce)) => HeaderValue::from_str(nonce).ok(),
            _ => None,
        };
        let scheme = match &self {
            Self::Unheld(Unheld::Downgraded) => Scheme::Dpop,
            _ => scheme,
        };
        let (status, error, description) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "", String::new()),
            Self::Request(description) => {
                (StatusCode::BAD_REQUEST, "invalid_request", description.to_owned())
            }
            Self::Token(description) | Self::Unheld(Unheld::Token(description)) => {
                (StatusCode::UNAUTHORIZED, "invalid_token", description.to_owned())
            }
            Self::Unheld(Unheld::Downgraded) => {
                let description = "the access token is bound to a DPoP key: send it as DPoP, with a proof";
                (StatusCode::UNAUTHORIZED, "invalid_token", description.to_owned())
            }
            Self::Unheld(Unheld::Proof(description)) => {
                (StatusCode::UNAUTHORIZED, Code::InvalidDpopProof.name(), description)
            }
            Self::Unheld(Unheld::Nonce(_)) => {
                let description = "the DPoP proof must hold the nonce of this answer's DPoP-Nonce header";
                (StatusCode::UNAUTHORIZED, Code::UseDpopNonce.name(), description.to_owned())
            }
            Self::Scope => {
                let description = "the token does not have scope openid";
                (StatusCode::FORBIDDEN, "insufficient_scope", description.to_owned())
            }
            Self::Unheld(Unheld::Failed(failure)) => return failure.into_response(),
            Self::Store(e) => return super::failure::Failure::from(e).into_response(),
            Self::Keys(e) => return super::failure::Failure::from(e).into_response(),
        };
        if error.is_empty() {
            let mut response = status.into_response();
            for scheme in [Scheme::Bearer, Scheme::Dpop] {
                challenge(&mut response, scheme, "");
            }
            return response;
        }
        // With no character in it that the header does not take.
        let description = Refusal::new(Code::InvalidRequest, description).description;
        let body = serde_json::json!({ "error": error, "error_description": description });
        let mut response = (status, Json(body)).into_response();
        let parameters = format!(", error=\"{error}\", error_description=\"{description}\"");
        challenge(&mut response, scheme, &parameters);
        if let Some(nonce) = nonce {
            response.headers_mut().insert(dpop::NONCE, nonce);
        }
        response
    }
}

fn challenge(response: &mut Response, scheme: Scheme, parameters: &str) {
    if let Ok(challenge) = HeaderValue::from_str(&scheme.challenge("userinfo", parameters)) {
        response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
    }
}
