//! How does a node end so that nobody notices? A request that crosses with the closing of its connection is lost, and a proxy may not send it
//! to another node, since nobody knows whether it has been done. So whoever has been let in is answered, and a proxy is served on until it has
//! seen at `/readyz` that it has to look elsewhere.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;

/// How long proxies have to notice: some checks at the pace that docs/scaling.md recommends.
const NOTICE: Duration = Duration::from_secs(3);

/// How long after that what is under way may take.
const DRAIN: Duration = Duration::from_secs(17);

/// How long a connection over which nothing has been asked yet is waited for.
const FIRST: Duration = Duration::from_secs(1);

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Nobody thinks of it.
    Serving,
    /// Each answer is the last one of its connection.
    Leaving,
    /// Connections over which nothing is asked are closed.
    Closing,
}

/// The end of a server, as it sees it.
#[derive(Debug)]
pub(super) struct End {
    stage: watch::Sender<Stage>,
}

/// The end of a server, as one of its connections sees it. The server waits until all of them are gone.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    stage: watch::Receiver<Stage>,
}

impl End {
    pub(super) fn new() -> Self {
        Self { stage: watch::Sender::new(Stage::Serving) }
    }

    /// For a connection.
    pub(super) fn notice(&self) -> Notice {
        Notice { stage: self.stage.subscribe() }
    }

    /// From now on answers say that the connection will be closed; ends once all are gone, or proxies have had the time to notice.
    pub(super) async fn leave(&self) {
        self.stage.send_replace(Stage::Leaving);
        let _ = tokio::time::timeout(NOTICE, self.stage.closed()).await;
    }

    /// Closes what is not in use, and waits for the rest; whether all were gone in time.
    pub(super) async fn close(&self) -> bool {
        self.stage.send_replace(Stage::Closing);
        tokio::time::timeout(DRAIN, self.stage.closed()).await.is_ok()
    }
}

impl Notice {
    /// Whether this answer is the last one of its connection.
    pub(super) fn has_come(&self) -> bool {
        *self.stage.borrow() > Stage::Serving
    }

    /// Ends when the connection is to be closed unless it is in use.
    pub(super) async fn is_time(&mut self, has_asked: impl Fn() -> bool) {
        if self.stage.wait_for(|stage| *stage == Stage::Closing).await.is_err() {
            // The server is gone without a word, and so will its connections be.
            pending::<()>().await;
        }
        if !has_asked() {
            tokio::time::sleep(FIRST).await;
        }
    }
}
