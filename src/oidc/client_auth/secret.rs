//! Does the client know its secret? `client_secret_basic` and `client_secret_post` (RFC 6749 §2.3.1)

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;

use super::{Caller, Refused};
use crate::oidc::clients::{Client, Proven};
use crate::oidc::shared::slip::Slip;

/// What is said of an unknown client and of a wrong secret alike.
pub(super) const UNKNOWN: &str = "the client is unknown, or its secret is wrong";

/// Whether this proves that it is the client.
///
/// # Errors
/// When it does not, or the end of an old secret cannot be marked.
pub(super) async fn check(caller: &Caller<'_>, client: &Client, secret: &str) -> Result<(), Refused> {
    heard(caller, client, client.proves(secret, caller.now)).await
}

/// What comes of what a secret has proven.
///
/// # Errors
/// When that was nothing, or the end of an old secret cannot be marked.
pub(super) async fn heard(caller: &Caller<'_>, client: &Client, proven: Proven) -> Result<(), Refused> {
    match proven {
        Proven::ByNewest => Ok(()),
        Proven::ByOld => {
            caller.provider.slips.note(&client.id, Slip::OldSecret, "", caller.now);
            Ok(())
        }
        Proven::TooLate => {
            client.mark_old_secret(&caller.provider.signin.db).await?;
            Err(Refused::Secret)
        }
        Proven::Nothing => Err(Refused::Secret),
    }
}

/// What comes by HTTP Basic: id and secret, both form-encoded before they are joined (RFC 6749 §2.3.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Basic {
    pub(super) client_id: String,
    pub(super) secret: String,
    /// The secret as it stands, where that is another one: many libraries leave the encoding out.
    pub(super) plain: Option<String>,
}

impl Basic {
    /// Whether either proves that it is the client.
    ///
    /// # Errors
    /// As [`check`].
    pub(super) async fn check(&self, caller: &Caller<'_>, client: &Client) -> Result<(), Refused> {
        let decoded = client.proves(&self.secret, caller.now);
        let proven = match (&decoded, &self.plain) {
            (Proven::Nothing, Some(plain)) => client.proves(plain, caller.now),
            _ => decoded,
        };
        heard(caller, client, proven).await
    }
}

/// Reads the header.
pub(super) fn basic(header: &str) -> Option<Basic> {
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
    let (client_id, plain, secret) = (decoded(id)?, secret.to_owned(), decoded(secret)?);
    let plain = Some(plain).filter(|plain| *plain != secret);
    Some(Basic { client_id, secret, plain })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_halves_are_form_decoded() {
        let header = format!("basic {}", BASE64_STANDARD.encode("a%3Ab:s+1%25"));
        let (client_id, secret) = ("a:b".to_owned(), "s 1%".to_owned());
        assert_eq!(basic(&header), Some(Basic { client_id, secret, plain: Some("s+1%25".to_owned()) }));
        assert_eq!(basic("Basic YTpi").unwrap().plain, None);
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
