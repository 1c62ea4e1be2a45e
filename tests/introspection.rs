//! Does a resource server learn what it must about a token, and nobody anything else? (RFC 7662, RFC 9701)
#![cfg(test)]

mod support;

use countersign::config::SigningAlgorithm;
use countersign::directory::Status;
use countersign::directory::users::Changes;
use countersign::oidc::clients::{AuthMethod, GrantType};
use serde_json::{Value, json};
use support::Database;
use support::admin::PASSWORD;
use support::prover::{proof, thumbprint};
use support::relying_app::{Answer, RelyingApp};
use support::signer::Signer;
use support::site::Site;

const API: &str = "https://api.example.org/";

/// An app that may call the API, and has refresh tokens.
async fn app(site: &Site) -> RelyingApp {
    site.admin.add_app_with(|m| m.allowed_resources = vec![API.to_owned()]).await
}

/// The API itself.
async fn api(site: &Site) -> RelyingApp {
    site.admin
        .add_app_with(|m| {
            m.grant_types = vec![GrantType::ClientCredentials];
            m.redirect_uris.clear();
            m.response_types.clear();
            m.served_resources = vec![API.to_owned()];
        })
        .await
}

async fn tokens(site: &Site, app: &RelyingApp, login: &str) -> Answer {
    let visit = app.visit().with("scope", "openid profile offline_access").with("resource", API);
    let mut browser = site.after_password(&visit, login).await;
    if !browser.has_left() {
        let code = site.inbox(&format!("{login}@example.org")).code();
        browser.fill("code", &code).fill("password", PASSWORD).submit().await;
    }
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    tokens
}

async fn introspect(app: &RelyingApp, token: &str) -> Value {
    let answer = app.ask("introspect", &[("token", token)]).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.json
}

fn inactive() -> Value {
    json!({ "active": false })
}

crate::on_both_databases! {
    /// The API learns who calls, with which rights, and how they have signed in; not their login.
    async fn the_resource_that_a_token_is_for_learns_what_it_says(database) {
        let site = Site::on(database).await;
        let (app, api) = (app(&site).await, api(&site).await);
        let tokens = tokens(&site, &app, "ned").await;
        let known = introspect(&api, &tokens.text("access_token")).await;
        let ned = site.admin.user("ned").await;
        let issuer = site.url.as_str().trim_end_matches('/');
        assert_eq!(known["active"], true);
        assert_eq!(known["sub"], ned.id.as_str());
        assert_eq!(known["client_id"], app.client_id.as_str());
        assert_eq!(known["scope"], "openid profile offline_access");
        assert_eq!(known["token_type"], "Bearer");
        assert_eq!(known["iss"], issuer);
        assert_eq!(known["aud"], json!([API, issuer]));
        assert_eq!(known["exp"], site.now() + 600);
        assert_eq!(known["iat"], site.now());
        assert_eq!(known["acr"], "urn:countersign:acr:2fa");
        assert_eq!(known["amr"], json!(["pwd", "otp", "mfa"]));
        assert_eq!(known["auth_time"], site.now());
        assert!(known["jti"].is_string());
        assert!(known.get("username").is_none() && known.get("cnf").is_none(), "{known}");
        // Refresh tokens are nobody's but their client's.
        assert_eq!(introspect(&api, &tokens.text("refresh_token")).await, inactive());
    }

    /// The app asks about its own tokens.
    async fn an_app_asks_about_its_own(database) {
        let site = Site::on(database).await;
        let app = app(&site).await;
        let tokens = tokens(&site, &app, "ned").await;
        assert_eq!(introspect(&app, &tokens.text("access_token")).await["username"], "ned");
        let refresh = introspect(&app, &tokens.text("refresh_token")).await;
        assert_eq!(refresh["active"], true);
        assert_eq!(refresh["username"], "ned");
        assert_eq!(refresh["client_id"], app.client_id.as_str());
        assert_eq!(refresh["acr"], "urn:countersign:acr:2fa");
        assert!(refresh["exp"].as_i64() > Some(site.now() + 86_400));
        assert_eq!(introspect(&app, &tokens.text("id_token")).await, inactive(), "it opens nothing");

        let next = app.refresh(&tokens.text("refresh_token")).await;
        site.advance(11);
        assert_eq!(introspect(&app, &tokens.text("refresh_token")).await, inactive(), "used");
        assert_eq!(introspect(&app, &next.text("refresh_token")).await["active"], true);
    }

    /// Whatever ends a token makes it inactive, in the same words.
    async fn what_has_ended_is_inactive(database) {
        let site = Site::on(database).await;
        let (app, api) = (app(&site).await, api(&site).await);
        let (first, second) = (tokens(&site, &app, "ned").await, tokens(&site, &app, "ada").await);
        app.ask("revoke", &[("token", &first.text("refresh_token"))]).await;
        assert_eq!(introspect(&api, &first.text("access_token")).await, inactive());
        assert_eq!(introspect(&app, &first.text("refresh_token")).await, inactive());

        let third = tokens(&site, &app, "ned").await;
        let disabled = Changes { status: Some(Status::Disabled), ..Changes::default() };
        site.admin.change("ned", disabled).await;
        assert_eq!(introspect(&api, &third.text("access_token")).await, inactive());
        assert_eq!(introspect(&app, &third.text("refresh_token")).await, inactive());

        assert_eq!(introspect(&api, &second.text("access_token")).await["active"], true);
        site.advance(600);
        assert_eq!(introspect(&api, &second.text("access_token")).await, inactive());
        assert_eq!(introspect(&app, &second.text("refresh_token")).await["active"], true);
    }
}

#[tokio::test]
async fn a_token_is_nobody_elses_business() {
    let site = Site::on(Database::sqlite().await).await;
    let caller = app(&site).await;
    let tokens = tokens(&site, &caller, "ada").await;
    // Another app may call the API too: that makes it no API.
    let another = app(&site).await;
    let stranger = site.admin.add_app().await;
    for other in [another, stranger] {
        assert_eq!(introspect(&other, &tokens.text("access_token")).await, inactive());
        assert_eq!(introspect(&other, &tokens.text("refresh_token")).await, inactive());
    }
}

#[tokio::test]
async fn what_is_no_token_is_inactive_and_no_error() {
    let site = Site::on(Database::sqlite().await).await;
    let api = api(&site).await;
    for odd in ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "ü", &"x".repeat(10_000)] {
        assert_eq!(introspect(&api, odd).await, inactive());
    }
    let own = api.token(&[("grant_type", "client_credentials")]).await.text("access_token");
    let known = introspect(&api, &own).await;
    assert_eq!(known["sub"], api.client_id.as_str());
    assert!(known.get("acr").is_none() && known.get("username").is_none());
}

#[tokio::test]
async fn who_cannot_prove_who_they_are_may_not_ask() {
    let site = Site::on(Database::sqlite().await).await;
    let public = site.admin.add_app_with(|m| m.token_endpoint_auth_method = AuthMethod::None).await;
    let refused = public.ask("introspect", &[("token", "x")]).await;
    assert_eq!((refused.status.as_u16(), refused.error().as_deref()), (401, Some("invalid_client")));
    let api = api(&site).await;
    assert_eq!(api.ask("introspect", &[]).await.error().as_deref(), Some("invalid_request"));
    let stranger = RelyingApp { client_secret: Some("wrong".to_owned()), ..api };
    assert_eq!(stranger.ask("introspect", &[("token", "x")]).await.status, 401);
}

#[tokio::test]
async fn the_key_that_a_token_is_bound_to_is_told() {
    let site = Site::on(Database::sqlite().await).await;
    let (api, key) = (api(&site).await, Signer::new("ES256"));
    let endpoint: String = site.url.join("token").unwrap().into();
    let request = api.request("token", &[("grant_type", "client_credentials")]);
    let bound = Answer::of(request.header("DPoP", proof(&key, "POST", &endpoint, site.now()))).await;
    assert_eq!(bound.text("token_type"), "DPoP");
    let known = introspect(&api, &bound.text("access_token")).await;
    assert_eq!(known["token_type"], "DPoP");
    assert_eq!(known["cnf"], json!({ "jkt": thumbprint(&key) }));
}

#[tokio::test]
async fn an_answer_can_be_signed() {
    let site = Site::on(Database::sqlite().await).await;
    let app = app(&site).await;
    let api = site
        .admin
        .add_app_with(|m| {
            m.served_resources = vec![API.to_owned()];
            m.introspection_signed_response_alg = Some(SigningAlgorithm::ES256);
        })
        .await;
    let tokens = tokens(&site, &app, "ada").await;
    for (token, active) in [(tokens.text("access_token"), true), ("x".to_owned(), false)] {
        let request = api.request("introspect", &[("token", &token)]);
        let answer = request.header("accept", "application/token-introspection+jwt").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/token-introspection+jwt");
        let jwt = answer.text().await.unwrap();
        let header = josekit::jwt::decode_header(&jwt).unwrap();
        assert_eq!(header.claim("typ"), Some(&json!("token-introspection+jwt")));
        assert_eq!(header.claim("alg"), Some(&json!("ES256")));
        let claims = api.verify_signature(&jwt).await;
        assert_eq!(claims["aud"], api.client_id.as_str());
        assert_eq!(claims["iss"], site.url.as_str().trim_end_matches('/'));
        assert_eq!(claims["iat"], site.now());
        assert!(claims.get("sub").is_none() && claims.get("exp").is_none());
        assert_eq!(claims["token_introspection"]["active"], active);
    }
}
