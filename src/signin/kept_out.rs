//! What does the log say of somebody who is kept out although their password was right? Without it nobody who could help would see them.

use super::decide::Hindrance;
use super::notice::Notice;
use crate::audit::{Actor, Event};
use crate::directory::Person;
use crate::directory::help::Why;
use crate::keys::secret::entropy;
use crate::store::signins::SignInRow;
use crate::store::{Result, Tx, seen_ids};
use crate::web::network::Network;

/// Writes down that a sign-in turns somebody away who has given a right password, in the transaction that does so. It is written once for a
/// sign-in, a person and a reason: reloading the page, or giving the password again, adds nothing.
///
/// # Errors
/// When the database refuses.
pub async fn note(
    tx: &mut Tx,
    signin: &SignInRow,
    person: &Person,
    notice: &Notice,
    (network, now_ms): (&Network, i64),
) -> Result<()> {
    let Some(why) = why(notice) else { return Ok(()) };
    let now = now_ms / 1000;
    let once = format!("{}\n{}\n{why}", signin.id, person.id);
    if !seen_ids::remember(tx, "kept out", &once, signin.expires_at.max(now) + 1, now).await? {
        return Ok(());
    }
    let event = Event::new("signin.refused", Actor::Anonymous).user(&person.id).network(network.to_string());
    let mut event = event.detail("why", why);
    if let Some(client_id) = &signin.client_id {
        event = event.client(client_id);
    }
    if let Some(group) = &person.group {
        event = event.group(&group.id);
    }
    event.record(tx, now_ms, &mut entropy()).await
}

/// The word for what keeps somebody out whose password was right; none for what does not.
const fn why(notice: &Notice) -> Option<&'static str> {
    match notice {
        Notice::NoAddress => Some(Why::NoAddress.name()),
        Notice::MailFailed => Some(Why::MailFailed.name()),
        Notice::CodesStopped => Some(Why::CodesStopped.name()),
        Notice::AddressFull { .. } | Notice::NoMoreCodes => Some(Hindrance::TooManyCodes.name()),
        _ => None,
    }
}
