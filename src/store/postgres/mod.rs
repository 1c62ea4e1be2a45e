//! How is PostgreSQL used? Connections of a pool, which are asked whether they live only where that is in doubt; and once the server is
//! known to be silent, nobody waits for it.

mod address;
mod breaker;
mod fault;
mod hosts;
mod line;
mod open;
mod server;
mod session;
mod startup;
mod value;
mod wire;

use std::sync::Arc;

use super::watch::Watch;
use super::{Error, Result};

use super::pool::{Lease, PATIENCE};
use breaker::Breaker;
pub use fault::Fault;
use line::Line;
pub(crate) use line::{Row, Values};
use server::{Server, Vain};
pub(crate) use session::Session;
pub(crate) use value::Read;

/// What makes a transaction one picture, which nobody ends because it is slow.
const SNAPSHOT: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
                        SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

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
        let lease = self.lease(watch).await?;
        Ok(Session::reading(lease, !self.pooler, Arc::clone(watch)))
    }

    /// A connection with a transaction, which begins with the first statement.
    ///
    /// # Errors
    /// As [`Postgres::read`].
    pub(super) async fn write(&self, watch: &Arc<Watch>) -> Result<Session> {
        let lease = self.lease(watch).await?;
        Ok(Session::writing(lease, !self.pooler, Arc::clone(watch)))
    }

    /// A connection that reads everything as it is now, for as long as that takes.
    ///
    /// # Errors
    /// As [`Postgres::read`].
    pub(super) async fn snapshot(&self, watch: &Arc<Watch>) -> Result<Session> {
        let mut session = self.write(watch).await?;
        session.script("BEGIN", SNAPSHOT, PATIENCE).await?;
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
    async fn lease(&self, watch: &Arc<Watch>) -> Result<Lease<Line>> {
        // Boxed, as it would make the future of every request larger.
        let asked = self.breaker.unless_silent(Box::pin(self.server.lease(watch))).await;
        let lease = match asked {
            Some(Ok(lease)) => lease,
            Some(Err(Vain::Closed(e))) => return Err(e),
            Some(Err(Vain::Said(e))) => return Err(Error::from_postgres("acquire", e)),
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
        Ok(lease)
    }
}
