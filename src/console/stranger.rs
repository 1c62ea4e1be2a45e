//! What does somebody see at the console's door who manages nothing? That this is so, and the way out. Behind the door there is
//! nothing for them.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::routes::Route;
use super::{language, visit};
use crate::directory::Person;
use crate::oidc::Provider;
use crate::web::{Page, Problem};

/// Says that there is nothing to manage.
#[derive(Debug, Serialize)]
pub(super) struct StrangerPage {
    /// Who has signed in.
    pub(super) login: String,
}

impl Page for StrangerPage {
    const TEMPLATE: &'static str = "console/stranger.html";
}

/// The answer to somebody without any manager's right.
pub(super) fn answer(
    provider: &Provider,
    person: &Person,
    route: &Route,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if route.path != "/console" {
        return Err(Problem::NotFound);
    }
    let page = StrangerPage { login: person.login.clone() };
    Ok(visit::draw(provider, StatusCode::FORBIDDEN, &page, language::of(provider, headers)))
}
