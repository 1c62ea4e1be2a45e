//! How is a database opened, made if that is wanted, and said why not?

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::time::timeout;

use super::breaker::Breaker;
use super::cause::Cause;
use super::db::{Opened, PATIENCE};
use super::{Db, Error, Options, Result};

/// How long a connection that has rested may take to show that it is alive.
const PING: Duration = Duration::from_secs(1);

/// How long a connection is believed to be as it was left.
const FRESH: Duration = Duration::from_secs(1);

/// A setting that means nothing to PostgreSQL. Only a server that is spoken to directly knows it: a pooler takes no settings along.
const MARK: &str = "countersign.direct";

/// What each session asks of the server: to give up what we have given up, and to notice soon when we are gone, so that nobody
/// waits for the locks of the dead. Milliseconds, and seconds.
const SESSION: [(&str, &str); 7] = [
    (MARK, "on"),
    ("statement_timeout", "9500"),
    ("idle_in_transaction_session_timeout", "30000"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];

const IS_DIRECT: &str = "SELECT coalesce(current_setting('countersign.direct', true), '')";
const IS_READ_ONLY: &str = "SHOW transaction_read_only";

impl Db {
    /// Opens a database that is there, without touching its schema.
    ///
    /// # Errors
    /// When the address is of no known kind, there is no such file, or the database does not answer: why, and what to do.
    pub async fn open(options: &Options) -> Result<Self> {
        let url = options.url.as_str();
        if url.starts_with("sqlite:") {
            open_sqlite(options, false).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            open_postgres(options).await
        } else {
            Err(Error::UnknownDatabase)
        }
    }

    /// The same; but a file that is not there is made.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn open_or_make(options: &Options) -> Result<Self> {
        if options.url.starts_with("sqlite:") {
            open_sqlite(options, true).await
        } else {
            Self::open(options).await
        }
    }
}

impl Options {
    /// Where the database is, as it may be shown: the file, or the address without its password.
    #[must_use]
    pub fn place(&self) -> String {
        match SqliteConnectOptions::from_str(&self.url) {
            Ok(sqlite) if self.url.starts_with("sqlite:") => sqlite.get_filename().display().to_string(),
            _ => without_password(&self.url),
        }
    }
}

async fn open_sqlite(options: &Options, make: bool) -> Result<Db> {
    let failed = |cause| Error::Open { url: options.url.clone(), cause };
    let connect = SqliteConnectOptions::from_str(&options.url)
        .map_err(|e| failed(Cause::Address(e.to_string())))?
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: a spent code must stay spent through a power loss, which WAL with NORMAL does not promise.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .create_if_missing(make);
    let file = connect.get_filename().to_owned();
    let in_memory = options.url.contains(":memory:");
    if make && !in_memory {
        make_private(&file);
    } else if !in_memory && matches!(std::fs::exists(&file), Ok(false)) {
        return Err(Error::NoProvider { place: options.place() });
    }
    let unopened = |e: sqlx::Error| failed(Cause::of_sqlite(&e, &file));
    let first = connect.connect().await.map_err(unopened)?;
    first.close().await.map_err(unopened)?;
    // SQLite opens for reading what it may not write, and says so at the first writing.
    if let Some(cause) = (!in_memory).then(|| Cause::of_file(&file)).flatten() {
        return Err(failed(cause));
    }
    // Later on a file that is gone is an error, and not a new and empty one.
    let connect = connect.create_if_missing(in_memory);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .connect_lazy_with(connect.clone());
    let readers = SqlitePoolOptions::new()
        .max_connections(options.max_connections.max(1))
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .connect_lazy_with(connect);
    let file = if in_memory { None } else { Opened::at(&file).ok() };
    Ok(Db::Sqlite { readers, writer, file })
}

/// SQLite would let everybody on the machine read a new file, and the hashes of passwords are in it. Its journals get the
/// mode of the file. What is there already, and what cannot be made, is SQLite's to judge.
fn make_private(file: &Path) {
    let mut options = OpenOptions::new();
    let _ = options.write(true).create_new(true).mode(0o600).open(file);
}

async fn open_postgres(options: &Options) -> Result<Db> {
    let failed = |cause| Error::Open { url: without_password(&options.url), cause };
    let plain = PgConnectOptions::from_str(&options.url).map_err(|e| failed(Cause::of_postgres(&e)))?;
    // We read no fractions, and poolers refuse the setting.
    let mut plain = plain.extra_float_digits(None);
    if plain.get_application_name().is_none() {
        plain = plain.application_name("countersign");
    }
    let direct = plain.clone().options(SESSION);
    let (connect, pooler) = match first(&direct).await {
        Ok(true) => (direct, false),
        Ok(false) => (plain, true),
        Err(Trial::Startup(_)) => {
            first(&plain).await.map_err(|trial| failed(trial.cause()))?;
            (plain, true)
        }
        Err(trial) => return Err(failed(trial.cause())),
    };
    if pooler {
        tracing::info!("a pooler stands before PostgreSQL: statements are not kept by name");
    }
    let pool = PgPoolOptions::new()
        .max_connections(options.max_connections.max(1))
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .after_connect(|conn, _| Box::pin(is_primary(conn)))
        .before_acquire(|conn, rest| {
            Box::pin(async move {
                if rest.idle_for >= FRESH {
                    is_primary(conn).await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(connect);
    Ok(Db::Postgres { pool, pooler, breaker: Breaker::new() })
}

/// Why the first connection did not come about.
enum Trial {
    /// The settings of the session were refused: a pooler does so.
    Startup(Cause),
    /// Anything else.
    Failed(Cause),
}

impl Trial {
    fn of(error: &sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .unwrap_or_default()
            .into_owned();
        let cause = Cause::of_postgres(error);
        // Protocol violation (PgBouncer), feature not supported (RDS Proxy), unknown or wrong setting.
        if ["08P01", "0A000", "42704", "22023"].contains(&code.as_str()) {
            Self::Startup(cause)
        } else {
            Self::Failed(cause)
        }
    }

    fn cause(self) -> Cause {
        match self {
            Self::Startup(cause) | Self::Failed(cause) => cause,
        }
    }
}

/// Connects once, for what the pool would not tell; true when the settings of the session have reached the server.
async fn first(connect: &PgConnectOptions) -> std::result::Result<bool, Trial> {
    let connecting = async {
        let mut conn = connect.connect().await?;
        let marked = one_word(&mut conn, IS_DIRECT).await?;
        let read_only = one_word(&mut conn, IS_READ_ONLY).await?;
        for statement in ["BEGIN", "ROLLBACK"] {
            sqlx::raw_sql(statement).execute(&mut conn).await?;
        }
        conn.close().await?;
        Ok::<_, sqlx::Error>((marked == "on", read_only == "on"))
    };
    match timeout(PATIENCE, connecting).await {
        Ok(Ok((_, true))) => Err(Trial::Failed(Cause::ReadOnlyServer)),
        Ok(Ok((marked, false))) => Ok(marked),
        Ok(Err(error)) => Err(Trial::of(&error)),
        Err(_) => Err(Trial::Failed(Cause::Silent(PATIENCE.as_secs()))),
    }
}

/// Whether a connection answers, and by a server that takes writing: after a fail-over it may be a standby.
async fn is_primary(conn: &mut PgConnection) -> sqlx::Result<()> {
    let late = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer to a question");
    let read_only = timeout(PING, one_word(conn, IS_READ_ONLY)).await.map_err(late)??;
    if read_only == "on" {
        return Err(std::io::Error::other("the server is read-only, a standby perhaps").into());
    }
    Ok(())
}

async fn one_word(conn: &mut PgConnection, question: &'static str) -> sqlx::Result<String> {
    sqlx::raw_sql(question).fetch_one(conn).await?.try_get(0)
}

/// A password may be there as well.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// The database's address as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{}", without_query(host))
        }
        None => without_query(url).to_owned(),
    }
}
