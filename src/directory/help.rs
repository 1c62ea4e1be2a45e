//! Who has asked for help because there was no way in, and how is that closed?

use rand::CryptoRng;

use super::by::{By, standing};
use super::proof::ViewUsers;
use super::{Error, Person, people, policy};
use crate::store::help_requests::{self, HelpRow};
use crate::store::{Conn, Tx};

/// What kept somebody out whose password was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// There is no address that a code could go to.
    NoAddress,
    /// The code could not be sent.
    MailFailed,
    /// Too many wrong codes have stopped theirs.
    CodesStopped,
}

/// Somebody who waits for help.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The user's id.
    pub user_id: String,
    /// Their login.
    pub login: String,
    /// Their full name.
    pub name: Option<String>,
    /// Their group; none for a site administrator.
    pub group_id: Option<String>,
    /// What kept them out; none where a later version of the program wrote it down.
    pub why: Option<Why>,
    /// The app that they were on the way to.
    pub client_id: Option<String>,
    /// When they last asked, in seconds since 1970.
    pub asked_at: i64,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// What kept the person out was mended.
    Fixed,
    /// There is nothing to mend.
    Dismissed,
}

impl Why {
    const ALL: [Self; 3] = [Self::NoAddress, Self::MailFailed, Self::CodesStopped];

    /// The word in the database and in what programs read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAddress => "no_address",
            Self::MailFailed => "mail_failed",
            Self::CodesStopped => "codes_stopped",
        }
    }

    /// The reason of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.name() == name)
    }
}

/// At most `limit` who wait for help where the actor may see users, the longest first, that come after `(asked_at, user_id)` of one
/// before.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn waiting(
    conn: &mut Conn,
    by: &By,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<Waiting>, Error> {
    by.prove::<ViewUsers>()?;
    let rows = help_requests::open(conn, by.tree().root_id(), after, limit).await?;
    Ok(rows.into_iter().map(Waiting::from).collect())
}

/// How many wait for help where the actor may see users: up to `most`, and whether there are more.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn count(conn: &mut Conn, by: &By, most: i64) -> Result<(i64, bool), Error> {
    by.prove::<ViewUsers>()?;
    let n = help_requests::count(conn, by.tree().root_id(), most.saturating_add(1)).await?;
    Ok((n.min(most), n > most))
}

/// What somebody waits for, if they do; for whoever may see them.
///
/// # Errors
/// When the database refuses.
pub async fn of(conn: &mut Conn, person: &Person) -> Result<Option<Waiting>, Error> {
    Ok(help_requests::of_user(conn, &person.id).await?.map(Waiting::from))
}

impl From<HelpRow> for Waiting {
    fn from(row: HelpRow) -> Self {
        Self {
            why: Why::from_name(&row.why),
            user_id: row.user_id,
            login: row.login,
            name: row.name,
            group_id: row.group_id,
            client_id: row.client_id,
            asked_at: row.asked_at,
        }
    }
}

/// Closes somebody's request; false when none is open.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn close(
    tx: &mut Tx,
    person: &Person,
    end: End,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<bool, Error> {
    let person = people::locked(tx, &person.id).await?.ok_or(Error::Vanished)?;
    policy::may_edit(&by.acting(tx).await?, &standing(tx, &person).await?)?;
    closed(tx, &person, end, by, rng).await
}

/// Closes a request whose reason has been mended just now, by an action that has asked the rules.
pub(super) async fn closed(
    tx: &mut Tx,
    person: &Person,
    end: End,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<bool, Error> {
    if !help_requests::close(tx, &person.id, by.now()).await? {
        return Ok(false);
    }
    let how = match end {
        End::Fixed => "fixed",
        End::Dismissed => "dismissed",
    };
    by.record(by.event("help.closed").user(&person.id).detail("how", how), tx, rng).await?;
    Ok(true)
}
