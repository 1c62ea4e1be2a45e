//! How does everything get out again? As lines of JSON, which `import jsonl` takes, or as a table of the people.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::audit::export::quoted;
use crate::directory::rights::Rights;
use crate::directory::{Error, Person, groups, people, roles};
use crate::oidc::clients;
use crate::store::Conn;

/// Rows read in one go.
const PAGE: i64 = 500;

/// The first line of the table.
const HEAD: [&str; 9] =
    ["login", "name", "email", "email_verified", "group", "role", "status", "id", "legacy_id"];

/// What of a password goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashes {
    /// Nothing.
    Left,
    /// What it is checked against, for another provider to check it by.
    Taken,
}

/// Gives out everything, line by line: groups, roles, people, apps (without their secrets).
///
/// # Errors
/// When the database refuses.
pub async fn lines(conn: &mut Conn, hashes: Hashes, mut line: impl FnMut(String)) -> Result<(), Error> {
    let mut paths = HashMap::new();
    let mut after = String::new();
    loop {
        let page = groups::list(conn, groups::Order::by_path(&after), PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.path);
        for listed in page {
            let domains = groups::vouched_domains(conn, &listed.group).await?;
            let mut group = json!({
                "kind": "group", "path": listed.path, "id": listed.group.id, "language": listed.group.language,
                "two_factor": listed.group.two_factor_setting,
            });
            if let (Some(map), false) = (group.as_object_mut(), domains.is_empty()) {
                map.insert("vouched_domains".to_owned(), json!(domains));
            }
            line(group.to_string());
            if listed.group.parent_id.is_none() {
                for role in roles::of_tree(conn, &listed.group).await? {
                    let rights: Vec<Value> =
                        Rights::parse(&role.rights)?.iter().map(|right| json!(right)).collect();
                    let role = json!({
                        "kind": "role", "group": listed.path, "id": role.id, "name": role.name, "rank": role.rank,
                        "rights": rights,
                    });
                    line(role.to_string());
                }
            }
            paths.insert(listed.group.id, listed.path);
        }
    }
    each_person(conn, async |_, person| {
        line(told(&person, &paths, hashes).to_string());
        Ok(())
    })
    .await?;
    let mut after = String::new();
    loop {
        let page = clients::list(conn, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for client in page {
            let metadata = serde_json::to_value(&client.metadata).unwrap_or_default();
            line(json!({ "kind": "client", "client_id": client.id, "metadata": metadata }).to_string());
        }
    }
}

/// Gives out the people as a table (RFC 4180) in which no cell is a formula.
///
/// # Errors
/// When the database refuses.
pub async fn table(conn: &mut Conn, mut line: impl FnMut(String)) -> Result<(), Error> {
    line(HEAD.join(",") + "\r");
    let mut paths: HashMap<String, String> = HashMap::new();
    each_person(conn, async |conn, person| {
        let path = match &person.group {
            None => String::new(),
            Some(group) => {
                if !paths.contains_key(&group.id) {
                    paths.insert(group.id.clone(), groups::path(conn, &group.id).await?);
                }
                paths.get(&group.id).cloned().unwrap_or_default()
            }
        };
        let verified = if person.email_verified_at.is_some() { "yes" } else { "" };
        let (name, email) = (person.name.unwrap_or_default(), person.email.unwrap_or_default());
        let cells = [
            person.login,
            name,
            email,
            verified.to_owned(),
            path,
            person.role.name,
            person.status.name().to_owned(),
            person.id,
            person.legacy_id.unwrap_or_default(),
        ];
        line(cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\r");
        Ok(())
    })
    .await
}

async fn each_person(
    conn: &mut Conn,
    mut with: impl AsyncFnMut(&mut Conn, Person) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut after = String::new();
    loop {
        let page = people::list(conn, None, None, &after, usize::try_from(PAGE).unwrap_or_default()).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.login);
        for person in page {
            with(conn, person).await?;
        }
    }
}

/// Somebody, as a line says it.
fn told(person: &Person, paths: &HashMap<String, String>, hashes: Hashes) -> Value {
    let group = person.group.as_ref().and_then(|group| paths.get(&group.id));
    let mut told = json!({
        "kind": "user", "id": person.id, "login": person.login, "email_verified": person.email_verified_at.is_some(),
        "status": person.status, "group": group, "role": person.role.name,
    });
    let Some(map) = told.as_object_mut() else { return told };
    let mut also = |name: &str, value: Option<&String>| {
        if let Some(value) = value {
            map.insert(name.to_owned(), json!(value));
        }
    };
    also("name", person.name.as_ref());
    also("email", person.email.as_ref());
    also("legacy_id", person.legacy_id.as_ref());
    if hashes == Hashes::Taken {
        also("password_hash", person.password_hash.as_ref());
    }
    let claims = person.claims.to_json();
    if !claims.is_empty() {
        map.insert("claims".to_owned(), Value::Object(claims));
    }
    told
}
