//! Which kinds of signing keys are there, and what does each of them sign?

use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jws::{ES256, ES384, ES512, EdDSA, JwsVerifier, PS256, PS384, PS512, RS256, RS384, RS512};

use crate::config::SigningAlgorithm;

/// A kind of key. Six algorithms share an RSA key; each of the others has a kind of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2048 bits.
    Rsa,
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
    /// The curve P-521.
    P521,
    /// The curve Ed25519.
    Ed25519,
}

impl KeyKind {
    /// All of them, in the order in which they are made.
    pub const ALL: [Self; 5] = [Self::Rsa, Self::P256, Self::P384, Self::P521, Self::Ed25519];

    /// The kind that an algorithm signs with (RFC 7518 §3.1, RFC 8037 §3.1).
    #[must_use]
    pub const fn of(algorithm: SigningAlgorithm) -> Self {
        use SigningAlgorithm as Alg;
        match algorithm {
            Alg::RS256 | Alg::RS384 | Alg::RS512 | Alg::PS256 | Alg::PS384 | Alg::PS512 => Self::Rsa,
            Alg::ES256 => Self::P256,
            Alg::ES384 => Self::P384,
            Alg::ES512 => Self::P521,
            Alg::EdDSA => Self::Ed25519,
        }
    }

    /// Its name in the database and in lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The only algorithm that it signs under, if it is the only one: such a key is published with its `alg`.
    pub(super) fn only_algorithm(self) -> Option<SigningAlgorithm> {
        let mut fitting = SigningAlgorithm::ALL.into_iter().filter(|a| Self::of(*a) == self);
        let first = fitting.next();
        if fitting.next().is_none() { first } else { None }
    }
}

/// What verifies under an algorithm with a public key.
pub(super) fn verifier(algorithm: SigningAlgorithm, public: &Jwk) -> Result<Box<dyn JwsVerifier>, JoseError> {
    use SigningAlgorithm as Alg;
    Ok(match algorithm {
        Alg::RS256 => Box::new(RS256.verifier_from_jwk(public)?),
        Alg::RS384 => Box::new(RS384.verifier_from_jwk(public)?),
        Alg::RS512 => Box::new(RS512.verifier_from_jwk(public)?),
        Alg::PS256 => Box::new(PS256.verifier_from_jwk(public)?),
        Alg::PS384 => Box::new(PS384.verifier_from_jwk(public)?),
        Alg::PS512 => Box::new(PS512.verifier_from_jwk(public)?),
        Alg::ES256 => Box::new(ES256.verifier_from_jwk(public)?),
        Alg::ES384 => Box::new(ES384.verifier_from_jwk(public)?),
        Alg::ES512 => Box::new(ES512.verifier_from_jwk(public)?),
        Alg::EdDSA => Box::new(EdDSA.verifier_from_jwk(public)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_algorithms_share_the_rsa_key_and_the_others_have_their_own() {
        let shared = SigningAlgorithm::ALL.into_iter().filter(|a| KeyKind::of(*a) == KeyKind::Rsa).count();
        assert_eq!(shared, 6);
        assert_eq!(KeyKind::Rsa.only_algorithm(), None);
        for (kind, algorithm) in [
            (KeyKind::P256, SigningAlgorithm::ES256),
            (KeyKind::P384, SigningAlgorithm::ES384),
            (KeyKind::P521, SigningAlgorithm::ES512),
            (KeyKind::Ed25519, SigningAlgorithm::EdDSA),
        ] {
            assert_eq!(kind.only_algorithm(), Some(algorithm));
        }
        for kind in KeyKind::ALL {
            assert_eq!(KeyKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(KeyKind::from_name("RS256"), None);
    }
}
