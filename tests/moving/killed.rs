//! What if the program is killed in the middle of an import? The next one goes on: nobody is lost, nobody comes twice.

use std::time::Duration;

use serde_json::Value;

use crate::installation::MD5;
use crate::support::Database;
use crate::support::program::Program;
use crate::support::smtp::Smtp;

/// How many come.
const PEOPLE: usize = 400;

fn dump() -> String {
    let head = crate::dumps::MYSQL_8.split_once("INSERT INTO `tt_users`").unwrap().0.to_owned();
    let rows: Vec<String> = (1..=PEOPLE)
        .map(|id| format!("({id},'user{id}','{MD5}','User {id}',1,3,'user{id}@acme.example',1)"))
        .collect();
    format!("{head}INSERT INTO `tt_users` VALUES {};\n-- Dump completed\n", rows.join(","))
}

async fn killed(database: Database) {
    let smtp = Smtp::start().await;
    let program = Program::new(database, &smtp);
    program.init();
    let file = program.path("dump.sql");
    std::fs::write(&file, dump()).unwrap();
    let import = ["import", "timetracker", file.to_str().unwrap(), "--json"];
    let looked: Value =
        serde_json::from_str(&program.must(&[&import[..], &["--dry-run"]].concat(), "")).unwrap();
    assert_eq!(looked["users"]["new"], PEOPLE);
    let here =
        || program.must_json(&["user", "list", "--limit", "1000", "--json"]).as_array().unwrap().len() - 1;
    assert_eq!(here(), 0, "a dry run does nothing");
    let mut interrupted = 0;
    for wait in [600, 900, 1300] {
        let mut child = program.start(&import);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let _ = child.kill();
        let _ = child.wait();
        let so_far = here();
        assert!(so_far.is_multiple_of(100), "whole batches: {so_far}");
        interrupted += usize::from(so_far < PEOPLE);
    }
    assert!(interrupted > 0, "the machine was too fast to be interrupted");
    let rest: Value = serde_json::from_str(&program.must(&import, "")).unwrap();
    assert_eq!(rest["refused"].as_array().map(Vec::len), Some(0));
    assert_eq!(here(), PEOPLE);
    let again: Value = serde_json::from_str(&program.must(&import, "")).unwrap();
    assert_eq!(
        (&again["users"]["new"], &again["users"]["unchanged"]),
        (&Value::from(0), &Value::from(PEOPLE))
    );
}

/// On SQLite.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_loses_nothing_and_doubles_nothing_on_sqlite() {
    killed(Database::empty_sqlite().await).await;
}

/// On PostgreSQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_loses_nothing_and_doubles_nothing_on_postgres() {
    killed(Database::empty_postgres().await).await;
}

/// Where no provider is, a look makes none, and an import does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_makes_nothing_where_nothing_is() {
    let smtp = Smtp::start().await;
    let program = Program::new(Database::empty_sqlite().await, &smtp);
    let file = program.path("export.xml");
    std::fs::write(&file, crate::exports::export()).unwrap();
    let told = program.must(&["import", "timetracker", file.to_str().unwrap(), "--dry-run"], "");
    for line in ["users: 5 new", "eve", "override_2fa", "ada: Top manager in Acme & Sons", "line 11"] {
        assert!(told.contains(line), "{line} is missing in\n{told}");
    }
    assert!(!program.path("keys").join("master.key").exists());
    let missing = program.run(&["import", "timetracker", "/nowhere"], "");
    assert!(String::from_utf8_lossy(&missing.stderr).starts_with("countersign: /nowhere: No such file"));
}
