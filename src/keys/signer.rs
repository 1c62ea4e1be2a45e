//! How is a signature made under an algorithm? ES256, which signs nearly every access token, is asked of the key itself: what OpenSSL offers
//! for any key and any hash alike looks both up by name for each signature, which is a seventh of it. Of an RSA signature that is a hundredth.

use josekit::JoseError;
use josekit::jwk::alg::ec::EcKeyPair;
use josekit::jwk::{Jwk, KeyPair};
use josekit::jws::{ES384, ES512, EdDSA, JwsSigner, PS256, PS384, PS512, RS256, RS384, RS512};
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use zeroize::Zeroizing;

use super::secret::sha256;
use crate::config::SigningAlgorithm;

/// How long each of the two numbers of an ES256 signature is, in bytes (RFC 7518 §3.4).
const ES256_HALF: i32 = 32;

/// What signs under one algorithm with a private key.
pub(super) enum Signer {
    /// ES256 (RFC 7518 §3.4).
    Es256(EcKey<Private>),
    /// Any other.
    Other(Box<dyn JwsSigner>),
}

impl Signer {
    /// The signer of an algorithm with this key.
    ///
    /// # Errors
    /// When the key is none for this algorithm.
    pub(super) fn new(algorithm: SigningAlgorithm, private: &Jwk) -> Result<Self, JoseError> {
        use SigningAlgorithm as Alg;
        Ok(match algorithm {
            Alg::ES256 => Self::Es256(ec_key(private)?),
            Alg::RS256 => Self::Other(Box::new(RS256.signer_from_jwk(private)?)),
            Alg::RS384 => Self::Other(Box::new(RS384.signer_from_jwk(private)?)),
            Alg::RS512 => Self::Other(Box::new(RS512.signer_from_jwk(private)?)),
            Alg::PS256 => Self::Other(Box::new(PS256.signer_from_jwk(private)?)),
            Alg::PS384 => Self::Other(Box::new(PS384.signer_from_jwk(private)?)),
            Alg::PS512 => Self::Other(Box::new(PS512.signer_from_jwk(private)?)),
            Alg::ES384 => Self::Other(Box::new(ES384.signer_from_jwk(private)?)),
            Alg::ES512 => Self::Other(Box::new(ES512.signer_from_jwk(private)?)),
            Alg::EdDSA => Self::Other(Box::new(EdDSA.signer_from_jwk(private)?)),
        })
    }

    /// The signature of a message, as JWS has it.
    ///
    /// # Errors
    /// When OpenSSL refuses.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, JoseError> {
        match self {
            Self::Es256(key) => es256(key, message).map_err(|e| JoseError::InvalidSignature(e.into())),
            Self::Other(signer) => signer.sign(message),
        }
    }
}

/// A key as OpenSSL has it.
fn ec_key(private: &Jwk) -> Result<EcKey<Private>, JoseError> {
    let der = Zeroizing::new(EcKeyPair::from_jwk(private)?.to_der_private_key());
    let key = PKey::private_key_from_der(&der).and_then(|key| key.ec_key());
    key.map_err(|e| JoseError::InvalidKeyFormat(e.into()))
}

/// The two numbers one after the other, each as long as the curve's.
fn es256(key: &EcKey<Private>, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let signature = EcdsaSig::sign(&sha256(message), key)?;
    Ok([signature.r().to_vec_padded(ES256_HALF)?, signature.s().to_vec_padded(ES256_HALF)?].concat())
}

#[cfg(test)]
mod tests {
    use josekit::jwk::alg::ec::EcCurve;

    use super::super::kind::verifier;
    use super::*;

    #[test]
    fn what_is_signed_directly_is_what_others_verify() {
        let private = Jwk::generate_ec_key(EcCurve::P256).unwrap();
        let signer = Signer::new(SigningAlgorithm::ES256, &private).unwrap();
        let verifier = verifier(SigningAlgorithm::ES256, &private.to_public_key().unwrap()).unwrap();
        // Some of the numbers of so many begin with a zero.
        for n in 0..600 {
            let message = format!("message {n}");
            let signature = signer.sign(message.as_bytes()).unwrap();
            assert_eq!(signature.len(), 64);
            verifier.verify(message.as_bytes(), &signature).unwrap();
            assert!(verifier.verify(b"another", &signature).is_err());
        }
    }
}
