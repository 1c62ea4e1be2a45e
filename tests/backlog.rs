//! Is much that expires at once worked off in turns, so that nothing is held up by it, and nothing stays?
#![cfg(test)]

mod support;

use std::collections::BTreeSet;

use countersign::audit::{Actor, Event, chain};
use countersign::keys::Vault;
use countersign::keys::secret::entropy;
use countersign::store::purge::{self, Purged};
use support::Database;
use support::site::Site;

/// As many rows of a kind go in one turn, and in one transaction.
const TURN: u64 = 10_000;
const BATCH: u64 = 500;

/// Numbers from 1 on, as rows.
macro_rules! numbers {
    ($most:literal) => {
        concat!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ",
            $most,
            ")"
        )
    };
}

/// A site from which all has gone that was over before it began.
async fn emptied(database: Database) -> Site {
    let site = Site::on(database).await;
    purge::run(&site.admin.db, site.now()).await.unwrap();
    site
}

async fn count(database: &Database, query: &'static str) -> u64 {
    database.text(query, "").await.expect("a number").parse().expect("a number")
}

/// Whoever makes a table says what becomes of its rows.
#[test]
fn every_table_is_in_the_list_of_what_is_kept() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/database.md")).unwrap();
    let list = page.split_once("## What is kept").unwrap().1.split_once("\n## ").unwrap().0;
    let files = std::fs::read_dir(root.join("migrations")).unwrap().map(|entry| entry.unwrap().path());
    let migrations: Vec<String> = {
        let mut files: Vec<_> = files.collect();
        files.sort();
        files.into_iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    };
    let mut tables = BTreeSet::new();
    for line in migrations.iter().flat_map(|text| text.lines()) {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            tables.insert(rest.split_whitespace().next().unwrap());
        } else if let Some(rest) = line.strip_prefix("DROP TABLE ") {
            tables.remove(rest.trim_end_matches(';'));
        }
    }
    assert!(tables.len() > 30, "{tables:?}");
    for table in tables {
        assert!(list.contains(&format!("`{table}`")), "docs/database.md says nothing of {table}");
    }
}

crate::on_both_databases! {
    async fn much_that_has_expired_goes_in_turns_and_nothing_else_waits_for_it(database) {
        let site = emptied(database).await;
        let database = site.database();
        database.run(concat!(
            "INSERT INTO sessions (id, token_hash, user_id, password_at, created_at, seen_at, expires_at) ",
            numbers!(21_300),
            " SELECT 'old' || CAST(n AS TEXT), 'hash' || CAST(n AS TEXT), u.id, 1600000000, 1600000000, 1600000000, 1600000000 + n
              FROM numbers CROSS JOIN users u WHERE u.login_key = 'ned';
              INSERT INTO seen_ids (purpose, id_hash, expires_at) VALUES ('test', 'once', 1600000000);"
        )).await;
        let before = site.admin.db.costs();
        let first = purge::run(&site.admin.db, site.now()).await.unwrap();
        assert_eq!((first.rows, first.more), (TURN + 1, true), "a turn of sessions, and what comes after them");
        let commits = site.admin.db.costs().since(before).commits;
        assert!(commits >= TURN / BATCH, "{commits} transactions: none holds many rows");
        let mut turns = vec![first];
        while turns.last().is_some_and(|turn| turn.more) {
            turns.push(purge::run(&site.admin.db, site.now()).await.unwrap());
        }
        let rows: Vec<u64> = turns.iter().map(|turn| turn.rows).collect();
        assert_eq!(rows, [TURN + 1, TURN, 1300]);
        assert_eq!(count(database, "SELECT CAST(COUNT(*) AS TEXT) FROM sessions WHERE id LIKE 'old%' OR id = $1").await, 0);
    }

    /// A grant of a year has thousands of refresh tokens, and would take all of them along at once.
    async fn refresh_tokens_go_before_the_grants_that_they_belong_to(database) {
        let site = emptied(database).await;
        site.admin.add_app().await;
        let database = site.database();
        database.run(concat!(
            "INSERT INTO grants (id, user_id, client_id, session_id, scopes, amr, acr, auth_time, created_at, expires_at)
             SELECT 'old', u.id, c.id, 'none', 'openid', 'pwd', 'pwd', 1600000000, 1600000000, 1600000000
             FROM users u CROSS JOIN clients c WHERE u.login_key = 'ned';
             INSERT INTO refresh_tokens (token_hash, grant_id, created_at, expires_at, spent_at) ",
            numbers!(10_700),
            " SELECT 'old' || CAST(n AS TEXT), 'old', 1600000000, 1600000000, 1600000000 FROM numbers;"
        )).await;
        let purged = [purge::run(&site.admin.db, site.now()).await.unwrap(), purge::run(&site.admin.db, site.now()).await.unwrap()];
        assert_eq!(purged, [Purged { rows: TURN, more: true }, Purged { rows: 701, more: false }]);
    }

    /// 250 a minute would be four a second, and many sites write more than that.
    async fn old_events_go_as_fast_as_they_came(database) {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(folder.path(), &mut entropy()).unwrap();
        for some in 0..7 {
            let mut tx = database.db.write().await.unwrap();
            for n in 0..100 {
                let event = Event::new("user.changed", Actor::System).detail("number", n);
                event.record(&mut tx, some * 1000 + n, &mut entropy()).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        while chain::link(&database.db, &vault).await.unwrap() {}
        let now = 500 * 86_400_000;
        let gone = chain::purge(&database.db, &vault, now).await.unwrap();
        assert_eq!(gone, Purged { rows: 700, more: false });
        let mut conn = database.db.read().await.unwrap();
        let report = chain::verify(&mut conn, &vault, None).await.unwrap();
        assert_eq!((report.upto, report.broken), (700, None));
    }
}
