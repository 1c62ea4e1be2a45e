//! Which commands make a provider, and what do the others say where there is none, or another one?
#![cfg(test)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use countersign::store::SchemaState;
use support::Database;
use support::admin::PASSWORD;
use tempfile::TempDir;

/// What looks or changes, and never makes.
const OTHERS: [&[&str]; 12] = [
    &["serve"],
    &["group", "add", "Acme"],
    &["group", "list"],
    &["role", "list"],
    &["user", "list"],
    &["user", "add", "ned", "--group", "Acme", "--role", "User"],
    &["client", "add", "App", "--redirect-uri", "https://app.example.org/"],
    &["client", "list"],
    &["key", "rotate"],
    &["mail", "log"],
    &["audit"],
    &["explain", "ned"],
];

/// A folder, and settings that come from the environment alone.
struct Place {
    folder: TempDir,
    url: Option<String>,
}

impl Place {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: None }
    }

    fn on(url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..Self::empty() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn holds(&self) -> Vec<String> {
        names(self.folder.path())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COUNTERSIGN_"))
        {
            command.env_remove(name);
        }
        if let Some(url) = &self.url {
            command.env("COUNTERSIGN_DATABASE__URL", url);
            command.env("COUNTERSIGN_LISTEN", "127.0.0.1:0");
        }
        command.current_dir(self.folder.path()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn must(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output.stderr));
        said(&output.stdout)
    }

    /// The one line with which it refuses.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = said(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}{}", said(&output.stdout));
        // `serve` has begun its log by then.
        let told: Vec<_> = errors.lines().filter(|line| line.starts_with("countersign: ")).collect();
        assert_eq!(told.len(), 1, "{arguments:?}: {errors}");
        told[0].to_owned()
    }

    fn init(&self) {
        let mut child = self
            .command(&["init", "--admin", "root", "--password-stdin", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), PASSWORD.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", said(&output.stderr));
    }

    /// Whether `serve` serves; it is ended then.
    fn serves(&self) -> bool {
        let child = self.command(&["serve"]).spawn().unwrap();
        let mut serving = Serving(child);
        let mut log = std::io::BufReader::new(serving.0.stderr.take().unwrap());
        let mut line = String::new();
        while std::io::BufRead::read_line(&mut log, &mut line).unwrap() > 0 {
            if line.contains("serving") {
                return true;
            }
        }
        false
    }
}

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn in_an_empty_folder_every_other_command_says_what_to_do_and_makes_nothing() {
    let place = Place::empty();
    for arguments in OTHERS {
        let told = place.refused(arguments);
        assert!(
            told.contains("countersign.toml") && told.contains("`countersign init`"),
            "{arguments:?}: {told}"
        );
        assert_eq!(place.holds(), [""; 0], "{arguments:?}");
    }
    let checked = place.run(&["check"]);
    let told = said(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{told}");
    for what in ["settings", "master key", "database", "keys", "mail"] {
        assert!(told.lines().any(|line| line.starts_with(&format!("FAIL {what}"))), "{what}: {told}");
    }
    assert_eq!(place.holds(), [""; 0]);
}

#[test]
fn init_and_then_serve_is_all_that_a_new_machine_needs() {
    let place = Place::empty();
    place.init();
    assert_eq!(place.holds(), ["countersign.db", "countersign.toml", "keys"]);
    assert!(place.serves());
}

crate::on_both_databases! {
    /// Containers: no file, everything from the environment.
    async fn migrate_and_then_serve_is_all_that_a_container_needs(database) {
        let place = Place::on(&database.url);
        place.must(&["migrate"]);
        place.must(&["group", "add", "Acme"]);
        assert_eq!(names(&place.path("keys")), ["master.key"]);
        assert!(place.serves());
    }

    async fn without_its_master_key_nothing_runs_and_none_is_made(database) {
        let place = Place::on(&database.url);
        place.init();
        assert!(place.serves());
        fs::rename(place.path("keys"), place.path("elsewhere")).unwrap();
        let changes = &["client", "add", "App", "--redirect-uri", "https://a.example/"];
        let others = [&["group", "add", "X"][..], &["user", "list"], &["explain", "root"], &["audit"], &["session", "list"]];
        for arguments in [&["serve"][..], &["key", "list"], changes].into_iter().chain(others) {
            let told = place.refused(arguments);
            assert!(told.contains("keys/master.key") && told.contains("no master key"), "{told}");
        }
        assert!(place.must(&["migrate"]).contains("put the master key"));
        let checked = said(&place.run(&["check"]).stdout);
        assert!(checked.lines().any(|line| line.starts_with("FAIL master key")), "{checked}");
        assert!(!place.path("keys").exists());
        fs::rename(place.path("elsewhere"), place.path("keys")).unwrap();
        assert!(place.serves());
    }

    async fn with_the_master_key_of_another_provider_nothing_runs(database) {
        let (place, other) = (Place::on(&database.url), Place::empty());
        place.init();
        other.init();
        let own = fs::read(place.path("keys/master.key")).unwrap();
        fs::copy(other.path("keys/master.key"), place.path("keys/master.key")).unwrap();
        for arguments in [&["serve"][..], &["migrate"], &["key", "rotate"], &["mail", "test", "x@example.org"], &["group", "add", "X"], &["user", "list"]] {
            let told = place.refused(arguments);
            assert!(told.contains("not the one that this database was sealed by"), "{arguments:?}: {told}");
        }
        let checked = said(&place.run(&["check"]).stdout);
        assert!(checked.lines().any(|line| line.starts_with("FAIL keys") && line.contains("sealed by")), "{checked}");
        // A database from before that was written down: its signing keys tell.
        database.run("DELETE FROM provider_facts WHERE name = 'master_key'").await;
        assert!(place.refused(&["serve"]).contains("not the one"));
        fs::write(place.path("keys/master.key"), own).unwrap();
        assert!(place.serves());
        database.run("DELETE FROM signing_keys").await;
        fs::copy(other.path("keys/master.key"), place.path("keys/master.key")).unwrap();
        assert!(place.refused(&["serve"]).contains("not the one"), "it was written down at the first start");
    }

    /// Someone has upgraded the program: `serve` or `migrate` brings the schema up to date, and nothing else does.
    async fn an_old_schema_is_told_and_left_alone_by_what_only_looks(database) {
        let place = Place::on(&database.url);
        place.init();
        database.run("DROP TABLE provider_facts; DELETE FROM _sqlx_migrations WHERE version = 22").await;
        let told = place.refused(&["user", "list"]);
        assert!(told.contains("`countersign migrate`"), "{told}");
        let checked = said(&place.run(&["check"]).stdout);
        assert!(checked.lines().any(|line| line.starts_with("FAIL database") && line.contains("migrate")), "{checked}");
        assert!(place.must(&["migrate"]).contains("1 migrations were run"));
        assert!(place.must(&["migrate"]).contains("up to date."));
        place.must(&["user", "list"]);
    }

    async fn what_is_wrong_with_the_schema_is_said_everywhere(database) {
        let place = Place::on(&database.url);
        place.init();
        database.run("UPDATE _sqlx_migrations SET checksum = (SELECT checksum FROM _sqlx_migrations WHERE version = 2) WHERE version = 3").await;
        told_everywhere(&place, "migration 3 (standard claims) of the database is not the one of this program");
        database.run("UPDATE _sqlx_migrations SET success = FALSE WHERE version = 4").await;
        told_everywhere(&place, "migration 4 (protocol) of the database was begun and not finished");
        database.run("UPDATE _sqlx_migrations SET success = TRUE; UPDATE _sqlx_migrations SET version = 777 WHERE version = 3").await;
        told_everywhere(&place, "does not know (777) and lacks others (3)");
    }
}

fn told_everywhere(place: &Place, what: &str) {
    for arguments in [&["migrate"][..], &["serve"], &["user", "list"]] {
        let told = place.refused(arguments);
        assert!(told.contains(what), "{arguments:?}: {told}");
    }
    let checked = said(&place.run(&["check"]).stdout);
    assert!(
        checked.lines().any(|line| line.starts_with("FAIL database") && line.contains(what)),
        "{checked}"
    );
}

#[test]
fn a_deleted_or_mistyped_database_file_is_not_made_anew() {
    let place = Place::empty();
    place.init();
    fs::rename(place.path("countersign.db"), place.path("away.db")).unwrap();
    for arguments in OTHERS {
        let told = place.refused(arguments);
        assert!(told.contains("no provider in ") && told.contains("countersign.db"), "{told}");
    }
    assert!(!place.path("countersign.db").exists());
    fs::write(place.path("countersign.db"), "").unwrap();
    assert!(place.refused(&["serve"]).contains("no provider in "), "nor is an empty one filled");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_postgres_database_is_not_filled_by_serve() {
    let database = Database::empty_postgres().await;
    let place = Place::on(&database.url);
    for arguments in OTHERS {
        let told = place.refused(arguments);
        assert!(told.contains("no provider in postgres"), "{told}");
    }
    assert_eq!(database.db.schema_state().await.unwrap(), SchemaState::Empty);
    assert_eq!(place.holds(), [""; 0]);
}

/// Two nodes with folders of their own: the first that serves seals the database, the second is told to take its key.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_with_a_master_key_of_its_own_is_refused() {
    let database = Database::empty_postgres().await;
    let (one, two) = (Place::on(&database.url), Place::on(&database.url));
    one.must(&["migrate"]);
    two.must(&["migrate"]);
    assert!(one.serves());
    assert!(two.refused(&["serve"]).contains("not the one"));
    fs::copy(one.path("keys/master.key"), two.path("keys/master.key")).unwrap();
    assert!(two.serves());
}

#[test]
fn what_keeps_a_file_from_being_opened_is_named_with_what_mends_it() {
    let (folder, place) = (Place::empty(), Place::empty());
    place.init();
    for (url, expected) in [
        (format!("sqlite:{}", folder.path("no/such/folder.db").display()), "no provider in "),
        (format!("sqlite:{}", place.path("countersign.toml").display()), "no SQLite database"),
        ("sqlite:/dev/null/x.db".to_owned(), "data_dir"),
    ] {
        let told = Place::on(&url).refused(&["user", "list"]);
        assert!(told.contains(expected), "{told}");
    }
    let told = Place::on("sqlite:/no/such/folder/x.db").refused(&["migrate"]);
    assert!(told.contains("folder /no/such/folder is not there"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_postgres_from_being_reached_is_named_with_what_mends_it() {
    let database = Database::empty_postgres().await;
    let (server, _) = database.url.rsplit_once('/').unwrap();
    for (url, expected) in [
        (format!("{server}/no_such_database"), "\"no_such_database\" does not exist"),
        ("postgres://x@127.0.0.1:9/x".to_owned(), "connection refused"),
        ("postgres://x@no-such-host.invalid/x".to_owned(), "host is not known"),
        ("postgres://x@%2Fno%2Fsuch%2Ffolder/x".to_owned(), "path of the socket"),
        (server.replacen("countersign@", "nobody_of_this_name@", 1) + "/postgres", "nobody_of_this_name"),
    ] {
        let told = Place::on(&url).refused(&["serve"]);
        assert!(told.contains(expected) && told.contains("[database] url"), "{told}");
    }
}
