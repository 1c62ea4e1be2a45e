//! Who may add, change or delete a role, and what can a role be at all?

use super::super::rights::own;
use super::rank::TOP_MANAGER;
use super::refusal::{Refusal, Verdict, ensure};
use super::standing::{Actor, Place, RoleFacts};

/// What is left when a role loses rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Every group with two-factor on that has an active holder of `override_2fa` would keep one.
    pub override_2fa: bool,
    /// So would the whole tree, where any of its groups has two-factor on.
    pub override_in_tree: bool,
    /// There would still be an active site administrator.
    pub administer_site: bool,
}

/// Whether the actor may add this role; `top` is the top-level group that it is to serve.
///
/// # Errors
/// Why not.
pub fn may_add_role(actor: &Actor, top: &Place, role: &RoleFacts) -> Verdict {
    is_sound(role)?;
    let Actor::User(user) = actor else { return Ok(()) };
    user.needs(own::MANAGE_ROLES, top)?;
    user.may_give(role.rank, role.rights.iter())
}

/// Whether the actor may make of a role what `after` says: an edit of everyone who holds it, wherever they are in the
/// tree, hence only for those whose own group is the top-level one.
///
/// # Errors
/// Why not.
pub fn may_change_role(
    actor: &Actor,
    top: &Place,
    before: &RoleFacts,
    after: &RoleFacts,
    remaining: Remaining,
) -> Verdict {
    is_sound(after)?;
    if let Actor::User(user) = actor {
        user.needs(own::MANAGE_ROLES, top)?;
        let powers_change = before.rank != after.rank || before.rights != after.rights;
        ensure(!(user.role.id == before.id && powers_change), Refusal::OwnRole)?;
        ensure(user.outranks(before.rank), Refusal::Outranked)?;
        user.may_give(after.rank, after.rights.beyond(&before.rights))?;
    }
    let loses = |right| before.rights.has(right) && !after.rights.has(right);
    ensure(!loses(own::OVERRIDE_2FA) || remaining.override_2fa, Refusal::LastOverride)?;
    ensure(!loses(own::OVERRIDE_2FA) || remaining.override_in_tree, Refusal::LastOverrideOfTree)?;
    ensure(!loses(own::ADMINISTER_SITE) || remaining.administer_site, Refusal::LastSiteAdministrator)
}

/// Whether the actor may delete a role that nobody holds.
///
/// # Errors
/// Why not.
pub fn may_delete_role(actor: &Actor, top: &Place, role: &RoleFacts) -> Verdict {
    let Actor::User(user) = actor else { return Ok(()) };
    user.needs(own::MANAGE_ROLES, top)?;
    ensure(user.role.id != role.id, Refusal::OwnRole)?;
    ensure(user.outranks(role.rank), Refusal::Outranked)
}

/// What a role of a group can be at all, whoever makes it. The site's own role is made by the program.
fn is_sound(role: &RoleFacts) -> Verdict {
    if role.top_id.is_none() {
        return Ok(());
    }
    ensure((0..=TOP_MANAGER).contains(&role.rank), Refusal::RankOutOfRange)?;
    ensure(!role.rights.has(own::ADMINISTER_SITE), Refusal::SiteRight)
}

#[cfg(test)]
mod tests {
    use super::super::super::rights::{Right, Rights};
    use super::super::samples::{KEPT, actor, at, made, role, site_administrator};
    use super::*;

    #[test]
    fn a_role_is_edited_as_all_of_its_holders_are() {
        let top = at("acme");
        let more = made("User", 4, "view_users override_2fa");
        let not_held = Refusal::RightNotHeld(Right::parse(own::OVERRIDE_2FA).unwrap());
        let renamed = |name| role(name);
        for (by, before, after, expected) in [
            (actor("acme", "Manager"), "User", made("User", 68, "view_users"), Ok(())),
            (actor("acme", "Manager"), "User", more.clone(), Err(not_held)),
            (actor("acme", "Top manager"), "User", more, Ok(())),
            (actor("acme", "Manager"), "User", made("User", 400, ""), Err(Refusal::RankAboveOwn)),
            (actor("acme", "Manager"), "Top manager", renamed("Top manager"), Err(Refusal::Outranked)),
            (actor("acme", "Manager"), "Manager", renamed("Manager"), Err(Refusal::Outranked)),
            (actor("acme", "Manager"), "Manager", made("Manager", 4, ""), Err(Refusal::OwnRole)),
            (
                actor("acme", "Top manager"),
                "Top manager",
                made("Top manager", 512, ""),
                Err(Refusal::OwnRole),
            ),
            (actor("acme", "Top manager"), "Top manager", renamed("Top manager"), Ok(())),
            (
                actor("acme", "Co-manager"),
                "User",
                renamed("User"),
                Err(Refusal::LacksRight(own::MANAGE_ROLES)),
            ),
            (actor("acme/design", "Manager"), "User", renamed("User"), Err(Refusal::OutsideReach)),
            (actor("bolt", "Top manager"), "User", renamed("User"), Err(Refusal::OutsideReach)),
            (Actor::Operator, "Top manager", made("Top manager", 1, "override_2fa"), Ok(())),
        ] {
            let changed = may_change_role(&by, &top, &role(before), &after, KEPT);
            assert_eq!(changed, expected, "{by:?} makes {after:?}");
        }
    }

    #[test]
    fn a_right_that_a_role_has_already_is_not_granted_by_editing_it() {
        let odd = made("odd", 4, "manage_clients");
        let by = actor("acme", "Manager");
        assert_eq!(
            may_change_role(&by, &at("acme"), &odd, &RoleFacts { rank: 5, ..odd.clone() }, KEPT),
            Ok(())
        );
    }

    #[test]
    fn a_new_role_gives_no_more_than_its_maker_has() {
        let top = at("acme");
        let by = actor("acme", "Manager");
        assert_eq!(may_add_role(&by, &top, &made("new", 100, "track_time")), Ok(()));
        assert_eq!(may_add_role(&by, &top, &made("new", 325, "")), Err(Refusal::RankAboveOwn));
        assert!(matches!(
            may_add_role(&by, &top, &made("new", 1, "override_2fa")),
            Err(Refusal::RightNotHeld(_))
        ));
        assert_eq!(may_add_role(&by, &at("bolt"), &made("new", 1, "")), Err(Refusal::OutsideReach));
        let co_manager = actor("acme", "Co-manager");
        let lacks = Err(Refusal::LacksRight(own::MANAGE_ROLES));
        assert_eq!(may_add_role(&co_manager, &top, &made("new", 1, "")), lacks);
    }

    #[test]
    fn no_role_of_a_group_stands_above_top_managers_whoever_makes_it() {
        for (rank, rights, refusal) in [
            (513, "", Refusal::RankOutOfRange),
            (-1, "", Refusal::RankOutOfRange),
            (1, "administer_site", Refusal::SiteRight),
        ] {
            let role = made("new", rank, rights);
            assert_eq!(may_add_role(&Actor::Operator, &at("acme"), &role), Err(refusal.clone()));
            let set = may_change_role(&Actor::Operator, &at("acme"), &made("new", 1, ""), &role, KEPT);
            assert_eq!(set, Err(refusal));
        }
    }

    #[test]
    fn a_role_keeps_what_nobody_else_would_have() {
        let left = |override_2fa, administer_site| Remaining { override_2fa, administer_site, ..KEPT };
        let before = role("Top manager");
        let after = made("Top manager", 512, "view_users");
        let set = |left| may_change_role(&Actor::Operator, &at("acme"), &before, &after, left);
        assert_eq!(set(left(false, true)), Err(Refusal::LastOverride));
        assert_eq!(set(left(true, false)), Ok(()));
        assert_eq!(set(Remaining { override_in_tree: false, ..KEPT }), Err(Refusal::LastOverrideOfTree));
        let site = site_administrator("root").role;
        let after = RoleFacts { rights: Rights::parse("override_2fa").unwrap(), ..site.clone() };
        let set = |left| may_change_role(&Actor::Operator, &Place::default(), &site, &after, left);
        assert_eq!(set(left(true, false)), Err(Refusal::LastSiteAdministrator));
        assert_eq!(set(left(true, true)), Ok(()));
    }

    #[test]
    fn roles_below_ones_rank_may_be_deleted() {
        let max = actor("acme", "Manager");
        assert_eq!(may_delete_role(&max, &at("acme"), &made("deputy", 300, "")), Ok(()));
        assert_eq!(may_delete_role(&max, &at("acme"), &role("Manager")), Err(Refusal::OwnRole));
        assert_eq!(may_delete_role(&max, &at("acme"), &role("Top manager")), Err(Refusal::Outranked));
        assert_eq!(may_delete_role(&max, &at("bolt"), &made("deputy", 300, "")), Err(Refusal::OutsideReach));
        let refused = may_delete_role(&actor("acme", "Co-manager"), &at("acme"), &role("User"));
        assert_eq!(refused, Err(Refusal::LacksRight(own::MANAGE_ROLES)));
        assert_eq!(may_delete_role(&Actor::Operator, &at("acme"), &role("Top manager")), Ok(()));
    }
}
