//! Which way does mail leave: by SMTP, into a folder, or not at all?

use std::fmt;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::retry::Failure;
use crate::config::{self, Encryption, TransportKind};
use crate::keys::VaultError;
use crate::store;

/// What is wrong with mail as it is set up, or with a message.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// `[mail] from` is no address.
    #[error("mail.from: {0} is not an address such as `Countersign <id@example.org>`")]
    From(String),
    /// The mail server's name or TLS settings are not usable.
    #[error("mail.host {host}: {reason}")]
    Host {
        /// The name.
        host: String,
        /// What is wrong with it.
        reason: String,
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
pub(super) enum Transport {
    Smtp { smtp: AsyncSmtpTransport<Tokio1Executor>, limit: Duration },
    File(AsyncFileTransport<Tokio1Executor>),
    None,
}

impl Transport {
    pub(super) fn new(settings: &config::Mail) -> Result<Self, MailError> {
        match settings.transport {
            TransportKind::Smtp => smtp(settings),
            TransportKind::File => {
                let failed = |e: std::io::Error| MailError::Build(format!("{}: {e}", settings.dir.display()));
                std::fs::create_dir_all(&settings.dir).map_err(failed)?;
                Ok(Self::File(AsyncFileTransport::new(&settings.dir)))
            }
            TransportKind::None => Ok(Self::None),
        }
    }

    /// Sends one message and answers the server's words.
    pub(super) async fn send(&self, message: Message) -> Result<String, Failed> {
        match self {
            Self::Smtp { smtp, limit } => {
                // lettre's own limit covers the connection alone: a server that falls silent later would hold us for ever.
                match tokio::time::timeout(*limit, smtp.send(message)).await {
                    Ok(Ok(response)) => {
                        let words: Vec<&str> = response.message().collect();
                        Ok(format!("{} {}", response.code(), words.join(" ")))
                    }
                    Ok(Err(e)) => Err(Failed { failure: sort(&e), answer: words(&e) }),
                    Err(_) => Err(silent(*limit)),
                }
            }
            Self::File(file) => match file.send(message).await {
                Ok(id) => Ok(format!("written to {id}.eml")),
                Err(e) => Err(Failed { failure: Failure::Unreachable, answer: e.to_string() }),
            },
            Self::None => Err(Failed {
                failure: Failure::Permanent,
                answer: "mail.transport is none: no mail leaves this provider".to_owned(),
            }),
        }
    }

    /// Connects, agrees on TLS and logs in, without sending anything.
    pub(super) async fn probe(&self) -> Result<String, String> {
        match self {
            Self::Smtp { smtp, limit } => match tokio::time::timeout(*limit, smtp.test_connection()).await {
                Ok(Ok(true)) => Ok("the mail server answers".to_owned()),
                Ok(Ok(false)) => Err("the mail server hangs up at once".to_owned()),
                Ok(Err(e)) => Err(words(&e)),
                Err(_) => Err(silent(*limit).answer),
            },
            Self::File(_) => Ok("mail goes into a folder".to_owned()),
            Self::None => Err("mail.transport is none: no code can be sent".to_owned()),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smtp { .. } => "Smtp",
            Self::File(_) => "File",
            Self::None => "None",
        })
    }
}

pub(super) fn sender(settings: &config::Mail) -> Result<Mailbox, MailError> {
    settings.from.parse().map_err(|_| MailError::From(settings.from.clone()))
}

fn smtp(settings: &config::Mail) -> Result<Transport, MailError> {
    type Smtp = AsyncSmtpTransport<Tokio1Executor>;
    let host = settings.host.as_str();
    let limit = settings.timeout.as_duration();
    let wrong =
        |e: lettre::transport::smtp::Error| MailError::Host { host: host.to_owned(), reason: words(&e) };
    let builder = match settings.encryption {
        Encryption::Tls => Smtp::relay(host).map_err(wrong)?,
        Encryption::Starttls => Smtp::starttls_relay(host).map_err(wrong)?,
        Encryption::None => Smtp::builder_dangerous(host),
    };
    let mut builder = builder
        .timeout(Some(limit))
        .pool_config(PoolConfig::new().max_size(8).idle_timeout(Duration::from_secs(30)));
    if let Some(port) = settings.port {
        builder = builder.port(port);
    }
    if let (Some(username), Some(password)) = (&settings.username, &settings.password) {
        builder = builder.credentials(Credentials::new(username.clone(), password.clone()));
    }
    Ok(Transport::Smtp { smtp: builder.build(), limit })
}

fn sort(e: &lettre::transport::smtp::Error) -> Failure {
    match e.status().map(u16::from) {
        // The login was refused, or one is missing: no message would fare better until the settings are mended.
        Some(530 | 534 | 535) => Failure::Unreachable,
        _ if e.is_permanent() => Failure::Permanent,
        _ if e.is_transient() || e.is_timeout() || e.is_response() => Failure::Passing,
        _ => Failure::Unreachable,
    }
}

fn silent(limit: Duration) -> Failed {
    let answer = format!("the mail server was silent for {} s", limit.as_secs());
    Failed { failure: Failure::Passing, answer }
}

/// What lettre says, with its causes, on one line.
fn words(e: &lettre::transport::smtp::Error) -> String {
    let mut text = e.to_string();
    let mut cause = std::error::Error::source(e);
    while let Some(e) = cause {
        let more = e.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = e.source();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
}
