//! How are roles added and changed?

use rand::CryptoRng;

use super::login::fold;
use super::rights::{Rights, SITE_ADMINISTRATOR};
use super::{Error, users};
use crate::audit::{Actor, Event};
use crate::keys::secret::new_id;
use crate::store::groups::GroupRow;
use crate::store::roles::{self, RoleRow};
use crate::store::{Conn, Tx, signins};

/// The most holders of a role whose pending sign-ins a change ends at once.
const HOLDERS: i64 = 10_000;

/// The most roles that a list shows.
const LISTED: i64 = 10_000;

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

/// Adds a role to the tree of a top-level group.
///
/// # Errors
/// When a value is not allowed or the name is taken, or the database refuses.
pub async fn add(
    tx: &mut Tx,
    new: NewRole<'_>,
    by: Actor,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<RoleRow, Error> {
    let row = RoleRow {
        id: new_id(rng),
        group_id: Some(new.top.top_id.clone()),
        name: check(new.name, new.rank)?.to_owned(),
        rank: new.rank,
        rights: new.rights.to_string(),
    };
    let added = roles::add(tx, &row, &fold(new.name), now_ms / 1000).await;
    added.map_err(|e| if e.is_duplicate() { Error::RoleExists(new.name.to_owned()) } else { e.into() })?;
    event("role.added", by, &row).record(tx, now_ms, rng).await?;
    Ok(row)
}

/// Replaces a role's name, rank and rights. That changes everyone who holds it: their pending codes end, and the last holder of
/// `override_2fa` cannot lose it where two-factor is on.
///
/// # Errors
/// When a value is not allowed, somebody must keep what they would lose, or the database refuses.
pub async fn set(
    tx: &mut Tx,
    after: &RoleRow,
    by: Actor,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<(), Error> {
    check(&after.name, after.rank)?;
    let rights = Rights::parse(&after.rights)?;
    let holders = roles::holders(tx, &after.id, HOLDERS).await?;
    users::check_role_change(tx, &after.id, &rights).await?;
    let done = roles::set(tx, after, &fold(&after.name)).await;
    done.map_err(|e| if e.is_duplicate() { Error::RoleExists(after.name.clone()) } else { e.into() })?;
    for user in holders {
        signins::forget_user(tx, &user, now_ms / 1000).await?;
    }
    event("role.changed", by, after).record(tx, now_ms, rng).await?;
    Ok(())
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

/// Every role, of one tree or of all, the lowest first.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, top: Option<&GroupRow>) -> Result<Vec<RoleRow>, Error> {
    Ok(roles::list(conn, top.map(|group| group.top_id.as_str()), LISTED).await?)
}

/// The site administrator's role, made if it is not there.
///
/// # Errors
/// When the database refuses.
pub async fn site_administrator(tx: &mut Tx, now: i64, rng: &mut impl CryptoRng) -> Result<RoleRow, Error> {
    match roles::find_named(tx, None, &fold(SITE_ADMINISTRATOR.name)).await? {
        Some(role) => Ok(role),
        None => super::groups::add_default_role(tx, None, &SITE_ADMINISTRATOR, now, rng).await,
    }
}

fn check(name: &str, rank: i64) -> Result<&str, Error> {
    let trimmed = name.trim();
    let good = (1..=80).contains(&trimmed.chars().count()) && !trimmed.chars().any(char::is_control);
    if !good || trimmed != name {
        return Err(Error::Name);
    }
    // The site administrator's rank stands above every organisation's.
    if (1..SITE_ADMINISTRATOR.rank).contains(&rank) { Ok(name) } else { Err(Error::Rank) }
}

fn event(name: &'static str, by: Actor, role: &RoleRow) -> Event {
    let event = Event::new(name, by)
        .detail("role", role.name.as_str())
        .detail("rank", role.rank)
        .detail("rights", role.rights.as_str());
    match &role.group_id {
        Some(group) => event.group(group),
        None => event,
    }
}
