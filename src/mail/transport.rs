//! Which way does mail leave: by SMTP, into a folder, or not at all?

use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use lettre::{Address, Message};
use tokio::io::AsyncWriteExt as _;

use super::delivery::Probed;
use super::domain::to_ascii;
use super::retry::Failure;
use super::settings::{Stage, TrialFailed};
use super::smtp::Smtp;
use crate::config::{self, Config, TransportKind};
use crate::keys::VaultError;
use crate::store;

/// Letters of a server's answer that are kept.
const LONGEST_ANSWER: usize = 500;

/// What is wrong with mail as it is set up, or with a message.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// `[mail] from` is no address.
    #[error("mail.from: {0} is not an address such as `Countersign <id@example.org>`")]
    From(String),
    /// TLS cannot be set up.
    #[error("mail.encryption: TLS cannot be set up: {0}")]
    Tls(String),
    /// A file of `outbound.extra_ca` cannot be used.
    #[error("outbound.extra_ca: {}: {reason}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder for messages cannot be made.
    #[error("mail.dir: {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The recipient's address is not one.
    #[error("{0} is not an address that mail can go to")]
    Address(String),
    /// The message could not be built.
    #[error("the message could not be built: {0}")]
    Build(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The master key could not be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// A failed attempt, with the server's words.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) answer: String,
}

/// The way out.
#[derive(Debug)]
pub(super) enum Transport {
    Smtp(Box<Smtp>),
    File(PathBuf),
    None,
}

impl Transport {
    pub(super) fn new(config: &Config) -> Result<Self, MailError> {
        let dir = &config.mail.dir;
        match config.mail.transport {
            TransportKind::Smtp => Ok(Self::Smtp(Box::new(Smtp::new(config)?))),
            TransportKind::File => {
                let failed = |source| MailError::Folder { path: dir.clone(), source };
                std::fs::create_dir_all(dir).map_err(failed)?;
                Ok(Self::File(dir.clone()))
            }
            TransportKind::None => Ok(Self::None),
        }
    }

    /// Sends one message and answers the server's words.
    pub(super) async fn send(&self, message: &Message, id: &str, now: i64) -> Result<String, Failed> {
        let sent = match self {
            Self::Smtp(smtp) => smtp.send(message, now).await,
            Self::File(dir) => write(dir, &format!("{id}.eml"), &message.formatted()).await,
            Self::None => Err(Failed {
                failure: Failure::Permanent,
                answer: "mail.transport is none: no mail leaves this provider".to_owned(),
            }),
        };
        match sent {
            Ok(words) => Ok(tame(&words)),
            Err(Failed { failure, answer }) => Err(Failed { failure, answer: tame(&answer) }),
        }
    }

    /// Connects, agrees on TLS and logs in, and asks whether a message to one of these would be taken, as [`Smtp::try_out`] does; nothing is
    /// sent. The first of them is the own address of whoever asks, where there are more.
    pub(super) async fn probe(&self, from: &str, to: &[&str]) -> Result<Probed, String> {
        match self {
            Self::Smtp(smtp) => match (smtp.try_out(from, to).await, to.first()) {
                (Ok(taken), _) => Ok(Probed {
                    words: "the mail server lets us in".to_owned(),
                    taken_for: taken.to.map(str::to_owned),
                    against_own: taken.against_first,
                }),
                (Err(TrialFailed { stage: Stage::Recipient, words }), Some(first)) => {
                    Err(format!("the mail server would not take a message to {first}: {words}"))
                }
                (Err(failed), _) => Err(failed.words),
            },
            Self::File(dir) => Ok(Probed {
                words: format!("mail goes into {}", dir.display()),
                taken_for: None,
                against_own: None,
            }),
            Self::None => Err("mail.transport is none: no code can be sent".to_owned()),
        }
    }

    /// Puts away what is no longer used.
    pub(super) fn tidy(&self, now: i64) {
        if let Self::Smtp(smtp) = self {
            smtp.tidy(now);
        }
    }
}

/// Whom mail comes from; the domain as the mail system writes it.
pub(super) fn sender(settings: &config::Mail) -> Result<Mailbox, MailError> {
    let wrong = || MailError::From(settings.from.clone());
    let mailbox: Mailbox = settings.from.parse().map_err(|_| wrong())?;
    let domain = to_ascii(mailbox.email.domain()).ok_or_else(wrong)?;
    let local = mailbox.email.user();
    // RFC 6531 asks every server on the way for an extension that few of them have.
    if !local.is_ascii() {
        return Err(wrong());
    }
    let email = Address::new(local, domain).map_err(|_| wrong())?;
    Ok(Mailbox::new(mailbox.name, email))
}

/// A message appears under its name when it is whole; it carries codes, so it is its owner's alone.
async fn write(dir: &Path, name: &str, message: &[u8]) -> Result<String, Failed> {
    let (draft, path) = (dir.join(format!(".{name}")), dir.join(name));
    let written = async {
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(&draft).await?;
        file.write_all(message).await?;
        file.flush().await?;
        tokio::fs::rename(&draft, &path).await
    };
    match written.await {
        Ok(()) => Ok(format!("written to {}", path.display())),
        Err(e) => Err(Failed { failure: Failure::Unreachable, answer: format!("{}: {e}", path.display()) }),
    }
}

/// What others have said, as it may stand in the record: on one line, and no longer than anybody reads.
pub(super) fn tame(words: &str) -> String {
    words.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).take(LONGEST_ANSWER).collect()
}

/// Whether a character turns the text around it (Unicode TR9), or breaks the line.
const fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_goes_out_in_ascii() {
        let from = |text: &str| {
            let settings = config::Mail { from: text.to_owned(), ..config::Mail::default() };
            sender(&settings).map(|mailbox| mailbox.to_string()).ok()
        };
        for (written, sent) in [
            ("id@example.org", Some("id@example.org")),
            ("Countersign <id@Example.ORG>", Some("Countersign <id@example.org>")),
            ("Müller <id@müller.example>", Some("Müller <id@xn--mller-kva.example>")),
            ("id@localhost", Some("id@localhost")),
            ("né@example.org", None),
            ("id@exa mple.org", None),
            ("id@-x.example", None),
            ("nobody", None),
        ] {
            assert_eq!(from(written).as_deref(), sent, "{written}");
        }
    }

    #[test]
    fn a_servers_words_stay_on_one_line_and_short() {
        let tamed = tame(&format!("550 no\r\n\x1b[31m\u{202e}{}", "x".repeat(10_000)));
        assert!(tamed.starts_with("550 no   [31m xxx"), "{tamed}");
        assert_eq!(tamed.chars().count(), LONGEST_ANSWER);
    }
}
