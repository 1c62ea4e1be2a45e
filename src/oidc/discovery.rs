//! What does this provider say about itself? (OIDC Discovery §3, RFC 8414 §2)

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use crate::config::{RegistrationMode, SigningAlgorithm};
use crate::keys::Ring;
use crate::keys::jose::{ContentEncryption, KeyManagement, MacAlgorithm};
use crate::oidc::authorize::request::ResponseMode;
use crate::oidc::clients::subject::SubjectType;
use crate::oidc::clients::{AuthMethod, GrantType, ResponseType};
use crate::oidc::provider::Provider;
use crate::oidc::shared::claims;
use crate::oidc::shared::cors::open_to_all;
use crate::oidc::shared::page::key_problem;
use crate::oidc::shared::scopes::Scope;
use crate::oidc::tokens::dpop;
use crate::signin::decide::{ACR_PASSWORD, ACR_TWO_FACTORS};
use crate::web::{Language, Prepared, Problem};

/// How long others may keep these documents, in seconds: half of what a new key is published ahead.
const MAX_AGE: u32 = 300;

/// What the token endpoint answers to.
const PUBLISHED_GRANTS: &[&str] = GrantType::NAMES;

/// How clients may prove themselves: by certificate only where one can be shown.
fn published_methods(provider: &Provider) -> Vec<&'static str> {
    let methods = AuthMethod::ALL.iter().filter(|m| provider.takes_certificates || !m.needs_certificate());
    methods.map(|method| method.name()).collect()
}

/// Those by which a client proves who it is: nobody else may ask about tokens (RFC 7662 §2.1).
fn proving_methods(provider: &Provider) -> Vec<&'static str> {
    published_methods(provider).into_iter().filter(|method| *method != AuthMethod::None.name()).collect()
}

/// What clients may sign their assertions with (OIDC Core §9).
fn published_assertion_algorithms() -> Vec<&'static str> {
    let by_key = SigningAlgorithm::ALL.into_iter().map(SigningAlgorithm::name);
    by_key.chain(MacAlgorithm::ALL.into_iter().map(MacAlgorithm::name)).collect()
}

/// The documents, as they are sent.
pub(super) struct Documents {
    provider: Arc<Provider>,
    /// It follows from the settings, which are the same until this process ends.
    metadata: Prepared,
    /// The key set, as it was prepared last.
    keys: Mutex<Option<KeySet>>,
}

/// The key set of these keys.
struct KeySet {
    ring: Arc<Ring>,
    /// When that is what they are published as.
    holds: Range<i64>,
    prepared: Prepared,
}

impl Documents {
    pub(super) fn of(provider: Arc<Provider>) -> Self {
        let metadata = Prepared::json(&metadata_of(&provider), MAX_AGE);
        Self { provider, metadata, keys: Mutex::default() }
    }

    /// The key set of these keys at this moment.
    fn key_set(&self, ring: &Arc<Ring>, now: i64) -> Prepared {
        let mut kept = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) =
            kept.as_ref().filter(|set| Arc::ptr_eq(&set.ring, ring) && set.holds.contains(&now))
        {
            return set.prepared.clone();
        }
        let prepared = Prepared::json(&ring.jwks(self.provider.algorithm, now), MAX_AGE);
        let set = KeySet { ring: Arc::clone(ring), holds: ring.unchanged(now), prepared: prepared.clone() };
        *kept = Some(set);
        prepared
    }
}

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`
pub(super) async fn metadata(State(documents): State<Arc<Documents>>, headers: HeaderMap) -> Response {
    open_to_all(documents.metadata.answer(&headers))
}

/// `GET /jwks` (RFC 7517 §5)
pub(super) async fn jwks(
    State(documents): State<Arc<Documents>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let provider = &documents.provider;
    let now = provider.signin.clock.now();
    let ring = provider.keys.ring_to_publish(now).await.map_err(key_problem)?;
    Ok(open_to_all(documents.key_set(&ring, now).answer(&headers)))
}

/// The metadata of a provider with these settings.
fn metadata_of(provider: &Provider) -> Value {
    let issuer = &provider.issuer;
    let at = |path: &str| format!("{issuer}{path}");
    let languages: Vec<&str> = Language::available().collect();
    let mut metadata = json!({
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
        "subject_types_supported": SubjectType::ALL.map(SubjectType::name),
        "id_token_signing_alg_values_supported": SigningAlgorithm::ALL.map(SigningAlgorithm::name),
        "token_endpoint_auth_methods_supported": published_methods(provider),
        "token_endpoint_auth_signing_alg_values_supported": published_assertion_algorithms(),
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS.map(SigningAlgorithm::name),
        "tls_client_certificate_bound_access_tokens": provider.takes_certificates,
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
    if provider.registration.mode != RegistrationMode::Closed {
        metadata = with(metadata, json!({ "registration_endpoint": at("/register") }));
    }
    with(metadata, beside_the_code_flow(provider))
}

/// What there is beside the code flow: further endpoints, and answers that are signed and encrypted.
fn beside_the_code_flow(provider: &Provider) -> Value {
    let at = |path: &str| format!("{}{path}", provider.issuer);
    json!({
        "revocation_endpoint": at("/revoke"),
        "revocation_endpoint_auth_methods_supported": published_methods(provider),
        "introspection_endpoint": at("/introspect"),
        "introspection_endpoint_auth_methods_supported": proving_methods(provider),
        "introspection_signing_alg_values_supported": SigningAlgorithm::ALL.map(SigningAlgorithm::name),
        "device_authorization_endpoint": at("/device_authorization"),
        "id_token_encryption_alg_values_supported": KeyManagement::ALL.map(KeyManagement::name),
        "id_token_encryption_enc_values_supported": ContentEncryption::ALL.map(ContentEncryption::name),
        "userinfo_signing_alg_values_supported": SigningAlgorithm::ALL.map(SigningAlgorithm::name),
        "userinfo_encryption_alg_values_supported": KeyManagement::ALL.map(KeyManagement::name),
        "userinfo_encryption_enc_values_supported": ContentEncryption::ALL.map(ContentEncryption::name),
    })
}

/// The members of both.
fn with(mut metadata: Value, more: Value) -> Value {
    if let (Value::Object(all), Value::Object(more)) = (&mut metadata, more) {
        all.extend(more);
    }
    metadata
}
