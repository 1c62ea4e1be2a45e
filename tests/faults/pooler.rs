//! Does it work through `PgBouncer` as Debian has it, which hands each transaction to another server?

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::line::Server;
use super::postgres::{as_postgres, folder_for_postgres};
use super::provider::{Answered, Provider, told};
use super::support::Database;

const PGBOUNCER: &str = "/usr/sbin/pgbouncer";

/// A `PgBouncer` before the PostgreSQL of the tests; it ends with this value.
struct Pooler {
    folder: TempDir,
    port: u16,
    program: Child,
}

impl Pooler {
    /// One that has few servers for many clients.
    async fn before(server: &Server, mode: &str) -> Self {
        assert!(Path::new(PGBOUNCER).exists(), "PgBouncer is not installed: sudo apt-get install pgbouncer");
        let folder = folder_for_postgres();
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let (host, server_port) = match server {
            Server::Unix(path) => (path.parent().expect("a folder").display().to_string(), "5432".to_owned()),
            Server::Tcp(address) => {
                let (host, port) = address.rsplit_once(':').expect("a port");
                (host.to_owned(), port.to_owned())
            }
        };
        let settings = format!(
            "[databases]\n* = host={host} port={server_port} user=countersign\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = 3\n"
        );
        std::fs::write(folder.path().join("pgbouncer.ini"), settings).expect("the settings");
        let program = run(&folder);
        let pooler = Self { folder, port, program };
        pooler.until_it_listens().await;
        pooler
    }

    async fn restart(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.program = run(&self.folder);
        self.until_it_listens().await;
    }

    async fn until_it_listens(&self) {
        let listening = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), listening).await.expect("PgBouncer listens");
    }
}

fn run(folder: &TempDir) -> Child {
    as_postgres(Path::new(PGBOUNCER))
        .args(["--quiet", "pgbouncer.ini"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("PgBouncer starts")
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

async fn behind(mode: &str) -> (Provider, Pooler) {
    let mut database = Database::empty_postgres().await;
    let (server, url) = Server::of(&database.url);
    let pooler = Pooler::before(&server, mode).await;
    database.url = url(pooler.port);
    (Provider::on(database, |_| ()).await, pooler)
}

#[tokio::test(flavor = "multi_thread")]
async fn in_transaction_mode_everything_works() {
    let (provider, mut pooler) = behind("transaction").await;
    let _serving = provider.serve();
    let (other, _second) = provider.program.serve_elsewhere();
    for _ in 0..3 {
        tokio::join!(
            provider.sign_in(),
            provider.sign_in_at(&other),
            provider.sign_in(),
            provider.sign_in_at(&other),
        );
    }
    println!("twelve sign-ins at two nodes");
    let answers = provider.authorize_at_once(60).await;
    told("at once", &answers);
    assert!(answers.iter().all(|answer| *answer == Answered::Well), "{answers:?}");
    for command in [
        &["migrate"][..],
        &["check"],
        &["key", "rotate"],
        &["group", "add", "Acme"],
        &["user", "list"],
        &["audit"],
        &["backup", "pooled.backup"],
        &["restore", "--check", "pooled.backup"],
    ] {
        provider.program.must(command, "");
    }
    pooler.restart().await;
    println!("PgBouncer was restarted");
    provider.recovers().await;
    provider.sign_in().await;
    provider.sign_in_at(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_session_mode_everything_works() {
    let (provider, _pooler) = behind("session").await;
    let _serving = provider.serve();
    provider.sign_in().await;
}

/// There each statement may have another server: no transaction, no Countersign.
#[tokio::test(flavor = "multi_thread")]
async fn in_statement_mode_it_refuses_to_start_and_says_what_to_set() {
    let mut database = Database::postgres().await;
    let (server, url) = Server::of(&database.url);
    let pooler = Pooler::before(&server, "statement").await;
    database.url = url(pooler.port);
    let smtp = super::support::smtp::Smtp::start().await;
    let program = super::support::program::Program::new(database, &smtp);
    let refused = program.run(&["user", "list"], "");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    println!("{told}");
    assert!(!refused.status.success() && told.contains("pool_mode = transaction"), "{told}");
}
