//! Which error code says exactly what was wrong? RFC 6749 §4.1.2.1 and §5.2, OIDC Core §3.1.2.6, and their family.

use super::slip::Slip;

/// An error code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// RFC 6749 §4.1.2.1: missing, repeated, malformed or contradictory parameters.
    InvalidRequest,
    /// RFC 6749 §5.2: the client did not prove who it is.
    InvalidClient,
    /// RFC 6749 §5.2: the code or refresh token is wrong, used, expired or another client's.
    InvalidGrant,
    /// RFC 6749 §4.1.2.1: the client may not do this.
    UnauthorizedClient,
    /// RFC 6749 §4.1.2.1: the person or the provider said no.
    AccessDenied,
    /// RFC 6749 §4.1.2.1: a response type that is not known here.
    UnsupportedResponseType,
    /// RFC 6749 §5.2: a grant type that is not known here.
    UnsupportedGrantType,
    /// RFC 6749 §5.2: a scope beyond what was granted.
    InvalidScope,
    /// RFC 8707 §2: a resource that is not known, or not for this client.
    InvalidTarget,
    /// RFC 8628 §3.5: nobody has decided about the device yet.
    AuthorizationPending,
    /// RFC 8628 §3.5: the device asks too often.
    SlowDown,
    /// RFC 8628 §3.5: the device has waited too long.
    ExpiredToken,
    /// RFC 9101 §6.3: `request_uri` leads to nothing that can be used.
    InvalidRequestUri,
    /// RFC 9101 §6.3: the request object is not valid.
    InvalidRequestObject,
    /// RFC 9449 §5: the proof of possession is not valid.
    InvalidDpopProof,
    /// RFC 9449 §8: the proof must hold a nonce of ours.
    UseDpopNonce,
    /// RFC 6749 §4.1.2.1: the provider cannot answer now.
    TemporarilyUnavailable,
    /// OIDC Core §3.1.2.6: somebody has to sign in, and `prompt=none` forbids to ask.
    LoginRequired,
    /// OIDC Core §3.1.2.6: somebody has to agree, and `prompt=none` forbids to ask.
    ConsentRequired,
    /// OIDC Core §3.1.2.6: `registration` is not supported.
    RegistrationNotSupported,
    /// RFC 7591 §3.2.2: a redirect URI that may not be registered.
    InvalidRedirectUri,
    /// RFC 7591 §3.2.2: another member that may not be registered so.
    InvalidClientMetadata,
    /// RFC 7591 §3.2.2: a software statement of somebody who is not trusted here.
    UnapprovedSoftwareStatement,
    /// RFC 6750 §3.1: the token is not one that opens this.
    InvalidToken,
    /// OpenID Connect Core Error Code `unmet_authentication_requirements`: the `acr` that was insisted on cannot be had.
    UnmetAuthenticationRequirements,
}

impl Code {
    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
            Self::InvalidToken => "invalid_token",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
        }
    }
}

/// A refusal for the relying app's developer: a code, and a sentence that says what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.name())]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// What was wrong, in the characters that RFC 6749 §4.1.2.1 allows.
    pub description: String,
    /// Which mistake of the app's it was; none where it was none.
    pub slip: Option<Slip>,
}

impl Refusal {
    /// A refusal with this code and sentence; characters that the wire does not allow become `'`.
    pub fn new(code: Code, description: impl AsRef<str>) -> Self {
        let clean = |c: char| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        };
        let description = description.as_ref().chars().take(300).map(clean).collect();
        Self { code, description, slip: Slip::of(code) }
    }

    /// The same, where it is known more exactly which mistake it was.
    #[must_use]
    pub fn slipped(self, slip: Slip) -> Self {
        Self { slip: Some(slip), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_description_has_only_the_characters_of_rfc_6749(text in ".*") {
            let refusal = Refusal::new(Code::InvalidRequest, &text);
            prop_assert!(refusal.description.chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')));
        }
    }
}
