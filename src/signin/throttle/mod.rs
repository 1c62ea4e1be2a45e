//! How are wrong passwords slowed down, so that guessing is hopeless and nobody can lock a stranger out?
//!
//! Only what was found wrong is counted, by whoever found it, and never what is still being checked. [`rule`] decides; here its
//! facts are read and what follows from it is written down. `docs/security.md` has the rule in words and the table of its bounds.

#[cfg(test)]
mod model;
pub mod rule;

use self::rule::{Count, Kind, LINGER, LONGEST_WAIT, PATIENCE, SKEW, Verdict};
use super::browser::Browser;
use crate::directory::login;
use crate::keys::secret::TokenHash;
use crate::store::failures::{self, Failure, FailureRow, Lines, Place};
use crate::store::{Conn, Later, Result};
use crate::web::network::Network;

/// How many may wait in line at once: each of them is one guess in [`LONGEST_WAIT`].
pub const LINES: Lines = Lines { pair: 12, account: 200, network: 100 };

/// Registrations are counted by the hour, in seconds.
const HOUR: i64 = 3600;

/// A try, by what its failure would be counted for. Everything is known by a hash: a login that nobody has may be a password
/// typed into the wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// In the order in which all callers write them, so that no two wait for each other: the account, whose row everybody else
    /// of the account waits for, comes first.
    subjects: Vec<(Kind, String)>,
    account: String,
    network: String,
    /// Who stands in line; nobody for a count that is one browser's own.
    holder: Option<String>,
}

/// What is counted for a try, once that is answered.
#[derive(Debug)]
pub struct Counted {
    of: Try,
    rows: Later<Vec<FailureRow>>,
}

/// What is counted for a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    counts: Vec<(Kind, Count)>,
    place: Option<i64>,
}

impl Try {
    /// A password for this login (folded), from a browser in which it was never signed in with.
    #[must_use]
    pub fn of_stranger(login_key: &str, network: &Network, browser: &Browser) -> Self {
        let network = network.allotment();
        let account = login::hashed(login_key);
        Self {
            subjects: vec![
                (Kind::Account, account.clone()),
                (Kind::Pair, hash(&["pair", login_key, &network])),
                (Kind::Network, hash(&["network", &network])),
            ],
            holder: Some(hash(&["place", login_key, browser.as_str()])),
            network: hash(&["network", &network]),
            account,
        }
    }

    /// A password for this login (folded), from a browser whose person has proven before that it is theirs.
    #[must_use]
    pub fn of_known(login_key: &str, browser: &str) -> Self {
        Self {
            subjects: vec![(Kind::KnownBrowser, hash(&["browser", login_key, browser]))],
            account: login::hashed(login_key),
            network: String::new(),
            holder: None,
        }
    }

    /// A code of a device.
    #[must_use]
    pub fn of_device(network: &Network, browser: &Browser) -> Self {
        let network = hash(&["device", &network.allotment()]);
        Self {
            subjects: vec![(Kind::DeviceEntry, network.clone())],
            holder: Some(hash(&["device place", browser.as_str()])),
            account: network.clone(),
            network,
        }
    }

    /// Asks what is counted for it: the answer comes with that to what is asked after it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn ask(&self, conn: &mut Conn) -> Result<Counted> {
        let key = |at: usize| self.subjects.get(at).map_or("", |(_, subject)| subject.as_str());
        Ok(Counted { of: self.clone(), rows: failures::find(conn, [key(0), key(1), key(2)])? })
    }

    /// Reads what is counted for it.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn look(&self, conn: &mut Conn, now: i64) -> Result<Standing> {
        self.look_at(conn, None, now).await
    }

    /// The same where something has been asked before, be it for this try or for another one.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn look_at(&self, conn: &mut Conn, asked: Option<Counted>, now: i64) -> Result<Standing> {
        let asked = match asked.filter(|asked| asked.of == *self) {
            Some(asked) => asked,
            None => self.ask(conn)?,
        };
        conn.answers().await?;
        let rows = asked.rows.answer()?;
        let count = |(kind, subject): &(Kind, String)| {
            let row = rows.iter().find(|row| row.subject == *subject)?;
            Some((*kind, Count { debt: row.debt, failed_at: row.failed_at }))
        };
        let counts: Vec<(Kind, Count)> = self.subjects.iter().filter_map(count).collect();
        let place = match &self.holder {
            Some(holder) if rule::decide(&counts, None, now) != Verdict::Heard => {
                failures::find_place(conn, holder, now - PATIENCE).await?
            }
            _ => None,
        };
        Ok(Standing { counts, place })
    }

    /// Keeps a place in line for it until then, if the lines are short enough.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn queue(&self, conn: &mut Conn, until: i64, now: i64) -> Result<()> {
        let Some(holder) = &self.holder else { return Ok(()) };
        let lines = if self.account == self.network {
            Lines { pair: LINES.network, account: LINES.network, ..LINES }
        } else {
            LINES
        };
        let place = Place { holder, account: &self.account, network: &self.network, heard_at: until };
        failures::keep_place(conn, place, lines, now - LINGER, now + LONGEST_WAIT).await.map(|_| ())
    }

    /// It was found wrong.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn failed(&self, conn: &mut Conn, now: i64) -> Result<()> {
        for (kind, subject) in &self.subjects {
            let account =
                (!matches!(kind, Kind::Network | Kind::DeviceEntry)).then_some(self.account.as_str());
            let (weight, most) = (kind.weight(), kind.most() * kind.weight());
            failures::add(conn, Failure { subject, account, weight, most }, now).await?;
        }
        // A place that was not needed after all is no second try.
        self.leave_line(conn).await
    }

    /// It was found right: the failures before it were the same person's. Nothing is written where there were none.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn succeeded(&self, conn: &mut Conn, standing: &Standing) -> Result<()> {
        for (kind, subject) in &self.subjects {
            let narrow = matches!(kind, Kind::Pair | Kind::KnownBrowser);
            if narrow && standing.counts.iter().any(|(counted, _)| counted == kind) {
                failures::clear(conn, subject).await?;
            }
        }
        if standing.place.is_some() { self.leave_line(conn).await } else { Ok(()) }
    }

    async fn leave_line(&self, conn: &mut Conn) -> Result<()> {
        match &self.holder {
            Some(holder) => failures::give_up_place(conn, holder).await,
            None => Ok(()),
        }
    }
}

impl Standing {
    /// What becomes of the try now.
    #[must_use]
    pub fn verdict(&self, now: i64) -> Verdict {
        rule::decide(&self.counts, self.place, now)
    }
}

/// Counts a registration of this network, of which there may be `per_hour`; else the answer is the time (seconds since 1970) at
/// which one may be made.
///
/// # Errors
/// When the database refuses.
pub async fn registration(
    conn: &mut Conn,
    network: &Network,
    per_hour: u32,
    now: i64,
) -> Result<std::result::Result<(), i64>> {
    let subject = hash(&["registration", &network.allotment()]);
    let weight = (HOUR / i64::from(per_hour.max(1))).max(1);
    let counted =
        failures::add_within(conn, &subject, weight, weight * i64::from(per_hour), SKEW, now).await?;
    Ok(if counted { Ok(()) } else { Err(now + weight) })
}

/// One text for one list of parts, and what the database knows it by.
fn hash(parts: &[&str]) -> String {
    let text: Vec<String> = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    TokenHash::of(&text.concat()).as_str().to_owned()
}
