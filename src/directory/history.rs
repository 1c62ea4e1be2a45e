//! What does the audit log say of a change of a user: which fields, and what was in them before and after?

use serde_json::{Map, Value, json};

use super::users::Changes;
use super::{Claim, Person};
use crate::audit::Event;

/// Adds to an event what is known of a user who was added.
pub(super) fn added(event: Event, facts: [(&str, Option<&str>); 3]) -> Event {
    facts.into_iter().fold(event, |event, (name, known)| match known {
        Some(known) => event.detail(name, known),
        None => event,
    })
}

/// Adds to an event what a change of a user has changed.
pub(super) fn changed(event: Event, before: &Person, after: &Person, changes: &Changes) -> Event {
    let mut fields = Vec::new();
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
    }
    fields.extend(changes.claims.claims().map(Claim::name));
    altered(event.user(&before.id).detail("fields", fields), &facts(before), &facts(after))
}

/// Adds to an event which of these facts are others now: what they were (`before`) and what they are (`after`).
pub(super) fn altered(event: Event, before: &Value, after: &Value) -> Event {
    let (mut was, mut is) = (Map::new(), Map::new());
    for (name, old) in before.as_object().into_iter().flatten() {
        let new = after.get(name).cloned().unwrap_or_default();
        if *old != new {
            was.insert(name.clone(), old.clone());
            is.insert(name.clone(), new);
        }
    }
    event.detail("before", was).detail("after", is)
}

fn facts(person: &Person) -> Value {
    json!({
        "login": person.login,
        "name": person.name,
        "email": person.email,
        "email_verified": person.email_verified_at.is_some(),
        "status": person.status.name(),
        "group": person.group.as_ref().map(|group| group.id.as_str()),
        "role": person.role.name,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::audit::Actor;

    #[test]
    fn only_what_is_another_now_is_told_as_it_was_and_as_it_is() {
        let before = sample("nia", None);
        let now = sample("nia", Some("nia@example.org"));
        let event = altered(Event::new("user.changed", Actor::Operator), &facts(&before), &facts(&now));
        let told = format!("{event:?}");
        assert!(told.contains(r#""before": Object {"email": Null}"#), "{told}");
        assert!(told.contains(r#""after": Object {"email": String("nia@example.org")}"#), "{told}");
    }
}
