//! How do spans leave? Together, once a second; what a collector does not take in time is dropped, and counted.

use std::time::Duration;

use tokio::time::timeout;

use super::otlp;
use super::queue::{Queue, Tracer};
use crate::keys::secret::{entropy, new_id};

/// Spans that are handed over at once, at most.
const BATCH: usize = 512;

/// How long spans are gathered.
const GATHER: Duration = Duration::from_secs(1);

/// How long the end of the program waits for the last of them.
const LAST: Duration = Duration::from_secs(2);

/// Where spans go to.
pub trait Collector: Send {
    /// Hands over a request of the protocol, written as JSON.
    ///
    /// # Errors
    /// Why it was not taken.
    fn take(&self, request: String) -> impl Future<Output = Result<(), String>> + Send;
}

/// Hands spans over until `shutdown` ends, and then those that wait still, for 2 s at most.
pub async fn export(tracer: &Tracer, collector: impl Collector, shutdown: impl Future<Output = ()>) {
    let Some(queue) = tracer.queue() else { return };
    let mut export = Export { queue, collector, instance: new_id(&mut entropy()), well: true };
    let work = async {
        loop {
            export.hand_over().await;
            tokio::time::sleep(GATHER).await;
        }
    };
    tokio::select! {
        () = shutdown => {}
        () = work => {}
    }
    let _ = timeout(LAST, export.hand_over()).await;
}

struct Export<'a, C> {
    queue: &'a Queue,
    collector: C,
    /// Tells this process from others of the provider.
    instance: String,
    /// Whether the last request was taken: each change is said once.
    well: bool,
}

impl<C: Collector> Export<'_, C> {
    /// Hands over everything that waits, until something is not taken.
    async fn hand_over(&mut self) {
        let mut waiting = self.queue.waiting.lock().await;
        let mut spans = Vec::new();
        while !waiting.is_empty() {
            spans.clear();
            waiting.recv_many(&mut spans, BATCH).await;
            let taken = self.collector.take(otlp::request(&spans, &self.instance)).await;
            self.queue.count(spans.len(), taken.is_ok());
            match (taken, self.well) {
                (Err(why), true) => {
                    tracing::warn!(why, "the collector of traces takes nothing: spans are dropped");
                    self.well = false;
                }
                (Ok(()), false) => {
                    tracing::info!("the collector of traces takes spans again");
                    self.well = true;
                }
                _ => {}
            }
            if !self.well {
                return;
            }
        }
    }
}
