//! Which elements does an XML export consist of, where it need not be well-formed?
//!
//! Time Tracker writes some attributes as they are: an `&`, a `<`, even a quotation mark may stand in an email address or in a list of
//! networks. No reader of XML takes such a file. This one knows the attributes and their order, and so where a value ends.

use std::io::BufRead;

use super::super::Error;
use super::super::error::Place;
use super::bytes::Bytes;

/// The longest start tag that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// What stands next in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// A start tag of this name, whose attributes come next.
    Start(String),
    /// An end tag.
    End(String),
}

/// The attributes of an element, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pairs: Vec<(&'static str, String)>,
    /// Whether it was not as XML wants it, and had to be guessed where a value ends, or what it says.
    pub(super) guessed: bool,
}

impl Attributes {
    /// The value of an attribute; none where it is not there.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads an export tag by tag.
#[derive(Debug)]
pub(super) struct Scanner<R> {
    bytes: Bytes<R>,
}

impl<R: BufRead> Scanner<R> {
    pub(super) const fn new(bytes: R) -> Self {
        Self { bytes: Bytes::new(bytes) }
    }

    pub(super) const fn place(&self) -> Place {
        self.bytes.place()
    }

    /// The next tag; what stands between tags is passed over. None at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Element>, Error> {
        loop {
            loop {
                match self.bytes.take()? {
                    None => return Ok(None),
                    Some(b'<') => break,
                    Some(_) => {}
                }
            }
            let end = self.bytes.peek()? == Some(b'/');
            if end {
                self.bytes.take()?;
            }
            let mut name = String::new();
            while let Some(byte) =
                self.bytes.peek()?.filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            {
                self.bytes.take()?;
                if name.len() < 100 {
                    name.push(char::from(byte));
                }
            }
            if !name.is_empty() {
                return Ok(Some(if end { Element::End(name) } else { Element::Start(name) }));
            }
        }
    }

    /// The attributes of the element whose name has just been read: those in `order`, which is that of the exporter. `whole` are those
    /// without which it has not ended yet.
    pub(super) fn attributes(&mut self, order: &[&'static str], whole: &[&str]) -> Result<Attributes, Error> {
        let began = self.place();
        let mut raw = Vec::new();
        loop {
            let Some(byte) = self.bytes.take()? else {
                return Err(self.place().wrong("the file ends in the middle: export it anew"));
            };
            if byte != b'>' {
                if raw.len() == LONGEST {
                    return Err(began.wrong("this element does not end"));
                }
                raw.push(byte);
                continue;
            }
            let tag = raw.strip_suffix(b"/").unwrap_or(&raw);
            // A value may have this sign in it; a tag is followed by another one.
            let ends = tag.trim_ascii_end().ends_with(b"\"") || tag.trim_ascii().is_empty();
            let followed = matches!(self.bytes.peek()?, None | Some(b'<' | b'\n' | b'\r' | b' ' | b'\t'));
            if ends && followed {
                let text = String::from_utf8_lossy(tag);
                let garbled = matches!(text, std::borrow::Cow::Owned(_));
                let mut found = strict(&text, order).unwrap_or_else(|| guess(&text, order));
                found.guessed |= garbled;
                if whole.iter().all(|name| found.get(name).is_some()) {
                    return Ok(found);
                }
            }
            if raw.len() == LONGEST {
                return Err(began.wrong("this element does not end"));
            }
            raw.push(byte);
        }
    }
}

/// What XML makes of a tag; none where it is not well-formed.
fn strict(text: &str, order: &[&'static str]) -> Option<Attributes> {
    let (mut found, mut seen, mut rest) = (Attributes::default(), Vec::new(), text);
    loop {
        let trimmed = rest.trim_start();
        if trimmed.is_empty() {
            return Some(found);
        }
        if trimmed.len() == rest.len() {
            return None;
        }
        let (name, after) = trimmed.split_once('=')?;
        let name = name.trim_end();
        let good = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':'));
        let (value, after) = after.trim_start().strip_prefix('"')?.split_once('"')?;
        if !good || seen.contains(&name) || value.contains('<') {
            return None;
        }
        seen.push(name);
        if let Some(name) = order.iter().find(|known| **known == name) {
            let (value, guessed) = unescape(value);
            found.guessed |= guessed;
            found.pairs.push((name, value));
        }
        rest = after;
    }
}

/// What it was meant to be: a value ends where the name of an attribute follows that comes later in the order. What only looks like one
/// belongs to the value before; of two that could be meant, it is the last.
fn guess(text: &str, order: &[&'static str]) -> Attributes {
    // Where each begins: its place in the order, where its name stands and where its value does.
    let mut starts: Vec<(usize, usize, usize)> = Vec::new();
    for (at, _) in text.match_indices("=\"") {
        let before = text.get(..at).unwrap_or_default();
        let Some(index) = order.iter().position(|name| {
            before.strip_suffix(name).is_some_and(|front| {
                front.trim_end().len() < front.len() && (starts.is_empty() || front.trim_end().ends_with('"'))
            })
        }) else {
            continue;
        };
        let name = order.get(index).map_or(0, |name| name.len());
        match starts.last() {
            Some((last, ..)) if *last > index => continue,
            Some((last, ..)) if *last == index => drop(starts.pop()),
            _ => {}
        }
        starts.push((index, at - name, at + 2));
    }
    let mut found = Attributes { guessed: true, ..Attributes::default() };
    for (i, (index, _, from)) in starts.iter().enumerate() {
        let to = starts.get(i + 1).map_or(text.len(), |(_, name, _)| *name);
        let value = text.get(*from..to).unwrap_or_default().trim_end();
        let value = value.strip_suffix('"').unwrap_or(value);
        if let Some(name) = order.get(*index) {
            found.pairs.push((name, unescape(value).0));
        }
    }
    found
}

/// What a value says, and whether there was an `&` in it that begins nothing.
fn unescape(text: &str) -> (String, bool) {
    let (mut said, mut rest, mut guessed) = (String::with_capacity(text.len()), text, false);
    while let Some((before, after)) = rest.split_once('&') {
        said.push_str(before);
        let entity = after.split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        guessed |= entity.is_none();
        let (character, after) = entity.unwrap_or(('&', after));
        said.push(character);
        rest = after;
    }
    said.push_str(rest);
    (said, guessed)
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#').filter(|number| number.len() <= 8)?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: [&str; 6] = ["id", "login", "password", "role_id", "email", "status"];

    fn read(tag: &str) -> Attributes {
        let text = format!("<user {tag}></user>");
        let mut scanner = Scanner::new(text.as_bytes());
        assert_eq!(scanner.next().unwrap(), Some(Element::Start("user".to_owned())));
        let found = scanner.attributes(&ORDER, &["login", "status"]).unwrap();
        assert_eq!(scanner.next().unwrap(), Some(Element::End("user".to_owned())));
        found
    }

    #[test]
    fn a_value_ends_where_the_next_attribute_begins_whatever_stands_in_it() {
        for (email, expected, guessed) in [
            ("ned@example.org", "ned@example.org", false),
            ("r&amp;d@example.org", "r&d@example.org", false),
            ("o&#039;neil@example.org", "o'neil@example.org", false),
            ("r&d@example.org", "r&d@example.org", true),
            ("Ned <ned@example.org>", "Ned <ned@example.org>", true),
            ("\"Ned\" <ned@example.org>", "\"Ned\" <ned@example.org>", true),
            ("a\">b", "a\">b", true),
            ("a\"> <b", "a\"> <b", true),
            ("", "", false),
            // Nobody becomes another by what they have written as their address.
            ("x\" role_id=\"0", "x\" role_id=\"0", true),
            ("x\" status=\"1", "x\" status=\"1", true),
        ] {
            let found = read(&format!(
                "id=\"7\" login=\"ned\" password=\"p\" role_id=\"3\" email=\"{email}\" status=\"0\""
            ));
            let got = |name| found.get(name).unwrap_or("none");
            assert_eq!((got("role_id"), got("email"), got("status")), ("3", expected, "0"), "{email}");
            assert_eq!(found.guessed, guessed, "{email}");
        }
    }

    #[test]
    fn what_is_well_formed_may_come_in_any_order_and_with_more() {
        let found = read("status=\"1\"\n rate=\"0.00\" login = \"n>d\" id=\"7\"");
        assert_eq!(
            (found.get("login"), found.get("status"), found.get("email")),
            (Some("n>d"), Some("1"), None)
        );
        assert!(!found.guessed);
    }

    #[test]
    fn a_tag_that_does_not_end_is_an_error_with_its_place() {
        let mut scanner = Scanner::new("\n<user id=\"1\"".as_bytes());
        scanner.next().unwrap();
        let error = scanner.attributes(&ORDER, &["status"]).unwrap_err().to_string();
        assert_eq!(error, "line 2, column 13: the file ends in the middle: export it anew");
    }
}
