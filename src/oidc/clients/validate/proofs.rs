//! Does a client have what its proofs, its bound tokens and its encrypted answers rest on?

use super::super::invalid::{Checked, Invalid, wrong};
use super::super::metadata::{Encryption, Metadata};
use super::super::words::{AuthMethod, ResponseType};
use crate::config::SigningAlgorithm;
use crate::keys::jose::{self, ClientKeys};

/// What FAPI 2.0 §5.4.1 lets sign.
pub(in crate::oidc) const FAPI2_ALGORITHMS: [&str; 3] = ["PS256", "ES256", "EdDSA"];

impl Metadata {
    pub(super) fn check_proof(&self) -> Checked {
        let method = self.token_endpoint_auth_method;
        if self.jwks.is_some() && self.jwks_uri.is_some() {
            return wrong("jwks", "must not be there together with jwks_uri");
        }
        if let Some(set) = &self.jwks {
            ClientKeys::parse(set).map_err(Invalid::Keys)?;
        }
        let by_key = [AuthMethod::PrivateKeyJwt, AuthMethod::SelfSignedTlsClientAuth];
        if by_key.contains(&method) && !self.has_keys() {
            return wrong("jwks", "must be there, or jwks_uri: the client proves itself with its keys");
        }
        if let Some(algorithm) = &self.token_endpoint_auth_signing_alg {
            let fits = match method {
                AuthMethod::ClientSecretJwt => matches!(algorithm.as_str(), "HS256" | "HS384" | "HS512"),
                AuthMethod::PrivateKeyJwt => SigningAlgorithm::from_name(algorithm).is_some(),
                // Said without need, as some clients do.
                _ => true,
            };
            if !fits {
                return wrong(
                    "token_endpoint_auth_signing_alg",
                    "must be one that goes with token_endpoint_auth_method",
                );
            }
        }
        if self.response_types.iter().any(|one| self.would_be_unbound(*one)) {
            let reason = "must be without token for a client whose tokens are bound to a key: from the authorization endpoint come unbound ones alone";
            return wrong("response_types", reason);
        }
        if self.dpop_bound_access_tokens && self.tls_client_certificate_bound_access_tokens {
            let reason = "must not be there together with tls_client_certificate_bound_access_tokens: a token is bound to one key";
            return wrong("dpop_bound_access_tokens", reason);
        }
        let subject = &self.tls_client_auth;
        let named = [
            &subject.tls_client_auth_subject_dn,
            &subject.tls_client_auth_san_dns,
            &subject.tls_client_auth_san_uri,
            &subject.tls_client_auth_san_ip,
            &subject.tls_client_auth_san_email,
        ];
        let named = named.into_iter().flatten().count();
        if method == AuthMethod::TlsClientAuth && named != 1 {
            return wrong(
                "tls_client_auth_subject_dn",
                "or exactly one of the tls_client_auth_san_ members must be there (RFC 8705 section 2.1.2)",
            );
        }
        Ok(())
    }

    /// OIDC Registration §2: `enc` goes with `alg`, and either with keys of the client.
    pub(super) fn check_encryption(&self) -> Checked {
        let pairs = [
            (
                ("id_token_encrypted_response_alg", self.id_token_encrypted_response_alg),
                ("id_token_encrypted_response_enc", self.id_token_encrypted_response_enc),
            ),
            (
                ("userinfo_encrypted_response_alg", self.userinfo_encrypted_response_alg),
                ("userinfo_encrypted_response_enc", self.userinfo_encrypted_response_enc),
            ),
        ];
        for ((alg_field, alg), (enc_field, enc)) in pairs {
            if alg.is_none() && enc.is_some() {
                return wrong(enc_field, "must have the field of the same name with alg beside it");
            }
            if alg.is_some() && !self.has_keys() {
                return wrong(
                    alg_field,
                    "needs jwks or jwks_uri: it is the client's key that is encrypted to",
                );
            }
            // What a jwks_uri answers may change, and is asked when something is to be encrypted.
            let (Some(how), Some(set)) = (Encryption::of(alg, enc), &self.jwks) else { continue };
            let keys = ClientKeys::parse(set).map_err(Invalid::Keys)?;
            if jose::encrypt(b"", None, how.alg, how.enc, &keys).is_err() {
                return wrong(alg_field, "needs a key in jwks that can be encrypted to in this way");
            }
        }
        Ok(())
    }

    pub(super) fn has_keys(&self) -> bool {
        self.jwks.is_some() || self.jwks_uri.is_some()
    }

    /// FAPI 2.0 Security Profile §5.3.2 and §5.4.
    pub(super) fn check_fapi2(&self) -> Checked {
        let method = self.token_endpoint_auth_method;
        if method != AuthMethod::PrivateKeyJwt && !method.needs_certificate() {
            let reason = "must be private_key_jwt or a method with a certificate for the fapi2 profile";
            return wrong("token_endpoint_auth_method", reason);
        }
        if self.response_types.iter().any(|r| *r != ResponseType::Code) {
            return wrong("response_types", "must be code alone for the fapi2 profile");
        }
        let algorithms = [
            ("id_token_signed_response_alg", self.id_token_signed_response_alg.map(SigningAlgorithm::name)),
            (
                "access_token_signed_response_alg",
                self.access_token_signed_response_alg.map(SigningAlgorithm::name),
            ),
            ("userinfo_signed_response_alg", self.userinfo_signed_response_alg.map(SigningAlgorithm::name)),
            ("request_object_signing_alg", self.request_object_signing_alg.map(SigningAlgorithm::name)),
            (
                "authorization_signed_response_alg",
                self.authorization_signed_response_alg.map(SigningAlgorithm::name),
            ),
            (
                "introspection_signed_response_alg",
                self.introspection_signed_response_alg.map(SigningAlgorithm::name),
            ),
            ("token_endpoint_auth_signing_alg", self.token_endpoint_auth_signing_alg.as_deref()),
        ];
        for (field, algorithm) in algorithms {
            if algorithm.is_some_and(|name| !FAPI2_ALGORITHMS.contains(&name)) {
                return wrong(field, "must be PS256, ES256 or EdDSA for the fapi2 profile");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{app, refused};
    use super::*;
    use crate::oidc::clients::{GrantType, Profile};

    #[test]
    fn a_client_of_bound_tokens_gets_none_from_the_authorization_endpoint() {
        let front = |m: &mut Metadata, kind: ResponseType| {
            m.response_types = vec![kind];
            m.grant_types.push(GrantType::Implicit);
        };
        let bound: [fn(&mut Metadata); 2] =
            [|m| m.dpop_bound_access_tokens = true, |m| m.tls_client_certificate_bound_access_tokens = true];
        for kind in ResponseType::ALL.iter().copied().filter(|kind| *kind != ResponseType::Code) {
            assert_eq!(refused(|m| front(m, kind)), None, "{kind:?}");
            for bind in bound {
                let both = |m: &mut Metadata| {
                    front(m, kind);
                    bind(m);
                };
                assert_eq!(refused(both), kind.has_token().then_some("response_types"), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_proof_needs_what_it_rests_on() {
        assert_eq!(refused(|m| m.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt), Some("jwks"));
        let by_certificate = |m: &mut Metadata| m.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
        assert_eq!(refused(by_certificate), Some("tls_client_auth_subject_dn"));
        let two = |m: &mut Metadata| {
            by_certificate(m);
            m.tls_client_auth.tls_client_auth_san_dns = Some("app.example.org".to_owned());
            m.tls_client_auth.tls_client_auth_san_ip = Some("192.0.2.1".to_owned());
        };
        assert_eq!(refused(two), Some("tls_client_auth_subject_dn"));
        let wrong_alg = |m: &mut Metadata| {
            m.token_endpoint_auth_method = AuthMethod::ClientSecretJwt;
            m.token_endpoint_auth_signing_alg = Some("RS256".to_owned());
        };
        assert_eq!(refused(wrong_alg), Some("token_endpoint_auth_signing_alg"));
    }

    #[test]
    fn what_is_encrypted_needs_a_key_and_a_way() {
        use crate::keys::jose::{ContentEncryption, KeyManagement};
        let alone = |m: &mut Metadata| {
            m.userinfo_encrypted_response_enc = Some(ContentEncryption::A256Gcm);
        };
        assert_eq!(refused(alone), Some("userinfo_encrypted_response_enc"));
        let keyless = |m: &mut Metadata| m.id_token_encrypted_response_alg = Some(KeyManagement::EcdhEs);
        assert_eq!(refused(keyless), Some("id_token_encrypted_response_alg"));
        let right = |m: &mut Metadata| {
            keyless(m);
            m.jwks_uri = Some("https://app.example.org/jwks".to_owned());
        };
        assert_eq!(refused(right), None);
        let x25519 = serde_json::json!({"kty": "OKP", "crv": "X25519", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"});
        let rsa_alone = serde_json::json!({"kty": "RSA", "n": "x".repeat(344), "e": "AQAB"});
        // A point that is not on its curve, and a key that says that it is for signatures.
        let odd = serde_json::json!({"kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43)});
        let mut signing = x25519.clone();
        signing["use"] = "sig".into();
        for (keys, expected) in [
            (vec![x25519.clone()], None),
            (vec![rsa_alone.clone(), x25519], None),
            (vec![], Some("id_token_encrypted_response_alg")),
            (vec![rsa_alone], Some("id_token_encrypted_response_alg")),
            (vec![odd], Some("id_token_encrypted_response_alg")),
            (vec![signing], Some("id_token_encrypted_response_alg")),
        ] {
            let inline = |m: &mut Metadata| {
                keyless(m);
                m.jwks = Some(serde_json::json!({ "keys": keys }));
            };
            assert_eq!(refused(inline), expected, "{keys:?}");
        }
        let mut metadata = app();
        right(&mut metadata);
        assert_eq!(metadata.id_token_encryption().map(|e| e.enc), Some(ContentEncryption::A128CbcHs256));
        assert_eq!(metadata.userinfo_encryption(), None);
    }

    #[test]
    fn fapi2_is_a_bundle() {
        let fapi2 = |m: &mut Metadata| m.profile = Some(Profile::Fapi2);
        assert_eq!(refused(fapi2), Some("token_endpoint_auth_method"));
        let right = |m: &mut Metadata| {
            fapi2(m);
            m.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            m.jwks_uri = Some("https://app.example.org/jwks".to_owned());
        };
        assert_eq!(refused(right), None);
        let weak = |m: &mut Metadata| {
            right(m);
            m.id_token_signed_response_alg = Some(SigningAlgorithm::RS256);
        };
        assert_eq!(refused(weak), Some("id_token_signed_response_alg"));
    }
}
