//! What does the mail server do? A real SMTP listener on loopback that tests can make refuse, fall silent or hang up.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_openssl::SslStream;

/// A mail server of the test's own.
#[derive(Debug)]
pub struct Smtp {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    office: Arc<Office>,
    task: JoinHandle<()>,
}

/// What the server asks of its clients.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// This name and password, by AUTH PLAIN.
    pub login: Option<(&'static str, &'static str)>,
    /// TLS with this certificate.
    pub tls: Option<(Tls, Certificate)>,
}

/// When the conversation becomes TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Before the greeting.
    AtOnce,
    /// When the client says STARTTLS.
    Starttls,
}

/// How far an SMTP exchange has come (RFC 5321 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the greeting.
    Greeting,
    /// After EHLO.
    Hello,
    /// After STARTTLS.
    Starttls,
    /// After MAIL FROM.
    Sender,
    /// After RCPT TO.
    Recipient,
    /// After DATA.
    Data,
    /// After the message itself.
    Message,
}

/// The stages that every message goes through, for tests that try each.
pub const STAGES: [Stage; 6] =
    [Stage::Greeting, Stage::Hello, Stage::Sender, Stage::Recipient, Stage::Data, Stage::Message];

/// What goes wrong at a stage.
#[derive(Clone, Debug)]
pub enum Mishap {
    /// The server answers this, such as `451 try later` or `550 no such mailbox`.
    Answer(&'static str),
    /// The server says nothing more and keeps the connection open.
    Silence,
    /// The server closes the connection.
    HangUp,
    /// The server says this as well, in one piece with its answer, and goes on.
    Extra(&'static str),
    /// The server begins an answer with this, and goes on with it until the client goes away.
    Endless(&'static str),
}

/// A message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The addresses of RCPT TO.
    pub to: Vec<String>,
    /// Headers and body, dots unstuffed.
    pub raw: String,
    /// What the client had called itself: the argument of EHLO.
    pub hello: String,
    /// The address of MAIL FROM.
    pub from: String,
}

#[derive(Debug)]
struct Office {
    terms: Terms,
    letters: Mutex<Vec<Letter>>,
    mishap: Mutex<Option<(Stage, Mishap)>>,
    refused: Mutex<Option<(String, &'static str)>>,
    arrived: watch::Sender<usize>,
    failed: watch::Sender<usize>,
    visited: watch::Sender<usize>,
}

/// A connection, in the clear or not.
type Line = BufReader<Box<dyn Wire>>;

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Smtp {
    /// Starts a server at which all goes well, and everybody may send.
    pub async fn start() -> Self {
        Self::on_terms(Terms::default()).await
    }

    /// Starts a server at which all goes well for those who do as it asks.
    pub async fn on_terms(terms: Terms) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let office = Arc::new(Office {
            terms,
            letters: Mutex::default(),
            mishap: Mutex::default(),
            refused: Mutex::default(),
            arrived: watch::Sender::new(0),
            failed: watch::Sender::new(0),
            visited: watch::Sender::new(0),
        });
        let at_work = Arc::clone(&office);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let office = Arc::clone(&at_work);
                office.visited.send_modify(|count| *count += 1);
                tokio::spawn(async move { office.receive(Box::new(stream)).await });
            }
        });
        Self { port, office, task }
    }

    /// From now on this goes wrong at this stage, every time.
    pub fn let_fail(&self, stage: Stage, mishap: Mishap) {
        *self.office.mishap.lock().expect("the mishap") = Some((stage, mishap));
    }

    /// From now on this is answered of messages to one address, and all goes well with every other.
    pub fn refuse(&self, address: &str, answer: &'static str) {
        *self.office.refused.lock().expect("the refused") = Some((address.to_owned(), answer));
    }

    /// From now on all goes well.
    pub fn let_work(&self) {
        *self.office.mishap.lock().expect("the mishap") = None;
        *self.office.refused.lock().expect("the refused") = None;
    }

    /// Everything that has arrived, oldest first.
    pub fn letters(&self) -> Vec<Letter> {
        self.office.letters.lock().expect("the letters").clone()
    }

    /// The first letter that fits; waits until it has arrived, which a site that works lets it do within seconds.
    pub async fn wait_for(&self, fits: impl Fn(&Letter) -> bool) -> Letter {
        let mut arrivals = self.office.arrived.subscribe();
        let arrived = async {
            loop {
                if let Some(letter) = self.letters().into_iter().find(&fits) {
                    return letter;
                }
                arrivals.changed().await.expect("the server runs");
            }
        };
        let limit = std::time::Duration::from_secs(30);
        tokio::time::timeout(limit, arrived).await.expect("the letter that the story waits for")
    }

    /// The letter with this number, counted from 0; waits until it has arrived.
    pub async fn letter(&self, number: usize) -> Letter {
        let mut arrived = self.office.arrived.subscribe();
        arrived.wait_for(|count| *count > number).await.expect("the server runs");
        self.letters()[number].clone()
    }

    /// From now on nobody listens.
    pub async fn close(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// How many connections there have been.
    pub fn visits(&self) -> usize {
        *self.office.visited.borrow()
    }

    /// Waits until so much has gone wrong.
    pub async fn mishaps(&self, number: usize) {
        let mut failed = self.office.failed.subscribe();
        failed.wait_for(|count| *count >= number).await.expect("the server runs");
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Office {
    /// One connection. A client that goes away is no failure of the test.
    async fn receive(&self, stream: Box<dyn Wire>) -> Option<()> {
        match &self.terms.tls {
            Some((Tls::AtOnce, certificate)) => self.converse(certificate.accept(stream).await?).await,
            _ => self.converse(BufReader::new(stream)).await,
        }
    }

    async fn converse(&self, mut line: Line) -> Option<()> {
        self.answer(&mut line, Stage::Greeting, "220 test").await?;
        let mut guest = Guest::default();
        while let Some(words) = read_line(&mut line).await {
            let (verb, rest) = words.split_once([' ', ':']).unwrap_or((&words, ""));
            match verb.to_uppercase().as_str() {
                "EHLO" | "HELO" => {
                    rest.clone_into(&mut guest.hello);
                    self.answer(&mut line, Stage::Hello, &self.welcome(guest.encrypted)).await?;
                }
                "STARTTLS" => {
                    let (_, certificate) = self.terms.tls.as_ref()?;
                    self.answer(&mut line, Stage::Starttls, "220 go on").await?;
                    line = certificate.accept(line.into_inner()).await?;
                    guest.encrypted = true;
                }
                "AUTH" => {
                    guest.known = self.knows(rest);
                    say(&mut line, if guest.known { "235 ok" } else { "535 wrong name or password" }).await?;
                }
                "MAIL" if self.terms.login.is_some() && !guest.known => {
                    say(&mut line, "530 who are you").await?;
                }
                "MAIL" => {
                    self.answer(&mut line, Stage::Sender, "250 ok").await?;
                    in_angles(rest).unwrap_or_default().clone_into(&mut guest.from);
                }
                "RCPT" if let Some(words) = self.refuses(rest) => {
                    self.failed.send_modify(|count| *count += 1);
                    say(&mut line, words).await?;
                }
                "RCPT" => {
                    self.answer(&mut line, Stage::Recipient, "250 ok").await?;
                    guest.to.extend(in_angles(rest).map(str::to_owned));
                }
                "DATA" => {
                    self.answer(&mut line, Stage::Data, "354 go on").await?;
                    let raw = read_message(&mut line).await?;
                    self.answer(&mut line, Stage::Message, "250 queued as 42").await?;
                    let (to, from) = (std::mem::take(&mut guest.to), std::mem::take(&mut guest.from));
                    self.keep(Letter { to, raw, hello: guest.hello.clone(), from });
                }
                "QUIT" => return say(&mut line, "221 bye").await,
                _ => say(&mut line, "250 ok").await?,
            }
        }
        Some(())
    }

    /// What is said against the recipient of a command, if anything is.
    fn refuses(&self, rest: &str) -> Option<&'static str> {
        let refused = self.refused.lock().expect("the refused");
        let (_, words) = refused.as_ref().filter(|(address, _)| in_angles(rest) == Some(address.as_str()))?;
        Some(words)
    }

    /// What EHLO is answered with (RFC 5321 §4.1.1.1).
    fn welcome(&self, encrypted: bool) -> String {
        let mut lines = vec!["test"];
        if !encrypted && matches!(self.terms.tls, Some((Tls::Starttls, _))) {
            lines.push("STARTTLS");
        }
        if self.terms.login.is_some() {
            lines.push("AUTH PLAIN");
        }
        let last = lines.len() - 1;
        let numbered =
            lines.iter().enumerate().map(|(n, l)| format!("250{}{l}", if n == last { ' ' } else { '-' }));
        numbered.collect::<Vec<_>>().join("\r\n")
    }

    /// AUTH PLAIN (RFC 4616): nothing, name and password, each after a NUL.
    fn knows(&self, credentials: &str) -> bool {
        let Some((name, password)) = self.terms.login else { return false };
        let right = base64::prelude::BASE64_STANDARD.encode(format!("\0{name}\0{password}"));
        credentials.strip_prefix("PLAIN ") == Some(&right)
    }

    /// Nothing when the connection is over. A refusal is said, and the client may go on as it likes.
    async fn answer(&self, line: &mut Line, stage: Stage, well: &str) -> Option<()> {
        let mishap = self.mishap.lock().expect("the mishap").clone().filter(|(at, _)| *at == stage);
        let Some((_, mishap)) = mishap else { return say(line, well).await };
        self.failed.send_modify(|count| *count += 1);
        match mishap {
            Mishap::Answer(words) => {
                say(line, words).await?;
                // What was refused is not kept; the rest of this connection does not matter.
                loop {
                    let next = read_line(line).await?;
                    let refused_again = stage == Stage::Recipient && next.starts_with("RCPT");
                    match next.as_str() {
                        "QUIT" => return None,
                        _ => say(line, if refused_again { words } else { "250 ok" }).await?,
                    }
                }
            }
            Mishap::Silence => std::future::pending().await,
            Mishap::HangUp => None,
            Mishap::Extra(words) => say(line, &format!("{well}\r\n{words}")).await,
            Mishap::Endless(words) => loop {
                line.get_mut().write_all(words.as_bytes()).await.ok()?;
            },
        }
    }

    fn keep(&self, letter: Letter) {
        let mut letters = self.letters.lock().expect("the letters");
        letters.push(letter);
        self.arrived.send_replace(letters.len());
    }
}

/// What the server knows of whom it talks to.
#[derive(Default)]
struct Guest {
    encrypted: bool,
    known: bool,
    hello: String,
    from: String,
    to: Vec<String>,
}

/// A certificate that nobody has signed but itself.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// What a client has to be given to believe it.
    pub pem: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    /// A new one for a host of this name.
    pub fn of(name: &str) -> Self {
        Self::make(name).expect("OpenSSL makes a certificate")
    }

    fn make(name: &str) -> Result<Self, ErrorStack> {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&curve)?)?;
        let mut subject = X509Name::builder()?;
        subject.append_entry_by_text("CN", name)?;
        let subject = subject.build();
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        let serial = BigNum::from_u32(1)?.to_asn1_integer()?;
        builder.set_serial_number(&serial)?;
        builder.set_subject_name(&subject)?;
        builder.set_issuer_name(&subject)?;
        builder.set_pubkey(&key)?;
        let (today, tomorrow) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(1)?);
        builder.set_not_before(&today)?;
        builder.set_not_after(&tomorrow)?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        let names = SubjectAlternativeName::new().dns(name).build(&builder.x509v3_context(None, None))?;
        builder.append_extension(names)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Self { pem: builder.build().to_pem()?, key: key.private_key_to_pem_pkcs8()? })
    }

    /// Nothing when the client does not like it.
    async fn accept(&self, stream: Box<dyn Wire>) -> Option<Line> {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).ok()?;
        acceptor.set_certificate(X509::from_pem(&self.pem).ok()?.as_ref()).ok()?;
        acceptor.set_private_key(PKey::private_key_from_pem(&self.key).ok()?.as_ref()).ok()?;
        let session = Ssl::new(acceptor.build().context()).ok()?;
        let mut encrypted = SslStream::new(session, stream).ok()?;
        Pin::new(&mut encrypted).accept().await.ok()?;
        Some(BufReader::new(Box::new(encrypted)))
    }
}

impl Letter {
    /// A header's value, unfolded; none of ours needs decoding.
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.raw.split_once("\r\n\r\n")?;
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let mut fields = unfolded.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }

    /// The plain text part, decoded.
    pub fn text(&self) -> String {
        self.part("text/plain").expect("a plain text part")
    }

    /// The HTML part, decoded.
    pub fn html(&self) -> String {
        self.part("text/html").expect("an HTML part")
    }

    /// The code that the letter carries: the only run of 6 to 10 digits in its text.
    pub fn code(&self) -> Option<String> {
        let text = self.text();
        let mut runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| (6..=10).contains(&run.len()));
        runs.next().map(str::to_owned)
    }

    fn part(&self, kind: &str) -> Option<String> {
        let start = self.raw.find(&format!("Content-Type: {kind}"))?;
        let (head, body) = self.raw[start..].split_once("\r\n\r\n")?;
        let body = body.split_once("\r\n--").map_or(body, |(body, _)| body);
        let head = head.to_lowercase();
        let bytes = if head.contains("base64") {
            let packed: String = body.split_whitespace().collect();
            base64::prelude::BASE64_STANDARD.decode(packed).ok()?
        } else if head.contains("quoted-printable") {
            unquote(body)
        } else {
            body.as_bytes().to_vec()
        };
        String::from_utf8(bytes).ok()
    }
}

/// Quoted-printable (RFC 2045 §6.7).
fn unquote(body: &str) -> Vec<u8> {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_str();
    while let Some((before, after)) = rest.split_once('=') {
        bytes.extend_from_slice(before.as_bytes());
        match after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => rest = after,
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The address in a command.
fn in_angles(words: &str) -> Option<&str> {
    words.split_once('<')?.1.split_once('>').map(|(address, _)| address)
}

async fn say(line: &mut Line, words: &str) -> Option<()> {
    line.get_mut().write_all(format!("{words}\r\n").as_bytes()).await.ok()?;
    line.get_mut().flush().await.ok()
}

async fn read_line(line: &mut Line) -> Option<String> {
    let mut words = String::new();
    let read = line.read_line(&mut words).await.ok()?;
    (read > 0).then(|| words.trim_end().to_owned())
}

/// Up to the line that holds a dot alone; a doubled dot at a line's start stands for one (RFC 5321 §4.5.2).
async fn read_message(line: &mut Line) -> Option<String> {
    let mut raw = String::new();
    loop {
        let mut words = String::new();
        if line.read_line(&mut words).await.ok()? == 0 {
            return None;
        }
        if words == ".\r\n" {
            return Some(raw);
        }
        raw.push_str(words.strip_prefix("..").map_or(words.as_str(), |_| &words[1..]));
    }
}
