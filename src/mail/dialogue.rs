//! What do we say to a mail server (RFC 5321), and how much do we let it say?
//!
//! lettre's own client reads a line to its end, however long, and believes inside TLS what it has read before. Here lines and answers
//! have a bound, and whatever comes without having been asked for ends the conversation.

use std::fmt;
use std::pin::Pin;
use std::task::Poll;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use zeroize::Zeroizing;

/// Octets of one line of an answer. RFC 5321 §4.5.3.1.5 says 512; some servers need more for an error.
const LONGEST_LINE: usize = 2_000;

/// Octets of one answer with all of its lines.
const LONGEST_ANSWER: usize = 32_000;

/// A connection to a mail server, in the clear or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// What a server has answered (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The three digits.
    pub(super) code: u16,
    lines: Vec<String>,
}

/// Why a conversation is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The server said no, or something that the command does not allow for.
    #[error("{0}")]
    Refused(Answer),
    /// The connection broke.
    #[error("{0}")]
    Broken(#[from] std::io::Error),
    /// This is not how mail servers speak.
    #[error("the mail server {0}")]
    Nonsense(&'static str),
    /// The server does not offer what the settings ask for.
    #[error("the mail server offers no {0}")]
    Lacks(&'static str),
}

/// A conversation with a mail server, between an answer and the next command.
pub(super) struct Dialogue {
    wire: Box<dyn Wire>,
    /// What has been read and not been looked at.
    unread: Vec<u8>,
    /// The lines of the answer to EHLO: what the server can do.
    offers: Vec<String>,
}

impl Dialogue {
    /// Hears the greeting of a server that has just been reached.
    pub(super) async fn begin(wire: Box<dyn Wire>) -> Result<Self, Fault> {
        let mut dialogue = Self::resume(wire);
        let greeting = dialogue.hear().await?;
        wants(greeting, 2)?;
        Ok(dialogue)
    }

    /// Goes on over another wire: after STARTTLS, nothing that was said before counts (RFC 3207 §4.2).
    pub(super) fn resume(wire: Box<dyn Wire>) -> Self {
        Self { wire, unread: Vec::new(), offers: Vec::new() }
    }

    /// Says who we are, and learns what the server can do.
    pub(super) async fn hello(&mut self, name: &str) -> Result<(), Fault> {
        let answer = self.say(&format!("EHLO {name}")).await?;
        self.offers = wants(answer, 2)?.lines.into_iter().skip(1).collect();
        Ok(())
    }

    /// Asks for TLS and hands out the wire for the handshake. The server's answer is the last that it says in the clear: with anything
    /// behind it there is no handshake.
    pub(super) async fn starttls(mut self) -> Result<Box<dyn Wire>, Fault> {
        if !self.offers.iter().any(|offer| offer.eq_ignore_ascii_case("STARTTLS")) {
            return Err(Fault::Lacks("STARTTLS"));
        }
        let answer = self.say("STARTTLS").await?;
        wants(answer, 2)?;
        self.nothing_more().await?;
        Ok(self.wire)
    }

    /// Logs in (RFC 4954), by PLAIN, or by LOGIN where that is all there is.
    pub(super) async fn log_in(&mut self, name: &str, password: &str) -> Result<(), Fault> {
        let encode = |text: &str| Zeroizing::new(BASE64_STANDARD.encode(text));
        let said = if self.has_mechanism("PLAIN") {
            let both = encode(&Zeroizing::new(format!("\0{name}\0{password}")));
            let answer = self.say(&Zeroizing::new(format!("AUTH PLAIN {}", both.as_str()))).await?;
            // Some servers ask for it once more.
            if answer.code == 334 { self.say(&both).await? } else { answer }
        } else if self.has_mechanism("LOGIN") {
            let answer = self.say("AUTH LOGIN").await?;
            wants(answer, 3)?;
            let answer = self.say(&encode(name)).await?;
            wants(answer, 3)?;
            self.say(&encode(password)).await?
        } else {
            return Err(Fault::Lacks("authentication mechanism that we know (PLAIN or LOGIN)"));
        };
        wants(said, 2).map(|_| ())
    }

    /// Hands over a message from the sender that was named (RFC 5321 §3.3), and answers the server's last words.
    pub(super) async fn send(&mut self, to: &str, message: &[u8]) -> Result<Answer, Fault> {
        let answer = self.say(&format!("RCPT TO:<{to}>")).await?;
        wants(answer, 2)?;
        let answer = self.say("DATA").await?;
        wants(answer, 3)?;
        self.nothing_more().await?;
        self.wire.write_all(&stuffed(message)).await?;
        self.wire.flush().await?;
        let answer = self.hear().await?;
        wants(answer, 2)
    }

    /// Names the sender of a message.
    pub(super) async fn begins_from(&mut self, from: &str) -> Result<(), Fault> {
        let answer = self.say(&format!("MAIL FROM:<{from}>")).await?;
        wants(answer, 2).map(|_| ())
    }

    /// Whether a message to this address would be taken, from the sender that was named; none is sent. What is said against the recipient is
    /// no fault of the dialogue: another one may be asked about.
    pub(super) async fn would_take(&mut self, to: &str) -> Result<Result<(), Fault>, Fault> {
        let answer = self.say(&format!("RCPT TO:<{to}>")).await?;
        // Whoever hangs up now has said what there was to say.
        let _ = self.say("RSET").await;
        Ok(wants(answer, 2).map(|_| ()))
    }

    /// Whether the server is still there.
    pub(super) async fn is_alive(&mut self) -> bool {
        self.say("NOOP").await.is_ok_and(|answer| wants(answer, 2).is_ok())
    }

    /// Says goodbye; whatever the server answers, it has let us in.
    pub(super) async fn quit(mut self) {
        let _ = self.say("QUIT").await;
    }

    fn has_mechanism(&self, name: &str) -> bool {
        self.offers.iter().any(|offer| {
            let mut words = offer.split([' ', '=']);
            words.next().is_some_and(|word| word.eq_ignore_ascii_case("AUTH"))
                && words.any(|word| word.eq_ignore_ascii_case(name))
        })
    }

    /// Says one command and hears its answer.
    async fn say(&mut self, command: &str) -> Result<Answer, Fault> {
        self.nothing_more().await?;
        let line = Zeroizing::new(format!("{command}\r\n"));
        self.wire.write_all(line.as_bytes()).await?;
        self.wire.flush().await?;
        self.hear().await
    }

    /// Nothing may have come since the last answer: it would be taken for the next one. Nobody waits for it.
    async fn nothing_more(&mut self) -> Result<(), Fault> {
        let mut byte = [0_u8; 1];
        let looked = std::future::poll_fn(|cx| {
            let mut buffer = ReadBuf::new(&mut byte);
            Poll::Ready(match Pin::new(&mut self.wire).poll_read(cx, &mut buffer) {
                Poll::Ready(read) => read.map(|()| Some(buffer.filled().len())),
                Poll::Pending => Ok(None),
            })
        });
        match looked.await? {
            None if self.unread.is_empty() => Ok(()),
            Some(0) => Err(Fault::Broken(std::io::ErrorKind::UnexpectedEof.into())),
            _ => Err(Fault::Nonsense("said more than it was asked")),
        }
    }

    /// Hears one answer.
    async fn hear(&mut self) -> Result<Answer, Fault> {
        let mut answer = Answer { code: 0, lines: Vec::new() };
        let mut length = 0;
        loop {
            let line = self.line().await?;
            length += line.len();
            if length > LONGEST_ANSWER {
                return Err(Fault::Nonsense("goes on and on in one answer"));
            }
            let (code, last, text) = parse(&line).ok_or(NOT_SMTP)?;
            if answer.lines.is_empty() {
                answer.code = code;
            } else if answer.code != code {
                return Err(NOT_SMTP);
            }
            answer.lines.push(text);
            if last {
                return Ok(answer);
            }
        }
    }

    /// One line, without its end.
    async fn line(&mut self) -> Result<Vec<u8>, Fault> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.unread.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return if line.len() > LONGEST_LINE { Err(TOO_LONG) } else { Ok(line) };
            }
            if self.unread.len() > LONGEST_LINE {
                return Err(TOO_LONG);
            }
            let mut chunk = [0_u8; 1024];
            let read = self.wire.read(&mut chunk).await?;
            if read == 0 {
                return Err(Fault::Broken(std::io::ErrorKind::UnexpectedEof.into()));
            }
            self.unread.extend(chunk.iter().take(read));
        }
    }
}

const NOT_SMTP: Fault = Fault::Nonsense("does not speak SMTP");
const TOO_LONG: Fault = Fault::Nonsense("does not come to the end of a line");

/// An answer of this class (RFC 5321 §4.2.1: 2 is done, 3 is go on), or the refusal.
fn wants(answer: Answer, class: u16) -> Result<Answer, Fault> {
    if answer.code / 100 == class { Ok(answer) } else { Err(Fault::Refused(answer)) }
}

/// Code and text of one line of an answer, and whether it is the last.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let code: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let last = match line.get(3) {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = String::from_utf8_lossy(line.get(4..).unwrap_or_default()).into_owned();
    (200..600).contains(&code).then_some((code, last, text))
}

/// A message as DATA wants it (RFC 5321 §4.5.2): every line ends in CR LF, a dot that begins one is doubled, and one alone ends it.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + 64);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        // A CR of its own ends a line for some servers, and the message with it.
        let mut line = line.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).peekable();
        if line.peek() == Some(&b'.') {
            wire.push(b'.');
        }
        wire.extend(line);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        let words = self.lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
        words.into_iter().try_for_each(|line| write!(f, " {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn hear(said: &[u8]) -> Result<Answer, Fault> {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        far.write_all(said).await.unwrap();
        drop(far);
        Dialogue::resume(Box::new(near)).hear().await
    }

    #[tokio::test]
    async fn an_answer_has_a_code_and_lines() {
        for (said, expected) in [
            ("250 ok\r\n", "250 ok"),
            ("250\r\n", "250"),
            ("250 ok\n", "250 ok"),
            ("550-no\r\n550-5.1.1 such\r\n550 mailbox\r\n", "550 no 5.1.1 such mailbox"),
        ] {
            assert_eq!(hear(said.as_bytes()).await.unwrap().to_string(), expected);
        }
        assert!(hear(b"250 caf\xe9\r\n").await.is_ok(), "not everybody writes UTF-8");
    }

    #[tokio::test]
    async fn what_is_no_answer_ends_the_conversation() {
        for said in [
            "HTTP/1.1 400 Bad Request\r\n",
            "25 ok\r\n",
            "2500 ok\r\n",
            "150 ok\r\n",
            "650 ok\r\n",
            "\r\n",
            "250-one\r\n251 two\r\n",
        ] {
            let fault = hear(said.as_bytes()).await.unwrap_err();
            assert!(matches!(fault, Fault::Nonsense(_)), "{said:?}: {fault}");
        }
        for said in ["", "250", "250-ok\r\n"] {
            let fault = hear(said.as_bytes()).await.unwrap_err();
            assert!(matches!(fault, Fault::Broken(_)), "{said:?}: {fault}");
        }
    }

    #[tokio::test]
    async fn lines_and_answers_come_to_an_end() {
        for said in [
            "2".repeat(LONGEST_LINE + 5),
            format!("250 {}\r\n", "x".repeat(LONGEST_LINE)),
            "250-more\r\n".repeat(LONGEST_ANSWER / 8 + 1),
        ] {
            let fault = hear(said.as_bytes()).await.unwrap_err();
            assert!(matches!(fault, Fault::Nonsense(_)), "{}: {fault}", said.len());
        }
        assert!(hear(format!("250 {}\r\n", "x".repeat(LONGEST_LINE - 4)).as_bytes()).await.is_ok());
    }

    /// It would be taken for the answer to the next command: one that has come by itself, or in one piece with the last.
    #[tokio::test]
    async fn an_answer_that_comes_before_the_command_is_none() {
        for (said, asked) in [("250 ok\r\n", false), ("220 test\r\n250 ok\r\n", true)] {
            let (near, mut far) = tokio::io::duplex(1024);
            far.write_all(said.as_bytes()).await.unwrap();
            let mut dialogue = Dialogue::resume(Box::new(near));
            if asked {
                assert_eq!(dialogue.hear().await.unwrap().code, 220);
            }
            assert!(matches!(dialogue.say("NOOP").await, Err(Fault::Nonsense(_))), "{said:?}");
        }
    }

    #[test]
    fn a_dot_of_the_message_does_not_end_it() {
        for (message, wire) in [
            ("one\r\ntwo\r\n", "one\r\ntwo\r\n.\r\n"),
            ("one", "one\r\n.\r\n"),
            (".\r\n..\r\n", "..\r\n...\r\n.\r\n"),
            ("a\n.\nQUIT\n", "a\r\n..\r\nQUIT\r\n.\r\n"),
            ("a\r.\rb", "a.b\r\n.\r\n"),
            ("", ".\r\n"),
        ] {
            assert_eq!(String::from_utf8(stuffed(message.as_bytes())).unwrap(), wire, "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn only_the_end_of_a_message_ends_it(message in "[.\r\na]{0,40}") {
            let wire = String::from_utf8(stuffed(message.as_bytes())).unwrap();
            prop_assert_eq!(format!("\r\n{wire}").find("\r\n.\r\n"), Some(wire.len() - 3));
            prop_assert!(!wire.replace("\r\n", "").contains(['\r', '\n']));
        }
    }
}
