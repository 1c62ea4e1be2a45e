//! What is registered about a client? The names of RFC 7591 §2, OIDC Registration §2 and their family, and a few of our own.

use serde::{Deserialize, Serialize};
use url::Url;

use super::subject::{self, SectorError, SubjectType};
use super::uris::{is_private_use, same_but_for_loopback_port};
use super::words::{ApplicationType, AuthMethod, GrantType, Profile, ResponseType};
use crate::config::SigningAlgorithm;
use crate::keys::jose::{ContentEncryption, KeyManagement};

/// A client's metadata. What is absent has the default that its standard names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of its own in the standards")]
pub struct Metadata {
    /// The name that people see.
    pub client_name: String,
    /// Whether it is a `web` or a `native` app (OIDC Registration §2).
    pub application_type: ApplicationType,
    /// Where authorization responses may go; compared letter by letter.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after a logout; compared letter by letter.
    pub post_logout_redirect_uris: Vec<String>,
    /// What may be asked of the authorization endpoint.
    pub response_types: Vec<ResponseType>,
    /// What may be asked of the token endpoint.
    pub grant_types: Vec<GrantType>,
    /// How the client proves itself at the token endpoint.
    pub token_endpoint_auth_method: AuthMethod,
    /// The one `alg` of its assertions, where it has chosen one; a name of RFC 7518 §3.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// The `alg` of its ID tokens; the provider's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<SigningAlgorithm>,
    /// The `alg` of its access tokens; a name of ours, since no standard has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_signed_response_alg: Option<SigningAlgorithm>,
    /// The `alg` of `UserInfo` answers, which are plain JSON when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<SigningAlgorithm>,
    /// How the keys are agreed on with which its ID tokens are encrypted, after they were signed; not at all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_alg: Option<KeyManagement>,
    /// How its ID tokens are encrypted with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_enc: Option<ContentEncryption>,
    /// The same for its `UserInfo` answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_alg: Option<KeyManagement>,
    /// The same for its `UserInfo` answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_enc: Option<ContentEncryption>,
    /// The one `alg` of its request objects, where it has chosen one (RFC 9101).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<SigningAlgorithm>,
    /// The `alg` of authorization responses that are JWTs (JARM §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<SigningAlgorithm>,
    /// The `alg` of signed introspection answers (RFC 9701 §6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<SigningAlgorithm>,
    /// The app's picture, shown on the sign-in pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// The app's front page, where an expired sign-in links back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// The app's privacy policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// The app's terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Whom to ask about the app.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Where a sign-in that somebody else begins is sent (OIDC Core §4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// `max_age` for requests that do not say, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    /// Whether ID tokens must say `auth_time`; ours always do.
    pub require_auth_time: bool,
    /// `acr_values` for requests that do not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// Where its request objects may be fetched from; compared without fragment (RFC 9101 §5.2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_uris: Vec<String>,
    /// By which kind of `sub` it knows people; by public ones when absent (OIDC Core §8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<SubjectType>,
    /// The file that names every redirect URI of the sector that shares pairwise subjects (OIDC Core §8.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// The client's public keys (RFC 7517), if it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where the client publishes its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The scopes that it may ask for, separated by spaces; all of them when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The software's name, as its maker has given it (RFC 7591 §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// The software's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Whether authorization requests must be pushed (RFC 9126 §6).
    pub require_pushed_authorization_requests: bool,
    /// Whether authorization requests must be signed (RFC 9101 §10.5).
    pub require_signed_request_object: bool,
    /// Whether tokens are bound to a key by `DPoP` (RFC 9449 §5.2).
    pub dpop_bound_access_tokens: bool,
    /// Whether tokens are bound to the client's certificate (RFC 8705 §3.4).
    pub tls_client_certificate_bound_access_tokens: bool,
    /// What the certificate must say for `tls_client_auth` (RFC 8705 §2.1.2); exactly one of the five.
    #[serde(flatten)]
    pub tls_client_auth: TlsClientAuth,
    /// Where the provider tells of a session that has ended (Back-Channel Logout §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether that must name the session.
    pub backchannel_logout_session_required: bool,
    /// What the logout page opens in a frame (Front-Channel Logout §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether that must name the session.
    pub frontchannel_logout_session_required: bool,
    /// Ours: a bundle of requirements under one name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Ours: the resources that it may have access tokens for (RFC 8707).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_resources: Vec<String>,
    /// Ours: the resources that it serves itself. It may introspect access tokens for them (RFC 7662 §2.1), and exchange
    /// them (RFC 8693 §2.1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub served_resources: Vec<String>,
    /// Ours: two factors for everyone, whatever their group says.
    pub require_two_factor: bool,
    /// Ours: ask the person before the app learns who they are.
    pub consent: bool,
    /// Ours: ID tokens say what the scopes open as well, for apps that read nothing else.
    pub id_token_claims: bool,
    /// Ours: its secret may come by Basic or in the form, whichever of the two `token_endpoint_auth_method` names.
    pub any_secret_method: bool,
    /// Ours: the ids of the groups whose people (and those of the groups below) may use the app; empty for everyone.
    pub allowed_groups: Vec<String>,
}

/// The members of RFC 8705 §2.1.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsClientAuth {
    /// The subject's distinguished name, as RFC 4514 writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    /// A dNSName among its alternative names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    /// A uniformResourceIdentifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    /// An iPAddress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<String>,
    /// An rfc822Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
}

/// How something is encrypted to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// `alg` (RFC 7518 §4.1).
    pub alg: KeyManagement,
    /// `enc` (RFC 7518 §5.1).
    pub enc: ContentEncryption,
}

impl Encryption {
    /// With the default of OIDC Registration §2 for `enc`.
    pub(super) fn of(alg: Option<KeyManagement>, enc: Option<ContentEncryption>) -> Option<Self> {
        Some(Self { alg: alg?, enc: enc.unwrap_or(ContentEncryption::A128CbcHs256) })
    }
}

impl Metadata {
    /// A confidential client for the code flow with refresh tokens, as most web apps want it.
    #[must_use]
    pub fn web_app(name: impl Into<String>, redirect_uris: Vec<String>) -> Self {
        Self {
            client_name: name.into(),
            redirect_uris,
            response_types: vec![ResponseType::Code],
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            ..Self::default()
        }
    }

    /// Whether the client has no way to prove who it is (RFC 6749 §2.1).
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == AuthMethod::None
    }

    /// Whether a request whose answer goes to this address counts as one of a public client: a private-use scheme may be claimed by
    /// any app of the machine (RFC 8252 §8.1 and §8.6), whatever secret there is beside it.
    #[must_use]
    pub fn counts_as_public(&self, redirect_uri: &str) -> bool {
        self.is_public() || is_private_use(redirect_uri)
    }

    /// Whether its secret may come in this way.
    #[must_use]
    pub fn takes_secret_by(&self, method: AuthMethod) -> bool {
        let plain = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
        let own = self.token_endpoint_auth_method;
        own == method || (self.any_secret_method && plain.contains(&own) && plain.contains(&method))
    }

    /// Whether the client is told when a session has ended, and therefore has to know sessions apart (`sid`).
    #[must_use]
    pub const fn hears_of_logouts(&self) -> bool {
        self.backchannel_logout_uri.is_some() || self.frontchannel_logout_uri.is_some()
    }

    /// Whether the client is registered for this grant.
    #[must_use]
    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }

    /// Whether the client is registered for refresh tokens.
    #[must_use]
    pub fn may_refresh(&self) -> bool {
        self.may_use(GrantType::RefreshToken)
    }

    /// Whether the client is registered for this response type. One that was registered before there was more than one
    /// has none on record: it has the default of RFC 7591 §2.
    #[must_use]
    pub fn may_ask_for(&self, response_type: ResponseType) -> bool {
        match self.response_types.as_slice() {
            [] => response_type == ResponseType::Code && self.may_use(GrantType::AuthorizationCode),
            some => some.contains(&response_type),
        }
    }

    /// Whether this response type would give the client a token that is bound to no key, while it is registered for bound ones: from
    /// the authorization endpoint no other can come (RFC 9449 §5.2, RFC 8705 §3.4).
    #[must_use]
    pub fn would_be_unbound(&self, response_type: ResponseType) -> bool {
        response_type.has_token() && self.wants_bound_tokens()
    }

    /// How its ID tokens are encrypted, if they are.
    #[must_use]
    pub fn id_token_encryption(&self) -> Option<Encryption> {
        Encryption::of(self.id_token_encrypted_response_alg, self.id_token_encrypted_response_enc)
    }

    /// How its `UserInfo` answers are encrypted, if they are.
    #[must_use]
    pub fn userinfo_encryption(&self) -> Option<Encryption> {
        Encryption::of(self.userinfo_encrypted_response_alg, self.userinfo_encrypted_response_enc)
    }

    /// What is signed for it under another algorithm than the provider's own.
    pub(super) fn signing_algorithms(&self) -> impl Iterator<Item = SigningAlgorithm> {
        let fapi2 = self.is_fapi2().then_some(SigningAlgorithm::PS256);
        [
            fapi2,
            self.id_token_signed_response_alg,
            self.access_token_signed_response_alg,
            self.userinfo_signed_response_alg,
            self.authorization_signed_response_alg,
            self.introspection_signed_response_alg,
        ]
        .into_iter()
        .flatten()
    }

    /// Whether the client is held to FAPI 2.0.
    #[must_use]
    pub fn is_fapi2(&self) -> bool {
        self.profile == Some(Profile::Fapi2)
    }

    /// Whether its access tokens must be bound to a key (RFC 9449 §5.2, RFC 8705 §3.4, FAPI 2.0 §5.3.2.1).
    #[must_use]
    pub fn wants_bound_tokens(&self) -> bool {
        self.dpop_bound_access_tokens || self.tls_client_certificate_bound_access_tokens || self.is_fapi2()
    }

    /// Whether its authorization requests must be pushed (RFC 9126 §6, FAPI 2.0 §5.3.2.2).
    #[must_use]
    pub fn must_push(&self) -> bool {
        self.require_pushed_authorization_requests || self.is_fapi2()
    }

    /// By which kind of `sub` the client knows people (OIDC Core §8).
    #[must_use]
    pub fn subject_type(&self) -> SubjectType {
        self.subject_type.unwrap_or_default()
    }

    /// The sector whose clients share pairwise subjects (OIDC Core §8.1).
    ///
    /// # Errors
    /// When the client has none.
    pub fn sector(&self) -> Result<String, SectorError> {
        subject::sector(self.sector_identifier_uri.as_deref(), &self.redirect_uris)
    }

    /// Whether an authorization response may go to `uri`: one of the registered ones, letter by letter. Only the port
    /// of a native app's loopback address is its own choice (RFC 8252 §7.3).
    #[must_use]
    pub fn allows_redirect_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| {
            registered == uri || (self.is_public() && same_but_for_loopback_port(registered, uri))
        })
    }

    /// The app's front page: what it says it is, or the origin of its first redirect URI.
    #[must_use]
    pub fn front_page(&self) -> Option<String> {
        if let Some(uri) = &self.client_uri {
            return Some(uri.clone());
        }
        let url = Url::parse(self.redirect_uris.first()?).ok()?;
        matches!(url.scheme(), "https" | "http").then(|| format!("{}/", url.origin().ascii_serialization()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_an_earlier_version_reads_back() {
        let before = r#"{"client_name":"App","redirect_uris":["https://a.example/cb"],"post_logout_redirect_uris":[],
            "grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"client_secret_post",
            "require_two_factor":true,"consent":false,"allowed_groups":[]}"#;
        let metadata: Metadata = serde_json::from_str(before).unwrap();
        assert_eq!(metadata.token_endpoint_auth_method, AuthMethod::ClientSecretPost);
        assert!(metadata.may_ask_for(ResponseType::Code));
        assert!(!metadata.may_ask_for(ResponseType::IdToken));
        let again = serde_json::to_string(&metadata).unwrap();
        assert_eq!(serde_json::from_str::<Metadata>(&again).unwrap(), metadata);
    }
}
