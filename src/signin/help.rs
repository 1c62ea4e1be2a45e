//! How does somebody whose password was right, and for whom there is no way in, ask a manager for help?

use super::SignInState;
use super::announce;
use super::challenge::Error;
use super::decide::Hindrance;
use super::notice::Notice;
use crate::audit::{Actor, Event};
use crate::directory::help::Why;
use crate::directory::{Person, Status, people};
use crate::keys::secret::entropy;
use crate::store::signins::{self, SignInRow};
use crate::store::{Db, Tx, help_requests, seen_ids, users};
use crate::web::network::Network;

/// How long those who can help are told nothing more about one person, in seconds.
const QUIET: i64 = 3600;

/// About how many people of one tree they are told in that time: where mail fails, it fails for everybody.
const ABOUT_TREE: u32 = 20;

/// Requests that are closed at once; more are the next time.
const BATCH: i64 = 500;

/// On the way to which app something has happened, and where those who are told of it look.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The name of the app that the person was on the way to.
    pub app: &'a str,
    /// The address of the page on which a manager mends it.
    pub repair: &'a str,
    /// From where the browser comes.
    pub network: &'a Network,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What kept somebody out of this sign-in whose password was right; none when nothing did, or nobody has given a right password.
#[must_use]
pub fn reason(signin: &SignInRow, notice: Option<&Notice>) -> Option<Why> {
    signin.last_user_id.as_ref()?;
    match notice? {
        Notice::NoAddress => Some(Why::NoAddress),
        Notice::MailFailed => Some(Why::MailFailed),
        Notice::CodesStopped => Some(Why::CodesStopped),
        _ => None,
    }
}

/// What would keep somebody out whose group rehearses, and a manager could mend; none for what passes by itself.
#[must_use]
pub const fn rehearsed(hindrance: Hindrance) -> Option<Why> {
    match hindrance {
        Hindrance::NoAddress => Some(Why::NoAddress),
        Hindrance::MailRefused => Some(Why::MailFailed),
        Hindrance::CodesStopped => Some(Why::CodesStopped),
        Hindrance::WrongCodes | Hindrance::TooManyCodes => None,
    }
}

/// Writes down that the person of a sign-in asks for help, and tells those who can give it. Nothing happens, and nothing shows, in a
/// sign-in in which nobody was kept out after a right password: then the answer is false.
///
/// # Errors
/// When the database or a template fails.
pub async fn ask(state: &SignInState, signin: &SignInRow, asked: Asked<'_>) -> Result<bool, Error> {
    let notice = Notice::from_json(signin.notice.as_deref());
    let (Some(why), Some(user_id)) = (reason(signin, notice.as_ref()), &signin.last_user_id) else {
        return Ok(false);
    };
    ask_for(state, signin, user_id, why, asked).await?;
    Ok(true)
}

/// The same for somebody of whom the caller knows that they have given a right password, and what keeps them out or would.
///
/// # Errors
/// When the database or a template fails.
pub async fn ask_for(
    state: &SignInState,
    signin: &SignInRow,
    user_id: &str,
    why: Why,
    asked: Asked<'_>,
) -> Result<(), Error> {
    let now = asked.now_ms / 1000;
    let mut tx = state.db.write().await?;
    users::lock(&mut tx, user_id).await?;
    let found = people::find(&mut tx, user_id).await?;
    let Some(person) = found.filter(|person| person.status == Status::Active) else { return Ok(()) };
    help_requests::ask(&mut tx, &person.id, why.name(), signin.client_id.as_deref(), now).await?;
    signins::set_notice(&mut tx, &signin.id, Some(&Notice::HelpAsked.to_json())).await?;
    let mut event =
        Event::new("help.asked", Actor::User(person.id.clone())).user(&person.id).detail("why", why.name());
    event = event.network(asked.network.to_string());
    if let Some(client_id) = &signin.client_id {
        event = event.client(client_id);
    }
    if let Some(group) = &person.group {
        event = event.group(&group.id);
    }
    event.record(&mut tx, asked.now_ms, &mut entropy()).await?;
    if is_time(&mut tx, &person, now).await? {
        announce::help_asked(state, &mut tx, &person, why, asked).await?;
    }
    tx.commit().await?;
    announce::deliver_later(state);
    Ok(())
}

/// Closes the requests of those who have come in since they asked, each with its event; answers how many there were.
///
/// # Errors
/// When the database refuses.
pub async fn close_of_those_who_came_in(db: &Db, now_ms: i64) -> crate::store::Result<usize> {
    let mut conn = db.read().await?;
    let came_in = help_requests::came_in(&mut conn, BATCH).await?;
    drop(conn);
    for (user_id, asked_at) in &came_in {
        let mut tx = db.write().await?;
        users::lock(&mut tx, user_id).await?;
        if help_requests::close_of_then(&mut tx, user_id, *asked_at, now_ms / 1000).await? {
            let event = Event::new("help.closed", Actor::System).user(user_id).detail("how", "signed_in");
            event.record(&mut tx, now_ms, &mut entropy()).await?;
        }
        tx.commit().await?;
    }
    Ok(came_in.len())
}

/// Whether those who can help have been left in peace for long enough.
async fn is_time(tx: &mut Tx, person: &Person, now: i64) -> crate::store::Result<bool> {
    let top = person.group.as_ref().map_or("", |group| group.top_id.as_str());
    Ok(seen_ids::remember(tx, "help for person", &person.id, now + QUIET, now).await?
        && seen_ids::take_place(tx, "help in tree", top, ABOUT_TREE, now + QUIET, now).await?)
}
