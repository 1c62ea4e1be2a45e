//! Which client was refused, and why? Goes along with an answer, so that the log can say it in one place.

use std::sync::{Arc, OnceLock};

use axum::http::Extensions;

/// The longest name of a client that is kept, in characters: anybody may call themselves anything.
const LONGEST: usize = 100;

/// Why a client did not get what it asked for: what it was told, and never a secret.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The client, where the answer knows it.
    pub client: Option<String>,
    /// The error code on the wire.
    pub error: &'static str,
    /// What the developer is told.
    pub description: String,
}

/// Goes along with a request: which client says that it asks.
#[derive(Clone, Debug, Default)]
pub struct Asking(Arc<OnceLock<String>>);

impl Asking {
    /// Keeps who the client of a request says that it is.
    pub fn note(extensions: &Extensions, client_id: &str) {
        if let Some(Self(asking)) = extensions.get::<Self>() {
            let _ = asking.set(discreet(&shortened(client_id)));
        }
    }

    /// Who it is, where that has been said.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

impl Refused {
    /// One of this client, or of nobody who has said who they are.
    #[must_use]
    pub fn new(client: Option<&str>, error: &'static str, description: &str) -> Self {
        let client = client.map(|client| discreet(&shortened(client)));
        Self { client, error, description: discreet(description) }
    }

    /// Whether it is a step of an ordinary conversation, such as a device that asks again and again.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        matches!(self.error, "authorization_pending" | "slow_down" | "use_dpop_nonce")
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(LONGEST).collect()
}

/// How many characters in a row look like something that was generated, and how many of those are shown.
const GENERATED: usize = 40;
const SHOWN: usize = 4;

/// A text without what may be a secret: developers put secrets and tokens into the wrong field, and what they have sent is told back.
#[must_use]
pub fn discreet(text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    for part in text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || "-_+/=~".contains(c))) {
        if part.len() >= GENERATED && part.bytes().any(|b| b.is_ascii_digit()) {
            said.extend(part.chars().take(SHOWN));
            said.push('…');
            said.extend(part.chars().last().filter(|c| !c.is_ascii_alphanumeric()));
        } else {
            said.push_str(part);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_cut_short() {
        let secret = "e-Qfa44pXw0Zt7uPq1sLrN8mKj3hGd2fYbVc6xAoTiE";
        for (text, expected) in [
            ("the method is client_secret_basic", "the method is client_secret_basic".to_owned()),
            (secret, "e-Qf…".to_owned()),
            (&format!("no grant_type {secret}, ask"), "no grant_type e-Qf…, ask".to_owned()),
            ("0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned()),
            (
                "https://app.example.org/callback/of/2026",
                "https://app.example.org/callback/of/2026".to_owned(),
            ),
        ] {
            assert_eq!(discreet(text), expected, "{text}");
        }
    }
}
