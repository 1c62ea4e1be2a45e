//! `/console/users/{id}`: can this person sign in now, why not, and what can be done about it?

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::apps_of::{self, AppsOf};
use super::attempts::{Attempt, Teller};
use super::explained::{self, Explained};
use super::field::{Field, Said, Summed, Wrong, errors};
use super::groups_to_choose::{GroupChoice, problem};
use super::kept;
use super::moving;
use super::other_role;
use super::person_form::{self, Typed};
use super::repair;
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::self_lockout;
use super::trouble;
use super::user_deeds::{self, Deed};
use super::visit::ConsolePage;
use crate::clock::Moment;
use crate::directory::of_user::{self, OfUser};
use crate::directory::rights::own;
use crate::directory::{Error, Person, Status, log, users};
use crate::keys::secret::entropy;
use crate::signin::announce;
use crate::store::Conn;
use crate::web::Problem;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/console/users/{id}", Needs::Right(own::VIEW_USERS), |visit| Box::pin(get(visit))),
    Route::post("/console/users/{id}", Needs::Right(own::MANAGE_USERS), "user.changed", |visit| {
        Box::pin(post(visit))
    })
    .drawn_again(|visit| Box::pin(drawn_again(visit))),
];

/// The latest sign-ins that are shown.
const LATEST: i64 = 20;

/// One person.
#[derive(Clone, Debug, Serialize)]
pub struct UserPage {
    /// Their page's address.
    pub path: String,
    /// Their login.
    pub login: String,
    /// Their name, or else their login.
    pub who: String,
    /// Whether they can sign in, and why not.
    pub state: Explained,
    /// What is wrong with what was typed.
    pub errors: Vec<Summed>,
    /// What can be changed: name, email, role, status, group.
    pub fields: Vec<Field>,
    /// What this person saw of the fields when they opened the page: name and value.
    pub seen: Vec<(&'static str, String)>,
    /// Whether any of the fields is an input.
    pub changeable: bool,
    /// Why nothing of it can be changed by this person, if that is so.
    pub why_not: Option<Said>,
    /// What can be done with them.
    pub deeds: Vec<Deed>,
    /// How they have signed in, newest first; none for whoever may not know.
    pub history: Option<Vec<Attempt>>,
    /// Which apps they may use, which they do, and why.
    pub apps: AppsOf,
    /// Where all of it is, and where their sessions are: addresses, where this reader may see them.
    pub elsewhere: Vec<(&'static str, String)>,
    /// When they were added.
    pub added: Moment,
}

impl ConsolePage for UserPage {
    const TEMPLATE: &'static str = "console/user.html";
}

/// `GET /console/users/{id}`
async fn get(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let person = visit.user(&mut conn).await?;
    Ok(visit.page(&page(&visit, &mut conn, &person, &[]).await?))
}

/// `POST /console/users/{id}`
async fn post(visit: Visit) -> Result<Response, Problem> {
    let mut tx = visit.write().await?;
    let person = visit.user(&mut tx).await?;
    let path = format!("/console/users/{}", person.id);
    let typed = Typed::read(&visit, &mut tx, &person).await?;
    if !typed.wrong.is_empty() {
        drop(tx);
        return again(&visit, &typed.wrong).await;
    }
    let Some(changes) = typed.changes else {
        let back = user_deeds::back(&visit, &person);
        let saved = Saved::new("saved-user").about_person(&person);
        return Ok(if typed.is_made { visit.saved(&back, &saved) } else { visit.to(&back) });
    };
    if changes.group.is_some() {
        match moving::question(&visit, &mut tx, &person, &changes).await? {
            Ok(None) => {}
            Ok(Some(question)) if question.errors.is_empty() => return Ok(visit.confirm(&question)),
            Ok(Some(question)) => return Ok(visit.again(&question)),
            Err(refused) => {
                drop(tx);
                return again(&visit, &[trouble::wrong(refused)?]).await;
            }
        }
    }
    if let Some(asked) = self_lockout::question(&visit, &mut tx, &person, &changes).await? {
        return Ok(asked);
    }
    if let Some(question) = other_role::question(&visit, &mut tx, &person, &changes).await? {
        return Ok(visit.confirm(&question));
    }
    let home = person_form::home(&mut tx, &person).await?;
    if let Some(new) = &changes.email {
        let (signin, doer) = (&visit.provider().signin, visit.person.display_name());
        announce::address_left(signin, &mut tx, &person, new.as_ref(), doer, visit.now_ms).await?;
    }
    match users::set(&mut tx, &person, changes, &visit.by, &mut entropy()).await {
        Ok(after) => {
            let undo = person_form::undo(&visit, &person, &home, &after);
            let undoable =
                !undo.is_empty() && person_form::may_be_undone(&visit, &mut tx, (&person, &after)).await?;
            tx.commit().await?;
            announce::deliver_later(&visit.provider().signin);
            let undo: Vec<(&str, &str)> = undo.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let saved = saved(&person, &after);
            let saved = if undoable { saved.undone_by(&path, &undo) } else { saved };
            Ok(visit.saved(&user_deeds::back(&visit, &after), &saved))
        }
        Err(error) => {
            drop(tx);
            let wrong = match error {
                Error::Overtaken(fields) => overtaken(&visit, &fields).await?,
                other => vec![trouble::wrong(other)?],
            };
            again(&visit, &wrong).await
        }
    }
}

/// What is said of a change that was made, with what may be wanted next.
fn saved(before: &Person, after: &Person) -> Saved {
    let path = format!("/console/users/{}", after.id);
    let group = |person: &Person| person.group.as_ref().map(|group| group.id.clone());
    let ends_links = before.email != after.email
        || before.role.id != after.role.id
        || before.status != after.status
        || group(before) != group(after);
    if after.status == Status::Invited && ends_links {
        let saved = Saved::new("saved-user-invited").about_person(after);
        let can_be_sent = after.deliverable_address().is_some();
        return if can_be_sent { saved.then(&format!("{path}/link"), "deed-invite") } else { saved };
    }
    let saved = Saved::new("saved-user").about_person(after);
    // Whoever is mended is on no list any more: the way to try it is here.
    let is_new_address = before.email != after.email && after.email.is_some();
    if is_new_address { saved.then(&format!("{path}/test"), "repair-test") } else { saved }
}

/// What is said beside the fields that somebody else has changed meanwhile.
async fn overtaken(visit: &Visit, fields: &[&'static str]) -> Result<Vec<Wrong>, Problem> {
    let mut conn = visit.read().await?;
    let person = visit.user(&mut conn).await?;
    let home = person_form::home(&mut conn, &person).await?;
    Ok(person_form::overtaken(&person, &home, fields))
}

/// The page that a form about a person was sent from, with what was typed and what is wrong with it.
pub(super) async fn again(visit: &Visit, wrong: &[Wrong]) -> Result<Response, Problem> {
    if user_deeds::is_from_repair(visit) {
        return repair::again(visit, wrong).await;
    }
    let mut conn = visit.read().await?;
    let person = visit.user(&mut conn).await?;
    let home = person_form::home(&mut conn, &person).await?;
    let wrong: Vec<Wrong> = wrong.iter().map(|wrong| trouble::in_group(wrong.clone(), &home)).collect();
    Ok(visit.again(&page(visit, &mut conn, &person, &wrong).await?))
}

/// The form as it was typed; what was typed into it goes by what was seen then.
async fn drawn_again(visit: Visit) -> Result<Response, Problem> {
    if user_deeds::is_from_repair(&visit) {
        return again(&visit, &[kept::not_saved()]).await;
    }
    let mut conn = visit.read().await?;
    let person = visit.user(&mut conn).await?;
    let mut page = page(&visit, &mut conn, &person, &[kept::not_saved()]).await?;
    person_form::see_as_before(&visit, &mut page.seen);
    Ok(visit.again(&page))
}

/// The page, with what was typed where something is wrong with it.
pub(super) async fn page(
    visit: &Visit,
    conn: &mut Conn,
    person: &Person,
    wrong: &[Wrong],
) -> Result<UserPage, Problem> {
    let mut may = may(visit, conn, person).await?;
    if let Some(group) = person_form::elsewhere(visit, conn, person).await?.filter(|_| may.group.is_ok()) {
        may.roles = of_user::roles_for_new(conn, &group, &visit.by).await.map_err(problem)?;
        may.role = Ok(());
    }
    let groups = GroupChoice::of(visit, conn).await?;
    let home = person_form::home(conn, person).await?;
    let fields = person_form::fields(visit, person, &may, (&groups, &home), wrong);
    let whole = wrong.iter().find(|wrong| wrong.field.is_empty());
    let history = if may.edit.is_ok() { Some(history(visit, conn, person).await?) } else { None };
    let refused = may.edit.as_ref().err().filter(|_| visit.holds(own::MANAGE_USERS));
    Ok(UserPage {
        path: format!("/console/users/{}", person.id),
        login: person.login.clone(),
        who: person.display_name().to_owned(),
        state: explained::of(visit, conn, person).await?,
        errors: errors(&fields, whole),
        changeable: fields.iter().any(|field| field.editable),
        seen: person_form::seen(person, &home),
        fields,
        why_not: refused.map(trouble::refused),
        deeds: user_deeds::of(visit, conn, person, &may).await?,
        history,
        apps: apps_of::of(visit, conn, person, may.edit.is_ok()).await?,
        elsewhere: elsewhere(visit, person),
        added: visit.moment(person.created_at),
    })
}

/// What this person may do with that one.
pub(super) async fn may(visit: &Visit, conn: &mut Conn, person: &Person) -> Result<OfUser, Problem> {
    of_user::of_user(conn, person, &visit.by).await.map_err(|e| match e {
        Error::Store(e) => e.into(),
        other => Problem::Internal(other.to_string()),
    })
}

/// What other pages say about them: the key of a link's words, and where it leads.
fn elsewhere(visit: &Visit, person: &Person) -> Vec<(&'static str, String)> {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("q", &person.login).finish();
    let all = [
        ("user-all-sign-ins", own::VIEW_AUDIT, "/console/sign-ins"),
        ("user-all-sessions", own::MANAGE_USERS, "/console/sessions"),
    ];
    let seen = all.into_iter().filter(|(_, right, _)| visit.holds(right));
    seen.map(|(label, _, path)| (label, format!("{path}?{query}"))).collect()
}

async fn history(visit: &Visit, conn: &mut Conn, person: &Person) -> Result<Vec<Attempt>, Problem> {
    let events = log::sign_ins(conn, person, LATEST).await.map_err(problem)?;
    let mut teller = Teller::new(visit);
    let mut told = Vec::with_capacity(events.len());
    for event in &events {
        told.push(teller.tell(conn, event).await?);
    }
    Ok(told)
}
