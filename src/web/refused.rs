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
            let _ = asking.set(shortened(client_id));
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
        Self { client: client.map(shortened), error, description: description.to_owned() }
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
