//! How does a whole database get from one place to another? Table by table, each row as one JSON array, on either database alike.
//!
//! The database itself makes the array and takes it apart again, so that no list of columns can be out of date: which columns there
//! are, and of which kind, its own catalogue says. Only which tables are taken along, and why the others are not, stands here.

use std::fmt::Write as _;
use std::time::Duration;

use super::macros::{all, execute, queries};
use super::row::from_row;
use super::{Conn, Result, Tx};

queries! {
    // Nodes that still keep what they have read from another database under the same address must read again.
    COUNT_VERSIONS_UP = "UPDATE versions SET version = version + $1";
}

/// What becomes of a table when everything else is taken along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// All of its rows come.
    Whole,
    /// Those rows come of which this is true.
    Where(&'static str),
    /// It begins anew, for this reason.
    Left(&'static str),
}

/// What serves once cannot be kept from serving twice by a copy.
const ONCE: Fate = Fate::Left("serves once and for minutes: what was used since would be good again");

/// Every table but that of the migrations, in the order of their names. What has to be remembered so that it can be refused comes along.
pub const TABLES: [(&str, Fate); 39] = [
    ("asked_algorithms", Fate::Whole),
    ("audit_events", Fate::Whole),
    ("audit_head", Fate::Whole),
    ("authorization_codes", ONCE),
    ("challenges", ONCE),
    ("client_slips", Fate::Whole),
    ("clients", Fate::Whole),
    ("code_budgets", Fate::Whole),
    ("consents", Fate::Whole),
    ("console_visits", Fate::Whole),
    ("device_codes", ONCE),
    ("failures", Fate::Whole),
    ("grants", Fate::Whole),
    ("groups", Fate::Whole),
    ("hand_codes", ONCE),
    ("help_requests", Fate::Whole),
    ("initial_access_tokens", Fate::Whole),
    ("known_browsers", Fate::Whole),
    ("links", Fate::Whole),
    // A code that waits to be mailed is of a sign-in that does not come.
    (
        "messages",
        Fate::Where("NOT (purpose = 'sign_in_code' AND state IN ('queued', 'deferred', 'sending'))"),
    ),
    ("moved", Fate::Whole),
    ("places", Fate::Left("is about requests that wait at this moment")),
    // Whose turn some work is, and who has made the schema, is a matter of each database.
    (
        "provider_facts",
        Fate::Where(
            "name NOT IN ('written_at', 'migrated_by', 'gentle_migrations') AND name NOT LIKE 'turn!_%' ESCAPE '!'",
        ),
    ),
    ("pushed_requests", ONCE),
    ("refresh_tokens", Fate::Whole),
    ("rehearsals", Fate::Whole),
    ("roles", Fate::Whole),
    ("seen_ids", Fate::Whole),
    ("session_clients", Fate::Whole),
    ("sessions", Fate::Whole),
    ("signin_days", Fate::Whole),
    ("signin_tally", Fate::Whole),
    ("signing_keys", Fate::Whole),
    ("signins", ONCE),
    // A column of users says whether it is up to date.
    ("user_words", Fate::Whole),
    ("users", Fate::Whole),
    ("versions", Fate::Whole),
    ("vouched_domains", Fate::Whole),
    ("wrong_codes", Fate::Whole),
];

/// Rows read at once.
const PAGE: i64 = 500;

/// How long it may take to see whether everything refers to something.
const LOOKING: Duration = Duration::from_hours(6);

/// How long the disk may take to say that everything is safe.
const SAFE: Duration = Duration::from_hours(1);

// What each database calls its tables and columns. Those of PostgreSQL's catalogue are not for everybody, but ours are ours.
const CATALOGUE_SQLITE: &str = "SELECT m.name AS name, c.name AS column_name, c.type AS kind
    FROM sqlite_master m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.name, c.cid";
const CATALOGUE_POSTGRES: &str = "SELECT CAST(t.relname AS TEXT) AS name, CAST(a.attname AS TEXT) AS column_name,
           CAST(format_type(a.atttypid, NULL) AS TEXT) AS kind
    FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid
    WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY t.relname, a.attnum";

const FETCH: &str = "FETCH 500 FROM copied";
const CLOSE: &str = "CLOSE copied";

// References are looked at in the end, and so no table has to come before another. PostgreSQL has to be told so of each of them.
const DEFER_SQLITE: &str = "PRAGMA defer_foreign_keys = ON";
const DEFER_POSTGRES: &str = "DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conrelid::regclass AS held, conname FROM pg_constraint
             WHERE contype = 'f' AND connamespace = current_schema()::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE INITIALLY DEFERRED', c.held, c.conname);
    END LOOP; END $$";
const SETTLE_POSTGRES: &str = "SET CONSTRAINTS ALL IMMEDIATE;
    DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conrelid::regclass AS held, conname FROM pg_constraint
             WHERE contype = 'f' AND connamespace = current_schema()::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE', c.held, c.conname);
    END LOOP; END $$";
const BROKEN_SQLITE: &str = "SELECT \"table\" AS name, parent, COUNT(*) AS rows FROM pragma_foreign_key_check
                             GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 100";

/// A table as a database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in the order in which they came.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds; each may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `TEXT`.
    Text,
    /// `BIGINT`.
    Number,
    /// `BOOLEAN`.
    Flag,
    /// What no migration of ours makes.
    Foreign,
}

struct CatalogueRow {
    name: String,
    column_name: String,
    kind: String,
}

from_row!(CatalogueRow { name, column_name, kind });

/// Rows that refer to what is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// In which table.
    pub name: String,
    /// The table that they refer to.
    pub parent: String,
    /// How many.
    pub rows: i64,
}

from_row!(Broken { name, parent, rows });

impl Kind {
    fn of(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "TEXT" => Self::Text,
            "BIGINT" => Self::Number,
            "BOOLEAN" => Self::Flag,
            _ => Self::Foreign,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Text | Self::Foreign => "TEXT",
            Self::Number => "BIGINT",
            Self::Flag => "BOOLEAN",
        }
    }
}

/// Which kind of database it is, in a word.
#[must_use]
pub const fn kind(conn: &Conn) -> &'static str {
    if conn.is_sqlite() { "SQLite" } else { "PostgreSQL" }
}

/// Every table that the database has, in the order of their names.
///
/// # Errors
/// When the database refuses.
pub async fn tables(conn: &mut Conn) -> Result<Vec<Table>> {
    let catalogue = if conn.is_sqlite() { CATALOGUE_SQLITE } else { CATALOGUE_POSTGRES };
    let mut tables: Vec<Table> = Vec::new();
    for row in all!(conn, CatalogueRow, catalogue)? {
        let column = Column { name: row.column_name, kind: Kind::of(&row.kind) };
        match tables.last_mut().filter(|table| table.name == row.name) {
            Some(table) => table.columns.push(column),
            None => tables.push(Table { name: row.name, columns: vec![column] }),
        }
    }
    // PostgreSQL goes by the customs of a language.
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(tables)
}

/// The rows of a table, some hundred at a time, within one snapshot.
#[derive(Debug)]
pub struct Rows<'c> {
    conn: &'c mut Conn,
    sql: &'static str,
    /// Where SQLite has come to.
    after: i64,
}

impl<'c> Rows<'c> {
    /// Begins with the first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn of(conn: &'c mut Conn, table: &Table, fate: Fate) -> Result<Self> {
        let only = if let Fate::Where(only) = fate { only } else { "TRUE" };
        let columns = quoted(table, ", ", |_, name| name);
        let from = format!("FROM \"{}\" WHERE {only}", table.name);
        let sql = if conn.is_sqlite() {
            format!("SELECT rowid, json_array({columns}) {from} AND rowid > $1 ORDER BY rowid LIMIT $2")
        } else {
            format!(
                "DECLARE copied NO SCROLL CURSOR FOR SELECT CAST(json_build_array({columns}) AS TEXT) {from}"
            )
        };
        let sql = kept(sql);
        if !conn.is_sqlite() {
            execute!(conn, sql)?;
        }
        Ok(Self { conn, sql, after: i64::MIN })
    }

    /// The next of them, each a JSON array of its columns; none at the end.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn page(&mut self) -> Result<Vec<String>> {
        let (conn, sql) = (&mut *self.conn, self.sql);
        if conn.is_sqlite() {
            let rows: Vec<(i64, String)> = all!(conn, (i64, String), sql, self.after, PAGE)?;
            self.after = rows.last().map_or(self.after, |(rowid, _)| *rowid);
            return Ok(rows.into_iter().map(|(_, row)| row).collect());
        }
        let rows: Vec<(String,)> = all!(conn, (String,), FETCH)?;
        if rows.is_empty() {
            execute!(conn, CLOSE)?;
        }
        Ok(rows.into_iter().map(|(row,)| row).collect())
    }
}

/// What puts rows into a table.
#[derive(Clone, Copy, Debug)]
pub struct Filler(&'static str);

impl Filler {
    /// Empties the table of what its migrations have put there. The columns must be the table's own.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn of(tx: &mut Tx, table: &Table) -> Result<Self> {
        let conn: &mut Conn = tx;
        let empty = kept(format!("DELETE FROM \"{}\"", table.name));
        execute!(conn, empty)?;
        let columns = quoted(table, ", ", |_, name| name);
        let values = quoted(table, ", ", |at, _| {
            let kind = table.columns.get(at).map_or("TEXT", |column| column.kind.word());
            format!("CAST(r.value->>{at} AS {kind})")
        });
        let rows = if conn.is_sqlite() {
            "json_each($1) AS r"
        } else {
            "json_array_elements(CAST($1 AS JSON)) AS r (value)"
        };
        Ok(Self(kept(format!(
            "INSERT INTO \"{}\" ({columns}) SELECT {values} FROM {rows} WHERE TRUE",
            table.name
        ))))
    }

    /// Adds rows: a JSON array of arrays.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn add(self, tx: &mut Tx, rows: &str) -> Result<()> {
        let (conn, sql): (&mut Conn, _) = (tx, self.0);
        execute!(conn, sql, rows).map(|_| ())
    }
}

/// From now on rows may come before what they refer to.
///
/// # Errors
/// When the database refuses.
pub async fn defer_references(tx: &mut Tx) -> Result<()> {
    let text = if tx.is_sqlite() { DEFER_SQLITE } else { DEFER_POSTGRES };
    tx.script("references", text, LOOKING).await
}

/// Looks whether everything refers to something that is there; the answer is what does not.
///
/// # Errors
/// When the database refuses; on PostgreSQL also where something does not, since that ends the transaction.
pub async fn settle_references(tx: &mut Tx) -> Result<Vec<Broken>> {
    if tx.is_sqlite() {
        let conn: &mut Conn = tx;
        return all!(conn, Broken, BROKEN_SQLITE);
    }
    tx.script("references", SETTLE_POSTGRES, LOOKING).await.map(|()| Vec::new())
}

/// Makes true what has been copied, and makes everybody read anew what they keep in memory.
///
/// # Errors
/// When the database refuses: then nothing of it has happened.
pub async fn finish(mut tx: Tx, now: i64) -> Result<()> {
    let conn: &mut Conn = &mut tx;
    execute!(conn, COUNT_VERSIONS_UP, now)?;
    tx.commit_within(SAFE).await
}

/// The columns of a table with something between them, each written by its place and its name in quotes.
fn quoted(table: &Table, between: &str, write: impl Fn(usize, String) -> String) -> String {
    let mut text = String::new();
    for (at, column) in table.columns.iter().enumerate() {
        let between = if at == 0 { "" } else { between };
        let _ = write!(text, "{between}{}", write(at, format!("\"{}\"", column.name)));
    }
    text
}

/// A statement stays as long as the program, since connections keep it by its text. There are three for each table, and a command ends.
fn kept(sql: String) -> &'static str {
    sql.leak()
}
