//! Does the sender of a request hold the key that it says it holds? `DPoP` proofs and their nonces (RFC 9449)

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use serde_json::{Map, Value};
use url::Url;

use crate::config::SigningAlgorithm;
use crate::keys::jose;
use crate::keys::secret::{base64url, same, sha256};
use crate::keys::{Vault, VaultError};
use crate::oidc::client_auth::Caller;
use crate::oidc::clients::Client;
use crate::oidc::provider::Provider;
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::{DPOP_NONCE, Failure};
use crate::oidc::shared::kinds::Kind;
use crate::oidc::shared::times::seconds;
use crate::store::{self, seen_ids};

/// The request's header.
const HEADER: HeaderName = HeaderName::from_static("dpop");

/// What proofs may be signed with. Without RS256 and its kin, which FAPI 2.0 §5.4.1 forbids: no client has such a key yet.
pub(in crate::oidc) const ALGORITHMS: [SigningAlgorithm; 7] = [
    SigningAlgorithm::ES256,
    SigningAlgorithm::EdDSA,
    SigningAlgorithm::PS256,
    SigningAlgorithm::ES384,
    SigningAlgorithm::ES512,
    SigningAlgorithm::PS384,
    SigningAlgorithm::PS512,
];

/// How far `iat` may be from our time, either way, in seconds; so long a `jti` is remembered.
const WINDOW: i64 = 60;

/// How long a nonce is given out, in seconds; it is taken for as long again.
const NONCE_PERIOD: i64 = 300;

/// What a `jti` counts once for.
const PURPOSE: &str = "dpop proof";

/// What a proof has to be for.
#[derive(Clone, Copy)]
pub(in crate::oidc) struct Expected<'a> {
    /// The request's method.
    pub(in crate::oidc) method: &'a str,
    /// The address that was called, without query and fragment.
    pub(in crate::oidc) url: &'a str,
    /// The access token that comes with it, at a protected resource.
    pub(in crate::oidc) access_token: Option<&'a str>,
    pub(in crate::oidc) algorithms: &'a [SigningAlgorithm],
    /// Now, in seconds since 1970.
    pub(in crate::oidc) now: i64,
}

/// Why a proof is refused.
pub(in crate::oidc) enum Refused {
    /// It is not valid: `invalid_dpop_proof`, with a sentence.
    Proof(String),
    /// It has to hold this nonce: `use_dpop_nonce`.
    Nonce(String),
    /// That cannot be found out.
    Failed(Failure),
}

/// A proof that is right in itself.
#[derive(Debug, PartialEq, Eq)]
struct Checked {
    /// The SHA-256 thumbprint of its key (RFC 7638).
    thumbprint: String,
    jti: String,
    issued_at: i64,
    nonce: Option<String>,
}

impl From<String> for Refused {
    fn from(description: String) -> Self {
        Self::Proof(description)
    }
}

impl From<store::Error> for Refused {
    fn from(e: store::Error) -> Self {
        Self::Failed(e.into())
    }
}

impl From<VaultError> for Refused {
    fn from(e: VaultError) -> Self {
        Self::Failed(e.into())
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Proof(description) => {
                Self::request(Refusal::new(Code::InvalidDpopProof, format!("the DPoP proof {description}")))
            }
            Refused::Nonce(nonce) => Self::DpopNonce(nonce),
            Refused::Failed(failure) => failure,
        }
    }
}

impl Caller<'_> {
    /// The thumbprint of the key that the client has proven to hold, if its request has a `DPoP` header (RFC 9449 §5, §10.1).
    ///
    /// # Errors
    /// `invalid_dpop_proof`, or `use_dpop_nonce` with the nonce to use.
    pub(in crate::oidc) async fn proven_key(&self, client: &Client) -> Result<Option<String>, Failure> {
        let url = format!("{}{}", self.provider.issuer, self.endpoint);
        let fapi2 = client.metadata.is_fapi2();
        let algorithms: &[SigningAlgorithm] = if fapi2 { &SigningAlgorithm::FAPI } else { &ALGORITHMS };
        let expected = Expected { method: "POST", url: &url, access_token: None, algorithms, now: self.now };
        Ok(prove(self.provider, self.headers, expected).await?)
    }
}

/// The thumbprint of the key of a request's proof, if it has one. Of the same proof sent twice, one counts (RFC 9449 §11.1).
pub(in crate::oidc) async fn prove(
    provider: &Provider,
    headers: &HeaderMap,
    expected: Expected<'_>,
) -> Result<Option<String>, Refused> {
    let mut proofs = headers.get_all(HEADER).iter();
    let Some(proof) = proofs.next() else { return Ok(None) };
    if proofs.next().is_some() {
        return Err(Refused::Proof("is there twice: send one DPoP header (RFC 9449 section 4.3)".to_owned()));
    }
    let proof = proof.to_str().map_err(|_| "is no JWT".to_owned())?;
    let checked = expected.check(proof)?;
    let now = expected.now;
    if provider.tokens.dpop_nonce && !is_ours(&provider.signin.vault, checked.nonce.as_deref(), now)? {
        return Err(Refused::Nonce(nonce(&provider.signin.vault, now)?));
    }
    let name = format!("{} {}", checked.thumbprint, checked.jti);
    let mut tx = provider.signin.db.write().await?;
    let until = checked.issued_at + WINDOW + 1;
    let first = seen_ids::remember(&mut tx, PURPOSE, &name, until, now).await?;
    tx.commit().await?;
    if first {
        Ok(Some(checked.thumbprint))
    } else {
        let reason = "has been used before: make a new one, with its own jti, for each request";
        Err(Refused::Proof(reason.to_owned()))
    }
}

impl Expected<'_> {
    /// RFC 9449 §4.3, but for the nonce and for having been seen before.
    fn check(&self, proof: &str) -> Result<Checked, String> {
        let verified = jose::verify_embedded(proof, self.algorithms);
        let (verified, thumbprint) = verified.map_err(|failure| failure.to_string())?;
        let text = |from: &Map<String, Value>, name: &str| {
            from.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let claims = &verified.claims;
        Kind::DpopProof.check(&verified.header)?;
        let jti = text(claims, "jti").ok_or("has no jti, which must be another one each time")?;
        let method = text(claims, "htm").ok_or("has no htm")?;
        if method != self.method {
            return Err(format!("is for method {method} (htm), and this request is {}", self.method));
        }
        let url = text(claims, "htu").ok_or("has no htu")?;
        if normalised(&url).is_none() || normalised(&url) != normalised(self.url) {
            return Err(format!("is for {url} (htu), and this request went to {}", self.url));
        }
        let issued_at = seconds(claims, "iat")?.ok_or("has no iat")?;
        if issued_at.abs_diff(self.now) > WINDOW.unsigned_abs() {
            return Err(format!(
                "was made at {issued_at} (iat), more than {WINDOW} s from now, {}",
                self.now
            ));
        }
        if let Some(token) = self.access_token {
            let hash = base64url(&sha256(token.as_bytes()));
            let said = text(claims, "ath").ok_or("has no ath, the hash of the access token")?;
            if !same(said.as_bytes(), hash.as_bytes()) {
                return Err("is for another access token (ath)".to_owned());
            }
        }
        Ok(Checked { thumbprint, jti, issued_at, nonce: text(claims, "nonce") })
    }
}

/// An address without query and fragment, with the scheme and the host in small letters and without the default port.
fn normalised(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// The nonce that is given out now: the same in every process, and never stored.
///
/// # Errors
/// When OpenSSL refuses.
pub(in crate::oidc) fn nonce(vault: &Vault, now: i64) -> Result<String, VaultError> {
    nonce_of(vault, now.div_euclid(NONCE_PERIOD))
}

fn nonce_of(vault: &Vault, period: i64) -> Result<String, VaultError> {
    vault.mac("dpop nonce", &[&period.to_be_bytes()])
}

/// Whether a nonce was given out in this period, or in the one before.
fn is_ours(vault: &Vault, said: Option<&str>, now: i64) -> Result<bool, VaultError> {
    let Some(said) = said else { return Ok(false) };
    let period = now.div_euclid(NONCE_PERIOD);
    let right = |period| nonce_of(vault, period).map(|nonce| same(said.as_bytes(), nonce.as_bytes()));
    Ok(right(period)? || right(period - 1)?)
}

/// Tells the client the nonce for its next proof, where nonces are demanded (RFC 9449 §8.2).
pub(in crate::oidc) fn offer_nonce(provider: &Provider, now: i64, response: &mut Response) {
    if !provider.tokens.dpop_nonce {
        return;
    }
    let nonce = nonce(&provider.signin.vault, now).ok().and_then(|n| HeaderValue::from_str(&n).ok());
    if let Some(nonce) = nonce {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::secret::entropy;
    use openssl::bn::{BigNum, BigNumContext};
    use openssl::ec::{EcGroup, EcKey};
    use openssl::ecdsa::EcdsaSig;
    use openssl::nid::Nid;
    use openssl::pkey::Private;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;
    const URL: &str = "https://op.example/token";
    const HASH: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";

    fn key() -> EcKey<Private> {
        EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap()
    }

    fn public(key: &EcKey<Private>) -> Value {
        let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        let mut context = BigNumContext::new().unwrap();
        key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).unwrap();
        let text = |n: &BigNum| base64url(&n.to_vec_padded(32).unwrap());
        json!({"kty": "EC", "crv": "P-256", "x": text(&x), "y": text(&y)})
    }

    fn signed(key: &EcKey<Private>, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = EcdsaSig::sign(&sha256(message.as_bytes()), key).unwrap();
        let half = |n: &openssl::bn::BigNumRef| n.to_vec_padded(32).unwrap();
        format!("{message}.{}", base64url(&[half(signature.r()), half(signature.s())].concat()))
    }

    fn set(value: &mut Value, name: &str, to: &Value) {
        match to {
            Value::Null => drop(value.as_object_mut().unwrap().remove(name)),
            to => value[name] = to.clone(),
        }
    }

    /// A right proof but for one member of its header or claims.
    fn proof(part: &str, name: &str, to: &Value) -> String {
        let key = key();
        let mut header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": public(&key)});
        let mut claims = json!({"jti": "1", "htm": "POST", "htu": URL, "iat": NOW, "ath": HASH});
        set(if part == "header" { &mut header } else { &mut claims }, name, to);
        signed(&key, &header, &claims)
    }

    fn check(proof: &str, access_token: Option<&str>) -> Result<Checked, String> {
        let expected = Expected { method: "POST", url: URL, access_token, algorithms: &ALGORITHMS, now: NOW };
        expected.check(proof)
    }

    #[test]
    fn each_part_of_a_proof_has_its_rule_and_its_refusal() {
        let cases = [
            ("header", "typ", json!("dpop+jwt"), ""),
            ("header", "typ", json!("JWT"), "must have typ dpop+jwt"),
            ("header", "typ", json!(null), "must have typ dpop+jwt"),
            ("header", "alg", json!("none"), "is signed with none"),
            ("header", "alg", json!("RS256"), "is signed with RS256"),
            ("header", "alg", json!("HS256"), "is signed with HS256"),
            ("header", "alg", json!("PS256"), "does not go with PS256"),
            ("header", "jwk", json!(null), "no public key in its header"),
            ("header", "jwk", json!({"kty": "oct", "k": "AA"}), "symmetric"),
            ("header", "jwk", public(&key()), "wrong signature"),
            ("claims", "jti", json!(null), "has no jti"),
            ("claims", "jti", json!(""), "has no jti"),
            ("claims", "htm", json!(null), "has no htm"),
            ("claims", "htm", json!("GET"), "is for method GET (htm)"),
            ("claims", "htm", json!("post"), "is for method post (htm)"),
            ("claims", "htu", json!(null), "has no htu"),
            ("claims", "htu", json!("HTTPS://OP.example:443/token?a=b#c"), ""),
            ("claims", "htu", json!("https://op.example/userinfo"), "is for https://op.example/userinfo"),
            ("claims", "htu", json!("https://op.example/token/"), "(htu)"),
            ("claims", "htu", json!("https://op.example:8443/token"), "(htu)"),
            ("claims", "htu", json!("http://op.example/token"), "(htu)"),
            ("claims", "htu", json!("/token"), "(htu)"),
            ("claims", "iat", json!(null), "has no iat"),
            ("claims", "iat", json!(NOW + 10), ""),
            ("claims", "iat", json!(NOW - 60), ""),
            ("claims", "iat", json!(NOW + 61), "more than 60 s from now"),
            ("claims", "iat", json!(NOW - 3600), "more than 60 s from now"),
            ("claims", "iat", json!("now"), "no number"),
            ("claims", "exp", json!(NOW - 10), ""),
            ("claims", "nbf", json!(NOW + 5), ""),
            ("claims", "ath", json!(null), "has no ath"),
            ("claims", "ath", json!("other"), "another access token"),
        ];
        for (part, name, to, expected) in cases {
            match check(&proof(part, name, &to), Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")) {
                Ok(_) => assert_eq!(expected, "", "{name} {to}"),
                Err(why) => assert!(!expected.is_empty() && why.contains(expected), "{name} {to}: {why}"),
            }
        }
        assert!(check(&proof("claims", "ath", &json!(null)), None).is_ok(), "only with an access token");
    }

    #[test]
    fn a_private_key_in_the_header_is_refused() {
        let key = key();
        let mut jwk = public(&key);
        jwk["d"] = json!("AAAA");
        let proof = signed(
            &key,
            &json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}),
            &json!({"jti": "1", "htm": "POST", "htu": URL, "iat": NOW}),
        );
        assert!(check(&proof, None).unwrap_err().contains("is private"));
    }

    #[test]
    fn a_nonce_is_taken_in_its_period_and_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(folder.path(), &mut entropy()).unwrap();
        let given = nonce(&vault, NOW).unwrap();
        let taken = |at| is_ours(&vault, Some(&given), at).unwrap();
        assert!(taken(NOW) && taken(NOW + NONCE_PERIOD));
        assert!(!taken(NOW + 2 * NONCE_PERIOD) && !taken(NOW - NONCE_PERIOD));
        assert!(!is_ours(&vault, Some("x"), NOW).unwrap() && !is_ours(&vault, None, NOW).unwrap());
    }

    proptest! {
        #[test]
        fn no_header_panics(text in ".*") {
            prop_assert!(check(&text, None).is_err());
        }
    }
}
