//! Pushed authorization requests (RFC 9126): may this client ask for that? Said to the client before any browser comes.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::keys::secret::{Token, TokenHash, entropy};
use crate::oidc::authorize::request::PARAMETERS;
use crate::oidc::authorize::request::parameters::{self, PUSHED};
use crate::oidc::authorize::request::read::read;
use crate::oidc::client_auth::{Caller, Received};
use crate::oidc::clients::Client;
use crate::oidc::clients::share::Share;
use crate::oidc::provider::Provider;
use crate::oidc::shared::cors::open_to_all;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::Failure;
use crate::oidc::tokens::dpop;
use crate::store::pushed_requests::{self, NewPushed};
use crate::store::room::{self, Room};
use crate::web::form::Form;

/// The longest request that is kept, in bytes.
const LARGEST: usize = 8 * 1024;

/// What a client sends to prove itself (RFC 6749 §2.3.1, RFC 7521 §4.2), which is no part of the request.
const PROOF: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// `POST /par`
pub(super) async fn post(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let answer = match Received::of(request).await {
        Ok(received) => push(&received.caller(&provider, "/par")).await,
        Err(failure) => Err(failure),
    };
    let mut response = match answer {
        Ok(request_uri) => {
            let expires_in = provider.tokens.pushed_lifetime.as_secs();
            let body = json!({ "request_uri": request_uri, "expires_in": expires_in });
            (StatusCode::CREATED, Json(body)).into_response()
        }
        Err(failure) => failure.into_response(),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    dpop::offer_nonce(&provider, provider.signin.clock.now(), &mut response);
    open_to_all(response)
}

/// Any other method (RFC 9126 §2.3): told in JSON, as it is a program that asks.
pub(super) async fn other_method() -> Response {
    let description = "this address takes POST alone (RFC 9126 section 2.1)";
    let body = json!({ "error": Code::InvalidRequest.name(), "error_description": description });
    let allow = [(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"))];
    (StatusCode::METHOD_NOT_ALLOWED, allow, Json(body)).into_response()
}

/// Checks everything that the authorization endpoint would check, and keeps the request for it.
async fn push(caller: &Caller<'_>) -> Result<String, Failure> {
    let Caller { provider, form, now, .. } = *caller;
    let client = caller.authenticate().await?;
    let proven = caller.proven_key(&client).await?;
    let body = without_proof(form, &client)?;
    let asked = parameters::to_push(provider, &client, &body, now).await.map_err(|refusal| {
        provider.slips.refused(&client.id, &refusal, now);
        Failure::request(refusal)
    })?;
    let request = read(provider, &client, &asked, now).await?.map_err(|wrong| {
        wrong.note(provider, &client, &asked, now);
        Failure::request(wrong.refusal())
    })?;
    let key = agreed_key(request.dpop_jkt, proven.as_deref())?;
    keep(caller, &client, &asked, key.as_deref()).await
}

/// The request alone.
fn without_proof(form: &Form, client: &Client) -> Result<Form, Failure> {
    if form.get("client_id").is_some_and(|id| id != client.id) {
        return Err(Failure::invalid("client_id is not that of the client that has proven who it is"));
    }
    let pairs = form.pairs().filter(|(name, value)| !PROOF.contains(name) && !value.is_empty());
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The key that must be proven when the code is redeemed: the one of `dpop_jkt`, or the one that has been proven with the push; if
/// there are both, they must be the same (RFC 9449 §10.1).
fn agreed_key(named: Option<String>, proven: Option<&str>) -> Result<Option<String>, Failure> {
    match (named, proven) {
        (Some(named), Some(proven)) if named != proven => {
            let description =
                "dpop_jkt is not the thumbprint of the key of the DPoP proof (RFC 9449 section 10.1)";
            Err(Failure::request(Refusal::new(Code::InvalidDpopProof, description)))
        }
        (named, proven) => Ok(named.or_else(|| proven.map(str::to_owned))),
    }
}

/// Keeps what the authorization endpoint will look at, and nothing else: what it does not know it ignores.
async fn keep(
    caller: &Caller<'_>,
    client: &Client,
    asked: &Form,
    dpop_jkt: Option<&str>,
) -> Result<String, Failure> {
    let Caller { provider, now, .. } = *caller;
    let pairs: Vec<(&str, &str)> = asked.pairs().filter(|(name, _)| PARAMETERS.contains(name)).collect();
    let parameters = serde_json::to_string(&pairs).map_err(|e| Failure::Internal(e.to_string()))?;
    if parameters.len() > LARGEST {
        return Err(Failure::invalid(format!("the request is longer than {LARGEST} bytes")));
    }
    let share = Share::of_client(client, &caller.network());
    room::make(&provider.signin.db, Room::Pushed, &share.source, share.most).await?;
    let request_uri = format!("{PUSHED}{}", Token::generate(&mut entropy()).reveal());
    let hash = TokenHash::of(&request_uri);
    let expires_at = now + provider.tokens.pushed_lifetime.as_secs();
    let new = NewPushed {
        uri_hash: hash.as_str(),
        client_id: &client.id,
        parameters: &parameters,
        dpop_jkt,
        created_at: now,
        expires_at,
        kept_until: expires_at + provider.signin.settings.lifetime.as_secs(),
        source: &share.source,
    };
    let mut tx = provider.signin.db.write().await?;
    pushed_requests::add(&mut tx, new).await?;
    tx.commit().await?;
    Ok(request_uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_name_a_key_must_agree() {
        let agreed = |named: Option<&str>, proven| agreed_key(named.map(str::to_owned), proven).ok();
        assert_eq!(agreed(None, None), Some(None));
        assert_eq!(agreed(Some("a"), None), Some(Some("a".to_owned())));
        assert_eq!(agreed(None, Some("a")), Some(Some("a".to_owned())));
        assert_eq!(agreed(Some("a"), Some("a")), Some(Some("a".to_owned())));
        assert_eq!(agreed(Some("a"), Some("b")), None);
    }
}
