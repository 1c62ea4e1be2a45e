//! Which database is it, and how does a caller get a connection or a transaction?

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, SqlitePool};

use super::breaker::Breaker;
use super::conn::{Conn, Tx};
use super::{Error, Result, facts};

/// How long a request waits for a connection, and on SQLite a statement for the writer of another process.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long closing may take: a line that is dead cannot be closed politely.
const CLOSE: Duration = Duration::from_secs(5);

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
pub enum Db {
    /// SQLite in WAL mode: many readers, and one writer that every transaction queues for in turn.
    Sqlite {
        /// Connections that only read.
        readers: SqlitePool,
        /// The one connection that writes.
        writer: SqlitePool,
        /// The file that was opened.
        file: Option<Opened>,
    },
    /// PostgreSQL.
    Postgres {
        /// Its connections.
        pool: PgPool,
        /// Whether a pooler (`PgBouncer`) stands between: then each transaction may have another server, and nothing outlives it.
        pooler: bool,
        /// Whether it is known to be silent.
        breaker: Breaker,
    },
}

/// How much is written to see whether the database takes writing, in bytes.
const SHEET: usize = 32_768;

/// Through a pooler the limits of the server come with each transaction, in the same message as its beginning.
const BEGIN_POOLED: &str =
    "BEGIN; SET LOCAL statement_timeout = 9500; SET LOCAL idle_in_transaction_session_timeout = 30000";

/// A file by its place and by what it is: whoever has it open goes on writing to it when it is deleted, for nobody.
#[derive(Clone, Debug)]
pub struct Opened {
    path: PathBuf,
    identity: (u64, u64),
}

impl Opened {
    pub(super) fn at(path: &Path) -> std::io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }

    fn still_there(&self) -> Result<()> {
        let what = match identity(&self.path) {
            Ok(identity) if identity == self.identity => return Ok(()),
            Ok(_) => "replaced",
            Err(_) => "taken away",
        };
        let file = self.path.display();
        let reason = format!("{file} was {what} under the running program: put it back, or restart");
        Err(Error::Unavailable { query: "BEGIN", reason })
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let found = std::fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

impl Db {
    /// A connection for reading (on PostgreSQL it could write as well; on SQLite writes belong to `write`).
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn read(&self) -> Result<Conn> {
        match self {
            Self::Sqlite { readers, .. } => Ok(Conn::sqlite(acquire(readers).await?)),
            Self::Postgres { pool, pooler: false, breaker } => {
                Ok(Conn::postgres(Box::pin(acquire_guarded(pool, breaker)).await?, true))
            }
            // A statement is prepared and run in two steps: only a transaction keeps the two on one server.
            Self::Postgres { pooler: true, .. } => Ok(self.write().await?.into_conn()),
        }
    }

    /// Begins a transaction that may write. On SQLite it is the only one of this process while it lasts: do no slow
    /// work (hashing, mail, other servers) inside.
    ///
    /// # Errors
    /// When the writer does not come free in time.
    pub async fn write(&self) -> Result<Tx> {
        match self {
            Self::Sqlite { writer, file, .. } => {
                file.as_ref().map_or(Ok(()), Opened::still_there)?;
                Conn::sqlite(acquire(writer).await?).begin("BEGIN IMMEDIATE").await
            }
            Self::Postgres { pool, pooler, breaker } => {
                let begin = if *pooler { BEGIN_POOLED } else { "BEGIN" };
                Conn::postgres(Box::pin(acquire_guarded(pool, breaker)).await?, !pooler).begin(begin).await
            }
        }
    }

    /// How many connections are in use, how many are idle, and how many requests wait for one.
    #[must_use]
    pub fn load(&self) -> (usize, usize, usize) {
        let of = |size: u32, idle: usize| {
            (usize::try_from(size).unwrap_or_default().saturating_sub(idle), idle, 0)
        };
        match self {
            Self::Sqlite { readers, .. } => of(readers.size(), readers.num_idle()),
            Self::Postgres { pool, .. } => of(pool.size(), pool.num_idle()),
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

    /// Closes the pools after what is under way has finished, or at most 5 s later; on SQLite this folds the WAL into the file.
    pub async fn close(&self) {
        let closing = async {
            match self {
                Self::Sqlite { readers, writer, .. } => {
                    readers.close().await;
                    writer.close().await;
                }
                Self::Postgres { pool, .. } => pool.close().await,
            }
        };
        if tokio::time::timeout(CLOSE, closing).await.is_err() {
            tracing::warn!("the database did not let itself be closed within {} s", CLOSE.as_secs());
        }
    }
}

async fn acquire<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> Result<PoolConnection<D>> {
    pool.acquire().await.map_err(|e| Error::from_sqlx("acquire", e))
}

/// The same of a server, which may say nothing at all: whoever finds that out spares the others the waiting. Boxed by whoever calls it,
/// as it would make the future of every request larger.
async fn acquire_guarded(pool: &PgPool, breaker: &Breaker) -> Result<PoolConnection<Postgres>> {
    let Some(acquired) = breaker.unless_silent(pool.acquire()).await else {
        let reason = "it has not answered others either, and is being asked again".to_owned();
        return Err(Error::Unavailable { query: "acquire", reason });
    };
    if matches!(acquired, Err(sqlx::Error::PoolTimedOut)) {
        breaker.doubt(pool);
    }
    acquired.map_err(|e| Error::from_sqlx("acquire", e))
}
