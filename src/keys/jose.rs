//! Is this signed JWT from whom it says (RFC 7515, RFC 7519)? For what clients sign; our own tokens are `Ring`'s.

use std::fmt::Write as _;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::compact::Compact;
pub use super::jwe::{ContentEncryption, EncryptFailure, KeyManagement, encrypt};
use super::jwk::PublicKey;
pub use super::jwk::{BadKeys, ClientKeys, thumbprint};
use super::kind;
use super::secret::same;
use crate::config::SigningAlgorithm;

/// The most keys that one signature is held against: a client that changes its keys has two or three at a time, and each costs
/// us work that anybody can ask for.
const MOST_TRIED: usize = 4;

/// A JWT whose signature was right. What its claims mean, and its `typ`, are the caller's to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The JOSE header.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// A JWT that **nobody has proven anything about**: to find out whose keys to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peeked {
    /// The JOSE header, unproven.
    pub header: Map<String, Value>,
    /// The claims, unproven.
    pub claims: Map<String, Value>,
}

/// Why a JWT is not believed, as the end of a sentence about it: "the client assertion" + " is signed with…".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsFailure {
    /// It is no JWT of the form that is expected.
    #[error("{0}")]
    Malformed(&'static str),
    /// The key in its header cannot be used.
    #[error("has in its header (jwk) a key that {0}")]
    EmbeddedKey(String),
    /// Its `alg` is none of those that are allowed here.
    #[error("is signed with {named}, and expected is {allowed}")]
    Algorithm {
        /// The `alg` of its header, shortened.
        named: String,
        /// What is allowed, with commas between.
        allowed: String,
    },
    /// None of the keys fits its `kid` and `alg`.
    #[error("is signed with a key that is not registered: {}", about_key(.kid.as_deref(), alg, known))]
    UnknownKey {
        /// The `kid` of its header, shortened, if there is one.
        kid: Option<String>,
        /// The `alg` of its header.
        alg: &'static str,
        /// The `kid`s that are known.
        known: String,
    },
    /// More keys fit than are tried.
    #[error(
        "is signed with one of more than {MOST_TRIED} registered keys that fit: give each key a kid of its own, and name it in the JWT's header"
    )]
    TooManyKeys,
    /// A key fits, and the signature is not its.
    #[error("has a wrong signature")]
    Signature {
        /// Whether the header named the key.
        by_kid: bool,
    },
}

/// A JWS algorithm under a shared secret (RFC 7518 §3.2), for `client_secret_jwt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MacAlgorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
}

impl MacAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HS256, Self::HS384, Self::HS512];

    /// The name in `alg` and in the metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }
}

impl JwsFailure {
    /// Whether newer keys of the same client could mend it: then they are worth asking for.
    #[must_use]
    pub const fn may_be_old_keys(&self) -> bool {
        matches!(self, Self::UnknownKey { .. } | Self::Signature { by_kid: false })
    }
}

/// What a JWT says, unproven.
///
/// # Errors
/// When it is no signed JWT.
pub fn peek(token: &str) -> Result<Peeked, JwsFailure> {
    let Compact { header, claims, .. } = Compact::parse(token).map_err(JwsFailure::Malformed)?;
    Ok(Peeked { header, claims })
}

/// Verifies a JWT with a client's keys: with the one of its `kid`, or without a `kid` with each of the few that fit its `alg`.
///
/// # Errors
/// What is wrong with it.
pub fn verify(token: &str, keys: &ClientKeys, allowed: &[SigningAlgorithm]) -> Result<Verified, JwsFailure> {
    let jwt = Compact::parse(token).map_err(JwsFailure::Malformed)?;
    let algorithm = algorithm(&jwt, allowed, SigningAlgorithm::name)?;
    let kid = match jwt.header.get("kid") {
        None => None,
        Some(Value::String(kid)) => Some(kid.as_str()),
        Some(_) => return Err(JwsFailure::Malformed("has a `kid` that is no text")),
    };
    let fitting: Vec<_> = keys.signing(algorithm, kid).collect();
    if fitting.is_empty() {
        let (kid, known) = (kid.map(shortened), keys.to_string());
        return Err(JwsFailure::UnknownKey { kid, alg: algorithm.name(), known });
    }
    if fitting.len() > MOST_TRIED {
        return Err(JwsFailure::TooManyKeys);
    }
    if !fitting.into_iter().any(|key| has_signed(key, algorithm, &jwt)) {
        return Err(JwsFailure::Signature { by_kid: kid.is_some() });
    }
    Ok(Verified { header: jwt.header, claims: jwt.claims })
}

/// Verifies a JWT with a secret that its sender shares with us (OIDC Core §9, `client_secret_jwt`).
///
/// # Errors
/// What is wrong with it.
pub fn verify_mac(token: &str, secret: &[u8], allowed: &[MacAlgorithm]) -> Result<Verified, JwsFailure> {
    let jwt = Compact::parse(token).map_err(JwsFailure::Malformed)?;
    let digest = match algorithm(&jwt, allowed, MacAlgorithm::name)? {
        MacAlgorithm::HS256 => MessageDigest::sha256(),
        MacAlgorithm::HS384 => MessageDigest::sha384(),
        MacAlgorithm::HS512 => MessageDigest::sha512(),
    };
    let expected = PKey::hmac(secret)
        .and_then(|key| Signer::new(digest, &key)?.sign_oneshot_to_vec(jwt.message))
        .unwrap_or_default();
    // An empty one is OpenSSL's refusal, and is the mac of nothing.
    if !expected.is_empty() && same(&expected, &jwt.signature) {
        Ok(Verified { header: jwt.header, claims: jwt.claims })
    } else {
        Err(JwsFailure::Signature { by_kid: true })
    }
}

/// Verifies a JWT with the public key in its own header (`jwk`; RFC 9449 §4.2 and §4.3), and answers that key's
/// thumbprint: it proves no more than that its sender has the key.
///
/// # Errors
/// What is wrong with it.
pub fn verify_embedded(token: &str, allowed: &[SigningAlgorithm]) -> Result<(Verified, String), JwsFailure> {
    let jwt = Compact::parse(token).map_err(JwsFailure::Malformed)?;
    let algorithm = algorithm(&jwt, allowed, SigningAlgorithm::name)?;
    let Some(Value::Object(members)) = jwt.header.get("jwk") else {
        return Err(JwsFailure::Malformed("has no public key in its header (jwk)"));
    };
    let fits = |key: &PublicKey| key.shape() == super::jwk::Shape::of(algorithm);
    let key = PublicKey::parse(members)
        .map_err(JwsFailure::EmbeddedKey)?
        .filter(fits)
        .ok_or_else(|| JwsFailure::EmbeddedKey(format!("does not go with {}", algorithm.name())))?;
    if !has_signed(&key, algorithm, &jwt) {
        return Err(JwsFailure::Signature { by_kid: true });
    }
    let thumbprint = thumbprint(members);
    Ok((Verified { header: jwt.header, claims: jwt.claims }, thumbprint))
}

/// The algorithm of a JWT, if it is one of these. `none` is never one.
fn algorithm<A: Copy>(
    jwt: &Compact<'_>,
    allowed: &[A],
    name: fn(A) -> &'static str,
) -> Result<A, JwsFailure> {
    let named = jwt.text("alg").ok_or(JwsFailure::Malformed("has no `alg` in its header"))?;
    allowed.iter().copied().find(|a| name(*a) == named).ok_or_else(|| JwsFailure::Algorithm {
        named: shortened(named),
        allowed: allowed.iter().map(|a| name(*a)).collect::<Vec<_>>().join(", "),
    })
}

fn has_signed(key: &PublicKey, algorithm: SigningAlgorithm, jwt: &Compact<'_>) -> bool {
    // A key whose numbers are no key (a point off its curve) has signed nothing.
    let verifier = key.bare().and_then(|key| kind::verifier(algorithm, &key));
    verifier.is_ok_and(|verifier| verifier.verify(jwt.message, &jwt.signature).is_ok())
}

fn about_key(kid: Option<&str>, alg: &str, known: &str) -> String {
    let mut text = match kid {
        Some(kid) => format!("its kid is {kid}, for {alg}"),
        None => format!("it has no kid, and no key is for {alg}"),
    };
    let known = if known.is_empty() { "no keys" } else { known };
    let _ = write!(text, "; known are {known}");
    text
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use josekit::jwk::Jwk;
    use josekit::jwk::alg::{ec::EcCurve, ed::EdCurve};
    use proptest::prelude::*;
    use serde_json::json;

    use crate::config::SigningAlgorithm as Alg;
    use crate::keys::KeyKind;
    use crate::keys::secret::base64url;
    use crate::keys::signer;

    /// The client's keys, named after their kinds, and a stranger's.
    static OURS: LazyLock<Vec<Jwk>> = LazyLock::new(keys);
    static STRANGERS: LazyLock<Vec<Jwk>> = LazyLock::new(keys);

    fn keys() -> Vec<Jwk> {
        let make = |kind| match kind {
            KeyKind::Rsa => Jwk::generate_rsa_key(2048),
            KeyKind::P256 => Jwk::generate_ec_key(EcCurve::P256),
            KeyKind::P384 => Jwk::generate_ec_key(EcCurve::P384),
            KeyKind::P521 => Jwk::generate_ec_key(EcCurve::P521),
            KeyKind::Ed25519 => Jwk::generate_ed_key(EdCurve::Ed25519),
        };
        KeyKind::ALL
            .map(|kind| {
                let mut key = make(kind).unwrap();
                key.set_key_id(kind.name());
                key
            })
            .to_vec()
    }

    fn key(keys: &[Jwk], algorithm: Alg) -> &Jwk {
        keys.iter().find(|key| key.key_id() == Some(KeyKind::of(algorithm).name())).unwrap()
    }

    fn public(key: &Jwk) -> Map<String, Value> {
        let mut public = key.to_public_key().unwrap();
        public.set_key_id(key.key_id().unwrap());
        public.into()
    }

    fn set(keys: &[Jwk]) -> ClientKeys {
        let keys: Vec<_> = keys.iter().map(public).collect();
        ClientKeys::parse(&json!({ "keys": keys })).unwrap()
    }

    fn sign(algorithm: Alg, key: &Jwk, header: &Value) -> String {
        let mut header = header.clone();
        header["alg"] = Value::from(algorithm.name());
        let payload = base64url(br#"{"iss":"app"}"#);
        let message = format!("{}.{payload}", base64url(header.to_string().as_bytes()));
        let signature = signer::Signer::new(algorithm, key).unwrap().sign(message.as_bytes()).unwrap();
        format!("{message}.{}", base64url(&signature))
    }

    #[test]
    fn what_a_client_signs_is_verified_with_its_keys_by_kid_and_without() {
        for algorithm in Alg::ALL {
            let ours = key(&OURS, algorithm);
            for header in [json!({}), json!({"kid": KeyKind::of(algorithm).name()})] {
                let token = sign(algorithm, ours, &header);
                let verified = verify(&token, &set(&OURS), &Alg::ALL).unwrap();
                assert_eq!(verified.claims["iss"], "app");
                assert_eq!(verified.header["alg"], algorithm.name());
                let strange = sign(algorithm, key(&STRANGERS, algorithm), &header);
                let failure = verify(&strange, &set(&OURS), &Alg::ALL).unwrap_err();
                let by_kid = header.get("kid").is_some();
                assert_eq!(failure, JwsFailure::Signature { by_kid }, "{algorithm:?}");
                assert_eq!(failure.may_be_old_keys(), !by_kid);
            }
        }
    }

    #[test]
    fn without_a_kid_every_fitting_key_is_tried() {
        let both = [STRANGERS.clone(), OURS.clone()].concat();
        let token = sign(Alg::ES256, key(&OURS, Alg::ES256), &json!({}));
        assert!(verify(&token, &set(&both), &[Alg::ES256]).is_ok());
    }

    #[test]
    fn no_more_than_a_few_keys_are_tried() {
        let named = |kid: &str| {
            let mut key = key(&STRANGERS, Alg::ES256).clone();
            key.set_key_id(kid);
            key
        };
        let ours = key(&OURS, Alg::ES256).clone();
        let (nameless, by_name) = (json!({}), json!({ "kid": "P-256" }));
        // Three strangers and ours are tried; with a fourth none is, unless the header says which.
        for (strangers, header, expected) in [
            (3, &nameless, Ok(())),
            (4, &nameless, Err(JwsFailure::TooManyKeys)),
            (15, &nameless, Err(JwsFailure::TooManyKeys)),
            (15, &by_name, Ok(())),
        ] {
            let others = (0..strangers).map(|n| named(&format!("stranger {n}")));
            let all: Vec<Jwk> = others.chain([ours.clone()]).collect();
            let token = sign(Alg::ES256, &ours, header);
            assert_eq!(verify(&token, &set(&all), &[Alg::ES256]).map(drop), expected, "{strangers} {header}");
        }
        let same_name: Vec<Jwk> = (0..5).map(|_| named("P-256")).collect();
        let token = sign(Alg::ES256, &ours, &by_name);
        assert_eq!(verify(&token, &set(&same_name), &[Alg::ES256]), Err(JwsFailure::TooManyKeys));
    }

    #[test]
    fn an_algorithm_that_is_not_allowed_is_named() {
        let token = sign(Alg::RS256, key(&OURS, Alg::RS256), &json!({}));
        let failure = verify(&token, &set(&OURS), &Alg::FAPI).unwrap_err();
        assert_eq!(failure.to_string(), "is signed with RS256, and expected is PS256, ES256, EdDSA");
        assert!(!failure.may_be_old_keys());
        let (_, rest) = token.split_once('.').unwrap();
        for alg in ["none", "None", "HS256", "", "rs256"] {
            let header = base64url(json!({"alg": alg}).to_string().as_bytes());
            let failure = verify(&format!("{header}.{rest}"), &set(&OURS), &Alg::ALL).unwrap_err();
            assert!(matches!(failure, JwsFailure::Algorithm { named, .. } if named == alg));
        }
    }

    #[test]
    fn a_key_that_is_not_there_is_named_with_those_that_are() {
        let token = sign(Alg::ES256, key(&OURS, Alg::ES256), &json!({"kid": "other"}));
        let failure = verify(&token, &set(&OURS[..2]), &Alg::ALL).unwrap_err();
        let words =
            "is signed with a key that is not registered: its kid is other, for ES256; known are RSA, P-256";
        assert_eq!(failure.to_string(), words);
        assert!(failure.may_be_old_keys());
        let token = sign(Alg::ES384, key(&OURS, Alg::ES384), &json!({}));
        let failure = verify(&token, &set(&[]), &Alg::ALL).unwrap_err();
        let words = "is signed with a key that is not registered: it has no kid, and no key is for ES384; known are no keys";
        assert_eq!(failure.to_string(), words);
        // A kid of another type does not lend its key.
        let token = sign(Alg::ES256, key(&OURS, Alg::ES256), &json!({"kid": "RSA"}));
        assert!(matches!(verify(&token, &set(&OURS), &Alg::ALL), Err(JwsFailure::UnknownKey { .. })));
    }

    #[test]
    fn what_is_no_signed_jwt_is_malformed() {
        let token = sign(Alg::ES256, key(&OURS, Alg::ES256), &json!({}));
        let part = |value: Value| base64url(value.to_string().as_bytes());
        let (head, rest) = token.split_once('.').unwrap();
        let cases = [
            (String::new(), "three parts"),
            ("a.b".to_owned(), "three parts"),
            (format!("{token}.x"), "three parts"),
            ("a.b.c.d.e".to_owned(), "encrypted"),
            (format!("{head}=.{rest}"), "header that is no JSON object"),
            (format!("{}.{rest}", part(json!([]))), "header that is no JSON object"),
            (format!("{head}.{}.AAAA", part(json!("x"))), "claims that are no JSON object"),
            (format!("{token}="), "signature that is no base64url"),
            (format!("{}.{rest}", part(json!({"kid": "x"}))), "no `alg`"),
            (format!("{}.{rest}", part(json!({"alg": 5}))), "no `alg`"),
            (format!("{}.{rest}", part(json!({"alg": "ES256", "kid": 5}))), "`kid` that is no text"),
            (format!("{}.{rest}", part(json!({"alg": "ES256", "crit": ["exp"]}))), "critical"),
            (format!("{}.{rest}", part(json!({"alg": "ES256", "crit": "exp"}))), "critical"),
            (format!("{}.{rest}", part(json!({"alg": "ES256", "b64": false}))), "critical"),
            ("x".repeat(17_000), "16 KiB"),
        ];
        for (token, expected) in cases {
            let failure = verify(&token, &set(&OURS), &Alg::ALL).unwrap_err();
            assert!(
                matches!(failure, JwsFailure::Malformed(what) if what.contains(expected)),
                "{token}: {failure}"
            );
        }
        // One that would be right but for the extension that it insists on.
        let token = sign(Alg::ES256, key(&OURS, Alg::ES256), &json!({"crit": ["urn:x"], "urn:x": 1}));
        assert!(matches!(verify(&token, &set(&OURS), &Alg::ALL), Err(JwsFailure::Malformed(_))));
    }

    #[test]
    fn a_signature_of_zeros_is_wrong() {
        for (algorithm, length) in
            [(Alg::ES256, 64), (Alg::ES384, 96), (Alg::ES512, 132), (Alg::EdDSA, 64), (Alg::PS256, 256)]
        {
            let token = sign(algorithm, key(&OURS, algorithm), &json!({}));
            let (message, _) = token.rsplit_once('.').unwrap();
            let forged = format!("{message}.{}", base64url(&vec![0; length]));
            assert!(matches!(verify(&forged, &set(&OURS), &Alg::ALL), Err(JwsFailure::Signature { .. })));
        }
    }

    #[test]
    fn a_point_off_its_curve_has_signed_nothing() {
        let mut off = public(key(&OURS, Alg::ES256));
        off.insert("y".to_owned(), Value::from(base64url(&[7; 32])));
        let keys = ClientKeys::parse(&json!({ "keys": [off] })).unwrap();
        let token = sign(Alg::ES256, key(&OURS, Alg::ES256), &json!({}));
        assert!(matches!(verify(&token, &keys, &Alg::ALL), Err(JwsFailure::Signature { .. })));
    }

    #[test]
    fn a_shared_secret_verifies_what_it_has_signed() {
        // Of 43 letters, as our client secrets are.
        let secret = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".as_bytes();
        for algorithm in MacAlgorithm::ALL {
            let header = base64url(json!({"alg": algorithm.name()}).to_string().as_bytes());
            let message = format!("{header}.{}", base64url(br#"{"iss":"app"}"#));
            let digest = match algorithm {
                MacAlgorithm::HS256 => MessageDigest::sha256(),
                MacAlgorithm::HS384 => MessageDigest::sha384(),
                MacAlgorithm::HS512 => MessageDigest::sha512(),
            };
            let hmac = PKey::hmac(secret).unwrap();
            let mac = Signer::new(digest, &hmac).unwrap().sign_oneshot_to_vec(message.as_bytes()).unwrap();
            let token = format!("{message}.{}", base64url(&mac));
            assert_eq!(verify_mac(&token, secret, &MacAlgorithm::ALL).unwrap().claims["iss"], "app");
            let wrong = Err(JwsFailure::Signature { by_kid: true });
            assert_eq!(verify_mac(&token, b"another secret", &MacAlgorithm::ALL), wrong);
            assert_eq!(verify_mac(&format!("{message}."), secret, &MacAlgorithm::ALL), wrong);
            assert_eq!(
                verify_mac(&format!("{message}.{}", base64url(&mac[..16])), secret, &MacAlgorithm::ALL),
                wrong
            );
            let others: Vec<_> = MacAlgorithm::ALL.into_iter().filter(|a| *a != algorithm).collect();
            assert!(matches!(verify_mac(&token, secret, &others), Err(JwsFailure::Algorithm { .. })));
            // A secret is no public key, and the other way round.
            assert!(matches!(verify(&token, &set(&OURS), &Alg::ALL), Err(JwsFailure::Algorithm { .. })));
        }
    }

    #[test]
    fn a_key_in_the_header_is_believed_to_be_what_it_is() {
        for algorithm in Alg::ALL {
            let ours = key(&OURS, algorithm);
            let token = sign(algorithm, ours, &json!({"jwk": public(ours), "typ": "dpop+jwt"}));
            let (verified, name) = verify_embedded(&token, &Alg::ALL).unwrap();
            assert_eq!(verified.header["typ"], "dpop+jwt");
            assert_eq!(name, thumbprint(ours.as_ref()));
            let strange = sign(algorithm, key(&STRANGERS, algorithm), &json!({"jwk": public(ours)}));
            assert_eq!(verify_embedded(&strange, &Alg::ALL), Err(JwsFailure::Signature { by_kid: true }));
            let private = sign(algorithm, ours, &json!({"jwk": ours.as_ref()}));
            let refused = verify_embedded(&private, &Alg::ALL).unwrap_err().to_string();
            assert!(refused.contains("is private"), "{refused}");
        }
        let ours = key(&OURS, Alg::ES256);
        let refusals = [
            (json!({}), "no public key"),
            (json!({"jwk": "x"}), "no public key"),
            (json!({"jwk": {"kty": "oct", "k": "AAAA"}}), "symmetric"),
            (json!({"jwk": {"kty": "AKP"}}), "does not go with ES256"),
            (json!({"jwk": public(key(&OURS, Alg::ES384))}), "does not go with ES256"),
        ];
        for (header, expected) in refusals {
            let refused =
                verify_embedded(&sign(Alg::ES256, ours, &header), &Alg::ALL).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
        let token = sign(Alg::RS256, key(&OURS, Alg::RS256), &json!({"jwk": public(key(&OURS, Alg::RS256))}));
        assert!(matches!(verify_embedded(&token, &Alg::FAPI), Err(JwsFailure::Algorithm { .. })));
    }

    #[test]
    fn a_peek_proves_nothing_and_reads_everything() {
        let token = sign(Alg::ES256, key(&STRANGERS, Alg::ES256), &json!({"typ": "x"}));
        let peeked = peek(&token).unwrap();
        assert_eq!((&peeked.claims["iss"], &peeked.header["typ"]), (&json!("app"), &json!("x")));
        assert!(peek("x.y").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(token in ".*") {
            prop_assert!(verify(&token, &set(&OURS[1..2]), &Alg::ALL).is_err());
            prop_assert!(verify_mac(&token, b"secret", &MacAlgorithm::ALL).is_err());
            prop_assert!(verify_embedded(&token, &Alg::ALL).is_err());
            prop_assert!(peek(&token).is_err());
        }

        #[test]
        fn no_embedded_key_and_no_signature_panic(
            which in 0usize..10, signature in any::<Vec<u8>>(), name in "(kty|crv|x|y|n|e)", value in any::<Vec<u8>>(),
        ) {
            let algorithm = Alg::ALL[which];
            let mut jwk = public(key(&OURS, algorithm));
            jwk.insert(name, Value::from(base64url(&value)));
            for jwk in [public(key(&OURS, algorithm)), jwk] {
                let header = json!({"alg": algorithm.name(), "jwk": jwk}).to_string();
                let token = format!("{}.e30.{}", base64url(header.as_bytes()), base64url(&signature));
                prop_assert!(verify_embedded(&token, &Alg::ALL).is_err());
            }
        }
    }
}
