//! Does UserInfo answer in the form that the client has asked for, and say so when more must be proven? (OIDC Core §5.3.2, RFC 9470)
#![cfg(test)]

mod support;

use countersign::config::SigningAlgorithm;
use countersign::keys::jose::{ContentEncryption, KeyManagement};
use countersign::keys::secret::base64url;
use countersign::oidc::clients::{GrantType, Metadata, ResponseType};
use josekit::jwe::{self, ECDH_ES_A128KW, JweHeader};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use openssl::sha::sha256;
use serde_json::{Value, json};
use support::Database;
use support::admin::PASSWORD;
use support::browser::http;
use support::publisher::Publisher;
use support::relying_app::{Answer, RelyingApp, Visit};
use support::site::Site;

async fn site() -> Site {
    Site::on(Database::sqlite().await).await
}

/// Somebody who needs no code signs in.
async fn tokens(site: &Site, app: &RelyingApp) -> Answer {
    let visit = app.visit().with("scope", "openid profile");
    let browser = site.after_password(&visit, "ada").await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    tokens
}

/// The answer's content type and its text.
async fn userinfo(app: &RelyingApp, token: &str) -> (String, String) {
    let endpoint = app.issuer.join("userinfo").unwrap();
    let answer = http().get(endpoint).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, answer.text().await.unwrap())
}

fn key() -> Jwk {
    let mut key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    key.set_key_id("ours");
    key
}

fn with_key(m: &mut Metadata, key: &Jwk) {
    let mut public = key.to_public_key().unwrap();
    public.set_key_id("ours");
    m.jwks = Some(json!({ "keys": [public] }));
}

fn decrypted(jwe: &str, key: &Jwk) -> (String, JweHeader) {
    let decrypter = ECDH_ES_A128KW.decrypter_from_jwk(key).unwrap();
    let (payload, header) = jwe::deserialize_compact(jwe, &decrypter).unwrap();
    (String::from_utf8(payload).unwrap(), header)
}

#[tokio::test]
async fn plain_json_is_what_most_apps_get() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let (kind, text) = userinfo(&app, &tokens(&site, &app).await.text("access_token")).await;
    assert_eq!(kind, "application/json");
    let claims: Value = serde_json::from_str(&text).unwrap();
    assert!(claims.get("iss").is_none() && claims.get("aud").is_none());
    assert_eq!(claims["preferred_username"], "ada");
}

#[tokio::test]
async fn an_answer_is_signed_as_the_app_has_registered() {
    let site = site().await;
    for algorithm in [SigningAlgorithm::RS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA] {
        let app = site.admin.add_app_with(|m| m.userinfo_signed_response_alg = Some(algorithm)).await;
        let (kind, jwt) = userinfo(&app, &tokens(&site, &app).await.text("access_token")).await;
        assert_eq!(kind, "application/jwt");
        let header = josekit::jwt::decode_header(&jwt).unwrap();
        assert_eq!(header.claim("alg"), Some(&json!(algorithm.name())));
        let claims = app.verify_signature(&jwt).await;
        assert_eq!(claims["iss"], site.url.as_str().trim_end_matches('/'));
        assert_eq!(claims["aud"], app.client_id.as_str());
        assert_eq!(claims["sub"], site.admin.user("ada").await.id.as_str());
        assert_eq!(claims["preferred_username"], "ada");
    }
}

#[tokio::test]
async fn an_answer_is_encrypted_and_before_that_signed() {
    let (site, key) = (site().await, key());
    for (signed, enc) in [(None, None), (Some(SigningAlgorithm::ES256), Some(ContentEncryption::A256Gcm))] {
        let app = site
            .admin
            .add_app_with(|m| {
                with_key(m, &key);
                m.userinfo_signed_response_alg = signed;
                m.userinfo_encrypted_response_alg = Some(KeyManagement::EcdhEsA128Kw);
                m.userinfo_encrypted_response_enc = enc;
            })
            .await;
        let (kind, jwe) = userinfo(&app, &tokens(&site, &app).await.text("access_token")).await;
        assert_eq!(kind, "application/jwt");
        let (text, header) = decrypted(&jwe, &key);
        assert_eq!(header.content_encryption(), Some(enc.map_or("A128CBC-HS256", ContentEncryption::name)));
        assert_eq!(header.content_type(), signed.map(|_| "JWT"));
        let claims = match signed {
            Some(_) => app.verify_signature(&text).await,
            None => serde_json::from_str(&text).unwrap(),
        };
        assert_eq!(claims["aud"], app.client_id.as_str());
        assert_eq!(claims["preferred_username"], "ada");
    }
}

#[tokio::test]
async fn id_tokens_are_signed_and_then_encrypted() {
    let (site, key) = (site().await, key());
    let app = site
        .admin
        .add_app_with(|m| {
            with_key(m, &key);
            m.redirect_uris = vec!["https://time.example.org/callback".to_owned()];
            m.id_token_encrypted_response_alg = Some(KeyManagement::EcdhEsA128Kw);
            m.grant_types.push(GrantType::Implicit);
            m.response_types = vec![ResponseType::Code, ResponseType::CodeIdToken];
        })
        .await;
    let right = |visit: &Visit, claims: &Value| {
        assert_eq!(claims["aud"], app.client_id.as_str());
        assert_eq!(claims["nonce"].as_str(), visit.parameters.get("nonce").map(String::as_str));
    };
    let visit = app.visit().with("response_type", "code id_token").with("scope", "openid offline_access");
    let browser = site.after_password(&visit, "ada").await;
    let (jwt, header) = decrypted(&visit.answer(&browser.arrived(), "id_token"), &key);
    assert_eq!(header.content_type(), Some("JWT"));
    assert_eq!(header.key_id(), Some("ours"));
    let claims = app.verify_signature(&jwt).await;
    right(&visit, &claims);
    let hash = sha256(visit.code(&browser.arrived()).as_bytes());
    assert_eq!(claims["c_hash"], base64url(&hash[..16]));

    let tokens = app.redeem(&visit, &browser.arrived()).await;
    let (jwt, _) = decrypted(&tokens.text("id_token"), &key);
    right(&visit, &app.verify_signature(&jwt).await);
    let refreshed = app.refresh(&tokens.text("refresh_token")).await;
    let (jwt, _) = decrypted(&refreshed.text("id_token"), &key);
    assert_eq!(app.verify_signature(&jwt).await["aud"], app.client_id.as_str());
}

#[tokio::test]
async fn a_client_whose_key_cannot_be_encrypted_to_is_told_so() {
    let publisher = Publisher::start().await;
    let site = Site::with(Database::sqlite().await, |config| config.outbound = publisher.outbound()).await;
    let mut keys = Metadata::default();
    with_key(&mut keys, &key());
    let address = publisher.publish("jwks", &keys.jwks.unwrap().to_string());
    let app = site
        .admin
        .add_app_with(|m| {
            m.jwks_uri = Some(address);
            m.userinfo_encrypted_response_alg = Some(KeyManagement::RsaOaep256);
        })
        .await;
    let token = tokens(&site, &app).await.text("access_token");
    let refused = app.userinfo(&token).await;
    assert_eq!((refused.status.as_u16(), refused.error().as_deref()), (400, Some("invalid_request")));
    assert!(refused.text("error_description").contains("RSA-OAEP-256"), "{}", refused.json);

    let unreachable = site
        .admin
        .add_app_with(|m| {
            m.jwks_uri = Some("https://localhost:1/jwks".to_owned());
            m.id_token_encrypted_response_alg = Some(KeyManagement::EcdhEs);
        })
        .await;
    let visit = unreachable.visit();
    let browser = site.after_password(&visit, "ada").await;
    let refused = unreachable.redeem(&visit, &browser.arrived()).await;
    assert_eq!((refused.status.as_u16(), refused.error().as_deref()), (400, Some("invalid_request")));
    assert!(refused.text("error_description").contains("jwks_uri"), "{}", refused.json);
}

#[tokio::test]
async fn when_an_app_begins_to_insist_on_two_factors_its_old_tokens_are_challenged() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let token = tokens(&site, &app).await.text("access_token");
    assert_eq!(app.userinfo(&token).await.status, 200);
    site.admin.change_app(&app, |m| m.require_two_factor = true).await;
    let refused = app.userinfo(&token).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.error().as_deref(), Some("insufficient_user_authentication"));
    let challenge = refused.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("Bearer realm="), "{challenge}");
    assert!(challenge.contains("error=\"insufficient_user_authentication\""), "{challenge}");
    assert!(challenge.contains("acr_values=\"urn:countersign:acr:2fa\""), "{challenge}");
    assert!(!challenge.contains("max_age"), "{challenge}");
    // Who asks the resource's way learns how strong it was.
    let known = app.ask("introspect", &[("token", &token)]).await.json;
    assert_eq!((&known["active"], &known["acr"]), (&json!(true), &json!("urn:countersign:acr:pwd")));

    // The app does as it is told.
    let visit = app.visit().with("acr_values", "urn:countersign:acr:2fa");
    let mut browser = site.after_password(&visit, "ada").await;
    let code = site.inbox("ada@example.org").code();
    browser.fill("code", &code).fill("password", PASSWORD).submit().await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 200);
}

#[tokio::test]
async fn a_sign_in_that_has_grown_too_old_is_challenged() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.default_max_age = Some(300)).await;
    let token = tokens(&site, &app).await.text("access_token");
    site.advance(300);
    assert_eq!(app.userinfo(&token).await.status, 200);
    site.advance(1);
    let refused = app.userinfo(&token).await;
    assert_eq!(refused.status, 401);
    let challenge = refused.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
    assert!(challenge.contains("max_age=\"300\"") && !challenge.contains("acr_values"), "{challenge}");
}
