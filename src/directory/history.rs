//! What does the audit log say of a change of a user: which fields, and what was in them before and after?

use serde_json::{Map, Value, json};

use super::users::Changes;
use super::{Claim, Person};
use crate::audit::Event;

/// Adds to an event what a change of a user has changed.
pub(super) fn changed(event: Event, before: &Person, after: &Person, changes: &Changes) -> Event {
    let mut fields = Vec::new();
    let (mut was, mut is) = (Map::new(), Map::new());
    let (old, new) = (facts(before), facts(after));
    for (name, asked) in [
        ("login", changes.login.is_some()),
        ("name", changes.name.is_some()),
        ("email", changes.email.is_some()),
        ("email_verified", changes.email_verified.is_some()),
        ("status", changes.status.is_some()),
        ("group", changes.group.is_some() || changes.to_site),
        ("role", changes.role.is_some()),
    ] {
        if asked {
            fields.push(name);
        }
        let (old, new) =
            (old.get(name).cloned().unwrap_or_default(), new.get(name).cloned().unwrap_or_default());
        if old != new {
            was.insert(name.to_owned(), old);
            is.insert(name.to_owned(), new);
        }
    }
    fields.extend(changes.claims.claims().map(Claim::name));
    event.user(&before.id).detail("fields", fields).detail("before", was).detail("after", is)
}

fn facts(person: &Person) -> Map<String, Value> {
    let facts = json!({
        "login": person.login,
        "name": person.name,
        "email": person.email,
        "email_verified": person.email_verified_at.is_some(),
        "status": person.status.name(),
        "group": person.group.as_ref().map(|group| group.id.as_str()),
        "role": person.role.name,
    });
    facts.as_object().cloned().unwrap_or_default()
}
