//! What becomes of a change that cannot be made now, because the database is locked, full or gone, or because it is too long to be kept
//! while its sender proves who they are? The page says so and holds what was typed, to be sent again.

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
    /// The key of why not, and what to do.
    pub(super) lead: &'static str,
    /// The key of what the button says.
    pub(super) button: &'static str,
    /// Where whoever sent it proves who they are, in another tab; none where that is not what is missing.
    pub(super) way: Option<&'static str>,
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

impl NotNowPage {
    /// The page for a form that goes there.
    fn of(action: String, form: &Form) -> Self {
        let fields = without_secrets(form);
        Self {
            lead: "console-not-now-lead",
            button: "console-not-now-button",
            way: None,
            action,
            shown: shown(&fields),
            fields,
        }
    }

    fn drawn(&self, provider: &Provider, headers: &HeaderMap, status: StatusCode) -> Response {
        visit::draw(provider, status, self, language::of(provider, headers))
    }
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
    let page = NotNowPage::of(action, form);
    let mut response = page.drawn(provider, headers, StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// The answer to a change that wants a proof, and is too long to be kept until it is there.
pub(super) fn too_long_to_keep(
    provider: &Provider,
    headers: &HeaderMap,
    action: String,
    form: &Form,
    way: &'static str,
) -> Response {
    let (lead, button) = ("console-kept-too-long", "console-kept-button");
    let page = NotNowPage { lead, button, way: Some(way), ..NotNowPage::of(action, form) };
    page.drawn(provider, headers, StatusCode::PAYLOAD_TOO_LARGE)
}
