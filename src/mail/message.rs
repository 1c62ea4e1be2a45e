//! What is a message made of, and how does it look on the wire?

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use serde::{Deserialize, Serialize};

use super::domain::to_unicode;
use super::transport::MailError;

/// A message to be sent.
#[derive(Clone, Serialize, Deserialize)]
pub struct Outgoing {
    /// What it is for.
    pub purpose: Purpose,
    /// Whom it concerns.
    pub user_id: Option<String>,
    /// The address that it goes to.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// What page and mail both show.
    pub reference: Option<String>,
    /// Until when it is worth sending, in seconds since 1970.
    pub expires_at: i64,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A code for a sign-in; somebody is waiting for it.
    SignInCode,
    /// Somebody was let in by `override_2fa`.
    OverrideAlert,
    /// Too many wrong codes have stopped somebody's codes.
    CodesStopped,
    /// A link to choose a password.
    ChoosePassword,
    /// A link to choose another password, for somebody who has forgotten theirs.
    PasswordReset,
    /// Somebody's password was changed.
    PasswordChanged,
    /// Somebody has forgotten their password, and has no address.
    ResetWithoutAddress,
    /// Somebody who was kept out asks for help.
    HelpAsked,
    /// A code was given by hand.
    CodeByHand,
    /// What is sent to somebody goes to another address from now on.
    AddressLeft,
    /// `countersign mail test`.
    Test,
}

impl Purpose {
    const ALL: [Self; 11] = [
        Self::SignInCode,
        Self::OverrideAlert,
        Self::CodesStopped,
        Self::ChoosePassword,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::ResetWithoutAddress,
        Self::HelpAsked,
        Self::CodeByHand,
        Self::AddressLeft,
        Self::Test,
    ];

    /// The word in the delivery record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignInCode => "sign_in_code",
            Self::OverrideAlert => "override_alert",
            Self::CodesStopped => "codes_stopped",
            Self::ChoosePassword => "choose_password",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::ResetWithoutAddress => "reset_without_address",
            Self::HelpAsked => "help_asked",
            Self::CodeByHand => "code_by_hand",
            Self::AddressLeft => "address_left",
            Self::Test => "test",
        }
    }

    /// The purpose of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// Whether somebody is looking at a page that depends on it.
    #[must_use]
    pub const fn is_awaited(self) -> bool {
        matches!(self, Self::SignInCode | Self::Test)
    }
}

/// The first letter and the domain of an address, as logs and pages show it: `t•••@example.org`.
#[must_use]
pub fn mask(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}•••@{}", to_unicode(domain))
}

/// What a mail server has said about a message to this address, as the log shows it: servers repeat the address in letters of their own
/// or the part before the @ alone, and name others.
pub(super) fn mask_all(answer: &str, address: &str) -> String {
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local).to_lowercase();
    let ends_word = |c: char| c.is_whitespace() || "<>()[],;:\"'`".contains(c);
    let mut masked = String::with_capacity(answer.len());
    for piece in answer.split_inclusive(ends_word) {
        let word = piece.trim_end_matches(ends_word);
        let rest = if word.to_lowercase().trim_end_matches('.') == local {
            ""
        } else {
            // The second is the wide one of East Asia.
            word.find(['@', '\u{ff20}']).and_then(|at| word.get(at..)).unwrap_or(word)
        };
        if rest == word {
            masked.push_str(word);
        } else {
            masked.extend(word.chars().take(1));
            masked.push_str("•••");
            masked.push_str(rest);
        }
        masked.push_str(piece.get(word.len()..).unwrap_or_default());
    }
    masked
}

/// Builds the message as it goes over the wire; addresses and subject pass through lettre's types, so that nothing in
/// them can become a header.
pub(super) fn build(from: &Mailbox, outgoing: &Outgoing, id: &str, now: i64) -> Result<Message, MailError> {
    let to: Address = outgoing.to.parse().map_err(|_| MailError::Address(mask(&outgoing.to)))?;
    let subject: String = outgoing.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let sent_at = UNIX_EPOCH + Duration::from_secs(now.unsigned_abs());
    let auto = HeaderName::new_from_ascii_str("Auto-Submitted");
    Message::builder()
        .from(from.clone())
        .to(to.into())
        .subject(subject)
        .date(sent_at)
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        // RFC 3834 §5: no auto-responder answers this.
        .raw_header(HeaderValue::new(auto, "auto-generated".to_owned()))
        .multipart(MultiPart::alternative_plain_html(outgoing.text.clone(), outgoing.html.clone()))
        .map_err(|e| MailError::Build(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(to: &str, subject: &str) -> Outgoing {
        Outgoing {
            purpose: Purpose::Test,
            user_id: None,
            to: to.to_owned(),
            subject: subject.to_owned(),
            text: "plain wörds".to_owned(),
            html: "<p>rich</p>".to_owned(),
            reference: None,
            expires_at: 0,
        }
    }

    fn from() -> Mailbox {
        "Countersign <id@example.org>".parse().unwrap()
    }

    #[test]
    fn the_log_names_nobody_whom_a_server_names() {
        for (said, logged) in [
            ("550 5.1.1 <ned@example.org>: unknown", "550 5.1.1 <n•••@example.org>: unknown"),
            ("550 Mailbox of NED@EXAMPLE.ORG is full", "550 Mailbox of N•••@EXAMPLE.ORG is full"),
            ("550 unknown user: \"ned\"", "550 unknown user: \"n•••\""),
            ("550 no Ned here, try <smith@example.net>.", "550 no N••• here, try <s•••@example.net>."),
            ("550 ned%example.org@relay", "550 n•••@relay"),
            ("550 ned\u{ff20}example.org", "550 n•••\u{ff20}example.org"),
            ("250 2.0.0 Ok: queued as 4F1", "250 2.0.0 Ok: queued as 4F1"),
            ("", ""),
        ] {
            assert_eq!(mask_all(said, "ned@example.org"), logged);
        }
    }

    #[test]
    fn a_message_has_both_parts_and_says_that_a_program_sent_it() {
        let message =
            build(&from(), &outgoing("ned@example.org", "Your code"), "abc", 1_800_000_000).unwrap();
        let wire = String::from_utf8(message.formatted()).unwrap();
        for line in [
            "From: Countersign <id@example.org>\r\n",
            "To: ned@example.org\r\n",
            "Subject: Your code\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Message-ID: <abc@example.org>\r\n",
            "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n",
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
        ] {
            assert!(wire.contains(line), "{line:?} is not in:\n{wire}");
        }
    }

    #[test]
    fn nothing_can_become_a_header() {
        let message =
            build(&from(), &outgoing("ned@example.org", "x\r\nBcc: all@example.org"), "abc", 0).unwrap();
        assert!(!String::from_utf8(message.formatted()).unwrap().contains("\r\nBcc:"));
        for to in [
            "ned@example.org\r\nBcc: all@example.org",
            "ned@example.org, all@example.org",
            "Ned <ned@example.org>",
            "ned",
            "",
        ] {
            assert!(
                matches!(build(&from(), &outgoing(to, "x"), "abc", 0), Err(MailError::Address(_))),
                "{to:?}"
            );
        }
    }
}
