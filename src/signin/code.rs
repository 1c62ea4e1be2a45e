//! The code step: is this the code that was sent to this person, for this sign-in, in this browser?

use super::SignInState;
use super::challenge::{self, Verdict};
use super::decide::{Demand, Hindrance};
use super::kept_out;
use super::notice::Notice;
use super::password::{self, Attempt, Checked};
use super::rehearsal::{self, Outcome};
use crate::audit::{Actor, Event};
use crate::directory::{Address, Person, people};
use crate::keys::secret::entropy;
use crate::store::challenges;
use crate::store::signins::{self, SignInRow};
use crate::store::{self, Tx, users};

/// What was given on the code page.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The code as typed or pasted.
    pub code: &'a str,
    /// The password, where it is asked for again.
    pub password: &'a str,
    /// What the app that waits insists on.
    pub demand: Demand,
}

/// Takes the code step of a sign-in and records what came of it: the proof, or what the next page says, which is the answer. The
/// password is checked first, as everywhere; a wrong one costs no attempt at the code.
///
/// # Errors
/// When the database or the master key fails.
pub async fn take(
    state: &SignInState,
    signin: &SignInRow,
    given: Given<'_>,
    from: &Attempt<'_>,
) -> Result<Option<Notice>, challenge::Error> {
    let Some(person) = who(state, signin).await? else { return Ok(None) };
    let mut right = None;
    if state.settings.ask_password_with_code {
        let attempt = Attempt { login: &person.login, password: given.password, ..from.clone() };
        // A session's password, which a sign-in may have adopted, proves nothing of who is there now.
        let proven = signin.password_at.is_some_and(|at| at >= signin.created_at);
        match password::check(state, &attempt, proven).await? {
            Checked::Right(password) => right = Some(password),
            Checked::Refused(refused) => {
                let notice = on_code_page(state, signin, given.code, refused.notice.clone())?;
                let mut tx = state.db.write().await?;
                refused.settle(state, &mut tx, &attempt).await?;
                signins::set_notice(&mut tx, &signin.id, Some(&notice.to_json())).await?;
                tx.commit().await?;
                return Ok(Some(notice));
            }
        }
    }
    let now = from.now_ms / 1000;
    let mut tx = state.db.write().await?;
    // Whoever changes a user locks them, and then their challenges, codes given by hand and budget. In another order the two
    // of us could wait for each other for ever.
    users::lock(&mut tx, &person.id).await?;
    if let Some(right) = right {
        right.settle(&mut tx).await?;
    }
    let verdict = challenge::check(state, &mut tx, &signin.id, &person.id, given.code, now).await?;
    let may_skip = rehearsal::may_skip(&person, given.demand);
    let said = record(state, &mut tx, signin, &person, &verdict, may_skip, from).await?;
    tx.commit().await?;
    state.metrics.code_tried(verdict.counted());
    if verdict == Verdict::WrongAndStopped {
        super::announce::deliver_later(state);
    }
    Ok(said)
}

/// Whose code this sign-in waits for.
async fn who(state: &SignInState, signin: &SignInRow) -> store::Result<Option<Person>> {
    let Some(user_id) = &signin.user_id else { return Ok(None) };
    let mut conn = state.db.read().await?;
    people::find(&mut conn, user_id).await
}

async fn record(
    state: &SignInState,
    tx: &mut Tx,
    signin: &SignInRow,
    person: &Person,
    verdict: &Verdict,
    may_skip: bool,
    from: &Attempt<'_>,
) -> Result<Option<Notice>, challenge::Error> {
    let now = from.now_ms / 1000;
    let (notice, start_again) = match verdict {
        Verdict::Right { mailed_to } => {
            signins::record_code(tx, &signin.id, &person.id, now).await?;
            rehearsal::note(tx, person, Outcome::Managed, now).await?;
            proves(tx, person, mailed_to.as_deref(), from.now_ms).await?;
            return Ok(None);
        }
        Verdict::Wrong(left) => (Notice::InvalidCode { left: *left }, false),
        Verdict::WrongAndLast => (Notice::LastCodeWrong, true),
        Verdict::NoChallenge => (Notice::CodeExpired, false),
        Verdict::WrongAndStopped | Verdict::Stopped => (Notice::CodesStopped, true),
    };
    if start_again && may_skip {
        let stopped = matches!(notice, Notice::CodesStopped);
        let hindrance = if stopped { Hindrance::CodesStopped } else { Hindrance::WrongCodes };
        rehearsal::hinder(tx, signin, person, hindrance, now).await?;
    } else if start_again {
        let (said, typed) = (notice.to_json(), signin.has_password());
        signins::start_again(tx, &signin.id, Some(&said), Some(&person.id), typed).await?;
        // What is compared and wrong has an event of its own.
        if *verdict == Verdict::Stopped {
            kept_out::note(tx, signin, person, &notice, (from.network, from.now_ms)).await?;
        }
    } else {
        signins::set_notice(tx, &signin.id, Some(&notice.to_json())).await?;
    }
    if matches!(verdict, Verdict::NoChallenge | Verdict::Stopped) {
        return Ok(Some(notice));
    }
    let event =
        if *verdict == Verdict::WrongAndStopped { "signin.codes_stopped" } else { "signin.code_refused" };
    let mut event = Event::new(event, Actor::Anonymous).user(&person.id).network(from.network.to_string());
    if let Some(client_id) = &signin.client_id {
        event = event.client(client_id);
    }
    event.record(tx, from.now_ms, &mut entropy()).await?;
    if *verdict == Verdict::WrongAndStopped {
        super::announce::codes_stopped(state, tx, person, from.now_ms).await?;
    }
    Ok(Some(notice))
}

/// Whoever enters a code that was sent to their email reads its mailbox, which apps are told (`email_verified`). A code
/// given by hand, or sent to an address that is not the email on file, says nothing about it.
async fn proves(
    tx: &mut Tx,
    person: &Person,
    mailed_to: Option<&str>,
    now_ms: i64,
) -> Result<(), challenge::Error> {
    let Some(address) = mailed_to else { return Ok(()) };
    // On file it may stand in another spelling.
    let same = |on_file: &&str| Address::parse(on_file).is_ok_and(|on_file| on_file.as_str() == address);
    let Some(on_file) = person.email.as_deref().filter(same) else { return Ok(()) };
    if !users::prove_email(tx, &person.id, on_file, now_ms / 1000).await? {
        return Ok(());
    }
    let event = Event::new("user.email_verified", Actor::User(person.id.clone())).user(&person.id);
    Ok(event.record(tx, now_ms, &mut entropy()).await?)
}

/// What seals a code that was typed beside a wrong password.
const SEAL: &str = "typed-code";

/// More is no code (the field itself takes no more).
const LONGEST_TYPED: usize = 160;

/// The login stands on the code page and is not typed again, nor is the code where the password alone was wrong.
fn on_code_page(
    state: &SignInState,
    signin: &SignInRow,
    code: &str,
    notice: Notice,
) -> Result<Notice, challenge::Error> {
    Ok(match notice {
        Notice::Incorrect { .. } => {
            let kept = if code.len() <= LONGEST_TYPED { code } else { "" };
            let sealed_code = state.vault.seal(SEAL, &signin.id, kept.as_bytes(), &mut entropy())?;
            Notice::IncorrectAgain { sealed_code }
        }
        Notice::Throttled { until, .. } => Notice::Throttled { login: None, until },
        Notice::Busy { .. } => Notice::Busy { login: None },
        other => other,
    })
}

/// The code that was typed beside a wrong password, to be shown again; none otherwise.
pub(super) fn typed(state: &SignInState, signin: &SignInRow, notice: Option<&Notice>) -> String {
    let Some(Notice::IncorrectAgain { sealed_code }) = notice else { return String::new() };
    let opened = state.vault.unseal(SEAL, &signin.id, sealed_code);
    opened.ok().and_then(|code| String::from_utf8(code.to_vec()).ok()).unwrap_or_default()
}

/// Whether another code may be asked for: when, and whether this sign-in has any left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    /// Now.
    Now,
    /// At this time, in seconds since 1970.
    At(i64),
    /// At this time: too many have gone to the address.
    Full(i64),
    /// No more in this sign-in.
    Never,
}

/// Decides whether another code may be sent. A clock that was set back makes nobody wait longer than the pause.
#[must_use]
pub fn resend(
    (sent, limit): (i64, i64),
    last_at: Option<i64>,
    pause: i64,
    full_until: Option<i64>,
    now: i64,
) -> Resend {
    match (full_until, last_at) {
        _ if sent >= limit => Resend::Never,
        (Some(until), _) if until > now => Resend::Full(until),
        (_, Some(last_at)) if (last_at..last_at + pause).contains(&now) => Resend::At(last_at + pause),
        _ => Resend::Now,
    }
}

/// Ends the challenge so that the next look at the sign-in sends another code, if one may be sent now. If not, the code that was
/// sent before goes on to work.
///
/// # Errors
/// When the database refuses.
pub async fn ask_again(state: &SignInState, signin: &SignInRow, now_ms: i64) -> store::Result<()> {
    let now = now_ms / 1000;
    let Some(user_id) = &signin.user_id else { return Ok(()) };
    let mut tx = state.db.write().await?;
    let last = challenges::latest(&mut tx, &signin.id, user_id).await?;
    let settings = &state.settings;
    let counts = (signin.codes_sent, i64::from(settings.codes_per_signin));
    let pause = settings.resend_after.as_secs();
    let full = match &last {
        Some(last) => challenge::full_until(&mut tx, settings, &last.address, now_ms).await?,
        None => None,
    };
    match resend(counts, last.map(|c| c.created_at), pause, full, now) {
        Resend::Now => {
            challenges::end_of_signin(&mut tx, &signin.id, now).await?;
            signins::set_notice(&mut tx, &signin.id, Some(&Notice::SentAgain.to_json())).await?;
        }
        Resend::At(until) => {
            signins::set_notice(&mut tx, &signin.id, Some(&Notice::ResendTooSoon { until }.to_json()))
                .await?;
        }
        Resend::Full(until) => {
            signins::set_notice(&mut tx, &signin.id, Some(&Notice::AddressFull { until }.to_json())).await?;
        }
        Resend::Never => {
            signins::set_notice(&mut tx, &signin.id, Some(&Notice::NoMoreCodes.to_json())).await?;
        }
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_code_waits_for_its_time_and_there_is_an_end_to_them() {
        for (counts, last_at, full_until, now, expected) in [
            ((0, 5), None, None, 100, Resend::Now),
            ((1, 5), Some(50), None, 100, Resend::At(110)),
            ((1, 5), Some(40), None, 100, Resend::Now),
            ((1, 5), Some(3700), None, 100, Resend::Now),
            ((5, 5), Some(40), None, 1000, Resend::Never),
            ((1, 5), Some(50), Some(900), 100, Resend::Full(900)),
            ((1, 5), Some(40), Some(100), 100, Resend::Now),
            ((5, 5), Some(40), Some(900), 100, Resend::Never),
        ] {
            assert_eq!(
                resend(counts, last_at, 60, full_until, now),
                expected,
                "{counts:?} {last_at:?} {full_until:?}"
            );
        }
    }
}
