//! How does one get a connection to a server that answers and takes writing?

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::address::Address;
use super::fault::Fault;
use super::line::Line;
use crate::store::Error;
use crate::store::pool::{Lease, NoPlace, PATIENCE, Pool};
use crate::store::watch::Watch;

/// How long a connection that has rested may take to show that it is alive.
const PING: Duration = Duration::from_secs(1);

/// How long a connection is believed to be as it was left.
const FRESH: Duration = Duration::from_secs(1);

/// How long is waited before a server that is not ready is tried again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

pub(super) const IS_READ_ONLY: &str = "SHOW transaction_read_only";

/// How often whoever connects looks whether a connection has been given back.
const LOOK: Duration = Duration::from_millis(50);

/// How long one of several servers may take, before the next is asked.
const EACH: Duration = Duration::from_secs(2);

/// A server that may have moved between several hosts, and the connections to it.
#[derive(Debug)]
pub(super) struct Server {
    pool: Arc<Pool<Line>>,
    hosts: Vec<Address>,
    /// Which of them was reached last.
    last: AtomicUsize,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Vain {
    /// None came in time.
    Late(String),
    /// None is given out any more.
    Closed(Error),
    /// The server, or the way to it, said why.
    Said(Fault),
}

impl From<NoPlace> for Vain {
    fn from(no: NoPlace) -> Self {
        match no {
            NoPlace::Late => Self::Late(no.to_string()),
            NoPlace::Closed => Self::Closed(no.into()),
        }
    }
}

impl Server {
    pub(super) fn new(hosts: Vec<Address>, max_connections: u32) -> Arc<Self> {
        Arc::new(Self { pool: Pool::new(max_connections.max(1)), hosts, last: AtomicUsize::new(0) })
    }

    /// A connection that is believed to work: one that rested a moment ago, one that has just said so, or a new one.
    pub(super) async fn lease(&self, watch: &Watch) -> Result<Lease<Line>, Vain> {
        let (mut lease, rest) = self.pool.lease().await?;
        if let (true, Some(conn)) = (rest >= FRESH, lease.conn()) {
            watch.asked_the_server();
            if let Err(e) = is_primary(conn).await {
                tracing::debug!("a connection that has rested is closed: {e}");
                drop(lease.take());
            }
        }
        if lease.conn().is_none() {
            // A pooler may have no further server to give, while those that are there come to rest.
            lease.put(tokio::select! {
                connected = self.connected() => connected?,
                rested = self.rested() => rested,
            });
        }
        Ok(lease)
    }

    /// Whether a connection that rests shows that the server answers.
    pub(super) async fn is_there(&self) -> bool {
        let Some(mut lease) = self.pool.try_lease() else { return false };
        // Given up in the middle, it is closed with this future.
        let Some(mut conn) = lease.take() else { return false };
        let answered = one_word(&mut conn, IS_READ_ONLY).await.is_ok();
        if answered {
            lease.put(conn);
        }
        answered
    }

    /// Asks over a connection of its own whether the server answers, or any that may take its place.
    pub(super) async fn greet(&self) -> Result<(), Fault> {
        self.reach(Wanted::Answer).await.map(|_| ())
    }

    pub(super) fn load(&self) -> (usize, usize, usize) {
        self.pool.load()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }

    pub(super) async fn close(&self) {
        for conn in self.pool.close().await {
            conn.close().await;
        }
    }

    /// A connection that somebody gives back meanwhile.
    async fn rested(&self) -> Line {
        loop {
            sleep(LOOK).await;
            if let Some(conn) = self.pool.just_rested(FRESH) {
                return conn;
            }
        }
    }

    /// A new connection. A server that is just starting, or a standby that may be promoted, is tried again for a while.
    async fn connected(&self) -> Result<Line, Vain> {
        let mut last = "no answer".to_owned();
        let trying = async {
            let (mut pause, longest) = AGAIN;
            loop {
                match self.reach(Wanted::Primary).await {
                    Err(e) if may_be_ready_soon(&e, self.hosts.len() > 1) => last = e.to_string(),
                    done => return done,
                }
                sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        };
        match timeout(PATIENCE, trying).await {
            Ok(connected) => connected.map_err(Vain::Said),
            Err(_) => Err(Vain::Late(format!("no connection within {} s: {last}", PATIENCE.as_secs()))),
        }
    }

    /// Tries the hosts in turn, the one that was reached last first.
    async fn reach(&self, wanted: Wanted) -> Result<Line, Fault> {
        let (count, first) = (self.hosts.len(), self.last.load(Ordering::Relaxed));
        let limit = if count > 1 { EACH } else { PATIENCE };
        let mut refused = None;
        for (at, host) in self.hosts.iter().enumerate().cycle().skip(first).take(count) {
            let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
            match timeout(limit, connect(host, wanted)).await.unwrap_or_else(late) {
                Ok(conn) => {
                    self.last.store(at, Ordering::Relaxed);
                    return Ok(conn);
                }
                Err(e) => refused = Some(e),
            }
        }
        Err(refused.unwrap_or_else(|| Fault::Address("no server is named".to_owned())))
    }
}

/// What a new connection is to lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// A server that takes writing.
    Primary,
    /// Any that answers.
    Answer,
}

async fn connect(host: &Address, wanted: Wanted) -> Result<Line, Fault> {
    let mut conn = Line::connect(host).await?;
    match wanted {
        Wanted::Primary => is_primary(&mut conn).await?,
        Wanted::Answer => drop(one_word(&mut conn, IS_READ_ONLY).await?),
    }
    Ok(conn)
}

/// Whether connecting may succeed in a moment; where there are `several` hosts, another one may have taken over by then.
fn may_be_ready_soon(fault: &Fault, several: bool) -> bool {
    use io::ErrorKind::{ConnectionRefused, ReadOnlyFilesystem, TimedOut};
    match fault {
        Fault::Line(e) => several || [ConnectionRefused, ReadOnlyFilesystem, TimedOut].contains(&e.kind()),
        // Too many connections; starting up, or shutting down.
        said => ["53300", "57P03"].contains(&said.code()),
    }
}

/// Whether a connection answers, and by a server that takes writing: after a fail-over it may be a standby.
async fn is_primary(conn: &mut Line) -> Result<(), Fault> {
    let read_only =
        timeout(PING, one_word(conn, IS_READ_ONLY)).await.map_err(|_| Fault::late("a question"))??;
    if read_only == "on" {
        let said = "the server is read-only, a standby perhaps";
        return Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, said).into());
    }
    Ok(())
}

pub(super) async fn one_word(conn: &mut Line, question: &'static str) -> Result<String, Fault> {
    Ok(conn.script(question).await?.unwrap_or_default())
}
