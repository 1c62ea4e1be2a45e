//! Which sign-in is it that goes on in this browser?

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use url::Url;

use super::request::AuthorizationRequest;
use crate::keys::secret::{entropy, new_id_at};
use crate::oidc::clients::share::Share;
use crate::oidc::clients::{Client, card};
use crate::oidc::provider::Provider;
use crate::oidc::shared::page::language;
use crate::signin::binding::{self, Binding, Holder};
use crate::signin::browser::Browser;
use crate::signin::known::Known;
use crate::store::is_marked;
use crate::store::room::{self, Room};
use crate::store::signins::{self, NewSignIn, SignInRow};
use crate::store::standing::{self, Theirs};
use crate::web::network::Network;
use crate::web::{ExpiredPage, Problem};

/// A sign-in that may go on, in the browser that it is bound to.
pub(super) struct Pending {
    pub(super) signin: Theirs<SignInRow>,
    pub(super) client: Arc<Client>,
    pub(super) request: AuthorizationRequest,
    pub(super) browser: Browser,
    /// What it presents as the sign of an earlier sign-in.
    pub(super) known: Option<Known>,
    /// The `Set-Cookie` values for this browser: one that came by a form from the app may be new here.
    pub(super) cookies: Vec<String>,
    /// The grant that it has ended in just now: the browser comes for the answer once more, since it was lost on the way or the
    /// button was pressed twice.
    pub(super) ended: Option<String>,
}

/// How long a sign-in that has ended answers its own browser again, in seconds: longer than anybody waits for a page, and shorter
/// than the sign-in itself may take.
const ANSWERS_AGAIN: i64 = 300;

/// The grant that a sign-in has ended in, as long as its browser may come for that again.
fn ended(signin: &SignInRow, now: i64) -> Option<String> {
    let ended = signin.finished_at?;
    signin.grant_id.clone().filter(|_| ended <= now && now - ended < ANSWERS_AGAIN)
}

/// What a new sign-in is for.
pub(super) struct New<'a> {
    /// The app that asks; none for our own console.
    pub(super) client_id: Option<&'a str>,
    pub(super) request: &'a AuthorizationRequest,
    pub(super) network: &'a Network,
    /// Whether it came by a form on the app's page, which does not bring our cookies along.
    pub(super) by_post: bool,
}

/// Begins a sign-in, bound to the browser that sent these headers, and goes on to it.
pub(super) async fn begin(
    provider: &Provider,
    headers: &HeaderMap,
    new: New<'_>,
    now: i64,
) -> Result<Response, Problem> {
    let state = &provider.signin;
    let id = new_id_at(now * 1000, &mut entropy());
    let (lifetime, rng) = (state.settings.lifetime.as_secs(), &mut entropy());
    let binding = Binding::new(&state.cookies, &state.vault, headers, &id, new.by_post, lifetime, rng);
    let share = Share::of_network(new.network);
    let json = serde_json::to_string(new.request).map_err(|e| Problem::Internal(e.to_string()))?;
    let row = NewSignIn {
        id: &id,
        browser_hash: Some(binding.as_str()),
        client_id: new.client_id,
        request: &json,
        created_at: now,
        expires_at: now + lifetime,
        source: &share.source,
    };
    room::make(&state.db, Room::SignIns, &share.source, share.most).await?;
    let mut tx = state.db.write().await?;
    signins::add(&mut tx, row).await?;
    tx.commit().await?;
    let cookies = AppendHeaders(binding.cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
    Ok((cookies, to_the_loop(&id)).into_response())
}

/// Loads a sign-in for the browser that asks for it; else the page that says that it is over.
pub(super) async fn load(
    provider: &Provider,
    id: &str,
    headers: &HeaderMap,
    now_ms: i64,
) -> Result<Result<Pending, Response>, Problem> {
    let state = &provider.signin;
    let refuse = |client: Option<&Client>, nameless: bool| {
        let page = expired(provider, client, nameless);
        Ok(Err(state.pages.respond(StatusCode::GONE, &page, language(headers, None))))
    };
    let over = |client: Option<&Client>| refuse(client, false);
    // Ids are ours: anything else is no sign-in.
    if id.len() != 26 || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return over(None);
    }
    let mut conn = state.db.read().await?;
    let found = standing::of_sign_in(&mut conn, id, provider.at(now_ms / 1000)).await?;
    let Some(signin) = found else { return over(None) };
    let shown = (language(headers, None), keeps_a_change(&signin));
    let found = provider.client_of_signin(&mut conn, &signin, shown).await?;
    let Some(client) = found else { return over(None) };
    drop(conn);
    let now = now_ms / 1000;
    let browser = Browser::of(&state.cookies, &state.vault, headers);
    let bound_to = signin.browser_hash.as_deref();
    let holder = binding::holder(browser.as_ref(), &state.cookies, headers, id, bound_to);
    if signin.client_id.is_none() && signin.finished_at.is_some() && holder == Holder::This {
        // Pressed twice, or gone back: the console knows by itself whether anything is missing.
        return Ok(Err(to_the_console(&signin)?));
    }
    let ended = ended(&signin, now);
    if (signin.finished_at.is_some() || is_past(&signin, now)) && ended.is_none() {
        say_so(provider, &signin).await?;
        return over(Some(&client));
    }
    match holder {
        Holder::This => {}
        Holder::Other => return over(Some(&client)),
        Holder::Nameless => return refuse(Some(&client), true),
    }
    let request = request_of(&signin)?;
    if request.is_astray(&client) {
        // Nothing goes there any more, no error either.
        let mut tx = state.db.write().await?;
        signins::close(&mut tx, id, now_ms / 1000).await?;
        tx.commit().await?;
        return over(Some(&client));
    }
    let mut cookies = binding::surplus(state.cookies, headers, id);
    let browser = browser.unwrap_or_else(|| {
        let (browser, greeting) = Browser::greet(&state.cookies, &state.vault, &mut entropy());
        cookies.push(greeting);
        browser
    });
    let known = Known::of(state, headers);
    Ok(Ok(Pending { signin, client, request, browser, known, cookies, ended }))
}

/// Whether a sign-in into the console keeps a change, which goes on once everything is proven.
fn keeps_a_change(signin: &SignInRow) -> bool {
    let keeps = |request: AuthorizationRequest| {
        request.return_to.console().is_some_and(|doorway| doorway.kept.is_some())
    };
    signin.client_id.is_none() && request_of(signin).is_ok_and(keeps)
}

/// What was asked for.
fn request_of(signin: &SignInRow) -> Result<AuthorizationRequest, Problem> {
    serde_json::from_str(&signin.request).map_err(|e| Problem::Internal(e.to_string()))
}

fn to_the_console(signin: &SignInRow) -> Result<Response, Problem> {
    let to = request_of(signin)?
        .return_to
        .console()
        .map_or_else(|| "/".to_owned(), |doorway| doorway.address(&signin.id));
    Ok(Redirect::to(&to).into_response())
}

/// Whether the time of a sign-in is over; a clock that is set back ends none.
fn is_past(signin: &SignInRow, now: i64) -> bool {
    is_marked(signin.created_at, signin.expires_at) || signin.expires_at <= now
}

/// The page says that the time of a sign-in is over: then it is for good, whatever the clock does.
async fn say_so(provider: &Provider, signin: &SignInRow) -> Result<(), Problem> {
    if signin.finished_at.is_none() && !is_marked(signin.created_at, signin.expires_at) {
        let mut tx = provider.signin.db.write().await?;
        signins::expire(&mut tx, &signin.id).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The page of a sign-in that is over.
pub(super) fn over(provider: &Provider, pending: &Pending, headers: &HeaderMap) -> Response {
    let page = expired(provider, Some(&pending.client), false);
    provider.signin.pages.respond(StatusCode::GONE, &page, language(headers, None))
}

/// What that page says. An app that can begin another one by itself (OIDC Core §4) is asked to in one step.
/// Whoever has brought no cookie of ours is told what that may mean.
fn expired(provider: &Provider, client: Option<&Client>, nameless: bool) -> ExpiredPage {
    let begin = client.and_then(|client| Url::parse(client.metadata.initiate_login_uri.as_deref()?).ok());
    let restart = begin.map(|mut url| {
        url.query_pairs_mut().append_pair("iss", &provider.issuer);
        url.into()
    });
    ExpiredPage { app: client.map(card), restart, no_cookie: nameless }
}

/// On to `/authorize/{sign-in}`, which knows what is missing.
pub(in crate::oidc) fn to_the_loop(id: &str) -> Response {
    Redirect::to(&format!(
        "/authorize/{}",
        percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC)
    ))
    .into_response()
}
