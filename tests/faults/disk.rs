//! What becomes of SQLite when the disk takes nothing more, and then does?

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::provider::{Answered, Provider, told};
use super::support::Database;
use super::support::program::Serving;

/// A file system of its own, which only those see who enter its namespace.
struct Room {
    holder: Child,
    path: PathBuf,
    rights: &'static [&'static str],
}

impl Room {
    /// One of this size, at this folder.
    fn new(path: &Path, size: &str) -> Self {
        let is_root =
            fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let user: &[&str] = if is_root { &[] } else { &["--user", "--map-root-user"] };
        let mount = format!(
            "mount -t tmpfs -o size={size} tmpfs '{}' && echo mounted && exec sleep 600",
            path.display()
        );
        let mut holder = Command::new("unshare")
            .args(user)
            .args(["--mount", "sh", "-c", &mount])
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare, of Debian's util-linux: apt-get install util-linux");
        let mut said = String::new();
        BufReader::new(holder.stdout.take().expect("a pipe")).read_line(&mut said).expect("a line");
        assert_eq!(said, "mounted\n", "a file system of our own needs root, or user namespaces");
        let rights: &[&str] = if is_root { &[] } else { &["--user", "--preserve-credentials"] };
        Self { holder, path: path.to_owned(), rights }
    }

    /// What a command begins with that is to see it.
    fn enter(&self, folder: &Path) -> Vec<String> {
        let target = format!("--target={}", self.holder.id());
        let folder = format!("--wd={}", folder.display());
        let words = ["nsenter", &target, "--mount", &folder].into_iter().chain(self.rights.iter().copied());
        words.map(str::to_owned).collect()
    }

    fn inside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.path.strip_prefix("/").expect("an absolute path")).join(name)
    }

    fn fill(&self) {
        let mut filler = File::create(self.inside("filler")).expect("a file");
        for size in [1 << 16, 1 << 12, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.inside("filler")).expect("the filler");
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full() {
    let folder = tempfile::tempdir().expect("a folder");
    let room = Room::new(folder.path(), "6m");
    let mut database = Database::sqlite().await;
    database.url = format!("sqlite:{}/countersign.db", folder.path().display());
    let enter = |program: &mut super::support::program::Program| {
        let words = room.enter(&program.path(""));
        program.run_by(words);
    };
    let provider = Provider::on(database, enter).await;
    let _serving = provider.serve();
    provider.sign_in().await;
    for round in 1..=3 {
        room.fill();
        println!("round {round}: the disk is full");
        refuses(&provider).await;
        room.make_room();
        println!("there is room again");
        served_at_once(&provider).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failing() {
    let ignoring = |program: &mut super::support::program::Program| {
        // Else the signal would end the program, as it would end any.
        let words = ["sh", "-c", r#"trap "" XFSZ; exec "$0" "$@""#];
        program.run_by(words.map(str::to_owned).to_vec());
    };
    let provider = Provider::on(Database::sqlite().await, ignoring).await;
    let serving = provider.serve();
    provider.sign_in().await;
    for round in 1..=3 {
        limit(&serving, "0:");
        println!("round {round}: every write fails");
        refuses(&provider).await;
        limit(&serving, "unlimited:");
        println!("writes work again");
        served_at_once(&provider).await;
    }
}

/// How large a file may become that the program writes to; what is there already is no exception.
fn limit(serving: &Serving, size: &str) {
    let limited = Command::new("prlimit")
        .args(["--pid", &serving.id().to_string(), &format!("--fsize={size}")])
        .status()
        .expect("prlimit, of Debian's util-linux: apt-get install util-linux");
    assert!(limited.success());
}

/// While nothing can be written: 503 for what needs to be, and the rest goes on.
async fn refuses(provider: &Provider) {
    let mut answers = Vec::new();
    // What the journal has room for already is still written.
    while answers.iter().filter(|answer| **answer == Answered::NotNow).count() < 20 {
        answers.extend(provider.authorize_at_once(5).await);
        assert!(answers.len() < 5000, "nothing was ever refused");
    }
    told("authorize", &answers);
    // It is tried once a second.
    let told = async {
        while provider.get("readyz").await != Answered::NotNow {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), told).await.expect("readyz says so");
    for path in ["jwks", ".well-known/openid-configuration", "healthz"] {
        assert_eq!(provider.get(path).await, Answered::Well, "{path}");
    }
}

async fn served_at_once(provider: &Provider) {
    let answers = provider.authorize_at_once(20).await;
    told("authorize", &answers);
    assert!(answers.iter().all(|answer| *answer == Answered::Well), "{answers:?}");
    provider.recovers().await;
    provider.sign_in().await;
}
