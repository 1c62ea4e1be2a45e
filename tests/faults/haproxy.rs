//! What stands between people and several nodes? Debian's `HAProxy`, which gives each request to the next node and keeps nobody at one.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use url::Url;

use super::support::site::address;

const HAPROXY: &str = "/usr/sbin/haproxy";

/// What docs/scaling.md recommends. A request is given to another node only where the first did not take the connection: what may have been
/// done is not done again.
const SETTINGS: &str = "
defaults
    mode http
    option forwardfor
    option redispatch
    retry-on conn-failure
    retries 3
    timeout connect 2s
    timeout client 75s
    timeout server 60s
    timeout queue 5s
backend nodes
    balance roundrobin
    option httpchk GET /readyz
    http-check expect status 200
    http-error status 503 content-type text/plain string \"Try again in a moment.\" hdr Retry-After 2
    default-server check inter 500ms fall 2 rise 1
";

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
        let servers: Vec<String> =
            nodes.iter().map(|node| format!("    server {0} {0}\n", address(node))).collect();
        let settings = format!(
            "{SETTINGS}{}frontend site\n    bind {}\n    default_backend nodes\n",
            servers.concat(),
            address(here)
        );
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, settings).expect("the settings");
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
