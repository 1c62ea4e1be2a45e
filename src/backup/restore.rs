//! How does a backup become a provider? An empty database gets the schema that the backup had, its rows, and then the schema of today, all
//! in one transaction: until that is committed, nothing is there that could be served.

use std::collections::BTreeMap;
use std::io::Read;

use super::lines::{Contents, Line, Mark};
use super::{Error, Result};
use crate::audit::{Actor, Event};
use crate::keys::secret::entropy;
use crate::keys::{Vault, claim};
use crate::store::copy::{self, Broken, Filler, Table};
use crate::store::{self, Db, Tx};

/// Rows that are added at once, and about how many bytes of them.
const BATCH: (usize, usize) = (500, 1 << 20);

/// What has been read into a transaction.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) tx: Tx,
    /// How many rows of each table.
    pub(super) tables: BTreeMap<String, u64>,
    /// What refers to nothing.
    pub(super) broken: Vec<Broken>,
}

/// Fills an empty database, and answers how many rows it has. The master key must be in its place by then.
///
/// # Errors
/// When the backup is not what was written, this program cannot use it, the database is not empty, or refuses: then nothing is there.
pub async fn restore<R: Read>(contents: Contents<R>, db: &Db, vault: &Vault, now_ms: i64) -> Result<u64> {
    let (head, now) = (contents.head.clone(), now_ms / 1000);
    let Loaded { mut tx, tables, broken } = load(contents, db).await?;
    if let Some(Broken { name, parent, rows }) = broken.into_iter().next() {
        return Err(Error::Broken { rows, table: name, parent });
    }
    claim::look(&mut tx, vault).await?;
    claim::signing_keys_open(&mut tx, vault).await?;
    let rows = tables.values().sum();
    let event = Event::new("backup.restored", Actor::Operator)
        .detail("made_at", head.made_at)
        .detail("from", head.database)
        .detail("by", head.countersign)
        .detail("rows", rows);
    event.record(&mut tx, now_ms, &mut entropy()).await?;
    copy::finish(tx, now).await?;
    Ok(rows)
}

/// Reads all of a backup into a transaction, with the schema of today.
pub(super) async fn load<R: Read>(mut contents: Contents<R>, db: &Db) -> Result<Loaded> {
    let maker = contents.head.countersign.clone();
    let begun = db.begin_with_schema(&contents.head.migrated()).await;
    let mut tx = begun.map_err(|e| Error::of_schema(e, &maker))?;
    copy::defer_references(&mut tx).await?;
    let known = copy::tables(&mut tx).await?;
    let (mut tables, mut all) = (BTreeMap::new(), 0);
    loop {
        match contents.next()? {
            Line::Mark(Mark::Table { name, columns }) => {
                let table = Mark::table(name, columns);
                if !known.iter().any(|known| is_part_of(&table, known)) || tables.contains_key(&table.name) {
                    let what = format!("it has a table {} that its schema has not", table.name);
                    return Err(contents.wrong(what));
                }
                let rows = fill(&mut contents, &mut tx, &table).await?;
                all += rows;
                tables.insert(table.name, rows);
            }
            Line::Mark(Mark::End(rows)) if rows == all => break,
            _ => return Err(contents.wrong("it is not what comes here")),
        }
    }
    contents.end()?;
    let broken = copy::settle_references(&mut tx).await.map_err(whole)?;
    if broken.is_empty() {
        store::complete(&mut tx).await?;
    }
    Ok(Loaded { tx, tables, broken })
}

/// PostgreSQL says no more than that something is missing.
fn whole(error: store::Error) -> Error {
    if error.is_orphan() {
        let (table, parent) = ("a table".to_owned(), "another".to_owned());
        return Error::Broken { rows: 1, table, parent };
    }
    error.into()
}

fn is_part_of(table: &Table, known: &Table) -> bool {
    let columns = &table.columns;
    let once = |name: &str| columns.iter().filter(|column| column.name == name).count() == 1;
    table.name == known.name
        && !columns.is_empty()
        && columns.iter().all(|column| known.columns.contains(column) && once(&column.name))
}

/// Fills a table with the rows that follow, and answers how many they were.
async fn fill<R: Read>(contents: &mut Contents<R>, tx: &mut Tx, table: &Table) -> Result<u64> {
    let filler = Filler::of(tx, table).await?;
    let (mut rows, mut waiting, mut batch) = (0, 0, String::new());
    loop {
        let line = contents.next()?;
        let full = waiting >= BATCH.0 || batch.len() >= BATCH.1;
        if full || (waiting > 0 && matches!(line, Line::Mark(_))) {
            batch.push(']');
            filler.add(tx, &batch).await.map_err(|e| refused(e, table, contents))?;
            batch.clear();
            waiting = 0;
        }
        match line {
            Line::Row(text) => {
                let values = contents.row(&text, table)?;
                batch.push(if waiting == 0 { '[' } else { ',' });
                batch.push_str(&serde_json::to_string(&values).map_err(std::io::Error::from)?);
                (rows, waiting) = (rows + 1, waiting + 1);
            }
            Line::Mark(Mark::Rows(told)) if told == rows => return Ok(rows),
            Line::Mark(_) => return Err(contents.wrong(format!("{rows} rows of {} have come", table.name))),
        }
    }
}

/// What the database does not take of rows is wrong with the backup, unless the database itself is in the way.
fn refused<R: Read>(error: store::Error, table: &Table, contents: &Contents<R>) -> Error {
    if error.may_pass() {
        return error.into();
    }
    contents.wrong(format!("the rows before it do not fit into {}: {error}", table.name))
}
