//! Is a token of use only to whoever holds its key: by a `DPoP` proof (RFC 9449), or by a certificate (RFC 8705 §3)?
#![cfg(test)]

mod support;

use countersign::config::Config;
use countersign::oidc::clients::{AuthMethod, GrantType, Metadata};
use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use support::Database;
use support::browser::http;
use support::ca::Issued;
use support::prover::{proof, proof_claims, proof_of, random, thumbprint, token_proof_claims};
use support::relying_app::{Answer, RelyingApp};
use support::signer::Signer;
use support::site::Site;

async fn site() -> Site {
    Site::on(Database::sqlite().await).await
}

fn at(site: &Site, path: &str) -> String {
    site.url.join(path).expect("a path").into()
}

/// A request to the token endpoint with these proofs.
async fn token(app: &RelyingApp, form: &[(&str, &str)], proofs: &[String]) -> Answer {
    let request = proofs.iter().fold(app.request("token", form), |r, proof| r.header("DPoP", proof));
    Answer::of(request).await
}

/// Ada signs in, and her app redeems the code with this proof.
async fn redeem(site: &Site, app: &RelyingApp, scope: &str, proofs: &[String]) -> Answer {
    let visit = app.visit().with("scope", scope);
    let code = visit.code(&site.after_password(&visit, "ada").await.arrived());
    let verifier = visit.verifier.clone().unwrap_or_default();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", app.redirect_uri.as_str()),
        ("code_verifier", verifier.as_str()),
    ];
    token(app, &form, proofs).await
}

/// What `UserInfo` says to a token in this scheme, with these proofs.
async fn userinfo(site: &Site, scheme: &str, token: &str, proofs: &[String]) -> Answer {
    let request = http().get(at(site, "userinfo")).header(AUTHORIZATION, format!("{scheme} {token}"));
    Answer::of(proofs.iter().fold(request, |r, proof| r.header("DPoP", proof))).await
}

fn is_error(answer: &Answer, status: u16, error: &str, named: &str) {
    let said = (answer.status.as_u16(), answer.error());
    assert_eq!(said, (status, Some(error.to_owned())), "{}", answer.json);
    assert!(answer.text("error_description").contains(named), "not {named}: {}", answer.json);
}

fn challenge(answer: &Answer) -> String {
    answer.headers[WWW_AUTHENTICATE].to_str().expect("text").to_owned()
}

crate::on_both_databases! {
    async fn a_proof_counts_once_in_all_processes(database) {
        let site = Site::on(database).await;
        let second = site.second_process().await;
        let (key, app) = (Signer::new("ES256"), add_service(&site, |_| ()).await);
        let there = RelyingApp { issuer: second.url.clone(), ..app.clone() };
        let form = [("grant_type", "client_credentials")];
        let once = [proof(&key, "POST", &at(&site, "token"), site.now())];
        let first = token(&app, &form, &once).await;
        assert_eq!((first.status.as_u16(), &first.json["token_type"]), (200, &json!("DPoP")));
        is_error(&token(&app, &form, &once).await, 400, "invalid_dpop_proof", "has been used before");
        is_error(&token(&there, &form, &once).await, 400, "invalid_dpop_proof", "has been used before");
        let once = [proof(&key, "POST", &at(&site, "token"), site.now())];
        let tries = (0..50).map(|n| {
            let (app, once) = (if n % 2 == 0 { &app } else { &there }.clone(), once.clone());
            tokio::spawn(async move { token(&app, &form, &once).await.status.as_u16() })
        });
        let mut outcomes = Vec::new();
        for each in tries.collect::<Vec<_>>() {
            outcomes.push(each.await.expect("an answer"));
        }
        outcomes.sort_unstable();
        assert_eq!((outcomes[0], outcomes[1], outcomes[49]), (200, 400, 400), "{outcomes:?}");
    }
}

/// An app that asks for tokens in its own name.
async fn add_service(site: &Site, change: impl FnOnce(&mut Metadata)) -> RelyingApp {
    let change = |metadata: &mut Metadata| {
        metadata.grant_types.push(GrantType::ClientCredentials);
        change(metadata);
    };
    site.admin.add_app_with(change).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_opens_userinfo_to_its_key_alone() {
    let site = site().await;
    let (key, app) = (Signer::new("ES256"), site.admin.add_app().await);
    let tokens = redeem(&site, &app, "openid", &[proof(&key, "POST", &at(&site, "token"), site.now())]).await;
    assert_eq!(tokens.json["token_type"], "DPoP", "{}", tokens.json);
    let access = tokens.text("access_token");
    let claims = app.verify_signature(&access).await;
    assert_eq!(claims["cnf"], json!({ "jkt": thumbprint(&key) }));
    let url = at(&site, "userinfo");
    let right = || proof_of(&key, &token_proof_claims("GET", &url, site.now(), &access));
    for scheme in ["DPoP", "dpop", "DPOP"] {
        assert_eq!(userinfo(&site, scheme, &access, &[right()]).await.status, 200, "{scheme}");
    }
    let downgraded = userinfo(&site, "Bearer", &access, &[]).await;
    is_error(&downgraded, 401, "invalid_token", "bound to a DPoP key");
    assert!(challenge(&downgraded).starts_with("DPoP "), "{}", challenge(&downgraded));
    assert!(challenge(&downgraded).contains("error=\"invalid_token\""));
    assert!(challenge(&downgraded).contains("algs=\"ES256 "), "{}", challenge(&downgraded));
    is_error(
        &userinfo(&site, "Bearer", &access, &[right()]).await,
        401,
        "invalid_token",
        "bound to a DPoP key",
    );
    let in_form = http().post(&url).header("content-type", "application/x-www-form-urlencoded");
    let in_form = Answer::of(in_form.body(format!("access_token={access}"))).await;
    is_error(&in_form, 401, "invalid_token", "bound to a DPoP key");
    is_error(
        &userinfo(&site, "DPoP", &access, &[]).await,
        401,
        "invalid_dpop_proof",
        "DPoP header is missing",
    );
    is_error(
        &userinfo(&site, "DPoP", &access, &[right(), right()]).await,
        401,
        "invalid_dpop_proof",
        "send one DPoP header",
    );
    let once = right();
    assert_eq!(userinfo(&site, "DPoP", &access, std::slice::from_ref(&once)).await.status, 200);
    is_error(&userinfo(&site, "DPoP", &access, &[once]).await, 401, "invalid_dpop_proof", "used before");
    let stranger = Signer::new("ES256");
    let theirs = proof_of(&stranger, &token_proof_claims("GET", &url, site.now(), &access));
    is_error(&userinfo(&site, "DPoP", &access, &[theirs]).await, 401, "invalid_token", "another key");
    let query = Answer::of(http().get(format!("{url}?access_token={access}")).header("DPoP", right())).await;
    assert_eq!(query.status, 401, "no token is taken from a query");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_in_a_proof_is_named_at_userinfo() {
    let site = site().await;
    let (key, app) = (Signer::new("ES256"), site.admin.add_app().await);
    let tokens = redeem(&site, &app, "openid", &[proof(&key, "POST", &at(&site, "token"), site.now())]).await;
    let access = tokens.text("access_token");
    let url = at(&site, "userinfo");
    let now = site.now();
    for (name, value, named) in [
        ("jti", json!(null), "has no jti"),
        ("htm", json!("POST"), "is for method POST"),
        ("htu", json!(at(&site, "token")), "(htu)"),
        ("htu", json!(null), "has no htu"),
        ("iat", json!(now - 3600), "more than 60 s from now"),
        ("iat", json!(now + 3600), "more than 60 s from now"),
        ("iat", json!(null), "has no iat"),
        ("ath", json!(null), "has no ath"),
        ("ath", json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"), "another access token"),
    ] {
        let mut claims = token_proof_claims("GET", &url, now, &access);
        match value {
            Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
            value => claims[name] = value,
        }
        let answer = userinfo(&site, "DPoP", &access, &[proof_of(&key, &claims)]).await;
        is_error(&answer, 401, "invalid_dpop_proof", named);
        assert!(challenge(&answer).contains("error=\"invalid_dpop_proof\""), "{}", challenge(&answer));
    }
    let shouted = url.replace("http://", "HTTP://");
    for (htu, iat) in
        [(format!("{url}?a=b#c"), now), (shouted, now), (url.clone(), now + 10), (url.clone(), now - 10)]
    {
        let mut claims = token_proof_claims("GET", &htu, iat, &access);
        (claims["nbf"], claims["exp"]) = (json!(iat), json!(iat + 30));
        let answer = userinfo(&site, "DPoP", &access, &[proof_of(&key, &claims)]).await;
        assert_eq!(answer.status, 200, "{htu} {iat}: {}", answer.json);
    }
    let untyped = key.sign_with(
        json!({ "typ": "JWT", "jwk": support::prover::jwk(&key) }),
        &token_proof_claims("GET", &url, now, &access),
    );
    is_error(&userinfo(&site, "DPoP", &access, &[untyped]).await, 401, "invalid_dpop_proof", "typ dpop+jwt");
    let keyless = key.sign_with(json!({ "typ": "dpop+jwt" }), &token_proof_claims("GET", &url, now, &access));
    is_error(&userinfo(&site, "DPoP", &access, &[keyless]).await, 401, "invalid_dpop_proof", "no public key");
    is_error(
        &userinfo(&site, "DPoP", &access, &["x".to_owned()]).await,
        401,
        "invalid_dpop_proof",
        "three parts",
    );
    let rsa = Signer::new("RS256");
    let pkcs = proof_of(&rsa, &token_proof_claims("GET", &url, now, &access));
    is_error(
        &userinfo(&site, "DPoP", &access, &[pkcs]).await,
        401,
        "invalid_dpop_proof",
        "signed with RS256",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unbound_token_needs_no_proof_and_takes_none_for_one() {
    let site = site().await;
    let (key, app) = (Signer::new("ES256"), site.admin.add_app().await);
    let tokens = redeem(&site, &app, "openid", &[]).await;
    let access = tokens.text("access_token");
    let right = proof_of(&key, &token_proof_claims("GET", &at(&site, "userinfo"), site.now(), &access));
    is_error(&userinfo(&site, "DPoP", &access, &[right]).await, 401, "invalid_token", "send it as Bearer");
    assert_eq!(userinfo(&site, "Bearer", &access, &[]).await.status, 200);
    let twice = http().get(format!("{}?access_token={access}", at(&site, "userinfo"))).bearer_auth(&access);
    is_error(&Answer::of(twice).await, 400, "invalid_request", "in the query");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_registered_for_it_must_prove_a_key() {
    let site = site().await;
    let bound = add_service(&site, |m| m.dpop_bound_access_tokens = true).await;
    let form = [("grant_type", "client_credentials")];
    let missing = token(&bound, &form, &[]).await;
    is_error(&missing, 400, "invalid_dpop_proof", "registered for dpop_bound_access_tokens");
    let key = Signer::new("EdDSA");
    let elsewhere = proof(&key, "POST", &at(&site, "par"), site.now());
    is_error(&token(&bound, &form, &[elsewhere]).await, 400, "invalid_dpop_proof", "(htu)");
    let right = proof(&key, "POST", &at(&site, "token"), site.now());
    assert_eq!(token(&bound, &form, &[right]).await.json["token_type"], "DPoP");
    // A code is not spent by a request without proof.
    let app = site.admin.add_app_with(|m| m.dpop_bound_access_tokens = true).await;
    is_error(&redeem(&site, &app, "openid", &[]).await, 400, "invalid_dpop_proof", "registered for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_clients_refresh_token_stays_with_its_key_and_others_may_change_theirs() {
    let site = site().await;
    let public = site.admin.add_app_with(|m| m.token_endpoint_auth_method = AuthMethod::None).await;
    let confidential = site.admin.add_app().await;
    let (first, second) = (Signer::new("ES256"), Signer::new("ES256"));
    let fresh = |key: &Signer| proof(key, "POST", &at(&site, "token"), site.now());
    for (app, may_change) in [(&public, false), (&confidential, true)] {
        let tokens = redeem(&site, app, "openid offline_access", &[fresh(&first)]).await;
        let old = tokens.text("refresh_token");
        let form = [("grant_type", "refresh_token"), ("refresh_token", old.as_str())];
        let other = token(app, &form, &[fresh(&second)]).await;
        if may_change {
            let claims = app.verify_signature(&other.text("access_token")).await;
            assert_eq!(claims["cnf"]["jkt"], thumbprint(&second));
            continue;
        }
        is_error(&other, 400, "invalid_grant", "bound to a key");
        is_error(&token(app, &form, &[]).await, 400, "invalid_grant", "bound to a key");
        let same = token(app, &form, &[fresh(&first)]).await;
        assert_eq!(same.json["token_type"], "DPoP", "{}", same.json);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nonces_are_demanded_a_proof_has_to_hold_a_recent_one() {
    let site = Site::with(Database::sqlite().await, |c: &mut Config| c.tokens.dpop_nonce = true).await;
    let (key, app) = (Signer::new("ES256"), add_service(&site, |_| ()).await);
    let form = [("grant_type", "client_credentials")];
    let with = |nonce: &str| {
        let mut claims = proof_claims("POST", &at(&site, "token"), site.now());
        claims["nonce"] = json!(nonce);
        [proof_of(&key, &claims)]
    };
    let asked = token(&app, &form, &[proof(&key, "POST", &at(&site, "token"), site.now())]).await;
    is_error(&asked, 400, "use_dpop_nonce", "DPoP-Nonce");
    let nonce = asked.headers["dpop-nonce"].to_str().expect("text").to_owned();
    let answered = token(&app, &form, &with(&nonce)).await;
    assert_eq!(
        (answered.status.as_u16(), &answered.headers["dpop-nonce"]),
        (200, &asked.headers["dpop-nonce"])
    );
    is_error(&token(&app, &form, &with(&random())).await, 400, "use_dpop_nonce", "DPoP-Nonce");
    site.advance(300);
    let later = token(&app, &form, &with(&nonce)).await;
    assert_eq!(later.status, 200, "the one before is taken too: {}", later.json);
    assert_ne!(later.headers["dpop-nonce"], asked.headers["dpop-nonce"], "and there is a new one");
    site.advance(300);
    is_error(&token(&app, &form, &with(&nonce)).await, 400, "use_dpop_nonce", "DPoP-Nonce");
    // The same at UserInfo.
    let person = site.admin.add_app().await;
    let current =
        token(&app, &form, &with("x")).await.headers["dpop-nonce"].to_str().expect("text").to_owned();
    let access = redeem(&site, &person, "openid", &with(&current)).await.text("access_token");
    let mut claims = token_proof_claims("GET", &at(&site, "userinfo"), site.now(), &access);
    let asked = userinfo(&site, "DPoP", &access, &[proof_of(&key, &claims)]).await;
    is_error(&asked, 401, "use_dpop_nonce", "DPoP-Nonce");
    assert!(challenge(&asked).starts_with("DPoP ") && challenge(&asked).contains("use_dpop_nonce"));
    (claims["nonce"], claims["jti"]) =
        (json!(asked.headers["dpop-nonce"].to_str().expect("text")), json!(random()));
    assert_eq!(userinfo(&site, "DPoP", &access, &[proof_of(&key, &claims)]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_other_sites_may_send_proofs_and_read_nonces() {
    let site = site().await;
    for path in ["token", "userinfo"] {
        let asked =
            http().request(reqwest::Method::OPTIONS, at(&site, path)).send().await.expect("an answer");
        let allowed = asked.headers()["access-control-allow-headers"].to_str().expect("text").to_owned();
        assert!(allowed.split(", ").any(|name| name == "dpop"), "{path}: {allowed}");
    }
    let answer = Answer::of(http().get(at(&site, "userinfo"))).await;
    let exposed = answer.headers["access-control-expose-headers"].to_str().expect("text").to_owned();
    assert_eq!(exposed, "dpop-nonce, www-authenticate");
    let challenges: Vec<_> =
        answer.headers.get_all(WWW_AUTHENTICATE).iter().map(|v| v.to_str().expect("text")).collect();
    assert!(challenges[0].starts_with("Bearer ") && challenges[1].starts_with("DPoP "), "{challenges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_bound_to_a_certificate_needs_it() {
    let site = Site::with_tls(Database::sqlite().await, |config: &mut Config| {
        config.tls.as_mut().expect("https").client_certificates = true;
    })
    .await;
    let app = site.admin.add_app_with(|m| m.tls_client_certificate_bound_access_tokens = true).await;
    is_error(&redeem(&site, &app, "openid", &[]).await, 400, "invalid_request", "show its certificate");
    let (own, other) = (Issued::self_signed("app"), Issued::self_signed("app"));
    let shows = |certificate: &Issued| {
        support::browser::client().identity(certificate.identity()).build().expect("a client")
    };
    let visit = app.visit();
    let code = visit.code(&site.after_password(&visit, "ada").await.arrived());
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &app.redirect_uri),
            ("code_verifier", visit.verifier.as_deref().unwrap_or_default()),
        ])
        .finish();
    let request = shows(&own)
        .post(at(&site, "token"))
        .basic_auth(&app.client_id, app.client_secret.as_deref())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    let tokens = Answer::of(request).await;
    assert_eq!(tokens.json["token_type"], "Bearer", "{}", tokens.json);
    let access = tokens.text("access_token");
    assert!(app.verify_signature(&access).await["cnf"]["x5t#S256"].is_string());
    let ask = async |client: reqwest::Client| {
        Answer::of(client.get(at(&site, "userinfo")).bearer_auth(&access)).await
    };
    assert_eq!(ask(shows(&own)).await.status, 200);
    is_error(&ask(shows(&other)).await, 401, "invalid_token", "another certificate");
    is_error(&ask(http()).await, 401, "invalid_token", "none was shown");
}
