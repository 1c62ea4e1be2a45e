//! How is a signing key made and sealed, and what is its name?

use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jwk::alg::{ec::EcCurve, ed::EdCurve};
use serde_json::{Map, Value};

use super::error::KeyError;
use super::jwk::thumbprint;
use super::kind::KeyKind;
use super::secret::entropy;
use super::vault::Vault;
use crate::store::signing_keys::SigningKeyRow;

/// What the seal of a signing key is for.
pub(super) const SEAL: &str = "signing key";

/// A key that nobody knows yet.
pub(super) struct Fresh {
    pub(super) kid: String,
    pub(super) kind: KeyKind,
    pub(super) private: Jwk,
    pub(super) public: Map<String, Value>,
}

/// Makes a key of each kind, on a thread that may be held up: RSA takes a tenth of a second and more, the others nearly
/// nothing.
pub(super) async fn fresh(kinds: &[KeyKind]) -> Result<Vec<Fresh>, KeyError> {
    let kinds = kinds.to_vec();
    let making = move || kinds.into_iter().map(generate).collect::<Result<Vec<_>, _>>();
    Ok(tokio::task::spawn_blocking(making).await.map_err(|_| KeyError::Interrupted)??)
}

fn generate(kind: KeyKind) -> Result<Fresh, JoseError> {
    let mut private = match kind {
        KeyKind::Rsa => Jwk::generate_rsa_key(2048)?,
        KeyKind::P256 => Jwk::generate_ec_key(EcCurve::P256)?,
        KeyKind::P384 => Jwk::generate_ec_key(EcCurve::P384)?,
        KeyKind::P521 => Jwk::generate_ec_key(EcCurve::P521)?,
        KeyKind::Ed25519 => Jwk::generate_ed_key(EdCurve::Ed25519)?,
    };
    let name = thumbprint(private.to_public_key()?.as_ref());
    private.set_key_id(&name);
    private.set_key_use("sig");
    let mut public: Map<String, Value> = private.to_public_key()?.into();
    public.insert("kid".to_owned(), Value::from(name.as_str()));
    public.insert("use".to_owned(), Value::from("sig"));
    public.remove("key_ops");
    match kind.only_algorithm() {
        Some(algorithm) => public.insert("alg".to_owned(), Value::from(algorithm.name())),
        None => public.remove("alg"),
    };
    Ok(Fresh { kid: name, kind, private, public })
}

/// A new key as the database keeps it.
pub(super) fn sealed_row(
    vault: &Vault,
    key: &Fresh,
    now: i64,
    active_at: i64,
) -> Result<SigningKeyRow, KeyError> {
    let private = zeroize::Zeroizing::new(key.private.to_string());
    Ok(SigningKeyRow {
        kid: key.kid.clone(),
        kind: key.kind.name().to_owned(),
        public_jwk: Value::Object(key.public.clone()).to_string(),
        sealed: vault.seal(SEAL, &key.kid, private.as_bytes(), &mut entropy())?,
        created_at: now,
        active_at,
        retired_at: None,
        expires_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_holds_nothing_private() {
        for kind in KeyKind::ALL {
            let key = generate(kind).unwrap();
            let secret = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
            assert!(secret.iter().all(|name| !key.public.contains_key(*name)), "{kind:?}");
            let shown = |name: &str| key.public.get(name).and_then(Value::as_str);
            assert_eq!(shown("kid"), Some(key.kid.as_str()));
            assert_eq!(shown("use"), Some("sig"));
            assert_eq!(shown("alg"), kind.only_algorithm().map(crate::config::SigningAlgorithm::name));
        }
    }
}
