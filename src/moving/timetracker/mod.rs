//! Who is in an installation of Time Tracker? A dump of its database, or the XML of its export page.

mod bytes;
mod dump;
mod export;
mod people;
mod scan;
mod tokens;

use std::io::BufRead;

use self::dump::{Dump, Placed, Row, Tables};
use self::people::{Raw, RawGroup, RawRole, RawUser, Role};
use super::Error;
use super::error::Place;
use super::source::{Note, Secret, Source};

/// Reads a dump or an export, whichever it is. `database` says which one of a dump of several.
///
/// # Errors
/// Where it cannot be read, and why.
pub fn read(mut bytes: impl BufRead, database: Option<&str>) -> Result<Source, Error> {
    let start = bytes.fill_buf().map_err(|error| Place::START.unreadable(&error))?;
    if matches!(start, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        let what = "this is UTF-16, as PowerShell's > writes it, and letters may have been lost: make the dump with --result-file=dump.sql";
        return Err(Error::Unsuitable(what.to_owned()));
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    if start.is_empty() {
        return Err(Place::START.wrong("the file is empty"));
    }
    if text.starts_with(b"<") {
        return Ok(people::source(export::read(bytes)?));
    }
    let dump = dump::read(bytes)?;
    from_dump(dump, database)
}

fn from_dump(dump: Dump, database: Option<&str>) -> Result<Source, Error> {
    let Dump { databases, complete, garbled, guessed } = dump;
    let mut found: Vec<(String, Tables)> = databases
        .into_iter()
        .filter(|(name, tables)| !tables.users.is_empty() && database.is_none_or(|wanted| wanted == name))
        .collect();
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let tables = match (found.len(), database) {
        (1, _) => found.pop().map(|(_, tables)| tables).unwrap_or_default(),
        (0, Some(name)) => {
            return Err(Error::Unsuitable(format!(
                "there is no database {name} with users of Time Tracker in this dump"
            )));
        }
        (0, None) => {
            let what = "there are no users of Time Tracker in this file: it has no rows of tt_users";
            return Err(Error::Unsuitable(what.to_owned()));
        }
        _ => {
            let what = format!(
                "several databases of this dump are Time Tracker's: say which with --database ({})",
                names.join(", ")
            );
            return Err(Error::Unsuitable(what));
        }
    };
    let missing = [("tt_groups", tables.groups.is_empty()), ("tt_roles", tables.roles.is_empty())];
    if let Some((table, _)) = missing.into_iter().find(|(_, missing)| *missing) {
        return Err(Error::Unsuitable(format!(
            "there are no rows of {table} in this dump: it needs all three of tt_groups, tt_roles and tt_users"
        )));
    }
    let mut raw = Raw::default();
    if !complete {
        raw.notes.push(Note {
            line: None,
            text: "the dump does not say that it is complete: see how many come".to_owned(),
        });
    }
    if garbled > 0 {
        let text = format!(
            "{garbled} texts have bytes that are none of the dump's encoding: letters are missing there"
        );
        raw.notes.push(Note { line: None, text });
    }
    if guessed > 0 {
        let text = format!(
            "{guessed} texts are not in UTF-8, and the dump does not say in what: they are read as latin1"
        );
        raw.notes.push(Note { line: None, text });
    }
    raw.groups = tables.groups.into_iter().map(group).collect::<Result<_, _>>()?;
    raw.roles = tables.roles.into_iter().map(role).collect::<Result<_, _>>()?;
    raw.users = tables.users.into_iter().map(user).collect::<Result<_, _>>()?;
    Ok(people::source(raw))
}

fn group(Placed { line, row }: Placed) -> Result<RawGroup, Error> {
    Ok(RawGroup {
        key: number(&row, "id", line)?.to_string(),
        parent: reference(&row, "parent_id", line)?,
        name: text(&row, "name"),
        language: row.get("lang").cloned(),
        config: text(&row, "config"),
        active: row.contains_key("status"),
        line,
    })
}

fn role(Placed { line, row }: Placed) -> Result<RawRole, Error> {
    Ok(RawRole {
        key: number(&row, "id", line)?.to_string(),
        group: reference(&row, "group_id", line)?,
        name: text(&row, "name"),
        rank: optional_number(&row, "rank", line)?.unwrap_or_default(),
        rights: text(&row, "rights"),
        active: row.get("status").is_some_and(|status| status == "1"),
    })
}

fn user(Placed { line, row }: Placed) -> Result<RawUser, Error> {
    let id = number(&row, "id", line)?.to_string();
    if !row.contains_key("login") {
        return Err(Place { line, column: 1 }.wrong("a row of tt_users without a login"));
    }
    Ok(RawUser {
        key: id.clone(),
        legacy_id: Some(id),
        login: text(&row, "login"),
        name: text(&row, "name"),
        email: text(&row, "email"),
        password: row.get("password").map(|hash| Secret(hash.clone().into())),
        group: reference(&row, "group_id", line)?,
        role: reference(&row, "role_id", line)?.map_or(Role::None, Role::Key),
        status: row.get("status").cloned(),
        line,
    })
}

/// The key of another row; 0 is none.
fn reference(row: &Row, column: &'static str, line: u64) -> Result<Option<String>, Error> {
    Ok(optional_number(row, column, line)?.filter(|id| *id != 0).map(|id| id.to_string()))
}

fn text(row: &Row, column: &str) -> String {
    row.get(column).cloned().unwrap_or_default()
}

fn number(row: &Row, column: &'static str, line: u64) -> Result<i64, Error> {
    let found = optional_number(row, column, line)?;
    found.ok_or_else(|| Place { line, column: 1 }.wrong(format!("a row without {column}")))
}

fn optional_number(row: &Row, column: &'static str, line: u64) -> Result<Option<i64>, Error> {
    let parsed = row.get(column).map(|text| text.trim().parse());
    parsed.transpose().map_err(|_| Place { line, column: 1 }.wrong(format!("{column} is no number")))
}
