//! How long may the database take, and what becomes of a connection on which something went wrong?
//!
//! Everything that waits for the database has a limit. A connection that failed, or whose state nobody knows, is closed: what a
//! broken disk, a dead line or a server that has become a standby leaves behind ends with it.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Database, Executor, Postgres, Sqlite};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::{Error, Result};

/// How long the database may take for one statement.
pub(super) const STATEMENT: Duration = Duration::from_secs(10);

/// How long a connection may take to roll back and to prove that it is alive, before it is closed instead.
const RETURN: Duration = Duration::from_secs(5);

/// A connection for as long as its holder needs it: hold one for a request rather than one for each query.
#[derive(Debug)]
pub struct Conn {
    /// None once it has failed.
    line: Option<Line>,
    state: State,
    /// Whether the server may keep statements by name; a pooler hands every transaction to another server.
    named: bool,
}

#[derive(Debug)]
enum Line {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
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

/// A transaction: everything done through it happens at `commit`, or not at all.
#[derive(Debug)]
#[must_use = "a transaction that is not committed is rolled back"]
pub struct Tx(Conn);

/// The connection underneath, for the macros that run a query.
pub(crate) enum Link<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// Why a statement has no answer.
pub(crate) enum Trouble {
    /// sqlx, or the database, said why.
    Said(sqlx::Error),
    /// It took longer than it may.
    Slow(Duration),
    /// The connection has failed before.
    Gone,
}

/// The answer to a statement, if it comes in time.
pub(crate) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = sqlx::Result<T>>,
) -> std::result::Result<T, Trouble> {
    match timeout(limit, answer).await {
        Ok(answer) => answer.map_err(Trouble::Said),
        Err(_) => Err(Trouble::Slow(limit)),
    }
}

impl Conn {
    pub(super) fn sqlite(line: PoolConnection<Sqlite>) -> Self {
        Self { line: Some(Line::Sqlite(line)), state: State::Plain, named: true }
    }

    pub(super) fn postgres(line: PoolConnection<Postgres>, named: bool) -> Self {
        Self { line: Some(Line::Postgres(line)), state: State::Plain, named }
    }

    /// The connection, unless it has failed.
    pub(crate) fn link(&mut self) -> Option<Link<'_>> {
        match self.line.as_mut()? {
            Line::Sqlite(c) => Some(Link::Sqlite(c)),
            Line::Postgres(c) => Some(Link::Postgres(c)),
        }
    }

    /// Whether statements are kept by name.
    pub(crate) const fn named(&self) -> bool {
        self.named
    }

    /// Sorts the answer to a query; a connection that failed is closed at once.
    pub(crate) fn learn<T>(
        &mut self,
        query: &'static str,
        answer: std::result::Result<T, Trouble>,
    ) -> Result<T> {
        let error = match answer {
            Ok(value) => return Ok(value),
            Err(Trouble::Said(e)) => Error::from_sqlx(query, e),
            Err(Trouble::Slow(limit)) => {
                Error::Unavailable { query, reason: format!("no answer within {} s", limit.as_secs()) }
            }
            Err(Trouble::Gone) => {
                Error::Unavailable { query, reason: "the connection has failed before".to_owned() }
            }
        };
        if matches!(error, Error::Unavailable { .. }) {
            self.discard();
        } else if self.state == State::Open && matches!(self.line, Some(Line::Postgres(_))) {
            self.state = State::Spoilt;
        }
        Err(error)
    }

    /// Begins a transaction by this statement.
    pub(super) async fn begin(mut self, statement: &'static str) -> Result<Tx> {
        self.end_or_begin("BEGIN", statement).await?;
        self.state = State::Open;
        Ok(Tx(self))
    }

    async fn end_or_begin(&mut self, name: &'static str, statement: &'static str) -> Result<()> {
        self.state = State::Unsure;
        let answer = match self.link() {
            Some(Link::Sqlite(c)) => {
                within(STATEMENT, async { sqlx::query(statement).execute(c).await.map(|_| ()) }).await
            }
            Some(Link::Postgres(c)) => {
                within(STATEMENT, async { sqlx::raw_sql(statement).execute(c).await.map(|_| ()) }).await
            }
            None => Err(Trouble::Gone),
        };
        self.learn(name, answer)
    }

    /// Closes the connection without waiting for anybody: the pool may open another.
    fn discard(&mut self) {
        match self.line.take() {
            Some(Line::Sqlite(line)) => drop(line.detach()),
            Some(Line::Postgres(line)) => drop(line.detach()),
            None => {}
        }
    }

    /// Asks the database to understand a query without running it; a query that it refuses is a defect of ours.
    ///
    /// # Errors
    /// When the database does not know the tables, columns or words of the query.
    pub async fn prepare(&mut self, sql: &'static str) -> Result<()> {
        use sqlx::SqlSafeStr as _;
        let answer = match self.link() {
            Some(Link::Sqlite(c)) => {
                within(STATEMENT, async { c.prepare(sql.into_sql_str()).await.map(|_| ()) }).await
            }
            Some(Link::Postgres(c)) => {
                within(STATEMENT, async { c.prepare(sql.into_sql_str()).await.map(|_| ()) }).await
            }
            None => Err(Trouble::Gone),
        };
        self.learn("prepare", answer)
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        if self.state == State::Unsure {
            return self.discard();
        }
        let open = self.state != State::Plain;
        // Without a runtime nothing can be asked any more: the connection is closed.
        match (self.line.take(), Handle::try_current()) {
            (Some(Line::Sqlite(line)), Ok(runtime)) => drop(runtime.spawn(give_back(line, open))),
            (Some(Line::Postgres(line)), Ok(runtime)) => drop(runtime.spawn(give_back(line, open))),
            (Some(Line::Sqlite(line)), Err(_)) => drop(line.detach()),
            (Some(Line::Postgres(line)), Err(_)) => drop(line.detach()),
            (None, _) => {}
        }
    }
}

/// Returns a connection to its pool, or closes it if it does not answer in time.
async fn give_back<D: Database>(mut line: PoolConnection<D>, open: bool)
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    if open {
        let rolled_back = timeout(RETURN, sqlx::raw_sql("ROLLBACK").execute(&mut *line)).await;
        if !matches!(rolled_back, Ok(Ok(_))) {
            tracing::debug!("a connection that could not roll back is closed");
            drop(line.detach());
            return;
        }
    }
    // What dropping would do as well, but without a limit. It owns the connection: what is late is closed.
    let returning = line.return_to_pool();
    if timeout(RETURN, returning).await.is_err() {
        tracing::debug!("a connection that does not answer is closed");
    }
}

impl Tx {
    /// Makes everything done through this transaction true at once.
    ///
    /// # Errors
    /// When the database could not: then nothing of it has happened.
    pub async fn commit(mut self) -> Result<()> {
        if self.0.state == State::Spoilt {
            return Err(Error::Spoilt);
        }
        self.0.end_or_begin("COMMIT", "COMMIT").await?;
        self.0.state = State::Plain;
        Ok(())
    }

    /// Reads through a transaction, as through a connection. It is rolled back in the end.
    pub(super) fn into_conn(self) -> Conn {
        self.0
    }
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Db, Options, facts};

    async fn database() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("x.db").display());
        let db = Db::open_or_make(&Options { url, max_connections: 2 }).await.unwrap();
        db.migrate().await.unwrap();
        (folder, db)
    }

    async fn run(conn: &mut Conn, statement: &'static str) {
        let Some(Link::Sqlite(c)) = conn.link() else { panic!("SQLite") };
        sqlx::raw_sql(statement).execute(c).await.unwrap();
    }

    /// The transaction stays open on such a connection: whoever came next would have found themselves in it.
    #[tokio::test]
    async fn a_commit_that_fails_leaves_nothing_behind() {
        let (_folder, db) = database().await;
        let mut tx = db.write().await.unwrap();
        run(&mut tx, "PRAGMA defer_foreign_keys = ON").await;
        run(&mut tx, "INSERT INTO links (token_hash, purpose, user_id, created_at, expires_at) VALUES ('x', 'y', 'nobody', 1, 2)").await;
        assert!(tx.commit().await.is_err());
        for _ in 0..2 {
            let mut tx = db.write().await.unwrap();
            facts::set(&mut tx, "x", "y").await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    /// SQLite gives up the whole transaction when the disk is full: what came after would be kept for itself.
    #[tokio::test]
    async fn after_a_full_disk_nothing_more_is_done_on_that_connection() {
        let (_folder, db) = database().await;
        let mut tx = db.write().await.unwrap();
        run(&mut tx, "PRAGMA max_page_count = 1").await;
        let large = "x".repeat(4_000_000);
        assert!(facts::set(&mut tx, "large", &large).await.unwrap_err().may_pass());
        assert!(facts::set(&mut tx, "small", "x").await.unwrap_err().may_pass());
        assert!(tx.commit().await.unwrap_err().may_pass());
        let mut tx = db.write().await.unwrap();
        facts::set(&mut tx, "large", &large).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(facts::find(&mut db.read().await.unwrap(), "small").await.unwrap(), None);
    }

    /// A browser hangs up, and the request that it waited for ends in the middle.
    #[tokio::test]
    async fn what_is_cut_short_leaves_nothing_behind() {
        let (_folder, db) = database().await;
        for _ in 0..50 {
            let cut = async {
                let mut tx = db.write().await?;
                facts::set(&mut tx, "x", "y").await?;
                tx.commit().await
            };
            tokio::select! {
                biased;
                () = tokio::task::yield_now() => {}
                _ = cut => {}
            }
        }
        let mut tx = db.write().await.unwrap();
        facts::set(&mut tx, "x", "z").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(facts::find(&mut db.read().await.unwrap(), "x").await.unwrap().as_deref(), Some("z"));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up_and_the_connection_closed() {
        let (_folder, db) = database().await;
        let mut conn = db.read().await.unwrap();
        let slow = within(Duration::from_millis(1), std::future::pending::<sqlx::Result<()>>()).await;
        assert!(conn.learn("SLOW", slow).unwrap_err().may_pass());
        assert!(conn.link().is_none());
    }
}
