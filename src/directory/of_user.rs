//! What may somebody change about a user? For whoever shows it: the answers of the rules that guard the changes.

use super::by::{By, place, standing};
use super::policy::{self, Actor, After, Others, Refusal, RoleFacts, Verdict};
use super::{Error, Person, Status, roles, stranded};
use crate::store::Conn;
use crate::store::groups::{self, GroupRow};
use crate::store::roles::RoleRow;

/// What somebody may change about a user.
#[derive(Clone, Debug)]
pub struct OfUser {
    /// Name, email, password, sessions.
    pub edit: Verdict,
    /// What stops their codes; and whether a code may be handed to them.
    pub unlock: Verdict,
    /// Whether they may sign in.
    pub status: Verdict,
    /// The group.
    pub group: Verdict,
    /// Whether they are there at all.
    pub delete: Verdict,
    /// The role; to one of these.
    pub role: Verdict,
    /// The roles that they could be given, the lowest first.
    pub roles: Vec<RoleRow>,
}

/// What whoever acts may change about a user.
///
/// # Errors
/// When the database refuses.
pub async fn of_user(conn: &mut Conn, person: &Person, by: &By) -> Result<OfUser, Error> {
    let target = standing(conn, person).await?;
    let others = stranded::others(conn, person).await?;
    let same = After { status: person.status, place: target.place.clone(), role: RoleFacts::of(person) };
    let toggled = if person.status == Status::Disabled { Status::Active } else { Status::Disabled };
    let change = |after: &After| policy::may_change(&by.actor, &target, after, others);
    let mut given = Vec::new();
    let mut role = policy::may_edit(&by.actor, &target);
    for row in of_home(conn, person).await? {
        let verdict = change(&After { role: roles::facts(&row)?, ..same.clone() });
        match verdict {
            Ok(()) if row.id != person.role.id => given.push(row),
            Ok(()) => {}
            Err(refusal) => role = role.and(Err(refusal)),
        }
    }
    let own = matches!(&by.actor, Actor::User(user) if user.id == person.id);
    let edit = policy::may_edit(&by.actor, &target);
    Ok(OfUser {
        unlock: policy::may_unlock(&by.actor, &target),
        status: change(&After { status: toggled, ..same.clone() }),
        group: if own { Err(Refusal::OwnGroup) } else { edit.clone() },
        delete: policy::may_delete(&by.actor, &target, others),
        role: if given.is_empty() { role } else { Ok(()) },
        roles: given,
        edit,
    })
}

/// What somebody may do so that a user gets in again.
#[derive(Clone, Debug)]
pub struct ToRepair {
    /// Give them an address, a link, a test message.
    pub edit: Verdict,
    /// Let their codes work again.
    pub unlock: Verdict,
    /// Let them sign in again who are disabled.
    pub enable: Verdict,
}

/// What whoever acts may do so that a user gets in again; [`of_user`] says the same and more, and asks for more.
///
/// # Errors
/// When the database refuses.
pub async fn to_repair(conn: &mut Conn, person: &Person, by: &By) -> Result<ToRepair, Error> {
    let target = standing(conn, person).await?;
    let after = After { status: Status::Active, place: target.place.clone(), role: RoleFacts::of(person) };
    // Whoever is let in again takes nobody else's place.
    let others = Others { override_2fa: true, override_in_tree: true, administer_site: true };
    Ok(ToRepair {
        edit: policy::may_edit(&by.actor, &target),
        unlock: policy::may_unlock(&by.actor, &target),
        enable: policy::may_change(&by.actor, &target, &after, others),
    })
}

/// The roles that whoever acts may give to somebody new in a group, the lowest first.
///
/// # Errors
/// When the database refuses.
pub async fn roles_for_new(conn: &mut Conn, group: &GroupRow, by: &By) -> Result<Vec<RoleRow>, Error> {
    let place = place(conn, Some(&group.id)).await?;
    let mut given = Vec::new();
    for row in roles::of_tree(conn, group).await? {
        if policy::may_add(&by.actor, &place, &roles::facts(&row)?).is_ok() {
            given.push(row);
        }
    }
    Ok(given)
}

/// The roles of the tree that somebody is in.
async fn of_home(conn: &mut Conn, person: &Person) -> Result<Vec<RoleRow>, Error> {
    let Some(home) = &person.group else { return Ok(Vec::new()) };
    match groups::find(conn, &home.id).await? {
        Some(group) => roles::of_tree(conn, &group).await,
        None => Ok(Vec::new()),
    }
}
