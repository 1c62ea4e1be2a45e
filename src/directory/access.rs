//! Who takes back somebody's sessions, and what apps have been allowed about them?

use std::collections::BTreeSet;

use rand::CryptoRng;

use super::by::{By, standing};
use super::login::fold;
use super::policy::Verdict;
use super::{Error, Person, Tree, listing, people, policy};
use crate::keys::secret::entropy;
use crate::store::access::{self, ListedSession, Live, UserOfClient};
use crate::store::tree_sessions::{self, Page};
use crate::store::{Conn, Db, Tx, sessions, tokens};

/// Of no more sessions, or people who use an app, than these all are looked at for a page in an order that they have no index for.
const FEW: i64 = 2000;

/// The most people that are counted.
pub const COUNTED: i64 = 10_000;

/// How many people have a grant for an app that holds, up to [`COUNTED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeopleOfApp {
    /// Those who may use it.
    pub using: i64,
    /// Those whose groups may not any more, so that it counts for nothing.
    pub barred: i64,
}

impl PeopleOfApp {
    /// All of them.
    #[must_use]
    pub const fn all(self) -> i64 {
        self.using + self.barred
    }
}

/// How many people of a tree use an app that these groups, and those below them, may use; everybody where there is none.
///
/// # Errors
/// When the database refuses.
pub async fn people_of_app(
    conn: &mut Conn,
    tree: &Tree,
    (client_id, allowed): (&str, &[String]),
    now: i64,
) -> Result<PeopleOfApp, Error> {
    let of = (client_id, allowed);
    let (all, using) = access::people_of_client(conn, tree.root_id(), of, now, COUNTED).await?;
    Ok(PeopleOfApp { using, barred: all - using })
}

/// A page of live sessions, and what the next page comes after; none on the last.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// The sessions.
    pub sessions: Vec<ListedSession>,
    /// What the next page comes after.
    pub next: Option<String>,
}

/// In which order sessions are listed, and after which one of the page before.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// By the logins of their people; as they began if not.
    pub by_login: bool,
    /// Whether the newest, or the last logins, come first.
    pub last_first: bool,
    /// What the page before has said; empty for the first.
    pub after: &'a str,
}

/// At most `limit` live sessions of a tree's people, or of one of them.
///
/// # Errors
/// When the database refuses.
pub async fn sessions_of(
    conn: &mut Conn,
    tree: &Tree,
    user_id: Option<&str>,
    live: Live,
    order: Order<'_>,
    limit: usize,
) -> Result<Sessions, Error> {
    let Order { by_login, last_first, after } = order;
    // All of one person have one login.
    let by_login = by_login && user_id.is_none();
    // The id comes first: it has no dot, as a login may.
    let (id, place) = after.split_once('.').unwrap_or(("", ""));
    let first = if last_first { i64::MAX } else { i64::MIN };
    let began = if by_login { None } else { place.parse().ok() };
    let limited = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let page = Page {
        root: tree.root_id(),
        few: user_id.is_none() && listing::has_few(conn, tree).await?,
        user_id,
        live,
        last_first,
        after: began.map_or((first, ""), |at| (at, id)),
        limit: limited,
    };
    let mut sessions = if by_login {
        let few = tree_sessions::count(conn, FEW + 1).await? <= FEW;
        tree_sessions::list_by_login(conn, page, few, (&fold(place), id)).await?
    } else {
        tree_sessions::list(conn, page).await?
    };
    let cut = sessions.len() > limit;
    sessions.truncate(limit);
    let mark = |last: &ListedSession| {
        if by_login {
            format!("{}.{}", last.id, last.login)
        } else {
            format!("{}.{}", last.id, last.created_at)
        }
    };
    let next = sessions.last().filter(|_| cut).map(mark);
    Ok(Sessions { sessions, next })
}

/// The live session of this id, if it is of somebody in the tree, and whose it is.
///
/// # Errors
/// When the database refuses.
pub async fn session_of(
    conn: &mut Conn,
    tree: &Tree,
    id: &str,
    live: Live,
) -> Result<Option<(ListedSession, Person)>, Error> {
    let Some(session) = access::session(conn, id, live).await? else { return Ok(None) };
    let person = tree.user(conn, &session.user_id).await?;
    Ok(person.map(|person| (session, person)))
}

/// Whether whoever acts may end somebody's sessions: the answer that guards it.
///
/// # Errors
/// When the database refuses.
pub async fn may_end(conn: &mut Conn, person: &Person, by: &By) -> Result<Verdict, Error> {
    Ok(policy::may_edit(&by.actor, &standing(conn, person).await?))
}

/// At most `limit` people of a tree who use an app, of `people` as they were counted, by login, that come after the login `after`; the last ones
/// first, or not.
///
/// # Errors
/// When the database refuses.
pub async fn users_of_app(
    conn: &mut Conn,
    tree: &Tree,
    (client_id, people): (&str, PeopleOfApp),
    (last_first, after): (bool, &str),
    limit: i64,
    now: i64,
) -> Result<Vec<UserOfClient>, Error> {
    let (of, after) = ((client_id, people.all() > FEW), fold(after));
    Ok(access::users_of_client(conn, tree.root_id(), of, now, (last_first, &after), limit).await?)
}

/// How many people are named who lose an app.
const NAMED: i64 = 5;

/// The first people of a tree, by login, who use an app now that the groups `before` may use, and those `after` may not: everybody where there is none.
/// And how many there are, up to [`COUNTED`].
///
/// # Errors
/// When the database refuses.
pub async fn losing_app(
    conn: &mut Conn,
    tree: &Tree,
    client_id: &str,
    change: (&[String], &[String]),
    now: i64,
) -> Result<(Vec<UserOfClient>, i64), Error> {
    Ok(access::losing_client(conn, tree.root_id(), client_id, change, now, (NAMED, COUNTED)).await?)
}

/// Ends one live session, and the grants that do not outlive it; its apps are told. Answers whose it was.
///
/// # Errors
/// When there is none, the rules say no, or the database refuses.
pub async fn end_session(
    tx: &mut Tx,
    id: &str,
    live: Live,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<Person, Error> {
    let unknown = || Error::UnknownSession(id.to_owned());
    let session = access::session(tx, id, live).await?.ok_or_else(unknown)?;
    let person = allowed(tx, &session.user_id, by).await?.ok_or_else(unknown)?;
    if !sessions::end(tx, id, by.now()).await? {
        return Err(unknown());
    }
    by.record(by.event("session.ended").user(&person.id).detail("session", id), tx, rng).await?;
    Ok(person)
}

/// Ends every session of somebody, and the grants that do not outlive them; the apps are told. Answers how many there were.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn end_sessions(
    tx: &mut Tx,
    person: &Person,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<u64, Error> {
    let person = allowed(tx, &person.id, by).await?.ok_or(Error::Vanished)?;
    let ended = access::end_sessions(tx, &person.id, by.now()).await?;
    by.record(by.event("session.ended").user(&person.id).detail("sessions", ended), tx, rng).await?;
    Ok(ended)
}

/// How many sessions, or grants, are looked at for those whose they are.
const AT_ONCE: i64 = 200;

/// Ends every live session of everybody, and the grants that do not outlive them, some people at a time; the apps are told. Answers how
/// many there were.
///
/// # Errors
/// When the rules say no, or the database refuses: then some have ended, and others go on.
pub async fn end_every_session(
    db: &Db,
    live: Live,
    by: &By,
    mut progress: impl FnMut(u64),
) -> Result<u64, Error> {
    let mut ended = 0;
    loop {
        let page = access::sessions(&mut db.read().await?, None, live, "", AT_ONCE).await?;
        let people: BTreeSet<String> = page.into_iter().map(|session| session.user_id).collect();
        if people.is_empty() {
            return Ok(ended);
        }
        let mut tx = db.write().await?;
        for id in people {
            if let Some(person) = people::find(&mut tx, &id).await? {
                ended += end_sessions(&mut tx, &person, by, &mut entropy()).await?;
            }
        }
        tx.commit().await?;
        progress(ended);
    }
}

/// Ends every grant of everybody that holds, some people at a time, and forgets what they have agreed to. Answers how many there were.
///
/// # Errors
/// When the rules say no, or the database refuses: then some have ended, and others hold.
pub async fn revoke_every_grant(db: &Db, by: &By, mut progress: impl FnMut(u64)) -> Result<u64, Error> {
    let mut ended = 0;
    loop {
        let page = access::grants(&mut db.read().await?, None, None, by.now(), "", AT_ONCE).await?;
        let people: BTreeSet<String> = page.into_iter().map(|grant| grant.user_id).collect();
        if people.is_empty() {
            return Ok(ended);
        }
        let mut tx = db.write().await?;
        for id in people {
            if let Some(person) = people::find(&mut tx, &id).await? {
                ended += revoke_grants(&mut tx, &person, None, by, &mut entropy()).await?;
            }
        }
        tx.commit().await?;
        progress(ended);
    }
}

/// Ends one grant: its tokens are void, and its app asks anew. Answers whose it was.
///
/// # Errors
/// When there is none, the rules say no, or the database refuses.
pub async fn revoke_grant(tx: &mut Tx, id: &str, by: &By, rng: &mut impl CryptoRng) -> Result<Person, Error> {
    let unknown = || Error::UnknownGrant(id.to_owned());
    let grant = access::grant(tx, id, by.now()).await?.ok_or_else(unknown)?;
    let person = allowed(tx, &grant.user_id, by).await?.ok_or_else(unknown)?;
    if !tokens::end_grant(tx, id, by.now()).await? {
        return Err(unknown());
    }
    access::forget_consent(tx, &person.id, Some(&grant.client_id)).await?;
    let event = by.event("grant.revoked").user(&person.id).client(grant.client_id).detail("grant", id);
    by.record(event, tx, rng).await?;
    Ok(person)
}

/// Ends every grant of somebody, for one app or for all, and forgets what they have agreed to there. Answers how many there were.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn revoke_grants(
    tx: &mut Tx,
    person: &Person,
    client_id: Option<&str>,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<u64, Error> {
    let person = allowed(tx, &person.id, by).await?.ok_or(Error::Vanished)?;
    let ended = access::end_grants(tx, &person.id, client_id, by.now()).await?;
    access::forget_consent(tx, &person.id, client_id).await?;
    let mut event = by.event("grant.revoked").user(&person.id).detail("grants", ended);
    if let Some(client_id) = client_id {
        event = event.client(client_id);
    }
    by.record(event, tx, rng).await?;
    Ok(ended)
}

/// The user, whom nobody else changes until the transaction ends, if the actor may act on them.
async fn allowed(tx: &mut Tx, user_id: &str, by: &By) -> Result<Option<Person>, Error> {
    let Some(person) = people::locked(tx, user_id).await? else { return Ok(None) };
    policy::may_edit(&by.acting(tx).await?, &standing(tx, &person).await?)?;
    Ok(Some(person))
}
