//! The end of a sign-in that is right: session, grant, code and announcement are one transaction, and the app gets its answer.

use std::sync::Arc;

use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Response};

use super::super::answer::device::{self, Outcome};
use super::super::answer::refuse;
use super::super::pending::to_the_loop;
use super::super::request::AuthorizationRequest;
use super::super::request::destination::{Destination, ReturnTo, Waiting};
use super::super::request::parameters::USED;
use super::console;
use super::contents::{Granted, encrypter};
use super::refusal::{deny_device, use_up};
use crate::audit::{Actor, Event};
use crate::keys::secret::{GrantToken, entropy, new_id_at};
use crate::metrics::SignedIn;
use crate::oidc::clients::{self, Client, GrantType, NOT_ADMITTED, admits};
use crate::oidc::provider::Provider;
use crate::oidc::shared::browser_state::{STATE_COOKIE, browser_state};
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::page::{SESSION_COOKIE, internal, key_problem};
use crate::oidc::shared::scopes::{Scope, Scopes};
use crate::oidc::tokens::confirmation::Confirmation;
use crate::oidc::tokens::details::{GrantDetails, Way};
use crate::signin::decide::{Assurance, Facts};
use crate::signin::facts::Standing;
use crate::signin::help::Asked;
use crate::signin::known::{self, Known};
use crate::signin::{announce, session};
use crate::store::sessions::{self, Proofs, SessionRow};
use crate::store::signins::{self, SignInRow};
use crate::store::tokens::{self, CodeRow, GrantRow};
use crate::store::{Later, Tx, device_codes, session_clients};
use crate::web::Problem;
use crate::web::cookies::Lifetime;
use crate::web::network::Network;

/// Who has proven what.
#[derive(Clone, Copy)]
pub(in crate::oidc::authorize) struct Proven<'a> {
    pub(in crate::oidc::authorize) standing: &'a Standing,
    pub(in crate::oidc::authorize) assurance: Assurance,
    /// The browser's session before this sign-in.
    pub(in crate::oidc::authorize) session: Option<&'a SessionRow>,
    /// The sign-in; none where the session alone was enough.
    pub(in crate::oidc::authorize) signin: Option<&'a SignInRow>,
    /// The grant that the same sign-in has given just now, whose answer was lost on the way.
    pub(in crate::oidc::authorize) lost: Option<&'a GrantRow>,
    /// From where the browser comes.
    pub(in crate::oidc::authorize) network: &'a Network,
}

impl Proven<'_> {
    /// Whether a proof was given in this very sign-in, so that the session must be begun or renewed.
    pub(super) fn is_fresh(&self) -> bool {
        self.signin.is_some_and(|signin| signin.user_id.is_some())
    }

    /// As what it is counted; whether it is an override that others hear of is known once it is written down.
    fn outcome(&self, announced: bool) -> SignedIn {
        match self.assurance {
            _ if announced => SignedIn::Override,
            _ if !self.is_fresh() => SignedIn::Session,
            Assurance::TwoFactors => SignedIn::Code,
            Assurance::Password | Assurance::Override => SignedIn::Password,
        }
    }

    /// The moment of the last factor (OIDC Core §2, `auth_time`).
    fn auth_time(&self) -> i64 {
        let facts = &self.standing.facts;
        facts.code_at.map_or(facts.password_at, |at| at.max(facts.password_at))
    }
}

/// Gives the app an authorization code (RFC 6749 §4.1.2). Session, grant, code, consent, audit events and the announcement of an
/// override are one transaction.
pub(in crate::oidc::authorize) async fn grant(
    provider: &Provider,
    client: &Client,
    request: &AuthorizationRequest,
    proven: Proven<'_>,
    known: Option<&Known>,
    now_ms: i64,
) -> Result<Response, Problem> {
    if let Destination::Console(doorway) = &request.return_to {
        return console::enter(provider, doorway, proven, known, now_ms).await;
    }
    let (state, now) = (&provider.signin, now_ms / 1000);
    let encrypter = match encrypter(provider, client, request, now).await {
        Ok(encrypter) => encrypter,
        Err(refusal) => return refuse(provider, client, &request.return_to, &refusal, now).await,
    };
    // What is signed for the answer must not fail once everything is written.
    provider.keys.ring(now).await.map_err(key_problem)?;
    let mut tx = state.db.write().await?;
    let Some(held) = hold(provider, &mut tx, (&client.id, request), &proven, known, now_ms).await? else {
        return Ok(to_the_loop(proven.signin.map_or("", |signin| &signin.id)));
    };
    let Held { client, grant_id, session_id, cookies, is_live } = held;
    let client = &*client;
    let request = &match obstacle(&mut tx, client, request, &proven, now).await? {
        Ok(permitted) => permitted,
        Err(refusal) => {
            tx.give_up().await?;
            return turn_away(provider, (client, request), &proven, &grant_id, &refusal, now).await;
        }
    };
    if !is_live {
        tx.commit().await?;
        let refusal = Refusal::new(Code::LoginRequired, "the session has ended just now");
        return refuse(provider, client, &request.return_to, &refusal, now).await;
    }
    let grant = new_grant(provider, client, request, &proven, (grant_id, session_id), now);
    tokens::add_grant(&mut tx, &grant).await?;
    let code = match &request.return_to {
        Destination::App(to) => add_code(provider, &mut tx, client, request, to, &grant, now).await?,
        Destination::Device(waiting) => {
            if !device_codes::allow(&mut tx, &waiting.device_code_hash, &grant.id, now).await? {
                return Ok(device::over(provider, client, waiting, Outcome::TooLate));
            }
            None
        }
        Destination::Console(_) => None,
    };
    remember_consent(&mut tx, client, request, &proven, now).await?;
    let announced = proven.lost.is_none()
        && record(provider, &mut tx, client, &proven, &grant.session_id, now_ms).await?;
    tx.commit().await?;
    after(provider, client, &proven, announced);
    let person = &proven.standing.person;
    let browser_state = browser_state(&state.vault, &grant.session_id).map_err(internal)?;
    let granted = Granted { provider, client, request, grant: &grant, person, encrypter, now };
    let answer = granted.answer(code, &browser_state).await?;
    let set = cookies.into_iter().chain([state.cookies.set_readable(STATE_COOKIE, &browser_state)]);
    Ok((AppendHeaders(set.map(|cookie| (header::SET_COOKIE, cookie))), answer).into_response())
}

/// What follows once everything is written.
fn after(provider: &Provider, client: &Client, proven: &Proven<'_>, announced: bool) {
    if proven.lost.is_none() {
        provider.signin.metrics.signed_in(proven.outcome(announced), client.counted());
    }
    if announced {
        announce::deliver_later(&provider.signin);
    }
}

/// What a grant hangs from, kept as it is until the transaction is over.
struct Held {
    client: Arc<Client>,
    grant_id: String,
    session_id: String,
    /// The cookies of a new session.
    cookies: Vec<String>,
    /// Whether the session has not ended meanwhile, and its app is noted.
    is_live: bool,
}

/// Asks for all of that at once. None when the sign-in is over, or no longer as the decision found it, or stands on a session that
/// has ended: the loop knows which.
async fn hold(
    provider: &Provider,
    tx: &mut Tx,
    (client_id, request): (&str, &AuthorizationRequest),
    proven: &Proven<'_>,
    known: Option<&Known>,
    now_ms: i64,
) -> Result<Option<Held>, Problem> {
    let now = now_ms / 1000;
    // First of all: whoever deletes the client, or changes it, comes before all of this or after it.
    let in_use = clients::find_in_use(tx, client_id)?;
    let grant_id = new_id_at(now_ms, &mut entropy());
    let claimed = claim(tx, proven, &grant_id, now).await?;
    let opened = open_session(provider, tx, proven, known, now).await?;
    let Some(OpenSession { id: session_id, cookies, seen }) = opened else { return Ok(None) };
    match session_clients::add(tx, &session_id, client_id).await {
        // Deleted a moment ago, and the sign-in with it.
        Err(gone) if gone.is_orphan() && proven.signin.is_some() => return Ok(None),
        noted => noted?,
    }
    let is_live = seen.happened()?;
    let client = provider.clients.of_row(clients::in_use(in_use)?)?;
    let is_over = !claimed.happened()? || (proven.signin.is_some() && request.is_astray(&client));
    Ok((!is_over).then_some(Held { client, grant_id, session_id, cookies, is_live }))
}

/// Ends the sign-in with this grant, if there is one: that has not happened when it is no longer as it was read. A grant whose answer
/// was lost ends with its code, unless the app has redeemed that.
async fn claim(tx: &mut Tx, proven: &Proven<'_>, grant_id: &str, now: i64) -> Result<Later<u64>, Problem> {
    let Some(signin) = proven.signin else { return Ok(Later::here(1)) };
    if proven.lost.is_none() {
        return Ok(signins::finish(tx, signin, Some(grant_id), now)?);
    }
    let Some(before) = signins::finish_again(tx, &signin.id, grant_id).await? else {
        return Ok(Later::here(0));
    };
    if tokens::find_grant(tx, &before).await?.is_none_or(|grant| grant.ended_at.is_some()) {
        // Somebody has taken back what would be given once more.
        return Ok(Later::here(0));
    }
    tokens::end_unredeemed(tx, &before, now).await?;
    Ok(Later::here(1))
}

/// The app gets nothing although the person has proven everything; the sign-in ends all the same, and with it what it was asked with.
async fn turn_away(
    provider: &Provider,
    (client, request): (&Client, &AuthorizationRequest),
    proven: &Proven<'_>,
    grant_id: &str,
    refusal: &Refusal,
    now: i64,
) -> Result<Response, Problem> {
    let mut tx = provider.signin.db.write().await?;
    let claimed = claim(&mut tx, proven, grant_id, now).await?;
    tx.answers().await?;
    if !claimed.happened()? {
        return Ok(to_the_loop(proven.signin.map_or("", |signin| &signin.id)));
    }
    use_up(&mut tx, request, now).await?;
    deny_device(&mut tx, request, now).await?;
    tx.commit().await?;
    refuse(provider, client, &request.return_to, refusal, now).await
}

/// What of a request is granted; or why the app gets nothing: what it asked with is used up, or is not for them, or no longer for the
/// app.
async fn obstacle(
    tx: &mut Tx,
    client: &Client,
    request: &AuthorizationRequest,
    proven: &Proven<'_>,
    now: i64,
) -> Result<Result<AuthorizationRequest, Refusal>, Problem> {
    if proven.lost.is_none() && !use_up(tx, request, now).await? {
        return Ok(Err(Refusal::new(Code::InvalidRequestUri, USED)));
    }
    let admitted = admits(tx, client, &proven.standing.person).await?;
    let refusal = || Err(Refusal::new(Code::AccessDenied, NOT_ADMITTED));
    Ok(if admitted { request.clone().permitted(client) } else { refusal() })
}

/// Remembers what the person has agreed to in this sign-in, beside what they have agreed to before.
async fn remember_consent(
    tx: &mut Tx,
    client: &Client,
    request: &AuthorizationRequest,
    proven: &Proven<'_>,
    now: i64,
) -> Result<(), Problem> {
    let user = &proven.standing.person.id;
    // What was remembered when the answer was lost may have been taken back since.
    if proven.lost.is_some() || proven.signin.is_none_or(|signin| !signin.has_consented(user)) {
        return Ok(());
    }
    let before = tokens::consented(tx, user, &client.id).await?;
    let scopes = request.needs().and(&Scopes::parse(before.as_deref().unwrap_or_default()));
    Ok(tokens::remember_consent(tx, user, &client.id, &scopes.to_string(), now).await?)
}

/// The session that a grant hangs from.
pub(super) struct OpenSession {
    pub(super) id: String,
    /// The cookies of a new one.
    pub(super) cookies: Vec<String>,
    /// It was noted to be in use: that has not happened when it has ended meanwhile.
    seen: Later<u64>,
}

/// The session that the grant hangs from. None when the sign-in stands on one that has ended.
pub(super) async fn open_session(
    provider: &Provider,
    tx: &mut Tx,
    proven: &Proven<'_>,
    known: Option<&Known>,
    now: i64,
) -> Result<Option<OpenSession>, Problem> {
    let state = &provider.signin;
    let user = &proven.standing.person.id;
    if let (false, Some(session)) = (proven.is_fresh(), proven.session) {
        let seen = sessions::see(tx, &session.id, now)?;
        return Ok(Some(OpenSession { id: session.id.clone(), cookies: Vec::new(), seen }));
    }
    if let Some(session_id) = proven.signin.and_then(|signin| signin.session_id.as_deref())
        && !sessions::hold(tx, session_id, now).await?
    {
        return Ok(None);
    }
    let facts = &proven.standing.facts;
    let Facts { password_at, code_at, skipped_at, .. } = *facts;
    let proofs = Proofs { password_at, code_at, skipped_at };
    let opened = session::open(tx, proven.session, user, proofs, &state.session, now, &mut entropy()).await?;
    let mut cookies = vec![state.cookies.set(SESSION_COOKIE, opened.cookie.reveal(), Lifetime::Browser)];
    cookies.extend(known::remember(tx, state, known, user, now, &mut entropy()).await?);
    Ok(Some(OpenSession { id: opened.id, cookies, seen: Later::here(1) }))
}

fn new_grant(
    provider: &Provider,
    client: &Client,
    request: &AuthorizationRequest,
    proven: &Proven<'_>,
    (id, session_id): (String, String),
    now: i64,
) -> GrantRow {
    let lifetimes = &provider.tokens;
    let details = GrantDetails {
        userinfo_claims: request.claims.userinfo.clone(),
        id_token_claims: request.claims.id_token.clone(),
        resources: request.resources.clone(),
        way: Some(match request.return_to {
            Destination::App(_) => Way::Response(request.response_type),
            Destination::Device(_) | Destination::Console(_) => Way::Grant(GrantType::DeviceCode),
        }),
        sent_to: request.return_to.app().map(|to| to.redirect_uri.clone()),
    };
    let expires_at = if request.scopes.has(Scope::OfflineAccess) {
        now + lifetimes.refresh_lifetime.as_secs()
    } else {
        let until_redeemed = if request.return_to.device().is_some() {
            Waiting::LIFETIME
        } else {
            lifetimes.code_lifetime.as_secs()
        };
        now + until_redeemed + provider.longest_token()
    };
    GrantRow {
        id,
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
) -> Result<Option<GrantToken>, Problem> {
    if !request.response_type.has_code() {
        return Ok(None);
    }
    let code = provider.grant_token();
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

/// Writes down who went where, and announces an override the first time that it lets somebody in, by a password that they have just
/// given or by their session. Answers whether anybody is told.
async fn record(
    provider: &Provider,
    tx: &mut Tx,
    client: &Client,
    proven: &Proven<'_>,
    session_id: &str,
    now_ms: i64,
) -> Result<bool, Problem> {
    // It was written down when the answer was lost.
    if proven.lost.is_some() {
        return Ok(false);
    }
    let person = &proven.standing.person;
    let fresh = proven.is_fresh();
    let overridden = proven.assurance == Assurance::Override
        && (sessions::mark_override(tx, session_id, now_ms / 1000).await? || fresh);
    let name = if overridden { "signin.override" } else { "signin.completed" };
    let mut event = Event::new(name, Actor::User(person.id.clone()))
        .user(&person.id)
        .client(&client.id)
        .network(proven.network.to_string())
        .detail("amr", proven.assurance.amr().join(" "))
        .detail("by_session", !fresh);
    if let Some(group) = &person.group {
        event = event.group(&group.id);
    }
    event.record(tx, now_ms, &mut entropy()).await?;
    if overridden {
        let app = &client.metadata.client_name;
        let asked = Asked { app, repair: &provider.repair_page(), network: proven.network, now_ms };
        announce::overridden(&provider.signin, tx, person, asked).await?;
    }
    Ok(overridden)
}
