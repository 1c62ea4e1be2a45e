//! Which people are in a dump of Time Tracker's database? The rows of its three tables that know of them; the rest is passed over.

use std::collections::BTreeMap;
use std::io::BufRead;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::super::Error;
use super::tokens::{Token, Tokens};

/// The most rows that are kept of all tables together.
const MOST_ROWS: usize = 2_000_000;

/// The most columns of a table.
const MOST_COLUMNS: usize = 1000;

/// As many bytes of all rows together are kept.
const MOST_BYTES: usize = 1024 * 1024 * 1024;

/// The tables that know of people.
const TABLES: [&str; 3] = ["tt_groups", "tt_roles", "tt_users"];

/// One row, by its columns' names. What is NULL is not there.
pub(super) type Row = BTreeMap<&'static str, String>;

/// The columns that are wanted.
const COLUMNS: [&str; 15] = [
    "id",
    "parent_id",
    "org_id",
    "name",
    "lang",
    "config",
    "status",
    "group_id",
    "rank",
    "rights",
    "login",
    "password",
    "role_id",
    "email",
    "client_id",
];

/// A row, and in which line it stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) line: u64,
    pub(super) row: Row,
}

/// What a database holds about people.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) groups: Vec<Placed>,
    pub(super) roles: Vec<Placed>,
    pub(super) users: Vec<Placed>,
    /// The columns of each table that has been described.
    columns: BTreeMap<String, Vec<Option<&'static str>>>,
}

/// The databases of a dump, by name; the empty name is of one that does not say.
#[derive(Debug, Default)]
pub(super) struct Dump {
    pub(super) databases: BTreeMap<String, Tables>,
    /// Whether the dump says that it is complete.
    pub(super) complete: bool,
    /// How many texts had bytes in them that their encoding does not have.
    pub(super) garbled: u64,
    /// How many were not in UTF-8 where the dump does not say in what they are.
    pub(super) guessed: u64,
}

struct Reader<R> {
    tokens: Tokens<R>,
    dump: Dump,
    database: String,
    /// What the dump says of its encoding.
    encoding: Option<&'static Encoding>,
    /// Whether phpMyAdmin's transaction, which is around all of a dump, has begun and not ended.
    open: bool,
    rows: usize,
    bytes: usize,
}

/// Reads a dump.
///
/// # Errors
/// Where it cannot be read, and why.
pub(super) fn read(bytes: impl BufRead) -> Result<Dump, Error> {
    let mut reader = Reader {
        tokens: Tokens::new(bytes),
        dump: Dump::default(),
        database: String::new(),
        encoding: None,
        open: false,
        rows: 0,
        bytes: 0,
    };
    while let Some(first) = reader.tokens.next()? {
        reader.statement(first)?;
    }
    if reader.open || reader.tokens.said.begun {
        return Err(reader.tokens.wrong("the file ends in the middle: make the dump anew"));
    }
    reader.dump.complete |= reader.tokens.said.complete;
    Ok(reader.dump)
}

impl<R: BufRead> Reader<R> {
    fn statement(&mut self, first: Token) -> Result<(), Error> {
        let Token::Word(word) = first else {
            return if first == Token::Sign(b';') { Ok(()) } else { self.tokens.skip_statement() };
        };
        match word.to_ascii_uppercase().as_slice() {
            b"USE" => self.use_database(),
            b"SET" => self.set(),
            b"CREATE" => self.create(),
            b"INSERT" | b"REPLACE" => self.insert(),
            b"DELIMITER" => self.tokens.skip_delimited(),
            b"START" => {
                let next = self.must()?;
                self.open |= matches!(&next, Token::Word(word) if word.eq_ignore_ascii_case(b"TRANSACTION"));
                self.skip_after(&next)
            }
            b"COMMIT" => {
                self.dump.complete |= std::mem::take(&mut self.open);
                self.tokens.skip_statement()
            }
            _ => self.tokens.skip_statement(),
        }
    }

    fn must(&mut self) -> Result<Token, Error> {
        let next = self.tokens.next()?;
        next.ok_or_else(|| self.tokens.wrong("the file ends in the middle: make the dump anew"))
    }

    fn use_database(&mut self) -> Result<(), Error> {
        if let Some(name) = name(&self.must()?) {
            self.database = name;
        }
        self.tokens.skip_statement()
    }

    /// `SET NAMES latin1`: in which bytes all texts after it are.
    fn set(&mut self) -> Result<(), Error> {
        let next = self.must()?;
        if next == Token::Sign(b';') {
            return Ok(());
        }
        if !matches!(&next, Token::Word(word) if word.eq_ignore_ascii_case(b"NAMES")) {
            return self.tokens.skip_statement();
        }
        let (Token::Word(charset) | Token::Text(charset) | Token::Name(charset)) = self.must()? else {
            return Err(self.tokens.wrong("SET NAMES without a character set"));
        };
        self.encoding = match charset.to_ascii_lowercase().as_slice() {
            b"latin1" => Some(WINDOWS_1252),
            b"utf8" | b"utf8mb3" | b"utf8mb4" | b"binary" | b"ascii" => Some(UTF_8),
            other => {
                let other = String::from_utf8_lossy(other).into_owned();
                let what = format!("the dump is in {other}: make it with --default-character-set=utf8mb4");
                return Err(self.tokens.wrong(what));
            }
        };
        self.tokens.skip_statement()
    }

    /// `CREATE TABLE name (column type …, KEY …)`: the columns in their order.
    fn create(&mut self) -> Result<(), Error> {
        let mut next = self.must()?;
        if !matches!(&next, Token::Word(word) if word.eq_ignore_ascii_case(b"TABLE")) {
            return if next == Token::Sign(b';') { Ok(()) } else { self.tokens.skip_statement() };
        }
        next = self.must()?;
        while matches!(&next, Token::Word(word) if [&b"IF"[..], b"NOT", b"EXISTS"].iter().any(|w| word.eq_ignore_ascii_case(w)))
        {
            next = self.must()?;
        }
        let (found, next) = self.table(next)?;
        let Some((database, table)) = found.filter(|_| next == Token::Sign(b'(')) else {
            return self.skip_after(&next);
        };
        let mut columns = Vec::new();
        let (mut depth, mut start) = (1_u32, true);
        loop {
            let token = self.must()?;
            match &token {
                Token::Sign(b'(') => depth += 1,
                Token::Sign(b')') => depth -= 1,
                Token::Sign(b',') if depth == 1 => {
                    start = true;
                    continue;
                }
                // Every column stands before the first key.
                token if start && depth == 1 && !is_key(token) => {
                    columns.push(name(token).and_then(|name| known(&name)));
                    if columns.len() > MOST_COLUMNS {
                        return Err(self.tokens.wrong(format!("{table} has more columns than any table")));
                    }
                }
                _ => {}
            }
            start = false;
            if depth == 0 {
                break;
            }
        }
        self.tables(&database).columns.insert(table, columns);
        self.tokens.skip_statement()
    }

    fn tables(&mut self, database: &str) -> &mut Tables {
        self.dump.databases.entry(database.to_owned()).or_default()
    }

    /// Passes over a statement, of which this is the last word that was read.
    fn skip_after(&mut self, last: &Token) -> Result<(), Error> {
        if *last == Token::Sign(b';') { Ok(()) } else { self.tokens.skip_statement() }
    }

    /// A table that knows of people, and its database, where one is named: `` `db`.`tt_users` ``, `db.tt_users`; none for every other. And
    /// the word after it.
    fn table(&mut self, first: Token) -> Result<(Option<(String, String)>, Token), Error> {
        let (mut parts, mut token, mut dot) = (Vec::new(), first, true);
        loop {
            match &token {
                // A dot is a sign of bare words.
                Token::Word(word) if dot || word.starts_with(b".") => {
                    let word = String::from_utf8_lossy(word).into_owned();
                    dot = word.ends_with('.');
                    parts.extend(word.split('.').filter(|part| !part.is_empty()).map(str::to_owned));
                }
                Token::Name(_) | Token::Text(_) if dot => {
                    parts.extend(name(&token));
                    dot = false;
                }
                _ if dot => return Err(self.tokens.wrong("the name of a table is missing")),
                _ => break,
            }
            token = self.must()?;
        }
        let table = parts.pop().unwrap_or_default();
        let database = parts.pop().unwrap_or_else(|| self.database.clone());
        Ok((TABLES.contains(&table.as_str()).then_some((database, table)), token))
    }

    /// `INSERT INTO name (columns) VALUES (row),(row);`
    fn insert(&mut self) -> Result<(), Error> {
        let mut next = self.must()?;
        while matches!(&next, Token::Word(word) if is_modifier(word)) {
            next = self.must()?;
        }
        let (found, mut next) = self.table(next)?;
        let Some((database, table)) = found else { return self.skip_after(&next) };
        let mut columns = self.tables(&database).columns.get(&table).cloned();
        if next == Token::Sign(b'(') {
            columns = Some(self.listed_columns()?);
            next = self.must()?;
        }
        if !matches!(&next, Token::Word(word) if word.eq_ignore_ascii_case(b"VALUES") || word.eq_ignore_ascii_case(b"VALUE"))
        {
            return Err(self.tokens.wrong(format!("rows of {table} are expected here")));
        }
        let Some(columns) = columns else {
            let what = format!(
                "rows of {table} whose columns are named nowhere: make the dump with --complete-insert"
            );
            return Err(self.tokens.wrong(what));
        };
        loop {
            let row = self.row(&table, &columns)?;
            self.keep(&database, &table, row)?;
            match self.must()? {
                Token::Sign(b',') => {}
                Token::Sign(b';') => return Ok(()),
                // `ON DUPLICATE KEY UPDATE …`, which is for a table that has rows already.
                Token::Word(word) if word.eq_ignore_ascii_case(b"ON") || word.eq_ignore_ascii_case(b"AS") => {
                    return self.tokens.skip_statement();
                }
                _ => {
                    return Err(self
                        .tokens
                        .wrong(format!("a comma or a semicolon is expected after a row of {table}")));
                }
            }
        }
    }

    fn listed_columns(&mut self) -> Result<Vec<Option<&'static str>>, Error> {
        let mut columns = Vec::new();
        loop {
            let token = self.must()?;
            let named =
                name(&token).ok_or_else(|| self.tokens.wrong("the name of a column is expected here"))?;
            columns.push(known(&named));
            match self.must()? {
                Token::Sign(b',') => {}
                Token::Sign(b')') => return Ok(columns),
                _ => return Err(self.tokens.wrong("a comma is expected between the names of columns")),
            }
        }
    }

    fn row(&mut self, table: &str, columns: &[Option<&'static str>]) -> Result<Placed, Error> {
        if self.must()? != Token::Sign(b'(') {
            return Err(self.tokens.wrong(format!("a row of {table} is expected here")));
        }
        let line = self.tokens.place().line;
        let (mut row, mut at) = (Row::new(), 0);
        loop {
            let value = self.value()?;
            let Some(column) = columns.get(at) else {
                return Err(self
                    .tokens
                    .wrong(format!("a row of {table} with more values than there are columns")));
            };
            if let (Some(column), Some(value)) = (column, value) {
                row.insert(column, value);
            }
            at += 1;
            match self.must()? {
                Token::Sign(b',') => {}
                Token::Sign(b')') if at == columns.len() => return Ok(Placed { line, row }),
                Token::Sign(b')') => {
                    let what = format!(
                        "a row of {table} with {at} values where there are {} columns",
                        columns.len()
                    );
                    return Err(self.tokens.wrong(what));
                }
                _ => {
                    return Err(self
                        .tokens
                        .wrong(format!("a comma is expected between the values of a row of {table}")));
                }
            }
        }
    }

    /// One value; none for NULL.
    fn value(&mut self) -> Result<Option<String>, Error> {
        let mut token = self.must()?;
        if matches!(&token, Token::Word(word) if word.starts_with(b"_")) {
            // `_binary 'text'` says what the text is made of.
            token = self.must()?;
        }
        match token {
            Token::Word(word) if word.eq_ignore_ascii_case(b"NULL") => Ok(None),
            Token::Word(word) => match String::from_utf8(word) {
                Ok(word) if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Ok(Some(word)),
                _ => Err(self.tokens.wrong("a value is expected here")),
            },
            Token::Text(bytes) => {
                let plain = std::str::from_utf8(&bytes).is_ok();
                // MySQL's latin1 is Windows-1252, and what a dump that does not say is in where it is not UTF-8.
                let encoding = self.encoding.unwrap_or(if plain { UTF_8 } else { WINDOWS_1252 });
                let (text, garbled) = encoding.decode_without_bom_handling(&bytes);
                self.dump.garbled += u64::from(garbled);
                self.dump.guessed += u64::from(self.encoding.is_none() && !plain);
                Ok(Some(text.into_owned()))
            }
            Token::Name(_) | Token::Sign(_) => Err(self.tokens.wrong("a value is expected here")),
        }
    }

    fn keep(&mut self, database: &str, table: &str, row: Placed) -> Result<(), Error> {
        self.rows += 1;
        self.bytes += row.row.values().map(String::len).sum::<usize>();
        if self.rows > MOST_ROWS || self.bytes > MOST_BYTES {
            return Err(self.tokens.wrong("there are more rows about people than one import takes"));
        }
        let tables = self.tables(database);
        match table {
            "tt_groups" => tables.groups.push(row),
            "tt_roles" => tables.roles.push(row),
            _ => tables.users.push(row),
        }
        Ok(())
    }
}

fn is_modifier(word: &[u8]) -> bool {
    let words: [&[u8]; 5] = [b"INTO", b"IGNORE", b"LOW_PRIORITY", b"DELAYED", b"HIGH_PRIORITY"];
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// A name, in backticks, in double quotes, or bare.
fn name(token: &Token) -> Option<String> {
    match token {
        Token::Word(bytes) | Token::Name(bytes) | Token::Text(bytes) => String::from_utf8(bytes.clone()).ok(),
        Token::Sign(_) => None,
    }
}

/// Whether a line of a table's description that begins so is about a key.
fn is_key(token: &Token) -> bool {
    let words: [&[u8]; 8] =
        [b"PRIMARY", b"UNIQUE", b"KEY", b"INDEX", b"FULLTEXT", b"SPATIAL", b"CONSTRAINT", b"CHECK"];
    matches!(token, Token::Word(word) if words.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// A column that is wanted; none for any other.
fn known(column: &str) -> Option<&'static str> {
    COLUMNS.into_iter().find(|known| column.eq_ignore_ascii_case(known))
}
