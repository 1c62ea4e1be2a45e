//! Which words find a user, and whose words are not written down yet?

use super::macros::{all, execute_later, later, optional, queries};
use super::row::from_row;
use super::{Conn, Later, Result};

/// That the words of a user (the argument is the table's name in the query) are not those of their login, address and name: there are
/// none yet, or somebody has changed the user since. The expression is that of the index.
macro_rules! without_words {
    ($user:literal) => {
        concat!(
            "CASE WHEN ",
            $user,
            ".words_of = ",
            $user,
            ".login_key || '\n' || COALESCE(",
            $user,
            ".email, '') || '\n' || COALESCE(",
            $user,
            ".name, '') THEN 0 ELSE 1 END = 1"
        )
    };
}

/// That a search finds a user: `$4` is how a word begins, `$5` what comes after all words that begin so; for whoever has no words yet `$6`
/// is how a text begins, `$7` how a later word of one does. Every user is found where `$6` is `%`.
macro_rules! found {
    ($user:literal) => {
        concat!(
            "($6 = '%' OR CASE WHEN ",
            $crate::store::user_words::without_words!($user),
            " THEN ",
            $user,
            ".login_key LIKE $6 ESCAPE '!' OR lower(COALESCE(",
            $user,
            ".email, '')) LIKE $6 ESCAPE '!' OR lower(COALESCE(",
            $user,
            ".name, '')) LIKE $6 ESCAPE '!' OR lower(COALESCE(",
            $user,
            ".name, '')) LIKE $7 ESCAPE '!' ELSE (SELECT 1 FROM user_words w WHERE w.user_id = ",
            $user,
            ".id AND w.word >= $4 AND w.word < $5 LIMIT 1) IS NOT NULL END)"
        )
    };
}

pub(super) use {found, without_words};

queries! {
    COUNT = concat!(
        "SELECT (SELECT COUNT(*) FROM (SELECT 1 AS n FROM user_words WHERE word >= $1 AND word < $2 LIMIT $3) AS finding)
              + (SELECT COUNT(*) FROM (SELECT 1 AS n FROM users u WHERE ", without_words!("u"), " LIMIT $3) AS without)");
    LIST_WITHOUT = concat!(
        "SELECT u.id, u.login_key, u.email, u.name FROM users u WHERE ", without_words!("u"), " AND u.login_key > $1
         ORDER BY u.login_key LIMIT $2");
    NOTE = "UPDATE users SET words_of = $2 WHERE id = $1";
    FORGET = "DELETE FROM user_words WHERE user_id = $1";
    ADD = "INSERT INTO user_words (word, login_key, user_id) VALUES ($1, $2, $3)
           ON CONFLICT (word, login_key, user_id) DO NOTHING";
}

/// A user, as far as a search is for it.
#[derive(Clone, Debug)]
pub struct NamedRow {
    /// The user's id.
    pub id: String,
    /// The folded login.
    pub login_key: String,
    /// The email address.
    pub email: Option<String>,
    /// The full name.
    pub name: Option<String>,
}

from_row!(NamedRow { id, login_key, email, name });

/// How many words there are from `from` to `to`, in hexadecimal digits, with how many users have none yet; each is counted up to `limit`.
///
/// # Errors
/// When the database refuses.
pub async fn count(conn: &mut Conn, from: &str, to: &str, limit: i64) -> Result<i64> {
    let row: Option<(i64,)> = optional!(conn, (i64,), COUNT, from, to, limit)?;
    Ok(row.map_or(0, |(count,)| count))
}

/// At most `limit` users without words of their own, by login, that come after the folded login `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list_without(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<NamedRow>> {
    all!(conn, NamedRow, LIST_WITHOUT, after, limit)
}

/// Notes of which login, address and name a user's words are from now on. If somebody has changed the user meanwhile, they have no words
/// of their own still; if the user is gone, nothing happens.
///
/// # Errors
/// When the database refuses.
pub fn note(conn: &mut Conn, row: &NamedRow) -> Result<Later<u64>> {
    let (email, name) = (row.email.as_deref().unwrap_or_default(), row.name.as_deref().unwrap_or_default());
    let of = format!("{}\n{email}\n{name}", row.login_key);
    execute_later!(conn, NOTE, row.id, of)
}

/// Replaces the words of a user who is there, and whom nobody else changes meanwhile.
///
/// # Errors
/// When the database refuses.
pub async fn set(conn: &mut Conn, row: &NamedRow, words: &[String]) -> Result<()> {
    later!(conn, FORGET, row.id)?;
    for word in words {
        later!(conn, ADD, word, row.login_key, row.id)?;
    }
    Ok(())
}
