//! Can somebody sign in now, what would be asked of them, and why? What `countersign explain` says, in the words of the catalogue.

use serde::Serialize;

use super::Visit;
use super::field::{Linked, Said};
use crate::directory::listing::Listed;
use crate::directory::rights::own;
use crate::directory::{Person, Status, TwoFactor};
use crate::mail::Meaning;
use crate::signin::decide::{Assurance, Demand};
use crate::signin::explain;
use crate::store::Conn;
use crate::web::Problem;

/// The outcome of a sign-in whose code would go to an address that the last message did not reach.
const UNDELIVERED: &str = "undelivered";

/// The same where it was not about the address: our mail server lets nothing through.
const NOTHING_SENT: &str = "nothing_sent";

/// The same where a code that was given by hand lets them in, once, and no other would reach them.
const ONCE: &str = "once";

/// Whether somebody can sign in.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// Whether they can, and not just once.
    pub well: bool,
    /// Whether they should and cannot, or once alone: neither disabled nor yet to choose a password.
    pub kept_out: bool,
    /// In a few words, for a list.
    pub short: Said,
    /// In a sentence.
    pub said: Said,
    /// From what it follows, one sentence each.
    pub because: Vec<Said>,
}

/// The same decision as the sign-in's, about one person.
pub(super) async fn of(visit: &Visit, conn: &mut Conn, person: &Person) -> Result<Explained, Problem> {
    Ok(at_app(visit, conn, person, Demand::Whatever).await?.0)
}

/// The same at an app, and what they will have proven there; none where they do not get in.
pub(super) async fn at_app(
    visit: &Visit,
    conn: &mut Conn,
    person: &Person,
    demand: Demand,
) -> Result<(Explained, Option<Assurance>), Problem> {
    let attempts = i64::from(visit.provider().signin.settings.code_attempts);
    let found = explain::explain(conn, person, demand, attempts, visit.now()).await?;
    let (outcome, proves) = outcome(found);
    let mut told = told(person, outcome);
    if demand == Demand::TwoFactors {
        told.because.push(Said::new("explained-app-insists"));
    }
    Ok((told, proves))
}

/// About those on a list, in its order: most of them need no further look.
pub(super) async fn of_listed(
    visit: &Visit,
    conn: &mut Conn,
    list: &[Listed],
) -> Result<Vec<Explained>, Problem> {
    let attempts = i64::from(visit.provider().signin.settings.code_attempts);
    let unclear: Vec<&Person> =
        list.iter().filter(|listed| is_unclear(listed)).map(|listed| &listed.person).collect();
    let found = explain::explain_all(conn, &unclear, Demand::Whatever, attempts, visit.now()).await?;
    let mut found = found.into_iter();
    let explained = list.iter().map(|listed| {
        let plain = if listed.person.status == Status::Active { "well" } else { "refused" };
        let looked = if is_unclear(listed) { found.next() } else { None };
        told(&listed.person, looked.map_or(plain, |found| outcome(found).0))
    });
    Ok(explained.collect())
}

/// Whether the list alone does not say whether somebody can sign in.
fn is_unclear(listed: &Listed) -> bool {
    let person = &listed.person;
    let asked = person.two_factor() != TwoFactor::Off && !person.overrides_two_factor();
    let doubtful = listed.codes_stopped || listed.refused || person.deliverable_address().is_none();
    person.status == Status::Active && asked && doubtful
}

/// The word for what was found, and what will have been proven.
fn outcome(found: explain::Explanation) -> (&'static str, Option<Assurance>) {
    match found.undelivered {
        Some(answer) if Meaning::of(&answer).concerns_all() => (NOTHING_SENT, None),
        Some(_) => (UNDELIVERED, None),
        None if found.once => (ONCE, found.proves),
        None => (found.outcome, found.proves),
    }
}

/// The words for an outcome.
pub(super) fn told(person: &Person, outcome: &'static str) -> Explained {
    let address = person.deliverable_address();
    let reached = address.is_some();
    let well = "explained-short-well";
    let (short, said) = match (person.status, outcome) {
        (Status::Disabled, _) => ("explained-short-disabled", "explained-disabled"),
        (Status::Invited, _) if reached => ("explained-short-invited", "explained-invited"),
        (Status::Invited, _) => ("explained-short-invited", "explained-invited-no-address"),
        (_, "unmet_authentication_requirements") => ("explained-short-no-address", "explained-unmet"),
        (_, "no_address") => ("explained-short-no-address", "explained-no-address"),
        (_, UNDELIVERED) => ("explained-short-undelivered", "explained-undelivered"),
        (_, NOTHING_SENT) => ("explained-short-undelivered", "explained-nothing-sent"),
        (_, "codes_stopped") => ("explained-short-codes-stopped", "explained-codes-stopped"),
        (_, ONCE) if reached => ("explained-short-by-hand", "explained-code-by-hand-undelivered"),
        (_, ONCE) => ("explained-short-by-hand-no-address", "explained-code-by-hand"),
        (_, "password_and_code") => (well, "explained-code"),
        (_, "password_and_rehearsed_code") if reached => (well, "explained-rehearsed"),
        (_, "password_and_rehearsed_code") => (well, "explained-rehearsed-no-address"),
        (_, "password_by_override") => (well, "explained-override"),
        (_, "password_then_longer_password") => (well, "explained-longer"),
        _ => (well, "explained-password"),
    };
    Explained {
        well: short == well,
        kept_out: short != well && person.status == Status::Active,
        short: Said::new(short),
        said: Said::new(said).about(&address.map(|address| address.shown()).unwrap_or_default()),
        because: because(person),
    }
}

/// A sentence about somebody for a page that has no fields of theirs: what their own page mends is mended there, which is a link for whoever
/// may see it.
pub(super) fn on_another_page(visit: &Visit, person: &Person, said: Said) -> Said {
    let key = match said.key.as_str() {
        "explained-no-address" => "explained-no-address-elsewhere",
        "explained-invited-no-address" => "explained-invited-no-address-elsewhere",
        "explained-codes-stopped" => "explained-codes-stopped-elsewhere",
        "explained-code-by-hand" => "explained-code-by-hand-elsewhere",
        _ => return said,
    };
    let there = visit.provider().signin.pages.sentence("explained-their-page", visit.language);
    let link = visit.holds(own::VIEW_USERS).then(|| Linked::new(&person.id, &there));
    Said::new(key).about(&there).linked(link.into_iter().collect(), false)
}

fn because(person: &Person) -> Vec<Said> {
    let Some(group) = &person.group else { return vec![Said::new("explained-no-group")] };
    let setting = match group.two_factor {
        TwoFactor::Off => "explained-group-off",
        TwoFactor::Rehearse => "explained-group-rehearse",
        TwoFactor::On => "explained-group-on",
    };
    let mut said = vec![Said::new(setting).about(&group.name)];
    if group.two_factor != TwoFactor::Off {
        let role = if person.overrides_two_factor() {
            "explained-role-overrides"
        } else {
            "explained-role-does-not-override"
        };
        said.push(Said::new(role).about(&person.role.name));
    }
    said
}

/// What a page shows in its samples.
pub(super) fn sample() -> Vec<Said> {
    vec![
        Said::new("explained-group-on").about("Acme"),
        Said::new("explained-role-does-not-override").about("User"),
    ]
}
