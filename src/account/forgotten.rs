//! `/reset`: who has forgotten their password? Whoever asks is answered alike, whatever they have typed.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::{AccountState, language, request, way_back};
use crate::web::form::{BadForm, Form};
use crate::web::network::Network;
use crate::web::{Problem, ResetPage, ResetSentPage, origin};

/// `GET /reset`, with or without the sign-in from which somebody comes
pub(super) async fn get(
    State(state): State<AccountState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::parse(query.as_deref().unwrap_or_default())?;
    let back = way_back::own(&state.provider, &headers, form.get("signin")).await?;
    Ok(page(&state, back, &headers))
}

/// `POST /reset`
pub(super) async fn post(State(state): State<AccountState>, incoming: Request) -> Result<Response, Problem> {
    let (provider, signin) = (&state.provider, &state.provider.signin);
    let headers = incoming.headers().clone();
    if !origin::is_own(&headers, &provider.issuer) {
        return Err(Problem::ForeignForm);
    }
    let network = Network::of(incoming.extensions(), &headers, &provider.trusted_proxies).to_string();
    let form = <Form as axum::extract::FromRequest<()>>::from_request(incoming, &()).await?;
    if form.doubled().is_some() {
        return Err(BadForm::Doubled.into());
    }
    let back = way_back::own(provider, &headers, form.get("signin")).await?;
    if !signin.mailer.is_set_up() {
        return Ok(page(&state, back, &headers));
    }
    let asked = request::Asked {
        login: form.field("login").to_owned(),
        signin_id: back.as_ref().map(|back| back.signin.id.clone()),
        network,
        now_ms: signin.clock.now_ms(),
    };
    let provider = provider.clone();
    state.desk.take(async move {
        if let Err(error) = request::see_to(&provider, &asked).await {
            tracing::error!(%error, "a request for a new password could not be seen to");
        }
    });
    let minutes = signin.settings.reset_lifetime.as_secs() / 60;
    let page = ResetSentPage { minutes, back: back.and_then(|back| back.path) };
    Ok(signin.pages.respond(StatusCode::OK, &page, language(&headers)))
}

fn page(state: &AccountState, back: Option<way_back::WayBack>, headers: &HeaderMap) -> Response {
    let signin = &state.provider.signin;
    let page = ResetPage {
        offered: signin.mailer.is_set_up(),
        login: back.as_ref().and_then(way_back::WayBack::typed_login).unwrap_or_default(),
        signin: back.as_ref().map(|back| back.signin.id.clone()),
        back: back.and_then(|back| back.path),
    };
    signin.pages.respond(StatusCode::OK, &page, language(headers))
}
