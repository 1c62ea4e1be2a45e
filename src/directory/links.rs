//! How does somebody without a password get to choose one? By a one-time link, which carries its purpose.

use rand::CryptoRng;

use super::by::{By, standing};
use super::{Error, Person, Status, people, policy};
use crate::keys::secret::{Token, TokenHash};
use crate::store::{Conn, links, users};

/// The purpose that a link for choosing a password is kept under.
const CHOOSE_PASSWORD: &str = "choose_password";

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
    policy::may_edit(&by.actor, &standing(conn, person).await?)?;
    if person.status == Status::Disabled {
        return Err(Error::Disabled(person.login.clone()));
    }
    let (token, now) = (Token::generate(rng), by.now());
    users::lock(conn, &person.id).await?;
    links::end_of_user(conn, &person.id, now).await?;
    links::add(conn, token.hash().as_str(), CHOOSE_PASSWORD, &person.id, now, now + lifetime).await?;
    by.record(by.event("user.link_issued").user(&person.id), conn, rng).await?;
    Ok(token)
}

/// The address that a token is handed out in.
#[must_use]
pub fn address(issuer: &str, token: &Token) -> String {
    format!("{}/reset/{}", issuer.trim_end_matches('/'), token.reveal())
}

/// Whose link this is, if it may still be used; a disabled user's may not.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, token: &str, now: i64) -> Result<Option<Person>, Error> {
    match links::find(conn, TokenHash::of(token).as_str(), CHOOSE_PASSWORD, now).await? {
        Some(user_id) => {
            Ok(people::find(conn, &user_id).await?.filter(|person| person.status != Status::Disabled))
        }
        None => Ok(None),
    }
}

/// Uses a link up, once and in time.
///
/// # Errors
/// When the database refuses.
pub async fn spend(conn: &mut Conn, token: &str, now: i64) -> Result<bool, Error> {
    Ok(links::spend(conn, TokenHash::of(token).as_str(), CHOOSE_PASSWORD, now).await?)
}
