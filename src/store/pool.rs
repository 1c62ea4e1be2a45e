//! Who may use which connection? A bounded number of places; whoever has one gets the connection that rested last, or makes one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::Error;

/// How long a request waits for a connection, and on SQLite a transaction for the writer of another process.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection that nobody needs is kept.
const REST: Duration = Duration::from_mins(10);

/// Connections of one kind.
#[derive(Debug)]
pub(super) struct Pool<C> {
    places: Arc<Semaphore>,
    size: u32,
    waiting: AtomicUsize,
    resting: Mutex<VecDeque<Rested<C>>>,
}

#[derive(Debug)]
struct Rested<C> {
    conn: C,
    since: Instant,
}

/// A place, and a connection once there is one. Dropping it gives both back.
#[derive(Debug)]
pub(super) struct Lease<C> {
    conn: Option<C>,
    pool: Arc<Pool<C>>,
    _place: OwnedSemaphorePermit,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPlace {
    /// All are taken.
    #[error("no connection came free in time")]
    Late,
    /// Nobody gets one any more.
    #[error("the database is closed")]
    Closed,
}

impl From<NoPlace> for Error {
    fn from(no: NoPlace) -> Self {
        Self::Unavailable { query: "acquire", reason: no.to_string() }
    }
}

impl<C> Pool<C> {
    /// One with so many places.
    pub(super) fn new(size: u32) -> Arc<Self> {
        let places = usize::try_from(size).unwrap_or(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(places));
        Arc::new(Self { places, size, waiting: AtomicUsize::new(0), resting: Mutex::default() })
    }

    /// A place, with the connection that rested last and for how long it did; without one when there is none.
    ///
    /// # Errors
    /// When no place comes free in time, or the pool is closed.
    pub(super) async fn lease(self: &Arc<Self>) -> std::result::Result<(Lease<C>, Duration), NoPlace> {
        let place = if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            place
        } else {
            let _waiting = Waiting::counted(&self.waiting);
            let place = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
            place.map_err(|_| NoPlace::Late)?.map_err(|_| NoPlace::Closed)?
        };
        let rested = self.resting().pop_back();
        let rest = rested.as_ref().map(|rested| rested.since.elapsed()).unwrap_or_default();
        let conn = rested.map(|rested| rested.conn);
        Ok((Lease { conn, pool: Arc::clone(self), _place: place }, rest))
    }

    /// A connection that rests, if there is one, and a place for it.
    pub(super) fn try_lease(self: &Arc<Self>) -> Option<Lease<C>> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let conn = self.resting().pop_back()?.conn;
        Some(Lease { conn: Some(conn), pool: Arc::clone(self), _place: place })
    }

    /// A connection that came to rest less than so long ago, if there is one, for whoever has a place already.
    pub(super) fn just_rested(&self, within: Duration) -> Option<C> {
        let mut resting = self.resting();
        let is_fresh = resting.back().is_some_and(|last| last.since.elapsed() < within);
        if is_fresh { resting.pop_back().map(|last| last.conn) } else { None }
    }

    /// How many places are taken, how many connections rest, and how many wait for a place.
    pub(super) fn load(&self) -> (usize, usize, usize) {
        let size = usize::try_from(self.size).unwrap_or(Semaphore::MAX_PERMITS);
        let taken = size.saturating_sub(self.places.available_permits());
        (taken, self.resting().len(), self.waiting.load(Ordering::Relaxed))
    }

    /// Whether nobody gets a place any more.
    pub(super) fn is_closed(&self) -> bool {
        self.places.is_closed()
    }

    /// Keeps a connection for whoever comes next.
    pub(super) fn rest(&self, conn: C) {
        if self.is_closed() {
            return;
        }
        let since = now();
        let mut resting = self.resting();
        resting.push_back(Rested { conn, since });
        let is_old = resting.front().is_some_and(|oldest| since.duration_since(oldest.since) > REST);
        let oldest = if is_old { resting.pop_front() } else { None };
        // Closing takes its time: nobody waits for it.
        drop(resting);
        drop(oldest);
    }

    /// Takes out what has rested for so long; last what rested last.
    pub(super) fn rested(&self, long: Duration) -> Vec<C> {
        let now = now();
        let mut resting = self.resting();
        let count = resting.iter().take_while(|one| now.duration_since(one.since) >= long).count();
        resting.drain(..count).map(|one| one.conn).collect()
    }

    /// Waits until nobody uses any, lets nobody have one any more, and hands out what rests.
    pub(super) async fn close(&self) -> Vec<C> {
        let all = self.places.acquire_many(self.size).await;
        self.places.close();
        drop(all);
        self.resting().drain(..).map(|rested| rested.conn).collect()
    }

    fn resting(&self) -> MutexGuard<'_, VecDeque<Rested<C>>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits, until this is dropped.
struct Waiting<'w>(&'w AtomicUsize);

impl<'w> Waiting<'w> {
    fn counted(count: &'w AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<C> Lease<C> {
    /// The connection, unless there is none yet, or none any more.
    pub(super) const fn conn(&mut self) -> Option<&mut C> {
        self.conn.as_mut()
    }

    /// Puts a connection in this place.
    pub(super) fn put(&mut self, conn: C) {
        self.conn = Some(conn);
    }

    /// Takes the connection out: it will not go back to the pool.
    pub(super) const fn take(&mut self) -> Option<C> {
        self.conn.take()
    }
}

impl<C> Drop for Lease<C> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.pool.rest(conn);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a connection has rested is between it and the machine"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_next_gets_the_connection_that_rested_last_and_never_more_than_there_are_places() {
        let pool = Pool::new(2);
        let (mut first, _) = pool.lease().await.unwrap();
        let (mut second, _) = pool.lease().await.unwrap();
        first.put("first");
        second.put("second");
        assert!(timeout(Duration::from_millis(20), pool.lease()).await.is_err());
        assert_eq!(pool.load(), (2, 0, 0));
        drop(first);
        drop(second);
        let (mut next, _) = pool.lease().await.unwrap();
        assert_eq!(next.conn().copied(), Some("second"));
        assert_eq!(next.take(), Some("second"));
        drop(next);
        assert_eq!(pool.lease().await.unwrap().0.conn().copied(), Some("first"));
    }

    #[tokio::test]
    async fn a_closed_pool_waits_for_those_who_are_under_way_and_lets_nobody_in() {
        let pool = Pool::new(1);
        let (mut lease, _) = pool.lease().await.unwrap();
        lease.put("last");
        let closing = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.close().await }
        });
        tokio::task::yield_now().await;
        assert_eq!(pool.load(), (1, 0, 0));
        drop(lease);
        assert_eq!(closing.await.unwrap(), ["last"]);
        assert_eq!(pool.lease().await.unwrap_err(), NoPlace::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_needs_for_long_is_let_go() {
        let pool = Pool::new(2);
        pool.rest("idle");
        tokio::time::advance(REST * 2).await;
        pool.rest("busy");
        assert_eq!(pool.lease().await.unwrap().0.take(), Some("busy"));
        assert_eq!(pool.lease().await.unwrap().0.take(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_rested_is_taken_out_and_what_is_in_use_stays() {
        let pool = Pool::new(4);
        let (mut used, _) = pool.lease().await.unwrap();
        used.put("used");
        pool.rest("first");
        pool.rest("second");
        tokio::time::advance(REST / 2).await;
        pool.rest("fresh");
        assert_eq!(pool.rested(REST / 2), ["first", "second"]);
        drop(used);
        assert_eq!(pool.load(), (0, 2, 0));
        assert_eq!(pool.rested(Duration::ZERO), ["fresh", "used"]);
    }
}
