//! The end-session endpoint (OIDC RP-Initiated Logout §2 and §3).

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use form_urlencoded::Serializer;

use super::Provider;
use super::authorize::{SESSION_COOKIE, key_problem, language};
use super::clients::{self, Client};
use super::progress::{card, session_of};
use crate::audit::{Actor, Event};
use crate::directory::people;
use crate::keys::secret::entropy;
use crate::store::sessions::{self, SessionRow};
use crate::web::form::{BadForm, Form};
use crate::web::{ErrorText, LogoutPage, Problem, SignedOutPage, origin};

/// The parameters that a confirmation hands on.
const HANDED_ON: [&str; 4] = ["client_id", "id_token_hint", "post_logout_redirect_uri", "state"];

/// `GET /logout`
pub(super) async fn get(
    State(provider): State<Arc<Provider>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::parse(query.as_deref().unwrap_or_default())?;
    Logout { provider: &provider, form: &form, headers: &headers, confirmed: false }.run().await
}

/// `POST /logout`: from an app, or from our own page that asks first
pub(super) async fn post(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let form = <Form as axum::extract::FromRequest<()>>::from_request(request, &()).await?;
    let confirmed = form.field("confirmed") == "yes" && origin::is_own(&headers, &provider.issuer);
    Logout { provider: &provider, form: &form, headers: &headers, confirmed }.run().await
}

struct Logout<'a> {
    provider: &'a Provider,
    form: &'a Form,
    headers: &'a HeaderMap,
    confirmed: bool,
}

/// What an `id_token_hint` of ours says.
struct Hint {
    client_id: String,
    session_id: String,
}

impl Logout<'_> {
    async fn run(&self) -> Result<Response, Problem> {
        if self.form.doubled().is_some() {
            return Err(BadForm::Doubled.into());
        }
        let now_ms = self.provider.signin.clock.now_ms();
        let session = session_of(self.provider, self.headers, now_ms / 1000).await?;
        let hint = self.hint(now_ms / 1000).await?;
        let hinted = hint.as_ref().zip(session.as_ref()).is_some_and(|(h, s)| h.session_id == s.id);
        if let Some(session) = &session {
            if !hinted && !self.confirmed {
                return self.ask(session).await;
            }
            self.end(session, now_ms).await?;
        }
        let client = self.client(hint.as_ref()).await?;
        Ok(self.leave(client.as_ref(), hint.is_some() || self.confirmed))
    }

    /// The hint, if it is one of our ID tokens, expired or not.
    async fn hint(&self, now: i64) -> Result<Option<Hint>, Problem> {
        let Some(token) = self.form.get("id_token_hint") else { return Ok(None) };
        let ring = self.provider.keys.ring(now).await.map_err(key_problem)?;
        let Ok((claims, typ)) = ring.verify(token, now) else { return Ok(None) };
        let text = |name: &str| claims.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let ours = typ == "JWT" && text("iss") == self.provider.issuer;
        let hint = Hint { client_id: text("aud"), session_id: text("sid") };
        let fits = self.form.get("client_id").is_none_or(|id| id == hint.client_id);
        Ok((ours && fits).then_some(hint))
    }

    async fn client(&self, hint: Option<&Hint>) -> Result<Option<Client>, Problem> {
        let id = hint.map(|h| h.client_id.as_str()).or(self.form.get("client_id"));
        let Some(id) = id else { return Ok(None) };
        let mut conn = self.provider.signin.db.read().await?;
        Ok(clients::find(&mut conn, id).await?)
    }

    /// Without a hint of this very session anybody could have sent the browser here: the person is asked.
    async fn ask(&self, session: &SessionRow) -> Result<Response, Problem> {
        let mut conn = self.provider.signin.db.read().await?;
        let person = people::find(&mut conn, &session.user_id).await?;
        let handed_on =
            HANDED_ON.into_iter().filter_map(|name| Some((name, self.form.get(name)?.to_owned())));
        let page = LogoutPage {
            action: "/logout".to_owned(),
            parameters: handed_on.collect(),
            login: person.map(|p| p.login).unwrap_or_default(),
        };
        Ok(self.provider.signin.pages.respond(StatusCode::OK, &page, self.language()))
    }

    async fn end(&self, session: &SessionRow, now_ms: i64) -> Result<(), Problem> {
        let mut tx = self.provider.signin.db.write().await?;
        if sessions::end(&mut tx, &session.id, now_ms / 1000).await? {
            Event::new("session.ended", Actor::User(session.user_id.clone()))
                .user(&session.user_id)
                .record(&mut tx, now_ms, &mut entropy())
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// On to the app, where it has registered the address and the request is known to be its own; else a page.
    fn leave(&self, client: Option<&Client>, trusted: bool) -> Response {
        let state = &self.provider.signin;
        let gone = AppendHeaders([(header::SET_COOKIE, state.cookies.clear(SESSION_COOKIE))]);
        let asked = self.form.get("post_logout_redirect_uri");
        let registered = |uri: &&str| {
            client.is_some_and(|c| c.metadata.post_logout_redirect_uris.iter().any(|r| r == uri))
        };
        if let Some(uri) = asked.filter(registered).filter(|_| trusted) {
            return (gone, Redirect::to(&self.with_state(uri))).into_response();
        }
        let error = asked.map(|_| ErrorText { what: "logout-uri-not-registered", then: None, n: 0 });
        let page = SignedOutPage { app: client.map(card), error };
        (gone, state.pages.respond(StatusCode::OK, &page, self.language())).into_response()
    }

    fn with_state(&self, uri: &str) -> String {
        let Some(state) = self.form.get("state") else { return uri.to_owned() };
        let query = Serializer::new(String::new()).append_pair("state", state).finish();
        format!("{uri}{}{query}", if uri.contains('?') { '&' } else { '?' })
    }

    fn language(&self) -> crate::web::Language {
        language(self.headers, self.form.get("ui_locales"))
    }
}
