//! How many logout notices does this process send at once?

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Semaphore;

/// Notices sent at once by this process.
pub(in crate::oidc) const AT_ONCE: usize = 16;

/// How many notices this process sends at once; the queue is in the database.
#[derive(Debug)]
pub struct Notices {
    pub(in crate::oidc) places: Arc<Semaphore>,
    /// Whether the database has failed since the queue was last looked at.
    pub(in crate::oidc) struck: AtomicBool,
}

impl Default for Notices {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), struck: AtomicBool::new(false) }
    }
}
