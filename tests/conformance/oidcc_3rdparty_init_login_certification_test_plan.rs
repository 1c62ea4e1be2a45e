//! May somebody else begin a sign-in? Plan `oidcc-3rdparty-init-login-certification-test-plan`: what is registered for it.

use serde_json::json;

use crate::checks;
use crate::dynamic::Dynamic;
use crate::support::browser::http;
use crate::support::relying_app::Answer;
use crate::support::signer::Signer;

#[tokio::test]
async fn oidcc_3rd_party_init_login() {
    let suite = Dynamic::start().await;
    let uri = "https://app.example.org/initiate";
    let client = suite.register(json!({ "initiate_login_uri": uri })).await;
    let text = |name: &str| client.registration[name].as_str().unwrap();
    let read = http().get(text("registration_client_uri")).bearer_auth(text("registration_access_token"));
    let read = Answer::of(read).await;
    assert_eq!((read.status.as_u16(), &read.json["initiate_login_uri"]), (200, &json!(uri)));
    suite.finish(&client).await;
}

#[tokio::test]
async fn oidcc_3rd_party_init_login_nohttps() {
    let suite = Dynamic::start().await;
    let changes = json!({ "initiate_login_uri": "http://app.example.org/initiate" });
    let answer = suite.try_to_register(&Signer::new("RS256"), &changes).await;
    checks::json_refusal(&answer, 400, "invalid_client_metadata");
}
