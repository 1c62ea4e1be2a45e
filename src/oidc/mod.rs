//! What does OpenID Connect ask of a provider? One file an endpoint; each reads like the section that it serves.

mod access_token;
pub mod answer;
mod authorize;
mod claims;
mod client_auth;
pub mod client_keys;
pub mod clients;
mod confirmation;
mod consent;
mod device;
mod discovery;
mod documents;
mod dpop;
mod encryption;
pub mod error;
mod failure;
mod finish;
mod introspection;
mod logout;
mod mistake;
mod par;
mod parameters;
mod presented;
mod progress;
pub mod registration;
pub mod request;
mod revocation;
pub mod scopes;
mod session_management;
mod step_up;
mod steps;
pub mod subject;
mod times;
mod token;
mod tokens;
mod userinfo;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{Extensions, HeaderMap, HeaderName};
use axum::routing::{get, post};

use self::client_keys::ClientKeyCache;
use crate::config::{self, SigningAlgorithm};
use crate::keys::{SigningKeys, VaultError};
use crate::outbound::Outbound;
use crate::signin::SignInState;
use crate::web::certificate::ClientCertificate;

pub use logout::backchannel;

/// What the endpoints work with.
#[derive(Debug)]
pub struct Provider {
    /// The steps of a sign-in.
    pub signin: SignInState,
    /// The signing keys.
    pub keys: SigningKeys,
    /// Requests to clients' addresses.
    pub outbound: Outbound,
    /// The keys of clients.
    pub client_keys: ClientKeyCache,
    /// The issuer identifier (OIDC Core §2), without a slash at its end.
    pub issuer: String,
    /// `[registration]`
    pub registration: config::Registration,
    /// `[tokens]`
    pub tokens: config::Tokens,
    /// The `alg` of ID tokens for clients that ask for nothing else.
    pub algorithm: SigningAlgorithm,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// What tells the apps that a session has ended.
    pub notices: backchannel::Notices,
    /// The header in which they tell a client's certificate, if they do.
    pub client_certificate_header: Option<HeaderName>,
    /// Whether clients can show a certificate at all, here or to a proxy.
    pub takes_certificates: bool,
}

impl Provider {
    /// The certificate that the client has shown with this request (RFC 8705), if it has.
    #[must_use]
    pub fn client_certificate(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
    ) -> Option<Arc<ClientCertificate>> {
        let header = self.client_certificate_header.as_ref();
        ClientCertificate::of(extensions, headers, &self.trusted_proxies, header)
    }

    /// The `alg` of what is signed for this client (OIDC Registration §2, `id_token_signed_response_alg`).
    #[must_use]
    pub fn algorithm_for(&self, client: &clients::Client) -> SigningAlgorithm {
        let fits = |one: &SigningAlgorithm| clients::FAPI2_ALGORITHMS.contains(&one.name());
        let default = match self.algorithm {
            // FAPI 2.0 §5.4.1 allows no PKCS #1 v1.5.
            own if client.metadata.is_fapi2() && !fits(&own) => SigningAlgorithm::PS256,
            own => own,
        };
        client.metadata.id_token_signed_response_alg.unwrap_or(default)
    }

    /// `sub` of a user, for this client.
    ///
    /// # Errors
    /// When the master key cannot be used.
    pub fn subject(&self, client: &clients::Client, user_id: &str) -> Result<String, VaultError> {
        let metadata = &client.metadata;
        let kind = metadata.subject_type();
        // A client without a sector is not registered for pairwise subjects; nothing else is lost without one.
        let sector = metadata.sector().unwrap_or_else(|_| client.id.clone());
        subject::subject(&self.signin.vault, kind, &sector, user_id)
    }

    /// How long the longest-lived token holds that a signing key signs, in seconds.
    #[must_use]
    pub fn longest_token(&self) -> i64 {
        self.tokens.access_lifetime.as_secs().max(self.tokens.id_lifetime.as_secs())
    }
}

/// The protocol's endpoints (DESIGN §5).
pub fn router(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery::metadata).options(discovery::preflight))
        .route(
            "/.well-known/oauth-authorization-server",
            get(discovery::metadata).options(discovery::preflight),
        )
        .route("/jwks", get(discovery::jwks).options(discovery::preflight))
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route("/par", post(par::post).options(discovery::preflight).fallback(par::other_method))
        .route("/authorize/{signin}", get(progress::get))
        .route("/authorize/{signin}/password", get(steps::back).post(steps::password))
        .route("/authorize/{signin}/code", get(steps::back).post(steps::code))
        .route("/authorize/{signin}/code/resend", get(steps::back).post(steps::resend))
        .route("/authorize/{signin}/consent", get(steps::back).post(steps::consent))
        .route("/authorize/{signin}/cancel", get(steps::back).post(steps::cancel))
        .route("/token", post(token::post).options(discovery::preflight))
        .route("/revoke", post(revocation::post).options(discovery::preflight))
        .route("/introspect", post(introspection::post))
        .route("/device_authorization", post(device::authorization::post).options(discovery::preflight))
        .route("/device", get(device::page::get).post(device::page::post))
        .route("/userinfo", get(userinfo::get).post(userinfo::post).options(discovery::preflight))
        .route("/register", post(registration::post).options(registration::preflight))
        .route(
            "/register/{client_id}",
            get(registration::get)
                .put(registration::put)
                .delete(registration::delete)
                .options(registration::preflight),
        )
        .route("/session/check", get(session_management::check))
        .route("/logout", get(logout::get).post(logout::post))
        .with_state(provider)
}
