//! Does the client know its secret? `client_secret_basic` and `client_secret_post` (RFC 6749 §2.3.1)

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;

use crate::keys::secret::{TokenHash, same};
use crate::oidc::clients::Client;

/// What is said of an unknown client and of a wrong secret alike.
pub(super) const UNKNOWN: &str = "the client is unknown, or its secret is wrong";

/// Whether this is the client's secret.
///
/// # Errors
/// When it is not, as a sentence.
pub(super) fn check(client: &Client, secret: &str) -> Result<(), String> {
    let hash = TokenHash::of(secret);
    let right = client.secret_hash.as_deref().is_some_and(|h| same(h.as_bytes(), hash.as_str().as_bytes()));
    if right { Ok(()) } else { Err(UNKNOWN.to_owned()) }
}

/// `client_id` and secret of HTTP Basic, both form-encoded before they are joined (RFC 6749 §2.3.1).
pub(super) fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| -> Option<String> {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    Some((decoded(id)?, decoded(secret)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_halves_are_form_decoded() {
        let header = format!("basic {}", BASE64_STANDARD.encode("a%3Ab:s+1%25"));
        assert_eq!(basic(&header), Some(("a:b".to_owned(), "s 1%".to_owned())));
    }

    #[test]
    fn what_is_not_basic_is_refused() {
        for header in ["", "Basic", "Basic !!!", "Bearer abc", "Basic YQ==", "Basic\tYTpi"] {
            assert!(basic(header).is_none(), "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(header in ".*") {
            let _ = basic(&header);
        }
    }
}
