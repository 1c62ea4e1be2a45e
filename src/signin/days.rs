//! How did the sign-ins of the last days end? Counted from the audit log behind the pages, a few minutes late; what has happened since is
//! counted when somebody looks.

use std::collections::BTreeMap;

use crate::directory::Tree;
use crate::store::tally::{self, EventRow};
use crate::store::{Conn, Db, Result};

/// Days that are shown.
pub const DAYS: i64 = 30;

/// Days that are kept.
const KEPT: i64 = 32;

/// Events that are counted in one transaction, and those since then that are read at most.
const BATCH: i64 = 2000;
const RECENT: i64 = 5000;

/// How old an event must be to be counted for good, in seconds: a transaction that took its time may still bring an older one.
const SETTLED: i64 = 120;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// The sign-ins of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Its number, in days since 1970 (UTC).
    pub day: i64,
    /// By password alone.
    pub password: i64,
    /// With a code.
    pub code: i64,
    /// By override.
    pub overridden: i64,
    /// Refused.
    pub refused: i64,
}

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Password,
    Code,
    Override,
    Refused,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Password, Self::Code, Self::Override, Self::Refused];

    /// What an event says; none for one that is about something else.
    fn of(event: &str, details: &str) -> Option<Self> {
        match event {
            "signin.override" => Some(Self::Override),
            "signin.completed" if details.contains("\"pwd otp mfa\"") => Some(Self::Code),
            "signin.completed" => Some(Self::Password),
            "signin.refused" | "signin.code_refused" | "signin.codes_stopped" => Some(Self::Refused),
            _ => None,
        }
    }

    /// The word in the database.
    const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::Override => "override",
            Self::Refused => "refused",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

impl Day {
    /// All of them.
    #[must_use]
    pub const fn all(&self) -> i64 {
        self.password + self.code + self.overridden + self.refused
    }

    fn count(&mut self, outcome: Outcome, n: i64) {
        *match outcome {
            Outcome::Password => &mut self.password,
            Outcome::Code => &mut self.code,
            Outcome::Override => &mut self.overridden,
            Outcome::Refused => &mut self.refused,
        } += n;
    }
}

/// The sign-ins of a tree in the last days, one entry a day, the oldest first.
///
/// # Errors
/// When the database refuses.
pub async fn of(conn: &mut Conn, tree: &Tree, now: i64) -> Result<Vec<Day>> {
    let today = now.div_euclid(86_400);
    let first = today - DAYS + 1;
    let mut days: Vec<Day> = (first..=today).map(|day| Day { day, ..Day::default() }).collect();
    let mut count = |day: i64, outcome: Option<Outcome>, n: i64| {
        let found = days.iter_mut().find(|found| found.day == day);
        if let (Some(day), Some(outcome)) = (found, outcome) {
            day.count(outcome, n);
        }
    };
    // The counts first: what is counted for good meanwhile is missed for a moment, and nothing is there twice.
    let counted = tally::days(conn, tree.root_id(), first).await?;
    let (at_ms, id) = tally::reached(conn).await?;
    let recent = tally::recent(conn, tree.root_id(), (at_ms.max(first * DAY_MS), &id), RECENT).await?;
    for EventRow { at_ms, event, details, .. } in &recent {
        count(at_ms.div_euclid(DAY_MS), Outcome::of(event, details), 1);
    }
    for row in counted {
        count(row.day, Outcome::from_name(&row.outcome), row.n);
    }
    Ok(days)
}

/// Counts what has settled since the last time, a batch at a time. Answers how many events were looked at.
///
/// # Errors
/// When the database refuses.
pub async fn tally(db: &Db, now: i64) -> Result<i64> {
    let mut looked_at = 0;
    loop {
        let seen = batch(db, now).await?;
        looked_at += seen;
        if seen < BATCH {
            return Ok(looked_at);
        }
    }
}

async fn batch(db: &Db, now: i64) -> Result<i64> {
    let first = now.div_euclid(86_400) - KEPT;
    let mut tx = db.write().await?;
    let (at_ms, id) = tally::lock(&mut tx).await?;
    let events =
        tally::events(&mut tx, (at_ms.max(first * DAY_MS), &id), (now - SETTLED) * 1000, BATCH).await?;
    let Some(last) = events.last() else { return Ok(0) };
    let mut counts: BTreeMap<(i64, &str, Outcome), i64> = BTreeMap::new();
    for event in &events {
        if let Some(outcome) = Outcome::of(&event.event, &event.details) {
            *counts.entry((event.at_ms.div_euclid(DAY_MS), &event.group_id, outcome)).or_default() += 1;
        }
    }
    for ((day, group_id, outcome), n) in counts {
        tally::add(&mut tx, day, group_id, outcome.name(), n).await?;
    }
    tally::advance(&mut tx, last.at_ms, &last.id).await?;
    tally::forget(&mut tx, first).await?;
    tx.commit().await?;
    Ok(i64::try_from(events.len()).unwrap_or(BATCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_say_how_a_sign_in_ended() {
        for (event, details, expected) in [
            ("signin.completed", r#"{"amr":"pwd otp mfa","by_session":false}"#, Some(Outcome::Code)),
            ("signin.completed", r#"{"amr":"pwd"}"#, Some(Outcome::Password)),
            ("signin.override", r#"{"amr":"pwd"}"#, Some(Outcome::Override)),
            ("signin.refused", "{}", Some(Outcome::Refused)),
            ("signin.refused", r#"{"why":"no_address"}"#, Some(Outcome::Refused)),
            ("signin.code_refused", "{}", Some(Outcome::Refused)),
            ("signin.codes_stopped", "{}", Some(Outcome::Refused)),
            ("signin.password_refused", "{}", None),
            ("user.changed", "{}", None),
        ] {
            assert_eq!(Outcome::of(event, details), expected, "{event} {details}");
        }
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_name(outcome.name()), Some(outcome));
        }
    }
}
