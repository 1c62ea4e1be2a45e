//! What has become of the mail to somebody's people? Those who see the people see it, and nobody sees any other.

use super::Error;
use super::Tree;
use super::by::By;
use super::proof::ViewUsers;
use crate::mail::{Meaning, Unsent, unrefuted};
use crate::store::deliveries::{self, Delivery, Page};
use crate::store::{Conn, Result, messages};

pub use crate::store::deliveries::Which;

/// How long a message that failed is news, in seconds.
pub const NEWS: i64 = 86_400;

/// The most of those that are looked at: whoever tells of so many says "or more".
pub const MOST: usize = 50;

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

/// The most messages that failed of which it is asked whether something is left to do.
const LOOKED_AT: i64 = 500;

/// At most `limit` messages to the people whom the actor may see, the newest or the oldest first, that come after `after` of the page before;
/// empty for the first.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn list(
    conn: &mut Conn,
    which: Which,
    (oldest_first, after): (bool, &str),
    limit: i64,
    by: &By,
) -> std::result::Result<Vec<Delivery>, Error> {
    by.prove::<ViewUsers>()?;
    let tree = by.tree();
    let after = cursor(oldest_first, after);
    let page = Page { root: tree.root_id(), top: tree.top_id(), oldest_first, after, limit };
    Ok(deliveries::list(conn, which, page).await?)
}

/// What the messages of the next page come after.
#[must_use]
pub fn mark(message: &Delivery) -> String {
    format!("{}.{}", message.created_at_ms, message.id)
}

/// Where a page begins: a moment and an id, as [`mark`] has said them.
fn cursor(oldest_first: bool, after: &str) -> (i64, &str) {
    let parsed = after.split_once('.').and_then(|(at, id)| Some((at.parse::<i64>().ok()?, id)));
    parsed.unwrap_or((if oldest_first { i64::MIN } else { i64::MAX }, ""))
}

/// The messages of a day that did not get through and about which something is left to do, newest first. Nothing is about those to whoever was
/// sent a later one or has another address by now, or that our own mail server refused before it worked again; nor about a test to
/// an address that is nobody's, whose answer was shown at once.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn failing(conn: &mut Conn, by: &By) -> std::result::Result<Vec<Delivery>, Error> {
    by.prove::<ViewUsers>()?;
    let (tree, since) = (by.tree(), (by.now() - NEWS) * 1000);
    let whose = (tree.root_id(), tree.top_id());
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let mut found = deliveries::left_to_do(conn, whose, since, LOOKED_AT, most).await?;
    found.retain(|message| message.user_id.is_some() || meaning(message).concerns_all());
    Ok(unrefuted(conn, found, |m| {
        Unsent::new(&m.address, m.answer.as_deref(), m.done_at, m.attempts, m.next_at)
    })
    .await?)
}

/// How many messages of a day did not get through, whatever has become of it since; up to [`MOST`].
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn count_failed(conn: &mut Conn, by: &By) -> std::result::Result<usize, Error> {
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let found = list(conn, Which::Failed, (false, ""), most, by).await?;
    let since = (by.now() - NEWS) * 1000;
    Ok(found.iter().filter(|message| message.created_at_ms > since).count())
}

/// What the last words about a message mean.
fn meaning(message: &Delivery) -> Meaning {
    Meaning::of(message.answer.as_deref().unwrap_or_default())
}

/// What keeps everybody's mail from getting through, as the last words about those that are `failing` say it; none where mail works.
#[must_use]
pub fn down(failing: &[Delivery]) -> Option<Meaning> {
    failing.first().map(meaning).filter(|meaning| meaning.concerns_all())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_where_the_one_before_ended_or_at_the_beginning() {
        assert_eq!(cursor(false, "1700000000123.abc"), (1_700_000_000_123, "abc"));
        for nonsense in ["", "x", "x.y", "12", ".", "99999999999999999999.a"] {
            assert_eq!(cursor(false, nonsense), (i64::MAX, ""), "{nonsense}");
            assert_eq!(cursor(true, nonsense), (i64::MIN, ""), "{nonsense}");
        }
    }
}
