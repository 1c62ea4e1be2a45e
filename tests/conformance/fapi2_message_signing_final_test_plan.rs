//! Are requests and answers signed as FAPI 2.0 Message Signing says? Plan `fapi2-message-signing-final-test-plan`, with
//! `private_key_jwt`, `DPoP`, OpenID Connect, signed request objects and JARM.

use serde_json::{Value, json};

use crate::checks;
use crate::fapi::{Fapi, Terms, uri_of};
use crate::fapi_modules::with;
use crate::support::relying_app::Answer;
use crate::support::signer::{Signer, unsigned};

crate::plan! {
    fapi Terms::MessageSigning;
    fapi2_security_profile_final_discovery_end_point_verification
    fapi2_security_profile_final_happy_flow
    fapi2_security_profile_final_user_rejects_authentication
    fapi2_security_profile_final_ensure_authorization_request_without_state_success
    fapi2_security_profile_final_ensure_authorization_request_without_nonce_success
    fapi2_security_profile_final_ensure_authorization_request_with_64_char_nonce_success
    fapi2_security_profile_final_ensure_authorization_request_with_long_nonce
    fapi2_security_profile_final_ensure_authorization_request_with_long_state
    fapi2_security_profile_final_ensure_other_scope_order_succeeds
    fapi2_security_profile_final_test_claims_parameter_identity_claims
    fapi2_security_profile_final_access_token_type_header_case_sensitivity
    fapi2_security_profile_final_ensure_client_id_in_token_endpoint
    fapi2_security_profile_final_ensure_holder_of_key_required
    fapi2_security_profile_final_ensure_authorization_code_is_bound_to_client
    fapi2_security_profile_final_attempt_reuse_authorization_code_after_one_second
    fapi2_security_profile_final_ensure_token_endpoint_fails_with_expired_auth_code
    fapi2_security_profile_final_ensure_client_assertion_in_token_endpoint
    fapi2_security_profile_final_ensure_signed_client_assertion_with_rs256_fails
    fapi2_security_profile_final_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails
    fapi2_security_profile_final_ensure_client_assertion_with_wrong_aud_fails
    fapi2_security_profile_final_ensure_client_assertion_with_no_sub_fails
    fapi2_security_profile_final_ensure_invalid_client_assertions_fail
    fapi2_security_profile_final_refresh_token
    fapi2_security_profile_final_check_dpop_proof_nbf_exp
    fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_before_succeeds
    fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_after_succeeds
    fapi2_security_profile_final_ensure_dpopproof_at_par_endpoint_binding_success
    fapi2_security_profile_final_ensure_dpop_auth_code_binding_success
    fapi2_security_profile_final_ensure_mismatched_dpop_jkt_fails
    fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt
    fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_jkt
    fapi2_security_profile_final_dpop_negative_tests
    fapi2_security_profile_final_plain_fapi_tolerate_unregistered_redirect_uri
    fapi2_security_profile_final_ensure_redirect_uri_in_authorization_request
    fapi2_security_profile_final_ensure_request_object_without_redirect_uri_fails
    fapi2_security_profile_final_ensure_unsigned_authorization_request_without_using_par_fails
    fapi2_security_profile_final_ensure_response_type_code_idtoken_fails
    fapi2_security_profile_final_ensure_response_type_token_fails
    fapi2_security_profile_final_par_ensure_pkce_required
    fapi2_security_profile_final_par_plain_pkce_rejected
    fapi2_security_profile_final_ensure_pkce_code_verifier_required
    fapi2_security_profile_final_incorrect_pkce_code_verifier_rejected
    fapi2_security_profile_final_par_without_duplicate_parameters
    fapi2_security_profile_final_ensure_different_nonce_inside_and_outside_request_object
    fapi2_security_profile_final_ensure_different_state_inside_and_outside_request_object
    fapi2_security_profile_final_state_only_outside_request_object_not_used
    fapi2_security_profile_final_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds
    fapi2_security_profile_final_par_attempt_reuse_request_uri
    fapi2_security_profile_final_par_attempt_to_use_expired_request_uri
    fapi2_security_profile_final_par_attempt_to_use_request_uri_for_different_client
    fapi2_security_profile_final_par_authorization_request_containing_request_uri_form_param
    fapi2_security_profile_final_par_attempt_invalid_http_method
}

/// The flow succeeds with a request object that has this claim.
async fn succeeds_with(name: &str, value: impl FnOnce(&Fapi) -> Value) {
    let fapi = Fapi::start(Terms::MessageSigning).await;
    let (client, visit) = (&fapi.client, fapi.client.visit());
    let object = with(&fapi.object(client, &visit), name, &value(&fapi));
    let pushed = fapi.push_object(client, &client.key.sign(&object)).send().await;
    let arrived = fapi.sign_in(&fapi.address(client, &uri_of(&pushed)), &visit).await;
    let tokens = fapi.redemption_by(client, &visit, &visit.code(&arrived)).send().await;
    fapi.check(client, &visit, &tokens).await;
}

/// The push of an object that is signed or changed so is refused, with these words; that of the right one is not.
async fn is_refused(make: impl FnOnce(&Fapi, Value) -> String, words: &str) {
    let fapi = Fapi::start(Terms::MessageSigning).await;
    let (client, visit) = (&fapi.client, fapi.client.visit());
    let object = make(&fapi, fapi.object(client, &visit));
    let refused = fapi.push_object(client, &object).send().await;
    checks::json_refusal(&refused, 400, "invalid_request_object");
    says(&refused, words);
    uri_of(&fapi.push(client, &visit).send().await);
}

/// The same for a claim that is replaced, or left out.
async fn is_refused_with(name: &str, value: impl FnOnce(&Fapi) -> Value, words: &str) {
    let make = |fapi: &Fapi, object: Value| fapi.client.key.sign(&with(&object, name, &value(fapi)));
    is_refused(make, words).await;
}

fn says(refused: &Answer, words: &str) {
    let description = refused.text("error_description");
    assert!(description.contains(words), "{words}: {description}");
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_multiple_aud_succeeds() {
    succeeds_with("aud", |fapi| json!([fapi.issuer(), "https://other.example.org"])).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted() {
    succeeds_with("nbf", |fapi| json!(fapi.site.now() + 8)).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_without_exp_fails() {
    is_refused_with("exp", |_| Value::Null, "has no exp").await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_without_nbf_fails() {
    is_refused_with("nbf", |_| Value::Null, "has no nbf").await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_expired_request_object_fails() {
    is_refused_with("exp", |fapi| json!(fapi.site.now() - 300), "has expired 300 seconds ago").await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_bad_aud_fails() {
    is_refused_with("aud", |_| json!("https://other.example.org"), "aud").await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_exp_over_60_fails() {
    is_refused_with("exp", |fapi| json!(fapi.site.now() + 70 * 60), "more than 60 minutes after its nbf")
        .await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_nbf_over_60_fails() {
    is_refused_with("nbf", |fapi| json!(fapi.site.now() - 70 * 60), "60 minutes").await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_signed_request_object_with_rs256_fails() {
    let make = |fapi: &Fapi, object: Value| fapi.client.key.clone().with("RS256").sign(&object);
    is_refused(make, "RS256").await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_signature_algorithm_is_not_none() {
    let make = |_: &Fapi, object: Value| format!("{}.", unsigned(&json!({ "alg": "none" }), &object));
    is_refused(make, "none").await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_invalid_signature_fails() {
    let make = |fapi: &Fapi, object: Value| {
        let other = with(&object, "scope", &json!("openid email"));
        let [right, other] = [&object, &other].map(|claims| fapi.client.key.sign(claims));
        let (message, _) = right.rsplit_once('.').expect("a JWT");
        let (_, signature) = other.rsplit_once('.').expect("a JWT");
        format!("{message}.{signature}")
    };
    is_refused(make, "signature").await;
}

/// The object of the first client, signed by the second one; and by a stranger who says that the key is the first one's.
#[tokio::test]
async fn fapi2_security_profile_final_ensure_matching_key_in_authorization_request() {
    is_refused(|fapi, object| fapi.client2.key.sign(&object), "a key that is not registered").await;
    is_refused(|_, object| Signer::new("PS256").sign(&object), "a wrong signature").await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_unsigned_request_at_par_endpoint_fails() {
    let fapi = Fapi::start(Terms::MessageSigning).await;
    let refused = fapi.push_plainly(&fapi.client, &fapi.client.visit()).send().await;
    checks::json_refusal(&refused, 400, "invalid_request");
    says(&refused, "must sign its authorization requests");
}

#[tokio::test]
async fn fapi2_security_profile_final_par_authorization_request_containing_request_uri() {
    is_refused_with("request_uri", |_| json!("urn:example:anything"), "holds request_uri").await;
}
