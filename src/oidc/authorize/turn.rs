//! `/authorize/{sign-in}`: what is missing still? The loop of a sign-in: load the facts, decide, act.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};

use super::again;
use super::consent::{self, has_agreed, is_asked_for};
use super::facts;
use super::finish::{self, Proven};
use super::longer;
use super::pending::{Pending, load, to_the_loop};
use crate::directory::{Person, people};
use crate::keys::secret::entropy;
use crate::mail::Outcome;
use crate::oidc::clients::{self, card};
use crate::oidc::provider::Provider;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::page::language;
use crate::signin::challenge::{self, Issue, Recipient};
use crate::signin::decide::{Hindrance, Next, Reach, decide};
use crate::signin::facts::Standing;
use crate::signin::help::{self, Asked};
use crate::signin::kept_out;
use crate::signin::notice::Notice;
use crate::signin::pages::{self, Sent};
use crate::signin::rehearsal;
use crate::store::challenges::{self, ChallengeRow};
use crate::store::sessions::SessionRow;
use crate::store::signins::{self, SignInRow};
use crate::store::standing::Theirs;
use crate::store::{Conn, Tx, users};
use crate::web::network::Network;
use crate::web::{Path, Problem};

/// `GET /authorize/{sign-in}`
pub(in crate::oidc) async fn get(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, Problem> {
    let network = &Network::of(&extensions, &headers, &provider.trusted_proxies);
    let now_ms = provider.signin.clock.now_ms();
    match load(&provider, &id, &headers, now_ms).await? {
        Ok(mut pending) => {
            match pending.request.clone().permitted(&pending.client) {
                Ok(permitted) => pending.request = permitted,
                Err(refusal) => {
                    let user = pending.signin.user_id.as_deref();
                    return finish::refuse(&provider, &pending, user, &refusal, (network, now_ms)).await;
                }
            }
            let cookies = pending.cookies.iter().map(|cookie| (header::SET_COOKIE, cookie.clone()));
            let cookies = AppendHeaders(cookies.collect::<Vec<_>>());
            let turn = Turn { provider: &provider, pending: &pending, headers: &headers, network, now_ms };
            let answer = match &pending.ended {
                Some(grant_id) => {
                    again::answer(&provider, &pending, &headers, grant_id, (network, now_ms)).await?
                }
                None => turn.take().await?,
            };
            Ok((cookies, answer).into_response())
        }
        Err(over) => Ok(over),
    }
}

/// One turn of the loop.
struct Turn<'a> {
    provider: &'a Provider,
    pending: &'a Pending,
    headers: &'a HeaderMap,
    network: &'a Network,
    now_ms: i64,
}

/// `POST /authorize/{sign-in}/consent`: records that whoever has proven everything agrees, if they are the one whom the page has
/// named (`shown_to`). A consent counts for nobody else, and for nobody before their proofs.
pub(super) async fn consent(
    provider: &Provider,
    pending: &Pending,
    headers: &HeaderMap,
    shown_to: Option<&str>,
    (network, now_ms): (&Network, i64),
) -> Result<(), Problem> {
    let turn = Turn { provider, pending, headers, network, now_ms };
    let Some((_, standing)) = turn.present().await? else { return Ok(()) };
    let person = &standing.person;
    let is_done = matches!(decide(Some(&standing.facts)), Next::Done(_));
    if is_done && shown_to.is_none_or(|login| login == person.login) {
        let mut tx = provider.signin.db.write().await?;
        signins::record_consent(&mut tx, &pending.signin.id, &person.id, now_ms / 1000).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// `POST /authorize/{sign-in}/code/skip`: the person goes on without a code, where the decision leaves it to them; else nothing
/// happens, and the loop goes on to ask for what is missing.
pub(super) async fn skip(
    provider: &Provider,
    pending: &Pending,
    headers: &HeaderMap,
    (network, now_ms): (&Network, i64),
) -> Result<(), Problem> {
    let turn = Turn { provider, pending, headers, network, now_ms };
    let Some((session, standing)) = turn.present().await? else { return Ok(()) };
    let hindrance = match decide(Some(&standing.facts)) {
        Next::Code { may_skip: true } => None,
        Next::Hindered(hindrance) => Some(hindrance),
        _ => return Ok(()),
    };
    if let Some(signin) = turn.adopt(&standing, session.as_deref()).await? {
        rehearsal::skip(&provider.signin.db, &signin, &standing.person, hindrance, (network, now_ms)).await?;
    }
    Ok(())
}

/// `POST /authorize/{sign-in}/help`: whoever was kept out after a right password asks for help; so does whom only a rehearsal lets go on.
pub(super) async fn ask_for_help(
    provider: &Provider,
    pending: &Pending,
    headers: &HeaderMap,
    (network, now_ms): (&Network, i64),
) -> Result<(), Problem> {
    let (state, signin, repair) = (&provider.signin, &pending.signin, provider.repair_page());
    let asked = Asked { app: &pending.client.metadata.client_name, repair: &repair, network, now_ms };
    if help::ask(state, signin, asked).await? {
        return Ok(());
    }
    let turn = Turn { provider, pending, headers, network, now_ms };
    let Some((_, standing)) = turn.present().await? else { return Ok(()) };
    if let Next::Hindered(hindrance) = decide(Some(&standing.facts))
        && let Some(why) = help::rehearsed(hindrance)
    {
        help::ask_for(state, signin, &standing.person.id, why, asked).await?;
    }
    Ok(())
}

impl Turn<'_> {
    /// The browser's session, and who has proven what by now; none when nobody has.
    async fn present(&self) -> Result<Option<(Option<Theirs<SessionRow>>, Standing)>, Problem> {
        let session = self.provider.session(self.headers, self.now_ms / 1000).await?;
        let mut conn = self.provider.signin.db.read().await?;
        let standing = self.standing(&mut conn, session.as_ref()).await?;
        Ok(standing.map(|standing| (session, standing)))
    }

    async fn take(&self) -> Result<Response, Problem> {
        let (signin, client) = (&self.pending.signin, &self.pending.client);
        let session = self.provider.session(self.headers, self.now_ms / 1000).await?;
        let mut conn = self.provider.signin.db.read().await?;
        let Some(standing) = self.standing(&mut conn, session.as_ref()).await? else {
            return self.ask_who(conn, session.as_deref()).await;
        };
        let next = decide(Some(&standing.facts));
        if next != Next::Password && !clients::admits(&mut conn, client, &standing.person).await? {
            drop(conn);
            return self.refuse(&standing, Code::AccessDenied, clients::NOT_ADMITTED).await;
        }
        match next {
            Next::Password => self.ask_who(conn, session.as_deref()).await,
            Next::Code { may_skip } => {
                drop(conn);
                self.code(&standing, session.as_deref(), may_skip).await
            }
            Next::Hindered(hindrance) => Ok(self.rehearsal_page(&standing, hindrance)),
            Next::NoAddress => {
                drop(conn);
                self.start_again(&standing, &Notice::NoAddress).await
            }
            Next::CodesStopped => {
                drop(conn);
                self.start_again(&standing, &Notice::CodesStopped).await
            }
            Next::Unmet => {
                drop(conn);
                let description = "the app insists on two factors, and this person cannot be sent a code";
                self.refuse(&standing, Code::UnmetAuthenticationRequirements, description).await
            }
            Next::LongerPassword => {
                Ok(longer::page(self.provider, self.pending, &standing.person, None, self.headers))
            }
            Next::Done(assurance) => {
                let proven = Proven {
                    standing: &standing,
                    assurance,
                    session: session.as_deref(),
                    signin: Some(signin),
                    lost: None,
                    network: self.network,
                };
                self.done(conn, proven).await
            }
        }
    }

    async fn standing(
        &self,
        conn: &mut Conn,
        session: Option<&Theirs<SessionRow>>,
    ) -> Result<Option<Standing>, Problem> {
        let asked = (&*self.pending.client, &self.pending.request);
        let signin = Some(&self.pending.signin);
        facts::load(self.provider, conn, asked, signin, session, self.now_ms / 1000).await
    }

    /// The login screen, for whoever it is: whose password counted before in this sign-in, whom the app names, or whose session
    /// this is, although it does not suffice.
    async fn ask_who(&self, mut conn: Conn, session: Option<&SessionRow>) -> Result<Response, Problem> {
        let signin = &self.pending.signin;
        let last = signin.last_user_id.as_deref();
        let hinted = self.pending.request.login_hint.clone();
        let of_session = session.filter(|_| !signin.without_session).map(|session| session.user_id.as_str());
        let known = match last.or(of_session.filter(|_| hinted.is_none())) {
            Some(user_id) => people::find(&mut conn, user_id).await?.map(|person| person.login),
            None => hinted,
        };
        Ok(self.password_page(&self.pending.signin, known.as_deref()))
    }

    /// Nothing is missing but, perhaps, the person's consent.
    async fn done(&self, mut conn: Conn, proven: Proven<'_>) -> Result<Response, Problem> {
        let (signin, request, client) = (&self.pending.signin, &self.pending.request, &self.pending.client);
        let person = &proven.standing.person;
        if !is_asked_for(self.provider, client, request, person)? {
            drop(conn);
            let description = "somebody else has signed in than id_token_hint asks for";
            return self.refuse(proven.standing, Code::LoginRequired, description).await;
        }
        if !has_agreed(&mut conn, client, request, proven.standing, signin.has_consented(&person.id)).await? {
            let page = consent::page(self.provider, signin, client, request, person)?;
            let language = language(self.headers, request.ui_locales.as_deref());
            return Ok(self.provider.signin.pages.respond(StatusCode::OK, &page, language));
        }
        drop(conn);
        let known = self.pending.known.as_ref();
        finish::grant(self.provider, client, request, proven, known, self.now_ms).await
    }

    /// Sends a code if none has been sent since the password was given, and shows the page that asks for it.
    async fn code(
        &self,
        standing: &Standing,
        session: Option<&SessionRow>,
        may_skip: bool,
    ) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let Some(signin) = self.adopt(standing, session).await? else {
            return Ok(to_the_loop(&self.pending.signin.id));
        };
        if standing.facts.reach == Reach::Hand {
            return Ok(self.code_page(&signin, standing, Sent { may_skip, ..Sent::default() }));
        }
        let mut conn = state.db.read().await?;
        let latest = challenges::latest(&mut conn, &signin.id, &standing.person.id).await?;
        let full_until = match &latest {
            Some(last) => {
                challenge::full_until(&mut conn, &state.settings, &last.address, self.now_ms).await?
            }
            None => None,
        };
        drop(conn);
        match latest {
            Some(challenge) if challenge.ended_at.is_none() && challenge.spent_at.is_none() => {
                match self.delivery(&challenge).await?.as_deref() {
                    // Refused after the page had stopped waiting: nobody shall wait for it either.
                    Some("refused" | "expired") => self.mail_failed(&signin, standing, may_skip).await,
                    delivery => {
                        self.say_if_over(&challenge).await?;
                        let underway = !matches!(delivery, Some("accepted") | None);
                        let sent = Sent { challenge: Some(&challenge), underway, full_until, may_skip };
                        Ok(self.code_page(&signin, standing, sent))
                    }
                }
            }
            _ => self.send_code(&signin, standing, may_skip).await,
        }
    }

    /// The page says that a code no longer works: then it never does again, whatever the clock does.
    async fn say_if_over(&self, challenge: &ChallengeRow) -> Result<(), Problem> {
        if challenge.is_over(self.now_ms / 1000) && !challenge.is_marked() {
            let mut tx = self.provider.signin.db.write().await?;
            challenges::expire(&mut tx, &challenge.id).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// A session's password counts in this sign-in from here on: its code is for whoever gave that password. None when the
    /// session or the sign-in is no longer as it was read.
    async fn adopt(
        &self,
        standing: &Standing,
        session: Option<&SessionRow>,
    ) -> Result<Option<SignInRow>, Problem> {
        let mut signin = self.pending.signin.row.clone();
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
            signin.session_id = Some(session.id.clone());
            if signin.last_user_id.as_ref() != Some(user) {
                signin.notice = None;
            }
        }
        Ok(Some(signin))
    }

    async fn send_code(
        &self,
        signin: &SignInRow,
        standing: &Standing,
        may_skip: bool,
    ) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let Some(address) = standing.person.deliverable_address() else {
            return self.start_again(standing, &Notice::NoAddress).await;
        };
        let app = &self.pending.client.metadata.client_name;
        let recipient = Recipient { person: &standing.person, address: &address, app };
        let mut tx = state.db.write().await?;
        let issued = challenge::issue(state, &mut tx, signin, recipient, self.now_ms, &mut entropy()).await;
        let message = match issued? {
            Issue::Queued(message) => message,
            Issue::Overtaken => return Ok(to_the_loop(&signin.id)),
            Issue::NoMore | Issue::Full(_) if may_skip => {
                return self.hinder(tx, signin, standing, Hindrance::TooManyCodes).await;
            }
            refused @ (Issue::NoMore | Issue::Full(_)) => {
                let notice = match refused {
                    Issue::Full(until) => Notice::AddressFull { until },
                    _ => Notice::NoMoreCodes,
                };
                return self.turn_back(tx, standing, &notice).await;
            }
        };
        tx.commit().await?;
        let patience = state.settings.mail_patience.as_duration();
        let outcome = state.mailer.deliver_within(&message, patience).await;
        if let Outcome::Refused(_) = outcome {
            return self.mail_failed(signin, standing, may_skip).await;
        }
        let mut conn = state.db.read().await?;
        let challenge = challenges::latest(&mut conn, &signin.id, &standing.person.id).await?;
        let full_until =
            challenge::full_until(&mut conn, &state.settings, address.as_str(), self.now_ms).await?;
        let counted = SignInRow { codes_sent: signin.codes_sent + 1, ..signin.clone() };
        let underway = outcome == Outcome::Underway;
        let sent = Sent { challenge: challenge.as_ref(), underway, full_until, may_skip };
        Ok(self.code_page(&counted, standing, sent))
    }

    /// What has become of the message that carries a code; none when the record is gone.
    async fn delivery(&self, challenge: &ChallengeRow) -> Result<Option<String>, Problem> {
        let Some(message) = &challenge.message_id else { return Ok(None) };
        let mut conn = self.provider.signin.db.read().await?;
        Ok(crate::store::messages::state(&mut conn, message).await?)
    }

    /// The code will not come, and does not count: back to the login screen, which says so; or on without it, in a rehearsal.
    async fn mail_failed(
        &self,
        signin: &SignInRow,
        standing: &Standing,
        may_skip: bool,
    ) -> Result<Response, Problem> {
        let mut tx = self.provider.signin.db.write().await?;
        if challenges::end_of_signin(&mut tx, &signin.id, self.now_ms / 1000).await? {
            signins::take_back_code(&mut tx, &signin.id).await?;
        }
        if may_skip {
            return self.hinder(tx, signin, standing, Hindrance::MailRefused).await;
        }
        self.turn_back(tx, standing, &Notice::MailFailed).await
    }

    /// In a rehearsal, whatever keeps a code away is told and keeps nobody out.
    async fn hinder(
        &self,
        mut tx: Tx,
        signin: &SignInRow,
        standing: &Standing,
        hindrance: Hindrance,
    ) -> Result<Response, Problem> {
        rehearsal::hinder(&mut tx, signin, &standing.person, hindrance, self.now_ms / 1000).await?;
        tx.commit().await?;
        Ok(self.rehearsal_page(standing, hindrance))
    }

    async fn start_again(&self, standing: &Standing, notice: &Notice) -> Result<Response, Problem> {
        let (signin, user) = (&self.pending.signin, Some(standing.person.id.as_str()));
        let asked = Notice::from_json(signin.notice.as_deref()) == Some(Notice::HelpAsked);
        if asked && signin.last_user_id.as_deref() == user {
            // A session brings them here again at once: that help was asked for is still to be said.
            return Ok(self.password_page(signin, Some(&standing.person.login)));
        }
        let tx = self.provider.signin.db.write().await?;
        self.turn_back(tx, standing, notice).await
    }

    /// Whoever has given a right password is back at the login screen, in this transaction, and the log tells of it.
    async fn turn_back(&self, mut tx: Tx, standing: &Standing, notice: &Notice) -> Result<Response, Problem> {
        let (signin, person) = (&self.pending.signin.row, &standing.person);
        let (said, typed) = (notice.to_json(), signin.has_password());
        signins::start_again(&mut tx, &signin.id, Some(&said), Some(&person.id), typed).await?;
        kept_out::note(&mut tx, signin, person, notice, (self.network, self.now_ms)).await?;
        tx.commit().await?;
        Ok(self.turned_back(notice, person))
    }

    async fn refuse(&self, standing: &Standing, code: Code, description: &str) -> Result<Response, Problem> {
        let (user, refusal) = (Some(standing.person.id.as_str()), Refusal::new(code, description));
        finish::refuse(self.provider, self.pending, user, &refusal, (self.network, self.now_ms)).await
    }

    /// The login screen, with why somebody is back there whose password was right.
    fn turned_back(&self, notice: &Notice, person: &Person) -> Response {
        if let Some(reason) = notice.counted() {
            self.provider.signin.metrics.refused(reason, self.pending.client.counted());
        }
        let mut signin = self.pending.signin.row.clone();
        (signin.notice, signin.last_user_id) = (Some(notice.to_json()), Some(person.id.clone()));
        self.password_page(&signin, Some(&person.login))
    }

    /// The login screen, with what it has to say.
    fn password_page(&self, signin: &SignInRow, known_login: Option<&str>) -> Response {
        let request = &self.pending.request;
        pages::password(
            &self.provider.signin,
            signin,
            card(&self.pending.client),
            known_login,
            self.now_ms / 1000,
            language(self.headers, request.ui_locales.as_deref()),
        )
    }

    fn rehearsal_page(&self, standing: &Standing, hindrance: Hindrance) -> Response {
        let language = language(self.headers, self.pending.request.ui_locales.as_deref());
        let page = pages::rehearsal(&self.pending.signin, card(&self.pending.client), standing, hindrance);
        self.provider.signin.pages.respond(StatusCode::OK, &page, language)
    }

    fn code_page(&self, signin: &SignInRow, standing: &Standing, sent: Sent<'_>) -> Response {
        let language = language(self.headers, self.pending.request.ui_locales.as_deref());
        let (state, app) = (&self.provider.signin, card(&self.pending.client));
        pages::code(state, signin, app, standing, sent, self.now_ms / 1000, language)
    }
}

impl From<challenge::Error> for Problem {
    fn from(e: challenge::Error) -> Self {
        match e {
            challenge::Error::Store(e) => e.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}
