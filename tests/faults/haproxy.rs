//! What stands between people and several nodes? Debian's `HAProxy`, which gives each request to the next node and keeps nobody at one.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use url::Url;

use super::support::site::address;

const HAPROXY: &str = "/usr/sbin/haproxy";

/// What docs/scaling.md recommends, whose block of settings this is. A request is given to another node only where the first did not take the
/// connection: what may have been done is not done again.
fn settings(nodes: &[Url], here: &Url) -> String {
    let chapter = include_str!("../../docs/scaling.md");
    let block = chapter.split("```").find(|block| block.trim_start().starts_with("defaults"));
    let block = block.expect("a block of settings");
    let (before, servers) = block.split_once("    server one").expect("servers");
    let (_, after) = servers.split_once("frontend").expect("a frontend");
    let servers: Vec<String> =
        nodes.iter().map(|node| format!("    server {0} {0}\n", address(node))).collect();
    assert!(after.contains("bind :80\n"), "{after}");
    let after = after.replace("bind :80\n", &format!("bind {}\n", address(here)));
    format!("{before}{}frontend{after}", servers.concat())
}

/// A balancer before nodes; it ends with this value.
pub struct Balancer {
    program: Child,
    _folder: TempDir,
}

impl Balancer {
    /// One that listens here.
    pub async fn before(nodes: &[Url], here: &Url) -> Self {
        assert!(Path::new(HAPROXY).exists(), "HAProxy is not installed: sudo apt-get install haproxy");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, settings(nodes, here)).expect("the settings");
        let program = Command::new(HAPROXY)
            .args(["-q", "-db", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .expect("HAProxy starts");
        let balancer = Self { program, _folder: folder };
        let listening = async {
            while TcpStream::connect(address(here)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), listening).await.expect("HAProxy listens");
        balancer
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
