//! Where do the demo's mails go? A small SMTP server (RFC 5321) on loopback that keeps the last of them in memory.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::letter::{Inbox, Letter};
use crate::clock::Clock;

/// The largest message, in bytes.
pub const MAX_MESSAGE: usize = 256 * 1024;
/// A message that goes on after this many bytes is not even read to its end.
const MAX_PATIENCE: usize = 4 * 1024 * 1024;
/// The longest command line, in bytes; RFC 5321 §4.5.3.1.4 asks for 512 at least.
const MAX_LINE: usize = 1000;
/// The most recipients of one message (RFC 5321 §4.5.3.1.8).
const MAX_RECIPIENTS: usize = 100;
/// The most connections at once.
const MAX_CONNECTIONS: usize = 20;
/// How long a client may say nothing (RFC 5321 §4.5.3.2.7).
const PATIENCE: Duration = Duration::from_mins(5);

/// Takes mail until its task is dropped.
pub async fn serve(listener: TcpListener, inbox: Inbox, clock: Clock) {
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: give those that are open time to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else {
            let _ = stream.try_write(b"421 too many connections, try again later\r\n");
            let _ = stream.shutdown().await;
            continue;
        };
        let (inbox, clock) = (inbox.clone(), clock.clone());
        tokio::spawn(async move {
            // A client that goes away, or says nothing for too long, is nobody's failure.
            let _ = converse(stream, &inbox, &clock).await;
            drop(seat);
        });
    }
}

/// One connection, from the greeting to its end.
///
/// # Errors
/// When the client goes away or says nothing for five minutes.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    inbox: &Inbox,
    clock: &Clock,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    say(&mut stream, "220 localhost Countersign demo").await?;
    let mut envelope = Envelope::default();
    loop {
        let line = patiently(read_chunk(&mut stream, MAX_LINE)).await?;
        if line.is_empty() {
            return Ok(());
        }
        if !line.ends_with(b"\n") {
            return say(&mut stream, "500 line too long").await;
        }
        let answer = envelope.command(&String::from_utf8_lossy(&line));
        say(&mut stream, answer.words).await?;
        match answer.then {
            Then::Command => {}
            Then::Close => return Ok(()),
            Then::Message => {
                let Some(words) = take_message(&mut stream, &mut envelope, inbox, clock).await? else {
                    return Ok(());
                };
                say(&mut stream, words).await?;
            }
        }
    }
}

/// The answer to a message; none when the connection is over.
async fn take_message(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    envelope: &mut Envelope,
    inbox: &Inbox,
    clock: &Clock,
) -> std::io::Result<Option<&'static str>> {
    let mut body = Body::default();
    loop {
        let chunk = patiently(read_chunk(stream, 8192)).await?;
        if chunk.is_empty() || body.seen > MAX_PATIENCE {
            return Ok(None);
        }
        if body.push(&chunk) {
            break;
        }
    }
    let Envelope { from, to, .. } = envelope.reset();
    if body.seen > MAX_MESSAGE {
        return Ok(Some("552 message too large"));
    }
    inbox.put(Letter::new(from.unwrap_or_default(), to, &body.bytes, clock.now()));
    Ok(Some("250 kept in the demo's inbox"))
}

/// What a client has said so far about its next message.
#[derive(Debug, Default)]
struct Envelope {
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
}

/// What is answered, and what comes then.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    words: &'static str,
    then: Then,
}

#[derive(Debug, PartialEq, Eq)]
enum Then {
    Command,
    Message,
    Close,
}

impl Envelope {
    /// One command line (RFC 5321 §4.1).
    fn command(&mut self, line: &str) -> Answer {
        let line = line.trim_end();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.greet();
                "250-localhost\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250 SIZE 262144"
            }
            "HELO" => {
                self.greet();
                "250 localhost"
            }
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" if self.to.is_empty() => "503 say who it is for first",
            "DATA" => {
                return Answer { words: "354 end with a line that holds a dot alone", then: Then::Message };
            }
            "RSET" => {
                self.reset();
                "250 forgotten"
            }
            "NOOP" => "250 ok",
            "VRFY" => "252 send it and see",
            "QUIT" => return Answer { words: "221 bye", then: Then::Close },
            _ => "502 no such command here",
        };
        Answer { words, then: Then::Command }
    }

    fn greet(&mut self) {
        *self = Self { greeted: true, ..Self::default() };
    }

    fn mail(&mut self, rest: &str) -> &'static str {
        if !self.greeted {
            return "503 say EHLO first";
        }
        if self.from.is_some() {
            return "503 one message at a time";
        }
        match path(rest, "FROM:") {
            Some((_, parameters)) if declared_size(parameters).is_some_and(|size| size > MAX_MESSAGE) => {
                "552 message too large"
            }
            Some((from, _)) => {
                self.from = Some(from.to_owned());
                "250 ok"
            }
            None => "501 MAIL FROM:<address>, please",
        }
    }

    fn rcpt(&mut self, rest: &str) -> &'static str {
        if self.from.is_none() {
            return "503 say who it is from first";
        }
        if self.to.len() >= MAX_RECIPIENTS {
            return "452 too many recipients";
        }
        match path(rest, "TO:") {
            // So that there is something to repair.
            Some((to, _)) if to.to_ascii_lowercase().ends_with("@gone.example") => {
                "550 5.1.1 there is no such mailbox here"
            }
            Some((to, _)) if !to.is_empty() => {
                self.to.push(to.to_owned());
                "250 ok"
            }
            _ => "501 RCPT TO:<address>, please",
        }
    }

    /// Forgets the message and not the greeting; the answer is what was forgotten.
    fn reset(&mut self) -> Self {
        let greeted = self.greeted;
        std::mem::replace(self, Self { greeted, ..Self::default() })
    }
}

/// The address in `FROM:<address> parameters`, and the parameters.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (head, tail) = rest.split_at_checked(keyword.len())?;
    let (address, parameters) = tail.trim_start().strip_prefix('<')?.split_once('>')?;
    head.eq_ignore_ascii_case(keyword).then_some((address, parameters))
}

/// The `SIZE` parameter (RFC 1870 §6).
fn declared_size(parameters: &str) -> Option<usize> {
    let mut words = parameters.split(' ').filter_map(|word| word.split_once('='));
    words.find(|(name, _)| name.eq_ignore_ascii_case("size"))?.1.parse().ok()
}

/// A message while it arrives (RFC 5321 §4.5.2); what is too much is counted and not kept.
#[derive(Debug)]
struct Body {
    bytes: Vec<u8>,
    seen: usize,
    at_line_start: bool,
}

impl Default for Body {
    fn default() -> Self {
        Self { bytes: Vec::new(), seen: 0, at_line_start: true }
    }
}

impl Body {
    /// Takes a line, or a piece of a long one. Whether that was the end: a dot alone between two CRLFs and nothing else, so
    /// that no message can smuggle in another.
    fn push(&mut self, chunk: &[u8]) -> bool {
        if self.at_line_start && chunk == b".\r\n" {
            return true;
        }
        let unstuffed = chunk.strip_prefix(b".").filter(|_| self.at_line_start).unwrap_or(chunk);
        self.seen += chunk.len();
        if self.seen <= MAX_MESSAGE {
            self.bytes.extend_from_slice(unstuffed);
        }
        self.at_line_start = chunk.ends_with(b"\r\n");
        false
    }
}

/// Up to the end of the line, or `limit` bytes of it; nothing when the client is gone.
async fn read_chunk(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    limit: usize,
) -> std::io::Result<Vec<u8>> {
    let mut chunk = Vec::new();
    stream.take(limit as u64).read_until(b'\n', &mut chunk).await?;
    Ok(chunk)
}

async fn say(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    words: &str,
) -> std::io::Result<()> {
    patiently(stream.get_mut().write_all(format!("{words}\r\n").as_bytes())).await
}

async fn patiently<T>(work: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the server answers to these bytes, and what it keeps.
    async fn hold(said: &[u8]) -> (String, Inbox) {
        let inbox = Inbox::default();
        let (client, server) = tokio::io::duplex(16 * 1024 * 1024);
        let (mut reader, mut writer) = tokio::io::split(client);
        writer.write_all(said).await.unwrap();
        writer.shutdown().await.unwrap();
        let _ = converse(server, &inbox, &Clock::System).await;
        let mut heard = Vec::new();
        reader.read_to_end(&mut heard).await.unwrap();
        (String::from_utf8_lossy(&heard).into_owned(), inbox)
    }

    fn statuses(heard: &str) -> Vec<&str> {
        heard.lines().filter(|line| line.get(3..4) == Some(" ")).filter_map(|line| line.get(..3)).collect()
    }

    #[tokio::test]
    async fn a_message_is_kept_with_its_dots_unstuffed() {
        let (heard, inbox) = hold(
            b"EHLO me\r\nMAIL FROM:<id@demo.localhost> SIZE=99\r\nrcpt to:<ned@acme.example>\r\nRCPT TO:<max@acme.example>\r\n\
              DATA\r\nSubject: Hi\r\n\r\n..one\r\n.two\r\n.\nthree\r\n.\r\nNOOP\r\nQUIT\r\n",
        )
        .await;
        assert_eq!(statuses(&heard), ["220", "250", "250", "250", "250", "354", "250", "250", "221"]);
        let letters = inbox.newest_first();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].from, "id@demo.localhost");
        assert_eq!(letters[0].to, ["ned@acme.example", "max@acme.example"]);
        assert_eq!(letters[0].text, ".one\r\ntwo\r\n\nthree\r\n");
    }

    #[tokio::test]
    async fn a_second_message_begins_anew() {
        let (heard, inbox) = hold(
            b"HELO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRSET\r\nDATA\r\nMAIL FROM:<>\r\nRCPT TO:<e@f>\r\nDATA\r\n\r\nx\r\n.\r\nDATA\r\n",
        )
        .await;
        assert_eq!(
            statuses(&heard),
            ["220", "250", "250", "250", "250", "503", "250", "250", "354", "250", "503"]
        );
        assert_eq!(inbox.newest_first()[0].to, ["e@f"]);
    }

    #[tokio::test]
    async fn what_is_out_of_order_or_malformed_is_refused_in_words() {
        for (said, status) in [
            ("MAIL FROM:<a@b>\r\n", "503"),
            ("EHLO x\r\nRCPT TO:<a@b>\r\n", "503"),
            ("EHLO x\r\nMAIL TO:<a@b>\r\n", "501"),
            ("EHLO x\r\nMAIL FROM:a@b\r\n", "501"),
            ("EHLO x\r\nMAIL FROM:<a@b> SIZE=300000\r\n", "552"),
            ("EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<>\r\n", "501"),
            ("EHLO x\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", "503"),
            ("EHLO x\r\nSTARTTLS\r\n", "502"),
            ("\r\n", "502"),
        ] {
            let (heard, inbox) = hold(said.as_bytes()).await;
            assert_eq!(statuses(&heard).last(), Some(&status), "{said:?}: {heard}");
            assert!(inbox.newest_first().is_empty());
        }
    }

    #[tokio::test]
    async fn limits_hold() {
        let (heard, _) = hold("x".repeat(MAX_LINE + 1).as_bytes()).await;
        assert_eq!(statuses(&heard), ["220", "500"]);

        let start = "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n\r\n";
        let (heard, inbox) =
            hold(format!("{start}{}\r\n.\r\nQUIT\r\n", "x".repeat(MAX_MESSAGE)).as_bytes()).await;
        assert_eq!(statuses(&heard).split_off(5), ["552", "221"]);
        assert!(inbox.newest_first().is_empty());

        let (heard, _) =
            hold(format!("{start}{}\r\n.\r\nQUIT\r\n", "x".repeat(MAX_PATIENCE + 8192)).as_bytes()).await;
        assert_eq!(statuses(&heard).last(), Some(&"354"));

        let many = format!("EHLO x\r\nMAIL FROM:<a@b>\r\n{}", "RCPT TO:<c@d>\r\n".repeat(MAX_RECIPIENTS + 1));
        assert_eq!(statuses(&hold(many.as_bytes()).await.0).last(), Some(&"452"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(said in proptest::collection::vec(any::<u8>(), 0..3000), data in any::<bool>()) {
            let start: &[u8] = if data { b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" } else { b"" };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let said = [start, &said, b"\r\n.\r\n"].concat();
            let (heard, inbox) = runtime.block_on(hold(&said));
            prop_assert!(heard.starts_with("220 "));
            prop_assert_eq!(inbox.newest_first().len(), usize::from(data));
        }
    }
}
