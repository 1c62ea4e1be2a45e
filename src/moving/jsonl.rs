//! What do lines of JSON bring along? Groups, roles and users, as `docs/moving.schema.json` describes them; the form that `export` writes.

use std::collections::HashMap;
use std::io::BufRead;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Error;
use super::error::Place;
use super::source::{self, Held, Home, Secret, Source, Standing, Where};
use crate::directory::rights::SITE_ADMINISTRATOR;
use crate::directory::{Status, TwoFactor};

/// The longest line, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// The most lines.
const MOST: u64 = 2_000_000;

/// One line.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Group(Group),
    Role(Role),
    User(Box<User>),
    /// An app: `export` tells of them, and they are added by `client add`.
    Client(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    path: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    two_factor: Option<String>,
    /// Who vouches for a domain does so here, by `group set`.
    #[serde(default)]
    vouched_domains: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    group: String,
    name: String,
    rank: i64,
    rights: Vec<String>,
    #[serde(default)]
    id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    login: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    legacy_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default)]
    status: Option<String>,
    /// None for the site's administrators.
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    claims: Map<String, Value>,
}

/// Reads lines of JSON.
///
/// # Errors
/// Where they cannot be read, and why.
pub fn read(mut bytes: impl BufRead) -> Result<Source, Error> {
    let (mut source, mut apps, mut line, mut raw) = (Source::default(), 0_u64, 0_u64, Vec::new());
    let mut groups = HashMap::new();
    loop {
        raw.clear();
        line += 1;
        let here = Place { line, column: 1 };
        let read = std::io::Read::take(&mut bytes, LONGEST + 1).read_until(b'\n', &mut raw);
        if read.map_err(|error| here.unreadable(&error))? == 0 {
            break;
        }
        if raw.len() as u64 > LONGEST || line > MOST {
            return Err(here.wrong("this is longer than what one import takes"));
        }
        let text = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&raw).trim_ascii();
        if text.is_empty() {
            continue;
        }
        let parsed: Result<Line, _> = serde_json::from_slice(text);
        match parsed.map_err(|why| wrong(line, &why))? {
            Line::Group(group) => bring_group(group, here, &mut source, &mut groups)?,
            Line::Role(role) => bring_role(role, &groups, here, &mut source)?,
            Line::User(user) => bring_user(*user, here, &mut source)?,
            Line::Client(_) => apps += 1,
        }
    }
    if apps > 0 {
        source.note(None, format!("{apps} apps are not brought along: add them by `countersign client add`"));
    }
    Ok(source)
}

/// What the parser says, without the place that it adds.
fn wrong(line: u64, why: &serde_json::Error) -> Error {
    let text = why.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    let column = u64::try_from(why.column()).unwrap_or_default().max(1);
    Place { line, column }.wrong(what)
}

/// The key of each group, by its path.
type Keys = HashMap<String, String>;

fn bring_group(group: Group, here: Place, source: &mut Source, groups: &mut Keys) -> Result<(), Error> {
    let (parent, name) = match group.path.rsplit_once('/') {
        Some((parent, name)) => (Some(parent), name),
        None => (None, group.path.as_str()),
    };
    let parent = match parent {
        None => None,
        Some(path) => Some(groups.get(path).cloned().ok_or_else(|| {
            here.wrong(format!("the group {path} comes after one that is part of it, or not at all"))
        })?),
    };
    let setting = group.two_factor.as_deref().map(|word| {
        TwoFactor::from_name(word).ok_or_else(|| here.wrong("two_factor is off, rehearse or on"))
    });
    if !group.vouched_domains.is_empty() {
        let text = format!(
            "the vouched domains of {} do not come: `group set --vouch-domain` vouches for them here",
            group.path
        );
        source.note(Some(here.line), text);
    }
    let key = group.id.unwrap_or_else(|| group.path.clone());
    groups.insert(group.path.clone(), key.clone());
    let (name, language) = (name.to_owned(), group.language);
    source.groups.push(source::Group { key, parent, name, language, two_factor: setting.transpose()? });
    Ok(())
}

fn bring_role(role: Role, groups: &Keys, here: Place, source: &mut Source) -> Result<(), Error> {
    let top = groups.get(&role.group).cloned();
    let top =
        top.ok_or_else(|| here.wrong(format!("the group {} of this role is not before it", role.group)))?;
    source.roles.push(source::Role {
        key: role.id.unwrap_or_else(|| format!("{}/{}", role.group, role.name)),
        top,
        name: role.name,
        rank: role.rank,
        rights: role.rights.join(" "),
    });
    Ok(())
}

fn bring_user(user: User, here: Place, source: &mut Source) -> Result<(), Error> {
    let standing = match user.status.as_deref().map(Status::from_name) {
        None | Some(Some(Status::Active | Status::Invited)) => Standing::Active,
        Some(Some(Status::Disabled)) => Standing::Disabled,
        Some(None) => return Err(here.wrong("status is active, invited or disabled")),
    };
    let home = match user.group {
        // Nobody gets to administer the site by what is left out.
        None if user.role.as_deref() == Some(SITE_ADMINISTRATOR.name) => Home::Site,
        None => Home::Nowhere("the line names no group".to_owned()),
        Some(path) => Home::Group { group: Where::Path(path), role: user.role.map(Held::Named) },
    };
    let mut claims = Vec::new();
    flatten("", user.claims, &mut claims);
    source.users.push(source::User {
        key: user.id.unwrap_or_else(|| user.login.clone()),
        legacy_id: user.legacy_id,
        login: user.login,
        name: user.name,
        email: user.email,
        email_verified: user.email_verified,
        standing,
        home,
        password: user.password_hash.map(|hash| Secret(hash.into())),
        claims,
        line: here.line,
    });
    Ok(())
}

/// Claims by their names, members of `address` among them.
fn flatten(before: &str, claims: Map<String, Value>, found: &mut Vec<(String, String)>) {
    for (name, value) in claims {
        let name = format!("{before}{name}");
        match value {
            Value::Object(inside) if before.is_empty() => flatten(&format!("{name}."), inside, found),
            Value::String(text) => found.push((name, text)),
            Value::Bool(yes) => found.push((name, yes.to_string())),
            other => found.push((name, other.to_string())),
        }
    }
}
