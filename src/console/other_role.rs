//! Does another role let somebody in without a code, or no longer? Said before it is given; what else a role changes can be taken back.

use super::Visit;
use super::confirm::Confirm;
use super::explained;
use super::field::{Choice, Label, Said};
use super::person_form;
use crate::directory::Person;
use crate::directory::rights::{Rights, own};
use crate::directory::users::Changes;
use crate::store::Conn;
use crate::web::Problem;

/// A role among others to choose from, with what is to be known before it is given.
pub(super) fn choice(name: String, rights: &Rights) -> Choice {
    let hint = rights.has(own::OVERRIDE_2FA).then_some("other-role-choice-overrides");
    Choice { value: name.clone(), label: Label::Name(name), hint }
}

/// Whether somebody gains or loses the right to sign in without a code by these changes.
pub(super) fn changes_the_override(person: &Person, changes: &Changes) -> bool {
    let given = changes.role.as_ref().and_then(|role| Rights::parse(&role.rights).ok());
    given.is_some_and(|rights| rights.has(own::OVERRIDE_2FA) != person.overrides_two_factor())
}

/// The question before that, if the rules allow it; none where nothing of it changes, or it has been answered.
pub(super) async fn question(
    visit: &Visit,
    conn: &mut Conn,
    person: &Person,
    changes: &Changes,
) -> Result<Option<Confirm>, Problem> {
    if visit.is_confirmed() || !changes_the_override(person, changes) {
        return Ok(None);
    }
    // What the rules say is said where it is done.
    let Ok(after) = person_form::would_be(visit, conn, person, changes).await? else { return Ok(None) };
    let asked = Said::new("other-role-question").about(&person.called());
    let back = format!("/console/users/{}", person.id);
    let key =
        if after.overrides_two_factor() { "other-role-gains-override" } else { "other-role-loses-override" };
    let told = explained::of(visit, conn, &after).await?.said;
    let confirm = Confirm::of(visit, asked, "other-role-button", &back)
        .consequence(Said::new("move-role").about(&after.role.name).counting(after.role.rank))
        .consequence(Said::new(key).about(&person.called()))
        .consequence(explained::on_another_page(visit, person, told));
    Ok(Some(confirm))
}
