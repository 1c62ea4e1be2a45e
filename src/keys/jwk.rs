//! Which public keys does a client have (RFC 7517), and which of them fits?

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use josekit::JoseError;
use josekit::jwk::Jwk;
use serde_json::{Map, Value};

use super::kind::KeyKind;
use super::secret::{base64url, sha256};
use crate::config::SigningAlgorithm;

/// Keys that a set may have.
const MOST_KEYS: usize = 20;

/// The size of a set as JSON, in bytes.
const LARGEST_SET: usize = 64 * 1024;

/// What no public key has (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The public keys of a client: read, bounded, and each of them usable for what its type says.
#[derive(Clone, Debug, Default)]
pub struct ClientKeys(Vec<PublicKey>);

/// Why a JWK Set is not taken, as the end of a sentence about it: "has a key of type oct…".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadKeys(String);

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    members: Map<String, Value>,
    shape: Shape,
}

/// What a key can be used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
    X25519,
}

impl ClientKeys {
    /// Reads a JWK Set (RFC 7517 §5). Keys of types that are not known here are left out, as the RFC says.
    ///
    /// # Errors
    /// When it is no set, too large, or one of its keys is private, symmetric or malformed.
    pub fn parse(set: &Value) -> Result<Self, BadKeys> {
        let bad = |what: &str| Err(BadKeys(what.to_owned()));
        let Some(keys) = set.get("keys").and_then(Value::as_array) else {
            return bad("is no JWK Set: expected a JSON object with an array `keys` (RFC 7517 section 5)");
        };
        if keys.len() > MOST_KEYS {
            return bad("has more than 20 keys");
        }
        if set.to_string().len() > LARGEST_SET {
            return bad("is larger than 64 KiB");
        }
        let mut usable = Vec::with_capacity(keys.len());
        for (at, key) in keys.iter().enumerate() {
            let named = |what: String| BadKeys(format!("has as its key {} one that {what}", at + 1));
            let Some(members) = key.as_object() else {
                return Err(named("is no JSON object".to_owned()));
            };
            usable.extend(PublicKey::parse(members).map_err(named)?);
        }
        Ok(Self(usable))
    }

    /// Whether there is no usable key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members of each key, such as `x5c` (RFC 8705 §2.2.2).
    pub fn members(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.0.iter().map(|key| &key.members)
    }

    /// Whether one of them may sign under this algorithm.
    #[must_use]
    pub fn can_sign(&self, algorithm: SigningAlgorithm) -> bool {
        self.signing(algorithm, None).next().is_some()
    }

    /// How many usable keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The keys that may have signed under this algorithm; of those with a name, only that of this `kid`.
    pub(super) fn signing<'a>(
        &'a self,
        algorithm: SigningAlgorithm,
        kid: Option<&'a str>,
    ) -> impl Iterator<Item = &'a PublicKey> {
        self.0.iter().filter(move |key| {
            Shape::of(algorithm) == key.shape
                && kid.is_none_or(|kid| key.text("kid") == Some(kid))
                && key.serves("sig", &["verify"], algorithm.name())
        })
    }

    /// The first key of one of these shapes that somebody may encrypt to under this `alg` (RFC 7516 §4.1.1).
    pub(super) fn encrypting(&self, shapes: &[Shape], alg: &str) -> Option<&PublicKey> {
        let operations = ["encrypt", "wrapKey", "deriveKey", "deriveBits"];
        // A key that says that it is for encryption comes before one that says nothing.
        let mut fitting: Vec<_> = self
            .0
            .iter()
            .filter(|key| shapes.contains(&key.shape) && key.serves("enc", &operations, alg))
            .collect();
        fitting.sort_by_key(|key| key.text("use").is_none());
        fitting.first().copied()
    }
}

impl PublicKey {
    /// Reads a public key; none if its type or curve is not known here.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence about it.
    pub(super) fn parse(members: &Map<String, Value>) -> Result<Option<Self>, String> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let kty = text("kty").ok_or("has no `kty`")?;
        if kty == "oct" {
            return Err("is symmetric (`kty` oct): only public keys belong there".to_owned());
        }
        if let Some(name) = PRIVATE.into_iter().find(|name| members.contains_key(*name)) {
            return Err(format!(
                "is private (it has `{name}`): publish only its public half, and replace it"
            ));
        }
        for name in ["kid", "use", "alg"] {
            if members.get(name).is_some_and(|value| !value.is_string()) {
                return Err(format!("has a `{name}` that is no text"));
            }
        }
        let sized = |name: &str, sizes: std::ops::RangeInclusive<usize>| {
            let bytes = text(name).and_then(|value| BASE64_URL_SAFE_NO_PAD.decode(value).ok());
            let fits = bytes.is_some_and(|bytes| sizes.contains(&bytes.len()));
            if fits { Ok(()) } else { Err(format!("has no right `{name}` (RFC 7518 section 6, RFC 8037)")) }
        };
        let shape = match (kty, text("crv")) {
            ("RSA", _) => {
                // Of 2048 to 4096 bits, with a leading zero at most, and an exponent that costs little: whoever sends a
                // false signature makes us do the work.
                sized("n", 256..=513)?;
                sized("e", 1..=4)?;
                // NIST SP 800-56B §6.2: with an exponent of 1 whatever is sent is its own signature.
                if ["AQ", "AAE", "AAAB", "AAAAAQ"].iter().any(|one| text("e") == Some(one)) {
                    return Err("has an `e` of 1, which proves nothing".to_owned());
                }
                Shape::Rsa
            }
            ("EC", Some("P-256")) => Shape::P256,
            ("EC", Some("P-384")) => Shape::P384,
            ("EC", Some("P-521")) => Shape::P521,
            ("OKP", Some("Ed25519")) => Shape::Ed25519,
            ("OKP", Some("X25519")) => Shape::X25519,
            _ => return Ok(None),
        };
        let coordinate = match shape {
            Shape::Rsa => None,
            Shape::P256 | Shape::Ed25519 | Shape::X25519 => Some(32),
            Shape::P384 => Some(48),
            Shape::P521 => Some(66),
        };
        if let Some(size) = coordinate {
            sized("x", size..=size)?;
            if kty == "EC" {
                sized("y", size..=size)?;
            }
        }
        Ok(Some(Self { members: members.clone(), shape }))
    }

    pub(super) const fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    /// The key itself, without what is said about it.
    pub(super) fn bare(&self) -> Result<Jwk, JoseError> {
        Jwk::from_map(required(&self.members))
    }

    /// Whether what the key says of itself (RFC 7517 §4.2 to §4.4) allows this.
    fn serves(&self, usage: &str, operations: &[&str], alg: &str) -> bool {
        let says = |name: &str, value: &str| self.text(name).is_none_or(|said| said == value);
        let operates = match self.members.get("key_ops") {
            None => true,
            Some(Value::Array(said)) => {
                said.iter().filter_map(Value::as_str).any(|said| operations.contains(&said))
            }
            Some(_) => false,
        };
        operates && says("use", usage) && says("alg", alg)
    }
}

impl Shape {
    pub(super) const fn of(algorithm: SigningAlgorithm) -> Self {
        match KeyKind::of(algorithm) {
            KeyKind::Rsa => Self::Rsa,
            KeyKind::P256 => Self::P256,
            KeyKind::P384 => Self::P384,
            KeyKind::P521 => Self::P521,
            KeyKind::Ed25519 => Self::Ed25519,
        }
    }
}

/// The name of a public key (RFC 7638 §3): SHA-256 of its required members in the order of the alphabet, without white
/// space; in base64url.
#[must_use]
pub fn thumbprint(public: &Map<String, Value>) -> String {
    // serde_json writes no white space, and the members are in the order of the alphabet already.
    base64url(&sha256(Value::Object(required(public)).to_string().as_bytes()))
}

/// The members that make a public key what it is (RFC 7638 §3.2, RFC 8037 §2), in the order of the alphabet.
fn required(public: &Map<String, Value>) -> Map<String, Value> {
    let names: &[&str] = match public.get("kty").and_then(Value::as_str) {
        Some("RSA") => &["e", "kty", "n"],
        Some("EC") => &["crv", "kty", "x", "y"],
        _ => &["crv", "kty", "x"],
    };
    names.iter().filter_map(|name| Some(((*name).to_owned(), public.get(*name)?.clone()))).collect()
}

impl fmt::Display for ClientKeys {
    /// The names of the keys, for messages to the client's developer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            self.0.iter().map(|key| key.text("kid").unwrap_or("(no kid)")).take(5).collect();
        let more = if self.0.len() > names.len() { ", ..." } else { "" };
        write!(f, "{}{more}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn refused(key: &Value) -> String {
        ClientKeys::parse(&json!({ "keys": [key] })).unwrap_err().to_string()
    }

    /// The example of RFC 7638 §3.1.
    #[test]
    fn a_key_is_named_by_its_thumbprint() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWK\
                 RXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMic\
                 AtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3\
                 XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        // `x` is no member of an RSA key, and does not change its name.
        let key = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "x": "AA"});
        assert_eq!(thumbprint(key.as_object().unwrap()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_set_is_refused_with_the_reason() {
        let cases = [
            (json!({"kty": "oct", "k": "AAAA"}), "symmetric"),
            (json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "d": "AAAA"}), "it has `d`"),
            (json!({"kty": "EC", "crv": "P-256", "x": X}), "no right `y`"),
            (json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": Y}), "no right `x`"),
            (json!({"kty": "EC", "crv": "P-384", "x": X, "y": Y}), "no right `x`"),
            (json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": 7}), "`kid` that is no text"),
            (json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), "no right `n`"),
            (json!({"kty": "RSA", "n": base64url(&[255; 514]), "e": "AQAB"}), "no right `n`"),
            (json!({"kty": "RSA", "n": base64url(&[255; 256]), "e": "AQ"}), "proves nothing"),
            (json!({"crv": "P-256"}), "no `kty`"),
            (json!("a key"), "no JSON object"),
        ];
        for (key, expected) in cases {
            let refused = refused(&key);
            assert!(refused.contains(expected) && refused.contains("key 1"), "{key}: {refused}");
        }
        for set in [json!([]), json!({}), json!({"keys": {}}), json!(null)] {
            assert!(ClientKeys::parse(&set).unwrap_err().to_string().contains("no JWK Set"));
        }
        let many = json!({ "keys": vec![json!({"kty": "AKP"}); 21] });
        assert_eq!(ClientKeys::parse(&many).unwrap_err().to_string(), "has more than 20 keys");
        let large = json!({ "keys": [{"kty": "AKP", "x5c": ["A".repeat(70_000)]}] });
        assert_eq!(ClientKeys::parse(&large).unwrap_err().to_string(), "is larger than 64 KiB");
    }

    #[test]
    fn keys_of_unknown_types_are_left_out() {
        let unknown = [json!({"kty": "AKP", "alg": "ML-DSA-44"}), json!({"kty": "EC", "crv": "secp256k1"})];
        assert!(ClientKeys::parse(&json!({ "keys": unknown })).unwrap().is_empty());
    }

    #[test]
    fn a_key_serves_only_what_it_says() {
        let with = |more: Value| {
            let mut key = json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "a"});
            key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            ClientKeys::parse(&json!({ "keys": [key] })).unwrap()
        };
        let signs = |keys: &ClientKeys, kid| keys.signing(SigningAlgorithm::ES256, kid).count() == 1;
        let encrypts = |keys: &ClientKeys| keys.encrypting(&[Shape::P256], "ECDH-ES").is_some();
        for (more, signing, encrypting) in [
            (json!({}), true, true),
            (json!({"use": "sig"}), true, false),
            (json!({"use": "enc"}), false, true),
            (json!({"key_ops": ["verify"]}), true, false),
            (json!({"key_ops": ["deriveKey"]}), false, true),
            (json!({"key_ops": "verify"}), false, false),
            (json!({"alg": "ES256"}), true, false),
            (json!({"alg": "ECDH-ES"}), false, true),
        ] {
            let keys = with(more.clone());
            assert_eq!((signs(&keys, None), encrypts(&keys)), (signing, encrypting), "{more}");
        }
        let keys = with(json!({}));
        assert!(signs(&keys, Some("a")) && !signs(&keys, Some("b")));
        assert_eq!(keys.signing(SigningAlgorithm::ES384, None).count(), 0);
        assert_eq!(keys.to_string(), "a");
    }

    proptest! {
        #[test]
        fn no_set_panics(text in ".*", name in "(kty|crv|x|y|n|e|use|key_ops|alg|kid)") {
            let mut key = json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y});
            key[name.as_str()] = Value::from(text.as_str());
            if let Ok(keys) = ClientKeys::parse(&json!({ "keys": [key] })) {
                prop_assert!(keys.0.iter().all(|key| key.bare().is_ok()));
            }
            let read = serde_json::from_str::<Value>(&text).ok().map(|set| ClientKeys::parse(&set).is_ok());
            prop_assert_ne!(read, Some(true));
        }
    }
}
