//! Who is signed in in this browser, and what can they do here? The provider's own front page.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::{AccountState, language};
use crate::directory::{By, people};
use crate::web::{FrontPage, Problem};

/// `GET /`
pub(super) async fn get(State(state): State<AccountState>, headers: HeaderMap) -> Result<Response, Problem> {
    let provider = &state.provider;
    let session = provider.session(&headers, provider.signin.clock.now()).await?;
    let mut conn = provider.signin.db.read().await?;
    let person = match session {
        Some(session) => people::find(&mut conn, &session.user_id).await?,
        None => None,
    };
    let manages = match &person {
        Some(person) => By::user(&mut conn, person, provider.signin.clock.now_ms()).await?.manages(),
        None => false,
    };
    drop(conn);
    let page = FrontPage {
        issuer: provider.issuer.clone(),
        login: person.map(|person| person.login),
        reset: provider.signin.mailer.is_set_up(),
        manages,
    };
    Ok(provider.signin.pages.respond(StatusCode::OK, &page, language(&headers)))
}
