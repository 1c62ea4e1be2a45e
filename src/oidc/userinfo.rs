//! The UserInfo endpoint (OIDC Core §5.3): who is it that this access token was given for?

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::Provider;
use super::claims;
use super::discovery::open_to_all;
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

/// `GET /userinfo`
pub(super) async fn get(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Response {
    let token = bearer(&headers).map(|token| token.map(str::to_owned));
    respond(&provider, token).await
}

/// `POST /userinfo`, with the token in the header or in the form (RFC 6750 §2.2)
pub(super) async fn post(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let headers = request.headers().clone();
    let form = <Form as axum::extract::FromRequest<()>>::from_request(request, &()).await;
    let in_form = form.as_ref().ok().and_then(|form| form.get("access_token")).map(str::to_owned);
    let doubled = form.as_ref().is_ok_and(|form| form.is_doubled("access_token"));
    let token = match (bearer(&headers), in_form) {
        (Err(failure), _) => Err(failure),
        (Ok(Some(_)), Some(_)) => Err(Failure::Request("the token is there twice, in header and form")),
        (Ok(None), Some(_)) if doubled => Err(Failure::Request("access_token is there more than once")),
        (Ok(in_header), in_form) => Ok(in_header.map(str::to_owned).or(in_form)),
    };
    respond(&provider, token).await
}

/// The token of the `Authorization` header: `Bearer`, one space, and nothing else (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let malformed = Failure::Request("the Authorization header is not Bearer (RFC 6750 section 2.1)");
    match value.to_str().ok().and_then(|text| text.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.contains(' ') => {
            Ok(Some(token))
        }
        _ => Err(malformed),
    }
}

async fn respond(provider: &Provider, token: Result<Option<String>, Failure>) -> Response {
    let answer = match token {
        Ok(Some(token)) => claims_for(provider, &token).await,
        Ok(None) => Err(Failure::NoToken),
        Err(failure) => Err(failure),
    };
    let mut response = answer.map_or_else(IntoResponse::into_response, IntoResponse::into_response);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    open_to_all(response)
}

async fn claims_for(provider: &Provider, token: &str) -> Result<Response, Failure> {
    let now = provider.signin.clock.now();
    let ring = provider.keys.ring(now).await.map_err(Failure::Keys)?;
    let ours = ring.verify(token, now);
    let (claims, typ) = ours.map_err(|_| Failure::Token("this is not an access token of this provider"))?;
    let text = |name: &str| claims.get(name).and_then(|v| v.as_str()).unwrap_or_default();
    if typ != ACCESS_TOKEN || text("iss") != provider.issuer || !has_audience(&claims, &provider.issuer) {
        return Err(Failure::Token("this is not an access token for this endpoint"));
    }
    if claims.get("exp").and_then(Value::as_i64).is_none_or(|exp| exp <= now) {
        return Err(Failure::Token("the access token has expired"));
    }
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
    let requested = GrantDetails::of(&grant).userinfo_claims;
    Ok(Json(claims::about(&mut conn, &person, &person.id, &scopes, &requested).await?).into_response())
}

/// Whether a token is for this audience, which may be one of several (RFC 9068 §4).
fn has_audience(claims: &Map<String, Value>, audience: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one == audience),
        _ => false,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, error, description) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "", ""),
            Self::Request(description) => (StatusCode::BAD_REQUEST, "invalid_request", description),
            Self::Token(description) => (StatusCode::UNAUTHORIZED, "invalid_token", description),
            Self::Scope => {
                (StatusCode::FORBIDDEN, "insufficient_scope", "the token does not have scope openid")
            }
            Self::Store(e) => return super::failure::Failure::from(e).into_response(),
            Self::Keys(e) => return super::failure::Failure::from(e).into_response(),
        };
        let challenge = match error {
            "" => "Bearer realm=\"userinfo\"".to_owned(),
            error => {
                format!("Bearer realm=\"userinfo\", error=\"{error}\", error_description=\"{description}\"")
            }
        };
        let body = serde_json::json!({ "error": error, "error_description": description });
        let mut response = match error {
            "" => status.into_response(),
            _ => (status, Json(body)).into_response(),
        };
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
