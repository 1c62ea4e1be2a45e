//! Which key signs now, which are published, and is this token one of ours?

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jws::JwsVerifier;
use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::compact::Compact;
use super::error::KeyError;
use super::kind::{self, KeyKind};
use super::make::SEAL;
use super::secret::base64url;
use super::signer::Signer;
use super::vault::Vault;
use super::verified::Verified;
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

/// What a key is always published for. A parser that stops at a key which it does not know, as those of PHP do at P-521, must
/// read the key set to its end; so the rest comes once a client has asked for it.
pub(super) const ALWAYS: [SigningAlgorithm; 4] =
    [SigningAlgorithm::RS256, SigningAlgorithm::ES256, SigningAlgorithm::ES384, SigningAlgorithm::EdDSA];

/// The keys as they were at one moment, ready for use.
#[derive(Default)]
pub struct Ring {
    keys: Vec<Key>,
    /// What clients have asked for beside [`ALWAYS`].
    asked: Vec<SigningAlgorithm>,
}

#[derive(Clone)]
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
    verified: Verified,
}

/// Building one of these costs more than a signature.
struct Tools {
    algorithm: SigningAlgorithm,
    signer: OnceLock<Signer>,
    verifier: OnceLock<Box<dyn JwsVerifier>>,
}

/// The JOSE header of a token (RFC 7515 §4.1).
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'a str,
}

impl Ring {
    /// Opens the keys of these rows. Building a signer costs more than a signature: those of `before` are kept.
    pub(super) fn open(
        rows: Vec<SigningKeyRow>,
        asked: &[String],
        before: &Self,
        vault: &Vault,
    ) -> Result<Self, KeyError> {
        let asked = algorithms(asked);
        let keys = rows.into_iter().map(|row| {
            let material = match before.of(&row.kid) {
                Some(key) => Arc::clone(&key.material),
                None => Arc::new(Material::open(&row, vault)?),
            };
            Ok(Key { row, material })
        });
        Ok(Self { keys: keys.collect::<Result<_, KeyError>>()?, asked })
    }

    /// Whether it holds what the database says, and nothing else.
    pub(super) fn is_of(&self, rows: &[SigningKeyRow], asked: &[String]) -> bool {
        self.rows().eq(rows) && self.asked == algorithms(asked)
    }

    /// From when until when every key does what it does now: what is published of them then is the same.
    #[must_use]
    pub fn unchanged(&self, now: i64) -> Range<i64> {
        let times =
            || self.rows().flat_map(|row| [Some(row.active_at), row.retired_at, row.expires_at]).flatten();
        let since = times().filter(|at| *at <= now).max().unwrap_or(i64::MIN);
        let until = times().filter(|at| *at > now).min().unwrap_or(i64::MAX);
        since..until
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
        let signer = key.material.signer(algorithm)?;
        let header = Header { alg: algorithm.name(), kid: &kid(&key.row.kid, algorithm), typ };
        let mut token = base64url(&serde_json::to_vec(&header).unwrap_or_default());
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).unwrap_or_default(), &mut token);
        let signature = signer.sign(token.as_bytes())?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The claims of a JWT, if one of the published keys has signed it under its own `alg`, and its `typ`. Whether it has
    /// expired is the caller's to judge: an `id_token_hint` may have.
    ///
    /// # Errors
    /// When it is not ours.
    pub fn verify(&self, token: &str, now: i64) -> Result<(Map<String, Value>, String), NotOurs> {
        let jwt = Compact::parse(token).map_err(|_| NotOurs)?;
        let algorithm = jwt.text("alg").and_then(SigningAlgorithm::from_name).ok_or(NotOurs)?;
        let (name, under) = named(jwt.text("kid").unwrap_or_default());
        let key =
            self.of(name).filter(|_| under.is_none_or(|under| under == algorithm.name())).ok_or(NotOurs)?;
        if key.material.kind != KeyKind::of(algorithm) || phase(&key.row, now) == Phase::Gone {
            return Err(NotOurs);
        }
        key.material.verified.check(token, || {
            let verifier = key.material.verifier(algorithm).map_err(|_| NotOurs)?;
            verifier.verify(jwt.message, &jwt.signature).map_err(|_| NotOurs)
        })?;
        let typ = jwt.text("typ").unwrap_or_default().to_owned();
        Ok((jwt.claims, typ))
    }

    /// The JWK Set (RFC 7517 §5): the public half of every key that signs, will sign, or may have signed a token that still holds,
    /// once for each algorithm that it is published for; the one that signs by default comes first.
    #[must_use]
    pub fn jwks(&self, default: SigningAlgorithm, now: i64) -> Value {
        let others = SigningAlgorithm::ALL.into_iter().filter(|one| *one != default && self.publishes(*one));
        let mut published = Vec::new();
        for algorithm in [default].into_iter().chain(others) {
            let mut fitting: Vec<&Key> = self
                .keys
                .iter()
                .filter(|k| k.material.kind == KeyKind::of(algorithm) && phase(&k.row, now) != Phase::Gone)
                .collect();
            fitting.sort_by_key(|key| phase(&key.row, now) != Phase::Signing);
            published.extend(fitting.into_iter().map(|key| key.published(algorithm)));
        }
        json!({ "keys": published })
    }

    fn publishes(&self, algorithm: SigningAlgorithm) -> bool {
        ALWAYS.contains(&algorithm) || self.asked.contains(&algorithm)
    }

    /// Whether a token names one of these keys, or none at all: then reading them again helps nobody.
    pub(super) fn knows_key_of(&self, token: &str) -> bool {
        let Ok(jwt) = Compact::parse(token) else { return true };
        jwt.text("kid").is_none_or(|kid| self.of(named(kid).0).is_some())
    }

    /// Every key as the database holds it, for lists.
    pub fn rows(&self) -> impl Iterator<Item = &SigningKeyRow> {
        self.keys.iter().map(|key| &key.row)
    }

    /// Whether there is a key of every kind.
    pub(super) fn is_complete(&self) -> bool {
        KeyKind::ALL.into_iter().all(|kind| self.newest(kind).is_some())
    }

    /// When the oldest of the newest keys of each kind was made, in seconds since 1970: how long ago all were replaced.
    #[must_use]
    pub fn newest_since(&self) -> Option<i64> {
        KeyKind::ALL.into_iter().filter_map(|kind| self.newest(kind)).map(|key| key.created_at).min()
    }

    /// The key of a kind that nothing retires yet.
    pub(super) fn newest(&self, kind: KeyKind) -> Option<&SigningKeyRow> {
        let fits = |k: &&Key| k.material.kind == kind && k.row.retired_at.is_none();
        self.keys.iter().rfind(fits).map(|k| &k.row)
    }

    fn of(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.row.kid == kid)
    }

    fn signing(&self, algorithm: SigningAlgorithm, now: i64) -> Option<&Key> {
        let kind = KeyKind::of(algorithm);
        let is = |wanted: Phase| move |k: &&Key| k.material.kind == kind && phase(&k.row, now) == wanted;
        let signing = self.keys.iter().filter(is(Phase::Signing)).max_by_key(|k| k.row.active_at);
        // A clock that is behind every key: the one whose turn came first.
        signing.or_else(|| self.keys.iter().filter(is(Phase::Announced)).min_by_key(|k| k.row.active_at))
    }
}

impl Key {
    /// The public half as it is published for an algorithm.
    fn published(&self, algorithm: SigningAlgorithm) -> Value {
        let mut public = self.material.public.clone();
        public.insert("alg".to_owned(), Value::from(algorithm.name()));
        public.insert("use".to_owned(), Value::from("sig"));
        public.insert("kid".to_owned(), Value::from(kid(&self.row.kid, algorithm)));
        Value::Object(public)
    }
}

/// The algorithms of these names, as far as they are known.
fn algorithms(names: &[String]) -> Vec<SigningAlgorithm> {
    names.iter().filter_map(|name| SigningAlgorithm::from_name(name)).collect()
}

/// By what name a key goes under an algorithm. An RSA key signs under six, each of which is a key of its own to others
/// (RFC 7517 §4.4 and §4.5); its own name is that for RS256.
fn kid(name: &str, algorithm: SigningAlgorithm) -> String {
    match KeyKind::of(algorithm) {
        KeyKind::Rsa if algorithm != SigningAlgorithm::RS256 => format!("{name}.{}", algorithm.name()),
        _ => name.to_owned(),
    }
}

/// The key that such a name is of, and the algorithm, where the name says one. An early version named the key alone.
fn named(kid: &str) -> (&str, Option<&str>) {
    match kid.split_once('.') {
        Some((name, algorithm)) => (name, Some(algorithm)),
        None => (kid, None),
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
        Ok(Self { kind, public, private, tools, verified: Verified::default() })
    }

    fn signer(&self, algorithm: SigningAlgorithm) -> Result<&Signer, KeyError> {
        let tools = self.tools(algorithm)?;
        if let Some(signer) = tools.signer.get() {
            return Ok(signer);
        }
        let malformed = |e: serde_json::Error| JoseError::InvalidJwkFormat(e.into());
        let mut private: Map<String, Value> = serde_json::from_slice(&self.private).map_err(malformed)?;
        private.remove("alg");
        let signer = Signer::new(algorithm, &Jwk::from_map(private)?)?;
        Ok(tools.signer.get_or_init(|| signer))
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

    use josekit::jws::{self, HS256, JwsHeader};
    use proptest::prelude::*;

    use super::super::compact::MAX_JWT;
    use super::super::make::{fresh, sealed_row};
    use super::super::secret::{base64url, entropy};
    use super::*;

    /// A key of each kind, signing since 0, and what each algorithm has signed.
    static RING: LazyLock<(Ring, Vec<String>)> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(dir.path(), &mut entropy()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let keys = runtime.block_on(fresh(&KeyKind::ALL)).unwrap();
        let rows = keys.iter().map(|key| sealed_row(&vault, key, 0, 0).unwrap()).collect();
        let ring = Ring::open(rows, &[], &Ring::default(), &vault).unwrap();
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
    fn what_is_published_stays_the_same_until_the_next_key_does_something_else() {
        let mut key = RING.0.keys[1].clone();
        (key.row.active_at, key.row.retired_at, key.row.expires_at) = (100, Some(200), Some(300));
        let ring = Ring { keys: vec![key], asked: Vec::new() };
        for (now, expected) in [
            (-5, i64::MIN..100),
            (99, i64::MIN..100),
            (100, 100..200),
            (199, 100..200),
            (200, 200..300),
            (300, 300..i64::MAX),
        ] {
            assert_eq!(ring.unchanged(now), expected, "{now}");
        }
        assert_eq!(Ring::default().unchanged(7), i64::MIN..i64::MAX);
    }

    #[test]
    fn the_default_key_comes_first_and_each_says_its_algorithm_and_use() {
        use SigningAlgorithm::{ES256, ES512, PS256, PS384, RS256};
        let published = |asked: &[SigningAlgorithm], default| {
            let ring = Ring { keys: RING.0.keys.clone(), asked: asked.to_vec() };
            let jwks = ring.jwks(default, 0);
            let keys = jwks["keys"].as_array().unwrap().clone();
            assert!(keys.iter().all(|key| key["use"] == "sig"), "{keys:?}");
            let kids: std::collections::BTreeSet<String> =
                keys.iter().map(|key| key["kid"].to_string()).collect();
            assert_eq!(kids.len(), keys.len(), "every entry has a name of its own");
            keys.iter().map(|key| key["alg"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for (asked, default, expected) in [
            (vec![], RS256, vec!["RS256", "ES256", "ES384", "EdDSA"]),
            (vec![], ES256, vec!["ES256", "RS256", "ES384", "EdDSA"]),
            (vec![], PS384, vec!["PS384", "RS256", "ES256", "ES384", "EdDSA"]),
            (vec![], ES512, vec!["ES512", "RS256", "ES256", "ES384", "EdDSA"]),
            (vec![ES512, PS256], RS256, vec!["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"]),
        ] {
            assert_eq!(published(&asked, default), expected, "{asked:?} {default:?}");
        }
    }

    /// The key that signs is the one that somebody who takes the first finds, whichever others are announced or retired.
    #[test]
    fn among_the_keys_of_an_algorithm_the_one_that_signs_comes_first() {
        let (mut retired, mut announced) = (RING.0.keys[1].clone(), RING.0.keys[1].clone());
        (retired.row.kid, retired.row.retired_at) = ("retired".to_owned(), Some(50));
        (announced.row.kid, announced.row.active_at) = ("announced".to_owned(), 200);
        let signing = RING.0.keys[1].clone();
        let ring = Ring { keys: vec![retired, announced, signing.clone()], asked: Vec::new() };
        assert_eq!(ring.jwks(SigningAlgorithm::ES256, 100)["keys"][0]["kid"], signing.row.kid.as_str());
    }

    #[test]
    fn a_token_goes_by_the_name_that_its_key_is_published_by() {
        let (ring, tokens) = &*RING;
        for (algorithm, token) in SigningAlgorithm::ALL.into_iter().zip(tokens) {
            let jwks = ring.jwks(algorithm, 0);
            let jwt = Compact::parse(token).unwrap();
            assert_eq!(jwt.text("kid"), jwks["keys"][0]["kid"].as_str(), "{algorithm:?}");
            assert_eq!(jwks["keys"][0]["alg"], algorithm.name());
        }
        let (_, rest) = tokens[3].split_once('.').unwrap();
        let kid = Compact::parse(&tokens[3]).unwrap().text("kid").unwrap().replace("PS256", "PS384");
        let header = json!({"alg": "PS256", "typ": "JWT", "kid": kid});
        assert_eq!(
            ring.verify(&with_header(&header, rest), 0),
            Err(NotOurs),
            "the name of another algorithm"
        );
    }

    #[test]
    fn a_clock_behind_the_youngest_key_still_signs_by_the_one_whose_turn_came_first() {
        let mut second = RING.0.keys[1].clone();
        (second.row.kid, second.row.active_at) = ("second".to_owned(), 600);
        let ring = Ring { keys: vec![second, RING.0.keys[1].clone()], asked: Vec::new() };
        let token = ring.sign(SigningAlgorithm::ES256, "JWT", &claims(), -1000).unwrap();
        assert_eq!(Compact::parse(&token).unwrap().text("kid"), Some(RING.0.keys[1].row.kid.as_str()));
        assert!(ring.verify(&token, -1000).is_ok());
        let jwks = ring.jwks(SigningAlgorithm::ES256, -1000);
        assert!(
            jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == RING.0.keys[1].row.kid.as_str())
        );
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
        let jwks = ring.jwks(SigningAlgorithm::RS256, 0);
        assert_eq!(jwks["keys"].as_array().map(Vec::len), Some(4), "the RSA key is there once");
    }

    #[test]
    fn a_header_that_names_another_algorithm_or_key_is_not_ours() {
        let (ring, tokens) = &*RING;
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
            let (published, alg) = (ring.jwks(alg, 0), alg.name());
            for header in [json!({}), json!({"alg": alg}), json!({"alg": alg, "kid": "other"})] {
                assert_eq!(ring.verify(&with_header(&header, rest), 0), Err(NotOurs), "{header}");
            }
            // The public key is no secret: as an HMAC key it would let everybody sign.
            let key = &published["keys"][0];
            assert_eq!(key["kid"], *kid);
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
        let ring = Ring::open(vec![row], &[], &Ring::default(), &vault).unwrap();
        for algorithm in SigningAlgorithm::ALL.into_iter().filter(|a| KeyKind::of(*a) == KeyKind::Rsa) {
            let token = ring.sign(algorithm, "JWT", &claims(), 0).unwrap();
            assert!(ring.verify(&token, 0).is_ok(), "{algorithm:?}");
        }
        assert_eq!(ring.jwks(SigningAlgorithm::PS256, 0)["keys"][0]["alg"], "PS256");
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
