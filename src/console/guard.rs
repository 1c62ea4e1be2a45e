//! May this request reach its page? The same decision as at every sign-in, at every request: whoever misses a step is sent through it
//! at once, and what they have typed goes on after it.

use std::sync::Arc;

use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::kept::{self, Kept, Sending};
use super::routes::{Needs, Route, Verb};
use super::{Visit, language, not_now, stranger, unlock};
use crate::directory::By;
use crate::oidc::Provider;
use crate::oidc::authorize::console::{self, Ask};
use crate::signin::decide::{Assurance, Demand, Next, decide};
use crate::signin::facts::{self, Freshness, Standing};
use crate::store::sessions::{self, SessionRow};
use crate::store::standing::Theirs;
use crate::web::form::{BadForm, Form, MAX_BODY};
use crate::web::network::Network;
use crate::web::{Problem, origin};

/// How often a session that is in use is noted to be, in seconds.
const SEEN_EVERY: i64 = 60;

/// The longest form of somebody who is signed in, in bytes: what is too long for its field is said beside it, and not lost.
const LONGEST_FORM: usize = 256 * 1024;

/// Lets a request through to its handler, or answers what is in the way.
pub(super) async fn pass(
    provider: Arc<Provider>,
    route: &'static Route,
    parts: &RawPathParams,
    request: Request,
) -> Result<Response, Problem> {
    // No id has one, and no database takes it.
    if parts.iter().any(|(_, value)| value.contains('\0')) {
        return Err(Problem::NotFound);
    }
    let parts = parts.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut asked = Asked::read(&provider, route, parts, request).await?;
    if route.verb == Verb::Get {
        return let_in(provider, asked).await;
    }
    let (headers, action) = (asked.headers.clone(), asked.address.clone());
    let made = match kept::sending(&provider, &headers, &asked.form).await {
        Ok(Sending::Before(page)) => return Ok(Redirect::to(&page).into_response()),
        Ok(Sending::Now(form)) => {
            asked.form = form;
            let form = asked.form.clone();
            let_in(Arc::clone(&provider), asked).await.map_err(|problem| (problem, form))
        }
        Err(problem) => Err((problem, asked.form)),
    };
    match made {
        // Nothing of it is saved, and nothing that was typed is lost.
        Err((Problem::Unavailable(reason), form)) => {
            Ok(not_now::answer(&provider, &headers, action, &form, &reason))
        }
        other => other.map_err(|(problem, _)| problem),
    }
}

async fn let_in(provider: Arc<Provider>, asked: Asked) -> Result<Response, Problem> {
    let route = asked.route;
    let now_ms = provider.signin.clock.now_ms();
    let session = provider.session(&asked.headers, now_ms / 1000).await?;
    let Some(session) = session else { return asked.sign_in(&provider, None, Ask::Missing).await };
    let Some((standing, assurance)) = proven(&provider, &session, now_ms / 1000).await? else {
        return asked.sign_in(&provider, Some(&session.user_id), Ask::Missing).await;
    };
    let person = standing.person;
    if assurance == Assurance::Override
        && let Some(elsewhere) = console::note_override(
            &provider,
            &person,
            &session,
            (asked.address.as_str(), &asked.network),
            now_ms,
        )
        .await?
    {
        return Ok(elsewhere);
    }
    let mut conn = provider.signin.db.read().await?;
    let by = By::user(&mut conn, &person, now_ms).await?.from_network(&asked.network);
    drop(conn);
    if !by.manages() {
        return stranger::answer(&provider, &person, route, &asked.headers);
    }
    if !may(&by, route.needs) {
        return Err(Problem::NotFound);
    }
    see(&provider, &session, now_ms / 1000).await?;
    let unlocked_until = unlock::until(&session, &person, now_ms / 1000);
    if route.fresh && unlocked_until.is_none() {
        return asked.sign_in(&provider, Some(&person.id), Ask::Everything).await;
    }
    let Asked { parts, headers, network, form, query, address, .. } = asked;
    let visit = Visit {
        language: language::of(&provider, &headers),
        tree: by.tree(),
        parts,
        provider,
        person,
        by,
        network,
        now_ms,
        form,
        query,
        session: session.row,
        route,
        address,
        headers,
        unlocked_until,
    };
    (route.handler)(visit).await
}

/// Whether somebody who manages something holds what a row needs.
pub(super) fn may(by: &By, needs: Needs) -> bool {
    match needs {
        Needs::AnyRight => true,
        Needs::Right(right) => by.holds(right),
        Needs::OneOf(rights) => rights.iter().any(|right| by.holds(right)),
        Needs::Site => by.administers_site(),
    }
}

/// Who it is, if nothing is missing of what a sign-in would ask them for now.
async fn proven(
    provider: &Provider,
    session: &Theirs<SessionRow>,
    now: i64,
) -> Result<Option<(Standing, Assurance)>, Problem> {
    let mut conn = provider.signin.db.read().await?;
    let (any, whatever) = (Freshness::Any, Demand::Whatever);
    let standing = facts::load(&mut conn, None, Some(session), any, whatever, provider.at(now)).await?;
    Ok(match (decide(standing.as_ref().map(|standing| &standing.facts)), standing) {
        (Next::Done(assurance), Some(standing)) => Some((standing, assurance)),
        _ => None,
    })
}

/// Notes that a session is in use, so that it does not grow idle.
async fn see(provider: &Provider, session: &SessionRow, now: i64) -> Result<(), Problem> {
    if now - session.seen_at < SEEN_EVERY {
        return Ok(());
    }
    let mut tx = provider.signin.db.write().await?;
    // Whether it has ended meanwhile is seen at the next request.
    let _seen = sessions::see(&mut tx, &session.id, now)?;
    tx.commit().await?;
    Ok(())
}

/// A request, read at the edge.
struct Asked {
    route: &'static Route,
    parts: Vec<(String, String)>,
    headers: HeaderMap,
    network: Network,
    form: Form,
    query: Form,
    address: String,
}

impl Asked {
    async fn read(
        provider: &Provider,
        route: &'static Route,
        parts: Vec<(String, String)>,
        request: Request,
    ) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        if route.verb == Verb::Post && !origin::is_own(&headers, &provider.issuer) {
            return Err(Problem::ForeignForm);
        }
        let network = Network::of(request.extensions(), &headers, &provider.trusted_proxies);
        let query = Form::typed(request.uri().query().unwrap_or_default())?;
        let address = address(request.uri());
        let form = match route.verb {
            Verb::Get => Form::default(),
            Verb::Post => Form::typed_in(request, longest_form(provider, &headers).await?).await?,
        };
        if query.doubled().is_some() {
            return Err(BadForm::Doubled.into());
        }
        Ok(Self { route, parts, headers, network, form, query, address })
    }

    /// Sends the browser through what is missing, and back here.
    async fn sign_in(
        &self,
        provider: &Provider,
        user_id: Option<&str>,
        ask: Ask,
    ) -> Result<Response, Problem> {
        let kept = match self.route.verb {
            Verb::Get => None,
            Verb::Post => {
                let now = provider.signin.clock.now();
                let Some(kept) = Kept::of(&self.form, self.route, &self.parts, user_id, now) else {
                    let way = if user_id.is_some() { "/console/unlock" } else { "/console" };
                    let action = self.address.clone();
                    return Ok(not_now::too_long_to_keep(provider, &self.headers, action, &self.form, way));
                };
                Some(kept)
            }
        };
        let way = kept::doorway(provider, &self.address, kept.as_ref())?;
        console::begin(provider, &self.headers, &self.network, way, ask).await
    }
}

/// The longest form that is read, in bytes: whoever is not signed in types less.
async fn longest_form(provider: &Provider, headers: &HeaderMap) -> Result<usize, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let is_long = announced.is_some_and(|length: usize| length > MAX_BODY);
    let is_known = is_long && provider.session(headers, provider.signin.clock.now()).await?.is_some();
    Ok(if is_known { LONGEST_FORM } else { MAX_BODY })
}

/// Path and query of an address, as short as any of ours.
fn address(uri: &Uri) -> String {
    uri.path_and_query().map_or("/console", |whole| whole.as_str()).chars().take(unlock::LONGEST).collect()
}
