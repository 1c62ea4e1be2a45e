//! How is a signature made under an algorithm? What signs nearly every token is asked directly; what OpenSSL offers for any key and any
//! hash alike looks both up by name for each signature.

use josekit::JoseError;
use josekit::jwk::alg::ec::EcKeyPair;
use josekit::jwk::alg::rsa::RsaKeyPair;
use josekit::jwk::{Jwk, KeyPair};
use josekit::jws::{ES384, ES512, EdDSA, JwsSigner, PS256, PS384, PS512, RS384, RS512};
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa};

use super::secret::sha256;
use crate::config::SigningAlgorithm;

/// What stands before a SHA-256 in what RS256 signs: `DigestInfo` in DER (RFC 8017 §9.2, note 1).
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// How long each of the two numbers of an ES256 signature is, in bytes (RFC 7518 §3.4).
const ES256_HALF: i32 = 32;

/// What signs under one algorithm with a private key.
pub(super) enum Signer {
    /// RS256 (RFC 7518 §3.3).
    Rs256(Rsa<Private>),
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
            Alg::RS256 => Self::Rs256(opened(&RsaKeyPair::from_jwk(private)?, |key| key.rsa())?),
            Alg::ES256 => Self::Es256(opened(&EcKeyPair::from_jwk(private)?, |key| key.ec_key())?),
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
        let signature = match self {
            Self::Rs256(key) => rs256(key, message),
            Self::Es256(key) => es256(key, message),
            Self::Other(signer) => return signer.sign(message),
        };
        signature.map_err(|e| JoseError::InvalidSignature(e.into()))
    }
}

/// A key as OpenSSL has it.
fn opened<T>(
    pair: &impl KeyPair,
    of: impl FnOnce(PKey<Private>) -> Result<T, ErrorStack>,
) -> Result<T, JoseError> {
    let der = zeroize::Zeroizing::new(pair.to_der_private_key());
    PKey::private_key_from_der(&der).and_then(of).map_err(|e| JoseError::InvalidKeyFormat(e.into()))
}

/// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.1).
fn rs256(key: &Rsa<Private>, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut signature = vec![0; usize::try_from(key.size()).unwrap_or_default()];
    let info = [SHA256_INFO.as_slice(), &sha256(message)].concat();
    key.private_encrypt(&info, &mut signature, Padding::PKCS1)?;
    Ok(signature)
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
        let keys = [
            (SigningAlgorithm::RS256, Jwk::generate_rsa_key(2048).unwrap(), 256),
            (SigningAlgorithm::ES256, Jwk::generate_ec_key(EcCurve::P256).unwrap(), 64),
        ];
        for (algorithm, private, length) in keys {
            let signer = Signer::new(algorithm, &private).unwrap();
            let verifier = verifier(algorithm, &private.to_public_key().unwrap()).unwrap();
            // Some of the numbers of so many begin with a zero.
            for n in 0..600 {
                let message = format!("message {n}");
                let signature = signer.sign(message.as_bytes()).unwrap();
                assert_eq!(signature.len(), length);
                verifier.verify(message.as_bytes(), &signature).unwrap();
                assert!(verifier.verify(b"another", &signature).is_err());
            }
        }
    }

    #[test]
    fn rs256_signs_as_josekit_does() {
        let private = Jwk::generate_rsa_key(2048).unwrap();
        let other = josekit::jws::RS256.signer_from_jwk(&private).unwrap();
        let message = b"header.payload";
        let signature = Signer::new(SigningAlgorithm::RS256, &private).unwrap().sign(message).unwrap();
        assert_eq!(signature, other.sign(message).unwrap());
    }
}
