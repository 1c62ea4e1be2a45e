//! What can be counted? The words of the labels, as types.

/// The purpose of the messages that somebody waits for: codes.
pub(super) const AWAITED_MAIL: &str = "sign_in_code";

/// How somebody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// By the password alone.
    Password,
    /// By password and code.
    Code,
    /// By the password alone, although a code is asked for: `override_2fa`.
    Override,
    /// By a session that was there before.
    Session,
}

/// Why somebody was not let in, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Incorrect login or password.
    Password,
    /// Wrong passwords have slowed this login or network down.
    Throttled,
    /// Too many passwords are being checked.
    Busy,
    /// A wrong code, or none left to try.
    Code,
    /// A code is asked for, and there is no address.
    NoAddress,
    /// The codes of this person are stopped.
    CodesStopped,
    /// The code could not be sent.
    MailFailed,
    /// No more codes go to this address, or in this sign-in, for now.
    NoMoreCodes,
    /// Something has changed meanwhile: start again.
    Changed,
}

/// What became of a code that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOutcome {
    /// It was right.
    Right,
    /// It was wrong.
    Wrong,
    /// It was wrong, and the last attempt.
    Ended,
    /// It was one wrong code too many: codes of this person are stopped.
    Stopped,
    /// It was too old, or never made.
    Expired,
}

/// When a password is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Now.
    Heard,
    /// Later, as was said before.
    Wait,
    /// Later.
    Queue,
    /// Not at all: nobody had time for it.
    Busy,
}

/// Which app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum App<'a> {
    /// One that an operator has registered, by its id.
    Registered(&'a str),
    /// Any of those that have registered themselves.
    SelfRegistered,
}

impl SignedIn {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::Override => "override",
            Self::Session => "session",
        }
    }
}

impl Refusal {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Throttled => "throttled",
            Self::Busy => "busy",
            Self::Code => "code",
            Self::NoAddress => "no_address",
            Self::CodesStopped => "codes_stopped",
            Self::MailFailed => "mail_failed",
            Self::NoMoreCodes => "no_more_codes",
            Self::Changed => "changed",
        }
    }
}

impl CodeOutcome {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Ended => "ended",
            Self::Stopped => "stopped",
            Self::Expired => "expired",
        }
    }
}

impl Decision {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Heard => "heard",
            Self::Wait => "wait",
            Self::Queue => "queue",
            Self::Busy => "busy",
        }
    }
}
