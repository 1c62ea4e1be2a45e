//! What may be asked of the authorization endpoint, and how does the answer come? Every response type in every mode, and request
//! objects by value and by reference, each rule with its refusal.
#![cfg(test)]

mod support;

use std::collections::BTreeMap;

use countersign::config::SigningAlgorithm;
use countersign::keys::secret::base64url;
use countersign::oidc::clients::{AuthMethod, GrantType, Metadata, ResponseType};
use countersign::store;
use openssl::sha::sha256;
use serde_json::{Value, json};
use support::Database;
use support::admin::{PASSWORD, REDIRECT_URI};
use support::browser::Browser;
use support::publisher::Publisher;
use support::relying_app::{RelyingApp, Visit};
use support::signer::{Signer, unsigned};
use support::site::Site;
use url::Url;

type Parameters = BTreeMap<String, String>;

async fn site() -> Site {
    Site::on(Database::sqlite().await).await
}

fn everything(metadata: &mut Metadata) {
    metadata.response_types = ResponseType::ALL.to_vec();
    metadata.grant_types.push(GrantType::Implicit);
}

/// Opens a request and gives Ada's password where it is asked for.
async fn open(site: &Site, visit: &Visit) -> Browser {
    let mut browser = site.browser();
    browser.open(&visit.url()).await;
    if browser.has_field("password") {
        browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
    }
    browser
}

fn pairs(text: Option<&str>) -> Parameters {
    form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// The parameters of an answer, from where the mode puts them and nowhere else.
fn parameters(browser: &Browser, mode: &str) -> Parameters {
    let carrier = mode.trim_end_matches(".jwt");
    if carrier == "form_post" {
        let (url, fields) = browser.posted().expect("a form");
        // So that browsers say to the app where the form is from.
        assert_eq!(browser.header("referrer-policy").as_deref(), Some("strict-origin"));
        assert_eq!(url.as_str(), REDIRECT_URI, "nothing is in the address");
        return fields.into_iter().collect();
    }
    let arrived = browser.arrived();
    assert!(arrived.as_str().starts_with(REDIRECT_URI), "{arrived}");
    let (query, fragment) = (pairs(arrived.query()), pairs(arrived.fragment()));
    let (here, there) = if carrier == "query" { (query, fragment) } else { (fragment, query) };
    assert!(there.is_empty(), "{arrived}");
    here
}

/// The parameters within the JWT of an answer, whose signature and claims have been found right (JARM §2.1).
async fn within(app: &RelyingApp, given: &Parameters, now: i64) -> Parameters {
    assert_eq!(given.keys().collect::<Vec<_>>(), ["response"], "the JWT alone");
    let claims = app.verify_signature(&given["response"]).await;
    assert_eq!(claims["iss"], app.issuer.as_str().trim_end_matches('/'));
    assert_eq!(claims["aud"], app.client_id.as_str());
    assert!(claims["exp"].as_i64().is_some_and(|exp| exp > now && exp <= now + 600), "{claims}");
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    claims.as_object().unwrap().iter().filter(|(name, _)| *name != "aud").filter_map(text).collect()
}

fn half_hash(text: &str) -> Value {
    Value::from(base64url(&sha256(text.as_bytes())[..16]))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_response_type_comes_in_every_mode() {
    let site = site().await;
    let app = site.admin.add_app_with(everything).await;
    for response_type in ResponseType::ALL {
        let default = if *response_type == ResponseType::Code { "query" } else { "fragment" };
        for mode in
            ["", "query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"]
        {
            if mode.starts_with("query") && default != "query" {
                continue;
            }
            let visit = app.visit().with("response_type", response_type.name()).with("response_mode", mode);
            let browser = open(&site, &visit).await;
            let effective = if mode.is_empty() || mode == "jwt" { default } else { mode };
            let mut given = parameters(&browser, effective);
            if mode.ends_with("jwt") {
                given = within(&app, &given, site.now()).await;
            }
            check_answer(&site, &app, &visit, *response_type, &given).await;
        }
    }
}

async fn check_answer(site: &Site, app: &RelyingApp, visit: &Visit, kind: ResponseType, given: &Parameters) {
    assert_eq!(given.get("state"), visit.parameters.get("state"), "{kind:?}");
    assert_eq!(given["iss"], app.issuer.as_str().trim_end_matches('/'));
    let has = |name: &str| given.contains_key(name);
    assert_eq!(
        (has("code"), has("id_token"), has("access_token")),
        (kind.has_code(), kind.has_id_token(), kind.has_token()),
        "{kind:?}"
    );
    if let Some(id_token) = given.get("id_token") {
        let claims = app.verify(id_token, visit, site.now()).await;
        let hash = |name: &str| given.get(name).map_or(Value::Null, |text| half_hash(text));
        assert_eq!(claims["c_hash"], hash("code"), "{kind:?}");
        assert_eq!(claims["at_hash"], hash("access_token"), "{kind:?}");
        assert_eq!(claims["s_hash"], hash("state"), "{kind:?}");
    }
    if let Some(access_token) = given.get("access_token") {
        assert_eq!(given["token_type"], "Bearer");
        assert_eq!(given["expires_in"], "600");
        assert_eq!(app.userinfo(access_token).await.status, 200);
    }
    if let Some(code) = given.get("code") {
        let tokens = app.redeem_code(visit, code).await;
        assert_eq!(tokens.status, 200, "{}", tokens.json);
        app.verify(&tokens.text("id_token"), visit, site.now()).await;
    }
}

/// What comes from here is bound to no key: no app gets it whose tokens must be (RFC 9449 §5.2, RFC 8705 §3.4).
#[tokio::test(flavor = "multi_thread")]
async fn an_app_of_bound_tokens_gets_none_without_a_key() {
    let site = site().await;
    let bound: [fn(&mut Metadata); 2] =
        [|m| m.dpop_bound_access_tokens = true, |m| m.tls_client_certificate_bound_access_tokens = true];
    for bind in bound {
        let app = site.admin.add_app_with(everything).await;
        let visit = app.visit().with("response_type", "code token");
        let bearer = parameters(&open(&site, &visit).await, "fragment").remove("access_token").unwrap();
        assert_eq!(app.userinfo(&bearer).await.status, 200);
        // It can no longer be registered so. One that was, by an earlier version, is refused all the same.
        let mut metadata = Metadata::web_app("Time Tracker", vec![REDIRECT_URI.to_owned()]);
        everything(&mut metadata);
        bind(&mut metadata);
        assert!(metadata.validate().unwrap_err().to_string().starts_with("response_types"));
        let mut tx = site.admin.db.write().await.unwrap();
        let json = serde_json::to_string(&metadata).unwrap();
        store::clients::set_metadata(&mut tx, &app.client_id, &json, site.now()).await.unwrap();
        tx.commit().await.unwrap();
        // Every process knows within a second.
        site.advance(1);
        for kind in ResponseType::ALL.iter().filter(|kind| kind.has_token()) {
            let visit = app.visit().with("response_type", kind.name());
            let browser = open(&site, &visit).await;
            assert_eq!(visit.error(&browser.arrived()), "unauthorized_client", "{kind:?}");
        }
        assert_eq!(app.userinfo(&bearer).await.status, 401, "nor does an older one go on");
        let visit = app.visit().with("response_type", "code id_token");
        visit.code(&open(&site, &visit).await.arrived());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_comes_as_the_answer_would_have() {
    let site = site().await;
    let app = site.admin.add_app_with(everything).await;
    for (response_type, mode, effective) in [
        ("code", "", "query"),
        ("code", "fragment", "fragment"),
        ("code id_token", "", "fragment"),
        ("id_token", "form_post", "form_post"),
        ("code", "form_post", "form_post"),
        ("code", "jwt", "query"),
        ("code", "form_post.jwt", "form_post"),
        ("id_token token", "jwt", "fragment"),
        ("code", "nonsense", "query"),
    ] {
        let visit = app.visit().with("response_type", response_type).with("response_mode", mode);
        for (visit, error) in [
            (visit.clone().with("prompt", "none"), "login_required"),
            (visit.clone().with("max_age", "x"), "invalid_request"),
        ] {
            let mut given = parameters(&open(&site, &visit).await, effective);
            if mode.ends_with("jwt") {
                given = within(&app, &given, site.now()).await;
            }
            let expected = if mode == "nonsense" { "invalid_request" } else { error };
            assert_eq!(given["error"], expected, "{response_type} {mode}");
            assert_eq!(given.get("state"), visit.parameters.get("state"));
            assert!(!given.contains_key("code"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_signed_with_what_the_client_has_chosen() {
    let site = site().await;
    let chosen = Some(SigningAlgorithm::ES256);
    let app = site.admin.add_app_with(|m| m.authorization_signed_response_alg = chosen).await;
    let given = parameters(&open(&site, &app.visit().with("response_mode", "jwt")).await, "query");
    assert_eq!(header_of(&given["response"])["alg"], "ES256");
}

fn header_of(jwt: &str) -> Value {
    use base64::Engine as _;
    let header = jwt.split('.').next().unwrap();
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(header).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// An app that signs its requests with this key.
async fn signing_app(site: &Site, signer: &Signer, change: impl FnOnce(&mut Metadata)) -> RelyingApp {
    let jwks = signer.jwks();
    let add = |metadata: &mut Metadata| {
        metadata.jwks = Some(jwks);
        change(metadata);
    };
    site.admin.add_app_with(add).await
}

/// The claims of a request object: the request, for this provider, good for five minutes.
fn claims(app: &RelyingApp, visit: &Visit, now: i64) -> Value {
    let mut claims = json!(visit.parameters);
    claims["iss"] = json!(app.client_id);
    claims["aud"] = json!(app.issuer.as_str().trim_end_matches('/'));
    claims["nbf"] = json!(now);
    claims["exp"] = json!(now + 300);
    claims
}

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

/// The request that carries an object: its client, and nothing else.
fn carrying(app: &RelyingApp, name: &str, value: &str) -> String {
    let mut url = app.issuer.join("authorize").unwrap();
    url.query_pairs_mut().append_pair("client_id", &app.client_id).append_pair(name, value);
    url.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_come_in_a_signed_object() {
    let site = site().await;
    for algorithm in ["ES256", "EdDSA", "RS256", "PS256"] {
        let signer = Signer::new(algorithm);
        let app = signing_app(&site, &signer, |_| ()).await;
        let visit = app.visit();
        let mut claims = claims(&app, &visit, site.now());
        claims["max_age"] = json!(300);
        claims["claims"] = json!({ "id_token": { "preferred_username": null } });
        let mut browser = site.browser();
        browser.open(&carrying(&app, "request", &signer.sign(&claims))).await;
        browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let id_token = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(id_token["preferred_username"], "ada", "{algorithm}");
    }
}

/// RFC 9101 §6.3: what stands beside the object does not count.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_in_the_object_counts() {
    let site = site().await;
    let signer = Signer::new("ES256");
    let app = signing_app(&site, &signer, |_| ()).await;
    let visit = app.visit();
    let object = signer.sign(&claims(&app, &visit, site.now()));
    let beside = visit
        .clone()
        .with("request", &object)
        .with("redirect_uri", "https://evil.example/callback")
        .with("state", "another")
        .with("nonce", "another")
        .with("prompt", "none");
    let browser = open(&site, &beside).await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    app.verify(&tokens.text("id_token"), &visit, site.now()).await;

    let mut without = claims(&app, &visit, site.now());
    without.as_object_mut().unwrap().remove("redirect_uri");
    let mut browser = site.browser();
    browser.open(&visit.with("request", &signer.sign(&without)).url()).await;
    assert_eq!(browser.status(), 400, "the redirect_uri beside it does not count either");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_object_that_is_not_right_is_refused() {
    let site = site().await;
    let (signer, stranger) = (Signer::new("ES256"), Signer::new("ES256"));
    let app = signing_app(&site, &signer, |_| ()).await;
    let visit = app.visit();
    let right = claims(&app, &visit, site.now());
    let with = |name: &str, value: Value| signer.sign(&changed(&right, name, value));
    let none = format!("{}.", unsigned(&json!({ "alg": "none" }), &right));
    for (object, words) in [
        (none, "none"),
        ("not a JWT".to_owned(), "JWT"),
        (stranger.sign(&right), "signature"),
        (format!("{}x", signer.sign(&right)), "the JWT"),
        (signer.sign_with(json!({ "typ": "at+jwt" }), &right), "typ"),
        (with("iss", json!("another")), "iss"),
        (with("client_id", json!("another")), "client_id"),
        (with("aud", json!("https://another.example")), "aud"),
        (with("exp", json!(site.now())), "expired"),
        (with("nbf", json!(site.now() + 61)), "nbf"),
        (with("request", json!("a.b.c")), "holds request"),
        (with("request_uri", json!("https://a.example/")), "holds request_uri"),
    ] {
        let wrong = visit.clone().with("request", &object);
        let arrived = open(&site, &wrong).await.arrived();
        assert_eq!(wrong.error(&arrived), "invalid_request_object", "{object}");
        let description = wrong.answer(&arrived, "error_description");
        assert!(description.contains(words), "{words}: {description}");
    }
    for right in [
        with("nbf", json!(site.now() + 8)),
        with("aud", json!(["https://another.example", right["aud"]])),
        signer.sign_with(json!({ "typ": "JWT" }), &right),
    ] {
        let visit = visit.clone().with("request", &right);
        visit.code(&open(&site, &visit).await.arrived());
    }
}

/// Nobody is sent anywhere on the word of an object that cannot be believed.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_refused_does_not_say_where_the_answer_goes() {
    let site = site().await;
    let stranger = Signer::new("ES256");
    let app = signing_app(&site, &Signer::new("ES256"), |_| ()).await;
    let object = stranger.sign(&claims(&app, &app.visit(), site.now()));
    let mut browser = site.browser();
    browser.open(&carrying(&app, "request", &object)).await;
    assert_eq!(browser.status(), 400);
    let page = browser.text();
    assert!(page.contains("invalid_request_object") && page.contains("RFC 9101 section 6"), "{page}");
    let evil = app.visit().with("request", &object).with("redirect_uri", "https://evil.example/");
    browser.open(&evil.url()).await;
    assert_eq!(browser.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_bind_itself_to_sign() {
    let site = site().await;
    let signer = Signer::new("RS256");
    let app = signing_app(&site, &signer, |m| {
        m.require_signed_request_object = true;
        m.request_object_signing_alg = Some(SigningAlgorithm::PS256);
    })
    .await;
    let visit = app.visit();
    let arrived = open(&site, &visit).await.arrived();
    assert_eq!(visit.error(&arrived), "invalid_request");
    assert!(visit.answer(&arrived, "error_description").contains("RFC 9101 section 10.5"));

    let claims = claims(&app, &visit, site.now());
    let wrong = visit.clone().with("request", &signer.sign(&claims));
    let arrived = open(&site, &wrong).await.arrived();
    assert_eq!(wrong.error(&arrived), "invalid_request_object");
    let description = wrong.answer(&arrived, "error_description");
    assert!(description.contains("RS256") && description.contains("PS256"), "{description}");
    let right = visit.with("request", &signer.with("PS256").sign(&claims));
    right.code(&open(&site, &right).await.arrived());

    let keyless = site.admin.add_app().await;
    let visit = keyless.visit().with("request", "e30.e30.e30");
    let arrived = open(&site, &visit).await.arrived();
    assert!(visit.answer(&arrived, "error_description").contains("register jwks or jwks_uri"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_object_may_lie_behind_a_registered_address() {
    let publisher = Publisher::start().await;
    let settings = publisher.outbound();
    let site = Site::with(Database::sqlite().await, |config| config.outbound = settings).await;
    let signer = Signer::new("ES256");
    let registered = vec![publisher.uri("request#v1"), publisher.uri("gone")];
    let app = signing_app(&site, &signer, |m| m.request_uris = registered).await;
    let visit = app.visit();
    let object = signer.sign(&claims(&app, &visit, site.now()));
    let uri = publisher.publish("request", &format!("{object}\n"));
    publisher.publish("elsewhere", &object);
    let hash = |text: &str| base64url(&sha256(text.as_bytes()));
    let (right, another) = (hash(&format!("{object}\n")), hash("another"));
    // OIDC Core §6.2: the fragment is there for caches, whatever it is the hash of.
    for fragment in [String::new(), "#v2".to_owned(), format!("#{right}"), format!("#{another}")] {
        let mut browser = site.browser();
        browser.open(&carrying(&app, "request_uri", &format!("{uri}{fragment}"))).await;
        browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
        visit.code(&browser.arrived());
    }
    for (wrong, words) in [
        (publisher.uri("elsewhere"), "registered"),
        (publisher.uri("request?x"), "registered"),
        (publisher.uri("gone"), "404"),
        ("http://localhost/request".to_owned(), "https"),
        ("urn:ietf:params:oauth:request_uri:nothing".to_owned(), "not known"),
    ] {
        let visit = visit.clone().with("request_uri", &wrong);
        let arrived = open(&site, &visit).await.arrived();
        assert_eq!(visit.error(&arrived), "invalid_request_uri", "{wrong}");
        let description = visit.answer(&arrived, "error_description");
        assert!(description.contains(words), "{words}: {description}");
    }
    publisher.publish("request", "no object");
    let unreadable = visit.clone().with("request_uri", &uri);
    assert_eq!(unreadable.error(&open(&site, &unreadable).await.arrived()), "invalid_request_object");
    let both = visit.with("request_uri", &uri).with("request", &object);
    assert_eq!(both.error(&open(&site, &both).await.arrived()), "invalid_request");
}

/// A host that is private is not fetched from unless the operator allows it.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_on_the_inside_is_not_fetched() {
    let publisher = Publisher::start().await;
    let site = site().await;
    let uri = publisher.publish("request", "x");
    let registered = vec![uri.clone()];
    let app = site.admin.add_app_with(|m| m.request_uris = registered).await;
    let visit = app.visit().with("request_uri", &uri);
    let arrived = open(&site, &visit).await.arrived();
    assert_eq!(visit.error(&arrived), "invalid_request_uri");
    assert!(visit.answer(&arrived, "error_description").contains("public address"));
}

/// RFC 6749 §3.1.2.3 lets it be left out where there is only one; OpenID Connect does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_uri_may_be_left_out_by_plain_oauth_alone() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let visit = app.visit().with("scope", "groups");
    let browser = open(&site, &visit.clone().without("redirect_uri")).await;
    let code = visit.code(&browser.arrived());
    let verifier = visit.verifier.clone().unwrap();
    let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", &verifier)];
    let wrong = [&form[..], &[("redirect_uri", "https://evil.example/")]].concat();
    assert_eq!(app.token(&wrong).await.error().as_deref(), Some("invalid_grant"));
    let tokens = app.token(&form).await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);

    let openid = app.visit().without("redirect_uri");
    let mut browser = site.browser();
    browser.open(&openid.url()).await;
    assert_eq!(browser.status(), 400);
    let two = site.admin.add_app_with(|m| m.redirect_uris.push("https://app.example.org/2".to_owned())).await;
    browser.open(&two.visit().with("scope", "groups").without("redirect_uri").url()).await;
    assert_eq!(browser.status(), 400);
    assert!(browser.text().contains("https://app.example.org/2"), "what is registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cancels_is_sent_back_with_access_denied() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.consent = true).await;
    let visit = app.visit();
    let mut at_password = site.browser();
    at_password.open(&visit.url()).await;
    let at_code = site.after_password(&visit, "ned").await;
    assert!(at_code.has_field("code"));
    let at_consent = site.after_password(&visit, "ada").await;
    for (mut browser, button) in [(at_password, "cancel"), (at_code, "cancel"), (at_consent, "deny")] {
        browser.press(button).await;
        assert_eq!(visit.error(&browser.arrived()), "access_denied");
        browser.back().press(button).await;
        assert_eq!(browser.status(), 410, "once");
    }
}

crate::on_both_databases! {
    /// Anybody can begin a sign-in, and end it: what nobody has put a password to leaves no line behind that stays.
    async fn strangers_who_begin_and_cancel_leave_nothing_on_the_audit_log(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(|m| m.consent = true).await;
        let refused = async || {
            let events = site.admin.events().await;
            events.into_iter().filter(|e| e.event == "signin.refused").map(|e| e.user_id).collect::<Vec<_>>()
        };
        let before = site.admin.events().await.len();
        for _ in 0..20 {
            let mut browser = site.browser();
            browser.open(&app.visit().url()).await.press("cancel").await;
            browser.arrived();
        }
        assert_eq!(site.admin.events().await.len(), before);
        // Whoever has proven who they are is told of: by a password, or by their session.
        let ada = Some(site.admin.user("ada").await.id);
        let mut browser = site.after_password(&app.visit(), "ada").await;
        browser.submit().await.arrived();
        browser.open(&app.visit().with("prompt", "consent").url()).await.press("deny").await;
        browser.arrived();
        assert_eq!(refused().await, std::slice::from_ref(&ada));
        site.after_password(&app.visit().with("prompt", "consent"), "ada").await.press("deny").await.arrived();
        assert_eq!(refused().await, [ada.clone(), ada]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_and_a_nonce_of_2048_bytes_come_back_as_they_were() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let visit = app.visit().with("state", &"s%&='<\"+".repeat(256)).with("nonce", &"n".repeat(2048));
    let browser = open(&site, &visit).await;
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    for name in ["state", "nonce"] {
        let visit = app.visit().with(name, &"x".repeat(2049));
        assert_eq!(visit.error(&open(&site, &visit).await.arrived()), "invalid_request", "{name}");
    }
}

/// The hint names whom this client knows; somebody else has to sign in.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_hint_asks_for_whom_it_names() {
    let site = site().await;
    site.admin.add_user(&site.acme, "bob", "Top manager", None).await;
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let mut ada = open(&site, &visit).await;
    let tokens = app.redeem(&visit, &ada.arrived()).await;
    let hinted = app.visit().with("id_token_hint", &tokens.text("id_token"));
    site.advance(3600);
    ada.open(&hinted.clone().with("prompt", "none").url()).await;
    hinted.code(&ada.arrived());

    let mut bob = site.after_password(&app.visit(), "bob").await;
    bob.open(&hinted.clone().with("prompt", "none").url()).await;
    assert_eq!(hinted.error(&bob.arrived()), "login_required");
    bob.open(&hinted.url()).await;
    bob.fill("login", "bob").fill("password", PASSWORD).submit().await;
    assert_eq!(hinted.error(&bob.arrived()), "login_required", "somebody else has signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_have_a_max_age_of_its_own() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.default_max_age = Some(60)).await;
    let mut browser = open(&site, &app.visit()).await;
    site.advance(61);
    browser.open(&app.visit().url()).await;
    assert!(browser.has_field("password"));
    let visit = app.visit().with("max_age", "600");
    browser.open(&visit.url()).await;
    visit.code(&browser.arrived());
}

/// What the developer reads where no answer can go to the app.
#[tokio::test(flavor = "multi_thread")]
async fn the_error_page_says_what_to_change() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let pushing = site.admin.add_app_with(|m| m.require_pushed_authorization_requests = true).await;
    let signing = signing_app(&site, &Signer::new("ES256"), |m| m.require_signed_request_object = true).await;
    let visit = app.visit();
    for (wrong, words) in [
        (
            visit.clone().with("client_id", "nobody"),
            &["nobody", "no client with this client_id", "RFC 6749 section 2.2"][..],
        ),
        (visit.clone().without("client_id"), &["client_id is missing"]),
        (
            visit.clone().with("redirect_uri", &format!("{REDIRECT_URI}/")),
            &["only in the slash", "RFC 9700", "redirect_uris, as registered"],
        ),
        (visit.clone().with("redirect_uri", &format!("{REDIRECT_URI}?x=1")), &["only in the query"]),
        (visit.clone().with("redirect_uri", "https://app.example.org:444/callback"), &["only in the port"]),
        (visit.clone().with("redirect_uri", "http://app.example.org/callback"), &["http or https"]),
        (visit.clone().with("redirect_uri", "https://app.example.org/other"), &["only in the path"]),
        (
            visit.clone().with("redirect_uri", "https://app.example.org:443/callback"),
            &["written differently"],
        ),
        (
            visit.clone().without("redirect_uri"),
            &["redirect_uri is missing", REDIRECT_URI, "Core section 3.1.2.1"],
        ),
        (
            pushing.visit().without("redirect_uri"),
            &["/par", "RFC 9126 section 6", "require_pushed_authorization_requests, as registered true"],
        ),
        (
            signing.visit().without("redirect_uri"),
            &["RFC 9101 section 10.5", "require_signed_request_object, as registered true"],
        ),
        (
            visit.clone().without("redirect_uri").with("request", "e30.e30."),
            &["invalid_request_object", "register jwks"],
        ),
        (
            visit.clone().without("redirect_uri").with("request_uri", "https://a.example/"),
            &["invalid_request_uri", "RFC 9101 section 5.2"],
        ),
        (
            visit.clone().without("redirect_uri").with("request_uri", "urn:ietf:params:oauth:request_uri:x"),
            &["invalid_request_uri", "RFC 9126 section 4"],
        ),
    ] {
        let mut browser = site.browser();
        browser.open(&wrong.url()).await;
        assert_eq!(browser.status(), 400, "{}", wrong.url());
        let page = browser.text();
        for word in words {
            assert!(page.contains(word), "{word}: {page}");
        }
        assert!(browser.links().iter().any(|link| link.starts_with("https://")), "the document");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_page_takes_no_strangers_address_for_a_slip() {
    let site = site().await;
    let app = site.admin.add_app().await;
    let mut browser = site.browser();
    browser.open(&app.visit().with("redirect_uri", "https://evil.example/callback").url()).await;
    assert!(!browser.text().contains("It differs"), "{}", browser.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_outside_of_what_is_asked_does_no_harm() {
    let site = site().await;
    let app = site.admin.add_app_with(|m| m.token_endpoint_auth_method = AuthMethod::None).await;
    for visit in [
        app.visit().with("display", "touch"),
        app.visit().with("display", "hologram"),
        app.visit().with("claims_locales", "de fr"),
        app.visit().with("prompt", "select_account"),
        app.visit().with("request", ""),
    ] {
        let arrived: Url = open(&site, &visit).await.arrived();
        visit.code(&arrived);
    }
}
