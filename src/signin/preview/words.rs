//! How does the command line tell what a setting would do?

use std::fmt;

use super::{MailCheck, Named, Objection, Preview};
use crate::directory::TwoFactor;

impl Named {
    /// The names, how many more there are, and the command that lists them all.
    fn told(&self, command: &str) -> String {
        let named = i64::try_from(self.names.len()).unwrap_or(i64::MAX);
        match self.count.saturating_sub(named) {
            ..=0 => self.names.join(", "),
            more => format!("{} and {} more: {command}", self.names.join(", "), thousands(more)),
        }
    }
}

impl Objection {
    /// What speaks against it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoOverride => {
                "nobody active here holds override_2fa: when mail fails, nobody gets in to repair it"
            }
            Self::MailFails => "mail does not work at this moment: nobody would get a code",
        }
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = |filter: &str| {
            format!("`countersign user list --group {} --filter {filter}`", quoted(&self.path))
        };
        let hindered = self.no_address.count + self.codes_stopped.count;
        if self.locked_out() == 0 && hindered == 0 && self.to != TwoFactor::Off {
            writeln!(f, "Everyone in this group can be sent a code, or needs none.")?;
        }
        for (some, filter, why) in [
            (&self.no_address, "no-address", ", for want of an email address"),
            (&self.undelivered, "undelivered", ", because the last message did not reach their address"),
            (&self.codes_stopped, "codes-stopped", " before `countersign user unlock`"),
        ] {
            if some.count > 0 {
                let names = some.told(&command(filter));
                if self.to == TwoFactor::On {
                    writeln!(f, "Cannot sign in with two-factor on{why}: {names}.")?;
                } else {
                    writeln!(f, "Could not be sent a code, and go on without one{why}: {names}.")?;
                }
            }
        }
        if self.invited.count > 0 {
            let names = self.invited.told(&command("invited"));
            let then = match self.to {
                TwoFactor::Rehearse => "are sent a code once they have, if they have an address",
                TwoFactor::Off | TwoFactor::On => "need a code once they have",
            };
            writeln!(f, "Have not chosen a password yet, and {then}: {names}.")?;
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
        match &self.mail {
            Some(MailCheck { works: false, words, .. }) => {
                writeln!(f, "Mail does not work at this moment: {words}.")
            }
            Some(MailCheck { works: true, .. }) | None => Ok(()),
        }
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
        (0..200_000).for_each(|n| some.add(String::new(), format!("u{n}")));
        let told = some.told("`list`");
        assert!(told.starts_with("u0, u1, ") && told.ends_with("u7 and 199,992 more: `list`"), "{told}");
        let few = Named::of(["a", "b"].map(|name| (String::new(), name.to_owned())).to_vec(), 2);
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
