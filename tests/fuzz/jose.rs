//! Which keys and signatures do we take? No forged one, whatever its header says; and no key that somebody registers makes us
//! stumble when we use it.

use std::sync::LazyLock;

use countersign::config::SigningAlgorithm;
use countersign::keys::jose::{self, ClientKeys, ContentEncryption, KeyManagement, MacAlgorithm};
use countersign::keys::secret::base64url;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use serde_json::{Map, Value, json};

/// A key that nobody knows, its public half as clients register it, and a secret.
struct Ours {
    key: PKey<Private>,
    public: Value,
    keys: ClientKeys,
}

const SECRET: &[u8] = b"a secret that nobody has been told";

static OURS: LazyLock<Ours> = LazyLock::new(|| {
    let key = PKey::generate_ed25519().expect("a key");
    let x = base64url(&key.raw_public_key().expect("a public key"));
    let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
    let keys = ClientKeys::parse(&json!({ "keys": [public.clone()] })).expect("keys");
    Ours { key, public, keys }
});

/// Four lines: a JWK Set, a JWT, and the header and claims of another one, which we sign ourselves.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (set, token, header, claims) = (next(), next(), next(), next());
    let keys = serde_json::from_str(set).ok().and_then(|set| ClientKeys::parse(&set).ok());
    let keys = keys.unwrap_or_default();
    use_keys(&keys);
    let _ = (jose::peek(token), jose::verify(token, &keys, &SigningAlgorithm::ALL));
    let _ = jose::verify_embedded(token, &SigningAlgorithm::ALL);
    let forged = jose::verify(token, &OURS.keys, &SigningAlgorithm::ALL);
    assert!(forged.is_err(), "nobody but us can have signed {token}");
    let forged = jose::verify_mac(token, SECRET, &MacAlgorithm::ALL);
    assert!(forged.is_err(), "nobody but us can have signed {token}");
    signed(header, claims, &keys);
}

/// What is encrypted to a client's keys, in every way that it may register.
fn use_keys(keys: &ClientKeys) {
    for key in keys.members() {
        assert_eq!(jose::thumbprint(key).len(), 43);
    }
    // The keys of an RSA key are worth trying once each; the content's encryption is the same for all.
    for alg in KeyManagement::ALL {
        if let Ok(jwe) = jose::encrypt(b"x", Some("JWT"), alg, ContentEncryption::A128Gcm, keys) {
            assert_eq!(jwe.split('.').count(), 5, "{jwe}");
        }
    }
}

/// JWTs whose signature is right, with any header and claims. With one `$` for the public key in the header it may be embedded.
fn signed(header: &str, claims: &str, others: &ClientKeys) {
    let header = header.replace('$', &OURS.public.to_string());
    let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
    let signature = Signer::new_without_digest(&OURS.key)
        .and_then(|mut signer| signer.sign_oneshot_to_vec(message.as_bytes()))
        .expect("a signature");
    let token = format!("{message}.{}", base64url(&signature));
    if let Ok(verified) = jose::verify(&token, &OURS.keys, &SigningAlgorithm::ALL) {
        is_what_was_signed(&verified.header, &header);
        is_what_was_signed(&verified.claims, claims);
        assert_eq!(verified.header.get("alg"), Some(&json!("EdDSA")));
    }
    if let Ok((verified, thumbprint)) = jose::verify_embedded(&token, &SigningAlgorithm::ALL) {
        assert_eq!(thumbprint.len(), 43);
        is_what_was_signed(&verified.claims, claims);
    }
    assert!(jose::verify(&token, others, &SigningAlgorithm::ALL).is_err(), "{header} {claims}");
    let mac = PKey::hmac(SECRET)
        .and_then(|key| Signer::new(MessageDigest::sha256(), &key)?.sign_oneshot_to_vec(message.as_bytes()))
        .expect("a mac");
    let token = format!("{message}.{}", base64url(&mac));
    if let Ok(verified) = jose::verify_mac(&token, SECRET, &MacAlgorithm::ALL) {
        assert_eq!(verified.header.get("alg"), Some(&json!("HS256")));
        is_what_was_signed(&verified.claims, claims);
    }
}

fn is_what_was_signed(read: &Map<String, Value>, written: &str) {
    assert_eq!(serde_json::from_str::<Map<String, Value>>(written).ok().as_ref(), Some(read));
}
