//! What has become of the mail to somebody's people? Those who see the people see it, and nobody sees any other.

use super::Error;
use super::Tree;
use super::by::By;
use super::proof::ViewUsers;
use crate::mail::{Meaning, Unsent, unrefuted};
use crate::store::deliveries::{self, Delivery, Page};
use crate::store::{Conn, Result, messages};

pub use crate::store::deliveries::Which;

/// How long a message that failed is news, in seconds, and the most that are looked at.
const NEWS: (i64, i64) = (86_400, 100);

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

/// The messages of a day that did not get through, newest first; but for those that our own mail server refused before it worked again.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn failing(conn: &mut Conn, by: &By) -> std::result::Result<Vec<Delivery>, Error> {
    let mut found = list(conn, Which::Failed, (i64::MAX, ""), NEWS.1, by).await?;
    let since = (by.now() - NEWS.0) * 1000;
    found.retain(|message| message.created_at_ms > since);
    Ok(unrefuted(conn, found, |m| {
        Unsent::new(&m.address, m.answer.as_deref(), m.done_at, m.attempts, m.next_at)
    })
    .await?)
}

/// What keeps everybody's mail from getting through, as the last words about those that are `failing` say it; none where mail works.
#[must_use]
pub fn down(failing: &[Delivery]) -> Option<Meaning> {
    let last = failing.first()?;
    Some(Meaning::of(last.answer.as_deref().unwrap_or_default())).filter(|meaning| meaning.concerns_all())
}

/// The message of this id, if it went to somebody of the tree.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, tree: &Tree, id: &str) -> Result<Option<Delivery>> {
    deliveries::find(conn, tree.root_id(), id).await
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
