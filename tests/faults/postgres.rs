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
        server.run_on();
        server
    }

    /// A standby of it, which copies whatever it writes.
    pub fn standby(&self) -> Self {
        let standby = Self { folder: folder_for_postgres() };
        let source = format!("host={} user=countersign", self.folder.path().display());
        standby.must(
            "pg_basebackup",
            &["-D", &standby.path("data"), "-d", &source, "-R", "--no-sync", "-c", "fast"],
        );
        standby.run_on();
        standby
    }

    fn run_on(&self) {
        let options = format!(
            "-k {} -c listen_addresses= -c fsync=off -c max_connections=40 -c shared_buffers=16MB",
            self.path("")
        );
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
