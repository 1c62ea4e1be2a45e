//! What does the mail server do? A real SMTP listener on loopback that tests can make refuse, fall silent or hang up.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A mail server of the test's own.
#[derive(Debug)]
pub struct Smtp {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    office: Arc<Office>,
    arrivals: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

/// How far an SMTP exchange has come (RFC 5321 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the greeting.
    Greeting,
    /// After EHLO.
    Hello,
    /// After MAIL FROM.
    Sender,
    /// After RCPT TO.
    Recipient,
    /// After DATA.
    Data,
    /// After the message itself.
    Message,
}

/// All stages, for tests that try each.
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
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The addresses of RCPT TO.
    pub to: Vec<String>,
    /// Headers and body, dots unstuffed.
    pub raw: String,
}

#[derive(Debug)]
struct Office {
    letters: Mutex<Vec<Letter>>,
    mishap: Mutex<Option<(Stage, Mishap)>>,
    count: watch::Sender<usize>,
}

impl Smtp {
    /// Starts a server at which all goes well.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (count, arrivals) = watch::channel(0);
        let office = Arc::new(Office { letters: Mutex::default(), mishap: Mutex::default(), count });
        let at_work = Arc::clone(&office);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let office = Arc::clone(&at_work);
                tokio::spawn(async move { office.converse(stream).await });
            }
        });
        Self { port, office, arrivals, task }
    }

    /// From now on this goes wrong at this stage, every time.
    pub fn let_fail(&self, stage: Stage, mishap: Mishap) {
        *self.office.mishap.lock().expect("the mishap") = Some((stage, mishap));
    }

    /// From now on all goes well.
    pub fn let_work(&self) {
        *self.office.mishap.lock().expect("the mishap") = None;
    }

    /// Everything that has arrived, oldest first.
    pub fn letters(&self) -> Vec<Letter> {
        self.office.letters.lock().expect("the letters").clone()
    }

    /// The first letter that fits; waits until it has arrived, which a site that works lets it do within seconds.
    pub async fn wait_for(&self, fits: impl Fn(&Letter) -> bool) -> Letter {
        let mut arrivals = self.arrivals.clone();
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
        let mut arrivals = self.arrivals.clone();
        arrivals.wait_for(|count| *count > number).await.expect("the server runs");
        self.letters()[number].clone()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Office {
    /// One connection. A client that goes away is no failure of the test.
    async fn converse(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        self.answer(&mut stream, Stage::Greeting, "220 test").await?;
        let mut to = Vec::new();
        while let Some(line) = read_line(&mut stream).await {
            let (verb, rest) = line.split_once([' ', ':']).unwrap_or((&line, ""));
            match verb.to_uppercase().as_str() {
                "EHLO" | "HELO" => self.answer(&mut stream, Stage::Hello, "250 test").await?,
                "MAIL" => self.answer(&mut stream, Stage::Sender, "250 ok").await?,
                "RCPT" => {
                    self.answer(&mut stream, Stage::Recipient, "250 ok").await?;
                    let address = rest.split_once('<').and_then(|(_, a)| a.split_once('>'));
                    to.extend(address.map(|(a, _)| a.to_owned()));
                }
                "DATA" => {
                    self.answer(&mut stream, Stage::Data, "354 go on").await?;
                    let raw = read_message(&mut stream).await?;
                    self.answer(&mut stream, Stage::Message, "250 queued as 42").await?;
                    self.keep(Letter { to: std::mem::take(&mut to), raw });
                }
                "QUIT" => return say(&mut stream, "221 bye").await,
                _ => say(&mut stream, "250 ok").await?,
            }
        }
        Some(())
    }

    /// Nothing when the connection is over. A refusal is said, and the client may go on as it likes.
    async fn answer(&self, stream: &mut BufReader<TcpStream>, stage: Stage, well: &str) -> Option<()> {
        let mishap = self.mishap.lock().expect("the mishap").clone().filter(|(at, _)| *at == stage);
        match mishap {
            None => say(stream, well).await,
            Some((_, Mishap::Answer(words))) => {
                say(stream, words).await?;
                // What was refused is not kept; the rest of this connection does not matter.
                while read_line(stream).await? != "QUIT" {
                    say(stream, "250 ok").await?;
                }
                None
            }
            Some((_, Mishap::Silence)) => std::future::pending().await,
            Some((_, Mishap::HangUp)) => None,
        }
    }

    fn keep(&self, letter: Letter) {
        let mut letters = self.letters.lock().expect("the letters");
        letters.push(letter);
        self.count.send_replace(letters.len());
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

async fn say(stream: &mut BufReader<TcpStream>, words: &str) -> Option<()> {
    stream.get_mut().write_all(format!("{words}\r\n").as_bytes()).await.ok()
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

/// Up to the line that holds a dot alone; a doubled dot at a line's start stands for one (RFC 5321 §4.5.2).
async fn read_message(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut raw = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(raw);
        }
        raw.push_str(line.strip_prefix("..").map_or(line.as_str(), |_| &line[1..]));
    }
}
