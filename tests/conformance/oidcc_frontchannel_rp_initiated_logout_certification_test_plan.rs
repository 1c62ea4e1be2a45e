//! Do the apps' own pages see a logout? Plan `oidcc-frontchannel-rp-initiated-logout-certification-test-plan`.

use std::collections::BTreeMap;

use url::Url;

use crate::suite::{POST_LOGOUT_REDIRECT_URI, Suite, Terms, long_state};
use crate::support::html::frames;

const FRONTCHANNEL_LOGOUT_URI: &str = "https://app.example.org/frontchannel_logout";

#[tokio::test]
async fn oidcc_frontchannel_logout_discovery_endpoint_verification() {
    let suite = Suite::start(Terms::BASIC).await;
    assert!(suite.metadata["end_session_endpoint"].as_str().unwrap().starts_with("https://"));
    assert_eq!(suite.metadata["frontchannel_logout_supported"], true);
    assert_eq!(suite.metadata["frontchannel_logout_session_supported"], true);
}

/// How a real browser loads the frame and goes on is in `tests/session_management.rs`.
#[tokio::test]
async fn oidcc_frontchannel_rp_initiated_logout() {
    let suite = Suite::start_with(Terms::BASIC, |metadata| {
        metadata.frontchannel_logout_uri = Some(FRONTCHANNEL_LOGOUT_URI.to_owned());
        metadata.frontchannel_logout_session_required = true;
    });
    let suite = suite.await;
    let mut browser = suite.site.browser();
    let flow = suite.flow(&mut browser, &suite.visit()).await;
    let (hint, state) = (flow.tokens.text("id_token"), long_state());
    let url = suite.logout(&[
        ("id_token_hint", &hint),
        ("post_logout_redirect_uri", POST_LOGOUT_REDIRECT_URI),
        ("state", &state),
    ]);
    browser.open(url.as_str()).await;
    let frames = frames(&browser.page().body);
    let [frame] = frames.as_slice() else { panic!("one frame: {frames:?}") };
    let frame = Url::parse(frame).unwrap();
    assert_eq!(&frame[..url::Position::AfterPath], FRONTCHANNEL_LOGOUT_URI);
    let given: BTreeMap<_, _> = frame.query_pairs().into_owned().collect();
    let expected = BTreeMap::from([
        ("iss".to_owned(), suite.issuer().to_owned()),
        ("sid".to_owned(), flow.id_token["sid"].as_str().unwrap().to_owned()),
    ]);
    assert_eq!(given, expected);
    assert!(
        browser.header("content-security-policy").unwrap().ends_with("; frame-src https://app.example.org")
    );
    assert!(browser.links().contains(&format!("{POST_LOGOUT_REDIRECT_URI}?state={state}")));
    suite.session_is_gone(&mut browser).await;
}
