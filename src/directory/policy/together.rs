//! What can people come to who try everything, alone or together?

use super::super::person::Status;
use super::super::rights::{DEFAULT_ROLES, Rights, own};
use super::roles::{Remaining, may_change_role};
use super::samples::{KEPT, PLENTY, at, made, role};
use super::standing::{Actor, Place, RoleFacts, Standing};
use super::users::{After, Others, may_add, may_change, may_delete};
use proptest::prelude::*;

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
    let set = (0..8usize, 0..8usize, 0..6usize, 0..5usize).prop_map(|(actor, target, role, path)| Try::Set {
        actor,
        target,
        role,
        path,
    });
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
                let after =
                    After { role: self.roles[role].clone(), place: at(PATHS[path]), status: Status::Active };
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

/// Something that whoever has the machine does.
#[derive(Clone, Debug)]
enum Deed {
    Disable(usize),
    Delete(usize),
    Demote(usize),
    Move(usize, usize),
    Strip(usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        (0..5usize).prop_map(Deed::Disable),
        (0..5usize).prop_map(Deed::Delete),
        (0..5usize).prop_map(Deed::Demote),
        (0..5usize, 0..5usize).prop_map(|(whom, path)| Deed::Move(whom, path)),
        (0..3usize).prop_map(Deed::Strip),
    ];
    proptest::collection::vec(deed, 0..40)
}

/// Those who sign in without a code, while they do, and where two-factor is on.
struct Holders {
    roles: Vec<RoleFacts>,
    people: Vec<Option<Standing>>,
    on: Vec<bool>,
}

impl Holders {
    fn at(&self, path: usize) -> Place {
        Place { two_factor: self.on[path], ..at(PATHS[path]) }
    }

    /// Whether a tree asks for codes somewhere.
    fn asks(&self, top: Option<&String>) -> bool {
        (0..PATHS.len()).any(|path| self.on[path] && at(PATHS[path]).top() == top)
    }

    /// The active holders that this is true of.
    fn any(&self, of: impl Fn(usize, &Standing) -> bool) -> bool {
        let holders = self.people.iter().enumerate().filter_map(|(n, person)| Some((n, person.as_ref()?)));
        holders
            .filter(|(_, one)| one.status == Status::Active && one.role.rights.has(own::OVERRIDE_2FA))
            .any(|(n, one)| of(n, one))
    }

    /// What would be left without one of them.
    fn others(&self, whom: usize) -> Others {
        let Some(person) = &self.people[whom] else { return PLENTY };
        let top = person.place.top();
        Others {
            override_2fa: self.any(|n, one| n != whom && one.place.lineage == person.place.lineage),
            override_in_tree: !self.asks(top) || self.any(|n, one| n != whom && one.place.top() == top),
            administer_site: true,
        }
    }

    fn attempt(&mut self, deed: &Deed) {
        let (whom, after) = match *deed {
            Deed::Strip(role) => return self.strip(role),
            Deed::Delete(whom) => {
                let others = self.others(whom);
                if self.people[whom]
                    .as_ref()
                    .is_some_and(|one| may_delete(&Actor::Operator, one, others).is_ok())
                {
                    self.people[whom] = None;
                }
                return;
            }
            Deed::Disable(whom) => {
                (whom, self.people[whom].clone().map(|one| Standing { status: Status::Disabled, ..one }))
            }
            Deed::Demote(whom) => {
                let user = |one: Standing| {
                    let role = RoleFacts { top_id: one.place.top().cloned(), ..role("User") };
                    Standing { role, ..one }
                };
                (whom, self.people[whom].clone().map(user))
            }
            Deed::Move(whom, path) => {
                let place = self.at(path);
                let moved = |one: Standing| {
                    let role = RoleFacts { top_id: place.top().cloned(), ..one.role };
                    Standing { place, role, ..one }
                };
                (whom, self.people[whom].clone().map(moved))
            }
        };
        let (Some(now), Some(then)) = (&self.people[whom], after) else { return };
        let after = After { status: then.status, place: then.place.clone(), role: then.role.clone() };
        if may_change(&Actor::Operator, now, &after, self.others(whom)).is_ok() {
            self.people[whom] = Some(then);
        }
    }

    /// Takes the override from everybody of a role.
    fn strip(&mut self, role: usize) {
        let before = self.roles[role].clone();
        let has = |one: &Standing| one.role.id == before.id;
        let top = before.top_id.as_ref();
        let remaining = Remaining {
            override_2fa: (0..PATHS.len()).filter(|path| self.on[*path]).all(|path| {
                let here = |one: &Standing| one.place.lineage == at(PATHS[path]).lineage;
                !self.any(|_, one| here(one) && has(one)) || self.any(|_, one| here(one) && !has(one))
            }),
            override_in_tree: !self.asks(top)
                || !self.any(|_, one| has(one))
                || self.any(|_, one| !has(one) && one.place.top() == top),
            ..KEPT
        };
        let after = RoleFacts { rights: Rights::default(), ..before.clone() };
        if may_change_role(&Actor::Operator, &at("acme"), &before, &after, remaining).is_ok() {
            for one in self.people.iter_mut().flatten().filter(|one| has(one)) {
                one.role.rights = Rights::default();
            }
            self.roles[role] = after;
        }
    }
}

proptest! {
    /// Whatever is done to whom: who had somebody that gets in when the mail is broken has somebody still.
    #[test]
    fn no_tree_that_asks_for_codes_loses_everybody_who_gets_in_without(
        deeds in deeds(), on in proptest::collection::vec(any::<bool>(), 5), paths in proptest::collection::vec(0..4usize, 5),
    ) {
        let roles: Vec<RoleFacts> = ["first", "second", "third"].map(|id| made(id, 512, "override_2fa")).into();
        let mut holders = Holders { roles: roles.clone(), people: Vec::new(), on };
        for (n, path) in paths.iter().enumerate() {
            let (id, place, role) = (n.to_string(), holders.at(*path), roles[n % 3].clone());
            holders.people.push(Some(Standing { id, status: Status::Active, place, role }));
        }
        for deed in &deeds {
            holders.attempt(deed);
        }
        let acme = Some("acme".to_owned());
        prop_assert!(!holders.asks(acme.as_ref()) || holders.any(|_, one| one.place.top() == acme.as_ref()));
        for path in paths.iter().filter(|path| holders.on[**path]) {
            prop_assert!(holders.any(|_, one| one.place.lineage == at(PATHS[*path]).lineage), "{}", PATHS[*path]);
        }
    }
}
