//! Where does a sign-in lead: to an app, to a device that waits, or into our own console?

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
    /// Into the managers' console: there is no grant, the session is all.
    Console(Doorway),
}

/// A page of the console that somebody is on the way to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doorway {
    /// Its address, `/console` or below it.
    pub console_path: String,
    /// A change that was sent before it could be made, sealed by the console; it goes on once everything is proven, and is empty then.
    pub kept: Option<String>,
}

impl Doorway {
    /// Where the browser goes at the end of the sign-in of this name.
    #[must_use]
    pub fn address(&self, signin_id: &str) -> String {
        match self.kept {
            Some(_) => format!("/console/kept/{signin_id}"),
            None => self.console_path.clone(),
        }
    }
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
            Self::Device(_) | Self::Console(_) => None,
        }
    }

    /// The device that waits; none for an app.
    #[must_use]
    pub fn device(&self) -> Option<&Waiting> {
        match self {
            Self::Device(waiting) => Some(waiting),
            Self::App(_) | Self::Console(_) => None,
        }
    }

    /// The page of the console; none for whatever is not our own.
    #[must_use]
    pub fn console(&self) -> Option<&Doorway> {
        match self {
            Self::Console(doorway) => Some(doorway),
            Self::App(_) | Self::Device(_) => None,
        }
    }
}
