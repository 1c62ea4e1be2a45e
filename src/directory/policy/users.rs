//! Who may see, add, change or delete a user?

use super::super::person::Status;
use super::super::rights::own;
use super::refusal::{Refusal, Verdict, ensure};
use super::standing::{Actor, Place, RoleFacts, Standing};

/// What a user would be after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// Whether they may sign in.
    pub status: Status,
    /// Where they are.
    pub place: Place,
    /// What they hold.
    pub role: RoleFacts,
}

/// Who else could do what the person who is changed can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Others {
    /// Another active holder of `override_2fa` is in the same group.
    pub override_2fa: bool,
    /// Another is in the same tree, or none of its groups has two-factor on.
    pub override_in_tree: bool,
    /// There is another active site administrator.
    pub administer_site: bool,
}

/// Whether the actor may see the people of a place.
///
/// # Errors
/// Why not.
pub fn may_view(actor: &Actor, place: &Place) -> Verdict {
    match actor {
        Actor::Operator => Ok(()),
        Actor::User(user) => user.needs(own::VIEW_USERS, place),
    }
}

/// Whether the actor may change what says nothing about rank: name, login, email, password, locks.
///
/// # Errors
/// Why not.
pub fn may_edit(actor: &Actor, target: &Standing) -> Verdict {
    let Actor::User(user) = actor else { return Ok(()) };
    if user.id == target.id {
        let may = user.holds(own::MANAGE_OWN_SETTINGS) || user.holds(own::MANAGE_USERS);
        return ensure(may, Refusal::LacksRight(own::MANAGE_OWN_SETTINGS));
    }
    user.needs(own::MANAGE_USERS, &target.place)?;
    ensure(user.outranks(target.role.rank), Refusal::Outranked)
}

/// Whether the actor may set this claim of a user whom they may edit: `vouched` if an app may take it as somebody else's
/// word, or as a name that nobody else has. Nobody gives their own word for themselves.
///
/// # Errors
/// Why not.
pub fn may_set_claim(actor: &Actor, target: &Standing, name: &'static str, vouched: bool) -> Verdict {
    let Actor::User(user) = actor else { return Ok(()) };
    ensure(!(vouched && user.id == target.id), Refusal::OwnWord(name))
}

/// Whether the actor may vouch for addresses: those of this user, or of a whole domain where there is none. Apps tell people apart by
/// addresses that are vouched for, in whichever tree they are, so that no manager's word will do.
///
/// # Errors
/// Why not.
pub fn may_vouch(actor: &Actor, target: Option<&Standing>) -> Verdict {
    let Actor::User(user) = actor else { return Ok(()) };
    ensure(user.administers_site(), Refusal::LacksRight(own::ADMINISTER_SITE))?;
    ensure(target.is_none_or(|target| target.id != user.id), Refusal::OwnWord("email_verified"))
}

/// Whether the actor may clear what stops a user's codes. Nobody clears their own: whoever guesses at them could too.
///
/// # Errors
/// Why not.
pub fn may_unlock(actor: &Actor, target: &Standing) -> Verdict {
    let Actor::User(user) = actor else { return Ok(()) };
    ensure(user.id != target.id, Refusal::OwnLock)?;
    may_edit(actor, target)
}

/// Whether the actor may add a user to this place with this role.
///
/// # Errors
/// Why not.
pub fn may_add(actor: &Actor, place: &Place, role: &RoleFacts) -> Verdict {
    ensure(role.top_id.as_ref() == place.top(), Refusal::RoleOfAnotherTree)?;
    let Actor::User(user) = actor else { return Ok(()) };
    user.needs(own::MANAGE_USERS, place)?;
    user.may_give(role.rank, role.rights.iter())
}

/// Whether the actor may make of a user what `after` says.
///
/// # Errors
/// Why not.
pub fn may_change(actor: &Actor, target: &Standing, after: &After, others: Others) -> Verdict {
    ensure(after.role.top_id.as_ref() == after.place.top(), Refusal::RoleOfAnotherTree)?;
    may_edit(actor, target)?;
    let (new_role, new_place) =
        (after.role.id != target.role.id, after.place.lineage != target.place.lineage);
    if let Actor::User(user) = actor {
        let is_self = user.id == target.id;
        ensure(!(is_self && new_role), Refusal::OwnRole)?;
        ensure(!(is_self && new_place), Refusal::OwnGroup)?;
        if new_place {
            user.needs(own::MANAGE_USERS, &after.place)?;
        }
        if new_role {
            user.may_give(after.role.rank, after.role.rights.iter())?;
        } else if new_place && !after.place.is_within(&target.place) {
            // Elsewhere, or further up, the same rights are over others than before.
            user.may_give(after.role.rank, after.role.rights.iter())?;
        }
    }
    keeps_somebody(target, Some(after), others)
}

/// Whether the actor may delete a user.
///
/// # Errors
/// Why not.
pub fn may_delete(actor: &Actor, target: &Standing, others: Others) -> Verdict {
    may_edit(actor, target)?;
    keeps_somebody(target, None, others)
}

/// The last ones: they hold for the command line too.
fn keeps_somebody(target: &Standing, after: Option<&After>, others: Others) -> Verdict {
    if target.status != Status::Active {
        return Ok(());
    }
    let holds = |right| after.filter(|after| after.status == Status::Active && after.role.rights.has(right));
    let still = |right| holds(right).is_some_and(|after| after.place.group() == target.place.group());
    let overrides = target.role.rights.has(own::OVERRIDE_2FA);
    let here = still(own::OVERRIDE_2FA) || others.override_2fa;
    ensure(!(overrides && target.place.two_factor) || here, Refusal::LastOverride)?;
    // Who sits above the groups that ask for codes gets in for all of them when the mail is broken.
    let stays = holds(own::OVERRIDE_2FA).is_some_and(|after| after.place.top() == target.place.top());
    let in_tree = stays || target.place.is_site() || others.override_in_tree;
    ensure(!overrides || in_tree, Refusal::LastOverrideOfTree)?;
    let administers = target.administers_site();
    let kept = still(own::ADMINISTER_SITE) || others.administer_site;
    ensure(!administers || kept, Refusal::LastSiteAdministrator)
}

#[cfg(test)]
mod tests {
    use super::super::super::rights::Right;
    use super::super::samples::{
        NOBODY, PLENTY, actor, at, made, moved_to, role, same, site_administrator, standing, user, with_role,
    };
    use super::*;

    /// Nobody is beside them, but in the tree.
    const IN_TREE: Others = Others { override_in_tree: true, ..NOBODY };

    #[test]
    fn only_those_of_higher_rank_edit_a_user_and_top_managers_one_another() {
        let lacks = Err(Refusal::LacksRight(own::MANAGE_USERS));
        for (by, target, expected) in [
            ("Co-manager", "User", Ok(())),
            ("Co-manager", "Client", Ok(())),
            ("Co-manager", "Co-manager", Err(Refusal::Outranked)),
            ("Co-manager", "Manager", Err(Refusal::Outranked)),
            ("Manager", "Co-manager", Ok(())),
            ("Manager", "Manager", Err(Refusal::Outranked)),
            ("Manager", "Top manager", Err(Refusal::Outranked)),
            ("Top manager", "Manager", Ok(())),
            ("Top manager", "Top manager", Ok(())),
            ("User", "Client", lacks.clone()),
            ("Client", "User", lacks),
        ] {
            let target = user("target", "acme", target);
            assert_eq!(may_edit(&actor("acme", by), &target), expected, "{by} edits {}", target.role.id);
            assert_eq!(may_delete(&actor("acme", by), &target, PLENTY), expected, "{by} deletes");
            assert_eq!(may_unlock(&actor("acme", by), &target), expected, "{by} unlocks");
            assert_eq!(
                may_change(&actor("acme", by), &target, &same(&target), PLENTY),
                expected,
                "{by} sets"
            );
        }
    }

    #[test]
    fn seeing_users_needs_the_right_to() {
        assert_eq!(may_view(&actor("acme", "User"), &at("acme")), Ok(()));
        assert_eq!(
            may_view(&actor("acme", "Client"), &at("acme")),
            Err(Refusal::LacksRight(own::VIEW_USERS))
        );
        // Whoever changes people sees them, and has no right to give that they do not have.
        let changes = standing("actor", "acme", made("changes", 9, "manage_users"));
        let by = Actor::User(changes);
        assert_eq!(may_view(&by, &at("acme")), Ok(()));
        let sees = made("sees", 1, "view_users");
        assert!(matches!(may_add(&by, &at("acme"), &sees), Err(Refusal::RightNotHeld(_))));
    }

    /// An app may let in whoever has a verified address that it knows, from whichever tree.
    #[test]
    fn no_manager_vouches_for_addresses_and_no_administrator_for_their_own() {
        let ned = user("ned", "acme", "User");
        let lacks = Err(Refusal::LacksRight(own::ADMINISTER_SITE));
        assert_eq!(may_vouch(&actor("acme", "Top manager"), Some(&ned)), lacks);
        assert_eq!(may_vouch(&actor("acme", "Top manager"), None), lacks);
        let root = site_administrator("root");
        let by = Actor::User(root.clone());
        assert_eq!(may_vouch(&by, Some(&ned)), Ok(()));
        assert_eq!(may_vouch(&by, None), Ok(()));
        assert_eq!(may_vouch(&by, Some(&root)), Err(Refusal::OwnWord("email_verified")));
        assert_eq!(may_vouch(&Actor::Operator, Some(&root)), Ok(()));
    }

    #[test]
    fn one_edits_oneself_but_not_what_one_is() {
        for name in ["User", "Client", "Co-manager", "Manager", "Top manager"] {
            let own = user("actor", "acme", name);
            let by = Actor::User(own.clone());
            assert_eq!(may_edit(&by, &own), Ok(()), "{name}");
            let other = if name == "User" { "Client" } else { "User" };
            let change = may_change(&by, &own, &with_role(&own, role(other)), PLENTY);
            assert_eq!(change, Err(Refusal::OwnRole), "{name}");
            let away = may_change(&by, &own, &moved_to(&own, "acme/design"), PLENTY);
            assert_eq!(away, Err(Refusal::OwnGroup), "{name}");
            assert_eq!(may_unlock(&by, &own), Err(Refusal::OwnLock), "{name}");
        }
        let bare = standing("actor", "acme", made("bare", 1, ""));
        let refused = may_edit(&Actor::User(bare.clone()), &bare);
        assert_eq!(refused, Err(Refusal::LacksRight(own::MANAGE_OWN_SETTINGS)));
    }

    #[test]
    fn nobody_grants_more_than_they_have() {
        let odd = made("odd", 4, "override_2fa");
        let not_held = Refusal::RightNotHeld(Right::parse(own::OVERRIDE_2FA).unwrap());
        for (by, granted, expected) in [
            ("Manager", role("Co-manager"), Ok(())),
            ("Manager", role("Manager"), Ok(())),
            ("Manager", role("Top manager"), Err(Refusal::RankAboveOwn)),
            ("Co-manager", role("Manager"), Err(Refusal::RankAboveOwn)),
            ("Manager", odd.clone(), Err(not_held)),
            ("Top manager", odd, Ok(())),
        ] {
            let target = user("target", "acme", "Client");
            let set = may_change(&actor("acme", by), &target, &with_role(&target, granted.clone()), PLENTY);
            assert_eq!(set, expected, "{by} gives {granted:?}");
            assert_eq!(may_add(&actor("acme", by), &at("acme"), &granted), expected, "{by} adds {granted:?}");
        }
    }

    #[test]
    fn a_role_that_somebody_has_is_not_granted_again_by_editing_them() {
        let target = standing("target", "acme", made("odd", 4, "manage_clients"));
        assert_eq!(may_change(&actor("acme", "Manager"), &target, &same(&target), PLENTY), Ok(()));
    }

    #[test]
    fn a_move_needs_reach_at_both_ends_and_a_role_of_the_new_tree() {
        let target = user("target", "acme/design", "User");
        for (by, to, expected) in [
            (actor("acme", "Manager"), "acme/sales", Ok(())),
            (actor("acme/design", "Manager"), "acme/design/web", Ok(())),
            (actor("acme/design", "Manager"), "acme", Err(Refusal::OutsideReach)),
            (actor("acme/sales", "Manager"), "acme/sales", Err(Refusal::OutsideReach)),
            (actor("acme", "Manager"), "bolt", Err(Refusal::RoleOfAnotherTree)),
            (Actor::Operator, "bolt", Err(Refusal::RoleOfAnotherTree)),
            (Actor::Operator, "acme", Ok(())),
        ] {
            assert_eq!(may_change(&by, &target, &moved_to(&target, to), PLENTY), expected, "{by:?} to {to}");
        }
        let bolts = RoleFacts { top_id: Some("bolt".to_owned()), ..role("User") };
        let after = After { role: bolts.clone(), ..moved_to(&target, "bolt") };
        assert_eq!(
            may_change(&actor("acme", "Top manager"), &target, &after, PLENTY),
            Err(Refusal::OutsideReach)
        );
        assert_eq!(may_change(&Actor::Operator, &target, &after, PLENTY), Ok(()));
        assert_eq!(may_add(&Actor::Operator, &at("acme"), &bolts), Err(Refusal::RoleOfAnotherTree));
        assert_eq!(may_add(&Actor::Operator, &Place::default(), &bolts), Err(Refusal::RoleOfAnotherTree));
    }

    #[test]
    fn a_move_gives_what_the_role_holds_over_other_groups_and_further_down_over_fewer() {
        let target = standing("target", "acme/design", made("odd", 4, "manage_clients"));
        let not_held = || Err(Refusal::RightNotHeld(Right::parse("manage_clients").unwrap()));
        for (to, expected) in [("acme", not_held()), ("acme/sales", not_held()), ("acme/design/web", Ok(()))]
        {
            let moved = may_change(&actor("acme", "Manager"), &target, &moved_to(&target, to), PLENTY);
            assert_eq!(moved, expected, "to {to}");
        }
    }

    #[test]
    fn the_last_holder_of_the_override_stays_where_two_factor_is_on() {
        let ada = user("ada", "acme", "Top manager");
        let mut without = ada.clone();
        without.place.two_factor = false;
        let mut disabled = ada.clone();
        disabled.status = Status::Disabled;
        let by = Actor::Operator;
        for after in [
            After { status: Status::Disabled, ..same(&ada) },
            with_role(&ada, role("Manager")),
            moved_to(&ada, "acme/design"),
        ] {
            assert_eq!(may_change(&by, &ada, &after, NOBODY), Err(Refusal::LastOverride), "{after:?}");
            assert_eq!(may_change(&by, &ada, &after, PLENTY), Ok(()), "{after:?}");
            assert_eq!(may_change(&by, &without, &after, IN_TREE), Ok(()), "{after:?}");
            assert_eq!(may_change(&by, &disabled, &after, NOBODY), Ok(()), "{after:?}");
        }
        assert_eq!(may_delete(&by, &ada, NOBODY), Err(Refusal::LastOverride));
        assert_eq!(may_delete(&by, &ada, PLENTY), Ok(()));
        assert_eq!(may_delete(&by, &without, IN_TREE), Ok(()));
        assert_eq!(may_change(&by, &ada, &same(&ada), NOBODY), Ok(()));
        let deputy = made("deputy", 300, "override_2fa");
        assert_eq!(may_change(&by, &ada, &with_role(&ada, deputy), NOBODY), Ok(()));
        let max = user("max", "acme", "Manager");
        assert_eq!(may_delete(&by, &max, NOBODY), Ok(()));
    }

    /// Two-factor is off in their own group, and on in one below it.
    #[test]
    fn the_last_holder_of_a_tree_stays_in_it_wherever_two_factor_is_on() {
        let mut ada = user("ada", "acme", "Top manager");
        ada.place.two_factor = false;
        let by = Actor::Operator;
        let last = Err(Refusal::LastOverrideOfTree);
        let bolts = RoleFacts { top_id: Some("bolt".to_owned()), ..role("Top manager") };
        for (after, expected) in [
            (After { status: Status::Disabled, ..same(&ada) }, last.clone()),
            (with_role(&ada, role("Manager")), last.clone()),
            (After { role: bolts, ..moved_to(&ada, "bolt") }, last.clone()),
            (moved_to(&ada, "acme/design"), Ok(())),
            (with_role(&ada, made("deputy", 300, "override_2fa")), Ok(())),
            (same(&ada), Ok(())),
        ] {
            assert_eq!(may_change(&by, &ada, &after, NOBODY), expected, "{after:?}");
            assert_eq!(may_change(&by, &ada, &after, IN_TREE), Ok(()), "{after:?}");
        }
        assert_eq!(may_delete(&by, &ada, NOBODY), last);
        assert_eq!(may_delete(&by, &ada, IN_TREE), Ok(()));
        let tina = user("tina", "acme", "Top manager");
        assert_eq!(may_delete(&Actor::User(tina), &ada, NOBODY), last);
        ada.status = Status::Disabled;
        assert_eq!(may_delete(&by, &ada, NOBODY), Ok(()));
        assert_eq!(may_delete(&by, &user("max", "acme", "Manager"), NOBODY), Ok(()));
    }

    #[test]
    fn the_last_site_administrator_stays() {
        let root = site_administrator("root");
        let by = Actor::Operator;
        assert_eq!(may_delete(&by, &root, NOBODY), Err(Refusal::LastSiteAdministrator));
        assert_eq!(may_delete(&by, &root, PLENTY), Ok(()));
        let off = After { status: Status::Disabled, ..same(&root) };
        assert_eq!(may_change(&by, &root, &off, NOBODY), Err(Refusal::LastSiteAdministrator));
        let away = After { role: role("Top manager"), ..moved_to(&root, "acme") };
        assert_eq!(may_change(&by, &root, &away, NOBODY), Err(Refusal::LastSiteAdministrator));
        assert_eq!(may_change(&by, &root, &same(&root), NOBODY), Ok(()));
    }
}
