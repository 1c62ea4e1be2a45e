//! The browser comes back to a sign-in that has ended: is the app to hear once more what it was to hear?

use axum::http::StatusCode;
use axum::response::Response;

use super::answer::device;
use super::consent::has_agreed;
use super::finish::{self, Proven};
use super::pending;
use super::turn::Turn;
use crate::oidc::clients::card;
use crate::oidc::shared::page::language;
use crate::signin::decide::{Next, decide};
use crate::store::standing::Theirs;
use crate::store::{sessions, tokens};
use crate::web::{AnsweredPage, Problem};

impl Turn<'_> {
    /// The sign-in has ended just now and its browser comes again. After a second click the app has heard nothing: that is sent once
    /// more, as long as the session lives that the grant was given in (whoever has signed out since is out), and for whoever would get
    /// a grant now as well. Whoever has gone back is told that they are signed in: an app takes no answer twice.
    pub(super) async fn answer_again(&self, grant_id: &str) -> Result<Response, Problem> {
        let (client, request) = (&self.pending.client, &self.pending.request);
        if let Some(waiting) = request.return_to.device() {
            return Ok(device::over(self.provider, client, waiting, device::Outcome::Allowed));
        }
        let over = || Ok(pending::over(self.provider, self.pending, self.headers));
        let mut conn = self.provider.signin.db.read().await?;
        let found = tokens::find_grant(&mut conn, grant_id).await?;
        let Some(lost) = found.filter(|grant| grant.ended_at.is_none()) else { return over() };
        let found = sessions::find_by_id(&mut conn, &lost.session_id, self.now_ms / 1000).await?;
        let Some(session) = found.map(|row| Theirs { row, whose: None }) else { return over() };
        let Some(standing) = self.standing(&mut conn, Some(&session)).await? else { return over() };
        let Next::Done(assurance) = decide(Some(&standing.facts)) else { return over() };
        let person = &standing.person;
        let agreed = self.pending.signin.has_consented(&person.id);
        if person.id != lost.user_id || !has_agreed(&mut conn, client, request, &standing, agreed).await? {
            return over();
        }
        if tokens::is_redeemed(&mut conn, grant_id).await? {
            let page = AnsweredPage { app: card(&self.pending.client) };
            let language = language(self.headers, request.ui_locales.as_deref());
            return Ok(self.provider.signin.pages.respond(StatusCode::OK, &page, language));
        }
        let signin = Some(&self.pending.signin.row);
        let (session, lost) = (Some(&*session), Some(&lost));
        let proven = Proven { standing: &standing, assurance, session, signin, lost, network: self.network };
        drop(conn);
        let known = self.pending.known.as_ref();
        finish::grant(self.provider, client, request, proven, known, self.now_ms).await
    }
}
