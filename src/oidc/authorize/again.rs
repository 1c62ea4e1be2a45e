//! The browser comes back to a sign-in that has ended: is the app to hear once more what it was to hear?

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::answer::device;
use super::consent::has_agreed;
use super::facts;
use super::finish::{self, Proven};
use super::pending::{self, Pending};
use crate::oidc::clients::card;
use crate::oidc::provider::Provider;
use crate::oidc::shared::page::language;
use crate::signin::decide::{Next, decide};
use crate::store::standing::Theirs;
use crate::store::{sessions, tokens};
use crate::web::network::Network;
use crate::web::{AnsweredPage, Problem};

/// The sign-in has ended just now and its browser comes again. After a second click the app has heard nothing: that is sent once
/// more, as long as the session lives that the grant was given in (whoever has signed out since is out), and for whoever would get
/// a grant now as well. Whoever has gone back is told that they are signed in: an app takes no answer twice.
pub(super) async fn answer(
    provider: &Provider,
    pending: &Pending,
    headers: &HeaderMap,
    grant_id: &str,
    (network, now_ms): (&Network, i64),
) -> Result<Response, Problem> {
    let (client, request) = (&*pending.client, &pending.request);
    if let Some(waiting) = request.return_to.device() {
        return Ok(device::over(provider, client, waiting, device::Outcome::Allowed));
    }
    let over = || Ok(pending::over(provider, pending, headers));
    let mut conn = provider.signin.db.read().await?;
    let found = tokens::find_grant(&mut conn, grant_id).await?;
    let Some(lost) = found.filter(|grant| grant.ended_at.is_none()) else { return over() };
    let found = sessions::find_by_id(&mut conn, &lost.session_id, now_ms / 1000).await?;
    let Some(session) = found.map(|row| Theirs { row, whose: None }) else { return over() };
    let (asked, signin, at) = ((client, request), Some(&pending.signin), now_ms / 1000);
    let standing = facts::load(provider, &mut conn, asked, signin, Some(&session), at).await?;
    let Some(standing) = standing else { return over() };
    let Next::Done(assurance) = decide(Some(&standing.facts)) else { return over() };
    let person = &standing.person;
    let agreed = pending.signin.has_consented(&person.id);
    if person.id != lost.user_id || !has_agreed(&mut conn, client, request, &standing, agreed).await? {
        return over();
    }
    if tokens::is_redeemed(&mut conn, grant_id).await? {
        let page = AnsweredPage { app: card(&pending.client) };
        let language = language(headers, request.ui_locales.as_deref());
        return Ok(provider.signin.pages.respond(StatusCode::OK, &page, language));
    }
    let signin = Some(&pending.signin.row);
    let (session, lost) = (Some(&*session), Some(&lost));
    let proven = Proven { standing: &standing, assurance, session, signin, lost, network };
    drop(conn);
    let known = pending.known.as_ref();
    finish::grant(provider, client, request, proven, known, now_ms).await
}
