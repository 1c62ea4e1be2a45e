//! The token endpoint (RFC 6749 §3.2): what does the client get for what it holds?

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use openssl::sha::sha256;
use serde_json::json;

use super::Provider;
use super::client_auth::authenticate;
use super::clients::{Client, GrantType};
use super::discovery::open_to_all;
use super::error::{Code, Refusal};
use super::scopes::{Scope, Scopes};
use super::tokens::{self as mint, Issued};
use crate::audit::{Actor, Event};
use crate::directory::{Person, Status, people};
use crate::keys::KeyError;
use crate::keys::secret::{Token, TokenHash, base64url, entropy, same};
use crate::store::tokens::{self, GrantRow};
use crate::store::{self, Conn};
use crate::web::form::Form;

/// Why a token request is refused.
#[derive(Debug)]
pub(super) enum Failure {
    /// The request is wrong: 400.
    Request(Refusal),
    /// The client has not proven who it is: 401, with a challenge if it came by HTTP Basic (RFC 6749 §5.2).
    Client { refusal: Refusal, by_basic: bool },
    /// The database does not answer: 503.
    Unavailable(String),
    /// A defect of ours: 500.
    Internal(String),
}

impl Failure {
    pub(super) fn request(refusal: Refusal) -> Self {
        Self::Request(refusal)
    }

    pub(super) fn client(refusal: Refusal, by_basic: bool) -> Self {
        Self::Client { refusal, by_basic }
    }

    fn grant(description: &str) -> Self {
        Self::Request(Refusal::new(Code::InvalidGrant, description))
    }
}

impl From<store::Error> for Failure {
    fn from(e: store::Error) -> Self {
        match e {
            store::Error::Unavailable { .. } => Self::Unavailable(e.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(e: KeyError) -> Self {
        match e {
            KeyError::Store(e) => e.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, error, description) = match &self {
            Self::Request(r) => (StatusCode::BAD_REQUEST, r.code.name(), r.description.as_str()),
            Self::Client { refusal: r, .. } => {
                (StatusCode::UNAUTHORIZED, r.code.name(), r.description.as_str())
            }
            Self::Unavailable(reason) => {
                tracing::warn!(reason, "the token endpoint is not available");
                let code = Code::TemporarilyUnavailable.name();
                (StatusCode::SERVICE_UNAVAILABLE, code, "the database does not answer: try again")
            }
            Self::Internal(reason) => {
                tracing::error!(reason, "the token endpoint failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "something went wrong on our side")
            }
        };
        let body = Json(json!({ "error": error, "error_description": description }));
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        if matches!(self, Self::Client { by_basic: true, .. }) {
            let challenge = HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if matches!(self, Self::Unavailable(_)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// `POST /token`
pub(super) async fn post(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let headers = request.headers().clone();
    let answer = match <Form as axum::extract::FromRequest<()>>::from_request(request, &()).await {
        Ok(form) => answer(&provider, &headers, &form).await,
        Err(bad) => Err(Failure::request(Refusal::new(Code::InvalidRequest, bad.to_string()))),
    };
    let mut response = match answer {
        Ok(issued) => Json(issued).into_response(),
        Err(failure) => failure.into_response(),
    };
    // RFC 6749 §5.1
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    open_to_all(response)
}

async fn answer(provider: &Provider, headers: &HeaderMap, form: &Form) -> Result<Issued, Failure> {
    if let Some(name) = form.doubled() {
        let description = format!("{name} is there more than once (RFC 6749 section 3.2)");
        return Err(Failure::request(Refusal::new(Code::InvalidRequest, description)));
    }
    let now = provider.signin.clock.now();
    let mut conn = provider.signin.db.read().await?;
    let client = authenticate(&mut conn, headers, form).await?;
    let asked = form
        .get("grant_type")
        .ok_or_else(|| Failure::request(Refusal::new(Code::InvalidRequest, "grant_type is missing")))?;
    let grant_type = GrantType::from_name(asked).ok_or_else(|| {
        let description = format!("grant_type {asked} is not supported");
        Failure::request(Refusal::new(Code::UnsupportedGrantType, description))
    })?;
    if !client.metadata.grant_types.contains(&grant_type) {
        let description = format!("this client is not registered for grant_type {asked}");
        return Err(Failure::request(Refusal::new(Code::UnauthorizedClient, description)));
    }
    match grant_type {
        GrantType::AuthorizationCode => redeem(provider, conn, &client, form, now).await,
        GrantType::RefreshToken => refresh(provider, conn, &client, form, now).await,
        GrantType::ClientCredentials => {
            drop(conn);
            let ring = provider.keys.ring(now).await?;
            Ok(mint::for_client(provider, &ring, &client, now)?)
        }
    }
}

/// `authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.6). Everything about the request is checked before a code that has been used
/// ends its grant: whoever holds no more than a leaked code can do no harm with it.
async fn redeem(
    provider: &Provider,
    mut conn: Conn,
    client: &Client,
    form: &Form,
    now: i64,
) -> Result<Issued, Failure> {
    let missing =
        |name: &str| Failure::request(Refusal::new(Code::InvalidRequest, format!("{name} is missing")));
    let hash = TokenHash::of(form.get("code").ok_or_else(|| missing("code"))?);
    let unknown = "the code is unknown, or was given to another client";
    let code = tokens::find_code(&mut conn, hash.as_str()).await?.ok_or_else(|| Failure::grant(unknown))?;
    let grant = tokens::find_grant(&mut conn, &code.grant_id).await?;
    let grant = grant.filter(|g| g.client_id == client.id).ok_or_else(|| Failure::grant(unknown))?;
    if form.get("redirect_uri").ok_or_else(|| missing("redirect_uri"))? != code.redirect_uri {
        return Err(Failure::grant("redirect_uri is not that of the authorization request"));
    }
    check_verifier(code.code_challenge.as_deref(), form.get("code_verifier"))?;
    if code.spent_at.is_some() {
        return Err(reused(provider, conn, &grant, "the code has been used before", now).await?);
    }
    if code.expires_at <= now {
        return Err(Failure::grant("the code has expired"));
    }
    let person = holder(&mut conn, &grant, now).await?;
    drop(conn);

    let offline = client.metadata.grant_types.contains(&GrantType::RefreshToken)
        && Scopes::parse(&grant.scopes).has(Scope::OfflineAccess);
    let refresh = offline.then(|| Token::generate(&mut entropy()));
    let ring = provider.keys.ring(now).await?;
    let scopes = Scopes::parse(&grant.scopes);
    let nonce = grant.nonce.as_deref();
    let issued = mint::for_grant(provider, &ring, client, &grant, &person, &scopes, nonce, now)?;
    let mut tx = provider.signin.db.write().await?;
    if !tokens::spend_code(&mut tx, hash.as_str(), now).await? {
        drop(tx);
        let conn = provider.signin.db.read().await?;
        return Err(reused(provider, conn, &grant, "the code has been used before", now).await?);
    }
    keep_refresh(provider, &mut tx, &grant, refresh.as_ref(), now).await?;
    tx.commit().await?;
    Ok(issued.with_refresh(refresh))
}

/// PKCE: a verifier where there was a challenge, and none where there was none (RFC 9700 §2.1.1).
fn check_verifier(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), Failure> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(Failure::grant("code_verifier is missing (RFC 7636 section 4.5)")),
        (None, Some(_)) => Err(Failure::grant(
            "there is a code_verifier, and there was no code_challenge (RFC 9700 section 2.1.1)",
        )),
        (Some(challenge), Some(verifier)) => {
            let hashed = base64url(&sha256(verifier.as_bytes()));
            let fits = (43..=128).contains(&verifier.len()) && same(hashed.as_bytes(), challenge.as_bytes());
            if fits { Ok(()) } else { Err(Failure::grant("code_verifier does not fit the code_challenge")) }
        }
    }
}

/// `refresh_token` (RFC 6749 §6), with rotation: one that comes a second time ends its family (RFC 9700 §4.14.2).
async fn refresh(
    provider: &Provider,
    mut conn: Conn,
    client: &Client,
    form: &Form,
    now: i64,
) -> Result<Issued, Failure> {
    let token = form
        .get("refresh_token")
        .ok_or_else(|| Failure::request(Refusal::new(Code::InvalidRequest, "refresh_token is missing")))?;
    let hash = TokenHash::of(token);
    let unknown = "the refresh token is unknown, or was given to another client";
    let row = tokens::find_refresh(&mut conn, hash.as_str()).await?.ok_or_else(|| Failure::grant(unknown))?;
    let grant = tokens::find_grant(&mut conn, &row.grant_id).await?;
    let grant = grant.filter(|g| g.client_id == client.id).ok_or_else(|| Failure::grant(unknown))?;
    if row.spent_at.is_some() {
        return Err(reused(provider, conn, &grant, "the refresh token has been used before", now).await?);
    }
    if row.expires_at <= now {
        return Err(Failure::grant("the refresh token has expired"));
    }
    let person = holder(&mut conn, &grant, now).await?;
    drop(conn);
    let granted = Scopes::parse(&grant.scopes);
    let scopes = match form.get("scope").map(Scopes::parse) {
        None => granted,
        Some(asked) if asked.within(&granted) => asked,
        Some(_) => {
            let description = "scope asks for more than was granted (RFC 6749 section 6)";
            return Err(Failure::request(Refusal::new(Code::InvalidScope, description)));
        }
    };

    let next = Token::generate(&mut entropy());
    let ring = provider.keys.ring(now).await?;
    // OIDC Core §12.2: the nonce was for the first ID token.
    let issued = mint::for_grant(provider, &ring, client, &grant, &person, &scopes, None, now)?;
    let mut tx = provider.signin.db.write().await?;
    if !tokens::spend_refresh(&mut tx, hash.as_str(), now).await? {
        drop(tx);
        let conn = provider.signin.db.read().await?;
        return Err(reused(provider, conn, &grant, "the refresh token has been used before", now).await?);
    }
    keep_refresh(provider, &mut tx, &grant, Some(&next), now).await?;
    tx.commit().await?;
    Ok(issued.with_refresh(Some(next)))
}

/// Whose grant it is, if it still holds and they may still sign in.
async fn holder(conn: &mut Conn, grant: &GrantRow, now: i64) -> Result<Person, Failure> {
    if grant.ended_at.is_some() || grant.expires_at <= now {
        return Err(Failure::grant("the grant has ended"));
    }
    let person = people::find(conn, &grant.user_id).await?.filter(|p| p.status == Status::Active);
    person.ok_or_else(|| Failure::grant("the grant has ended"))
}

async fn keep_refresh(
    provider: &Provider,
    conn: &mut Conn,
    grant: &GrantRow,
    token: Option<&Token>,
    now: i64,
) -> Result<(), Failure> {
    let Some(token) = token else { return Ok(()) };
    let expires_at = (now + provider.tokens.refresh_idle.as_secs()).min(grant.expires_at);
    Ok(tokens::add_refresh(conn, token.hash().as_str(), &grant.id, now, expires_at).await?)
}

/// What was given out twice ends the grant, and everything that hangs from it.
async fn reused(
    provider: &Provider,
    conn: Conn,
    grant: &GrantRow,
    description: &str,
    now: i64,
) -> Result<Failure, Failure> {
    drop(conn);
    let now_ms = provider.signin.clock.now_ms();
    let mut tx = provider.signin.db.write().await?;
    if tokens::end_grant(&mut tx, &grant.id, now).await? {
        Event::new("token.reused", Actor::System)
            .user(&grant.user_id)
            .client(&grant.client_id)
            .record(&mut tx, now_ms, &mut entropy())
            .await?;
    }
    tx.commit().await?;
    Ok(Failure::grant(description))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_must_fit_and_must_not_come_uncalled() {
        // RFC 7636 appendix B
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(check_verifier(challenge, Some(verifier)).is_ok());
        assert!(check_verifier(None, None).is_ok());
        assert!(check_verifier(challenge, None).is_err());
        assert!(check_verifier(None, Some(verifier)).is_err());
        assert!(check_verifier(challenge, Some(&verifier.replace('d', "e"))).is_err());
        assert!(check_verifier(challenge, Some("short")).is_err());
    }
}
