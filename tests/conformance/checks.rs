//! What does every module of the suite check, whatever it is about? (`AbstractOIDCCServerTest` and its conditions.)

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign::keys::secret::base64url;
use openssl::sha::sha256;
use serde_json::Value;
use url::Url;

use crate::support::relying_app::{Answer, Visit};

/// The metadata names what a flow needs, and the client authentication that is in use.
pub fn metadata(metadata: &Value, issuer: &str, method: &str) {
    assert_eq!(metadata["issuer"], issuer);
    for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        let address = metadata[name].as_str().unwrap_or_else(|| panic!("no {name}"));
        assert!(address.starts_with("https://"), "{name}: {address}");
    }
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().expect("methods");
    assert!(methods.iter().any(|m| m == method), "{method} is not among {methods:?}");
}

/// Public keys with all that makes them whole, and each with a name of its own.
pub fn jwks(jwks: &Value) {
    let mut names = BTreeSet::new();
    for key in jwks["keys"].as_array().expect("keys") {
        assert!(names.insert(key["kid"].as_str().expect("a kid")), "two keys of one name: {key}");
        let members: &[&str] = match key["kty"].as_str() {
            Some("RSA") => &["n", "e"],
            Some("EC") => &["crv", "x", "y"],
            Some("OKP") => &["crv", "x"],
            other => panic!("a key that is not for all: {other:?}"),
        };
        for member in members {
            let value = key[member].as_str().unwrap_or_else(|| panic!("no {member} in {key}"));
            assert!(*member == "crv" || BASE64_URL_SAFE_NO_PAD.decode(value).is_ok(), "{member} of {key}");
        }
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "a private key is published");
        }
    }
    assert!(!names.is_empty());
}

/// Where the parameters of an answer are: in the query, or in the fragment.
pub fn parameters(arrived: &Url) -> BTreeMap<String, String> {
    let fragment = arrived.fragment().unwrap_or_default();
    let in_fragment = form_urlencoded::parse(fragment.as_bytes()).into_owned();
    arrived.query_pairs().into_owned().chain(in_fragment).collect()
}

/// The answer came where it should, with the state, the issuer, and no parameter that nobody asked for.
pub fn callback(visit: &Visit, arrived: &Url, issuer: &str) {
    let given = parameters(arrived);
    assert_eq!(given.get("state"), visit.parameters.get("state"), "state in {arrived}");
    assert_eq!(given.get("iss").map(String::as_str), Some(issuer), "iss in {arrived}");
    assert!(!given.contains_key("error"), "{arrived}");
    let known = ["code", "state", "iss", "session_state", "id_token", "access_token", "token_type"];
    let known = [&known[..], &["expires_in", "scope"]].concat();
    assert!(given.keys().all(|name| known.contains(&name.as_str())), "{arrived}");
}

/// A refusal holds its state, no code, no parameter that nobody knows, and words of the letters that RFC 6749 allows.
pub fn refusal(visit: &Visit, arrived: &Url, issuer: &str) {
    let given = parameters(arrived);
    assert_eq!(given.get("state"), visit.parameters.get("state"), "state in {arrived}");
    assert_eq!(given.get("iss").map(String::as_str), Some(issuer), "iss in {arrived}");
    let known = ["error", "error_description", "error_uri", "state", "iss"];
    assert!(given.keys().all(|name| known.contains(&name.as_str())), "{arrived}");
    words(&given["error"]);
    if let Some(description) = given.get("error_description") {
        words(description);
    }
}

/// RFC 6749 §4.1.2.1: printable ASCII without `"` and `\`.
pub fn words(text: &str) {
    let allowed = |c: char| (' '..='~').contains(&c) && c != '"' && c != '\\';
    assert!(!text.is_empty() && text.chars().all(allowed), "{text:?}");
}

/// The refusal of an endpoint that speaks JSON.
pub fn json_refusal(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}", answer.json);
    assert_eq!(answer.error().as_deref(), Some(error), "{}", answer.json);
    if let Some(description) = answer.json["error_description"].as_str() {
        words(description);
    }
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/json"));
}

/// RFC 6749 §5.1.
pub fn token_answer(tokens: &Answer) {
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    assert!(tokens.headers["content-type"].to_str().unwrap().starts_with("application/json"));
    assert_eq!(tokens.headers["cache-control"], "no-store");
    assert!(tokens.text("token_type").eq_ignore_ascii_case("bearer"));
    assert!(tokens.json["expires_in"].as_i64().is_some_and(|seconds| seconds > 0), "{}", tokens.json);
    entropy("access_token", &tokens.text("access_token"));
    if let Some(token) = tokens.json["refresh_token"].as_str() {
        entropy("refresh_token", token);
    }
}

/// At least 128 bits by length and 96 as Shannon measures it.
pub fn entropy(name: &str, token: &str) {
    let mut counts = BTreeMap::<char, f64>::new();
    token.chars().for_each(|letter| *counts.entry(letter).or_default() += 1.0);
    let length: f64 = counts.values().sum();
    let bits: f64 = counts.values().map(|count| -count * (count / length).log2()).sum();
    assert!(token.len() >= 22 && bits >= 96.0, "{name} has {bits} bits");
}

/// What [`crate::support::relying_app::RelyingApp::verify`] does not look at.
pub fn id_token(claims: &Value, access_token: Option<&str>, now: i64) {
    let audience = &claims["aud"];
    assert!(claims["sub"].as_str().is_some_and(|sub| !sub.is_empty() && sub.len() <= 255), "{claims}");
    assert!(claims["acr"].as_str() != Some(""), "{claims}");
    assert!(claims.get("azp").is_none() || claims["azp"] == *audience, "{claims}");
    if let Some(auth_time) = claims.get("auth_time") {
        assert!(auth_time.as_i64().is_some_and(|time| time > 0 && time <= now), "{claims}");
    }
    if let Some(at_hash) = claims.get("at_hash") {
        assert_eq!(*at_hash, half_hash(access_token), "at_hash of {claims}");
    }
}

/// The left half of the hash that goes with RS256; null of nothing.
fn half_hash(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::from(base64url(&sha256(text.as_bytes())[..16])))
}

/// OIDC Core §3.3.2.11: an ID token from the authorization endpoint vouches for what comes along.
pub fn front_id_token(claims: &Value, code: Option<&str>, access_token: Option<&str>) {
    assert_eq!(claims["c_hash"], half_hash(code), "c_hash of {claims}");
    assert_eq!(claims["at_hash"], half_hash(access_token), "at_hash of {claims}");
    assert!(claims["nonce"].is_string(), "{claims}");
}

/// Names and addresses are `UserInfo`'s, wherever there is an access token to ask it with.
pub fn unasked(claims: &Value) {
    for unasked in ["name", "email", "preferred_username", "address", "phone_number"] {
        assert!(claims.get(unasked).is_none(), "{unasked} belongs into UserInfo: {claims}");
    }
}

/// OIDC Core §5.1: types, and the subject of the ID token.
pub fn userinfo(claims: &Value, id_token: &Value) {
    assert_eq!(claims["sub"], id_token["sub"]);
    for (name, value) in claims.as_object().expect("an object") {
        match name.as_str() {
            "email_verified" | "phone_number_verified" => assert!(value.is_boolean(), "{name}: {value}"),
            "updated_at" => {
                assert!(value.as_i64().is_some_and(|time| time > 1_000_000_000), "{name}: {value}");
            }
            "address" => assert!(value.is_object(), "{name}: {value}"),
            "birthdate" => {
                let date = value.as_str().expect("a date");
                let digits = date.split('-').map(str::len).collect::<Vec<_>>();
                assert!(digits == [4, 2, 2] || digits == [4], "{date}");
            }
            "groups" | "rights" | "roles" => assert!(value.is_array(), "{name}: {value}"),
            _ => assert!(value.as_str().is_some_and(|text| !text.is_empty()), "{name}: {value}"),
        }
    }
}
