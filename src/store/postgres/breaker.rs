//! Is the database silent? Once that is found out, whoever needs it is told at once, until it answers again.
//!
//! Somebody who has waited for a connection in vain may have met nothing but a crowd. So one asks, over the next connection that is
//! given back or over one of its own, while the others wait as they did; where that has no answer either, nobody waits any more, and
//! the one asks on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Server;

/// How long the database may take for the question whether it is there.
const ANSWER: Duration = Duration::from_secs(2);

/// How long whoever asks waits between two questions.
const PAUSE: Duration = Duration::from_millis(500);

/// How often it is looked whether a connection has been given back.
const LOOK: Duration = Duration::from_millis(50);

/// The server's word that it has no connection left: that is an answer.
const CROWDED: &str = "53300";

/// What is known of the database; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Breaker(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It answers, as far as anybody knows.
    Answers,
    /// Somebody has waited in vain, and one asks what that was.
    Doubted,
    /// It does not answer, and one asks on.
    Silent,
}

/// What somebody has found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// No connection came free in time.
    NoPlace,
    Silence,
    Answer,
}

/// What is known after that; none where it was known before.
const fn learn(known: State, found: Found) -> Option<State> {
    match (known, found) {
        (State::Answers, Found::NoPlace) => Some(State::Doubted),
        (State::Answers | State::Doubted, Found::Silence) => Some(State::Silent),
        (State::Doubted | State::Silent, Found::Answer) => Some(State::Answers),
        (State::Answers, Found::Answer)
        | (State::Silent, Found::Silence)
        | (State::Doubted | State::Silent, Found::NoPlace) => None,
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

    /// Somebody has waited for a connection to this server in vain: one asks why, unless one does already.
    pub(super) fn doubt(&self, server: &Arc<Server>) {
        if self.note(Found::NoPlace).is_some() {
            tokio::spawn(ask(self.clone(), Arc::clone(server)));
        }
    }

    /// What is known now, if that is news.
    fn note(&self, found: Found) -> Option<State> {
        let mut news = None;
        self.0.send_if_modified(|state| {
            news = learn(*state, found);
            *state = news.unwrap_or(*state);
            news.is_some()
        });
        news
    }
}

/// Asks until the database answers, or is closed: the only one who does meanwhile.
async fn ask(breaker: Breaker, server: Arc<Server>) {
    while !server.is_closed() && !answers(&server).await {
        if breaker.note(Found::Silence).is_some() {
            tracing::warn!("the database does not answer: requests that need it are refused until it does");
        }
        sleep(PAUSE).await;
    }
    if *breaker.0.borrow() == State::Silent {
        tracing::info!("the database answers again");
    }
    breaker.note(Found::Answer);
}

/// Whether there is an answer in time, on either way: a pooler may have no further connection to give, and those that are there may be
/// dead.
async fn answers(server: &Server) -> bool {
    let asked = async {
        tokio::select! {
            () = on_one_that_was_given_back(server) => {}
            () = on_a_new_one(server) => {}
        }
    };
    timeout(ANSWER, asked).await.is_ok()
}

/// Ends with an answer.
async fn on_one_that_was_given_back(server: &Server) {
    while !server.is_there().await {
        sleep(LOOK).await;
    }
}

/// Ends with an answer, too.
async fn on_a_new_one(server: &Server) {
    let answered = match server.greet().await {
        Ok(()) => true,
        Err(fault) => fault.code() == CROWDED,
    };
    if !answered {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_no_silence_and_one_alone_asks() {
        use Found::{Answer, NoPlace, Silence};
        use State::{Answers, Doubted, Silent};
        for (known, found, next) in [
            (Answers, NoPlace, Some(Doubted)),
            (Answers, Silence, Some(Silent)),
            (Answers, Answer, None),
            (Doubted, NoPlace, None),
            (Doubted, Silence, Some(Silent)),
            (Doubted, Answer, Some(Answers)),
            (Silent, NoPlace, None),
            (Silent, Silence, None),
            (Silent, Answer, Some(Answers)),
        ] {
            assert_eq!(learn(known, found), next, "{known:?} {found:?}");
        }
    }

    #[tokio::test]
    async fn whoever_waits_is_told_of_silence_and_nobody_asks_until_there_is_an_answer() {
        let breaker = Breaker::new();
        assert_eq!(breaker.unless_silent(async { 1 }).await, Some(1));
        breaker.note(Found::NoPlace);
        assert_eq!(breaker.unless_silent(async { 1 }).await, Some(1), "it may have been a crowd");
        let waits = breaker.unless_silent(std::future::pending::<()>());
        let finds = async { breaker.note(Found::Silence) };
        assert_eq!(tokio::join!(waits, finds), (None, Some(State::Silent)));
        assert_eq!(breaker.unless_silent(async { 1 }).await, None);
        breaker.note(Found::Answer);
        assert_eq!(breaker.unless_silent(async { 1 }).await, Some(1));
    }
}
