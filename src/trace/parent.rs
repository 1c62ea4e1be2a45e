//! Of which trace is a piece of work a part? W3C Trace Context, `traceparent`.

use std::fmt;

use axum::http::{HeaderMap, HeaderName};
use rand::CryptoRng;

/// The header that says so.
pub const HEADER: HeaderName = HeaderName::from_static("traceparent");

/// One place in one trace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The trace.
    pub trace: [u8; 16],
    /// The span.
    pub span: [u8; 8],
}

/// What a proxy says about the trace that a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// It is recorded, and this is the span that we are called from.
    Recorded(Place),
    /// Somebody has decided that it is not recorded.
    NotRecorded,
}

impl Place {
    /// The first span of a new trace.
    pub(super) fn new(rng: &mut impl CryptoRng) -> Self {
        let mut trace = [0; 16];
        rng.fill_bytes(&mut trace);
        Self { trace, span: [0; 8] }.within(rng)
    }

    /// Another span of the same trace.
    pub(super) fn within(self, rng: &mut impl CryptoRng) -> Self {
        let mut span = [0; 8];
        rng.fill_bytes(&mut span);
        Self { span, ..self }
    }

    /// As `traceparent` says it to whoever is called from here (W3C Trace Context §3.2).
    #[must_use]
    pub fn header(&self) -> String {
        format!("00-{}-{}-01", Hex(&self.trace), Hex(&self.span))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.header())
    }
}

/// Bytes as lower-case hexadecimal.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The parent that a request names (W3C Trace Context §3.2.2); none where there is none, or what stands there is no such thing.
/// Whether whoever says so is believed is for the caller to say.
#[must_use]
pub fn parent(headers: &HeaderMap) -> Option<Parent> {
    let mut lines = headers.get_all(HEADER).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let mut parts = line.to_str().ok()?.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let version = bytes::<1>(version)?;
    // Version 00 ends here; later ones may say more, and 255 is none.
    if version == [0xff] || (version == [0] && parts.next().is_some()) {
        return None;
    }
    let place = Place { trace: bytes(trace)?, span: bytes(span)? };
    let [flags] = bytes::<1>(flags)?;
    if place.trace == [0; 16] || place.span == [0; 8] {
        return None;
    }
    Some(if flags & 1 == 1 { Parent::Recorded(place) } else { Parent::NotRecorded })
}

/// So many bytes in lower-case hexadecimal.
fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let digits = hex.as_bytes();
    if digits.len() != 2 * N || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut found = [0; N];
    for (byte, pair) in found.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(lines: &[&str]) -> Option<Parent> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HEADER, HeaderValue::from_str(line).unwrap());
        }
        parent(&headers)
    }

    #[test]
    fn what_we_write_reads_back() {
        let Some(Parent::Recorded(place)) = read(&[GOOD]) else { panic!("it is good") };
        assert_eq!(place.header(), GOOD);
    }

    #[test]
    fn a_parent_is_read_as_the_standard_says() {
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more";
        assert!(matches!(read(&[later]), Some(Parent::Recorded(_))), "a later version may say more");
        let unrecorded = GOOD.replace("-01", "-00");
        assert_eq!(read(&[&unrecorded]), Some(Parent::NotRecorded));
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
        ] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
        assert_eq!(read(&[GOOD, GOOD]), None, "nobody knows which");
        assert_eq!(read(&[]), None);
    }
}
