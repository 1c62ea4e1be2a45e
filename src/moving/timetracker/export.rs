//! Which people are in an XML export of Time Tracker's? Its roles and users, group by group; years of time logs are passed over.

use std::io::BufRead;

use super::super::Error;
use super::super::source::{Note, Secret};
use super::people::{Raw, RawGroup, RawRole, RawUser, Role, TOP_MANAGER};
use super::scan::{Attributes, Element, Scanner};

/// How deep groups are nested at most.
const DEEPEST: usize = 50;

/// The most elements about people.
const MOST: usize = 2_000_000;

/// The attributes in the order in which the exporter writes them.
const GROUP: [&str; 22] = [
    "group_key",
    "name",
    "description",
    "currency",
    "decimal_mark",
    "lang",
    "date_format",
    "time_format",
    "week_start",
    "tracking_mode",
    "project_required",
    "record_type",
    "bcc_email",
    "allow_ip",
    "password_complexity",
    "plugins",
    "lock_spec",
    "workday_minutes",
    "custom_logo",
    "config",
    "custom_css",
    "custom_translation",
];
const ROLE: [&str; 6] = ["id", "name", "description", "rank", "rights", "status"];
const USER: [&str; 10] =
    ["id", "name", "login", "password", "role_id", "client_id", "rate", "quota_percent", "email", "status"];

/// The group that is being read, and those around it.
struct Open {
    key: String,
    /// In which of its lists we are.
    list: Option<&'static str>,
}

/// Reads an export.
///
/// # Errors
/// Where it cannot be read, and why.
pub(super) fn read(bytes: impl BufRead) -> Result<Raw, Error> {
    let mut scanner = Scanner::new(bytes);
    let (mut raw, mut open, mut inside): (Raw, Vec<Open>, bool) = (Raw::default(), Vec::new(), false);
    while let Some(element) = scanner.next()? {
        if raw.groups.len() + raw.roles.len() + raw.users.len() > MOST {
            return Err(scanner.place().wrong("there are more people than one import takes"));
        }
        match element {
            Element::Start(name) if name == "org" => inside = true,
            Element::Start(name) if !inside && name == "mysqldump" => {
                return Err(scanner.place().wrong("this is a database as XML: make the dump without --xml"));
            }
            Element::End(name) if name == "org" && inside => {
                return if open.is_empty() {
                    Ok(raw)
                } else {
                    Err(scanner.place().wrong("a group does not end"))
                };
            }
            _ if !inside => {}
            Element::Start(name) if name == "group" => group(&mut scanner, &mut raw, &mut open)?,
            Element::End(name) if name == "group" => {
                if open.pop().is_none() {
                    return Err(scanner.place().wrong("a group ends here that has not begun"));
                }
            }
            Element::Start(name) => {
                let Some(here) = open.last_mut() else { continue };
                match (name.as_str(), here.list) {
                    ("roles", _) => here.list = Some("roles"),
                    ("users", _) => here.list = Some("users"),
                    ("role", Some("roles")) => role(&mut scanner, &mut raw, &here.key)?,
                    ("user", Some("users")) => user(&mut scanner, &mut raw, &here.key)?,
                    _ => {}
                }
            }
            Element::End(name) => {
                let list = open.last_mut().filter(|here| here.list == Some(name.as_str()));
                if let Some(here) = list {
                    here.list = None;
                }
            }
        }
    }
    Err(scanner.place().wrong(if inside {
        "the file ends in the middle: export it anew"
    } else {
        "this is no export of Time Tracker's: there is no <org> in it"
    }))
}

fn noted(raw: &mut Raw, line: u64, found: &Attributes, what: &str) {
    if found.guessed {
        let text =
            format!("{what} is not written as XML wants it: where its values end was guessed, look at it");
        raw.notes.push(Note { line: Some(line), text });
    }
}

fn group<R: BufRead>(scanner: &mut Scanner<R>, raw: &mut Raw, open: &mut Vec<Open>) -> Result<(), Error> {
    let place = scanner.place();
    if open.len() == DEEPEST {
        return Err(place.wrong("groups are nested deeper than Time Tracker nests them"));
    }
    let found = scanner.attributes(&GROUP, &["name"])?;
    let name = found.get("name").unwrap_or_default().to_owned();
    noted(raw, place.line, &found, &format!("the group {name}"));
    let parent = open.last().map(|here| here.key.clone());
    let mut key = parent.as_ref().map_or_else(|| format!("xml:{name}"), |parent| format!("{parent}/{name}"));
    // Siblings of one name stay apart.
    while !raw.keys.insert(key.clone()) {
        key.push('\'');
    }
    raw.groups.push(RawGroup {
        key: key.clone(),
        parent,
        name,
        language: found.get("lang").map(str::to_owned),
        config: found.get("config").unwrap_or_default().to_owned(),
        active: true,
        line: place.line,
    });
    open.push(Open { key, list: None });
    Ok(())
}

fn role<R: BufRead>(scanner: &mut Scanner<R>, raw: &mut Raw, group: &str) -> Result<(), Error> {
    let place = scanner.place();
    let found = scanner.attributes(&ROLE, &["id", "name", "rank"])?;
    let text = |name| found.get(name).unwrap_or_default();
    noted(raw, place.line, &found, &format!("the role {}", text("name")));
    let rank = text("rank").trim().parse().map_err(|_| place.wrong("the rank of a role is no number"))?;
    raw.roles.push(RawRole {
        key: format!("{group}#{}", text("id")),
        group: Some(group.to_owned()),
        name: text("name").to_owned(),
        rank,
        rights: text("rights").to_owned(),
        active: text("status") == "1",
    });
    Ok(())
}

fn user<R: BufRead>(scanner: &mut Scanner<R>, raw: &mut Raw, group: &str) -> Result<(), Error> {
    let place = scanner.place();
    let found = scanner.attributes(&USER, &["login", "status"])?;
    let text = |name| found.get(name).unwrap_or_default();
    // An address is not escaped, and has a hundred characters: room for somebody else, but not for all that is written of everybody.
    if let Some(missing) = USER.iter().find(|name| found.get(name).is_none()) {
        let text = format!(
            "the user {} has no {missing}, which the exporter writes of everybody: this may be a part of somebody's address, and does not come",
            text("login")
        );
        raw.notes.push(Note { line: Some(place.line), text });
        return Ok(());
    }
    noted(raw, place.line, &found, &format!("the user {}", text("login")));
    let status = match text("status") {
        "" => None,
        status => Some(status.to_owned()),
    };
    raw.users.push(RawUser {
        key: format!("xml:{}", text("login")),
        legacy_id: None,
        login: text("login").to_owned(),
        name: text("name").to_owned(),
        email: text("email").to_owned(),
        password: found.get("password").map(|hash| Secret(hash.to_owned().into())),
        group: Some(group.to_owned()),
        role: match text("role_id") {
            "" => Role::None,
            "0" => Role::Key(TOP_MANAGER.to_owned()),
            id => Role::Key(format!("{group}#{id}")),
        },
        status,
        line: place.line,
    });
    Ok(())
}
