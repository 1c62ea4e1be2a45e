//! Are apps told of a logout behind the browser's back? Plan `oidcc-backchannel-rp-initiated-logout-certification-test-plan`.

use serde_json::json;

use crate::suite::{POST_LOGOUT_REDIRECT_URI, Suite, Terms, long_state};
use crate::support::app_server::AppServer;

#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let suite = Suite::start(Terms::BASIC).await;
    assert!(suite.metadata["end_session_endpoint"].as_str().unwrap().starts_with("https://"));
    assert_eq!(suite.metadata["backchannel_logout_supported"], true);
    assert_eq!(suite.metadata["backchannel_logout_session_supported"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidcc_backchannel_rp_initiated_logout() {
    let server = AppServer::start().await;
    let register = |metadata: &mut countersign::oidc::clients::Metadata| {
        metadata.backchannel_logout_uri = Some(server.uri("/backchannel_logout"));
        metadata.backchannel_logout_session_required = true;
    };
    let suite = Suite::start_at(Terms::BASIC, |config| server.let_in(config), register).await;
    let mut browser = suite.site.browser();
    let flow = suite.flow(&mut browser, &suite.visit()).await;
    let (hint, state) = (flow.tokens.text("id_token"), long_state());
    let url = suite.logout(&[
        ("id_token_hint", &hint),
        ("post_logout_redirect_uri", POST_LOGOUT_REDIRECT_URI),
        ("state", &state),
    ]);
    browser.open(url.as_str()).await;
    let received = server.wait_for(1).await;
    assert_eq!(received[0].line, "POST /backchannel_logout");
    let [(name, token)] = received[0].form.as_slice() else { panic!("one parameter alone: {received:?}") };
    assert_eq!(name, "logout_token");
    let claims = suite.client.verify_signature(token).await;
    assert_eq!(claims["iss"], suite.issuer());
    assert_eq!(claims["aud"], json!(suite.client.client_id));
    assert!((claims["iat"].as_i64().unwrap() - suite.site.now()).abs() < 300);
    assert!(claims["exp"].as_i64().unwrap() > suite.site.now());
    assert!(!claims["jti"].as_str().unwrap().is_empty());
    assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    assert_eq!((&claims["sub"], &claims["sid"]), (&flow.id_token["sub"], &flow.id_token["sid"]));
    assert!(claims["sid"].is_string() && claims.get("nonce").is_none());
    assert_eq!(browser.arrived().as_str(), format!("{POST_LOGOUT_REDIRECT_URI}?state={state}"));
    suite.session_is_gone(&mut browser).await;
}
