//! What is in a token? ID tokens (OIDC Core §2) and access tokens as JWTs (RFC 9068).

use openssl::sha::{sha256, sha512};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Provider;
use super::clients::Client;
use super::scopes::{Scope, Scopes};
use crate::config::SigningAlgorithm;
use crate::directory::Person;
use crate::keys::secret::{Token, base64url, entropy, new_id};
use crate::keys::{KeyError, Ring};
use crate::store::tokens::GrantRow;

/// `typ` of an access token (RFC 9068 §2.1).
pub(super) const ACCESS_TOKEN: &str = "at+jwt";

/// A successful token response (RFC 6749 §5.1, OIDC Core §3.1.3.3).
#[derive(Serialize)]
pub(super) struct Issued {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

impl Issued {
    pub(super) fn with_refresh(self, token: Option<Token>) -> Self {
        Self { refresh_token: token.map(|t| t.reveal().to_owned()), ..self }
    }
}

/// The tokens of a grant.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a different thing, and a struct would only rename them"
)]
pub(super) fn for_grant(
    provider: &Provider,
    ring: &Ring,
    client: &Client,
    grant: &GrantRow,
    person: &Person,
    scopes: &Scopes,
    nonce: Option<&str>,
    now: i64,
) -> Result<Issued, KeyError> {
    let expires_in = provider.tokens.access_lifetime.as_secs();
    let amr: Vec<&str> = grant.amr.split(' ').collect();
    let mut claims = object(json!({
        "iss": provider.issuer,
        "sub": person.id,
        "aud": provider.issuer,
        "client_id": client.id,
        "iat": now,
        "exp": now + expires_in,
        // The grant is part of the name, so that the token can end with it.
        "jti": format!("{}.{}", grant.id, new_id(&mut entropy())),
        "auth_time": grant.auth_time,
        "acr": grant.acr,
        "amr": amr,
    }));
    if *scopes != Scopes::default() {
        claims.insert("scope".to_owned(), Value::from(scopes.to_string()));
    }
    let access_token = ring.sign(provider.algorithm, ACCESS_TOKEN, &claims, now)?;
    let id_token = if scopes.has(Scope::Openid) {
        Some(id_token(provider, ring, client, grant, &access_token, nonce, now)?)
    } else {
        None
    };
    Ok(Issued {
        access_token,
        token_type: "Bearer",
        expires_in,
        scope: scopes.to_string(),
        id_token,
        refresh_token: None,
    })
}

/// An access token for a client in its own name (RFC 6749 §4.4). It hangs from no grant, and opens nobody's UserInfo.
pub(super) fn for_client(
    provider: &Provider,
    ring: &Ring,
    client: &Client,
    now: i64,
) -> Result<Issued, KeyError> {
    let expires_in = provider.tokens.access_lifetime.as_secs();
    let claims = object(json!({
        "iss": provider.issuer,
        "sub": client.id,
        "aud": provider.issuer,
        "client_id": client.id,
        "iat": now,
        "exp": now + expires_in,
        "jti": new_id(&mut entropy()),
    }));
    Ok(Issued {
        access_token: ring.sign(provider.algorithm, ACCESS_TOKEN, &claims, now)?,
        token_type: "Bearer",
        expires_in,
        scope: String::new(),
        id_token: None,
        refresh_token: None,
    })
}

/// Who signed in, when and how; names and addresses are UserInfo's (OIDC Core §5.4).
fn id_token(
    provider: &Provider,
    ring: &Ring,
    client: &Client,
    grant: &GrantRow,
    access_token: &str,
    nonce: Option<&str>,
    now: i64,
) -> Result<String, KeyError> {
    let algorithm = client.metadata.id_token_signed_response_alg.unwrap_or(provider.algorithm);
    let amr: Vec<&str> = grant.amr.split(' ').collect();
    let mut claims = object(json!({
        "iss": provider.issuer,
        "sub": grant.user_id,
        "aud": client.id,
        "iat": now,
        "exp": now + provider.tokens.id_lifetime.as_secs(),
        "auth_time": grant.auth_time,
        "acr": grant.acr,
        "amr": amr,
        "sid": grant.session_id,
        "at_hash": half_hash(algorithm, access_token),
    }));
    if let Some(nonce) = nonce {
        claims.insert("nonce".to_owned(), Value::from(nonce));
    }
    ring.sign(algorithm, "JWT", &claims, now)
}

/// `at_hash` (OIDC Core §3.1.3.6): the left half of the hash that goes with the algorithm; Ed25519 goes with SHA-512.
fn half_hash(algorithm: SigningAlgorithm, token: &str) -> String {
    match algorithm {
        SigningAlgorithm::RS256 | SigningAlgorithm::ES256 => {
            let hash = sha256(token.as_bytes());
            base64url(hash.get(..16).unwrap_or_default())
        }
        SigningAlgorithm::EdDSA => {
            let hash = sha512(token.as_bytes());
            base64url(hash.get(..32).unwrap_or_default())
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_hash_is_the_left_half() {
        // OIDC Core, appendix A.3 and A.4: the access token and at_hash of the example.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(SigningAlgorithm::RS256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(SigningAlgorithm::EdDSA, token).len(), 43);
    }
}
