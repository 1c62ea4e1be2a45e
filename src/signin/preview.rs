//! Who could no longer sign in if two-factor were on in a group, and who would not be asked? Told before it is switched,
//! by the same decision as the sign-in's.

use std::fmt;

use super::decide::{Demand, Facts, Next, Reach, decide};
use super::facts;
use crate::directory::rights::{Rights, own};
use crate::directory::{Error, Person, Status, people, roles};
use crate::store::Conn;
use crate::store::groups::GroupRow;

/// The most names in one sentence.
const NAMED: usize = 20;

/// What switching two-factor on would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Those of the group who need a code and have no address that it could go to.
    pub no_address: Vec<Person>,
    /// Those of the group who need a code, and whose codes are stopped after too many wrong ones.
    pub codes_stopped: Vec<Person>,
    /// The active holders of `override_2fa` in the tree.
    pub overriders: Vec<Person>,
    /// The names of the tree's roles that may switch two-factor and have no `override_2fa`.
    pub switchers_without_override: Vec<String>,
}

/// Looks at what two-factor would do in a group, whether it is on already or not.
///
/// # Errors
/// When the database refuses.
pub async fn turning_on(
    conn: &mut Conn,
    group: &GroupRow,
    attempts: i64,
    now: i64,
) -> Result<Preview, Error> {
    let (mut no_address, mut codes_stopped) = (Vec::new(), Vec::new());
    for person in people::all(conn, Some(&group.id)).await? {
        if person.status == Status::Disabled {
            continue;
        }
        let facts = facts::about(conn, &person, Demand::Whatever, attempts, now).await?;
        // A code that was handed over lets them in once, and is no way to reach them tomorrow.
        let reach = person.deliverable_address().map_or(Reach::Nowhere, |_| Reach::Email);
        match decide(Some(&Facts { two_factor: true, reach, ..facts })) {
            Next::NoAddress | Next::Unmet => no_address.push(person),
            Next::CodesStopped => codes_stopped.push(person),
            Next::Password | Next::Code | Next::Done(_) => {}
        }
    }
    let mut overriders = people::overriders(conn, Some(&group.top_id)).await?;
    overriders.retain(|person| person.group.is_some());
    let mut switchers_without_override = Vec::new();
    for role in roles::list(conn, Some(group)).await? {
        let rights = Rights::parse(&role.rights)?;
        if rights.has(own::MANAGE_ADVANCED_SETTINGS) && !rights.has(own::OVERRIDE_2FA) {
            switchers_without_override.push(role.name);
        }
    }
    Ok(Preview { no_address, codes_stopped, overriders, switchers_without_override })
}

impl Preview {
    /// Whether everyone who can sign in now still could.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.no_address.is_empty() && self.codes_stopped.is_empty()
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_harmless() {
            writeln!(f, "Everyone in this group can be sent a code, or needs none.")?;
        }
        if !self.no_address.is_empty() {
            let names = names(&self.no_address);
            writeln!(f, "Cannot sign in with two-factor on, for want of an email address: {names}.")?;
        }
        if !self.codes_stopped.is_empty() {
            let names = names(&self.codes_stopped);
            writeln!(f, "Cannot sign in with two-factor on before `countersign user unlock`: {names}.")?;
        }
        if self.overriders.is_empty() {
            writeln!(f, "Nobody here holds override_2fa: when mail fails, nobody gets in to repair it.")?;
        } else {
            writeln!(f, "Sign in without a code, by override_2fa: {}.", names(&self.overriders))?;
        }
        for role in &self.switchers_without_override {
            writeln!(
                f,
                "A {role} may switch two-factor on and has no override: they need a code like everyone else."
            )?;
        }
        Ok(())
    }
}

fn names(people: &[Person]) -> String {
    let shown: Vec<&str> = people.iter().take(NAMED).map(|person| person.login.as_str()).collect();
    match people.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
