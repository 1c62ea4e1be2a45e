//! What are the parts of a signed JWT in its compact form (RFC 7515 §3.1)? Read strictly, before any key is looked at.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The longest JWT that is looked at, in bytes.
pub(super) const MAX_JWT: usize = 16 * 1024;

/// A signed JWT taken apart; nothing of it is proven.
pub(super) struct Compact<'a> {
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    /// What is signed: the first two parts as they came.
    pub(super) message: &'a [u8],
    pub(super) signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Takes a JWT apart.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence about it.
    pub(super) fn parse(token: &'a str) -> Result<Self, &'static str> {
        if token.len() > MAX_JWT {
            return Err("is longer than 16 KiB");
        }
        let (message, signature) = token.rsplit_once('.').ok_or("has no three parts with dots between")?;
        let (header, payload) = message.split_once('.').ok_or("has no three parts with dots between")?;
        if payload.contains('.') {
            return Err(if payload.matches('.').count() == 2 {
                "is encrypted (five parts), and only signed ones (three parts) are taken here"
            } else {
                "has no three parts with dots between"
            });
        }
        let header = object(header).ok_or("has a header that is no JSON object in base64url")?;
        // RFC 7515 §4.1.11: an extension that must be understood, and none is. RFC 7797 has no use in a JWT.
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err("has a critical extension (crit or b64) in its header, and none is supported");
        }
        let claims = object(payload).ok_or("has claims that are no JSON object in base64url")?;
        let signature =
            BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| "has a signature that is no base64url")?;
        Ok(Self { header, claims, message: message.as_bytes(), signature })
    }

    /// A member of the header, if it is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
