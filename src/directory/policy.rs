//! Who may change what about whom? The rank rules, as pure functions over plain facts.

use std::fmt;

use super::rights::{Right, Rights, own};

/// The rank of Top managers, who may edit each other.
pub const TOP_MANAGER: i64 = 512;

/// Whoever wants to change something.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Whoever runs the command line: bound by no rank, but by the guards that keep somebody able to help.
    Operator,
    /// A user.
    User {
        /// Their id.
        id: String,
        /// Their rank.
        rank: i64,
        /// Their rights.
        rights: Rights,
    },
}

/// Somebody who is to be changed.
#[derive(Clone, Debug)]
pub struct Target {
    /// Their id.
    pub id: String,
    /// Their rank.
    pub rank: i64,
    /// Whether they are of the actor's own group or of one below it.
    pub in_reach: bool,
}

/// What a role is worth.
#[derive(Clone, Debug)]
pub struct Worth {
    /// Its rank.
    pub rank: i64,
    /// Its rights.
    pub rights: Rights,
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The actor lacks the right that the action needs.
    Lacks(&'static str),
    /// The target is in another tree, or above the actor's group.
    OutOfReach,
    /// The target's rank is not below the actor's.
    RankTooHigh,
    /// The role's rank is above the actor's own.
    RoleTooHigh,
    /// The actor does not hold a right that the role would give.
    RightNotHeld(Right),
    /// Nobody changes their own role, rank or rights.
    OwnRole,
    /// The last active holder of `override_2fa` where two-factor is on.
    LastOverrider,
    /// The last active site administrator.
    LastSiteAdministrator,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lacks(right) => write!(f, "this needs the right {right}"),
            Self::OutOfReach => f.write_str("this is outside of your groups"),
            Self::RankTooHigh => f.write_str("this user's rank is not below yours"),
            Self::RoleTooHigh => f.write_str("this role's rank is above yours"),
            Self::RightNotHeld(right) => write!(f, "you do not hold the right {right} yourself"),
            Self::OwnRole => f.write_str("nobody changes their own role, rank or rights"),
            Self::LastOverrider => f.write_str(
                "this is the last active holder of override_2fa here, and two-factor is on: \
                 give the right to somebody else first, or nobody could repair sign-ins when mail fails",
            ),
            Self::LastSiteAdministrator => {
                f.write_str("this is the last active site administrator: add another one first")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// Whether somebody's name, login, email, password or status may be changed, or they may be deleted.
///
/// # Errors
/// Why not.
pub fn may_edit_user(actor: &Actor, target: &Target) -> Result<(), Refusal> {
    let Actor::User { id, rank, rights } = actor else { return Ok(()) };
    if *id == target.id {
        return needs(rights, own::MANAGE_OWN_SETTINGS);
    }
    needs(rights, own::MANAGE_USERS)?;
    if !target.in_reach {
        return Err(Refusal::OutOfReach);
    }
    let both_top = *rank == TOP_MANAGER && target.rank == TOP_MANAGER;
    if target.rank < *rank || both_top { Ok(()) } else { Err(Refusal::RankTooHigh) }
}

/// Whether somebody may be given a role (the same for a new user, whose rank is then the role's).
///
/// # Errors
/// Why not.
pub fn may_grant_role(actor: &Actor, target: &Target, role: &Worth) -> Result<(), Refusal> {
    let Actor::User { id, .. } = actor else { return Ok(()) };
    if *id == target.id {
        return Err(Refusal::OwnRole);
    }
    may_edit_user(actor, target)?;
    may_give(actor, role, &Rights::default())
}

/// Whether a role may be changed from `before` to `after`. That edits everyone who holds it: `holds_it` says whether the actor does.
///
/// # Errors
/// Why not.
pub fn may_edit_role(
    actor: &Actor,
    in_reach: bool,
    holds_it: bool,
    before: &Worth,
    after: &Worth,
) -> Result<(), Refusal> {
    let Actor::User { rank, rights, .. } = actor else { return Ok(()) };
    needs(rights, own::MANAGE_ROLES)?;
    if !in_reach {
        return Err(Refusal::OutOfReach);
    }
    if holds_it {
        return Err(Refusal::OwnRole);
    }
    let both_top = *rank == TOP_MANAGER && before.rank == TOP_MANAGER;
    if before.rank >= *rank && !both_top {
        return Err(Refusal::RankTooHigh);
    }
    may_give(actor, after, &before.rights)
}

/// Whether a new role may be made.
///
/// # Errors
/// Why not.
pub fn may_add_role(actor: &Actor, in_reach: bool, role: &Worth) -> Result<(), Refusal> {
    let Actor::User { rights, .. } = actor else { return Ok(()) };
    needs(rights, own::MANAGE_ROLES)?;
    if in_reach { may_give(actor, role, &Rights::default()) } else { Err(Refusal::OutOfReach) }
}

/// Nobody gives a rank above their own, or a right that they do not hold; what is there already is not given.
fn may_give(actor: &Actor, role: &Worth, there: &Rights) -> Result<(), Refusal> {
    let Actor::User { rank, rights, .. } = actor else { return Ok(()) };
    if role.rank > *rank {
        return Err(Refusal::RoleTooHigh);
    }
    let mut given = role.rights.beyond(there);
    match given.find(|right| !rights.has(right.as_str())) {
        Some(right) => Err(Refusal::RightNotHeld(right.clone())),
        None => Ok(()),
    }
}

fn needs(rights: &Rights, right: &'static str) -> Result<(), Refusal> {
    if rights.has(right) { Ok(()) } else { Err(Refusal::Lacks(right)) }
}

/// Who would be left, if somebody were disabled, demoted or deleted.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// Whether two-factor is on somewhere in their tree.
    pub two_factor: bool,
    /// The other active holders of `override_2fa` in their tree.
    pub overriders: usize,
    /// The other active site administrators.
    pub site_administrators: usize,
}

/// Whether somebody, active until now, may stop being what `rights` make them. Holds for everyone, the command line too.
///
/// # Errors
/// Why not.
pub fn may_lose(rights: &Rights, in_a_group: bool, left: Left) -> Result<(), Refusal> {
    if rights.has(own::ADMINISTER_SITE) && left.site_administrators == 0 {
        return Err(Refusal::LastSiteAdministrator);
    }
    if in_a_group && rights.has(own::OVERRIDE_2FA) && left.two_factor && left.overriders == 0 {
        return Err(Refusal::LastOverrider);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rights::DEFAULT_ROLES;
    use super::*;
    use proptest::prelude::*;

    fn worth(name: &str) -> Worth {
        let role = DEFAULT_ROLES.iter().find(|r| r.name == name).unwrap();
        Worth { rank: role.rank, rights: Rights::parse(role.rights).unwrap() }
    }

    fn user(id: &str, role: &str) -> Actor {
        let Worth { rank, rights } = worth(role);
        Actor::User { id: id.to_owned(), rank, rights }
    }

    fn target(id: &str, role: &str) -> Target {
        Target { id: id.to_owned(), rank: worth(role).rank, in_reach: true }
    }

    #[test]
    fn who_may_edit_whom() {
        for (actor, subject, expected) in [
            ("Co-manager", "User", Ok(())),
            ("Co-manager", "Client", Ok(())),
            ("Co-manager", "Co-manager", Err(Refusal::RankTooHigh)),
            ("Co-manager", "Manager", Err(Refusal::RankTooHigh)),
            ("Manager", "Co-manager", Ok(())),
            ("Manager", "Manager", Err(Refusal::RankTooHigh)),
            ("Manager", "Top manager", Err(Refusal::RankTooHigh)),
            ("Top manager", "Manager", Ok(())),
            ("Top manager", "Top manager", Ok(())),
            ("User", "Client", Err(Refusal::Lacks(own::MANAGE_USERS))),
            ("User", "User", Err(Refusal::Lacks(own::MANAGE_USERS))),
        ] {
            assert_eq!(
                may_edit_user(&user("a", actor), &target("b", subject)),
                expected,
                "{actor} edits {subject}"
            );
        }
    }

    #[test]
    fn everyone_edits_themselves_but_not_their_own_role() {
        for role in ["User", "Client", "Co-manager", "Manager", "Top manager"] {
            assert_eq!(may_edit_user(&user("a", role), &target("a", role)), Ok(()));
            let granted = may_grant_role(&user("a", role), &target("a", role), &worth("User"));
            assert_eq!(granted, Err(Refusal::OwnRole), "{role}");
            let edited = may_edit_role(&user("a", role), true, true, &worth(role), &worth("User"));
            assert!(edited.is_err(), "{role}");
        }
    }

    #[test]
    fn other_trees_are_out_of_reach() {
        let far = Target { in_reach: false, ..target("b", "User") };
        assert_eq!(may_edit_user(&user("a", "Top manager"), &far), Err(Refusal::OutOfReach));
        let worth = worth("User");
        assert_eq!(may_add_role(&user("a", "Manager"), false, &worth), Err(Refusal::OutOfReach));
        assert_eq!(
            may_edit_role(&user("a", "Manager"), false, false, &worth, &worth),
            Err(Refusal::OutOfReach)
        );
    }

    #[test]
    fn nobody_grants_more_than_they_have() {
        let grant =
            |actor: &str, role: &str| may_grant_role(&user("a", actor), &target("b", "User"), &worth(role));
        assert_eq!(grant("Manager", "Co-manager"), Ok(()));
        assert_eq!(grant("Manager", "Manager"), Ok(()));
        assert_eq!(grant("Manager", "Top manager"), Err(Refusal::RoleTooHigh));
        assert_eq!(grant("Co-manager", "Manager"), Err(Refusal::RoleTooHigh));
        let odd = Worth { rank: 4, rights: Rights::parse("override_2fa").unwrap() };
        let granted = may_grant_role(&user("a", "Manager"), &target("b", "User"), &odd);
        assert_eq!(granted, Err(Refusal::RightNotHeld(Right::parse("override_2fa").unwrap())));
        assert_eq!(may_grant_role(&user("a", "Top manager"), &target("b", "User"), &odd), Ok(()));
    }

    #[test]
    fn a_role_is_edited_as_its_holders_are() {
        let edit = |actor: &str, before: &str, after: &Worth| {
            may_edit_role(&user("a", actor), true, false, &worth(before), after)
        };
        let more = Worth { rank: 4, rights: Rights::parse("view_users override_2fa").unwrap() };
        assert_eq!(edit("Manager", "User", &worth("Co-manager")), Ok(()));
        assert!(matches!(edit("Manager", "User", &more), Err(Refusal::RightNotHeld(_))));
        assert_eq!(edit("Manager", "Manager", &worth("User")), Err(Refusal::RankTooHigh));
        assert_eq!(edit("Manager", "User", &worth("Top manager")), Err(Refusal::RoleTooHigh));
        assert_eq!(edit("Co-manager", "User", &worth("User")), Err(Refusal::Lacks(own::MANAGE_ROLES)));
        // A right that the role has already is not given by whoever renames it.
        let odd = Worth { rank: 4, rights: Rights::parse("manage_clients").unwrap() };
        assert_eq!(may_edit_role(&user("a", "Manager"), true, false, &odd, &odd), Ok(()));
    }

    #[test]
    fn somebody_must_be_left_who_can_help() {
        let left = |overriders, site_administrators, two_factor| Left {
            two_factor,
            overriders,
            site_administrators,
        };
        let top = worth("Top manager").rights;
        assert_eq!(may_lose(&top, true, left(0, 1, true)), Err(Refusal::LastOverrider));
        assert_eq!(may_lose(&top, true, left(1, 1, true)), Ok(()));
        assert_eq!(may_lose(&top, true, left(0, 1, false)), Ok(()));
        assert_eq!(may_lose(&worth("Manager").rights, true, left(0, 0, true)), Ok(()));
        let site = Rights::parse("administer_site override_2fa").unwrap();
        assert_eq!(may_lose(&site, false, left(0, 0, true)), Err(Refusal::LastSiteAdministrator));
        assert_eq!(may_lose(&site, false, left(0, 1, true)), Ok(()));
    }

    #[test]
    fn the_command_line_is_bound_by_no_rank() {
        assert_eq!(may_edit_user(&Actor::Operator, &target("b", "Top manager")), Ok(()));
        assert_eq!(may_grant_role(&Actor::Operator, &target("b", "User"), &worth("Top manager")), Ok(()));
    }

    /// A little world: users hold roles by index, and anybody tries anything.
    #[derive(Clone, Debug)]
    enum Try {
        Grant { actor: usize, target: usize, role: usize },
        Edit { actor: usize, role: usize, rank: i64, rights: usize },
    }

    const RIGHT_SETS: [&str; 5] = [
        "",
        "manage_users manage_roles",
        "override_2fa",
        "manage_users manage_roles override_2fa",
        "manage_own_settings",
    ];

    fn tries() -> impl Strategy<Value = Vec<Try>> {
        let grant = (0..5usize, 0..5usize, 0..5usize).prop_map(|(actor, target, role)| Try::Grant {
            actor,
            target,
            role,
        });
        let edit = (0..5usize, 0..5usize, 0..1100i64, 0..5usize)
            .prop_map(|(actor, role, rank, rights)| Try::Edit { actor, role, rank, rights });
        proptest::collection::vec(prop_oneof![grant, edit], 0..60)
    }

    proptest! {
        #[test]
        fn no_sequence_of_edits_lifts_anybody_above_those_who_were_there(tries in tries()) {
            // Nobody here holds override_2fa or more than a Manager's rank, so nobody may ever.
            let mut roles: Vec<Worth> = ["User", "Client", "Co-manager", "Manager", "Manager"].map(worth).to_vec();
            let mut holds: Vec<usize> = (0..5).collect();
            for attempt in tries {
                match attempt {
                    Try::Grant { actor, target, role } => {
                        let by = Actor::User {
                            id: actor.to_string(),
                            rank: roles[holds[actor]].rank,
                            rights: roles[holds[actor]].rights.clone(),
                        };
                        let whom = Target { id: target.to_string(), rank: roles[holds[target]].rank, in_reach: true };
                        if may_grant_role(&by, &whom, &roles[role]).is_ok() {
                            prop_assert_ne!(actor, target);
                            holds[target] = role;
                        }
                    }
                    Try::Edit { actor, role, rank, rights } => {
                        let by = Actor::User {
                            id: actor.to_string(),
                            rank: roles[holds[actor]].rank,
                            rights: roles[holds[actor]].rights.clone(),
                        };
                        let after = Worth { rank, rights: Rights::parse(RIGHT_SETS[rights]).unwrap() };
                        if may_edit_role(&by, true, holds[actor] == role, &roles[role], &after).is_ok() {
                            roles[role] = after;
                        }
                    }
                }
                for role in &roles {
                    prop_assert!(role.rank <= 324);
                    prop_assert!(!role.rights.has("override_2fa"));
                }
            }
        }
    }
}
