//! How does an app register itself? The registration endpoint (OIDC Registration §3, RFC 7591 §3), and what the app does with
//! its registration afterwards (RFC 7592).

pub mod invitation;
mod members;
mod refused;
pub mod sector;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use self::refused::Refused;
use crate::audit::{Actor, Event};
use crate::config::RegistrationMode;
use crate::keys::secret::{Token, TokenHash, entropy, same};
use crate::oidc::clients::{self, Client, Metadata};
use crate::oidc::provider::Provider;
use crate::oidc::shared::cors::{self, open_to_all};
use crate::oidc::shared::error::{Code, Refusal};
use crate::signin::throttle;
use crate::store::{registrations, seen_ids};
use crate::web::network::Network;
use crate::web::{Path, form, headers};

/// What an answer tells beside the metadata, and no client may register (RFC 7592 §2.2).
const TOLD: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];

/// `POST /register`
pub(super) async fn post(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    finish(register(&provider, request).await)
}

/// `GET /register/{client_id}` (RFC 7592 §2.1)
pub(super) async fn get(
    State(provider): State<Arc<Provider>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    finish(async { Ok(manager(&provider, &client_id, &headers).await?.answer(&provider, None)) }.await)
}

/// `PUT /register/{client_id}` (RFC 7592 §2.2)
pub(super) async fn put(
    State(provider): State<Arc<Provider>>,
    Path(client_id): Path<String>,
    request: Request,
) -> Response {
    finish(replace(&provider, &client_id, request).await)
}

/// `DELETE /register/{client_id}` (RFC 7592 §2.3)
pub(super) async fn delete(
    State(provider): State<Arc<Provider>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    finish(withdraw(&provider, &client_id, &headers).await)
}

/// `OPTIONS` of both
pub(super) async fn preflight() -> Response {
    let mut response = cors::preflight().await;
    let methods = HeaderValue::from_static("GET, POST, PUT, DELETE");
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    response
}

fn finish(answer: Result<Response, Refused>) -> Response {
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    open_to_all(response)
}

async fn register(provider: &Provider, request: Request) -> Result<Response, Refused> {
    let mode = provider.registration.mode;
    if mode == RegistrationMode::Closed {
        return Err(Refused::Closed);
    }
    let now_ms = provider.signin.clock.now_ms();
    let now = now_ms / 1000;
    let network = Network::of(request.extensions(), request.headers(), &provider.trusted_proxies);
    // Whoever was invited waits for nobody; the invitation is theirs alone, and spent by what comes of it.
    let invitation = match mode {
        RegistrationMode::Token => Some(invitation(provider, request.headers(), now).await?),
        RegistrationMode::Open | RegistrationMode::Closed => {
            count(provider, &network, now).await?;
            None
        }
    };
    let json = object(request).await?;
    let metadata = members::read(&json, if invitation.is_some() { &members::UNATTENDED } else { &[] })?;
    sector::check(&provider.outbound, &metadata).await?;
    // Nobody here has looked at the app: people are asked before it learns who they are.
    let metadata = Metadata { consent: true, ..metadata };
    let mut tx = provider.signin.db.write().await?;
    if let Some(hash) = &invitation
        && !registrations::spend_invitation(&mut tx, hash.as_str(), now).await?
    {
        return Err(Refused::Token(invitation::NOT_INVITED));
    }
    let registered = clients::add(&mut tx, &provider.signin.vault, metadata, now, &mut entropy()).await?;
    let token = Token::generate(&mut entropy());
    let (id, most) = (&registered.client.id, provider.registration.max_clients);
    // The bound counts those that are there: two that come at once must not both find the last place.
    seen_ids::queue(&mut tx, "registration", now).await?;
    if !registrations::mark(&mut tx, id, token.hash().as_str(), most.into()).await? {
        return Err(Refused::Full(most));
    }
    Event::new("client.registered", if invitation.is_some() { Actor::Client } else { Actor::Anonymous })
        .client(id)
        .network(network.to_string())
        .detail("name", registered.client.metadata.client_name.clone())
        .record(&mut tx, now_ms, &mut entropy())
        .await?;
    tx.commit().await?;
    let managed = Managed { client: registered.client, token: token.reveal().to_owned() };
    let answer = managed.answer(provider, registered.secret.as_ref());
    Ok((StatusCode::CREATED, answer).into_response())
}

async fn replace(provider: &Provider, client_id: &str, request: Request) -> Result<Response, Refused> {
    let before = manager(provider, client_id, request.headers()).await?;
    let network = Network::of(request.extensions(), request.headers(), &provider.trusted_proxies);
    // Each is on the audit log, as each registration is.
    count(provider, &network, provider.signin.clock.now()).await?;
    let json = object(request).await?;
    before.check_identity(&json)?;
    // Of the grants that nobody gets without being invited it may keep those that it has.
    let asked = members::read(&json, &before.client.metadata.grant_types)?;
    sector::check(&provider.outbound, &asked).await?;
    let now_ms = provider.signin.clock.now_ms();
    let mut tx = provider.signin.db.write().await?;
    // What stays is as it is now: the operator may have changed it, or the secret, since the request came.
    let current = clients::find_to_change(&mut tx, client_id).await?.filter(|now| before.is_still(now));
    let current = current.ok_or(Refused::Token(WRONG_TOKEN))?;
    let (metadata, vault) = (members::with_ours_of(&current.metadata, asked), &provider.signin.vault);
    let replaced =
        clients::replace(&mut tx, vault, &current, metadata, now_ms / 1000, &mut entropy()).await?;
    let replaced = replaced.ok_or(Refused::Token(WRONG_TOKEN))?;
    Event::new("client.changed", Actor::Client)
        .client(client_id)
        .record(&mut tx, now_ms, &mut entropy())
        .await?;
    tx.commit().await?;
    let after = Managed { client: replaced.client, token: before.token };
    Ok(after.answer(provider, replaced.secret.as_ref()))
}

async fn withdraw(provider: &Provider, client_id: &str, headers: &HeaderMap) -> Result<Response, Refused> {
    let managed = manager(provider, client_id, headers).await?;
    let now_ms = provider.signin.clock.now_ms();
    let mut tx = provider.signin.db.write().await?;
    let hash = TokenHash::of(&managed.token);
    if !registrations::withdraw(&mut tx, client_id, hash.as_str()).await? {
        return Err(Refused::Token(WRONG_TOKEN));
    }
    Event::new("client.deleted", Actor::Client)
        .client(client_id)
        .record(&mut tx, now_ms, &mut entropy())
        .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Counts a registration, or a change of one, for its network, before anything is fetched or kept for it.
async fn count(provider: &Provider, network: &Network, now: i64) -> Result<(), Refused> {
    let mut tx = provider.signin.db.write().await?;
    match throttle::registration(&mut tx, network, provider.registration.per_hour, now).await? {
        Ok(()) => Ok(tx.commit().await?),
        Err(until) => Err(Refused::TooMany { wait: (until - now).max(1) }),
    }
}

/// The initial access token of a request (RFC 7591 §3), if it lets somebody register now.
async fn invitation(provider: &Provider, headers: &HeaderMap, now: i64) -> Result<TokenHash, Refused> {
    let hash = TokenHash::of(bearer(headers).ok_or(Refused::NoToken)?);
    let mut conn = provider.signin.db.read().await?;
    if registrations::is_invited(&mut conn, hash.as_str(), now).await? {
        return Ok(hash);
    }
    drop(conn);
    let mut tx = provider.signin.db.write().await?;
    registrations::expire_invitation(&mut tx, hash.as_str(), now).await?;
    tx.commit().await?;
    Err(Refused::Token(invitation::NOT_INVITED))
}

/// A client whose registration access token was shown (RFC 7592 §3).
struct Managed {
    client: Client,
    token: String,
}

const WRONG_TOKEN: &str = "this is not the registration access token of a client of this address";

/// RFC 7592 §2: a wrong token, a client that has gone, and one that never was look alike.
async fn manager(provider: &Provider, client_id: &str, headers: &HeaderMap) -> Result<Managed, Refused> {
    let token = bearer(headers).ok_or(Refused::NoToken)?;
    let hash = TokenHash::of(token);
    let mut conn = provider.signin.db.read().await?;
    let client = clients::find(&mut conn, client_id).await?;
    let fits = |client: &Client| {
        let known = client.registration_token_hash.as_deref();
        known.is_some_and(|known| same(known.as_bytes(), hash.as_str().as_bytes()))
    };
    let client = client.filter(fits).ok_or(Refused::Token(WRONG_TOKEN))?;
    Ok(Managed { client, token: token.to_owned() })
}

impl Managed {
    /// Whether the token that was shown is the client's still.
    fn is_still(&self, now: &Client) -> bool {
        self.client.registration_token_hash == now.registration_token_hash
    }

    /// The client information response (RFC 7591 §3.2.1, RFC 7592 §3). We know only the hash of an older secret.
    fn answer(&self, provider: &Provider, secret: Option<&Token>) -> Response {
        let client = &self.client;
        let mut members = members::shown_to_client(&client.metadata);
        let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
        set("client_id", json!(client.id));
        set("client_id_issued_at", json!(client.created_at));
        set("registration_access_token", json!(self.token));
        set("registration_client_uri", json!(format!("{}/register/{}", provider.issuer, client.id)));
        if let Some(secret) = secret {
            set("client_secret", json!(secret.reveal()));
        }
        if client.secret_hash.is_some() {
            set("client_secret_expires_at", json!(0));
        }
        Json(members).into_response()
    }

    /// What a replacement says of the client itself is what it has been told (RFC 7592 §2.2).
    fn check_identity(&self, json: &Map<String, Value>) -> Result<(), Refused> {
        let wrong = |what: &str| {
            Err(Refused::Request(Refusal::new(
                Code::InvalidClientMetadata,
                format!("{what} (RFC 7592 section 2.2)"),
            )))
        };
        if let Some(told) = TOLD.into_iter().find(|name| json.contains_key(*name)) {
            return wrong(&format!("{told}: must not be sent"));
        }
        if json.get("client_id").and_then(Value::as_str) != Some(self.client.id.as_str()) {
            return wrong("client_id: must be sent, and be that of this address");
        }
        let Some(secret) = json.get("client_secret") else { return Ok(()) };
        let hash = secret.as_str().map(TokenHash::of);
        let known = self.client.secret_hash.as_deref();
        let right = known.zip(hash.as_ref());
        if right.is_some_and(|(known, sent)| same(known.as_bytes(), sent.as_str().as_bytes())) {
            return Ok(());
        }
        wrong("client_secret: must be left out, or be the one that was issued")
    }
}

/// `Authorization: Bearer` and one token (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The JSON object in a request's body.
async fn object(request: Request) -> Result<Map<String, Value>, Refused> {
    let kind = headers::media_type(request.headers());
    let body = form::body(request, &()).await.map_err(Refused::Body)?;
    let wrong = |what: &str| Refused::Request(Refusal::new(Code::InvalidClientMetadata, what));
    if kind != "application/json" {
        return Err(wrong("send the metadata as application/json (RFC 7591 section 3.1)"));
    }
    let value = serde_json::from_slice(&body).map_err(|e| wrong(&format!("the body is not JSON: {e}")))?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(wrong("the body is not a JSON object (RFC 7591 section 3.1)")),
    }
}
