//! The end of a sign-in that leads into the console: the session is all, and an override is recorded as it is for apps.

use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};

use super::super::pending::to_the_loop;
use super::super::request::destination::Doorway;
use super::grant::{OpenSession, Proven, open_session};
use crate::audit::{Actor, Event};
use crate::directory::Person;
use crate::keys::secret::entropy;
use crate::oidc::provider::Provider;
use crate::oidc::shared::browser_state::{STATE_COOKIE, browser_state};
use crate::oidc::shared::page::internal;
use crate::signin::announce;
use crate::signin::decide::Assurance;
use crate::signin::help::Asked;
use crate::signin::known::Known;
use crate::store::{Tx, sessions, signins};
use crate::web::network::Network;
use crate::web::{Language, Problem};

/// Where somebody lands whom `override_2fa` lets into the console: something is broken, or they had no need of it.
pub(in crate::oidc::authorize) const REPAIR: &str = "/console/repair";

/// The console's first page.
pub(in crate::oidc::authorize) const HOME: &str = "/console";

/// Ends the sign-in in a session, once, and goes to the page that it was for.
pub(super) async fn enter(
    provider: &Provider,
    doorway: &Doorway,
    proven: Proven<'_>,
    known: Option<&Known>,
    now_ms: i64,
) -> Result<Response, Problem> {
    let (state, now) = (&provider.signin, now_ms / 1000);
    let Some(signin) = proven.signin else { return Ok(Redirect::to(HOME).into_response()) };
    let mut tx = state.db.write().await?;
    let claimed = signins::finish(&mut tx, signin, None, now)?;
    tx.answers().await?;
    if !claimed.happened()? {
        return Ok(to_the_loop(&signin.id));
    }
    let opened = open_session(provider, &mut tx, &proven, known, now).await?;
    let Some(OpenSession { id: session_id, cookies, .. }) = opened else {
        return Ok(to_the_loop(&signin.id));
    };
    let person = &proven.standing.person;
    let from = (proven.assurance, proven.network);
    let in_session = (session_id.as_str(), !proven.is_fresh());
    let overridden = arrive(provider, &mut tx, person, from, in_session, now_ms).await?;
    tx.commit().await?;
    if overridden {
        announce::deliver_later(state);
    }
    let to = match doorway.address(&signin.id) {
        home if overridden && home == HOME => REPAIR.to_owned(),
        other => other,
    };
    let browser_state = browser_state(&state.vault, &session_id).map_err(internal)?;
    let set = cookies.into_iter().chain([state.cookies.set_readable(STATE_COOKIE, &browser_state)]);
    let set = AppendHeaders(set.map(|cookie| (header::SET_COOKIE, cookie)));
    Ok((set, Redirect::to(&to)).into_response())
}

/// Writes down that somebody has come into the console, in this session: by what they have just proven, or `by_session` alone. An override is
/// recorded and announced once a session; answers whether it is now.
pub(in crate::oidc::authorize) async fn arrive(
    provider: &Provider,
    tx: &mut Tx,
    person: &Person,
    (assurance, network): (Assurance, &Network),
    (session_id, by_session): (&str, bool),
    now_ms: i64,
) -> Result<bool, Problem> {
    let overridden =
        assurance == Assurance::Override && sessions::mark_override(tx, session_id, now_ms / 1000).await?;
    let name = if overridden { "signin.override" } else { "signin.completed" };
    let mut event = Event::new(name, Actor::User(person.id.clone()))
        .user(&person.id)
        .network(network.to_string())
        .detail("to", "console")
        .detail("amr", assurance.amr().join(" "))
        .detail("by_session", by_session);
    if let Some(group) = &person.group {
        event = event.group(&group.id);
    }
    event.record(tx, now_ms, &mut entropy()).await?;
    if overridden {
        let app = provider.signin.pages.sentence("console-app", Language::of_group(person.language()));
        let asked = Asked { app: &app, repair: &provider.repair_page(), network, now_ms };
        announce::overridden(&provider.signin, tx, person, asked).await?;
    }
    Ok(overridden)
}
