//! What is a request called, in the log, in its answer and on a page that says what went wrong?

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use rand::CryptoRng;

use crate::keys::secret::new_id;

/// The header that it comes in from a proxy, and goes out in.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest one that is taken from a proxy, in bytes.
const LONGEST: usize = 64;

/// The name of one request; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new one, which nobody has had before.
    pub fn made(rng: &mut impl CryptoRng) -> Self {
        Self(new_id(rng).into())
    }

    /// The one that a proxy has given: a single line of letters, digits and `-._:+/=`, 64 at most. Whether the proxy is believed is
    /// for the caller to say.
    #[must_use]
    pub fn given(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(HEADER).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let text = line.to_str().ok()?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:+/=".contains(&byte);
        ((1..=LONGEST).contains(&text.len()) && text.bytes().all(fits)).then(|| Self(text.into()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn given(lines: &[&[u8]]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HEADER, HeaderValue::from_bytes(line).unwrap());
        }
        RequestId::given(&headers).map(|id| id.to_string())
    }

    #[test]
    fn a_proxy_gives_one_that_is_short_and_plain_or_none() {
        let longest = "x".repeat(LONGEST);
        for good in ["8f1c0c6e-1f0c-4d8e-9e55-0d5b2f0a7a11", "a", "Root=1-67891233/abc:+.", longest.as_str()]
        {
            assert_eq!(given(&[good.as_bytes()]).as_deref(), Some(good));
        }
        let too_long = "x".repeat(LONGEST + 1);
        for bad in ["", "a b", "a\"b", "a<b", "a;b", "caf\u{e9}", too_long.as_str()] {
            assert_eq!(given(&[bad.as_bytes()]), None, "{bad}");
        }
        assert_eq!(given(&[b"\xff"]), None);
        assert_eq!(given(&[b"a", b"b"]), None, "nobody knows which");
        assert_eq!(given(&[]), None);
    }
}
