//! The token endpoint (RFC 6749 §3.2): what does the client get for what it holds? One file a grant.

mod binding;
mod code;
mod device;
mod exchange;
mod jwt_bearer;
mod refresh;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::audit::{Actor, Event};
use crate::keys::secret::{GrantToken, entropy};
use crate::oidc::client_auth::{Caller, Received};
use crate::oidc::clients::allowed;
use crate::oidc::clients::encryption::{Content, Encrypter};
use crate::oidc::clients::{Client, GrantType};
use crate::oidc::provider::Provider;
use crate::oidc::shared::cors::open_to_all;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::Failure;
use crate::oidc::shared::scopes::Scopes;
use crate::oidc::tokens::confirmation::Confirmation;
use crate::oidc::tokens::dpop;
use crate::oidc::tokens::mint::{self as mint, Access, Issued};
use crate::oidc::tokens::standing::{self, Granted, Standing};
use crate::store::tokens::{self, GrantRow, NewRefresh};
use crate::store::{self, Conn};
use crate::web::form::Form;

/// A request of a client that has proven who it is.
struct TokenRequest<'a> {
    provider: &'a Provider,
    client: &'a Client,
    form: &'a Form,
    /// The key that the tokens will be bound to.
    bound: Option<Confirmation>,
    /// Now, in seconds since 1970.
    now: i64,
}

/// `POST /token`
pub(super) async fn post(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let answer = match Received::of(request).await {
        Ok(received) => answer(&received.caller(&provider, "/token")).await,
        Err(failure) => Err(failure),
    };
    let mut response = match answer {
        Ok(issued) => Json(issued).into_response(),
        Err(failure) => failure.into_response(),
    };
    // RFC 6749 §5.1
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    dpop::offer_nonce(&provider, provider.signin.clock.now(), &mut response);
    open_to_all(response)
}

async fn answer(caller: &Caller<'_>) -> Result<Issued, Failure> {
    let client = caller.authenticate().await?;
    let issued = issue(caller, &client).await;
    if let Err(Failure::Request(refusal)) = &issued {
        caller.provider.slips.refused(&client.id, refusal, caller.now);
    }
    issued
}

async fn issue(caller: &Caller<'_>, client: &Client) -> Result<Issued, Failure> {
    let Caller { provider, form, now, .. } = *caller;
    let asked = form.get("grant_type").ok_or_else(|| Failure::invalid("grant_type is missing"))?;
    let grant_type = GrantType::from_name(asked).ok_or_else(|| {
        let description = format!("grant_type {asked} is not supported");
        Failure::request(Refusal::new(Code::UnsupportedGrantType, description))
    })?;
    if !client.metadata.may_use(grant_type) {
        let description = format!("this client is not registered for grant_type {asked}");
        return Err(Failure::request(Refusal::new(Code::UnauthorizedClient, description)));
    }
    let bound = caller.binding(client).await?;
    let encrypter =
        Encrypter::of(&provider.client_keys, client, client.metadata.id_token_encryption(), now).await?;
    let request = TokenRequest { provider, client, form, bound, now };
    let issued = match grant_type {
        GrantType::AuthorizationCode => code::redeem(&request).await,
        GrantType::RefreshToken => refresh::refresh(&request).await,
        GrantType::ClientCredentials => request.in_its_own_name().await,
        GrantType::DeviceCode => device::ask(&request).await,
        GrantType::TokenExchange => exchange::exchange(&request).await,
        GrantType::JwtBearer => jwt_bearer::assert(&request).await,
        GrantType::Implicit => {
            let description = format!("grant_type {asked} is not for the token endpoint");
            Err(Failure::request(Refusal::new(Code::UnsupportedGrantType, description)))
        }
    }?;
    match (encrypter, &issued.id_token) {
        (Some(encrypter), Some(jwt)) => {
            let id_token = Some(encrypter.encrypt(jwt, Content::Jwt)?);
            Ok(Issued { id_token, ..issued })
        }
        _ => Ok(issued),
    }
}

impl TokenRequest<'_> {
    /// A parameter that must be there.
    fn required(&self, name: &str) -> Result<&str, Failure> {
        self.form.get(name).ok_or_else(|| Failure::invalid(format!("{name} is missing")))
    }

    /// `client_credentials` (RFC 6749 §4.4).
    async fn in_its_own_name(&self) -> Result<Issued, Failure> {
        // There are scopes of people alone.
        allowed::some_of(Scopes::default(), self.form.get("scope")).map_err(Failure::request)?;
        let resources = allowed::resources(self.form, self.client).map_err(Failure::request)?;
        let ring = self.provider.keys.ring(self.now).await?;
        let access =
            Access { scopes: None, resources: &resources, bound: self.bound.as_ref(), ..Access::default() };
        Ok(mint::for_client(self.provider, &ring, self.client, access, self.now)?)
    }

    /// The resources that this request narrows its access token to: those of the grant, or some of them (RFC 8707 §2.2).
    fn narrowed_resources(&self, granted: &[String]) -> Result<Vec<String>, Failure> {
        let asked: Vec<String> = self.form.all("resource").map(str::to_owned).collect();
        match asked.iter().find(|one| !granted.contains(one)) {
            Some(beyond) => {
                let description = format!("resource {beyond} was not granted (RFC 8707 section 2.2)");
                Err(Failure::request(Refusal::new(Code::InvalidTarget, description)))
            }
            None if asked.is_empty() => Ok(granted.to_vec()),
            None => Ok(asked),
        }
    }

    /// The scopes that this request narrows its access token to: those of the grant, or some of them (RFC 6749 §6), less those that
    /// the client may no longer have.
    fn narrowed_scopes(&self, granted: &Scopes, left: &Scopes) -> Result<Scopes, Failure> {
        let asked = self.form.get("scope");
        match asked.map(Scopes::parse) {
            None => Ok(left.clone()),
            Some(known) if known.within(granted) => {
                allowed::some_of(known.but_only(left), asked).map_err(Failure::request)
            }
            Some(_) => {
                let description = "scope asks for more than was granted (RFC 6749 section 6)";
                Err(Failure::request(Refusal::new(Code::InvalidScope, description)))
            }
        }
    }

    /// What a grant of this client is good for now, if new tokens may be given for it at all.
    async fn standing(&self, conn: &mut Conn, granted: Granted) -> Result<Standing, Failure> {
        let standing = standing::of(conn, self.client, granted, self.now).await?;
        let standing = standing.map_err(|lost| Failure::grant(lost.description()))?;
        if standing.too_weak {
            let description =
                "this client insists on two factors by now, and this was granted for one: authorize again";
            return Err(Failure::grant(description));
        }
        Ok(standing)
    }

    /// Keeps a refresh token of a grant. One of a public client is bound to the key that its tokens are bound to (RFC 9449 §5):
    /// others prove who they are. Where the grant has gone, that may be told to whoever asks next ([`ended`]).
    async fn keep_refresh(
        &self,
        conn: &mut Conn,
        grant: &GrantRow,
        token: &GrantToken,
    ) -> Result<(), Failure> {
        let bound = self.bound.as_ref().filter(|_| self.client.metadata.is_public());
        let bound = bound.map(Confirmation::to_json);
        let hash = token.hash();
        let new = NewRefresh {
            token_hash: hash.as_str(),
            grant_id: &grant.id,
            created_at: self.now,
            expires_at: self.refresh_until(grant),
            bound_to: bound.as_deref(),
        };
        tokens::add_refresh(conn, new).await.map_err(ended)
    }

    /// Until when a refresh token holds that nobody uses.
    fn refresh_until(&self, grant: &GrantRow) -> i64 {
        (self.now + self.provider.tokens.refresh_idle.as_secs()).min(grant.expires_at)
    }

    /// Whether the key that a code or refresh token is bound to has been proven.
    fn check_bound(&self, bound_to: Option<&str>) -> Result<(), Failure> {
        let Some(bound_to) = bound_to else { return Ok(()) };
        if self.bound.is_some() && self.bound == Confirmation::from_json(bound_to) {
            return Ok(());
        }
        Err(Failure::grant("it is bound to a key that was not proven (RFC 9449 section 10)"))
    }

    /// What was given out twice ends the grant, and everything that hangs from it.
    async fn reused(&self, grant: &GrantRow) -> Result<(), Failure> {
        let now_ms = self.provider.signin.clock.now_ms();
        let mut tx = self.provider.signin.db.write().await?;
        if tokens::end_grant(&mut tx, &grant.id, self.now).await? {
            Event::new("token.reused", Actor::System)
                .user(&grant.user_id)
                .client(&grant.client_id)
                .record(&mut tx, now_ms, &mut entropy())
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// What is said where a token cannot be kept: with its grant, everything that it hangs from is gone.
fn ended(e: store::Error) -> Failure {
    if e.is_orphan() { Failure::grant("the grant has ended") } else { e.into() }
}
