//! How is an emailed code made, sent and checked, so that it serves once, in one sign-in, within few attempts?

use rand::{CryptoRng, RngExt};

use super::{SignInState, digits};
use crate::directory::{Address, By, Person};
use crate::keys::secret::{entropy, new_id, new_id_at, same};
use crate::keys::{Vault, VaultError};
use crate::mail::{self, MailError, Outgoing, Purpose};
use crate::metrics::CodeOutcome;
use crate::store::challenges::{self, NewChallenge};
use crate::store::signins::{self, SignInRow};
use crate::store::{self, AHEAD, Conn, messages, seen_ids, users};
use crate::web::{CodeMail, Language};

/// What codes are keyed for; a code made for one purpose is nothing elsewhere.
const EMAILED: &str = "signin emailed code";
const BY_HAND: &str = "signin code by hand";

/// In how long a time the codes that go to one address are counted, in milliseconds.
const COUNTED_FOR: i64 = 3_600_000;

/// What is wrong with making or checking a code; never the person's mistake.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The master key could not be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The message could not be made.
    #[error("the message with the code could not be made: {0}")]
    Message(String),
}

impl From<MailError> for Error {
    fn from(e: MailError) -> Self {
        match e {
            // It may pass, as any fault of the database.
            MailError::Store(e) => Self::Store(e),
            other => Self::Message(other.to_string()),
        }
    }
}

/// What became of a wish for a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issue {
    /// A message is ready to be sent, once the transaction is committed.
    Queued(String),
    /// This sign-in has sent as many as it may.
    NoMore,
    /// As many as may be have gone to this address lately; the next can at this time, in seconds since 1970.
    Full(i64),
    /// The sign-in has changed since it was read: look again.
    Overtaken,
}

/// What became of a code that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was right, and is used up now.
    Right {
        /// The address that it was sent to, whose mailbox the person has read; none for a code given by hand.
        mailed_to: Option<String>,
    },
    /// It was wrong; this many attempts are left.
    Wrong(i64),
    /// It was wrong, and the last: the challenge has ended.
    WrongAndLast,
    /// It was wrong, and one too many in a day: the user's codes are stopped.
    WrongAndStopped,
    /// There was nothing to try it on: expired, used, ended, or never made for this sign-in.
    NoChallenge,
    /// The user's codes are stopped; nothing was compared.
    Stopped,
}

impl Verdict {
    /// As what it is counted.
    #[must_use]
    pub const fn counted(&self) -> CodeOutcome {
        match self {
            Self::Right { .. } => CodeOutcome::Right,
            Self::Wrong(_) => CodeOutcome::Wrong,
            Self::WrongAndLast => CodeOutcome::Ended,
            Self::WrongAndStopped | Self::Stopped => CodeOutcome::Stopped,
            Self::NoChallenge => CodeOutcome::Expired,
        }
    }
}

/// Whom a code is for: somebody who can be reached, on the way to an app, reading a language.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// The person.
    pub person: &'a Person,
    /// Where mail reaches them.
    pub address: &'a Address,
    /// The relying app's name.
    pub app: &'a str,
}

/// Makes a code for a person in a sign-in, and the message that carries it, both in the caller's transaction. The code
/// before it ends; the count of wrong ones goes on, unless it was they that ended it.
///
/// # Errors
/// When the database, the master key or the message template fails.
pub async fn issue(
    state: &SignInState,
    conn: &mut Conn,
    signin: &SignInRow,
    to: Recipient<'_>,
    now_ms: i64,
    rng: &mut impl CryptoRng,
) -> Result<Issue, Error> {
    let settings = &state.settings;
    let now = now_ms / 1000;
    if signin.codes_sent >= i64::from(settings.codes_per_signin) {
        return Ok(Issue::NoMore);
    }
    // A change of the user ends the codes that it finds: it comes before this one, and the sign-in is another, or finds it.
    users::lock(conn, &to.person.id).await?;
    // Several people may have one address, and each of them several sign-ins: whoever is at this point waits for the others here.
    seen_ids::queue(conn, &format!("codes to {}", to.address.as_str().to_ascii_lowercase()), now).await?;
    if let Some(until) = full_until(conn, settings, to.address.as_str(), now_ms).await? {
        return Ok(Issue::Full(until));
    }
    if !signins::count_code(conn, signin).await? {
        return Ok(Issue::Overtaken);
    }
    let before = challenges::latest(conn, &signin.id, &to.person.id).await?;
    let limit = i64::from(settings.code_attempts);
    let attempts = before.map_or(0, |b| if b.attempts < limit { b.attempts } else { 0 });
    let (id, code) = (new_id_at(now_ms, rng), random_code(settings.code_length, rng));
    let reference = random_reference(rng);
    let message = message(state, to, &code, &reference, now)?;
    let queued = mail::queue(conn, &state.vault, &message, now_ms, rng).await;
    let message_id = queued?;
    let mac = keyed(&state.vault, EMAILED, &[&id, &signin.id, &to.person.id], &code)?;
    let new = NewChallenge {
        id: &id,
        signin_id: &signin.id,
        user_id: &to.person.id,
        code_mac: &mac,
        reference: &reference,
        address: to.address.as_str(),
        message_id: &message_id,
        attempts,
        created_at: now,
        expires_at: message.expires_at,
    };
    challenges::add(conn, new).await?;
    Ok(Issue::Queued(message_id))
}

/// When the next code can go to an address, in seconds since 1970; none for now. Only codes that were sent, or still may be, count.
///
/// # Errors
/// When the database refuses.
pub async fn full_until(
    conn: &mut Conn,
    settings: &crate::config::SignIn,
    address: &str,
    now_ms: i64,
) -> store::Result<Option<i64>> {
    let (limit, until) = (i64::from(settings.codes_per_hour), now_ms + AHEAD * 1000);
    let oldest = messages::nth_code(conn, address, limit, now_ms - COUNTED_FOR, until).await?;
    Ok(oldest.map(|at| (at + COUNTED_FOR).div_euclid(1000) + 1))
}

fn message(
    state: &SignInState,
    to: Recipient<'_>,
    code: &str,
    reference: &str,
    now: i64,
) -> Result<Outgoing, Error> {
    let lifetime = state.settings.code_lifetime.as_secs();
    let page = CodeMail {
        app: to.app.to_owned(),
        code: code.to_owned(),
        reference: reference.to_owned(),
        minutes: lifetime / 60,
        when: to.person.moment(now),
        login: to.person.login.clone(),
    };
    let language = Language::of_group(to.person.language());
    let parts = state.pages.mail(&page, language).map_err(|e| Error::Message(e.to_string()))?;
    Ok(Outgoing {
        purpose: Purpose::SignInCode,
        user_id: Some(to.person.id.clone()),
        to: to.address.as_str().to_owned(),
        subject: parts.subject,
        text: parts.text,
        html: parts.html,
        reference: Some(reference.to_owned()),
        expires_at: now + lifetime,
    })
}

/// Makes a code that somebody with the right to ([`super::hand`]) hands to a user, instead of any made before, and lets the user's codes work again.
/// Good for any one sign-in of theirs.
///
/// # Errors
/// When the database fails.
pub async fn issue_by_hand(
    conn: &mut Conn,
    vault: &Vault,
    settings: &crate::config::SignIn,
    person: &Person,
    by: &By,
    rng: &mut impl CryptoRng,
) -> Result<String, Error> {
    let now = by.now();
    let id = new_id(rng);
    let code = random_code(settings.code_length, rng);
    let mac = keyed(vault, BY_HAND, &[&id, &person.id], &code)?;
    let expires_at = now + settings.hand_code_lifetime.as_secs();
    users::lock(conn, &person.id).await?;
    challenges::add_hand_code(conn, &id, &person.id, &mac, now, expires_at).await?;
    challenges::clear_budget(conn, &person.id).await?;
    by.record(by.event("user.code_by_hand").user(&person.id), conn, rng).await?;
    Ok(code)
}

/// Tries a code, in the caller's transaction: takes an attempt from the user's budget and from the challenge, and only then
/// compares. A commit is owed whatever the verdict.
///
/// # Errors
/// When the database fails.
pub async fn check(
    state: &SignInState,
    conn: &mut Conn,
    signin_id: &str,
    user_id: &str,
    typed: &str,
    now: i64,
) -> Result<Verdict, Error> {
    let settings = &state.settings;
    let window_start = now - settings.wrong_codes_window.as_secs();
    let id = new_id(&mut entropy());
    let taken = challenges::take_from_budget(conn, user_id, &id, now, window_start).await?;
    let Some(wrong_in_window) = taken else {
        return Ok(Verdict::Stopped);
    };
    let limit = i64::from(settings.code_attempts);
    let Some(tried) = try_code(state, conn, signin_id, user_id, &digits::typed(typed), now).await? else {
        challenges::give_back(conn, &id).await?;
        return Ok(Verdict::NoChallenge);
    };
    if tried.right {
        challenges::give_back(conn, &id).await?;
        return Ok(Verdict::Right { mailed_to: tried.mailed_to });
    }
    if wrong_in_window >= i64::from(settings.wrong_codes_limit) {
        challenges::stop_codes(conn, user_id, now).await?;
        challenges::end_of_user(conn, user_id, now).await?;
        return Ok(Verdict::WrongAndStopped);
    }
    if tried.attempts >= limit {
        challenges::end_of_signin(conn, signin_id, now).await?;
        return Ok(Verdict::WrongAndLast);
    }
    Ok(Verdict::Wrong(limit - tried.attempts))
}

/// An attempt that was made.
struct Tried {
    /// Which one it was, from 1.
    attempts: i64,
    /// Whether the code was the right one, and is spent now.
    right: bool,
    /// Where the code was sent; none for one given by hand.
    mailed_to: Option<String>,
}

/// Takes an attempt at the code that this sign-in waits for, one given by hand before an emailed one, and spends it if
/// it is right.
async fn try_code(
    state: &SignInState,
    conn: &mut Conn,
    signin_id: &str,
    user_id: &str,
    code: &str,
    now: i64,
) -> Result<Option<Tried>, Error> {
    let limit = i64::from(state.settings.code_attempts);
    challenges::expire_hand_codes(conn, user_id, now).await?;
    if let Some(by_hand) = challenges::live_hand_code(conn, user_id, now, limit).await? {
        let Some(attempt) = challenges::take_hand_attempt(conn, &by_hand.id, user_id, limit, now).await?
        else {
            return Ok(None);
        };
        let mac = keyed(&state.vault, BY_HAND, &[&by_hand.id, user_id], code)?;
        let right = same(mac.as_bytes(), attempt.code_mac.as_bytes())
            && challenges::spend_hand_code(conn, &by_hand.id, now).await?;
        return Ok(Some(Tried { attempts: attempt.attempts, right, mailed_to: None }));
    }
    let Some(latest) = challenges::latest(conn, signin_id, user_id).await? else { return Ok(None) };
    let Some(attempt) = challenges::take_attempt(conn, &latest.id, signin_id, limit, now).await? else {
        if latest.is_over(now) {
            challenges::expire(conn, &latest.id).await?;
        }
        return Ok(None);
    };
    let mac = keyed(&state.vault, EMAILED, &[&latest.id, signin_id, user_id], code)?;
    let right =
        same(mac.as_bytes(), attempt.code_mac.as_bytes()) && challenges::spend(conn, &latest.id, now).await?;
    Ok(Some(Tried { attempts: attempt.attempts, right, mailed_to: Some(latest.address) }))
}

fn keyed(vault: &Vault, purpose: &str, bound_to: &[&str], code: &str) -> Result<String, VaultError> {
    let parts: Vec<&[u8]> = bound_to.iter().copied().chain([code]).map(str::as_bytes).collect();
    vault.mac(purpose, &parts)
}

fn random_code(length: u8, rng: &mut impl CryptoRng) -> String {
    (0..length).map(|_| char::from(b'0' + rng.random_range(0..10u8))).collect()
}

/// Four letters that are not mistaken for one another, for the eye to compare page and mail.
fn random_reference(rng: &mut impl CryptoRng) -> String {
    const LETTERS: [char; 20] =
        ['B', 'C', 'D', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Z'];
    (0..4).filter_map(|_| LETTERS.get(rng.random_range(0..LETTERS.len()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::secret::entropy;

    #[test]
    fn codes_keep_their_leading_zeros() {
        for _ in 0..200 {
            let code = random_code(6, &mut entropy());
            assert_eq!(code.len(), 6);
            assert!(code.bytes().all(|b| b.is_ascii_digit()), "{code}");
        }
    }
}
