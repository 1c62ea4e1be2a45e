//! With what does an app sign? A key pair of its own, whose public half it has registered.

use countersign::keys::secret::base64url;
use josekit::jwk::Jwk;
use josekit::jwk::alg::{ec::EcCurve, ed::EdCurve};
use josekit::jws::{self, JwsSigner};
use serde_json::{Value, json};

/// A key and the algorithm that it is for.
#[derive(Clone, Debug)]
pub struct Signer {
    key: Jwk,
    algorithm: &'static str,
}

impl Signer {
    /// A new key for this `alg`, whose `kid` is the algorithm's name.
    pub fn new(algorithm: &'static str) -> Self {
        let key = match algorithm {
            "ES256" => Jwk::generate_ec_key(EcCurve::P256),
            "EdDSA" => Jwk::generate_ed_key(EdCurve::Ed25519),
            "RS256" | "PS256" => Jwk::generate_rsa_key(2048),
            other => panic!("no test signs with {other}"),
        };
        let mut key = key.expect("a key");
        key.set_key_id(algorithm);
        Self { key, algorithm }
    }

    /// The same key for another `alg`.
    #[must_use]
    pub fn with(mut self, algorithm: &'static str) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The same with another `kid`.
    #[must_use]
    pub fn named(mut self, kid: &str) -> Self {
        self.key.set_key_id(kid);
        self
    }

    /// What the app registers as `jwks`.
    pub fn jwks(&self) -> Value {
        let mut public = self.key.to_public_key().expect("a public key");
        public.set_key_id(self.key.key_id().expect("a kid"));
        json!({ "keys": [public.as_ref()] })
    }

    /// A JWT with these claims, whose type says no more than that it is one.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(json!({ "typ": "JWT" }), claims)
    }

    /// The same with members of its own in the header; `alg` and `kid` are added.
    pub fn sign_with(&self, mut header: Value, claims: &Value) -> String {
        header["alg"] = Value::from(self.algorithm);
        header["kid"] = Value::from(self.key.key_id());
        let message = unsigned(&header, claims);
        let signature = self.signer().sign(message.as_bytes()).expect("a signature");
        format!("{message}.{}", base64url(&signature))
    }

    fn signer(&self) -> Box<dyn JwsSigner> {
        let key = &self.key;
        match self.algorithm {
            "ES256" => Box::new(jws::ES256.signer_from_jwk(key).expect("a signer")),
            "EdDSA" => Box::new(jws::EdDSA.signer_from_jwk(key).expect("a signer")),
            "RS256" => Box::new(jws::RS256.signer_from_jwk(key).expect("a signer")),
            "PS256" => Box::new(jws::PS256.signer_from_jwk(key).expect("a signer")),
            other => panic!("no test signs with {other}"),
        }
    }
}

/// Header and claims, as they are signed.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| base64url(part.to_string().as_bytes()));
    format!("{header}.{claims}")
}
