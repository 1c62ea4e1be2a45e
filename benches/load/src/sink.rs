//! When was a message handed over? A mail server on loopback that takes everything, and tells whoever waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context as _;
use base64::Engine as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A mail server; its messages are dropped unless somebody waits for them.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    waiting: Arc<Mutex<HashMap<String, oneshot::Sender<Letter>>>>,
}

/// A message, once its last line has come.
#[derive(Clone, Debug)]
pub struct Letter {
    /// When that was.
    pub at: Instant,
    raw: String,
}

impl Sink {
    /// Listens, on the runtime of whoever calls; port 0 for any.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await;
        let listener = listener.with_context(|| format!("the mail server's port {port}"))?;
        let sink = Self { port: listener.local_addr()?.port(), waiting: Arc::default() };
        let office = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let office = office.clone();
                tokio::spawn(async move { office.take_in(stream).await });
            }
        });
        Ok(sink)
    }

    /// The next message to this address.
    #[must_use]
    pub fn expect(&self, address: &str) -> oneshot::Receiver<Letter> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(address.to_owned(), sender);
        receiver
    }

    /// One exchange (RFC 5321); whatever ends it early is the client's affair.
    async fn take_in(&self, stream: TcpStream) -> Option<()> {
        let _ = stream.set_nodelay(true);
        let mut line = BufReader::new(stream);
        let mut recipients = Vec::new();
        say(&mut line, "220 load ESMTP").await?;
        loop {
            let mut words = String::new();
            if line.read_line(&mut words).await.ok()? == 0 {
                return None;
            }
            let verb: String = words.chars().take(4).collect();
            let answer = match verb.to_ascii_uppercase().as_str() {
                "DATA" => {
                    say(&mut line, "354 go on").await?;
                    let raw = read_message(&mut line).await?;
                    self.hand_out(&recipients, &Letter { at: Instant::now(), raw });
                    recipients.clear();
                    "250 taken"
                }
                "QUIT" => {
                    say(&mut line, "221 bye").await?;
                    return Some(());
                }
                "RCPT" => {
                    recipients.extend(in_angles(&words).map(str::to_owned));
                    "250 ok"
                }
                _ => "250 ok",
            };
            say(&mut line, answer).await?;
        }
    }

    fn hand_out(&self, recipients: &[String], letter: &Letter) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in recipients.iter().filter_map(|recipient| waiting.remove(recipient)) {
            let _ = sender.send(letter.clone());
        }
    }
}

impl Letter {
    /// The code in it: the first run of 6 to 10 digits of its text part.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let text = text(&self.raw)?;
        let mut runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| (6..=10).contains(&run.len()));
        runs.next().map(str::to_owned)
    }
}

/// The plain text of a message, be it alone or the first part of several.
fn text(raw: &str) -> Option<String> {
    let part = raw.find("Content-Type: text/plain").map_or(raw, |at| raw.get(at..).unwrap_or_default());
    let (head, body) = part.split_once("\r\n\r\n")?;
    let body = body.split_once("\r\n--").map_or(body, |(body, _)| body);
    if head.to_ascii_lowercase().contains("base64") {
        let packed: String = body.split_whitespace().collect();
        let bytes = base64::prelude::BASE64_STANDARD.decode(packed).ok()?;
        return String::from_utf8(bytes).ok();
    }
    // Digits stand as they are in the other encodings, but for a soft break in the middle (RFC 2045 §6.7).
    Some(body.replace("=\r\n", ""))
}

fn in_angles(words: &str) -> Option<&str> {
    words.split_once('<')?.1.split_once('>').map(|(address, _)| address)
}

async fn say(line: &mut BufReader<TcpStream>, words: &str) -> Option<()> {
    line.get_mut().write_all(format!("{words}\r\n").as_bytes()).await.ok()
}

/// Up to the line that holds a dot alone. Nobody here reads a line that begins with one.
async fn read_message(line: &mut BufReader<TcpStream>) -> Option<String> {
    let mut raw = String::new();
    loop {
        let before = raw.len();
        if line.read_line(&mut raw).await.ok()? == 0 {
            return None;
        }
        if raw.get(before..).is_some_and(|last| last.trim_end() == ".") {
            raw.truncate(before);
            return Some(raw);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Letter, in_angles};

    #[test]
    fn the_code_of_a_message_is_found() {
        let several = "Subject: 1234567\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\
                       Content-Transfer-Encoding: quoted-printable\r\n\r\nYour code: 12=\r\n3456, 10 minutes.\r\n--x\r\n\
                       Content-Type: text/html\r\n\r\n<b>999999</b>\r\n--x--\r\n";
        let packed =
            "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nY29kZSA2NTQz\r\nMjEh\r\n";
        let cases = [
            (several, Some("123456")),
            (packed, Some("654321")),
            ("Subject: x\r\n\r\nNo code, 12345 alone.\r\n", None),
            ("no end of the head", None),
        ];
        for (raw, expected) in cases {
            let letter = Letter { at: Instant::now(), raw: raw.to_owned() };
            assert_eq!(letter.code().as_deref(), expected, "{raw}");
        }
    }

    #[test]
    fn an_address_stands_in_angle_brackets() {
        assert_eq!(in_angles("RCPT TO:<a@example.org> SIZE=3\r\n"), Some("a@example.org"));
        assert_eq!(in_angles("RCPT TO: a@example.org"), None);
    }
}
