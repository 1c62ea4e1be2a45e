//! Is a client with `profile = "fapi2"` held to FAPI 2.0? The modules that both plans have.

use reqwest::Method;
use serde_json::{Value, json};

use crate::checks;
use crate::fapi::{Call, Client, Fapi, Terms, uri_of};
use crate::support::browser::http;
use crate::support::prover::{claims, jwk, proof_claims, proof_of, thumbprint, token_proof_claims};
use crate::support::relying_app::{Answer, Visit};
use crate::support::signer::{Signer, unsigned};

const RESPONSE_TYPE: [&str; 3] = ["unsupported_response_type", "invalid_request", "unauthorized_client"];
const REQUEST: [&str; 2] = ["invalid_request", "invalid_request_object"];

/// The code of a flow up to there.
async fn code(fapi: &Fapi, client: &Client, visit: &Visit) -> String {
    checks::parameters(&fapi.authorize(client, visit).await)["code"].clone()
}

/// The flow succeeds with this request.
async fn succeeds(terms: Terms, change: impl FnOnce(Visit) -> Visit) -> Answer {
    let fapi = Fapi::start(terms).await;
    let visit = change(fapi.client.visit());
    fapi.flow(&fapi.client, &visit).await
}

/// The pushed request is refused with one of these errors.
async fn refused(terms: Terms, change: impl FnOnce(Visit) -> Visit, errors: &[&str]) {
    let fapi = Fapi::start(terms).await;
    fapi.is_refused(&fapi.client, &change(fapi.client.visit()), errors).await;
}

/// The code is not redeemed by a request that is changed so.
async fn not_redeemed(terms: Terms, change: impl FnOnce(&Fapi, Call) -> Call, error: &str) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit();
    let code = code(&fapi, &fapi.client, &visit).await;
    let call = fapi.redemption_by(&fapi.client, &visit, &code);
    let status = if error == "invalid_client" { 401 } else { 400 };
    checks::json_refusal(&change(&fapi, call).send().await, status, error);
}

/// The same for an assertion with a claim replaced, or left out.
async fn not_redeemed_with(terms: Terms, name: &str, value: impl FnOnce(&Fapi) -> Value) {
    let change = |fapi: &Fapi, call: Call| {
        let claims = with(&claims(&fapi.client.app, fapi.site.now()), name, &value(fapi));
        call.by(&fapi.client.key, &claims)
    };
    not_redeemed(terms, change, "invalid_client").await;
}

/// The same claims with one replaced, or left out.
pub fn with(claims: &Value, name: &str, value: &Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
        value => claims[name] = value.clone(),
    }
    claims
}

/// The flow succeeds with proofs that are changed so, at each endpoint.
async fn succeeds_with_proofs(terms: Terms, change: impl Fn(i64, Value) -> Value) {
    let fapi = Fapi::start(terms).await;
    let (client, now, visit) = (&fapi.client, fapi.site.now(), fapi.client.visit());
    let proof = |path: &str| proof_of(&client.dpop, &change(now, proof_claims("POST", &fapi.at(path), now)));
    let pushed = fapi.push(client, &visit).proven(proof("par")).send().await;
    let arrived = fapi.sign_in(&fapi.address(client, &uri_of(&pushed)), &visit).await;
    let call = fapi.redemption(client, &visit, &visit.code(&arrived)).proven(proof("token"));
    let tokens = call.send().await;
    fapi.check(client, &visit, &tokens).await;
    let access = tokens.text("access_token");
    let claims = change(now, token_proof_claims("GET", &fapi.at("userinfo"), now, &access));
    let answer = fapi.resource_by("DPoP", &access, &[proof_of(&client.dpop, &claims)]).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
}

/// What is beside `client_id` and `request_uri` in the query does not count.
async fn beside_does_not_count(terms: Terms, visit: impl FnOnce(Visit) -> Visit, beside: &str) {
    let fapi = Fapi::start(terms).await;
    let visit = visit(fapi.client.visit());
    let address = fapi.pushed(&fapi.client, &visit).await;
    let arrived = fapi.sign_in(&format!("{address}&{beside}"), &visit).await;
    let code = checks::parameters(&arrived)["code"].clone();
    let tokens = fapi.redemption_by(&fapi.client, &visit, &code).send().await;
    fapi.check(&fapi.client, &visit, &tokens).await;
}

pub async fn fapi2_security_profile_final_discovery_end_point_verification(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let lists = |name: &str, any: &[&str]| {
        let listed = fapi.metadata[name].as_array().unwrap_or_else(|| panic!("no {name}"));
        assert!(listed.iter().any(|one| any.iter().any(|any| one == any)), "{name}: {listed:?}");
    };
    lists("response_types_supported", &["code"]);
    lists("code_challenge_methods_supported", &["S256"]);
    for name in [
        "dpop_signing_alg_values_supported",
        "id_token_signing_alg_values_supported",
        "token_endpoint_auth_signing_alg_values_supported",
    ] {
        lists(name, &["PS256", "ES256", "EdDSA", "Ed25519"]);
    }
    assert_eq!(fapi.metadata["authorization_response_iss_parameter_supported"], true);
    if terms.signs() {
        lists("response_modes_supported", &["jwt"]);
        for name in
            ["request_object_signing_alg_values_supported", "authorization_signing_alg_values_supported"]
        {
            lists(name, &["PS256", "ES256", "EdDSA", "Ed25519"]);
        }
    }
    assert_eq!(fapi.metadata["pushed_authorization_request_endpoint"], fapi.at("par"));
}

pub async fn fapi2_security_profile_final_happy_flow(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let tokens = fapi.flow(&fapi.client, &fapi.client.visit()).await;
    let access = tokens.text("access_token");
    // No token is taken from a query.
    let (url, now) = (fapi.at("userinfo"), fapi.site.now());
    let proof = || proof_of(&fapi.client.dpop, &token_proof_claims("GET", &url, now, &access));
    let in_query = http().get(format!("{url}?access_token={access}")).header("DPoP", proof());
    assert!(Answer::of(in_query).await.status.is_client_error());
    for accept in ["application/json", "application/json;charset=UTF-8", "*/*"] {
        let request =
            http().get(&url).header("authorization", format!("DPoP {access}")).header("accept", accept);
        let request = request
            .header("DPoP", proof())
            .header("x-fapi-interaction-id", "c770aef3-6784-41f7-8e0e-ff5f97bddb3a")
            .header("x-fapi-auth-date", "Tue, 11 Sep 2012 19:43:31 GMT")
            .header("x-fapi-customer-ip-address", "198.51.100.119");
        assert_eq!(Answer::of(request).await.status, 200, "{accept}");
    }
    // The second client says which key it will prove, and proves none with the push.
    let visit = fapi.client2.visit().with("dpop_jkt", &thumbprint(&fapi.client2.dpop));
    let second = fapi.flow(&fapi.client2, &visit).await.text("access_token");
    for (client, access) in [(&fapi.client, &second), (&fapi.client2, &access)] {
        assert_eq!(fapi.resource(client, access).await.status, 401, "the other's key");
    }
}

pub async fn fapi2_security_profile_final_user_rejects_authentication(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    for client in [&fapi.client, &fapi.client2] {
        let visit = client.visit();
        let mut browser = fapi.site.browser();
        browser.open(&fapi.pushed(client, &visit).await).await;
        browser.press("cancel").await;
        assert_eq!(fapi.refusal(&browser, &visit).await, "access_denied");
    }
}

pub async fn fapi2_security_profile_final_ensure_authorization_request_without_state_success(terms: Terms) {
    succeeds(terms, |visit| visit.without("state")).await;
}

pub async fn fapi2_security_profile_final_ensure_authorization_request_without_nonce_success(terms: Terms) {
    succeeds(terms, |visit| visit.without("nonce")).await;
}

pub async fn fapi2_security_profile_final_ensure_authorization_request_with_64_char_nonce_success(
    terms: Terms,
) {
    succeeds(terms, |visit| visit.with("nonce", &"abcdefgh".repeat(8))).await;
}

pub async fn fapi2_security_profile_final_ensure_authorization_request_with_long_nonce(terms: Terms) {
    succeeds(terms, |visit| visit.with("nonce", &"abcdefgh".repeat(48))).await;
}

pub async fn fapi2_security_profile_final_ensure_authorization_request_with_long_state(terms: Terms) {
    succeeds(terms, |visit| visit.with("state", &"abcdefgh".repeat(125))).await;
}

pub async fn fapi2_security_profile_final_ensure_other_scope_order_succeeds(terms: Terms) {
    succeeds(terms, |visit| visit.with("scope", "email openid")).await;
}

pub async fn fapi2_security_profile_final_test_claims_parameter_identity_claims(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    assert_eq!(fapi.metadata["claims_parameter_supported"], true);
    let asked = json!({ "userinfo": { "email": { "essential": true }, "preferred_username": null } });
    let visit = fapi.client.visit().with("claims", &asked.to_string());
    let tokens = fapi.flow(&fapi.client, &visit).await;
    let told = fapi.resource(&fapi.client, &tokens.text("access_token")).await.json;
    assert_eq!((&told["email"], &told["preferred_username"]), (&json!("ada@example.org"), &json!("ada")));
}

pub async fn fapi2_security_profile_final_access_token_type_header_case_sensitivity(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let access = fapi.flow(&fapi.client, &fapi.client.visit()).await.text("access_token");
    for scheme in ["dpop", "DPOP", "dPoP"] {
        let claims = token_proof_claims("GET", &fapi.at("userinfo"), fapi.site.now(), &access);
        let proof = proof_of(&fapi.client.dpop, &claims);
        assert_eq!(fapi.resource_by(scheme, &access, &[proof]).await.status, 200, "{scheme}");
    }
}

pub async fn fapi2_security_profile_final_ensure_client_id_in_token_endpoint(terms: Terms) {
    let change = |fapi: &Fapi, call: Call| call.with("client_id", &fapi.client2.app.client_id);
    not_redeemed(terms, change, "invalid_client").await;
}

pub async fn fapi2_security_profile_final_ensure_holder_of_key_required(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit();
    let code = code(&fapi, &fapi.client, &visit).await;
    let answer = fapi.redemption(&fapi.client, &visit, &code).send().await;
    checks::json_refusal(&answer, 400, "invalid_dpop_proof");
}

pub async fn fapi2_security_profile_final_ensure_authorization_code_is_bound_to_client(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit();
    let code = code(&fapi, &fapi.client, &visit).await;
    let answer = fapi.redemption_by(&fapi.client2, &visit, &code).send().await;
    checks::json_refusal(&answer, 400, "invalid_grant");
}

pub async fn fapi2_security_profile_final_attempt_reuse_authorization_code_after_one_second(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit();
    let code = code(&fapi, &fapi.client, &visit).await;
    let tokens = fapi.redemption_by(&fapi.client, &visit, &code).send().await;
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    fapi.site.advance(1);
    let again = fapi.redemption_by(&fapi.client, &visit, &code).send().await;
    checks::json_refusal(&again, 400, "invalid_grant");
    assert_eq!(fapi.resource(&fapi.client, &tokens.text("access_token")).await.status, 401, "it is revoked");
}

pub async fn fapi2_security_profile_final_ensure_token_endpoint_fails_with_expired_auth_code(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit();
    let code = code(&fapi, &fapi.client, &visit).await;
    fapi.site.advance(62);
    let answer = fapi.redemption_by(&fapi.client, &visit, &code).send().await;
    checks::json_refusal(&answer, 400, "invalid_grant");
}

pub async fn fapi2_security_profile_final_ensure_client_assertion_in_token_endpoint(terms: Terms) {
    not_redeemed(terms, |_, call| call.unproven(), "invalid_client").await;
}

pub async fn fapi2_security_profile_final_ensure_signed_client_assertion_with_rs256_fails(terms: Terms) {
    let change = |fapi: &Fapi, call: Call| {
        let key = fapi.client.key.clone().with("RS256");
        call.by(&key, &claims(&fapi.client.app, fapi.site.now()))
    };
    not_redeemed(terms, change, "invalid_client").await;
}

pub async fn fapi2_security_profile_final_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(
    terms: Terms,
) {
    not_redeemed_with(terms, "exp", |fapi| json!(fapi.site.now() - 300)).await;
}

pub async fn fapi2_security_profile_final_ensure_client_assertion_with_wrong_aud_fails(terms: Terms) {
    not_redeemed_with(terms, "aud", |_| json!("https://wrong.example.org/audience")).await;
}

pub async fn fapi2_security_profile_final_ensure_client_assertion_with_no_sub_fails(terms: Terms) {
    not_redeemed_with(terms, "sub", |_| Value::Null).await;
}

pub async fn fapi2_security_profile_final_ensure_invalid_client_assertions_fail(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let (client, now, visit) = (&fapi.client, fapi.site.now(), fapi.client.visit());
    let issuer = fapi.site.url.as_str().trim_end_matches('/');
    let push = async |name: &str, value: &Value| {
        let claims = with(&claims(&client.app, now), name, value);
        fapi.push(client, &visit).by(&client.key, &claims).send().await
    };
    for (name, value) in [("nbf", json!(now + 8)), ("iat", json!(now + 8))] {
        uri_of(&push(name, &value).await);
    }
    for (name, value) in [
        ("nbf", json!(now + 61)),
        ("iat", json!(now + 61)),
        ("exp", Value::Null),
        ("exp", json!(now - 300)),
        ("jti", Value::Null),
        ("iss", json!(fapi.client2.app.client_id)),
        ("sub", json!(fapi.client2.app.client_id)),
        ("aud", json!([issuer])),
        ("aud", json!([issuer, fapi.at("par")])),
        ("aud", json!(fapi.at("par"))),
        ("aud", json!(fapi.at("token"))),
        ("aud", Value::Null),
    ] {
        checks::json_refusal(&push(name, &value).await, 401, "invalid_client");
    }
    let right = claims(&client.app, now);
    let stranger = Signer::new("ES256").sign(&right);
    let none = format!("{}.", unsigned(&json!({ "alg": "none" }), &right));
    for assertion in [stranger, none] {
        let answer = fapi.push(client, &visit).with("client_assertion", &assertion).send().await;
        checks::json_refusal(&answer, 401, "invalid_client");
    }
    let once = |call: Call| call.by(&client.key, &right);
    uri_of(&once(fapi.push(client, &visit)).send().await);
    checks::json_refusal(&once(fapi.push(client, &visit)).send().await, 401, "invalid_client");
}

pub async fn fapi2_security_profile_final_refresh_token(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let mut kept = Vec::new();
    for client in [&fapi.client, &fapi.client2] {
        let visit = client.visit().with("scope", "openid offline_access").with("prompt", "consent");
        let before = fapi.flow(client, &visit).await;
        let token = before.text("refresh_token");
        checks::entropy("refresh_token", &token);
        let refresh =
            || fapi.call(client, "token").with("grant_type", "refresh_token").with("refresh_token", &token);
        // Each time with another key.
        for key in [client.dpop.clone(), Signer::new("ES256"), Signer::new("EdDSA")] {
            fapi.site.advance(5);
            let claims = proof_claims("POST", &fapi.at("token"), fapi.site.now());
            let after = refresh().proven(proof_of(&key, &claims)).send().await;
            assert_eq!(
                (after.status.as_u16(), &after.json["token_type"]),
                (200, &json!("DPoP")),
                "{}",
                after.json
            );
            let access = client.app.verify_signature(&after.text("access_token")).await;
            assert_eq!(access["cnf"]["jkt"], thumbprint(&key));
            let [old, new] = [&before, &after].map(|answer| answer.text("id_token"));
            let (old, new) =
                (client.app.verify_signature(&old).await, client.app.verify_signature(&new).await);
            for same in ["iss", "sub", "aud", "auth_time"] {
                assert_eq!(old[same], new[same], "{same}");
            }
            assert!(new["iat"].as_i64() > old["iat"].as_i64());
        }
        let answer = refresh().unproven().proven(fapi.proof(client, "token")).send().await;
        checks::json_refusal(&answer, 401, "invalid_client");
        checks::json_refusal(&refresh().send().await, 400, "invalid_dpop_proof");
        kept.push(token);
    }
    let call = fapi.call(&fapi.client, "token").with("grant_type", "refresh_token");
    let call = call.with("refresh_token", &kept[1]).proven(fapi.proof(&fapi.client, "token"));
    checks::json_refusal(&call.send().await, 400, "invalid_grant");
}

pub async fn fapi2_security_profile_final_check_dpop_proof_nbf_exp(terms: Terms) {
    succeeds_with_proofs(terms, |now, claims| {
        with(&with(&claims, "nbf", &json!(now)), "exp", &json!(now + 60))
    })
    .await;
}

pub async fn fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_before_succeeds(terms: Terms) {
    succeeds_with_proofs(terms, |now, claims| with(&claims, "iat", &json!(now - 10))).await;
}

pub async fn fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_after_succeeds(terms: Terms) {
    succeeds_with_proofs(terms, |now, claims| with(&claims, "iat", &json!(now + 10))).await;
}

pub async fn fapi2_security_profile_final_ensure_dpopproof_at_par_endpoint_binding_success(terms: Terms) {
    succeeds_with_proofs(terms, |_, claims| claims).await;
}

pub async fn fapi2_security_profile_final_ensure_dpop_auth_code_binding_success(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let (client, jkt) = (&fapi.client, thumbprint(&fapi.client.dpop));
    let visit = client.visit().with("dpop_jkt", &jkt);
    let pushed = fapi.push(client, &visit).proven(fapi.proof(client, "par")).send().await;
    let arrived = fapi.sign_in(&fapi.address(client, &uri_of(&pushed)), &visit).await;
    let tokens = fapi.redemption_by(client, &visit, &visit.code(&arrived)).send().await;
    fapi.check(client, &visit, &tokens).await;
}

pub async fn fapi2_security_profile_final_ensure_mismatched_dpop_jkt_fails(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit().with("dpop_jkt", &thumbprint(&fapi.client2.dpop));
    let pushed = fapi.push(&fapi.client, &visit).proven(fapi.proof(&fapi.client, "par")).send().await;
    checks::json_refusal(&pushed, 400, "invalid_dpop_proof");
}

pub async fn fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(
    terms: Terms,
) {
    let fapi = Fapi::start(terms).await;
    let (client, visit) = (&fapi.client, fapi.client.visit());
    let theirs = proof_of(&fapi.client2.dpop, &proof_claims("POST", &fapi.at("par"), fapi.site.now()));
    let pushed = fapi.push(client, &visit).proven(theirs).send().await;
    let arrived = fapi.sign_in(&fapi.address(client, &uri_of(&pushed)), &visit).await;
    let answer = fapi.redemption_by(client, &visit, &visit.code(&arrived)).send().await;
    checks::json_refusal(&answer, 400, "invalid_grant");
}

pub async fn fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit().with("dpop_jkt", &thumbprint(&fapi.client2.dpop));
    let code = code(&fapi, &fapi.client, &visit).await;
    let answer = fapi.redemption_by(&fapi.client, &visit, &code).send().await;
    checks::json_refusal(&answer, 400, "invalid_grant");
}

/// Every proof that the resource must refuse, and those that it must take.
pub async fn fapi2_security_profile_final_dpop_negative_tests(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let (key, now, url) = (&fapi.client.dpop, fapi.site.now(), fapi.at("userinfo"));
    let access = fapi.flow(&fapi.client, &fapi.client.visit()).await.text("access_token");
    let right = |htu: &str| token_proof_claims("GET", htu, now, &access);
    let header = json!({ "typ": "dpop+jwt", "jwk": jwk(key) });
    let (private, rsa) =
        (json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA" }), Signer::new("RS256"));
    let mut wrong = vec![
        vec![],
        vec![proof_of(key, &right(&url)), proof_of(key, &right(&url))],
        vec![key.sign_with(with(&header, "typ", &Value::Null), &right(&url))],
        vec![key.sign_with(with(&header, "typ", &json!("jwt")), &right(&url))],
        vec![key.sign_with(with(&header, "jwk", &Value::Null), &right(&url))],
        vec![key.sign_with(with(&header, "jwk", &private), &right(&url))],
        vec![key.sign_with(with(&header, "jwk", &jwk(&fapi.client2.dpop)), &right(&url))],
        vec![format!("{}.", unsigned(&with(&header, "alg", &json!("none")), &right(&url)))],
        vec![proof_of(&rsa, &right(&url))],
        vec![proof_of(&fapi.client2.dpop, &right(&url))],
    ];
    for (name, value) in [
        ("jti", Value::Null),
        ("htm", Value::Null),
        ("htm", json!("POST")),
        ("htu", Value::Null),
        ("htu", json!(fapi.at("token"))),
        ("htu", json!("https://www.example.com/")),
        ("iat", Value::Null),
        ("iat", json!(now - 3600)),
        ("iat", json!(now + 3600)),
        ("ath", Value::Null),
        ("ath", json!("wrong")),
    ] {
        wrong.push(vec![proof_of(key, &with(&right(&url), name, &value))]);
    }
    for proofs in wrong {
        let answer = fapi.resource_by("DPoP", &access, &proofs).await;
        assert_eq!(answer.status, 401, "{proofs:?}");
        assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("DPoP "));
    }
    let loud = url.replace("https://localhost", "HTTPS://LOCALHOST");
    for htu in [format!("{url}?a=b"), format!("{url}#c"), loud] {
        let answer = fapi.resource_by("DPoP", &access, &[proof_of(key, &right(&htu))]).await;
        assert_eq!(answer.status, 200, "{htu}: {}", answer.json);
    }
    let once = [proof_of(key, &right(&url))];
    assert_eq!(fapi.resource_by("DPoP", &access, &once).await.status, 200);
    assert_eq!(fapi.resource_by("DPoP", &access, &once).await.status, 401, "the same jti again");
    assert_eq!(fapi.resource_by("Bearer", &access, &[]).await.status, 401, "as Bearer");
    assert_eq!(fapi.resource_by("Bearer", &access, &[proof_of(key, &right(&url))]).await.status, 401);
}

pub async fn fapi2_security_profile_final_plain_fapi_tolerate_unregistered_redirect_uri(terms: Terms) {
    refused(
        terms,
        |visit| visit.with("redirect_uri", "https://app.example.org/elsewhere"),
        &["invalid_request"],
    )
    .await;
}

pub async fn fapi2_security_profile_final_ensure_redirect_uri_in_authorization_request(terms: Terms) {
    refused(terms, |visit| visit.without("redirect_uri"), &REQUEST).await;
}

pub async fn fapi2_security_profile_final_ensure_request_object_without_redirect_uri_fails(terms: Terms) {
    refused(terms, |visit| visit.without("redirect_uri"), &REQUEST).await;
}

pub async fn fapi2_security_profile_final_ensure_unsigned_authorization_request_without_using_par_fails(
    terms: Terms,
) {
    let fapi = Fapi::start(terms).await;
    let (mut browser, visit) = (fapi.site.browser(), fapi.client.visit());
    browser.open(&visit.url()).await;
    fapi.shows_refusal(&browser, &visit, &["invalid_request"]).await;
}

pub async fn fapi2_security_profile_final_ensure_response_type_code_idtoken_fails(terms: Terms) {
    refused(terms, |visit| visit.with("response_type", "code id_token"), &RESPONSE_TYPE).await;
}

pub async fn fapi2_security_profile_final_ensure_response_type_token_fails(terms: Terms) {
    refused(terms, |visit| visit.with("response_type", "token"), &RESPONSE_TYPE).await;
}

pub async fn fapi2_security_profile_final_par_ensure_pkce_required(terms: Terms) {
    refused(terms, Visit::without_pkce, &["invalid_request"]).await;
}

pub async fn fapi2_security_profile_final_par_plain_pkce_rejected(terms: Terms) {
    refused(terms, |visit| visit.with("code_challenge_method", "plain"), &["invalid_request"]).await;
}

pub async fn fapi2_security_profile_final_ensure_pkce_code_verifier_required(terms: Terms) {
    not_redeemed(terms, |_, call| call.without("code_verifier"), "invalid_grant").await;
}

pub async fn fapi2_security_profile_final_incorrect_pkce_code_verifier_rejected(terms: Terms) {
    not_redeemed(terms, |_, call| call.with("code_verifier", &"x".repeat(43)), "invalid_grant").await;
}

pub async fn fapi2_security_profile_final_par_without_duplicate_parameters(terms: Terms) {
    succeeds(terms, |visit| visit).await;
}

pub async fn fapi2_security_profile_final_ensure_different_nonce_inside_and_outside_request_object(
    terms: Terms,
) {
    beside_does_not_count(terms, |visit| visit, "nonce=another").await;
}

pub async fn fapi2_security_profile_final_ensure_different_state_inside_and_outside_request_object(
    terms: Terms,
) {
    beside_does_not_count(terms, |visit| visit, "state=another").await;
}

pub async fn fapi2_security_profile_final_state_only_outside_request_object_not_used(terms: Terms) {
    beside_does_not_count(terms, |visit| visit.without("state"), "state=another").await;
}

pub async fn fapi2_security_profile_final_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(
    terms: Terms,
) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit();
    let address = fapi.pushed(&fapi.client, &visit).await;
    fapi.site.browser().open(&address).await;
    fapi.sign_in(&address, &visit).await;
}

pub async fn fapi2_security_profile_final_par_attempt_reuse_request_uri(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit();
    let address = fapi.pushed(&fapi.client, &visit).await;
    fapi.sign_in(&address, &visit).await;
    let mut browser = fapi.site.browser();
    browser.open(&address).await;
    fapi.shows_refusal(&browser, &visit, &["invalid_request_uri", "invalid_request"]).await;
}

pub async fn fapi2_security_profile_final_par_attempt_to_use_expired_request_uri(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit();
    let pushed = fapi.push(&fapi.client, &visit).send().await;
    fapi.site.advance(pushed.json["expires_in"].as_i64().unwrap() + 1);
    let mut browser = fapi.site.browser();
    browser.open(&fapi.address(&fapi.client, &uri_of(&pushed))).await;
    fapi.shows_refusal(&browser, &visit, &["invalid_request_uri", "invalid_request"]).await;
}

pub async fn fapi2_security_profile_final_par_attempt_to_use_request_uri_for_different_client(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit();
    let uri = uri_of(&fapi.push(&fapi.client, &visit).send().await);
    let mut browser = fapi.site.browser();
    browser.open(&fapi.address(&fapi.client2, &uri)).await;
    fapi.shows_refusal(&browser, &visit, &["invalid_request_uri", "invalid_request"]).await;
}

pub async fn fapi2_security_profile_final_par_authorization_request_containing_request_uri_form_param(
    terms: Terms,
) {
    let fapi = Fapi::start(terms).await;
    let visit = fapi.client.visit();
    let uri = uri_of(&fapi.push(&fapi.client, &visit).send().await);
    let answer = fapi.push(&fapi.client, &visit).with("request_uri", &uri).send().await;
    checks::json_refusal(&answer, 400, "invalid_request");
}

pub async fn fapi2_security_profile_final_par_attempt_invalid_http_method(terms: Terms) {
    let fapi = Fapi::start(terms).await;
    for method in [Method::GET, Method::PUT] {
        let answer = http().request(method, fapi.at("par")).send().await.unwrap();
        assert_eq!(answer.status(), 405);
    }
}
