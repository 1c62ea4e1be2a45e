//! The introspection endpoint (RFC 7662, signed answers by RFC 9701): is this token good, asks who was shown it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::keys::Ring;
use crate::keys::secret::GrantToken;
use crate::oidc::client_auth::{Caller, Received};
use crate::oidc::clients::Client;
use crate::oidc::provider::Provider;
use crate::oidc::shared::claims::object;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::Failure;
use crate::oidc::shared::kinds::Kind;
use crate::oidc::shared::scopes::{Scope, Scopes};
use crate::oidc::tokens::access_token::{self, AccessToken, Rejected};
use crate::oidc::tokens::confirmation::Confirmation;
use crate::oidc::tokens::standing::{self, Granted, Standing};
use crate::store::standing::Behind;
use crate::store::{self, Conn};

/// What a signed answer is asked for by, and comes as (RFC 9701 §4 and §5).
const SIGNED: &str = "application/token-introspection+jwt";

/// What an access token says of itself (RFC 7662 §2.2, RFC 8693 §4.1, RFC 9470 §6.2). What it is for, and what it opens, is what
/// is left of that.
const HANDED_ON: [&str; 11] =
    ["iss", "sub", "client_id", "exp", "iat", "jti", "cnf", "acr", "amr", "auth_time", "act"];

/// `POST /introspect`
pub(super) async fn post(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let answer = match Received::of(request).await {
        Ok(received) => answer(&received.caller(&provider, "/introspect")).await,
        Err(failure) => Err(failure),
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn answer(caller: &Caller<'_>) -> Result<Response, Failure> {
    let client = caller.authenticate().await?;
    if client.metadata.is_public() {
        // RFC 7662 §2.1: or anybody could try tokens out.
        let description = "introspection is for clients that can prove who they are";
        return Err(Failure::client(Refusal::new(Code::InvalidClient, description), false));
    }
    let token = caller.form.get("token").ok_or_else(|| Failure::invalid("token is missing"))?;
    let ring = caller.provider.keys.ring_for(token, caller.now).await?;
    let mut conn = caller.provider.signin.db.read().await?;
    let known = match refresh_token(caller, &mut conn, &client, token).await? {
        Some(known) => Some(known),
        None => access_token(caller, &ring, &mut conn, &client, token).await?,
    };
    drop(conn);
    // One that is not good and one that is not the caller's business look alike (RFC 7662 §2.2).
    let known = known.unwrap_or_else(|| object(json!({ "active": false })));
    if accepts_signed(caller.headers) {
        signed(caller, &client, known).await
    } else {
        Ok(Json(known).into_response())
    }
}

async fn access_token(
    caller: &Caller<'_>,
    ring: &Ring,
    conn: &mut Conn,
    client: &Client,
    token: &str,
) -> Result<Option<Map<String, Value>>, Failure> {
    match access_token::open(caller.provider, ring, conn, token, caller.now).await {
        Ok(token) if token.concerns(client) => Ok(Some(about(&token, client))),
        Ok(_) | Err(Rejected::NotOurs | Rejected::Expired | Rejected::Ended | Rejected::Lost(_)) => Ok(None),
        Err(Rejected::Store(e)) => Err(e.into()),
    }
}

/// What a client may know of an access token.
fn about(token: &AccessToken, client: &Client) -> Map<String, Value> {
    let token_type = Confirmation::token_type(token.bound.as_ref());
    let mut known = object(json!({ "active": true, "token_type": token_type }));
    let said =
        HANDED_ON.into_iter().filter_map(|name| Some((name.to_owned(), token.claims.get(name)?.clone())));
    known.extend(said);
    known.insert("aud".to_owned(), one_or_several(&token.audience));
    if token.scopes != Scopes::default() {
        known.insert("scope".to_owned(), Value::from(token.scopes.to_string()));
    }
    // The login is for an app that may know it anyway.
    let own = token.client.id == client.id && token.scopes.has(Scope::Profile);
    if let Some(standing) = token.standing.as_ref().filter(|_| own) {
        known.insert("username".to_owned(), Value::from(standing.person.login.as_str()));
    }
    known
}

/// `aud` as tokens have it (RFC 7519 §4.1.3).
fn one_or_several(audience: &[String]) -> Value {
    match audience {
        [one] => Value::from(one.as_str()),
        several => Value::from(several),
    }
}

/// What a client may know of a refresh token of its own; nobody else has one to ask about.
async fn refresh_token(
    caller: &Caller<'_>,
    conn: &mut Conn,
    client: &Client,
    token: &str,
) -> Result<Option<Map<String, Value>>, Failure> {
    let now = caller.now;
    let found = store::standing::of_refresh(conn, GrantToken::hash_of(token).as_str()).await?;
    let found = found.filter(|found| found.token.spent_at.is_none() && found.token.expires_at > now);
    let Some(Behind { token: row, granted }) = found else { return Ok(None) };
    let Some(granted) = Granted::of(granted)?.of_client(client) else { return Ok(None) };
    let standing = standing::of(conn, client, granted, now).await?.ok();
    let standing = standing.filter(|standing| standing.scopes.has(Scope::OfflineAccess));
    let Some(Standing { grant, person, scopes, .. }) = standing else { return Ok(None) };
    let mut known = object(json!({
        "active": true,
        "iss": caller.provider.issuer,
        "sub": caller.provider.subject(client, &person.id)?,
        "client_id": client.id,
        "scope": scopes.to_string(),
        "exp": row.expires_at,
        "acr": grant.acr,
        "amr": grant.amr.split(' ').collect::<Vec<_>>(),
        "auth_time": grant.auth_time,
    }));
    if let Some(bound) = row.bound_to.as_deref().and_then(Confirmation::from_json) {
        known.insert("cnf".to_owned(), bound.claim());
    }
    if scopes.has(Scope::Profile) {
        known.insert("username".to_owned(), Value::from(person.login));
    }
    Ok(Some(known))
}

fn accepts_signed(headers: &HeaderMap) -> bool {
    let accept = crate::web::headers::list(headers, header::ACCEPT);
    let mut types = accept.split(',').map(|one| one.split(';').next().unwrap_or_default());
    types.any(|one| one.trim().eq_ignore_ascii_case(SIGNED))
}

/// RFC 9701 §5: the answer as a claim of a JWT for the caller.
async fn signed(
    caller: &Caller<'_>,
    client: &Client,
    known: Map<String, Value>,
) -> Result<Response, Failure> {
    let (provider, now) = (caller.provider, caller.now);
    let claims = object(json!({
        "iss": provider.issuer,
        "aud": client.id,
        "iat": now,
        "token_introspection": known,
    }));
    let chosen = client.metadata.introspection_signed_response_alg;
    let algorithm = chosen.unwrap_or_else(|| provider.algorithm_for(client));
    let ring = provider.keys.ring(now).await?;
    let jwt = ring.sign(algorithm, Kind::Introspection.typ(), &claims, now)?;
    Ok(([(header::CONTENT_TYPE, SIGNED)], jwt).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_answer_is_asked_for_by_name() {
        let asks = |accept: &'static str| {
            accepts_signed(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]))
        };
        assert!(asks("application/token-introspection+jwt"));
        assert!(asks("application/json;q=0.5, Application/Token-Introspection+JWT; q=1"));
        assert!(!asks("application/json"));
        assert!(!asks("*/*"));
        assert!(!accepts_signed(&HeaderMap::new()));
    }
}
