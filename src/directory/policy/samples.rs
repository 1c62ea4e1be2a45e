//! Who acts on whom in the tests of the rules?

use super::super::person::Status;
use super::super::rights::{DEFAULT_ROLES, Rights, SITE_ADMINISTRATOR};
use super::roles::Remaining;
use super::standing::{Actor, Place, RoleFacts, Standing};
use super::users::{After, Others};

/// Everybody has somebody beside them.
pub(super) const PLENTY: Others =
    Others { override_2fa: true, override_in_tree: true, administer_site: true };
/// Nobody has.
pub(super) const NOBODY: Others =
    Others { override_2fa: false, override_in_tree: false, administer_site: false };
/// Nothing is lost.
pub(super) const KEPT: Remaining =
    Remaining { override_2fa: true, override_in_tree: true, administer_site: true };

/// `acme`, `acme/design`, `acme/design/web`, `acme/sales`; another tree `bolt`; and the site itself.
pub(in crate::directory) fn at(path: &str) -> Place {
    let mut lineage: Vec<String> =
        path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    lineage.reverse();
    Place { lineage, two_factor: !path.is_empty() }
}

/// A role that every site begins with, as `acme` has it.
pub(in crate::directory) fn role(name: &str) -> RoleFacts {
    let role = DEFAULT_ROLES.iter().find(|role| role.name == name);
    made(name, role.map_or(0, |role| role.rank), role.map_or("", |role| role.rights))
}

/// A role of `acme`.
pub(super) fn made(name: &str, rank: i64, rights: &str) -> RoleFacts {
    RoleFacts {
        id: name.to_owned(),
        top_id: Some("acme".to_owned()),
        rank,
        rights: Rights::parse(rights).unwrap(),
    }
}

/// Somebody with this role, which serves their own tree.
pub(super) fn standing(id: &str, path: &str, role: RoleFacts) -> Standing {
    let place = at(path);
    let role = RoleFacts { top_id: place.top().cloned(), ..role };
    Standing { id: id.to_owned(), status: Status::Active, place, role }
}

/// Somebody with a role that every site begins with.
pub(super) fn user(id: &str, path: &str, name: &str) -> Standing {
    standing(id, path, role(name))
}

/// Somebody of no group.
pub(in crate::directory) fn site_administrator(id: &str) -> Standing {
    standing(id, "", made("site", SITE_ADMINISTRATOR.rank, SITE_ADMINISTRATOR.rights))
}

/// Somebody who acts.
pub(in crate::directory) fn actor(path: &str, name: &str) -> Actor {
    Actor::User(user("actor", path, name))
}

/// No change.
pub(super) fn same(target: &Standing) -> After {
    After { status: target.status, place: target.place.clone(), role: target.role.clone() }
}

/// A change of the role alone.
pub(super) fn with_role(target: &Standing, role: RoleFacts) -> After {
    After { role, ..same(target) }
}

/// A change of the group alone.
pub(super) fn moved_to(target: &Standing, path: &str) -> After {
    After { place: at(path), ..same(target) }
}
