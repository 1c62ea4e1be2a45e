//! `/reset/{token}`: which password does the owner of a one-time link choose?

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::{AccountState, language, way_back};
use crate::directory::links::{self, Link};
use crate::directory::users;
use crate::keys::secret::entropy;
use crate::signin::{announce, new_password};
use crate::web::form::{BadForm, Form};
use crate::web::network::Network;
use crate::web::{ChoosePasswordPage, ErrorText, PasswordChosenPage, Path, Problem, origin};

/// `GET /reset/{token}`: looking at the page does not use the link up, since mail scanners look too.
pub(super) async fn get(
    State(state): State<AccountState>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let link = find(&state, &token).await?;
    Ok(page(&state, &token, &link, None, &headers))
}

/// `POST /reset/{token}`
pub(super) async fn post(
    State(state): State<AccountState>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (provider, signin) = (&state.provider, &state.provider.signin);
    let headers = request.headers().clone();
    if !origin::is_own_or_hidden(&headers, &provider.issuer) {
        return Err(Problem::ForeignForm);
    }
    let network = Network::of(request.extensions(), &headers, &provider.trusted_proxies);
    let form = <Form as axum::extract::FromRequest<()>>::from_request(request, &()).await?;
    if form.doubled().is_some() {
        return Err(BadForm::Doubled.into());
    }
    let link = find(&state, &token).await?;
    let (person, typed) = (&link.person, form.field("password"));
    let chosen = new_password::hash(signin, &provider.issuer, person, typed, &network).await?;
    let hash = match chosen {
        Ok(hash) => hash,
        Err(error) => return Ok(page(&state, &token, &link, Some(error), &headers)),
    };
    let (network, now_ms) = (network.to_string(), signin.clock.now_ms());
    let mut tx = signin.db.write().await?;
    let used = users::choose_password(&mut tx, &token, &hash, &network, now_ms, &mut entropy()).await?;
    let Link { person, signin_id, .. } = used.ok_or(Problem::DeadLink)?;
    // Whoever chooses their first password knows that they have.
    if person.password_hash.is_some() {
        announce::password_changed(signin, &mut tx, &person, &network, now_ms).await?;
    }
    tx.commit().await?;
    announce::deliver_later(signin);
    let back = way_back::find(provider, &headers, signin_id.as_deref()).await?;
    let (app, back) = back.map_or((None, None), |back| (Some(back.app), back.path));
    let page = PasswordChosenPage { login: person.login, app, back };
    Ok(unseen(signin.pages.respond(StatusCode::OK, &page, language(&headers))))
}

async fn find(state: &AccountState, token: &str) -> Result<Link, Problem> {
    let (signin, now) = (&state.provider.signin, state.provider.signin.clock.now());
    let mut conn = signin.db.read().await?;
    let link = links::find(&mut conn, token, now).await?;
    drop(conn);
    if link.is_none() {
        links::refuse(&signin.db, token, now).await?;
    }
    link.ok_or(Problem::DeadLink)
}

fn page(
    state: &AccountState,
    token: &str,
    link: &Link,
    error: Option<ErrorText>,
    headers: &HeaderMap,
) -> Response {
    let signin = &state.provider.signin;
    let shortest = new_password::shortest(&signin.settings, &link.person);
    let page = ChoosePasswordPage {
        action: format!("/reset/{token}"),
        login: link.person.login.clone(),
        shortest: i64::try_from(shortest).unwrap_or(i64::MAX),
        longer: false,
        cancel: None,
        error,
    };
    unseen(signin.pages.respond(StatusCode::OK, &page, language(headers)))
}

/// The address is a secret: nobody is told that a browser comes from there.
fn unseen(mut response: Response) -> Response {
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
