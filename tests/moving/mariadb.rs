//! Where does a Time Tracker keep its people? In a MariaDB on a socket of its own, which is gone when the test ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A server with an empty data folder.
#[derive(Debug)]
pub struct MariaDb {
    child: Child,
    folder: TempDir,
}

impl MariaDb {
    /// Starts one, without any network, and waits until it answers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let made = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--datadir={}", data.display()))
            .args(as_root())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("mariadb-server is installed").success(), "mariadb-install-db");
        let server = ["/usr/sbin/mariadbd", "mariadbd"].into_iter().find(|path| Path::new(path).exists());
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let child = Command::new(server.unwrap_or("mariadbd"))
            .args([
                "--no-defaults",
                "--skip-networking",
                "--skip-grant-tables",
                "--innodb-flush-log-at-trx-commit=0",
            ])
            .args(["--innodb-buffer-pool-size=16M", "--skip-log-bin"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", folder.path().join("socket").display()))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .args(as_root())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("mariadbd starts");
        let mut server = Self { child, folder };
        for _ in 0..300 {
            if server.client("mariadb-admin", &["ping"]).output().is_ok_and(|done| done.status.success()) {
                return server;
            }
            assert!(server.child.try_wait().expect("a process").is_none(), "{}", server.log());
            let _ = Command::new("sleep").arg("0.1").status();
        }
        panic!("MariaDB does not answer after {:?}:\n{}", Duration::from_secs(30), server.log());
    }

    /// Runs statements.
    pub fn run(&self, statements: &str) {
        use std::io::Write as _;
        let mut child = self
            .client("mariadb", &["--default-character-set=utf8mb4"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the client starts");
        child.stdin.take().expect("a pipe").write_all(statements.as_bytes()).expect("it reads");
        let done = child.wait_with_output().expect("it ends");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// What `mariadb-dump` writes with these arguments.
    pub fn dump(&self, arguments: &[&str]) -> Vec<u8> {
        let done = self.client("mariadb-dump", arguments).output().expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    fn client(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .arg("--no-defaults")
            .arg(format!("--socket={}", self.path("socket").display()))
            .args(arguments);
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// It refuses to run as root unless it is told to.
fn as_root() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("--user=root")
}
