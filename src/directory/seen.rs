//! Two managers change one user: has anything that this one overwrites been changed since they saw it?

use super::users::Changes;
use super::{Error, Person};

/// What somebody saw of a user before they changed something; what is none they do not insist on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The full name, or nothing.
    pub name: Option<String>,
    /// The email address, or nothing.
    pub email: Option<String>,
    /// The role's name.
    pub role: Option<String>,
    /// The status, as a word.
    pub status: Option<String>,
    /// The group's id, or nothing.
    pub group: Option<String>,
}

impl Seen {
    /// Everything that somebody sees of a user.
    #[must_use]
    pub fn of(person: &Person) -> Self {
        let group = person.group.as_ref().map(|group| group.id.clone());
        Self {
            name: Some(person.name.clone().unwrap_or_default()),
            email: Some(person.email.clone().unwrap_or_default()),
            role: Some(person.role.name.clone()),
            status: Some(person.status.name().to_owned()),
            group: Some(group.unwrap_or_default()),
        }
    }

    /// Refuses changes of what holds something else by now than what was seen.
    pub(super) fn refuse_overtaken(&self, person: &Person, changes: &Changes) -> Result<(), Error> {
        let now = Self::of(person);
        let fields = [
            ("name", changes.name.is_some(), &self.name, &now.name),
            ("email", changes.email.is_some(), &self.email, &now.email),
            ("role", changes.role.is_some(), &self.role, &now.role),
            ("status", changes.status.is_some(), &self.status, &now.status),
            ("group", changes.group.is_some() || changes.to_site, &self.group, &now.group),
        ];
        let overtaken =
            fields.into_iter().filter(|(_, set, seen, now)| *set && seen.is_some() && seen != now);
        let overtaken: Vec<&'static str> = overtaken.map(|(field, ..)| field).collect();
        if overtaken.is_empty() { Ok(()) } else { Err(Error::Overtaken(overtaken)) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn only_what_was_changed_by_both_is_refused() {
        let before = sample("nia", None);
        let now = sample("nia", Some("nia@example.org"));
        let email = Changes { email: Some(None), seen: Seen::of(&before), ..Changes::default() };
        let name = Changes { name: Some("Nia".to_owned()), seen: Seen::of(&before), ..Changes::default() };
        let blind = Changes { email: Some(None), ..Changes::default() };
        for (changes, person, expected) in [
            (&email, &before, None),
            (&email, &now, Some(vec!["email"])),
            (&name, &now, None),
            (&blind, &now, None),
        ] {
            let refused = match changes.seen.refuse_overtaken(person, changes) {
                Ok(()) => None,
                Err(Error::Overtaken(fields)) => Some(fields),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(refused, expected, "{changes:?}");
        }
    }
}
