//! `/console/sign-ins`: who of the reader's tree has tried to sign in, where, with what, and what came of it?

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::attempts::{Attempt, OUTCOMES, Teller};
use super::field::Said;
use super::listing::{Declared, Listing, Table};
use super::routes::{Needs, Route};
use super::sessions;
use super::visit::ConsolePage;
use crate::directory::log;
use crate::directory::proof::ViewAudit;
use crate::directory::rights::own;
use crate::store::audit::Wanted;
use crate::web::Problem;

const HERE: &str = "/console/sign-ins";

pub(super) const ROUTES: &[Route] =
    &[Route::get(HERE, Needs::Right(own::VIEW_AUDIT), |visit| Box::pin(get(visit)))
        .in_menu("console-menu-sign-ins", 70)];

/// Rows of a page.
const PAGE: usize = 30;

const COLUMNS: [Declared; 6] = [
    Declared { sort: Some("when"), label: "history-when", number: false },
    Declared { sort: None, label: "history-who", number: false },
    Declared { sort: None, label: "history-what", number: false },
    Declared { sort: None, label: "history-proofs", number: false },
    Declared { sort: None, label: "history-app", number: false },
    Declared { sort: None, label: "history-where", number: false },
];

/// The sign-ins of a tree, newest first unless it is chosen otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct SignInsPage {
    /// What is here.
    pub lead: Said,
    /// Whose they are alone, as it was typed.
    pub q: String,
    /// What a search keeps of the address: names and values.
    pub kept: Vec<(&'static str, String)>,
    /// What there is to choose: where it leads, the key of its name, whether it is chosen.
    pub filters: Vec<(String, &'static str, bool)>,
    /// Whether anything is left out.
    pub filtered: bool,
    /// The table's head.
    pub table: Table,
    /// One line each.
    pub attempts: Vec<Attempt>,
    /// What the list says when it has changed, for whoever cannot see it.
    pub told: Said,
    /// Whether the reader may see who is signed in now.
    pub sessions: bool,
}

impl ConsolePage for SignInsPage {
    const TEMPLATE: &'static str = "console/sign_ins.html";
}

/// `GET /console/sign-ins`; `?q=` is a login, `?filter=` an outcome.
async fn get(visit: Visit) -> Result<Response, Problem> {
    let by = visit.prove::<ViewAudit>()?;
    let asked = Listing::of(&visit, &COLUMNS);
    let mut conn = visit.read().await?;
    let whose = sessions::whose(&visit, &mut conn, &asked.q).await?;
    let event = OUTCOMES.into_iter().map(|(event, ..)| event).find(|event| word(event) == asked.filter);
    let wanted = Wanted {
        // Nobody has this id: a login that is nobody's has no sign-ins.
        user_id: whose.as_ref().map(|person| person.as_ref().map_or("", |person| &person.id)),
        kind: Some(event.unwrap_or("signin")),
        ..Wanted::default()
    };
    let newest_first = asked.sort.is_none() || asked.descending;
    let order = (newest_first, asked.after.as_str());
    let found = log::events(&mut conn, &by, wanted, order, PAGE).await?;
    let mut teller = Teller::new(&visit);
    let mut attempts = Vec::with_capacity(found.events.len());
    for row in &found.events {
        let login = row.user_login.clone().unwrap_or_default();
        let there = match &row.user_id {
            Some(id) => visit.tree.user(&mut conn, id).await?.is_some(),
            None => false,
        };
        let page = row.user_id.as_ref().filter(|_| there && visit.holds(own::VIEW_USERS));
        let page = page.map(|id| format!("/console/users/{id}"));
        attempts.push(Attempt { who: Some((login, page)), ..teller.tell(&mut conn, row).await? });
    }
    let told = Said::new("users-told").counting(i64::try_from(attempts.len()).unwrap_or(0));
    Ok(visit.page(&SignInsPage {
        lead: Said::new(if visit.tree.is_whole_site() { "sign-ins-lead-site" } else { "sign-ins-lead" })
            .about(if newest_first { "" } else { "oldest" }),
        filters: filters(&asked, event),
        kept: asked.hidden(),
        filtered: event.is_some() || !asked.q.is_empty(),
        table: asked.table("sign-ins-title", &COLUMNS, found.next.as_deref()),
        attempts,
        told,
        sessions: visit.holds(own::MANAGE_USERS),
        q: asked.q,
    }))
}

/// The word of an outcome in `?filter=`.
fn word(event: &'static str) -> &'static str {
    event.strip_prefix("signin.").unwrap_or(event)
}

fn filters(asked: &Listing, chosen: Option<&str>) -> Vec<(String, &'static str, bool)> {
    let all = (asked.with_filter(""), "sign-ins-filter-all", chosen.is_none());
    let each = OUTCOMES.into_iter().map(|(event, ..)| {
        let label = match event {
            "signin.completed" => "sign-ins-filter-completed",
            "signin.override" => "sign-ins-filter-override",
            "signin.code_skipped" => "sign-ins-filter-code-skipped",
            "signin.password_refused" => "sign-ins-filter-password-refused",
            "signin.code_refused" => "sign-ins-filter-code-refused",
            "signin.codes_stopped" => "sign-ins-filter-codes-stopped",
            _ => "sign-ins-filter-refused",
        };
        (asked.with_filter(word(event)), label, chosen == Some(event))
    });
    [all].into_iter().chain(each).collect()
}
