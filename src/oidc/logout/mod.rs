//! The end-session endpoint (OIDC RP-Initiated Logout §2 and §3): may this session end, and where does its browser go then?

pub mod backchannel;
mod frontchannel;
mod hint;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, Request, State};
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use form_urlencoded::Serializer;

use self::backchannel::Outcome;
use self::frontchannel::Frame;
use self::hint::{Hint, onward};
use crate::audit::{Actor, Event};
use crate::directory::people;
use crate::keys::secret::entropy;
use crate::oidc::clients::{self, Client, card};
use crate::oidc::provider::Provider;
use crate::oidc::shared::browser_state::cookie_of_nobody;
use crate::oidc::shared::kinds;
use crate::oidc::shared::page::{SESSION_COOKIE, internal, key_problem, language};
use crate::signin::session;
use crate::store::session_clients;
use crate::store::sessions::{self, SessionRow};
use crate::web::form::{BadForm, Form};
use crate::web::network::Network;
use crate::web::{Language, LogoutPage, Problem, SignedOutPage, origin};

/// The parameters that a confirmation hands on.
const HANDED_ON: [&str; 6] =
    ["client_id", "id_token_hint", "logout_hint", "post_logout_redirect_uri", "state", "ui_locales"];

/// How long the browser waits for the apps to be told.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many apps of a session are told while the browser waits, and named; the others are told all the same.
const APPS: i64 = 50;

/// `GET /logout`
pub(super) async fn get(
    State(provider): State<Arc<Provider>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, Problem> {
    let form = Form::parse(query.as_deref().unwrap_or_default())?;
    let network = Network::of(&extensions, &headers, &provider.trusted_proxies);
    Logout { provider: &provider, form: &form, headers: &headers, network, confirmed: false }.run().await
}

/// `POST /logout`: from an app, or from our own page that asks first
pub(super) async fn post(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let network = Network::of(request.extensions(), &headers, &provider.trusted_proxies);
    let form = <Form as axum::extract::FromRequest<()>>::from_request(request, &()).await?;
    if form.doubled().is_some() {
        return Err(BadForm::Doubled.into());
    }
    let own = origin::is_own(&headers, &provider.issuer);
    let logout = Logout {
        provider: &provider,
        form: &form,
        headers: &headers,
        network,
        confirmed: own && form.field("confirmed") == "yes",
    };
    if own {
        return logout.run().await;
    }
    // A form on the app's page does not bring our `SameSite=Lax` cookies along; the browser's own next step does.
    Ok(Redirect::to(&format!("/logout?{}", logout.handed_on_query())).into_response())
}

struct Logout<'a> {
    provider: &'a Arc<Provider>,
    form: &'a Form,
    headers: &'a HeaderMap,
    network: Network,
    confirmed: bool,
}

/// What becomes of the apps that somebody has signed in to, by name, where a session has ended.
#[derive(Default)]
struct Farewell {
    ended: bool,
    told: Vec<String>,
    asked: Vec<String>,
    open: Vec<String>,
    frames: Vec<Frame>,
}

impl Logout<'_> {
    async fn run(&self) -> Result<Response, Problem> {
        if self.form.doubled().is_some() {
            return Err(BadForm::Doubled.into());
        }
        let now_ms = self.provider.signin.clock.now_ms();
        let session = self.session(now_ms / 1000).await?;
        let hint = self.hint(now_ms / 1000).await?;
        let client = self.client(&hint).await?;
        let Some(session) = session else {
            return Ok(self.leave(client.as_ref(), &hint, Farewell::default()));
        };
        let of_this_session = match &hint {
            Hint::Ours { jti, .. } => {
                self.provider.is_token_of_session(jti, &session.id).map_err(internal)?
            }
            _ => false,
        };
        if !self.confirmed && !of_this_session {
            return self.ask(&session, client.as_ref()).await;
        }
        self.end(&session, now_ms).await?;
        // An app that leads its person here by its own ID token has signed them out itself.
        let left = client.as_ref().filter(|_| matches!(hint, Hint::Ours { .. }));
        let farewell = self.say_farewell(&session, left).await?;
        Ok(self.leave(client.as_ref(), &hint, farewell))
    }

    async fn session(&self, now: i64) -> Result<Option<SessionRow>, Problem> {
        let state = &self.provider.signin;
        let cookie = state.cookies.read(self.headers, SESSION_COOKIE);
        let mut conn = state.db.read().await?;
        Ok(session::find_even_idle(&mut conn, cookie.as_deref(), now).await?)
    }

    async fn hint(&self, now: i64) -> Result<Hint, Problem> {
        let Some(token) = self.form.get("id_token_hint") else { return Ok(Hint::Missing) };
        let ring = self.provider.keys.ring_for(token, now).await.map_err(key_problem)?;
        let claims = kinds::id_token(&ring, token, &self.provider.issuer, now);
        Ok(Hint::read(claims.as_ref(), self.form.get("client_id")))
    }

    async fn client(&self, hint: &Hint) -> Result<Option<Client>, Problem> {
        let id = match hint {
            Hint::Ours { client_id, .. } => Some(client_id.as_str()),
            _ => self.form.get("client_id"),
        };
        let Some(id) = id else { return Ok(None) };
        let mut conn = self.provider.signin.db.read().await?;
        Ok(clients::find(&mut conn, id).await?)
    }

    /// Without a hint of this very session anybody could have sent the browser here: the person is asked.
    async fn ask(&self, session: &SessionRow, client: Option<&Client>) -> Result<Response, Problem> {
        let mut conn = self.provider.signin.db.read().await?;
        let person = people::find(&mut conn, &session.user_id).await?;
        let page = LogoutPage {
            action: "/logout".to_owned(),
            parameters: self.handed_on(),
            login: person.map(|p| p.login).unwrap_or_default(),
            app: client.map(card),
        };
        Ok(self.provider.signin.pages.respond(StatusCode::OK, &page, self.language()))
    }

    async fn end(&self, session: &SessionRow, now_ms: i64) -> Result<(), Problem> {
        let mut tx = self.provider.signin.db.write().await?;
        if sessions::end(&mut tx, &session.id, now_ms / 1000).await? {
            Event::new("session.ended", Actor::User(session.user_id.clone()))
                .user(&session.user_id)
                .network(self.network.to_string())
                .record(&mut tx, now_ms, &mut entropy())
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Tells the apps of a session that has ended, behind the browser's back, and finds out which of them it must visit.
    async fn say_farewell(&self, session: &SessionRow, left: Option<&Client>) -> Result<Farewell, Problem> {
        let mut conn = self.provider.signin.db.read().await?;
        let signed = session_clients::of_session(&mut conn, &session.id, APPS).await?;
        let mut apps = Vec::new();
        for one in &signed {
            apps.push(clients::find(&mut conn, &one.client_id).await?);
        }
        drop(conn);
        let outcomes = backchannel::tell(self.provider, &signed, PATIENCE).await;
        let mut farewell = Farewell { ended: true, ..Farewell::default() };
        for (client, outcome) in apps.into_iter().zip(outcomes) {
            let Some(client) = client else { continue };
            let uri = client.metadata.frontchannel_logout_uri.as_deref();
            let name = self.provider.session_name(&client, &session.id).map_err(internal)?;
            let frame = uri.and_then(|uri| Frame::new(uri, &self.provider.issuer, &name));
            let has_left = left.is_some_and(|left| left.id == client.id);
            let list = match (outcome, &frame) {
                (Outcome::Told, _) => &mut farewell.told,
                (Outcome::Underway, _) | (_, Some(_)) => &mut farewell.asked,
                (Outcome::Silent | Outcome::Failed, None) if has_left => continue,
                (Outcome::Silent | Outcome::Failed, None) => &mut farewell.open,
            };
            list.push(client.metadata.client_name);
            farewell.frames.extend(frame);
        }
        Ok(farewell)
    }

    /// On to the app, where it has registered the address and the request is known to be its own; else a page. The browser stays for
    /// as long as the apps' own pages take to load, if there are any.
    fn leave(&self, client: Option<&Client>, hint: &Hint, farewell: Farewell) -> Response {
        let state = &self.provider.signin;
        let gone = [state.cookies.clear(SESSION_COOKIE), cookie_of_nobody(state.cookies, &mut entropy())];
        let gone = AppendHeaders(gone.map(|cookie| (header::SET_COOKIE, cookie)));
        let asked = self.form.get("post_logout_redirect_uri");
        let (next, error) = match onward(asked, hint, self.confirmed, client.map(|c| &c.metadata)) {
            Ok(next) => (next.map(|uri| self.with_state(uri)), None),
            Err(error) => (None, Some(error)),
        };
        if let Some(next) = next.as_deref().filter(|_| farewell.frames.is_empty()) {
            return (gone, Redirect::to(next)).into_response();
        }
        let page = SignedOutPage {
            app: client.map(card),
            error,
            ended: farewell.ended,
            told: farewell.told,
            asked: farewell.asked,
            open: farewell.open,
            frames: farewell.frames.iter().map(|frame| frame.src.clone()).collect(),
            next,
        };
        let mut response = state.pages.respond(StatusCode::OK, &page, self.language());
        if let Some(policy) = frontchannel::policy(&farewell.frames).filter(|_| !farewell.frames.is_empty()) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        (gone, response).into_response()
    }

    fn with_state(&self, uri: &str) -> String {
        let Some(state) = self.form.get("state") else { return uri.to_owned() };
        let query = Serializer::new(String::new()).append_pair("state", state).finish();
        format!("{uri}{}{query}", if uri.contains('?') { '&' } else { '?' })
    }

    fn handed_on(&self) -> Vec<(&'static str, String)> {
        HANDED_ON.into_iter().filter_map(|name| Some((name, self.form.get(name)?.to_owned()))).collect()
    }

    fn handed_on_query(&self) -> String {
        Serializer::new(String::new()).extend_pairs(self.handed_on()).finish()
    }

    fn language(&self) -> Language {
        language(self.headers, self.form.get("ui_locales"))
    }
}
