//! `/console/repair`: what is broken, and how is it mended? Where an override lands.

use std::future::ready;

use axum::response::Response;
use serde::Serialize;

use super::Visit;
use super::routes::{Needs, Route};
use super::visit::ConsolePage;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/console/repair", Needs::AnyRight, |visit| Box::pin(ready(Ok(get(&visit)))))];

/// What is broken.
#[derive(Debug, Serialize)]
pub struct RepairPage {}

impl ConsolePage for RepairPage {
    const TEMPLATE: &'static str = "console/repair.html";
}

/// `GET /console/repair`
fn get(visit: &Visit) -> Response {
    visit.page(&RepairPage {})
}
