//! How does one connection of SQLite run a statement? At once, on the thread of whoever asks: a point read takes a few
//! microseconds, and a hop to another thread and back takes five times that.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, Result, ToSql};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::store::pool::PATIENCE;
use crate::store::row::SqliteColumns;

/// Statements that a connection keeps prepared: more than there are queries.
const STATEMENTS: usize = 512;

/// A list of more rows than this gives the thread's other tasks away while it is read.
const SHORT: usize = 128;

// FULL: a spent code must stay spent through a power loss, which WAL with NORMAL does not promise.
const SETTINGS: &str = "PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";

/// What is bound to a statement's `$1`, `$2`, ….
pub(crate) type Parameters<'p> = [&'p dyn ToSql];

/// What makes something of a row. All else about reading is there once, and not once for each kind of row.
pub(super) type TakesRow<'t> = dyn FnMut(&mut SqliteColumns<'_>) -> Result<()> + 't;

/// One connection.
#[derive(Debug)]
pub(crate) struct Line(Connection);

impl Line {
    /// Opens a file, and makes it only where that is wanted. Reading waits for nobody in WAL mode, but for a process that
    /// repairs the file.
    pub(super) fn open(file: &Path, make: bool) -> Result<Self> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, make);
        let conn = Connection::open_with_flags(file, flags)?;
        conn.busy_timeout(PATIENCE)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        conn.execute_batch(SETTINGS)?;
        Ok(Self(conn))
    }

    /// Runs a statement; the answer is the number of rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, parameters: &Parameters<'_>) -> Result<u64> {
        let changed = self.prepared(sql, parameters)?.raw_execute()?;
        Ok(changed.try_into().unwrap_or(u64::MAX))
    }

    /// Reads at most one row.
    pub(super) fn first(
        &mut self,
        sql: &str,
        parameters: &Parameters<'_>,
        take: &mut TakesRow<'_>,
    ) -> Result<()> {
        let mut statement = self.prepared(sql, parameters)?;
        let reads_only = statement.readonly();
        let mut rows = statement.raw_query();
        let Some(row) = rows.next()? else { return Ok(()) };
        take(&mut SqliteColumns::of(row))?;
        // What changes something keeps to its foreign keys when it ends.
        while !reads_only && rows.next()?.is_some() {}
        Ok(())
    }

    /// Reads all rows.
    pub(super) fn each(
        &mut self,
        sql: &str,
        parameters: &Parameters<'_>,
        take: &mut TakesRow<'_>,
    ) -> Result<()> {
        let mut statement = self.prepared(sql, parameters)?;
        let mut rows = statement.raw_query();
        for _ in 0..SHORT {
            let Some(row) = rows.next()? else { return Ok(()) };
            take(&mut SqliteColumns::of(row))?;
        }
        aside(|| {
            while let Some(row) = rows.next()? {
                take(&mut SqliteColumns::of(row))?;
            }
            Ok(())
        })
    }

    /// Runs the statements of a text, one after the other.
    pub(crate) fn script(&mut self, text: &str) -> Result<()> {
        self.0.execute_batch(text)
    }

    /// Understands a query without running it.
    pub(crate) fn prepare(&mut self, sql: &str) -> Result<()> {
        self.0.prepare(sql).map(|_| ())
    }

    /// Whether no transaction is open: SQLite gives one up by itself when the disk is full, or fails.
    pub(super) fn is_plain(&self) -> bool {
        self.0.is_autocommit()
    }

    /// Begins to write; false while another process does.
    pub(super) fn try_begin(&mut self) -> Result<bool> {
        match self.control("BEGIN IMMEDIATE") {
            Ok(()) => Ok(true),
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Runs what begins and ends transactions.
    pub(super) fn control(&mut self, statement: &'static str) -> Result<()> {
        self.prepared(statement, &[])?.raw_execute().map(|_| ())
    }

    /// Makes this the one that writes. From now on another process is not waited for: whoever wants to begin asks again. And what a
    /// savepoint needs to go back stays in memory: SQLite would write some twenty pages into a temporary file for each turn. And a
    /// statement is understood once: SQLite would look at a `LIMIT $2` anew each time that it is bound, as it could be another one.
    pub(super) fn that_writes(self) -> Result<Self> {
        self.0.busy_timeout(std::time::Duration::ZERO)?;
        self.0.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        self.0.execute_batch("PRAGMA temp_store = MEMORY")?;
        Ok(self)
    }

    /// Forgets the pages it has read: up to 2 MB. Whoever comes next reads them anew, from what the system has of the file in memory.
    pub(super) fn forget_pages(&self) -> Result<()> {
        self.0.release_memory()
    }

    /// A statement with what it needs. To SQLite `$2` is a name like any other, numbered as it first appears: the number in the
    /// name says which parameter is meant.
    fn prepared(&self, sql: &str, parameters: &Parameters<'_>) -> Result<CachedStatement<'_>> {
        let mut statement = self.0.prepare_cached(sql)?;
        for place in 1..=statement.parameter_count() {
            let name = statement.parameter_name(place).and_then(|name| name.strip_prefix('$'));
            let number = name.and_then(|number| number.parse::<usize>().ok());
            let parameter = number.and_then(|number| parameters.get(number.checked_sub(1)?));
            let missing = || rusqlite::Error::InvalidParameterCount(parameters.len(), place);
            statement.raw_bind_parameter(place, *parameter.ok_or_else(missing)?)?;
        }
        Ok(statement)
    }
}

/// Does what takes long on this thread, while another one takes over what else it would have to do.
pub(super) fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(work)
        }
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::row::FromRow;

    fn first<R: FromRow>(line: &mut Line, sql: &str, parameters: &Parameters<'_>) -> Result<Option<R>> {
        let mut found = None;
        line.first(sql, parameters, &mut |columns| {
            found = Some(R::from_row(columns)?);
            Ok(())
        })?;
        Ok(found)
    }

    fn all<R: FromRow>(line: &mut Line, sql: &str) -> Vec<R> {
        let mut found = Vec::new();
        line.each(sql, &[], &mut |columns| {
            found.push(R::from_row(columns)?);
            Ok(())
        })
        .unwrap();
        found
    }

    fn line() -> (tempfile::TempDir, Line) {
        let folder = tempfile::tempdir().unwrap();
        let mut line = Line::open(&folder.path().join("x.db"), true).unwrap();
        line.script("CREATE TABLE things (name TEXT PRIMARY KEY, kind TEXT, size BIGINT)").unwrap();
        (folder, line)
    }

    /// `$2` may come before `$1`, and more than once.
    #[test]
    fn parameters_go_by_their_numbers_and_not_by_where_they_stand() {
        let (_folder, mut line) = line();
        let swapped = "INSERT INTO things (size, kind, name) VALUES ($3, $2, $1)";
        assert_eq!(line.execute(swapped, &[&"apple", &None::<&str>, &7]).unwrap(), 1);
        let twice = "SELECT $2 || name || $2, $10 FROM things WHERE size = $1";
        let mut parameters: Vec<&dyn ToSql> = vec![&7, &"|"];
        parameters.resize(9, &0);
        parameters.push(&10);
        let found: Option<(String, i64)> = first(&mut line, twice, &parameters).unwrap();
        assert_eq!(found, Some(("|apple|".to_owned(), 10)));
    }

    #[test]
    fn a_parameter_that_is_not_given_is_a_defect_and_no_null() {
        let (_folder, mut line) = line();
        assert!(line.execute("DELETE FROM things WHERE name = $1 AND size = $2", &[&"x"]).is_err());
        assert!(line.execute("DELETE FROM things WHERE name = ?", &[&"x"]).is_err());
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        struct Thing {
            name: String,
            size: Option<i64>,
        }
        crate::store::row::from_row!(Thing { name, size });
        let (_folder, mut line) = line();
        line.script("INSERT INTO things VALUES ('a', 'x', 1), ('b', 'y', NULL)").unwrap();
        for order in ["name, size", "size, kind, name", "kind, name, name, size"] {
            let things: Vec<Thing> = all(&mut line, &format!("SELECT {order} FROM things ORDER BY name"));
            let told: Vec<_> = things.iter().map(|thing| (thing.name.as_str(), thing.size)).collect();
            assert_eq!(told, [("a", Some(1)), ("b", None)], "{order}");
        }
        assert!(first::<Thing>(&mut line, "SELECT name FROM things", &[]).is_err());
    }

    #[test]
    fn whoever_writes_understands_a_statement_once_whatever_its_limit() {
        let keep = "DELETE FROM things WHERE name NOT IN (SELECT name FROM things ORDER BY size LIMIT $1)";
        let again = |mut line: Line| {
            for limit in [3, 4, 3] {
                line.execute(keep, &[&limit]).unwrap();
            }
            line.0.prepare_cached(keep).unwrap().get_status(StatementStatus::RePrepare)
        };
        let ((_folder, reads), (_other, writes)) = (line(), line());
        assert_eq!((again(reads), again(writes.that_writes().unwrap())), (3, 0));
    }

    /// Foreign keys are looked at when a statement ends, after its rows.
    #[test]
    fn what_returns_a_row_is_run_to_its_end() {
        let (_folder, mut line) = line();
        line.script("CREATE TABLE parts (name TEXT REFERENCES things)").unwrap();
        line.control("BEGIN IMMEDIATE").unwrap();
        let orphan = first::<(String,)>(&mut line, "INSERT INTO parts VALUES ($1) RETURNING name", &[&"x"]);
        let code = orphan.unwrap_err().sqlite_error().map(|e| e.extended_code);
        assert_eq!(code, Some(787));
    }

    /// What is written past SQLite is seen by whoever has to read it again.
    #[test]
    fn forgotten_pages_are_read_anew() {
        let (folder, mut line) = line();
        line.script("INSERT INTO things (name) VALUES ('before'); PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let name = |line: &mut Line| {
            first::<(String,)>(line, "SELECT name FROM things NOT INDEXED", &[]).unwrap().unwrap().0
        };
        assert_eq!(name(&mut line), "before");
        let file = folder.path().join("x.db");
        let mut bytes = std::fs::read(&file).unwrap();
        let places: Vec<usize> =
            bytes.windows(6).enumerate().filter(|(_, w)| *w == b"before").map(|(at, _)| at).collect();
        for at in places {
            bytes[at..at + 6].copy_from_slice(b"behind");
        }
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(name(&mut line), "before");
        line.forget_pages().unwrap();
        assert_eq!(name(&mut line), "behind");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_long_list_is_whole_in_either_runtime() {
        let numbers =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n";
        let count = move || {
            let (_folder, mut line) = line();
            all::<(i64,)>(&mut line, numbers).len()
        };
        assert_eq!(tokio::spawn(async move { count() }).await.unwrap(), 1000);
        let alone = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async { count() })
        });
        assert_eq!(alone.join().unwrap(), 1000);
    }
}
