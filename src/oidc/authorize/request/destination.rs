//! Where does the answer to an authorization request go: to an app, or to a device that waits?

use serde::{Deserialize, Serialize};

use super::response::ResponseMode;

/// Where an authorization response goes: an address that has been found registered, and what belongs to every answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTo {
    /// The registered `redirect_uri`.
    pub redirect_uri: String,
    /// Whether the request has left it out, as it may where there is only one (RFC 6749 §3.1.2.3).
    #[serde(default)]
    pub implied: bool,
    /// `state`, handed back letter by letter.
    pub state: Option<String>,
    /// How the parameters travel.
    #[serde(default)]
    pub mode: ResponseMode,
}

/// Where the answer to an authorization request goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Destination {
    /// To the app, by the browser.
    App(ReturnTo),
    /// To a device, which asks for it at the token endpoint (RFC 8628 §3.4).
    Device(Waiting),
}

/// A device that waits for a person to decide in a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The hash of its `device_code`.
    pub device_code_hash: String,
    /// Its `user_code`, sealed: the person compares it with what the device shows (RFC 8628 §5.4).
    pub sealed_user_code: String,
    /// The language of the page at the end: a tag of BCP 47.
    pub language: String,
}

impl Waiting {
    /// How long a device waits for a person, in seconds: time enough to find another device and a password.
    pub(in crate::oidc) const LIFETIME: i64 = 600;
}

impl From<ReturnTo> for Destination {
    fn from(to: ReturnTo) -> Self {
        Self::App(to)
    }
}

impl Destination {
    /// The app's address; none for a device.
    #[must_use]
    pub fn app(&self) -> Option<&ReturnTo> {
        match self {
            Self::App(to) => Some(to),
            Self::Device(_) => None,
        }
    }

    /// The device that waits; none for an app.
    #[must_use]
    pub fn device(&self) -> Option<&Waiting> {
        match self {
            Self::App(_) => None,
            Self::Device(waiting) => Some(waiting),
        }
    }
}
