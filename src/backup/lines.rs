//! What is inside a backup? Lines of JSON, packed: a head, then for each table its columns, its rows and how many they were, and the end.

use std::io::{BufRead as _, BufReader, Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::header::Secret;
use super::sealed::{Opener, PART, Sealer};
use super::{Error, Header, Result};
use crate::store::Migrated;
use crate::store::copy::{Column, Kind, Table};

/// The longest line, in bytes: many times the longest row that there can be, and nothing that memory would have to fear.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What is told of a backup inside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// When it was made, in seconds since 1970.
    pub made_at: i64,
    /// By which version of the program.
    pub countersign: String,
    /// From which kind of database.
    pub database: String,
    /// Of which provider.
    pub issuer: String,
    /// The migrations that had run, each with its checksum in hexadecimal.
    pub migrations: Vec<(i64, String)>,
    /// The master key, if it is inside.
    pub master_key: Option<MasterKey>,
}

/// A master key as it stands in its file. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(pub Zeroizing<String>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl Serialize for MasterKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MasterKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Ok(Self(Zeroizing::new(String::deserialize(deserializer)?)))
    }
}

impl Head {
    /// The newest migration.
    #[must_use]
    pub fn schema(&self) -> i64 {
        self.migrations.iter().map(|(version, _)| *version).max().unwrap_or_default()
    }

    /// The migrations as the store knows them.
    pub(super) fn migrated(&self) -> Vec<Migrated> {
        let migrations = self.migrations.iter();
        migrations
            .map(|(version, checksum)| Migrated { version: *version, checksum: bytes(checksum) })
            .collect()
    }
}

/// A checksum that is not hexadecimal is no migration's.
fn bytes(hex: &str) -> Vec<u8> {
    let digit = |letter: u8| char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    pairs.iter().map_while(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// A line that is not a row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    Head(Head),
    Table {
        name: String,
        columns: Vec<(String, Word)>,
    },
    /// So many rows of the table have come.
    Rows(u64),
    /// So many rows in all.
    End(u64),
}

/// What a column holds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    Text,
    Number,
    Flag,
}

/// A line.
#[derive(Debug)]
pub(super) enum Line {
    Mark(Mark),
    /// Not looked at yet.
    Row(String),
}

impl Mark {
    /// The line that a table begins with. What no migration of ours makes is not in it.
    pub(super) fn of(table: &Table) -> Self {
        let word = |kind| match kind {
            Kind::Text | Kind::Foreign => Word::Text,
            Kind::Number => Word::Number,
            Kind::Flag => Word::Flag,
        };
        let columns = table.columns.iter().map(|column| (column.name.clone(), word(column.kind)));
        Self::Table { name: table.name.clone(), columns: columns.collect() }
    }

    /// The table that it says.
    pub(super) fn table(name: String, columns: Vec<(String, Word)>) -> Table {
        let kind = |word| match word {
            Word::Text => Kind::Text,
            Word::Number => Kind::Number,
            Word::Flag => Kind::Flag,
        };
        let columns = columns.into_iter().map(|(name, word)| Column { name, kind: kind(word) });
        Table { name, columns: columns.collect() }
    }
}

/// Takes lines, and writes a backup.
pub(super) struct Writer<W: Write>(ZlibEncoder<Sealer<W>>);

impl<W: Write> Writer<W> {
    pub(super) fn new(mut to: W, header: &Header, secret: Secret<'_>) -> Result<Self> {
        let (key, header) = header.seal(secret)?;
        to.write_all(&header)?;
        // Most of it is random, or hashed: more work would make little of it smaller.
        Ok(Self(ZlibEncoder::new(Sealer::new(to, key), Compression::fast())))
    }

    pub(super) fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = Zeroizing::new(serde_json::to_vec(line).map_err(std::io::Error::from)?);
        text.push(b'\n');
        Ok(self.0.write_all(&text)?)
    }

    pub(super) fn finish(self) -> Result<W> {
        Ok(self.0.finish()?.finish()?)
    }
}

/// What a backup holds: never more of it at a time than a line.
pub struct Contents<R: Read> {
    packed: BufReader<ZlibDecoder<Opener<R>>>,
    line: u64,
    /// What is told of it.
    pub head: Head,
}

impl<R: Read> std::fmt::Debug for Contents<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contents(…)")
    }
}

impl<R: Read> Contents<R> {
    /// Opens what follows after its header.
    ///
    /// # Errors
    /// When the secret does not open it, or it is not what was written.
    pub fn open(from: R, header: &Header, secret: Secret<'_>) -> Result<Self> {
        let opener = Opener::new(from, header.open(secret)?);
        let packed = BufReader::with_capacity(PART, ZlibDecoder::new(opener));
        let nothing = Head {
            made_at: 0,
            countersign: String::new(),
            database: String::new(),
            issuer: String::new(),
            migrations: Vec::new(),
            master_key: None,
        };
        let mut contents = Self { packed, line: 0, head: nothing };
        match contents.next()? {
            Line::Mark(Mark::Head(head)) => contents.head = head,
            _ => return Err(contents.wrong("it does not begin with what the backup is of")),
        }
        Ok(contents)
    }

    /// The next line.
    pub(super) fn next(&mut self) -> Result<Line> {
        self.line += 1;
        let mut text = Vec::new();
        let read = self.packed.by_ref().take(LONGEST).read_until(b'\n', &mut text);
        // Of the packing alone these say that it is broken: what is below it has an error of its own.
        read.map_err(|e| match Error::from(e) {
            Error::File(e) if is_unpackable(&e) => self.wrong(format!("it does not unpack ({e})")),
            other => other,
        })?;
        if text.pop() != Some(b'\n') {
            let what =
                if text.is_empty() { "the end is missing" } else { "it is too long, or ends in the middle" };
            return Err(self.wrong(what));
        }
        let text = String::from_utf8(text).map_err(|_| self.wrong("it is no UTF-8"))?;
        if text.starts_with('[') {
            return Ok(Line::Row(text));
        }
        let mark =
            serde_json::from_str(&text).map_err(|e| self.wrong(format!("it is no line of ours ({e})")))?;
        Ok(Line::Mark(mark))
    }

    /// Reads all of it, and looks whether it is whole; answers how many rows there are.
    ///
    /// # Errors
    /// When it is not what was written.
    pub fn read_through(mut self) -> Result<u64> {
        let (mut table, mut rows, mut all) = (None, 0, 0);
        loop {
            match (self.next()?, &table) {
                (Line::Mark(Mark::Table { name, columns }), None) => table = Some(Mark::table(name, columns)),
                (Line::Row(text), Some(of)) => {
                    self.row(&text, of)?;
                    rows += 1;
                }
                (Line::Mark(Mark::Rows(told)), Some(_)) if told == rows => {
                    all += rows;
                    (table, rows) = (None, 0);
                }
                (Line::Mark(Mark::End(told)), None) if told == all => break,
                _ => return Err(self.wrong("it is not what comes here")),
            }
        }
        self.end()?;
        Ok(all)
    }

    /// The values of a row, as the columns of its table want them.
    pub(super) fn row(&self, text: &str, table: &Table) -> Result<Vec<Value>> {
        let values = serde_json::from_str(text).map_err(|e| self.wrong(format!("it is no row ({e})")))?;
        fitting(values, table).map_err(|e| match e {
            Error::Line { what, .. } => self.wrong(what),
            other => other,
        })
    }

    /// Makes sure that nothing follows.
    pub(super) fn end(self) -> Result<()> {
        let mut rest = self.packed;
        let more = rest.by_ref().take(1).read_to_end(&mut Vec::new())?;
        if more > 0 {
            return Err(Error::Line { line: self.line + 1, what: "it comes after the end".to_owned() });
        }
        let mut opener = rest.into_inner().into_inner();
        // The packing may end before the last part does.
        match opener.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(Error::Line { line: self.line + 1, what: "it comes after the end".to_owned() }),
        }
    }

    /// What is wrong with the line that was read last.
    pub(super) fn wrong(&self, what: impl Into<String>) -> Error {
        Error::Line { line: self.line, what: what.into() }
    }
}

fn is_unpackable(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) && error.raw_os_error().is_none()
}

/// The values of a row as every database can hold them: a flag is one, and no text holds a NUL.
pub(super) fn fitting(mut values: Vec<Value>, table: &Table) -> Result<Vec<Value>> {
    if values.len() != table.columns.len() {
        let what = format!("{} values for {} columns of {}", values.len(), table.columns.len(), table.name);
        return Err(Error::Line { line: 0, what });
    }
    for (value, column) in values.iter_mut().zip(&table.columns) {
        let wrong = |what| Error::Value { table: table.name.clone(), column: column.name.clone(), what };
        if value.is_null() {
            continue;
        }
        match column.kind {
            // SQLite has numbers for them.
            Kind::Flag if value.as_i64() == Some(0) => *value = Value::Bool(false),
            Kind::Flag if value.as_i64() == Some(1) => *value = Value::Bool(true),
            Kind::Flag if value.is_boolean() => {}
            Kind::Number if value.is_i64() => {}
            Kind::Text if value.is_string() => {
                if value.as_str().is_some_and(|text| text.contains('\0')) {
                    return Err(wrong("a text holds a NUL, which PostgreSQL cannot keep"));
                }
            }
            Kind::Foreign => return Err(wrong("the column is of a kind that no table of Countersign's has")),
            _ => return Err(wrong("a value is of another kind than its column")),
        }
    }
    Ok(values)
}
