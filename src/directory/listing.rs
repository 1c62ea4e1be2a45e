//! Whom does a list of people show: those of the reader's tree, searched, of one kind, a page at a time?

use std::collections::BTreeSet;

use super::login::fold;
use super::{Person, Tree};
use crate::store::tree_users::{self, Page};
use crate::store::{Conn, Result};

pub use crate::store::tree_users::Which;

/// A tree of no more people than these is read by its groups.
const FEW: i64 = 2000;

/// One line.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Who.
    pub person: Person,
    /// Whether too many wrong codes have stopped theirs.
    pub codes_stopped: bool,
    /// Whether a message to them was refused.
    pub refused: bool,
}

impl Which {
    /// Every kind that a list can be limited to.
    pub const KINDS: [Self; 6] =
        [Self::KeptOut, Self::NoEmail, Self::Never, Self::Stopped, Self::Disabled, Self::Invited];

    /// The word in `?filter=`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "",
            Self::KeptOut => "cannot-sign-in",
            Self::NoEmail => "no-email",
            Self::Never => "never-signed-in",
            Self::Stopped => "stopped",
            Self::Disabled => "disabled",
            Self::Invited => "invited",
        }
    }

    /// The kind of this word; everybody where there is none.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::KINDS.into_iter().find(|kind| kind.word() == word).unwrap_or(Self::All)
    }
}

/// At most `limit` people of a tree, by login, that come after the login `after`, of one kind; `search` is how their login, their
/// email, or a word of their name begins.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    conn: &mut Conn,
    tree: &Tree,
    which: Which,
    search: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Listed>> {
    list_in(conn, tree, which, search, (false, after), limit).await
}

/// The same in the order that is chosen: whether the last logins come first, and the login that they come after.
///
/// # Errors
/// When the database refuses.
pub async fn list_in(
    conn: &mut Conn,
    tree: &Tree,
    which: Which,
    search: &str,
    (last_first, after): (bool, &str),
    limit: i64,
) -> Result<Vec<Listed>> {
    let few = has_few(conn, tree).await?;
    let (after, search) = (fold(after), fold(search));
    let after = Some(after.as_str()).filter(|after| !last_first || !after.is_empty());
    let page = Page { root: tree.root_id(), few, after, last_first, search: &search, limit };
    let people: Vec<Person> = tree_users::list(conn, which, page)
        .await?
        .into_iter()
        .map(Person::from_row)
        .collect::<Result<_>>()?;
    let (Some(first), Some(last)) = (people.first(), people.last()) else { return Ok(Vec::new()) };
    let (first, last) = if last_first { (last, first) } else { (first, last) };
    let (first, last) = (fold(&first.login), fold(&last.login));
    let stopped: BTreeSet<String> =
        tree_users::stopped_between(conn, &first, &last, FEW).await?.into_iter().collect();
    let refused: BTreeSet<String> =
        tree_users::refused_between(conn, &first, &last, FEW).await?.into_iter().collect();
    let listed = people.into_iter().map(|person| Listed {
        codes_stopped: stopped.contains(&person.id),
        refused: refused.contains(&person.id),
        person,
    });
    Ok(listed.collect())
}

/// Whether too many wrong codes have stopped somebody's.
///
/// # Errors
/// When the database refuses.
pub async fn are_codes_stopped(conn: &mut Conn, person: &Person) -> Result<bool> {
    let key = fold(&person.login);
    Ok(!tree_users::stopped_between(conn, &key, &key, 1).await?.is_empty())
}

/// Whether a tree has so few people that it is read by its groups.
pub(super) async fn has_few(conn: &mut Conn, tree: &Tree) -> Result<bool> {
    match tree.root_id() {
        Some(root) => Ok(tree_users::count(conn, root, FEW + 1).await? <= FEW),
        None => Ok(false),
    }
}
