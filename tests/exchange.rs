//! Does a service go on with the token that it was shown, no further than it may, and no longer? (RFC 8693)
#![cfg(test)]

mod support;

use countersign::directory::Status;
use countersign::directory::users::Changes;
use countersign::oidc::clients::{AuthMethod, GrantType, Metadata};
use serde_json::{Value, json};
use support::Database;
use support::prover::proof;
use support::relying_app::{Answer, RelyingApp};
use support::signer::Signer;
use support::site::Site;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const FRONT: &str = "https://front.example.org/";
const STORE: &str = "https://store.example.org/";

/// An app, a service that it calls, and the store that the service calls.
struct Chain {
    site: Site,
    app: RelyingApp,
    front: RelyingApp,
    store: RelyingApp,
}

fn service(served: &'static str, called: &[&str]) -> impl FnOnce(&mut Metadata) {
    let called = called.iter().map(|&uri| uri.to_owned()).collect();
    move |m| {
        m.grant_types = vec![GrantType::ClientCredentials, GrantType::TokenExchange];
        m.redirect_uris.clear();
        m.response_types.clear();
        m.served_resources = vec![served.to_owned()];
        m.allowed_resources = called;
    }
}

impl Chain {
    async fn on(database: Database) -> Self {
        let site = Site::on(database).await;
        let app = site
            .admin
            .add_app_with(|m| {
                m.allowed_resources = vec![FRONT.to_owned()];
                m.grant_types.push(GrantType::TokenExchange);
            })
            .await;
        let front = site.admin.add_app_with(service(FRONT, &[STORE])).await;
        let store = site.admin.add_app_with(service(STORE, &[])).await;
        Self { site, app, front, store }
    }

    /// The app's tokens for the service, of somebody who needs no code.
    async fn tokens(&self) -> Answer {
        let visit = self.app.visit().with("scope", "openid groups offline_access").with("resource", FRONT);
        let browser = self.site.after_password(&visit, "ada").await;
        let tokens = self.app.redeem(&visit, &browser.arrived()).await;
        assert_eq!(tokens.status, 200, "{}", tokens.json);
        tokens
    }

    async fn active(&self, token: &str) -> Value {
        self.store.ask("introspect", &[("token", token)]).await.json
    }
}

/// An exchange of this token, with further parameters, which may replace those that it has by itself.
async fn exchange(client: &RelyingApp, token: &str, more: &[(&str, &str)]) -> Answer {
    let mut form =
        vec![("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS_TOKEN)];
    form.retain(|(name, _)| !more.iter().any(|(n, _)| n == name));
    form.extend(more);
    client.token(&form).await
}

crate::on_both_databases! {
    /// The service was shown the app's token, and calls the store in the person's name.
    async fn a_service_goes_on_in_the_persons_name(database) {
        let chain = Chain::on(database).await;
        let token = chain.tokens().await.text("access_token");
        chain.site.advance(100);
        let more = [("resource", STORE), ("scope", "groups"), ("requested_token_type", ACCESS_TOKEN)];
        let answer = exchange(&chain.front, &token, &more).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        assert_eq!(answer.text("issued_token_type"), ACCESS_TOKEN);
        assert_eq!(answer.text("token_type"), "Bearer");
        assert_eq!(answer.json["expires_in"], 500, "no longer than what it was given for");
        assert_eq!(answer.text("scope"), "groups");
        assert!(answer.json.get("refresh_token").is_none() && answer.json.get("id_token").is_none());
        let known = chain.active(&answer.text("access_token")).await;
        assert_eq!(known["active"], true);
        assert_eq!(known["sub"], chain.site.admin.user("ada").await.id.as_str());
        assert_eq!(known["client_id"], chain.front.client_id.as_str());
        assert_eq!(known["aud"], STORE);
        assert_eq!(known["acr"], "urn:countersign:acr:pwd");
        assert!(known.get("act").is_none());
        let events = chain.site.admin.events().await;
        assert!(events.iter().any(|event| event.event == "token.exchanged"));
    }

    /// It hangs from the grant of what it was given for, and its own client can end no more than itself.
    async fn what_was_exchanged_ends_with_its_grant_and_not_the_other_way_round(database) {
        let chain = Chain::on(database).await;
        let tokens = chain.tokens().await;
        let token = tokens.text("access_token");
        let exchanged = |_| async {
            exchange(&chain.front, &token, &[("audience", STORE)]).await.text("access_token")
        };
        let (first, second) = (exchanged(1).await, exchanged(2).await);
        assert_eq!(chain.front.ask("revoke", &[("token", &first)]).await.status, 200);
        assert_eq!(chain.active(&first).await, json!({ "active": false }));
        assert_eq!(chain.active(&second).await["active"], true);
        assert_eq!(chain.app.userinfo(&token).await.status, 200);

        chain.app.ask("revoke", &[("token", &tokens.text("refresh_token"))]).await;
        assert_eq!(chain.active(&second).await, json!({ "active": false }));
        let over = exchange(&chain.front, &token, &[("audience", STORE)]).await;
        assert_eq!(over.error().as_deref(), Some("invalid_request"));
    }

    /// An ID token is exchanged by the client that it was issued to.
    async fn an_id_token_will_do_for_its_own_client(database) {
        let chain = Chain::on(database).await;
        let tokens = chain.tokens().await;
        let id_token = tokens.text("id_token");
        let kind = ("subject_token_type", ID_TOKEN);
        let answer = exchange(&chain.app, &id_token, &[kind, ("resource", FRONT)]).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        assert_eq!(answer.text("scope"), "openid groups");
        let about = chain.app.userinfo(&answer.text("access_token")).await;
        assert_eq!(about.status, 200, "{}", about.json);
        let others = exchange(&chain.front, &id_token, &[kind, ("resource", STORE)]).await;
        assert_eq!(others.error().as_deref(), Some("invalid_request"));
        let wrong_kind = exchange(&chain.app, &id_token, &[]).await;
        assert_eq!(wrong_kind.error().as_deref(), Some("invalid_request"));
        let wrong_kind = exchange(&chain.app, &tokens.text("access_token"), &[kind]).await;
        assert_eq!(wrong_kind.error().as_deref(), Some("invalid_request"));
        chain.app.ask("revoke", &[("token", &tokens.text("refresh_token"))]).await;
        let ended = exchange(&chain.app, &id_token, &[kind, ("resource", FRONT)]).await;
        assert_eq!(ended.error().as_deref(), Some("invalid_request"));
    }
}

#[tokio::test]
async fn who_acts_is_named_and_who_acted_before_too() {
    let chain = Chain::on(Database::sqlite().await).await;
    let token = chain.tokens().await.text("access_token");
    let own = |client: &RelyingApp| {
        let client = client.clone();
        async move { client.token(&[("grant_type", "client_credentials")]).await.text("access_token") }
    };
    let front = own(&chain.front).await;
    let more = [("resource", STORE), ("actor_token", &front), ("actor_token_type", ACCESS_TOKEN)];
    let answer = exchange(&chain.front, &token, &more).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let first = answer.text("access_token");
    assert_eq!(chain.active(&first).await["act"], json!({ "sub": chain.front.client_id }));

    // The store was shown that one, and acts itself now.
    let store = own(&chain.store).await;
    let more = [("actor_token", store.as_str()), ("actor_token_type", ACCESS_TOKEN)];
    let second = exchange(&chain.store, &first, &more).await.text("access_token");
    let act = json!({ "sub": chain.store.client_id, "act": { "sub": chain.front.client_id } });
    assert_eq!(chain.active(&second).await["act"], act);
    // Without another actor the chain stays as it is.
    let third = exchange(&chain.store, &first, &[]).await.text("access_token");
    assert_eq!(chain.active(&third).await["act"], json!({ "sub": chain.front.client_id }));
}

#[tokio::test]
async fn each_thing_that_does_not_go_together_is_refused() {
    let chain = Chain::on(Database::sqlite().await).await;
    let token = chain.tokens().await.text("access_token");
    let saml = "urn:ietf:params:oauth:token-type:saml2";
    for (more, expected) in [
        (vec![("resource", "https://other.example.org/")], "invalid_target"),
        (vec![("resource", "store")], "invalid_target"),
        (vec![("resource", STORE), ("audience", "other")], "invalid_target"),
        (vec![("resource", FRONT)], "invalid_target"),
        (vec![("scope", "openid email")], "invalid_scope"),
        (vec![("requested_token_type", ID_TOKEN)], "invalid_request"),
        (vec![("subject_token_type", saml)], "invalid_request"),
        (vec![("subject_token_type", "")], "invalid_request"),
        (vec![("subject_token", "")], "invalid_request"),
        (vec![("subject_token", "x")], "invalid_request"),
        (vec![("actor_token", "x")], "invalid_request"),
        (vec![("actor_token_type", ACCESS_TOKEN)], "invalid_request"),
        (vec![("actor_token", "x"), ("actor_token_type", ACCESS_TOKEN)], "invalid_request"),
        (vec![("actor_token", "x"), ("actor_token_type", saml)], "invalid_request"),
    ] {
        let answer = exchange(&chain.front, &token, &more).await;
        assert_eq!(answer.status, 400, "{more:?}");
        assert_eq!(answer.error().as_deref(), Some(expected), "{more:?}: {}", answer.json);
    }
}

#[tokio::test]
async fn only_who_has_to_do_with_a_token_exchanges_it() {
    let chain = Chain::on(Database::sqlite().await).await;
    let token = chain.tokens().await.text("access_token");
    // It may call the service too: that makes it no service.
    let caller = chain.site.admin.add_app_with(service("https://x.example.org/", &[FRONT, STORE])).await;
    let refused = exchange(&caller, &token, &[("resource", STORE)]).await;
    assert_eq!(refused.error().as_deref(), Some("invalid_request"));
    let own = chain.front.token(&[("grant_type", "client_credentials")]).await.text("access_token");
    let nobody = exchange(&chain.front, &own, &[]).await;
    assert_eq!(nobody.error().as_deref(), Some("invalid_request"));
    let unregistered = chain.site.admin.add_app().await;
    let refused = exchange(&unregistered, &token, &[]).await;
    assert_eq!(refused.error().as_deref(), Some("unauthorized_client"));
    let closed = chain
        .site
        .admin
        .add_app_with(|m| {
            service(FRONT, &[STORE])(m);
            m.allowed_groups = vec!["another".to_owned()];
        })
        .await;
    assert_eq!(exchange(&closed, &token, &[]).await.error().as_deref(), Some("invalid_request"));
    chain.site.admin.add_user(&chain.site.acme, "tom", "Top manager", None).await;
    chain.site.admin.change("ada", Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
    assert_eq!(exchange(&chain.front, &token, &[]).await.error().as_deref(), Some("invalid_request"));
}

/// An app's own token that is bound to a key is of no use to whoever has stolen it, here either.
#[tokio::test]
async fn a_bound_token_of_ones_own_comes_with_its_key() {
    let chain = Chain::on(Database::sqlite().await).await;
    let (key, stranger) = (Signer::new("ES256"), Signer::new("ES256"));
    let endpoint: String = chain.site.url.join("token").unwrap().into();
    let with = |form: &[(&str, &str)], key: Option<&Signer>| {
        let request = chain.app.request("token", form);
        let now = chain.site.now();
        Answer::of(match key {
            Some(key) => request.header("DPoP", proof(key, "POST", &endpoint, now)),
            None => request,
        })
    };
    let visit = chain.app.visit().with("resource", FRONT);
    let code = visit.code(&chain.site.after_password(&visit, "ada").await.arrived());
    let verifier = visit.verifier.clone().unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", chain.app.redirect_uri.as_str()),
        ("code_verifier", verifier.as_str()),
    ];
    let token = with(&form, Some(&key)).await.text("access_token");
    let form =
        [("grant_type", EXCHANGE), ("subject_token", token.as_str()), ("subject_token_type", ACCESS_TOKEN)];
    for thief in [None, Some(&stranger)] {
        assert_eq!(with(&form, thief).await.error().as_deref(), Some("invalid_request"));
    }
    let exchanged = with(&form, Some(&key)).await;
    assert_eq!(exchanged.text("token_type"), "DPoP", "{}", exchanged.json);
    // The service has checked the key itself when it was shown the token.
    assert_eq!(exchange(&chain.front, &token, &[("resource", STORE)]).await.status, 200);
}

/// Nobody but the holder of its key can show a bound token here; that is so of what is exchanged for it, too.
#[tokio::test]
async fn a_bound_token_is_not_turned_into_one_that_anybody_could_show_here() {
    let chain = Chain::on(Database::sqlite().await).await;
    let (key, theirs) = (Signer::new("ES256"), Signer::new("ES256"));
    let endpoint: String = chain.site.url.join("token").unwrap().into();
    let proven = |client: &RelyingApp, form: &[(&str, &str)], key: &Signer| {
        let request = client.request("token", form);
        Answer::of(request.header("DPoP", proof(key, "POST", &endpoint, chain.site.now())))
    };
    let visit = chain.app.visit().with("resource", FRONT).with("scope", "openid email groups");
    let code = visit.code(&chain.site.after_password(&visit, "ada").await.arrived());
    let verifier = visit.verifier.clone().unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", chain.app.redirect_uri.as_str()),
        ("code_verifier", verifier.as_str()),
    ];
    let tokens = proven(&chain.app, &form, &key).await;
    assert_eq!(tokens.text("token_type"), "DPoP", "{}", tokens.json);
    let token = tokens.text("access_token");

    let refused = exchange(&chain.front, &token, &[]).await;
    assert_eq!(refused.error().as_deref(), Some("invalid_request"), "{}", refused.json);
    assert!(refused.text("error_description").contains("RFC 9449"), "{}", refused.json);
    let refused = exchange(&chain.front, &token, &[("resource", STORE), ("scope", "openid")]).await;
    assert_eq!(refused.error().as_deref(), Some("invalid_scope"), "{}", refused.json);
    // For the store it is what it always was, and for us it is nothing.
    let bearer = exchange(&chain.front, &token, &[("resource", STORE)]).await;
    assert_eq!(
        (bearer.text("token_type"), bearer.text("scope")),
        ("Bearer".to_owned(), "email groups".to_owned())
    );
    let known = chain.active(&bearer.text("access_token")).await;
    assert_eq!((&known["active"], &known["aud"]), (&json!(true), &json!(STORE)));
    assert_eq!(chain.front.userinfo(&bearer.text("access_token")).await.status, 401);
    // With a key of its own the service may have one for us as well.
    let form =
        [("grant_type", EXCHANGE), ("subject_token", token.as_str()), ("subject_token_type", ACCESS_TOKEN)];
    let bound = proven(&chain.front, &form, &theirs).await;
    assert_eq!(bound.text("token_type"), "DPoP", "{}", bound.json);
    assert_eq!(chain.front.userinfo(&bound.text("access_token")).await.status, 401, "not without the key");
}

#[tokio::test]
async fn a_public_client_cannot_be_registered_for_it() {
    let mut metadata = Metadata::web_app("App", vec!["https://app.example.org/cb".to_owned()]);
    metadata.token_endpoint_auth_method = AuthMethod::None;
    metadata.grant_types.push(GrantType::TokenExchange);
    assert!(metadata.validate().is_err());
}
