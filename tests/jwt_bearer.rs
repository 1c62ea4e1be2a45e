//! Does a trusted client speak for a person with an assertion of its own, once, and for nobody else? (RFC 7523 §2.1)
#![cfg(test)]

mod support;

use countersign::directory::Status;
use countersign::directory::users::Changes;
use countersign::oidc::clients::{GrantType, Metadata};
use serde_json::{Value, json};
use support::Database;
use support::prover::random;
use support::relying_app::{Answer, RelyingApp};
use support::signer::Signer;
use support::site::Site;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A client with a key, registered for assertions.
struct Batch {
    site: Site,
    app: RelyingApp,
    key: Signer,
}

fn batch(key: &Signer) -> impl FnOnce(&mut Metadata) {
    let jwks = key.jwks();
    move |m| {
        m.grant_types = vec![GrantType::JwtBearer];
        m.redirect_uris.clear();
        m.response_types.clear();
        m.jwks = Some(jwks);
    }
}

impl Batch {
    async fn on(database: Database) -> Self {
        let site = Site::on(database).await;
        let key = Signer::new("ES256");
        let app = site.admin.add_app_with(batch(&key)).await;
        Self { site, app, key }
    }

    /// Right claims about somebody, with one of them changed; null takes it out.
    async fn claims(&self, login: &str, change: (&str, Value)) -> Value {
        let mut claims = json!({
            "iss": self.app.client_id,
            "sub": self.site.admin.user(login).await.id,
            "aud": self.site.url.as_str().trim_end_matches('/'),
            "exp": self.site.now() + 60,
            "jti": random(),
        });
        match change {
            (name, Value::Null) => drop(claims.as_object_mut().unwrap().remove(name)),
            (name, value) => claims[name] = value,
        }
        claims
    }

    async fn assert(&self, assertion: &str) -> Answer {
        let form = [("grant_type", JWT_BEARER), ("assertion", assertion), ("scope", "openid profile")];
        self.app.token(&form).await
    }
}

crate::on_both_databases! {
    /// An access token, which says nothing about a sign-in, since there was none.
    async fn a_client_speaks_for_a_person(database) {
        let batch = Batch::on(database).await;
        let assertion = batch.key.sign(&batch.claims("ned", ("", json!(0))).await);
        let answer = batch.assert(&assertion).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        assert!(answer.json.get("id_token").is_none() && answer.json.get("refresh_token").is_none());
        let token = answer.text("access_token");
        let claims = batch.app.verify_signature(&token).await;
        assert_eq!(claims["sub"], batch.site.admin.user("ned").await.id.as_str());
        for unproven in ["amr", "acr", "auth_time"] {
            assert!(claims.get(unproven).is_none(), "{claims}");
        }
        let about = batch.app.userinfo(&token).await;
        assert_eq!(about.json["preferred_username"], "ned", "{}", about.json);

        let again = batch.assert(&assertion).await;
        assert_eq!(again.error().as_deref(), Some("invalid_grant"));
        batch.app.ask("revoke", &[("token", &token)]).await;
        assert_eq!(batch.app.userinfo(&token).await.status, 401);
    }
}

#[tokio::test]
async fn each_wrong_assertion_is_refused() {
    let batch = Batch::on(Database::sqlite().await).await;
    let now = batch.site.now();
    for change in [
        ("iss", json!("another")),
        ("sub", json!("nobody")),
        ("sub", json!("ned")),
        ("sub", Value::Null),
        ("aud", json!("https://other.example")),
        ("exp", json!(now)),
        ("exp", json!(now + 4000)),
        ("exp", Value::Null),
        ("iat", json!(now + 100)),
        ("jti", Value::Null),
    ] {
        let answer = batch.assert(&batch.key.sign(&batch.claims("ned", change.clone()).await)).await;
        assert_eq!(answer.status, 400, "{change:?}");
        assert_eq!(answer.error().as_deref(), Some("invalid_grant"), "{change:?}: {}", answer.json);
    }
    let stranger = Signer::new("ES256");
    let right = batch.claims("ned", ("", json!(0))).await;
    for assertion in [stranger.sign(&right), "x".to_owned(), "eyJhbGciOiJub25lIn0.e30.".to_owned()] {
        assert_eq!(batch.assert(&assertion).await.error().as_deref(), Some("invalid_grant"));
    }
    let missing = batch.app.token(&[("grant_type", JWT_BEARER)]).await;
    assert_eq!(missing.error().as_deref(), Some("invalid_request"));
    assert_eq!(batch.assert(&batch.key.sign(&right)).await.status, 200, "and the right one is not");
}

#[tokio::test]
async fn only_for_people_who_may_use_the_client() {
    let batch = Batch::on(Database::sqlite().await).await;
    let claims = batch.claims("ned", ("", json!(0))).await;
    batch.site.admin.change("ned", Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
    let refused = batch.assert(&batch.key.sign(&claims)).await;
    assert_eq!(refused.error().as_deref(), Some("invalid_grant"));

    let closed = batch
        .site
        .admin
        .add_app_with(|m| {
            self::batch(&batch.key)(m);
            m.allowed_groups = vec!["another".to_owned()];
        })
        .await;
    let closed = Batch { app: closed, ..batch };
    let claims = closed.claims("max", ("", json!(0))).await;
    let refused = closed.assert(&closed.key.sign(&claims)).await;
    assert_eq!(refused.error().as_deref(), Some("invalid_grant"));
    let unregistered = closed.site.admin.add_app().await;
    let refused = unregistered.token(&[("grant_type", JWT_BEARER), ("assertion", "x")]).await;
    assert_eq!(refused.error().as_deref(), Some("unauthorized_client"));
}
