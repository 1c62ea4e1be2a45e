//! `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 §2.1): a client that is trusted with it speaks for a person.
//!
//! `sub` of the assertion is the person's `sub` for this client, as its ID tokens have it. Pairwise subjects lead nowhere: they
//! cannot be turned back.

use serde_json::{Map, Value};

use super::TokenRequest;
use crate::audit::{Actor, Event};
use crate::config::SigningAlgorithm;
use crate::directory::{Person, Status, people};
use crate::keys::secret::{entropy, new_id_at};
use crate::oidc::clients::keys::ClientKeyFailure;
use crate::oidc::clients::{self, GrantType, allowed};
use crate::oidc::shared::failure::Failure;
use crate::oidc::shared::kinds::{Kind, SIGNED_BY_CLIENT};
use crate::oidc::shared::scopes::Scope;
use crate::oidc::shared::times::{AHEAD, seconds};
use crate::oidc::tokens::details::{GrantDetails, Way};
use crate::oidc::tokens::mint::{Access, Issued, Mint};
use crate::oidc::tokens::standing::{NOT_AGREED, agreed};
use crate::store::tokens::{self, GrantRow};
use crate::store::{self, Conn, Tx, seen_ids};

/// How far ahead an assertion may expire, in seconds: so long its `jti` is remembered.
const LONGEST: i64 = 3600;

/// What an assertion says, once its claims have been found right.
#[derive(Debug, PartialEq, Eq)]
struct Checked {
    subject: String,
    jti: String,
    expires_at: i64,
}

/// An access token for a person who is not there: nothing was proven, so that it says nothing about how they signed in; there is
/// no refresh token and no ID token.
pub(super) async fn assert(request: &TokenRequest<'_>) -> Result<Issued, Failure> {
    let (provider, client, now) = (request.provider, request.client, request.now);
    if client.metadata.require_two_factor {
        return Err(Failure::grant("this client insists on two factors, and an assertion proves none"));
    }
    let claims = signed(request, request.required("assertion")?).await?;
    let rules = Rules { client_id: &client.id, issuer: &provider.issuer, now };
    let checked = rules.check(&claims).map_err(|why| Failure::grant(&why))?;
    let scopes = allowed::allowed_scopes(request.form, client).map_err(Failure::request)?;
    let scopes = scopes.without(Scope::OfflineAccess);
    let resources = allowed::resources(request.form, client).map_err(Failure::request)?;
    let ring = provider.keys.ring(now).await?;

    let mut tx = provider.signin.db.write().await?;
    let name = format!("{} {}", client.id, checked.jti);
    if !seen_ids::remember(&mut tx, SIGNED_BY_CLIENT, &name, checked.expires_at, now).await? {
        return Err(Failure::grant("the assertion has been used before: make a new one, with its own jti"));
    }
    let person = person(request, &mut tx, &checked.subject).await?;
    if agreed(&mut tx, client, &person.id).await?.is_some_and(|agreed| !scopes.within(&agreed)) {
        return Err(Failure::grant(NOT_AGREED));
    }
    let way = Some(Way::Grant(GrantType::JwtBearer));
    let details = GrantDetails { resources: resources.clone(), way, ..GrantDetails::default() };
    let grant = GrantRow {
        id: new_id_at(now * 1000, &mut entropy()),
        user_id: person.id.clone(),
        client_id: client.id.clone(),
        session_id: String::new(),
        scopes: scopes.to_string(),
        nonce: None,
        amr: String::new(),
        acr: String::new(),
        auth_time: 0,
        created_at: now,
        expires_at: now + provider.tokens.access_lifetime.as_secs(),
        ended_at: None,
        details: details.to_json(),
    };
    let event = Event::new("token.asserted", Actor::System)
        .user(&person.id)
        .client(&client.id)
        .detail("scopes", grant.scopes.as_str());
    keep(tx, &grant, event, provider.signin.clock.now_ms()).await.map_err(|e| match e {
        gone if gone.is_orphan() => Failure::grant("the person or the client was deleted a moment ago"),
        other => other.into(),
    })?;
    let mint = Mint { provider, ring: &ring, client, grant: &grant, subject: &checked.subject, now };
    let bound = request.bound.as_ref();
    Ok(mint.access_token(Access {
        scopes: Some(&scopes),
        resources: &resources,
        bound,
        ..Access::default()
    })?)
}

/// Keeps the grant.
async fn keep(mut tx: Tx, grant: &GrantRow, event: Event, now_ms: i64) -> store::Result<()> {
    tokens::add_grant(&mut tx, grant).await?;
    event.record(&mut tx, now_ms, &mut entropy()).await?;
    tx.commit().await
}

/// Its claims, if the client has signed it.
async fn signed(request: &TokenRequest<'_>, assertion: &str) -> Result<Map<String, Value>, Failure> {
    let allowed: &[SigningAlgorithm] =
        if request.client.metadata.is_fapi2() { &SigningAlgorithm::FAPI } else { &SigningAlgorithm::ALL };
    let verified = request.provider.client_keys.verify(request.client, assertion, allowed, request.now).await;
    let verified = verified.map_err(|failure| match failure {
        ClientKeyFailure::Jws(failure) => Failure::grant(&format!("the assertion {failure}")),
        other => Failure::grant(&other.to_string()),
    })?;
    let kind = Kind::AuthorizationGrant.check(&verified.header);
    kind.map_err(|why| Failure::grant(&format!("the assertion {why}")))?;
    Ok(verified.claims)
}

/// Whom the assertion is about, if they may sign in to this client.
async fn person(request: &TokenRequest<'_>, conn: &mut Conn, subject: &str) -> Result<Person, Failure> {
    let refuse = || Failure::grant("sub of the assertion is nobody who may use this client");
    let person = people::find(conn, subject).await?.filter(|person| person.status == Status::Active);
    let person = person.ok_or_else(refuse)?;
    let known_so = request.provider.subject(request.client, &person.id)? == subject;
    if known_so && clients::admits(conn, request.client, &person).await? { Ok(person) } else { Err(refuse()) }
}

/// What the claims of an assertion are held against.
struct Rules<'a> {
    client_id: &'a str,
    issuer: &'a str,
    now: i64,
}

impl Rules<'_> {
    /// RFC 7523 §3.
    fn check(&self, claims: &Map<String, Value>) -> Result<Checked, String> {
        let text = |name: &str| {
            let text = claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.filter(|text| text.len() <= 255 && !text.contains('\0'))
        };
        if text("iss") != Some(self.client_id) {
            return Err(format!("iss of the assertion must be the client_id {}", self.client_id));
        }
        let subject = text("sub").ok_or("the assertion has no sub, which must be that of a person")?;
        let token_endpoint = format!("{}/token", self.issuer);
        let ours = |one: &Value| one.as_str().is_some_and(|one| one == self.issuer || one == token_endpoint);
        let audience = match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().any(ours),
            Some(one) => ours(one),
            None => false,
        };
        if !audience {
            return Err(format!("aud of the assertion must be the issuer {}", self.issuer));
        }
        let expires_at = seconds(claims, "exp")?.ok_or("the assertion has no exp")?;
        if expires_at <= self.now {
            return Err(format!("the assertion has expired: exp is {expires_at}, and now is {}", self.now));
        }
        if expires_at > self.now + LONGEST {
            return Err("exp of the assertion is more than an hour ahead".to_owned());
        }
        for name in ["nbf", "iat"] {
            if seconds(claims, name)?.is_some_and(|at| at > self.now + AHEAD) {
                return Err(format!("{name} of the assertion is more than {AHEAD} s ahead of our time"));
            }
        }
        let jti = text("jti").ok_or("the assertion has no jti, which must be another one each time")?;
        Ok(Checked { subject: subject.to_owned(), jti: jti.to_owned(), expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;
    const ISSUER: &str = "https://op.example";

    #[test]
    fn each_claim_has_its_rule_and_its_refusal() {
        let token_endpoint = format!("{ISSUER}/token");
        for (name, value, expected) in [
            ("jti", json!("2"), ""),
            ("jti", json!(null), "has no jti"),
            ("jti", json!("x".repeat(256)), "has no jti"),
            ("iss", json!("other"), "iss of the assertion must be"),
            ("iss", json!(null), "iss of the assertion must be"),
            ("sub", json!(""), "has no sub"),
            ("sub", json!("a\0"), "has no sub"),
            ("aud", json!(token_endpoint), ""),
            ("aud", json!([ISSUER, "https://other.example"]), ""),
            ("aud", json!("https://other.example"), "aud of the assertion must be"),
            ("aud", json!(null), "aud of the assertion must be"),
            ("exp", json!(null), "has no exp"),
            ("exp", json!(NOW), "has expired"),
            ("exp", json!(NOW + 3600), ""),
            ("exp", json!(NOW + 3601), "more than an hour"),
            ("nbf", json!(NOW + 61), "nbf of the assertion is more than 60 s ahead"),
            ("iat", json!(NOW + 61), "iat of the assertion is more than 60 s ahead"),
            ("iat", json!(NOW - 100), ""),
        ] {
            let mut claims = json!({"iss": "app", "sub": "ned", "aud": ISSUER, "exp": NOW + 60, "jti": "1"});
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                _ => claims[name] = value.clone(),
            }
            let rules = Rules { client_id: "app", issuer: ISSUER, now: NOW };
            let why = rules.check(claims.as_object().unwrap()).err().unwrap_or_default();
            assert!(why.contains(expected) && why.is_empty() == expected.is_empty(), "{name} {value}: {why}");
        }
    }
}
