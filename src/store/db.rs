//! Which database is it, and how does a caller get a connection or a transaction?

use std::sync::Arc;
use std::time::Duration;

use super::conn::{Conn, Side, Tx};
use super::macros::optional;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::versions::Changes;
use super::watch::{Costs, Listener, Watch};
use super::{Result, facts};

/// How long closing may take: a line that is dead cannot be closed politely.
const CLOSE: Duration = Duration::from_secs(5);

/// How much is written to see whether the database takes writing, in bytes.
const SHEET: usize = 32_768;

/// PostgreSQL's alone.
const SERVER_TIME: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)";

/// By how much clocks may differ, in seconds: codes of apps live a minute.
const APART: i64 = 5;

/// How to open a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite:FILE` or `postgres://…`.
    pub url: String,
    /// How many connections this process may hold at once.
    pub max_connections: u32,
}

/// An open database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    kind: Kind,
    watch: Arc<Watch>,
    changes: Changes,
}

#[derive(Clone, Debug)]
enum Kind {
    /// In WAL mode: many readers, and one writer that every transaction queues for in turn.
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
}

impl Db {
    pub(super) fn sqlite(sqlite: Sqlite) -> Self {
        Self { kind: Kind::Sqlite(Arc::new(sqlite)), watch: Arc::default(), changes: Changes::default() }
    }

    pub(super) fn postgres(postgres: Postgres) -> Self {
        Self { kind: Kind::Postgres(Arc::new(postgres)), watch: Arc::default(), changes: Changes::default() }
    }

    pub(super) const fn is_sqlite(&self) -> bool {
        matches!(self.kind, Kind::Sqlite(_))
    }

    /// Whether codes and refresh tokens may say when they were made. On SQLite no other program serves beside this one. On PostgreSQL one of
    /// before may, during an upgrade, and would not find them: there they may one release after the first that knows them.
    #[must_use]
    pub const fn dates_grant_tokens(&self) -> bool {
        self.is_sqlite()
    }

    /// A connection for reading (on PostgreSQL it could write as well; on SQLite writes belong to `write`).
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn read(&self) -> Result<Conn> {
        let side = match &self.kind {
            Kind::Sqlite(sqlite) => Side::Sqlite(sqlite.read(&self.watch).await?),
            Kind::Postgres(postgres) => Side::Postgres(postgres.read(&self.watch).await?),
        };
        Ok(Conn::new(side, self.changes.clone()))
    }

    /// A connection that reads everything as it is at this moment, for as long as that takes, and holds up nobody who writes.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn snapshot(&self) -> Result<Conn> {
        let side = match &self.kind {
            Kind::Sqlite(sqlite) => Side::Sqlite(sqlite.snapshot(&self.watch)?),
            Kind::Postgres(postgres) => Side::Postgres(postgres.snapshot(&self.watch).await?),
        };
        Ok(Conn::new(side, self.changes.clone()))
    }

    /// Begins a transaction that may write. On SQLite nobody else in this process writes while it lasts, and those who have just
    /// written may be waiting to be committed with it: do no slow work (hashing, mail, other servers) inside.
    ///
    /// # Errors
    /// When the writer does not come free in time.
    pub async fn write(&self) -> Result<Tx> {
        let side = match &self.kind {
            Kind::Sqlite(sqlite) => Side::Sqlite(sqlite.write(&self.watch).await?),
            Kind::Postgres(postgres) => Side::Postgres(postgres.write(&self.watch).await?),
        };
        Ok(Tx::begun(Conn::new(side, self.changes.clone())))
    }

    /// How many connections are in use, how many are idle, and how many requests wait for one. On SQLite these are the readers.
    #[must_use]
    pub fn load(&self) -> (usize, usize, usize) {
        match &self.kind {
            Kind::Sqlite(sqlite) => sqlite.load(),
            Kind::Postgres(postgres) => postgres.load(),
        }
    }

    /// Whether the database takes writing, by writing down the time, on as much paper as a sign-in needs: a full disk often has room
    /// for a little more.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn try_writing(&self, now: i64) -> Result<()> {
        let mut tx = self.write().await?;
        facts::set(&mut tx, facts::WRITTEN_AT, &format!("{now:<SHEET$}")).await?;
        tx.commit().await
    }

    /// By how many seconds this time is ahead of that of the database's server, where that is more than nodes can do with. SQLite is on
    /// this machine.
    ///
    /// # Errors
    /// When the database does not say.
    pub async fn clocks_apart(&self, now: i64) -> Result<Option<i64>> {
        if self.is_sqlite() {
            return Ok(None);
        }
        let mut conn = self.read().await?;
        let there: Option<(i64,)> = optional!(conn, (i64,), SERVER_TIME)?;
        Ok(there.map(|(there,)| now.saturating_sub(there)).filter(|ahead| ahead.abs() > APART))
    }

    /// What this process changes of what others keep in memory.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.changes.clone()
    }

    /// What has been asked of the database so far.
    #[must_use]
    pub fn costs(&self) -> Costs {
        self.watch.costs()
    }

    /// Lets somebody hear of every query from now on. There is one who does: the first.
    pub fn listen(&self, listener: Listener) {
        self.watch.listen(listener);
    }

    /// Closes all connections after what is under way has finished, or at most 5 s later; on SQLite this folds the WAL into the file.
    pub async fn close(&self) {
        let closing = async {
            match &self.kind {
                Kind::Sqlite(sqlite) => sqlite.close().await,
                Kind::Postgres(postgres) => postgres.close().await,
            }
        };
        if tokio::time::timeout(CLOSE, closing).await.is_err() {
            tracing::warn!("the database did not let itself be closed within {} s", CLOSE.as_secs());
        }
    }
}
