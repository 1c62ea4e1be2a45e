//! What does the store do for a request, and how long does each query take? Counts for whoever asks, and a place for one who listens.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// What one database has been asked for since it was opened by this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// Connections taken, those for a transaction among them.
    pub acquires: u64,
    /// Queries run, without what begins and ends transactions.
    pub statements: u64,
    /// Messages to PostgreSQL that an answer was waited for; none on SQLite.
    pub round_trips: u64,
    /// Transactions that were committed.
    pub commits: u64,
}

impl Costs {
    /// What has been asked for since `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            acquires: self.acquires - before.acquires,
            statements: self.statements - before.statements,
            round_trips: self.round_trips - before.round_trips,
            commits: self.commits - before.commits,
        }
    }
}

/// What hears of each query that has run: its name, how long it took, and whether it was refused or had no answer.
pub type Listener = Box<dyn Fn(&'static str, Duration, bool) + Send + Sync>;

/// The counts of one database, and its listener.
#[derive(Default)]
pub(super) struct Watch {
    acquires: AtomicU64,
    statements: AtomicU64,
    round_trips: AtomicU64,
    commits: AtomicU64,
    listener: OnceLock<Listener>,
}

/// When a query began, if somebody wants to know.
#[derive(Clone, Copy)]
pub(super) struct Began(Option<Instant>);

impl Watch {
    pub(super) fn costs(&self) -> Costs {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Costs {
            acquires: of(&self.acquires),
            statements: of(&self.statements),
            round_trips: of(&self.round_trips),
            commits: of(&self.commits),
        }
    }

    /// Whoever comes first listens from now on.
    pub(super) fn listen(&self, listener: Listener) {
        let _ = self.listener.set(listener);
    }

    pub(super) fn acquired(&self) {
        self.acquires.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn asked_the_server(&self) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn begins(&self) -> Began {
        self.statements.fetch_add(1, Ordering::Relaxed);
        Began(self.listener.get().map(|_| now()))
    }

    pub(super) fn ended(&self, query: &'static str, began: Began, failed: bool) {
        if let (Some(listener), Some(began)) = (self.listener.get(), began.0) {
            listener(query, began.elapsed(), failed);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.costs().fmt(f)
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a query takes is what is asked")]
fn now() -> Instant {
    Instant::now()
}
