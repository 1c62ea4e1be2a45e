//! Who gives somebody a code by hand, so that they get in although no mail reaches them?

use super::SignInState;
use super::announce;
use super::challenge::{self, issue_by_hand};
use crate::directory::{self, By, Person, users};
use crate::keys::secret::entropy;

/// Why no code is given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules say no, or the database refuses.
    #[error(transparent)]
    Directory(#[from] directory::Error),
    /// It could not be made.
    #[error(transparent)]
    Code(#[from] challenge::Error),
}

/// Makes a code that the actor hands to somebody, instead of any made before, and lets their codes work again. They are told by mail, where
/// any reaches them, by whom: it may not have been them who asked.
///
/// # Errors
/// When the rules say no, or the database or a template fails.
pub async fn give(state: &SignInState, person: &Person, giver: &str, by: &By) -> Result<String, Error> {
    let mut tx = state.db.write().await.map_err(directory::Error::from)?;
    users::may_give_code(&mut tx, person, by).await?;
    let code = issue_by_hand(&mut tx, &state.vault, &state.settings, person, by, &mut entropy()).await?;
    announce::code_by_hand(state, &mut tx, person, giver, by.now_ms).await?;
    tx.commit().await.map_err(directory::Error::from)?;
    announce::deliver_later(state);
    Ok(code)
}
