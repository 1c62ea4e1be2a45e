//! How do apps register themselves? In each mode, with each refusal, and what they do with their registration afterwards.
#![cfg(test)]

mod support;

use countersign::config::{Config, RegistrationMode};
use countersign::keys::secret::entropy;
use countersign::oidc::registration::invitation;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::Database;
use support::admin::REDIRECT_URI;
use support::browser::http;
use support::publisher::Publisher;
use support::relying_app::{Answer, Proof, RelyingApp};
use support::site::Site;

fn open(config: &mut Config) {
    config.registration.mode = RegistrationMode::Open;
}

fn by_token(config: &mut Config) {
    config.registration.mode = RegistrationMode::Token;
}

/// What a simple app registers.
fn app() -> Value {
    json!({"client_name": "Time Tracker", "redirect_uris": [REDIRECT_URI]})
}

fn with(name: &str, value: Value) -> Value {
    let mut app = app();
    app[name] = value;
    app
}

async fn send(method: Method, address: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
    let mut request = http().request(method, address);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    Answer::of(request).await
}

async fn register(site: &Site, token: Option<&str>, body: &Value) -> Answer {
    send(Method::POST, site.url.join("register").unwrap().as_str(), token, Some(body)).await
}

async fn registered(site: &Site, body: &Value) -> Answer {
    let answer = register(site, None, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json);
    answer
}

/// An initial access token.
async fn invite(site: &Site, uses: u32, lifetime: i64) -> String {
    let mut tx = site.admin.db.write().await.unwrap();
    let token = invitation::invite(&mut tx, uses, lifetime, None, site.now(), &mut entropy()).await.unwrap();
    tx.commit().await.unwrap();
    token.reveal().to_owned()
}

fn refused(answer: &Answer, status: u16, error: &str, words: &[&str]) {
    assert_eq!((answer.status.as_u16(), answer.error().as_deref()), (status, Some(error)), "{}", answer.json);
    let description = answer.text("error_description");
    for word in words {
        assert!(description.contains(word), "{word} is not in: {description}");
    }
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
}

/// The app that has registered so.
fn relying_app(site: &Site, answer: &Answer) -> RelyingApp {
    RelyingApp {
        issuer: site.url.clone(),
        client_id: answer.text("client_id"),
        client_secret: answer.json["client_secret"].as_str().map(str::to_owned),
        redirect_uri: answer.json["redirect_uris"][0].as_str().unwrap().to_owned(),
        proof: Proof::Basic,
    }
}

/// What is asked to be encrypted must have a key that fits.
#[tokio::test]
async fn an_app_that_cannot_be_encrypted_to_is_told_before_anything_is_written() {
    let publisher = Publisher::start().await;
    let site = Site::with(Database::sqlite().await, |config| {
        open(config);
        config.outbound = publisher.outbound();
    })
    .await;
    let rsa = json!({"kty": "RSA", "n": "x".repeat(344), "e": "AQAB"});
    for name in ["id_token_encrypted_response_alg", "userinfo_encrypted_response_alg"] {
        for keys in [json!([]), json!([rsa]), json!([{"kty": "AKP", "alg": "ML-KEM-768"}])] {
            let mut app = with(name, json!("ECDH-ES"));
            app["jwks"] = json!({ "keys": keys });
            refused(&register(&site, None, &app).await, 400, "invalid_client_metadata", &[name, "jwks"]);
        }
    }
    // What its jwks_uri answers is known no sooner than it is asked.
    let mut front = with("id_token_encrypted_response_alg", json!("ECDH-ES"));
    front["response_types"] = json!(["id_token"]);
    front["grant_types"] = json!(["implicit"]);
    front["jwks_uri"] = json!(publisher.publish("jwks", &json!({ "keys": [rsa] }).to_string()));
    let app = relying_app(&site, &registered(&site, &front).await);
    let visit = app.visit().without_pkce().with("response_type", "id_token");
    let mut browser = site.after_password(&visit, "ada").await;
    browser.submit().await;
    assert_eq!(visit.error(&browser.arrived()), "invalid_request");
    assert!(visit.answer(&browser.arrived(), "error_description").contains("ECDH-ES"));
    let events = site.admin.events().await;
    assert!(!events.iter().any(|event| event.event == "signin.completed"), "nothing has been written");
}

async fn endpoint_in_discovery(site: &Site) -> Value {
    let at = site.url.join(".well-known/openid-configuration").unwrap();
    Answer::of(http().get(at)).await.json["registration_endpoint"].clone()
}

#[tokio::test]
async fn a_closed_provider_registers_nobody_and_does_not_say_that_it_does() {
    let site = Site::on(Database::sqlite().await).await;
    assert_eq!(endpoint_in_discovery(&site).await, Value::Null);
    refused(&register(&site, None, &app()).await, 403, "access_denied", &["closed", "operator"]);
}

crate::on_both_databases! {
    async fn where_it_is_open_an_app_registers_itself_and_signs_people_in(database) {
        let site = Site::with(database, open).await;
        let endpoint = endpoint_in_discovery(&site).await;
        assert_eq!(endpoint.as_str().unwrap(), site.url.join("register").unwrap().as_str());
        let answer = registered(&site, &app()).await;
        assert_eq!(answer.json["client_secret_expires_at"], 0);
        assert_eq!(answer.json["client_id_issued_at"], site.now());
        assert_eq!(answer.json["grant_types"], json!(["authorization_code"]));
        assert_eq!(answer.headers["cache-control"], "no-store");
        let address = answer.text("registration_client_uri");
        assert_eq!(address, site.url.join(&format!("register/{}", answer.text("client_id"))).unwrap().as_str());
        let app = relying_app(&site, &answer);
        let visit = app.visit();
        let mut browser = site.after_password(&visit, "ada").await;
        assert!(!browser.has_left(), "somebody whom nobody here knows asks: the person is asked");
        browser.submit().await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(claims["sub"].as_str().unwrap(), site.admin.user("ada").await.id);
        assert!(site.admin.events().await.iter().any(|event| event.event == "client.registered"));
    }

    async fn an_initial_access_token_lets_so_many_register_for_so_long(database) {
        let site = Site::with(database, by_token).await;
        let token = invite(&site, 2, 3600).await;
        refused(&register(&site, None, &app()).await, 401, "invalid_token", &["Bearer"]);
        let wrong = register(&site, Some("wrong"), &app()).await;
        refused(&wrong, 401, "invalid_token", &["initial access token"]);
        assert!(wrong.headers["www-authenticate"].to_str().unwrap().contains("error=\"invalid_token\""));
        // A mistake uses nothing up.
        refused(&register(&site, Some(&token), &json!({})).await, 400, "invalid_redirect_uri", &[]);
        for _ in 0..2 {
            assert_eq!(register(&site, Some(&token), &app()).await.status, 201);
        }
        refused(&register(&site, Some(&token), &app()).await, 401, "invalid_token", &["no registration left"]);
        let old = invite(&site, 1, 3600).await;
        site.advance(3600);
        refused(&register(&site, Some(&old), &app()).await, 401, "invalid_token", &["expired"]);
    }

    async fn one_network_registers_no_more_in_an_hour_than_the_operator_says(database) {
        let site = Site::with(database, |config| {
            open(config);
            config.registration.per_hour = 3;
        })
        .await;
        for _ in 0..3 {
            registered(&site, &app()).await;
        }
        let waits = register(&site, None, &app()).await;
        assert_eq!(waits.status, 429, "{}", waits.json);
        assert!(waits.headers.contains_key("retry-after"), "{:?}", waits.headers);
        site.advance(3601);
        registered(&site, &app()).await;
    }

    /// Nobody's guesses at a token keep out whoever holds one.
    async fn whoever_holds_an_initial_access_token_never_waits(database) {
        let site = Site::with(database, |config| {
            by_token(config);
            config.registration.per_hour = 2;
        })
        .await;
        let token = invite(&site, 10, 3600).await;
        for _ in 0..5 {
            refused(&register(&site, Some("wrong"), &app()).await, 401, "invalid_token", &[]);
            refused(&register(&site, None, &app()).await, 401, "invalid_token", &[]);
        }
        for _ in 0..5 {
            let answer = register(&site, Some(&token), &app()).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json);
        }
    }

    async fn an_app_reads_replaces_and_withdraws_its_registration(database) {
        let site = Site::with(database, open).await;
        let first = registered(&site, &app()).await;
        let (address, token) = (first.text("registration_client_uri"), first.text("registration_access_token"));
        let read = send(Method::GET, &address, Some(&token), None).await;
        assert_eq!(read.status, 200);
        for (name, value) in first.json.as_object().unwrap().iter().filter(|(name, _)| *name != "client_secret") {
            assert_eq!(read.json[name], *value, "{name}");
        }
        let mut new = json!({
            "client_id": first.text("client_id"), "client_secret": first.text("client_secret"),
            "client_name": "Renamed", "redirect_uris": ["https://app.example.org/new"],
        });
        let replaced = send(Method::PUT, &address, Some(&token), Some(&new)).await;
        assert_eq!(replaced.status, 200, "{}", replaced.json);
        assert_eq!(replaced.json["client_name"], "Renamed");
        assert_eq!(replaced.json["redirect_uris"], json!(["https://app.example.org/new"]));
        assert_eq!(replaced.json.get("client_secret"), None, "it stays the one that it was");
        new["redirect_uris"] = json!(["http://app.example.org/"]);
        let bad = send(Method::PUT, &address, Some(&token), Some(&new)).await;
        refused(&bad, 400, "invalid_redirect_uri", &["http://app.example.org/", "RFC 9700"]);
        let mut app = relying_app(&site, &replaced);
        app.client_secret = Some(first.text("client_secret"));
        let visit = app.visit();
        let mut browser = site.after_password(&visit, "ada").await;
        browser.submit().await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 200);
        let gone = send(Method::DELETE, &address, Some(&token), None).await;
        assert_eq!((gone.status.as_u16(), gone.json), (204, Value::Null));
        assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 401, "its grants have ended");
        for method in [Method::GET, Method::DELETE] {
            let answer = send(method, &address, Some(&token), None).await;
            refused(&answer, 401, "invalid_token", &["registration access token"]);
        }
        let events: Vec<String> = site.admin.events().await.into_iter().map(|event| event.event).collect();
        for event in ["client.registered", "client.changed", "client.deleted"] {
            assert!(events.iter().any(|one| one == event), "{event}");
        }
    }

    async fn whoever_registers_too_often_waits(database) {
        let site = Site::with(database, open).await;
        let mut last = register(&site, None, &json!({})).await;
        for _ in 0..101 {
            last = register(&site, None, &json!({})).await;
        }
        refused(&last, 429, "temporarily_unavailable", &["wait 36 seconds"]);
        assert_eq!(last.headers["retry-after"], "36");
        site.advance(36);
        registered(&site, &app()).await;
    }

    /// Whoever has registered once could else fill the audit log.
    async fn changes_of_registrations_are_counted_with_them(database) {
        let site = Site::with(database, |config| {
            open(config);
            config.registration.per_hour = 5;
        })
        .await;
        let first = registered(&site, &app()).await;
        let (uri, token) = (first.text("registration_client_uri"), first.text("registration_access_token"));
        let mut body = app();
        body["client_id"] = json!(first.text("client_id"));
        for _ in 0..4 {
            assert_eq!(send(Method::PUT, &uri, Some(&token), Some(&body)).await.status, 200);
        }
        let events = site.admin.events().await.len();
        let last = send(Method::PUT, &uri, Some(&token), Some(&body)).await;
        refused(&last, 429, "temporarily_unavailable", &["wait"]);
        assert_eq!(site.admin.events().await.len(), events);
    }

    async fn there_is_a_bound_on_apps_that_have_registered_themselves(database) {
        let site = Site::with(database, |config| {
            open(config);
            config.registration.max_clients = 2;
        })
        .await;
        site.admin.add_app().await;
        let first = registered(&site, &app()).await;
        registered(&site, &app()).await;
        refused(&register(&site, None, &app()).await, 503, "temporarily_unavailable", &["2 clients"]);
        let token = first.text("registration_access_token");
        send(Method::DELETE, &first.text("registration_client_uri"), Some(&token), None).await;
        registered(&site, &app()).await;
    }
}

#[tokio::test]
async fn a_registration_is_nobody_elses() {
    let site = Site::with(Database::sqlite().await, open).await;
    let (one, two) = (registered(&site, &app()).await, registered(&site, &app()).await);
    let (address, others) = (one.text("registration_client_uri"), two.text("registration_access_token"));
    let body = json!({"client_id": one.text("client_id"), "redirect_uris": [REDIRECT_URI]});
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let body = (method == Method::PUT).then_some(&body);
        let answer = send(method.clone(), &address, Some(&others), body).await;
        refused(&answer, 401, "invalid_token", &["registration access token"]);
        refused(&send(method, &address, None, body).await, 401, "invalid_token", &["Bearer"]);
    }
    // Nor is one that the operator has added anybody's to manage.
    let operators = site.admin.add_app().await;
    let address = site.url.join(&format!("register/{}", operators.client_id)).unwrap();
    refused(&send(Method::GET, address.as_str(), Some(&others), None).await, 401, "invalid_token", &[]);
    let nobodys = site.url.join("register/%00").unwrap();
    refused(&send(Method::GET, nobodys.as_str(), Some(&others), None).await, 401, "invalid_token", &[]);
}

#[tokio::test]
async fn a_replacement_says_who_it_is_of_and_nothing_that_is_ours_to_say() {
    let site = Site::with(Database::sqlite().await, open).await;
    let one = registered(&site, &app()).await;
    let (address, token) = (one.text("registration_client_uri"), one.text("registration_access_token"));
    let base = json!({"client_id": one.text("client_id"), "redirect_uris": [REDIRECT_URI]});
    let cases = [
        ("client_id", json!("other"), "client_id"),
        ("client_id", Value::Null, "client_id"),
        ("client_secret", json!("wrong"), "client_secret"),
        ("registration_access_token", json!(token), "registration_access_token"),
        ("registration_client_uri", json!(address), "registration_client_uri"),
        ("client_id_issued_at", json!(1), "client_id_issued_at"),
        ("client_secret_expires_at", json!(0), "client_secret_expires_at"),
        ("grant_types", json!(["client_credentials"]), "client_credentials"),
    ];
    for (name, value, word) in cases {
        let mut body = base.clone();
        body[name] = value;
        let answer = send(Method::PUT, &address, Some(&token), Some(&body)).await;
        refused(&answer, 400, "invalid_client_metadata", &[word]);
    }
}

#[tokio::test]
async fn a_method_that_needs_another_secret_brings_it() {
    let site = Site::with(Database::sqlite().await, open).await;
    let public = registered(&site, &with("token_endpoint_auth_method", json!("none"))).await;
    assert!(
        public.json.get("client_secret").is_none() && public.json.get("client_secret_expires_at").is_none()
    );
    let (address, token) = (public.text("registration_client_uri"), public.text("registration_access_token"));
    let change = async |method: &str| {
        let mut body = with("token_endpoint_auth_method", json!(method));
        body["client_id"] = json!(public.text("client_id"));
        let answer = send(Method::PUT, &address, Some(&token), Some(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json["client_secret"].as_str().map(str::to_owned)
    };
    assert!(change("client_secret_post").await.is_some());
    assert!(change("client_secret_basic").await.is_none(), "the same secret serves");
    assert!(change("client_secret_jwt").await.is_some(), "this one must be known, not its hash alone");
    assert!(change("client_secret_basic").await.is_none());
    assert!(change("none").await.is_none());
    assert!(change("client_secret_basic").await.is_some());
}

#[tokio::test]
async fn each_member_that_is_wrong_is_named() {
    let site = Site::with(Database::sqlite().await, open).await;
    let cases = [
        ("redirect_uris", json!([]), "invalid_redirect_uri", "at least one"),
        ("redirect_uris", json!("https://app.example.org/"), "invalid_redirect_uri", "array"),
        ("redirect_uris", json!(["https://app.example.org/#x"]), "invalid_redirect_uri", "fragment"),
        ("redirect_uris", json!(["http://app.example.org/"]), "invalid_redirect_uri", "https"),
        ("post_logout_redirect_uris", json!(["javascript:1"]), "invalid_client_metadata", "javascript:1"),
        ("client_name", json!("x".repeat(101)), "invalid_client_metadata", "100 characters"),
        ("client_name", json!(7), "invalid_client_metadata", "client_name: expected a text"),
        ("application_type", json!("desktop"), "invalid_client_metadata", "web, native"),
        ("response_types", json!(["token"]), "invalid_client_metadata", "id_token token"),
        ("grant_types", json!(["implicit"]), "invalid_client_metadata", "response_types"),
        ("grant_types", json!(["jwt-bearer"]), "invalid_client_metadata", "refresh_token"),
        ("token_endpoint_auth_method", json!("private_key_jwt"), "invalid_client_metadata", "jwks"),
        ("id_token_signed_response_alg", json!("HS256"), "invalid_client_metadata", "RS256"),
        ("userinfo_signed_response_alg", json!("none"), "invalid_client_metadata", "RS256"),
        ("jwks", json!({"keys": [{"kty": "oct", "k": "AA"}]}), "invalid_client_metadata", "symmetric"),
        ("jwks", json!({"keys": 7}), "invalid_client_metadata", "RFC 7517"),
        ("jwks_uri", json!("http://app.example.org/jwks"), "invalid_client_metadata", "https"),
        ("initiate_login_uri", json!("http://app.example.org/"), "invalid_client_metadata", "https"),
        ("request_uris", json!(["http://app.example.org/"]), "invalid_client_metadata", "request_uris"),
        ("logo_uri", json!("file:///etc/passwd"), "invalid_client_metadata", "logo_uri"),
        ("policy_uri", json!("javascript:alert(1)"), "invalid_client_metadata", "policy_uri"),
        ("tos_uri", json!("/tos"), "invalid_client_metadata", "tos_uri"),
        ("default_max_age", json!(-1), "invalid_client_metadata", "number of seconds"),
        ("require_auth_time", json!("yes"), "invalid_client_metadata", "true or false"),
        ("subject_type", json!("secret"), "invalid_client_metadata", "pairwise"),
        ("backchannel_logout_uri", json!("http://a.example/"), "invalid_client_metadata", "https"),
        ("frontchannel_logout_uri", json!("https://b.example/"), "invalid_client_metadata", "redirect URI"),
        ("profile", json!("fapi1"), "invalid_client_metadata", "fapi2"),
        ("software_statement", json!("a.b.c"), "unapproved_software_statement", "software_statement"),
        (
            "sector_identifier_uri",
            json!("https://127.0.0.1/x"),
            "invalid_client_metadata",
            "not a public address",
        ),
    ];
    for (name, value, error, word) in cases {
        refused(&register(&site, None, &with(name, value)).await, 400, error, &[word]);
    }
    for grant in ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"] {
        let body = with("grant_types", json!(["authorization_code", grant]));
        refused(
            &register(&site, None, &body).await,
            400,
            "invalid_client_metadata",
            &["initial access token"],
        );
    }
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let site = Site::with(Database::sqlite().await, open).await;
    let endpoint = site.url.join("register").unwrap();
    let post = async |kind: &str, body: String| {
        Answer::of(http().post(endpoint.clone()).header("content-type", kind).body(body)).await
    };
    for body in ["", "x", "[]", "\"x\"", "{"] {
        refused(
            &post("application/json", body.to_owned()).await,
            400,
            "invalid_client_metadata",
            &["the body"],
        );
    }
    let form = post("application/x-www-form-urlencoded", "redirect_uris=x".to_owned()).await;
    refused(&form, 400, "invalid_client_metadata", &["application/json"]);
    let long = format!("{{\"client_name\": \"{}\"}}", "x".repeat(70_000));
    refused(&post("application/json", long).await, 413, "invalid_client_metadata", &["too long"]);
    let charset = post("application/json; charset=utf-8", app().to_string()).await;
    assert_eq!(charset.status, 201);
}

/// Its tokens come to whoever asks: redirect URIs and a file of somebody else's would prove nothing (OIDC Core §8.1).
#[tokio::test]
async fn a_device_claims_no_sector() {
    let publisher = Publisher::start().await;
    let site = Site::with(Database::sqlite().await, |config| {
        open(config);
        config.outbound = publisher.outbound();
    })
    .await;
    let file = publisher.publish("uris", &json!([REDIRECT_URI]).to_string());
    for redirect_uris in [json!([REDIRECT_URI]), json!([])] {
        for sector in [Some(&file), None] {
            let mut grants = vec!["urn:ietf:params:oauth:grant-type:device_code"];
            let mut body = with("subject_type", json!("pairwise"));
            if redirect_uris == json!([]) {
                body["response_types"] = json!([]);
            } else {
                grants.push("authorization_code");
            }
            body["grant_types"] = json!(grants);
            body["redirect_uris"] = redirect_uris.clone();
            body["sector_identifier_uri"] = json!(sector);
            let answer = register(&site, None, &body).await;
            assert_eq!(
                (answer.status.as_u16(), answer.error().as_deref()),
                (400, Some("invalid_client_metadata")),
                "{body}"
            );
            body["subject_type"] = json!("public");
            registered(&site, &body).await;
        }
    }
}

#[tokio::test]
async fn a_sector_is_believed_only_if_its_file_names_the_app() {
    let publisher = Publisher::start().await;
    let site = Site::with(Database::sqlite().await, |config| {
        open(config);
        config.outbound = publisher.outbound();
    })
    .await;
    let body = |path: &str| {
        let mut body = with("sector_identifier_uri", json!(publisher.uri(path)));
        body["subject_type"] = json!("pairwise");
        body["redirect_uris"] = json!(["https://one.example.org/cb", "https://two.example.org/cb"]);
        body
    };
    publisher.publish(
        "both",
        r#"["https://two.example.org/cb", "https://one.example.org/cb", "https://x.example"]"#,
    );
    publisher.publish("one", r#"["https://one.example.org/cb"]"#);
    publisher.publish("odd", "<html>");
    registered(&site, &body("both")).await;
    let refuse = async |path: &str, words: &[&str]| {
        refused(&register(&site, None, &body(path)).await, 400, "invalid_client_metadata", words);
    };
    refuse("one", &["two.example.org", "section 5"]).await;
    refuse("odd", &["JSON array"]).await;
    refuse("none", &["404"]).await;
    let without = json!({"subject_type": "pairwise", "redirect_uris": ["https://one.example.org/", "https://two.example.org/"]});
    let answer = register(&site, None, &without).await;
    refused(&answer, 400, "invalid_client_metadata", &["sector_identifier_uri", "one.example.org"]);
}

#[tokio::test]
async fn scripts_of_other_sites_may_register() {
    let site = Site::with(Database::sqlite().await, open).await;
    for path in ["register", "register/x"] {
        let answer = Answer::of(http().request(Method::OPTIONS, site.url.join(path).unwrap())).await;
        assert_eq!(answer.status, 204);
        let methods = answer.headers["access-control-allow-methods"].to_str().unwrap();
        assert!(methods.contains("PUT") && methods.contains("DELETE"), "{methods}");
    }
}
