//! How are roles added, changed and deleted?

use rand::CryptoRng;
use serde_json::json;

use super::by::{By, place};
use super::groups::check_name;
use super::login::fold;
use super::policy::{self, Remaining, RoleFacts};
use super::rights::{Rights, SITE_ADMINISTRATOR, own};
use super::{Error, groups, history};
use crate::audit::Event;
use crate::keys::secret::new_id;
use crate::store::groups::GroupRow;
use crate::store::roles::{self, RoleRow};
use crate::store::{self, Conn, Tx, challenges, holders, links, signins};

pub use crate::store::roles::Order;

/// The most roles of one tree that are looked at.
const LISTED: i64 = 1000;

/// What a new role is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewRole<'a> {
    /// Any group of the tree that it serves.
    pub top: &'a GroupRow,
    /// Its name.
    pub name: &'a str,
    /// Its rank.
    pub rank: i64,
    /// Its rights.
    pub rights: &'a Rights,
}

/// Adds a role to the tree of a group.
///
/// # Errors
/// When a value is not allowed or the name is taken, the rules say no, or the database refuses.
pub async fn add(tx: &mut Tx, new: NewRole<'_>, by: &By, rng: &mut impl CryptoRng) -> Result<RoleRow, Error> {
    let row = RoleRow {
        id: new_id(rng),
        group_id: Some(new.top.top_id.clone()),
        name: check_free(new.name)?.to_owned(),
        rank: new.rank,
        rights: new.rights.to_string(),
    };
    policy::may_add_role(&by.acting(tx).await?, &place(tx, Some(&new.top.top_id)).await?, &facts(&row)?)?;
    let added = roles::add(tx, &row, &fold(&row.name), by.now()).await;
    added.map_err(|e| Error::or_taken(e, Error::RoleExists(row.name.clone())))?;
    by.record(event("role.added", by, &row), tx, rng).await?;
    Ok(row)
}

/// Replaces a role's name, rank and rights. Other powers make others of everyone who holds it: their pending codes (those given by hand
/// too), sign-ins and links end.
///
/// # Errors
/// When a value is not allowed, the rules say no, or the database refuses.
pub async fn set(tx: &mut Tx, after: &RoleRow, by: &By, rng: &mut impl CryptoRng) -> Result<RoleRow, Error> {
    let before = locked(tx, after).await?;
    let after = ruled(tx, &before, after, by).await?;
    let told = |role: &RoleRow| json!({ "name": role.name, "rank": role.rank, "rights": role.rights });
    if told(&before) == told(&after) {
        return Ok(after);
    }
    let done = roles::set(tx, &after, &fold(&after.name)).await;
    done.map_err(|e| Error::or_taken(e, Error::RoleExists(after.name.clone())))?;
    if before.rank != after.rank || before.rights != after.rights {
        signins::forget_holders(tx, &after.id, by.now()).await?;
        challenges::end_hand_codes_of_holders(tx, &after.id).await?;
        links::end_of_holders(tx, &after.id, by.now()).await?;
    }
    let event = history::altered(event("role.changed", by, &after), &told(&before), &told(&after));
    by.record(event, tx, rng).await?;
    Ok(after)
}

/// A role as it is once nobody else can change who holds what in its tree before the transaction ends.
///
/// # Errors
/// When it is gone, or the database refuses.
pub async fn locked(tx: &mut Tx, role: &RoleRow) -> Result<RoleRow, Error> {
    match &role.group_id {
        Some(top_id) => store::groups::lock(tx, top_id).await?,
        None => roles::lock_site(tx).await?,
    }
    now(tx, role).await
}

/// What a role would be after a change, for whoever shows first what that would do.
///
/// # Errors
/// When a value is not allowed, the name is taken, the rules say no, or the database refuses.
pub async fn would_be(conn: &mut Conn, after: &RoleRow, by: &By) -> Result<RoleRow, Error> {
    let before = now(conn, after).await?;
    let after = ruled(conn, &before, after, by).await?;
    let namesake = roles::find_named(conn, after.group_id.as_deref(), &fold(&after.name)).await?;
    match namesake {
        Some(other) if other.id != after.id => Err(Error::RoleExists(after.name)),
        _ => Ok(after),
    }
}

/// The role after a change that the rules allow.
async fn ruled(conn: &mut Conn, before: &RoleRow, after: &RoleRow, by: &By) -> Result<RoleRow, Error> {
    let rights = Rights::parse(&after.rights)?;
    let is_renamed = before.group_id.is_some() && fold(&before.name) != fold(&after.name);
    let name = if is_renamed { check_free(&after.name)? } else { check_name(&after.name)? };
    // The same words in another order are the same rights.
    let same = rights == Rights::parse(&before.rights)?;
    let after = RoleRow {
        id: before.id.clone(),
        group_id: before.group_id.clone(),
        name: name.to_owned(),
        rank: after.rank,
        rights: if same { before.rights.clone() } else { rights.to_string() },
    };
    let loses = Rights::parse(&before.rights)?.has(own::OVERRIDE_2FA) && !rights.has(own::OVERRIDE_2FA);
    let tree = before.group_id.as_deref().filter(|_| loses);
    let remaining = Remaining {
        override_in_tree: match tree {
            Some(top_id) => !holders::is_stranded_without_role(conn, top_id, &after.id).await?,
            None => true,
        },
        override_2fa: holders::deprived_group(conn, &after.id).await?.is_none(),
        // The site has one role of its own: nobody else would have the right.
        administer_site: before.group_id.is_some(),
    };
    let top = place(conn, before.group_id.as_deref()).await?;
    policy::may_change_role(&by.acting(conn).await?, &top, &facts(before)?, &facts(&after)?, remaining)?;
    Ok(after)
}

/// The path of a group with two-factor on in which nobody could sign in without a code if this role let nobody; none where there is none.
///
/// # Errors
/// When the database refuses.
pub async fn deprived_group(conn: &mut Conn, role: &RoleRow) -> Result<Option<String>, Error> {
    match holders::deprived_group(conn, &role.id).await? {
        Some(id) => Ok(Some(groups::path(conn, &id).await?)),
        None => Ok(None),
    }
}

/// Whether a role may be deleted, for whoever asks first whether that is meant.
///
/// # Errors
/// When somebody holds it, the rules say no, or the database refuses.
pub async fn could_be_deleted(conn: &mut Conn, role: &RoleRow, by: &By) -> Result<(), Error> {
    let top = place(conn, role.group_id.as_deref()).await?;
    policy::may_delete_role(&by.acting(conn).await?, &top, &facts(role)?)?;
    match roles::count_holders(conn, &role.id).await? {
        0 => Ok(()),
        holders => Err(Error::RoleHeld { name: role.name.clone(), holders }),
    }
}

/// A name for a role of a tree. The site's own role keeps its name to itself: apps are told the name, and some go by it.
fn check_free(name: &str) -> Result<&str, Error> {
    let name = check_name(name)?;
    let is_taken = fold(name) == fold(SITE_ADMINISTRATOR.name);
    if is_taken { Err(Error::RoleExists(name.to_owned())) } else { Ok(name) }
}

/// Deletes a role that nobody holds.
///
/// # Errors
/// When somebody holds it, the rules say no, or the database refuses.
pub async fn delete(tx: &mut Tx, role: &RoleRow, by: &By, rng: &mut impl CryptoRng) -> Result<(), Error> {
    let role = locked(tx, role).await?;
    could_be_deleted(tx, &role, by).await?;
    let held = || Error::RoleHeld { name: role.name.clone(), holders: 1 };
    if !roles::delete(tx, &role.id).await.map_err(|e| Error::or_held(e, held()))? {
        return Err(held());
    }
    Ok(by.record(event("role.deleted", by, &role), tx, rng).await?)
}

/// The role of this name in a group's tree, or the site administrator's.
///
/// # Errors
/// When there is none, or the database refuses.
pub async fn find_named(conn: &mut Conn, group: Option<&GroupRow>, name: &str) -> Result<RoleRow, Error> {
    let top = group.map(|group| group.top_id.as_str());
    let found = roles::find_named(conn, top, &fold(name)).await?;
    found.ok_or_else(|| Error::UnknownRole(name.to_owned()))
}

/// At most `limit` roles, of the tree of one group or of all, that come after the one of the id `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    conn: &mut Conn,
    group: Option<&GroupRow>,
    order: Order,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<RoleRow>, Error> {
    Ok(roles::list(conn, group.map(|group| group.top_id.as_str()), order, after, limit).await?)
}

/// The roles of a group's tree, the lowest first.
///
/// # Errors
/// When the database refuses.
pub async fn of_tree(conn: &mut Conn, group: &GroupRow) -> Result<Vec<RoleRow>, Error> {
    list(conn, Some(group), Order::Trees, None, LISTED).await
}

/// The site administrator's role, made if it is not there.
///
/// # Errors
/// When the database refuses.
pub async fn site_administrator(tx: &mut Tx, now: i64, rng: &mut impl CryptoRng) -> Result<RoleRow, Error> {
    match roles::find_named(tx, None, &fold(SITE_ADMINISTRATOR.name)).await? {
        Some(role) => Ok(role),
        None => groups::add_default_role(tx, None, &SITE_ADMINISTRATOR, now, rng).await,
    }
}

/// A role as it is now: the row that somebody acts with may have been read before another one changed it.
pub(super) async fn now(conn: &mut Conn, role: &RoleRow) -> Result<RoleRow, Error> {
    roles::find(conn, &role.id).await?.ok_or(Error::Vanished)
}

/// What the rules know of a role.
pub(super) fn facts(row: &RoleRow) -> Result<RoleFacts, Error> {
    Ok(RoleFacts {
        id: row.id.clone(),
        top_id: row.group_id.clone(),
        rank: row.rank,
        rights: Rights::parse(&row.rights)?,
    })
}

fn event(name: &'static str, by: &By, role: &RoleRow) -> Event {
    let event = by
        .event(name)
        .detail("role", role.name.as_str())
        .detail("rank", role.rank)
        .detail("rights", role.rights.as_str());
    match &role.group_id {
        Some(group) => event.group(group),
        None => event,
    }
}
