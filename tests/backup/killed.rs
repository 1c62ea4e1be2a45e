//! What if either is killed in the middle? A backup is whole or not there, a provider is whole or not there, and the next run goes well.

use std::time::Duration;

use crate::running::{elsewhere, set_up};
use crate::support::Database;
use crate::support::smtp::Smtp;

/// When, in milliseconds.
const MOMENTS: [u64; 9] = [5, 20, 40, 70, 110, 170, 250, 400, 700];

async fn killed(program: &crate::support::program::Program, arguments: &[&str], moment: u64) {
    let mut child = program.start(arguments);
    tokio::time::sleep(Duration::from_millis(moment)).await;
    let _ = child.kill();
    let _ = child.wait();
}

async fn story(from: Database, to: Database) {
    let smtp = Smtp::start().await;
    let (program, _) = set_up(from, &smtp).await;
    // Enough that it takes its time.
    let lines: Vec<String> = (0..1500)
        .map(|n| {
            format!(
                r#"{{"kind": "user", "login": "user{n}", "group": "Acme", "email": "user{n}@example.org"}}"#
            )
        })
        .collect();
    program.must(&["group", "add", "Acme"], "");
    std::fs::write(program.path("people.jsonl"), lines.join("\n")).unwrap();
    program.must(&["import", "jsonl", "people.jsonl"], "");

    let mut cut_off = 0;
    for moment in MOMENTS {
        let name = format!("{moment}.backup");
        killed(&program, &["backup", &name], moment).await;
        if program.path(&name).exists() {
            let told = program.must(&["restore", "--check", &name], "");
            assert!(told.contains("The backup is good."), "{told}");
        } else {
            cut_off += 1;
            program.must(&["backup", &name], "");
        }
        assert!(!program.path(&format!("{name}.part")).exists());
    }
    assert!(cut_off > 0, "the machine was too fast to be interrupted");

    let file = program.path("700.backup");
    let restore = ["restore", file.to_str().unwrap()];
    let other = elsewhere(&program, to, &smtp, true);
    let mut cut_off = 0;
    for moment in MOMENTS {
        killed(&other, &restore, moment).await;
        let listed = other.run(&["user", "list", "--limit", "2000", "--json"], "");
        if listed.status.success() {
            break;
        }
        cut_off += 1;
        let refused = String::from_utf8_lossy(&listed.stderr).into_owned();
        assert!(refused.contains("there is no provider"), "{refused}");
        let serve = other.run(&["serve"], "");
        assert!(!serve.status.success(), "`serve` must not start on half of a provider");
    }
    assert!(cut_off > 0, "the machine was too fast to be interrupted");
    if !other.run(&["user", "list"], "").status.success() {
        other.must(&restore, "");
    }
    let listed = other.must_json(&["user", "list", "--limit", "2000", "--json"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1501));
    other.must(&["audit", "verify"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_a_whole_one_or_none_from_sqlite_to_postgres() {
    story(Database::empty_sqlite().await, Database::empty_postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_a_whole_one_or_none_from_postgres_to_sqlite() {
    story(Database::empty_postgres().await, Database::empty_sqlite().await).await;
}
