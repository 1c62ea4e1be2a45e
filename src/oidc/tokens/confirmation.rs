//! To which key is a token bound? (RFC 7800 §3)

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A key that the sender of a token must prove to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// The SHA-256 thumbprint of the key of a `DPoP` proof (RFC 9449 §6.1).
    #[serde(rename = "jkt")]
    Dpop(String),
    /// The SHA-256 thumbprint of a client certificate (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(String),
}

impl Confirmation {
    /// The `cnf` claim.
    #[must_use]
    pub fn claim(&self) -> Value {
        json!(self)
    }

    /// What a `cnf` claim asks for; none for one that is not understood here.
    #[must_use]
    pub fn of_claim(cnf: &Value) -> Option<Self> {
        serde_json::from_value(cnf.clone()).ok()
    }

    /// As the database keeps it.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.claim().to_string()
    }

    /// What the database has kept.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        Self::of_claim(&serde_json::from_str(text).ok()?)
    }

    /// `token_type` of an access token that is bound so: a certificate goes by itself, and the token as `Bearer`
    /// (RFC 9449 §5, RFC 8705 §3).
    #[must_use]
    pub const fn token_type(bound: Option<&Self>) -> &'static str {
        match bound {
            Some(Self::Dpop(_)) => "DPoP",
            Some(Self::Certificate(_)) | None => "Bearer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_reads_back_and_another_one_is_not_understood() {
        let (jkt, x5t) = (Confirmation::Dpop("a".to_owned()), Confirmation::Certificate("b".to_owned()));
        assert_eq!(jkt.claim(), json!({ "jkt": "a" }));
        assert_eq!(x5t.claim(), json!({ "x5t#S256": "b" }));
        for one in [jkt, x5t] {
            assert_eq!(Confirmation::of_claim(&one.claim()), Some(one.clone()));
            assert_eq!(Confirmation::from_json(&one.to_json()), Some(one));
        }
        assert_eq!(Confirmation::of_claim(&json!({ "kid": "c" })), None);
    }
}
