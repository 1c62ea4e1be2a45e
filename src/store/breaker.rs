//! Is the database silent? Once one request has waited for it in vain, the others are told at once, until it answers again.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::watch;

use super::conn::Conn;

/// How long whoever asks a silent database again waits between two questions.
const PAUSE: Duration = Duration::from_millis(500);

/// What is known of the database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Breaker(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As far as anybody knows.
    Answers,
    /// Somebody has waited for it in vain, and one asks it again and again.
    Silent,
}

/// What somebody has found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Silence,
    Answer,
}

/// What is known after that; none where it was known before.
const fn learn(known: State, found: Found) -> Option<State> {
    match (known, found) {
        (State::Answers, Found::Silence) => Some(State::Silent),
        (State::Silent, Found::Answer) => Some(State::Answers),
        (State::Silent, Found::Silence) | (State::Answers, Found::Answer) => None,
    }
}

impl Breaker {
    /// One that knows nothing bad.
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(State::Answers)))
    }

    /// What was asked for; none where the database is silent, or is found to be while this waits.
    pub(super) async fn unless_silent<T>(&self, asked: impl Future<Output = T>) -> Option<T> {
        let mut state = self.0.subscribe();
        tokio::select! {
            biased;
            _ = state.wait_for(|state| *state == State::Silent) => None,
            answer = asked => Some(answer),
        }
    }

    /// Notes that somebody has waited in vain; true for the one who is to ask on.
    pub(super) fn found_silent(&self) -> bool {
        self.note(Found::Silence)
    }

    fn note(&self, found: Found) -> bool {
        self.0.send_if_modified(|state| match learn(*state, found) {
            Some(next) => {
                *state = next;
                true
            }
            None => false,
        })
    }
}

/// Asks until the database answers, or is closed: the only one who does meanwhile.
pub(super) async fn ask_on(breaker: Breaker, pool: PgPool) {
    tracing::warn!("the database does not answer: requests that need it are refused until it does");
    while !pool.is_closed() {
        if let Ok(line) = pool.acquire().await
            && Conn::postgres(line, false).begin("BEGIN").await.is_ok()
        {
            tracing::info!("the database answers again");
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    breaker.note(Found::Answer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_waits_in_vain_is_enough_and_one_asks_on() {
        for (known, found, next) in [
            (State::Answers, Found::Silence, Some(State::Silent)),
            (State::Silent, Found::Silence, None),
            (State::Silent, Found::Answer, Some(State::Answers)),
            (State::Answers, Found::Answer, None),
        ] {
            assert_eq!(learn(known, found), next, "{known:?} {found:?}");
        }
    }

    #[tokio::test]
    async fn whoever_waits_is_told_and_nobody_asks_until_there_is_an_answer() {
        let breaker = Breaker::new();
        assert_eq!(breaker.unless_silent(async { 1 }).await, Some(1));
        let waits = breaker.unless_silent(std::future::pending::<()>());
        let finds = async { (breaker.found_silent(), breaker.found_silent()) };
        assert_eq!(tokio::join!(waits, finds), (None, (true, false)));
        assert_eq!(breaker.unless_silent(async { 1 }).await, None);
        assert!(breaker.note(Found::Answer));
        assert_eq!(breaker.unless_silent(async { 1 }).await, Some(1));
    }
}
