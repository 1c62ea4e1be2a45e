//! Who may change whom? The rank rules, as functions over plain facts: no database, no clock.
//!
//! Every path obeys them: a form, a manager's command, an import, the API, a move between groups. The command line
//! ([`Actor::Operator`]) passes the rules about rank and reach, and none of those that keep a site usable.

use super::person::{Person, Status};
use super::rights::{Right, Rights, own};

/// The rank of Top managers: the highest that a role of a group can have, and the only one whose holders may edit one
/// another.
pub const TOP_MANAGER: i64 = 512;

/// Who wants to change something.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Whoever runs the command line: has the machine, and so everything.
    Operator,
    /// A user.
    User(Standing),
}

/// What the rules know of a user, as things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The user's id.
    pub id: String,
    /// Whether they may sign in.
    pub status: Status,
    /// Where they are.
    pub place: Place,
    /// What they hold.
    pub role: RoleFacts,
}

/// What the rules know of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleFacts {
    /// The role's id.
    pub id: String,
    /// The top-level group whose tree it serves; none for the site's own.
    pub top_id: Option<String>,
    /// Its rank.
    pub rank: i64,
    /// Its rights.
    pub rights: Rights,
}

/// A group and the groups that it is part of, by id, itself first and the top-level one last; empty for the site itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The ids.
    pub lineage: Vec<String>,
    /// Whether the group asks its people for a code.
    pub two_factor: bool,
}

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
    /// There is another active site administrator.
    pub administer_site: bool,
}

/// What is left when a role loses rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Every group with two-factor on that has an active holder of `override_2fa` would keep one.
    pub override_2fa: bool,
    /// There would still be an active site administrator.
    pub administer_site: bool,
}

/// What about a group is to be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// Its name or language.
    pub basics: bool,
    /// Its two-factor flag.
    pub two_factor: bool,
}

/// Why somebody may not do something. Its text is for whoever tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The group is not the actor's, nor below it.
    #[error("this is outside the groups that you manage")]
    OutsideReach,
    /// The actor's role lacks a right.
    #[error("this needs the right {0}, which your role does not have")]
    LacksRight(&'static str),
    /// The one to be changed has the actor's rank or a higher one.
    #[error("only somebody of higher rank may change this user or role")]
    Outranked,
    /// The rank to be given is above the actor's.
    #[error("you cannot give a rank above your own")]
    RankAboveOwn,
    /// A right to be given is not the actor's.
    #[error("you cannot give the right {0}: you do not hold it")]
    RightNotHeld(Right),
    /// The actor's own role, rank or rights.
    #[error("nobody changes their own role, rank or rights")]
    OwnRole,
    /// The actor's own group, whose flag they may not be able to change.
    #[error("nobody moves themselves to another group")]
    OwnGroup,
    /// A claim of the actor's own that apps may take as vouched for.
    #[error("nobody sets their own {0}: ask a manager")]
    OwnWord(&'static str),
    /// The actor's own codes.
    #[error("nobody unlocks themselves: ask another manager")]
    OwnLock,
    /// The role serves another tree than the group's.
    #[error("this role is not one of the group's tree: see `countersign role list`")]
    RoleOfAnotherTree,
    /// No role of a group can have this rank.
    #[error("the rank of a group's role is between 0 and {TOP_MANAGER}")]
    RankOutOfRange,
    /// No role of a group can have this right.
    #[error("the right administer_site is for the site administrator's role alone")]
    SiteRight,
    /// Nobody else could sign in without a code.
    #[error(
        "the last active holder of override_2fa in a group with two-factor on cannot be disabled, demoted, moved or \
         deleted: give the right to somebody else there first, or switch two-factor off"
    )]
    LastOverride,
    /// Nobody else could administer the site.
    #[error("the last site administrator cannot be disabled, demoted or deleted: add another one first")]
    LastSiteAdministrator,
}

/// The answer of a rule.
pub type Verdict = Result<(), Refusal>;

impl Standing {
    /// The standing of a person whose group has this lineage.
    #[must_use]
    pub fn of(person: &Person, lineage: Vec<String>) -> Self {
        Self {
            id: person.id.clone(),
            status: person.status,
            place: Place { lineage, two_factor: person.two_factor_on() },
            role: RoleFacts::of(person),
        }
    }

    /// Somebody of no group who administers the site: in every group, with every right.
    fn administers_site(&self) -> bool {
        self.place.is_site() && self.role.rights.has(own::ADMINISTER_SITE)
    }

    fn holds(&self, right: &str) -> bool {
        self.administers_site() || self.role.rights.has(right)
    }

    fn reaches(&self, place: &Place) -> bool {
        let own_group = self.place.lineage.first();
        self.administers_site() || own_group.is_some_and(|own_group| place.lineage.contains(own_group))
    }

    /// Whether the actor may edit others of this rank.
    fn outranks(&self, rank: i64) -> bool {
        rank < self.role.rank || (rank == TOP_MANAGER && self.role.rank == TOP_MANAGER)
    }

    fn needs(&self, right: &'static str, place: &Place) -> Verdict {
        ensure(self.reaches(place), Refusal::OutsideReach)?;
        ensure(self.holds(right), Refusal::LacksRight(right))
    }

    /// Whether the actor may hand out this rank with these rights.
    fn may_give<'a>(&self, rank: i64, rights: impl IntoIterator<Item = &'a Right>) -> Verdict {
        ensure(rank <= self.role.rank, Refusal::RankAboveOwn)?;
        let foreign = rights.into_iter().find(|right| !self.holds(right.as_str()));
        foreign.map_or(Ok(()), |right| Err(Refusal::RightNotHeld(right.clone())))
    }
}

impl RoleFacts {
    /// The role of a person.
    #[must_use]
    pub fn of(person: &Person) -> Self {
        Self {
            id: person.role.id.clone(),
            top_id: person.group.as_ref().map(|group| group.top_id.clone()),
            rank: person.role.rank,
            rights: person.role.rights.clone(),
        }
    }
}

impl Place {
    /// Whether this is no group, but the site itself.
    #[must_use]
    pub fn is_site(&self) -> bool {
        self.lineage.is_empty()
    }

    fn group(&self) -> Option<&String> {
        self.lineage.first()
    }

    fn top(&self) -> Option<&String> {
        self.lineage.last()
    }
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
    ensure(!loses(own::ADMINISTER_SITE) || remaining.administer_site, Refusal::LastSiteAdministrator)
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

/// Whether the actor may delete a group: one below their own.
///
/// # Errors
/// Why not.
pub fn may_delete_group(actor: &Actor, group: &Place) -> Verdict {
    let Actor::User(user) = actor else { return Ok(()) };
    let above = Place { lineage: group.lineage.iter().skip(1).cloned().collect(), two_factor: false };
    may_add_group(&Actor::User(user.clone()), &above)
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

/// The last ones: they hold for the command line too.
fn keeps_somebody(target: &Standing, after: Option<&After>, others: Others) -> Verdict {
    if target.status != Status::Active {
        return Ok(());
    }
    let still = |right| {
        after.is_some_and(|after| {
            after.status == Status::Active
                && after.role.rights.has(right)
                && after.place.group() == target.place.group()
        })
    };
    let overrides = target.place.two_factor && target.role.rights.has(own::OVERRIDE_2FA);
    ensure(!overrides || still(own::OVERRIDE_2FA) || others.override_2fa, Refusal::LastOverride)?;
    let administers = target.administers_site();
    let kept = still(own::ADMINISTER_SITE) || others.administer_site;
    ensure(!administers || kept, Refusal::LastSiteAdministrator)
}

fn ensure(holds: bool, otherwise: Refusal) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
mod tests {
    use super::super::rights::{DEFAULT_ROLES, SITE_ADMINISTRATOR};
    use super::*;
    use proptest::prelude::*;

    const PLENTY: Others = Others { override_2fa: true, administer_site: true };
    const NOBODY: Others = Others { override_2fa: false, administer_site: false };
    const KEPT: Remaining = Remaining { override_2fa: true, administer_site: true };

    /// `acme`, `acme/design`, `acme/design/web`, `acme/sales`; another tree `bolt`; and the site itself.
    fn at(path: &str) -> Place {
        let mut lineage: Vec<String> =
            path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        lineage.reverse();
        Place { lineage, two_factor: !path.is_empty() }
    }

    fn role(name: &str) -> RoleFacts {
        let role = DEFAULT_ROLES.iter().find(|role| role.name == name);
        made(name, role.map_or(0, |role| role.rank), role.map_or("", |role| role.rights))
    }

    fn made(name: &str, rank: i64, rights: &str) -> RoleFacts {
        RoleFacts {
            id: name.to_owned(),
            top_id: Some("acme".to_owned()),
            rank,
            rights: Rights::parse(rights).unwrap(),
        }
    }

    fn standing(id: &str, path: &str, role: RoleFacts) -> Standing {
        let place = at(path);
        let role = RoleFacts { top_id: place.top().cloned(), ..role };
        Standing { id: id.to_owned(), status: Status::Active, place, role }
    }

    fn user(id: &str, path: &str, name: &str) -> Standing {
        standing(id, path, role(name))
    }

    fn site_administrator(id: &str) -> Standing {
        standing(id, "", made("site", SITE_ADMINISTRATOR.rank, SITE_ADMINISTRATOR.rights))
    }

    fn actor(path: &str, name: &str) -> Actor {
        Actor::User(user("actor", path, name))
    }

    fn same(target: &Standing) -> After {
        After { status: target.status, place: target.place.clone(), role: target.role.clone() }
    }

    fn with_role(target: &Standing, role: RoleFacts) -> After {
        After { role, ..same(target) }
    }

    fn moved_to(target: &Standing, path: &str) -> After {
        After { place: at(path), ..same(target) }
    }

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
    fn nobody_reaches_another_tree_or_a_group_above_or_beside_their_own() {
        let target = |path| user("target", path, "User");
        for (own, other, expected) in [
            ("acme", "acme", Ok(())),
            ("acme", "acme/design/web", Ok(())),
            ("acme/design", "acme/design/web", Ok(())),
            ("acme/design", "acme", Err(Refusal::OutsideReach)),
            ("acme/design", "acme/sales", Err(Refusal::OutsideReach)),
            ("acme", "bolt", Err(Refusal::OutsideReach)),
            ("acme", "", Err(Refusal::OutsideReach)),
        ] {
            let by = actor(own, "Top manager");
            assert_eq!(may_edit(&by, &target(other)), expected, "{own} edits in {other}");
            assert_eq!(may_view(&by, &at(other)), expected, "{own} looks at {other}");
            let change = GroupChange { basics: true, two_factor: true };
            assert_eq!(may_change_group(&by, &at(other), change), expected, "{own} changes {other}");
            assert_eq!(
                may_change_group(&by, &at(other), GroupChange::default()),
                expected,
                "{own} changes {other}"
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
    }

    #[test]
    fn the_site_administrator_acts_everywhere_but_not_on_equals() {
        let by = Actor::User(site_administrator("root"));
        for path in ["acme", "acme/design", "bolt"] {
            assert_eq!(may_edit(&by, &user("target", path, "Top manager")), Ok(()), "{path}");
        }
        assert_eq!(may_edit(&by, &site_administrator("other")), Err(Refusal::Outranked));
        assert_eq!(may_add(&by, &at("acme"), &role("Top manager")), Ok(()));
        assert_eq!(may_add_group(&by, &Place::default()), Ok(()));
    }

    #[test]
    fn administer_site_means_nothing_in_a_group() {
        let by = Actor::User(standing(
            "actor",
            "acme",
            made("odd", 512, "administer_site manage_users view_users"),
        ));
        assert_eq!(may_edit(&by, &user("target", "bolt", "User")), Err(Refusal::OutsideReach));
        assert_eq!(may_add_group(&by, &Place::default()), Err(Refusal::LacksRight(own::ADMINISTER_SITE)));
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
    fn groups_below_ones_own_and_roles_below_ones_rank_may_be_deleted() {
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

        assert_eq!(may_delete_role(&max, &at("acme"), &made("deputy", 300, "")), Ok(()));
        assert_eq!(may_delete_role(&max, &at("acme"), &role("Manager")), Err(Refusal::OwnRole));
        assert_eq!(may_delete_role(&max, &at("acme"), &role("Top manager")), Err(Refusal::Outranked));
        assert_eq!(may_delete_role(&max, &at("bolt"), &made("deputy", 300, "")), Err(Refusal::OutsideReach));
        let refused = may_delete_role(&actor("acme", "Co-manager"), &at("acme"), &role("User"));
        assert_eq!(refused, Err(Refusal::LacksRight(own::MANAGE_ROLES)));
        assert_eq!(may_delete_role(&Actor::Operator, &at("acme"), &role("Top manager")), Ok(()));
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
            assert_eq!(may_change(&by, &without, &after, NOBODY), Ok(()), "{after:?}");
            assert_eq!(may_change(&by, &disabled, &after, NOBODY), Ok(()), "{after:?}");
        }
        assert_eq!(may_delete(&by, &ada, NOBODY), Err(Refusal::LastOverride));
        assert_eq!(may_delete(&by, &ada, PLENTY), Ok(()));
        assert_eq!(may_delete(&by, &without, NOBODY), Ok(()));
        assert_eq!(may_change(&by, &ada, &same(&ada), NOBODY), Ok(()));
        let deputy = made("deputy", 300, "override_2fa");
        assert_eq!(may_change(&by, &ada, &with_role(&ada, deputy), NOBODY), Ok(()));
        let max = user("max", "acme", "Manager");
        assert_eq!(may_delete(&by, &max, NOBODY), Ok(()));
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

    #[test]
    fn a_role_keeps_what_nobody_else_would_have() {
        let left = |override_2fa, administer_site| Remaining { override_2fa, administer_site };
        let before = role("Top manager");
        let after = made("Top manager", 512, "view_users");
        let set = |left| may_change_role(&Actor::Operator, &at("acme"), &before, &after, left);
        assert_eq!(set(left(false, true)), Err(Refusal::LastOverride));
        assert_eq!(set(left(true, false)), Ok(()));
        let site = site_administrator("root").role;
        let after = RoleFacts { rights: Rights::parse("override_2fa").unwrap(), ..site.clone() };
        let set = |left| may_change_role(&Actor::Operator, &Place::default(), &site, &after, left);
        assert_eq!(set(left(true, false)), Err(Refusal::LastSiteAdministrator));
        assert_eq!(set(left(true, true)), Ok(()));
    }

    /// Something that somebody tries.
    #[derive(Clone, Debug)]
    enum Try {
        Set { actor: usize, target: usize, role: usize, path: usize },
        Add { actor: usize, role: usize, path: usize },
        EditRole { actor: usize, role: usize, rank: i64, rights: usize },
    }

    const PATHS: [&str; 5] = ["acme", "acme/design", "acme/design/web", "acme/sales", "bolt"];

    const RIGHTS: [&str; 6] = [
        "",
        "manage_users manage_roles",
        "override_2fa",
        "manage_users manage_roles override_2fa administer_site",
        "manage_own_settings track_time",
        "manage_users manage_roles manage_subgroups view_audit",
    ];

    fn tries() -> impl Strategy<Value = Vec<Try>> {
        let set = (0..8usize, 0..8usize, 0..6usize, 0..5usize)
            .prop_map(|(actor, target, role, path)| Try::Set { actor, target, role, path });
        let add =
            (0..8usize, 0..6usize, 0..5usize).prop_map(|(actor, role, path)| Try::Add { actor, role, path });
        let edit = (0..8usize, 0..6usize, -10..1100i64, 0..6usize)
            .prop_map(|(actor, role, rank, rights)| Try::EditRole { actor, role, rank, rights });
        proptest::collection::vec(prop_oneof![set, add, edit], 0..80)
    }

    /// Eight people in two trees, and whatever roles their edits make of the default ones.
    #[derive(Clone)]
    struct World {
        roles: Vec<RoleFacts>,
        people: Vec<(usize, &'static str)>,
    }

    impl World {
        fn new(people: &[(usize, &'static str)]) -> Self {
            let mut roles: Vec<RoleFacts> = DEFAULT_ROLES.iter().map(|r| role(r.name)).collect();
            roles.push(RoleFacts { top_id: Some("bolt".to_owned()), ..made("bolts", 324, RIGHTS[5]) });
            Self { roles, people: people.to_vec() }
        }

        fn standing(&self, index: usize) -> Standing {
            let (role, path) = self.people[index % self.people.len()];
            Standing {
                id: (index % self.people.len()).to_string(),
                status: Status::Active,
                place: at(path),
                role: self.roles[role].clone(),
            }
        }

        /// Does what was tried if the rules allow it.
        fn attempt(&mut self, attempt: &Try) {
            match *attempt {
                Try::Set { actor, target, role, path } => {
                    let (target, whom) = (target % self.people.len(), self.standing(target));
                    let after = After {
                        role: self.roles[role].clone(),
                        place: at(PATHS[path]),
                        status: Status::Active,
                    };
                    if may_change(&Actor::User(self.standing(actor)), &whom, &after, PLENTY).is_ok() {
                        self.people[target] = (role, PATHS[path]);
                    }
                }
                Try::Add { actor, role, path } => {
                    let by = Actor::User(self.standing(actor));
                    if may_add(&by, &at(PATHS[path]), &self.roles[role]).is_ok() {
                        self.people.push((role, PATHS[path]));
                    }
                }
                Try::EditRole { actor, role, rank, rights } => {
                    let before = self.roles[role].clone();
                    let after =
                        RoleFacts { rank, rights: Rights::parse(RIGHTS[rights]).unwrap(), ..before.clone() };
                    let top = at(before.top_id.as_deref().unwrap());
                    let by = Actor::User(self.standing(actor));
                    if may_change_role(&by, &top, &before, &after, KEPT).is_ok() {
                        self.roles[role] = after;
                    }
                }
            }
        }
    }

    proptest! {
        /// However many conspire: nobody comes to a rank or a right that none of them had.
        #[test]
        fn no_sequence_of_edits_lifts_anybody_above_those_who_were_there(tries in tries()) {
            let mut world = World::new(&[
                (0, "acme"), (1, "acme/design"), (2, "acme"), (3, "acme"), (3, "acme/design"), (2, "acme/sales"),
                (3, "acme/design/web"), (5, "bolt"),
            ]);
            let before = world.clone();
            for attempt in &tries {
                world.attempt(attempt);
            }
            for index in 0..world.people.len() {
                let person = world.standing(index);
                prop_assert!(person.role.rank <= 324, "{person:?}");
                prop_assert!(!person.role.rights.has(own::OVERRIDE_2FA), "{person:?}");
                prop_assert!(!person.role.rights.has(own::ADMINISTER_SITE), "{person:?}");
                prop_assert_eq!(person.role.top_id.as_ref(), person.place.top());
            }
            for (index, (_, path)) in before.people.iter().enumerate() {
                prop_assert_eq!(path.starts_with("bolt"), world.people[index].1.starts_with("bolt"));
            }
        }

        /// One alone: what they are stays as it was, whatever they try, and so does everyone who is not below them.
        #[test]
        fn no_sequence_of_edits_changes_what_the_editor_is(tries in tries(), editor in 0..8usize) {
            let mut world = World::new(&[
                (0, "acme"), (4, "acme/design"), (2, "acme"), (3, "acme"), (3, "acme/design"), (4, "acme"),
                (3, "acme/design/web"), (5, "bolt"),
            ]);
            let before = world.clone();
            let own = before.standing(editor);
            for attempt in tries {
                world.attempt(&match attempt {
                    Try::Set { target, role, path, .. } => Try::Set { actor: editor, target, role, path },
                    Try::Add { role, path, .. } => Try::Add { actor: editor, role, path },
                    Try::EditRole { role, rank, rights, .. } => {
                        Try::EditRole { actor: editor, role, rank, rights }
                    }
                });
            }
            prop_assert_eq!(&world.standing(editor), &own);
            for index in 0..world.people.len() {
                let now = world.standing(index);
                let was = before.people.get(index).map(|_| before.standing(index));
                if was.as_ref() == Some(&now) {
                    continue;
                }
                prop_assert!(now.role.rank <= own.role.rank, "{:?} made {:?}", own, now);
                prop_assert!(own.reaches(&now.place));
                let had = was.map(|was| was.role.rights).unwrap_or_default();
                let gained: Vec<_> = now.role.rights.beyond(&had).filter(|right| !own.holds(right.as_str())).collect();
                prop_assert!(gained.is_empty(), "{:?} gave {:?}", own, gained);
            }
        }
    }
}
