//! May a client say beforehand what it will ask for (RFC 9126)? Each rule with its refusal, and what becomes of a pushed request.
#![cfg(test)]

mod support;

use countersign::config::{Config, Period};
use countersign::keys::secret::{GrantToken, TokenHash};
use countersign::oidc::clients::{AuthMethod, Metadata, Profile};
use countersign::store::pushed_requests::{self, NewPushed};
use countersign::store::{self, purge};
use reqwest::Method;
use serde_json::{Value, json};
use support::Database;
use support::admin::{PASSWORD, REDIRECT_URI};
use support::browser::{Browser, http};
use support::relying_app::{Answer, Proof, RelyingApp, Visit};
use support::signer::Signer;
use support::site::Site;

async fn site() -> Site {
    Site::on(Database::sqlite().await).await
}

/// A request that the app pushes by `client_secret_basic`, or as a public client.
async fn push(app: &RelyingApp, visit: &Visit) -> Answer {
    let fields: Vec<(&str, &str)> = visit.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    push_form(app, &fields).await
}

async fn push_form(app: &RelyingApp, fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut request = http().post(app.issuer.join("par").unwrap());
    if let Some(secret) = &app.client_secret {
        request = request.basic_auth(&app.client_id, Some(secret));
    }
    Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

async fn pushed(app: &RelyingApp, visit: &Visit) -> String {
    let answer = push(app, visit).await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    answer.text("request_uri")
}

/// The address that an app sends a browser to after it has pushed.
fn address(app: &RelyingApp, request_uri: &str) -> String {
    let mut url = app.issuer.join("authorize").unwrap();
    url.query_pairs_mut().append_pair("client_id", &app.client_id).append_pair("request_uri", request_uri);
    url.into()
}

async fn sign_in(browser: &mut Browser) {
    browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
}

async fn open(site: &Site, address: &str) -> Browser {
    let mut browser = site.browser();
    browser.open(address).await;
    browser
}

crate::on_both_databases! {
    /// The whole way; what the query says beside `client_id` and `request_uri` does not count.
    async fn a_pushed_request_is_asked_as_it_was_pushed(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let answer = push(&app, &visit).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        assert_eq!(answer.json["expires_in"], 60);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let request_uri = answer.text("request_uri");
        let name = request_uri.strip_prefix("urn:ietf:params:oauth:request_uri:").expect("the name of RFC 9126");
        assert!(name.len() >= 43, "{name}");
        let beside = format!("{}&state=another&nonce=another&prompt=none", address(&app, &request_uri));
        let mut browser = open(&site, &beside).await;
        sign_in(&mut browser).await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    }

    /// It is used up by the answer to the app, not by the first look at it.
    async fn it_is_used_up_when_the_sign_in_is_done(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let request_uri = pushed(&app, &visit).await;
        let mut browser = open(&site, &address(&app, &request_uri)).await;
        browser.open(&address(&app, &request_uri)).await;
        let mut second = open(&site, &address(&app, &request_uri)).await;
        sign_in(&mut browser).await;
        visit.code(&browser.arrived());
        sign_in(&mut second).await;
        assert_eq!(visit.error(&second.arrived()), "invalid_request_uri", "one that had begun");
        browser.open(&address(&app, &request_uri)).await;
        assert_eq!(visit.error(&browser.arrived()), "invalid_request_uri", "another that begins");
        assert!(visit.answer(&browser.arrived(), "error_description").contains("has been used"));
    }

    /// Fifty that are done at once give one code.
    async fn fifty_at_once_give_one_code(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        // Signed in already: the request alone is what everything takes.
        let browser = site.after_password(&app.visit(), "ada").await;
        let request_uri = pushed(&app, &visit).await;
        let url = address(&app, &request_uri).parse().unwrap();
        let tries = (0..50).map(|_| {
            let (browser, url) = (browser.new_tab(), Clone::clone(&url));
            tokio::spawn(async move { browser.fetch(&Method::GET, &url, &[], true).await })
        });
        let mut codes = 0;
        for done in tries.collect::<Vec<_>>() {
            let page = done.await.unwrap();
            let location = page.headers["location"].to_str().unwrap().to_owned();
            if location.contains("code=") {
                codes += 1;
            } else {
                assert!(location.contains("error=invalid_request_uri"), "{location}");
            }
        }
        assert_eq!(codes, 1);
    }

    async fn it_expires_but_not_under_somebody_who_has_begun(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let request_uri = pushed(&app, &visit).await;
        site.advance(59);
        let mut begun = open(&site, &address(&app, &request_uri)).await;
        site.advance(1);
        let late = open(&site, &address(&app, &request_uri)).await;
        assert_eq!(visit.error(&late.arrived()), "invalid_request_uri");
        site.advance(1000);
        purge::run(&site.admin.db, site.now()).await.unwrap();
        sign_in(&mut begun).await;
        visit.code(&begun.arrived());
        site.advance(86_460);
        purge::run(&site.admin.db, site.now()).await.unwrap();
        let gone = open(&site, &address(&app, &request_uri)).await;
        assert_eq!(gone.status(), 400, "nobody knows any more where the answer would go");
    }

    /// Whoever says no has answered too.
    async fn a_refusal_uses_it_up_as_well(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let request_uri = pushed(&app, &visit).await;
        let mut browser = open(&site, &address(&app, &request_uri)).await;
        browser.press("cancel").await;
        assert_eq!(visit.error(&browser.arrived()), "access_denied");
        browser.open(&address(&app, &request_uri)).await;
        assert_eq!(visit.error(&browser.arrived()), "invalid_request_uri");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_clients_is_not_known() {
    let site = site().await;
    let (app, other) = (site.admin.add_app().await, site.admin.add_app().await);
    let request_uri = pushed(&app, &app.visit()).await;
    for address in [address(&other, &request_uri), address(&app, &format!("{request_uri}x"))] {
        let browser = open(&site, &address).await;
        assert_eq!(browser.status(), 400);
        assert!(browser.text().contains("invalid_request_uri"), "{}", browser.text());
    }
    let mut browser = open(&site, &address(&app, &request_uri)).await;
    sign_in(&mut browser).await;
    browser.arrived();
}

/// Everything that the authorization endpoint would refuse is refused at once, in JSON.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_when_it_is_pushed() {
    let site = site().await;
    let (app, other) = (site.admin.add_app().await, site.admin.add_app().await);
    let visit = app.visit();
    for (wrong, error) in [
        (visit.clone().without("redirect_uri"), "invalid_request"),
        (visit.clone().with("redirect_uri", &format!("{REDIRECT_URI}/")), "invalid_request"),
        (visit.clone().without("response_type"), "invalid_request"),
        (visit.clone().with("response_type", "token"), "unsupported_response_type"),
        (visit.clone().with("response_type", "id_token"), "unauthorized_client"),
        (visit.clone().with("code_challenge_method", "plain"), "invalid_request"),
        (visit.clone().with("prompt", "none login"), "invalid_request"),
        (visit.clone().with("resource", "https://api.example.org/"), "invalid_target"),
        (visit.clone().with("dpop_jkt", "short"), "invalid_request"),
        (visit.clone().with("registration", "{}"), "registration_not_supported"),
        (visit.clone().with("client_id", &other.client_id), "invalid_request"),
        (visit.clone().with("request", "e30.e30."), "invalid_request_object"),
        (visit.clone().with("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
        (visit.clone().with("request_uri", "https://app.example.org/request"), "invalid_request"),
        (visit.clone().with("id_token_hint", "e30.e30.e30"), "invalid_request"),
    ] {
        let answer = push(&app, &wrong).await;
        assert_eq!(
            (answer.status.as_u16(), answer.error().as_deref()),
            (400, Some(error)),
            "{}",
            answer.json
        );
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/json"));
    }
    let twice = [("client_id", app.client_id.as_str()), ("nonce", "a"), ("nonce", "b")];
    assert_eq!(push_form(&app, &twice).await.error().as_deref(), Some("invalid_request"));
    let impostor = RelyingApp { client_secret: Some("wrong".to_owned()), ..app.clone() };
    let answer = push(&impostor, &visit).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_deref()), (401, Some("invalid_client")));
    let endpoint = app.issuer.join("par").unwrap();
    let got = Answer::of(http().get(endpoint.clone())).await;
    assert_eq!((got.status.as_u16(), got.error().as_deref()), (405, Some("invalid_request")));
    let json = http().post(endpoint).header("content-type", "application/json").body("{}");
    assert_eq!(Answer::of(json).await.error().as_deref(), Some("invalid_request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_must_push_cannot_ask_otherwise() {
    let site = site().await;
    let signer = Signer::new("ES256");
    let jwks = signer.jwks();
    let must = |metadata: &mut Metadata| {
        metadata.require_pushed_authorization_requests = true;
        metadata.jwks = Some(jwks);
    };
    let app = site.admin.add_app_with(must).await;
    let visit = app.visit();
    let object = signer.sign(&json!(visit.parameters));
    for plain in [visit.clone(), visit.clone().with("request", &object)] {
        let browser = open(&site, &plain.url()).await;
        assert_eq!(plain.error(&browser.arrived()), "invalid_request");
        assert!(plain.answer(&browser.arrived(), "error_description").contains("/par"));
    }
    let mut browser = open(&site, &address(&app, &pushed(&app, &visit).await)).await;
    sign_in(&mut browser).await;
    visit.code(&browser.arrived());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_client_may_push_too() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.token_endpoint_auth_method = AuthMethod::None).await;
    let visit = app.visit();
    let mut browser = open(&site, &address(&app, &pushed(&app, &visit).await)).await;
    sign_in(&mut browser).await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    let bare = push(&app, &visit.without_pkce()).await;
    assert_eq!(bare.error().as_deref(), Some("invalid_request"));
}

/// Signed requests are pushed like others; whether one must be signed is asked there.
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_may_be_pushed() {
    let site = site().await;
    let signer = Signer::new("PS256");
    let jwks = signer.jwks();
    let bound = |metadata: &mut Metadata| {
        metadata.require_signed_request_object = true;
        metadata.jwks = Some(jwks);
    };
    let app = site.admin.add_app_with(bound).await;
    let visit = app.visit();
    let unsigned = push(&app, &visit).await;
    assert_eq!(unsigned.error().as_deref(), Some("invalid_request"), "{}", unsigned.json);
    let object = |claims: Value| signer.sign(&claims);
    let refused = push_form(&app, &[("request", &object(json!({ "request_uri": "x" })))]).await;
    assert_eq!(refused.error().as_deref(), Some("invalid_request_object"));
    let answer = push_form(&app, &[("request", &object(json!(visit.parameters))), ("scope", "groups")]).await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    let mut browser = open(&site, &address(&app, &answer.text("request_uri"))).await;
    sign_in(&mut browser).await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    assert_eq!(tokens.json["scope"], "openid");
}

/// What proves the client is no part of the request, and nothing of it is kept.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_kept_with_it() {
    let site = site().await;
    let post = |metadata: &mut Metadata| metadata.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
    let app = site.admin.add_app_with(post).await;
    let secret = app.client_secret.clone().unwrap();
    let visit = app.visit().with("client_secret", &secret);
    let answer = push(&RelyingApp { client_secret: None, ..app }, &visit).await;
    let hash = TokenHash::of(&answer.text("request_uri"));
    let mut conn = site.admin.db.read().await.unwrap();
    let row = store::pushed_requests::find(&mut conn, hash.as_str()).await.unwrap().unwrap();
    assert!(
        !row.parameters.contains(&secret) && row.parameters.contains("code_challenge"),
        "{}",
        row.parameters
    );
}

/// The key that a code will be bound to (RFC 9449 §10.1): without its proof the code is worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_be_named_beforehand() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let visit = app.visit().with("dpop_jkt", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let mut browser = open(&site, &address(&app, &pushed(&app, &visit).await)).await;
    sign_in(&mut browser).await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    assert_eq!(tokens.error().as_deref(), Some("invalid_grant"), "{}", tokens.json);
}

/// A client of FAPI 2.0, and a request that it has pushed.
async fn fapi_request(site: &Site, change: impl FnOnce(&mut Visit)) -> (RelyingApp, Visit, String) {
    let metadata = Metadata {
        profile: Some(Profile::Fapi2),
        token_endpoint_auth_method: AuthMethod::PrivateKeyJwt,
        jwks: Some(Signer::new("PS256").jwks()),
        ..Metadata::web_app("Bank", vec![REDIRECT_URI.to_owned()])
    };
    metadata.validate().unwrap();
    let app = RelyingApp {
        issuer: site.url.clone(),
        client_id: "bank".to_owned(),
        client_secret: None,
        redirect_uri: REDIRECT_URI.to_owned(),
        proof: Proof::None,
    };
    let mut visit = app.visit();
    change(&mut visit);
    let request_uri = "urn:ietf:params:oauth:request_uri:one";
    let (hash, now) = (TokenHash::of(request_uri), site.now());
    let pairs: Vec<_> = visit.parameters.iter().collect();
    let new = NewPushed {
        uri_hash: hash.as_str(),
        client_id: &app.client_id,
        parameters: &json!(pairs).to_string(),
        dpop_jkt: Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        created_at: now,
        expires_at: now + 60,
        kept_until: now + 1860,
        source: "192.0.2.1",
    };
    let mut tx = site.admin.db.write().await.unwrap();
    store::clients::add(&mut tx, &app.client_id, None, None, &json!(metadata).to_string(), now)
        .await
        .unwrap();
    pushed_requests::add(&mut tx, new).await.unwrap();
    // As the registration does for whoever is held to FAPI.
    store::signing_keys::ask(&mut tx, "PS256").await.unwrap();
    tx.commit().await.unwrap();
    (app, visit, request_uri.to_owned())
}

/// FAPI 2.0 §5.3.2.2 and §5.4.1: a code of a minute at most, bound to the key of the push, and an answer without PKCS #1 v1.5.
#[tokio::test(flavor = "multi_thread")]
async fn fapi_gives_short_codes_and_signs_with_ps256() {
    let long = |config: &mut Config| config.tokens.code_lifetime = Period::minutes(10);
    let site = Site::with(Database::sqlite().await, long).await;
    let jwt = |visit: &mut Visit| *visit = visit.clone().with("response_mode", "jwt");
    let (app, visit, request_uri) = fapi_request(&site, jwt).await;
    let mut browser = open(&site, &address(&app, &request_uri)).await;
    sign_in(&mut browser).await;
    let arrived = browser.arrived();
    let (_, response) = arrived.query_pairs().find(|(name, _)| name == "response").unwrap();
    let answer = app.verify_signature(&response).await;
    assert_eq!(answer["state"], visit.parameters["state"]);
    let header = String::from_utf8(decoded(response.split('.').next().unwrap())).unwrap();
    assert!(header.contains("PS256"), "{header}");
    let mut conn = site.admin.db.read().await.unwrap();
    let hash = GrantToken::hash_of(answer["code"].as_str().unwrap());
    let code = store::tokens::find_code(&mut conn, hash.as_str()).await.unwrap().unwrap();
    assert_eq!(code.expires_at, site.now() + 60);
    assert!(code.bound_to.is_some_and(|key| key.contains("dBjftJeZ4CVP")));
}

fn decoded(part: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()
}

/// And nothing but a pushed request with PKCE for a code, sent to a named address.
#[tokio::test(flavor = "multi_thread")]
async fn fapi_takes_nothing_less() {
    for change in [(|visit: &mut Visit| *visit = visit.clone().without_pkce()) as fn(&mut Visit), |visit| {
        *visit = visit.clone().with("response_type", "code id_token");
    }] {
        let site = site().await;
        let (app, visit, request_uri) = fapi_request(&site, change).await;
        let arrived = open(&site, &address(&app, &request_uri)).await.arrived();
        let answer: Vec<_> = arrived.as_str().split(['?', '#', '&']).collect();
        assert!(
            answer.contains(&"error=invalid_request") || answer.contains(&"error=unauthorized_client"),
            "{arrived}"
        );
        let plain = open(&site, &visit.url()).await.arrived();
        assert!(plain.as_str().contains("error=invalid_request"), "{plain}");
    }
    let site = site().await;
    let bare = |visit: &mut Visit| *visit = visit.clone().without("redirect_uri").with("scope", "groups");
    let (app, _, request_uri) = fapi_request(&site, bare).await;
    assert_eq!(open(&site, &address(&app, &request_uri)).await.status(), 400);
}
