//! Who is in a table? Columns by their headings, as spreadsheets and other directories write them.

use std::collections::HashSet;
use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::Error;
use super::error::Place;
use super::source::{Group, Held, Home, Secret, Source, Standing, User, Where};
use crate::directory::Claim;

/// The largest table, in bytes: a million people.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Where everybody is of whom the table does not say it.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The path of a group.
    pub group: Option<String>,
    /// The name of a role.
    pub role: Option<String>,
    /// Whether groups that are not here are added.
    pub add_groups: bool,
}

/// What a column is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Login,
    Email,
    EmailVerified,
    Name,
    GivenName,
    FamilyName,
    Group,
    Role,
    Status,
    /// The other way round.
    Blocked,
    PasswordHash,
    Id,
    LegacyId,
    Claim(&'static str),
    /// A password as it is typed, which nobody should have.
    PlainPassword,
}

/// Reads a table.
///
/// # Errors
/// Where it cannot be read, and why.
pub fn read(mut bytes: impl Read, defaults: &Defaults) -> Result<Source, Error> {
    let mut raw = Vec::new();
    let read = bytes.by_ref().take(LARGEST + 1).read_to_end(&mut raw);
    read.map_err(|error| Place::START.unreadable(&error))?;
    if raw.len() as u64 > LARGEST {
        return Err(Error::Unsuitable(
            "the table is larger than 256 MiB: bring it along in parts".to_owned(),
        ));
    }
    let mut source = Source::default();
    let text = decode(&raw, &mut source);
    let (text, skipped) = match text.split_once('\n') {
        // So Excel is told of the separator, and Entra of its own form.
        Some((first, rest)) if ["sep=", "version:"].iter().any(|word| begins(first, word)) => (rest, 1),
        _ => (text.as_str(), 0),
    };
    let mut rows = ReaderBuilder::new()
        .delimiter(separator(text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = rows.records();
    let first = records.next().transpose().map_err(|error| unreadable(&error))?;
    let head = first.ok_or_else(|| Place::START.wrong("the table is empty"))?;
    let columns = headings(&head, &mut source)?;
    let mut groups = HashSet::new();
    let mut lines = Lines { text, at: 0, line: 1 + skipped };
    for record in records {
        let record = record.map_err(|error| unreadable(&error))?;
        let line = lines.of(record.position().map_or(0, csv::Position::byte));
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        row(&record, &columns, line, defaults, &mut source, &mut groups);
    }
    if lines.end_inside_of_a_quote() {
        let what =
            "a quotation mark opens in this row and does not close: whoever comes after it would be lost";
        return Err(Place { line: lines.line, column: 1 }.wrong(what));
    }
    Ok(source)
}

fn begins(line: &str, word: &str) -> bool {
    line.trim_start().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// In which line a row stands, whichever way lines end: the reader counts none where a row ends in CR and LF.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of what stands at a place, which is not before the last one.
    fn of(&mut self, byte: u64) -> u64 {
        let bytes = self.text.as_bytes();
        let mut to = usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
        while matches!(bytes.get(to), Some(b'\r' | b'\n')) {
            to += 1;
        }
        let passed = bytes.get(self.at..to).unwrap_or_default();
        for (at, byte) in (self.at..).zip(passed) {
            let alone = *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n');
            self.line += u64::from(*byte == b'\n' || alone);
        }
        self.at = to.max(self.at);
        self.line
    }

    /// Whether the last row goes over several lines, and has a quotation mark without another.
    fn end_inside_of_a_quote(&self) -> bool {
        let last = self.text.get(self.at..).unwrap_or_default().trim_end();
        last.contains(['\r', '\n']) && last.matches('"').count() % 2 == 1
    }
}

fn unreadable(error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    Place { line, column: 1 }.wrong("this is no row of a table")
}

/// The text of a table, whichever encoding a spreadsheet has chosen for it.
fn decode(raw: &[u8], source: &mut Source) -> String {
    let zeros = |odd: usize| raw.iter().take(200).skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let encoding = match raw {
        [0xff, 0xfe, ..] => UTF_16LE,
        [0xfe, 0xff, ..] => UTF_16BE,
        _ if zeros(1) > 20 => UTF_16LE,
        _ if zeros(0) > 20 => UTF_16BE,
        _ if std::str::from_utf8(raw).is_ok() => UTF_8,
        _ => {
            source.note(
                None,
                "the table is not in UTF-8: it is read as Windows-1252, look whether letters are right",
            );
            WINDOWS_1252
        }
    };
    encoding.decode(raw).0.into_owned()
}

/// What stands between the cells of the first line most often.
fn separator(text: &str) -> u8 {
    let (mut counts, mut quoted) = ([(b',', 0_u32), (b';', 0), (b'\t', 0)], false);
    for byte in text.bytes().take_while(|byte| *byte != b'\n') {
        quoted ^= byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(separator, _)| *separator == byte && !quoted) {
            *count += 1;
        }
    }
    let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(b',', |(separator, _)| separator)
}

fn headings(head: &StringRecord, source: &mut Source) -> Result<Vec<Option<Column>>, Error> {
    let mut columns: Vec<Option<Column>> = head.iter().map(column).collect();
    let mut passed = Vec::new();
    for (at, heading) in head.iter().enumerate() {
        let Some(found) = columns.get(at).cloned().flatten() else {
            passed.extend((!heading.trim().is_empty()).then(|| heading.trim()));
            continue;
        };
        let before = columns.iter().take(at).any(|known| known.as_ref() == Some(&found));
        if before {
            return Err(Place { line: 1, column: at as u64 + 1 }
                .wrong(format!("{heading:?} is the second column of its kind: take one of them away")));
        }
        if found == Column::PlainPassword {
            source.note(Some(1), "passwords as they are typed are passed over: people choose one by a link");
        }
    }
    if !passed.is_empty() {
        source.note(
            Some(1),
            format!("columns that are not known here, and passed over: {}", passed.join(", ")),
        );
    }
    // Where there is no login of its own, an address is one.
    if !columns.contains(&Some(Column::Login)) {
        let Some(at) = columns.iter().position(|column| *column == Some(Column::Email)) else {
            return Err(Place::START
                .wrong("the first line names the columns, and none of them is login, username or email"));
        };
        if let Some(column) = columns.get_mut(at) {
            *column = Some(Column::Login);
        }
        source.note(Some(1), "there is no column of logins: people sign in by their addresses");
    }
    Ok(columns)
}

/// What a heading says, in whichever way it is written.
fn column(heading: &str) -> Option<Column> {
    let heading = heading.to_lowercase();
    // Google writes what must be there, and what only it may write, in brackets after it.
    let plain = heading.split('[').next().unwrap_or_default();
    let word: String = plain.chars().filter(char::is_ascii_alphanumeric).collect();
    Some(match word.as_str() {
        "login" | "username" | "user" | "userprincipalname" | "upn" | "samaccountname" | "uid"
        | "benutzername" | "anmeldename" => Column::Login,
        "email" | "emailaddress" | "mail" | "primaryemail" | "emailadresse" => Column::Email,
        "emailverified" => Column::EmailVerified,
        "name" | "displayname" | "fullname" | "cn" | "anzeigename" => Column::Name,
        "givenname" | "firstname" | "vorname" => Column::GivenName,
        "familyname" | "lastname" | "surname" | "sn" | "nachname" => Column::FamilyName,
        "group" | "path" | "grouppath" | "orgunitpath" | "gruppe" => Column::Group,
        "role" | "rolle" => Column::Role,
        "status" | "accountenabled" | "enabled" | "active" => Column::Status,
        "blockcredential" | "blocksignin" | "blocksigninyesno" | "blocked" | "disabled" | "suspended" => {
            Column::Blocked
        }
        "passwordhash" | "hash" | "userpassword" => Column::PasswordHash,
        "id" | "externalid" | "objectid" => Column::Id,
        "legacyid" => Column::LegacyId,
        "password" | "passwort" | "initialpassword" => Column::PlainPassword,
        _ => {
            let name = plain.trim().replace([' ', '-'], "_");
            return Claim::ALL.into_iter().map(Claim::name).find(|known| *known == name).map(Column::Claim);
        }
    })
}

fn row(
    record: &StringRecord,
    columns: &[Option<Column>],
    line: u64,
    defaults: &Defaults,
    source: &mut Source,
    groups: &mut HashSet<String>,
) {
    let cell = |column: &Column| {
        let at = columns.iter().position(|known| known.as_ref() == Some(column))?;
        record.get(at).map(str::trim).filter(|cell| !cell.is_empty())
    };
    let group = cell(&Column::Group).map(|path| path.trim_matches('/')).filter(|path| !path.is_empty());
    let group = group.map(str::to_owned).or_else(|| defaults.group.clone());
    let role = cell(&Column::Role).map(str::to_owned).or_else(|| defaults.role.clone());
    let home = match group {
        _ if record.len() > columns.len() => Home::Nowhere(
            "the row has more cells than there are columns: put what has a separator in it into quotes"
                .to_owned(),
        ),
        None => Home::Nowhere("the row names no group, and there is no --group".to_owned()),
        Some(path) => {
            if defaults.add_groups {
                bring_groups(&path, source, groups);
            }
            Home::Group { group: Where::Path(path), role: role.map(Held::Named) }
        }
    };
    let (standing, home) = match cell(&Column::Status).map(status) {
        None => (Standing::Active, home),
        Some(Some(standing)) => (standing, home),
        Some(None) => {
            let why = "the status is none that is known here: active or disabled".to_owned();
            (Standing::Active, Home::Nowhere(why))
        }
    };
    let standing = if cell(&Column::Blocked).is_some_and(is_yes) { Standing::Disabled } else { standing };
    let (given, family) = (cell(&Column::GivenName), cell(&Column::FamilyName));
    let both = [given, family].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let login = cell(&Column::Login).unwrap_or_default().to_owned();
    let mut claims: Vec<(String, String)> = Vec::new();
    claims.extend(given.map(|name| ("given_name".to_owned(), name.to_owned())));
    claims.extend(family.map(|name| ("family_name".to_owned(), name.to_owned())));
    for column in columns.iter().flatten() {
        if let (Column::Claim(name), Some(value)) = (column, cell(column)) {
            claims.push(((*name).to_owned(), value.to_owned()));
        }
    }
    let id = cell(&Column::Id).map_or_else(|| login.clone(), |id| format!("id:{id}"));
    source.users.push(User {
        key: id,
        legacy_id: cell(&Column::LegacyId).map(str::to_owned),
        name: cell(&Column::Name).map(str::to_owned).or_else(|| (!both.is_empty()).then_some(both)),
        email: cell(&Column::Email).map(str::to_owned),
        email_verified: cell(&Column::EmailVerified).is_some_and(is_yes),
        standing,
        home,
        password: cell(&Column::PasswordHash).map(|hash| Secret(hash.to_owned().into())),
        claims,
        line,
        login,
    });
}

/// A group of the table, and those that it is part of.
fn bring_groups(path: &str, source: &mut Source, groups: &mut HashSet<String>) {
    let mut parent: Option<String> = None;
    for name in path.split('/') {
        let key = parent.as_ref().map_or_else(|| name.to_owned(), |parent| format!("{parent}/{name}"));
        if groups.insert(key.clone()) {
            source.groups.push(Group {
                key: key.clone(),
                parent,
                name: name.to_owned(),
                language: None,
                two_factor: None,
            });
        }
        parent = Some(key);
    }
}

fn status(word: &str) -> Option<Standing> {
    match word.to_lowercase().as_str() {
        "active" | "invited" | "enabled" | "true" | "yes" | "1" | "ja" | "aktiv" => Some(Standing::Active),
        "disabled" | "inactive" | "suspended" | "archived" | "blocked" | "false" | "no" | "0" | "nein"
        | "gesperrt" => Some(Standing::Disabled),
        _ => None,
    }
}

fn is_yes(word: &str) -> bool {
    matches!(word.to_lowercase().as_str(), "true" | "yes" | "1" | "ja")
}
