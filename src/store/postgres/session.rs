//! How long may PostgreSQL take, and what becomes of a connection on which something went wrong?
//!
//! Everything that waits for the server has a limit. A connection that failed, or whose state nobody knows, is closed: what a dead line
//! or a server that has become a standby leaves behind ends with it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use sqlx::{Connection as _, Executor as _, Postgres, SqlSafeStr as _};
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::store::pool::Lease;
use crate::store::row::{FromRow, PostgresColumns};
use crate::store::watch::{Began, Watch};
use crate::store::{Error, Result};

/// How long the server may take for one statement.
const STATEMENT: Duration = Duration::from_secs(10);

/// How long a connection may take to roll back, or to prove that it is alive, before it is closed instead.
const RETURN: Duration = Duration::from_secs(5);

/// A connection for as long as its holder needs it.
#[derive(Debug)]
pub(crate) struct Session {
    /// None once it has failed.
    lease: Option<Lease<PgConnection>>,
    state: State,
    /// Whether an answer is being waited for.
    is_waiting: bool,
    /// Whether the server may keep statements by name; a pooler hands every transaction to another server.
    named: bool,
    watch: Arc<Watch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Each statement is a transaction of its own.
    Plain,
    /// A transaction is open.
    Open,
    /// A transaction is open, and PostgreSQL will hear nothing more in it: a COMMIT would be answered kindly and keep nothing.
    Spoilt,
    /// A transaction is being opened or ended, and nobody has seen the outcome.
    Unsure,
}

/// What has been answered, if it came in time.
type Answer<T> = std::result::Result<sqlx::Result<T>, Elapsed>;

/// A query with what is bound to it.
pub(crate) type Bound<'q> = Query<'q, Postgres, PgArguments>;

impl Session {
    pub(super) const fn new(lease: Lease<PgConnection>, named: bool, watch: Arc<Watch>) -> Self {
        Self { lease: Some(lease), state: State::Plain, is_waiting: false, named, watch }
    }

    /// Runs a statement; the answer is the number of rows it changed.
    pub(crate) async fn execute(&mut self, query: &'static str, bound: Bound<'_>) -> Result<u64> {
        let (bound, began) = (bound.persistent(self.named), self.begins());
        let answer = timeout(STATEMENT, self.ready(query)?.execute(bound)).await;
        self.ended(query, began, answer).map(|done| done.rows_affected())
    }

    /// Reads at most one row.
    pub(crate) async fn optional<R: FromRow>(
        &mut self,
        query: &'static str,
        bound: Bound<'_>,
    ) -> Result<Option<R>> {
        let (bound, began) = (bound.persistent(self.named), self.begins());
        let answer = timeout(STATEMENT, self.ready(query)?.fetch_optional(bound)).await;
        let row = self.ended(query, began, answer)?;
        let row = row.map(|row| R::from_row(&mut PostgresColumns::of(&row))).transpose();
        row.map_err(|e| Error::from_sqlx(query, e))
    }

    /// Reads all rows.
    pub(crate) async fn all<R: FromRow>(&mut self, query: &'static str, bound: Bound<'_>) -> Result<Vec<R>> {
        let (bound, began) = (bound.persistent(self.named), self.begins());
        let answer = timeout(STATEMENT, self.ready(query)?.fetch_all(bound)).await;
        let rows = self.ended(query, began, answer)?;
        let rows: sqlx::Result<_> =
            rows.iter().map(|row| R::from_row(&mut PostgresColumns::of(row))).collect();
        rows.map_err(|e| Error::from_sqlx(query, e))
    }

    /// Runs the statements of a text, one after the other, within a limit of their own.
    pub(in crate::store) async fn script(
        &mut self,
        query: &'static str,
        text: &'static str,
        limit: Duration,
    ) -> Result<()> {
        let answer = timeout(limit, sqlx::raw_sql(text).execute(self.ready(query)?)).await;
        self.learn(query, limit, answer).map(|_| ())
    }

    /// Understands a query without running it.
    pub(in crate::store) async fn prepare(&mut self, sql: &'static str) -> Result<()> {
        let answer = timeout(STATEMENT, self.ready("prepare")?.prepare(sql.into_sql_str())).await;
        self.learn("prepare", STATEMENT, answer).map(|_| ())
    }

    /// Begins a transaction by this statement.
    pub(super) async fn begin(&mut self, statement: &'static str) -> Result<()> {
        self.state = State::Unsure;
        self.script("BEGIN", statement, STATEMENT).await?;
        self.state = State::Open;
        Ok(())
    }

    /// Makes everything done in the transaction true.
    pub(in crate::store) async fn commit(mut self) -> Result<()> {
        if self.state == State::Spoilt {
            return Err(Error::Spoilt);
        }
        self.state = State::Unsure;
        self.script("COMMIT", "COMMIT", STATEMENT).await?;
        self.state = State::Plain;
        self.watch.committed();
        Ok(())
    }

    fn begins(&self) -> Began {
        if !self.named {
            // What is not kept is prepared each time.
            self.watch.asked_the_server();
        }
        self.watch.begins()
    }

    fn ended<T>(&mut self, query: &'static str, began: Began, answer: Answer<T>) -> Result<T> {
        self.watch.ended(query, began, !matches!(answer, Ok(Ok(_))));
        self.learn(query, STATEMENT, answer)
    }

    /// The connection, of which something is asked now; [`Session::learn`] has to hear the answer.
    fn ready(&mut self, query: &'static str) -> Result<&mut PgConnection> {
        let Some(conn) = self.lease.as_mut().and_then(Lease::conn) else {
            let reason = "the connection has failed before".to_owned();
            return Err(Error::Unavailable { query, reason });
        };
        self.watch.asked_the_server();
        self.is_waiting = true;
        Ok(conn)
    }

    /// Sorts an answer. A connection that failed is closed at once.
    fn learn<T>(&mut self, query: &'static str, limit: Duration, answer: Answer<T>) -> Result<T> {
        self.is_waiting = false;
        let error = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(e)) => Error::from_sqlx(query, e),
            Err(_) => Error::Unavailable { query, reason: format!("no answer within {} s", limit.as_secs()) },
        };
        if error.may_pass() {
            self.discard();
        } else if self.state == State::Open {
            self.state = State::Spoilt;
        }
        Err(error)
    }

    /// Closes the connection without waiting for anybody: the pool may open another.
    fn discard(&mut self) {
        drop(self.lease.take().and_then(|mut lease| lease.take()));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.state == State::Unsure {
            return self.discard();
        }
        let open = self.state != State::Plain;
        if !open && !self.is_waiting {
            // Dropped, it goes back to the pool as it is.
            return;
        }
        match (self.lease.take(), Handle::try_current()) {
            (Some(lease), Ok(runtime)) => drop(runtime.spawn(give_back(lease, open))),
            // Without a runtime nothing can be asked any more.
            (Some(mut lease), Err(_)) => drop(lease.take()),
            (None, _) => {}
        }
    }
}

/// Returns a connection to its pool once its transaction is rolled back, and the answer to what was cut short has come; or closes it,
/// if that takes too long.
async fn give_back(mut lease: Lease<PgConnection>, open: bool) {
    let Some(conn) = lease.conn() else { return };
    let answer = async {
        if open { sqlx::raw_sql("ROLLBACK").execute(conn).await.map(|_| ()) } else { conn.ping().await }
    };
    if !matches!(timeout(RETURN, answer).await, Ok(Ok(()))) {
        tracing::debug!("a connection that does not answer is closed");
        drop(lease.take());
    }
}
