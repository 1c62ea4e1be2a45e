//! How is something encrypted to a client (RFC 7516)? For ID tokens, UserInfo and introspection responses.

use josekit::JoseError;
use josekit::jwe::{self, JweEncrypter, JweHeader};
use serde::{Deserialize, Serialize};

use super::jwk::{ClientKeys, PublicKey, Shape};

/// How the key of the content is agreed on or wrapped: `alg` (RFC 7518 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyManagement {
    /// RSAES OAEP with SHA-1, as most libraries have it.
    #[serde(rename = "RSA-OAEP")]
    RsaOaep,
    /// RSAES OAEP with SHA-256.
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
    /// Diffie-Hellman on an elliptic curve, directly.
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
    /// The same, wrapping with AES of 128 bits.
    #[serde(rename = "ECDH-ES+A128KW")]
    EcdhEsA128Kw,
    /// The same, wrapping with AES of 192 bits.
    #[serde(rename = "ECDH-ES+A192KW")]
    EcdhEsA192Kw,
    /// The same, wrapping with AES of 256 bits.
    #[serde(rename = "ECDH-ES+A256KW")]
    EcdhEsA256Kw,
}

/// How the content is encrypted: `enc` (RFC 7518 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ContentEncryption {
    /// AES of 128 bits in CBC mode, with HMAC-SHA-256.
    #[serde(rename = "A128CBC-HS256")]
    A128CbcHs256,
    /// AES of 192 bits in CBC mode, with HMAC-SHA-384.
    #[serde(rename = "A192CBC-HS384")]
    A192CbcHs384,
    /// AES of 256 bits in CBC mode, with HMAC-SHA-512.
    #[serde(rename = "A256CBC-HS512")]
    A256CbcHs512,
    /// AES of 128 bits in Galois/Counter mode.
    #[serde(rename = "A128GCM")]
    A128Gcm,
    /// AES of 192 bits in Galois/Counter mode.
    #[serde(rename = "A192GCM")]
    A192Gcm,
    /// AES of 256 bits in Galois/Counter mode.
    #[serde(rename = "A256GCM")]
    A256Gcm,
}

/// Why something cannot be encrypted to a client.
#[derive(Debug, thiserror::Error)]
pub enum EncryptFailure {
    /// None of its keys is for this.
    #[error("none of the client's keys ({known}) can be encrypted to with {alg}")]
    NoKey {
        /// The `alg` that it is registered for.
        alg: &'static str,
        /// The `kid`s of its keys.
        known: String,
    },
    /// josekit refused: the numbers of the key are no key.
    #[error("the client's key cannot be encrypted to: {0}")]
    Jose(#[from] JoseError),
}

impl KeyManagement {
    /// All of them, in the order in which they are published.
    pub const ALL: [Self; 6] = [
        Self::RsaOaep,
        Self::RsaOaep256,
        Self::EcdhEs,
        Self::EcdhEsA128Kw,
        Self::EcdhEsA192Kw,
        Self::EcdhEsA256Kw,
    ];

    /// The name in `alg` and in the metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA192Kw => "ECDH-ES+A192KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }

    const fn shapes(self) -> &'static [Shape] {
        match self {
            Self::RsaOaep | Self::RsaOaep256 => &[Shape::Rsa],
            _ => &[Shape::P256, Shape::P384, Shape::P521, Shape::X25519],
        }
    }

    fn encrypter(self, key: &PublicKey) -> Result<Box<dyn JweEncrypter>, JoseError> {
        let key = key.bare()?;
        Ok(match self {
            Self::RsaOaep => Box::new(jwe::RSA_OAEP.encrypter_from_jwk(&key)?),
            Self::RsaOaep256 => Box::new(jwe::RSA_OAEP_256.encrypter_from_jwk(&key)?),
            Self::EcdhEs => Box::new(jwe::ECDH_ES.encrypter_from_jwk(&key)?),
            Self::EcdhEsA128Kw => Box::new(jwe::ECDH_ES_A128KW.encrypter_from_jwk(&key)?),
            Self::EcdhEsA192Kw => Box::new(jwe::ECDH_ES_A192KW.encrypter_from_jwk(&key)?),
            Self::EcdhEsA256Kw => Box::new(jwe::ECDH_ES_A256KW.encrypter_from_jwk(&key)?),
        })
    }
}

impl ContentEncryption {
    /// All of them, in the order in which they are published.
    pub const ALL: [Self; 6] = [
        Self::A128CbcHs256,
        Self::A192CbcHs384,
        Self::A256CbcHs512,
        Self::A128Gcm,
        Self::A192Gcm,
        Self::A256Gcm,
    ];

    /// The name in `enc` and in the metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A192CbcHs384 => "A192CBC-HS384",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A128Gcm => "A128GCM",
            Self::A192Gcm => "A192GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// The encryption of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name() == name)
    }
}

/// Encrypts to a client, in the compact form. `content_type` is `JWT` when the payload is a signed JWT (RFC 7519 §5.2).
///
/// # Errors
/// When none of its keys can be encrypted to in this way.
pub fn encrypt(
    payload: &[u8],
    content_type: Option<&str>,
    alg: KeyManagement,
    enc: ContentEncryption,
    keys: &ClientKeys,
) -> Result<String, EncryptFailure> {
    let no_key = || EncryptFailure::NoKey { alg: alg.name(), known: keys.to_string() };
    let key = keys.encrypting(alg.shapes(), alg.name()).ok_or_else(no_key)?;
    let mut header = JweHeader::new();
    header.set_content_encryption(enc.name());
    if let Some(kid) = key.text("kid") {
        header.set_key_id(kid);
    }
    if let Some(content_type) = content_type {
        header.set_content_type(content_type);
    }
    Ok(jwe::serialize_compact(payload, &header, &*alg.encrypter(key)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use josekit::jwe::JweDecrypter;
    use josekit::jwk::Jwk;
    use josekit::jwk::alg::{ec::EcCurve, ecx::EcxCurve};
    use serde_json::json;

    fn decrypter(alg: KeyManagement, private: &Jwk) -> Box<dyn JweDecrypter> {
        match alg {
            KeyManagement::RsaOaep => Box::new(jwe::RSA_OAEP.decrypter_from_jwk(private).unwrap()),
            KeyManagement::RsaOaep256 => Box::new(jwe::RSA_OAEP_256.decrypter_from_jwk(private).unwrap()),
            KeyManagement::EcdhEs => Box::new(jwe::ECDH_ES.decrypter_from_jwk(private).unwrap()),
            KeyManagement::EcdhEsA128Kw => Box::new(jwe::ECDH_ES_A128KW.decrypter_from_jwk(private).unwrap()),
            KeyManagement::EcdhEsA192Kw => Box::new(jwe::ECDH_ES_A192KW.decrypter_from_jwk(private).unwrap()),
            KeyManagement::EcdhEsA256Kw => Box::new(jwe::ECDH_ES_A256KW.decrypter_from_jwk(private).unwrap()),
        }
    }

    fn set(keys: &[Jwk]) -> ClientKeys {
        let public = keys.iter().map(|key| {
            let mut public = key.to_public_key().unwrap();
            public.set_key_id(key.key_id().unwrap());
            public.as_ref().clone()
        });
        ClientKeys::parse(&json!({ "keys": public.collect::<Vec<_>>() })).unwrap()
    }

    #[test]
    fn every_way_to_encrypt_is_one_that_the_client_can_decrypt() {
        let rsa = Jwk::generate_rsa_key(2048).unwrap();
        let mut curves: Vec<_> =
            [EcCurve::P256, EcCurve::P384, EcCurve::P521].map(|c| Jwk::generate_ec_key(c).unwrap()).into();
        curves.push(Jwk::generate_ecx_key(EcxCurve::X25519).unwrap());
        for alg in KeyManagement::ALL {
            let privates = if alg.shapes() == [Shape::Rsa] { vec![rsa.clone()] } else { curves.clone() };
            for (mut private, enc) in
                privates.iter().flat_map(|key| ContentEncryption::ALL.map(|enc| (key.clone(), enc)))
            {
                private.set_key_id("its name");
                let sent = encrypt(b"a.b.c", Some("JWT"), alg, enc, &set(&[private.clone()])).unwrap();
                let (payload, header) = jwe::deserialize_compact(&sent, &*decrypter(alg, &private)).unwrap();
                assert_eq!(payload, b"a.b.c");
                assert_eq!(header.content_type(), Some("JWT"));
                assert_eq!(header.key_id(), Some("its name"));
                assert_eq!(header.claim("alg"), Some(&json!(alg.name())));
                assert_eq!(header.claim("enc"), Some(&json!(enc.name())));
            }
        }
    }

    #[test]
    fn the_key_is_one_for_encryption() {
        let keys = ["sig", "", "enc"].map(|usage| {
            let mut key = Jwk::generate_ec_key(EcCurve::P256).unwrap();
            key.set_key_id(format!("the {usage} one"));
            if !usage.is_empty() {
                key.set_key_use(usage);
            }
            key
        });
        let kid = |keys: &[Jwk]| {
            let to = set(keys);
            let sent = encrypt(b"", None, KeyManagement::EcdhEs, ContentEncryption::A128Gcm, &to)?;
            let [.., private] = keys else { panic!("no key") };
            let (_, header) =
                jwe::deserialize_compact(&sent, &*decrypter(KeyManagement::EcdhEs, private)).unwrap();
            Ok::<_, EncryptFailure>(header.key_id().unwrap().to_owned())
        };
        assert_eq!(kid(&keys).unwrap(), "the enc one");
        assert_eq!(kid(&keys[..2]).unwrap(), "the  one");
        let refused = kid(&keys[..1]).unwrap_err().to_string();
        assert!(refused.contains("the sig one") && refused.contains("ECDH-ES"), "{refused}");
        assert!(encrypt(b"", None, KeyManagement::RsaOaep, ContentEncryption::A128Gcm, &set(&keys)).is_err());
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for alg in KeyManagement::ALL {
            assert_eq!(serde_json::to_value(alg).unwrap(), alg.name());
            assert_eq!(KeyManagement::from_name(alg.name()), Some(alg));
        }
        for enc in ContentEncryption::ALL {
            assert_eq!(serde_json::to_value(enc).unwrap(), enc.name());
            assert_eq!(ContentEncryption::from_name(enc.name()), Some(enc));
        }
    }
}
