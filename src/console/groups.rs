//! `/console/groups`: which groups are there, does each ask for a code, and who of it cannot sign in?

use axum::response::Response;
use serde::Serialize;

use super::field::{self, Field, Kind, Said, Summed, Wrong, errors};
use super::listing::{Declared, Listing, PAGE, Table};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use super::{Visit, kept, subgroups, trouble};
use crate::directory::groups::Order;
use crate::directory::policy::Refusal;
use crate::directory::proof::AdministerSite;
use crate::directory::rights::own;
use crate::directory::{Error, TwoFactor, groups};
use crate::keys::secret::entropy;
use crate::signin::preview::{self, Count};
use crate::store::Conn;
use crate::store::groups::{GroupRow, ListedGroup};
use crate::web::Problem;

/// Whoever may do something in a group, or sees who is in it.
pub(super) const SEES_GROUPS: Needs = Needs::OneOf(&[
    own::VIEW_USERS,
    own::MANAGE_BASIC_SETTINGS,
    own::MANAGE_ADVANCED_SETTINGS,
    own::MANAGE_SUBGROUPS,
]);

pub(super) const ROUTES: &[Route] = &[
    Route::get("/console/groups", SEES_GROUPS, |visit| Box::pin(get(visit)))
        .in_menu("console-menu-groups", 40),
    Route::post("/console/groups", Needs::Site, "group.added", |visit| Box::pin(add(visit)))
        .drawn_again(|visit| Box::pin(again(visit))),
];

const COLUMNS: [Declared; 4] = [
    Declared { sort: Some("group"), label: "groups-column-group", number: false },
    Declared { sort: Some("two-factor"), label: "groups-column-two-factor", number: false },
    Declared { sort: None, label: "groups-column-people", number: true },
    Declared { sort: None, label: "groups-column-state", number: false },
];

/// The longest name of a group, in characters.
pub(super) const LONGEST_NAME: usize = 80;

/// The tree.
#[derive(Debug, Serialize)]
pub struct GroupsPage {
    /// What is wrong, or that nothing is.
    pub lead: Said,
    /// One line each, by path unless it is chosen otherwise.
    pub rows: Vec<Line>,
    /// What is around them.
    pub table: Table,
    /// The name of a new top-level group; none for whoever adds none.
    pub name: Option<Field>,
    /// What is wrong with it.
    pub errors: Vec<Summed>,
}

/// One group.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// The path of what it is part of, with a slash at its end; empty at the top.
    pub above: String,
    /// Its name.
    pub name: String,
    /// Its two-factor setting: `off`, `rehearse`, `on`.
    pub two_factor: &'static str,
    /// How many people are in it.
    pub people: i64,
    /// How many of them cannot sign in, or could not if two-factor were on where it is rehearsed.
    pub locked_out: Count,
}

impl ConsolePage for GroupsPage {
    const TEMPLATE: &'static str = "console/groups.html";
}

/// `GET /console/groups`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let page = page(&visit, None).await?;
    Ok(visit.page(&page))
}

/// `POST /console/groups`: adds a top-level group.
async fn add(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<AdministerSite>()?;
    let added = match field::name(&visit.form, "name", LONGEST_NAME, "") {
        Err(wrong) => Err(wrong),
        Ok(name) => {
            let mut tx = visit.write().await?;
            match groups::add(&mut tx, name, None, None, &by, &mut entropy()).await {
                Ok(group) => {
                    tx.commit().await?;
                    Ok(group)
                }
                Err(error) => Err(trouble::wrong(error)?),
            }
        }
    };
    match added {
        Ok(group) => {
            let undo = format!("/console/groups/{}/delete", group.id);
            let seen = subgroups::seen(&group);
            let undone = [("confirm", "yes"), ("seen", seen.as_str())];
            let saved = Saved::new("saved-group-added").about(&group.name).undone_by(&undo, &undone);
            Ok(visit.saved(&format!("/console/groups/{}", group.id), &saved))
        }
        Err(wrong) => {
            let page = page(&visit, Some(&wrong)).await?;
            Ok(visit.again(&page))
        }
    }
}

/// The form for another group, as it was typed.
async fn again(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.again(&page(&visit, Some(&kept::not_saved())).await?))
}

async fn page(visit: &Visit, wrong: Option<&Wrong>) -> Result<GroupsPage, Problem> {
    let listing = Listing::of(visit, &COLUMNS);
    let mut conn = visit.read().await?;
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let order = Order {
        by_setting: listing.sort == Some("two-factor"),
        last_first: listing.descending,
        after: &listing.after,
    };
    let mut found = visit.tree.groups(&mut conn, order, limit).await.map_err(failed)?;
    let next = (found.len() > PAGE).then(|| found.truncate(PAGE));
    let next = next.and(found.last()).map(groups::mark).transpose()?;
    drop(conn);
    let rows = rows(visit, &found).await?;
    let refusal =
        if visit.by.administers_site() { Ok(()) } else { Err(Refusal::LacksRight(own::ADMINISTER_SITE)) };
    let name = Field::new("name", "groups-add-name", Kind::Text, "").longest(LONGEST_NAME).required();
    let name = name.editable(visit, &refusal);
    let name = if wrong.is_some() { name.typed(&visit.form, wrong) } else { name };
    let errors = errors([&name], wrong);
    let affected =
        rows.iter().filter(|row| row.two_factor == TwoFactor::On.name() && row.locked_out.n > 0).count();
    let lead =
        if affected == 0 { Said::new("groups-lead-fine") } else { Said::new("groups-lead-locked-out") };
    Ok(GroupsPage {
        lead: lead.counting(i64::try_from(affected).unwrap_or(i64::MAX)),
        rows,
        table: listing.table("groups-caption", &COLUMNS, next.as_deref()),
        name: refusal.is_ok().then_some(name),
        errors,
    })
}

/// Both counts side by side, where the database can.
async fn rows(visit: &Visit, found: &[ListedGroup]) -> Result<Vec<Line>, Problem> {
    let people = async {
        let (mut conn, mut people) = (visit.read().await?, Vec::with_capacity(found.len()));
        for listed in found {
            people.push(groups::people(&mut conn, &listed.group).await.map_err(failed)?);
        }
        Ok::<_, Problem>(people)
    };
    let locked_out = async {
        let (mut conn, mut counts) = (visit.read().await?, Vec::with_capacity(found.len()));
        for listed in found {
            counts.push(locked_out(&mut conn, &listed.group).await?);
        }
        Ok(counts)
    };
    let (people, locked_out) = tokio::try_join!(people, locked_out)?;
    let line = |((listed, people), locked_out): ((&ListedGroup, i64), Count)| {
        let group = &listed.group;
        Ok(Line {
            id: group.id.clone(),
            above: listed.path.strip_suffix(&group.name).unwrap_or_default().to_owned(),
            name: group.name.clone(),
            two_factor: TwoFactor::of(group)?.name(),
            people,
            locked_out,
        })
    };
    found.iter().zip(people).zip(locked_out).map(line).collect()
}

async fn locked_out(conn: &mut Conn, group: &GroupRow) -> Result<Count, Problem> {
    match TwoFactor::of(group)? {
        TwoFactor::Off => Ok(Count::default()),
        TwoFactor::Rehearse | TwoFactor::On => {
            preview::count_locked_out(conn, group, TwoFactor::On).await.map_err(failed)
        }
    }
}

/// What a page that only looks answers when it cannot.
pub(super) fn failed(error: Error) -> Problem {
    match error {
        Error::Store(error) => error.into(),
        Error::Vanished | Error::Moved => Problem::Gone,
        Error::Refused(_) => Problem::NotFound,
        other => Problem::Internal(other.to_string()),
    }
}
