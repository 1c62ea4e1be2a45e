//! Is the certificate that the client has shown the one that it is registered with? (RFC 8705 §2)

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey};
use serde_json::{Map, Value, json};

use crate::keys::jose::{ClientKeys, thumbprint};
use crate::keys::secret::base64url;
use crate::oidc::clients::TlsClientAuth;
use crate::web::certificate::{ClientCertificate, RegisteredSubject};

/// `tls_client_auth` (RFC 8705 §2.1): a known authority vouches for the registered subject.
///
/// # Errors
/// What is wrong with the certificate, as a sentence.
pub(super) fn by_authority(
    registered: &TlsClientAuth,
    certificate: Option<&ClientCertificate>,
    now: i64,
) -> Result<(), String> {
    let certificate = shown(certificate, now)?;
    if !certificate.verified {
        let reason = "no authority that is trusted here (tls.client_ca) has signed the client's certificate";
        return Err(reason.to_owned());
    }
    let (member, value) = named(registered)
        .ok_or("the client has registered no subject for its certificate (RFC 8705 section 2.1.2)")?;
    let subject = RegisteredSubject::parse(member, value)
        .ok_or_else(|| format!("the registered {member} {value} cannot be read"))?;
    if certificate.matches(&subject) {
        return Ok(());
    }
    let shown = &certificate.subject;
    Err(format!("the certificate is for {shown}, and registered is {member} {value} (RFC 8705 section 2.1)"))
}

/// `self_signed_tls_client_auth` (RFC 8705 §2.2): the certificate has one of the client's registered keys.
///
/// # Errors
/// That it has none of them, as a sentence.
pub(super) fn by_key(keys: &ClientKeys, certificate: &ClientCertificate) -> Result<(), String> {
    let name = members(&certificate.public_key).map(|members| thumbprint(&members));
    let in_chain = |key: &Map<String, Value>| {
        let first = key.get("x5c").and_then(|chain| chain.get(0)).and_then(Value::as_str);
        first.is_some_and(|text| BASE64_STANDARD.decode(text).is_ok_and(|der| der == certificate.der))
    };
    if keys.members().any(|key| Some(thumbprint(key)) == name || in_chain(key)) {
        return Ok(());
    }
    Err(format!("the certificate has none of the client's registered keys (RFC 8705 section 2.2): {keys}"))
}

/// A public key (DER of its `SubjectPublicKeyInfo`) as the required members of a JWK; none of a kind that clients do not
/// register.
fn members(public_key: &[u8]) -> Option<Map<String, Value>> {
    let key = PKey::public_key_from_der(public_key).ok()?;
    let jwk = match key.id() {
        Id::RSA => {
            let rsa = key.rsa().ok()?;
            json!({"kty": "RSA", "n": base64url(&rsa.n().to_vec()), "e": base64url(&rsa.e().to_vec())})
        }
        Id::EC => {
            let key = key.ec_key().ok()?;
            let (curve, size) = match key.group().curve_name()? {
                Nid::X9_62_PRIME256V1 => ("P-256", 32),
                Nid::SECP384R1 => ("P-384", 48),
                Nid::SECP521R1 => ("P-521", 66),
                _ => return None,
            };
            let (mut x, mut y) = (BigNum::new().ok()?, BigNum::new().ok()?);
            let mut context = BigNumContext::new().ok()?;
            key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).ok()?;
            let coordinate = |number: &BigNum| number.to_vec_padded(size).ok().map(|n| base64url(&n));
            json!({"kty": "EC", "crv": curve, "x": coordinate(&x)?, "y": coordinate(&y)?})
        }
        Id::ED25519 => {
            json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&key.raw_public_key().ok()?)})
        }
        _ => return None,
    };
    match jwk {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// The certificate, if there is one and it holds now.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub(super) fn shown(certificate: Option<&ClientCertificate>, now: i64) -> Result<&ClientCertificate, String> {
    let certificate = certificate.ok_or(
        "the client proves itself by a certificate, and has shown none in the TLS handshake (RFC 8705)",
    )?;
    if certificate.is_in_its_time(now) {
        Ok(certificate)
    } else {
        Err("the client's certificate has expired, or does not hold yet".to_owned())
    }
}

/// The one member of RFC 8705 §2.1.2 that is registered, and its value.
fn named(registered: &TlsClientAuth) -> Option<(&'static str, &str)> {
    let values = [
        &registered.tls_client_auth_subject_dn,
        &registered.tls_client_auth_san_dns,
        &registered.tls_client_auth_san_uri,
        &registered.tls_client_auth_san_ip,
        &registered.tls_client_auth_san_email,
    ];
    RegisteredSubject::MEMBERS
        .into_iter()
        .zip(values)
        .find_map(|(member, value)| Some((member, value.as_deref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::pkey::Private;
    use openssl::rsa::Rsa;
    use openssl::sha::sha256;

    const NOW: i64 = 1_800_000_000;

    fn certificate(key: &PKey<Private>) -> ClientCertificate {
        let der = b"what the certificate is in DER".to_vec();
        ClientCertificate {
            thumbprint: base64url(&sha256(&der)),
            der,
            subject: crate::web::distinguished_name::DistinguishedName::parse("CN=app").unwrap(),
            names: crate::web::certificate::AlternativeNames::default(),
            public_key: key.public_key_to_der().unwrap(),
            verified: true,
            not_before: NOW - 10,
            not_after: NOW + 10,
        }
    }

    fn keys() -> Vec<PKey<Private>> {
        let curve = |nid| {
            let group = EcGroup::from_curve_name(nid).unwrap();
            PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
        };
        vec![
            PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap(),
            curve(Nid::X9_62_PRIME256V1),
            curve(Nid::SECP384R1),
            curve(Nid::SECP521R1),
            PKey::generate_ed25519().unwrap(),
        ]
    }

    fn registered(keys: &[Map<String, Value>]) -> ClientKeys {
        ClientKeys::parse(&json!({ "keys": keys })).unwrap()
    }

    #[test]
    fn a_certificate_counts_when_its_key_is_registered() {
        let (ours, others) = (keys(), keys());
        let public = |key: &PKey<Private>| members(&key.public_key_to_der().unwrap()).unwrap();
        for (one, other) in ours.iter().zip(&others) {
            let shown = certificate(one);
            let mut other = public(other);
            let both = registered(&[other.clone(), public(one)]);
            assert_eq!(by_key(&both, &shown), Ok(()));
            let wrong = by_key(&registered(&[other.clone()]), &shown).unwrap_err();
            assert!(wrong.contains("none of the client's registered keys"), "{wrong}");
            other.insert("x5c".to_owned(), json!([BASE64_STANDARD.encode(&shown.der)]));
            assert_eq!(by_key(&registered(&[other]), &shown), Ok(()), "the certificate itself");
        }
        assert!(super::shown(None, NOW).unwrap_err().contains("shown none"));
    }

    #[test]
    fn a_known_authority_must_vouch_for_the_registered_subject() {
        let shown = certificate(&keys()[1]);
        let dn = |dn: &str| TlsClientAuth {
            tls_client_auth_subject_dn: Some(dn.to_owned()),
            ..TlsClientAuth::default()
        };
        assert_eq!(by_authority(&dn("CN=app"), Some(&shown), NOW), Ok(()));
        let unverified = ClientCertificate { verified: false, ..shown.clone() };
        for (registered, certificate, now, expected) in [
            (dn("CN=app"), None, NOW, "shown none"),
            (dn("CN=app"), Some(&unverified), NOW, "no authority"),
            (dn("CN=app"), Some(&shown), NOW + 11, "expired"),
            (dn("CN=app"), Some(&shown), NOW - 11, "does not hold yet"),
            (
                dn("CN=other"),
                Some(&shown),
                NOW,
                "is for CN=app, and registered is tls_client_auth_subject_dn",
            ),
            (dn("app"), Some(&shown), NOW, "cannot be read"),
            (TlsClientAuth::default(), Some(&shown), NOW, "registered no subject"),
        ] {
            let why = by_authority(&registered, certificate, now).unwrap_err();
            assert!(why.contains(expected), "{why}");
        }
    }
}
