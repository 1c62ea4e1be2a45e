//! How are users added, changed and removed?

use rand::CryptoRng;

pub use super::past::{Past, place_of};

use super::by::{By, place, standing};
use super::groups::check_name;
use super::links::{Link, Purpose};
use super::login::{self, fold};
use super::namesake::{self, is_taken, looks_taken};
use super::person::deliverable;
use super::policy::{self, Actor, After, Place, Refusal, RoleFacts};
use super::seen::Seen;
use super::{
    Address, Claim, ClaimChanges, Error, HomeGroup, Login, Person, Role, Status, help, history, links,
    people, roles, stranded,
};
use crate::audit::Event;
use crate::keys::secret::new_id;
use crate::store::groups::{self, GroupRow};
use crate::store::moved::Bringing;
use crate::store::roles::RoleRow;
use crate::store::users::{self, UserFields};
use crate::store::{self, Conn, Tx, challenges, failures, known_browsers, sessions, signins};

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
    /// Whether the actor vouches for the address; taken back by false, and by a new address.
    pub email_verified: Option<bool>,
    /// Whether they may sign in.
    pub status: Option<Status>,
    /// The group.
    pub group: Option<GroupRow>,
    /// Out of every group, to the site itself.
    pub to_site: bool,
    /// The role, of the group's tree.
    pub role: Option<RoleRow>,
    /// The standard claims.
    pub claims: ClaimChanges,
    /// What the actor has seen of the user before: what is no longer so is not overwritten.
    pub seen: Seen,
}

/// Adds a user.
///
/// # Errors
/// When the login is taken, the rules say no, or the database refuses.
pub async fn add(tx: &mut Tx, new: NewUser<'_>, by: &By, rng: &mut impl CryptoRng) -> Result<Person, Error> {
    let place = place_of(tx, new.group).await?;
    let invited = new.password_hash.is_none();
    let id = take_in(tx, new, &place, Past::default(), by, rng).await?;
    let person = people::find(tx, &id).await?.ok_or(Error::Vanished)?;
    if invited {
        // Whoever may give a role of their own rank may not edit its holders.
        stranded::refuse(tx, &person, by, Error::AddressLater).await?;
    }
    Ok(person)
}

/// Adds a user who was one elsewhere, to the place of their group; answers their id.
///
/// # Errors
/// When the login is taken, or apps know another by the same id; when the rules say no, or the database refuses.
pub async fn take_in(
    tx: &mut Tx,
    new: NewUser<'_>,
    place: &Place,
    past: Past<'_>,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<String, Error> {
    let group_id = new.group.map(|group| group.id.as_str());
    let role = roles::now(tx, new.role).await?;
    policy::may_add(&by.acting(tx).await?, place, &roles::facts(&role)?)?;
    let id = new_id(rng);
    // Who was somebody elsewhere keeps the login that they had there, whatever it looks like.
    if past.from.is_none() {
        namesake::refuse_taken(tx, new.login, &id, by.now()).await?;
    } else if is_taken(tx, &new.login.key(), &id, by.now()).await? {
        return Err(Error::LoginTaken(new.login.to_string()));
    }
    let status = match new.password_hash {
        _ if past.disabled => Status::Disabled,
        Some(_) => Status::Active,
        None => Status::Invited,
    };
    let (name, email) = (new.name.map(check_name).transpose()?, new.email.map(Address::as_str));
    let fields = UserFields {
        id: &id,
        login: new.login.as_str(),
        login_key: &new.login.key(),
        name,
        email,
        status: status.name(),
        group_id,
        role_id: &role.id,
        addressless: deliverable(new.email.map(Address::as_str), new.login.as_str()).is_none(),
    };
    let with = Bringing { password_hash: new.password_hash, legacy_id: past.legacy_id };
    let added = users::add(tx, fields, with, by.now()).await;
    added.map_err(|e| Error::or_taken(e, Error::LoginTaken(new.login.to_string())))?;
    let facts = [("name", name), ("email", email), ("from", past.from)];
    let mut event = history::added(by.event("user.added").user(&id).detail("role", role.name), facts);
    if let Some(group_id) = group_id {
        event = event.group(group_id);
    }
    by.record(event, tx, rng).await?;
    Ok(id)
}

/// Changes a user. A new login, email, role, group or status ends their pending codes (those given by hand too), sign-ins
/// and links; being disabled ends their sessions too. A new name or claim ends nothing. What is so already, and was not when it was seen,
/// is not changed once more.
///
/// # Errors
/// When the login is taken, the rules say no, or the database refuses.
pub async fn set(
    tx: &mut Tx,
    person: &Person,
    changes: Changes,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<Person, Error> {
    let person = locked(tx, person, changes.group.as_ref(), changes.to_site).await?;
    let Some(changes) = changes.still_to_make(&person)? else { return Ok(person) };
    changes.refuse_changed_since(tx, &person).await?;
    let after = after(tx, &person, &changes).await?;
    let others = stranded::others(tx, &person).await?;
    let standing = standing(tx, &person).await?;
    let actor = by.acting(tx).await?;
    policy::may_change(&actor, &standing, &after, others)?;
    for claim in changes.claims.claims() {
        policy::may_set_claim(&actor, &standing, claim.name(), claim.is_vouched())?;
    }
    refuse_own_word(tx, &person, &changes, by).await?;
    let login = changes.login.clone().map_or_else(|| Login::parse(&person.login), Ok)?;
    let email = match &changes.email {
        Some(email) => email.as_ref().map(Address::as_str),
        None => person.email.as_deref(),
    };
    let name = match changes.name.as_deref().map(str::trim) {
        Some("") => None,
        Some(name) => Some(check_name(name)?),
        None => person.name.as_deref(),
    };
    let fields = UserFields {
        id: &person.id,
        login: login.as_str(),
        login_key: &login.key(),
        name,
        email,
        status: after.status.name(),
        group_id: after.place.lineage.first().map(String::as_str),
        role_id: &after.role.id,
        addressless: deliverable(email, login.as_str()).is_none(),
    };
    if changes.login.is_some() {
        namesake::refuse_taken(tx, &login, &person.id, by.now()).await?;
    }
    let done = users::set(tx, fields, by.now()).await;
    done.map_err(|e| Error::or_taken(e, Error::LoginTaken(login.to_string())))?;
    if let Some(verified) = changes.email_verified {
        policy::may_vouch(&actor, Some(&standing))?;
        if verified && email.is_none() {
            return Err(Error::NoEmail);
        }
        users::vouch_for_email(tx, &person.id, verified.then_some(by.now())).await?;
    }
    if !changes.claims.is_empty() {
        set_claims(tx, &person, &changes.claims, by.now()).await?;
    }
    end_what_stood_on(tx, &person, &changes, after.status, by.now()).await?;
    let now = people::find(tx, &person.id).await?.ok_or(Error::Vanished)?;
    if changes.role.is_some() {
        stranded::refuse(tx, &now, by, Error::AddressFirst).await?;
    }
    by.record(history::changed(by.event("user.changed"), &person, &now, &changes), tx, rng).await?;
    if matches!(changes.email, Some(Some(_))) {
        help::closed(tx, &person, help::End::Fixed, by, rng).await?;
    }
    Ok(now)
}

/// Who a user would be after a change of their address, group, role or status that the rules allow, for whoever shows first what it
/// would do.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn would_be(conn: &mut Conn, person: &Person, changes: &Changes, by: &By) -> Result<Person, Error> {
    let after = after(conn, person, changes).await?;
    let others = stranded::others(conn, person).await?;
    policy::may_change(&by.actor, &standing(conn, person).await?, &after, others)?;
    let role = match &changes.role {
        Some(row) => {
            Role { id: row.id.clone(), name: row.name.clone(), rank: row.rank, rights: after.role.rights }
        }
        None => person.role.clone(),
    };
    let group = match &changes.group {
        Some(row) => Some(HomeGroup::of(row)?),
        None if changes.to_site => None,
        None => person.group.clone(),
    };
    let email = match &changes.email {
        Some(email) => email.as_ref().map(ToString::to_string),
        None => person.email.clone(),
    };
    Ok(Person { status: after.status, role, group, email, ..person.clone() })
}

/// Ends what was begun by somebody who is now another: pending codes, sign-ins and links; sessions too of whoever is disabled.
async fn end_what_stood_on(
    tx: &mut Tx,
    person: &Person,
    changes: &Changes,
    status: Status,
    now: i64,
) -> Result<(), Error> {
    if changes.touch_the_sign_in() {
        signins::forget_user(tx, &person.id, now).await?;
        challenges::end_hand_codes(tx, &person.id).await?;
        store::links::end_of_user(tx, &person.id, now).await?;
    }
    if status == Status::Disabled {
        sessions::end_user(tx, &person.id, now).await?;
        known_browsers::forget_user(tx, &person.id).await?;
    }
    Ok(())
}

/// Where a domain is vouched for, nobody writes an address in it down for themselves: it would be believed.
async fn refuse_own_word(tx: &mut Tx, person: &Person, changes: &Changes, by: &By) -> Result<(), Error> {
    let (Some(Some(address)), Actor::User(user), Some(group)) = (&changes.email, &by.actor, &person.group)
    else {
        return Ok(());
    };
    let believed = store::domains::is_vouched_for(tx, &group.id, address.domain()).await?;
    if user.id == person.id && believed {
        return Err(Refusal::OwnWord("address in a domain that is vouched for").into());
    }
    Ok(())
}

/// Writes the claims down. An app may tell people apart by `preferred_username`, so it is nobody else's.
async fn set_claims(tx: &mut Tx, person: &Person, changes: &ClaimChanges, now: i64) -> Result<(), Error> {
    let after = person.claims.after(changes);
    let preferred = after.get(Claim::PreferredUsername);
    let key = preferred.map(fold);
    let taken = || Error::UsernameTaken(preferred.unwrap_or_default().to_owned());
    if let Some(name) = preferred
        && (is_taken(tx, &fold(name), &person.id, now).await?
            || looks_taken(tx, name, &person.id, now).await?)
    {
        return Err(taken());
    }
    let written = serde_json::Value::from(after.to_json()).to_string();
    let done = users::set_claims(tx, &person.id, &written, key.as_deref(), now).await;
    done.map(|_| ()).map_err(|e| Error::or_taken(e, taken()))
}

/// Gives a user a new password. Their sessions, grants, pending codes and links end, their browsers are known no longer, and
/// what was found wrong before is forgotten.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn set_password(
    tx: &mut Tx,
    person: &Person,
    password_hash: &str,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<(), Error> {
    let person = people::locked(tx, &person.id).await?.ok_or(Error::Vanished)?;
    policy::may_edit(&by.acting(tx).await?, &standing(tx, &person).await?)?;
    challenges::end_hand_codes(tx, &person.id).await?;
    let event = by.event("user.password_changed").detail("how", "set");
    replace_password(tx, &person, password_hash, event, by, rng).await
}

/// Uses a link up and gives its owner the password that they have chosen, from this network. None when the link can no longer
/// be used: then nothing has changed.
///
/// # Errors
/// When the database refuses.
pub async fn choose_password(
    tx: &mut Tx,
    token: &str,
    password_hash: &str,
    network: &str,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<Option<Link>, Error> {
    let Some(link) = links::find(tx, token, now_ms / 1000).await? else { return Ok(None) };
    let person = &link.person;
    // Before the link, which a change of the user ends: that locks the user first too.
    users::lock(tx, &person.id).await?;
    if !links::spend(tx, token, &link, now_ms / 1000).await? {
        return Ok(None);
    }
    let how = match link.purpose {
        Purpose::Invitation => "invitation",
        Purpose::Reset => "reset",
    };
    if link.purpose == Purpose::Reset {
        // An invitation and a code may have been handed over together.
        challenges::end_hand_codes(tx, &person.id).await?;
    }
    let by = By::user(tx, person, now_ms).await?;
    let event = by.event("user.password_changed").detail("how", how).network(network);
    replace_password(tx, person, password_hash, event, &by, rng).await?;
    Ok(Some(link))
}

/// Gives a user the longer password that they have chosen in a sign-in, from this network. False when they have another one by now
/// than the one that they have proven there: then nothing has changed.
///
/// # Errors
/// When the database refuses.
pub async fn choose_longer_password(
    tx: &mut Tx,
    person: &Person,
    password_hash: &str,
    network: &str,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<bool, Error> {
    let proven = person.password_hash.as_deref().unwrap_or_default();
    if !users::lock_with_password(tx, &person.id, proven).await? {
        return Ok(false);
    }
    challenges::end_hand_codes(tx, &person.id).await?;
    let by = By::user(tx, person, now_ms).await?;
    let event = by.event("user.password_changed").detail("how", "sign_in").network(network);
    replace_password(tx, person, password_hash, event, &by, rng).await?;
    Ok(true)
}

async fn replace_password(
    tx: &mut Tx,
    person: &Person,
    password_hash: &str,
    event: Event,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<(), Error> {
    let now = by.now();
    users::set_password(tx, &person.id, password_hash, now).await?;
    // Before the sign-ins, as whoever writes a failure down does.
    forget_failures(tx, person).await?;
    signins::forget_user(tx, &person.id, now).await?;
    known_browsers::forget_user(tx, &person.id).await?;
    sessions::end_user(tx, &person.id, now).await?;
    store::links::end_of_user(tx, &person.id, now).await?;
    challenges::clear_budget(tx, &person.id).await?;
    Ok(by.record(event.user(&person.id), tx, rng).await?)
}

/// Lets a user try again at once, after too many wrong passwords or codes.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn unlock(tx: &mut Tx, person: &Person, by: &By, rng: &mut impl CryptoRng) -> Result<(), Error> {
    let person = people::locked(tx, &person.id).await?.ok_or(Error::Vanished)?;
    policy::may_unlock(&by.acting(tx).await?, &standing(tx, &person).await?)?;
    forget_failures(tx, &person).await?;
    challenges::clear_budget(tx, &person.id).await?;
    by.record(by.event("user.unlocked").user(&person.id), tx, rng).await?;
    help::closed(tx, &person, help::End::Fixed, by, rng).await?;
    Ok(())
}

/// Whether somebody may hand a code to a user: whoever may unlock them, since it stands in for what they cannot show.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn may_give_code(tx: &mut Tx, person: &Person, by: &By) -> Result<(), Error> {
    let person = people::locked(tx, &person.id).await?.ok_or(Error::Vanished)?;
    Ok(policy::may_unlock(&by.acting(tx).await?, &standing(tx, &person).await?)?)
}

/// Whether somebody may change what says nothing about a user's rank, and so try whether mail reaches them.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn may_edit(conn: &mut Conn, person: &Person, by: &By) -> Result<(), Error> {
    Ok(policy::may_edit(&by.acting(conn).await?, &standing(conn, person).await?)?)
}

/// Forgets the wrong passwords that were typed for a user, in every browser and network.
async fn forget_failures(tx: &mut Tx, person: &Person) -> Result<(), Error> {
    Ok(failures::clear_account(tx, &login::hashed(&fold(&person.login))).await?)
}

/// Deletes a user, and everything that hangs from them but the audit log.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn delete(tx: &mut Tx, person: &Person, by: &By, rng: &mut impl CryptoRng) -> Result<(), Error> {
    let person = locked(tx, person, None, false).await?;
    users::lock(tx, &person.id).await?;
    let others = stranded::others(tx, &person).await?;
    policy::may_delete(&by.acting(tx).await?, &standing(tx, &person).await?, others)?;
    // Before their rows go, so that the apps are told, and the event knows their login.
    sessions::end_user(tx, &person.id, by.now()).await?;
    let event = by.event("user.deleted").user(&person.id).detail("login", person.login.as_str());
    by.record(event, tx, rng).await?;
    users::delete(tx, &person.id).await?;
    Ok(())
}

impl Changes {
    /// Whether a sign-in that has begun was begun by somebody who is now another.
    const fn touch_the_sign_in(&self) -> bool {
        self.login.is_some()
            || self.email.is_some()
            || self.status.is_some()
            || self.group.is_some()
            || self.to_site
            || self.role.is_some()
    }
}

/// The person as they are once nobody else can change who holds what in their tree, and in the one that they move to.
async fn locked(
    tx: &mut Tx,
    person: &Person,
    moves_to: Option<&GroupRow>,
    to_site: bool,
) -> Result<Person, Error> {
    let top = |person: &Person| person.group.as_ref().map(|group| group.top_id.clone());
    let here = top(person);
    if here.is_none() || to_site {
        store::roles::lock_site(tx).await?;
    }
    let mut trees: Vec<&str> = here.as_deref().into_iter().collect();
    trees.extend(moves_to.map(|group| group.top_id.as_str()));
    // In the order of their ids, so that two moves in opposite directions do not wait for each other for ever.
    trees.sort_unstable();
    trees.dedup();
    for tree in trees {
        groups::lock(tx, tree).await?;
    }
    let now = people::find(tx, &person.id).await?.ok_or(Error::Vanished)?;
    if top(&now) == here { Ok(now) } else { Err(Error::Moved) }
}

async fn after(conn: &mut Conn, person: &Person, changes: &Changes) -> Result<After, Error> {
    let group_id = match &changes.group {
        Some(group) => Some(group.id.as_str()),
        None if changes.to_site => None,
        None => person.group.as_ref().map(|group| group.id.as_str()),
    };
    let role = match &changes.role {
        Some(role) => roles::facts(&roles::now(conn, role).await?)?,
        None => RoleFacts::of(person),
    };
    let status = match changes.status {
        // Without a password there is nothing to sign in with yet.
        Some(Status::Active) if person.password_hash.is_none() => Status::Invited,
        Some(status) => status,
        None => person.status,
    };
    Ok(After { status, place: place(conn, group_id).await?, role })
}
