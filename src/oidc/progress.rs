//! `/authorize/{sign-in}`: what is missing still? The loop of a sign-in: load the facts, decide, act.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use url::Url;

use super::Provider;
use super::authorize::{SESSION_COOKIE, language};
use super::clients::{self, Client};
use super::consent;
use super::error::{Code, Refusal};
use super::finish::{self, Proven};
use super::request::AuthorizationRequest;
use super::scopes::Scopes;
use crate::directory::Person;
use crate::keys::secret::entropy;
use crate::mail::Outcome;
use crate::signin::browser::Browser;
use crate::signin::challenge::{self, Issue, Recipient};
use crate::signin::decide::{Next, Reach, decide};
use crate::signin::facts::{self, Standing};
use crate::signin::notice::Notice;
use crate::signin::{pages, session};
use crate::store::challenges::{self, ChallengeRow};
use crate::store::sessions::SessionRow;
use crate::store::signins::{self, SignInRow};
use crate::store::{Conn, tokens, users};
use crate::web::{AppCard, ExpiredPage, Path, Problem};

/// A sign-in that may go on, in the browser that it is bound to.
pub(super) struct Pending {
    pub(super) signin: SignInRow,
    pub(super) client: Client,
    pub(super) request: AuthorizationRequest,
    pub(super) browser: Browser,
    /// The `Set-Cookie` for a browser that came by a POST from the app and is new here.
    greeting: Option<String>,
}

/// `GET /authorize/{sign-in}`
pub(super) async fn get(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now_ms = provider.signin.clock.now_ms();
    match load(&provider, &id, &headers, now_ms).await? {
        Ok(pending) => {
            let greeting = pending.greeting.clone().map(|cookie| (header::SET_COOKIE, cookie));
            let turn = Turn { provider: &provider, pending: &pending, headers: &headers, now_ms };
            Ok((AppendHeaders(greeting), turn.take().await?).into_response())
        }
        Err(over) => Ok(over),
    }
}

/// Loads a sign-in for the browser that asks for it; else the page that says that it is over.
pub(super) async fn load(
    provider: &Provider,
    id: &str,
    headers: &HeaderMap,
    now_ms: i64,
) -> Result<Result<Pending, Response>, Problem> {
    let state = &provider.signin;
    let over = |client: Option<&Client>| {
        let page = expired(provider, client);
        Ok(Err(state.pages.respond(StatusCode::GONE, &page, language(headers, None))))
    };
    // Ids are ours: anything else is no sign-in.
    if id.len() != 26 || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return over(None);
    }
    let mut conn = state.db.read().await?;
    let Some(mut signin) = signins::find(&mut conn, id).await? else { return over(None) };
    let Some(client) = clients::find(&mut conn, &signin.client_id).await? else { return over(None) };
    drop(conn);
    if signin.finished_at.is_some() || signin.expires_at <= now_ms / 1000 {
        return over(Some(&client));
    }
    let (browser, greeting) = match Browser::of(&state.cookies, headers) {
        Some(browser) => (browser, None),
        None if signin.browser_hash.is_none() => {
            let (browser, cookie) = Browser::greet(&state.cookies, &mut entropy());
            (browser, Some(cookie))
        }
        None => return over(Some(&client)),
    };
    if signin.browser_hash.is_none() {
        let mut tx = state.db.write().await?;
        if signins::take_up(&mut tx, id, browser.as_str()).await? {
            tx.commit().await?;
            signin.browser_hash = Some(browser.as_str().to_owned());
        }
    }
    if signin.browser_hash.as_deref() != Some(browser.as_str()) {
        return over(Some(&client));
    }
    let request = serde_json::from_str(&signin.request).map_err(|e| Problem::Internal(e.to_string()))?;
    Ok(Ok(Pending { signin, client, request, browser, greeting }))
}

/// The relying app, as the pages show it.
pub(super) fn card(client: &Client) -> AppCard {
    let metadata = &client.metadata;
    AppCard {
        name: metadata.client_name.clone(),
        logo_uri: metadata.logo_uri.clone(),
        policy_uri: metadata.policy_uri.clone(),
        tos_uri: metadata.tos_uri.clone(),
        front_page: metadata.front_page(),
    }
}

/// The page of a sign-in that is over. An app that can begin another one by itself (OIDC Core §4) is asked to in one step.
pub(super) fn expired(provider: &Provider, client: Option<&Client>) -> ExpiredPage {
    let begin = client.and_then(|client| Url::parse(client.metadata.initiate_login_uri.as_deref()?).ok());
    let restart = begin.map(|mut url| {
        url.query_pairs_mut().append_pair("iss", &provider.issuer);
        url.into()
    });
    ExpiredPage { app: client.map(card), restart }
}

/// Whether the app may learn who somebody is without asking them: it need not ask, or has been told before, or just now.
pub(super) async fn has_agreed(
    conn: &mut Conn,
    client: &Client,
    request: &AuthorizationRequest,
    standing: &Standing,
    consented_at: Option<i64>,
) -> Result<bool, Problem> {
    if consented_at.is_some() {
        return Ok(true);
    }
    if request.prompt.consent {
        return Ok(false);
    }
    if !client.metadata.consent {
        return Ok(true);
    }
    let before = tokens::consented(conn, &standing.person.id, &client.id).await?;
    Ok(before.is_some_and(|scopes| request.scopes.within(&Scopes::parse(&scopes))))
}

/// Whether this is who the request asks for, if it does: by the `sub` that this client knows them under.
pub(super) fn is_asked_for(
    provider: &Provider,
    client: &Client,
    request: &AuthorizationRequest,
    person: &Person,
) -> Result<bool, Problem> {
    let Some(asked) = &request.subject_hint else { return Ok(true) };
    let subject = provider.subject(client, &person.id).map_err(|e| Problem::Internal(e.to_string()))?;
    Ok(*asked == subject)
}

/// One turn of the loop.
struct Turn<'a> {
    provider: &'a Provider,
    pending: &'a Pending,
    headers: &'a HeaderMap,
    now_ms: i64,
}

impl Turn<'_> {
    async fn take(&self) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let (signin, request, client) = (&self.pending.signin, &self.pending.request, &self.pending.client);
        let now = self.now_ms / 1000;
        let mut conn = state.db.read().await?;
        let cookie = state.cookies.read(self.headers, SESSION_COOKIE);
        let session = session::find(&mut conn, cookie.as_deref(), &state.session, now).await?;
        let attempts = i64::from(state.settings.code_attempts);
        let (freshness, demand) = (request.freshness(signin.created_at), request.demand(client));
        let standing =
            facts::load(&mut conn, Some(signin), session.as_ref(), freshness, demand, attempts, now).await?;
        let Some(standing) = standing else { return Ok(self.password_page(None)) };
        // Somebody else's session: whoever is asked for may sign in over it.
        if signin.user_id.is_none() && !is_asked_for(self.provider, client, request, &standing.person)? {
            return Ok(self.password_page(None));
        }
        match decide(Some(&standing.facts)) {
            Next::Password => Ok(self.password_page(None)),
            Next::Code => {
                drop(conn);
                self.code(&standing, session.as_ref()).await
            }
            Next::NoAddress => self.start_again(conn, Notice::NoAddress).await,
            Next::CodesStopped => self.start_again(conn, Notice::CodesStopped).await,
            Next::Unmet => {
                drop(conn);
                let description = "the app insists on two factors, and this person cannot be sent a code";
                self.refuse(Code::UnmetAuthenticationRequirements, description).await
            }
            Next::Done(assurance) => {
                let proven = Proven {
                    standing: &standing,
                    assurance,
                    session: session.as_ref(),
                    signin: Some(signin),
                };
                self.done(conn, proven).await
            }
        }
    }

    /// Nothing is missing but, perhaps, the person's consent.
    async fn done(&self, mut conn: Conn, proven: Proven<'_>) -> Result<Response, Problem> {
        let (signin, request, client) = (&self.pending.signin, &self.pending.request, &self.pending.client);
        let person = &proven.standing.person;
        if !is_asked_for(self.provider, client, request, person)? {
            drop(conn);
            let description = "somebody else has signed in than id_token_hint asks for";
            return self.refuse(Code::LoginRequired, description).await;
        }
        if !has_agreed(&mut conn, client, request, proven.standing, signin.consented_at).await? {
            let page = consent::page(self.provider, signin, client, request, person)?;
            let language = language(self.headers, request.ui_locales.as_deref());
            return Ok(self.provider.signin.pages.respond(StatusCode::OK, &page, language));
        }
        drop(conn);
        let browser = Some(self.pending.browser.clone());
        finish::grant(self.provider, client, request, proven, browser, self.now_ms).await
    }

    /// Sends a code if none has been sent since the password was given, and shows the page that asks for it.
    async fn code(&self, standing: &Standing, session: Option<&SessionRow>) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let Some(signin) = self.adopt(standing, session).await? else {
            return Ok(super::steps::to_the_loop(&self.pending.signin.id));
        };
        if standing.facts.reach == Reach::Hand {
            return Ok(self.code_page(&signin, standing, (None, false)));
        }
        let mut conn = state.db.read().await?;
        let latest = challenges::latest(&mut conn, &signin.id).await?;
        drop(conn);
        match latest {
            Some(challenge) if challenge.ended_at.is_none() && challenge.spent_at.is_none() => {
                match self.delivery(&challenge).await?.as_deref() {
                    // Refused after the page had stopped waiting: nobody shall wait for it either.
                    Some("refused" | "expired") => self.mail_failed(&signin).await,
                    Some("accepted") | None => {
                        Ok(self.code_page(&signin, standing, (Some(&challenge), false)))
                    }
                    Some(_) => Ok(self.code_page(&signin, standing, (Some(&challenge), true))),
                }
            }
            _ => self.send_code(&signin, standing).await,
        }
    }

    /// A session's password counts in this sign-in from here on: its code is for whoever gave that password. None when the
    /// session or the sign-in is no longer as it was read.
    async fn adopt(
        &self,
        standing: &Standing,
        session: Option<&SessionRow>,
    ) -> Result<Option<SignInRow>, Problem> {
        let mut signin = self.pending.signin.clone();
        if let (None, Some(session)) = (&signin.user_id, session) {
            let mut tx = self.provider.signin.db.write().await?;
            let (user, at) = (&standing.person.id, standing.facts.password_at);
            // Whoever changes a user locks them first: what ends their sessions and sign-ins comes before this, or sees it.
            users::lock(&mut tx, user).await?;
            if !signins::adopt(&mut tx, &signin.id, user, at, &session.id).await? {
                return Ok(None);
            }
            tx.commit().await?;
            (signin.user_id, signin.password_at) = (Some(user.clone()), Some(at));
        }
        Ok(Some(signin))
    }

    async fn send_code(&self, signin: &SignInRow, standing: &Standing) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let Some(address) = standing.person.deliverable_address() else {
            return Ok(self.password_page(Some(Notice::NoAddress)));
        };
        let app = &self.pending.client.metadata.client_name;
        let recipient = Recipient { person: &standing.person, address: &address, app };
        let mut tx = state.db.write().await?;
        let issued = challenge::issue(state, &mut tx, signin, recipient, self.now_ms, &mut entropy()).await;
        let message = match issued.map_err(challenge_problem)? {
            Issue::Queued(message) => message,
            Issue::Overtaken => return Ok(super::steps::to_the_loop(&signin.id)),
            Issue::NoMore => {
                let notice = Notice::NoMoreCodes;
                signins::start_again(&mut tx, &signin.id, Some(&notice.to_json())).await?;
                tx.commit().await?;
                return Ok(self.password_page(Some(notice)));
            }
        };
        tx.commit().await?;
        let patience = state.settings.mail_patience.as_duration();
        let outcome = state.mailer.deliver_within(&message, patience).await;
        if let Outcome::Refused(_) = outcome {
            return self.mail_failed(signin).await;
        }
        let mut conn = state.db.read().await?;
        let challenge = challenges::latest(&mut conn, &signin.id).await?;
        let sent = SignInRow { codes_sent: signin.codes_sent + 1, ..signin.clone() };
        let underway = outcome == Outcome::Underway;
        Ok(self.code_page(&sent, standing, (challenge.as_ref(), underway)))
    }

    /// What has become of the message that carries a code; none when the record is gone.
    async fn delivery(&self, challenge: &ChallengeRow) -> Result<Option<String>, Problem> {
        let Some(message) = &challenge.message_id else { return Ok(None) };
        let mut conn = self.provider.signin.db.read().await?;
        Ok(crate::store::messages::state(&mut conn, message).await?)
    }

    /// The code will not come: back to the login screen, which says so.
    async fn mail_failed(&self, signin: &SignInRow) -> Result<Response, Problem> {
        let mut tx = self.provider.signin.db.write().await?;
        challenges::end_of_signin(&mut tx, &signin.id, self.now_ms / 1000).await?;
        let notice = Notice::MailFailed;
        signins::start_again(&mut tx, &signin.id, Some(&notice.to_json())).await?;
        tx.commit().await?;
        Ok(self.password_page(Some(notice)))
    }

    async fn start_again(&self, conn: Conn, notice: Notice) -> Result<Response, Problem> {
        drop(conn);
        let mut tx = self.provider.signin.db.write().await?;
        signins::start_again(&mut tx, &self.pending.signin.id, Some(&notice.to_json())).await?;
        tx.commit().await?;
        Ok(self.password_page(Some(notice)))
    }

    async fn refuse(&self, code: Code, description: &str) -> Result<Response, Problem> {
        let refusal = Refusal::new(code, description);
        finish::refuse(self.provider, self.pending, &refusal, self.now_ms).await
    }

    /// The login screen, with what it must say now, or what it has been saying.
    fn password_page(&self, notice: Option<Notice>) -> Response {
        let mut signin = self.pending.signin.clone();
        if let Some(notice) = notice {
            signin.notice = Some(notice.to_json());
        }
        let request = &self.pending.request;
        pages::password(
            &self.provider.signin,
            &signin,
            card(&self.pending.client),
            request.login_hint.as_deref(),
            self.now_ms / 1000,
            language(self.headers, request.ui_locales.as_deref()),
        )
    }

    fn code_page(
        &self,
        signin: &SignInRow,
        standing: &Standing,
        challenge: (Option<&ChallengeRow>, bool),
    ) -> Response {
        let language = language(self.headers, self.pending.request.ui_locales.as_deref());
        let (state, app) = (&self.provider.signin, card(&self.pending.client));
        pages::code(state, signin, app, standing, challenge, self.now_ms / 1000, language)
    }
}

fn challenge_problem(e: challenge::Error) -> Problem {
    match e {
        challenge::Error::Store(e) => e.into(),
        other => Problem::Internal(other.to_string()),
    }
}

impl From<challenge::Error> for Problem {
    fn from(e: challenge::Error) -> Self {
        challenge_problem(e)
    }
}
