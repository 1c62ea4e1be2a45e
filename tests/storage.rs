//! Does the store keep its word on SQLite and on PostgreSQL alike?
#![cfg(test)]

mod support;

use std::time::Duration;

use countersign::store::audit::{self, EventRow};
use countersign::store::failures::{self, Failure, FailureRow};
use countersign::store::{self, Db, Error, Mismatch, SchemaState, Tx, turns};
use sqlx::migrate::Migrate as _;
use sqlx::{Connection as _, Executor as _, PgConnection};
use support::Database;

crate::on_both_databases! {
    /// There is no compile-time check of the queries; this is it.
    async fn every_query_is_understood(database) {
        let queries = store::queries();
        assert!(!queries.is_empty());
        let mut conn = database.db.read().await.unwrap();
        let mut refused = Vec::new();
        for (name, sql) in queries {
            if let Err(e) = conn.prepare(sql).await {
                refused.push(format!("{name}: {e}"));
            }
        }
        assert!(refused.is_empty(), "{}", refused.join("\n"));
    }

    async fn a_query_that_names_no_column_is_refused(database) {
        let mut conn = database.db.read().await.unwrap();
        let refused = conn.prepare("SELECT nowhere FROM users").await.unwrap_err();
        assert!(refused.to_string().contains("nowhere"), "{refused}");
    }

    /// Nodes whose clocks differ refuse each other's codes, and nobody sees why.
    async fn a_clock_that_is_not_the_servers_is_told(database) {
        let apart = async |now| database.db.clocks_apart(now).await.unwrap();
        let Some(behind) = apart(0).await else {
            assert!(database.url.starts_with("sqlite"), "SQLite is on this machine");
            return;
        };
        let there = -behind;
        for (now, least, most) in [(there + 600, 595, 600), (there - 600, -610, -600)] {
            let ahead = apart(now).await.expect("too far");
            assert!((least..=most).contains(&ahead), "{ahead}");
        }
        assert_eq!(apart(there + 2).await, None, "near enough");
    }

    async fn migrating_again_changes_nothing(database) {
        assert_eq!(database.db.schema_state().await.unwrap(), SchemaState::Current);
        database.db.migrate().await.unwrap();
        assert_eq!(database.db.schema_state().await.unwrap(), SchemaState::Current);
    }

    /// Somebody upgraded, and then started the old program again.
    async fn a_newer_schema_is_refused_with_what_to_do(database) {
        database.pretend_a_newer_program_migrated().await;
        for refused in [database.db.migrate().await.err(), database.db.schema_state().await.err()] {
            let refused = refused.expect("a refusal");
            assert!(matches!(refused, Error::Schema(Mismatch::Newer { found: 9999, .. })), "{refused}");
            let told = refused.to_string();
            assert!(told.contains("run the newer countersign") && told.contains(env!("CARGO_PKG_VERSION")), "{told}");
        }
    }

    /// Somebody upgrades node by node, and the old ones run on meanwhile.
    async fn a_newer_schema_is_run_on_when_it_says_that_older_programs_may(database) {
        database.pretend_a_newer_program_migrated_gently().await;
        assert_eq!(database.db.schema_state().await.unwrap(), SchemaState::Ahead(9998));
        database.db.migrate().await.unwrap();
        assert_eq!(database.db.schema_state().await.unwrap(), SchemaState::Ahead(9998));
        let mut conn = database.db.read().await.unwrap();
        for (name, sql) in store::queries() {
            assert!(conn.prepare(sql).await.is_ok(), "{name}");
        }
        // A later one that does not say so.
        database.pretend_a_newer_program_migrated().await;
        let refused = database.db.schema_state().await.unwrap_err();
        assert!(matches!(refused, Error::Schema(Mismatch::Newer { found: 9999, .. })), "{refused}");
    }

    /// Two processes look at the same time, and again and again: the work is done by one, and once a minute.
    async fn scheduled_work_is_done_by_one_at_a_time(database) {
        let (db, other) = (&database.db, database.open_again().await);
        let work = turns::HOUSEKEEPING;
        let (one, two) = tokio::join!(turns::take(db, work, 1000), turns::take(&other, work, 1000));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.is_some() != two.is_some(), "one of them: {one:?} {two:?}");
        let turn = one.or(two).unwrap();
        for (process, now) in [(db, 1001), (&other, 1030), (&other, 1599)] {
            assert!(turns::take(process, work, now).await.unwrap().is_none(), "it is at work, {now}");
        }
        turn.give_on(db, false).await.unwrap();
        for (process, now) in [(db, 1010), (&other, 1054)] {
            assert!(turns::take(process, work, now).await.unwrap().is_none(), "it was done a moment ago, {now}");
        }
        let turn = turns::take(&other, work, 1055).await.unwrap().expect("the next minute");
        // Whoever has it dies.
        assert!(turns::take(db, work, 1654).await.unwrap().is_none());
        let next = turns::take(db, work, 1655).await.unwrap().expect("nobody waits for ever");
        turn.give_on(&other, false).await.unwrap();
        assert!(turns::take(&other, work, 1720).await.unwrap().is_none(), "late, it gives on what is another's");
        next.give_on(db, true).await.unwrap();
        assert!(turns::take(&other, work, 1720).await.unwrap().is_some());
        // It had been taken by a clock that was years ahead.
        assert!(turns::take(&other, work, 90_000_000).await.unwrap().is_some());
        assert!(turns::take(db, work, 2000).await.unwrap().is_some());
    }

    async fn what_is_committed_stays(database) {
        let mut tx = database.db.write().await.unwrap();
        audit::append(&mut tx, &event("kept")).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(recorded(&database.db).await, ["kept"]);
    }

    /// A handler that returns early with `?` leaves nothing half-done.
    async fn a_dropped_transaction_leaves_nothing(database) {
        let mut tx = database.db.write().await.unwrap();
        audit::append(&mut tx, &event("lost")).await.unwrap();
        drop(tx);
        assert!(recorded(&database.db).await.is_empty());
    }

    async fn the_writer_is_free_again_after_a_rollback(database) {
        drop(database.db.write().await.unwrap());
        let mut tx = database.db.write().await.unwrap();
        audit::append(&mut tx, &event("kept")).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(recorded(&database.db).await, ["kept"]);
    }

    async fn a_row_that_is_there_is_a_duplicate(database) {
        let mut tx = database.db.write().await.unwrap();
        audit::append(&mut tx, &event("once")).await.unwrap();
        let refused = append_and_hear(&mut tx, &event("once")).await.unwrap_err();
        assert!(refused.is_duplicate(), "{refused}");
    }

    /// What nobody waits to hear of is heard with the next answer, at the COMMIT at the latest, and takes everything along.
    async fn what_nobody_waits_for_fails_with_what_is_waited_for(database) {
        let mut tx = database.db.write().await.unwrap();
        audit::append(&mut tx, &event("first")).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = database.db.write().await.unwrap();
        audit::append(&mut tx, &event("second")).await.unwrap();
        let refused = match audit::append(&mut tx, &event("first")).await {
            Ok(()) => tx.commit().await.unwrap_err(),
            Err(at_once) => at_once,
        };
        assert!(refused.is_duplicate() && refused.to_string().contains("audit::APPEND"), "{refused}");
        assert_eq!(recorded(&database.db).await, ["first"]);
    }

    async fn an_answer_that_is_not_waited_for_comes_with_the_next(database) {
        let one = Failure { subject: "x", account: None, weight: 5, most: 10 };
        let mut tx = database.db.write().await.unwrap();
        failures::add(&mut tx, one, 7).await.unwrap();
        let (found, none) = (failures::find(&mut tx, ["x", "", ""]), failures::find(&mut tx, ["y", "", ""]));
        tx.commit().await.unwrap();
        let found = found.unwrap().answer().unwrap();
        assert_eq!(found, [FailureRow { subject: "x".to_owned(), debt: 5, failed_at: 7 }]);
        assert_eq!(none.unwrap().answer().unwrap(), []);
    }

    async fn another_process_sees_what_was_committed(database) {
        let other = database.open_again().await;
        let mut tx = other.write().await.unwrap();
        audit::append(&mut tx, &event("theirs")).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(recorded(&database.db).await, ["theirs"]);
    }

    /// Ten writers at once, from two processes: each waits its turn and none is lost.
    async fn writers_queue_up(database) {
        let other = database.open_again().await;
        let writers: Vec<_> = (0..10)
            .map(|n| {
                let db = if n % 2 == 0 { database.db.clone() } else { other.clone() };
                tokio::spawn(async move {
                    let mut tx = db.write().await.unwrap();
                    audit::append(&mut tx, &event(&format!("writer {n}"))).await.unwrap();
                    tx.commit().await.unwrap();
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(recorded(&database.db).await.len(), 10);
    }
}

#[tokio::test]
async fn an_empty_database_is_told_from_an_old_one() {
    let (sqlite, postgres) = (Database::empty_sqlite().await, Database::empty_postgres().await);
    for database in [sqlite, postgres] {
        assert_eq!(database.db.schema_state().await.unwrap(), SchemaState::Empty);
    }
}

/// Three processes that start at once, on a database that none has seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_migrate_at_once_on_sqlite() {
    migrate_at_once(Database::empty_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_migrate_at_once_on_postgres() {
    migrate_at_once(Database::empty_postgres().await).await;
}

async fn migrate_at_once(database: Database) {
    let others = [database.db.clone(), database.open_again().await, database.open_again().await];
    let starting: Vec<_> =
        others.into_iter().map(|db| tokio::spawn(async move { db.migrate().await })).collect();
    for start in starting {
        start.await.unwrap().unwrap();
    }
    assert_eq!(database.db.schema_state().await.unwrap(), SchemaState::Current);
}

/// Nobody waits for ever for whoever changes the schema; sqlx's own tool is waited for too.
#[tokio::test]
async fn on_postgres_a_migration_that_another_holds_up_is_given_up_and_the_other_named() {
    let database = Database::empty_postgres().await;
    let mut other = PgConnection::connect(&format!("{}?application_name=other", database.url)).await.unwrap();
    other.lock().await.unwrap();
    let refused = database.db.migrate_within(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(refused, Error::MigrationLocked { .. }), "{refused}");
    assert!(refused.to_string().contains("other on "), "{refused}");
    other.unlock().await.unwrap();
    database.db.migrate().await.unwrap();
}

/// Leaves the schema as it was before an index went, for which PostgreSQL wants the table of events for itself.
const BEFORE_AN_INDEX_WENT: &str = "DROP INDEX audit_sign_ins_of_tree;
    CREATE INDEX audit_events_of_tree ON audit_events (top_id, at_ms, id);
    DELETE FROM _sqlx_migrations WHERE version = 123";

/// Somebody who dumps the table, for as long as the connection is open.
async fn reader_of_events(database: &Database) -> PgConnection {
    database.run(BEFORE_AN_INDEX_WENT).await;
    let url = format!("{}?application_name=dump", database.url);
    let mut reader = PgConnection::connect(&url).await.unwrap();
    reader.execute("BEGIN; LOCK TABLE audit_events IN ACCESS SHARE MODE").await.unwrap();
    reader
}

/// Whoever waits for a table on PostgreSQL stands in the way of all who come after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_migration_that_waits_for_a_table_lets_others_write_to_it() {
    const WAITS: &str = "SELECT CAST(EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database =
                         (SELECT oid FROM pg_database WHERE datname = current_database())) AS TEXT) WHERE $1 = ''";
    let database = Database::postgres().await;
    let reader = reader_of_events(&database).await;
    let migrating = database.open_again().await;
    let migrating = tokio::spawn(async move { migrating.migrate().await });
    while database.text(WAITS, "").await.as_deref() != Some("true") {
        assert!(!migrating.is_finished());
        tokio::task::yield_now().await;
    }
    let mut tx = database.db.write().await.unwrap();
    append_and_hear(&mut tx, &event("meanwhile")).await.expect("an answer between two tries");
    tx.commit().await.unwrap();
    assert!(!migrating.is_finished(), "it tries again");
    reader.close().await.unwrap();
    migrating.await.unwrap().unwrap();
    assert_eq!(database.db.schema_state().await.unwrap(), SchemaState::Current);
    assert_eq!(recorded(&database.db).await, ["meanwhile"]);
}

#[tokio::test]
async fn on_postgres_a_migration_that_does_not_get_a_table_says_who_has_it_and_what_to_do() {
    let database = Database::postgres().await;
    let reader = reader_of_events(&database).await;
    let refused = database.db.migrate_within(Duration::from_millis(300)).await.unwrap_err();
    let told = refused.to_string();
    let expected = [
        "needs the table audit_events",
        "dump on ",
        "of PostgreSQL (idle in transaction, its transaction began",
        "nothing was changed: end it, or migrate again when it is done",
    ];
    assert!(expected.iter().all(|words| told.contains(words)), "{told}");
    assert!(!told.contains("LOCK TABLE"), "what others ask is theirs: {told}");
    reader.close().await.unwrap();
    database.db.migrate().await.unwrap();
}

#[tokio::test]
async fn on_sqlite_a_migration_that_another_holds_up_is_given_up() {
    let database = Database::empty_sqlite().await;
    let other = database.open_again().await;
    let theirs = other.write().await.unwrap();
    let refused = database.db.migrate_within(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(refused, Error::MigrationLocked { .. }), "{refused}");
    drop(theirs);
    database.db.migrate().await.unwrap();
}

/// Whoever has the file open would go on writing into nothing.
#[tokio::test]
async fn on_sqlite_nothing_is_written_to_a_file_that_was_taken_away() {
    let database = Database::sqlite().await;
    let file = database.url.strip_prefix("sqlite:").unwrap().to_owned();
    std::fs::rename(&file, format!("{file}.away")).unwrap();
    let refused = database.db.write().await.unwrap_err();
    assert!(refused.may_pass() && refused.to_string().contains("taken away"), "{refused}");
    std::fs::write(&file, "").unwrap();
    assert!(database.db.write().await.unwrap_err().to_string().contains("replaced"));
    std::fs::rename(format!("{file}.away"), &file).unwrap();
    let mut tx = database.db.write().await.unwrap();
    audit::append(&mut tx, &event("kept")).await.unwrap();
    tx.commit().await.unwrap();
}

/// PostgreSQL answers a COMMIT kindly when a statement has failed before, and keeps nothing.
#[tokio::test]
async fn on_postgres_nothing_is_called_committed_after_a_statement_that_failed() {
    let database = Database::postgres().await;
    let mut tx = database.db.write().await.unwrap();
    audit::append(&mut tx, &event("once")).await.unwrap();
    append_and_hear(&mut tx, &event("once")).await.unwrap_err();
    assert!(matches!(tx.commit().await, Err(Error::Spoilt)));
}

/// What PostgreSQL has answered counts for nothing once something that went with it has failed.
#[tokio::test]
async fn on_postgres_an_answer_that_has_failed_before_is_none() {
    let database = Database::postgres().await;
    let mut tx = database.db.write().await.unwrap();
    let asked = failures::find(&mut tx, ["x", "", ""]).unwrap();
    audit::append(&mut tx, &event("once")).await.unwrap();
    append_and_hear(&mut tx, &event("once")).await.unwrap_err();
    assert!(matches!(asked.answer(), Err(Error::Spoilt)), "the server had answered, but in vain");
    drop(tx);
    assert!(recorded(&database.db).await.is_empty());
}

async fn append_and_hear(tx: &mut Tx, event: &EventRow) -> store::Result<()> {
    audit::append(tx, event).await?;
    tx.answers().await
}

#[tokio::test]
async fn an_address_of_no_known_database_is_refused() {
    let options = store::Options { url: "mysql://localhost/x".to_owned(), max_connections: 1 };
    assert!(matches!(Db::open(&options).await, Err(Error::UnknownDatabase)));
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_says_which_without_its_password() {
    let options =
        store::Options { url: "postgres://someone:hunter2@127.0.0.1:9/x".to_owned(), max_connections: 1 };
    let refused = Db::open(&options).await.unwrap_err().to_string();
    assert!(refused.contains("someone@127.0.0.1:9"), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");
}

fn event(name: &str) -> EventRow {
    EventRow {
        id: name.to_owned(),
        at_ms: 1,
        event: name.to_owned(),
        actor: "system".to_owned(),
        user_id: None,
        group_id: None,
        client_id: None,
        network: None,
        details: "{}".to_owned(),
        actor_login: None,
        user_login: None,
        top_id: None,
    }
}

async fn recorded(db: &Db) -> Vec<String> {
    let mut conn = db.read().await.unwrap();
    let rows = audit::since(&mut conn, 0, "", 100).await.unwrap();
    rows.into_iter().map(|row| row.event).collect()
}
