//! With what is an access token signed? Cheaply where nobody else reads it, and so that every API can read it where one does.
#![cfg(test)]

mod support;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign::config::{Period, SigningAlgorithm};
use countersign::oidc::clients::{GrantType, Metadata};
use serde_json::Value;
use support::Database;
use support::relying_app::RelyingApp;
use support::site::Site;

const API: &str = "https://api.example.org/";

/// The `alg` in a JWT's header.
fn algorithm(jwt: &str, typ: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header["typ"], typ);
    header["alg"].as_str().unwrap().to_owned()
}

/// An app that may call the API, and has tokens in its own name too.
async fn app(site: &Site, change: impl FnOnce(&mut Metadata)) -> RelyingApp {
    site.admin
        .add_app_with(|m| {
            m.allowed_resources = vec![API.to_owned()];
            m.grant_types =
                vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials];
            change(m);
        })
        .await
}

/// What signs a token in the app's own name, for this resource.
async fn in_its_own_name(app: &RelyingApp, resource: Option<&str>) -> String {
    let mut form = vec![("grant_type", "client_credentials")];
    form.extend(resource.map(|resource| ("resource", resource)));
    let answer = app.ask("token", &form).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let token = answer.text("access_token");
    app.verify_signature(&token).await;
    algorithm(&token, "at+jwt")
}

crate::on_both_databases! {
    async fn a_token_for_us_alone_is_signed_with_es256_and_one_for_an_api_with_rs256(database) {
        let site = Site::on(database).await;
        let app = app(&site, |_| ()).await;
        assert_eq!(in_its_own_name(&app, None).await, "ES256");
        assert_eq!(in_its_own_name(&app, Some(API)).await, "RS256");
        for (resource, expected) in [(None, "ES256"), (Some(API), "RS256")] {
            let mut visit = app.visit().with("scope", "openid offline_access");
            if let Some(resource) = resource {
                visit = visit.with("resource", resource);
            }
            let browser = site.after_password(&visit, "ada").await;
            let given = app.redeem(&visit, &browser.arrived()).await;
            let again = app.refresh(&given.text("refresh_token")).await;
            for tokens in [&given, &again] {
                let token = tokens.text("access_token");
                assert_eq!(algorithm(&token, "at+jwt"), expected);
                app.verify_signature(&token).await;
                assert_eq!(app.userinfo(&token).await.status, 200);
            }
            // What apps read stays as they know it.
            app.verify(&given.text("id_token"), &visit, site.now()).await;
assert_eq!(algorithm(&given.text("id_token"), "JWT"), "RS256");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_may_choose_what_its_access_tokens_are_signed_with() {
    let site = Site::on(Database::sqlite().await).await;
    for chosen in [SigningAlgorithm::RS256, SigningAlgorithm::PS512, SigningAlgorithm::EdDSA] {
        let app = app(&site, |m| m.access_token_signed_response_alg = Some(chosen)).await;
        for resource in [None, Some(API)] {
            assert_eq!(in_its_own_name(&app, resource).await, chosen.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_own_algorithm_signs_what_apis_read() {
    let site =
        Site::with(Database::sqlite().await, |config| config.keys.algorithm = SigningAlgorithm::PS256).await;
    let app = app(&site, |_| ()).await;
    assert_eq!(in_its_own_name(&app, None).await, "ES256");
    assert_eq!(in_its_own_name(&app, Some(API)).await, "PS256");
}

/// A token that was signed before, with another key, holds until its time is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_signed_with_rs256_still_opens_userinfo() {
    let site = Site::with(Database::sqlite().await, |config| {
        config.tokens.access_lifetime = Period::seconds(3600);
    })
    .await;
    let app = app(&site, |m| m.access_token_signed_response_alg = Some(SigningAlgorithm::RS256)).await;
    let visit = app.visit();
    let browser = site.after_password(&visit, "ada").await;
    let token = app.redeem(&visit, &browser.arrived()).await.text("access_token");
    site.admin.change_app(&app, |m| m.access_token_signed_response_alg = None).await;
    site.admin.rotate_keys().await;
    site.advance(1800);
    assert_eq!(app.userinfo(&token).await.status, 200);
}
