//! Which relying apps are registered here, and what may each of them do?

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::config::SigningAlgorithm;
use crate::directory::{Person, people};
use crate::keys::secret::{Token, new_id};
use crate::store::clients::ClientRow;
use crate::store::{self, Conn};

/// A relying app as registered here.
#[derive(Clone, Debug)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// SHA-256 of `client_secret`, in hexadecimal; none for a public client.
    pub secret_hash: Option<String>,
    /// Everything else.
    pub metadata: Metadata,
    /// When it was registered, in seconds since 1970.
    pub created_at: i64,
}

/// A client's metadata: the names of RFC 7591 §2 and OIDC Registration §2, and a few of our own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The name that people see.
    pub client_name: String,
    /// Where authorization responses may go; compared letter by letter.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after a logout; compared letter by letter.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// What may be asked of the token endpoint.
    pub grant_types: Vec<GrantType>,
    /// How the client proves itself at the token endpoint.
    pub token_endpoint_auth_method: AuthMethod,
    /// The `alg` of its ID tokens; the provider's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<SigningAlgorithm>,
    /// The app's picture, shown on the sign-in pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// The app's front page, where an expired sign-in links back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// The app's privacy policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// The app's terms of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// `max_age` for requests that do not say, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    /// The client's public keys (RFC 7517), if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where the client publishes its public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Ours: two factors for everyone, whatever their group says.
    #[serde(default)]
    pub require_two_factor: bool,
    /// Ours: ask the person before the app learns who they are.
    #[serde(default)]
    pub consent: bool,
    /// Ours: the ids of the groups whose people (and those of the groups below) may use the app; empty for everyone.
    #[serde(default)]
    pub allowed_groups: Vec<String>,
}

/// A `grant_type` (RFC 6749 §4) that a client may be registered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
}

/// A `token_endpoint_auth_method` (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// HTTP Basic (RFC 6749 §2.3.1).
    ClientSecretBasic,
    /// In the form body (RFC 6749 §2.3.1).
    ClientSecretPost,
    /// A public client: no secret, and PKCE always.
    None,
}

/// Why a client cannot be registered so; each names the metadata field and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A redirect URI is not one that a browser may safely be sent to.
    #[error("redirect URI {uri}: {reason}")]
    RedirectUri {
        /// The URI.
        uri: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another field is wrong.
    #[error("{field}: {reason}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// The grant type of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.name() == name)
    }
}

impl AuthMethod {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::None];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::None => "none",
        }
    }

    /// The method of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name() == name)
    }
}

impl Metadata {
    /// A confidential client for the code flow with refresh tokens, as most web apps want it.
    #[must_use]
    pub fn web_app(name: impl Into<String>, redirect_uris: Vec<String>) -> Self {
        Self {
            client_name: name.into(),
            redirect_uris,
            post_logout_redirect_uris: Vec::new(),
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            token_endpoint_auth_method: AuthMethod::ClientSecretBasic,
            id_token_signed_response_alg: None,
            logo_uri: None,
            client_uri: None,
            policy_uri: None,
            tos_uri: None,
            default_max_age: None,
            jwks: None,
            jwks_uri: None,
            require_two_factor: false,
            consent: false,
            allowed_groups: Vec::new(),
        }
    }

    /// Checks every field against the others.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn validate(&self) -> Result<(), Invalid> {
        let wrong = |field, reason| Err(Invalid::Field { field, reason });
        if self.client_name.trim().is_empty() || self.client_name.chars().count() > 100 {
            return wrong("client_name", "must have 1 to 100 characters");
        }
        let uses_code = self.grant_types.contains(&GrantType::AuthorizationCode);
        if self.grant_types.is_empty() {
            return wrong("grant_types", "must name at least one");
        }
        if uses_code && self.redirect_uris.is_empty() {
            return wrong("redirect_uris", "must name at least one for the authorization code grant");
        }
        if self.redirect_uris.len() > 50 || self.post_logout_redirect_uris.len() > 50 {
            return wrong("redirect_uris", "must name at most 50");
        }
        if self.grant_types.contains(&GrantType::RefreshToken) && !uses_code {
            return wrong("grant_types", "refresh_token needs authorization_code beside it");
        }
        let public = self.is_public();
        if public && self.grant_types.contains(&GrantType::ClientCredentials) {
            return wrong("grant_types", "client_credentials needs a client that can keep a secret");
        }
        if self.jwks.is_some() && self.jwks_uri.is_some() {
            return wrong("jwks", "must not be there together with jwks_uri");
        }
        for uri in &self.redirect_uris {
            check_redirect_uri(uri, public)?;
        }
        for uri in &self.post_logout_redirect_uris {
            check_redirect_uri(uri, public)?;
        }
        self.check_links()
    }

    fn check_links(&self) -> Result<(), Invalid> {
        let links = [
            ("logo_uri", &self.logo_uri),
            ("client_uri", &self.client_uri),
            ("policy_uri", &self.policy_uri),
            ("tos_uri", &self.tos_uri),
            ("jwks_uri", &self.jwks_uri),
        ];
        for (field, link) in links {
            let Some(link) = link else { continue };
            let web = Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
            if !web || link.len() > MAX_URI {
                return Err(Invalid::Field { field, reason: "must be an http or https address" });
            }
        }
        Ok(())
    }

    /// Whether the client has no secret (RFC 6749 §2.1).
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == AuthMethod::None
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

/// The longest URI that may be registered, in bytes.
const MAX_URI: usize = 2000;

/// A redirect URI may be https; http on a loopback host (RFC 8252 §7.3; RFC 9700 §2.6 forbids it elsewhere); or, for a
/// public client, a private-use scheme with a dot in it (RFC 8252 §7.1). Never with a fragment (RFC 6749 §3.1.2).
fn check_redirect_uri(uri: &str, public: bool) -> Result<(), Invalid> {
    let wrong = |reason| Err(Invalid::RedirectUri { uri: uri.to_owned(), reason });
    if uri.len() > MAX_URI {
        return wrong("is longer than 2000 bytes");
    }
    if !uri.bytes().all(|b| b.is_ascii_graphic()) {
        return wrong("has spaces or other characters that a URI cannot have");
    }
    let Ok(url) = Url::parse(uri) else { return wrong("is not an absolute URI") };
    if url.fragment().is_some() {
        return wrong("has a fragment (#…), which RFC 6749 §3.1.2 forbids");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("has a user name or password in it");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => wrong("is http on another machine: use https (RFC 9700 §2.6)"),
        private if public && private.contains('.') => Ok(()),
        _ => wrong("has a scheme that no browser may be sent to: use https"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn same_but_for_loopback_port(registered: &str, presented: &str) -> bool {
    let (Ok(mut registered), Ok(mut given)) = (Url::parse(registered), Url::parse(presented)) else {
        return false;
    };
    let ip = |url: &Url| matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
    // Only a presentation in normal form is compared, so that no odd spelling of another address slips through.
    let normal = given.as_str() == presented;
    let both = [&registered, &given].iter().all(|u| u.scheme() == "http" && ip(u) && is_loopback(u));
    normal && both && registered.set_port(None).is_ok() && given.set_port(None).is_ok() && registered == given
}

/// Whether a client is for this person: for everybody, or for one of their groups.
///
/// # Errors
/// When the database refuses.
pub async fn admits(conn: &mut Conn, client: &Client, person: &Person) -> store::Result<bool> {
    let allowed = &client.metadata.allowed_groups;
    if allowed.is_empty() {
        return Ok(true);
    }
    let groups = people::group_ids(conn, person).await?;
    Ok(groups.iter().any(|group| allowed.contains(group)))
}

/// What went wrong with a client in the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The metadata is not allowed.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no client of this id.
    #[error("no client has the id {0}: see `countersign client list`")]
    Unknown(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A new client and, for a confidential one, the secret that is shown this once.
#[derive(Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its secret.
    pub secret: Option<Token>,
}

/// Registers a client.
///
/// # Errors
/// When its metadata is not allowed, or the database refuses.
pub async fn add(
    conn: &mut Conn,
    metadata: Metadata,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<Registered, Error> {
    metadata.validate()?;
    let id = new_id(rng);
    let secret = (!metadata.is_public()).then(|| Token::generate(rng));
    let secret_hash = secret.as_ref().map(|s| s.hash().as_str().to_owned());
    store::clients::add(conn, &id, secret_hash.as_deref(), &to_json(&metadata)?, now).await?;
    Ok(Registered { client: Client { id, secret_hash, metadata, created_at: now }, secret })
}

/// The client of this id.
///
/// # Errors
/// When the database refuses.
pub async fn find(conn: &mut Conn, id: &str) -> Result<Option<Client>, store::Error> {
    // Ids are ours: anything else, and PostgreSQL would refuse a NUL, is no client.
    if id.is_empty() || id.len() > 100 || id.contains('\0') {
        return Ok(None);
    }
    store::clients::find(conn, id).await?.map(Client::from_row).transpose()
}

/// At most `limit` clients whose ids come after `after`.
///
/// # Errors
/// When the database refuses.
pub async fn list(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<Client>, store::Error> {
    store::clients::list(conn, after, limit).await?.into_iter().map(Client::from_row).collect()
}

/// Replaces a client's metadata. A client that becomes confidential needs [`rotate_secret`] next.
///
/// # Errors
/// When the metadata is not allowed, there is no such client, or the database refuses.
pub async fn set(conn: &mut Conn, id: &str, metadata: &Metadata, now: i64) -> Result<(), Error> {
    metadata.validate()?;
    if store::clients::set_metadata(conn, id, &to_json(metadata)?, now).await? {
        Ok(())
    } else {
        Err(Error::Unknown(id.to_owned()))
    }
}

/// Gives a client a new secret; the old one stops working at once.
///
/// # Errors
/// When there is no such client, it is public, or the database refuses.
pub async fn rotate_secret(
    conn: &mut Conn,
    id: &str,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<Token, Error> {
    let client = find(conn, id).await?.ok_or_else(|| Error::Unknown(id.to_owned()))?;
    if client.metadata.is_public() {
        let reason = "none: a public client has no secret";
        return Err(Invalid::Field { field: "token_endpoint_auth_method", reason }.into());
    }
    let secret = Token::generate(rng);
    store::clients::set_secret(conn, id, Some(secret.hash().as_str()), now).await?;
    Ok(secret)
}

/// Deletes a client, its grants and its tokens.
///
/// # Errors
/// When there is no such client, or the database refuses.
pub async fn delete(conn: &mut Conn, id: &str) -> Result<(), Error> {
    if store::clients::delete(conn, id).await? { Ok(()) } else { Err(Error::Unknown(id.to_owned())) }
}

impl Client {
    fn from_row(row: ClientRow) -> Result<Self, store::Error> {
        let bad = |_| store::Error::BadRow { table: "clients", column: "metadata", row: row.id.clone() };
        let metadata = serde_json::from_str(&row.metadata).map_err(bad)?;
        Ok(Self { id: row.id, secret_hash: row.secret_hash, metadata, created_at: row.created_at })
    }
}

fn to_json(metadata: &Metadata) -> Result<String, Invalid> {
    serde_json::to_string(metadata)
        .map_err(|_| Invalid::Field { field: "metadata", reason: "cannot be written as JSON" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn native(uri: &str) -> Metadata {
        Metadata {
            token_endpoint_auth_method: AuthMethod::None,
            ..Metadata::web_app("Native", vec![uri.to_owned()])
        }
    }

    #[test]
    fn redirect_uris_that_are_safe_may_be_registered() {
        for uri in
            ["https://app.example.org/cb", "https://app.example.org/cb?x=1", "http://localhost:8081/cb"]
        {
            assert_eq!(Metadata::web_app("App", vec![uri.to_owned()]).validate(), Ok(()), "{uri}");
        }
        assert_eq!(native("org.example.app:/cb").validate(), Ok(()));
        assert_eq!(native("http://127.0.0.1/cb").validate(), Ok(()));
    }

    #[test]
    fn redirect_uris_that_are_not_are_refused() {
        for uri in [
            "",
            "/cb",
            "http://app.example.org/cb",
            "https://app.example.org/cb#here",
            "https://app@evil.example/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://app.example.org/a b",
            "org.example.app:/cb",
        ] {
            let answer = Metadata::web_app("App", vec![uri.to_owned()]).validate();
            assert!(matches!(answer, Err(Invalid::RedirectUri { .. })), "{uri}: {answer:?}");
        }
    }

    #[test]
    fn a_redirect_must_match_letter_by_letter() {
        let app = Metadata::web_app("App", vec!["https://app.example.org/cb".to_owned()]);
        assert!(app.allows_redirect_to("https://app.example.org/cb"));
        for near in [
            "https://app.example.org/cb/",
            "https://app.example.org/cb?x=1",
            "https://app.example.org:443/cb",
            "https://APP.example.org/cb",
            "https://app.example.org/cb/../cb",
            "https://app.example.org.evil.example/cb",
            "https://app.example.org/cb#",
        ] {
            assert!(!app.allows_redirect_to(near), "{near}");
        }
    }

    #[test]
    fn only_a_public_clients_loopback_port_is_free() {
        let native = native("http://127.0.0.1/cb");
        assert!(native.allows_redirect_to("http://127.0.0.1:50123/cb"));
        assert!(!native.allows_redirect_to("http://127.0.0.1:50123/other"));
        assert!(!native.allows_redirect_to("http://127.0.0.2:50123/cb"));
        assert!(!native.allows_redirect_to("http://127.1:50123/cb"));
        let confidential = Metadata::web_app("App", vec!["http://127.0.0.1/cb".to_owned()]);
        assert!(!confidential.allows_redirect_to("http://127.0.0.1:50123/cb"));
    }

    #[test]
    fn grants_must_fit_the_kind_of_client() {
        let mut public = native("org.example.app:/cb");
        public.grant_types.push(GrantType::ClientCredentials);
        assert!(matches!(public.validate(), Err(Invalid::Field { field: "grant_types", .. })));
        let mut no_uri = Metadata::web_app("App", Vec::new());
        assert!(matches!(no_uri.validate(), Err(Invalid::Field { field: "redirect_uris", .. })));
        no_uri.grant_types = vec![GrantType::ClientCredentials];
        assert_eq!(no_uri.validate(), Ok(()));
        no_uri.grant_types = vec![GrantType::RefreshToken];
        assert!(matches!(no_uri.validate(), Err(Invalid::Field { field: "grant_types", .. })));
    }

    proptest! {
        #[test]
        fn no_text_as_a_redirect_uri_panics(registered in ".*", presented in ".*") {
            let app = native(&registered);
            let _ = app.validate();
            prop_assert_eq!(app.allows_redirect_to(&presented), registered == presented || same_but_for_loopback_port(&registered, &presented));
        }
    }
}
