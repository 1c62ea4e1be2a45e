//! Who is somebody, as the rules see them: where are they, what do they hold, whom do they reach and outrank?

use super::super::person::{Person, Status};
use super::super::rights::{Right, Rights, own};
use super::rank;
use super::refusal::{Refusal, Verdict, ensure};

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
    /// Whether the group lets nobody in without a code.
    pub two_factor: bool,
}

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
    pub(in crate::directory) fn administers_site(&self) -> bool {
        self.place.is_site() && self.role.rights.has(own::ADMINISTER_SITE)
    }

    /// Whether they may do what a right is for. Whoever changes people sees them, too.
    pub(in crate::directory) fn holds(&self, right: &str) -> bool {
        self.has(right) || (right == own::VIEW_USERS && self.has(own::MANAGE_USERS))
    }

    /// Whether the right itself is theirs, and so theirs to give.
    fn has(&self, right: &str) -> bool {
        self.administers_site() || self.role.rights.has(right)
    }

    pub(super) fn reaches(&self, place: &Place) -> bool {
        let own_group = self.place.lineage.first();
        self.administers_site() || own_group.is_some_and(|own_group| place.lineage.contains(own_group))
    }

    /// Whether the actor may edit others of this rank.
    pub(super) fn outranks(&self, rank: i64) -> bool {
        rank::is_above(self.role.rank, rank)
    }

    pub(super) fn needs(&self, right: &'static str, place: &Place) -> Verdict {
        ensure(self.reaches(place), Refusal::OutsideReach)?;
        ensure(self.holds(right), Refusal::LacksRight(right))
    }

    /// Whether the actor may hand out this rank with these rights.
    pub(super) fn may_give<'a>(&self, rank: i64, rights: impl IntoIterator<Item = &'a Right>) -> Verdict {
        ensure(rank <= self.role.rank, Refusal::RankAboveOwn)?;
        let foreign = rights.into_iter().find(|right| !self.has(right.as_str()));
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

    /// Whether it is the other group, or below it.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        other.group().is_some_and(|group| self.lineage.contains(group))
    }

    pub(super) fn group(&self) -> Option<&String> {
        self.lineage.first()
    }

    pub(super) fn top(&self) -> Option<&String> {
        self.lineage.last()
    }
}

#[cfg(test)]
mod tests {
    use super::super::groups::{GroupChange, may_add_group, may_change_group};
    use super::super::samples::{actor, at, made, role, site_administrator, standing, user};
    use super::super::users::{may_add, may_edit, may_view};
    use super::*;

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
}
