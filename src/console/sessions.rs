//! `/console/sessions`: who of the reader's tree is signed in now, since when, with what; and who is signed out?

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::field::{Said, Summed};
use super::groups_to_choose::problem;
use super::listing::{Declared, Listing, Table};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::trouble;
use super::user_deeds::live;
use super::visit::ConsolePage;
use crate::clock::Moment;
use crate::directory::access::{self, Order, Sessions};
use crate::directory::login::Login;
use crate::directory::rights::own;
use crate::directory::{Person, people};
use crate::keys::secret::entropy;
use crate::store::Conn;
use crate::store::access::ListedSession;
use crate::web::Problem;

const HERE: &str = "/console/sessions";

const MANAGE: Needs = Needs::Right(own::MANAGE_USERS);

pub(super) const ROUTES: &[Route] = &[
    Route::get(HERE, MANAGE, |visit| Box::pin(get(visit))).in_menu("console-menu-sessions", 75),
    Route::post("/console/sessions/{id}/end", MANAGE, "session.ended", |visit| Box::pin(end(visit))),
];

/// Rows of a page.
const PAGE: usize = 25;

const COLUMNS: [Declared; 5] = [
    Declared { sort: Some("login"), label: "sessions-who", number: false },
    Declared { sort: Some("since"), label: "sessions-since", number: false },
    Declared { sort: None, label: "sessions-seen", number: false },
    Declared { sort: None, label: "sessions-proofs", number: false },
    Declared { sort: None, label: "sessions-end", number: false },
];

/// The live sessions of a tree.
#[derive(Clone, Debug, Serialize)]
pub struct SessionsPage {
    /// What is here.
    pub lead: Said,
    /// Whose they are alone, as it was typed.
    pub q: String,
    /// What a search keeps of the address: names and values.
    pub kept: Vec<(&'static str, String)>,
    /// The one whose they are, if all of theirs can be ended: their id and login.
    pub one: Option<(String, String)>,
    /// The table's head.
    pub table: Table,
    /// One line each.
    pub sessions: Vec<Line>,
    /// What the list says when it has changed, for whoever cannot see it.
    pub told: Said,
    /// Why one was not ended.
    pub errors: Vec<Summed>,
    /// Whether the reader may see how people have signed in.
    pub sign_ins: bool,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// Whose it is: their id.
    pub user_id: String,
    /// Their login.
    pub login: String,
    /// When it began.
    pub since: Moment,
    /// When it was last used.
    pub seen: Moment,
    /// What was proven in it, and when.
    pub proofs: Said,
    /// Until when it is good in any case.
    pub until: Moment,
    /// Whether it is the one in which the reader reads this.
    pub own: bool,
    /// Whether the reader may end it; a sentence says why not.
    pub kept: Option<Said>,
}

impl ConsolePage for SessionsPage {
    const TEMPLATE: &'static str = "console/sessions.html";
}

/// `GET /console/sessions`; `?q=` is a login.
async fn get(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.page(&page(&visit, Vec::new()).await?))
}

async fn page(visit: &Visit, errors: Vec<Summed>) -> Result<SessionsPage, Problem> {
    let asked = Listing::of(visit, &COLUMNS).at(HERE);
    let mut conn = visit.read().await?;
    let whose = whose(visit, &mut conn, &asked.q).await?;
    let user_id = whose.as_ref().map(|person| person.as_ref().map_or("", |person| &person.id));
    let order = Order {
        by_login: asked.sort == Some("login"),
        // The newest first, unless another order is asked for.
        last_first: asked.sort.is_none() || asked.descending,
        after: &asked.after,
    };
    let found = access::sessions_of(&mut conn, &visit.tree, user_id, live(visit), order, PAGE);
    let Sessions { sessions, next } = found.await.map_err(problem)?;
    let one = whose.clone().flatten().filter(|_| !sessions.is_empty());
    let one = match one {
        Some(person) if access::may_end(&mut conn, &person, &visit.by).await.map_err(problem)?.is_ok() => {
            Some((person.id, person.login))
        }
        _ => None,
    };
    let mut lines = Vec::with_capacity(sessions.len());
    for session in sessions {
        lines.extend(line(visit, &mut conn, session).await?);
    }
    Ok(SessionsPage {
        lead: Said::new(if visit.tree.is_whole_site() { "sessions-lead-site" } else { "sessions-lead" }),
        kept: asked.hidden(),
        one,
        table: asked.table("sessions-title", &COLUMNS, next.as_deref()),
        told: Said::new("users-told").counting(i64::try_from(lines.len()).unwrap_or(0)),
        sessions: lines,
        errors,
        sign_ins: visit.holds(own::VIEW_AUDIT),
        q: asked.q,
    })
}

/// Whose sessions or sign-ins are meant: none where nobody was named, and nobody where that is nobody of the reader's tree.
pub(super) async fn whose(
    visit: &Visit,
    conn: &mut Conn,
    typed: &str,
) -> Result<Option<Option<Person>>, Problem> {
    if typed.is_empty() {
        return Ok(None);
    }
    let Ok(login) = Login::parse(typed) else { return Ok(Some(None)) };
    match people::find_by_login(conn, &login).await? {
        Some(person) => Ok(Some(visit.tree.user(conn, &person.id).await?)),
        None => Ok(Some(None)),
    }
}

async fn line(visit: &Visit, conn: &mut Conn, session: ListedSession) -> Result<Option<Line>, Problem> {
    let Some(person) = people::find(conn, &session.user_id).await? else { return Ok(None) };
    let may = access::may_end(conn, &person, &visit.by).await.map_err(problem)?;
    let proofs = if session.code_at.is_some() { "proofs-code" } else { "proofs-password" };
    Ok(Some(Line {
        own: session.id == visit.session.id,
        user_id: session.user_id,
        login: session.login,
        since: visit.moment(session.created_at),
        seen: visit.moment(session.seen_at),
        until: visit.moment(session.expires_at),
        proofs: Said::new(proofs),
        kept: may.err().as_ref().map(trouble::refused),
        id: session.id,
    }))
}

/// `POST /console/sessions/{id}/end`
async fn end(visit: Visit) -> Result<Response, Problem> {
    let mut tx = visit.write().await?;
    let (id, live) = (visit.part("id"), live(&visit));
    let found = access::session_of(&mut tx, &visit.tree, id, live).await.map_err(problem)?;
    let (session, person) = found.ok_or(Problem::NotFound)?;
    match access::end_session(&mut tx, &session.id, live, &visit.by, &mut entropy()).await {
        Ok(_) => {
            tx.commit().await?;
            let whose = visit.form.field("q");
            let back = if whose.is_empty() {
                HERE.to_owned()
            } else {
                let query = form_urlencoded::Serializer::new(String::new()).append_pair("q", whose).finish();
                format!("{HERE}?{query}")
            };
            Ok(visit.saved(&back, &Saved::new("saved-sessions").about_person(&person).counting(1)))
        }
        Err(error) => {
            drop(tx);
            let said = trouble::wrong(error)?.said;
            Ok(visit.again(&page(&visit, vec![Summed::new("", said)]).await?))
        }
    }
}
