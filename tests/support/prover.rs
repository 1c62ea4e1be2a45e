//! How does an app prove who it is by a JWT (RFC 7523), and that it holds a key (RFC 9449)?

use countersign::keys::jose;
use countersign::keys::secret::{Token, base64url, entropy};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sha::sha256;
use openssl::sign;
use serde_json::{Value, json};

use super::relying_app::RelyingApp;
use super::signer::{Signer, unsigned};

/// The one `client_assertion_type` that there is.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Something that nobody has said before.
pub fn random() -> String {
    Token::generate(&mut entropy()).reveal().to_owned()
}

/// The claims of an assertion of this app at `now`; change them at will.
pub fn claims(app: &RelyingApp, now: i64) -> Value {
    let issuer = app.issuer.as_str().trim_end_matches('/');
    json!({
        "iss": app.client_id,
        "sub": app.client_id,
        "aud": issuer,
        "iat": now,
        "exp": now + 60,
        "jti": random(),
    })
}

/// An assertion under the app's secret (`client_secret_jwt`).
pub fn keyed(app: &RelyingApp, alg: &str, claims: &Value) -> String {
    let secret = app.client_secret.as_deref().expect("a secret");
    let digest = match alg {
        "HS256" => MessageDigest::sha256(),
        "HS384" => MessageDigest::sha384(),
        _ => MessageDigest::sha512(),
    };
    let message = unsigned(&json!({ "alg": alg }), claims);
    let key = PKey::hmac(secret.as_bytes()).expect("a key");
    let mut signer = sign::Signer::new(digest, &key).expect("a signer");
    let mac = signer.sign_oneshot_to_vec(message.as_bytes()).expect("a mac");
    format!("{message}.{}", base64url(&mac))
}

/// The public half of a key, as proofs have it in their header.
pub fn jwk(key: &Signer) -> Value {
    key.jwks()["keys"][0].clone()
}

/// Its thumbprint: `dpop_jkt`, and `cnf.jkt` of tokens that are bound to it.
pub fn thumbprint(key: &Signer) -> String {
    jose::thumbprint(jwk(key).as_object().expect("a key"))
}

/// The claims of a `DPoP` proof for a request; change them at will.
pub fn proof_claims(method: &str, url: &str, now: i64) -> Value {
    json!({ "jti": random(), "htm": method, "htu": url, "iat": now })
}

/// A `DPoP` proof with these claims.
pub fn proof_of(key: &Signer, claims: &Value) -> String {
    key.sign_with(json!({ "typ": "dpop+jwt", "jwk": jwk(key) }), claims)
}

/// A `DPoP` proof for a request.
pub fn proof(key: &Signer, method: &str, url: &str, now: i64) -> String {
    proof_of(key, &proof_claims(method, url, now))
}

/// The claims of a `DPoP` proof for a request with an access token.
pub fn token_proof_claims(method: &str, url: &str, now: i64, token: &str) -> Value {
    let mut claims = proof_claims(method, url, now);
    claims["ath"] = Value::from(base64url(&sha256(token.as_bytes())));
    claims
}
