//! What can be done with a person: a link for a password, another try, an end to their sessions, a goodbye? Each says first what it does.

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::confirm::Confirm;
use super::field::{Said, Wrong};
use super::groups_to_choose::problem;
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::{repair, trouble, user};
use crate::directory::listing;
use crate::directory::of_user::OfUser;
use crate::directory::rights::own;
use crate::directory::{Error, Person, Status, TwoFactor, access, users};
use crate::keys::secret::entropy;
use crate::signin::announce;
use crate::signin::invite::{self, Inviter, Issued};
use crate::store::access::{Live, sessions};
use crate::store::{Conn, Tx};
use crate::web::Problem;

const MANAGE: Needs = Needs::Right(own::MANAGE_USERS);

pub(super) const ROUTES: &[Route] = &[
    Route::post("/console/users/{id}/link", MANAGE, "user.link_issued", |visit| Box::pin(link(visit))),
    Route::post("/console/users/{id}/unlock", MANAGE, "user.unlocked", |visit| Box::pin(unlock(visit))),
    Route::post("/console/users/{id}/sessions", MANAGE, "session.ended", |visit| {
        Box::pin(end_sessions(visit))
    }),
    Route::post("/console/users/{id}/delete", MANAGE, "user.deleted", |visit| Box::pin(delete(visit))),
];

/// The most sessions that are counted.
const COUNTED: i64 = 100;

/// One of them: a button, with what it does.
#[derive(Clone, Debug, Serialize)]
pub struct Deed {
    /// The last part of its address, and the id of its button.
    pub name: &'static str,
    /// What the button says: the key of it.
    pub label: &'static str,
    /// What it does, and to whom.
    pub said: Said,
    /// Whether it takes something away for good.
    pub grave: bool,
}

/// What this reader can do with that person, as things are.
pub(super) async fn of(
    visit: &Visit,
    conn: &mut Conn,
    person: &Person,
    may: &OfUser,
) -> Result<Vec<Deed>, Problem> {
    let mut deeds = Vec::new();
    if may.edit.is_ok() && visit.holds(own::MANAGE_USERS) {
        if person.status != Status::Disabled {
            deeds.extend(link_deed(person));
        }
        if may.unlock.is_ok() {
            let stopped = listing::are_codes_stopped(conn, person).await?;
            let said = Said::new(if stopped { "deed-unlock-stopped" } else { "deed-unlock-said" });
            deeds.push(Deed { name: "unlock", label: "deed-unlock", said, grave: false });
            if person.status == Status::Active && person.two_factor() != TwoFactor::Off {
                let said = Said::new("deed-code-said");
                deeds.push(Deed { name: "code", label: "deed-code", said, grave: false });
            }
        }
        let live = live(visit);
        let open = sessions(conn, Some(&person.id), live, "", COUNTED).await?.len();
        if open > 0 {
            let said = Said::new("deed-sessions-said").counting(i64::try_from(open).unwrap_or(COUNTED));
            deeds.push(Deed { name: "sessions", label: "deed-sessions", said, grave: false });
        }
        if may.delete.is_ok() {
            let said = Said::new("deed-delete-said");
            deeds.push(Deed { name: "delete", label: "deed-delete", said, grave: true });
        }
    }
    Ok(deeds)
}

/// Where there is no address that a link could go to, there is none to send.
fn link_deed(person: &Person) -> Option<Deed> {
    let address = person.deliverable_address()?;
    let label = if person.status == Status::Invited { "deed-invite" } else { "deed-link" };
    let said = Said::new("deed-link-said").about(&address.shown());
    Some(Deed { name: "link", label, said, grave: false })
}

/// What counts as a live session.
pub(super) fn live(visit: &Visit) -> Live {
    let now = visit.now();
    Live { now, idle_since: now - visit.provider().signin.session.idle.as_secs() }
}

/// `POST …/link`: sends them a link to choose a password, in place of those before.
async fn link(visit: Visit) -> Result<Response, Problem> {
    let state = &visit.provider().signin;
    let mut tx = visit.write().await?;
    let person = visit.user(&mut tx).await?;
    match send_link(&visit, &mut tx, &person).await? {
        Ok(()) => {
            tx.commit().await?;
            announce::deliver_later(state);
            let to = person.deliverable_address().map(|address| address.shown()).unwrap_or_default();
            Ok(visit.saved(&back(&visit, &person), &Saved::new("saved-link").about(&to)))
        }
        Err(wrong) => {
            drop(tx);
            again(&visit, wrong).await
        }
    }
}

/// Makes a link for somebody, and puts its mail into the queue.
async fn send_link(visit: &Visit, tx: &mut Tx, person: &Person) -> Result<Result<(), Wrong>, Problem> {
    if person.deliverable_address().is_none() {
        return Ok(Err(Wrong::new("email", Said::new("wrong-no-address"))));
    }
    issued(inviter(visit).issue(tx, person, &visit.by).await)
}

/// What gives out links, and writes their mails.
pub(super) fn inviter(visit: &Visit) -> Inviter {
    let state = &visit.provider().signin;
    Inviter {
        issuer: visit.provider().issuer.clone(),
        lifetime: state.settings.link_lifetime,
        mail: Some((state.pages.clone(), state.vault.clone())),
    }
}

/// Whether a link was given out, or what is wrong.
pub(super) fn issued(issued: Result<Issued, invite::Error>) -> Result<Result<(), Wrong>, Problem> {
    match issued {
        Ok(_) => Ok(Ok(())),
        Err(invite::Error::Directory(error)) => Ok(Err(trouble::wrong(error)?)),
        Err(invite::Error::TooMany) => Ok(Err(Wrong::new("", Said::new("wrong-too-many-links")))),
        Err(invite::Error::Mail(error)) => Err(Problem::Internal(error.to_string())),
    }
}

/// `POST …/unlock`: lets them try again after too many wrong passwords or codes.
async fn unlock(visit: Visit) -> Result<Response, Problem> {
    let mut tx = visit.write().await?;
    let person = visit.user(&mut tx).await?;
    match users::unlock(&mut tx, &person, &visit.by, &mut entropy()).await {
        Ok(()) => {
            tx.commit().await?;
            let saved = Saved::new("saved-unlocked").about_person(&person);
            Ok(visit.saved(&back(&visit, &person), &saved))
        }
        Err(error) => {
            drop(tx);
            again(&visit, trouble::wrong(error)?).await
        }
    }
}

/// `POST …/sessions`: ends every session of theirs.
async fn end_sessions(visit: Visit) -> Result<Response, Problem> {
    let mut tx = visit.write().await?;
    let person = visit.user(&mut tx).await?;
    match access::end_sessions(&mut tx, &person, &visit.by, &mut entropy()).await {
        Ok(ended) => {
            tx.commit().await?;
            let ended = i64::try_from(ended).unwrap_or(i64::MAX);
            let saved = Saved::new("saved-sessions").about_person(&person).counting(ended);
            Ok(visit.saved(&path(&person), &saved))
        }
        Err(error) => {
            drop(tx);
            again(&visit, trouble::wrong(error)?).await
        }
    }
}

/// `POST …/delete`: asks, and deletes them.
async fn delete(visit: Visit) -> Result<Response, Problem> {
    let mut conn = visit.read().await?;
    let person = visit.user(&mut conn).await?;
    let may = user::may(&visit, &mut conn, &person).await?;
    drop(conn);
    if let Err(refusal) = &may.delete {
        return again(&visit, Wrong::new("", trouble::refused(refusal))).await;
    }
    if !visit.is_confirmed() {
        let question = Said::new("delete-question").about(&person.called());
        let asked = Confirm::of(&visit, question, "delete-button", &path(&person))
            .consequence(Said::new("delete-gone").about(&person.login))
            .consequence(Said::new("delete-apps"))
            .consequence(Said::new("delete-instead"))
            .grave();
        return Ok(visit.confirm(&asked));
    }
    let mut tx = visit.write().await?;
    match users::delete(&mut tx, &person, &visit.by, &mut entropy()).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(visit.saved("/console/users", &Saved::new("saved-deleted").about(&person.called())))
        }
        Err(Error::Store(error)) => Err(problem(Error::Store(error))),
        Err(error) => {
            drop(tx);
            again(&visit, trouble::wrong(error)?).await
        }
    }
}

/// The page that the button is on again, with why it was not done.
pub(super) async fn again(visit: &Visit, wrong: Wrong) -> Result<Response, Problem> {
    user::again(visit, &[wrong]).await
}

/// Whether a form about a person comes from the page of repairs.
pub(super) fn is_from_repair(visit: &Visit) -> bool {
    visit.form.field("back") == "repair"
}

/// Where a form about a person comes from, and leads back to: the page of repairs, or else their own.
pub(super) fn back(visit: &Visit, person: &Person) -> String {
    if is_from_repair(visit) { repair::HERE.to_owned() } else { path(person) }
}

fn path(person: &Person) -> String {
    format!("/console/users/{}", person.id)
}
