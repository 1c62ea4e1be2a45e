//! What is in a token? ID tokens (OIDC Core §2) and access tokens as JWTs (RFC 9068).

use openssl::sha::{sha384, sha512};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::confirmation::Confirmation;
use crate::config::SigningAlgorithm;
use crate::keys::secret::{GrantToken, base64url, entropy, new_id, sha256};
use crate::keys::{KeyError, Ring};
use crate::oidc::clients::Client;
use crate::oidc::provider::Provider;
use crate::oidc::shared::claims::object;
use crate::oidc::shared::kinds::Kind;
use crate::oidc::shared::scopes::{Scope, Scopes};
use crate::store::tokens::GrantRow;

/// A successful token response (RFC 6749 §5.1, OIDC Core §3.1.3.3).
#[derive(Serialize)]
pub(in crate::oidc) struct Issued {
    pub(in crate::oidc) access_token: String,
    pub(in crate::oidc) token_type: &'static str,
    /// What it is, where it was exchanged for something (RFC 8693 §2.2.1).
    #[serde(rename = "issued_token_type", skip_serializing_if = "Option::is_none")]
    pub(in crate::oidc) exchanged_for: Option<&'static str>,
    pub(in crate::oidc) expires_in: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::oidc) scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::oidc) id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::oidc) refresh_token: Option<String>,
}

impl Issued {
    pub(in crate::oidc) fn with_refresh(self, token: Option<GrantToken>) -> Self {
        Self { refresh_token: token.map(|t| t.reveal().to_owned()), ..self }
    }
}

/// Makes the tokens of a grant.
#[derive(Clone, Copy)]
pub(in crate::oidc) struct Mint<'a> {
    pub(in crate::oidc) provider: &'a Provider,
    pub(in crate::oidc) ring: &'a Ring,
    pub(in crate::oidc) client: &'a Client,
    pub(in crate::oidc) grant: &'a GrantRow,
    /// `sub` of the person, for this client.
    pub(in crate::oidc) subject: &'a str,
    /// Now, in seconds since 1970.
    pub(in crate::oidc) now: i64,
}

/// For what an access token is.
#[derive(Clone, Copy, Default)]
pub(in crate::oidc) struct Access<'a> {
    pub(in crate::oidc) scopes: Option<&'a Scopes>,
    /// For whom (RFC 8707); the provider itself when empty.
    pub(in crate::oidc) resources: &'a [String],
    /// The key that it is bound to.
    pub(in crate::oidc) bound: Option<&'a Confirmation>,
    /// When it ends at the latest, in seconds since 1970.
    pub(in crate::oidc) until: Option<i64>,
    /// Who acts in the person's name: `act` (RFC 8693 §4.1).
    pub(in crate::oidc) actor: Option<&'a Value>,
}

/// What an ID token says beside who signed in, when and how.
#[derive(Clone, Default)]
pub(in crate::oidc) struct IdTokenParts<'a> {
    pub(in crate::oidc) nonce: Option<&'a str>,
    /// What goes along with it, for `at_hash`, `c_hash` and `s_hash`.
    pub(in crate::oidc) access_token: Option<&'a str>,
    pub(in crate::oidc) code: Option<&'a str>,
    pub(in crate::oidc) state: Option<&'a str>,
    /// Claims about the person.
    pub(in crate::oidc) claims: Map<String, Value>,
}

impl Mint<'_> {
    /// A token response: an access token, and an ID token where scope `openid` was granted.
    pub(in crate::oidc) fn issue(
        &self,
        access: Access<'_>,
        id_token: IdTokenParts<'_>,
    ) -> Result<Issued, KeyError> {
        let issued = self.access_token(access)?;
        if !access.scopes.is_some_and(|scopes| scopes.has(Scope::Openid)) {
            return Ok(issued);
        }
        let parts = IdTokenParts { access_token: Some(&issued.access_token), ..id_token };
        let id_token = Some(self.id_token(parts)?);
        Ok(Issued { id_token, ..issued })
    }

    /// An access token alone (RFC 9068 §2.2).
    pub(in crate::oidc) fn access_token(&self, access: Access<'_>) -> Result<Issued, KeyError> {
        let grant = self.grant;
        let scopes = access.scopes.cloned().unwrap_or_default();
        let mut claims = object(json!({
            "sub": self.subject,
            // The grant is part of the name, so that the token can end with it.
            "jti": format!("{}.{}", grant.id, new_id(&mut entropy())),
        }));
        // What was proven is said only where somebody has proven something.
        if !grant.amr.is_empty() {
            let amr: Vec<&str> = grant.amr.split(' ').collect();
            let proven = json!({ "auth_time": grant.auth_time, "acr": grant.acr, "amr": amr });
            claims.extend(object(proven));
        }
        if scopes != Scopes::default() {
            claims.insert("scope".to_owned(), Value::from(scopes.to_string()));
        }
        signed_access_token(self.provider, self.ring, self.client, access, claims, self.now)
    }

    /// An ID token: [`id_token_claims`], signed.
    pub(in crate::oidc) fn id_token(&self, parts: IdTokenParts<'_>) -> Result<String, KeyError> {
        let Self { provider, client, grant, subject, now, .. } = *self;
        let claims = id_token_claims(provider, client, grant, subject, parts, now)?;
        self.ring.sign(provider.algorithm_for(client), Kind::IdToken.typ(), &claims, now)
    }
}

/// Who signed in, when and how; names and addresses are `UserInfo`'s (OIDC Core §5.4), but where `parts` has them.
pub(in crate::oidc) fn id_token_claims(
    provider: &Provider,
    client: &Client,
    grant: &GrantRow,
    subject: &str,
    parts: IdTokenParts<'_>,
    now: i64,
) -> Result<Map<String, Value>, KeyError> {
    let algorithm = provider.algorithm_for(client);
    let amr: Vec<&str> = grant.amr.split(' ').collect();
    let id = format!("{}.{}", grant.id, new_id(&mut entropy()));
    let mut claims = parts.claims;
    claims.extend(object(json!({
        "iss": provider.issuer,
        "sub": subject,
        "aud": client.id,
        "iat": now,
        "exp": now + provider.tokens.id_lifetime.as_secs(),
        "auth_time": grant.auth_time,
        "acr": grant.acr,
        "amr": amr,
        // As in access tokens: whoever shows this one shows the grant that it came with.
        "jti": provider.token_of_session(&id, &grant.session_id)?,
    })));
    if client.metadata.hears_of_logouts() {
        let session = provider.session_name(client, &grant.session_id)?;
        claims.insert("sid".to_owned(), Value::from(session));
    }
    let hashes = [("at_hash", parts.access_token), ("c_hash", parts.code), ("s_hash", parts.state)];
    for (name, hashed) in hashes {
        claims.extend(hashed.map(|text| (name.to_owned(), Value::from(half_hash(algorithm, text)))));
    }
    claims.extend(parts.nonce.map(|nonce| ("nonce".to_owned(), Value::from(nonce))));
    Ok(claims)
}

/// What `UserInfo` says, beside what it says about the person: as a JWT also from whom and for whom it is (OIDC Core §5.3.2).
pub(in crate::oidc) fn userinfo_claims(
    provider: &Provider,
    client: &Client,
    mut about: Map<String, Value>,
) -> Map<String, Value> {
    let metadata = &client.metadata;
    if metadata.userinfo_signed_response_alg.is_some() || metadata.userinfo_encryption().is_some() {
        about.insert("iss".to_owned(), Value::from(provider.issuer.as_str()));
        about.insert("aud".to_owned(), Value::from(client.id.as_str()));
    }
    about
}

/// An access token for a client in its own name (RFC 6749 §4.4). It hangs from no grant, and opens nobody's `UserInfo`.
pub(in crate::oidc) fn for_client(
    provider: &Provider,
    ring: &Ring,
    client: &Client,
    access: Access<'_>,
    now: i64,
) -> Result<Issued, KeyError> {
    let claims = object(json!({ "sub": client.id, "jti": new_id(&mut entropy()) }));
    signed_access_token(provider, ring, client, access, claims, now)
}

fn signed_access_token(
    provider: &Provider,
    ring: &Ring,
    client: &Client,
    access: Access<'_>,
    mut claims: Map<String, Value>,
    now: i64,
) -> Result<Issued, KeyError> {
    let lifetime = provider.tokens.access_lifetime.as_secs();
    let expires_in = access.until.map_or(lifetime, |until| lifetime.min(until - now));
    claims.extend(object(json!({
        "iss": provider.issuer,
        "aud": audience(provider, access),
        "client_id": client.id,
        "iat": now,
        "exp": now + expires_in,
    })));
    if let Some(bound) = access.bound {
        claims.insert("cnf".to_owned(), bound.claim());
    }
    claims.extend(access.actor.map(|actor| ("act".to_owned(), actor.clone())));
    let scope = access.scopes.map(Scopes::to_string).unwrap_or_default();
    let names_api = access.resources.iter().any(|resource| *resource != provider.issuer);
    let algorithm = provider.access_token_algorithm(client, names_api);
    Ok(Issued {
        access_token: ring.sign(algorithm, Kind::AccessToken.typ(), &claims, now)?,
        token_type: Confirmation::token_type(access.bound),
        exchanged_for: None,
        expires_in,
        scope,
        id_token: None,
        refresh_token: None,
    })
}

/// For whom an access token is: the resources that were asked for, and this provider, if it opens `UserInfo` too.
fn audience(provider: &Provider, access: Access<'_>) -> Value {
    let mut audience: Vec<&str> = access.resources.iter().map(String::as_str).collect();
    let opens_userinfo = access.scopes.is_some_and(|scopes| scopes.has(Scope::Openid));
    if audience.is_empty() || opens_userinfo {
        audience.push(&provider.issuer);
    }
    match audience.as_slice() {
        [one] => Value::from(*one),
        _ => Value::from(audience),
    }
}

/// `at_hash`, `c_hash` (OIDC Core §3.1.3.6, §3.3.2.11): the left half of the hash that goes with the algorithm; Ed25519
/// goes with SHA-512.
fn half_hash(algorithm: SigningAlgorithm, token: &str) -> String {
    use SigningAlgorithm::{ES256, ES384, ES512, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let half = |hash: &[u8]| base64url(hash.get(..hash.len() / 2).unwrap_or_default());
    match algorithm {
        RS256 | PS256 | ES256 => half(&sha256(token.as_bytes())),
        RS384 | PS384 | ES384 => half(&sha384(token.as_bytes())),
        RS512 | PS512 | ES512 | EdDSA => half(&sha512(token.as_bytes())),
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
        for algorithm in SigningAlgorithm::ALL {
            let expected = match algorithm.name() {
                "RS256" | "PS256" | "ES256" => "77QmUPtjPfzWtF2AnpK9RQ",
                "RS384" | "PS384" | "ES384" => "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs",
                _ => "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM",
            };
            assert_eq!(half_hash(algorithm, token), expected, "{algorithm:?}");
        }
    }
}
