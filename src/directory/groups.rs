//! How are groups added and changed?

use rand::CryptoRng;
use serde_json::json;

use super::login::fold;
use super::rights::{DEFAULT_ROLES, DefaultRole};
use super::{Error, Person, people};
use crate::audit::{Actor, Event};
use crate::keys::secret::new_id;
use crate::store::groups::{self, GroupRow};
use crate::store::roles::{self, RoleRow};
use crate::store::{Conn, Tx};

/// The most groups that a list shows.
const LISTED: i64 = 10_000;

/// What a change of a group sets; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The name.
    pub name: Option<String>,
    /// The language, a BCP 47 tag.
    pub language: Option<String>,
    /// Whether its people are asked for a code.
    pub two_factor: Option<bool>,
}

/// Adds a group: below `parent`, whose two-factor flag and language it copies, or at the top, with the default roles.
///
/// # Errors
/// When the name is no name or is taken, or the database refuses.
pub async fn add(
    tx: &mut Tx,
    name: &str,
    parent: Option<&GroupRow>,
    language: Option<&str>,
    by: Actor,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<GroupRow, Error> {
    let name = check_name(name)?;
    let id = new_id(rng);
    let inherited = parent.map_or("en", |parent| parent.language.as_str());
    let group = GroupRow {
        top_id: parent.map_or_else(|| id.clone(), |parent| parent.top_id.clone()),
        parent_id: parent.map(|parent| parent.id.clone()),
        name: name.to_owned(),
        language: check_language(language.unwrap_or(inherited))?,
        two_factor: parent.is_some_and(|parent| parent.two_factor),
        created_at: now_ms / 1000,
        id,
    };
    let added = groups::add(tx, &group, &fold(name)).await;
    added.map_err(|e| if e.is_duplicate() { Error::GroupExists(name.to_owned()) } else { e.into() })?;
    if parent.is_none() {
        for role in &DEFAULT_ROLES {
            add_default_role(tx, Some(&group.id), role, now_ms / 1000, rng).await?;
        }
    }
    Event::new("group.added", by).group(&group.id).detail("name", name).record(tx, now_ms, rng).await?;
    Ok(group)
}

pub(super) async fn add_default_role(
    conn: &mut Conn,
    group_id: Option<&str>,
    role: &DefaultRole,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<RoleRow, Error> {
    let row = RoleRow {
        id: new_id(rng),
        group_id: group_id.map(str::to_owned),
        name: role.name.to_owned(),
        rank: role.rank,
        rights: role.rights.to_owned(),
    };
    roles::add(conn, &row, &fold(role.name), now).await?;
    Ok(row)
}

/// Changes a group.
///
/// # Errors
/// When a value is not allowed or the name is taken, or the database refuses.
pub async fn set(
    tx: &mut Tx,
    group: &GroupRow,
    changes: &Changes,
    by: Actor,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<GroupRow, Error> {
    let after = GroupRow {
        name: check_name(changes.name.as_deref().unwrap_or(&group.name))?.to_owned(),
        language: check_language(changes.language.as_deref().unwrap_or(&group.language))?,
        two_factor: changes.two_factor.unwrap_or(group.two_factor),
        ..group.clone()
    };
    let done = groups::set(tx, &after, &fold(&after.name)).await;
    done.map_err(|e| if e.is_duplicate() { Error::GroupExists(after.name.clone()) } else { e.into() })?;
    Event::new("group.changed", by)
        .group(&group.id)
        .detail("name", after.name.as_str())
        .detail("language", after.language.as_str())
        .detail("two_factor", json!({ "before": group.two_factor, "after": after.two_factor }))
        .record(tx, now_ms, rng)
        .await?;
    Ok(after)
}

/// The group of a path such as `Acme/Design`.
///
/// # Errors
/// When there is none, or the database refuses.
pub async fn find_by_path(conn: &mut Conn, path: &str) -> Result<GroupRow, Error> {
    let unknown = || Error::UnknownGroup(path.to_owned());
    let mut found: Option<GroupRow> = None;
    for name in path.split('/') {
        let parent = found.as_ref().map(|group| group.id.as_str());
        found = Some(groups::find_child(conn, parent, &fold(name)).await?.ok_or_else(unknown)?);
    }
    found.ok_or_else(unknown)
}

/// The path of a group.
///
/// # Errors
/// When the database refuses.
pub async fn path(conn: &mut Conn, id: &str) -> Result<String, Error> {
    let lineage = groups::lineage(conn, id).await?;
    let names: Vec<&str> = lineage.iter().rev().map(|group| group.name.as_str()).collect();
    Ok(names.join("/"))
}

/// Every group with its path, in the order of the paths.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn) -> Result<Vec<(String, GroupRow)>, Error> {
    let mut listed = Vec::new();
    for group in groups::list(conn, "", LISTED).await? {
        listed.push((path(conn, &group.id).await?, group));
    }
    listed.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(listed)
}

/// Who could no longer sign in if two-factor were on in a group, and who could still help.
#[derive(Debug)]
pub struct Preview {
    /// People of the group who need a code and have no address.
    pub locked_out: Vec<Person>,
    /// Active holders of `override_2fa` in the tree.
    pub overriders: Vec<Person>,
}

/// Looks at what switching two-factor on would do in a group. A Manager may do it and has no override: the caller says so.
///
/// # Errors
/// When the database refuses.
pub async fn preview_two_factor(conn: &mut Conn, group: &GroupRow) -> Result<Preview, Error> {
    let mut locked_out = people::list(conn, Some(&group.id), "", LISTED).await?;
    locked_out.retain(|p| {
        p.status != super::Status::Disabled && p.deliverable_address().is_none() && !p.overrides_two_factor()
    });
    let mut overriders = people::overriders(conn, Some(&group.top_id)).await?;
    overriders.retain(|p| p.group.is_some());
    Ok(Preview { locked_out, overriders })
}

fn check_name(name: &str) -> Result<&str, Error> {
    let name = name.trim();
    let good = (1..=80).contains(&name.chars().count())
        && !name.contains('/')
        && !name.chars().any(char::is_control)
        && !fold(name).is_empty();
    if good { Ok(name) } else { Err(Error::Name) }
}

fn check_language(tag: &str) -> Result<String, Error> {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let good = (2..=35).contains(&tag.len()) && tag.chars().all(letter) && !tag.starts_with('-');
    if good { Ok(tag.to_owned()) } else { Err(Error::Language(tag.to_owned())) }
}
