//! `/console/apps/{id}/people`: who may use this app, and who does?

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::app::{find, people_of, used_by};
use super::field::Said;
use super::groups::SEES_GROUPS;
use super::guard::may;
use super::listing::{Declared, Listing, PAGE, Table};
use super::routes::{Needs, Route};
use super::visit::ConsolePage;
use crate::clock::Moment;
use crate::directory::rights::own;
use crate::directory::{access, groups, people};
use crate::oidc::clients::{self, Client};
use crate::store::Conn;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/console/apps/{id}/people", Needs::Right(own::MANAGE_RELYING_APPS), |visit| {
        Box::pin(get(visit))
    })];

pub(super) const COLUMNS: [Declared; 2] = [
    Declared { sort: Some("login"), label: "app-people-who", number: false },
    Declared { sort: None, label: "app-people-last", number: false },
];

/// Who may use an app, and who does.
#[derive(Clone, Debug, Serialize)]
pub struct AppPeoplePage {
    /// The app's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many use it.
    pub lead: Said,
    /// How many others have had access whose groups may not use it any more, if any.
    pub barred: Option<Said>,
    /// The groups that may; none for everybody.
    pub groups: Option<Vec<Party>>,
    /// How many groups may that the reader does not see.
    pub unseen: usize,
    /// The table's head.
    pub table: Table,
    /// One line each.
    pub people: Vec<Line>,
}

/// A group, or somebody.
#[derive(Clone, Debug, Serialize)]
pub struct Party {
    /// The name.
    pub name: String,
    /// The page about it, where the reader sees that.
    pub link: Option<String>,
}

/// Somebody who uses it.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Who.
    pub who: Party,
    /// Their login, where the name is another one.
    pub login: Option<String>,
    /// When they have signed in there last.
    pub last: Moment,
    /// Whether their group may not use it any more, so that the access that they have counts for nothing.
    pub barred: bool,
}

impl ConsolePage for AppPeoplePage {
    const TEMPLATE: &'static str = "console/app_people.html";
}

/// `GET /console/apps/{id}/people`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let asked = Listing::of(&visit, &COLUMNS);
    let mut conn = visit.read().await?;
    let client = find(&visit, &mut conn).await?;
    let (groups, unseen) = allowed(&visit, &mut conn, &client).await?;
    let count = people_of(&visit, &mut conn, &client).await?;
    let (more, order) =
        (i64::try_from(PAGE + 1).unwrap_or(i64::MAX), (asked.descending, asked.after.as_str()));
    let of = (client.id.as_str(), count);
    let mut found = access::users_of_app(&mut conn, &visit.tree, of, order, more, visit.now()).await?;
    let cut = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| cut).map(|last| last.login.clone());
    let sees = visit.holds(own::VIEW_USERS);
    let mut people = Vec::with_capacity(found.len());
    for user in found {
        let person = people::find(&mut conn, &user.user_id).await?;
        let barred = match &person {
            Some(person) => !clients::admits(&mut conn, &client, person).await?,
            None => true,
        };
        let link = sees.then(|| format!("/console/users/{}", user.user_id));
        let name = user.name.filter(|name| !name.is_empty());
        let login = name.is_some().then(|| user.login.clone());
        people.push(Line {
            who: Party { name: name.unwrap_or(user.login), link },
            login,
            last: visit.moment(user.last_at),
            barred,
        });
    }
    Ok(visit.page(&AppPeoplePage {
        id: client.id.clone(),
        name: client.metadata.client_name.clone(),
        lead: used_by(count),
        barred: (count.barred > 0).then(|| Said::new("app-people-others-barred").counting(count.barred)),
        groups,
        unseen,
        table: asked.table("app-people-title", &COLUMNS, next.as_deref()),
        people,
    }))
}

/// The groups that may use it, as far as the reader sees them, and how many others.
async fn allowed(
    visit: &Visit,
    conn: &mut Conn,
    client: &Client,
) -> Result<(Option<Vec<Party>>, usize), Problem> {
    let ids = &client.metadata.allowed_groups;
    if ids.is_empty() {
        return Ok((None, 0));
    }
    let opens = may(&visit.by, SEES_GROUPS);
    let mut seen = Vec::new();
    for id in ids {
        if visit.tree.group(conn, id).await?.is_some() {
            let name = groups::path(conn, id).await?;
            seen.push(Party { name, link: opens.then(|| format!("/console/groups/{id}")) });
        }
    }
    seen.sort_by(|one, two| one.name.cmp(&two.name));
    let unseen = ids.len().saturating_sub(seen.len());
    Ok((Some(seen), unseen))
}
