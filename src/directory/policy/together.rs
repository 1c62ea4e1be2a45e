//! What can people come to who try everything, alone or together?

use super::super::person::Status;
use super::super::rights::{DEFAULT_ROLES, Rights, own};
use super::roles::may_change_role;
use super::samples::{KEPT, PLENTY, at, made, role};
use super::standing::{Actor, RoleFacts, Standing};
use super::users::{After, may_add, may_change};
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
