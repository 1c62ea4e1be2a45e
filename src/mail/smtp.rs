//! How is a message handed to a mail server, and which connection is fit to be used again?
//!
//! lettre's own pool takes back a connection whose exchange was cut off by a limit: the next message would read the answers
//! to the last one. Here a connection returns only after an exchange that has ended well; dropped, it is closed.

use std::fmt;
use std::io::ErrorKind;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use openssl::x509::X509;
use tokio::net::TcpStream;

use super::retry::Failure;
use super::transport::{Failed, MailError, one_line};
use crate::config::{Config, Encryption};

/// Connections kept for the next message.
const MOST_PARKED: usize = 4;

/// How long a connection is kept, in seconds; less than servers wait for a command (RFC 5321 §4.5.3.2 wants minutes).
const PARKED_FOR: i64 = 30;

/// How long a kept connection has to show that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// A mail server, and the connections to it that wait for another message.
pub(super) struct Smtp {
    host: String,
    port: u16,
    hello: ClientId,
    tls: Option<Tls>,
    credentials: Option<Credentials>,
    limit: Duration,
    parked: Mutex<Vec<(AsyncSmtpConnection, i64)>>,
}

/// When the connection becomes TLS.
enum Tls {
    FromTheStart(TlsParameters),
    AfterStarttls(TlsParameters),
}

impl Smtp {
    pub(super) fn new(config: &Config) -> Result<Self, MailError> {
        let settings = &config.mail;
        let host = settings.host.clone();
        let (usual_port, tls) = match settings.encryption {
            Encryption::Tls => (465, Some(Tls::FromTheStart(tls(config)?))),
            Encryption::Starttls => (587, Some(Tls::AfterStarttls(tls(config)?))),
            Encryption::None => (25, None),
        };
        let login = settings.username.clone().zip(settings.password.clone());
        Ok(Self {
            host,
            port: settings.port.unwrap_or(usual_port),
            hello: ClientId::default(),
            tls,
            credentials: login.map(|(name, password)| Credentials::new(name, password)),
            limit: settings.timeout.as_duration(),
            parked: Mutex::default(),
        })
    }

    /// Sends one message, within the limit on the whole exchange, and answers the server's words.
    pub(super) async fn send(&self, message: &Message, now: i64) -> Result<String, Failed> {
        match tokio::time::timeout(self.limit, self.exchange(message, now)).await {
            Ok(sent) => sent.map(|response| words(&response)),
            Err(_) => Err(self.silent()),
        }
    }

    /// Connects, agrees on TLS and logs in, without sending anything.
    pub(super) async fn probe(&self) -> Result<(), Failed> {
        let visit = async {
            let mut connection = self.connect().await?;
            // Whatever it answers to a goodbye, it has let us in.
            let _ = connection.quit().await;
            Ok(())
        };
        tokio::time::timeout(self.limit, visit).await.unwrap_or_else(|_| Err(self.silent()))
    }

    /// Closes connections that nobody has used for a while.
    pub(super) fn tidy(&self, now: i64) {
        self.parked().retain(|(_, since)| is_fresh(*since, now));
    }

    async fn exchange(&self, message: &Message, now: i64) -> Result<Response, Failed> {
        let mut connection = match self.take(now).await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let sent = connection.send(message.envelope(), &message.formatted()).await;
        let response = sent.map_err(|e| failed(&e, sending(&e)))?;
        let mut parked = self.parked();
        if parked.len() < MOST_PARKED {
            parked.push((connection, now));
        }
        Ok(response)
    }

    /// A kept connection that is still alive.
    async fn take(&self, now: i64) -> Option<AsyncSmtpConnection> {
        loop {
            let (mut connection, since) = self.parked().pop()?;
            let alive = tokio::time::timeout(SIGN_OF_LIFE, connection.test_connected());
            if is_fresh(since, now) && alive.await == Ok(true) {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failed> {
        // A name may have several addresses: one that is silent leaves time for another.
        let each = self.limit / 3;
        let connected = if let Some(Tls::FromTheStart(tls)) = &self.tls {
            let (server, tls) = ((self.host.as_str(), self.port), Some(tls.clone()));
            AsyncSmtpConnection::connect_tokio1(server, Some(each), &self.hello, tls, None).await
        } else {
            let stream = self.dial(each).await.map_err(|e| not_reached(&e))?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello).await
        };
        let mut connection = connected.map_err(|e| failed(&e, connecting(&e)))?;
        if let Some(Tls::AfterStarttls(tls)) = &self.tls {
            let upgraded = connection.starttls(tls.clone(), &self.hello).await;
            upgraded.map_err(|e| failed(&e, connecting(&e)))?;
        }
        if let Some(credentials) = &self.credentials {
            let logged_in = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            logged_in.map_err(|e| failed(&e, logging_in(&e)))?;
        }
        Ok(connection)
    }

    /// A connection without Nagle's delay: lettre writes a message's last line by itself, and each would wait 40 ms for it.
    async fn dial(&self, each: Duration) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in tokio::net::lookup_host((self.host.as_str(), self.port)).await? {
            match tokio::time::timeout(each, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Ok(Err(e)) => last = e,
                Err(_) => last = ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }

    fn parked(&self) -> std::sync::MutexGuard<'_, Vec<(AsyncSmtpConnection, i64)>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn silent(&self) -> Failed {
        let answer = format!("the mail server took more than {} s", self.limit.as_secs());
        Failed { failure: Failure::Passing, answer }
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Smtp({}:{})", self.host, self.port)
    }
}

fn is_fresh(since: i64, now: i64) -> bool {
    (since..since.saturating_add(PARKED_FOR)).contains(&now)
}

/// Whom to believe: the system's authorities, and those of `outbound.extra_ca`.
fn tls(config: &Config) -> Result<TlsParameters, MailError> {
    let host = &config.mail.host;
    let unusable = |reason: String| MailError::Host { host: host.clone(), reason };
    let mut builder = TlsParameters::builder(host.clone());
    for path in &config.outbound.extra_ca {
        let wrong = |reason: String| MailError::Authority { path: path.clone(), reason };
        let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        let certificates = X509::stack_from_pem(&pem).map_err(|e| wrong(e.to_string()))?;
        if certificates.is_empty() {
            return Err(wrong("there is no certificate in it".to_owned()));
        }
        for certificate in certificates {
            let der = certificate.to_der().map_err(|e| wrong(e.to_string()))?;
            let certificate = Certificate::from_der(der).map_err(|e| wrong(e.to_string()))?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|e| unusable(one_line(&e)))
}

fn failed(e: &SmtpError, failure: Failure) -> Failed {
    Failed { failure, answer: one_line(e) }
}

fn not_reached(e: &std::io::Error) -> Failed {
    Failed { failure: network(e.kind()), answer: format!("the mail server cannot be reached: {e}") }
}

/// What a failure means before the server has let us in.
fn connecting(e: &SmtpError) -> Failure {
    let cause = std::error::Error::source(e).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    match cause {
        _ if e.is_permanent() => Failure::Permanent,
        _ if e.is_transient() || e.is_response() => Failure::Passing,
        Some(cause) => network(cause.kind()),
        None => Failure::Unreachable,
    }
}

/// What a broken connection means: somebody was there, or at least did not say no.
fn network(kind: ErrorKind) -> Failure {
    match kind {
        ErrorKind::TimedOut
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => Failure::Passing,
        _ => Failure::Unreachable,
    }
}

/// What a failure means while we log in: a login that is refused stays refused until the settings are mended.
fn logging_in(e: &SmtpError) -> Failure {
    match connecting(e) {
        Failure::Permanent => Failure::Unreachable,
        other => other,
    }
}

/// What a failure means once we are in.
fn sending(e: &SmtpError) -> Failure {
    match e.status().map(u16::from) {
        // No login, or no TLS, where the server wants it (RFC 4954 §6, RFC 3207 §4): no message would fare better.
        Some(530 | 538) => Failure::Unreachable,
        _ if e.is_permanent() || e.is_client() => Failure::Permanent,
        _ => Failure::Passing,
    }
}

fn words(response: &Response) -> String {
    let words: Vec<&str> = response.message().collect();
    format!("{} {}", response.code(), words.join(" "))
}
