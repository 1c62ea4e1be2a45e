//! The end of a sign-in: a grant with its authorization code, or a refusal; either once, and either whole.

use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Response};

use serde_json::{Map, Value};

use super::Provider;
use super::answer::{self, Destination, Parameters, ReturnTo};
use super::authorize::{SESSION_COOKIE, key_problem};
use super::claims;
use super::clients::{Client, ResponseType};
use super::confirmation::Confirmation;
use super::device::{self, Outcome};
use super::encryption::{Content, Encrypter, EncryptionFailure};
use super::error::{Code, Refusal};
use super::progress::Pending;
use super::request::AuthorizationRequest;
use super::scopes::{Scope, Scopes};
use super::session_management::{STATE_COOKIE, browser_state, session_state};
use super::tokens::{Access, GrantDetails, IdTokenParts, Mint};
use crate::audit::{Actor, Event};
use crate::directory::Person;
use crate::keys::secret::{Token, entropy, new_id};
use crate::signin::browser::Browser;
use crate::signin::decide::Assurance;
use crate::signin::facts::Standing;
use crate::signin::{announce, session};
use crate::store::sessions::{self, Proofs, SessionRow};
use crate::store::signins::{self, SignInRow};
use crate::store::tokens::{self, CodeRow, GrantRow};
use crate::store::{Tx, device_codes, pushed_requests, session_clients, throttles};
use crate::web::Problem;
use crate::web::cookies::Lifetime;

/// Who has proven what.
#[derive(Clone, Copy)]
pub(super) struct Proven<'a> {
    pub(super) standing: &'a Standing,
    pub(super) assurance: Assurance,
    /// The browser's session before this sign-in.
    pub(super) session: Option<&'a SessionRow>,
    /// The sign-in; none where the session alone was enough.
    pub(super) signin: Option<&'a SignInRow>,
}

impl Proven<'_> {
    /// Whether a proof was given in this very sign-in, so that the session must be begun or renewed.
    fn is_fresh(&self) -> bool {
        self.signin.is_some_and(|signin| signin.user_id.is_some())
    }

    /// The moment of the last factor (OIDC Core §2, `auth_time`).
    fn auth_time(&self) -> i64 {
        let facts = &self.standing.facts;
        facts.code_at.map_or(facts.password_at, |at| at.max(facts.password_at))
    }
}

/// Gives the app an authorization code (RFC 6749 §4.1.2). Session, grant, code, consent, audit events and the announcement of an
/// override are one transaction.
pub(super) async fn grant(
    provider: &Provider,
    client: &Client,
    request: &AuthorizationRequest,
    proven: Proven<'_>,
    browser: Option<Browser>,
    now_ms: i64,
) -> Result<Response, Problem> {
    let state = &provider.signin;
    let now = now_ms / 1000;
    let encrypter = match encrypter(provider, client, request, now).await {
        Ok(encrypter) => encrypter,
        Err(e) => {
            let refusal = Refusal::new(Code::TemporarilyUnavailable, e.to_string());
            return answer::refuse(provider, client, &request.return_to, &refusal, now).await;
        }
    };
    let mut tx = state.db.write().await?;
    if let Some(signin) = proven.signin
        && !signins::finish(&mut tx, signin, now).await?
    {
        // It is over, or no longer as the decision found it: the loop knows which.
        return Ok(super::steps::to_the_loop(&signin.id));
    }
    if let Some(refusal) = obstacle(&mut tx, client, request, &proven, now).await? {
        tx.commit().await?;
        return answer::refuse(provider, client, &request.return_to, &refusal, now).await;
    }
    let (session_id, cookie) = open_session(provider, &mut tx, &proven, browser, now).await?;
    if !session_clients::add(&mut tx, &session_id, &client.id).await? {
        tx.commit().await?;
        let refusal = Refusal::new(Code::LoginRequired, "the session has ended just now");
        return answer::refuse(provider, client, &request.return_to, &refusal, now).await;
    }
    let grant = new_grant(provider, client, request, &proven, session_id, now);
    tokens::add_grant(&mut tx, &grant).await?;
    let code = match &request.return_to {
        Destination::App(to) => add_code(provider, &mut tx, client, request, to, &grant, now).await?,
        Destination::Device(waiting) => {
            if !device_codes::allow(&mut tx, &waiting.device_code_hash, &grant.id, now).await? {
                return Ok(device::over(provider, client, waiting, Outcome::TooLate));
            }
            None
        }
    };
    remember_consent(&mut tx, client, request, &proven, now).await?;
    let announced = record(provider, &mut tx, client, &proven, now_ms).await?;
    tx.commit().await?;
    if announced {
        announce::deliver_later(state);
    }
    let person = &proven.standing.person;
    let browser_state = browser_state(&state.vault, &grant.session_id).map_err(internal)?;
    let answer = match &request.return_to {
        Destination::App(to) => {
            let granted = Granted { provider, client, request, grant: &grant, person, encrypter, now };
            let mut parameters = granted.parameters(code).await?;
            parameters.extend(state_of_session(client, request, to, &browser_state));
            answer::send(provider, client, to, parameters, now).await?
        }
        Destination::Device(waiting) => device::over(provider, client, waiting, Outcome::Allowed),
    };
    let readable = state.cookies.set_readable(STATE_COOKIE, &browser_state);
    let set = cookie.into_iter().chain([readable]).map(|cookie| (header::SET_COOKIE, cookie));
    Ok((AppendHeaders(set), answer).into_response())
}

/// Why the app gets nothing although the person has proven everything: what it asked with is used up, or is not for them.
async fn obstacle(
    tx: &mut Tx,
    client: &Client,
    request: &AuthorizationRequest,
    proven: &Proven<'_>,
    now: i64,
) -> Result<Option<Refusal>, Problem> {
    if !use_up(tx, request, now).await? {
        return Ok(Some(Refusal::new(Code::InvalidRequestUri, super::parameters::USED)));
    }
    if !super::clients::admits(tx, client, &proven.standing.person).await? {
        deny_device(tx, request, now).await?;
        return Ok(Some(Refusal::new(Code::AccessDenied, "this person's group may not use this app")));
    }
    Ok(None)
}

/// Remembers what the person has agreed to in this sign-in, beside what they have agreed to before.
async fn remember_consent(
    tx: &mut Tx,
    client: &Client,
    request: &AuthorizationRequest,
    proven: &Proven<'_>,
    now: i64,
) -> Result<(), Problem> {
    if proven.signin.is_none_or(|signin| signin.consented_at.is_none()) {
        return Ok(());
    }
    let user = &proven.standing.person.id;
    let before = tokens::consented(tx, user, &client.id).await?;
    let scopes = request.scopes.and(&Scopes::parse(before.as_deref().unwrap_or_default()));
    Ok(tokens::remember_consent(tx, user, &client.id, &scopes.to_string(), now).await?)
}

/// Uses up what was pushed for this request; false when another sign-in has done so.
async fn use_up(tx: &mut Tx, request: &AuthorizationRequest, now: i64) -> Result<bool, Problem> {
    let Some(hash) = &request.pushed_as else { return Ok(true) };
    Ok(pushed_requests::use_up(tx, hash, now).await?)
}

/// Ends a sign-in with an error to the app.
pub(super) async fn refuse(
    provider: &Provider,
    pending: &Pending,
    refusal: &Refusal,
    now_ms: i64,
) -> Result<Response, Problem> {
    let mut tx = provider.signin.db.write().await?;
    signins::close(&mut tx, &pending.signin.id, now_ms / 1000).await?;
    // That is an answer too.
    use_up(&mut tx, &pending.request, now_ms / 1000).await?;
    deny_device(&mut tx, &pending.request, now_ms / 1000).await?;
    let mut event = Event::new("signin.refused", Actor::Anonymous)
        .client(&pending.client.id)
        .detail("error", refusal.code.name());
    if let Some(user) = &pending.signin.user_id {
        event = event.user(user);
    }
    event.record(&mut tx, now_ms, &mut entropy()).await?;
    tx.commit().await?;
    answer::refuse(provider, &pending.client, &pending.request.return_to, refusal, now_ms / 1000).await
}

/// What encrypts the ID token of this answer, where it has one and the client has asked for that.
async fn encrypter(
    provider: &Provider,
    client: &Client,
    request: &AuthorizationRequest,
    now: i64,
) -> Result<Option<Encrypter>, EncryptionFailure> {
    let how = client.metadata.id_token_encryption().filter(|_| request.response_type.has_id_token());
    Encrypter::of(provider, client, how, now).await
}

/// Nothing more will come for a device whose sign-in is refused.
async fn deny_device(tx: &mut Tx, request: &AuthorizationRequest, now: i64) -> Result<(), Problem> {
    if let Some(waiting) = request.return_to.device() {
        device_codes::deny(tx, &waiting.device_code_hash, now).await?;
    }
    Ok(())
}

/// The session that the grant hangs from, and the cookie if it is a new one.
async fn open_session(
    provider: &Provider,
    tx: &mut Tx,
    proven: &Proven<'_>,
    browser: Option<Browser>,
    now: i64,
) -> Result<(String, Option<String>), Problem> {
    let state = &provider.signin;
    let user = &proven.standing.person.id;
    if let (false, Some(session)) = (proven.is_fresh(), proven.session) {
        sessions::see(tx, &session.id, now).await?;
        return Ok((session.id.clone(), None));
    }
    let facts = &proven.standing.facts;
    let proofs = Proofs { password_at: facts.password_at, code_at: facts.code_at };
    let opened = session::open(tx, proven.session, user, proofs, &state.session, now, &mut entropy()).await?;
    if let Some(browser) = browser {
        throttles::know_browser(tx, browser.as_str(), user, now).await?;
    }
    let cookie = state.cookies.set(SESSION_COOKIE, opened.cookie.reveal(), Lifetime::Browser);
    Ok((opened.id, Some(cookie)))
}

fn new_grant(
    provider: &Provider,
    client: &Client,
    request: &AuthorizationRequest,
    proven: &Proven<'_>,
    session_id: String,
    now: i64,
) -> GrantRow {
    let lifetimes = &provider.tokens;
    let details = GrantDetails {
        userinfo_claims: request.claims.userinfo.clone(),
        id_token_claims: request.claims.id_token.clone(),
        resources: request.resources.clone(),
    };
    let expires_at = if request.scopes.has(Scope::OfflineAccess) {
        now + lifetimes.refresh_lifetime.as_secs()
    } else {
        let until_redeemed = if request.return_to.device().is_some() {
            device::LIFETIME
        } else {
            lifetimes.code_lifetime.as_secs()
        };
        now + until_redeemed + provider.longest_token()
    };
    GrantRow {
        id: new_id(&mut entropy()),
        user_id: proven.standing.person.id.clone(),
        client_id: client.id.clone(),
        session_id,
        scopes: request.scopes.to_string(),
        nonce: request.nonce.clone(),
        amr: proven.assurance.amr().join(" "),
        acr: proven.assurance.acr().to_owned(),
        auth_time: proven.auth_time(),
        created_at: now,
        expires_at,
        ended_at: None,
        details: details.to_json(),
    }
}

/// How long a code holds, in seconds; FAPI 2.0 §5.3.2.2 allows a minute.
fn code_lifetime(provider: &Provider, client: &Client) -> i64 {
    let lifetime = provider.tokens.code_lifetime.as_secs();
    if client.metadata.is_fapi2() { lifetime.min(60) } else { lifetime }
}

/// An authorization code for a grant, where the response type has one.
async fn add_code(
    provider: &Provider,
    tx: &mut Tx,
    client: &Client,
    request: &AuthorizationRequest,
    to: &ReturnTo,
    grant: &GrantRow,
    now: i64,
) -> Result<Option<Token>, Problem> {
    if !request.response_type.has_code() {
        return Ok(None);
    }
    let code = Token::generate(&mut entropy());
    let row = CodeRow {
        grant_id: grant.id.clone(),
        // RFC 6749 §4.1.3: it comes again with the code only if it came here.
        redirect_uri: if to.implied { String::new() } else { to.redirect_uri.clone() },
        code_challenge: request.code_challenge.clone(),
        expires_at: now + code_lifetime(provider, client),
        spent_at: None,
        bound_to: request.dpop_jkt.clone().map(|jkt| Confirmation::Dpop(jkt).to_json()),
    };
    tokens::add_code(tx, code.hash().as_str(), &row).await?;
    Ok(Some(code))
}

/// A grant that has been given, and what its answer is made from.
struct Granted<'a> {
    provider: &'a Provider,
    client: &'a Client,
    request: &'a AuthorizationRequest,
    grant: &'a GrantRow,
    person: &'a Person,
    /// What encrypts the ID token, if the client has asked for that.
    encrypter: Option<Encrypter>,
    now: i64,
}

impl Granted<'_> {
    /// What the response type asks for: a code, tokens, or both (OIDC Core §3.1.2.5, §3.2.2.5, §3.3.2.5).
    async fn parameters(&self, code: Option<Token>) -> Result<Parameters, Problem> {
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
                code: code.as_ref().map(Token::reveal),
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

    /// Where no access token can ever open `UserInfo`, the ID token says what the scopes open (OIDC Core §5.4).
    async fn claims(&self) -> Result<Map<String, Value>, Problem> {
        let mut conn = self.provider.signin.db.read().await?;
        let mut wanted = self.request.claims.id_token.clone();
        if self.request.response_type == ResponseType::IdToken {
            wanted.extend(claims::of_scopes(&self.request.scopes).into_iter().map(str::to_owned));
        }
        Ok(claims::named(&mut conn, self.person, &wanted).await?)
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

fn internal(e: impl std::fmt::Display) -> Problem {
    Problem::Internal(e.to_string())
}

/// Writes down who went where, and announces an override that was used just now. Answers whether anybody is told.
async fn record(
    provider: &Provider,
    tx: &mut Tx,
    client: &Client,
    proven: &Proven<'_>,
    now_ms: i64,
) -> Result<bool, Problem> {
    let person = &proven.standing.person;
    let fresh = proven.is_fresh();
    let overridden = proven.assurance == Assurance::Override && fresh;
    let name = if overridden { "signin.override" } else { "signin.completed" };
    let mut event = Event::new(name, Actor::User(person.id.clone()))
        .user(&person.id)
        .client(&client.id)
        .detail("amr", proven.assurance.amr().join(" "))
        .detail("by_session", !fresh);
    if let Some(group) = &person.group {
        event = event.group(&group.id);
    }
    event.record(tx, now_ms, &mut entropy()).await?;
    if overridden {
        let app = &client.metadata.client_name;
        announce::overridden(&provider.signin, tx, person, app, now_ms).await?;
    }
    Ok(overridden)
}
