//! What is a certificate's subject called? Distinguished names, read from DER and from RFC 4514 text, and written as that.

use std::collections::BTreeSet;
use std::fmt;

/// Short names (RFC 4514 §3, and those in wide use besides) and the content of their OIDs in DER.
const TYPES: [(&str, &[u8]); 12] = [
    ("CN", &[0x55, 4, 3]),
    ("L", &[0x55, 4, 7]),
    ("ST", &[0x55, 4, 8]),
    ("O", &[0x55, 4, 10]),
    ("OU", &[0x55, 4, 11]),
    ("C", &[0x55, 4, 6]),
    ("STREET", &[0x55, 4, 9]),
    ("DC", &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25]),
    ("UID", &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1]),
    ("serialNumber", &[0x55, 4, 5]),
    ("organizationIdentifier", &[0x55, 4, 97]),
    ("emailAddress", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]),
];

/// The longest text that is read, in bytes.
const LONGEST: usize = 4096;

/// A distinguished name (RFC 5280 §4.1.2.4). Two are equal when their types and their values, letter by letter, are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistinguishedName(Vec<BTreeSet<(Type, Value)>>);

/// An attribute's type: its short name where it has one here, else the OID with dots.
type Type = String;

/// An attribute's value: text, or, where it is no text, its whole DER.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Text(String),
    Der(Vec<u8>),
}

impl DistinguishedName {
    /// Reads the DER of a `Name` (RFC 5280 §4.1.2.4); nothing when it is not one.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (0x30, mut sets, []) = element(der)? else { return None };
        let mut name = Vec::new();
        while !sets.is_empty() {
            let (0x31, mut attributes, rest) = element(sets)? else { return None };
            sets = rest;
            let mut set = BTreeSet::new();
            while !attributes.is_empty() {
                let (0x30, attribute, rest) = element(attributes)? else { return None };
                attributes = rest;
                let (0x06, oid, value) = element(attribute)? else { return None };
                let (tag, content, []) = element(value)? else { return None };
                let text = text(tag, content);
                set.insert((type_of(oid)?, text.map_or_else(|| Value::Der(value.to_vec()), Value::Text)));
            }
            name.push(set);
        }
        Some(Self(name))
    }

    /// Reads a name as RFC 4514 §3 writes it, the last part of the DER first; nothing when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        let mut name = Vec::new();
        for set in split(text, ",;") {
            let mut attributes = BTreeSet::new();
            for attribute in split(set, "+") {
                let (kind, value) = attribute.split_once('=')?;
                attributes.insert((type_named(kind.trim())?, parse_value(value)?));
            }
            name.push(attributes);
        }
        name.reverse();
        Some(Self(name))
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, set) in self.0.iter().rev().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            for (at, (kind, value)) in set.iter().enumerate() {
                let plus = if at > 0 { "+" } else { "" };
                write!(f, "{plus}{kind}={value}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Text(text) => text,
            Self::Der(der) => {
                f.write_str("#")?;
                return der.iter().try_for_each(|byte| write!(f, "{byte:02x}"));
            }
        };
        let last = text.chars().count().saturating_sub(1);
        for (at, letter) in text.chars().enumerate() {
            let edge = (letter == ' ' && (at == 0 || at == last)) || (letter == '#' && at == 0);
            match letter {
                '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{letter}")?,
                _ if edge => write!(f, "\\{letter}")?,
                c if c.is_ascii_control() => write!(f, "\\{:02x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// Tag, content and what follows of one DER element. Lengths beyond 65535 bytes are not read.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (length, rest) = match *rest {
        [short @ 0..=0x7f, ref rest @ ..] => (usize::from(short), rest),
        [0x81, length, ref rest @ ..] => (usize::from(length), rest),
        [0x82, high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The text of a `DirectoryString` or `IA5String`.
fn text(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        // UTF8String, NumericString, PrintableString, IA5String
        0x0c | 0x12 | 0x13 | 0x16 => String::from_utf8(content.to_vec()).ok(),
        // BMPString
        0x1e => {
            let pairs = content.chunks_exact(2);
            let whole = pairs.remainder().is_empty();
            let units: Vec<u16> =
                pairs.filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?))).collect();
            whole.then(|| String::from_utf16(&units).ok()).flatten()
        }
        _ => None,
    }
}

fn type_of(oid: &[u8]) -> Option<Type> {
    let known = TYPES.iter().find(|(_, bytes)| *bytes == oid);
    known.map(|(name, _)| (*name).to_owned()).or_else(|| dotted(oid))
}

/// The short name, whatever its letters' case, or the OID (RFC 4514 §2.3).
fn type_named(text: &str) -> Option<Type> {
    let oid = text.strip_prefix("OID.").or_else(|| text.strip_prefix("oid.")).unwrap_or(text);
    let known = TYPES.iter().find(|(name, bytes)| {
        name.eq_ignore_ascii_case(oid) || dotted(bytes).is_some_and(|dotted| dotted == oid)
    });
    if let Some((name, _)) = known {
        return Some((*name).to_owned());
    }
    let arcs = oid.split('.');
    let is_oid = arcs.clone().count() > 1
        && arcs.clone().all(|arc| arc.parse::<u64>().is_ok_and(|n| n.to_string() == arc));
    is_oid.then(|| oid.to_owned())
}

/// `1.2.840…` of an OID's content (X.690 §8.19).
fn dotted(oid: &[u8]) -> Option<String> {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc = 0u64;
    for byte in oid {
        arc = arc.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            arcs.push(arc);
            arc = 0;
        }
    }
    let (first, rest) = arcs.split_first()?;
    let top = (first / 40).min(2);
    let all = [top, first - top * 40].into_iter().chain(rest.iter().copied());
    Some(all.map(|arc| arc.to_string()).collect::<Vec<_>>().join("."))
}

/// The parts between separators that no backslash stands before.
fn split<'a>(text: &'a str, separators: &str) -> Vec<&'a str> {
    let (mut parts, mut rest, mut escaped) = (Vec::new(), text, false);
    let mut from = 0;
    for (at, letter) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if separators.contains(letter) {
            let (part, after) = rest.split_at_checked(at - from).unwrap_or((rest, ""));
            parts.push(part);
            rest = after.strip_prefix(letter).unwrap_or_default();
            from = at + letter.len_utf8();
        }
    }
    parts.push(rest);
    parts
}

/// A value (RFC 4514 §2.4 and §3): `#` and the hex of its DER, or text with backslashes.
fn parse_value(text: &str) -> Option<Value> {
    let text = text.trim_start_matches(' ');
    if let Some(hex) = text.strip_prefix('#') {
        let hex = hex.trim_end_matches(' ').as_bytes();
        let pairs = hex.chunks_exact(2);
        let whole = !hex.is_empty() && pairs.remainder().is_empty();
        let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
        return bytes.filter(|_| whole).map(read_der);
    }
    let (mut bytes, mut kept) = (Vec::new(), 0);
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match *first {
            b'\\' => {
                let pair = rest.split_at_checked(2).and_then(|(pair, after)| Some((byte(pair)?, after)));
                let single = || {
                    let (next, after) = rest.split_first()?;
                    b" \"#+,;<=>\\".contains(next).then_some((*next, after))
                };
                let (meant, after) = pair.or_else(single)?;
                bytes.push(meant);
                rest = after;
                kept = bytes.len();
            }
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | 0 => return None,
            other => {
                bytes.push(other);
                kept = if other == b' ' { kept } else { bytes.len() };
            }
        }
    }
    // Spaces at the end count only when they are escaped.
    bytes.truncate(kept);
    String::from_utf8(bytes).ok().map(Value::Text)
}

/// A value in hex is the same value as its text, where it is one.
fn read_der(der: Vec<u8>) -> Value {
    match element(&der) {
        Some((tag, content, [])) => text(tag, content).map_or(Value::Der(der), Value::Text),
        _ => Value::Der(der),
    }
}

fn byte(pair: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(pair).ok().filter(|text| text.chars().all(|c| c.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> Option<String> {
        DistinguishedName::parse(text).map(|name| name.to_string())
    }

    /// The examples of RFC 4514 §4, and the freedom that its older sisters left.
    #[test]
    fn text_is_read_and_written_as_rfc_4514_says() {
        for (text, expected) in [
            ("UID=jsmith,DC=example,DC=net", "UID=jsmith,DC=example,DC=net"),
            ("OU=Sales+CN=J.  Smith,DC=example,DC=net", "CN=J.  Smith+OU=Sales,DC=example,DC=net"),
            ("CN=James \\\"Jim\\\" Smith\\, III,DC=example", "CN=James \\\"Jim\\\" Smith\\, III,DC=example"),
            ("CN=Before\\0dAfter,DC=net", "CN=Before\\0dAfter,DC=net"),
            ("CN=Lu\\C4\\8Di\\C4\\87", "CN=Lučić"),
            ("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=#04024869"),
            ("cn=app , o = Acme Ltd ", "CN=app,O=Acme Ltd"),
            ("2.5.4.3=app", "CN=app"),
            ("OID.2.5.4.97=PSDDE-1", "organizationIdentifier=PSDDE-1"),
            ("CN=\\ a\\ ", "CN=\\ a\\ "),
            ("CN=\\#a", "CN=\\#a"),
            ("CN=#0c0161", "CN=a"),
            ("CN=", "CN="),
        ] {
            assert_eq!(written(text).as_deref(), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "app",
            "CN",
            "XX=a",
            "CN=a,",
            "CN=a,,O=b",
            "CN=\\",
            "CN=\\x",
            "CN=a\"b",
            "CN=#0",
            "CN=#",
            "01.2=a",
            "CN=\\ff",
        ] {
            assert_eq!(written(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn der_is_read_with_its_sets_apart() {
        // DC=net, then a set of OU and CN.
        let der = [
            &[
                0x30, 0x30, 0x31, 0x13, 0x30, 0x11, 6, 10, 9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1,
                25, 0x16, 3,
            ][..],
            b"net",
            &[
                0x31, 0x19, 0x30, 9, 6, 3, 0x55, 4, 3, 0x0c, 2, b'J', b'S', 0x30, 0x0c, 6, 3, 0x55, 4, 11,
                0x13, 5,
            ],
            b"Sales",
        ]
        .concat();
        let name = DistinguishedName::from_der(&der).unwrap();
        assert_eq!(name.to_string(), "CN=JS+OU=Sales,DC=net");
        assert_eq!(DistinguishedName::parse("OU=Sales+CN=JS,DC=net").unwrap(), name);
        assert_ne!(DistinguishedName::parse("OU=Sales,CN=JS,DC=net").unwrap(), name);
        assert_ne!(DistinguishedName::parse("OU=Sales+CN=js,DC=net").unwrap(), name);
        assert_eq!(DistinguishedName::from_der(&der[..der.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(cn in "\\PC{0,20}", o in "[ -~]{0,20}") {
            let set = |kind: &str, text: String| BTreeSet::from([(kind.to_owned(), Value::Text(text))]);
            let name = DistinguishedName(vec![set("O", o), set("CN", cn)]);
            prop_assert_eq!(DistinguishedName::parse(&name.to_string()), Some(name));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = DistinguishedName::parse(&text);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = DistinguishedName::from_der(&bytes);
        }
    }
}
