//! Does this JWT prove that its client has sent it, now, and to us? `client_secret_jwt` and `private_key_jwt`
//! (OIDC Core §9, RFC 7523 §3)

use serde_json::{Map, Value};

use super::{Caller, Refused, secret};
use crate::config::SigningAlgorithm;
use crate::keys::jose::{self, MacAlgorithm, Peeked, Verified};
use crate::oidc::clients::keys::ClientKeyFailure;
use crate::oidc::clients::{AuthMethod, Client};
use crate::oidc::shared::kinds::{Kind, SIGNED_BY_CLIENT};
use crate::oidc::shared::times::{AHEAD, seconds};
use crate::store::seen_ids;
use crate::web::form::Form;

/// The one `client_assertion_type` that there is (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far ahead an assertion may expire, in seconds: so long its `jti` is remembered.
const LONGEST: i64 = 3600;

/// An assertion whose signature nobody has looked at yet.
pub(super) struct Assertion<'a> {
    jwt: &'a str,
    /// The client that it speaks for.
    pub(super) client_id: String,
    /// The method that its algorithm belongs to.
    pub(super) method: AuthMethod,
}

impl<'a> Assertion<'a> {
    /// The assertion of a request, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or names another client than `client_id`; as a sentence.
    pub(super) fn of(form: &'a Form) -> Result<Option<Self>, String> {
        let Some(jwt) = form.get("client_assertion") else { return Ok(None) };
        let kind = form.get("client_assertion_type");
        if kind != Some(JWT_BEARER) {
            let sent = kind.unwrap_or("nothing");
            return Err(format!("client_assertion_type is {sent}, and must be {JWT_BEARER}"));
        }
        let Peeked { header, claims } =
            jose::peek(jwt).map_err(|failure| format!("the client assertion {failure}"))?;
        let says = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let client_id = says("sub").or_else(|| says("iss")).or_else(|| form.get("client_id"));
        let client_id = client_id.ok_or("the client assertion has no sub")?.to_owned();
        if let Some(named) = form.get("client_id").filter(|named| *named != client_id) {
            return Err(format!("client_id is {named}, and the client assertion is of {client_id}"));
        }
        let alg = header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let by_secret = MacAlgorithm::from_name(alg).is_some();
        let method = if by_secret { AuthMethod::ClientSecretJwt } else { AuthMethod::PrivateKeyJwt };
        Ok(Some(Self { jwt, client_id, method }))
    }

    /// Whether it proves what it says: the right key, the right claims, and for the first time.
    pub(super) async fn check(&self, caller: &Caller<'_>, client: &Client) -> Result<(), Refused> {
        let Caller { provider, now, .. } = *caller;
        let claims = self.signed(caller, client).await?;
        let issuer = provider.issuer.as_str();
        let rules = Rules {
            client_id: &client.id,
            issuer,
            endpoints: [format!("{issuer}/token"), format!("{issuer}{}", caller.endpoint)],
            issuer_alone: client.metadata.is_fapi2(),
            now,
        };
        let checked = rules.check(&claims)?;
        let name = format!("{} {}", client.id, checked.jti);
        let mut tx = provider.signin.db.write().await?;
        let first = seen_ids::remember(&mut tx, SIGNED_BY_CLIENT, &name, checked.expires_at, now).await?;
        tx.commit().await?;
        if first {
            Ok(())
        } else {
            let reason = "the client assertion has been used before: make a new one, with its own jti, for each request";
            Err(Refused::Proof(reason.to_owned()))
        }
    }

    /// Its claims, if the client has signed it.
    async fn signed(&self, caller: &Caller<'_>, client: &Client) -> Result<Map<String, Value>, Refused> {
        let Caller { provider, now, .. } = *caller;
        let wrong = |why: String| Refused::Proof(format!("the client assertion {why}"));
        let of_kind = |verified: Verified| {
            Kind::ClientAssertion.check(&verified.header).map_err(wrong)?;
            Ok(verified.claims)
        };
        if self.method == AuthMethod::PrivateKeyJwt {
            let verified = provider.client_keys.verify(client, self.jwt, &algorithms(client), now).await;
            return of_kind(verified.map_err(|failure| match failure {
                ClientKeyFailure::Jws(failure) => wrong(failure.to_string()),
                other => Refused::Proof(other.to_string()),
            })?);
        }
        let registered = client.metadata.token_endpoint_auth_signing_alg.as_deref();
        let allowed: Vec<MacAlgorithm> =
            MacAlgorithm::ALL.into_iter().filter(|a| registered.is_none_or(|r| r == a.name())).collect();
        let mut failure = None;
        for known in client.known_secrets(&provider.signin.vault, now)? {
            match jose::verify_mac(self.jwt, &known.secret, &allowed) {
                Ok(verified) => {
                    secret::heard(caller, client, known.proves).await?;
                    return of_kind(verified);
                }
                // What is wrong is told of the newest.
                Err(why) => failure = failure.or(Some(why)),
            }
        }
        Err(failure.map_or_else(
            || {
                Refused::Proof(
                    "this client's secret is not known here any more: it needs a new one".to_owned(),
                )
            },
            |failure| wrong(failure.to_string()),
        ))
    }
}

/// What a client may sign its assertions with: the one that it has registered, or any; FAPI 2.0 §5.4.1 has three.
fn algorithms(client: &Client) -> Vec<SigningAlgorithm> {
    let registered = client.metadata.token_endpoint_auth_signing_alg.as_deref();
    let all: &[SigningAlgorithm] =
        if client.metadata.is_fapi2() { &SigningAlgorithm::FAPI } else { &SigningAlgorithm::ALL };
    all.iter().copied().filter(|a| registered.is_none_or(|r| r == a.name())).collect()
}

/// What the claims of an assertion are held against.
struct Rules<'a> {
    client_id: &'a str,
    issuer: &'a str,
    /// The addresses of the token endpoint, and of the one that is called.
    endpoints: [String; 2],
    /// FAPI 2.0 §5.3.2.1: nothing but the issuer, and not in a list.
    issuer_alone: bool,
    now: i64,
}

/// An assertion whose claims are right.
#[derive(Debug, PartialEq, Eq)]
struct Checked {
    jti: String,
    expires_at: i64,
}

impl Rules<'_> {
    /// RFC 7523 §3, OIDC Core §9.
    fn check(&self, claims: &Map<String, Value>) -> Result<Checked, String> {
        for name in ["iss", "sub"] {
            let said = claims.get(name).unwrap_or(&Value::Null);
            if said.as_str() != Some(self.client_id) {
                let said = short(said);
                let id = self.client_id;
                return Err(format!(
                    "{name} of the client assertion is {said}, and must be the client_id {id}"
                ));
            }
        }
        self.check_audience(claims.get("aud").unwrap_or(&Value::Null))?;
        let expires_at = seconds(claims, "exp")?.ok_or("the client assertion has no exp")?;
        if expires_at <= self.now {
            return Err(format!(
                "the client assertion has expired: exp is {expires_at}, and now is {}",
                self.now
            ));
        }
        if expires_at > self.now + LONGEST + AHEAD {
            return Err("exp of the client assertion is more than an hour ahead".to_owned());
        }
        for name in ["nbf", "iat"] {
            if seconds(claims, name)?.is_some_and(|at| at > self.now + AHEAD) {
                let now = self.now;
                return Err(format!(
                    "{name} of the client assertion is more than {AHEAD} s ahead of {now}, our time"
                ));
            }
        }
        let jti = claims.get("jti").and_then(Value::as_str).filter(|jti| !jti.is_empty());
        let jti = jti.ok_or("the client assertion has no jti, which must be another one each time")?;
        Ok(Checked { jti: jti.to_owned(), expires_at })
    }

    /// Whether it is for us: for the issuer, or, where the client's profile allows it, for one of the addresses.
    fn check_audience(&self, said: &Value) -> Result<(), String> {
        let fits = |one: &Value| {
            one.as_str().is_some_and(|one| one == self.issuer || self.endpoints.iter().any(|e| e == one))
        };
        let right = match said {
            _ if self.issuer_alone => said.as_str() == Some(self.issuer),
            Value::Array(several) => several.iter().any(fits),
            one => fits(one),
        };
        if right {
            return Ok(());
        }
        let (said, issuer) = (short(said), self.issuer);
        let rule = if self.issuer_alone { " alone, as a string (FAPI 2.0 section 5.3.2.1)" } else { "" };
        Err(format!("aud of the client assertion is {said}, and must be the issuer {issuer}{rule}"))
    }
}

/// A value for a message.
fn short(value: &Value) -> String {
    match value {
        Value::Null => "not there".to_owned(),
        Value::String(text) => text.chars().take(100).collect(),
        other => other.to_string().chars().take(100).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;
    const ISSUER: &str = "https://op.example";

    fn rules(issuer_alone: bool) -> Rules<'static> {
        Rules {
            client_id: "app",
            issuer: ISSUER,
            endpoints: [format!("{ISSUER}/token"), format!("{ISSUER}/par")],
            issuer_alone,
            now: NOW,
        }
    }

    fn with(name: &str, value: &Value) -> Map<String, Value> {
        let mut claims = json!({"iss": "app", "sub": "app", "aud": ISSUER, "exp": NOW + 60, "jti": "1"});
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
        claims.as_object().unwrap().clone()
    }

    #[test]
    fn each_claim_has_its_rule_and_its_refusal() {
        let cases = [
            ("jti", json!("2"), ""),
            ("jti", json!(null), "has no jti"),
            ("jti", json!(""), "has no jti"),
            ("jti", json!(5), "has no jti"),
            ("iss", json!("other"), "iss of the client assertion is other, and must be the client_id app"),
            ("iss", json!(null), "iss of the client assertion is not there"),
            ("sub", json!(null), "sub of the client assertion is not there"),
            ("sub", json!(["app"]), "sub of the client assertion is ["),
            ("exp", json!(null), "has no exp"),
            ("exp", json!("soon"), "exp is no number"),
            ("exp", json!(NOW), "has expired"),
            ("exp", json!(NOW - 300), "has expired"),
            ("exp", json!(1_800_000_060.5), ""),
            ("exp", json!(NOW + 3600), ""),
            ("exp", json!(NOW + 3661), "more than an hour"),
            ("exp", json!(1e300), "more than an hour"),
            ("nbf", json!(NOW + 10), ""),
            ("nbf", json!(NOW + 61), "nbf of the client assertion is more than 60 s ahead"),
            ("iat", json!(NOW + 10), ""),
            ("iat", json!(NOW + 61), "iat of the client assertion is more than 60 s ahead"),
            ("iat", json!(true), "iat is no number"),
            ("iat", json!(NOW - 100), ""),
        ];
        for (name, value, expected) in cases {
            let outcome = rules(false).check(&with(name, &value));
            match outcome {
                Ok(_) => assert_eq!(expected, "", "{name} {value}"),
                Err(why) => {
                    assert!(!expected.is_empty() && why.contains(expected), "{name} {value}: {why}");
                }
            }
        }
    }

    #[test]
    fn the_audience_is_stricter_under_fapi() {
        let (token, par) = (format!("{ISSUER}/token"), format!("{ISSUER}/par"));
        for (aud, plain, fapi) in [
            (json!(ISSUER), true, true),
            (json!([ISSUER]), true, false),
            (json!(["https://else.example", ISSUER]), true, false),
            (json!(token), true, false),
            (json!(par), true, false),
            (json!([par]), true, false),
            (json!("https://op.example/"), false, false),
            (json!("https://op.example/userinfo"), false, false),
            (json!([]), false, false),
            (json!(5), false, false),
            (json!(null), false, false),
        ] {
            let claims = with("aud", &aud);
            assert_eq!(rules(false).check(&claims).is_ok(), plain, "{aud}");
            assert_eq!(rules(true).check(&claims).is_ok(), fapi, "{aud} under FAPI");
        }
    }

    #[test]
    fn an_assertion_says_whom_it_speaks_for_and_how() {
        let part = |value: Value| crate::keys::secret::base64url(value.to_string().as_bytes());
        let jwt = |alg: &str, claims: Value| format!("{}.{}.AAAA", part(json!({ "alg": alg })), part(claims));
        let form = |jwt: &str, more: &[(&str, &str)]| -> Form {
            let pairs = [("client_assertion", jwt), ("client_assertion_type", JWT_BEARER)];
            let pairs = more.iter().chain(&pairs).map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            pairs.collect()
        };
        let ours = json!({"sub": "app", "iss": "app"});
        for (alg, method) in [("HS256", AuthMethod::ClientSecretJwt), ("ES256", AuthMethod::PrivateKeyJwt)] {
            let form = form(&jwt(alg, ours.clone()), &[("client_id", "app")]);
            let read = Assertion::of(&form).unwrap().unwrap();
            assert_eq!((read.client_id.as_str(), read.method), ("app", method));
        }
        let good = jwt("ES256", ours);
        for (form, expected) in [
            (form(&good, &[("client_id", "other")]), "client_id is other"),
            (form(&good, &[("client_assertion_type", "saml")]), "client_assertion_type is saml"),
            (form("x", &[]), "three parts"),
            (form(&jwt("ES256", json!({})), &[]), "has no sub"),
        ] {
            let why = Assertion::of(&form).map(|_| ()).unwrap_err();
            assert!(why.contains(expected), "{why}");
        }
    }

    proptest! {
        #[test]
        fn no_claims_panic(name in "(iss|sub|aud|exp|nbf|iat|jti)", number in any::<f64>(), text in ".*") {
            let _ = rules(true).check(&with(&name, &json!(number)));
            let _ = rules(false).check(&with(&name, &json!([text])));
        }
    }
}
