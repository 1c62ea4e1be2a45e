//! What does one more node add? Several on one PostgreSQL, to which connections are handed in turn; and what an operation leaves in the
//! database.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::postgres::Cluster;
use super::provider::Provider;
use super::workload::{Place, Worker, Workload};

/// How often an operation is done before, and while one looks what it leaves.
const WARM: usize = 20;
const LOOKED_AT: usize = 100;

/// What is looked at.
const TABLES: [&str; 8] = [
    "users",
    "sessions",
    "session_clients",
    "signins",
    "grants",
    "authorization_codes",
    "refresh_tokens",
    "audit_events",
];

/// Hands each new connection to the next node, until this value goes.
#[derive(Debug)]
pub struct Spreader(JoinHandle<()>);

impl Spreader {
    /// Listens at this port of 127.0.0.1.
    ///
    /// # Errors
    /// When it is taken.
    pub async fn start(port: u16, nodes: Vec<u16>) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind(("127.0.0.1", port)).await.with_context(|| format!("port {port}"))?;
        Ok(Self(tokio::spawn(async move {
            for node in nodes.iter().cycle() {
                let Ok((client, from)) = listener.accept().await else { return };
                tokio::spawn(carry(client, from.ip(), *node));
            }
        })))
    }
}

impl Drop for Spreader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The node sees the address that the client has.
async fn carry(mut client: TcpStream, from: IpAddr, node: u16) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    let mut server = socket.connect(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), node)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// How many bytes an operation writes ahead (WAL): that is what every standby gets.
///
/// # Errors
/// When the operation fails.
pub async fn written_ahead(
    provider: &Provider,
    (cluster, database): (&Cluster, &str),
    workload: Workload,
) -> anyhow::Result<f64> {
    const SO_FAR: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')";
    let mut worker = Worker::prepared(provider, workload, Place { n: 0, of: 1 }).await?;
    for _ in 0..WARM {
        worker.once().await?;
    }
    let before = cluster.ask(database, SO_FAR)?;
    for _ in 0..LOOKED_AT {
        worker.once().await?;
    }
    Ok((cluster.ask(database, SO_FAR)? - before) / f64::from(u32::try_from(LOOKED_AT)?))
}

/// Tables, how many rows they have, and how many bytes each takes with its indexes.
///
/// # Errors
/// When the database refuses.
pub fn sizes(cluster: &Cluster, database: &str) -> anyhow::Result<Vec<(&'static str, f64, f64)>> {
    let mut sizes = Vec::new();
    for table in TABLES {
        let rows = cluster.ask(database, &format!("SELECT count(*) FROM {table}"))?;
        let bytes = cluster.ask(database, &format!("SELECT pg_total_relation_size('{table}')"))?;
        if rows > 0.0 {
            sizes.push((table, rows, bytes / rows));
        }
    }
    Ok(sizes)
}
