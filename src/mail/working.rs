//! Does mail work by now, whatever our own server refused before? Told from what has happened since: it has taken a message, or it was
//! found to let us in.

use std::collections::BTreeMap;

use super::answer::{Meaning, Proof};
use super::retry;
use crate::store::{Conn, Result, deliveries, facts};

/// The last messages taken that are looked at.
const TAKEN: i64 = 500;

/// When mail was last seen to work, in seconds since 1970.
#[derive(Clone, Debug, Default)]
pub struct Working {
    /// When the server last let us in, or took a message.
    let_in_at: Option<i64>,
    /// When it last took a message.
    taken_at: Option<i64>,
    /// When it last took one to an address of this domain.
    taken_for: BTreeMap<String, i64>,
}

/// A message that did not get through.
#[derive(Clone, Copy, Debug)]
pub struct Unsent<'a> {
    /// Where it was to go.
    pub address: &'a str,
    /// The server's last words.
    pub answer: &'a str,
    /// When it said them, in seconds since 1970.
    pub answered_at: i64,
}

impl<'a> Unsent<'a> {
    /// A message that was settled at `done_at`, or that waits for the next of its `attempts` at `next_at`; in seconds since 1970.
    #[must_use]
    pub fn new(
        address: &'a str,
        answer: Option<&'a str>,
        done_at: Option<i64>,
        attempts: i64,
        next_at: i64,
    ) -> Self {
        Self {
            address,
            answer: answer.unwrap_or_default(),
            answered_at: answered_at(done_at, attempts, next_at),
        }
    }
}

impl Working {
    /// What is known by now.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn load(conn: &mut Conn) -> Result<Self> {
        let found = facts::find(conn, facts::MAIL_LET_IN_AT).await?.and_then(|at| at.parse().ok());
        Ok(Self::of(found, deliveries::last_taken(conn, TAKEN).await?))
    }

    fn of(let_in_at: Option<i64>, taken: Vec<(String, i64)>) -> Self {
        let mut working = Self { let_in_at, ..Self::default() };
        for (address, at) in taken {
            let latest = |before: Option<i64>| before.max(Some(at));
            working.taken_at = latest(working.taken_at);
            working.let_in_at = latest(working.let_in_at);
            let domain = working.taken_for.entry(domain(&address)).or_insert(at);
            *domain = at.max(*domain);
        }
        working
    }

    /// Whether what was said of a message says nothing any more: it was about our mail server and no address, and mail has worked since.
    #[must_use]
    pub fn refutes(&self, unsent: Unsent<'_>) -> bool {
        // Nothing is known to have worked, whatever the answer means: whoever takes a message has let us in.
        if self.let_in_at.is_none() {
            return false;
        }
        let shown_at = match Meaning::of(unsent.answer).ends_with() {
            Proof::LetIn => self.let_in_at,
            Proof::Taken => self.taken_at,
            Proof::TakenThere => self.taken_for.get(&domain(unsent.address)).copied(),
            Proof::None => None,
        };
        shown_at.is_some_and(|at| at >= unsent.answered_at)
    }
}

/// The messages but for those of which what was said says nothing any more.
///
/// # Errors
/// When the database refuses.
pub async fn unrefuted<T>(
    conn: &mut Conn,
    mut messages: Vec<T>,
    unsent: impl Fn(&T) -> Unsent<'_>,
) -> Result<Vec<T>> {
    if messages.is_empty() {
        return Ok(messages);
    }
    let working = Working::load(conn).await?;
    messages.retain(|message| !working.refutes(unsent(message)));
    Ok(messages)
}

/// Writes down that the mail server lets us in now.
///
/// # Errors
/// When the database refuses.
pub async fn note_let_in(conn: &mut Conn, now: i64) -> Result<()> {
    facts::set(conn, facts::MAIL_LET_IN_AT, &now.to_string()).await
}

/// When a message was last answered: when it was settled, or, while it waits for the next of its `attempts` at `next_at`, before that.
fn answered_at(done_at: Option<i64>, attempts: i64, next_at: i64) -> i64 {
    done_at.unwrap_or_else(|| retry::tried_at(attempts, next_at))
}

fn domain(address: &str) -> String {
    address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_our_server_refused_counts_until_mail_is_seen_to_work() {
        let login = "530 5.7.0 Authentication required (mail.username, mail.password)";
        let (sender, relay) = ("550 5.1.8 sender's domain does not exist", "554 5.7.1 Relay access denied");
        let nobody = "550 5.1.1 User unknown";
        let let_in = || Working::of(Some(100), Vec::new());
        let taken =
            || Working::of(None, vec![("a@Here.example".to_owned(), 100), ("b@here.example".to_owned(), 50)]);
        for (working, answer, answered_at, expected) in [
            (Working::default(), login, 50, false),
            (let_in(), login, 50, true),
            (let_in(), login, 100, true),
            (let_in(), login, 101, false),
            (taken(), login, 50, true),
            // That it lets us in does not say that it sends on what we give it.
            (let_in(), sender, 50, false),
            (taken(), sender, 50, true),
            (let_in(), relay, 50, false),
            (taken(), relay, 50, true),
            // What is about the address itself is refuted by nothing but a message that arrives there.
            (taken(), nobody, 50, false),
            (let_in(), "452 4.2.2 Mailbox full", 50, false),
        ] {
            let unsent = Unsent { address: "nia@here.EXAMPLE", answer, answered_at };
            assert_eq!(working.refutes(unsent), expected, "{working:?} {unsent:?}");
        }
        // A server that takes what is for its own people need not take what is for others.
        let elsewhere = Unsent { address: "nia@elsewhere.example", answer: relay, answered_at: 50 };
        assert!(!taken().refutes(elsewhere));
    }

    #[test]
    fn a_message_that_waits_was_answered_when_it_was_tried_last() {
        for (done_at, attempts, next_at, expected) in
            [(Some(70), 3, 999, 70), (None, 1, 105, 100), (None, 2, 115, 100), (None, 12, 700, 100)]
        {
            assert_eq!(answered_at(done_at, attempts, next_at), expected);
        }
    }
}
