//! What does an app look like that leaves the sign-in to Countersign? The demo's sample, from its front page to its sign-out.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tokio::sync::Mutex;

use super::html::{page, protect, stylesheet};
use super::pages;
pub use super::relying_party::Settings;
use super::relying_party::{RelyingParty, Trouble, Wish};
use super::visits::{Visit, Visits};
use crate::clock::Clock;
use crate::keys::secret::Token;
use crate::web::cookies;

/// Not one of the provider's names: cookies of one host are the same on all of its ports.
const COOKIE: &str = "timetracker_session";

/// The longest query that is an answer, in bytes.
const MAX_QUERY: usize = 8000;

#[derive(Debug)]
struct App {
    party: RelyingParty,
    visits: Visits,
    clock: Clock,
    /// A refresh token works once, so that two clicks must not use the same.
    refreshing: Mutex<()>,
}

/// The sample app. It asks the provider nothing before the first sign-in.
///
/// # Errors
/// When the addresses cannot be told in a header.
pub fn router(settings: Settings) -> anyhow::Result<Router> {
    let base = settings.base_url.clone();
    // A form's redirects count: signing out leads through the provider.
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        settings.issuer
    );
    let party = RelyingParty::new(settings);
    let app = App { party, visits: Visits::default(), clock: Clock::System, refreshing: Mutex::default() };
    let pages = Router::new()
        .route("/", get(front))
        .route("/sign-in", get(|State(app), headers: HeaderMap| begin(app, headers, Wish::SignIn)))
        .route("/sign-in/again", get(|State(app), headers: HeaderMap| begin(app, headers, Wish::Again)))
        .route(
            "/sign-in/two-factors",
            get(|State(app), headers: HeaderMap| begin(app, headers, Wish::TwoFactors)),
        )
        .route("/callback", get(callback))
        .route("/refresh", post(refresh))
        .route("/sign-out", post(sign_out))
        .route("/style.css", get(|| async { stylesheet(pages::STYLE) }))
        .fallback(|| async { page(StatusCode::NOT_FOUND, pages::not_found()) })
        .with_state(Arc::new(app));
    protect(pages, &base, &policy)
}

/// `GET /`
async fn front(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let visit = cookie(&headers).and_then(|cookie| {
        app.visits.with(&cookie, |visit| Some((visit.signed_in.clone()?, visit.refreshed_at))).flatten()
    });
    let settings = app.party.settings();
    let html = match visit {
        Some((signed_in, refreshed_at)) => pages::signed_in(settings, &signed_in, refreshed_at),
        None => pages::signed_out(settings),
    };
    page(StatusCode::OK, html)
}

/// `GET /sign-in` and its like: off to the provider.
async fn begin(app: Arc<App>, headers: HeaderMap, wish: Wish) -> Response {
    let (url, pending) = match app.party.begin(wish).await {
        Ok(begun) => begun,
        Err(trouble) => return failed(&trouble),
    };
    let away = Redirect::to(url.as_str()).into_response();
    let mut pending = Some(pending);
    let known = cookie(&headers).and_then(|cookie| {
        app.visits.with(&cookie, |visit| {
            if let Some(pending) = pending.take() {
                visit.expect(pending);
            }
        })
    });
    match (known, pending) {
        (None, Some(pending)) => {
            let mut visit = Visit::default();
            visit.expect(pending);
            with_cookie(away, &app.visits.add(visit))
        }
        _ => away,
    }
}

/// `GET /callback`: the provider's answer (OIDC Core §3.1.2.5 and §3.1.2.6).
async fn callback(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = query.filter(|query| query.len() <= MAX_QUERY).unwrap_or_default();
    let answer: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let field = |name: &str| answer.get(name).map(String::as_str);
    let old = cookie(&headers);
    let state = field("state").unwrap_or_default();
    let Some(pending) =
        old.as_deref().and_then(|c| app.visits.with(c, |visit| visit.answered(state)).flatten())
    else {
        return page(StatusCode::BAD_REQUEST, pages::foreign_answer());
    };
    // RFC 9207 §2.4: an answer of somebody else's is not looked at.
    if field("iss").is_some_and(|iss| iss != app.party.settings().issuer) {
        return page(StatusCode::BAD_REQUEST, pages::foreign_answer());
    }
    if let Some(error) = field("error") {
        return page(StatusCode::OK, pages::refused(error, field("error_description").unwrap_or_default()));
    }
    match app.party.finish(pending, field("code").unwrap_or_default()).await {
        Ok(signed_in) => {
            // A new cookie, so that nobody who has planted the old one is signed in with it.
            old.and_then(|cookie| app.visits.remove(&cookie));
            with_cookie(Redirect::to("/").into_response(), &app.visits.add(Visit::of(signed_in)))
        }
        Err(trouble) => failed(&trouble),
    }
}

/// `POST /refresh`
async fn refresh(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let home = Redirect::to("/").into_response();
    let Some(cookie) = cookie(&headers) else { return home };
    let _one_at_a_time = app.refreshing.lock().await;
    let Some(before) = app.visits.with(&cookie, |visit| visit.signed_in.clone()).flatten() else {
        return home;
    };
    match app.party.refresh(&before).await {
        Ok(after) => {
            let now = app.clock.now();
            app.visits.with(&cookie, |visit| {
                visit.signed_in = Some(after);
                visit.refreshed_at = Some(now);
            });
            home
        }
        Err(trouble) => failed(&trouble),
    }
}

/// `POST /sign-out`: here, and then at the provider.
async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let visit = cookie(&headers).and_then(|cookie| app.visits.remove(&cookie));
    let away = match visit.and_then(|visit| visit.signed_in) {
        Some(signed_in) => match app.party.logout_url(&signed_in).await {
            Ok(Some(url)) => Redirect::to(url.as_str()).into_response(),
            Ok(None) => Redirect::to("/").into_response(),
            Err(trouble) => failed(&trouble),
        },
        None => Redirect::to("/").into_response(),
    };
    set_cookie(away, &format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"))
}

fn failed(trouble: &Trouble) -> Response {
    page(StatusCode::BAD_GATEWAY, pages::trouble(&trouble.to_string()))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    cookies::sent(headers, COOKIE)
}

fn with_cookie(response: Response, cookie: &Token) -> Response {
    set_cookie(response, &format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", cookie.reveal()))
}

fn set_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;
    use url::Url;

    fn app() -> Router {
        let settings = Settings {
            // Nobody listens on port 1.
            issuer: "http://127.0.0.1:1".to_owned(),
            client_id: "tracker".to_owned(),
            client_secret: "secret".to_owned(),
            base_url: Url::parse("http://localhost:8081/").unwrap(),
            inbox_url: Url::parse("http://localhost:8082/").unwrap(),
        };
        router(settings).unwrap()
    }

    async fn ask(request: axum::http::request::Builder) -> (StatusCode, HeaderMap, String) {
        let request = request.header("host", "localhost:8081").body(Body::empty()).unwrap();
        let response = app().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_front_page_says_what_to_try() {
        let (status, headers, html) = ask(Request::get("/")).await;
        assert_eq!(status, StatusCode::OK);
        for words in
            ["id=\"sign-in\"", "ned", "nia", "ada", "max", "correct horse battery", "http://localhost:8082/"]
        {
            assert!(html.contains(words), "{words}");
        }
        assert!(html.len() + pages::STYLE.len() < 20_000);
        assert!(!headers["content-security-policy"].to_str().unwrap().contains("unsafe"));
    }

    #[tokio::test]
    async fn an_answer_to_nothing_is_refused_aloud() {
        for query in ["", "?code=x&state=y", "?error=%ff&state=", "?state=a&state=b"] {
            let (status, _, html) = ask(Request::get(format!("/callback{query}"))).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
            assert!(html.contains("role=\"alert\""));
        }
    }

    #[tokio::test]
    async fn a_provider_that_does_not_answer_is_said_in_words() {
        let (status, _, html) = ask(Request::get("/sign-in")).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY);
        assert!(html.contains("role=\"alert\"") && html.contains("does not answer"), "{html}");
    }

    #[tokio::test]
    async fn forms_of_other_sites_are_refused() {
        let (status, _, _) = ask(Request::post("/sign-out").header("origin", "http://evil.example")).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let (status, headers, _) =
            ask(Request::post("/sign-out").header("origin", "http://localhost:8081")).await;
        assert_eq!((status, &headers["location"]), (StatusCode::SEE_OTHER, &HeaderValue::from_static("/")));
    }
}
