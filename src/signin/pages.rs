//! What do the two steps' pages show? Plain views of a sign-in, for the protocol to draw where it stands.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::SignInState;
use super::code::{self, Resend, resend};
use super::decide::Hindrance;
use super::facts::Standing;
use super::help;
use super::notice::Notice;
use crate::mail::mask;
use crate::store::challenges::ChallengeRow;
use crate::store::signins::SignInRow;
use crate::web::{AppCard, CodePage, ErrorText, Language, PasswordPage, RehearsalPage};

/// The path of a step of a sign-in.
#[must_use]
pub fn path(signin_id: &str, step: &str) -> String {
    format!("/authorize/{signin_id}/{step}")
}

/// The login screen. Its field holds what was typed; else `known_login`, whose sign-in this probably is.
#[must_use]
pub fn password(
    state: &SignInState,
    signin: &SignInRow,
    app: AppCard,
    known_login: Option<&str>,
    now: i64,
    language: Language,
) -> Response {
    let notice = Notice::from_json(signin.notice.as_deref());
    let typed = notice.as_ref().and_then(Notice::typed_login);
    let page = PasswordPage {
        app,
        action: path(&signin.id, "password"),
        cancel: path(&signin.id, "cancel"),
        login: typed.or(known_login).unwrap_or_default().to_owned(),
        reset: state.mailer.is_set_up().then(|| format!("/reset?signin={}", signin.id)),
        error: notice.as_ref().and_then(|notice| error_text(notice, now)),
        help: help::reason(signin, notice.as_ref()).map(|_| path(&signin.id, "help")),
        helped: notice == Some(Notice::HelpAsked),
    };
    with_wait(state.pages.respond(status(notice.as_ref()), &page, language), notice.as_ref(), now)
}

/// What has been sent, as the code page tells it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent<'a> {
    /// The challenge; none when the code was given by hand.
    pub challenge: Option<&'a ChallengeRow>,
    /// Whether the mail server has not taken the message yet.
    pub underway: bool,
    /// When the next code can go to the address, if too many have, in seconds since 1970.
    pub full_until: Option<i64>,
    /// Whether the person may go on without it.
    pub may_skip: bool,
}

/// The page that says what would keep somebody out if their group did not only rehearse.
#[must_use]
pub fn rehearsal(
    signin: &SignInRow,
    app: AppCard,
    standing: &Standing,
    hindrance: Hindrance,
) -> RehearsalPage {
    let (why, then) = match hindrance {
        Hindrance::NoAddress => ("rehearsal-no-address", "rehearsal-no-address-then"),
        Hindrance::CodesStopped => ("rehearsal-codes-stopped", "rehearsal-codes-stopped-then"),
        Hindrance::MailRefused => ("rehearsal-mail-refused", "rehearsal-mail-refused-then"),
        Hindrance::WrongCodes => ("rehearsal-wrong-codes", "rehearsal-wrong-codes-then"),
        Hindrance::TooManyCodes => ("rehearsal-too-many-codes", "rehearsal-too-many-codes-then"),
    };
    let helped = Notice::from_json(signin.notice.as_deref()) == Some(Notice::HelpAsked);
    RehearsalPage {
        app,
        action: path(&signin.id, "code/skip"),
        another: path(&signin.id, "another"),
        cancel: path(&signin.id, "cancel"),
        login: standing.person.login.clone(),
        why,
        then,
        help: help::rehearsed(hindrance).filter(|_| !helped).map(|_| path(&signin.id, "help")),
        helped,
    }
}

/// The code page.
#[must_use]
pub fn code(
    state: &SignInState,
    signin: &SignInRow,
    app: AppCard,
    standing: &Standing,
    sent: Sent<'_>,
    now: i64,
    language: Language,
) -> Response {
    let (settings, challenge) = (&state.settings, sent.challenge);
    let mut notice = Notice::from_json(signin.notice.as_deref());
    if notice.is_none() && challenge.is_some_and(|c| c.is_over(now)) {
        notice = Some(Notice::CodeExpired);
    }
    let counts = (signin.codes_sent, i64::from(settings.codes_per_signin));
    let last_at = challenge.map(|c| c.created_at);
    let wait = resend(counts, last_at, settings.resend_after.as_secs(), sent.full_until, now);
    // What is over for good says so in its place; the page goes on to say when it was.
    let expires_at = challenge
        .map_or(now, |c| if c.is_over(now) { now.min(c.expires_at.max(c.created_at)) } else { c.expires_at });
    let page = CodePage {
        app,
        action: path(&signin.id, "code"),
        resend_action: path(&signin.id, "code/resend"),
        skip: sent.may_skip.then(|| path(&signin.id, "code/skip")),
        cancel: path(&signin.id, "cancel"),
        another: path(&signin.id, "another"),
        login: standing.person.login.clone(),
        code: code::typed(state, signin, notice.as_ref()),
        sent_to: challenge.map(|c| mask(&c.address)),
        reference: challenge.map(|c| c.reference.clone()),
        expires: standing.person.moment(expires_at),
        minutes_left: (expires_at - now).max(0) / 60,
        ask_password: settings.ask_password_with_code,
        underway: sent.underway,
        sent_again: notice == Some(Notice::SentAgain),
        can_resend: wait != Resend::Never,
        resend_in: if let Resend::At(at) | Resend::Full(at) = wait { at - now } else { 0 },
        error: notice.as_ref().and_then(|notice| error_text(notice, now)),
    };
    with_wait(state.pages.respond(status(notice.as_ref()), &page, language), notice.as_ref(), now)
}

/// The sentences of a notice; none for one that is no error.
fn error_text(notice: &Notice, now: i64) -> Option<ErrorText> {
    let (what, then, n) = match notice {
        Notice::Incorrect { .. } => ("incorrect", Some("incorrect-then"), 0),
        Notice::IncorrectAgain { .. } => ("incorrect", Some("incorrect-again-then"), 0),
        Notice::Throttled { until, .. } => return Some(throttled(until - now)),
        Notice::Busy { .. } => ("busy", Some("busy-then"), 0),
        Notice::InvalidCode { left } => ("invalid-code", Some("attempts-left"), *left),
        Notice::LastCodeWrong => ("invalid-code", Some("last-code-wrong-then"), 0),
        Notice::CodeExpired => ("code-expired", Some("code-expired-then"), 0),
        Notice::NoAddress => ("no-address", Some("no-address-then"), 0),
        Notice::CodesStopped => ("codes-stopped", Some("codes-stopped-then"), 0),
        Notice::MailFailed => ("mail-failed", None, 0),
        Notice::AccountChanged => ("account-changed", Some("account-changed-then"), 0),
        Notice::ResendTooSoon { until } if *until <= now => return None,
        Notice::ResendTooSoon { until } => ("resend-too-soon", Some("resend-too-soon-then"), until - now),
        Notice::AddressFull { until } if *until <= now => return None,
        Notice::AddressFull { until } => ("address-full", Some("address-full-then"), minutes(*until, now)),
        Notice::NoMoreCodes => ("no-more-codes", Some("no-more-codes-then"), 0),
        Notice::SentAgain | Notice::HelpAsked => return None,
    };
    Some(ErrorText { what, then, n })
}

/// "Too many attempts.", and in how many seconds the next one is heard.
#[must_use]
pub fn throttled(seconds: i64) -> ErrorText {
    let seconds = seconds.max(1);
    if seconds < 100 {
        ErrorText { what: "throttled", then: Some("throttled-then"), n: seconds }
    } else {
        ErrorText { what: "throttled", then: Some("throttled-then-minutes"), n: minutes(seconds, 0) }
    }
}

/// Minutes until then, begun ones counted.
fn minutes(until: i64, now: i64) -> i64 {
    (until - now + 59).max(60) / 60
}

/// A page that refuses an attempt is a page all the same, whatever it refuses, so that no status tells a wrong password
/// from an unknown login. Only waiting has statuses of its own.
const fn status(notice: Option<&Notice>) -> StatusCode {
    match notice {
        Some(Notice::Throttled { .. } | Notice::AddressFull { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(Notice::Busy { .. }) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    }
}

fn with_wait(mut response: Response, notice: Option<&Notice>, now: i64) -> Response {
    let seconds = match notice {
        Some(Notice::Throttled { until, .. } | Notice::AddressFull { until }) => (until - now).max(1),
        Some(Notice::Busy { .. }) => 2,
        _ => return response,
    };
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
