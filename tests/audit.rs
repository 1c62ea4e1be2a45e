//! Does the audit log show when it was changed, and to everybody what they may see of it?
#![cfg(test)]

mod support;

use countersign::audit::chain::{self, Break};
use countersign::audit::{Actor, Event};
use countersign::directory::log;
use countersign::directory::proof::ViewAudit;
use countersign::keys::Vault;
use countersign::keys::secret::entropy;
use countersign::store::Db;
use countersign::store::audit::{self, Wanted};
use support::Database;
use support::program::Program;
use support::site::Site;
use support::smtp::Smtp;
use tempfile::TempDir;

/// 2027-01-15 08:00:00 UTC, in milliseconds.
const NOW: i64 = 1_800_000_000_000;

/// How long events are kept, in milliseconds.
const MEMORY: i64 = 400 * 86_400_000;

/// A master key of its own.
fn vault() -> (Vault, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Vault::open_or_create(folder.path(), &mut entropy()).unwrap(), folder)
}

async fn record(db: &Db, number: i64) {
    let mut tx = db.write().await.unwrap();
    let event = Event::new("user.changed", Actor::System).detail("number", number);
    event.record(&mut tx, NOW + number, &mut entropy()).await.unwrap();
    tx.commit().await.unwrap();
}

/// A log of so many events, chained.
async fn chained(database: &Database, vault: &Vault, events: i64) {
    for number in 0..events {
        record(&database.db, number).await;
    }
    while chain::link(&database.db, vault).await.unwrap() {}
}

async fn broken(database: &Database, vault: &Vault) -> Option<Break> {
    let mut conn = database.db.read().await.unwrap();
    chain::verify(&mut conn, vault, None).await.unwrap().broken
}

crate::on_both_databases! {
    /// What is chained between the look at the end and the walk to it is no break.
    async fn a_log_that_grows_while_it_is_verified_is_whole(database) {
        let (vault, _folder) = vault();
        chained(&database, &vault, 50).await;
        let grows = async {
            for number in 50..150 {
                record(&database.db, number).await;
                chain::link(&database.db, &vault).await.unwrap();
            }
        };
        let is_verified = async {
            for _ in 0..50 {
                assert_eq!(broken(&database, &vault).await, None);
            }
        };
        tokio::join!(grows, is_verified);
    }

    async fn a_log_that_nobody_touched_verifies_and_says_how_far_it_is_chained(database) {
        let (vault, _folder) = vault();
        chained(&database, &vault, 300).await;
        record(&database.db, 300).await;
        let mut conn = database.db.read().await.unwrap();
        let report = chain::verify(&mut conn, &vault, None).await.unwrap();
        assert_eq!((report.from, report.upto, report.waiting, &report.broken), (1, 300, 1, &None));
        let noted = chain::verify(&mut conn, &vault, Some((report.upto, &report.hash))).await.unwrap();
        assert_eq!(noted.broken, None);
        let other = chain::verify(&mut conn, &vault, Some((7, &report.hash))).await.unwrap();
        assert_eq!(other.broken, Some(Break::Noted { seq: 7 }));
    }

    async fn what_was_changed_or_removed_is_found(database) {
        let (vault, _folder) = vault();
        chained(&database, &vault, 9).await;
        database.run("UPDATE audit_events SET details = '{}' WHERE seq = 4").await;
        assert!(matches!(broken(&database, &vault).await, Some(Break::Changed { seq: 4, .. })));
        database.run("DELETE FROM audit_events WHERE seq = 4").await;
        assert_eq!(broken(&database, &vault).await, Some(Break::Removed { seq: 4 }));
    }

    async fn a_log_that_was_cut_at_either_end_is_found(database) {
        let (vault, _folder) = vault();
        chained(&database, &vault, 9).await;
        database.run("DELETE FROM audit_events WHERE seq > 7").await;
        assert_eq!(broken(&database, &vault).await, Some(Break::End { found: 7, expected: 9 }));
        database.run("DELETE FROM audit_events WHERE seq < 3").await;
        assert_eq!(broken(&database, &vault).await, Some(Break::Removed { seq: 1 }));
        database.run("DELETE FROM audit_events; DELETE FROM audit_head").await;
        let mut conn = database.db.read().await.unwrap();
        let noted = chain::verify(&mut conn, &vault, Some((9, "as it was"))).await.unwrap();
        assert_eq!(noted.broken, Some(Break::Noted { seq: 9 }), "whoever has noted an end knows that there was a log");
    }

    /// Whoever can write the database and has not the master key cannot write a chain that verifies, nor have us go on with theirs.
    async fn nobody_moves_the_end_without_the_master_key(database) {
        let (vault, _folder) = vault();
        chained(&database, &vault, 9).await;
        database.run("DELETE FROM audit_events WHERE seq > 7").await;
        database.run("UPDATE audit_head SET seq = 7, hash = (SELECT hash FROM audit_events WHERE seq = 7)").await;
        assert_eq!(broken(&database, &vault).await, Some(Break::Seal));
        record(&database.db, 10).await;
        assert!(matches!(chain::link(&database.db, &vault).await, Err(chain::Error::Forged)));
        database.run("DELETE FROM audit_head").await;
        assert_eq!(broken(&database, &vault).await, Some(Break::Seal));
    }

    /// Several processes write and chain at once: there is one chain, and everybody is in it.
    async fn processes_that_chain_at_once_keep_one_chain(database) {
        let (vault, _folder) = vault();
        let mut tasks = tokio::task::JoinSet::new();
        for process in 0..3 {
            let (db, vault) = (database.open_again().await, vault.clone());
            tasks.spawn(async move {
                for number in 0..40 {
                    record(&db, process * 100 + number).await;
                    if number % 4 == 0 {
                        chain::link(&db, &vault).await.unwrap();
                    }
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        while chain::link(&database.db, &vault).await.unwrap() {}
        let mut conn = database.db.read().await.unwrap();
        let report = chain::verify(&mut conn, &vault, None).await.unwrap();
        assert_eq!((report.upto, report.waiting, report.broken), (120, 0, None));
    }

    /// What is too old goes from the beginning, and what is left is still chained to it.
    async fn a_purged_log_verifies(database) {
        let (vault, _folder) = vault();
        chained(&database, &vault, 9).await;
        assert_eq!(chain::purge(&database.db, &vault, NOW + MEMORY - 1).await.unwrap().rows, 0);
        assert_eq!(chain::purge(&database.db, &vault, NOW + MEMORY + 3).await.unwrap().rows, 4);
        record(&database.db, 9).await;
        chain::link(&database.db, &vault).await.unwrap();
        let mut conn = database.db.read().await.unwrap();
        let report = chain::verify(&mut conn, &vault, None).await.unwrap();
        assert_eq!((report.from, report.upto, report.broken), (5, 10, None));
        drop(conn);
        database.run("DELETE FROM audit_events WHERE seq = 5").await;
        assert_eq!(broken(&database, &vault).await, Some(Break::Removed { seq: 5 }));
    }

    /// A manager sees what happened in their groups, page by page, and of another tree nothing, also of those who are gone.
    async fn everybody_sees_the_log_of_their_own_groups(database) {
        let site = Site::on(database).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        let bolt = site.admin.add_group("Bolt", true).await;
        site.admin.add_user(&design, "dora", "Manager", None).await;
        site.admin.add_user(&design, "dan", "User", None).await;
        site.admin.add_user(&bolt, "bob", "Manager", None).await;
        site.admin.add_site_administrator("root").await;
        site.admin.delete_user("dan").await;
        let seen = async |login: &str, wanted: Wanted<'static>| {
            let by = site.by(login).await.prove::<ViewAudit>().unwrap();
            let mut conn = site.admin.db.read().await.unwrap();
            let (mut names, mut after) = (Vec::new(), String::new());
            loop {
                let page = log::events(&mut conn, &by, wanted, (true, &after), 2).await.unwrap();
                names.extend(page.events.into_iter().filter_map(|event| event.user_login));
                match page.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            // All of it happened in the same millisecond.
            names.sort();
            names
        };
        let added = Wanted { kind: Some("user.added"), ..Wanted::default() };
        assert_eq!(seen("bob", added).await, ["bob"]);
        assert_eq!(seen("dora", added).await, ["dan", "dora"]);
        assert_eq!(seen("max", added).await, ["ada", "dan", "dora", "max", "ned", "nia"]);
        assert_eq!(seen("root", added).await, ["ada", "bob", "dan", "dora", "max", "ned", "nia", "root"]);
        let of_users = Wanted { kind: Some("user"), ..Wanted::default() };
        assert_eq!(seen("bob", of_users).await, ["bob"]);
        assert!(seen("max", of_users).await.contains(&"dan".to_owned()));
        assert!(site.by("ned").await.prove::<ViewAudit>().is_err());
    }

    /// What somebody does to themselves, to others and to nobody in particular is one list, page by page, also where some of the ids
    /// are of before ids began with the time.
    async fn what_somebody_did_is_one_list(database) {
        let db = &database.db;
        let mut tx = db.write().await.unwrap();
        for number in 0..24_i64 {
            let actor = if number % 4 == 3 { "bob" } else { "ada" };
            let event = Event::new("signin.completed", Actor::User(actor.to_owned())).detail("number", number);
            let event = match number % 3 {
                0 => event.user("ada"),
                1 => event.user("bob"),
                _ => event,
            };
            // Some in the same millisecond.
            event.record(&mut tx, NOW + number / 2, &mut entropy()).await.unwrap();
        }
        tx.commit().await.unwrap();
        database.run("UPDATE audit_events SET id = 'm' || substr(id, 2) WHERE details LIKE '%:_}' OR details LIKE '%:1_}'").await;
        let mut conn = db.read().await.unwrap();
        let all = audit::since(&mut conn, 0, "", 100).await.unwrap();
        let all: Vec<String> = all.into_iter().filter(|event| event.actor == "ada").map(|event| event.id).collect();
        assert_eq!(all.len(), 18);
        let by_ada = Wanted { actor: Some("ada"), ..Wanted::default() };
        let (mut forth, mut back) = (Vec::new(), Vec::new());
        let (mut first, mut last) = ((i64::MIN, String::new()), (i64::MAX, String::new()));
        loop {
            let next = audit::oldest(&mut conn, by_ada, (first.0, &first.1), 5).await.unwrap();
            let before = audit::newest(&mut conn, by_ada, (last.0, &last.1), 5).await.unwrap();
            let (Some(end), Some(start)) = (next.last(), before.last()) else { break };
            (first, last) = ((end.at_ms, end.id.clone()), (start.at_ms, start.id.clone()));
            assert!(next.len() <= 5 && before.len() <= 5);
            forth.extend(next.into_iter().map(|event| event.id));
            back.extend(before.into_iter().map(|event| event.id));
        }
        assert_eq!(forth, all);
        back.reverse();
        assert_eq!(back, all);
    }

    /// `audit verify` ends with 1 where something is wrong; lists can be narrowed down, and read by a spreadsheet.
    async fn an_operator_verifies_and_exports(database) {
        let smtp = Smtp::start().await;
        let program = Program::new(database, &smtp);
        program.init();
        program.must(&["group", "add", "Acme"], "");
        program.must(&["user", "add", "ned", "--group", "Acme", "--role", "User", "--name", "=1+1"], "");
        program.must(&["user", "set", "ned", "--name", "Ned"], "");
        let serving = program.serve();
        let mut chained = String::new();
        while !chained.contains("0 newer ones") {
            chained = program.must(&["audit", "verify"], "");
        }
        drop(serving);
        let about_ned = program.must(&["audit", "--person", "ned", "--kind", "user.changed", "--json"], "");
        let event: serde_json::Value = serde_json::from_str(about_ned.lines().next().unwrap()).unwrap();
        assert_eq!((&event["details"]["before"]["name"], &event["details"]["after"]["name"]), (&"=1+1".into(), &"Ned".into()));
        assert_eq!(about_ned.lines().count(), 1);
        assert_eq!(program.must(&["audit", "--until", "1"], ""), "");
        let csv = program.must(&["audit", "--actor", "operator", "--csv"], "");
        assert!(csv.starts_with("time,event,actor,") && csv.contains("\"user.added\",\"operator\""), "{csv}");
        program.database.run("UPDATE audit_events SET event = 'user.unlocked' WHERE event = 'user.changed'").await;
        let output = program.run(&["audit", "verify"], "");
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("is not what was written"));
    }
}

/// Whoever looks for the end of the chain just before another writes the first one waits like everybody: without its lock two would go on from it.
#[tokio::test]
async fn on_postgres_an_end_that_has_just_been_written_is_locked_before_one_goes_on_from_it() {
    let database = Database::postgres().await;
    let (vault, _folder) = vault();
    chained(&database, &vault, 3).await;
    database
        .run(
            "CREATE TABLE kept AS SELECT * FROM audit_head; DELETE FROM audit_head;
             CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
             CREATE TRIGGER slowly AFTER UPDATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION slowly()",
        )
        .await;
    for number in 10..13 {
        record(&database.db, number).await;
    }
    let chains = async |after: u64| {
        let db = database.open_again().await;
        tokio::time::sleep(std::time::Duration::from_millis(after)).await;
        chain::link(&db, &vault).await.unwrap();
    };
    let written = async {
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        database.run("INSERT INTO audit_head SELECT * FROM kept").await;
    };
    tokio::join!(chains(0), written, chains(300));
    let report = chain::verify(&mut database.db.read().await.unwrap(), &vault, None).await.unwrap();
    assert_eq!((report.upto, report.waiting, report.broken), (6, 0, None));
}
