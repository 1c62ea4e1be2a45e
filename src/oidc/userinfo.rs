//! The UserInfo endpoint (OIDC Core §5.3): who is it that this access token was given for?

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::oidc::clients::Client;
use crate::oidc::clients::encryption::{Content, Encrypter, EncryptionFailure};
use crate::oidc::provider::Provider;
use crate::oidc::shared::claims;
use crate::oidc::shared::cors::open_to_all;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::{self, DPOP_NONCE};
use crate::oidc::shared::kinds::Kind;
use crate::oidc::shared::scopes::Scope;
use crate::oidc::tokens::access_token::{self, Rejected};
use crate::oidc::tokens::confirmation::Confirmation;
use crate::oidc::tokens::presented::{Presented, Scheme, Unheld};
use crate::oidc::tokens::standing::Standing;
use crate::oidc::tokens::step_up::{self, Challenge};
use crate::oidc::tokens::{dpop, mint};
use crate::store;
use crate::web::Refused;
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
    /// What was proven for the token is no longer enough: 401 (RFC 9470 §3).
    StepUp(Challenge),
    /// Its sender does not hold its key: 401 (RFC 9449 §7.1, RFC 8705 §3).
    Unheld(Unheld),
    /// The answer cannot be encrypted as the client has registered: 400.
    Encryption(EncryptionFailure),
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

impl From<EncryptionFailure> for Failure {
    fn from(e: EncryptionFailure) -> Self {
        Self::Encryption(e)
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Store(e) => Self::Store(e),
            other => Self::Token(other.description()),
        }
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
    let form = Form::beside(&parts, body).await;
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
    let ring = provider.keys.ring_for(&presented.token, now).await.map_err(Failure::Keys)?;
    let mut conn = provider.signin.db.read().await?;
    let token = access_token::open(provider, &ring, &mut conn, &presented.token, now).await?;
    // A proof of the token's key is written down, over another connection: nobody waits for one while holding one.
    let conn = Some(conn).filter(|_| !matches!(token.bound, Some(Confirmation::Dpop(_))));
    if !token.is_for(&provider.issuer) {
        return Err(Failure::Token("this access token is not for this endpoint"));
    }
    presented.check_holder(provider, parts, "/userinfo", token.bound.as_ref(), now).await?;
    // Without a grant there is nobody to tell about.
    let Some(standing) = token.standing.as_ref().filter(|_| token.scopes.has(Scope::Openid)) else {
        return Err(Failure::Scope);
    };
    let Standing { grant, person, details, .. } = standing;
    if let Some(challenge) = step_up::challenge(&token.client.metadata, &grant.acr, grant.auth_time, now) {
        return Err(Failure::StepUp(challenge));
    }
    // What one client has asked for is nothing that another one gets by an exchange.
    let own = grant.client_id == token.client.id;
    let requested = if own { details.userinfo_claims.as_slice() } else { &[] };
    let mut conn = match conn {
        Some(conn) => conn,
        None => provider.signin.db.read().await?,
    };
    let about = claims::about(&mut conn, person, token.text("sub"), &token.scopes, requested).await?;
    drop(conn);
    answer(provider, &token.client, about, now).await
}

/// Plain JSON; or a JWT, signed, encrypted or both, as the client is registered for (OIDC Core §5.3.2).
async fn answer(
    provider: &Provider,
    client: &Client,
    about: Map<String, Value>,
    now: i64,
) -> Result<Response, Failure> {
    let algorithm = client.metadata.userinfo_signed_response_alg;
    let encrypter =
        Encrypter::of(&provider.client_keys, client, client.metadata.userinfo_encryption(), now).await?;
    let about = mint::userinfo_claims(provider, client, about);
    if algorithm.is_none() && encrypter.is_none() {
        return Ok(Json(about).into_response());
    }
    let (text, content) = match algorithm {
        Some(algorithm) => {
            let ring = provider.keys.ring(now).await.map_err(Failure::Keys)?;
            (ring.sign(algorithm, Kind::UserInfo.typ(), &about, now).map_err(Failure::Keys)?, Content::Jwt)
        }
        None => (Value::Object(about).to_string(), Content::Claims),
    };
    let text = match encrypter {
        Some(encrypter) => encrypter.encrypt(&text, content)?,
        None => text,
    };
    Ok(([(header::CONTENT_TYPE, "application/jwt")], text).into_response())
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
        let step_up =
            if let Self::StepUp(challenge) = &self { challenge.parameters() } else { String::new() };
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
            Self::StepUp(_) => {
                let description = "what was proven for this token is no longer enough: authorize again";
                (StatusCode::UNAUTHORIZED, "insufficient_user_authentication", description.to_owned())
            }
            Self::Unheld(Unheld::Failed(failure)) => return failure.into_response(),
            Self::Encryption(e) => return failure::Failure::from(e).into_response(),
            Self::Store(e) => return failure::Failure::from(e).into_response(),
            Self::Keys(e) => return failure::Failure::from(e).into_response(),
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
        response.extensions_mut().insert(Refused::new(None, error, &description));
        let parameters = format!(", error=\"{error}\", error_description=\"{description}\"{step_up}");
        challenge(&mut response, scheme, &parameters);
        if let Some(nonce) = nonce {
            response.headers_mut().insert(DPOP_NONCE, nonce);
        }
        response
    }
}

fn challenge(response: &mut Response, scheme: Scheme, parameters: &str) {
    if let Ok(challenge) = HeaderValue::from_str(&scheme.challenge("userinfo", parameters)) {
        response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
    }
}
