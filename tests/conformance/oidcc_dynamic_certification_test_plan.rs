//! Is this a Dynamic OP? Plan `oidcc-dynamic-certification-test-plan` with `response_type=code`: every client registers itself, and
//! proves itself by `private_key_jwt`.

use serde_json::{Value, json};

use crate::checks;
use crate::dynamic::{Client, Dynamic};
use crate::oidcc_config_certification_test_plan::verify;
use crate::suite::get;
use crate::support::admin::REDIRECT_URI;
use crate::support::browser::{Browser, http};
use crate::support::relying_app::Visit;
use crate::support::signer::Signer;

fn lists(metadata: &Value, name: &str, value: &str) -> bool {
    metadata[name].as_array().is_some_and(|list| list.iter().any(|one| one == value))
}

fn assert_error_page(browser: &Browser) {
    assert!(!browser.has_left(), "sent to {}", browser.page().url);
    assert_eq!(browser.status(), 400, "{}", browser.text());
}

/// A client that registers so, and its flow.
async fn succeeds(changes: Value) {
    let suite = Dynamic::start().await;
    let client = suite.register(changes).await;
    suite.happy(&client, &client.visit()).await;
    suite.finish(&client).await;
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let suite = Dynamic::start().await;
    let metadata = verify(&suite.site).await;
    for response_type in ["code", "id_token", "id_token token"] {
        assert!(lists(&metadata, "response_types_supported", response_type), "{response_type}");
    }
    for grant_type in ["authorization_code", "implicit"] {
        assert!(lists(&metadata, "grant_types_supported", grant_type), "{grant_type}");
    }
    assert!(metadata["registration_endpoint"].as_str().unwrap().starts_with("https://"));
}

#[tokio::test]
async fn oidcc_server() {
    succeeds(json!({})).await;
}

#[tokio::test]
async fn oidcc_idtoken_rs256() {
    succeeds(json!({ "id_token_signed_response_alg": "RS256" })).await;
}

#[tokio::test]
async fn oidcc_idtoken_unsigned() {
    let suite = Dynamic::start().await;
    assert!(!lists(&suite.metadata, "id_token_signing_alg_values_supported", "none"));
}

#[tokio::test]
async fn oidcc_userinfo_rs256() {
    let suite = Dynamic::start().await;
    let client = suite.register(json!({ "userinfo_signed_response_alg": "RS256" })).await;
    let (tokens, id_token) = suite.tokens(&client, &client.visit()).await;
    let request = http().get(suite.endpoint("userinfo_endpoint")).bearer_auth(tokens.text("access_token"));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/jwt");
    let userinfo = client.app.verify_signature(&answer.text().await.unwrap()).await;
    assert_eq!((&userinfo["iss"], &userinfo["aud"]), (&json!(suite.issuer()), &json!(client.app.client_id)));
    checks::userinfo(&userinfo, &id_token);
    suite.finish(&client).await;
}

#[tokio::test]
async fn oidcc_ensure_redirect_uri_in_authorization_request() {
    let suite = Dynamic::start().await;
    let uris = json!([REDIRECT_URI, "https://app.example.org/other"]);
    let client = suite.register(json!({ "redirect_uris": uris })).await;
    let mut browser = suite.site.browser();
    browser.open(&client.visit().without("redirect_uri").url()).await;
    assert_error_page(&browser);
}

const WITH_QUERY: &str = "https://app.example.org/callback?foo=bar";

#[tokio::test]
async fn oidcc_redirect_uri_query_ok() {
    let suite = Dynamic::start().await;
    let client = suite.register(json!({ "redirect_uris": [WITH_QUERY] })).await;
    let visit = client.visit();
    let mut browser = suite.site.browser();
    browser.open(&visit.url()).await;
    crate::suite::finish(&mut browser).await;
    let arrived = browser.arrived();
    assert!(arrived.as_str().starts_with(&format!("{WITH_QUERY}&")), "{arrived}");
    visit.code(&arrived);
}

/// A redirect URI that is not quite the one that is registered.
async fn refuses_redirect(registered: &str, asked: &str) {
    let suite = Dynamic::start().await;
    let client = suite.register(json!({ "redirect_uris": [registered] })).await;
    let mut browser = suite.site.browser();
    browser.open(&client.visit().with("redirect_uri", asked).url()).await;
    assert_error_page(&browser);
}

#[tokio::test]
async fn oidcc_redirect_uri_query_mismatch() {
    refuses_redirect(WITH_QUERY, "https://app.example.org/callback?bar=foo").await;
}

#[tokio::test]
async fn oidcc_redirect_uri_query_added() {
    refuses_redirect(REDIRECT_URI, WITH_QUERY).await;
}

#[tokio::test]
async fn oidcc_redirect_uri_regfrag() {
    let suite = Dynamic::start().await;
    let changes = json!({ "redirect_uris": [format!("{REDIRECT_URI}#foobar")] });
    let answer = suite.try_to_register(&Signer::new("RS256"), &changes).await;
    checks::json_refusal(&answer, 400, "invalid_redirect_uri");
}

/// What the client has registered is on the page that asks for the password.
async fn shown_on_the_login_page(member: &str, uri: &str, how: &str) {
    let suite = Dynamic::start().await;
    let client = suite.register(json!({ member: uri })).await;
    let mut browser = suite.site.browser();
    browser.open(&client.visit().url()).await;
    assert!(browser.has_field("password"));
    let body = browser.page().body.replace("&#x2f;", "/");
    assert!(body.contains(&format!("{how}=\"{uri}\"")), "{member} is not in {body}");
    suite.happy(&client, &client.visit()).await;
    suite.finish(&client).await;
}

#[tokio::test]
async fn oidcc_registration_logo_uri() {
    shown_on_the_login_page("logo_uri", "https://app.example.org/logo.png", "src").await;
}

#[tokio::test]
async fn oidcc_registration_policy_uri() {
    shown_on_the_login_page("policy_uri", "https://app.example.org/policy", "href").await;
}

#[tokio::test]
async fn oidcc_registration_tos_uri() {
    shown_on_the_login_page("tos_uri", "https://app.example.org/tos", "href").await;
}

#[tokio::test]
async fn oidcc_registration_jwks_uri() {
    let suite = Dynamic::start().await;
    let signer = Signer::new("RS256");
    let uri = suite.publisher.publish("jwks", &signer.jwks().to_string());
    let client = suite.register_with(signer, json!({ "jwks": null, "jwks_uri": uri })).await;
    suite.happy(&client, &client.visit()).await;
    suite.finish(&client).await;
}

#[tokio::test]
async fn oidcc_registration_sector_uri() {
    let suite = Dynamic::start().await;
    assert!(lists(&suite.metadata, "subject_types_supported", "pairwise"));
    let uri = suite.publisher.publish("sector", &json!([REDIRECT_URI]).to_string());
    let client = suite.register(json!({ "sector_identifier_uri": uri, "subject_type": "pairwise" })).await;
    suite.happy(&client, &client.visit()).await;
    suite.finish(&client).await;
}

#[tokio::test]
async fn oidcc_registration_sector_bad() {
    let suite = Dynamic::start().await;
    let uri = suite.publisher.publish("sector", &json!(["https://app.example.org/other"]).to_string());
    let changes = json!({ "sector_identifier_uri": uri, "subject_type": "pairwise" });
    let answer = suite.try_to_register(&Signer::new("RS256"), &changes).await;
    checks::json_refusal(&answer, 400, "invalid_client_metadata");
}

#[tokio::test]
async fn oidcc_server_rotate_keys() {
    let suite = Dynamic::start().await;
    let client = suite.register(json!({})).await;
    let kids = async || -> Vec<Value> {
        let jwks = get(&suite.site.url, "jwks").await.json;
        checks::jwks(&jwks);
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
    };
    let before = kids().await;
    suite.happy(&client, &client.visit()).await;
    suite.site.admin.rotate_keys().await;
    suite.site.advance(300);
    let after = kids().await;
    assert!(after.iter().any(|kid| !before.contains(kid)), "a new key is published");
    assert!(before.iter().all(|kid| after.contains(kid)), "the old ones remain");
    suite.happy(&client, &client.visit()).await;
    suite.site.advance(600);
    suite.happy(&client, &client.visit()).await;
    suite.finish(&client).await;
}

fn offline(visit: Visit) -> Visit {
    visit.with("scope", "openid offline_access").with("prompt", "consent")
}

/// Members of a client that is given refresh tokens.
fn refreshing() -> Value {
    json!({ "grant_types": ["authorization_code", "refresh_token"] })
}

#[tokio::test]
async fn oidcc_refresh_token_rp_key_rotation() {
    let suite = Dynamic::start().await;
    let signer = Signer::new("RS256");
    let uri = suite.publisher.publish("jwks", &signer.jwks().to_string());
    let mut changes = refreshing();
    (changes["jwks"], changes["jwks_uri"]) = (Value::Null, json!(uri));
    let client = suite.register_with(signer, changes).await;
    let flow = suite.happy(&client, &offline(client.visit())).await;
    // Another key, of another name.
    let signer = Signer::new("RS256").named("new");
    suite.publisher.publish("jwks", &signer.jwks().to_string());
    suite.site.advance(60);
    let client = Client { signer, ..client };
    let token = flow.tokens.text("refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    checks::token_answer(&suite.token(&client, &form).await);
    suite.finish(&client).await;
}

#[tokio::test]
async fn oidcc_request_uri_unsigned() {
    let suite = Dynamic::start().await;
    assert!(!lists(&suite.metadata, "request_object_signing_alg_values_supported", "none"));
}

#[tokio::test]
async fn oidcc_request_uri_signed_rs256() {
    let suite = Dynamic::start().await;
    assert_eq!(suite.metadata["request_uri_parameter_supported"], true);
    assert!(lists(&suite.metadata, "request_object_signing_alg_values_supported", "RS256"));
    // The hash is made before the object is: it is that of no content.
    let uri = suite.publisher.uri("request.jwt#47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    let changes = json!({ "request_uris": [uri], "request_object_signing_alg": "RS256" });
    let client = suite.register(changes).await;
    let visit = client.visit();
    let mut claims = json!(visit.parameters);
    claims["iss"] = json!(client.app.client_id);
    claims["aud"] = json!(suite.issuer());
    let object = client.signer.sign(&claims);
    suite.publisher.publish("request.jwt", &object);
    // What OIDC Core §6.2 has outside: the rest is in the object alone.
    let by_reference = visit.clone().with("request_uri", &uri).without("state").without("nonce");
    let mut browser = suite.site.browser();
    browser.open(&by_reference.url()).await;
    crate::suite::finish(&mut browser).await;
    let arrived = browser.arrived();
    let code = visit.code(&arrived);
    let form =
        [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", REDIRECT_URI)];
    let tokens = suite.token(&client, &form).await;
    checks::token_answer(&tokens);
    client.app.verify(&tokens.text("id_token"), &visit, suite.site.now()).await;
    suite.finish(&client).await;
}

#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    let suite = Dynamic::start().await;
    assert!(!lists(&suite.metadata, "request_object_signing_alg_values_supported", "none"));
}

#[tokio::test]
async fn oidcc_refresh_token() {
    let suite = Dynamic::start().await;
    let (one, two) = (suite.register(refreshing()).await, suite.register(refreshing()).await);
    let first = suite.happy(&one, &offline(one.visit())).await;
    let second = suite.happy(&two, &offline(two.visit())).await;
    suite.site.advance(1);
    let refresh = async |token: String| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        suite.token(&one, &form).await
    };
    let fresh = refresh(first.tokens.text("refresh_token")).await;
    checks::token_answer(&fresh);
    let claims = one.app.verify_signature(&fresh.text("id_token")).await;
    for same in ["iss", "sub", "aud", "azp", "auth_time"] {
        assert_eq!(claims.get(same), first.id_token.get(same), "{same}");
    }
    assert!(claims["iat"].as_i64() > first.id_token["iat"].as_i64());
    checks::json_refusal(&refresh(second.tokens.text("refresh_token")).await, 400, "invalid_grant");
}

#[tokio::test]
async fn oidcc_ensure_client_assertion_with_iss_aud_succeeds() {
    let suite = Dynamic::start().await;
    let client = suite.register(json!({})).await;
    let visit = client.visit();
    let arrived = suite.authorize(&mut suite.site.browser(), &visit).await;
    let code = visit.code(&arrived);
    let form =
        [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", REDIRECT_URI)];
    checks::token_answer(&suite.token_for(&client, &form, suite.issuer()).await);
    suite.finish(&client).await;
}
