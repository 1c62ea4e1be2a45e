//! How does a relying app speak OpenID Connect? All of it that the sample app needs, through the `openidconnect` crate.

use std::sync::Arc;

use openidconnect::core::{
    CoreAuthPrompt, CoreClient, CoreGenderClaim, CoreIdToken, CoreIdTokenClaims, CoreResponseType,
    CoreTokenResponse,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, CsrfToken, EndSessionUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl,
    LogoutRequest, Nonce, NonceVerifier, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RefreshToken, Scope,
    SignatureVerificationError, TokenResponse as _, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;
use url::Url;

use super::http::Http;

/// What the app knows about itself and about the provider.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The provider's issuer identifier.
    pub issuer: String,
    /// `client_id`
    pub client_id: String,
    /// `client_secret`
    pub client_secret: String,
    /// The app's own address, with a slash at its end.
    pub base_url: Url,
    /// Where the demo's mails can be read.
    pub inbox_url: Url,
}

/// What went wrong between app and provider, in words for the person in front of it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(String);

/// The class (`acr`) of a sign-in with two factors.
pub const TWO_FACTORS: &str = "urn:countersign:acr:2fa";

/// What a sign-in is asked for beyond the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: single sign-on will do.
    #[default]
    SignIn,
    /// `prompt=login`: every proof again.
    Again,
    /// An essential `acr` claim (OIDC Core §5.5.1.1): two factors, whatever the group says.
    TwoFactors,
}

/// What must be remembered from the authorization request until its answer.
#[derive(Debug)]
pub struct Pending {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    wish: Wish,
}

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The ID token, which says who and how; kept for the logout.
    pub id_token: CoreIdToken,
    /// Its claims, verified.
    pub claims: CoreIdTokenClaims,
    /// What the UserInfo endpoint told.
    pub user: UserInfoClaims<Work, CoreGenderClaim>,
    /// What new tokens can be had for.
    pub refresh_token: Option<RefreshToken>,
}

/// The claims of scope `groups`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Work {
    /// The paths of the person's groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The role's name.
    #[serde(default)]
    pub role: Option<String>,
    /// The rights that the role holds.
    #[serde(default)]
    pub rights: Vec<String>,
}

impl AdditionalClaims for Work {}

type Endpoints = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What discovery told.
#[derive(Debug)]
struct Provider {
    client: Endpoints,
    end_session: Option<EndSessionUrl>,
}

/// The app's side of the protocol.
#[derive(Debug)]
pub struct RelyingParty {
    settings: Settings,
    http: Http,
    provider: RwLock<Option<Arc<Provider>>>,
}

impl RelyingParty {
    /// An app that has not yet asked anybody anything: the provider may still be starting.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, http: Http::new(), provider: RwLock::new(None) }
    }

    /// What the app knows about itself.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where to send the browser (OIDC Core §3.1.2.1), and what to remember.
    ///
    /// # Errors
    /// When the provider cannot be asked where its endpoints are.
    pub async fn begin(&self, wish: Wish) -> Result<(Url, Pending), Trouble> {
        let provider = self.provider().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = ["profile", "email", "groups", "offline_access"].map(|s| Scope::new(s.to_owned()));
        let request = provider
            .client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(scopes)
            .set_pkce_challenge(challenge);
        let request = match wish {
            Wish::SignIn => request,
            Wish::Again => request.add_prompt(CoreAuthPrompt::Login),
            Wish::TwoFactors => {
                let acr = serde_json::json!({ "essential": true, "values": [TWO_FACTORS] });
                let claims = serde_json::json!({ "id_token": { "acr": acr } });
                request.add_extra_param("claims", claims.to_string())
            }
        };
        let (url, state, nonce) = request.url();
        Ok((url, Pending { state, nonce, verifier, wish }))
    }

    /// The tokens for a code, verified (OIDC Core §3.1.3), and who it is (§5.3).
    ///
    /// # Errors
    /// When the provider refuses, or its answer is not right.
    pub async fn finish(&self, pending: Pending, code: &str) -> Result<SignedIn, Trouble> {
        let provider = self.provider().await?;
        let tokens = provider
            .client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(trouble("The provider has no token endpoint"))?
            .set_pkce_verifier(pending.verifier)
            .request_async(&self.http)
            .await
            .map_err(trouble("The provider did not take the code"))?;
        let signed_in = self.accept(tokens, None, &pending.nonce).await?;
        let acr = signed_in.claims.auth_context_ref().map(|acr| acr.as_str());
        if pending.wish == Wish::TwoFactors && acr != Some(TWO_FACTORS) {
            return Err(Trouble("Two factors were asked for, and one was given.".to_owned()));
        }
        Ok(signed_in)
    }

    /// New tokens for the refresh token (OIDC Core §12), and who it is now.
    ///
    /// # Errors
    /// When there is none, the provider refuses, or its answer is not right.
    pub async fn refresh(&self, before: &SignedIn) -> Result<SignedIn, Trouble> {
        let provider = self.provider().await?;
        let Some(refresh_token) = &before.refresh_token else {
            return Err(Trouble("The provider gave no refresh token.".to_owned()));
        };
        let tokens = provider
            .client
            .exchange_refresh_token(refresh_token)
            .map_err(trouble("The provider has no token endpoint"))?
            .request_async(&self.http)
            .await
            .map_err(trouble("The provider did not take the refresh token"))?;
        // OIDC Core §12.2: the new ID token need not have the nonce.
        let after = self.accept(tokens, Some(before), |_: Option<&Nonce>| Ok(())).await?;
        if after.claims.subject() != before.claims.subject() {
            return Err(Trouble("The refreshed tokens are somebody else's.".to_owned()));
        }
        Ok(after)
    }

    /// Where to send the browser to sign out at the provider too (RP-Initiated Logout §2), if it can be done.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    pub async fn logout_url(&self, signed_in: &SignedIn) -> Result<Option<Url>, Trouble> {
        let provider = self.provider().await?;
        let back = PostLogoutRedirectUrl::from_url(self.settings.base_url.clone());
        Ok(provider.end_session.clone().map(|end| {
            LogoutRequest::from(end)
                .set_id_token_hint(&signed_in.id_token)
                .set_client_id(ClientId::new(self.settings.client_id.clone()))
                .set_post_logout_redirect_uri(back)
                .http_get_url()
        }))
    }

    /// Checks a token answer and asks who it is. A refresh may leave out what has not changed.
    async fn accept(
        &self,
        tokens: CoreTokenResponse,
        before: Option<&SignedIn>,
        nonce: impl NonceVerifier + Copy,
    ) -> Result<SignedIn, Trouble> {
        let (id_token, claims) = match (tokens.id_token(), before) {
            (Some(id_token), _) => (id_token.clone(), self.verify(id_token, nonce).await?),
            (None, Some(before)) => (before.id_token.clone(), before.claims.clone()),
            (None, None) => return Err(Trouble("The provider gave no ID token.".to_owned())),
        };
        let user = self.user_info(tokens.access_token().clone(), &claims).await?;
        let kept = before.and_then(|b| b.refresh_token.clone());
        Ok(SignedIn { id_token, claims, user, refresh_token: tokens.refresh_token().cloned().or(kept) })
    }

    /// The claims of an ID token that is right. One whose key is not known yet has the keys fetched anew.
    async fn verify(
        &self,
        id_token: &CoreIdToken,
        nonce: impl NonceVerifier + Copy,
    ) -> Result<CoreIdTokenClaims, Trouble> {
        let mut provider = self.provider().await?;
        let mut claims = id_token.claims(&provider.client.id_token_verifier(), nonce).cloned();
        if let Err(ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey,
        )) = claims
        {
            *self.provider.write().await = None;
            provider = self.provider().await?;
            claims = id_token.claims(&provider.client.id_token_verifier(), nonce).cloned();
        }
        claims.map_err(trouble("The ID token is not right"))
    }

    async fn user_info(
        &self,
        token: AccessToken,
        claims: &CoreIdTokenClaims,
    ) -> Result<UserInfoClaims<Work, CoreGenderClaim>, Trouble> {
        let provider = self.provider().await?;
        provider
            .client
            .user_info(token, Some(claims.subject().clone()))
            .map_err(trouble("The provider has no UserInfo endpoint"))?
            .request_async(&self.http)
            .await
            .map_err(trouble("The provider did not say who it is"))
    }

    /// What discovery tells (OIDC Discovery §4), asked once.
    async fn provider(&self) -> Result<Arc<Provider>, Trouble> {
        if let Some(known) = self.provider.read().await.as_ref() {
            return Ok(Arc::clone(known));
        }
        let mut slot = self.provider.write().await;
        if let Some(known) = slot.as_ref() {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(self.discover().await?);
        *slot = Some(Arc::clone(&found));
        Ok(found)
    }

    async fn discover(&self) -> Result<Provider, Trouble> {
        let wrong = "The provider's address is not one";
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(trouble(wrong))?;
        let metadata = ProviderMetadataWithLogout::discover_async(issuer, &self.http)
            .await
            .map_err(trouble("The provider does not answer; try again in a moment"))?;
        let end_session = metadata.additional_metadata().end_session_endpoint.clone();
        let callback = self.settings.base_url.join("callback").map_err(trouble("No address of our own"))?;
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(self.settings.client_id.clone()),
            Some(ClientSecret::new(self.settings.client_secret.clone())),
        )
        .set_redirect_uri(RedirectUrl::from_url(callback));
        Ok(Provider { client, end_session })
    }
}

impl Pending {
    /// Whether an answer belongs to this request: its `state` (RFC 6749 §10.12).
    #[must_use]
    pub fn is_answered_by(&self, state: &str) -> bool {
        crate::keys::secret::same(self.state.secret().as_bytes(), state.as_bytes())
    }
}

/// What was tried, and every cause that is known.
fn trouble<E: std::error::Error>(tried: &'static str) -> impl Fn(E) -> Trouble {
    move |error| {
        let mut words = format!("{tried}: {error}");
        let mut cause = error.source();
        while let Some(deeper) = cause {
            words.push_str(": ");
            words.push_str(&deeper.to_string());
            cause = deeper.source();
        }
        Trouble(words)
    }
}
