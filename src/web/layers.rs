//! What does every response carry, whichever room it comes from?

use std::future::{Ready, ready};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use url::{Host, Url};

use super::language::Language;
use super::pages::Pages;
use super::problem::Problem;
use super::problem_page::{Met, ProblemPage};
use crate::keys::secret::chance;
use crate::trace::{REQUEST_ID, RequestId};

/// What is not drawn by [`Pages`], which sets its own, runs nothing at all.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' https:; base-uri 'none'; frame-ancestors 'none'";

const OPENERS: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const EMBEDDERS: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// Goes along with a response that any site may show in a frame; its own policy must say so too.
#[derive(Clone, Copy, Debug)]
pub struct AnyFrame;

/// What the layers need to know.
#[derive(Clone, Debug)]
pub struct Layers {
    /// What draws the problem pages.
    pub pages: Pages,
    /// Whether browsers are to come by https alone from now on: see [`https_for_good`].
    pub secure: bool,
}

/// Whether an issuer's browsers are told never to come by http again (RFC 6797): not to `localhost`, which other programs on
/// other ports share, and browsers do not heed it for addresses.
#[must_use]
pub fn https_for_good(issuer: &str) -> bool {
    let Ok(url) = Url::parse(issuer) else { return false };
    let named = matches!(url.host(), Some(Host::Domain(name)) if name != "localhost" && !name.ends_with(".localhost"));
    url.scheme() == "https" && named
}

/// Draws the page of a [`Problem`], and adds the headers that every response has.
pub async fn finish(State(layers): State<Layers>, request: Request, next: Next) -> Response {
    let asked = Asked::of(request.headers());
    let id = request.extensions().get().cloned().unwrap_or_else(|| RequestId::made(&mut chance()));
    let apart = !leads_to_an_app(request.uri().path());
    let met = Met::at(request.uri().path());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        problem.log();
        let status = problem.status();
        let drawn = if asked.is_for_json() {
            (status, Json(problem.json(id.as_str()))).into_response()
        } else {
            layers.pages.respond(status, &ProblemPage::of(&problem, id.as_str(), met), asked.language())
        };
        response = with_headers_of(&response, drawn);
    }
    within(layers.pages.base(), &mut response);
    headers(&layers, &mut response, id.as_str());
    if apart {
        response.headers_mut().insert(OPENERS, HeaderValue::from_static("same-origin"));
    }
    response
}

/// Handlers name pages of ours by their path; a browser needs that of the issuer before it.
fn within(base: &str, response: &mut Response) {
    let Some(location) = response.headers().get(header::LOCATION).filter(|_| !base.is_empty()) else {
        return;
    };
    let Some(path) = location.to_str().ok().filter(|to| to.starts_with('/') && !to.starts_with("//")) else {
        return;
    };
    if let Ok(whole) = HeaderValue::from_str(&format!("{base}{path}")) {
        response.headers_mut().insert(header::LOCATION, whole);
    }
}

/// Whether a page is one of those between an app and its own callback. Apps open these in a pop-up, which has to know its opener
/// still when it comes back: one page or redirect on the way that says `same-origin` cuts the tie for good.
fn leads_to_an_app(path: &str) -> bool {
    matches!(path.split('/').nth(1), Some("authorize" | "logout" | "reset"))
}

/// In which form and language a problem would be told. Few requests meet one, so nothing of it is read before.
struct Asked(HeaderMap);

impl Asked {
    fn of(headers: &HeaderMap) -> Self {
        let mut kept = HeaderMap::new();
        for name in [header::ACCEPT, header::ACCEPT_LANGUAGE] {
            for line in headers.get_all(&name) {
                kept.append(name.clone(), line.clone());
            }
        }
        Self(kept)
    }

    /// Whether the client asks for JSON rather than a page: a program, not a browser.
    fn is_for_json(&self) -> bool {
        let accept = super::headers::list(&self.0, header::ACCEPT);
        accept.contains("application/json") && !accept.contains("text/html")
    }

    fn language(&self) -> Language {
        Language::of_reader(&self.0, None)
    }
}

/// The page of a problem, or the JSON, keeps the headers that the problem came with (`Allow`, `Retry-After`).
fn with_headers_of(response: &Response, mut drawn: Response) -> Response {
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            drawn.headers_mut().insert(name, value.clone());
        }
    }
    drawn
}

fn headers(layers: &Layers, response: &mut Response, id: &str) {
    let cached = response.headers().contains_key(header::CACHE_CONTROL);
    let any_frame = response.extensions().get::<AnyFrame>().is_some();
    let own_policy = response.headers().contains_key(header::CONTENT_SECURITY_POLICY);
    let own_referrer = response.headers().contains_key(header::REFERRER_POLICY);
    let headers = response.headers_mut();
    // As many as are set here, the opener's and two of hyper's: a map that grows puts all that it has into place anew.
    headers.reserve(11);
    let mut set =
        |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    if !own_policy {
        set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    }
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if !any_frame {
        set(header::X_FRAME_OPTIONS, "DENY");
    }
    if !own_referrer {
        // Not no-referrer: that would make browsers send `Origin: null` with our own forms.
        set(header::REFERRER_POLICY, "same-origin");
    }
    // Of embedding alone: what apps fetch (discovery, keys) they fetch by CORS, which this does not touch.
    let embedders = if any_frame { "cross-origin" } else { "same-origin" };
    set(EMBEDDERS, embedders);
    set(PERMISSIONS, "camera=(), geolocation=(), microphone=(), payment=()");
    if layers.secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if !cached {
        set(header::CACHE_CONTROL, "no-store");
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// What is answered where no route is: the way to the console's page, where an address has a slash too many at its end.
pub async fn not_found(method: Method, uri: Uri) -> Response {
    match without_slash(&uri) {
        Some(address) if method == Method::GET || method == Method::HEAD => {
            Redirect::permanent(&address).into_response()
        }
        _ => Problem::NotFound.into_response(),
    }
}

/// The same address of the console without the slash at its end, as seen from there: the issuer may have a path before it.
fn without_slash(uri: &Uri) -> Option<String> {
    let path = uri.path().strip_suffix('/').filter(|_| uri.path().starts_with("/console/"))?;
    let (_, last) = path.rsplit_once('/').filter(|(_, last)| !last.is_empty())?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("../{last}{query}"))
}

/// What is answered where a route is, but not for this method.
pub fn method_not_allowed() -> Ready<Problem> {
    ready(Problem::MethodNotAllowed)
}

/// What is answered when a handler has panicked.
#[must_use]
pub fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    Problem::Internal("a handler panicked".to_owned()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_too_many_leads_to_the_consoles_page_and_nowhere_else() {
        for (asked, address) in [
            ("/console/", Some("../console")),
            ("/console/users/?q=a%2F&sort=name", Some("../users?q=a%2F&sort=name")),
            ("/console/users/x%2F/", Some("../x%2F")),
            ("/console", None),
            ("/console//", None),
            ("/consoles/users/", None),
            ("//console/", None),
            ("//example.org/console/", None),
            ("/token/", None),
            ("/", None),
        ] {
            assert_eq!(without_slash(&asked.parse().unwrap()).as_deref(), address, "{asked}");
        }
    }

    #[test]
    fn browsers_are_bound_to_https_for_names_that_are_ours_alone() {
        for (issuer, bound) in [
            ("https://id.example.org", true),
            ("https://id.example.org:8443/auth", true),
            ("https://localhost.example.org", true),
            ("https://localhost:8443", false),
            ("https://id.localhost", false),
            ("https://127.0.0.1:8443", false),
            ("https://[::1]", false),
            ("http://localhost:8080", false),
        ] {
            assert_eq!(https_for_good(issuer), bound, "{issuer}");
        }
    }

    #[test]
    fn only_pages_on_the_way_to_an_app_keep_their_opener() {
        for (path, leads) in [
            ("/authorize", true),
            ("/authorize/x/code/resend", true),
            ("/logout", true),
            ("/reset/x", true),
            ("/", false),
            ("/device", false),
            ("/account", false),
            ("/authorizer", false),
            ("/console/authorize", false),
        ] {
            assert_eq!(leads_to_an_app(path), leads, "{path}");
        }
    }
}
