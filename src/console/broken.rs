//! What is broken about one person, and what can be done about it right here? One entry of the page of repairs.

use serde::Serialize;

use super::answered::Answered;
use super::explained::{self, Explained};
use super::field::{Said, Summed, Wrong};
use super::person_form::{self, LONGEST};
use super::trouble;
use super::user_deeds::Deed;
use super::{Visit, kept};
use crate::clock::Moment;
use crate::directory::help::{Waiting, Why};
use crate::directory::of_user::{self, ToRepair};
use crate::directory::rights::own;
use crate::directory::{Error, Person, Status, listing, people};
use crate::oidc::clients;
use crate::store::Conn;
use crate::web::Problem;
use crate::web::form::Form;

/// Somebody who cannot sign in, with the fix beside it.
#[derive(Clone, Debug, Serialize)]
pub struct Broken {
    /// Their id.
    pub id: String,
    /// Their name, or else their login.
    pub who: String,
    /// Their login.
    pub login: String,
    /// Their group's name.
    pub group: Option<String>,
    /// Whether they can sign in, and why not.
    pub state: Explained,
    /// What the mail server said of the last message to them, where it did not reach them.
    pub answer: Option<Answered>,
    /// Their address: what was typed, or else what is so.
    pub email: String,
    /// Their address as the form was drawn with it.
    pub seen_email: String,
    /// What is wrong with the address that was typed.
    pub error: Option<Said>,
    /// The longest address that can be typed.
    pub longest: usize,
    /// Whether this reader may change it, now.
    pub editable: bool,
    /// Why nothing can be done about it by this reader, if that is so.
    pub why_not: Option<Said>,
    /// What can be done besides.
    pub deeds: Vec<Deed>,
    /// What they have asked for, if they have.
    pub asked: Option<Asking>,
}

/// A request for help.
#[derive(Clone, Debug, Serialize)]
pub struct Asking {
    /// What kept them out.
    pub said: Said,
    /// The app that they were on the way to.
    pub app: Option<String>,
    /// When they asked.
    pub at: Moment,
    /// Whether this reader may close it.
    pub closable: bool,
}

impl Broken {
    /// What is broken about somebody.
    pub(super) async fn of(
        visit: &Visit,
        conn: &mut Conn,
        person: &Person,
        waiting: Option<&Waiting>,
    ) -> Result<Self, Problem> {
        let may = of_user::to_repair(conn, person, &visit.by).await.map_err(|e| match e {
            Error::Store(e) => e.into(),
            other => Problem::Internal(other.to_string()),
        })?;
        let manages = visit.holds(own::MANAGE_USERS);
        let state = explained::of(visit, conn, person).await?;
        let undelivered = people::undelivered(conn, &person.id).await?;
        let answer = undelivered.map(|answer| Answered::of("refused", Some(&answer)));
        let asked = match waiting {
            Some(waiting) => Some(asking(visit, conn, waiting, manages && may.edit.is_ok()).await?),
            None => None,
        };
        let stopped = listing::are_codes_stopped(conn, person).await?;
        let refused = may.edit.as_ref().err().filter(|_| manages);
        Ok(Self {
            id: person.id.clone(),
            who: person.display_name().to_owned(),
            login: person.login.clone(),
            group: person.group.as_ref().map(|group| group.name.clone()),
            state,
            answer,
            email: person_form::shown_email(person),
            seen_email: person_form::shown_email(person),
            error: None,
            longest: LONGEST.0,
            editable: manages && may.edit.is_ok() && visit.is_unlocked(),
            why_not: refused.map(trouble::refused),
            deeds: if manages { deeds(person, &may, stopped) } else { Vec::new() },
            asked,
        })
    }
}

impl Broken {
    /// Takes up what was typed, with what is wrong with it beside the field; answers the summary.
    pub(super) fn typed(&mut self, form: &Form, wrong: &[Wrong]) -> Vec<Summed> {
        let about = wrong.iter().find(|wrong| wrong.field == "email");
        self.error = about.map(|wrong| wrong.said.clone());
        // What somebody else has set meanwhile is said: to save again is to mean it.
        if !about.is_some_and(|wrong| wrong.said.key.starts_with("wrong-overtaken")) {
            self.seen_email = kept::seen(form, "seen-email", &self.seen_email);
        }
        self.email = kept::seen(form, "email", &self.email);
        let id =
            |wrong: &Wrong| if wrong.field == "email" { format!("email-{}", self.id) } else { String::new() };
        wrong.iter().map(|wrong| Summed::new(&id(wrong), wrong.said.clone())).collect()
    }
}

/// The buttons that mend something here; the person's own page has them all.
fn deeds(person: &Person, may: &ToRepair, stopped: bool) -> Vec<Deed> {
    let mut deeds = Vec::new();
    let mut add = |name, label, said: Said| deeds.push(Deed { name, label, said, grave: false });
    let address = person.deliverable_address().map(|address| address.shown());
    if may.edit.is_ok()
        && person.status != Status::Disabled
        && let Some(address) = &address
    {
        add("test", "repair-test", Said::new("repair-test-said").about(address));
        if person.status == Status::Invited {
            add("link", "deed-invite", Said::new("deed-link-said").about(address));
        }
    }
    if may.unlock.is_ok() && stopped {
        add("unlock", "deed-unlock", Said::new("deed-unlock-stopped"));
    }
    if may.enable.is_ok() && person.status == Status::Disabled {
        add("enable", "repair-enable", Said::new("repair-enable-said"));
    }
    deeds
}

async fn asking(
    visit: &Visit,
    conn: &mut Conn,
    waiting: &Waiting,
    closable: bool,
) -> Result<Asking, Problem> {
    let app = match &waiting.client_id {
        Some(id) => clients::find(conn, id).await?.map(|client| client.metadata.client_name),
        None => None,
    };
    let key = match waiting.why {
        Some(Why::NoAddress) => "repair-asks-no-address",
        Some(Why::CodesStopped) => "repair-asks-codes-stopped",
        Some(Why::MailFailed) | None => "repair-asks-mail-failed",
    };
    Ok(Asking { said: Said::new(key), app, at: visit.moment(waiting.asked_at), closable })
}
