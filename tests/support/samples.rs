//! What do the provider's pages look like in each of their states? Drawn as the program draws them, without the steps there.

use axum::Router;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::get;
use countersign::config;
use countersign::web::{
    AppCard, ChoosePasswordPage, CodePage, ConsentPage, ErrorText, ExpiredPage, FrontPage, Language,
    LogoutPage, Page, Pages, PasswordChosenPage, PasswordPage, ProtocolErrorPage, SignedOutPage,
};

/// A name that no layout expects, and that has to be escaped.
const LONG: &str = "Ned <Nedd> of-the-department-with-a-name-that-does-not-end-and-has-no-place-to-break";

/// The pages by name, each in one state.
pub fn samples() -> Vec<(&'static str, String)> {
    let p = &pages();
    vec![
        ("front", html(p, &FrontPage { issuer: "https://login.example.org".to_owned() })),
        ("password", html(p, &password("", None))),
        ("password-incorrect", html(p, &password("ned", error("incorrect", "incorrect-then", 0)))),
        ("password-no-address", html(p, &password(LONG, error("no-address", "no-address-then", 0)))),
        ("code", html(p, &code("ned"))),
        ("code-underway", html(p, &CodePage { underway: true, resend_in: 60, ..code("ned") })),
        ("code-sent-again", html(p, &CodePage { sent_again: true, resend_in: 60, ..code("ned") })),
        ("code-wrong", html(p, &CodePage { error: error("invalid-code", "attempts-left", 4), ..code(LONG) })),
        ("code-by-hand", html(p, &CodePage { sent_to: None, reference: None, ..code("ned") })),
        ("consent", html(p, &consent())),
        ("protocol-error", html(p, &protocol_error())),
        ("expired", html(p, &ExpiredPage { app: Some(app()) })),
        ("expired-no-app", html(p, &ExpiredPage { app: None })),
        ("logout", html(p, &logout())),
        ("signed-out", html(p, &SignedOutPage { app: Some(app()), error: None })),
        ("choose-password", html(p, &choose(None))),
        ("choose-password-refused", html(p, &choose(error("too-common", "too-common-then", 15)))),
        ("password-chosen", html(p, &PasswordChosenPage { login: "ned".to_owned() })),
    ]
}

/// Serves the samples, each below its name; the answer is the address of the top.
pub async fn serve() -> String {
    let pages = pages();
    let site = Router::new()
        .route("/assets/{name}", get(async move |name: Path<String>| pages.assets().serve(&name)))
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

/// The app that somebody is on the way to.
pub fn app() -> AppCard {
    AppCard {
        name: "Time Tracker".to_owned(),
        logo_uri: None,
        policy_uri: Some("https://time.example.org/privacy".to_owned()),
        tos_uri: Some("https://time.example.org/terms".to_owned()),
        front_page: Some("https://time.example.org/".to_owned()),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the pages take one or none")]
fn error(what: &'static str, then: &'static str, n: i64) -> Option<ErrorText> {
    Some(ErrorText { what, then: Some(then), n })
}

/// The login screen.
pub fn password(login: &str, error: Option<ErrorText>) -> PasswordPage {
    PasswordPage {
        app: app(),
        action: "/authorize/x/password".to_owned(),
        cancel: "/authorize/x/cancel".to_owned(),
        login: login.to_owned(),
        error,
    }
}

/// The code page.
pub fn code(login: &str) -> CodePage {
    CodePage {
        app: app(),
        action: "/authorize/x/code".to_owned(),
        resend_action: "/authorize/x/code/resend".to_owned(),
        cancel: "/authorize/x/cancel".to_owned(),
        login: login.to_owned(),
        sent_to: Some("n•••@example.org".to_owned()),
        reference: Some("K7Q2".to_owned()),
        expires_at: 1_800_000_600,
        minutes_left: 10,
        ask_password: true,
        underway: false,
        sent_again: false,
        can_resend: true,
        resend_in: 0,
        error: None,
    }
}

fn consent() -> ConsentPage {
    let scopes = vec!["profile", "email", "groups", "offline_access"];
    ConsentPage { app: app(), action: "/authorize/x/consent".to_owned(), login: "ned".to_owned(), scopes }
}

fn protocol_error() -> ProtocolErrorPage {
    ProtocolErrorPage {
        error: "invalid_request",
        description: "redirect_uri is not registered for this client".to_owned(),
        sent: vec![("client_id", "abc".to_owned()), ("redirect_uri", format!("https://evil.example/{LONG}"))],
        registered: vec!["https://time.example.org/callback".to_owned()],
    }
}

fn logout() -> LogoutPage {
    let parameters = vec![("state", "xyz".to_owned())];
    LogoutPage { action: "/logout".to_owned(), parameters, login: "ned".to_owned() }
}

fn choose(error: Option<ErrorText>) -> ChoosePasswordPage {
    ChoosePasswordPage { action: "/reset/x".to_owned(), login: "ned".to_owned(), shortest: 15, error }
}
