//! How does somebody come into the managers' console? By a sign-in as every app has it, which ends in the session.

use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};

use super::finish::{HOME, REPAIR, arrive};
use super::pending::{self, New};
use super::request::destination::{Destination, Doorway};
use super::request::{AuthorizationRequest, Prompt};
use crate::directory::Person;
use crate::oidc::provider::Provider;
use crate::signin::announce;
use crate::signin::binding::{self, Holder};
use crate::signin::decide::Assurance;
use crate::store::sessions::SessionRow;
use crate::store::{Conn, sessions, signins};
use crate::web::Problem;
use crate::web::network::Network;

/// What must be proven before the console opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Whatever is missing of what the person's group asks for.
    Missing,
    /// Everything, anew: whoever sits there now is to be who signed in.
    Everything,
}

/// Begins a sign-in that leads to a page of the console.
///
/// # Errors
/// When the database refuses.
pub async fn begin(
    provider: &Provider,
    headers: &HeaderMap,
    network: &Network,
    doorway: Doorway,
    ask: Ask,
) -> Result<Response, Problem> {
    let prompt = Prompt { login: ask == Ask::Everything, ..Prompt::default() };
    let request = AuthorizationRequest { prompt, ..AuthorizationRequest::within(doorway) };
    let new = New { client_id: None, request: &request, network, by_post: false };
    pending::begin(provider, headers, new, provider.signin.clock.now()).await
}

/// What a sign-in of this browser keeps that has led into the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// There is none, or it never kept anything.
    Nothing,
    /// A change that waits to go on.
    Waiting(Doorway),
    /// One that has gone on.
    Gone,
}

/// What is kept at the end of a sign-in that this browser has finished.
///
/// # Errors
/// When the database refuses, or the row is not ours.
pub async fn kept(provider: &Provider, id: &str, headers: &HeaderMap) -> Result<Keeping, Problem> {
    let mut conn = provider.signin.db.read().await?;
    Ok(ended(provider, &mut conn, id, headers).await?.map_or(Keeping::Nothing, |(_, _, keeping)| keeping))
}

/// Takes what is kept out of its sign-in, once, since it goes on now: answers what was so before.
///
/// # Errors
/// When the database refuses, or the row is not ours.
pub async fn take(provider: &Provider, id: &str, headers: &HeaderMap) -> Result<Keeping, Problem> {
    let mut tx = provider.signin.db.write().await?;
    let Some((before, request, keeping)) = ended(provider, &mut tx, id, headers).await? else {
        return Ok(Keeping::Nothing);
    };
    let Keeping::Waiting(doorway) = keeping else { return Ok(keeping) };
    let gone = Doorway { kept: Some(String::new()), ..doorway.clone() };
    let after = AuthorizationRequest { return_to: Destination::Console(gone), ..request };
    let after = serde_json::to_string(&after).map_err(|e| Problem::Internal(e.to_string()))?;
    if !signins::replace_request(&mut tx, id, &before, &after).await? {
        return Ok(Keeping::Gone);
    }
    tx.commit().await?;
    Ok(Keeping::Waiting(doorway))
}

/// A sign-in into the console that this browser has finished: what it asked for, as it is stored and read, and what it keeps.
async fn ended(
    provider: &Provider,
    conn: &mut Conn,
    id: &str,
    headers: &HeaderMap,
) -> Result<Option<(String, AuthorizationRequest, Keeping)>, Problem> {
    let Some(signin) = signins::find(conn, id).await? else { return Ok(None) };
    let holder = binding::holder_of(&provider.signin, headers, &signin);
    if holder != Holder::This || signin.finished_at.is_none() || signin.client_id.is_some() {
        return Ok(None);
    }
    let request: AuthorizationRequest =
        serde_json::from_str(&signin.request).map_err(|e| Problem::Internal(e.to_string()))?;
    let keeping = match request.return_to.console() {
        Some(Doorway { kept: Some(sealed), .. }) if sealed.is_empty() => Keeping::Gone,
        Some(doorway) if doorway.kept.is_some() => Keeping::Waiting(doorway.clone()),
        _ => Keeping::Nothing,
    };
    Ok(Some((signin.request, request, keeping)))
}

/// Sees that an override which lets somebody in by a session from elsewhere is recorded and announced, once a session. Answers where
/// they are to land whom it brings to the console's first page.
///
/// # Errors
/// When the database or a template fails.
pub async fn note_override(
    provider: &Provider,
    person: &Person,
    session: &SessionRow,
    (path, network): (&str, &Network),
    now_ms: i64,
) -> Result<Option<Response>, Problem> {
    let state = &provider.signin;
    let mut conn = state.db.read().await?;
    if sessions::is_overridden(&mut conn, &session.id).await? {
        return Ok(None);
    }
    drop(conn);
    let mut tx = state.db.write().await?;
    let proven = (Assurance::Override, network);
    let now_first = arrive(provider, &mut tx, person, proven, (&session.id, true), now_ms).await?;
    tx.commit().await?;
    if now_first {
        announce::deliver_later(state);
    }
    Ok((now_first && path == HOME).then(|| Redirect::to(REPAIR).into_response()))
}
