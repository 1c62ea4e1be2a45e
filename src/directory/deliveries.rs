//! What has become of the mail to somebody's people? Those who see the people see it, and nobody sees any other.

use super::Error;
use super::Tree;
use super::by::By;
use super::proof::ViewUsers;
use crate::store::deliveries::{self, Delivery, Page};
use crate::store::{Conn, Result, messages};

pub use crate::store::deliveries::Which;

/// How far back a server that has taken a message is taken to work, in seconds.
const LATELY: i64 = 86_400;

impl Which {
    /// The word in `?filter=`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
        }
    }

    /// Those of this word; all where there are none.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        [Self::Failed, Self::Waiting].into_iter().find(|which| which.word() == word).unwrap_or(Self::All)
    }
}

/// At most `limit` messages to the people whom the actor may see, newest first, that were made before `(milliseconds since 1970, id)`.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn list(
    conn: &mut Conn,
    which: Which,
    before: (i64, &str),
    limit: i64,
    by: &By,
) -> std::result::Result<Vec<Delivery>, Error> {
    by.prove::<ViewUsers>()?;
    let tree = by.tree();
    let page = Page { root: tree.root_id(), top: tree.top_id(), before, limit };
    Ok(deliveries::list(conn, which, page).await?)
}

/// The message of this id, if it went to somebody of the tree.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, tree: &Tree, id: &str) -> Result<Option<Delivery>> {
    deliveries::find(conn, tree.root_id(), id).await
}

/// When the last message was made that the mail server has taken, of whomever it was, in milliseconds since 1970; none when it has
/// taken none for a day.
///
/// # Errors
/// When the database refuses.
pub async fn last_accepted(conn: &mut Conn, now: i64) -> Result<Option<i64>> {
    deliveries::last_accepted(conn, (now - LATELY) * 1000).await
}

/// How many messages of the whole site wait to be sent, for those who see all of it; none for others.
///
/// # Errors
/// When the database refuses.
pub async fn waiting(conn: &mut Conn, tree: &Tree) -> Result<Option<i64>> {
    if !tree.is_whole_site() {
        return Ok(None);
    }
    Ok(Some(messages::waiting(conn).await?.iter().map(|(_, n)| n).sum()))
}
