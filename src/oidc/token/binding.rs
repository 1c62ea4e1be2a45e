//! Which key are the tokens bound to? (RFC 9449 §5, RFC 8705 §3, FAPI 2.0 §5.3.2.1)

use crate::oidc::client_auth::Caller;
use crate::oidc::clients::{Client, Metadata};
use crate::oidc::shared::error::{Code, Refusal};
use crate::oidc::shared::failure::Failure;
use crate::oidc::tokens::confirmation::Confirmation;

impl Caller<'_> {
    /// The key that the tokens of this request are bound to; none where the client neither has to prove one nor does.
    pub(super) async fn binding(&self, client: &Client) -> Result<Option<Confirmation>, Failure> {
        let key = self.proven_key(client).await?;
        let certificate = self.certificate().map(|certificate| certificate.thumbprint.clone());
        decide(&client.metadata, key, certificate).map_err(Failure::request)
    }
}

/// The decision, from the thumbprints of the key of the `DPoP` proof and of the certificate.
fn decide(
    metadata: &Metadata,
    key: Option<String>,
    certificate: Option<String>,
) -> Result<Option<Confirmation>, Refusal> {
    let refuse = |code, description: &str| Err(Refusal::new(code, description));
    let registered_for_certificate = metadata.tls_client_certificate_bound_access_tokens;
    if let Some(key) = key {
        if registered_for_certificate && !metadata.dpop_bound_access_tokens {
            return refuse(
                Code::InvalidRequest,
                "this client is registered for tls_client_certificate_bound_access_tokens: send no DPoP proof",
            );
        }
        return Ok(Some(Confirmation::Dpop(key)));
    }
    if metadata.dpop_bound_access_tokens {
        return refuse(
            Code::InvalidDpopProof,
            "this client is registered for dpop_bound_access_tokens: send a DPoP header (RFC 9449 section 5)",
        );
    }
    let by_certificate = metadata.is_fapi2() && metadata.token_endpoint_auth_method.needs_certificate();
    match certificate {
        Some(certificate) if registered_for_certificate || by_certificate => {
            Ok(Some(Confirmation::Certificate(certificate)))
        }
        None if registered_for_certificate => refuse(
            Code::InvalidRequest,
            "this client is registered for tls_client_certificate_bound_access_tokens: show its certificate in \
             the TLS handshake (RFC 8705 section 3)",
        ),
        _ if metadata.is_fapi2() => refuse(
            Code::InvalidDpopProof,
            "this client has profile fapi2, whose tokens are bound to a key: send a DPoP header (RFC 9449 section 5)",
        ),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::clients::{AuthMethod, Profile};

    fn metadata(dpop: bool, certificate: bool, fapi2: bool, method: AuthMethod) -> Metadata {
        Metadata {
            dpop_bound_access_tokens: dpop,
            tls_client_certificate_bound_access_tokens: certificate,
            profile: fapi2.then_some(Profile::Fapi2),
            token_endpoint_auth_method: method,
            ..Metadata::default()
        }
    }

    #[test]
    fn what_is_registered_and_what_is_proven_decide() {
        let (jwt, mtls) = (AuthMethod::PrivateKeyJwt, AuthMethod::SelfSignedTlsClientAuth);
        let (none, key, cert) = ("", "jkt", "x5t");
        // Registered: for DPoP, for certificates, fapi2, the method. Proven: a key, a certificate. Bound to, or refused with.
        let table = [
            (false, false, false, jwt, false, false, none),
            (false, false, false, jwt, true, false, key),
            (false, false, false, jwt, false, true, none),
            (false, false, false, mtls, false, true, none),
            (true, false, false, jwt, true, false, key),
            (true, false, false, jwt, true, true, key),
            (true, false, false, jwt, false, false, "invalid_dpop_proof"),
            (true, false, false, mtls, false, true, "invalid_dpop_proof"),
            (false, true, false, jwt, false, true, cert),
            (false, true, false, mtls, false, true, cert),
            (false, true, false, jwt, false, false, "invalid_request"),
            (false, true, false, jwt, true, true, "invalid_request"),
            (false, false, true, jwt, true, false, key),
            (false, false, true, jwt, false, false, "invalid_dpop_proof"),
            (false, false, true, jwt, false, true, "invalid_dpop_proof"),
            (false, false, true, mtls, false, true, cert),
            (false, false, true, mtls, true, true, key),
            (true, false, true, mtls, false, true, "invalid_dpop_proof"),
        ];
        for (row, (dpop, bound, fapi2, method, proof, shown, expected)) in table.into_iter().enumerate() {
            let proven = |there: bool, name: &str| there.then(|| name.to_owned());
            let decided =
                decide(&metadata(dpop, bound, fapi2, method), proven(proof, key), proven(shown, cert));
            let outcome = match decided {
                Ok(None) => none.to_owned(),
                Ok(Some(Confirmation::Dpop(name) | Confirmation::Certificate(name))) => name,
                Err(refusal) => refusal.code.name().to_owned(),
            };
            assert_eq!(outcome, expected, "row {row}");
        }
    }
}
