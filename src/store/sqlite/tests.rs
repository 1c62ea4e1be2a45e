//! Is what was acknowledged there, and what was refused or given up not, whatever goes wrong beside it?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::{JoinSet, yield_now};

use crate::store::macros::optional;
use crate::store::{Conn, Db, Options, Result, Tx, facts};

/// What every transaction of the storm counts up.
const COUNT: &str = "count";

/// A row that belongs to nobody, which is found out only at the COMMIT; another of its group may have left it already.
const ORPHAN: &str = "PRAGMA defer_foreign_keys = ON;
    INSERT OR IGNORE INTO links (token_hash, purpose, user_id, created_at, expires_at) VALUES ('x', 'y', 'nobody', 1, 2)";

async fn database() -> (TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    db.migrate().await.unwrap();
    (folder, db)
}

async fn open(folder: &TempDir) -> Db {
    let url = format!("sqlite:{}", folder.path().join("x.db").display());
    Db::open_or_make(&Options { url, max_connections: 4 }).await.unwrap()
}

async fn run(conn: &mut Conn, text: &'static str) {
    conn.script("TEST", text, Duration::ZERO).await.unwrap();
}

async fn find(db: &Db, name: &str) -> Option<String> {
    facts::find(&mut db.read().await.unwrap(), name).await.unwrap()
}

/// A transaction that changes one thing and is to be committed.
async fn changing(db: &Db, name: &str) -> Tx {
    let mut tx = db.write().await.unwrap();
    facts::set(&mut tx, name, "x").await.unwrap();
    tx
}

/// A code that was spent stays spent when the power fails a moment later; no test can pull the plug.
#[tokio::test]
async fn what_was_committed_is_on_the_disk() {
    let (_folder, db) = database().await;
    let mut tx = db.write().await.unwrap();
    let full: Option<(i64,)> = optional!(tx, (i64,), "SELECT synchronous FROM pragma_synchronous").unwrap();
    let kept: Option<(String,)> =
        optional!(tx, (String,), "SELECT journal_mode FROM pragma_journal_mode").unwrap();
    assert_eq!((full, kept), (Some((2,)), Some(("wal".to_owned(),))));
}

/// It would be written for nobody: the file is looked at before each transaction of SQLite.
#[tokio::test]
async fn a_file_that_is_taken_away_or_replaced_gets_no_more_writing() {
    let (folder, db) = database().await;
    changing(&db, "before").await.commit().await.unwrap();
    let (file, elsewhere) = (folder.path().join("x.db"), folder.path().join("elsewhere"));
    let refused = async || db.write().await.map(drop).unwrap_err().to_string();
    std::fs::rename(&file, &elsewhere).unwrap();
    assert!(refused().await.contains("was taken away"));
    std::fs::write(&file, "").unwrap();
    assert!(refused().await.contains("was replaced"));
    std::fs::rename(&elsewhere, &file).unwrap();
    changing(&db, "after").await.commit().await.unwrap();
    assert_eq!(find(&db, "before").await.as_deref(), Some("x"));
    assert_eq!(find(&db, "after").await.as_deref(), Some("x"));
}

/// The transaction stays open on such a connection: whoever came next would have found themselves in it.
#[tokio::test]
async fn a_commit_that_fails_leaves_nothing_behind() {
    let (_folder, db) = database().await;
    let mut tx = db.write().await.unwrap();
    run(&mut tx, ORPHAN).await;
    assert!(tx.commit().await.is_err());
    for _ in 0..2 {
        changing(&db, "x").await.commit().await.unwrap();
    }
}

/// Whoever has lost to somebody before them in the group looks again, over a connection that reads.
#[tokio::test]
async fn what_somebody_has_lost_to_is_there_once_they_have_given_up() {
    let (_folder, db) = database().await;
    for round in 0..50 {
        let name = format!("{round}");
        let first = changing(&db, &name).await;
        let second = async {
            let mut tx = db.write().await.unwrap();
            assert!(facts::find(&mut tx, &name).await.unwrap().is_some(), "it comes after the first");
            facts::set(&mut tx, &name, "taken back").await.unwrap();
            tx.give_up().await.unwrap();
            assert_eq!(find(&db, &name).await.as_deref(), Some("x"));
        };
        let (committed, ()) = tokio::join!(first.commit(), second);
        committed.unwrap();
    }
}

/// SQLite gives up the whole transaction when the disk is full: what came after would be kept for itself.
#[tokio::test]
async fn after_a_full_disk_nothing_more_is_done_on_that_connection() {
    let (_folder, db) = database().await;
    let mut tx = db.write().await.unwrap();
    run(&mut tx, "PRAGMA max_page_count = 1").await;
    let large = "x".repeat(4_000_000);
    assert!(facts::set(&mut tx, "large", &large).await.unwrap_err().may_pass());
    assert!(facts::set(&mut tx, "small", "x").await.unwrap_err().may_pass());
    assert!(tx.commit().await.unwrap_err().may_pass());
    let mut tx = db.write().await.unwrap();
    facts::set(&mut tx, "large", &large).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(find(&db, "small").await, None);
}

/// A browser hangs up, and the request that it waited for ends in the middle.
#[tokio::test]
async fn what_is_cut_short_leaves_nothing_behind() {
    let (_folder, db) = database().await;
    for _ in 0..50 {
        let cut = async { changing(&db, "x").await.commit().await };
        tokio::select! {
            biased;
            () = yield_now() => {}
            _ = cut => {}
        }
    }
    let mut tx = db.write().await.unwrap();
    facts::set(&mut tx, "x", "z").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(find(&db, "x").await.as_deref(), Some("z"));
}

/// Two are committed together: what the second does by itself is taken back by itself.
#[tokio::test]
async fn what_is_given_up_takes_nobody_with_it() {
    let (_folder, db) = database().await;
    let first = changing(&db, "first").await;
    let mut second = Box::pin(db.write());
    assert!(is_pending(&mut second).await);
    let committed = tokio::spawn(first.commit());
    let mut second = second.await.unwrap();
    assert_eq!(facts::find(&mut second, "first").await.unwrap().as_deref(), Some("x"), "it comes after");
    assert_eq!(find(&db, "first").await, None, "nobody else sees what is not on the disk");
    facts::set(&mut second, "second", "x").await.unwrap();
    drop(second);
    committed.await.unwrap().unwrap();
    assert_eq!((find(&db, "first").await.as_deref(), find(&db, "second").await), (Some("x"), None));
}

#[tokio::test]
async fn what_fails_at_the_commit_fails_for_all_who_are_in_it() {
    let (_folder, db) = database().await;
    let first = changing(&db, "first").await;
    let mut second = Box::pin(db.write());
    assert!(is_pending(&mut second).await);
    let committed = tokio::spawn(first.commit());
    let mut second = second.await.unwrap();
    run(&mut second, ORPHAN).await;
    assert!(second.commit().await.unwrap_err().may_pass());
    assert!(committed.await.unwrap().unwrap_err().may_pass());
    assert_eq!(find(&db, "first").await, None);
    changing(&db, "next").await.commit().await.unwrap();
}

/// Looks once whether there is an answer yet.
async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    tokio::select! {
        biased;
        _ = future => false,
        () = yield_now() => true,
    }
}

#[tokio::test]
async fn whoever_writes_in_another_process_is_waited_for() {
    let (folder, db) = database().await;
    let other = open(&folder).await;
    let theirs = changing(&other, "theirs").await;
    let ours = tokio::spawn({
        let db = db.clone();
        async move { changing(&db, "ours").await.commit().await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!ours.is_finished());
    theirs.commit().await.unwrap();
    ours.await.unwrap().unwrap();
    assert_eq!(find(&db, "theirs").await.as_deref(), Some("x"));
}

#[tokio::test]
async fn a_closed_database_is_told_so() {
    let (folder, db) = database().await;
    changing(&db, "kept").await.commit().await.unwrap();
    db.close().await;
    assert!(db.write().await.unwrap_err().may_pass());
    assert!(db.read().await.unwrap_err().may_pass());
    assert!(!folder.path().join("x.db-wal").exists(), "the WAL is folded into the file");
    assert_eq!(find(&open(&folder).await, "kept").await.as_deref(), Some("x"));
}

/// What becomes of a transaction of the storm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Commits,
    Dropped,
    /// Its request ends while it waits for its turn, or for the COMMIT.
    CutShort,
    /// A statement is refused, and it goes on.
    Refused,
    /// Its COMMIT fails, with the group.
    Poisons,
    /// The disk is full.
    Fills,
}

impl Fate {
    fn of(number: u64) -> Self {
        // Any scattering will do.
        match number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58 {
            0..8 => Self::Dropped,
            8..20 => Self::CutShort,
            20..24 => Self::Refused,
            24 => Self::Poisons,
            25 => Self::Fills,
            _ => Self::Commits,
        }
    }
}

/// Counts up, and leaves a mark: both or neither.
async fn mark(db: &Db, number: u64, fate: Fate) -> Result<()> {
    let mut tx = db.write().await?;
    let count = facts::find(&mut tx, COUNT).await?.map_or(0, |count| count.parse().unwrap());
    facts::set(&mut tx, COUNT, &format!("{}", count + 1)).await?;
    if number.is_multiple_of(3) {
        yield_now().await;
    }
    match fate {
        Fate::Dropped => return Ok(()),
        Fate::Refused => {
            assert!(tx.script("TEST", "INSERT INTO users VALUES (1)", Duration::ZERO).await.is_err());
        }
        Fate::Poisons => run(&mut tx, ORPHAN).await,
        Fate::Fills => {
            run(&mut tx, "PRAGMA max_page_count = 1").await;
            facts::set(&mut tx, "large", &"x".repeat(4_000_000)).await?;
        }
        Fate::Commits | Fate::CutShort => {}
    }
    facts::set(&mut tx, &format!("mark {number:05}"), "x").await?;
    tx.commit().await
}

/// One task of the storm; true when its transaction was acknowledged, none when nobody was told.
async fn one(db: Db, number: u64) -> (u64, Option<bool>) {
    let fate = Fate::of(number);
    if fate == Fate::CutShort {
        let patience = Duration::from_micros(number % 1500);
        let told = tokio::time::timeout(patience, mark(&db, number, fate)).await;
        return (number, told.ok().map(|told| told.is_ok()));
    }
    let told = mark(&db, number, fate).await;
    if told.is_ok() && fate != Fate::Dropped {
        let seen = find(&db, &format!("mark {number:05}")).await;
        assert!(seen.is_some(), "{number} was acknowledged before anybody could see it");
    }
    (number, Some(told.is_ok() && fate != Fate::Dropped))
}

/// Which marks can be seen.
async fn marks(db: &Db, of: u64) -> BTreeSet<u64> {
    let mut conn = db.read().await.unwrap();
    let mut seen = BTreeSet::new();
    for number in 0..of {
        if facts::find(&mut conn, &format!("mark {number:05}")).await.unwrap().is_some() {
            seen.insert(number);
        }
    }
    seen
}

/// Dozens at once in two processes, of which some give up, some are cut short, some fail, and some fail with all who are beside them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_storm_what_was_acknowledged_is_there_and_what_was_refused_is_not() {
    const TASKS: u64 = 1000;
    const AT_ONCE: usize = 40;
    let (folder, db) = database().await;
    let other = open(&folder).await;
    let over = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn({
        let (db, over) = (db.clone(), Arc::clone(&over));
        async move {
            let mut seen = BTreeSet::new();
            while !over.load(Ordering::SeqCst) {
                seen.extend(marks(&db, TASKS).await);
                yield_now().await;
            }
            seen
        }
    });
    let (mut storm, mut told) = (JoinSet::new(), BTreeMap::new());
    for number in 0..TASKS {
        if storm.len() == AT_ONCE {
            told.extend(storm.join_next().await.map(std::result::Result::unwrap));
        }
        storm.spawn(one(if number.is_multiple_of(5) { other.clone() } else { db.clone() }, number));
    }
    told.extend(storm.join_all().await);
    over.store(true, Ordering::SeqCst);
    // Whoever was cut short may still be in a COMMIT: another turn comes after it.
    for db in [&db, &other] {
        drop(db.write().await.unwrap());
    }
    let there = marks(&db, TASKS).await;
    for (number, told) in &told {
        assert!(told.is_none_or(|kept| kept == there.contains(number)), "{number}: {told:?}");
        assert!(Fate::of(*number) != Fate::Commits || told.is_some());
    }
    let acknowledged = told.values().filter(|told| **told == Some(true)).count();
    assert!(acknowledged > 100, "{acknowledged}");
    assert_eq!(find(&db, COUNT).await, Some(there.len().to_string()), "each counted once, or not at all");
    assert!(watching.await.unwrap().is_subset(&there), "nobody sees what may still be refused");
    assert_eq!(find(&db, "large").await, None);
}
