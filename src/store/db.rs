//! Which database is it, and how does a caller get a connection or a transaction?

use std::fs::OpenOptions;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::macros::on;
use super::{Error, Result};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a statement waits for SQLite's writer, and a request for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

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
    },
    /// PostgreSQL.
    Postgres(PgPool),
}

/// A connection for as long as its holder needs it: hold one for a request rather than one for each query.
#[derive(Debug)]
pub struct Conn(Inner);

#[derive(Debug)]
enum Inner {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTx(Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresTx(Transaction<'static, Postgres>),
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

/// How the schema that is in the database relates to the one that this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// The two are the same.
    Current,
    /// This many migrations are still to run.
    Behind(usize),
}

impl Db {
    /// Opens the database, without touching its schema.
    ///
    /// # Errors
    /// When the address is of no known kind, or the database does not answer.
    pub async fn open(options: &Options) -> Result<Self> {
        let url = options.url.as_str();
        if url.starts_with("sqlite:") {
            Self::open_sqlite(options).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Self::open_postgres(options).await
        } else {
            Err(Error::UnknownDatabase)
        }
    }

    async fn open_sqlite(options: &Options) -> Result<Self> {
        let failed = |e: sqlx::Error| Error::Open { url: options.url.clone(), reason: e.to_string() };
        let connect = SqliteConnectOptions::from_str(&options.url)
            .map_err(failed)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a spent code must stay spent through a power loss, which WAL with NORMAL does not promise.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        if !options.url.contains(":memory:") {
            make_private(connect.get_filename());
        }
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .connect_with(connect.clone())
            .await
            .map_err(failed)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.max_connections.max(1))
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .connect_lazy_with(connect);
        Ok(Self::Sqlite { readers, writer })
    }

    async fn open_postgres(options: &Options) -> Result<Self> {
        let failed =
            |e: sqlx::Error| Error::Open { url: without_password(&options.url), reason: e.to_string() };
        let connect = PgConnectOptions::from_str(&options.url).map_err(failed)?;
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(1))
            .acquire_timeout(PATIENCE)
            .connect_with(connect)
            .await
            .map_err(failed)?;
        Ok(Self::Postgres(pool))
    }

    /// Brings the schema up to date. Two processes may do so at once: one waits for the other.
    ///
    /// # Errors
    /// When the schema is newer than this program, or a migration fails.
    pub async fn migrate(&self) -> Result<()> {
        if self.schema_state().await? == SchemaState::Current {
            return Ok(());
        }
        let failed = |e: MigrateError| Error::Migrate(e.to_string());
        match self {
            Self::Sqlite { .. } => {
                // sqlx takes no lock on SQLite; a transaction around all of it makes a second process wait.
                let mut tx = self.write().await?;
                on!(tx, c => MIGRATIONS.run_direct(None, c, false).await).map_err(failed)?;
                tx.commit().await
            }
            Self::Postgres(_) => {
                let mut conn = self.read().await?;
                on!(conn, c => MIGRATIONS.run_direct(None, c, false).await).map_err(failed)
            }
        }
    }

    /// Compares the schema that is there with the one that this program knows.
    ///
    /// # Errors
    /// When the schema is newer than this program, or the database does not answer.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        let mut conn = match self {
            Self::Sqlite { writer, .. } => Conn(Inner::Sqlite(acquire(writer).await?)),
            Self::Postgres(_) => self.read().await?,
        };
        let table = &MIGRATIONS.table_name;
        let applied = on!(conn, c => applied(c, table).await).map_err(|e| Error::Migrate(e.to_string()))?;
        let known = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or_default();
        match applied.iter().map(|m| m.version).max() {
            Some(found) if found > known => Err(Error::NewerSchema { found, known }),
            _ if applied.len() == MIGRATIONS.iter().count() => Ok(SchemaState::Current),
            _ => Ok(SchemaState::Behind(MIGRATIONS.iter().count().saturating_sub(applied.len()))),
        }
    }

    /// A connection for reading (on PostgreSQL it could write as well; on SQLite writes belong to `write`).
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn read(&self) -> Result<Conn> {
        Ok(Conn(match self {
            Self::Sqlite { readers, .. } => Inner::Sqlite(acquire(readers).await?),
            Self::Postgres(pool) => Inner::Postgres(acquire(pool).await?),
        }))
    }

    /// Begins a transaction that may write. On SQLite it is the only one of this process while it lasts: do no slow
    /// work (hashing, mail, other servers) inside.
    ///
    /// # Errors
    /// When the writer does not come free in time.
    pub async fn write(&self) -> Result<Tx> {
        let failed = |e| Error::from_sqlx("BEGIN", e);
        Ok(Tx(Conn(match self {
            Self::Sqlite { writer, .. } => {
                Inner::SqliteTx(writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?)
            }
            Self::Postgres(pool) => Inner::PostgresTx(pool.begin().await.map_err(failed)?),
        })))
    }

    /// Closes the pools after what is under way has finished; on SQLite this folds the WAL into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// SQLite would let everybody on the machine read a new file, and the hashes of passwords are in it. Its journals get the
/// mode of the file. What is there already, and what cannot be made, is SQLite's to judge.
fn make_private(file: &Path) {
    let mut options = OpenOptions::new();
    let _ = options.write(true).create_new(true).mode(0o600).open(file);
}

/// Which migrations have run. Under the migrations' lock: PostgreSQL fails one of two that make the table at once.
async fn applied<C: Migrate>(
    conn: &mut C,
    table: &str,
) -> std::result::Result<Vec<AppliedMigration>, MigrateError> {
    conn.lock().await?;
    let found = match conn.ensure_migrations_table(table).await {
        Ok(()) => conn.list_applied_migrations(table).await,
        Err(e) => Err(e),
    };
    conn.unlock().await?;
    found
}

async fn acquire<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> Result<PoolConnection<D>> {
    pool.acquire().await.map_err(|e| Error::from_sqlx("acquire", e))
}

impl Conn {
    pub(crate) fn link(&mut self) -> Link<'_> {
        match &mut self.0 {
            Inner::Sqlite(c) => Link::Sqlite(c),
            Inner::SqliteTx(c) => Link::Sqlite(c),
            Inner::Postgres(c) => Link::Postgres(c),
            Inner::PostgresTx(c) => Link::Postgres(c),
        }
    }

    /// Asks the database to understand a query without running it; a query that it refuses is a defect of ours.
    ///
    /// # Errors
    /// When the database does not know the tables, columns or words of the query.
    pub async fn prepare(&mut self, sql: &'static str) -> Result<()> {
        use sqlx::{Executor, SqlSafeStr};
        on!(self, c => c.prepare(sql.into_sql_str()).await.map(|_| ()))
            .map_err(|e| Error::from_sqlx("prepare", e))
    }
}

impl Tx {
    /// Makes everything done through this transaction true at once.
    ///
    /// # Errors
    /// When the database could not: then nothing of it has happened.
    pub async fn commit(self) -> Result<()> {
        match self.0.0 {
            Inner::SqliteTx(tx) => tx.commit().await,
            Inner::PostgresTx(tx) => tx.commit().await,
            // `Db::write` makes no other kind.
            Inner::Sqlite(_) | Inner::Postgres(_) => Ok(()),
        }
        .map_err(|e| Error::from_sqlx("COMMIT", e))
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

/// The database's address as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}")
        }
        None => url.to_owned(),
    }
}
