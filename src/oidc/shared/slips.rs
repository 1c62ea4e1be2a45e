//! Which mistakes have apps made lately? Counted by app, kind and day, in memory first: a request writes nothing, however many there are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::Refusal;
use super::mistake::near_miss;
use super::slip::Slip;
use crate::store::slips::{self, SlipRow};
use crate::store::{Conn, Db, Result};
use crate::web::{Hint, discreet};

/// How many counts wait at most to be written down. What comes on top is not counted: those that wait are of the same seconds.
const MOST: usize = 2000;

/// The longest text that is kept of a mistake, in characters.
const LONGEST: usize = 300;

/// How far back mistakes are told, in days: today and the six before.
const TOLD: i64 = 7;

/// The mistakes that have not been written down yet; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Slips(Arc<Mutex<BTreeMap<Key, Noted>>>);

/// Of which app, which mistake, on which day (since 1970).
type Key = (String, Slip, i64);

#[derive(Debug)]
struct Noted {
    n: i64,
    at: i64,
    said: String,
}

/// A mistake of an app within a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which.
    pub slip: Slip,
    /// How often.
    pub n: i64,
    /// When last, in seconds since 1970.
    pub last_at: i64,
    /// What the app was told then, or the address that it had sent.
    pub said: String,
}

impl Told {
    /// In what the address that the app has sent differs from one of those that are registered now, if it is one thing alone.
    #[must_use]
    pub fn hint(&self, registered: &[String]) -> Option<Hint> {
        let about_it = matches!(self.slip, Slip::RedirectUri | Slip::RedirectUriNear);
        near_miss(&self.said, registered).filter(|_| about_it)
    }
}

impl Slips {
    /// Notes a mistake of a registered app.
    pub fn note(&self, client_id: &str, slip: Slip, said: &str, now: i64) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (client_id.to_owned(), slip, now.div_euclid(86_400));
        if waiting.len() >= MOST && !waiting.contains_key(&key) {
            return;
        }
        let noted = waiting.entry(key).or_insert(Noted { n: 0, at: now, said: String::new() });
        let said: String = said.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        (noted.n, noted.at, noted.said) = (noted.n.saturating_add(1), noted.at.max(now), discreet(&said));
    }

    /// Notes what a registered app was refused, if that was a mistake of its own.
    pub fn refused(&self, client_id: &str, refusal: &Refusal, now: i64) {
        if let Some(slip) = refusal.slip {
            self.note(client_id, slip, &refusal.description, now);
        }
    }

    /// Writes down what waits.
    ///
    /// # Errors
    /// When the database refuses: then it waits on.
    pub async fn save(&self, db: &Db) -> Result<()> {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        let saved = save(db, &waiting).await;
        if saved.is_err() {
            let mut meanwhile = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, noted) in waiting {
                meanwhile
                    .entry(key)
                    .and_modify(|newer| newer.n = newer.n.saturating_add(noted.n))
                    .or_insert(noted);
            }
        }
        saved
    }
}

async fn save(db: &Db, waiting: &BTreeMap<Key, Noted>) -> Result<()> {
    let mut tx = db.write().await?;
    for ((client_id, slip, day), noted) in waiting {
        let row = SlipRow {
            slip: slip.name().to_owned(),
            day: *day,
            n: noted.n,
            last_at: noted.at,
            said: noted.said.clone(),
        };
        slips::add(&mut tx, client_id, &row).await?;
    }
    tx.commit().await
}

/// What an app has done wrong within a week, the latest first.
///
/// # Errors
/// When the database refuses.
pub async fn of_client(conn: &mut Conn, client_id: &str, now: i64) -> Result<Vec<Told>> {
    let first = now.div_euclid(86_400) - TOLD + 1;
    Ok(told(slips::of_client(conn, client_id, first).await?))
}

/// When somebody's sign-in at an app was last one that the app has taken: until then it could, whatever was sent in its name.
///
/// # Errors
/// When the database refuses.
pub async fn last_sign_in(conn: &mut Conn, client_id: &str) -> Result<Option<i64>> {
    slips::last_sign_in(conn, client_id).await
}

/// The apps that have been kept from an answer within a day by their own mistakes, the worst first, by id, and how often.
///
/// # Errors
/// When the database refuses.
pub async fn failing(conn: &mut Conn, now: i64) -> Result<Vec<(String, i64)>> {
    slips::failing(conn, now - 86_400, 5).await
}

/// The apps that have used their old secret within a day, which ends: the earliest end first, by id.
///
/// # Errors
/// When the database refuses.
pub async fn on_old_secrets(conn: &mut Conn, now: i64) -> Result<Vec<String>> {
    let found = slips::old_secrets(conn, now, now - 86_400, 5).await?;
    Ok(found.into_iter().map(|(client_id, ..)| client_id).collect())
}

/// The mistakes of several days as one each, the latest first.
fn told(rows: Vec<SlipRow>) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    for row in rows {
        let Some(slip) = Slip::from_name(&row.slip) else { continue };
        match all.iter_mut().find(|told| told.slip == slip) {
            Some(told) => told.n = told.n.saturating_add(row.n),
            None => all.push(Told { slip, n: row.n, last_at: row.last_at, said: row.said }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_mistake_of_several_days_is_told_once_with_its_last_words() {
        let row = |slip: &str, day, n, said: &str| SlipRow {
            slip: slip.to_owned(),
            day,
            n,
            last_at: day * 86_400,
            said: said.to_owned(),
        };
        let found = told(vec![
            row("secret", 9, 2, "new"),
            row("moon", 8, 1, ""),
            row("secret", 7, 3, "old"),
            row("pkce", 6, 1, "x"),
        ]);
        let expected = [
            Told { slip: Slip::Secret, n: 5, last_at: 9 * 86_400, said: "new".to_owned() },
            Told { slip: Slip::Pkce, n: 1, last_at: 6 * 86_400, said: "x".to_owned() },
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn however_many_mistakes_there_are_a_bounded_number_waits_and_each_app_is_counted() {
        let slips = Slips::default();
        for n in 0..10 * MOST {
            slips.note(&n.to_string(), Slip::Pkce, &"x".repeat(10_000), 5);
            slips.note("0", Slip::Pkce, "last", 5);
        }
        let waiting = slips.0.lock().unwrap();
        assert_eq!(waiting.len(), MOST);
        assert!(waiting.values().all(|noted| noted.said.len() <= LONGEST));
        let first = waiting.get(&("0".to_owned(), Slip::Pkce, 0)).unwrap();
        assert_eq!((usize::try_from(first.n).unwrap(), first.said.as_str()), (10 * MOST + 1, "last"));
    }
}
