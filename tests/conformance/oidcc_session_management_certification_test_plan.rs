//! Do an app's pages see that the session has changed? Plan `oidcc-session-management-certification-test-plan`, in a real browser, as
//! the suite wants it.

use url::Url;

use crate::suite::{Suite, Terms, long_state};
use crate::support::admin::PASSWORD;
use crate::support::app_server::AppServer;
use crate::support::webdriver::Chromium;

#[tokio::test]
async fn oidcc_session_management_discovery_endpoint_verification() {
    let suite = Suite::start(Terms::BASIC).await;
    for name in ["end_session_endpoint", "check_session_iframe"] {
        assert!(suite.metadata[name].as_str().unwrap().starts_with("https://"), "{name}");
    }
}

/// The app is `127.0.0.1`, the provider `localhost`: two sites, so that the frame is a stranger's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_session_management_rp_initiated_logout() {
    let server = AppServer::start().await;
    let at = |path: &str| server.uri(path).replace("localhost", "127.0.0.1");
    let register = |metadata: &mut countersign::oidc::clients::Metadata| {
        metadata.redirect_uris = vec![at("/callback")];
        metadata.post_logout_redirect_uris = vec![at("/post_logout_redirect")];
    };
    let suite = Suite::start_with(Terms::BASIC, register).await;
    let chromium = Chromium::start(true).await;

    let visit = suite.visit();
    chromium.open(&visit.url()).await;
    chromium.type_into("#login", "ada").await;
    chromium.type_into("#password", PASSWORD).await;
    chromium.click("#submit").await;
    let arrived = Url::parse(&chromium.url().await).unwrap();
    let session_state = visit.answer(&arrived, "session_state");
    assert!(!session_state.contains(' '), "Session Management section 2");
    let hint = suite.redeem(&suite.client, &visit, &arrived).await.tokens.text("id_token");

    // The suite's pages: one holds the provider's frame and a frame of the app, which asks the other one.
    let frame = suite.metadata["check_session_iframe"].as_str().unwrap();
    let (name, id) = (at("/rp_session_iframe"), &suite.client.client_id);
    server.shows(
        "/session_verify",
        &format!("<iframe id=op src='{frame}'></iframe><iframe src='{name}'></iframe>"),
    );
    let issuer = Url::parse(suite.issuer()).unwrap().origin().ascii_serialization();
    server.shows(
        "/rp_session_iframe",
        &format!(
            "<script>
                addEventListener('message', function (e) {{
                    if (e.origin === '{issuer}') {{ parent.document.title = e.data; }}
                }});
                setInterval(function () {{
                    parent.document.getElementById('op').contentWindow.postMessage('{id} {session_state}', '{issuer}');
                }}, 100);
            </script>"
        ),
    );
    assert_eq!(verdict(&chromium, &at("/session_verify")).await, "unchanged");

    let state = long_state();
    let to = at("/post_logout_redirect");
    let parameters = [("id_token_hint", &*hint), ("post_logout_redirect_uri", &*to), ("state", &*state)];
    chromium.open(suite.logout(&parameters).as_str()).await;
    assert_eq!(chromium.url().await, format!("{to}?state={state}"));
    assert_eq!(verdict(&chromium, &at("/session_verify")).await, "changed");
}

/// What the app's frame has been told, once it has.
async fn verdict(chromium: &Chromium, page: &str) -> String {
    chromium.open(page).await;
    for _ in 0..200 {
        let title = chromium.run("return document.title").await;
        if title != "" {
            return title.as_str().unwrap().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the provider's frame does not answer");
}
