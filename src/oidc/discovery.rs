//! What does this provider say about itself? (OIDC Discovery §3, RFC 8414 §2)

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Provider;
use super::claims;
use super::clients::ResponseType;
use super::request::ResponseMode;
use super::scopes::Scope;
use crate::config::SigningAlgorithm;
use crate::signin::decide::{ACR_PASSWORD, ACR_TWO_FACTORS};
use crate::web::{Language, Problem};

/// What the token endpoint answers to.
const PUBLISHED_GRANTS: [&str; 4] = ["authorization_code", "implicit", "refresh_token", "client_credentials"];

/// How clients may prove themselves.
const PUBLISHED_METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`
pub(super) async fn metadata(State(provider): State<Arc<Provider>>) -> Response {
    let issuer = &provider.issuer;
    let at = |path: &str| format!("{issuer}{path}");
    let languages: Vec<&str> = Language::available().collect();
    let metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "pushed_authorization_request_endpoint": at("/par"),
        "require_pushed_authorization_requests": false,
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/jwks"),
        "end_session_endpoint": at("/logout"),
        "check_session_iframe": at("/session/check"),
        "scopes_supported": Scope::ALL.map(Scope::name),
        "response_types_supported": ResponseType::NAMES,
        "response_modes_supported": ResponseMode::NAMES,
        "grant_types_supported": PUBLISHED_GRANTS,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": SigningAlgorithm::ALL.map(SigningAlgorithm::name),
        "token_endpoint_auth_methods_supported": PUBLISHED_METHODS,
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": [ACR_PASSWORD, ACR_TWO_FACTORS],
        "claim_types_supported": ["normal"],
        "claims_supported": claims::names(),
        "claims_parameter_supported": true,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "request_object_signing_alg_values_supported": SigningAlgorithm::ALL.map(SigningAlgorithm::name),
        "authorization_signing_alg_values_supported": SigningAlgorithm::ALL.map(SigningAlgorithm::name),
        "display_values_supported": ["page", "popup", "touch", "wap"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "authorization_response_iss_parameter_supported": true,
        "ui_locales_supported": languages,
    });
    cached(Json(metadata).into_response())
}

/// `GET /jwks` (RFC 7517 §5)
pub(super) async fn jwks(State(provider): State<Arc<Provider>>) -> Result<Response, Problem> {
    let now = provider.signin.clock.now();
    let ring = provider.keys.ring(now).await.map_err(super::authorize::key_problem)?;
    Ok(cached(Json(ring.jwks(now)).into_response()))
}

/// `OPTIONS` of what scripts on other sites may call
pub(super) async fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    open_to_all(response)
}

/// Lets scripts on any site read a response: nothing here is opened by a cookie.
pub(super) fn open_to_all(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Five minutes: half of what a new key is published ahead.
fn cached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    open_to_all(response)
}
