//! What can go wrong with the database, in words that say what to do.

use rusqlite::ffi;

use super::Fault;
use super::cause::Cause;
use super::schema::Mismatch;

/// A failure of the store. Its text is for the log and the command line, never for a page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database could not be opened at all.
    #[error("cannot open the database {url}: {cause}")]
    Open {
        /// The database's address, without its password.
        url: String,
        /// Why, and what mends it.
        cause: Cause,
    },
    /// The address names a database that this program does not know.
    #[error("database.url starts with neither sqlite: nor postgres:")]
    UnknownDatabase,
    /// There is no such file, or nothing of ours is in the database.
    #[error(
        "there is no provider in {place}: make one with `countersign init` (or `countersign migrate`, where the environment holds all settings), or check [database] url and data_dir"
    )]
    NoProvider {
        /// The file, or the database's address without its password.
        place: String,
    },
    /// The schema is older than the program, and whoever asks may not change it.
    #[error(
        "the database schema is not up to date ({missing} migrations are missing): run `countersign migrate`"
    )]
    OlderSchema {
        /// How many migrations are still to run.
        missing: usize,
    },
    /// The schema is not one that this program has made.
    #[error(transparent)]
    Schema(#[from] Mismatch),
    /// Another process brings the schema up to date, and takes too long.
    #[error(
        "another process has been changing the schema for more than {seconds} s ({holder}): wait until it is done, or end it, and try again"
    )]
    MigrationLocked {
        /// How long it was waited for.
        seconds: u64,
        /// Who that is, as far as the database tells.
        holder: String,
    },
    /// Somebody uses a table that a migration needs for itself, and does not stop.
    #[error(
        "a migration needs {table} for itself for a moment, and has waited {seconds} s for whoever uses it: {holders}; nothing was changed: end it, or migrate again when it is done"
    )]
    TableInUse {
        /// Which table, as far as the database tells.
        table: String,
        /// How long it was waited for.
        seconds: u64,
        /// Who they are, as far as the database tells.
        holders: String,
    },
    /// A statement has waited for a lock for as long as it may; its transaction can go back to a savepoint.
    #[error("{query}: others have what it needs locked")]
    LockTimeout {
        /// The query that waited.
        query: &'static str,
    },
    /// A migration failed; nothing of it is left behind.
    #[error(
        "the database schema could not be brought up to date, migration {version} failed: {reason}; nothing was changed"
    )]
    Migrate {
        /// Its number.
        version: i64,
        /// What the database said.
        reason: String,
    },
    /// There is something of ours already where something new was to be made.
    #[error("there is a provider in the database already")]
    NotEmpty,
    /// The transaction had failed before: nothing of it was kept.
    #[error("COMMIT: a statement of the transaction had failed before")]
    Spoilt,
    /// A unique rule refused the row.
    #[error("{query}: already there")]
    Duplicate {
        /// The query that was refused.
        query: &'static str,
    },
    /// What the row belongs to was deleted a moment ago.
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
        /// What was said against it.
        source: Said,
    },
}

/// What a database, or what speaks with it, has said.
#[derive(Debug, thiserror::Error)]
pub enum Said {
    /// By SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// By PostgreSQL, or of it.
    #[error(transparent)]
    Postgres(#[from] Fault),
}

/// What every function of the store returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Sorts SQLite's answer into what a caller may want to tell apart.
    pub(super) fn from_sqlite(query: &'static str, source: rusqlite::Error) -> Self {
        match source.sqlite_error().map(|e| e.extended_code) {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
                Self::Duplicate { query }
            }
            Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => Self::Orphan { query },
            Some(code) if code & 0xff == ffi::SQLITE_READONLY => {
                let reason = format!(
                    "{source} ({code}): the file, its -wal or its -shm cannot be written by this user; `countersign check` says which"
                );
                Self::Unavailable { query, reason }
            }
            Some(code) if SQLITE_PASSING.contains(&(code & 0xff)) => {
                Self::Unavailable { query, reason: format!("{source} ({code})") }
            }
            _ => Self::Query { query, source: source.into() },
        }
    }

    /// The same of PostgreSQL's answer.
    pub(super) fn from_postgres(query: &'static str, fault: Fault) -> Self {
        match &fault {
            Fault::Said { code, .. } if code == "23505" => Self::Duplicate { query },
            Fault::Said { code, .. } if code == "23503" => Self::Orphan { query },
            Fault::Said { code, message } if is_passing(code) => {
                Self::Unavailable { query, reason: message.clone() }
            }
            // The line, or the server at its other end: whatever it is, it is not the request.
            Fault::Line(_) | Fault::Tls(_) | Fault::Strange(_) => {
                Self::Unavailable { query, reason: fault.to_string() }
            }
            Fault::Said { .. } | Fault::Address(_) | Fault::Value { .. } => {
                Self::Query { query, source: fault.into() }
            }
        }
    }

    /// Whether the query is about a table that is not there.
    pub(super) fn is_no_table(&self) -> bool {
        match self {
            // SQLite says no more than "error" (1).
            Self::Query { source: Said::Sqlite(e), .. } => e.to_string().contains("no such table"),
            Self::Query { source: Said::Postgres(fault), .. } => fault.code() == "42P01",
            _ => false,
        }
    }

    /// Whether the same request may fare otherwise later: then that is worth saying.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::LockTimeout { .. })
    }

    /// Whether what it is about was deleted a moment ago.
    #[must_use]
    pub const fn is_orphan(&self) -> bool {
        matches!(self, Self::Orphan { .. })
    }

    /// Whether the row was refused because one like it is there.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Duplicate { .. })
    }
}

/// Primary result codes of SQLite that say something about the machine and nothing about the statement: no memory (7), busy (5),
/// locked (6), read-only (8), interrupted (9), disk I/O (10), full (13), cannot open (14), locking protocol (15), and a schema that
/// somebody is changing (17).
const SQLITE_PASSING: [i32; 10] = [5, 6, 7, 8, 9, 10, 13, 14, 15, 17];

/// The same of PostgreSQL and of what stands before it, by class or code: connection (08), a plan that a migration has outdated
/// (0A000), a standby or a server that was made read-only (25006), idle or transaction time-outs (25P03, 25P04), statements that
/// a pooler has mixed up (26000, 42P05), logins and databases that are just being changed (28, 3D), serialization and deadlocks (40),
/// resources (53), locks (55006, 55P03), operator intervention (57), the system below (58).
const POSTGRES_PASSING: [&str; 15] = [
    "08", "0A000", "25006", "25P03", "25P04", "26000", "28", "3D", "40", "42P05", "53", "55006", "55P03",
    "57", "58",
];

/// Whether an error of PostgreSQL with this SQLSTATE may pass by itself.
fn is_passing(code: &str) -> bool {
    POSTGRES_PASSING.iter().any(|passing| code.starts_with(passing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_codes_of_sqlite_pass_by_themselves() {
        for (code, passes) in [
            // Primary and extended: SQLITE_BUSY_SNAPSHOT, READONLY_DBMOVED, IOERR_WRITE, IOERR_FSYNC, CANTOPEN_ISDIR.
            (5, true),
            (517, true),
            (6, true),
            (7, true),
            (8, true),
            (1032, true),
            (9, true),
            (10, true),
            (778, true),
            (1034, true),
            (13, true),
            (14, true),
            (526, true),
            (15, true),
            (17, true),
            // Error, corrupt, mismatch, misuse, not a database.
            (1, false),
            (11, false),
            (20, false),
            (21, false),
            (26, false),
        ] {
            let said = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(Error::from_sqlite("QUERY", said).may_pass(), passes, "{code}");
        }
        let refused =
            |code| Error::from_sqlite("QUERY", rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        assert!(refused(2067).is_duplicate() && refused(1555).is_duplicate() && refused(787).is_orphan());
        assert!(!Error::from_sqlite("QUERY", rusqlite::Error::InvalidQuery).may_pass());
    }

    #[test]
    fn which_codes_of_postgres_pass_by_themselves() {
        for (code, passes) in [
            ("08000", true),
            ("08006", true),
            ("08P01", true),
            ("0A000", true),
            ("25006", true),
            ("25P02", false),
            ("25P03", true),
            ("26000", true),
            ("28P01", true),
            ("3D000", true),
            ("40001", true),
            ("40P01", true),
            ("42P05", true),
            ("53100", true),
            ("53300", true),
            ("55P03", true),
            ("57014", true),
            ("57P01", true),
            ("57P02", true),
            ("57P03", true),
            ("58030", true),
            ("22001", false),
            ("22P02", false),
            ("23502", false),
            ("23505", false),
            ("42601", false),
            ("42703", false),
            ("42P01", false),
            ("XX000", false),
            ("", false),
        ] {
            assert_eq!(is_passing(code), passes, "{code}");
        }
    }

    #[test]
    fn a_line_that_breaks_is_no_defect_of_ours() {
        let broken = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        for passing in [
            Fault::Line(broken()),
            Fault::Tls("broken".to_owned()),
            Fault::Strange("unexpected message".to_owned()),
        ] {
            assert!(Error::from_postgres("QUERY", passing).may_pass());
        }
        let defect = Fault::Value { column: "x".to_owned(), reason: "is not there" };
        assert!(!Error::from_postgres("QUERY", defect).may_pass());
        let said = |code: &str| {
            let fault = Fault::Said { code: code.to_owned(), message: String::new() };
            Error::from_postgres("QUERY", fault)
        };
        assert!(said("23505").is_duplicate() && said("23503").is_orphan());
        assert!(said("40P01").may_pass() && !said("23502").may_pass());
    }
}
