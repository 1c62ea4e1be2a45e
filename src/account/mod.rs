//! What can a person do about their own account? For now: see who is signed in, choose a password by a one-time link, and ask for
//! one.

mod choose;
mod desk;
mod forgotten;
mod front;
mod request;
mod way_back;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;

use crate::directory;
use crate::oidc::Provider;
use crate::web::{Language, Problem};

pub use desk::Desk;

/// What these pages work with.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// The endpoints, and everything that they stand on.
    pub provider: Arc<Provider>,
    /// Where requests for a new password are seen to.
    pub desk: Desk,
}

/// A person's own pages (DESIGN §5).
pub fn router(state: AccountState) -> Router {
    Router::new()
        .route("/", get(front::get))
        .route("/reset", get(forgotten::get).post(forgotten::post))
        .route("/reset/{token}", get(choose::get).post(choose::post))
        .with_state(state)
}

impl From<directory::Error> for Problem {
    fn from(e: directory::Error) -> Self {
        match e {
            directory::Error::Store(e) => e.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}

fn language(headers: &HeaderMap) -> Language {
    Language::of_reader(headers, None)
}
