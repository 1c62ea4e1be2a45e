//! How many logout notices does this process send at once, and to whom?

use std::sync::atomic::AtomicBool;

use tokio::sync::Notify;

use crate::outbound::{Shares, Turns};

/// Notices sent at once by this process. An app that does not answer keeps each of its own for seconds, and nobody else's.
const SHARES: Shares = Shares { all: 16, strangers: 8, each: 3 };

/// The places of the notices that this process sends; the queue is in the database.
#[derive(Debug)]
pub struct Notices {
    pub(in crate::oidc) places: Turns,
    /// Told when a notice has been sent, so that the next may be.
    pub(in crate::oidc) sent: Notify,
    /// Whether the database has failed since the queue was last looked at.
    pub(in crate::oidc) struck: AtomicBool,
}

impl Default for Notices {
    fn default() -> Self {
        Self { places: Turns::new(SHARES), sent: Notify::new(), struck: AtomicBool::new(false) }
    }
}
