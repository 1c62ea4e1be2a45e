//! How does somebody without a password get to choose one? By a one-time link, which carries its purpose.

use rand::CryptoRng;

use super::by::{By, standing};
use super::{Error, Person, Status, people, policy};
use crate::audit::{Actor, Event};
use crate::keys::secret::{Token, TokenHash};
use crate::store::links::NewLink;
use crate::store::{Conn, Db, links, users};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody with the right to has invited its owner to choose a password.
    Invitation,
    /// Its owner, or somebody in their name, has said that they have forgotten theirs.
    Reset,
}

/// A link that may still be used.
#[derive(Clone, Debug)]
pub struct Link {
    /// Whose it is.
    pub person: Person,
    /// What it is for.
    pub purpose: Purpose,
    /// The sign-in from which it was asked for.
    pub signin_id: Option<String>,
}

/// Somebody who asks for a new password, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The sign-in from which they ask.
    pub signin_id: Option<&'a str>,
    /// The network.
    pub network: &'a str,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
}

impl Purpose {
    const ALL: [Self; 2] = [Self::Invitation, Self::Reset];

    /// What the database knows it by.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Invitation => "choose_password",
            Self::Reset => "reset_password",
        }
    }
}

/// Makes a link for a user, good for `lifetime` seconds; the ones before it are void. Answers the token that the link
/// ends in.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn issue(
    conn: &mut Conn,
    person: &Person,
    lifetime: i64,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<Token, Error> {
    let person = people::locked(conn, &person.id).await?.ok_or(Error::Vanished)?;
    policy::may_edit(&by.acting(conn).await?, &standing(conn, &person).await?)?;
    make(conn, &person, lifetime, by, rng).await
}

/// The same for somebody who has just been added and never had a link: whoever may add somebody like them may invite them, also where
/// they may not edit them afterwards.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn issue_first(
    conn: &mut Conn,
    person: &Person,
    lifetime: i64,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<Token, Error> {
    let person = people::locked(conn, &person.id).await?.ok_or(Error::Vanished)?;
    let is_new = person.status == Status::Invited && !links::had_one(conn, &person.id).await?;
    let standing = standing(conn, &person).await?;
    let actor = by.acting(conn).await?;
    if !is_new {
        policy::may_edit(&actor, &standing)?;
    }
    policy::may_add(&actor, &standing.place, &standing.role)?;
    make(conn, &person, lifetime, by, rng).await
}

async fn make(
    conn: &mut Conn,
    person: &Person,
    lifetime: i64,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<Token, Error> {
    if person.status == Status::Disabled {
        return Err(Error::Disabled(person.login.clone()));
    }
    let (token, now) = (Token::generate(rng), by.now());
    let hash = token.hash();
    links::end_of_user(conn, &person.id, now).await?;
    let new = NewLink {
        token_hash: hash.as_str(),
        purpose: Purpose::Invitation.name(),
        user_id: &person.id,
        signin_id: None,
        expires_at: now + lifetime,
    };
    links::add(conn, new, now).await?;
    by.record(by.event("user.link_issued").user(&person.id), conn, rng).await?;
    Ok(token)
}

/// Makes a link for somebody who has forgotten their password, good for `lifetime` seconds. It ends the one before that was asked
/// for so, and no other: anybody can ask in anybody's name.
///
/// # Errors
/// When the database refuses.
pub async fn issue_reset(
    conn: &mut Conn,
    person: &Person,
    lifetime: i64,
    asked: Asked<'_>,
    rng: &mut impl CryptoRng,
) -> Result<Token, Error> {
    let (token, now) = (Token::generate(rng), asked.now_ms / 1000);
    let hash = token.hash();
    users::lock(conn, &person.id).await?;
    links::end_of_purpose(conn, &person.id, Purpose::Reset.name(), now).await?;
    let new = NewLink {
        token_hash: hash.as_str(),
        purpose: Purpose::Reset.name(),
        user_id: &person.id,
        signin_id: asked.signin_id,
        expires_at: now + lifetime,
    };
    links::add(conn, new, now).await?;
    let event = Event::new("user.reset_requested", Actor::Anonymous).user(&person.id).network(asked.network);
    event.record(conn, asked.now_ms, rng).await?;
    Ok(token)
}

/// The address that a token is handed out in.
#[must_use]
pub fn address(issuer: &str, token: &Token) -> String {
    format!("{}/reset/{}", issuer.trim_end_matches('/'), token.reveal())
}

/// The link that ends in this, if it may still be used to choose a password; a disabled user's may not.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, token: &str, now: i64) -> Result<Option<Link>, Error> {
    let hash = TokenHash::of(token);
    for purpose in Purpose::ALL {
        let Some(row) = links::find(conn, hash.as_str(), purpose.name(), now).await? else { continue };
        let person = people::find(conn, &row.user_id).await?.filter(|p| p.status != Status::Disabled);
        return Ok(person.map(|person| Link { person, purpose, signin_id: row.signin_id }));
    }
    Ok(None)
}

/// Sees to it that a link that was refused as too old stays refused, although a clock may go back.
///
/// # Errors
/// When the database refuses.
pub async fn refuse(db: &Db, token: &str, now: i64) -> Result<(), Error> {
    let hash = TokenHash::of(token);
    // Nobody writes for what was never a link.
    if links::is_expired(&mut db.read().await?, hash.as_str(), now).await? {
        let mut tx = db.write().await?;
        links::bury(&mut tx, hash.as_str(), now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Uses a link up, once and in time.
///
/// # Errors
/// When the database refuses.
pub(super) async fn spend(conn: &mut Conn, token: &str, link: &Link, now: i64) -> Result<bool, Error> {
    Ok(links::spend(conn, TokenHash::of(token).as_str(), link.purpose.name(), now).await?)
}
