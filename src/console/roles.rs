//! `/console/roles`: which roles are there, what may each do, and who holds them?

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::field::Said;
use super::foreseen::{self, Sees};
use super::groups::failed;
use super::listing::{Declared, Listing, PAGE, Table};
use super::routes::{Needs, Route};
use super::visit::ConsolePage;
use crate::directory::rights::{Rights, own};
use crate::directory::roles::Order;
use crate::directory::{groups, roles};
use crate::signin::preview;
use crate::store::Conn;
use crate::store::groups::GroupRow;
use crate::store::roles::RoleRow;
use crate::web::Problem;

/// Whoever edits roles, or gives them to people.
pub(super) const SEES_ROLES: Needs = Needs::OneOf(&[own::MANAGE_ROLES, own::MANAGE_USERS]);

pub(super) const ROUTES: &[Route] =
    &[Route::get("/console/roles", SEES_ROLES, |visit| Box::pin(get(visit)))
        .in_menu("console-menu-roles", 50)];

const COLUMNS: [Declared; 4] = [
    Declared { sort: Some("name"), label: "roles-column-role", number: false },
    Declared { sort: Some("rank"), label: "roles-column-rank", number: true },
    Declared { sort: None, label: "roles-column-holders", number: true },
    Declared { sort: None, label: "roles-column-may", number: false },
];

/// The roles.
#[derive(Debug, Serialize)]
pub struct RolesPage {
    /// What is wrong, or that nothing is.
    pub lead: Said,
    /// The top-level group whose roles these are; none where they are everybody's.
    pub top: Option<String>,
    /// The roles, the lowest first unless it is chosen otherwise.
    pub rows: Vec<Line>,
    /// What is around them.
    pub table: Table,
    /// Where one is added; none for whoever adds none.
    pub add: Option<String>,
}

/// One role.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The top-level group that it serves, where roles of several are listed; none for the site's own.
    pub top: Option<String>,
    /// Its rank.
    pub rank: i64,
    /// How many users hold it.
    pub holders: i64,
    /// The rights that make it what it is: those that lower roles seldom have.
    pub rights: Vec<String>,
    /// How many other rights it has.
    pub others: i64,
}

impl ConsolePage for RolesPage {
    const TEMPLATE: &'static str = "console/roles.html";
}

/// `GET /console/roles`; `?group=` shows those of one tree to whoever sees several.
async fn get(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let top = top(&visit, &mut conn).await?;
    let listing = Listing::of(&visit, &COLUMNS);
    let listing = match visit.query.get("group") {
        Some(group) => listing.keeping("group", group),
        None => listing,
    };
    let after = Some(listing.after.as_str()).filter(|after| !after.is_empty());
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let order = match listing.sort {
        Some("name") => Order::Name(listing.descending),
        Some("rank") => Order::Rank(listing.descending),
        _ => Order::Trees,
    };
    let mut found = roles::list(&mut conn, top.as_ref(), order, after, limit).await.map_err(failed)?;
    let next = (found.len() > PAGE).then(|| found.get(PAGE - 1).map(|last| last.id.clone())).flatten();
    found.truncate(PAGE);
    let mut rows = Vec::with_capacity(found.len());
    for role in found {
        rows.push(line(&visit, &mut conn, role, top.is_some()).await?);
    }
    let lead = match &top {
        Some(top) => {
            let overriders = preview::overriders(&mut conn, top).await.map_err(failed)?;
            foreseen::overriders(&overriders, Sees::of(&visit, &top.id))
        }
        None => Said::new("roles-lead-site"),
    };
    let add = top.as_ref().filter(|_| visit.holds(own::MANAGE_ROLES)).map(|top| {
        if visit.tree.is_whole_site() {
            format!("/console/roles/new?group={}", top.id)
        } else {
            "/console/roles/new".to_owned()
        }
    });
    Ok(visit.page(&RolesPage {
        lead,
        top: top.map(|top| top.name),
        rows,
        table: listing.table("roles-caption", &COLUMNS, next.as_deref()),
        add,
    }))
}

/// The top-level group whose roles a visit is about: the reader's own, or the one that a reader of the whole site names.
pub(super) async fn top(visit: &Visit, conn: &mut Conn) -> Result<Option<GroupRow>, Problem> {
    let named = visit.form.get("group").or_else(|| visit.query.get("group"));
    let id = match (visit.tree.top_id(), named) {
        // What is in another tree is not there.
        (Some(own), Some(named)) if named != own => return Err(Problem::NotFound),
        (Some(own), _) => own,
        (None, Some(named)) => named,
        (None, None) => return Ok(None),
    };
    let group = groups::find(conn, id).await.map_err(failed)?.ok_or(Problem::NotFound)?;
    let top = groups::find(conn, &group.top_id).await.map_err(failed)?;
    top.map(Some).ok_or(Problem::NotFound)
}

async fn line(visit: &Visit, conn: &mut Conn, role: RoleRow, one_tree: bool) -> Result<Line, Problem> {
    let holders = visit.tree.holders(conn, &role).await?;
    let top = match role.group_id.as_deref().filter(|_| !one_tree) {
        Some(id) => groups::find(conn, id).await.map_err(failed)?.map(|top| top.name),
        None => None,
    };
    let rights = Rights::parse(&role.rights).map_err(|error| failed(error.into()))?;
    let telling: Vec<String> =
        own::OF_GROUPS.into_iter().skip(2).filter(|word| rights.has(word)).map(str::to_owned).collect();
    let others = rights.iter().count().saturating_sub(telling.len());
    Ok(Line {
        id: role.id,
        name: role.name,
        top,
        rank: role.rank,
        holders,
        others: i64::try_from(others).unwrap_or(i64::MAX),
        rights: telling,
    })
}
