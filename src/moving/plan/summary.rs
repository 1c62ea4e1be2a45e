//! How is a plan told? Counts, and the names behind those that matter.

use std::collections::{BTreeMap, HashSet};

use super::super::source::Note;
use super::merge::Deed;
use super::people::{PlannedUser, Whither};
use super::places::{GroupRef, PlannedRole};
use super::{LeftOut, Plan};
use crate::directory::rights::{Right, own};
use crate::signin::preview::{Lot, Obstacle};

/// How many of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// That come.
    pub new: u64,
    /// That came before, and have changed there since.
    pub changed: u64,
    /// Of which nothing is to be done.
    pub unchanged: u64,
}

/// Somebody who could not sign in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct KeptOut {
    /// The login.
    pub login: String,
    /// Why.
    pub why: Obstacle,
}

/// Somebody who will sign in without a code where others are asked for one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Holder {
    /// The login.
    pub login: String,
    /// Their role.
    pub role: String,
    /// The path of their group; none for the site's administrators.
    pub group: Option<String>,
}

/// What there is to know of a plan.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Summary {
    /// The groups.
    pub groups: Counts,
    /// The roles.
    pub roles: Counts,
    /// The people.
    pub users: Counts,
    /// The apps.
    pub apps: Counts,
    /// How many of them cannot sign in there either.
    pub disabled: u64,
    /// How many were deleted there, and do not come.
    pub deleted_there: u64,
    /// How many came before, and are in the file no more: they stay.
    pub missing: u64,
    /// Who does not come, and why.
    pub left_out: Vec<LeftOut>,
    /// Groups that were here before and did not come from this source, by path, and how many people come into each.
    pub joined: BTreeMap<String, u64>,
    /// Who has no password that is known here, and is to be invited to choose one.
    pub invited: Vec<String>,
    /// Who would be asked for a code and has no way to get one.
    pub locked_out: Vec<KeptOut>,
    /// Who will hold `override_2fa`.
    pub override_2fa: Vec<Holder>,
    /// The groups whose people will be asked for a code.
    pub two_factor: Vec<String>,
    /// By tree and role, the rights that are acted on here.
    pub rights: BTreeMap<String, Vec<String>>,
    /// What was changed on both sides, and stays as it is here.
    pub kept: Vec<String>,
    /// What else is to be known.
    pub notes: Vec<Note>,
}

/// What would become of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Where in the file.
    pub line: u64,
    /// The login.
    pub login: String,
    /// `new`, `changed`, `unchanged` or `left_out`.
    pub what: &'static str,
    /// Why they do not come, or cannot sign in.
    pub reason: String,
    /// Whether they would come, and could not sign in.
    pub locked_out: bool,
}

impl Counts {
    fn of<'d>(deeds: impl Iterator<Item = &'d Deed>) -> Self {
        let mut counts = Self::default();
        for deed in deeds {
            match deed {
                Deed::Add => counts.new += 1,
                Deed::Change(..) => counts.changed += 1,
                Deed::Adopt(_) | Deed::Same(_) | Deed::Gone => counts.unchanged += 1,
            }
        }
        counts
    }
}

impl Plan {
    /// Sums it up.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let active = || self.users.iter().filter(|user| !user.disabled);
        let holder = |user: &PlannedUser| Holder {
            login: user.login.to_string(),
            role: user.place.1.clone(),
            group: user.place.0.clone(),
        };
        let kept_out = |user: &PlannedUser| match user.lot {
            Lot::LockedOut(why) => Some(KeptOut { login: user.login.to_string(), why }),
            Lot::Asked | Lot::GoesOn(_) | Lot::LetIn => None,
        };
        let asks = |group: &&super::PlannedGroup| group.two_factor == Some(crate::directory::TwoFactor::On);
        Summary {
            groups: Counts::of(self.groups.iter().map(|group| &group.deed)),
            roles: Counts::of(self.roles.iter().map(|role| &role.deed)),
            users: Counts::of(self.users.iter().map(|user| &user.deed)),
            apps: Counts { new: self.apps.len() as u64, changed: 0, unchanged: self.apps_here },
            disabled: self.users.iter().filter(|user| user.disabled).count() as u64,
            deleted_there: self.deleted,
            missing: self.missing,
            left_out: self.left_out.clone(),
            joined: self.joined(),
            invited: self
                .users
                .iter()
                .filter(|user| user.is_invited())
                .map(|user| user.login.to_string())
                .collect(),
            locked_out: active().filter_map(kept_out).collect(),
            override_2fa: active().filter(|user| user.overrides).map(holder).collect(),
            two_factor: self.groups.iter().filter(asks).map(|group| group.path.clone()).collect(),
            rights: self.rights(),
            kept: self.kept(),
            notes: self.notes.clone(),
        }
    }

    /// What would become of everybody, in the order of the file.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        let come = self.users.iter().map(|user| {
            let locked_out = matches!(user.lot, Lot::LockedOut(_)) && !user.disabled;
            let reason = match (locked_out, user.is_invited()) {
                (true, _) => "a code is asked for, and there is no email to send it to",
                (false, true) => "no password comes along: they are to be invited",
                (false, false) => "",
            };
            let what = match user.deed {
                Deed::Add => "new",
                Deed::Change(..) => "changed",
                Deed::Adopt(_) | Deed::Same(_) | Deed::Gone => "unchanged",
            };
            Told {
                line: user.line,
                login: user.login.to_string(),
                what,
                reason: reason.to_owned(),
                locked_out,
            }
        });
        let stay = self.left_out.iter().map(|out| Told {
            line: out.line,
            login: out.login.clone(),
            what: "left_out",
            reason: out.reason.clone(),
            locked_out: false,
        });
        let mut told: Vec<Told> = come.chain(stay).collect();
        told.sort_by_key(|told| told.line);
        told
    }

    fn rights(&self) -> BTreeMap<String, Vec<String>> {
        let path =
            |key: &str| self.groups.iter().find(|group| group.key == key).map(|group| group.path.clone());
        let acted_on = |role: &PlannedRole| -> Vec<String> {
            let words = role.rights.iter().map(Right::as_str).filter(|word| own::OF_GROUPS.contains(word));
            words.map(str::to_owned).collect()
        };
        let named = |role: &PlannedRole| {
            format!("{}: {} ({})", path(&role.top).unwrap_or_default(), role.name, role.rank)
        };
        self.roles.iter().map(|role| (named(role), acted_on(role))).collect()
    }

    fn joined(&self) -> BTreeMap<String, u64> {
        let adopted = self.groups.iter().filter(|group| matches!(group.deed, Deed::Adopt(_)));
        let mut joined: BTreeMap<String, u64> = adopted.map(|group| (group.path.clone(), 0)).collect();
        let own: HashSet<&str> = self
            .groups
            .iter()
            .filter_map(|group| match &group.deed {
                Deed::Same(id) | Deed::Change(id, _) => Some(id.as_str()),
                Deed::Add | Deed::Adopt(_) | Deed::Gone => None,
            })
            .collect();
        for user in self.users.iter().filter(|user| user.deed == Deed::Add) {
            if let (Whither::Group(GroupRef::Id(id), _), (Some(path), _)) = (&user.whither, &user.place)
                && !own.contains(id.as_str())
            {
                *joined.entry(path.clone()).or_default() += 1;
            }
        }
        joined
    }

    fn kept(&self) -> Vec<String> {
        let line = |what: String, kept: &[super::Field]| {
            let names: Vec<&str> = kept.iter().map(|field| field.name()).collect();
            (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
        };
        let groups =
            self.groups.iter().filter_map(|group| line(format!("group {}", group.path), &group.kept));
        let roles = self.roles.iter().filter_map(|role| line(format!("role {}", role.name), &role.kept));
        let users = self.users.iter().filter_map(|user| line(format!("user {}", user.login), &user.kept));
        groups.chain(roles).chain(users).collect()
    }
}
