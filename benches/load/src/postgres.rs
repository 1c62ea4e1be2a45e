//! Where is a PostgreSQL that nobody else uses? A cluster of our own on a Unix socket in a private folder, with the durability that it
//! comes with: what it spends is then ours alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// A PostgreSQL server; it ends with this value.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    programs: PathBuf,
}

impl Cluster {
    /// Starts one with the settings that it comes with. Nothing where PostgreSQL is not installed.
    ///
    /// # Errors
    /// When it is installed and does not start.
    pub fn start() -> anyhow::Result<Option<Self>> {
        Self::start_with("")
    }

    /// Starts one with these options of its command line.
    ///
    /// # Errors
    /// When it is installed and does not start.
    pub fn start_with(more: &str) -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let folder = tempfile::Builder::new().prefix("countersign-load.").tempdir()?;
        if is_root() {
            must(Command::new("chown").arg("postgres").arg(folder.path()))?;
        }
        let cluster = Self { folder, programs };
        let data = cluster.data();
        let made = ["-U", "countersign", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "-D"];
        must(cluster.run("initdb").args(made).arg(&data))?;
        let options = format!(
            "-k {} -c listen_addresses='' -c max_connections=100 {more}",
            cluster.folder.path().display()
        );
        let log = cluster.folder.path().join("postgres.log");
        must(
            cluster
                .run("pg_ctl")
                .arg("-D")
                .arg(&data)
                .arg("-l")
                .arg(log)
                .args(["-w", "-s", "-o", &options, "start"]),
        )?;
        Ok(Some(cluster))
    }

    /// The address of a new, empty database.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn database(&self, name: &str) -> anyhow::Result<String> {
        let folder = self.folder.path().to_str().context("a path of text")?;
        must(self.run("createdb").args(["-h", folder, "-U", "countersign", name]))?;
        Ok(format!("postgres://countersign@{}/{name}", folder.replace('/', "%2F")))
    }

    /// What a query of one value answers in a database of this cluster.
    ///
    /// # Errors
    /// When it is refused, or is no number.
    pub fn ask(&self, database: &str, query: &str) -> anyhow::Result<f64> {
        let answer = self.say(database, query)?;
        answer.trim().parse().with_context(|| format!("{query}: {answer}"))
    }

    /// Carries out a statement.
    ///
    /// # Errors
    /// When it is refused.
    pub fn say(&self, database: &str, statement: &str) -> anyhow::Result<String> {
        let folder = self.folder.path().to_str().context("a path of text")?;
        let words = ["-h", folder, "-U", "countersign", "-d", database, "-Atqc", statement];
        must(self.run("psql").args(words))
    }

    /// Changes settings that need no restart, from now on.
    ///
    /// # Errors
    /// When one is refused.
    pub fn set(&self, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        for (name, value) in settings {
            self.say("postgres", &format!("ALTER SYSTEM SET {name} = '{value}'"))?;
        }
        self.say("postgres", "SELECT pg_reload_conf()").map(drop)
    }

    /// The file that holds the number of its first process.
    #[must_use]
    pub fn pid_file(&self) -> PathBuf {
        self.data().join("postmaster.pid")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// PostgreSQL refuses to run as root, which lends it to the `postgres` user of Debian's package.
    fn run(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stopped =
            must(self.run("pg_ctl").arg("-D").arg(self.data()).args(["-m", "immediate", "-s", "stop"]));
        if let Err(error) = stopped {
            eprintln!("PostgreSQL in {} runs on: {error:#}", self.folder.path().display());
        }
    }
}

/// The folder of the newest `initdb`.
fn programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").ok();
    let versions = debian.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let newest = versions.filter(|bin| bin.join("initdb").exists()).max_by_key(|bin| version(bin));
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest.or_else(|| std::env::split_paths(&path).find(|folder| folder.join("initdb").exists()))
}

fn version(bin: &Path) -> Option<u32> {
    bin.parent()?.file_name()?.to_str()?.parse().ok()
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    line.split_ascii_whitespace().nth(1) == Some("0")
}

/// Runs a command to its end.
///
/// # Errors
/// With what it said, when it fails.
pub fn must(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    // What a server started by it inherits would never end.
    let output = command.stdin(std::process::Stdio::null()).output().with_context(|| program.clone())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        bail!("{program}: {} {}{}", output.status, text(&output.stdout), text(&output.stderr));
    }
    Ok(text(&output.stdout))
}
