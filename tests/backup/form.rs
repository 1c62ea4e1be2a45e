//! What if somebody changes a backup, cuts it off, puts its parts elsewhere or adds something? It is found out, and said.

use std::io::Write as _;

use countersign::backup::check::check;
use countersign::backup::restore::restore;
use countersign::backup::{Cost, Error, Header, Lock, Secret};
use countersign::keys::Vault;
use countersign::keys::secret::{entropy, hex};
use countersign::store::{SchemaState, migrated};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::filled::{packed, seal};
use crate::house::{CHEAP, backup, lived_in, opened, passphrase, sealed};
use crate::support::Database;

/// The header, and what stands before and after each part of it: see `src/backup`.
const HEADER: usize = 81;
const AROUND: usize = 5 + 16;
const PART: usize = 64 * 1024 + AROUND;

/// A backup of several parts, and its key.
async fn large() -> (Vec<u8>, Vault) {
    let site = lived_in(Database::sqlite().await).await;
    // What hardly packs, so that there are parts.
    site.run(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
         INSERT INTO failures (subject, account, debt, failed_at)
         SELECT hex(randomblob(32)), hex(randomblob(32)), i, i FROM n",
    )
    .await;
    let bytes = sealed(&site.admin.db, &site.vault()).await;
    assert!(bytes.len() > HEADER + 4 * PART, "{} bytes", bytes.len());
    (bytes, site.vault())
}

/// Reads all of it.
fn read(bytes: &[u8], vault: &Vault) -> Result<u64, Error> {
    opened(bytes, Secret::Master(vault))?.read_through()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_is_found_out() {
    let (whole, vault) = large().await;
    assert!(read(&whole, &vault).is_ok_and(|rows| rows > 6000));

    let mut runner = TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let places = prop_oneof![0..HEADER + 200, 0..whole.len(), whole.len() - 200..whole.len()];
    runner
        .run(&(places.clone(), 1..=255_u8), |(at, by)| {
            let mut bytes = whole.clone();
            bytes[at] ^= by;
            prop_assert!(read(&bytes, &vault).is_err(), "byte {at}");
            Ok(())
        })
        .unwrap();
    runner
        .run(&places, |length| {
            let told = read(&whole[..length], &vault).unwrap_err();
            let fits = matches!(told, Error::CutOff(_)) || (length < 19 && matches!(told, Error::Foreign));
            prop_assert!(fits, "{length} bytes: {told}");
            Ok(())
        })
        .unwrap();
    runner
        .run(&prop::collection::vec(any::<u8>(), 1..100), |more| {
            let told = read(&[&whole[..], &more].concat(), &vault).unwrap_err();
            prop_assert!(matches!(told, Error::Longer(at) if at == whole.len() as u64), "{told}");
            Ok(())
        })
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_cannot_be_exchanged_left_out_doubled_or_taken_from_another() {
    let (whole, vault) = large().await;
    let part = |at: usize| HEADER + at * PART..HEADER + (at + 1) * PART;
    let (first, second) = (&whole[part(0)], &whole[part(1)]);
    let (head, rest) = (&whole[..HEADER], &whole[HEADER + 2 * PART..]);
    let last = &whole[HEADER + (whole.len() - HEADER) / PART * PART..];
    for (what, bytes) in [
        ("exchanged", [head, second, first, rest].concat()),
        ("left out", [head, first, rest].concat()),
        ("doubled", [head, first, first, second, rest].concat()),
        ("the last one alone", [head, last].concat()),
        ("the last one early", [head, first, last].concat()),
        ("nothing but the header", head.to_vec()),
    ] {
        let told = read(&bytes, &vault).unwrap_err();
        assert!(matches!(told, Error::Changed(_) | Error::CutOff(_)), "{what}: {told}");
    }
    // A part that says that it is the last one ends nothing.
    let mut early = whole[..HEADER + PART].to_vec();
    early[HEADER] = 1;
    assert!(matches!(read(&early, &vault), Err(Error::Changed(_))));
    // Two backups of one database have a key each.
    let again = lived_in(Database::sqlite().await).await;
    let other = sealed(&again.admin.db, &vault).await;
    let mixed = [&other[..HEADER], &whole[HEADER..]].concat();
    assert!(matches!(read(&mixed, &vault), Err(Error::Changed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_opens_nothing_and_the_right_passphrase_does_however_it_was_typed() {
    let site = lived_in(Database::sqlite().await).await;
    let (vault, db) = (site.vault(), &site.admin.db);
    let folder = tempfile::tempdir().unwrap();
    let other = Vault::open_or_create(folder.path(), &mut entropy()).unwrap();
    let by_master = sealed(db, &vault).await;
    assert!(matches!(read(&by_master, &other), Err(Error::OtherKey)));

    // é in one letter and in two.
    let (typed, again) = (
        passphrase("caf\u{e9} caf\u{e9} caf\u{e9} caf\u{e9}"),
        passphrase("cafe\u{301} cafe\u{301} cafe\u{301} cafe\u{301}"),
    );
    let bytes = backup(db, &vault, Lock::Passphrase(CHEAP), Secret::Passphrase(&typed)).await.unwrap();
    let contents = opened(&bytes, Secret::Passphrase(&again)).unwrap();
    let inside = contents.head.master_key.as_ref().map(|key| key.0.clone());
    assert_eq!(inside, Some(vault.reveal()));
    assert!(contents.read_through().unwrap() > 20);
    let wrong = passphrase("cafe");
    assert!(matches!(opened(&bytes, Secret::Passphrase(&wrong)), Err(Error::OtherPassphrase)));
    assert!(matches!(opened(&bytes, Secret::Master(&vault)), Err(Error::OtherKey)));
    assert!(matches!(opened(&by_master, Secret::Passphrase(&wrong)), Err(Error::OtherPassphrase)));
    // Neither file tells anything of what is in it.
    for bytes in [&by_master, &bytes] {
        for secret in [&b"ned@example.org"[..], b"Acme", vault.reveal().trim().as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
}

/// Whoever sends us a file must not choose how much memory it takes.
#[test]
fn a_header_that_would_cost_too_much_is_refused() {
    let header = |cost: [u32; 3]| {
        let mut bytes = b"COUNTERSIGN BACKUP\n\x01\x02".to_vec();
        bytes.extend([7; 32]);
        bytes.extend(cost.iter().flat_map(|word| word.to_be_bytes()));
        bytes.extend([7; 16]);
        Header::read(&mut bytes.as_slice())
    };
    let usual = Cost::USUAL;
    assert!(header([usual.memory_kib, usual.passes, usual.lanes]).is_ok());
    for cost in
        [[u32::MAX, 3, 1], [1 << 21, 3, 1], [64, 17, 1], [64, 0, 1], [64, 1, 0], [64, 1, 17], [7, 1, 1]]
    {
        assert!(matches!(header(cost), Err(Error::Cost { .. })), "{cost:?}");
    }
    let mut newer = b"COUNTERSIGN BACKUP\n\x02\x01".to_vec();
    newer.extend([0; 60]);
    assert!(matches!(Header::read(&mut newer.as_slice()), Err(Error::Format(2))));
    for foreign in [&b""[..], b"PK\x03\x04", b"COUNTERSIGN BACKUP?\x01\x01 and so on, for long enough"] {
        assert!(matches!(Header::read(&mut &*foreign), Err(Error::Foreign)));
    }
}

/// A check has looked at everything, and leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_tells_what_is_inside_and_leaves_nothing_behind() {
    let site = lived_in(Database::sqlite().await).await;
    let vault = site.vault();
    let bytes = sealed(&site.admin.db, &vault).await;
    let within = tempfile::tempdir().unwrap();
    let report = check(opened(&bytes, Secret::Master(&vault)).unwrap(), &vault, within.path()).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!((report.tables["users"], report.tables["sessions"]), (4, 2));
    assert!(report.chained > 0 && report.opened >= 5, "{report:?}");
    assert_eq!(std::fs::read_dir(within.path()).unwrap().count(), 0);

    // What somebody has done to the database before is found as well.
    site.run("PRAGMA foreign_keys = OFF; UPDATE users SET role_id = 'nowhere' WHERE login = 'ned'").await;
    let broken = sealed(&site.admin.db, &vault).await;
    let report =
        check(opened(&broken, Secret::Master(&vault)).unwrap(), &vault, within.path()).await.unwrap();
    assert_eq!(report.faults, ["1 rows of users refer to roles that are not there"]);

    site.run(
        "UPDATE users SET role_id = (SELECT role_id FROM users WHERE login = 'nia') WHERE login = 'ned'",
    )
    .await;
    site.run("UPDATE audit_events SET actor = 'max' WHERE seq = 3").await;
    site.run("UPDATE signing_keys SET sealed = 'AAAA' WHERE kind = 'RSA'").await;
    let changed = sealed(&site.admin.db, &vault).await;
    let report =
        check(opened(&changed, Secret::Master(&vault)).unwrap(), &vault, within.path()).await.unwrap();
    assert_eq!(report.faults.len(), 2, "{:?}", report.faults);
    assert!(report.faults[0].contains("chain") && report.faults[1].contains("signing keys"));
}

/// The first line of a backup of today.
async fn head() -> Value {
    let known = Database::sqlite().await;
    let migrations = migrated(&mut known.db.read().await.unwrap()).await.unwrap();
    let migrations: Vec<_> = migrations.iter().map(|one| json!([one.version, hex(&one.checksum)])).collect();
    json!({"head": {"made_at": 1, "countersign": "0.1.0", "database": "SQLite", "issuer": "x", "migrations": migrations, "master_key": null}})
}

/// The line that begins a table, and the rest.
fn wrong(name: &str, columns: &Value, rest: &str) -> String {
    format!("{}\n", json!({"table": {"name": name, "columns": columns}})) + rest
}

/// On neither database does anything of it come.
async fn is_refused(sealed: &[u8], vault: &Vault, what: &str, expected: &str) {
    for database in [Database::empty_sqlite().await, Database::empty_postgres().await] {
        let contents = opened(sealed, Secret::Master(vault)).unwrap();
        let told = restore(contents, &database.db, vault, 1).await.unwrap_err().to_string();
        assert!(told.contains(expected), "{what}: {told}");
        assert_eq!(database.db.schema_state().await.unwrap(), SchemaState::Empty, "{what}");
    }
}

/// Whoever has the key can write what they like: that is read with care, too.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_backup_holds_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open_or_create(folder.path(), &mut entropy()).unwrap();
    let head = head().await;
    let failures = |rest: &str| {
        wrong("failures", &json!([["subject", "text"], ["debt", "number"], ["failed_at", "number"]]), rest)
    };
    let end = "{\"rows\":1}\n{\"end\":1}\n";
    let good = failures(&format!("[\"x\",1,2]\n{end}"));
    for (what, lines, expected) in [
        ("nothing", String::new(), "the end is missing"),
        (
            "another table",
            wrong("nowhere\"; DROP TABLE users; --", &json!([["x", "text"]]), end),
            "a table nowhere",
        ),
        ("another column", wrong("failures", &json!([["nowhere", "text"]]), end), "a table failures"),
        (
            "a column twice",
            wrong("failures", &json!([["subject", "text"], ["subject", "text"]]), end),
            "a table failures",
        ),
        (
            "a column of another kind",
            wrong("failures", &json!([["subject", "number"]]), end),
            "a table failures",
        ),
        ("no column", wrong("failures", &json!([]), end), "a table failures"),
        ("a table twice", failures("{\"rows\":0}\n") + &failures(end), "a table failures"),
        (
            "too few values",
            failures(&format!("[\"x\"]\n{end}")),
            "line 3 of the backup cannot be used: 1 values for 3",
        ),
        (
            "a value of another kind",
            failures(&format!("[\"x\",\"y\",2]\n{end}")),
            "column debt: a value is of another kind",
        ),
        ("a NUL", failures(&format!("[\"\\u0000\",1,2]\n{end}")), "column subject: a text holds a NUL"),
        ("what may not be null", failures(&format!("[null,1,2]\n{end}")), "do not fit into failures"),
        (
            "a row twice",
            failures("[\"x\",1,2]\n[\"x\",1,2]\n{\"rows\":2}\n{\"end\":2}\n"),
            "do not fit into failures",
        ),
        ("fewer rows", failures("{\"rows\":1}\n{\"end\":1}\n"), "0 rows of failures have come"),
        ("fewer in all", failures("[\"x\",1,2]\n{\"rows\":1}\n{\"end\":2}\n"), "not what comes here"),
        ("more after the end", good.clone() + "\n", "it comes after the end"),
        ("no JSON", "nonsense\n".to_owned(), "line 2 of the backup cannot be used: it is no line of ours"),
        ("no UTF-8", "\u{fffd}".to_owned(), "ends in the middle"),
    ] {
        let sealed = seal(&vault, &packed(format!("{head}\n{lines}").as_bytes()));
        is_refused(&sealed, &vault, what, expected).await;
    }
    let sealed = seal(&vault, &packed(format!("{head}\n{good}").as_bytes()));
    restore(opened(&sealed, Secret::Master(&vault)).unwrap(), &Database::empty_sqlite().await.db, &vault, 1)
        .await
        .unwrap();
}

/// A line without an end is not waited for, however well it packs.
#[tokio::test(flavor = "multi_thread")]
async fn what_unpacks_without_an_end_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open_or_create(folder.path(), &mut entropy()).unwrap();
    let mut bomb = ZlibEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..40 {
        bomb.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let sealed = seal(&vault, &bomb.finish().unwrap());
    assert!(sealed.len() < 1 << 20);
    let told = opened(&sealed, Secret::Master(&vault)).unwrap_err().to_string();
    assert!(told.contains("line 1 of the backup cannot be used: it is too long"), "{told}");
    let told = opened(&seal(&vault, b"not packed"), Secret::Master(&vault)).unwrap_err().to_string();
    assert!(told.contains("it does not unpack"), "{told}");
}
