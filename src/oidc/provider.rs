//! What do the endpoints work with?

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use axum::http::{Extensions, HeaderMap, HeaderName};

use super::clients::kept::Kept;
use super::clients::keys::ClientKeyCache;
use super::clients::{self, Client, subject};
use super::shared::notices::Notices;
use super::shared::page::SESSION_COOKIE;
use super::shared::slips::Slips;
use crate::config::{self, Proxies, SigningAlgorithm};
use crate::keys::secret::{GrantToken, entropy};
use crate::keys::{SigningKeys, VaultError};
use crate::outbound::Outbound;
use crate::signin::{SignInState, session};
use crate::store::sessions::SessionRow;
use crate::store::signins::SignInRow;
use crate::store::standing::{At, Theirs};
use crate::store::{self, Conn};
use crate::web::Language;
use crate::web::certificate::ClientCertificate;

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
    /// The clients that are at hand.
    pub clients: Kept,
    /// The issuer identifier (OIDC Core §2), without a slash at its end.
    pub issuer: String,
    /// `[registration]`
    pub registration: config::Registration,
    /// `[tokens]`
    pub tokens: config::Tokens,
    /// How old the signing keys may become before they are replaced, in seconds.
    pub rotate_every: i64,
    /// Until when the certificate of `[tls]` holds, in seconds since 1970; 0 where none is served.
    pub certificate_until: AtomicI64,
    /// The `alg` of ID tokens for clients that ask for nothing else.
    pub algorithm: SigningAlgorithm,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Proxies>,
    /// What apps have done wrong lately.
    pub slips: Slips,
    /// What tells the apps that a session has ended.
    pub notices: Notices,
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

    /// A new authorization code, or refresh token.
    #[must_use]
    pub fn grant_token(&self) -> GrantToken {
        let made_at_ms = self.signin.db.dates_grant_tokens().then(|| self.signin.clock.now_ms());
        GrantToken::generate(made_at_ms, &mut entropy())
    }

    /// The address of the page that says what keeps people out.
    #[must_use]
    pub fn repair_page(&self) -> String {
        format!("{}/console/repair", self.issuer.trim_end_matches('/'))
    }

    /// The live session of the browser that sent these headers, and its person.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn session(&self, headers: &HeaderMap, now: i64) -> store::Result<Option<Theirs<SessionRow>>> {
        let cookie = self.signin.cookies.read(headers, SESSION_COOKIE);
        session::find(&self.signin.db, cookie.as_deref(), &self.signin.session, self.at(now)).await
    }

    /// What the store has to know to tell how things are with somebody now.
    #[must_use]
    pub fn at(&self, now: i64) -> At {
        At { now, attempts: i64::from(self.signin.settings.code_attempts) }
    }

    /// The client of this id; the database is asked where it is not at hand.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn client(&self, conn: &mut Conn, id: &str) -> store::Result<Option<Arc<Client>>> {
        self.clients.find(conn, id, self.signin.clock.now_ms()).await
    }

    /// The app of a sign-in, or the console, which may keep a change; none when the app is gone.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn client_of_signin(
        &self,
        conn: &mut Conn,
        signin: &SignInRow,
        (language, keeps): (Language, bool),
    ) -> store::Result<Option<Arc<Client>>> {
        if let Some(id) = &signin.client_id {
            return self.client(conn, id).await;
        }
        Ok(Some(Arc::new(clients::console(&self.signin.pages, language, keeps))))
    }

    /// The client of this id for whoever holds no connection: none is asked for in most cases.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn client_alone(&self, id: &str) -> store::Result<Option<Arc<Client>>> {
        if let Some(client) = self.clients.at_hand(id, self.signin.clock.now_ms()) {
            return Ok(Some(client));
        }
        let mut conn = self.signin.db.read().await?;
        self.client(&mut conn, id).await
    }

    /// The `alg` of what is signed for this client (OIDC Registration §2, `id_token_signed_response_alg`).
    #[must_use]
    pub fn algorithm_for(&self, client: &clients::Client) -> SigningAlgorithm {
        client.metadata.id_token_signed_response_alg.unwrap_or_else(|| self.default_for(client))
    }

    /// The `alg` of an access token for this client. One that names no API is read here alone, and has the signature that costs least;
    /// every API knows RS256 (RFC 9068 §2.1), which is the provider's own where the settings say nothing else.
    #[must_use]
    pub fn access_token_algorithm(&self, client: &clients::Client, names_api: bool) -> SigningAlgorithm {
        let default = if names_api { self.default_for(client) } else { SigningAlgorithm::ES256 };
        client.metadata.access_token_signed_response_alg.unwrap_or(default)
    }

    /// The provider's own `alg`, where this client may have it: FAPI 2.0 §5.4.1 allows no PKCS #1 v1.5.
    fn default_for(&self, client: &clients::Client) -> SigningAlgorithm {
        let fits = clients::FAPI2_ALGORITHMS.contains(&self.algorithm.name());
        if client.metadata.is_fapi2() && !fits { SigningAlgorithm::PS256 } else { self.algorithm }
    }

    /// `sub` of a user, for this client.
    ///
    /// # Errors
    /// When the master key cannot be used.
    pub fn subject(&self, client: &clients::Client, user_id: &str) -> Result<String, VaultError> {
        let metadata = &client.metadata;
        // A client without a sector is not registered for pairwise subjects; nothing else is lost without one.
        let sector = || metadata.sector().unwrap_or_else(|_| client.id.clone());
        subject::subject(&self.signin.vault, metadata.subject_type(), sector, user_id)
    }

    /// `sid` of a session, for this client.
    ///
    /// # Errors
    /// When the master key cannot be used.
    pub fn session_name(&self, client: &clients::Client, session_id: &str) -> Result<String, VaultError> {
        subject::session(&self.signin.vault, client.metadata.subject_type(), &client.id, session_id)
    }

    /// `jti` of an ID token that begins with this id and was issued in this session.
    ///
    /// # Errors
    /// When the master key cannot be used.
    pub fn token_of_session(&self, id: &str, session_id: &str) -> Result<String, VaultError> {
        subject::token_of_session(&self.signin.vault, id, session_id)
    }

    /// Whether an ID token with this `jti` was issued in this session.
    ///
    /// # Errors
    /// When the master key cannot be used.
    pub fn is_token_of_session(&self, jti: &str, session_id: &str) -> Result<bool, VaultError> {
        subject::is_token_of_session(&self.signin.vault, jti, session_id)
    }

    /// How long the longest-lived token holds that a signing key signs, in seconds.
    #[must_use]
    pub fn longest_token(&self) -> i64 {
        self.tokens.access_lifetime.as_secs().max(self.tokens.id_lifetime.as_secs())
    }
}
