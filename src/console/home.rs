//! `/console`: what needs this manager now?

use std::future::ready;

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::field::Said;
use super::routes::{Needs, Route};
use super::visit::ConsolePage;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/console", Needs::AnyRight, |visit| Box::pin(ready(Ok(get(&visit)))))
        .in_menu("console-menu-home", 10)];

/// What needs attention, the worst first.
#[derive(Debug, Serialize)]
pub struct HomePage {
    /// One line each; empty when nothing does.
    pub attention: Vec<Attention>,
}

/// Something that needs attention.
#[derive(Clone, Debug, Serialize)]
pub struct Attention {
    /// How bad it is: `bad` for what keeps people out now, `warn` for what will.
    pub weight: &'static str,
    /// What is wrong.
    pub said: Said,
    /// What to do about it: the key of a link's words, and where it leads.
    pub remedy: Option<(&'static str, String)>,
}

impl ConsolePage for HomePage {
    const TEMPLATE: &'static str = "console/home.html";
}

/// `GET /console`
fn get(visit: &Visit) -> Response {
    visit.page(&HomePage { attention: Vec::new() })
}
