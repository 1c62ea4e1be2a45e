//! What must the next page of this sign-in say? Kept with the sign-in, so that a reload says it again.

use serde::{Deserialize, Serialize};

use crate::metrics::Refusal;
use crate::web::network::Network;

/// What a step has to tell the person on the page that follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// "Incorrect login or password."
    Incorrect {
        /// What was typed as login, to be shown again.
        login: Option<String>,
    },
    /// The same on the code page, whose login stands: it was the password.
    IncorrectAgain {
        /// What was typed as code, sealed: it is to stand there still.
        sealed_code: String,
    },
    /// Wrong passwords have slowed this person or this network down.
    Throttled {
        /// What was typed as login.
        login: Option<String>,
        /// When the next try is heard, in seconds since 1970.
        until: i64,
    },
    /// Too many people are signing in at once.
    Busy {
        /// What was typed as login.
        login: Option<String>,
    },
    /// "Invalid 2FA code."
    InvalidCode {
        /// How many attempts are left.
        left: i64,
    },
    /// "Invalid 2FA code.", and it was the last attempt.
    LastCodeWrong,
    /// The code is too old; another one can be sent.
    CodeExpired,
    /// "No email associated with this login."
    NoAddress,
    /// Too many wrong codes: a manager has to help.
    CodesStopped,
    /// "The code could not be sent. Try again later, or ask a manager."
    MailFailed,
    /// The account was changed meanwhile: start again.
    AccountChanged,
    /// Another code was asked for too soon.
    ResendTooSoon {
        /// When it may be asked for, in seconds since 1970.
        until: i64,
    },
    /// As many codes as may be have gone to the person's address within an hour.
    AddressFull {
        /// When the next can go, in seconds since 1970.
        until: i64,
    },
    /// This sign-in has sent as many codes as it may.
    NoMoreCodes,
    /// Another code was sent.
    SentAgain,
    /// A manager was asked for help.
    HelpAsked,
}

impl Notice {
    /// As the database keeps it.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the database has kept; one that this version does not know says nothing.
    #[must_use]
    pub fn from_json(text: Option<&str>) -> Option<Self> {
        serde_json::from_str(text?).ok()
    }

    /// The try that was refused; none for what is nobody's try.
    const fn refused(&self) -> Option<Refused> {
        match self {
            Self::Incorrect { .. } | Self::IncorrectAgain { .. } => Some(Refused::Password),
            Self::Throttled { .. } => Some(Refused::Throttled),
            Self::InvalidCode { .. } | Self::LastCodeWrong | Self::CodesStopped => Some(Refused::Code),
            _ => None,
        }
    }

    /// As what it is counted; none for what refuses nothing.
    #[must_use]
    pub const fn counted(&self) -> Option<Refusal> {
        match self {
            Self::Incorrect { .. } | Self::IncorrectAgain { .. } => Some(Refusal::Password),
            Self::Throttled { .. } => Some(Refusal::Throttled),
            Self::Busy { .. } => Some(Refusal::Busy),
            Self::InvalidCode { .. } | Self::LastCodeWrong | Self::CodeExpired => Some(Refusal::Code),
            Self::NoAddress => Some(Refusal::NoAddress),
            Self::CodesStopped => Some(Refusal::CodesStopped),
            Self::MailFailed => Some(Refusal::MailFailed),
            Self::AddressFull { .. } | Self::NoMoreCodes | Self::ResendTooSoon { .. } => {
                Some(Refusal::NoMoreCodes)
            }
            Self::AccountChanged => Some(Refusal::Changed),
            Self::SentAgain | Self::HelpAsked => None,
        }
    }

    /// The login that was typed, to be shown again.
    #[must_use]
    pub fn typed_login(&self) -> Option<&str> {
        match self {
            Self::Incorrect { login } | Self::Throttled { login, .. } | Self::Busy { login } => {
                login.as_deref()
            }
            _ => None,
        }
    }
}

/// A try that was refused, as the log tells of it. Nothing that was typed is told: people type passwords into the wrong field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A wrong password, or no such login.
    Password,
    /// A wrong code.
    Code,
    /// A wrong code of a device (RFC 8628 §5.1).
    DeviceCode,
    /// It was not heard: too many before it were wrong.
    Throttled,
}

impl Refused {
    /// Writes the one line of the log that whoever bars addresses looks for (docs/operations.md).
    pub fn log(self, network: &Network) {
        let why = match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::DeviceCode => "device_code",
            Self::Throttled => "throttled",
        };
        tracing::warn!(address = %network.address(), %why, "sign-in refused");
    }
}

/// Writes that line if what a step has to tell is that a try was refused.
pub fn log(said: Option<&Notice>, network: &Network) {
    if let Some(refused) = said.and_then(Notice::refused) {
        refused.log(network);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wrong password is one, on whichever page it was typed; what is no try, or nobody's fault, bars no address.
    #[test]
    fn what_was_tried_and_refused_is_told_in_the_log() {
        let sealed_code = String::new();
        for (notice, refused) in [
            (Notice::Incorrect { login: None }, Some(Refused::Password)),
            (Notice::IncorrectAgain { sealed_code }, Some(Refused::Password)),
            (Notice::Throttled { login: None, until: 1 }, Some(Refused::Throttled)),
            (Notice::InvalidCode { left: 1 }, Some(Refused::Code)),
            (Notice::LastCodeWrong, Some(Refused::Code)),
            (Notice::Busy { login: None }, None),
            (Notice::CodeExpired, None),
            (Notice::MailFailed, None),
        ] {
            assert_eq!(notice.refused(), refused, "{notice:?}");
        }
    }

    #[test]
    fn what_is_kept_reads_back() {
        for notice in [
            Notice::Incorrect { login: Some("ned".to_owned()) },
            Notice::InvalidCode { left: 3 },
            Notice::AccountChanged,
        ] {
            assert_eq!(Notice::from_json(Some(&notice.to_json())), Some(notice));
        }
        assert_eq!(Notice::from_json(Some("\"account_changed\"")), Some(Notice::AccountChanged));
        assert_eq!(Notice::from_json(Some("nonsense")), None);
    }
}
