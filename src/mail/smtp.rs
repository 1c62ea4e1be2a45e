//! How is a message handed to a mail server, and which connection is fit to be used again?
//!
//! A connection returns to the others only after an exchange that has ended well; dropped, it is closed.

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::Message;
use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::x509::{X509, X509VerifyResult};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use url::{Host, Url};

use super::answer::Meaning;
use super::dialogue::{Dialogue, Fault, Wire};
use super::retry::Failure;
use super::settings::{Stage, TrialFailed};
use super::transport::{Failed, MailError, tame};
use crate::config::{Config, Encryption};

/// To whom a message would be taken, of those who were asked about.
#[derive(Debug, Default)]
pub(super) struct Taken<'t> {
    /// The first for whom it would; none where there is nobody to ask about.
    pub(super) to: Option<&'t str>,
    /// What was said against the first of all, where that is another.
    pub(super) against_first: Option<String>,
}

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
    hello: String,
    tls: Option<Tls>,
    login: Option<(String, String)>,
    limit: Duration,
    parked: Mutex<Vec<(Dialogue, i64)>>,
}

/// When the connection becomes TLS.
enum Tls {
    FromTheStart(SslConnector),
    AfterStarttls(SslConnector),
}

impl Smtp {
    pub(super) fn new(config: &Config) -> Result<Self, MailError> {
        let settings = &config.mail;
        let (usual_port, tls) = match settings.encryption {
            Encryption::Tls => (465, Some(Tls::FromTheStart(connector(config)?))),
            Encryption::Starttls => (587, Some(Tls::AfterStarttls(connector(config)?))),
            Encryption::None => (25, None),
        };
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port.unwrap_or(usual_port),
            hello: hello(settings.helo.as_deref(), &config.issuer),
            tls,
            login: settings.username.clone().zip(settings.password.clone()),
            limit: settings.timeout.as_duration(),
            parked: Mutex::default(),
        })
    }

    /// Sends one message, within the limit on the whole exchange, and answers the server's words.
    pub(super) async fn send(&self, message: &Message, now: i64) -> Result<String, Failed> {
        match tokio::time::timeout(self.limit, self.exchange(message, now)).await {
            Ok(sent) => sent,
            Err(_) => Err(self.silent()),
        }
    }

    /// Closes connections that nobody has used for a while.
    pub(super) fn tidy(&self, now: i64) {
        self.parked().retain(|(_, since)| is_fresh(*since, now));
    }

    async fn exchange(&self, message: &Message, now: i64) -> Result<String, Failed> {
        let mut dialogue = match self.take(now).await {
            Some(dialogue) => dialogue,
            None => self.connect().await?,
        };
        let envelope = message.envelope();
        let from = envelope.from().map(ToString::to_string).unwrap_or_default();
        let to = envelope.to().first().map(ToString::to_string).unwrap_or_default();
        dialogue.begins_from(&from).await.map_err(|fault| naming_the_sender(&fault))?;
        let sent = dialogue.send(&to, &message.formatted()).await;
        let answer = sent.map_err(|fault| sending(&fault))?;
        let mut parked = self.parked();
        if parked.len() < MOST_PARKED {
            parked.push((dialogue, now));
        }
        Ok(answer.to_string())
    }

    /// A kept connection that is still alive.
    async fn take(&self, now: i64) -> Option<Dialogue> {
        loop {
            let (mut dialogue, since) = self.parked().pop()?;
            let alive = tokio::time::timeout(SIGN_OF_LIFE, dialogue.is_alive());
            if is_fresh(since, now) && alive.await == Ok(true) {
                return Some(dialogue);
            }
        }
    }

    /// Goes through everything but a message, within the limit: connects, agrees on TLS, logs in, and asks whether a message to one of
    /// these would be taken, one after the other until one is, unless what is said concerns every other too. Answers to which, and what was
    /// said against the first where it is another; nothing where there is nobody to ask about. Or says at which stage it fails; of several that are refused, what is said of the first.
    pub(super) async fn try_out<'t>(&self, from: &str, to: &[&'t str]) -> Result<Taken<'t>, TrialFailed> {
        let stage = Mutex::new(Stage::Connect);
        let reach = |next| *stage.lock().unwrap_or_else(PoisonError::into_inner) = next;
        let visit = async {
            let mut dialogue = self.connect_by(&reach).await?;
            let mut refused = None;
            for one in to {
                reach(Stage::Sender);
                dialogue.begins_from(from).await.map_err(|fault| naming_the_sender(&fault))?;
                reach(Stage::Recipient);
                let Err(fault) = dialogue.would_take(one).await.map_err(|fault| sending(&fault))? else {
                    dialogue.quit().await;
                    let against_first = refused.map(|failed: Failed| tame(&failed.answer));
                    return Ok(Taken { to: Some(*one), against_first });
                };
                let failed = sending(&fault);
                let concerns_all = Meaning::of(&failed.answer).concerns_all();
                refused.get_or_insert(failed);
                if concerns_all {
                    break;
                }
            }
            dialogue.quit().await;
            refused.map_or(Ok(Taken::default()), Err)
        };
        let done = tokio::time::timeout(self.limit, visit).await.unwrap_or_else(|_| Err(self.silent()));
        let reached = *stage.lock().unwrap_or_else(PoisonError::into_inner);
        done.map_err(|failed: Failed| {
            // Many servers say what they have against the sender only once they know the recipient.
            let is_sender = reached == Stage::Recipient && Meaning::of(&failed.answer) == Meaning::NotForUs;
            let stage = if is_sender { Stage::Sender } else { reached };
            TrialFailed { stage, words: tame(&failed.answer) }
        })
    }

    async fn connect(&self) -> Result<Dialogue, Failed> {
        self.connect_by(&|_| ()).await
    }

    /// Connects, and says which stage comes next.
    async fn connect_by(&self, reach: &(impl Fn(Stage) + Sync)) -> Result<Dialogue, Failed> {
        let stream: Box<dyn Wire> = Box::new(self.dial().await?);
        let stream = match &self.tls {
            Some(Tls::FromTheStart(tls)) => {
                reach(Stage::Tls);
                self.handshake(tls, stream).await?
            }
            _ => stream,
        };
        let mut dialogue = Dialogue::begin(stream).await.map_err(|fault| greeting(&fault))?;
        dialogue.hello(&self.hello).await.map_err(|fault| greeting(&fault))?;
        if let Some(Tls::AfterStarttls(tls)) = &self.tls {
            reach(Stage::Tls);
            let stream = dialogue.starttls().await.map_err(|fault| starting_tls(&fault))?;
            dialogue = Dialogue::resume(self.handshake(tls, stream).await?);
            dialogue.hello(&self.hello).await.map_err(|fault| greeting(&fault))?;
        }
        if let Some((name, password)) = &self.login {
            reach(Stage::Login);
            dialogue.log_in(name, password).await.map_err(|fault| logging_in(&fault))?;
        }
        Ok(dialogue)
    }

    async fn dial(&self) -> Result<TcpStream, Failed> {
        // A name may have several addresses: one that is silent leaves time for another.
        let each = self.limit / 3;
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found = found.map_err(|e| {
            unreachable(format!("mail.host: the name {} leads to no address: {e}", self.host))
        })?;
        let mut last = std::io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in found {
            match tokio::time::timeout(each, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true).map_err(|e| self.not_reached(&e))?;
                    return Ok(stream);
                }
                Ok(Err(e)) => last = e,
                Err(_) => last = ErrorKind::TimedOut.into(),
            }
        }
        Err(self.not_reached(&last))
    }

    async fn handshake(&self, tls: &SslConnector, stream: Box<dyn Wire>) -> Result<Box<dyn Wire>, Failed> {
        let unusable = |e: ErrorStack| unreachable(format!("TLS cannot be started: {e}"));
        let session = tls.configure().and_then(|tls| tls.into_ssl(&self.host)).map_err(unusable)?;
        let mut stream = SslStream::new(session, stream).map_err(unusable)?;
        match Pin::new(&mut stream).connect().await {
            Ok(()) => Ok(Box::new(stream)),
            Err(e) => Err(self.no_tls(stream.ssl().verify_result(), &e)),
        }
    }

    /// Why there is no TLS, and what mends it.
    fn no_tls(&self, verified: X509VerifyResult, e: &openssl::ssl::Error) -> Failed {
        let host = &self.host;
        if verified != X509VerifyResult::OK {
            return unreachable(format!(
                "the TLS certificate of {host} is not believed: {}. It must not have run out, mail.host must be a name in it, and \
                 outbound.extra_ca name its authority if the system does not know it",
                verified.error_string()
            ));
        }
        if let Some(cause) = e.io_error() {
            return Failed {
                failure: network(cause.kind()),
                answer: format!("{host} broke off while TLS began: {cause}"),
            };
        }
        let reason = e.ssl_error().and_then(|stack| stack.errors().first()?.reason());
        unreachable(format!(
            "{host} does not speak TLS with us: {}. Look at mail.port, whether mail.encryption is to be tls, starttls or none, and \
             whether the server knows TLS 1.2",
            reason.unwrap_or("it does not say why")
        ))
    }

    fn not_reached(&self, e: &std::io::Error) -> Failed {
        let (host, port) = (&self.host, self.port);
        let answer = match e.kind() {
            ErrorKind::ConnectionRefused => {
                format!(
                    "connection refused: no mail server listens at {host}, port {port} (mail.host, mail.port)"
                )
            }
            ErrorKind::TimedOut => format!(
                "the mail server cannot be reached: nothing answers at {host}, port {port} (mail.host, mail.port, or a firewall \
                 in between)"
            ),
            _ => format!(
                "the mail server cannot be reached at {host}, port {port} (mail.host, mail.port): {e}"
            ),
        };
        Failed { failure: network(e.kind()), answer }
    }

    fn parked(&self) -> std::sync::MutexGuard<'_, Vec<(Dialogue, i64)>> {
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

/// What we call ourselves: the setting, or else the issuer's host; an address as RFC 5321 §4.1.3 writes it.
fn hello(setting: Option<&str>, issuer: &str) -> String {
    let host = match setting {
        Some(name) => Host::parse(name).ok(),
        None => Url::parse(issuer).ok().and_then(|url| url.host().map(|host| host.to_owned())),
    };
    match host {
        Some(Host::Domain(name)) => name,
        Some(Host::Ipv4(ip)) => format!("[{ip}]"),
        Some(Host::Ipv6(ip)) => format!("[IPv6:{ip}]"),
        None => "localhost".to_owned(),
    }
}

/// Whom to believe: the system's authorities, and those of `outbound.extra_ca`.
fn connector(config: &Config) -> Result<SslConnector, MailError> {
    let unusable = |e: ErrorStack| MailError::Tls(e.to_string());
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(unusable)?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(unusable)?;
    // The OpenSSL that is built in does not know where this system keeps them. What cannot be read is not believed.
    let system = openssl_probe::probe();
    let folders = system.cert_dir.iter().map(|folder| (None, Some(folder.as_path())));
    for (file, folder) in system.cert_file.iter().map(|file| (Some(file.as_path()), None)).chain(folders) {
        let _ = builder.load_verify_locations(file, folder);
    }
    for path in &config.outbound.extra_ca {
        for certificate in authorities(path)? {
            builder.cert_store_mut().add_cert(certificate).map_err(unusable)?;
        }
    }
    Ok(builder.build())
}

fn authorities(path: &Path) -> Result<Vec<X509>, MailError> {
    let wrong = |reason: String| MailError::Authority { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
    let certificates = X509::stack_from_pem(&pem).map_err(|e| wrong(e.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(certificates)
}

fn unreachable(answer: String) -> Failed {
    Failed { failure: Failure::Unreachable, answer }
}

/// What a fault means before the server has let us in.
fn connecting(fault: &Fault) -> Failure {
    match fault {
        Fault::Refused(answer) if answer.code >= 500 => Failure::Permanent,
        Fault::Refused(_) => Failure::Passing,
        Fault::Broken(e) => network(e.kind()),
        Fault::Nonsense(_) | Fault::Lacks(_) => Failure::Unreachable,
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

fn greeting(fault: &Fault) -> Failed {
    let answer = match fault {
        Fault::Refused(answer) => format!("the mail server sends us away: {answer}"),
        Fault::Broken(e) => {
            format!("the mail server hung up before it had greeted us (mail.port, mail.encryption): {e}")
        }
        Fault::Nonsense(_) | Fault::Lacks(_) => format!("{fault} (mail.host, mail.port, mail.encryption)"),
    };
    Failed { failure: connecting(fault), answer }
}

fn starting_tls(fault: &Fault) -> Failed {
    let answer = match fault {
        Fault::Lacks(_) => format!("{fault} (mail.encryption = \"starttls\")"),
        Fault::Nonsense(_) => {
            format!("{fault} before TLS began: somebody in between may have added to its words")
        }
        _ => format!("the mail server does not begin TLS: {fault} (mail.encryption)"),
    };
    Failed { failure: connecting(fault), answer }
}

/// What a failure means while we log in: a login that is refused stays refused until the settings are mended.
fn logging_in(fault: &Fault) -> Failed {
    let failure = match connecting(fault) {
        Failure::Permanent => Failure::Unreachable,
        other => other,
    };
    let answer = match fault {
        Fault::Refused(answer) => {
            format!("the mail server does not take our login: {answer} (mail.username, mail.password)")
        }
        Fault::Lacks(_) => format!("{fault} (mail.username: leave it out, or look at mail.encryption)"),
        _ => format!("the mail server broke off while we logged in: {fault}"),
    };
    Failed { failure, answer }
}

/// What a failure means when we say whom a message comes from. Servers say no to that in the words that they have for recipients and for spam.
fn naming_the_sender(fault: &Fault) -> Failed {
    let Failed { failure, answer } = sending(fault);
    let about_it = matches!(
        Meaning::of(&answer),
        Meaning::NotForUs | Meaning::Blocked | Meaning::NoMailbox | Meaning::Other
    );
    let answer = match failure {
        Failure::Permanent if about_it => {
            format!("the mail server does not take our sender: {answer} (mail.from)")
        }
        _ => answer,
    };
    Failed { failure, answer }
}

/// What a failure means once we are in.
fn sending(fault: &Fault) -> Failed {
    let Fault::Refused(answer) = fault else {
        let answer = format!("the mail server broke off in the middle: {fault}");
        return Failed { failure: Failure::Passing, answer };
    };
    let words = answer.to_string();
    // No login, or no TLS, where the server wants it (RFC 4954 §6, RFC 3207 §4): no message would fare better.
    if matches!(answer.code, 530 | 538) {
        let wants_tls = answer.code == 538 || words.to_ascii_uppercase().contains("STARTTLS");
        let setting = if wants_tls { "mail.encryption" } else { "mail.username, mail.password" };
        return unreachable(format!("{words} ({setting})"));
    }
    let failure = if answer.code >= 500 { Failure::Permanent } else { Failure::Passing };
    Failed { failure, answer: words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_say_the_issuers_host_or_what_the_setting_says() {
        for (setting, issuer, expected) in [
            (None, "https://login.example.org", "login.example.org"),
            (None, "https://anmeldung.müller.example/auth", "anmeldung.xn--mller-kva.example"),
            (None, "http://127.0.0.1:8080", "[127.0.0.1]"),
            (None, "http://[::1]:8080", "[IPv6:::1]"),
            (None, "http://localhost:8080", "localhost"),
            (Some("mx.example.org"), "https://login.example.org", "mx.example.org"),
            (Some("192.0.2.1"), "https://login.example.org", "[192.0.2.1]"),
            (Some("müller.example"), "https://login.example.org", "xn--mller-kva.example"),
        ] {
            assert_eq!(hello(setting, issuer), expected, "{setting:?} {issuer}");
        }
    }
}
