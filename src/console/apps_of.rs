//! Which apps may somebody use, which do they, and why? A part of their page.

use serde::Serialize;

use super::Visit;
use super::app::here;
use super::explained;
use super::field::Said;
use super::groups_to_choose::problem;
use crate::clock::Moment;
use crate::directory::rights::own;
use crate::directory::{Person, groups};
use crate::oidc::clients::Admission;
use crate::oidc::clients::of_person::{Asked, OfPerson, of_person};
use crate::store::Conn;
use crate::web::Problem;

/// The most apps that a person's page names.
const SHOWN: usize = 12;

/// The apps of a person.
#[derive(Clone, Debug, Serialize)]
pub struct AppsOf {
    /// One line each.
    pub apps: Vec<AppOf>,
    /// Whether there are more.
    pub more: bool,
    /// Whether the reader may know which of them the person uses.
    pub used: bool,
}

/// One app, and what it is to a person.
#[derive(Clone, Debug, Serialize)]
pub struct AppOf {
    /// Its name.
    pub name: String,
    /// Its page, if the reader may see that.
    pub link: Option<String>,
    /// Whether they may use it now.
    pub may: bool,
    /// Why, or why not.
    pub why: Said,
    /// What else stands in the way.
    pub but: Option<Said>,
    /// Since when they use it.
    pub since: Option<Moment>,
}

/// The apps of a person; which of them they use is for whoever may edit them.
pub(super) async fn of(
    visit: &Visit,
    conn: &mut Conn,
    person: &Person,
    may_edit: bool,
) -> Result<AppsOf, Problem> {
    let asked = Asked {
        tree: &visit.tree,
        attempts: i64::from(visit.provider().signin.settings.code_attempts),
        used: may_edit,
        limit: SHOWN,
        now: visit.now(),
    };
    let (found, more) = of_person(conn, person, asked).await?;
    let mut apps = Vec::with_capacity(found.len());
    for one in found {
        apps.push(line(visit, conn, person, one).await?);
    }
    Ok(AppsOf { apps, more, used: may_edit })
}

async fn line(visit: &Visit, conn: &mut Conn, person: &Person, one: OfPerson) -> Result<AppOf, Problem> {
    let why = match &one.admission {
        Admission::Everybody => Said::new("apps-of-everybody"),
        Admission::Group(id) => {
            let path = groups::path(conn, id).await.map_err(problem)?;
            Said::new("apps-of-group").about(&path)
        }
        Admission::Others => Said::new("apps-of-others"),
    };
    let gets_in = one.outcome.starts_with("password");
    let but = match one.outcome {
        _ if gets_in => None,
        "unmet_authentication_requirements" => Some(Said::new("apps-of-unmet")),
        outcome => Some(explained::told(person, outcome).short),
    };
    Ok(AppOf {
        link: visit.holds(own::MANAGE_RELYING_APPS).then(|| here(&one.client)),
        name: one.client.metadata.client_name,
        may: gets_in && one.admission != Admission::Others,
        why,
        but,
        since: one.used_since.map(|since| visit.moment(since)),
    })
}
