//! `/console/users`: who is in the reader's tree, in which state, and who of them cannot sign in?

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::explained::{self, Explained};
use super::field::Said;
use super::groups::{SEES_GROUPS, failed};
use super::guard::may;
use super::listing::{Declared, Listing, Table};
use super::routes::{Needs, Route};
use super::several;
use super::visit::ConsolePage;
use crate::clock::Moment;
use crate::directory::listing::{self, Listed, Order, Sort, Which};
use crate::directory::rights::own;
use crate::directory::{Tree, groups};
use crate::signin::last;
use crate::signin::preview::{KeptOut, count_locked_out_in};
use crate::store::Conn;
use crate::store::groups::GroupRow;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/console/users", Needs::Right(own::VIEW_USERS), |visit| Box::pin(get(visit)))
        .in_menu("console-menu-users", 30)];

/// People of a page: with more of them the first visit would weigh above 40 kB.
const SHOWN: usize = 25;

/// The most people who cannot sign in that are counted.
const COUNTED: usize = 100;

/// The words of the orders, and these; by login where none is asked for.
const ORDERS: [(&str, Sort); 5] = [
    ("login", Sort::Login),
    ("name", Sort::Name),
    ("group", Sort::Group),
    ("role", Sort::Role),
    ("last-sign-in", Sort::SignIn),
];

const COLUMNS: [Declared; 6] = [
    Declared { sort: Some("login"), label: "users-login", number: false },
    Declared { sort: Some("name"), label: "users-name", number: false },
    Declared { sort: Some("group"), label: "users-group", number: false },
    Declared { sort: Some("role"), label: "users-role", number: false },
    Declared { sort: None, label: "users-state", number: false },
    Declared { sort: Some("last-sign-in"), label: "users-last-sign-in", number: false },
];

/// The people of a tree.
#[derive(Clone, Debug, Serialize)]
pub struct UsersPage {
    /// What is wrong, or that nothing is.
    pub lead: Said,
    /// Where those are whom it is about, if it is not about all.
    pub remedy: Option<String>,
    /// The group that the list is of, with those below it: its path, and its page if this reader may see it; none for all that the reader sees.
    pub group: Option<(String, Option<String>)>,
    /// What was searched for.
    pub q: String,
    /// Which filter is chosen, as its word.
    pub filter: &'static str,
    /// What a search keeps of the address: names and values.
    pub kept: Vec<(&'static str, String)>,
    /// What there is to choose: where it leads, the key of its name, whether it is chosen.
    pub filters: Vec<(String, &'static str, bool)>,
    /// The table's head.
    pub table: Table,
    /// One line each.
    pub people: Vec<Line>,
    /// What the list says when it has changed, for whoever cannot see it.
    pub told: Said,
    /// Where something is done for several of the list at once.
    pub several: String,
    /// Whether this person may add somebody.
    pub may_add: bool,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Their id.
    pub id: String,
    /// Their login.
    pub login: String,
    /// Their name, or nothing.
    pub name: String,
    /// Their group's name; none for a site administrator.
    pub group: Option<String>,
    /// Their role's name.
    pub role: String,
    /// Whether they can sign in, and why not.
    pub state: Explained,
    /// When they have last signed in; none for never.
    pub last: Option<Moment>,
}

impl ConsolePage for UsersPage {
    const TEMPLATE: &'static str = "console/users.html";
}

/// The part of the reader's tree that `?group=` names, and that group; the whole of it where none is named.
pub(super) async fn part(visit: &Visit, conn: &mut Conn) -> Result<(Tree, Option<GroupRow>), Problem> {
    let Some(id) = visit.query.get("group") else { return Ok((visit.tree.clone(), None)) };
    let (tree, group) = visit.tree.below(conn, id).await?.ok_or(Problem::NotFound)?;
    Ok((tree, Some(group)))
}

/// Sees that a list tells who has signed in until now; where that cannot be written it tells what is known.
pub(super) async fn note_sign_ins(visit: &Visit) {
    if let Err(error) = last::look(&visit.provider().signin.db).await {
        tracing::warn!(%error, "who has signed in when could not be noted");
    }
}

/// `GET /console/users`; `?group=` lists those of one group and of those below it.
async fn get(visit: Visit) -> Result<Response, Problem> {
    note_sign_ins(&visit).await;
    let mut conn = visit.read().await?;
    let (tree, group) = part(&visit, &mut conn).await?;
    let asked = Listing::of(&visit, &COLUMNS);
    let asked = match &group {
        Some(group) => asked.keeping("group", &group.id),
        None => asked,
    };
    let which = Which::from_word(&asked.filter);
    let sort =
        ORDERS.into_iter().find(|(word, _)| Some(*word) == asked.sort).map_or(Sort::Login, |(_, sort)| sort);
    let order = Order { sort, last_first: asked.descending, after: &asked.after };
    drop(conn);
    let (mut found, kept_out) = look(&visit, &tree, which, &asked.q, order).await?;
    let mut conn = visit.read().await?;
    let more = found.len() > SHOWN;
    found.truncate(SHOWN);
    let next = match found.last().filter(|_| more) {
        Some(last) => Some(listing::mark(&mut conn, sort, last).await?),
        None => None,
    };
    let states = explained::of_listed(&visit, &mut conn, &found).await?;
    let mut people: Vec<Line> =
        found.iter().zip(states).map(|(listed, state)| line(&visit, listed, state)).collect();
    if which == Which::KeptOut {
        people.retain(|line| !line.state.well);
    }
    let (lead, remedy) = match (kept_out.n(), kept_out.more()) {
        (0, _) => (Said::new("users-all-well"), None),
        (n, false) => (Said::new("users-kept-out").counting(n), Some(Which::KeptOut)),
        (n, true) => (Said::new("users-many-kept-out").counting(n), Some(Which::KeptOut)),
    };
    let told = Said::new("users-told").counting(i64::try_from(people.len()).unwrap_or(0));
    Ok(visit.page(&UsersPage {
        lead,
        remedy: remedy
            .filter(|_| which != Which::KeptOut)
            .map(|which| asked.everything().with_filter(which.word())),
        group: match group {
            Some(group) => {
                let path = groups::path(&mut conn, &group.id).await.map_err(failed)?;
                Some((path, may(&visit.by, SEES_GROUPS).then(|| format!("/console/groups/{}", group.id))))
            }
            None => None,
        },
        several: several::of(&asked),
        kept: asked.hidden(),
        filter: which.word(),
        filters: filters(&asked, which),
        table: asked.table("users-title", &COLUMNS, next.as_deref()),
        people,
        told,
        may_add: visit.holds(own::MANAGE_USERS),
        q: asked.q,
    }))
}

/// Those of a page and one more, and how many of all cannot sign in. Side by side where the database can: each has a connection of its own, and
/// holds none while it waits for one.
async fn look(
    visit: &Visit,
    tree: &Tree,
    which: Which,
    search: &str,
    order: Order<'_>,
) -> Result<(Vec<Listed>, KeptOut), Problem> {
    let list = async { listing::list_in(&mut visit.read().await?, tree, which, search, order, more()).await };
    let count = async { count_locked_out_in(&mut visit.read().await?, tree, COUNTED).await };
    Ok(tokio::try_join!(list, count)?)
}

fn more() -> i64 {
    i64::try_from(SHOWN + 1).unwrap_or(i64::MAX)
}

fn filters(asked: &Listing, which: Which) -> Vec<(String, &'static str, bool)> {
    let all = [Which::All].into_iter().chain(Which::KINDS);
    all.map(|kind| (asked.with_filter(kind.word()), label(kind), kind == which)).collect()
}

const fn label(which: Which) -> &'static str {
    match which {
        Which::All => "users-filter-all",
        Which::KeptOut => "users-filter-kept-out",
        Which::NoEmail => "users-filter-no-email",
        Which::Never => "users-filter-never",
        Which::Stopped => "users-filter-stopped",
        Which::Disabled => "users-filter-disabled",
        Which::Invited => "users-filter-invited",
    }
}

fn line(visit: &Visit, listed: &Listed, state: Explained) -> Line {
    let person = &listed.person;
    Line {
        id: person.id.clone(),
        login: person.login.clone(),
        name: person.name.clone().unwrap_or_default(),
        group: person.group.as_ref().map(|group| group.name.clone()),
        role: person.role.name.clone(),
        state,
        last: listed.signed_in_at.map(|at| visit.moment(at)),
    }
}
