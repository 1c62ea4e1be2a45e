//! Which key signs now, which are published, and is this token one of ours?

use std::sync::{Arc, OnceLock};

use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jws::{self, JwsHeader, JwsSigner, JwsVerifier};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::compact::Compact;
use super::kind::{self, KeyKind};
use super::signing::{KeyError, SEAL};
use super::vault::Vault;
use crate::config::SigningAlgorithm;
use crate::store::signing_keys::SigningKeyRow;

/// Why a JWT is not one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JWT that this provider has signed")]
pub struct NotOurs;

/// What a key does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Published, so that relying apps know it by the time that it signs.
    Announced,
    /// It signs.
    Signing,
    /// Published, since tokens that it has signed still hold.
    Retired,
    /// No token of it holds any more.
    Gone,
}

/// What a key with these times does now.
#[must_use]
pub fn phase(key: &SigningKeyRow, now: i64) -> Phase {
    let since = |at: Option<i64>| at.is_some_and(|at| at <= now);
    match () {
        () if since(key.expires_at) => Phase::Gone,
        () if since(key.retired_at) => Phase::Retired,
        () if key.active_at <= now => Phase::Signing,
        () => Phase::Announced,
    }
}

/// The keys as they were at one moment, ready for use.
#[derive(Default)]
pub struct Ring(Vec<Key>);

struct Key {
    row: SigningKeyRow,
    material: Arc<Material>,
}

struct Material {
    kind: KeyKind,
    public: Map<String, Value>,
    private: Zeroizing<Vec<u8>>,
    /// One for each algorithm that the key signs under, built when it is first needed.
    tools: Vec<Tools>,
}

/// Building one of these costs more than a signature.
struct Tools {
    algorithm: SigningAlgorithm,
    signer: OnceLock<Box<dyn JwsSigner>>,
    verifier: OnceLock<Box<dyn JwsVerifier>>,
}

impl Ring {
    /// Opens the keys of these rows. Building a signer costs more than a signature: those of `before` are kept.
    pub(super) fn open(rows: Vec<SigningKeyRow>, before: &Self, vault: &Vault) -> Result<Self, KeyError> {
        let keys = rows.into_iter().map(|row| {
            let material = match before.of(&row.kid) {
                Some(key) => Arc::clone(&key.material),
                None => Arc::new(Material::open(&row, vault)?),
            };
            Ok(Key { row, material })
        });
        keys.collect::<Result<_, KeyError>>().map(Self)
    }

    /// Signs claims, by the key whose turn it is. `typ` is the header's type (RFC 7515 §4.1.9).
    ///
    /// # Errors
    /// When there is no key for the algorithm.
    pub fn sign(
        &self,
        algorithm: SigningAlgorithm,
        typ: &str,
        claims: &Map<String, Value>,
        now: i64,
    ) -> Result<String, KeyError> {
        let key = self.signing(algorithm, now).ok_or(KeyError::None(algorithm.name()))?;
        let mut header = JwsHeader::new();
        header.set_token_type(typ);
        header.set_key_id(&key.row.kid);
        let payload = serde_json::to_vec(claims).unwrap_or_default();
        Ok(jws::serialize_compact(&payload, &header, key.material.signer(algorithm)?)?)
    }

    /// The claims of a JWT, if one of the published keys has signed it under its own `alg`, and its `typ`. Whether it has
    /// expired is the caller's to judge: an `id_token_hint` may have.
    ///
    /// # Errors
    /// When it is not ours.
    pub fn verify(&self, token: &str, now: i64) -> Result<(Map<String, Value>, String), NotOurs> {
        let jwt = Compact::parse(token).map_err(|_| NotOurs)?;
        let algorithm = jwt.text("alg").and_then(SigningAlgorithm::from_name).ok_or(NotOurs)?;
        let key = self.of(jwt.text("kid").unwrap_or_default()).ok_or(NotOurs)?;
        if key.material.kind != KeyKind::of(algorithm) || phase(&key.row, now) == Phase::Gone {
            return Err(NotOurs);
        }
        let verifier = key.material.verifier(algorithm).map_err(|_| NotOurs)?;
        verifier.verify(jwt.message, &jwt.signature).map_err(|_| NotOurs)?;
        let typ = jwt.text("typ").unwrap_or_default().to_owned();
        Ok((jwt.claims, typ))
    }

    /// The JWK Set (RFC 7517 §5): the public half of every key that signs, will sign, or may have signed a token that
    /// still holds.
    #[must_use]
    pub fn jwks(&self, now: i64) -> Value {
        let published = self.0.iter().filter(|k| phase(&k.row, now) != Phase::Gone);
        let keys: Vec<_> = published.map(|k| &k.material.public).collect();
        json!({ "keys": keys })
    }

    /// Every key as the database holds it, for lists.
    pub fn rows(&self) -> impl Iterator<Item = &SigningKeyRow> {
        self.0.iter().map(|key| &key.row)
    }

    /// Whether there is a key of every kind.
    pub(super) fn is_complete(&self) -> bool {
        KeyKind::ALL.into_iter().all(|kind| self.newest(kind).is_some())
    }

    /// The key of a kind that nothing retires yet.
    pub(super) fn newest(&self, kind: KeyKind) -> Option<&SigningKeyRow> {
        let fits = |k: &&Key| k.material.kind == kind && k.row.retired_at.is_none();
        self.0.iter().rfind(fits).map(|k| &k.row)
    }

    fn of(&self, kid: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.row.kid == kid)
    }

    fn signing(&self, algorithm: SigningAlgorithm, now: i64) -> Option<&Key> {
        let kind = KeyKind::of(algorithm);
        let fits = |k: &&Key| k.material.kind == kind && phase(&k.row, now) == Phase::Signing;
        self.0.iter().filter(fits).max_by_key(|k| k.row.active_at)
    }
}

impl Material {
    fn open(row: &SigningKeyRow, vault: &Vault) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed(row.kid.clone());
        let kind = KeyKind::from_name(&row.kind).ok_or_else(malformed)?;
        let private = vault.unseal(SEAL, &row.kid, &row.sealed)?;
        let mut public: Map<String, Value> =
            serde_json::from_str(&row.public_jwk).map_err(|_| malformed())?;
        if kind.only_algorithm().is_none() {
            // An early version made it for RS256 alone, and said so in the key.
            public.remove("alg");
        }
        let fits = SigningAlgorithm::ALL.into_iter().filter(|a| KeyKind::of(*a) == kind);
        let tools = fits
            .map(|algorithm| Tools { algorithm, signer: OnceLock::new(), verifier: OnceLock::new() })
            .collect();
        Ok(Self { kind, public, private, tools })
    }

    fn signer(&self, algorithm: SigningAlgorithm) -> Result<&dyn JwsSigner, KeyError> {
        let tools = self.tools(algorithm)?;
        if let Some(signer) = tools.signer.get() {
            return Ok(&**signer);
        }
        let malformed = |e: serde_json::Error| JoseError::InvalidJwkFormat(e.into());
        let mut private: Map<String, Value> = serde_json::from_slice(&self.private).map_err(malformed)?;
        private.remove("alg");
        let signer = kind::signer(algorithm, &Jwk::from_map(private)?)?;
        Ok(&**tools.signer.get_or_init(|| signer))
    }

    fn verifier(&self, algorithm: SigningAlgorithm) -> Result<&dyn JwsVerifier, KeyError> {
        let tools = self.tools(algorithm)?;
        if let Some(verifier) = tools.verifier.get() {
            return Ok(&**verifier);
        }
        let verifier = kind::verifier(algorithm, &Jwk::from_map(self.public.clone())?)?;
        Ok(&**tools.verifier.get_or_init(|| verifier))
    }

    fn tools(&self, algorithm: SigningAlgorithm) -> Result<&Tools, KeyError> {
        self.tools.iter().find(|t| t.algorithm == algorithm).ok_or(KeyError::None(algorithm.name()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use josekit::jws::HS256;
    use proptest::prelude::*;

    use super::super::compact::MAX_JWT;
    use super::super::make::fresh;
    use super::super::secret::{base64url, entropy};
    use super::super::signing::sealed_row;
    use super::*;

    /// A key of each kind, signing since 0, and what each algorithm has signed.
    static RING: LazyLock<(Ring, Vec<String>)> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(dir.path(), &mut entropy()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let keys = runtime.block_on(fresh(&KeyKind::ALL)).unwrap();
        let rows = keys.iter().map(|key| sealed_row(&vault, key, 0, 0).unwrap()).collect();
        let ring = Ring::open(rows, &Ring::default(), &vault).unwrap();
        let tokens = SigningAlgorithm::ALL.map(|a| ring.sign(a, "JWT", &claims(), 0).unwrap()).to_vec();
        (ring, tokens)
    });

    fn claims() -> Map<String, Value> {
        Map::from_iter([("sub".to_owned(), Value::from("ned"))])
    }

    fn with_header(header: &Value, rest: &str) -> String {
        format!("{}.{rest}", base64url(header.to_string().as_bytes()))
    }

    #[test]
    fn a_key_goes_through_its_phases() {
        let key = |active_at, retired_at, expires_at| SigningKeyRow {
            kid: "k".to_owned(),
            kind: "P-256".to_owned(),
            public_jwk: String::new(),
            sealed: String::new(),
            created_at: 0,
            active_at,
            retired_at,
            expires_at,
        };
        for (key, now, expected) in [
            (key(100, None, None), 99, Phase::Announced),
            (key(100, None, None), 100, Phase::Signing),
            (key(100, Some(200), Some(300)), 99, Phase::Announced),
            (key(100, Some(200), Some(300)), 199, Phase::Signing),
            (key(100, Some(200), Some(300)), 200, Phase::Retired),
            (key(100, Some(200), Some(300)), 299, Phase::Retired),
            (key(100, Some(200), Some(300)), 300, Phase::Gone),
            // Replaced at once, before its turn ever came.
            (key(100, Some(50), Some(300)), 99, Phase::Retired),
            (key(100, Some(50), Some(300)), 150, Phase::Retired),
        ] {
            assert_eq!(phase(&key, now), expected, "{key:?} at {now}");
        }
    }

    #[test]
    fn each_algorithm_signs_what_its_published_key_verifies() {
        let (ring, tokens) = &*RING;
        for token in tokens {
            assert_eq!(ring.verify(token, 0), Ok((claims(), "JWT".to_owned())));
            let dot = token.find('.').unwrap();
            for at in [dot + 1, token.len() - 8] {
                let mut changed = token.clone();
                let other = if changed[at..].starts_with('A') { "B" } else { "A" };
                changed.replace_range(at..=at, other);
                assert_eq!(ring.verify(&changed, 0), Err(NotOurs));
            }
        }
        let jwks = ring.jwks(0);
        let keys = jwks["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 5, "the RSA key is there once");
        assert!(keys.iter().filter(|key| key["kty"] == "RSA").all(|key| key.get("alg").is_none()));
    }

    #[test]
    fn a_header_that_names_another_algorithm_or_key_is_not_ours() {
        let (ring, tokens) = &*RING;
        let jwks = ring.jwks(0);
        let keys = jwks["keys"].as_array().unwrap();
        for (token, alg) in tokens.iter().zip(SigningAlgorithm::ALL) {
            let header = Compact::parse(token).unwrap().header;
            let kid = &header["kid"];
            let (_, rest) = token.split_once('.').unwrap();
            let unsigned = rest.split_once('.').unwrap().0;
            let others =
                SigningAlgorithm::ALL.map(SigningAlgorithm::name).into_iter().filter(|a| *a != alg.name());
            for other in ["none", "None", "HS256", ""].into_iter().chain(others) {
                let header = json!({"alg": other, "kid": kid});
                assert_eq!(ring.verify(&with_header(&header, rest), 0), Err(NotOurs), "{other}");
                let bare = with_header(&header, &format!("{unsigned}."));
                assert_eq!(ring.verify(&bare, 0), Err(NotOurs), "{other}");
            }
            let alg = alg.name();
            for header in [json!({}), json!({"alg": alg}), json!({"alg": alg, "kid": "other"})] {
                assert_eq!(ring.verify(&with_header(&header, rest), 0), Err(NotOurs), "{header}");
            }
            // The public key is no secret: as an HMAC key it would let everybody sign.
            let key = keys.iter().find(|key| key["kid"] == *kid).unwrap();
            let hmac = HS256.signer_from_bytes(key.to_string().as_bytes()).unwrap();
            let mut header = JwsHeader::new();
            header.set_key_id(kid.as_str().unwrap());
            let forged = jws::serialize_compact(b"{}", &header, &hmac).unwrap();
            assert_eq!(ring.verify(&forged, 0), Err(NotOurs));
        }
    }

    /// As version 0.1 left it: an RSA key that says RS256 in both halves.
    #[test]
    fn an_rsa_key_that_was_made_for_rs256_signs_under_every_rsa_algorithm() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(dir.path(), &mut entropy()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut key = runtime.block_on(fresh(&[KeyKind::Rsa])).unwrap().remove(0);
        key.private.set_algorithm("RS256");
        key.public.insert("alg".to_owned(), Value::from("RS256"));
        let row = sealed_row(&vault, &key, 0, 0).unwrap();
        assert!(row.public_jwk.contains("RS256"));
        let ring = Ring::open(vec![row], &Ring::default(), &vault).unwrap();
        for algorithm in SigningAlgorithm::ALL.into_iter().filter(|a| KeyKind::of(*a) == KeyKind::Rsa) {
            let token = ring.sign(algorithm, "JWT", &claims(), 0).unwrap();
            assert!(ring.verify(&token, 0).is_ok(), "{algorithm:?}");
        }
        assert_eq!(ring.jwks(0)["keys"][0].get("alg"), None);
    }

    #[test]
    fn what_is_too_long_is_not_looked_at() {
        let long = Map::from_iter([("x".to_owned(), Value::from("x".repeat(MAX_JWT)))]);
        let (ring, _) = &*RING;
        let token = ring.sign(SigningAlgorithm::ES256, "JWT", &long, 0).unwrap();
        assert_eq!(ring.verify(&token, 0), Err(NotOurs));
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let refused = Ring::default().sign(SigningAlgorithm::ES256, "JWT", &claims(), 0).unwrap_err();
        assert!(refused.to_string().contains("key rotate"), "{refused}");
    }

    proptest! {
        #[test]
        fn no_text_panics(token in ".*") {
            prop_assert_eq!(RING.0.verify(&token, 0), Err(NotOurs));
        }

        /// A right header, and then anything: the verifiers themselves must bear it.
        #[test]
        fn no_payload_and_no_signature_panic(which in 0usize..10, payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>()) {
            let (header, _) = RING.1[which].split_once('.').unwrap();
            let token = format!("{header}.{}.{}", base64url(&payload), base64url(&signature));
            prop_assert_eq!(RING.0.verify(&token, 0), Err(NotOurs));
        }

        #[test]
        fn no_header_panics(header in any::<Vec<u8>>(), name in "(alg|kid|crit|b64|jwk|x5c|typ)", value in ".*") {
            let odd = [header, json!({"alg": "ES256", name.as_str(): value}).to_string().into_bytes()];
            for header in odd {
                let token = format!("{}.e30.AAAA", base64url(&header));
                prop_assert_eq!(RING.0.verify(&token, 0), Err(NotOurs));
            }
        }
    }
}
