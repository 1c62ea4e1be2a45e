//! What does it do to somebody when they are moved to another group? Said before it is done.

use super::Visit;
use super::confirm::Confirm;
use super::explained;
use super::field::{Said, Summed};
use super::groups_to_choose::problem;
use super::person_form;
use crate::directory::proof::makes_a_manager;
use crate::directory::rights::Right;
use crate::directory::users::Changes;
use crate::directory::{Error, Person, TwoFactor, groups};
use crate::keys::secret::TokenHash;
use crate::oidc::clients::of_person;
use crate::store::Conn;
use crate::web::Problem;

/// The field that says what was read.
const SHOWN: &str = "shown";

/// The most apps that are named.
const NAMED: usize = 10;

/// The question before a move, if the rules allow it; else what they say. None where it has been answered, and the move does still what was
/// read then.
pub(super) async fn question(
    visit: &Visit,
    conn: &mut Conn,
    person: &Person,
    changes: &Changes,
) -> Result<Result<Option<Confirm>, Error>, Problem> {
    // An Undo says nothing of what it does: that was so a moment ago.
    if visit.is_confirmed() && visit.form.get(SHOWN).is_none() {
        return Ok(Ok(None));
    }
    let after = match person_form::would_be(visit, conn, person, changes).await? {
        Ok(after) => after,
        Err(refused) => return Ok(Err(refused)),
    };
    let (from, to) = (path(conn, person).await?, path(conn, &after).await?);
    let asked = Said::new("move-question").about(&person.called());
    let back = format!("/console/users/{}", person.id);
    let mut confirm = Confirm::of(visit, asked, "move-button", &back)
        .consequence(Said::new("move-from").about(&from))
        .consequence(Said::new("move-to").about(&to));
    for said in told(person, &after) {
        confirm = confirm.consequence(said);
    }
    let told = explained::of(visit, conn, &after).await?.said;
    confirm = confirm.consequence(explained::on_another_page(visit, person, told));
    let (lost, gained) = of_person::difference(conn, person, &after, NAMED).await?;
    for (key, names) in [("move-apps-lost", lost), ("move-apps-gained", gained)] {
        if !names.is_empty() {
            confirm = confirm.consequence(Said::new(key).about(&names.join(", ")));
        }
    }
    let mut confirm = confirm.consequence(Said::new("move-ends"));
    let told = serde_json::to_string(&confirm.consequences).unwrap_or_default();
    let mark = TokenHash::of(&told).as_str().to_owned();
    // What was read is what is done: a setting may have been switched there since.
    if visit.is_confirmed() {
        if visit.form.get(SHOWN) == Some(mark.as_str()) {
            return Ok(Ok(None));
        }
        confirm.errors = vec![Summed::new("", Said::new("wrong-move-meanwhile"))];
    }
    confirm.fields.retain(|(name, _)| name != SHOWN);
    confirm.fields.push((SHOWN.to_owned(), mark));
    Ok(Ok(Some(confirm)))
}

async fn path(conn: &mut Conn, person: &Person) -> Result<String, Problem> {
    match &person.group {
        Some(group) => groups::path(conn, &group.id).await.map_err(problem),
        None => Ok(String::new()),
    }
}

/// What of it follows from who they are and would be: role, rights, reach, two-factor.
fn told(before: &Person, after: &Person) -> Vec<Said> {
    let mut said = Vec::new();
    if before.role.id != after.role.id {
        said.push(Said::new("move-role").about(&after.role.name).counting(after.role.rank));
    }
    let only = |one: &Person, other: &Person| {
        let rights = one.role.rights.beyond(&other.role.rights);
        rights.map(Right::as_str).map(str::to_owned).collect::<Vec<_>>().join(", ")
    };
    for (key, rights) in
        [("move-rights-lost", only(before, after)), ("move-rights-gained", only(after, before))]
    {
        if !rights.is_empty() {
            said.push(Said::new(key).about(&rights));
        }
    }
    if let Some(group) = &after.group
        && makes_a_manager(&after.role.rights)
    {
        said.push(Said::new("move-reach").about(&group.name));
    }
    let setting = match (before.two_factor(), after.two_factor()) {
        (was, is) if was == is => None,
        (_, TwoFactor::On) => Some("move-two-factor-on"),
        (_, TwoFactor::Rehearse) => Some("move-two-factor-rehearse"),
        (_, TwoFactor::Off) => Some("move-two-factor-off"),
    };
    said.extend(setting.map(Said::new));
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::rights::Rights;
    use crate::directory::{HomeGroup, Role, sample};

    fn person(role: (&str, &str, i64, &str), two_factor: TwoFactor) -> Person {
        let (id, name, rank, rights) = role;
        Person {
            role: Role { id: id.into(), name: name.into(), rank, rights: Rights::parse(rights).unwrap() },
            group: Some(HomeGroup {
                id: "g".into(),
                name: "Design".into(),
                top_id: "t".into(),
                language: "en".into(),
                two_factor,
            }),
            ..sample("max", None)
        }
    }

    #[test]
    fn what_is_lost_and_what_is_gained_is_said() {
        let user = ("u", "User", 4, "view_users track_time");
        let manager = ("m", "Manager", 324, "view_users manage_users");
        for (before, after, expected) in [
            (person(user, TwoFactor::Off), person(user, TwoFactor::Off), vec![]),
            (person(user, TwoFactor::Off), person(user, TwoFactor::On), vec!["move-two-factor-on"]),
            (person(user, TwoFactor::On), person(user, TwoFactor::Off), vec!["move-two-factor-off"]),
            (
                person(user, TwoFactor::On),
                person(user, TwoFactor::Rehearse),
                vec!["move-two-factor-rehearse"],
            ),
            (person(manager, TwoFactor::On), person(manager, TwoFactor::On), vec!["move-reach"]),
            (
                person(manager, TwoFactor::On),
                person(user, TwoFactor::On),
                vec!["move-role", "move-rights-lost", "move-rights-gained"],
            ),
        ] {
            let said: Vec<String> = told(&before, &after).into_iter().map(|said| said.key).collect();
            assert_eq!(said, expected);
        }
        let said = told(&person(manager, TwoFactor::On), &person(user, TwoFactor::On));
        assert_eq!((said[1].name.as_str(), said[2].name.as_str()), ("manage_users", "track_time"));
    }
}
