//! By which words is somebody found, and how do they come into the database?

use std::collections::BTreeSet;

use super::login::fold;
use crate::keys::secret::hex;
use crate::store::user_words::{self, NamedRow};
use crate::store::{Conn, Db, Result};

/// The most words of one person.
const MOST: usize = 24;

/// The longest word, and as much of what is searched for as is looked at, in bytes.
const LONGEST: usize = 200;

/// People whose words are written in one transaction, and in one turn: an installation that brings many has them found within minutes.
const BATCH: i64 = 100;
const TURN: usize = 50_000;

/// A text that is searched for, as the queries take it.
#[derive(Clone, Debug)]
pub(super) struct Sought {
    /// How a word begins, as it is kept.
    pub from: String,
    /// What comes after all words that begin so.
    pub to: String,
    /// How a text begins, as LIKE takes it with `!` before what means something there.
    pub begins: String,
    /// How a later word of one does.
    pub later: String,
}

impl Sought {
    /// What somebody has typed.
    pub fn of(typed: &str) -> Self {
        let folded = fold(typed);
        let escaped = like(&folded);
        let from = kept(cut(&folded));
        // No digit comes after this letter.
        let to = format!("{from}g");
        Self { from, to, begins: format!("{escaped}%"), later: format!("% {escaped}%") }
    }

    /// Whether it says nothing, and everybody is meant.
    pub fn is_everybody(&self) -> bool {
        self.from.is_empty()
    }
}

/// The words of somebody: their folded login, their address, and their name from each of its words on. What begins another one is left
/// out: whoever searches for it finds that.
fn of(login_key: &str, email: Option<&str>, name: Option<&str>) -> Vec<String> {
    let (email, name) = (fold(email.unwrap_or_default()), fold(name.unwrap_or_default()));
    let later = name.match_indices(' ').filter_map(|(at, _)| name.get(at + 1..));
    let all = [login_key, &email, &name].into_iter().chain(later).take(MOST);
    let all: BTreeSet<&str> =
        all.map(|word| cut(word.trim_start())).filter(|word| !word.is_empty()).collect();
    // What begins with a word comes right after it.
    let next = all.iter().skip(1).map(Some).chain([None]);
    let kept = all.iter().zip(next).filter(|(word, next)| next.is_none_or(|next| !next.starts_with(*word)));
    kept.map(|(word, _)| (*word).to_owned()).collect()
}

/// A word as it is kept: in digits that stand in the same order whatever the locale of the database is.
fn kept(word: &str) -> String {
    hex(word.as_bytes())
}

/// The beginning of a text that is not too long.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}

/// A text as LIKE takes it, where `!` escapes.
fn like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '!' | '%' | '_') {
            escaped.push('!');
        }
        escaped.push(c);
    }
    escaped
}

/// Writes the words of those down who have none yet, or others by now; answers how many. Any number of processes may at once.
///
/// # Errors
/// When the database refuses.
pub async fn catch_up(db: &Db) -> Result<usize> {
    let (mut done, mut after) = (0, String::new());
    while done < TURN {
        let mut conn = db.read().await?;
        let some = user_words::list_without(&mut conn, &after, BATCH).await?;
        drop(conn);
        let Some(last) = some.last() else { break };
        after.clone_from(&last.login_key);
        let mut tx = db.write().await?;
        write(&mut tx, &some).await?;
        tx.commit().await?;
        done += some.len();
        tokio::task::yield_now().await;
    }
    Ok(done)
}

async fn write(conn: &mut Conn, some: &[NamedRow]) -> Result<()> {
    let mut noted = Vec::with_capacity(some.len());
    for row in some {
        noted.push(user_words::note(conn, row)?);
    }
    conn.answers().await?;
    for (row, noted) in some.iter().zip(noted) {
        // Nobody has deleted them meanwhile.
        if noted.happened()? {
            let words = of(&row.login_key, row.email.as_deref(), row.name.as_deref());
            let words: Vec<String> = words.iter().map(|word| kept(word)).collect();
            user_words::set(conn, row, &words).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn somebody_is_found_by_login_address_and_each_word_of_their_name() {
        for (login, email, name, expected) in [
            ("ned", None, None, vec!["ned"]),
            ("ned", Some("Ned@Example.org"), Some("Ned  Ludd"), vec!["ludd", "ned  ludd", "ned@example.org"]),
            ("nia", Some(""), Some(" "), vec!["nia"]),
            ("eva", None, Some("Éva Ångström"), vec!["eva", "ångström", "éva ångström"]),
            ("a", None, Some("A A A"), vec!["a a a"]),
        ] {
            assert_eq!(of(login, email, name), expected, "{login}");
        }
    }

    #[test]
    fn nobody_has_more_words_than_so_many_and_none_is_longer_than_so_much() {
        let words = of(&"é".repeat(150), Some("x@y"), Some(&"ab ".repeat(80)));
        assert!(words.len() <= MOST && words.iter().all(|word| word.len() <= LONGEST), "{words:?}");
        let sought = Sought::of(&"É".repeat(150));
        assert_eq!(sought.from.len(), 2 * LONGEST);
        assert!(words.iter().any(|word| kept(word) == sought.from));
    }

    #[test]
    fn what_is_searched_for_is_taken_to_the_letter() {
        let sought = Sought::of(" 50%_A!b ");
        assert_eq!((sought.begins.as_str(), sought.later.as_str()), ("50!%!_a!!b%", "% 50!%!_a!!b%"));
        assert!(!sought.is_everybody() && Sought::of("  ").is_everybody());
    }

    proptest! {
        /// What a range of words as they are kept finds among the words is what begins a login, an address, or a name at one of its words.
        #[test]
        fn a_range_of_words_finds_what_begins_so(login in "[abé]{1,4}", email in "[abé@]{0,4}", name in "[abéß ]{0,9}", typed in "[abÉß]{1,3}") {
            let (key, folded) = (fold(&login), fold(&name));
            let sought = Sought::of(&typed);
            let words = of(&key, Some(&email), Some(&name));
            let by_words = words.iter().any(|word| (&sought.from..&sought.to).contains(&&kept(word)));
            let typed = fold(&typed);
            let begins = |text: &str| text.starts_with(&typed);
            let model = begins(&key) || begins(&fold(&email)) || folded.split(' ').any(begins);
            prop_assert_eq!(by_words, model, "{:?} in {:?}", typed, words);
        }
    }
}
