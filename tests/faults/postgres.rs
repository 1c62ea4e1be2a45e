//! Which PostgreSQL servers of their own do the tests have? Small ones, run by Debian's programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::line::Server;

/// A server in a folder of its own; it ends with this value.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
}

impl Postgres {
    /// One that holds nothing yet.
    pub fn start() -> Self {
        let server = Self { folder: folder_for_postgres() };
        server.must(
            "initdb",
            &[
                "-D",
                &server.path("data"),
                "-U",
                "countersign",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-locale",
                "--no-sync",
            ],
        );
        server.start_again();
        server
    }

    /// A standby of it, which copies whatever it writes.
    pub fn standby(&self) -> Self {
        let standby = Self { folder: folder_for_postgres() };
        standby.follow(self);
        standby
    }

    /// Becomes a standby of another one, whatever it was before; it must not run.
    pub fn follow(&self, primary: &Self) {
        let _ = std::fs::remove_dir_all(self.path("data"));
        let source = format!("host={} user=countersign", primary.folder.path().display());
        self.must(
            "pg_basebackup",
            &["-D", &self.path("data"), "-d", &source, "-R", "--no-sync", "-c", "fast"],
        );
        self.start_again();
    }

    /// From now on nothing is committed before a standby has written it down too. Returns once one does.
    pub fn commit_with_standby(&self) {
        self.ask("ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.ask("SELECT pg_reload_conf()");
        let copied = || self.ask("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'");
        let waited = (0..100).any(|_| {
            let found = copied() == "1";
            if !found {
                self.ask("SELECT pg_sleep(0.1)");
            }
            found
        });
        assert!(waited, "no standby copies what is committed");
    }

    /// What it answers to a query of one value.
    pub fn ask(&self, query: &str) -> String {
        let host = self.folder.path().display().to_string();
        let output = self.run("psql", &["-h", &host, "-U", "countersign", "-d", "postgres", "-Atqc", query]);
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Ends it as a crash would: nothing more is said to anybody.
    pub fn crash(&self) {
        self.must("pg_ctl", &["-D", &self.path("data"), "-m", "immediate", "-w", "-s", "stop"]);
    }

    /// Runs it on what it has.
    pub fn start_again(&self) {
        self.start_with("-c listen_addresses=");
    }

    /// The same with these arguments.
    pub fn start_with(&self, more: &str) {
        let options =
            format!("-k {} -c fsync=off -c max_connections=40 -c shared_buffers=16MB {more}", self.path(""));
        self.must(
            "pg_ctl",
            &["-D", &self.path("data"), "-l", &self.path("log"), "-w", "-s", "-o", &options, "start"],
        );
    }

    /// Ends it in order: whatever it has written, its standby has.
    pub fn stop(&self) {
        self.must("pg_ctl", &["-D", &self.path("data"), "-m", "fast", "-w", "-s", "stop"]);
    }

    /// From now on it takes writing.
    pub fn promote(&self) {
        self.must("pg_ctl", &["-D", &self.path("data"), "-w", "-s", "promote"]);
    }

    pub fn server(&self) -> Server {
        Server::Unix(self.folder.path().join(".s.PGSQL.5432"))
    }

    /// Where it listens, as the host of an address.
    pub fn host(&self) -> String {
        self.folder.path().display().to_string().replace('/', "%2F")
    }

    /// Puts a file into its folder that nobody else reads.
    pub fn put(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, private).expect("a private file");
        if is_root() {
            let lent = Command::new("chown").arg("postgres").arg(&path).status();
            assert!(lent.expect("chown").success());
        }
        path
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn must(&self, program: &str, arguments: &[&str]) {
        let output = self.run(program, arguments);
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let path = programs().join(program);
        as_postgres(&path)
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("a program of PostgreSQL")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.run("pg_ctl", &["-D", &self.path("data"), "-m", "immediate", "-s", "stop"]);
    }
}

/// The newest of Debian's.
fn programs() -> PathBuf {
    let mut found: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).collect())
        .unwrap_or_default();
    found.sort();
    found.pop().expect("PostgreSQL is not installed: sudo apt-get install postgresql")
}

/// PostgreSQL and `PgBouncer` refuse to run as root, which lends them to the user of Debian's package.
pub fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    command
}

/// A folder that they can write.
pub fn folder_for_postgres() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    if is_root() {
        let lent = Command::new("chown").arg("postgres").arg(folder.path()).status();
        assert!(lent.expect("chown").success());
    }
    folder
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
