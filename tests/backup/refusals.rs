//! What does somebody hear who asks for what cannot be? What happened, and what to do; and nothing has been touched.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::running::{elsewhere, set_up};
use crate::support::Database;
use crate::support::program::Program;
use crate::support::smtp::Smtp;

const PASSPHRASE: &str = "violet tractor hums beneath owls";

fn refused(program: &Program, arguments: &[&str], stdin: &str) -> String {
    let output = program.run(arguments, stdin);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_backup() {
    let smtp = Smtp::start().await;
    let (program, _) = set_up(Database::empty_sqlite().await, &smtp).await;
    let told = program.must(&["backup", "one.backup"], "");
    assert!(told.contains("Only keys/master.key opens it"), "{told}");
    let one = std::fs::read(program.path("one.backup")).unwrap();
    let mode = std::fs::metadata(program.path("one.backup")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (arguments, stdin, expected) in [
        (&["backup", "one.backup"][..], "", "one.backup is there already: name another file, or add --force"),
        (&["backup", "two.backup", "--passphrase-stdin"], PASSPHRASE, "add --with-keys"),
        (&["backup", "two.backup", "--with-keys"], "", "use --passphrase-file or --passphrase-stdin"),
        (
            &["backup", "two.backup", "--with-keys", "--passphrase-stdin"],
            "too short",
            "at least 16 characters",
        ),
        (&["backup", "nowhere/two.backup"], "", "nowhere/two.backup.part: No such file or directory"),
        (&["backup", "two.backup", "--with-keys", "--passphrase-file", "none"], "", "none: No such file"),
    ] {
        let told = refused(&program, arguments, stdin);
        assert!(told.contains(expected), "{told}");
    }
    assert!(!program.path("two.backup").exists() && !program.path("two.backup.part").exists());
    assert_eq!(std::fs::read(program.path("one.backup")).unwrap(), one);
    program.must(&["backup", "one.backup", "--force"], "");
    assert_ne!(std::fs::read(program.path("one.backup")).unwrap(), one);
    // What a run that was killed has left is no obstacle; what runs still is.
    let left = std::fs::File::create(program.path("two.backup.part")).unwrap();
    left.lock().unwrap();
    let told = refused(&program, &["backup", "two.backup"], "");
    assert!(told.contains("another backup is writing two.backup.part"), "{told}");
    drop(left);
    program.must(&["backup", "two.backup"], "");
    assert!(!program.path("two.backup.part").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_restore() {
    let smtp = Smtp::start().await;
    let (program, _) = set_up(Database::empty_sqlite().await, &smtp).await;
    let (plain, keyed) = (program.path("plain.backup"), program.path("keyed.backup"));
    let (plain, keyed) = (plain.to_str().unwrap(), keyed.to_str().unwrap());
    program.must(&["backup", plain], "");
    program.must(&["backup", keyed, "--with-keys", "--passphrase-stdin"], PASSPHRASE);

    let told = refused(&program, &["restore", plain], "");
    assert!(told.contains("there is a provider in") && told.contains("-wal"), "{told}");
    let told = refused(&program, &["restore", keyed, "--passphrase-stdin"], PASSPHRASE);
    assert!(told.contains("there is a provider in"), "{told}");

    let other = elsewhere(&program, Database::empty_sqlite().await, &smtp, false);
    for (arguments, stdin, expected) in [
        (&["restore", plain][..], "", "sealed by the master key of its provider, which is not inside"),
        (&["restore", keyed], "", "use --passphrase-file or --passphrase-stdin"),
        (&["restore", keyed, "--passphrase-stdin"], "another passphrase", "does not open the backup"),
        (
            &["restore", "--check", keyed, "--passphrase-stdin"],
            "another passphrase",
            "does not open the backup",
        ),
        (&["restore", "nowhere"], "", "nowhere: No such file"),
    ] {
        let told = refused(&other, arguments, stdin);
        assert!(told.contains(expected), "{told}");
    }
    std::fs::write(other.path("cut"), &std::fs::read(keyed).unwrap()[..5000]).unwrap();
    let told = refused(&other, &["restore", "cut", "--passphrase-stdin"], PASSPHRASE);
    assert!(told.contains("ends in the middle"), "{told}");
    assert!(!other.path("keys").exists(), "nothing was touched");
    assert!(refused(&other, &["user", "list"], "").contains("there is no provider"));

    // Another master key is never written over.
    let (stranger, _) = set_up(Database::empty_sqlite().await, &smtp).await;
    let told = refused(&stranger, &["restore", "--check", plain], "");
    assert!(told.contains("the master key here does not open this backup"), "{told}");
    std::fs::create_dir(other.path("keys")).unwrap();
    std::fs::copy(stranger.path("keys/master.key"), other.path("keys/master.key")).unwrap();
    let told = refused(&other, &["restore", keyed, "--passphrase-stdin"], PASSPHRASE);
    assert!(told.contains("there is another master key"), "{told}");
    std::fs::remove_dir_all(other.path("keys")).unwrap();

    // Then everything that is needed is inside.
    let told = other.must(&["restore", "--check", keyed, "--passphrase-stdin"], PASSPHRASE);
    assert!(told.contains("The master key is inside.") && told.contains("The backup is good."), "{told}");
    let json = other.must(&["restore", "--check", "--json", keyed, "--passphrase-stdin"], PASSPHRASE);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["tables"]["users"], &json["keys_inside"]), (&Value::from(1), &Value::Bool(true)));
    assert_eq!(json["faults"].as_array().map(Vec::len), Some(0));
    other.must(&["restore", keyed, "--passphrase-stdin"], PASSPHRASE);
    let key = std::fs::metadata(other.path("keys/master.key")).unwrap().permissions().mode();
    assert_eq!(key & 0o777, 0o600);
    let serving = other.serve();
    serving.says("serving");
}

/// Through a pipe, from one machine to another, nothing is ever on a disk in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_through_a_pipe() {
    let smtp = Smtp::start().await;
    let (program, _) = set_up(Database::empty_sqlite().await, &smtp).await;
    let mut backup = program.start(&["backup", "-"]);
    let pipe = backup.stdout.take().expect("a pipe");
    let other = elsewhere(&program, Database::empty_postgres().await, &smtp, true);
    let restored = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["restore", "-"])
        .current_dir(other.path(""))
        .env("COUNTERSIGN_DATABASE__URL", &other.database.url)
        .stdin(Stdio::from(pipe))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&restored.stdout).into_owned();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    assert!(told.contains("The settings say issuer"), "{told}");
    assert!(backup.wait().unwrap().success());
    assert_eq!(other.must_json(&["user", "list", "--json"]).as_array().map(Vec::len), Some(1));
}

/// What cannot be written to its end is not there, and what was there is as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_leaves_what_was_there() {
    let smtp = Smtp::start().await;
    let (mut program, _) = set_up(Database::empty_postgres().await, &smtp).await;
    program.must(&["backup", "one.backup"], "");
    let one = std::fs::read(program.path("one.backup")).unwrap();
    // No file of this program may become larger than 4 KiB; else the signal would end it, as it would end any.
    let words = ["bash", "-c", r#"trap "" XFSZ; ulimit -f 4; exec "$0" "$@""#];
    program.run_by(words.map(str::to_owned).to_vec());
    for arguments in [&["backup", "one.backup", "--force"][..], &["backup", "two.backup"]] {
        let told = refused(&program, arguments, "");
        assert!(told.contains("File too large"), "{told}");
    }
    assert_eq!(std::fs::read(program.path("one.backup")).unwrap(), one);
    assert!(!program.path("two.backup").exists());
    assert!(!program.path("one.backup.part").exists() && !program.path("two.backup.part").exists());
}
