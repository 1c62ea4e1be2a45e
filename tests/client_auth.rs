//! Does a client get in by the method that it is registered for, and by no other (RFC 6749 §2.3, OIDC Core §9, RFC 8705 §2)?
#![cfg(test)]

mod support;

use countersign::config::Config;
use countersign::oidc::clients::{AuthMethod, GrantType, Metadata, Profile};
use reqwest::header::WWW_AUTHENTICATE;
use serde_json::{Value, json};
use support::Database;
use support::ca::{Authority, Issued, authority};
use support::prover::{JWT_BEARER, claims, keyed};
use support::publisher::Publisher;
use support::relying_app::{Answer, Proof, RelyingApp};
use support::signer::{Signer, unsigned};
use support::site::Site;
use url::Url;

/// An app that asks for tokens in its own name: the shortest way to the token endpoint.
async fn add_app(site: &Site, change: impl FnOnce(&mut Metadata)) -> RelyingApp {
    let change = |metadata: &mut Metadata| {
        metadata.grant_types.push(GrantType::ClientCredentials);
        change(metadata);
    };
    site.admin.add_app_with(change).await
}

async fn add_signing(site: &Site, key: &Signer) -> RelyingApp {
    let jwks = Some(key.jwks());
    add_app(site, |m| (m.token_endpoint_auth_method, m.jwks) = (AuthMethod::PrivateKeyJwt, jwks)).await
}

/// What the token endpoint says to an assertion.
async fn send(app: &RelyingApp, assertion: &str) -> Answer {
    app.token(&form(assertion)).await
}

fn form(assertion: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
    ]
}

fn refused(answer: &Answer, named: &str) {
    let said = (answer.status.as_u16(), answer.error());
    assert_eq!(said, (401, Some("invalid_client".to_owned())), "{}", answer.json);
    assert!(answer.text("error_description").contains(named), "not {named}: {}", answer.json);
    assert!(!answer.headers.contains_key(WWW_AUTHENTICATE), "nobody has come by HTTP Basic");
}

/// The claims of an assertion with one of them replaced, or left out.
fn with(app: &RelyingApp, site: &Site, name: &str, value: &Value) -> Value {
    let mut claims = claims(app, site.now());
    match value {
        Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
        value => claims[name] = value.clone(),
    }
    claims
}

crate::on_both_databases! {
    /// A stolen assertion is of no use: not here, not in another process, not at once, not later.
    async fn an_assertion_counts_once_in_all_processes(database) {
        let site = Site::on(database).await;
        let second = site.second_process().await;
        let key = Signer::new("ES256");
        let app = add_signing(&site, &key).await;
        let there = RelyingApp { issuer: second.url.clone(), ..app.clone() };
        let assertion = key.sign(&claims(&app, site.now()));
        assert_eq!(send(&app, &assertion).await.status, 200);
        for (app, later) in [(&app, 0), (&there, 0), (&there, 30)] {
            site.advance(later);
            refused(&send(app, &assertion).await, "has been used before");
        }
        let assertion = key.sign(&claims(&app, site.now()));
        let tries = (0..50).map(|n| {
            let (app, assertion) = (if n % 2 == 0 { &app } else { &there }.clone(), assertion.clone());
            tokio::spawn(async move { send(&app, &assertion).await.status.as_u16() })
        });
        let mut outcomes = Vec::new();
        for each in tries.collect::<Vec<_>>() {
            outcomes.push(each.await.expect("an answer"));
        }
        outcomes.sort_unstable();
        assert_eq!((outcomes[0], outcomes[1], outcomes[49]), (200, 401, 401), "{outcomes:?}");
    }

    /// The name is the client's own: another one may use it too, and so may it when its time is over.
    async fn a_jti_belongs_to_its_client_and_its_time(database) {
        let site = Site::on(database).await;
        let key = Signer::new("ES256");
        let (one, other) = (add_signing(&site, &key).await, add_signing(&site, &key).await);
        let same = |app: &RelyingApp| key.sign(&with(app, &site, "jti", &json!("same")));
        assert_eq!(send(&one, &same(&one)).await.status, 200);
        assert_eq!(send(&other, &same(&other)).await.status, 200);
        refused(&send(&one, &same(&one)).await, "has been used before");
        site.advance(61);
        assert_eq!(send(&one, &same(&one)).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_signs_with_whatever_goes_with_its_keys_or_what_it_has_registered() {
    let site = Site::on(Database::sqlite().await).await;
    for algorithm in ["ES256", "EdDSA", "PS256", "RS256"] {
        let key = Signer::new(algorithm);
        let app = add_signing(&site, &key).await;
        let answer = send(&app, &key.sign(&claims(&app, site.now()))).await;
        assert_eq!(answer.status, 200, "{algorithm}: {}", answer.json);
    }
    let key = Signer::new("PS256");
    let jwks = Some(key.jwks());
    let app = add_app(&site, |m| {
        (m.token_endpoint_auth_method, m.jwks) = (AuthMethod::PrivateKeyJwt, jwks);
        m.token_endpoint_auth_signing_alg = Some("PS256".to_owned());
    })
    .await;
    assert_eq!(send(&app, &key.sign(&claims(&app, site.now()))).await.status, 200);
    let other = key.with("RS256").sign(&claims(&app, site.now()));
    refused(&send(&app, &other).await, "is signed with RS256, and expected is PS256");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_without_client_id_says_enough() {
    let site = Site::on(Database::sqlite().await).await;
    let key = Signer::new("ES256");
    let app = add_signing(&site, &key).await;
    let assertion = key.sign(&claims(&app, site.now()));
    let mut body = form_urlencoded::Serializer::new(String::new());
    let request = support::browser::http()
        .post(site.url.join("token").expect("a path"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.extend_pairs(form(&assertion)).finish());
    assert_eq!(Answer::of(request).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_in_an_assertion_is_named() {
    let site = Site::on(Database::sqlite().await).await;
    let key = Signer::new("ES256");
    let (app, other) = (add_signing(&site, &key).await, add_signing(&site, &key).await);
    let now = site.now();
    for (name, value, named) in [
        ("iss", json!(null), "iss of the client assertion is not there"),
        ("iss", json!(other.client_id), "iss of the client assertion is"),
        ("aud", json!("https://else.example"), "aud of the client assertion is https://else.example"),
        ("aud", json!(null), "aud of the client assertion is not there"),
        ("exp", json!(null), "has no exp"),
        ("exp", json!(now - 300), "has expired"),
        ("exp", json!(now + 7200), "more than an hour ahead"),
        ("nbf", json!(now + 100), "nbf of the client assertion is more than 60 s ahead"),
        ("iat", json!(now + 100), "iat of the client assertion is more than 60 s ahead"),
        ("jti", json!(null), "has no jti"),
        ("sub", json!(other.client_id), "client_id is"),
        ("sub", json!(null), "sub of the client assertion is not there"),
    ] {
        refused(&send(&app, &key.sign(&with(&app, &site, name, &value))).await, named);
    }
    for (name, value) in [
        ("nbf", json!(now + 10)),
        ("iat", json!(now + 10)),
        ("aud", json!([site.url.as_str().trim_end_matches('/'), "https://else.example"])),
        ("aud", json!(site.url.join("token").expect("a path"))),
    ] {
        let answer = send(&app, &key.sign(&with(&app, &site, name, &value))).await;
        assert_eq!(answer.status, 200, "{name} {value}: {}", answer.json);
    }
    let right = claims(&app, now);
    let stranger = Signer::new("ES256").sign(&right);
    refused(&send(&app, &stranger).await, "wrong signature");
    let none = format!("{}.", unsigned(&json!({ "alg": "none" }), &right));
    refused(&send(&app, &none).await, "is signed with none");
    refused(&send(&app, "x").await, "the client assertion has no three parts");
    let assertion = key.sign(&right);
    let mut wrong_type = form(&assertion);
    wrong_type[1].1 = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    refused(&app.token(&wrong_type).await, "client_assertion_type is urn:");
    let untyped: Vec<_> =
        form(&assertion).into_iter().filter(|(n, _)| *n != "client_assertion_type").collect();
    refused(&app.token(&untyped).await, "client_assertion_type is nothing");
    let unknown = RelyingApp { client_id: "nobody".to_owned(), ..app.clone() };
    refused(&send(&unknown, &key.sign(&claims(&unknown, now))).await, "the client is unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn fapi_clients_are_held_to_the_issuer_and_to_three_algorithms() {
    let site = Site::on(Database::sqlite().await).await;
    let rsa = Signer::new("PS256");
    let jwks = Some(rsa.jwks());
    let app = add_app(&site, |m| {
        (m.token_endpoint_auth_method, m.jwks) = (AuthMethod::PrivateKeyJwt, jwks);
        m.profile = Some(Profile::Fapi2);
    })
    .await;
    let issuer = site.url.as_str().trim_end_matches('/').to_owned();
    for aud in [json!([issuer]), json!(format!("{issuer}/token")), json!(format!("{issuer}/par"))] {
        refused(&send(&app, &rsa.sign(&with(&app, &site, "aud", &aud))).await, "alone, as a string");
    }
    let pkcs = rsa.clone().with("RS256").sign(&claims(&app, site.now()));
    refused(&send(&app, &pkcs).await, "is signed with RS256, and expected is PS256, ES256, EdDSA");
    // The client is believed, and then asked for a proof of possession.
    let right = send(&app, &rsa.sign(&claims(&app, site.now()))).await;
    assert_eq!(right.error().as_deref(), Some("invalid_dpop_proof"), "{}", right.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_may_key_the_assertion() {
    let site = Site::on(Database::sqlite().await).await;
    let app = add_app(&site, |m| m.token_endpoint_auth_method = AuthMethod::ClientSecretJwt).await;
    for algorithm in ["HS256", "HS384", "HS512"] {
        let answer = send(&app, &keyed(&app, algorithm, &claims(&app, site.now()))).await;
        assert_eq!(answer.status, 200, "{algorithm}: {}", answer.json);
    }
    let stranger = RelyingApp { client_secret: Some("guessed".to_owned()), ..app.clone() };
    refused(&send(&app, &keyed(&stranger, "HS256", &claims(&app, site.now()))).await, "wrong signature");
    let once = keyed(&app, "HS256", &claims(&app, site.now()));
    assert_eq!(send(&app, &once).await.status, 200);
    refused(&send(&app, &once).await, "has been used before");
    let picky = add_app(&site, |m| {
        m.token_endpoint_auth_method = AuthMethod::ClientSecretJwt;
        m.token_endpoint_auth_signing_alg = Some("HS512".to_owned());
    })
    .await;
    let weaker = keyed(&picky, "HS256", &claims(&picky, site.now()));
    refused(&send(&picky, &weaker).await, "is signed with HS256, and expected is HS512");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_keys_assertions_works_beside_the_next_until_its_end() {
    let site = Site::on(Database::sqlite().await).await;
    let app = add_app(&site, |m| m.token_endpoint_auth_method = AuthMethod::ClientSecretJwt).await;
    let new = site.admin.rotate_secret(&app, 60).await;
    let asks = async |app: &RelyingApp| send(app, &keyed(app, "HS256", &claims(app, site.now()))).await;
    for app in [&app, &new] {
        assert_eq!(asks(app).await.status, 200);
    }
    site.advance(60);
    refused(&asks(&app).await, "its secret is wrong");
    site.advance(-30);
    refused(&asks(&app).await, "wrong signature");
    assert_eq!(asks(&new).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_gets_in_by_another_method_than_its_own() {
    let site = Site::on(Database::sqlite().await).await;
    let key = Signer::new("ES256");
    let by_key = add_signing(&site, &key).await;
    let by_mac = add_app(&site, |m| m.token_endpoint_auth_method = AuthMethod::ClientSecretJwt).await;
    let by_post = add_app(&site, |m| m.token_endpoint_auth_method = AuthMethod::ClientSecretPost).await;
    let basic = add_app(&site, |_| ()).await;
    let alone = async |app: &RelyingApp| app.token(&[("grant_type", "client_credentials")]).await;
    for (app, named) in [
        (&by_key, "registered for private_key_jwt, and came with none"),
        (&by_mac, "registered for client_secret_jwt, and came with none"),
        (
            &RelyingApp { proof: Proof::Post, ..by_mac.clone() },
            "client_secret_jwt, and came with client_secret_post",
        ),
        (&RelyingApp { proof: Proof::None, ..by_post.clone() }, "client_secret_post, and came with none"),
    ] {
        refused(&alone(app).await, named);
    }
    let by_secret = keyed(&by_post, "HS256", &claims(&by_post, site.now()));
    let bare = |app: &RelyingApp| RelyingApp { proof: Proof::None, ..app.clone() };
    refused(&send(&bare(&by_post), &by_secret).await, "client_secret_post, and came with client_secret_jwt");
    let signed = key.sign(&claims(&basic, site.now()));
    refused(&send(&bare(&basic), &signed).await, "client_secret_basic, and came with private_key_jwt");
    let confused = RelyingApp { client_secret: Some("x".to_owned()), ..by_key.clone() };
    refused(
        &send(&by_key, &keyed(&confused, "HS256", &claims(&by_key, site.now()))).await,
        "private_key_jwt",
    );
    // Two at once are none.
    let assertion = key.sign(&claims(&by_key, site.now()));
    for proof in [Proof::Basic, Proof::Post] {
        let both = RelyingApp { proof, client_secret: Some("x".to_owned()), ..by_key.clone() };
        let answer = send(&both, &assertion).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_deref()), (400, Some("invalid_request")));
    }
}

/// A site that asks for certificates, and trusts this authority for them.
async fn tls_site(clients: &Authority) -> Site {
    tls_site_with(clients, |_| ()).await
}

async fn tls_site_with(clients: &Authority, settings: impl FnOnce(&mut Config)) -> Site {
    let pem = clients.pem();
    Site::with_tls(Database::sqlite().await, |config: &mut Config| {
        settings(config);
        let file = config.data_dir.join("clients.pem");
        std::fs::write(&file, pem).expect("a file");
        let tls = config.tls.as_mut().expect("https");
        (tls.client_certificates, tls.client_ca) = (true, Some(file));
    })
    .await
}

/// A request to the token endpoint by somebody who shows this certificate.
async fn shown(site: &Site, client_id: &str, certificate: Option<&Issued>) -> Answer {
    let mut client = support::browser::client();
    if let Some(certificate) = certificate {
        client = client.identity(certificate.identity());
    }
    let body = format!("grant_type=client_credentials&client_id={client_id}");
    let request = client.build().expect("a client").post(site.url.join("token").expect("a path"));
    Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_known_authority_proves_its_subject() {
    let clients = Authority::new();
    let site = tls_site(&clients).await;
    let app = add_app(&site, |m| {
        m.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
        m.tls_client_auth.tls_client_auth_san_dns = Some("app.example.org".to_owned());
    })
    .await;
    let right = clients.issue_client("app.example.org");
    let answer = shown(&site, &app.client_id, Some(&right)).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    refused(&shown(&site, &app.client_id, None).await, "has shown none");
    let other = clients.issue_client("other.example.org");
    refused(&shown(&site, &app.client_id, Some(&other)).await, "registered is tls_client_auth_san_dns");
    let elsewhere = authority().issue_client("app.example.org");
    refused(&shown(&site, &app.client_id, Some(&elsewhere)).await, "no authority that is trusted here");
    let own = Issued::self_signed("app.example.org");
    refused(&shown(&site, &app.client_id, Some(&own)).await, "no authority that is trusted here");
    // A certificate is no way around a secret.
    let basic = add_app(&site, |_| ()).await;
    let answer = shown(&site, &basic.client_id, Some(&right)).await;
    refused(&answer, "client_secret_basic, and came with a certificate alone");
}

fn jwks_of(certificate: &Issued) -> Value {
    use countersign::keys::secret::base64url;
    use openssl::bn::{BigNum, BigNumContext};
    let key = certificate.key.ec_key().expect("a key on a curve");
    let (mut x, mut y) = (BigNum::new().expect("a number"), BigNum::new().expect("a number"));
    let mut context = BigNumContext::new().expect("a context");
    key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).expect("a point");
    let text = |n: &BigNum| base64url(&n.to_vec_padded(32).expect("32 bytes"));
    json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": text(&x), "y": text(&y) }] })
}

/// Whoever publishes the next certificate's key at `jwks_uri` may come with that certificate at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_of_ones_own_is_looked_for_where_its_key_is_published() {
    let publisher = Publisher::start().await;
    let site = tls_site_with(&Authority::new(), |config| config.outbound = publisher.outbound()).await;
    let (old, new) = (Issued::self_signed("app"), Issued::self_signed("app"));
    let publish = |own| publisher.publish("keys", &jwks_of(own).to_string());
    let uri = publish(&old);
    let app = add_app(&site, |m| {
        (m.token_endpoint_auth_method, m.jwks_uri) = (AuthMethod::SelfSignedTlsClientAuth, Some(uri));
    })
    .await;
    assert_eq!(shown(&site, &app.client_id, Some(&old)).await.status, 200);
    publish(&new);
    // Nobody makes us ask for the keys again and again.
    refused(&shown(&site, &app.client_id, Some(&new)).await, "none of the client's registered keys");
    site.advance(11);
    refused(&shown(&site, &app.client_id, None).await, "has shown none");
    assert_eq!(shown(&site, &app.client_id, Some(&new)).await.status, 200);
    refused(&shown(&site, &app.client_id, Some(&old)).await, "none of the client's registered keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_ones_own_proves_itself_by_its_registered_key() {
    let site = tls_site(&Authority::new()).await;
    let own = Issued::self_signed("app");
    let jwks = Some(jwks_of(&own));
    let app = add_app(&site, |m| {
        (m.token_endpoint_auth_method, m.jwks) = (AuthMethod::SelfSignedTlsClientAuth, jwks);
    })
    .await;
    let answer = shown(&site, &app.client_id, Some(&own)).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let renewed = Issued::self_signed_with("renewed", own.key.clone());
    assert_eq!(shown(&site, &app.client_id, Some(&renewed)).await.status, 200, "the key counts");
    refused(
        &shown(&site, &app.client_id, Some(&Issued::self_signed("app"))).await,
        "none of the client's registered keys",
    );
    refused(&shown(&site, &app.client_id, None).await, "has shown none");
    let discovery = Answer::of(
        support::browser::http().get(site.url.join(".well-known/openid-configuration").expect("a path")),
    );
    let methods = discovery.await.json["token_endpoint_auth_methods_supported"].clone();
    let methods: Vec<&str> = methods.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(methods, AuthMethod::NAMES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_tells_the_certificate_and_nobody_else() {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    let told = async |site: &Site, url: &Url| {
        let own = Issued::self_signed("app");
        let jwks = Some(jwks_of(&own));
        let method = AuthMethod::SelfSignedTlsClientAuth;
        let app = add_app(site, |m| (m.token_endpoint_auth_method, m.jwks) = (method, jwks)).await;
        let app = RelyingApp { issuer: url.clone(), ..app };
        let header = format!(":{}:", BASE64_STANDARD.encode(own.der()));
        let request = app.request("token", &[("grant_type", "client_credentials")]);
        Answer::of(request.header("client-cert", header)).await
    };
    let behind = Site::with(Database::sqlite().await, |config| {
        config.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
        config.client_certificate_header = Some("Client-Cert".to_owned());
    })
    .await;
    assert_eq!(told(&behind, &behind.url).await.status, 200);
    let open = Site::on(Database::sqlite().await).await;
    refused(&told(&open, &open.url).await, "has shown none");
    let discovery = Answer::of(
        support::browser::http().get(open.url.join(".well-known/openid-configuration").expect("a path")),
    );
    let methods = discovery.await.json["token_endpoint_auth_methods_supported"].to_string();
    assert!(methods.contains("private_key_jwt") && !methods.contains("tls_client_auth"), "{methods}");
}
