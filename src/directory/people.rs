//! Where are people looked up?

use std::collections::HashSet;

use super::address::Address;
use super::by::standing;
use super::login::{Login, fold};
use super::person::{Person, Status, deliverable};
use super::policy::{self, Actor};
use super::rights::{Rights, SITE_ADMINISTRATOR, own};
use super::two_factor::TwoFactor;
use crate::mail::{Meaning, Unsent, Working};
use crate::store::groups::GroupRow;
use crate::store::needs::{self, Doubt, DoubtRow, NeedRow};
use crate::store::users::UserRow;
use crate::store::{Conn, Error, Result, domains, groups, roles, users};

/// How many people are read at once.
const PAGE: i64 = 500;

/// The most people who are told of something.
const TOLD: i64 = 50;

/// The user of this id.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<Person>> {
    users::find(conn, id).await?.map(Person::from_row).transpose()
}

/// Whether somebody administers the site, or will once they have chosen a password.
///
/// # Errors
/// When the database refuses.
pub async fn has_site_administrator(conn: &mut Conn) -> Result<bool> {
    match roles::find_named(conn, None, &fold(SITE_ADMINISTRATOR.name)).await? {
        Some(role) => Ok(roles::count_holders(conn, &role.id).await? > 0),
        None => Ok(false),
    }
}

/// The user of this id as they are now, whom nobody else changes until the transaction ends: what the rules are asked about. A row that
/// was read before may be of somebody who is another by now.
pub(super) async fn locked(conn: &mut Conn, id: &str) -> Result<Option<Person>> {
    users::lock(conn, id).await?;
    find(conn, id).await
}

/// Whether somebody has this login already, as it is seen now: whoever adds a user is told for good.
///
/// # Errors
/// When the database refuses.
pub async fn has_login(conn: &mut Conn, login: &Login) -> Result<bool> {
    users::has_namesake(conn, &login.key(), "").await
}

/// The user of this login, however it is spelt.
///
/// # Errors
/// When the database refuses.
pub async fn find_by_login(conn: &mut Conn, login: &Login) -> Result<Option<Person>> {
    users::find_by_login(conn, &login.key()).await?.map(Person::from_row).transpose()
}

/// Whom somebody means by what they have typed as login: the user of this login, or else the one active user of this email address. Where
/// several have it, it is the one's who has shown that they read its mailbox: nobody takes it from them by writing it down for
/// somebody else.
///
/// # Errors
/// When the database refuses.
pub async fn find_by_login_or_email(conn: &mut Conn, typed: &Login) -> Result<Option<Person>> {
    let by_login = users::find_by_login(conn, &typed.key()).await?;
    // Asked in any case: whether somebody has this login must not show in the time that the answer takes.
    let by_email = match Address::key_of(typed.as_str()) {
        Some(key) => only(users::find_by_email(conn, &key, 2).await?),
        None => None,
    };
    by_login.or(by_email).map(Person::from_row).transpose()
}

/// The one whose address it is, of those who have it.
fn only(mut holders: Vec<UserRow>) -> Option<UserRow> {
    let verified = holders.iter().filter(|holder| holder.email_verified_at.is_some()).count();
    let is_one = holders.len() == 1 || verified == 1;
    is_one.then(|| holders.swap_remove(0))
}

/// Who may have forgotten a password: as [`find_by_login_or_email`], but of several who have an address everybody, since the mailbox is the
/// same for all of them.
///
/// # Errors
/// When the database refuses.
pub async fn all_by_login_or_email(conn: &mut Conn, typed: &Login) -> Result<Vec<Person>> {
    let by_login = users::find_by_login(conn, &typed.key()).await?;
    let by_email = match Address::key_of(typed.as_str()) {
        Some(key) => users::find_by_email(conn, &key, SHARED).await?,
        None => Vec::new(),
    };
    let rows = by_login.map_or(by_email, |row| vec![row]);
    rows.into_iter().map(Person::from_row).collect()
}

/// The most people of one address who are written to.
const SHARED: i64 = 3;

/// Whom a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Those with this status.
    Status(Status),
    /// Those who need a code where two-factor is on, and have no address that it could go to.
    NoAddress,
    /// Those whose codes are stopped after too many wrong ones.
    CodesStopped,
    /// Those whose last message did not reach the address that they have.
    Undelivered,
    /// The active holders of `override_2fa`.
    Override,
}

impl Filter {
    /// Whether it shows this person, who is known to be one of the few where it asks for those.
    fn shows(self, person: &Person) -> bool {
        match self {
            Self::Status(status) => person.status == status,
            Self::NoAddress => {
                person.status != Status::Disabled
                    && !person.overrides_two_factor()
                    && person.deliverable_address().is_none()
            }
            Self::CodesStopped | Self::Undelivered | Self::Override => true,
        }
    }
}

/// At most `limit` people, of one group or of all, by login, that come after the login `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    conn: &mut Conn,
    group_id: Option<&str>,
    filter: Option<Filter>,
    after: &str,
    limit: usize,
) -> Result<Vec<Person>> {
    let (mut found, mut after) = (Vec::new(), fold(after));
    loop {
        let rows = match filter {
            Some(Filter::CodesStopped) => users::list_stopped(conn, group_id, &after, PAGE).await?,
            Some(Filter::Override) => users::list_overriders(conn, group_id, &after, PAGE).await?,
            Some(Filter::Undelivered) => users::list_undelivered(conn, group_id, &after, PAGE).await?,
            _ => users::list(conn, group_id, &after, PAGE).await?,
        };
        let Some(last) = rows.last() else { return Ok(found) };
        after = fold(&last.login);
        for row in rows {
            let person = Person::from_row(row)?;
            let refuted =
                filter == Some(Filter::Undelivered) && undelivered(conn, &person.id).await?.is_none();
            if !refuted && filter.is_none_or(|filter| filter.shows(&person)) {
                found.push(person);
            }
            if found.len() == limit {
                return Ok(found);
            }
        }
    }
}

/// What decides whether somebody can be sent a code, and needs one.
#[derive(Clone, Debug)]
pub struct Need {
    /// The user's id.
    pub id: String,
    /// What the login is compared by, which a next page comes after.
    pub key: String,
    /// Their login.
    pub login: String,
    /// Their group; none for a site administrator.
    pub group_id: Option<String>,
    /// The top-level group of its tree.
    pub top_id: Option<String>,
    /// Whether they may sign in, or have not chosen a password yet.
    pub status: Status,
    /// Whether there is an address that a code could go to.
    pub has_address: bool,
    /// Whether they sign in with the password alone all the same.
    pub overrides: bool,
    /// Whether their codes are stopped after too many wrong ones.
    pub codes_stopped: bool,
    /// Their group's setting.
    pub two_factor: TwoFactor,
    /// What the mail server said of the last message, if that did not reach the address that they have; what our own refused for reasons
    /// of its own counts until mail works again.
    pub undelivered: Option<String>,
}

impl Need {
    /// What the rows say, and what has become of mail since.
    pub(super) async fn all_from_rows(conn: &mut Conn, rows: Vec<NeedRow>) -> Result<Vec<Self>> {
        let working = working(conn, rows.iter().map(|row| row.undelivered.as_deref())).await?;
        rows.into_iter().map(|row| Self::from_row(row, &working)).collect()
    }

    /// The same of those of a group who are active and in one doubt.
    pub(super) async fn all_in_doubt(
        conn: &mut Conn,
        group: &GroupRow,
        doubt: Doubt,
        rows: Vec<DoubtRow>,
    ) -> Result<Vec<Self>> {
        let working = working(conn, rows.iter().map(|row| row.undelivered.as_deref())).await?;
        let two_factor = TwoFactor::of(group)?;
        let need = |row: DoubtRow| Self {
            undelivered: undelivered_still(
                row.undelivered,
                row.unreached.as_deref(),
                row.undelivered_at,
                &working,
            ),
            group_id: Some(group.id.clone()),
            top_id: Some(group.top_id.clone()),
            status: Status::Active,
            has_address: true,
            overrides: row.overrides,
            codes_stopped: doubt == Doubt::Stopped,
            two_factor,
            id: row.id,
            key: row.login_key,
            login: row.login,
        };
        Ok(rows.into_iter().map(need).collect())
    }

    fn from_row(row: NeedRow, working: &Working) -> Result<Self> {
        let bad = |table, column| Error::BadRow { table, column, row: row.login.clone() };
        let rights = Rights::parse(&row.role_rights).map_err(|_| bad("roles", "rights"))?;
        let setting = row.two_factor_setting.as_deref().unwrap_or(TwoFactor::Off.name());
        Ok(Self {
            two_factor: TwoFactor::from_name(setting).ok_or_else(|| bad("groups", "two_factor_setting"))?,
            status: Status::from_name(&row.status).ok_or_else(|| bad("users", "status"))?,
            has_address: deliverable(row.email.as_deref(), &row.login).is_some(),
            overrides: rights.has(own::OVERRIDE_2FA),
            codes_stopped: row.stopped_at.is_some(),
            undelivered: undelivered_still(
                row.undelivered,
                row.unreached.as_deref(),
                row.undelivered_at,
                working,
            ),
            group_id: row.group_id,
            top_id: row.top_id,
            id: row.id,
            key: row.login_key,
            login: row.login,
        })
    }
}

/// What was said of a message to this address at this time, if that still counts.
fn undelivered_still(
    answer: Option<String>,
    address: Option<&str>,
    answered_at: Option<i64>,
    working: &Working,
) -> Option<String> {
    let (address, answered_at) = (address.unwrap_or_default(), answered_at.unwrap_or(i64::MAX));
    answer.filter(|answer| !working.refutes(Unsent { address, answer, answered_at }))
}

/// Since when mail works again, where one of these answers says that it did not for anybody.
async fn working<'a>(conn: &mut Conn, answers: impl Iterator<Item = Option<&'a str>>) -> Result<Working> {
    // To read one takes longer than to see that it is another one's: a server says the same to many.
    let answers: HashSet<&str> = answers.flatten().collect();
    let ours = answers.into_iter().any(|answer| Meaning::of(answer).concerns_all());
    if ours { Working::load(conn).await } else { Ok(Working::default()) }
}

/// At most `limit` of those of a group who are not disabled, by login, and the key that the next ones come after; none after the last.
///
/// # Errors
/// When the database refuses.
pub async fn needs(
    conn: &mut Conn,
    group_id: &str,
    after: &str,
    limit: usize,
) -> Result<(Vec<Need>, Option<String>)> {
    let limit = i64::try_from(limit).unwrap_or(PAGE).min(PAGE);
    let rows = needs::of_group(conn, group_id, after, limit).await?;
    let next = rows.last().map(|row| row.login_key.clone());
    Ok((Need::all_from_rows(conn, rows).await?, next))
}

/// The same of those who hold a role.
///
/// # Errors
/// When the database refuses.
pub async fn needs_of_role(
    conn: &mut Conn,
    role_id: &str,
    after: &str,
    limit: usize,
) -> Result<(Vec<Need>, Option<String>)> {
    let limit = i64::try_from(limit).unwrap_or(PAGE).min(PAGE);
    let rows = needs::of_role(conn, role_id, after, limit).await?;
    let next = rows.last().map(|row| row.login_key.clone());
    Ok((Need::all_from_rows(conn, rows).await?, next))
}

/// The same of one person.
///
/// # Errors
/// When they are gone, or the database refuses.
pub async fn need(conn: &mut Conn, person: &Person) -> std::result::Result<Need, super::Error> {
    need_of(conn, &person.id).await?.ok_or(super::Error::Vanished)
}

/// What the mail server said of the last message to somebody, if that did not reach the address that they have; what our own refused for
/// reasons of its own counts until mail works again.
///
/// # Errors
/// When the database refuses.
pub async fn undelivered(conn: &mut Conn, user_id: &str) -> Result<Option<String>> {
    Ok(need_of(conn, user_id).await?.and_then(|need| need.undelivered))
}

async fn need_of(conn: &mut Conn, user_id: &str) -> Result<Option<Need>> {
    let rows = needs::of_user(conn, user_id).await?.into_iter().collect();
    Ok(Need::all_from_rows(conn, rows).await?.pop())
}

/// Whether a person's address counts as theirs: they have shown that they read its mailbox, or somebody vouches for it, or for all
/// addresses of its domain in their group.
///
/// # Errors
/// When the database refuses.
pub async fn is_email_vouched_for(conn: &mut Conn, person: &Person) -> Result<bool> {
    let Some(email) = person.email.as_deref().filter(|email| !email.is_empty()) else { return Ok(false) };
    match (&person.group, email.rsplit_once('@')) {
        _ if person.email_verified_at.is_some() => Ok(true),
        (Some(group), Some((_, domain))) => domains::is_vouched_for(conn, &group.id, domain).await,
        _ => Ok(false),
    }
}

/// The active holders of `override_2fa` in a tree, and the site administrators: who can still sign in when codes fail.
///
/// # Errors
/// When the database refuses.
pub async fn overriders(conn: &mut Conn, top_id: Option<&str>) -> Result<Vec<Person>> {
    users::seniors(conn, top_id, TOLD).await?.into_iter().map(Person::from_row).collect()
}

/// Who is told that this person has used their override: the others who hold one in the tree, and the site
/// administrators.
///
/// # Errors
/// When the database refuses.
pub async fn overriders_to_tell(conn: &mut Conn, person: &Person) -> Result<Vec<Person>> {
    let top = person.group.as_ref().map(|group| group.top_id.as_str());
    let mut others = overriders(conn, top).await?;
    others.retain(|other| other.id != person.id);
    Ok(others)
}

/// Who can give this person an address or a new password: those who manage users in their groups and rank higher, and the site
/// administrators.
///
/// # Errors
/// When the database refuses.
pub async fn managers_of(conn: &mut Conn, person: &Person) -> Result<Vec<Person>> {
    let group_id = person.group.as_ref().map(|group| group.id.as_str());
    let (theirs, mut may) = (standing(conn, person).await?, Vec::new());
    for row in users::managers(conn, group_id, &person.id, TOLD).await? {
        let manager = Person::from_row(row)?;
        let actor = Actor::User(standing(conn, &manager).await?);
        if policy::may_edit(&actor, &theirs).is_ok() {
            may.push(manager);
        }
    }
    Ok(may)
}

/// The paths of a person's groups, their own first, then those that it is part of: the `groups` claim.
///
/// # Errors
/// When the database refuses.
pub async fn group_paths(conn: &mut Conn, person: &Person) -> Result<Vec<String>> {
    let Some(group) = &person.group else { return Ok(Vec::new()) };
    let lineage = groups::lineage(conn, &group.id).await?;
    let names: Vec<&str> = lineage.iter().rev().map(|group| group.name.as_str()).collect();
    Ok((1..=names.len()).rev().filter_map(|depth| names.get(..depth)).map(|path| path.join("/")).collect())
}

/// The ids of a person's group and of those that it is part of.
///
/// # Errors
/// When the database refuses.
pub async fn group_ids(conn: &mut Conn, person: &Person) -> Result<Vec<String>> {
    let Some(group) = &person.group else { return Ok(Vec::new()) };
    Ok(groups::lineage(conn, &group.id).await?.into_iter().map(|group| group.id).collect())
}
