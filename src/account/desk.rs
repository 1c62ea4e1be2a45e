//! Where are requests for a new password seen to? Behind the page that has answered already, so that no answer takes longer for a
//! login that exists.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::trace::carried;

/// Requests that may wait; what comes beyond them is answered alike, and forgotten.
const WAITING: u32 = 256;

/// Requests that are seen to at once, beside everything else that needs the database.
const AT_ONCE: usize = 2;

/// How long a process that ends waits for what it has been asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes requests; cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk {
    waiting: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(usize::try_from(WAITING).unwrap_or(usize::MAX))),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Desk {
    /// Sees to a request in the background.
    pub(super) fn take(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            tracing::warn!("too many people ask for a new password at once: some are not heard");
            return;
        };
        let at_once = Arc::clone(&self.at_once);
        tokio::spawn(carried(async move {
            let turn = at_once.acquire_owned().await;
            work.await;
            drop((turn, place));
        }));
    }

    /// Waits until everything that was taken has been seen to, or for as long as a process that ends can.
    pub async fn finish(&self) {
        let _ = tokio::time::timeout(PATIENCE, self.waiting.acquire_many(WAITING)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_is_taken_is_done_before_the_end_and_what_is_too_much_is_not_taken() {
        let (desk, done) = (Desk::default(), Arc::new(AtomicU32::new(0)));
        for _ in 0..WAITING + 50 {
            let done = Arc::clone(&done);
            desk.take(async move {
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        desk.finish().await;
        assert_eq!(done.load(Ordering::SeqCst), WAITING);
    }
}
