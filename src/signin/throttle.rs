//! How are wrong passwords slowed down, so that guessing is hopeless and nobody can lock a stranger out?
//!
//! Failures are counted for the account *and* for the network. A browser in which the person has signed in before is
//! counted by itself instead: whoever fails elsewhere in their name does not make them wait.

use crate::keys::secret::TokenHash;
use crate::store::throttles;
use crate::store::{Conn, Result};

/// What failures are counted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A login, by its folded form, whether anybody has it or not: unknown and known ones must look alike.
    Account(String),
    /// A network: an IPv4 address, or the /64 of an IPv6 one.
    Network(String),
    /// A network from which codes of devices are typed (RFC 8628 §5.1): as above.
    DeviceEntry(String),
    /// A network from which clients register themselves, and how many may in an hour.
    Registration(String, i64),
    /// A login in a browser that it has been used in before.
    KnownBrowser {
        /// The hash of the browser's cookie.
        browser: String,
        /// The folded login.
        login: String,
    },
}

/// A try that has been counted as a failure until it turns out not to be one.
#[derive(Debug)]
#[must_use = "a success must be told, or it counts as a failure"]
pub struct Tries(Vec<Subject>);

impl Subject {
    /// What the database knows it by: a hash, since a login that nobody has may be a password typed into the wrong field.
    fn key(&self) -> String {
        let text = match self {
            Self::Account(login) => format!("account\n{login}"),
            Self::Network(network) => format!("network\n{network}"),
            Self::DeviceEntry(network) => format!("device\n{network}"),
            Self::Registration(network, _) => format!("registration\n{network}"),
            Self::KnownBrowser { browser, login } => format!("browser\n{browser}\n{login}"),
        };
        TokenHash::of(&text).as_str().to_owned()
    }

    /// How long a subject must have been quiet for its failures to be forgotten, in seconds.
    const fn memory(&self) -> i64 {
        match self {
            Self::Account(_) | Self::KnownBrowser { .. } | Self::Registration(..) => 3600,
            Self::Network(_) | Self::DeviceEntry(_) => 900,
        }
    }

    /// How long the next try must wait after this many failures, in seconds.
    const fn wait_after(&self, failures: i64) -> i64 {
        match self {
            // 5 free tries, then 2, 4, 8, … 256 seconds: some 340 guesses a day at most, and never a locked door.
            Self::Account(_) | Self::KnownBrowser { .. } => match failures - 5 {
                ..0 => 0,
                n @ 0..8 => 2 << n,
                _ => 300,
            },
            // A code of 34 bits that lives ten minutes: with a thousand devices waiting, a day of guesses finds none of them.
            Self::DeviceEntry(_) => match failures - 10 {
                ..0 => 0,
                n @ 0..8 => 2 << n,
                _ => 300,
            },
            // An office behind one address mistypes more often than one person does.
            Self::Network(_) => match failures - 30 {
                ..0 => 0,
                n @ 0..30 => 1 + n,
                _ => 30,
            },
            // Every registration counts, as nobody may fill the table.
            Self::Registration(_, per_hour) => match failures - *per_hour {
                ..0 => 0,
                n @ 0..60 => 1 + n,
                _ => 60,
            },
        }
    }
}

/// Counts a try for these subjects. Answers the tries to be redeemed by a success, or the time (seconds since 1970)
/// until which one of the subjects must wait; then nothing must be kept of this transaction.
///
/// # Errors
/// When the database refuses.
pub async fn take(
    conn: &mut Conn,
    subjects: Vec<Subject>,
    now: i64,
) -> Result<std::result::Result<Tries, i64>> {
    for subject in &subjects {
        let key = subject.key();
        match throttles::take(conn, &key, now, now - subject.memory()).await? {
            Some(failures) => {
                let wait = subject.wait_after(failures);
                if wait > 0 {
                    throttles::wait(conn, &key, now + wait).await?;
                }
            }
            None => return Ok(Err(throttles::not_before(conn, &key).await?.unwrap_or(now + 1))),
        }
    }
    Ok(Ok(Tries(subjects)))
}

impl Tries {
    /// The password was right: the person's failures are forgotten, the network's count goes back to what it was.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn succeeded(self, conn: &mut Conn, now: i64) -> Result<()> {
        for subject in &self.0 {
            match subject {
                Subject::Network(_) | Subject::DeviceEntry(_) | Subject::Registration(..) => {
                    throttles::give_back(conn, &subject.key(), now).await?;
                }
                Subject::Account(_) | Subject::KnownBrowser { .. } => {
                    throttles::clear(conn, &subject.key()).await?;
                }
            }
        }
        Ok(())
    }

    /// Nothing was checked: every count goes back to what it was, and no failure before it is forgiven.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn forget(self, conn: &mut Conn, now: i64) -> Result<()> {
        for subject in &self.0 {
            throttles::give_back(conn, &subject.key(), now).await?;
        }
        Ok(())
    }
}

/// Forgets the failures of an account: somebody with the right to has unlocked it.
///
/// # Errors
/// When the database refuses.
pub async fn clear_account(conn: &mut Conn, login_key: &str) -> Result<()> {
    throttles::clear(conn, &Subject::Account(login_key.to_owned()).key()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_account_has_five_free_tries_and_then_waits_ever_longer() {
        let account = Subject::Account("ned".to_owned());
        let waits: Vec<i64> = (1..=15).map(|n| account.wait_after(n)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn a_network_has_more_patience_but_not_without_end() {
        let network = Subject::Network("192.0.2.1".to_owned());
        assert_eq!(network.wait_after(29), 0);
        assert_eq!(network.wait_after(30), 1);
        assert_eq!(network.wait_after(1000), 30);
    }

    #[test]
    fn subjects_do_not_collide() {
        let browser = Subject::KnownBrowser { browser: "b".to_owned(), login: "ned".to_owned() };
        assert_ne!(Subject::Account("ned".to_owned()).key(), Subject::Network("ned".to_owned()).key());
        assert_ne!(Subject::Account("b\nned".to_owned()).key(), browser.key());
    }

    proptest! {
        #[test]
        fn waits_never_shrink_and_never_lock(failures in 1i64..1_000_000) {
            for subject in [Subject::Account(String::new()), Subject::Network(String::new())] {
                prop_assert!(subject.wait_after(failures) <= subject.wait_after(failures + 1));
                prop_assert!(subject.wait_after(failures) <= 300);
            }
        }
    }
}
