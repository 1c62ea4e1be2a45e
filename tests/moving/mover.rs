//! What does somebody do who moves in? Reads a file, plans, carries it out, and looks at what is here then.

use std::io::Cursor;

use countersign::directory::{By, Passwords, groups, people, roles};
use countersign::moving::apply::{Done, Mover};
use countersign::moving::file::{Contents, Progress};
use countersign::moving::plan::{Plan, Summary, plan};
use countersign::moving::source::Source;
use countersign::moving::{Error, here, timetracker};
use countersign::store::Db;
use serde_json::{Value, json};

/// Reads what Time Tracker gives.
pub fn read(bytes: &[u8]) -> Result<Source, Error> {
    read_of(bytes, None)
}

/// The same, of one database.
pub fn read_of(bytes: &[u8], database: Option<&str>) -> Result<Source, Error> {
    timetracker::read(Contents::of(Cursor::new(bytes.to_vec()), &Progress::default())?, database)
}

/// What would happen.
pub async fn planned(db: &Db, source: Source) -> Plan {
    let passwords = Passwords::new(2, 10);
    let here = here::look(db, "timetracker", &source, &passwords).await.expect("a look around");
    plan(source, &here)
}

/// Lets it happen.
pub async fn moved_in(db: &Db, source: Source) -> (Summary, Done) {
    let plan = planned(db, source).await;
    let summary = plan.summary();
    let passwords = Passwords::new(2, 10);
    let by = By::operator(1_800_000_000_000);
    let mover = Mover { db, passwords: &passwords, at_once: 2, vault: None, source: "timetracker", by };
    let done = mover.apply(plan, |_, _| ()).await.expect("it is carried out");
    (summary, done)
}

/// Everything that is here: without ids and times, which differ, and with what kind of hash a password is checked against.
pub async fn state(db: &Db) -> Value {
    let mut conn = db.read().await.unwrap();
    let mut found = json!({"groups": [], "roles": [], "users": []});
    for listed in groups::list(&mut conn, groups::Order::default(), 1000).await.unwrap() {
        let group = json!([listed.path, listed.group.language, listed.group.two_factor_setting]);
        found["groups"].as_array_mut().unwrap().push(group);
        if listed.group.parent_id.is_none() {
            for role in roles::of_tree(&mut conn, &listed.group).await.unwrap() {
                let role = json!([listed.path, role.name, role.rank, role.rights]);
                found["roles"].as_array_mut().unwrap().push(role);
            }
        }
    }
    found["roles"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    for person in people::list(&mut conn, None, None, "", 10_000).await.unwrap() {
        let path = match &person.group {
            Some(group) => groups::path(&mut conn, &group.id).await.unwrap(),
            None => String::new(),
        };
        let hash = person.password_hash.as_deref().map(|hash| hash.split('$').next().unwrap().to_owned());
        found["users"].as_array_mut().unwrap().push(json!({
            "login": person.login, "name": person.name, "email": person.email, "status": person.status, "group": path,
            "role": person.role.name, "legacy_id": person.legacy_id, "hash": hash,
        }));
    }
    found
}
