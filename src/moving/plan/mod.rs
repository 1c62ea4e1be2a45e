//! What would an import do? Decided over plain facts, before anything is done; the dry run and the import itself read the same plan.

mod merge;
mod people;
mod places;
mod summary;

use super::here::Here;
use super::source::{App, Note, Source};

pub use merge::{Deed, Field};
pub use people::{Given, PlannedUser, Whither};
pub use places::{GroupRef, PlannedGroup, PlannedRole, RoleRef};
pub(super) use places::{group_said, role_said};
pub use summary::{Counts, Holder, KeptOut, Summary, Told};

/// What would happen.
#[derive(Debug, Default)]
pub struct Plan {
    /// The groups, each after the one that it is part of.
    pub groups: Vec<PlannedGroup>,
    /// The roles.
    pub roles: Vec<PlannedRole>,
    /// The people.
    pub users: Vec<PlannedUser>,
    /// The apps that are not here yet.
    pub apps: Vec<App>,
    /// How many of the apps are here.
    pub apps_here: u64,
    /// Who does not come, and why.
    pub left_out: Vec<LeftOut>,
    /// How many were there once and do not come.
    pub deleted: u64,
    /// How many came before and are in the file no more.
    pub missing: u64,
    /// What else is to be known.
    pub notes: Vec<Note>,
}

/// Somebody who does not come.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// Where in the file.
    pub line: u64,
    /// The login, as it is written there.
    pub login: String,
    /// Why, and what to do.
    pub reason: String,
}

/// Plans an import.
#[must_use]
pub fn plan(source: Source, here: &Here) -> Plan {
    let Source { groups, roles, users, apps, notes } = source;
    let mut plan = Plan { notes, ..Plan::default() };
    let places = places::plan(groups, roles, here, &mut plan);
    people::plan(users, &places, here, &mut plan);
    let (known, new) = apps.into_iter().partition(|app: &App| here.apps.contains(&app.id));
    (plan.apps, plan.apps_here) = (new, Vec::len(&known) as u64);
    plan
}

impl Plan {
    fn note(&mut self, line: Option<u64>, text: impl Into<String>) {
        self.notes.push(Note { line, text: text.into() });
    }
}
