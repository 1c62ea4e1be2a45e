//! What is in the answer that grants: a code, tokens, or both?

use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value};

use super::super::answer::app::{self, Parameters};
use super::super::answer::device::{self, Outcome};
use super::super::request::AuthorizationRequest;
use super::super::request::destination::{Destination, ReturnTo};
use crate::directory::Person;
use crate::keys::secret::{GrantToken, entropy, new_id};
use crate::oidc::clients::encryption::{Content, Encrypter, EncryptionFailure};
use crate::oidc::clients::{Client, ResponseType};
use crate::oidc::provider::Provider;
use crate::oidc::shared::browser_state::session_state;
use crate::oidc::shared::claims;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::page::{internal, key_problem};
use crate::oidc::shared::scopes::Scope;
use crate::oidc::tokens::mint::{Access, IdTokenParts, Mint};
use crate::store::tokens::GrantRow;
use crate::web::Problem;

/// What encrypts the ID token of this answer, where it has one and the client has asked for that.
///
/// # Errors
/// The refusal for the app: nothing has been written yet.
pub(super) async fn encrypter(
    provider: &Provider,
    client: &Client,
    request: &AuthorizationRequest,
    now: i64,
) -> Result<Option<Encrypter>, Refusal> {
    let how = client.metadata.id_token_encryption().filter(|_| request.response_type.has_id_token());
    Encrypter::of(&provider.client_keys, client, how, now).await.map_err(|failure| {
        let code = match failure {
            EncryptionFailure::Keys(_) => Code::TemporarilyUnavailable,
            EncryptionFailure::Encrypt(_) => Code::InvalidRequest,
        };
        Refusal::new(code, failure.to_string())
    })
}

/// A grant that has been given, and what its answer is made from.
pub(super) struct Granted<'a> {
    pub(super) provider: &'a Provider,
    pub(super) client: &'a Client,
    pub(super) request: &'a AuthorizationRequest,
    pub(super) grant: &'a GrantRow,
    pub(super) person: &'a Person,
    /// What encrypts the ID token, if the client has asked for that.
    pub(super) encrypter: Option<Encrypter>,
    pub(super) now: i64,
}

impl Granted<'_> {
    /// The answer: to the app, or the page that sends the person back to their device.
    pub(super) async fn answer(
        &self,
        code: Option<GrantToken>,
        browser_state: &str,
    ) -> Result<Response, Problem> {
        let (provider, client, request) = (self.provider, self.client, self.request);
        match &request.return_to {
            Destination::App(to) => {
                let mut parameters = self.parameters(code).await?;
                parameters.extend(state_of_session(client, request, to, browser_state));
                app::send(provider, client, to, parameters, self.now).await
            }
            Destination::Device(waiting) => Ok(device::over(provider, client, waiting, Outcome::Allowed)),
            // It has no grant (`super::console`).
            Destination::Console(doorway) => Ok(Redirect::to(&doorway.console_path).into_response()),
        }
    }

    /// What the response type asks for: a code, tokens, or both (OIDC Core §3.1.2.5, §3.2.2.5, §3.3.2.5).
    async fn parameters(&self, code: Option<GrantToken>) -> Result<Parameters, Problem> {
        let mut parameters = Parameters::new();
        let kind = self.request.response_type;
        parameters.extend(code.as_ref().map(|code| ("code", code.reveal().to_owned())));
        if kind == ResponseType::Code {
            return Ok(parameters);
        }
        let provider = self.provider;
        let subject = provider.subject(self.client, &self.person.id).map_err(internal)?;
        let ring = provider.keys.ring(self.now).await.map_err(key_problem)?;
        let (client, grant, now) = (self.client, self.grant, self.now);
        let mint = Mint { provider, ring: &ring, client, grant, subject: &subject, now };
        let scopes = &self.request.scopes;
        let access = Access {
            scopes: Some(scopes),
            resources: &self.request.resources,
            bound: None,
            ..Access::default()
        };
        let issued = kind.has_token().then(|| mint.access_token(access)).transpose().map_err(key_problem)?;
        if kind.has_id_token() {
            let parts = IdTokenParts {
                nonce: self.request.nonce.as_deref(),
                access_token: issued.as_ref().map(|issued| issued.access_token.as_str()),
                code: code.as_ref().map(GrantToken::reveal),
                state: self.request.return_to.app().and_then(|to| to.state.as_deref()),
                claims: self.claims().await?,
            };
            let id_token = mint.id_token(parts).map_err(key_problem)?;
            let id_token = match &self.encrypter {
                Some(encrypter) => encrypter.encrypt(&id_token, Content::Jwt).map_err(internal)?,
                None => id_token,
            };
            parameters.push(("id_token", id_token));
        }
        if let Some(issued) = issued {
            parameters.push(("access_token", issued.access_token));
            parameters.push(("token_type", issued.token_type.to_owned()));
            parameters.push(("expires_in", issued.expires_in.to_string()));
            parameters.push(("scope", issued.scope));
        }
        Ok(parameters)
    }

    /// Where no access token can ever open `UserInfo`, the ID token says what the scopes open (OIDC Core §5.4), as it does for those who
    /// want it so.
    async fn claims(&self) -> Result<Map<String, Value>, Problem> {
        let mut conn = self.provider.signin.db.read().await?;
        let alone = self.request.response_type == ResponseType::IdToken;
        let (scopes, named) = (&self.request.scopes, &self.request.claims.id_token);
        let with_scopes = alone || self.client.metadata.id_token_claims;
        Ok(claims::of_id_token(&mut conn, self.person, scopes, named, with_scopes).await?)
    }
}

/// `session_state` of an answer that signs somebody in (Session Management §3).
fn state_of_session(
    client: &Client,
    request: &AuthorizationRequest,
    to: &ReturnTo,
    browser_state: &str,
) -> Option<(&'static str, String)> {
    if !request.scopes.has(Scope::Openid) {
        return None;
    }
    let salt = new_id(&mut entropy());
    Some(("session_state", session_state(&client.id, &to.redirect_uri, browser_state, &salt)?))
}
