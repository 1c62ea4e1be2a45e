//! The authorization endpoint (RFC 6749 §3.1, OIDC Core §3.1.2): is this a request that we can go on with?

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};

use super::Provider;
use super::answer::{self, ReturnTo};
use super::clients::{self, Client};
use super::error::{Code, Refusal};
use super::finish::{self, Proven};
use super::progress;
use super::request::{self, AuthorizationRequest, ResponseMode};
use crate::keys::secret::{entropy, new_id};
use crate::keys::{KeyError, Ring};
use crate::signin::browser::Browser;
use crate::signin::decide::{Next, decide};
use crate::signin::{facts, session};
use crate::store::signins::{self, NewSignIn};
use crate::web::form::Form;
use crate::web::{Language, Problem, ProtocolErrorPage};

/// The session cookie's name, before the prefix that https gives it.
pub(super) const SESSION_COOKIE: &str = "session";

/// `GET /authorize`
pub(super) async fn get(
    State(provider): State<Arc<Provider>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::parse(query.as_deref().unwrap_or_default())?;
    Begin { provider: &provider, form: &form, headers: &headers, by_post: false }.run().await
}

/// `POST /authorize`
pub(super) async fn post(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Problem> {
    Begin { provider: &provider, form: &form, headers: &headers, by_post: true }.run().await
}

struct Begin<'a> {
    provider: &'a Provider,
    form: &'a Form,
    headers: &'a HeaderMap,
    /// A form on the app's page does not bring our `SameSite=Lax` cookies along: there is no telling which browser it is.
    by_post: bool,
}

impl Begin<'_> {
    async fn run(&self) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let now_ms = state.clock.now_ms();
        let mut conn = state.db.read().await?;
        let client_id = self.form.get("client_id").unwrap_or_default();
        let Some(client) = clients::find(&mut conn, client_id).await? else {
            return Ok(self.explain(None, "there is no client with this client_id"));
        };
        let return_to = match self.return_to(&client) {
            Ok(return_to) => return_to,
            Err(description) => return Ok(self.explain(Some(&client), description)),
        };
        let ring = self.provider.keys.ring(now_ms / 1000).await.map_err(key_problem)?;
        let hint = |token: &str| subject_of(&ring, token, &self.provider.issuer, &client.id, now_ms / 1000);
        let parsed = request::state(self.form).and_then(|state| {
            let return_to = ReturnTo { state, ..return_to.clone() };
            AuthorizationRequest::parse(self.form, &client, return_to, hint)
        });
        match parsed {
            Ok(request) => self.go_on(conn, client, request, now_ms).await,
            Err(refusal) => {
                drop(conn);
                let state = self.form.get("state").filter(|_| !self.form.is_doubled("state"));
                let return_to = ReturnTo { state: state.map(str::to_owned), ..return_to };
                answer::refuse(self.provider, &client, &return_to, &refusal, now_ms / 1000).await
            }
        }
    }

    /// Where the answer may go; never to an address that is not registered (RFC 9700 §4.11).
    fn return_to(&self, client: &Client) -> Result<ReturnTo, &'static str> {
        if self.form.is_doubled("client_id") || self.form.is_doubled("redirect_uri") {
            return Err("client_id or redirect_uri is there more than once (RFC 6749 section 3.1)");
        }
        let uri = self.form.get("redirect_uri");
        let uri = uri.ok_or("redirect_uri is missing (OpenID Connect Core section 3.1.2.1)")?;
        if !client.metadata.allows_redirect_to(uri) {
            return Err("redirect_uri is not one that is registered for this client");
        }
        let mode = ResponseMode::for_errors(self.form.get("response_type"), self.form.get("response_mode"));
        Ok(ReturnTo { redirect_uri: uri.to_owned(), state: None, mode })
    }

    /// Answers at once where nothing is missing, or must not be asked for; else begins a sign-in.
    async fn go_on(
        &self,
        mut conn: crate::store::Conn,
        client: Client,
        request: AuthorizationRequest,
        now_ms: i64,
    ) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let now = now_ms / 1000;
        let cookie = state.cookies.read(self.headers, SESSION_COOKIE);
        let session = session::find(&mut conn, cookie.as_deref(), &state.session, now).await?;
        let attempts = i64::from(state.settings.code_attempts);
        let (freshness, demand) = (request.freshness(now), request.demand(&client));
        let standing =
            facts::load(&mut conn, None, session.as_ref(), freshness, demand, attempts, now).await?;
        let standing =
            standing.filter(|s| request.subject_hint.as_ref().is_none_or(|sub| *sub == s.person.id));
        let next = decide(standing.as_ref().map(|s| &s.facts));
        if let (Next::Done(assurance), Some(standing)) = (next, &standing) {
            let agreed = progress::has_agreed(&mut conn, &client, &request, standing, None).await?;
            if agreed {
                let proven = Proven { standing, assurance, session: session.as_ref(), signin: None };
                drop(conn);
                return finish::grant(self.provider, &client, &request, proven, self.browser(), now_ms).await;
            }
            if request.prompt.none {
                let refusal = Refusal::new(Code::ConsentRequired, "the person has not agreed yet");
                drop(conn);
                return answer::refuse(self.provider, &client, &request.return_to, &refusal, now).await;
            }
        }
        drop(conn);
        if request.prompt.none {
            let refusal = nobody_may_be_asked(next);
            return answer::refuse(self.provider, &client, &request.return_to, &refusal, now).await;
        }
        self.begin(&client, &request, now).await
    }

    async fn begin(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        now: i64,
    ) -> Result<Response, Problem> {
        let state = &self.provider.signin;
        let id = new_id(&mut entropy());
        let (browser, greeting) = match self.browser() {
            _ if self.by_post => (None, None),
            Some(browser) => (Some(browser), None),
            None => {
                let (browser, cookie) = Browser::greet(&state.cookies, &mut entropy());
                (Some(browser), Some(cookie))
            }
        };
        let json = serde_json::to_string(request).map_err(|e| Problem::Internal(e.to_string()))?;
        let new = NewSignIn {
            id: &id,
            browser_hash: browser.as_ref().map(Browser::as_str),
            client_id: &client.id,
            request: &json,
            created_at: now,
            expires_at: now + state.settings.lifetime.as_secs(),
        };
        let mut tx = state.db.write().await?;
        signins::add(&mut tx, new).await?;
        tx.commit().await?;
        let cookies = AppendHeaders(greeting.map(|cookie| (header::SET_COOKIE, cookie)));
        Ok((cookies, Redirect::to(&format!("/authorize/{id}"))).into_response())
    }

    fn browser(&self) -> Option<Browser> {
        Browser::of(&self.provider.signin.cookies, self.headers)
    }

    /// The page for a request that cannot be answered to the app: it says what was sent and what is registered.
    fn explain(&self, client: Option<&Client>, description: &'static str) -> Response {
        let sent = ["client_id", "redirect_uri"].into_iter().filter_map(|name| {
            let value = self.form.get(name)?;
            Some((name, value.chars().take(300).collect()))
        });
        let page = ProtocolErrorPage {
            error: Code::InvalidRequest.name(),
            description: description.to_owned(),
            sent: sent.collect(),
            registered: client.map(|c| c.metadata.redirect_uris.clone()).unwrap_or_default(),
        };
        self.provider.signin.pages.respond(StatusCode::BAD_REQUEST, &page, language(self.headers, None))
    }
}

/// What `prompt=none` is answered when a page would be needed (OIDC Core §3.1.2.6).
fn nobody_may_be_asked(next: Next) -> Refusal {
    match next {
        Next::Unmet => {
            let description = "the app insists on two factors, and this person cannot be sent a code";
            Refusal::new(Code::UnmetAuthenticationRequirements, description)
        }
        Next::Password => {
            Refusal::new(Code::LoginRequired, "nobody is signed in here, or not recently enough")
        }
        _ => Refusal::new(Code::LoginRequired, "a second factor is missing"),
    }
}

/// The language of a page.
pub(super) fn language(headers: &HeaderMap, ui_locales: Option<&str>) -> Language {
    let accept = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::negotiate(ui_locales, accept)
}

/// The subject of an ID token that this provider has issued to this client, expired or not (OIDC Core §3.1.2.1).
pub(super) fn subject_of(
    ring: &Ring,
    token: &str,
    issuer: &str,
    client_id: &str,
    now: i64,
) -> Option<String> {
    let (claims, _) = ring.verify(token, now).ok()?;
    let is = |name: &str, value: &str| claims.get(name).and_then(|v| v.as_str()) == Some(value);
    let subject = claims.get("sub").and_then(|v| v.as_str())?;
    (is("iss", issuer) && is("aud", client_id)).then(|| subject.to_owned())
}

pub(super) fn key_problem(e: KeyError) -> Problem {
    match e {
        KeyError::Store(e) => e.into(),
        other => Problem::Internal(other.to_string()),
    }
}
