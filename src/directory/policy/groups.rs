//! Who may add, change or delete a group?

use super::super::rights::own;
use super::refusal::{Refusal, Verdict, ensure};
use super::standing::{Actor, Place};

/// What about a group is to be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// Its name or language.
    pub basics: bool,
    /// Its two-factor flag.
    pub two_factor: bool,
}

/// Whether the actor may add a group below `parent`, or a top-level one where that is the site itself.
///
/// # Errors
/// Why not.
pub fn may_add_group(actor: &Actor, parent: &Place) -> Verdict {
    match actor {
        Actor::Operator => Ok(()),
        Actor::User(user) if parent.is_site() => {
            ensure(user.administers_site(), Refusal::LacksRight(own::ADMINISTER_SITE))
        }
        Actor::User(user) => user.needs(own::MANAGE_SUBGROUPS, parent),
    }
}

/// Whether the actor may change this about a group.
///
/// # Errors
/// Why not.
pub fn may_change_group(actor: &Actor, group: &Place, change: GroupChange) -> Verdict {
    let Actor::User(user) = actor else { return Ok(()) };
    ensure(user.reaches(group), Refusal::OutsideReach)?;
    if change.basics {
        user.needs(own::MANAGE_BASIC_SETTINGS, group)?;
    }
    if change.two_factor {
        user.needs(own::MANAGE_ADVANCED_SETTINGS, group)?;
    }
    Ok(())
}

/// Whether the actor may insist on a two-factor setting that could leave nobody to repair it.
#[must_use]
pub fn may_insist(actor: &Actor) -> bool {
    match actor {
        Actor::Operator => true,
        Actor::User(user) => user.administers_site(),
    }
}

/// Whether the actor may delete a group: one below their own.
///
/// # Errors
/// Why not.
pub fn may_delete_group(actor: &Actor, group: &Place) -> Verdict {
    let Actor::User(user) = actor else { return Ok(()) };
    let above = Place { lineage: group.lineage.iter().skip(1).cloned().collect(), two_factor: false };
    may_add_group(&Actor::User(user.clone()), &above)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{actor, at, site_administrator};
    use super::*;

    #[test]
    fn groups_are_added_and_changed_by_those_who_have_the_right() {
        let basics = GroupChange { basics: true, two_factor: false };
        let flag = GroupChange { basics: false, two_factor: true };
        let lacks = |right| Err(Refusal::LacksRight(right));
        for (name, sub, named, flagged) in [
            ("User", false, false, false),
            ("Co-manager", false, true, false),
            ("Manager", true, true, true),
            ("Top manager", true, true, true),
        ] {
            let (by, acme) = (actor("acme", name), at("acme"));
            let answer = |may: bool, right| if may { Ok(()) } else { lacks(right) };
            assert_eq!(may_add_group(&by, &acme), answer(sub, own::MANAGE_SUBGROUPS), "{name}");
            let changed = may_change_group(&by, &acme, basics);
            assert_eq!(changed, answer(named, own::MANAGE_BASIC_SETTINGS), "{name}");
            let changed = may_change_group(&by, &acme, flag);
            assert_eq!(changed, answer(flagged, own::MANAGE_ADVANCED_SETTINGS), "{name}");
            assert_eq!(may_add_group(&by, &Place::default()), lacks(own::ADMINISTER_SITE), "{name}");
        }
        assert_eq!(may_add_group(&actor("acme/design", "Manager"), &at("acme")), Err(Refusal::OutsideReach));
    }

    #[test]
    fn nobody_insists_but_who_runs_the_site() {
        assert!(may_insist(&Actor::Operator) && may_insist(&Actor::User(site_administrator("root"))));
        assert!(!may_insist(&actor("acme", "Top manager")));
    }

    #[test]
    fn groups_below_ones_own_may_be_deleted() {
        let max = actor("acme", "Manager");
        assert_eq!(may_delete_group(&max, &at("acme/design/web")), Ok(()));
        assert_eq!(may_delete_group(&max, &at("acme")), Err(Refusal::LacksRight(own::ADMINISTER_SITE)));
        assert_eq!(
            may_delete_group(&actor("acme/design", "Manager"), &at("acme/design")),
            Err(Refusal::OutsideReach)
        );
        let refused = may_delete_group(&actor("acme", "Co-manager"), &at("acme/design"));
        assert_eq!(refused, Err(Refusal::LacksRight(own::MANAGE_SUBGROUPS)));
        assert_eq!(may_delete_group(&Actor::Operator, &at("acme")), Ok(()));
    }
}
