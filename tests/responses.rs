//! What does every response carry, and what does one meet when something goes wrong?
#![cfg(test)]

mod support;

use std::fs;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use axum::{Router, middleware};
use countersign::config::{Brand, Templates};
use countersign::web::layers::{self, Layers};
use countersign::web::{Pages, Problem};
use support::samples::pages as built_in;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;

#[tokio::test]
async fn every_response_carries_the_headers_that_protect_it() {
    let (pages, page) = (built_in(), "/page");
    let (_, headers, _) = ask(&site(&pages, true), page, &[]).await;
    let policy = headers["content-security-policy"].to_str().unwrap();
    for part in ["default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    assert!(!policy.contains("form-action"), "it would stop the redirect back to the app");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("strict-transport-security", "max-age=31536000"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(headers.contains_key("permissions-policy"));
    assert_eq!(headers["x-request-id"].len(), 26);

    let (_, headers, _) = ask(&site(&pages, false), page, &[]).await;
    assert!(!headers.contains_key("strict-transport-security"), "http on loopback stays http");
    let (_, headers, _) = ask(&site(&pages, true), &pages.assets().stylesheet_path(), &[]).await;
    assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn the_brand_has_its_logo_and_colours() {
    let folder = tempfile::tempdir().unwrap();
    let logo = folder.path().join("logo.svg");
    fs::write(&logo, "<svg/>").unwrap();
    let colour = Some("#ffcc00".to_owned());
    let brand = Brand { logo: Some(logo), color: colour, ..Brand::default() };
    let pages = Pages::new(&brand, &Templates::default()).unwrap();
    let router = site(&pages, true);
    let (_, headers, css) = ask(&router, &pages.assets().stylesheet_path(), &[]).await;
    assert!(css.contains(":root{--accent:#ffcc00;--on-accent:#061410}"));
    assert_eq!(headers["content-type"], "text/css; charset=utf-8");
    let (_, headers, svg) = ask(&router, &pages.assets().logo_path().unwrap(), &[]).await;
    assert_eq!((svg.as_str(), &headers["content-type"]), ("<svg/>", &"image/svg+xml".parse().unwrap()));
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));

    for bad in ["logo.gif", "absent.png"] {
        let brand = Brand { logo: Some(folder.path().join(bad)), ..Brand::default() };
        let error = Pages::new(&brand, &Templates::default()).unwrap_err().to_string();
        assert!(error.contains(bad), "{error}");
    }
}

#[tokio::test]
async fn what_goes_wrong_ends_in_a_page() {
    let site = site(&built_in(), true);
    for (path, status, title) in [
        ("/nowhere", StatusCode::NOT_FOUND, "There is nothing here"),
        ("/assets/nowhere.css", StatusCode::NOT_FOUND, "There is nothing here"),
        ("/broken", StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side"),
        ("/panic", StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side"),
        ("/down", StatusCode::SERVICE_UNAVAILABLE, "Not just now"),
    ] {
        let (answered, headers, html) = ask(&site, path, &[]).await;
        assert_eq!(answered, status, "{path}");
        assert!(html.contains(&format!("<h1>{title}</h1>")), "{path}: {html}");
        assert!(!html.contains("hunter2"), "what the log says is not for the page");
        let reference = headers["x-request-id"].to_str().unwrap();
        assert_eq!(html.contains(reference), status.is_server_error(), "{path}");
        assert_eq!(headers.contains_key("retry-after"), path == "/down");
    }
    let post = Request::post("/page").body(Body::empty()).unwrap();
    let response = site.oneshot(post).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
}

#[tokio::test]
async fn a_program_is_told_in_json() {
    let site = site(&built_in(), true);
    for (path, error) in
        [("/nowhere", "invalid_request"), ("/panic", "server_error"), ("/down", "temporarily_unavailable")]
    {
        let (_, headers, body) = ask(&site, path, &[("accept", "application/json")]).await;
        assert_eq!(headers["content-type"], "application/json");
        let told: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(told["error"], error);
        assert!(!body.contains("hunter2"));
    }
    let browser = [("accept", "text/html,application/xhtml+xml,application/json;q=0.9")];
    let (_, headers, _) = ask(&site, "/nowhere", &browser).await;
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
}

async fn panics() -> Problem {
    panic!("hunter2")
}

/// A few routes below the layers that all routes have.
fn site(pages: &Pages, secure: bool) -> Router {
    let assets = pages.assets().clone();
    let layers = Layers { pages: pages.clone(), secure };
    Router::new()
        .route("/page", get(|| async { "page" }))
        .route("/broken", get(|| async { Problem::Internal("hunter2".to_owned()) }))
        .route("/panic", get(panics))
        .route("/down", get(|| async { Problem::Unavailable("hunter2".to_owned()) }))
        .route("/assets/{name}", get(async move |name: axum::extract::Path<String>| assets.serve(&name)))
        .fallback(layers::not_found)
        .method_not_allowed_fallback(layers::method_not_allowed)
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(middleware::from_fn_with_state(layers, layers::finish))
}

async fn ask(site: &Router, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = site.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}
