//! Where do spans wait until they are handed over? In a bounded queue that no request ever waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::span::Span;

/// Spans that may wait, some hundred bytes each.
const MOST_WAITING: usize = 8192;

/// What records spans, if anything does; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Arc<Queue>>);

/// Spans that wait, and what became of others.
#[derive(Debug)]
pub(super) struct Queue {
    spans: Sender<Span>,
    /// Taken by whoever hands them over.
    pub(super) waiting: Mutex<Receiver<Span>>,
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Tracer {
    /// One that records.
    #[must_use]
    pub fn on() -> Self {
        let (spans, waiting) = channel(MOST_WAITING);
        let (sent, dropped) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Some(Arc::new(Queue { spans, waiting: Mutex::new(waiting), sent, dropped })))
    }

    /// One that records nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Whether spans are recorded.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// How many spans a collector has taken, and how many were dropped.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.0.as_ref().map_or((0, 0), |queue| (read(&queue.sent), read(&queue.dropped)))
    }

    /// Puts a span behind the others, or drops it where there is no room.
    pub(super) fn take(&self, span: Span) {
        let Some(queue) = &self.0 else { return };
        if queue.spans.try_send(span).is_err() {
            queue.count(1, false);
        }
    }

    pub(super) fn queue(&self) -> Option<&Queue> {
        self.0.as_deref()
    }
}

impl Queue {
    /// Counts spans that a collector has taken, or that were dropped.
    pub(super) fn count(&self, spans: usize, taken: bool) {
        let counter = if taken { &self.sent } else { &self.dropped };
        counter.fetch_add(u64::try_from(spans).unwrap_or_default(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::parent::Place;
    use super::super::span::Kind;
    use super::*;

    #[test]
    fn what_finds_no_room_is_dropped_and_counted_and_nobody_waits() {
        let tracer = Tracer::on();
        for _ in 0..MOST_WAITING + 7 {
            tracer.take(Span {
                place: Place { trace: [1; 16], span: [1; 8] },
                parent: None,
                kind: Kind::Server,
                name: "GET /jwks".into(),
                began_ns: 1,
                ended_ns: 2,
                failed: false,
                attributes: Vec::new(),
            });
        }
        assert_eq!(tracer.counts(), (0, 7));
    }
}
