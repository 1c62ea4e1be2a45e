//! What can go wrong with the database, in words that say what to do.

/// A failure of the store. Its text is for the log and the command line, never for a page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database could not be opened at all.
    #[error("cannot open the database {url}: {reason}; check [database] url")]
    Open {
        /// The database's address, without its password.
        url: String,
        /// What the database or the system said.
        reason: String,
    },
    /// The address names a database that this program does not know.
    #[error("database.url starts with neither sqlite: nor postgres:")]
    UnknownDatabase,
    /// A newer version of the program has already changed the schema.
    #[error(
        "the database has schema version {found}, this program knows {known}: run the newer countersign, or restore a backup made before the upgrade"
    )]
    NewerSchema {
        /// The newest version that is in the database.
        found: i64,
        /// The newest version that this program can make.
        known: i64,
    },
    /// The schema is older than the program and nobody has allowed it to be changed.
    #[error("the database schema is not up to date: run `countersign migrate`")]
    OlderSchema,
    /// A migration failed, or one that has run was changed afterwards.
    #[error("the database schema could not be brought up to date: {0}")]
    Migrate(String),
    /// A unique rule refused the row.
    #[error("{query}: already there")]
    Duplicate {
        /// The query that was refused.
        query: &'static str,
    },
    /// What the row belongs to was deleted a moment ago: the same request is told so when it comes again.
    #[error("{query}: what it belongs to is gone")]
    Orphan {
        /// The query that was refused.
        query: &'static str,
    },
    /// The database is locked, full, gone or too slow: the same request may succeed later.
    #[error("{query}: the database did not answer: {reason}")]
    Unavailable {
        /// The query that failed.
        query: &'static str,
        /// What the database said.
        reason: String,
    },
    /// A row holds what this program can never have written.
    #[error("table {table}, row {row}: {column} cannot be read")]
    BadRow {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id.
        row: String,
    },
    /// Anything else: a defect of ours.
    #[error("{query}: {source}")]
    Query {
        /// The query that failed.
        query: &'static str,
        /// What sqlx said.
        source: sqlx::Error,
    },
}

/// What every function of the store returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Sorts sqlx's answer into what a caller may want to tell apart.
    pub(crate) fn from_sqlx(query: &'static str, source: sqlx::Error) -> Self {
        match source {
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Duplicate { query },
            sqlx::Error::Database(e) if e.is_foreign_key_violation() => Self::Orphan { query },
            sqlx::Error::Database(e) if is_passing(e.code().as_deref()) => {
                Self::Unavailable { query, reason: e.to_string() }
            }
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                Self::Unavailable { query, reason: source.to_string() }
            }
            other => Self::Query { query, source: other },
        }
    }

    /// Whether the same request may fare otherwise later: then that is worth saying.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Orphan { .. })
    }

    /// Whether the row was refused because one like it is there.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Duplicate { .. })
    }
}

/// SQLite: busy (5), locked (6), disk I/O (10), full (13) and their extended codes; PostgreSQL: classes 08 (connection),
/// 40 (serialization, deadlock), 53 (resources), 57 (operator intervention).
fn is_passing(code: Option<&str>) -> bool {
    let Some(code) = code else { return false };
    match code.parse::<u32>() {
        Ok(sqlite) if code.len() < 5 => matches!(sqlite & 0xff, 5 | 6 | 10 | 13),
        _ => ["08", "40", "53", "57"].iter().any(|class| code.len() == 5 && code.starts_with(class)),
    }
}
