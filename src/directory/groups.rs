//! How are groups added, changed and deleted?

use rand::CryptoRng;
use serde_json::json;
use unic_langid::LanguageIdentifier;

use super::by::{By, place};
use super::login::fold;
use super::policy::{self, GroupChange};
use super::rights::{DEFAULT_ROLES, DefaultRole};
use super::text::misleads;
use super::{Address, Error, TwoFactor, history};
use crate::keys::secret::new_id;
use crate::store::groups::{self, GroupRow, ListedGroup};
use crate::store::roles::{self, RoleRow};
use crate::store::{self, Conn, Tx, clients, rehearsals, users};

/// The most domains of one group that are read.
const MOST_DOMAINS: i64 = 1000;

/// How deep groups can be nested.
const DEEPEST: usize = 20;

/// What a change of a group sets; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The name.
    pub name: Option<String>,
    /// The language, a BCP 47 tag.
    pub language: Option<String>,
    /// Whether its people are asked for a code.
    pub two_factor: Option<TwoFactor>,
    /// The domains in which the addresses of its people, and of those below it, count as verified.
    pub vouched_domains: Option<Vec<String>>,
}

/// Adds a group: below `parent`, whose two-factor setting and language it copies as they are by now, or at the top, with the default roles.
///
/// # Errors
/// When the name is no name or is taken, the parent is gone, the rules say no, or the database refuses.
pub async fn add(
    tx: &mut Tx,
    name: &str,
    parent: Option<&GroupRow>,
    language: Option<&str>,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<GroupRow, Error> {
    let parent = match parent {
        Some(parent) => Some(locked(tx, parent).await?),
        None => None,
    };
    let above = place(tx, parent.as_ref().map(|parent| parent.id.as_str())).await?;
    policy::may_add_group(&by.acting(tx).await?, &above)?;
    if above.lineage.len() >= DEEPEST {
        return Err(Error::TooDeep(DEEPEST));
    }
    let name = check_group_name(name)?;
    let id = new_id(rng);
    let inherited = parent.as_ref().map_or("en", |parent| parent.language.as_str());
    let group = GroupRow {
        top_id: parent.as_ref().map_or_else(|| id.clone(), |parent| parent.top_id.clone()),
        parent_id: parent.as_ref().map(|parent| parent.id.clone()),
        name: name.to_owned(),
        language: check_language(language.unwrap_or(inherited))?,
        two_factor_setting: parent
            .as_ref()
            .map_or(TwoFactor::Off.name(), |p| p.two_factor_setting.as_str())
            .to_owned(),
        created_at: by.now(),
        id,
    };
    let added = groups::add(tx, &group, &fold(name)).await;
    added.map_err(|e| Error::or_taken(e, Error::GroupExists(name.to_owned())))?;
    if parent.is_none() {
        for role in &DEFAULT_ROLES {
            add_default_role(tx, Some(&group.id), role, by.now(), rng).await?;
        }
    }
    by.record(by.event("group.added").group(&group.id).detail("name", name), tx, rng).await?;
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

/// A group as it is once nobody else can change anything in its tree before the transaction ends.
///
/// # Errors
/// When it is gone, or the database refuses.
pub async fn locked(tx: &mut Tx, group: &GroupRow) -> Result<GroupRow, Error> {
    groups::lock(tx, &group.top_id).await?;
    groups::find(tx, &group.id).await?.ok_or(Error::Vanished)
}

/// Changes a group. Whoever changes the two-factor setting has seen [`crate::signin::preview`] before; it holds at the next
/// step of every sign-in. A rehearsal begins with nobody having rehearsed.
///
/// # Errors
/// When a value is not allowed or the name is taken, the rules say no, or the database refuses.
pub async fn set(
    tx: &mut Tx,
    group: &GroupRow,
    changes: &Changes,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<GroupRow, Error> {
    // The rules about the last holders of override_2fa look at the setting.
    let before = locked(tx, group).await?;
    let after = GroupRow {
        name: match changes.name.as_deref().map(str::trim).filter(|name| *name != before.name) {
            Some(name) => check_group_name(name)?.to_owned(),
            None => before.name.clone(),
        },
        language: check_language(changes.language.as_deref().unwrap_or(&before.language))?,
        two_factor_setting: changes
            .two_factor
            .map_or_else(|| before.two_factor_setting.clone(), |setting| setting.name().to_owned()),
        ..before.clone()
    };
    let change = GroupChange {
        basics: after.name != before.name || after.language != before.language,
        two_factor: after.two_factor_setting != before.two_factor_setting,
    };
    let actor = by.acting(tx).await?;
    policy::may_change_group(&actor, &place(tx, Some(&group.id)).await?, change)?;
    if !change.basics && !change.two_factor && changes.vouched_domains.is_none() {
        return Ok(after);
    }
    let done = groups::set(tx, &after, &fold(&after.name)).await;
    done.map_err(|e| Error::or_taken(e, Error::GroupExists(after.name.clone())))?;
    if change.two_factor && changes.two_factor == Some(TwoFactor::Rehearse) {
        rehearsals::forget_group(tx, &group.id).await?;
    }
    if let Some(domains) = &changes.vouched_domains {
        policy::may_vouch(&actor, None)?;
        let domains = domains.iter().map(|domain| check_domain(domain)).collect::<Result<Vec<_>, _>>()?;
        store::domains::set(tx, &group.id, &domains).await?;
    }
    let mut event = by
        .event("group.changed")
        .group(&group.id)
        .detail("name", after.name.as_str())
        .detail("language", after.language.as_str())
        .detail(
            "two_factor",
            json!({ "before": before.two_factor_setting, "after": after.two_factor_setting }),
        );
    if change.basics {
        let told = |group: &GroupRow| json!({ "name": group.name, "language": group.language });
        event = history::altered(event, &told(&before), &told(&after));
    }
    if let Some(domains) = &changes.vouched_domains {
        event = event.detail("vouched_domains", domains.clone());
    }
    by.record(event, tx, rng).await?;
    Ok(after)
}

/// Whether somebody may change this of a group, for whoever shows first what it would do.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn may_set(conn: &mut Conn, group: &GroupRow, changes: &Changes, by: &By) -> Result<(), Error> {
    let change = GroupChange {
        basics: changes.name.is_some() || changes.language.is_some(),
        two_factor: changes.two_factor.is_some(),
    };
    Ok(policy::may_change_group(&by.actor, &place(conn, Some(&group.id)).await?, change)?)
}

/// The domains that are vouched for in a group.
///
/// # Errors
/// When the database refuses.
pub async fn vouched_domains(conn: &mut Conn, group: &GroupRow) -> Result<Vec<String>, Error> {
    Ok(store::domains::list(conn, &group.id, MOST_DOMAINS).await?)
}

/// The domains that are vouched for in a group or above it, each with the name of the group above that they come from.
///
/// # Errors
/// When the database refuses.
pub async fn verified_domains(
    conn: &mut Conn,
    group: &GroupRow,
) -> Result<Vec<(String, Option<String>)>, Error> {
    let mut domains = Vec::new();
    for (depth, place) in groups::lineage(conn, &group.id).await?.into_iter().enumerate() {
        let from = (depth > 0).then_some(place.name);
        let listed = store::domains::list(conn, &place.id, MOST_DOMAINS).await?;
        domains.extend(listed.into_iter().map(|domain| (domain, from.clone())));
    }
    Ok(domains)
}

/// The group of this id.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<GroupRow>, Error> {
    Ok(groups::find(conn, id).await?)
}

/// The groups that one is part of, the top-level one first.
///
/// # Errors
/// When the database refuses.
pub async fn above(conn: &mut Conn, group: &GroupRow) -> Result<Vec<GroupRow>, Error> {
    let mut lineage = groups::lineage(conn, &group.id).await?;
    lineage.reverse();
    lineage.pop();
    Ok(lineage)
}

/// At most `limit` of the groups directly below one, by name.
///
/// # Errors
/// When the database refuses.
pub async fn below(conn: &mut Conn, group: &GroupRow, limit: i64) -> Result<Vec<GroupRow>, Error> {
    Ok(groups::children(conn, &group.id, limit).await?)
}

/// How many users a group has.
///
/// # Errors
/// When the database refuses.
pub async fn people(conn: &mut Conn, group: &GroupRow) -> Result<i64, Error> {
    Ok(users::count(conn, &group.id).await?)
}

/// The group of a path such as `Acme/Design`.
///
/// # Errors
/// When there is none, or the database refuses.
pub async fn find_by_path(conn: &mut Conn, path: &str) -> Result<GroupRow, Error> {
    let unknown = || Error::UnknownGroup(path.to_owned());
    let mut found: Option<GroupRow> = None;
    for name in path.split('/').take(DEEPEST + 1) {
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

/// In which order groups are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order<'a> {
    /// By their two-factor settings, off first, and then by path; by path alone if not.
    pub by_setting: bool,
    /// Whether the last ones come first.
    pub last_first: bool,
    /// The [`mark`] of the one that they come after, which is a path where they stand by that; empty for the first page.
    pub after: &'a str,
}

/// What is between the parts of a mark; no group's name has it.
const BETWEEN: char = '\t';

impl Order<'_> {
    /// By path, from the one after this path on.
    #[must_use]
    pub const fn by_path(after: &str) -> Order<'_> {
        Order { by_setting: false, last_first: false, after }
    }
}

/// Where a list of groups goes on after this one.
///
/// # Errors
/// When its setting is none.
pub fn mark(listed: &ListedGroup) -> store::Result<String> {
    let setting = match TwoFactor::of(&listed.group)? {
        TwoFactor::Off => 0,
        TwoFactor::Rehearse => 1,
        TwoFactor::On => 2,
    };
    Ok(format!("{}{BETWEEN}{setting}", listed.path))
}

/// At most `limit` groups of the whole site.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, order: Order<'_>, limit: i64) -> Result<Vec<ListedGroup>, Error> {
    let (after, setting) = after(order);
    Ok(groups::list(conn, rows_in(order, &after, setting), limit).await?)
}

/// The same of those that hang from one, itself among them.
///
/// # Errors
/// When the database refuses.
pub(super) async fn list_below(
    conn: &mut Conn,
    root_id: &str,
    order: Order<'_>,
    limit: i64,
) -> Result<Vec<ListedGroup>, Error> {
    let path = path(conn, root_id).await?;
    let (key, (after, setting)) = (key(&path), after(order));
    let root = (root_id, path.as_str(), key.as_str());
    Ok(groups::list_below(conn, root, rows_in(order, &after, setting), limit).await?)
}

/// The folded path that a mark says, and the setting.
fn after(order: Order<'_>) -> (String, i64) {
    let (path, setting) = order.after.split_once(BETWEEN).unwrap_or((order.after, ""));
    (if path.is_empty() { String::new() } else { key(path) }, setting.parse().unwrap_or(0))
}

/// A path as paths are compared.
fn key(path: &str) -> String {
    path.split('/').map(fold).collect::<Vec<String>>().join("/")
}

const fn rows_in<'a>(order: Order<'_>, after: &'a str, setting: i64) -> groups::Order<'a> {
    groups::Order { by_setting: order.by_setting, last_first: order.last_first, after, setting }
}

/// Whether a group may be deleted, for whoever asks first whether that is meant.
///
/// # Errors
/// When it holds somebody or something, or an app is for it; when the rules say no, or the database refuses.
pub async fn could_be_deleted(conn: &mut Conn, group: &GroupRow, by: &By) -> Result<(), Error> {
    policy::may_delete_group(&by.acting(conn).await?, &place(conn, Some(&group.id)).await?)?;
    let (users, below) =
        (users::count(conn, &group.id).await?, groups::count_children(conn, &group.id).await?);
    if users > 0 || below > 0 {
        let path = path(conn, &group.id).await?;
        return Err(Error::GroupNotEmpty { path, users, groups: below });
    }
    // An app that is for nobody else would be for nobody, or, without the group on its list, for everybody.
    match clients::naming(conn, &group.id).await? {
        Some(client) => Err(Error::GroupOfApp(client)),
        None => Ok(()),
    }
}

/// Deletes a group that nobody and nothing is in; a top-level one with its roles.
///
/// # Errors
/// When it holds somebody or something, or an app is for it; when the rules say no, or the database refuses.
pub async fn delete(tx: &mut Tx, group: &GroupRow, by: &By, rng: &mut impl CryptoRng) -> Result<(), Error> {
    let group = locked(tx, group).await?;
    could_be_deleted(tx, &group, by).await?;
    let path = path(tx, &group.id).await?;
    let held = || Error::GroupNotEmpty { path: path.clone(), users: 1, groups: 0 };
    if group.parent_id.is_none() {
        roles::delete_of_group(tx, &group.id).await.map_err(|e| Error::or_held(e, held()))?;
    }
    if !groups::delete(tx, &group.id).await.map_err(|e| Error::or_held(e, held()))? {
        return Err(held());
    }
    let event = by.event("group.deleted").group(&group.id).detail("path", path);
    Ok(by.record(event, tx, rng).await?)
}

/// The name of a group, less the spaces around it: nothing that means something in a path, nor what is compared as if it did.
fn check_group_name(name: &str) -> Result<&str, Error> {
    let key = fold(name);
    if name.contains('/') || key.contains('/') || matches!(key.as_str(), "." | "..") {
        return Err(Error::Name);
    }
    check_name(name)
}

/// The name of a group, a role or a person, less the spaces around it.
pub(super) fn check_name(name: &str) -> Result<&str, Error> {
    let name = name.trim();
    let good =
        (1..=80).contains(&name.chars().count()) && !name.chars().any(misleads) && !fold(name).is_empty();
    if good { Ok(name) } else { Err(Error::Name) }
}

/// A domain as it is compared with those of addresses.
fn check_domain(domain: &str) -> Result<String, Error> {
    let address = Address::parse(&format!("x@{}", domain.trim().trim_start_matches('@')));
    address.map(|address| address.domain().to_owned()).map_err(|_| Error::Domain(domain.to_owned()))
}

fn check_language(tag: &str) -> Result<String, Error> {
    let parsed: LanguageIdentifier = tag.trim().parse().map_err(|_| Error::Language(tag.to_owned()))?;
    Ok(parsed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line_and_groups_have_no_slash_in_theirs() {
        assert_eq!(check_group_name(" Acme GmbH ").unwrap(), "Acme GmbH");
        for bad in
            ["", "  ", "a\nb", "a\0", "\u{200b}", "a\u{202e}b", "\u{200f}a", "a\u{2028}b", &"x".repeat(81)]
        {
            assert!(matches!(check_name(bad), Err(Error::Name)), "{bad:?}");
        }
        for bad in ["Acme/Design", "Acme\u{ff0f}Design", ".", "..", " .. ", "\u{2025}", "\u{ff0e}"] {
            assert!(matches!(check_group_name(bad), Err(Error::Name)), "{bad:?}");
        }
        assert!(check_group_name("...").is_ok() && check_group_name(".net").is_ok());
        assert!(check_name("User/Guest").is_ok());
    }

    #[test]
    fn languages_are_tags() {
        assert_eq!(check_language("pt-br").unwrap(), "pt-BR");
        for bad in ["", "english please", "e", "../en", "en_"] {
            assert!(matches!(check_language(bad), Err(Error::Language(_))), "{bad:?}");
        }
    }
}
