//! Does everything arrive, from either kind of database on the other and back?

use countersign::audit::chain;
use countersign::backup::restore::restore;
use countersign::backup::{Error, Lock, Secret};
use countersign::keys::{Vault, claim};
use countersign::store::{self, Db, SchemaState, facts, versions};

use crate::house::{backup, lived_in, opened, rows, sealed};
use crate::support::Database;

const LATER_MS: i64 = 1_800_000_100_000;

async fn restored(bytes: &[u8], vault: &Vault, db: &Db) -> Result<u64, Error> {
    restore(opened(bytes, Secret::Master(vault))?, db, vault, LATER_MS).await
}

/// What must be the same; the event of the restore and the count of versions are its own.
fn same(
    mut one: std::collections::BTreeMap<String, Vec<String>>,
    other: &std::collections::BTreeMap<String, Vec<String>>,
) {
    let events = one.get_mut("audit_events").expect("events");
    events.retain(|event| !event.contains("event=\"backup.restored\""));
    for (name, rows) in other {
        let mut rows = rows.clone();
        rows.retain(|row| !row.contains("event=\"backup.restored\""));
        if name != "versions" {
            assert_eq!(one[name], rows, "{name}");
        }
    }
    assert_eq!(one.len(), other.len());
    let number = other.values().map(Vec::len).sum::<usize>();
    assert!(number > 50, "there is something to compare: {number} rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_on_postgres_and_comes_back_to_sqlite_as_it_was() {
    let site = lived_in(Database::sqlite().await).await;
    let vault = site.vault();
    site.run("UPDATE users SET name = 'Zoë \"the\" \\ O''Neil, \u{1F980}' WHERE login = 'ned'").await;
    // Whoever is below another group was there before it.
    site.run(
        "PRAGMA foreign_keys = OFF;
         INSERT INTO groups (id, parent_id, top_id, name, name_key, language, two_factor, created_at)
         VALUES ('early', 'late', 'late', 'Early', 'early', 'en', FALSE, 1), ('late', NULL, 'late', 'Late', 'late', 'en', TRUE, 1)",
    )
    .await;
    site.run("INSERT INTO failures (subject, account, debt, failed_at) VALUES ('x', NULL, 9223372036854775807, -1)").await;
    let before = rows(&site.admin.db).await;

    let postgres = Database::empty_postgres().await;
    let first = sealed(&site.admin.db, &vault).await;
    let moved = restored(&first, &vault, &postgres.db).await.unwrap();
    assert_eq!(moved, before.values().map(Vec::len).sum::<usize>() as u64);
    same(rows(&postgres.db).await, &before);

    let back = Database::empty_sqlite().await;
    let second = sealed(&postgres.db, &vault).await;
    restored(&second, &vault, &back.db).await.unwrap();
    same(rows(&back.db).await, &before);

    for db in [&postgres.db, &back.db] {
        assert_eq!(db.schema_state().await.unwrap(), SchemaState::Current);
        let mut conn = db.read().await.unwrap();
        let report = chain::verify(&mut conn, &vault, None).await.unwrap();
        assert!(report.broken.is_none() && report.upto > 5, "{report:?}");
        claim::signing_keys_open(&mut conn, &vault).await.unwrap();
        assert_eq!(
            facts::find(&mut conn, facts::MIGRATED_BY).await.unwrap().as_deref(),
            Some(env!("CARGO_PKG_VERSION"))
        );
        // A node that still runs has seen another version.
        assert!(versions::find(&mut conn, versions::CLIENTS).await.unwrap() > LATER_MS / 1000);
        drop(conn);
        // Nobody is let in by a reference that is looked at no more.
        let mut tx = db.write().await.unwrap();
        let orphan =
            countersign::store::tokens::remember_consent(&mut tx, "nobody", "nothing", "openid", 1).await;
        assert!(orphan.is_err_and(|e| e.is_orphan()));
    }
}

/// A backup from before an upgrade.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_an_older_schema_becomes_a_provider_of_today() {
    let known = Database::sqlite().await;
    let mut all = store::migrated(&mut known.db.read().await.unwrap()).await.unwrap();
    all.retain(|one| one.version <= 42);
    let (old, vault) = (Database::empty_sqlite().await, lived_in(Database::sqlite().await).await.vault());
    old.db.begin_with_schema(&all).await.unwrap().commit().await.unwrap();
    assert!(matches!(old.db.schema_state().await.unwrap(), SchemaState::Behind(_)));
    old.run(
        "INSERT INTO groups (id, parent_id, top_id, name, name_key, language, two_factor, created_at)
         VALUES ('g', NULL, 'g', 'Acme', 'acme', 'en', TRUE, 1);
         INSERT INTO roles (id, group_id, name, name_key, rank, rights, created_at) VALUES ('r', 'g', 'User', 'user', 4, '', 1);
         INSERT INTO users (id, login, login_key, status, group_id, role_id, created_at, updated_at)
         VALUES ('u', 'ned', 'ned', 'active', 'g', 'r', 1, 1), ('n', 'nia', 'nia', 'active', 'g', 'r', 1, 1), ('k', 'kim', 'kim', 'active', 'g', 'r', 1, 1);
         INSERT INTO audit_events (id, at_ms, event, actor, user_id, details)
         VALUES ('1', 5000, 'signin.completed', 'u', 'u', '{}'), ('2', 7000, 'signin.override', 'u', 'u', '{\"by_session\":false}'),
                ('3', 9000, 'signin.completed', 'u', 'u', '{\"by_session\":true}'), ('4', 9000, 'signin.password_refused', 'anonymous', 'k', '{}');
         INSERT INTO sessions (id, token_hash, user_id, password_at, code_at, created_at, seen_at, expires_at)
         VALUES ('s', 't', 'n', 3, 4, 3, 8, 9)",
    )
    .await;
    let bytes = sealed(&old.db, &vault).await;
    assert_eq!(opened(&bytes, Secret::Master(&vault)).unwrap().head.schema(), 42);
    for new in [Database::empty_sqlite().await, Database::empty_postgres().await] {
        restored(&bytes, &vault, &new.db).await.unwrap();
        assert_eq!(new.db.schema_state().await.unwrap(), SchemaState::Current);
        // What migrations have made of the rows since.
        let text = new.text("SELECT two_factor_setting FROM groups WHERE id = $1", "g").await;
        assert_eq!(text.as_deref(), Some("on"));
        let users = rows(&new.db).await["users"].clone();
        assert!(users.len() == 3 && users[0].contains("addressless=true"), "{users:?}");
        // As the log says, or the session of whom it says nothing.
        for (login, at) in [("ned", "7"), ("nia", "4"), ("kim", "0")] {
            let text = new.text("SELECT CAST(signed_in_at AS TEXT) FROM users WHERE login = $1", login).await;
            assert_eq!(text.as_deref(), Some(at), "{login}");
        }
    }
}

/// As after an upgrade of one node, of which this program has heard nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_program_is_not_copied_by_halves() {
    let site = lived_in(Database::sqlite().await).await;
    site.run(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT 9998, 'gentle', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1;
         UPDATE provider_facts SET value = '9998' WHERE name = 'gentle_migrations'",
    )
    .await;
    let vault = site.vault();
    let refused = backup(&site.admin.db, &vault, Lock::Master, Secret::Master(&vault)).await.unwrap_err();
    assert!(refused.to_string().contains("make the backup with that one"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_serves_once_and_for_minutes_does_not_come() {
    let site = lived_in(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    // Ned has got a code, and the answer with which his app would get tokens has not been redeemed.
    let browser = site.after_password(&app.visit(), "ned").await;
    assert!(browser.has_field("code"));
    let visit = app.visit();
    let arrived = site.after_password(&visit, "ada").await.arrived();
    let back = Database::empty_sqlite().await;
    let bytes = sealed(&site.admin.db, &site.vault()).await;
    restored(&bytes, &site.vault(), &back.db).await.unwrap();
    for table in [
        "signins",
        "challenges",
        "authorization_codes",
        "hand_codes",
        "pushed_requests",
        "device_codes",
        "places",
    ] {
        assert_eq!(count(&back, table).await, "0", "{table}");
    }
    let came = rows(&back.db).await;
    for table in ["sessions", "grants", "refresh_tokens", "links", "audit_events"] {
        assert!(!came[table].is_empty(), "{table} came along");
    }
    assert_eq!(app.redeem(&visit, &arrived).await.status, 200, "the site itself goes on");
}

async fn count(database: &Database, table: &'static str) -> String {
    const COUNTS: [(&str, &str); 7] = [
        ("signins", "SELECT CAST(COUNT(*) AS TEXT) FROM signins WHERE $1 = ''"),
        ("challenges", "SELECT CAST(COUNT(*) AS TEXT) FROM challenges WHERE $1 = ''"),
        ("authorization_codes", "SELECT CAST(COUNT(*) AS TEXT) FROM authorization_codes WHERE $1 = ''"),
        ("hand_codes", "SELECT CAST(COUNT(*) AS TEXT) FROM hand_codes WHERE $1 = ''"),
        ("pushed_requests", "SELECT CAST(COUNT(*) AS TEXT) FROM pushed_requests WHERE $1 = ''"),
        ("device_codes", "SELECT CAST(COUNT(*) AS TEXT) FROM device_codes WHERE $1 = ''"),
        ("places", "SELECT CAST(COUNT(*) AS TEXT) FROM places WHERE $1 = ''"),
    ];
    let (_, query) = COUNTS.iter().find(|(name, _)| *name == table).expect("a query");
    database.text(query, "").await.expect("a count")
}

crate::on_both_databases! {
    /// Groups come before those below them and after, and each must be there in the end.
    async fn references_are_whole_or_nothing_comes(database) {
        let site = lived_in(Database::sqlite().await).await;
        let vault = site.vault();
        site.run("PRAGMA foreign_keys = OFF; UPDATE users SET role_id = 'nowhere' WHERE login = 'ned'").await;
        let bytes = sealed(&site.admin.db, &vault).await;
        let empty = if database.url.starts_with("sqlite") { Database::empty_sqlite().await } else { Database::empty_postgres().await };
        let refused = restored(&bytes, &vault, &empty.db).await.unwrap_err();
        assert!(matches!(refused, Error::Broken { .. }), "{refused}");
        assert_eq!(empty.db.schema_state().await.unwrap(), SchemaState::Empty);
    }

    /// What fails in the middle leaves nothing, and the next try goes well.
    async fn a_backup_that_ends_in_the_middle_leaves_nothing_and_a_whole_one_comes_afterwards(database) {
        let site = lived_in(Database::sqlite().await).await;
        let vault = site.vault();
        let bytes = sealed(&site.admin.db, &vault).await;
        let empty = if database.url.starts_with("sqlite") { Database::empty_sqlite().await } else { Database::empty_postgres().await };
        for length in [82, 2000, bytes.len() / 2, bytes.len() - 1] {
            assert!(restored(&bytes[..length], &vault, &empty.db).await.is_err());
            assert_eq!(empty.db.schema_state().await.unwrap(), SchemaState::Empty);
        }
        restored(&bytes, &vault, &empty.db).await.unwrap();
        assert_eq!(empty.db.schema_state().await.unwrap(), SchemaState::Current);
        let twice = restored(&bytes, &vault, &empty.db).await.unwrap_err();
        assert!(twice.to_string().contains("there is a provider in the database already"), "{twice}");
    }
}
