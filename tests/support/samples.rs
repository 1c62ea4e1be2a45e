//! What do the provider's pages look like in each of their states? Drawn as the program draws them, without the steps there.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _};
use axum::routing::get;
use countersign::web::{self, Language, Page, Pages};
use countersign::{config, console};

/// The pages by name, each in one state.
pub fn samples() -> Vec<(&'static str, String)> {
    let drawn = web::samples::pages(&pages(), Language::default()).expect("the pages");
    let console = console::samples::pages(&pages(), Language::default()).expect("the console's pages");
    drawn.into_iter().chain(console).map(|sample| (sample.name, sample.text)).collect()
}

/// Serves the samples, each below its name; the answer is the address of the top.
pub async fn serve() -> String {
    let pages = pages();
    let site = Router::new()
        .route(
            "/assets/{name}",
            get(async move |name: Path<String>| {
                // A page that sends itself on would not stay to be looked at.
                if pages.assets().submit_path().ends_with(name.as_str()) {
                    return StatusCode::NOT_FOUND.into_response();
                }
                pages.assets().serve(&name)
            }),
        )
        .route(
            "/{name}",
            get(async |Path(name): Path<String>| {
                Html(
                    samples().into_iter().find(|(n, _)| *n == name).map(|(_, html)| html).unwrap_or_default(),
                )
            }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, site).await });
    format!("http://{address}")
}

/// What draws them.
pub fn pages() -> Pages {
    Pages::new(&config::Brand::default(), &config::Templates::default()).expect("the templates")
}

/// A page as the browser gets it, in English.
pub fn html<P: Page>(pages: &Pages, page: &P) -> String {
    pages.html(page, Language::of_group(Some("en"))).expect("a page")
}
