//! What may somebody change about a group or a role? For whoever shows it: the answers of the rules that guard the changes.

use super::by::{By, place};
use super::policy::{self, Actor, GroupChange, Place, Remaining, RoleFacts, Verdict};
use super::rights::{Right, Rights};
use super::{Error, roles};
use crate::store::Conn;
use crate::store::groups::GroupRow;
use crate::store::roles::RoleRow;

/// What somebody may change about a group.
#[derive(Clone, Debug)]
pub struct OfGroup {
    /// Its name and language.
    pub basics: Verdict,
    /// Its two-factor setting.
    pub two_factor: Verdict,
    /// The groups below it.
    pub subgroups: Verdict,
    /// Whether it is there at all.
    pub delete: Verdict,
}

/// What somebody may change about a role, or put into one that is not there yet.
#[derive(Clone, Debug)]
pub struct OfRole {
    actor: Actor,
    top: Place,
    /// None for a role that is not there yet.
    role: Option<RoleFacts>,
}

/// What whoever acts may change about a group.
///
/// # Errors
/// When the database refuses.
pub async fn of_group(conn: &mut Conn, group: &GroupRow, by: &By) -> Result<OfGroup, Error> {
    let place = place(conn, Some(&group.id)).await?;
    let change =
        |basics, two_factor| policy::may_change_group(&by.actor, &place, GroupChange { basics, two_factor });
    Ok(OfGroup {
        basics: change(true, false),
        two_factor: change(false, true),
        subgroups: policy::may_add_group(&by.actor, &place),
        delete: policy::may_delete_group(&by.actor, &place),
    })
}

/// What whoever acts may change about a role.
///
/// # Errors
/// When the database refuses.
pub async fn of_role(conn: &mut Conn, role: &RoleRow, by: &By) -> Result<OfRole, Error> {
    let top = place(conn, role.group_id.as_deref()).await?;
    Ok(OfRole { actor: by.actor.clone(), top, role: Some(roles::facts(role)?) })
}

/// What whoever acts may put into a new role of a group's tree.
///
/// # Errors
/// When the database refuses.
pub async fn of_new_role(conn: &mut Conn, group: &GroupRow, by: &By) -> Result<OfRole, Error> {
    Ok(OfRole { actor: by.actor.clone(), top: place(conn, Some(&group.top_id)).await?, role: None })
}

impl OfRole {
    /// Its name.
    ///
    /// # Errors
    /// Why not.
    pub fn name(&self) -> Verdict {
        self.with(Clone::clone)
    }

    /// Its rank.
    ///
    /// # Errors
    /// Why not.
    pub fn rank(&self) -> Verdict {
        self.with(|role| RoleFacts { rank: if role.rank > 0 { role.rank - 1 } else { 1 }, ..role.clone() })
    }

    /// Whether it has this right.
    ///
    /// # Errors
    /// Why not.
    pub fn right(&self, right: &Right) -> Verdict {
        self.with(|role| RoleFacts { rights: role.rights.toggled(right), ..role.clone() })
    }

    /// Whether it is there at all.
    ///
    /// # Errors
    /// Why not.
    pub fn delete(&self) -> Verdict {
        self.role.as_ref().map_or(Ok(()), |role| policy::may_delete_role(&self.actor, &self.top, role))
    }

    fn with(&self, change: impl Fn(&RoleFacts) -> RoleFacts) -> Verdict {
        let Some(role) = &self.role else {
            let top_id = self.top.lineage.last().cloned();
            let new = RoleFacts { id: String::new(), top_id, rank: 0, rights: Rights::default() };
            return policy::may_add_role(&self.actor, &self.top, &change(&new));
        };
        // Who would be left is for the change itself to ask.
        let remaining = Remaining { override_2fa: true, override_in_tree: true, administer_site: true };
        policy::may_change_role(&self.actor, &self.top, role, &change(role), remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::Refusal;
    use super::super::policy::samples::{actor, at, role};
    use super::super::rights::own;
    use super::*;

    fn of(by: &str, name: &str) -> OfRole {
        OfRole { actor: actor("acme", by), top: at("acme"), role: Some(role(name)) }
    }

    #[test]
    fn a_field_is_open_to_whoever_the_change_itself_is() {
        let right = |word| Right::parse(word).unwrap();
        let max = of("Manager", "User");
        assert!(max.name().is_ok() && max.rank().is_ok() && max.delete().is_ok());
        assert_eq!(max.right(&right(own::VIEW_AUDIT)), Ok(()));
        let not_held = Err(Refusal::RightNotHeld(right(own::OVERRIDE_2FA)));
        assert_eq!(max.right(&right(own::OVERRIDE_2FA)), not_held);
        assert_eq!(max.right(&right(own::ADMINISTER_SITE)), Err(Refusal::SiteRight));
        let own_role = of("Top manager", "Top manager");
        assert!(own_role.name().is_ok());
        assert_eq!(own_role.rank(), Err(Refusal::OwnRole));
        assert_eq!(own_role.right(&right("track_time")), Err(Refusal::OwnRole));
        assert_eq!(of("Manager", "Top manager").name(), Err(Refusal::Outranked));
        let new = OfRole { role: None, ..max };
        assert!(new.name().is_ok() && new.rank().is_ok());
        assert_eq!(new.right(&right(own::OVERRIDE_2FA)), not_held);
    }
}
