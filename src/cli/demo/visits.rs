//! Who is looking at the sample app? Its sessions, in memory, a bounded number of them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::relying_party::{Pending, SignedIn};
use crate::keys::secret::{Token, TokenHash, entropy};

/// How many browsers are remembered; the oldest is forgotten.
const KEPT: usize = 200;
/// How many sign-ins of one browser may be on their way.
const TABS: usize = 5;

/// What the app knows about one browser.
#[derive(Debug, Default)]
pub struct Visit {
    /// The sign-ins that are on their way, one a tab.
    pending: VecDeque<Pending>,
    /// Who has signed in.
    pub signed_in: Option<SignedIn>,
    /// When the tokens were last refreshed, in seconds since 1970.
    pub refreshed_at: Option<i64>,
}

impl Visit {
    /// The visit of somebody who has just signed in.
    #[must_use]
    pub fn of(signed_in: SignedIn) -> Self {
        Self { signed_in: Some(signed_in), ..Self::default() }
    }

    /// Remembers a request until its answer.
    pub fn expect(&mut self, pending: Pending) {
        self.pending.push_front(pending);
        self.pending.truncate(TABS);
    }

    /// The request that an answer with this `state` belongs to; each is answered once.
    pub fn answered(&mut self, state: &str) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.is_answered_by(state))?;
        self.pending.remove(at)
    }
}

/// All browsers that the app knows.
#[derive(Debug, Default)]
pub struct Visits(Mutex<VecDeque<(TokenHash, Visit)>>);

impl Visits {
    /// Remembers a visit; the answer is its cookie.
    pub fn add(&self, visit: Visit) -> Token {
        let cookie = Token::generate(&mut entropy());
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        visits.push_front((cookie.hash(), visit));
        visits.truncate(KEPT);
        cookie
    }

    /// Does something with the visit of this cookie.
    pub fn with<T>(&self, cookie: &str, act: impl FnOnce(&mut Visit) -> T) -> Option<T> {
        let hash = TokenHash::of(cookie);
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        visits.iter_mut().find(|(known, _)| *known == hash).map(|(_, visit)| act(visit))
    }

    /// Forgets the visit of this cookie.
    pub fn remove(&self, cookie: &str) -> Option<Visit> {
        let hash = TokenHash::of(cookie);
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = visits.iter().position(|(known, _)| *known == hash)?;
        visits.remove(at).map(|(_, visit)| visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_visit_makes_room() {
        let visits = Visits::default();
        let first = visits.add(Visit::default());
        let second = visits.add(Visit::default());
        for _ in 0..KEPT - 1 {
            visits.add(Visit::default());
        }
        assert!(visits.with(first.reveal(), |_| ()).is_none());
        assert!(visits.with(second.reveal(), |v| v.refreshed_at = Some(1)).is_some());
        assert_eq!(visits.remove(second.reveal()).unwrap().refreshed_at, Some(1));
        assert!(visits.remove(second.reveal()).is_none());
    }
}
