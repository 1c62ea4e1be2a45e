//! How is a signing key made, and what is its name?

use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jwk::alg::{ec::EcCurve, ed::EdCurve};
use openssl::sha::sha256;
use serde_json::{Map, Value};

use super::secret::base64url;
use super::signing::KeyError;
use crate::config::SigningAlgorithm;

/// A key that nobody knows yet.
pub(super) struct Fresh {
    pub(super) kid: String,
    pub(super) algorithm: SigningAlgorithm,
    pub(super) private: Jwk,
    pub(super) public: Map<String, Value>,
}

/// Makes a key for each algorithm, side by side on threads that may be held up: RSA takes a tenth of a second and more.
pub(super) async fn fresh(algorithms: &[SigningAlgorithm]) -> Result<Vec<Fresh>, KeyError> {
    let making: Vec<_> =
        algorithms.iter().map(|&a| tokio::task::spawn_blocking(move || generate(a))).collect();
    let mut made = Vec::with_capacity(making.len());
    for task in making {
        made.push(task.await.map_err(|_| KeyError::Interrupted)??);
    }
    Ok(made)
}

fn generate(algorithm: SigningAlgorithm) -> Result<Fresh, JoseError> {
    let mut private = match algorithm {
        SigningAlgorithm::RS256 => Jwk::generate_rsa_key(2048)?,
        SigningAlgorithm::ES256 => Jwk::generate_ec_key(EcCurve::P256)?,
        SigningAlgorithm::EdDSA => Jwk::generate_ed_key(EdCurve::Ed25519)?,
    };
    let kid = thumbprint(private.to_public_key()?.as_ref());
    private.set_key_id(&kid);
    private.set_key_use("sig");
    private.set_algorithm(algorithm.name());
    let mut public: Map<String, Value> = private.to_public_key()?.into();
    for (name, value) in [("kid", kid.as_str()), ("use", "sig"), ("alg", algorithm.name())] {
        public.insert(name.to_owned(), Value::from(value));
    }
    public.remove("key_ops");
    Ok(Fresh { kid, algorithm, private, public })
}

/// RFC 7638 §3: SHA-256 of the required members in the order of the alphabet, without white space.
fn thumbprint(public: &Map<String, Value>) -> String {
    let required = ["crv", "e", "kty", "n", "x", "y"];
    let members: Vec<String> = required
        .into_iter()
        .filter_map(|name| public.get(name).map(|value| format!("\"{name}\":{value}")))
        .collect();
    base64url(&sha256(format!("{{{}}}", members.join(",")).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The example of RFC 7638 §3.1.
    #[test]
    fn a_key_is_named_by_its_thumbprint() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWK\
                 RXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMic\
                 AtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3\
                 XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
        assert_eq!(thumbprint(key.as_object().unwrap()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_public_half_holds_nothing_private() {
        for algorithm in SigningAlgorithm::ALL {
            let key = generate(algorithm).unwrap();
            let secret = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
            assert!(secret.iter().all(|name| !key.public.contains_key(*name)), "{algorithm:?}");
            let shown = |name: &str| key.public.get(name).and_then(Value::as_str);
            assert_eq!(shown("kid"), Some(key.kid.as_str()));
            assert_eq!((shown("use"), shown("alg")), (Some("sig"), Some(algorithm.name())));
        }
    }
}
