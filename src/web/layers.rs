//! What does every response carry, whichever room it comes from?

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::language::Language;
use super::pages::Pages;
use super::problem::{Problem, ProblemPage};
use crate::keys::secret::{entropy, new_id};

/// Nothing but our stylesheet and pictures. There is no `form-action`: browsers apply it to every redirect that follows a
/// form, and the last of those goes to the app, and on to wherever the app sends it.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' https:; base-uri 'none'; frame-ancestors 'none'";

/// What the layers need to know.
#[derive(Clone, Debug)]
pub struct Layers {
    /// What draws the problem pages.
    pub pages: Pages,
    /// Whether the issuer is https.
    pub secure: bool,
}

/// Draws the page of a [`Problem`], and adds the headers that every response has.
pub async fn finish(State(layers): State<Layers>, request: Request, next: Next) -> Response {
    let accept_language = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    let language = Language::negotiate(None, accept_language);
    let id = new_id(&mut entropy());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        problem.log(&id);
        let status = problem.status();
        let page = ProblemPage::of(&problem, &id);
        let retry = response.headers().get(header::RETRY_AFTER).cloned();
        response = layers.pages.respond(status, &page, language);
        if let Some(retry) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, retry);
        }
    }
    headers(&layers, &mut response, &id);
    response
}

fn headers(layers: &Layers, response: &mut Response, id: &str) {
    let cached = response.headers().contains_key(header::CACHE_CONTROL);
    let headers = response.headers_mut();
    let mut set =
        |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    // Not no-referrer: that would make browsers send `Origin: null` with our own forms.
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    );
    if layers.secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if !cached {
        set(header::CACHE_CONTROL, "no-store");
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
}

/// What is answered where no route is.
pub async fn not_found() -> Problem {
    Problem::NotFound
}

/// What is answered where a route is, but not for this method.
pub async fn method_not_allowed() -> Problem {
    Problem::MethodNotAllowed
}

/// What is answered when a handler has panicked.
#[must_use]
pub fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    axum::response::IntoResponse::into_response(Problem::Internal("a handler panicked".to_owned()))
}
