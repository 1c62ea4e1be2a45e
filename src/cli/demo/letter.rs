//! What does a mail say? As much of MIME (RFC 2045 to 2047) as the provider's own mails need, and the box they are kept in.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// How many letters are kept; the oldest makes room.
const KEPT: usize = 200;
/// How deep parts may nest.
const MAX_DEPTH: u8 = 4;
/// How many parts of a multipart are looked at.
const MAX_PARTS: usize = 20;

/// Letters that have arrived, for whoever reads them.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    letters: VecDeque<Arc<Letter>>,
    count: u64,
}

/// A mail as it arrived.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// Its number, from 1, in the order of arrival.
    pub number: u64,
    /// When it arrived, in seconds since 1970.
    pub arrived_at: i64,
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML, if there is any.
    pub html: Option<String>,
}

impl Inbox {
    /// Keeps a letter, and gives it its number.
    pub fn put(&self, mut letter: Letter) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count += 1;
        letter.number = kept.count;
        kept.letters.push_front(Arc::new(letter));
        kept.letters.truncate(KEPT);
    }

    /// All that are kept, newest first.
    #[must_use]
    pub fn newest_first(&self) -> Vec<Arc<Letter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).letters.iter().cloned().collect()
    }

    /// The letter of this number, if it is still kept.
    #[must_use]
    pub fn find(&self, number: u64) -> Option<Arc<Letter>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.letters.iter().find(|letter| letter.number == number).cloned()
    }
}

impl Letter {
    /// Reads a message as it came over the wire.
    #[must_use]
    pub fn new(from: String, to: Vec<String>, wire: &[u8], arrived_at: i64) -> Self {
        let whole = Part::read(wire);
        let mut letter =
            Self { arrived_at, from, to, subject: unword(whole.header("subject")), ..Self::default() };
        let mut text = None;
        whole.leaves(0, &mut |part| match part.kind().as_str() {
            "text/html" if letter.html.is_none() => letter.html = Some(part.content()),
            "text/plain" | "" if text.is_none() => text = Some(part.content()),
            _ => {}
        });
        letter.text = text.unwrap_or_default();
        letter
    }
}

/// A message or a part of one: its header, unfolded, and its body.
struct Part<'a> {
    header: String,
    body: &'a [u8],
}

impl<'a> Part<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        // A part may have no header at all; then the empty line comes first.
        let (head, body) = match bytes.strip_prefix(b"\r\n") {
            Some(body) => (&[][..], body),
            None => split(bytes, b"\r\n\r\n").unwrap_or((bytes, &[])),
        };
        let header = String::from_utf8_lossy(head).replace("\r\n ", " ").replace("\r\n\t", " ");
        Self { header, body }
    }

    /// A header field's value, or nothing.
    fn header(&self, name: &str) -> &str {
        let mut fields = self.header.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
    }

    /// The media type in lower case, without parameters; nothing when it is not said.
    fn kind(&self) -> String {
        let value = self.header("content-type");
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    fn boundary(&self) -> Option<&str> {
        let mut parameters = self.header("content-type").split(';').filter_map(|p| p.split_once('='));
        let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
        Some(value.trim().trim_matches('"')).filter(|boundary| !boundary.is_empty())
    }

    /// Shows each part that is no multipart to `look`.
    fn leaves(&self, depth: u8, look: &mut impl FnMut(&Part<'_>)) {
        if !self.kind().starts_with("multipart/") {
            return look(self);
        }
        let Some(boundary) = self.boundary().filter(|_| depth < MAX_DEPTH) else { return };
        let fence = format!("\r\n--{boundary}");
        let mut rest = match self.body.strip_prefix(format!("--{boundary}").as_bytes()) {
            Some(rest) => rest,
            None => split(self.body, fence.as_bytes()).map_or(&[][..], |(_, rest)| rest),
        };
        for _ in 0..MAX_PARTS {
            // What follows a fence is the end of its line, or `--` after the last part.
            let Some((line_end, inside)) = split(rest, b"\r\n") else { return };
            if line_end.starts_with(b"--") {
                return;
            }
            let (part, after) = split(inside, fence.as_bytes()).unwrap_or((inside, &[]));
            Self::leaves_of(part, depth + 1, look);
            rest = after;
        }
    }

    // A function of its own, so that the compiler need not make a new closure type for each depth.
    fn leaves_of(bytes: &[u8], depth: u8, look: &mut impl FnMut(&Part<'_>)) {
        Part::read(bytes).leaves(depth, look);
    }

    /// The body, decoded.
    fn content(&self) -> String {
        let bytes = match self.header("content-transfer-encoding").to_ascii_lowercase().as_str() {
            "base64" => unbase64(self.body),
            "quoted-printable" => unquote(self.body, false),
            _ => self.body.to_vec(),
        };
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// What is before the first `fence`, and what is after it.
fn split<'a>(bytes: &'a [u8], fence: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(fence.len()).position(|window| window == fence)?;
    Some((bytes.get(..at)?, bytes.get(at + fence.len()..)?))
}

/// Base64 (RFC 2045 §6.8), line ends and all; nothing when it is none.
fn unbase64(body: &[u8]) -> Vec<u8> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let packed: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    LENIENT.decode(packed).unwrap_or_default()
}

/// Quoted-printable (RFC 2045 §6.7), and the `Q` encoding of RFC 2047 §4.2, in which an underscore is a space. What is not
/// well-formed stays as it is.
fn unquote(body: &[u8], q: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'_' if q => bytes.push(b' '),
            b'=' => {
                if let Some(next_line) = after.strip_prefix(b"\r\n") {
                    rest = next_line;
                } else if let Some((byte, tail)) = hex_pair(after) {
                    bytes.push(byte);
                    rest = tail;
                } else {
                    bytes.push(b'=');
                }
            }
            other => bytes.push(*other),
        }
    }
    bytes
}

fn hex_pair(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (pair, tail) = bytes.split_at_checked(2)?;
    // Not `from_str_radix` on its own: it takes a sign.
    let digits = pair.iter().all(u8::is_ascii_hexdigit);
    let byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    digits.then_some((byte, tail))
}

/// Decodes the encoded words of a header (RFC 2047). The space between two of them is no part of the text.
fn unword(value: &str) -> String {
    let mut bytes: Vec<u8> = Vec::new();
    let mut after_encoded = false;
    for (i, word) in value.split(' ').enumerate() {
        let decoded = encoded_word(word);
        if i > 0 && !(after_encoded && decoded.is_some()) {
            bytes.push(b' ');
        }
        after_encoded = decoded.is_some();
        bytes.extend(decoded.unwrap_or_else(|| word.as_bytes().to_vec()));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encoded_word(word: &str) -> Option<Vec<u8>> {
    let mut pieces = word.strip_prefix("=?")?.strip_suffix("?=")?.split('?');
    let (charset, encoding, text) = (pieces.next()?, pieces.next()?, pieces.next()?);
    if pieces.next().is_some() || !["utf-8", "us-ascii"].iter().any(|c| charset.eq_ignore_ascii_case(c)) {
        return None;
    }
    match encoding {
        "B" | "b" => Some(unbase64(text.as_bytes())),
        "Q" | "q" => Some(unquote(text.as_bytes(), true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(wire: &str) -> Letter {
        Letter::new(String::new(), Vec::new(), wire.as_bytes(), 0)
    }

    #[test]
    fn both_parts_of_an_alternative_are_decoded() {
        let letter = read(
            "Subject: =?utf-8?b?WsO8cmljaA==?= =?utf-8?Q?_caf=C3=A9?= and\r\n more\r\nContent-Type: multipart/alternative;\r\n boundary=\"x1\"\r\n\r\n\
             preamble\r\n--x1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
             W=C3=B6rds =3D a=\r\nb\r\n--x1\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
             PHA+\r\nw7w8L3A+\r\n--x1--\r\nepilogue",
        );
        assert_eq!(letter.subject, "Zürich café and more");
        assert_eq!(letter.text, "Wörds = ab");
        assert_eq!(letter.html.as_deref(), Some("<p>ü</p>"));
    }

    #[test]
    fn a_plain_message_is_its_text() {
        let letter = read("Subject: Hi\r\n\r\nJust text.\r\n");
        assert_eq!((letter.subject.as_str(), letter.text.as_str()), ("Hi", "Just text.\r\n"));
        assert_eq!(letter.html, None);
    }

    #[test]
    fn what_is_malformed_stays_readable() {
        assert_eq!(unword("=?utf-8?X?abc?= =?latin-9?Q?x?="), "=?utf-8?X?abc?= =?latin-9?Q?x?=");
        assert_eq!(unquote(b"100 = 1=0 =+1", false), b"100 = 1=0 =+1");
        assert_eq!(read("Content-Type: multipart/mixed\r\n\r\nx").text, "");
        assert_eq!(read("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx").text, "x");
    }

    #[test]
    fn only_the_last_letters_are_kept() {
        let inbox = Inbox::default();
        for _ in 0..KEPT + 3 {
            inbox.put(Letter::default());
        }
        let letters = inbox.newest_first();
        assert_eq!((letters.len(), letters[0].number), (KEPT, KEPT as u64 + 3));
        assert!(inbox.find(3).is_none());
        assert!(inbox.find(4).is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(wire in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = Letter::new(String::new(), Vec::new(), &wire, 0);
        }

        #[test]
        fn no_multipart_panics(inside in "(--a|\r\n|content-type: |multipart/mixed;|boundary=a|x|:|=|=\\?utf-8\\?q\\?|\\?=){0,60}") {
            read(&format!("Subject: {inside}\r\nContent-Type: multipart/x; boundary=a\r\n\r\n{inside}"));
        }
    }
}
