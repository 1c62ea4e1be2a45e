//! Is this a Config OP? Plan `oidcc-config-certification-test-plan`: one module, which reads the metadata.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::suite::{Suite, Terms, get};
use crate::support::site::Site;

/// Members of a provider's metadata that are registered (IANA, OAuth Authorization Server Metadata), besides the endpoints.
const LISTS: [&str; 37] = [
    "acr_values_supported",
    "authorization_details_types_supported",
    "authorization_encryption_alg_values_supported",
    "authorization_encryption_enc_values_supported",
    "authorization_signing_alg_values_supported",
    "claim_types_supported",
    "claims_locales_supported",
    "claims_supported",
    "code_challenge_methods_supported",
    "display_values_supported",
    "dpop_signing_alg_values_supported",
    "grant_types_supported",
    "id_token_encryption_alg_values_supported",
    "id_token_encryption_enc_values_supported",
    "id_token_signing_alg_values_supported",
    "introspection_encryption_alg_values_supported",
    "introspection_encryption_enc_values_supported",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "introspection_signing_alg_values_supported",
    "prompt_values_supported",
    "request_object_encryption_alg_values_supported",
    "request_object_encryption_enc_values_supported",
    "request_object_signing_alg_values_supported",
    "response_modes_supported",
    "response_types_supported",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "scopes_supported",
    "subject_types_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "ui_locales_supported",
    "userinfo_encryption_alg_values_supported",
    "userinfo_encryption_enc_values_supported",
    "userinfo_signing_alg_values_supported",
    "protected_resources",
];

const SWITCHES: [&str; 11] = [
    "authorization_response_iss_parameter_supported",
    "backchannel_logout_session_supported",
    "backchannel_logout_supported",
    "claims_parameter_supported",
    "frontchannel_logout_session_supported",
    "frontchannel_logout_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_pushed_authorization_requests",
    "require_request_uri_registration",
    "tls_client_certificate_bound_access_tokens",
];

const ADDRESSES: [&str; 16] = [
    "authorization_endpoint",
    "check_session_iframe",
    "device_authorization_endpoint",
    "end_session_endpoint",
    "introspection_endpoint",
    "issuer",
    "jwks_uri",
    "op_policy_uri",
    "op_tos_uri",
    "pushed_authorization_request_endpoint",
    "registration_endpoint",
    "revocation_endpoint",
    "service_documentation",
    "token_endpoint",
    "userinfo_endpoint",
    "backchannel_authentication_endpoint",
];

/// Others: `mtls_endpoint_aliases` holds addresses, `signed_metadata` is a JWT, the last is one more switch of RFC 9101 §10.5.
const OTHERS: [&str; 3] = ["mtls_endpoint_aliases", "signed_metadata", "require_signed_request_object"];

fn list<'a>(metadata: &'a Value, name: &str) -> Vec<&'a str> {
    let list = metadata[name].as_array().unwrap_or_else(|| panic!("{name} is no list: {}", metadata[name]));
    list.iter().map(|value| value.as_str().unwrap_or_else(|| panic!("{name} holds {value}"))).collect()
}

/// Every member is one that is known, and of its type.
fn assert_schema(metadata: &Value) {
    for (name, value) in metadata.as_object().unwrap() {
        let name = name.as_str();
        if LISTS.contains(&name) {
            let values = list(metadata, name);
            assert_eq!(
                values.iter().collect::<BTreeSet<_>>().len(),
                values.len(),
                "{name} says something twice"
            );
        } else if SWITCHES.contains(&name) {
            assert!(value.is_boolean(), "{name}: {value}");
        } else if ADDRESSES.contains(&name) {
            let address = value.as_str().unwrap_or_else(|| panic!("{name}: {value}"));
            assert!(address.starts_with("https://"), "{name}: {address}");
        } else {
            assert!(OTHERS.contains(&name), "a member that nobody knows: {name}");
        }
    }
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let suite = Suite::start(Terms::BASIC).await;
    verify(&suite.site).await;
}

/// All that the suite asks of the metadata of any provider. Answers them.
pub async fn verify(site: &Site) -> Value {
    let answer = get(&site.url, ".well-known/openid-configuration").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    let metadata = &answer.json;
    assert_eq!(metadata["issuer"], site.url.as_str().trim_end_matches('/'));
    assert_schema(metadata);
    for required in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        assert!(metadata[required].is_string(), "{required}");
    }
    assert!(list(metadata, "id_token_signing_alg_values_supported").contains(&"RS256"));
    assert!(list(metadata, "response_types_supported").contains(&"code"));
    assert!(list(metadata, "grant_types_supported").contains(&"authorization_code"));
    let subjects = list(metadata, "subject_types_supported");
    assert!(!subjects.is_empty() && subjects.iter().all(|kind| ["public", "pairwise"].contains(kind)));
    let scopes = list(metadata, "scopes_supported");
    let fits = |c: char| ('!'..='~').contains(&c) && c != '"' && c != '\\';
    assert!(scopes.contains(&"openid") && scopes.iter().all(|scope| scope.chars().all(fits)));
    assert!(list(metadata, "claims_supported").contains(&"sub"));
    assert_eq!(list(metadata, "code_challenge_methods_supported"), ["S256"]);
    for language in list(metadata, "ui_locales_supported") {
        let canonical: unic_langid::LanguageIdentifier = language.parse().unwrap();
        assert_eq!(canonical.to_string(), language, "BCP 47 in its canonical letters");
    }
    if metadata["request_parameter_supported"] == true {
        assert!(list(metadata, "request_object_signing_alg_values_supported").contains(&"RS256"));
    }
    for (name, methods) in [("token", true), ("introspection", false), ("revocation", false)] {
        let name = format!("{name}_endpoint_auth_methods_supported");
        assert!(!methods || !list(metadata, &name).is_empty(), "{name}");
    }
    let oauth = get(&site.url, ".well-known/oauth-authorization-server").await;
    assert_eq!(oauth.json, *metadata, "RFC 8414 section 3 tells the same");
    answer.json
}
