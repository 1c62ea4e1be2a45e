//! What becomes of a change while the database takes nothing: it is locked, full or gone? The page says so and keeps what was typed, to be
//! sent again.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use super::kept::{shown, without_secrets};
use super::{language, visit};
use crate::oidc::Provider;
use crate::web::Page;
use crate::web::form::Form;

/// Says that nothing was saved, and sends it again.
#[derive(Debug, Serialize)]
pub(super) struct NotNowPage {
    /// Where it goes.
    pub(super) action: String,
    /// What was typed.
    pub(super) fields: Vec<(String, String)>,
    /// The same as far as it can be read on the page.
    pub(super) shown: Vec<(String, String)>,
}

impl Page for NotNowPage {
    const TEMPLATE: &'static str = "console/not_now.html";
}

/// The answer to a change that may succeed later; the reason is for the log.
pub(super) fn answer(
    provider: &Provider,
    headers: &HeaderMap,
    action: String,
    form: &Form,
    reason: &str,
) -> Response {
    tracing::warn!(reason, "not available");
    let fields = without_secrets(form);
    let page = NotNowPage { action, shown: shown(&fields), fields };
    let language = language::of(provider, headers);
    let mut response = visit::draw(provider, StatusCode::SERVICE_UNAVAILABLE, &page, language);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
