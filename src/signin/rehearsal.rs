//! How do the people of a group that rehearses two-factor get on, and how does one of them go on without a code?

use super::decide::{Demand, Hindrance};
use crate::audit::{Actor, Event};
use crate::directory::{Person, TwoFactor};
use crate::keys::secret::entropy;
use crate::store::groups::GroupRow;
use crate::store::rehearsals::{self, RehearsalRow};
use crate::store::signins::{self, SignInRow};
use crate::store::{Conn, Db, Result, challenges, messages, users};
use crate::web::network::Network;

/// The word for those who have not signed in since the rehearsal began.
pub const NOT_YET: &str = "not_yet";

/// How one person's last rehearsal went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They entered the code.
    Managed,
    /// They could have, as far as is known, and went on without.
    Skipped,
    /// They went on before the mail server had taken the code: whether it would have reached them is not known.
    Unsent,
    /// They could not.
    Hindered(Hindrance),
    /// Their role lets them in without one, and none was asked for.
    Exempt,
}

impl Outcome {
    /// The word in the database and in what programs read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::Skipped => "skipped",
            Self::Unsent => "not_sent",
            Self::Exempt => "exempt",
            Self::Hindered(hindrance) => hindrance.name(),
        }
    }

    /// The outcome of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "managed" => Some(Self::Managed),
            "skipped" => Some(Self::Skipped),
            "not_sent" => Some(Self::Unsent),
            "exempt" => Some(Self::Exempt),
            other => Hindrance::from_name(other).map(Self::Hindered),
        }
    }

    /// What it means, as the end of a sentence that begins with how many or who.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Managed => "entered the code",
            Self::Skipped => "went on without the code that was sent",
            Self::Unsent => "went on before the mail server had taken the code",
            Self::Exempt => "need no code: they hold override_2fa",
            Self::Hindered(Hindrance::NoAddress) => "have no address to send a code to",
            Self::Hindered(Hindrance::CodesStopped) => {
                "have had their codes stopped after too many wrong ones"
            }
            Self::Hindered(Hindrance::MailRefused) => "could not be sent a code: the mail server refused it",
            Self::Hindered(Hindrance::WrongCodes) => "used up their attempts at the code",
            Self::Hindered(Hindrance::TooManyCodes) => "had too many codes sent",
        }
    }
}

/// Whether this person's sign-in may go on without a code because their group rehearses; whose role overrides two-factor is
/// not asked for one in the first place.
#[must_use]
pub fn may_skip(person: &Person, demand: Demand) -> bool {
    person.two_factor() == TwoFactor::Rehearse && demand == Demand::Whatever
}

/// Writes down how a person's rehearsal went; nothing where their group does not rehearse. Whoever calls has locked the user.
///
/// # Errors
/// When the database refuses.
pub async fn note(conn: &mut Conn, person: &Person, outcome: Outcome, now: i64) -> Result<()> {
    if person.two_factor() != TwoFactor::Rehearse || person.overrides_two_factor() {
        return Ok(());
    }
    rehearsals::record(conn, &person.id, outcome.name(), now).await
}

/// Writes down what keeps a code from somebody in this sign-in: the next page tells them, and lets them go on.
///
/// # Errors
/// When the database refuses.
pub async fn hinder(
    conn: &mut Conn,
    signin: &SignInRow,
    person: &Person,
    hindrance: Hindrance,
    now: i64,
) -> Result<()> {
    users::lock(conn, &person.id).await?;
    signins::hinder(conn, &signin.id, &person.id, hindrance.name()).await?;
    note(conn, person, Outcome::Hindered(hindrance), now).await
}

/// Lets a sign-in go on without a code, and writes down why. Whoever calls has asked the decision whether it may.
///
/// # Errors
/// When the database refuses.
pub async fn skip(
    db: &Db,
    signin: &SignInRow,
    person: &Person,
    hindrance: Option<Hindrance>,
    (network, now_ms): (&Network, i64),
) -> Result<()> {
    let now = now_ms / 1000;
    let mut tx = db.write().await?;
    users::lock(&mut tx, &person.id).await?;
    if signins::skip_code(&mut tx, signin, now).await? {
        let outcome = match hindrance {
            Some(hindrance) => Outcome::Hindered(hindrance),
            None => without_the_code(&mut tx, signin, person).await?,
        };
        note(&mut tx, person, outcome, now).await?;
        let mut event = Event::new("signin.code_skipped", Actor::User(person.id.clone()))
            .user(&person.id)
            .network(network.to_string())
            .detail("why", outcome.name());
        if let Some(client_id) = &signin.client_id {
            event = event.client(client_id);
        }
        if let Some(group) = &person.group {
            event = event.group(&group.id);
        }
        event.record(&mut tx, now_ms, &mut entropy()).await?;
    }
    tx.commit().await
}

/// What it means that somebody goes on without the code that a sign-in has made for them.
async fn without_the_code(conn: &mut Conn, signin: &SignInRow, person: &Person) -> Result<Outcome> {
    let latest = challenges::latest(conn, &signin.id, &person.id).await?;
    let Some(message) = latest.and_then(|challenge| challenge.message_id) else {
        return Ok(Outcome::Skipped);
    };
    Ok(match messages::state(conn, &message).await?.as_deref() {
        Some("accepted") | None => Outcome::Skipped,
        Some("refused" | "expired") => Outcome::Hindered(Hindrance::MailRefused),
        Some(_) => Outcome::Unsent,
    })
}

/// How many people of a group have had each outcome; none for those who have not signed in since the rehearsal began and would be asked
/// for a code.
///
/// # Errors
/// When the database refuses.
pub async fn counts(conn: &mut Conn, group: &GroupRow) -> Result<Vec<(Option<Outcome>, i64)>> {
    let rows = rehearsals::count(conn, &group.id).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.outcome.as_deref().and_then(Outcome::from_name), row.people))
        .collect())
}

/// At most `limit` people of a group with their outcomes, by login, that come after the folded login `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, group: &GroupRow, after: &str, limit: i64) -> Result<Vec<RehearsalRow>> {
    rehearsals::list(conn, &group.id, after, limit).await
}

/// The same of those with this outcome's word, or of all.
///
/// # Errors
/// When the database refuses.
pub async fn list_of(
    conn: &mut Conn,
    group: &GroupRow,
    outcome: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<RehearsalRow>> {
    match outcome {
        Some(outcome) => rehearsals::list_of(conn, &group.id, outcome, after, limit).await,
        None => rehearsals::list(conn, &group.id, after, limit).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back() {
        let hindered = Hindrance::ALL.into_iter().map(Outcome::Hindered);
        for outcome in
            [Outcome::Managed, Outcome::Skipped, Outcome::Unsent, Outcome::Exempt].into_iter().chain(hindered)
        {
            assert_eq!(Outcome::from_name(outcome.name()), Some(outcome));
        }
        assert_eq!(Outcome::from_name("nonsense"), None);
    }
}
