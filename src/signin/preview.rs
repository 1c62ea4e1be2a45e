//! Who could no longer sign in if two-factor were on in a group, and who would not be asked? Told before it is switched,
//! by the same decision as the sign-in's. It only reads, page by page: nobody waits for it, however large the group.

use std::fmt;

use super::decide::{Demand, Facts, Next, Reach, Strength, decide};
use crate::directory::people::Need;
use crate::directory::rights::{Rights, own};
use crate::directory::{Error, TwoFactor, groups, people, roles};
use crate::store::groups::GroupRow;
use crate::store::{Conn, users};

/// The most names in one sentence.
const NAMED_AT_MOST: i64 = 20;

/// What switching two-factor on would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The group's path.
    pub path: String,
    /// Those of the group who need a code and have no address that it could go to.
    pub no_address: Named,
    /// Those of the group who need a code, and whose codes are stopped after too many wrong ones.
    pub codes_stopped: Named,
    /// The active holders of `override_2fa` in the tree.
    pub overriders: Named,
    /// The names of the tree's roles that may switch two-factor and have no `override_2fa`.
    pub switchers_without_override: Vec<String>,
}

/// How many people there are, and the first of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// At most twenty logins.
    pub names: Vec<String>,
    /// How many there are in all.
    pub count: i64,
}

/// Looks at what two-factor would do in a group, whether it is on already or not.
///
/// # Errors
/// When the database refuses.
pub async fn turning_on(conn: &mut Conn, group: &GroupRow, now: i64) -> Result<Preview, Error> {
    let (mut no_address, mut codes_stopped) = (Named::default(), Named::default());
    let mut after = String::new();
    loop {
        let (page, next) = people::needs(conn, &group.id, &after).await?;
        for need in page {
            match next_step(&need, now) {
                Next::NoAddress | Next::Unmet => no_address.add(need.login),
                Next::CodesStopped => codes_stopped.add(need.login),
                Next::Password
                | Next::Code { .. }
                | Next::Hindered(_)
                | Next::LongerPassword
                | Next::Done(_) => {}
            }
        }
        match next {
            Some(key) => after = key,
            None => break,
        }
    }
    let (count, names) = users::overriders(conn, &group.top_id, NAMED_AT_MOST).await?;
    let mut switchers_without_override = Vec::new();
    for role in roles::of_tree(conn, group).await? {
        let rights = Rights::parse(&role.rights)?;
        if rights.has(own::MANAGE_ADVANCED_SETTINGS) && !rights.has(own::OVERRIDE_2FA) {
            switchers_without_override.push(role.name);
        }
    }
    let (path, overriders) = (groups::path(conn, &group.id).await?, Named { names, count });
    Ok(Preview { path, no_address, codes_stopped, overriders, switchers_without_override })
}

/// What a sign-in by this person would ask for after the password, with two-factor on.
fn next_step(need: &Need, now: i64) -> Next {
    decide(Some(&Facts {
        two_factor: TwoFactor::On,
        overrides: need.overrides,
        // A code that was handed over lets them in once, and is no way to reach them tomorrow.
        reach: if need.has_address { Reach::Email } else { Reach::Nowhere },
        demand: Demand::Whatever,
        codes_stopped: need.codes_stopped,
        strength: Strength::Alone,
        password_at: now,
        code_at: None,
        skipped_at: None,
        hindrance: None,
    }))
}

impl Named {
    fn add(&mut self, login: String) {
        if self.count < NAMED_AT_MOST {
            self.names.push(login);
        }
        self.count += 1;
    }

    /// The names, how many more there are, and the command that lists them all.
    fn told(&self, command: &str) -> String {
        let named = i64::try_from(self.names.len()).unwrap_or(i64::MAX);
        match self.count.saturating_sub(named) {
            ..=0 => self.names.join(", "),
            more => format!("{} and {} more: {command}", self.names.join(", "), thousands(more)),
        }
    }
}

impl Preview {
    /// Whether everyone who can sign in now still could.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.no_address.count == 0 && self.codes_stopped.count == 0
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = |filter: &str| {
            format!("`countersign user list --group {} --filter {filter}`", quoted(&self.path))
        };
        if self.is_harmless() {
            writeln!(f, "Everyone in this group can be sent a code, or needs none.")?;
        }
        if self.no_address.count > 0 {
            let names = self.no_address.told(&command("no-address"));
            writeln!(f, "Cannot sign in with two-factor on, for want of an email address: {names}.")?;
        }
        if self.codes_stopped.count > 0 {
            let names = self.codes_stopped.told(&command("codes-stopped"));
            writeln!(f, "Cannot sign in with two-factor on before `countersign user unlock`: {names}.")?;
        }
        if self.overriders.count == 0 {
            writeln!(f, "Nobody here holds override_2fa: when mail fails, nobody gets in to repair it.")?;
        } else {
            let names = self.overriders.told("`countersign user list --filter override`");
            writeln!(f, "Sign in without a code, by override_2fa: {names}.")?;
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

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/_.-".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

/// `199980` as `199,980`.
fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_named_and_the_others_counted() {
        let mut some = Named::default();
        (0..200_000).for_each(|n| some.add(format!("u{n}")));
        let told = some.told("`list`");
        assert!(told.starts_with("u0, u1, ") && told.ends_with("u19 and 199,980 more: `list`"), "{told}");
        let few = Named { names: vec!["a".to_owned(), "b".to_owned()], count: 2 };
        assert_eq!(few.told("`list`"), "a, b");
    }

    #[test]
    fn a_path_is_quoted_where_a_shell_would_break_it() {
        for (path, expected) in
            [("Acme/Design", "Acme/Design"), ("Acme GmbH", "'Acme GmbH'"), ("O'Hara", "'O'\\''Hara'")]
        {
            assert_eq!(quoted(path), expected);
        }
        for (number, expected) in [(7, "7"), (1000, "1,000"), (199_980, "199,980"), (1_234_567, "1,234,567")]
        {
            assert_eq!(thousands(number), expected);
        }
    }
}
