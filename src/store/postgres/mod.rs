//! How is PostgreSQL used? Connections of a pool, which are asked whether they live only where that is in doubt; and once the server is
//! known to be silent, nobody waits for it.

mod breaker;
mod hosts;
mod open;
mod server;
mod session;

use std::sync::Arc;

use super::watch::Watch;
use super::{Error, Result};

use breaker::Breaker;
use server::{Server, Vain};
pub(crate) use session::Session;

/// Through a pooler the limits of the server come with each transaction, in the same message as its beginning.
const BEGIN_POOLED: &str =
    "BEGIN; SET LOCAL statement_timeout = 9500; SET LOCAL idle_in_transaction_session_timeout = 30000";

/// A database.
#[derive(Debug)]
pub(super) struct Postgres {
    server: Arc<Server>,
    /// Whether it is known to be silent.
    breaker: Breaker,
    /// Whether a pooler (`PgBouncer`) stands between: then each transaction may have another server, and nothing outlives it.
    pooler: bool,
}

impl Postgres {
    /// A connection; what is done on it need not be in a transaction.
    ///
    /// # Errors
    /// When none comes free in time, or the server does not answer.
    pub(super) async fn read(&self, watch: &Arc<Watch>) -> Result<Session> {
        if self.pooler {
            // A statement is prepared and run in two steps: only a transaction keeps the two on one server.
            return self.write(watch).await;
        }
        self.session(watch).await
    }

    /// A connection with a transaction begun on it.
    ///
    /// # Errors
    /// As [`Postgres::read`].
    pub(super) async fn write(&self, watch: &Arc<Watch>) -> Result<Session> {
        let mut session = self.session(watch).await?;
        session.begin(if self.pooler { BEGIN_POOLED } else { "BEGIN" }).await?;
        Ok(session)
    }

    /// Connections in use, connections that rest, and who waits for one.
    pub(super) fn load(&self) -> (usize, usize, usize) {
        self.server.load()
    }

    /// Closes all connections after what is under way has finished.
    pub(super) async fn close(&self) {
        self.server.close().await;
    }

    /// The server may say nothing at all: whoever finds that out spares the others the waiting.
    async fn session(&self, watch: &Arc<Watch>) -> Result<Session> {
        // Boxed, as it would make the future of every request larger.
        let asked = self.breaker.unless_silent(Box::pin(self.server.lease(watch))).await;
        let lease = match asked {
            Some(Ok(lease)) => lease,
            Some(Err(Vain::Closed(e))) => return Err(e),
            Some(Err(Vain::Said(e))) => return Err(Error::from_sqlx("acquire", e)),
            Some(Err(Vain::Late(reason))) => {
                self.breaker.doubt(&self.server);
                return Err(Error::Unavailable { query: "acquire", reason });
            }
            None => {
                let reason = "it has not answered others either, and is being asked again".to_owned();
                return Err(Error::Unavailable { query: "acquire", reason });
            }
        };
        watch.acquired();
        Ok(Session::new(lease, !self.pooler, Arc::clone(watch)))
    }
}
