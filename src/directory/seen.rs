//! Two managers change one user: has anything that this one overwrites been changed since they saw it?

use serde_json::Value;

use super::users::Changes;
use super::{Address, Error, Person, Status};
use crate::store::Conn;
use crate::store::audit::{self, Wanted};
use crate::store::groups::GroupRow;

/// The most changes of a user since then that are looked at.
const LOOKED_AT: i64 = 100;

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
    /// When, in milliseconds since 1970, where it is not enough that the same is so again: what was disabled, let in and disabled once more
    /// by somebody else is theirs.
    pub at_ms: Option<i64>,
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
            at_ms: None,
        }
    }
}

impl Changes {
    /// What of these changes is still to be made: not what somebody else has made of it already since it was seen, or the same person by
    /// pressing a button twice. None where that is all of them.
    ///
    /// # Errors
    /// When something else is so by now than what was seen.
    pub(super) fn still_to_make(mut self, person: &Person) -> Result<Option<Self>, Error> {
        let (seen, now) = (self.seen.clone(), Seen::of(person));
        let name = |name: &String| Some(name.trim()) == now.name.as_deref();
        let email = |email: &Option<Address>| email.as_ref().map(Address::as_str) == person.email.as_deref();
        let status = |status: &Status| match status {
            Status::Disabled => person.status == Status::Disabled,
            Status::Active | Status::Invited => person.status != Status::Disabled,
        };
        let group = |group: &GroupRow| Some(&group.id) == now.group.as_ref();
        let found = [
            ("name", weigh(&mut self.name, (&seen.name, &now.name), name)),
            ("email", weigh(&mut self.email, (&seen.email, &now.email), email)),
            ("role", weigh(&mut self.role, (&seen.role, &now.role), |role| role.id == person.role.id)),
            ("status", weigh(&mut self.status, (&seen.status, &now.status), status)),
            ("group", weigh(&mut self.group, (&seen.group, &now.group), group)),
        ];
        let of = |which| found.iter().filter(move |(_, it)| *it == which).map(|(field, _)| *field);
        let overtaken: Vec<&'static str> = of(Weighed::Overtaken).collect();
        if !overtaken.is_empty() {
            return Err(Error::Overtaken(overtaken));
        }
        let is_made = of(Weighed::Made).next().is_some() && self.fields().next().is_none() && self.is_plain();
        Ok((!is_made).then_some(self))
    }

    /// Refuses changes of what somebody has changed since it was seen, even if the same is so again.
    ///
    /// # Errors
    /// When somebody has, or the database refuses.
    pub(super) async fn refuse_changed_since(&self, conn: &mut Conn, person: &Person) -> Result<(), Error> {
        let Some(at_ms) = self.seen.at_ms else { return Ok(()) };
        let wanted = Wanted {
            user_id: Some(&person.id),
            kind: Some("user.changed"),
            since_ms: Some(at_ms.saturating_add(1)),
            ..Wanted::default()
        };
        let events = audit::newest(conn, wanted, (i64::MAX, ""), LOOKED_AT).await?;
        let before = |details: &str| serde_json::from_str::<Value>(details).ok()?.get("before").cloned();
        let before: Vec<Value> = events.iter().filter_map(|event| before(&event.details)).collect();
        let overtaken: Vec<_> =
            self.fields().filter(|field| before.iter().any(|was| was.get(field).is_some())).collect();
        if overtaken.is_empty() { Ok(()) } else { Err(Error::Overtaken(overtaken)) }
    }

    /// What is set of what a [`Seen`] says.
    fn fields(&self) -> impl Iterator<Item = &'static str> {
        let fields = [
            ("name", self.name.is_some()),
            ("email", self.email.is_some()),
            ("role", self.role.is_some()),
            ("status", self.status.is_some()),
            ("group", self.group.is_some()),
        ];
        fields.into_iter().filter(|(_, set)| *set).map(|(field, _)| field)
    }

    /// Whether nothing is set beside that.
    fn is_plain(&self) -> bool {
        self.login.is_none() && self.email_verified.is_none() && !self.to_site && self.claims.is_empty()
    }
}

/// What has become of a change since its sender saw what it changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weighed {
    /// Nothing.
    AsSeen,
    /// Somebody has made it: it is taken out.
    Made,
    /// Somebody has made another.
    Overtaken,
}

fn weigh<T>(
    change: &mut Option<T>,
    (seen, now): (&Option<String>, &Option<String>),
    is_made: impl Fn(&T) -> bool,
) -> Weighed {
    match change.as_ref().filter(|_| seen.is_some() && seen != now) {
        None => Weighed::AsSeen,
        Some(value) if is_made(value) => {
            *change = None;
            Weighed::Made
        }
        Some(_) => Weighed::Overtaken,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn what_is_made_already_is_no_conflict_and_not_made_again() {
        let before = sample("nia", None);
        let now = sample("nia", Some("nia@example.org"));
        let email = Address::parse("nia@example.org").unwrap();
        let twice = Changes { email: Some(Some(email)), seen: Seen::of(&before), ..Changes::default() };
        assert!(twice.clone().still_to_make(&before).unwrap().is_some());
        assert!(twice.clone().still_to_make(&now).unwrap().is_none());
        let more = Changes { name: Some("Nia".to_owned()), ..twice.clone() };
        let left = more.still_to_make(&now).unwrap().unwrap();
        assert!(left.email.is_none() && left.name.as_deref() == Some("Nia"));
        let vouched = Changes { email_verified: Some(true), ..twice };
        assert!(vouched.still_to_make(&now).unwrap().is_some());
    }

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
            let refused = match changes.clone().still_to_make(person) {
                Ok(_) => None,
                Err(Error::Overtaken(fields)) => Some(fields),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(refused, expected, "{changes:?}");
        }
    }
}
