//! What does an app do wrong, so that whoever registers apps reads what to mend? A closed list: whatever strangers send in an app's name,
//! they hide nothing of what the app does itself.

use super::error::Code;

/// A mistake in what an app sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slip {
    /// The answer should go to an address that is like none that is registered.
    RedirectUri,
    /// The answer should go to an address that differs in one thing from one that is registered.
    RedirectUriNear,
    /// PKCE is missing, or not with S256 (RFC 7636).
    Pkce,
    /// Another parameter is missing, doubled or malformed.
    Request,
    /// A response type that is not known here.
    ResponseType,
    /// Something that the app is not registered for.
    NotRegistered,
    /// A scope beyond what was granted.
    Scope,
    /// Scopes that are not known here, or not for the app: they are ignored (OIDC Core §3.1.2.1).
    ScopeIgnored,
    /// An API that is not known, or not for the app (RFC 8707).
    Resource,
    /// A signed or pushed request that cannot be used (RFC 9101, RFC 9126).
    RequestObject,
    /// A wrong secret.
    Secret,
    /// Another proof than the registered one, or one that does not hold.
    Proof,
    /// A grant type that is not known here.
    GrantType,
    /// A code that is unknown, spent or too old.
    Code,
    /// A code with another `redirect_uri` than it was asked for with (RFC 6749 §4.1.3).
    CodeRedirectUri,
    /// A code without its `code_verifier`, or with a wrong one (RFC 7636 §4.6).
    Verifier,
    /// A proof of possession that does not hold (RFC 9449).
    Dpop,
    /// No mistake yet: the secret before the newest, which has an end.
    OldSecret,
}

impl Slip {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::RedirectUri,
        Self::RedirectUriNear,
        Self::Pkce,
        Self::Request,
        Self::ResponseType,
        Self::NotRegistered,
        Self::Scope,
        Self::ScopeIgnored,
        Self::Resource,
        Self::RequestObject,
        Self::Secret,
        Self::Proof,
        Self::GrantType,
        Self::Code,
        Self::CodeRedirectUri,
        Self::Verifier,
        Self::Dpop,
        Self::OldSecret,
    ];

    /// The word in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RedirectUri => "redirect_uri",
            Self::RedirectUriNear => "redirect_uri_near",
            Self::Pkce => "pkce",
            Self::Request => "request",
            Self::ResponseType => "response_type",
            Self::NotRegistered => "not_registered",
            Self::Scope => "scope",
            Self::ScopeIgnored => "scope_ignored",
            Self::Resource => "resource",
            Self::RequestObject => "request_object",
            Self::Secret => "secret",
            Self::Proof => "proof",
            Self::GrantType => "grant_type",
            Self::Code => "code",
            Self::CodeRedirectUri => "code_redirect_uri",
            Self::Verifier => "verifier",
            Self::Dpop => "dpop",
            Self::OldSecret => "old_secret",
        }
    }

    /// The mistake of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slip| slip.name() == name)
    }

    /// What a code says, where nobody knows it more exactly; none for what is no mistake of the app's.
    #[must_use]
    pub const fn of(code: Code) -> Option<Self> {
        Some(match code {
            Code::InvalidRequest | Code::RegistrationNotSupported => Self::Request,
            Code::InvalidClient => Self::Proof,
            Code::UnauthorizedClient => Self::NotRegistered,
            Code::UnsupportedResponseType => Self::ResponseType,
            Code::UnsupportedGrantType => Self::GrantType,
            Code::InvalidScope => Self::Scope,
            Code::InvalidTarget => Self::Resource,
            Code::InvalidRequestUri | Code::InvalidRequestObject => Self::RequestObject,
            Code::InvalidDpopProof => Self::Dpop,
            // What is shown again no longer holds: as it must be once somebody has signed out.
            Code::InvalidGrant
            | Code::AccessDenied
            | Code::AuthorizationPending
            | Code::SlowDown
            | Code::ExpiredToken
            | Code::UseDpopNonce
            | Code::TemporarilyUnavailable
            | Code::LoginRequired
            | Code::ConsentRequired
            | Code::InvalidRedirectUri
            | Code::InvalidClientMetadata
            | Code::UnapprovedSoftwareStatement
            | Code::InvalidToken
            | Code::UnmetAuthenticationRequirements => return None,
        })
    }

    /// Whether it keeps people out of the app.
    #[must_use]
    pub const fn keeps_out(self) -> bool {
        !matches!(self, Self::ScopeIgnored | Self::OldSecret)
    }

    /// Whether it looks the same when a stranger sends something in the app's name, of whom nothing else can be expected.
    #[must_use]
    pub const fn is_anybodys(self) -> bool {
        matches!(self, Self::RedirectUri | Self::Secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_known_by_its_word() {
        for slip in Slip::ALL {
            assert_eq!(Slip::from_name(slip.name()), Some(slip));
        }
        assert_eq!(Slip::from_name("none of ours"), None);
    }
}
