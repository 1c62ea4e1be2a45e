//! Does an app's page learn in the browser that the session has changed? (OIDC Session Management and Front-Channel Logout)
#![cfg(test)]

mod support;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::Html;
use axum::routing::get;
use countersign::keys::secret::base64url;
use openssl::sha::sha256;
use support::Database;
use support::admin::PASSWORD;
use support::relying_app::RelyingApp;
use support::site::Site;
use support::webdriver::Chromium;
use url::Url;

/// An app that runs in the browser.
#[derive(Clone)]
struct PageApp {
    at: String,
    site: Url,
    signed_out: Arc<Mutex<Vec<String>>>,
}

impl PageApp {
    async fn start(site: &Site) -> (Self, RelyingApp) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let app = Self { at: at.clone(), site: site.url.clone(), signed_out: Arc::default() };
        let routes = Router::new()
            .route("/callback", get(|| async { "Back at the app" }))
            .route("/bye", get(|| async { "Bye" }))
            .route(
                "/out",
                get(async |State(app): State<Self>, RawQuery(query): RawQuery| app.sign_out(query)),
            )
            .route("/frame", get(async |State(app): State<Self>| app.frame()))
            .with_state(app.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let client = site.admin.add_app_with(|m| {
            m.redirect_uris = vec![format!("{at}/callback")];
            m.post_logout_redirect_uris = vec![format!("{at}/bye")];
        });
        (app, client.await)
    }

    fn sign_out(&self, query: Option<String>) -> &'static str {
        self.signed_out.lock().unwrap().push(query.unwrap_or_default());
        "Signed out of the app"
    }

    /// Session Management §3.1: the app's page, with the provider's in a frame.
    fn frame(&self) -> Html<String> {
        let script = "function ask(text, done) {
                addEventListener('message', function (e) { done(e.origin + ' ' + e.data); }, { once: true });
                document.querySelector('iframe').contentWindow.postMessage(text, '*');
            }";
        Html(format!("<iframe src='{}session/check'></iframe><script>{script}</script>", self.site))
    }

    /// What the provider's page answers.
    async fn ask(&self, chromium: &Chromium, text: &str) -> String {
        if !chromium.url().await.ends_with("/frame") {
            chromium.open(&format!("{}/frame", self.at)).await;
        }
        let text = serde_json::Value::from(text);
        let answer = chromium.run_async(&format!("ask({text}, arguments[0])")).await;
        let answer = answer.as_str().unwrap().to_owned();
        let origin = format!("{} ", self.site.origin().ascii_serialization());
        answer.strip_prefix(&origin).expect("the provider answers").to_owned()
    }

    /// Signs in, and answers what the app posts to the provider's page from then on.
    async fn sign_in(&self, chromium: &Chromium, client: &RelyingApp, login: &str) -> String {
        let visit = client.visit().with("prompt", "login");
        chromium.open(&visit.url()).await;
        chromium.type_into("#login", login).await;
        chromium.type_into("#password", PASSWORD).await;
        chromium.click("#submit").await;
        let arrived = Url::parse(&chromium.url().await).unwrap();
        format!("{} {}", client.client_id, visit.answer(&arrived, "session_state"))
    }
}

async fn site() -> Site {
    let site = Site::on(Database::sqlite().await).await;
    let plain = site.admin.add_group("Plain", false).await;
    for login in ["pia", "pit"] {
        site.admin.add_user(&plain, login, "User", None).await;
    }
    site
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_frame_tells_when_the_session_changes() {
    let (site, chromium) = (site().await, Chromium::start(true).await);
    let (app, client) = PageApp::start(&site).await;
    let first = app.sign_in(&chromium, &client, "pia").await;
    assert_eq!(app.ask(&chromium, &first).await, "unchanged");
    // The same person proves themselves once more: it is their session still.
    let again = app.sign_in(&chromium, &client, "pia").await;
    assert_ne!(first, again, "the salt differs");
    for known in [&first, &again] {
        assert_eq!(app.ask(&chromium, known).await, "unchanged");
    }
    let other = app.sign_in(&chromium, &client, "pit").await;
    assert_eq!(app.ask(&chromium, &first).await, "changed");
    assert_eq!(app.ask(&chromium, &other).await, "unchanged");
    chromium.open(site.url.join("logout").unwrap().as_str()).await;
    chromium.click("#submit").await;
    for known in [&first, &other] {
        assert_eq!(app.ask(&chromium, known).await, "changed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_question_is_an_error() {
    let (site, chromium) = (site().await, Chromium::start(true).await);
    let (app, client) = PageApp::start(&site).await;
    let known = app.sign_in(&chromium, &client, "pia").await;
    let long = "x".repeat(2000);
    for wrong in [
        "",
        " ",
        "hello",
        "a b",
        "a b.",
        "a .b",
        " b.c",
        "a b.c.d",
        "a b.c d",
        &long,
        &known.replace('.', ""),
    ] {
        assert_eq!(app.ask(&chromium, wrong).await, "error", "{wrong:?}");
    }
    chromium.run("window.odd = { toString: function () { return 'a b.c'; } }").await;
    let answer = chromium.run_async("ask({ client: 1 }, arguments[0])").await;
    assert!(answer.as_str().unwrap().ends_with(" error"), "{answer}");
    let (id, rest) = known.split_once(' ').unwrap();
    let (hash, salt) = rest.split_once('.').unwrap();
    for other in [format!("x{id} {rest}"), format!("{id} {hash}.x{salt}"), format!("{id} x{hash}.{salt}")] {
        assert_eq!(app.ask(&chromium, &other).await, "changed", "{other}");
    }
}

/// The script has a SHA-256 of its own: texts of every length around the ends of its blocks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_hashes_as_everybody_does() {
    let (site, chromium) = (site().await, Chromium::start(true).await);
    let (app, _client) = PageApp::start(&site).await;
    assert_eq!(app.ask(&chromium, "a b.c").await, "error", "nobody has been here in this browser");
    chromium.open(site.url.join("session/check").unwrap().as_str()).await;
    chromium.run("document.cookie = 'countersign_browser_state=s'").await;
    for length in (1..140).chain([1000, 1700]) {
        let client_id = "x".repeat(length - 1) + "ü";
        let hash = sha256(format!("{client_id} {} s salt", app.at).as_bytes());
        let known = format!("{client_id} {}.salt", base64url(&hash));
        assert_eq!(app.ask(&chromium, &known).await, "unchanged", "{length}");
    }
}

/// A page that any site may frame must be able to do nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_frame_may_be_framed() {
    let site = site().await;
    let mut browser = site.browser();
    browser.open("/session/check").await;
    assert_eq!(browser.status(), 200);
    assert_eq!(browser.header("x-frame-options"), None);
    assert_eq!(browser.header("cross-origin-resource-policy").as_deref(), Some("cross-origin"));
    let policy = browser.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
    assert!(policy.ends_with("; frame-ancestors *"), "{policy}");
    for page in ["/", "/logout", "/nothing"] {
        browser.open(page).await;
        assert_eq!(browser.header("x-frame-options").as_deref(), Some("DENY"), "{page}");
        assert!(
            browser.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"),
            "{page}"
        );
    }
}

/// In a frame on another site only such a cookie is there; it says nothing, and opens nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_script_reads_is_a_cookie_of_its_own() {
    let site = Site::with_tls(Database::sqlite().await, |_| ()).await;
    let app = site.admin.add_app().await;
    let (mut browser, tokens) = site.signed_in(&app, &app.visit(), "ada").await;
    let cookie = |name: &str| browser.cookies().into_iter().find(|c| c.name().ends_with(name));
    let state = cookie("browser_state").expect("a cookie");
    assert_eq!(
        state.to_string(),
        format!("__Host-countersign_browser_state={}; SameSite=None; Secure; Path=/", state.value())
    );
    assert_eq!(state.value().len(), 64);
    assert_ne!(state.value(), cookie("countersign_session").expect("a cookie").value());
    browser.open("/session/check").await;
    assert!(browser.page().body.contains("data-cookie=\"__Host-countersign_browser_state\""));
    browser.open(&format!("/logout?id_token_hint={}", tokens.text("id_token"))).await;
    let left: Vec<String> = browser.cookies().iter().map(|c| c.name().to_owned()).collect();
    assert!(left.iter().all(|name| !name.ends_with("_session")), "{left:?}");
    let nobody = browser.cookies().into_iter().find(|c| c.name() == state.name()).expect("a cookie");
    assert!(nobody.value() != state.value() && nobody.value().len() == 43);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_state_comes_with_openid_alone() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let (openid, oauth) = (app.visit(), app.visit().with("scope", "profile").without("nonce"));
    let browser = site.after_password(&openid, "pia").await;
    let first = openid.answer(&browser.arrived(), "session_state");
    let (hash, salt) = first.split_once('.').expect("hash and salt");
    assert_eq!((hash.len(), salt.len()), (43, 26));
    let browser = site.after_password(&oauth, "pia").await;
    oauth.code(&browser.arrived());
    assert!(!browser.arrived().query_pairs().any(|(name, _)| name == "session_state"));
}

/// With JavaScript the browser goes on as soon as the apps' pages are there; without it, after a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_apps_page_is_loaded_and_the_browser_goes_on() {
    for javascript in [true, false] {
        let (site, chromium) = (site().await, Chromium::start(javascript).await);
        let (app, _) = PageApp::start(&site).await;
        let client = site.admin.add_app_with(|m| {
            m.redirect_uris = vec![format!("{}/callback", app.at)];
            m.post_logout_redirect_uris = vec![format!("{}/bye", app.at)];
            m.frontchannel_logout_uri = Some(format!("{}/out?x=1", app.at));
        });
        let client = client.await;
        let visit = client.visit();
        chromium.open(&visit.url()).await;
        chromium.type_into("#login", "pia").await;
        chromium.type_into("#password", PASSWORD).await;
        chromium.click("#submit").await;
        let tokens = client.redeem(&visit, &Url::parse(&chromium.url().await).unwrap()).await;
        let claims = client.verify(&tokens.text("id_token"), &visit, site.now()).await;
        let mut url = site.url.join("logout").unwrap();
        url.query_pairs_mut()
            .append_pair("id_token_hint", &tokens.text("id_token"))
            .append_pair("post_logout_redirect_uri", &format!("{}/bye", app.at))
            .append_pair("state", "s");
        chromium.open(url.as_str()).await;
        let bye = format!("{}/bye?state=s", app.at);
        for _ in 0..500 {
            if chromium.url().await == bye {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(chromium.url().await, bye, "JavaScript: {javascript}");
        let out = app.signed_out.lock().unwrap().clone();
        assert_eq!(out.len(), 1, "{out:?}");
        let given: Vec<_> = form_urlencoded::parse(out[0].as_bytes()).collect();
        let [(x, _), (iss, issuer), (sid, session)] = given.as_slice() else { panic!("{given:?}") };
        assert_eq!((x.as_ref(), iss.as_ref(), sid.as_ref()), ("x", "iss", "sid"));
        assert_eq!(
            (issuer.as_ref(), session.as_ref()),
            (claims["iss"].as_str().unwrap(), claims["sid"].as_str().unwrap())
        );
    }
}
