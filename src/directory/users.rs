//! How are users added, changed and removed?

use rand::CryptoRng;

use super::policy::{self, Left};
use super::rights::{Rights, own};
use super::{Address, Error, Login, Person, Status, people};
use crate::audit::{Actor, Event};
use crate::keys::secret::new_id;
use crate::store::groups::{self, GroupRow};
use crate::store::roles::RoleRow;
use crate::store::users::{self, UserFields};
use crate::store::{Conn, Tx, challenges, links, sessions, signins};

/// What a new user is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// The login.
    pub login: &'a Login,
    /// The full name.
    pub name: Option<&'a str>,
    /// The email address.
    pub email: Option<&'a Address>,
    /// The group; none for a site administrator.
    pub group: Option<&'a GroupRow>,
    /// The role, of the group's tree.
    pub role: &'a RoleRow,
    /// What the password is checked against; without one the user is invited.
    pub password_hash: Option<&'a str>,
}

/// What a change of a user sets; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The login.
    pub login: Option<Login>,
    /// The full name; an empty one is none.
    pub name: Option<String>,
    /// The email address; none inside takes it away.
    pub email: Option<Option<Address>>,
    /// Whether they may sign in.
    pub status: Option<Status>,
    /// The group.
    pub group: Option<GroupRow>,
    /// The role, of the group's tree.
    pub role: Option<RoleRow>,
}

/// Adds a user.
///
/// # Errors
/// When the login is taken, the role is another tree's, or the database refuses.
pub async fn add(
    tx: &mut Tx,
    new: NewUser<'_>,
    by: Actor,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<Person, Error> {
    if new.role.group_id.as_deref() != new.group.map(|group| group.top_id.as_str()) {
        return Err(Error::ForeignRole(new.role.name.clone()));
    }
    let id = new_id(rng);
    let status = if new.password_hash.is_some() { Status::Active } else { Status::Invited };
    let fields = UserFields {
        id: &id,
        login: new.login.as_str(),
        login_key: &new.login.key(),
        name: new.name,
        email: new.email.map(Address::as_str),
        status: status.name(),
        group_id: new.group.map(|group| group.id.as_str()),
        role_id: &new.role.id,
    };
    let added = users::add(tx, fields, new.password_hash, now_ms / 1000).await;
    added.map_err(|e| if e.is_duplicate() { Error::LoginTaken(new.login.to_string()) } else { e.into() })?;
    let mut event = Event::new("user.added", by).user(&id).detail("role", new.role.name.as_str());
    if let Some(group) = new.group {
        event = event.group(&group.id);
    }
    event.record(tx, now_ms, rng).await?;
    people::find(tx, &id).await?.ok_or(Error::Vanished)
}

/// Changes a user. A new email, role, group or status ends their pending codes and sign-ins; being disabled ends their sessions too.
///
/// # Errors
/// When the login is taken, the role is another tree's, somebody must stay who can help, or the database refuses.
pub async fn set(
    tx: &mut Tx,
    person: &Person,
    changes: Changes,
    by: Actor,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<Person, Error> {
    let now = now_ms / 1000;
    let status = changes.status.unwrap_or(person.status);
    let group_id = changes.group.as_ref().map(|g| &g.id).or(person.group.as_ref().map(|g| &g.id));
    let top_id = changes.group.as_ref().map(|g| &g.top_id).or(person.group.as_ref().map(|g| &g.top_id));
    if let Some(role) = &changes.role
        && role.group_id.as_ref() != top_id
    {
        return Err(Error::ForeignRole(role.name.clone()));
    }
    if changes.role.is_none() && top_id != person.group.as_ref().map(|g| &g.top_id) {
        return Err(Error::ForeignRole(person.role.name.clone()));
    }
    let rights =
        changes.role.as_ref().map_or(Ok(person.role.rights.clone()), |r| Rights::parse(&r.rights))?;
    keep_helpers(tx, person, status, &rights).await?;
    let login = changes.login.as_ref().map_or(person.login.as_str(), Login::as_str);
    let email = match &changes.email {
        Some(email) => email.as_ref().map(Address::as_str),
        None => person.email.as_deref(),
    };
    let name = changes.name.as_deref().or(person.name.as_deref()).filter(|name| !name.is_empty());
    let fields = UserFields {
        id: &person.id,
        login,
        login_key: &super::login::fold(login),
        name,
        email,
        status: status.name(),
        group_id: group_id.map(String::as_str),
        role_id: changes.role.as_ref().map_or(&person.role.id, |role| &role.id),
    };
    let done = users::set(tx, fields, now).await;
    done.map_err(|e| if e.is_duplicate() { Error::LoginTaken(login.to_owned()) } else { e.into() })?;
    let moved = changes.group.is_some() || changes.role.is_some();
    if changes.email.is_some() || changes.status.is_some() || changes.login.is_some() || moved {
        signins::forget_user(tx, &person.id, now).await?;
    }
    if status == Status::Disabled {
        sessions::end_user(tx, &person.id, now).await?;
    }
    changed(person, &changes, by).record(tx, now_ms, rng).await?;
    people::find(tx, &person.id).await?.ok_or(Error::Vanished)
}

fn changed(person: &Person, changes: &Changes, by: Actor) -> Event {
    let mut fields = Vec::new();
    for (name, there) in [
        ("login", changes.login.is_some()),
        ("name", changes.name.is_some()),
        ("email", changes.email.is_some()),
        ("status", changes.status.is_some()),
        ("group", changes.group.is_some()),
        ("role", changes.role.is_some()),
    ] {
        if there {
            fields.push(name);
        }
    }
    Event::new("user.changed", by).user(&person.id).detail("fields", fields)
}

/// Gives a user a new password. Their sessions, grants, pending codes and links end, and their codes work again.
///
/// # Errors
/// When the database refuses.
pub async fn set_password(
    tx: &mut Tx,
    person: &Person,
    password_hash: &str,
    by: Actor,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<(), Error> {
    let now = now_ms / 1000;
    users::set_password(tx, &person.id, password_hash, now).await?;
    signins::forget_user(tx, &person.id, now).await?;
    sessions::end_user(tx, &person.id, now).await?;
    links::end_of_user(tx, &person.id, now).await?;
    challenges::clear_budget(tx, &person.id).await?;
    Event::new("user.password_changed", by).user(&person.id).record(tx, now_ms, rng).await?;
    Ok(())
}

/// Lets a user's codes work again after too many wrong ones.
///
/// # Errors
/// When the database refuses.
pub async fn unlock(
    tx: &mut Tx,
    person: &Person,
    by: Actor,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<(), Error> {
    challenges::clear_budget(tx, &person.id).await?;
    Event::new("user.unlocked", by).user(&person.id).record(tx, now_ms, rng).await?;
    Ok(())
}

/// Deletes a user, and everything that hangs from them but the audit log.
///
/// # Errors
/// When somebody must stay who can help, or the database refuses.
pub async fn delete(
    tx: &mut Tx,
    person: &Person,
    by: Actor,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<(), Error> {
    keep_helpers(tx, person, Status::Disabled, &Rights::default()).await?;
    users::delete(tx, &person.id).await?;
    let login = person.login.as_str();
    Event::new("user.deleted", by).user(&person.id).detail("login", login).record(tx, now_ms, rng).await?;
    Ok(())
}

/// Refuses a change after which nobody could help any more (DESIGN §1, the last rank rule).
async fn keep_helpers(
    conn: &mut Conn,
    person: &Person,
    status: Status,
    rights: &Rights,
) -> Result<(), Error> {
    let keeps = |right: &str| status == Status::Active && rights.has(right);
    let loses = |right: &str| person.status == Status::Active && person.can(right) && !keeps(right);
    if !loses(own::OVERRIDE_2FA) && !loses(own::ADMINISTER_SITE) {
        return Ok(());
    }
    let others = people::overriders_to_tell(conn, person).await?;
    guard(conn, person, &others).await
}

/// As [`keep_helpers`], for a role that loses rights: all of its holders lose them at once.
pub(super) async fn check_role_change(conn: &mut Conn, role_id: &str, rights: &Rights) -> Result<(), Error> {
    if rights.has(own::OVERRIDE_2FA) {
        return Ok(());
    }
    let holders = crate::store::roles::holders(conn, role_id, 1).await?;
    let Some(holder) = holders.first() else { return Ok(()) };
    let Some(person) = people::find(conn, holder).await? else { return Ok(()) };
    if !person.overrides_two_factor() {
        return Ok(());
    }
    let mut others = people::overriders_to_tell(conn, &person).await?;
    others.retain(|other| other.role.id != role_id);
    guard(conn, &person, &others).await
}

async fn guard(conn: &mut Conn, person: &Person, others: &[Person]) -> Result<(), Error> {
    let top = person.group.as_ref().map(|group| group.top_id.as_str());
    let two_factor = match top {
        Some(top) => groups::two_factor_in_tree(conn, top).await?,
        None => false,
    };
    let left = Left {
        two_factor,
        overriders: others.iter().filter(|other| other.group.is_some()).count(),
        site_administrators: others.iter().filter(|other| other.can(own::ADMINISTER_SITE)).count(),
    };
    Ok(policy::may_lose(&person.role.rights, person.group.is_some(), left)?)
}
