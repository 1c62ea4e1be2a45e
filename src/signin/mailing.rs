//! Does mail reach somebody? A test message that says so itself, and a message that waits sent now: in both cases the server's answer is in
//! the delivery record before anybody looks.

use super::SignInState;
use super::challenge;
use crate::directory::proof::{AdministerSite, Proof};
use crate::directory::{self, Address, By, Person, Tree, deliveries, users};
use crate::keys::Vault;
use crate::keys::secret::entropy;
use crate::mail::{self, Outgoing, Purpose, mask};
use crate::store::{Conn, Tx, messages, seen_ids};
use crate::web::{Language, Pages, TestMail};

/// How long a test is worth sending, in seconds: a server that says "not now" is asked again while somebody looks.
const WORTH: i64 = 120;

/// How long tests are counted, in seconds.
const HOUR: i64 = 3600;

/// The most tests of one person in that time, and the most to one address.
const AT_MOST: (u32, u32) = (30, 6);

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules say no, or the database refuses.
    #[error(transparent)]
    Directory(#[from] directory::Error),
    /// The message could not be made.
    #[error(transparent)]
    Mail(#[from] challenge::Error),
    /// There is no address that it could go to.
    #[error("there is no address to send to")]
    NoAddress,
    /// There were many within the hour.
    #[error("too many test messages within an hour")]
    TooMany,
    /// It does not wait any more.
    #[error("the message does not wait any more")]
    Settled,
}

impl From<crate::store::Error> for Error {
    fn from(error: crate::store::Error) -> Self {
        Self::Directory(error.into())
    }
}

/// A test message: to which address, about whom, and in which language.
#[derive(Clone, Copy, Debug)]
pub struct Test<'a> {
    /// Where it goes.
    pub address: &'a Address,
    /// Whose address it is; none where it is nobody's here.
    pub person: Option<&'a Person>,
    /// How long it is worth sending, in seconds.
    pub worth: i64,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
}

impl Test<'_> {
    /// Queues it in the caller's transaction. Answers the message's id.
    ///
    /// # Errors
    /// When a template, the database or the master key fails.
    pub async fn queue(
        &self,
        conn: &mut Conn,
        pages: &Pages,
        vault: &Vault,
    ) -> Result<String, challenge::Error> {
        let now = self.now_ms / 1000;
        let when =
            self.person.map_or_else(|| crate::clock::Moment::new(now, None), |person| person.moment(now));
        let language = Language::of_group(self.person.and_then(Person::language));
        let parts =
            pages.mail(&TestMail { when }, language).map_err(|e| challenge::Error::Message(e.to_string()))?;
        let outgoing = Outgoing {
            purpose: Purpose::Test,
            user_id: self.person.map(|person| person.id.clone()),
            to: self.address.as_str().to_owned(),
            subject: parts.subject,
            text: parts.text,
            html: parts.html,
            reference: None,
            expires_at: now + self.worth,
        };
        Ok(mail::queue(conn, vault, &outgoing, self.now_ms, &mut entropy()).await?)
    }
}

/// Sends a test message to somebody's address, and waits a moment for the server. Answers the message's id.
///
/// # Errors
/// When the rules say no, there is no address, there were many, or the database or a template fails.
pub async fn test_person(state: &SignInState, person: &Person, by: &By) -> Result<String, Error> {
    let mut tx = state.db.write().await?;
    users::may_edit(&mut tx, person, by).await?;
    let address = person.deliverable_address().ok_or(Error::NoAddress)?;
    send(state, tx, &address, Some(person), by).await
}

/// Sends a test message to any address, and waits a moment for the server. Answers the message's id.
///
/// # Errors
/// When the rules say no, there were many, or the database or a template fails.
pub async fn test_address(
    state: &SignInState,
    address: &Address,
    by: &Proof<AdministerSite>,
) -> Result<String, Error> {
    directory::mail_settings::allowed(by)?;
    let mut tx = state.db.write().await?;
    by.holds_still(&mut tx).await?;
    send(state, tx, address, None, by).await
}

async fn send(
    state: &SignInState,
    mut tx: Tx,
    address: &Address,
    person: Option<&Person>,
    by: &By,
) -> Result<String, Error> {
    let now = by.now();
    let actor = by.user_id().unwrap_or_default();
    let places = [("test by", actor, AT_MOST.0), ("test to", address.as_str(), AT_MOST.1)];
    for (purpose, id, most) in places {
        if !seen_ids::take_place(&mut tx, purpose, id, most, now + HOUR, now).await? {
            return Err(Error::TooMany);
        }
    }
    let test = Test { address, person, worth: WORTH, now_ms: by.now_ms };
    let message = test.queue(&mut tx, &state.pages, &state.vault).await?;
    let mut event = by.event("mail.tested").detail("to", mask(address.as_str()));
    if let Some(person) = person {
        event = event.user(&person.id);
    }
    by.record(event, &mut tx, &mut entropy()).await?;
    tx.commit().await?;
    state.mailer.deliver_within(&message, state.settings.mail_patience.as_duration()).await;
    Ok(message)
}

/// Sends a message that waits now, and waits a moment for the server.
///
/// # Errors
/// When it is not there for the actor, the rules say no, it does not wait any more, or the database refuses.
pub async fn retry(state: &SignInState, tree: &Tree, id: &str, by: &By) -> Result<(), Error> {
    let mut tx = state.db.write().await?;
    let found = deliveries::find(&mut tx, tree, id).await?.ok_or(directory::Error::Vanished)?;
    let mut event = by.event("mail.retried").detail("purpose", found.purpose.as_str());
    match &found.user_id {
        Some(user_id) => {
            let person = tree.user(&mut tx, user_id).await?.ok_or(directory::Error::Vanished)?;
            users::may_edit(&mut tx, &person, by).await?;
            event = event.user(user_id);
        }
        None => directory::mail_settings::allowed(&by.again(&mut tx).await?)?,
    }
    if !messages::hasten(&mut tx, id, by.now()).await? {
        return Err(Error::Settled);
    }
    by.record(event, &mut tx, &mut entropy()).await?;
    tx.commit().await?;
    state.mailer.deliver_within(id, state.settings.mail_patience.as_duration()).await;
    Ok(())
}
