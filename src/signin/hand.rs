//! Who gives somebody a code by hand, so that they get in although no mail reaches them?

use super::SignInState;
use super::announce;
use super::challenge::{self, issue_by_hand};
use crate::directory::{self, By, Person, users};
use crate::keys::secret::entropy;
use crate::store::{Tx, seen_ids};

/// The most codes by hand that are announced to one person within so many seconds, whoever of their managers makes them.
const AT_MOST: (u32, i64) = (6, 3600);

/// Why no code is given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules say no, or the database refuses.
    #[error(transparent)]
    Directory(#[from] directory::Error),
    /// It could not be made.
    #[error(transparent)]
    Code(#[from] challenge::Error),
    /// There were many within the hour.
    #[error("too many codes within an hour")]
    TooMany,
}

/// Makes a code that the actor hands to somebody, instead of any made before, and lets their codes work again. They are told by mail, where
/// any reaches them, by whom: it may not have been them who asked.
///
/// # Errors
/// When the rules say no, there were many, or the database or a template fails.
pub async fn give(state: &SignInState, person: &Person, giver: &str, by: &By) -> Result<String, Error> {
    let mut tx = state.db.write().await.map_err(directory::Error::from)?;
    users::may_give_code(&mut tx, person, by).await?;
    let code = issue_by_hand(&mut tx, &state.vault, &state.settings, person, by, &mut entropy()).await?;
    if !may_announce(&mut tx, person, by).await? {
        return Err(Error::TooMany);
    }
    announce::code_by_hand(state, &mut tx, person, giver, by.now_ms).await?;
    tx.commit().await.map_err(directory::Error::from)?;
    announce::deliver_later(state);
    Ok(code)
}

/// Whether one more code may be announced to somebody; whom no mail reaches nobody floods.
async fn may_announce(tx: &mut Tx, person: &Person, by: &By) -> Result<bool, directory::Error> {
    let (most, until) = (AT_MOST.0, by.now() + AT_MOST.1);
    // Whoever has a shell is bound by nothing.
    Ok(by.user_id().is_none()
        || person.deliverable_address().is_none()
        || seen_ids::take_place(tx, "code by hand for", &person.id, most, until, by.now()).await?)
}
