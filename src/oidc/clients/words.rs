//! With which words is a client registered: kinds of grants, of answers, of proofs?

use serde::{Deserialize, Serialize};

/// `application_type` (OIDC Registration §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// It runs on a server, or in a page that one serves.
    #[default]
    Web,
    /// It runs on the person's own machine.
    Native,
}

/// A bundle of requirements that a client is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// FAPI 2.0 Security Profile §5.3: pushed requests, PKCE, bound tokens, PS256/ES256/EdDSA, the issuer as only audience.
    Fapi2,
}

/// Gives an enum its words on the wire, both ways.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in the order in which they are published.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Their words on the wire.
            pub const NAMES: &[&str] = &[$($word),+];

            /// The word on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The one of this word.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

words! {
    /// A `grant_type` (RFC 6749 §4) that a client may be registered for.
    GrantType {
        /// RFC 6749 §4.1.
        AuthorizationCode = "authorization_code",
        /// OIDC Core §3.2: tokens straight from the authorization endpoint.
        Implicit = "implicit",
        /// RFC 6749 §6.
        RefreshToken = "refresh_token",
        /// RFC 6749 §4.4.
        ClientCredentials = "client_credentials",
        /// RFC 8628 §3.4.
        DeviceCode = "urn:ietf:params:oauth:grant-type:device_code",
        /// RFC 8693 §2.1.
        TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange",
        /// RFC 7523 §2.1.
        JwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer",
    }
}

words! {
    /// A `token_endpoint_auth_method` (RFC 7591 §2).
    AuthMethod {
        /// HTTP Basic (RFC 6749 §2.3.1).
        ClientSecretBasic = "client_secret_basic",
        /// In the form body (RFC 6749 §2.3.1).
        ClientSecretPost = "client_secret_post",
        /// A JWT under the secret (OIDC Core §9).
        ClientSecretJwt = "client_secret_jwt",
        /// A JWT under the client's private key (OIDC Core §9).
        PrivateKeyJwt = "private_key_jwt",
        /// A certificate of a known authority (RFC 8705 §2.1).
        TlsClientAuth = "tls_client_auth",
        /// A certificate with a registered key (RFC 8705 §2.2).
        SelfSignedTlsClientAuth = "self_signed_tls_client_auth",
        /// A public client: no secret, and PKCE always.
        None = "none",
    }
}

words! {
    /// A `response_type` (RFC 6749 §3.1.1, OAuth Multiple Response Types §5).
    ResponseType {
        /// An authorization code.
        Code = "code",
        /// OIDC Core §3.2: an ID token from the authorization endpoint.
        IdToken = "id_token",
        /// OIDC Core §3.2: an ID token and an access token.
        IdTokenToken = "id_token token",
        /// OIDC Core §3.3: a code and an ID token.
        CodeIdToken = "code id_token",
        /// OIDC Core §3.3: a code and an access token.
        CodeToken = "code token",
        /// OIDC Core §3.3: all three.
        CodeIdTokenToken = "code id_token token",
    }
}

impl Default for AuthMethod {
    /// RFC 7591 §2.
    fn default() -> Self {
        Self::ClientSecretBasic
    }
}

impl AuthMethod {
    /// Whether it rests on a secret that provider and client share.
    #[must_use]
    pub const fn needs_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecretJwt)
    }

    /// Whether it rests on a certificate (RFC 8705 §2).
    #[must_use]
    pub const fn needs_certificate(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }
}

impl ResponseType {
    /// The type of these words, in whichever order they come (RFC 6749 §3.1.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words: Vec<&str> = text.split(' ').collect();
        words.sort_unstable();
        Self::ALL.iter().copied().find(|one| one.name() == words.join(" "))
    }

    /// Whether the answer holds an authorization code.
    #[must_use]
    pub const fn has_code(self) -> bool {
        !matches!(self, Self::IdToken | Self::IdTokenToken)
    }

    /// Whether the answer holds an ID token.
    #[must_use]
    pub const fn has_id_token(self) -> bool {
        !matches!(self, Self::Code | Self::CodeToken)
    }

    /// Whether the answer holds an access token.
    #[must_use]
    pub const fn has_token(self) -> bool {
        matches!(self, Self::IdTokenToken | Self::CodeToken | Self::CodeIdTokenToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_type_is_a_set_of_words() {
        assert_eq!(ResponseType::parse("code"), Some(ResponseType::Code));
        assert_eq!(ResponseType::parse("token id_token"), Some(ResponseType::IdTokenToken));
        assert_eq!(ResponseType::parse("token code id_token"), Some(ResponseType::CodeIdTokenToken));
        for wrong in ["", "token", "none", "code code", "code  id_token", "CODE"] {
            assert_eq!(ResponseType::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_an_answer_holds_is_what_its_words_say() {
        for one in ResponseType::ALL {
            let words: Vec<&str> = one.name().split(' ').collect();
            assert_eq!(one.has_code(), words.contains(&"code"));
            assert_eq!(one.has_id_token(), words.contains(&"id_token"));
            assert_eq!(one.has_token(), words.contains(&"token"));
        }
    }
}
