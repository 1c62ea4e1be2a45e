//! Can an app's page see that the session here has changed, without asking us again and again? (OIDC Session Management 1.0)

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::oidc::provider::Provider;
use crate::oidc::shared::browser_state::STATE_COOKIE;
use crate::web::layers::AnyFrame;
use crate::web::{Language, SessionCheckPage};

/// Only our script, in whoever's frame. It can do nothing but answer whether somebody's guess is right.
const POLICY: &str =
    "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *";

/// `GET /session/check`: the page behind `check_session_iframe` (§3.3)
pub(super) async fn check(State(provider): State<Arc<Provider>>) -> Response {
    let state = &provider.signin;
    let page = SessionCheckPage { cookie: state.cookies.name(STATE_COOKIE) };
    let mut response = state.pages.respond(StatusCode::OK, &page, Language::default());
    response.extensions_mut().insert(AnyFrame);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
