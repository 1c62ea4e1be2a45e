//! As whom does a client know a person? Subject identifiers, public and pairwise (OIDC Core §8).

use serde::{Deserialize, Serialize};
use url::Url;

use crate::keys::secret::{base64url, same};
use crate::keys::{Vault, VaultError};

/// What pairwise subjects are keyed for.
const PAIRWISE: &str = "pairwise subject";

/// What the names of sessions are keyed for that clients with pairwise subjects get.
const PAIRWISE_SESSION: &str = "pairwise session";

/// What the names of ID tokens are keyed for, that tell of which session they are.
const TOKEN_OF_SESSION: &str = "token of a session";

/// `subject_type` of a client (OIDC Registration §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// Every client knows a person by the same `sub`.
    #[default]
    Public,
    /// Clients of different sectors know a person by different ones, and cannot compare notes.
    Pairwise,
}

/// Why a client has no sector (OIDC Core §8.1). Each is for the client's developer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SectorError {
    /// `sector_identifier_uri` is not an https URL.
    #[error(
        "sector_identifier_uri is {0}: OpenID Connect Core section 8.1 asks for an https URL with a host"
    )]
    Uri(String),
    /// A redirect URI has no host, such as one with a private-use scheme.
    #[error(
        "redirect_uri {0} has no host to make pairwise subjects for: register a sector_identifier_uri \
         (OpenID Connect Core section 8.1)"
    )]
    NoHost(String),
    /// Redirect URIs have different hosts.
    #[error(
        "redirect_uris are on {0} and {1}: for pairwise subjects they have one host, or the client registers a \
         sector_identifier_uri (OpenID Connect Core section 8.1)"
    )]
    Hosts(String, String),
    /// There are no redirect URIs.
    #[error(
        "there are no redirect_uris to make pairwise subjects for: register a sector_identifier_uri \
         (OpenID Connect Core section 8.1)"
    )]
    Nothing,
}

impl SubjectType {
    /// All of them, as they are published.
    pub const ALL: [Self; 2] = [Self::Public, Self::Pairwise];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Pairwise => "pairwise",
        }
    }
}

/// The `sub` by which the clients of a sector know a user: always the same one, while the master key is. The sector is asked for where it
/// counts: addresses are read for it.
///
/// # Errors
/// When the master key cannot be used.
pub fn subject(
    vault: &Vault,
    subject_type: SubjectType,
    sector: impl FnOnce() -> String,
    user_id: &str,
) -> Result<String, VaultError> {
    match subject_type {
        SubjectType::Public => Ok(user_id.to_owned()),
        SubjectType::Pairwise => {
            Ok(base64url(&vault.mac_bytes(PAIRWISE, &[sector().as_bytes(), user_id.as_bytes()])?))
        }
    }
}

/// The `sid` by which a client knows a session (Back-Channel Logout §2.1). Clients with pairwise subjects get one each, or they could
/// compare notes by it.
///
/// # Errors
/// When the master key cannot be used.
pub fn session(
    vault: &Vault,
    subject_type: SubjectType,
    client_id: &str,
    session_id: &str,
) -> Result<String, VaultError> {
    match subject_type {
        SubjectType::Public => Ok(session_id.to_owned()),
        SubjectType::Pairwise => {
            let parts = [client_id.as_bytes(), session_id.as_bytes()];
            Ok(base64url(&vault.mac_bytes(PAIRWISE_SESSION, &parts)?))
        }
    }
}

/// The `jti` of an ID token that begins with this `id` and was issued in this session: whoever knows the session can tell that the token is
/// of it, and nobody else learns which session it was.
///
/// # Errors
/// When the master key cannot be used.
pub fn token_of_session(vault: &Vault, id: &str, session_id: &str) -> Result<String, VaultError> {
    let parts = [id.as_bytes(), session_id.as_bytes()];
    Ok(format!("{id}.{}", base64url(&vault.mac_bytes(TOKEN_OF_SESSION, &parts)?)))
}

/// Whether an ID token with this `jti` was issued in this session.
///
/// # Errors
/// When the master key cannot be used.
pub fn is_token_of_session(vault: &Vault, jti: &str, session_id: &str) -> Result<bool, VaultError> {
    let Some((id, _)) = jti.rsplit_once('.') else { return Ok(false) };
    Ok(same(token_of_session(vault, id, session_id)?.as_bytes(), jti.as_bytes()))
}

/// The sector identifier of a client: the host of `sector_identifier_uri`, or else the one that all its redirect URIs
/// share. That the document at the former lists the latter is for whoever registers the client to check.
///
/// # Errors
/// When there is no such host.
pub fn sector(sector_identifier_uri: Option<&str>, redirect_uris: &[String]) -> Result<String, SectorError> {
    if let Some(uri) = sector_identifier_uri {
        let url = Url::parse(uri).ok().filter(|url| url.scheme() == "https");
        let host = url.as_ref().and_then(Url::host_str).filter(|host| !host.is_empty());
        return host.map(str::to_owned).ok_or_else(|| SectorError::Uri(uri.to_owned()));
    }
    let mut shared: Option<String> = None;
    for uri in redirect_uris {
        let url = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let host = url.as_ref().and_then(Url::host_str).filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| SectorError::NoHost(uri.clone()))?;
        match &shared {
            Some(shared) if shared != host => {
                return Err(SectorError::Hosts(shared.clone(), host.to_owned()));
            }
            _ => shared = Some(host.to_owned()),
        }
    }
    shared.ok_or(SectorError::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::secret::entropy;
    use proptest::prelude::*;

    fn of(sector_identifier_uri: Option<&str>, redirect_uris: &[&str]) -> Result<String, SectorError> {
        let uris: Vec<String> = redirect_uris.iter().map(|&uri| uri.to_owned()).collect();
        sector(sector_identifier_uri, &uris)
    }

    #[test]
    fn a_pairwise_subject_is_the_same_in_a_sector_and_another_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(dir.path(), &mut entropy()).unwrap();
        let pairwise = |sector: &str, user: &str| {
            subject(&vault, SubjectType::Pairwise, || sector.to_owned(), user).unwrap()
        };
        let ned = pairwise("app.example.org", "ned");
        assert_eq!(ned.len(), 43, "OIDC Core §2: at most 255 ASCII characters");
        assert_eq!(pairwise("app.example.org", "ned"), ned);
        assert_ne!(pairwise("other.example.org", "ned"), ned);
        assert_ne!(pairwise("app.example.org", "max"), ned);
        assert_ne!(pairwise("app.example.orgn", "ed"), ned);
        assert_eq!(subject(&vault, SubjectType::Public, String::new, "ned").unwrap(), "ned");
    }

    #[test]
    fn an_id_token_is_known_as_one_of_its_session_alone() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(dir.path(), &mut entropy()).unwrap();
        let jti = token_of_session(&vault, "grant.1", "s1").unwrap();
        assert!(jti.starts_with("grant.1.") && !jti.contains("s1."), "{jti}");
        let is_of = |jti: &str, session: &str| is_token_of_session(&vault, jti, session).unwrap();
        assert!(is_of(&jti, "s1"));
        let (_, proof) = jti.rsplit_once('.').unwrap();
        for (jti, session) in [
            (jti.as_str(), "s2"),
            (jti.as_str(), ""),
            (&jti.replace("grant.1", "grant.2"), "s1"),
            (&format!("{jti}x"), "s1"),
            ("grant.1", "s1"),
            (proof, "s1"),
            ("", "s1"),
        ] {
            assert!(!is_of(jti, session), "{jti} {session}");
        }
    }

    #[test]
    fn a_sector_is_a_host() {
        let one = "https://app.example.org/callback";
        assert_eq!(of(None, &[one]).as_deref(), Ok("app.example.org"));
        assert_eq!(of(None, &[one, "https://APP.example.org:8443/"]).as_deref(), Ok("app.example.org"));
        let file = "https://sector.example.org/uris.json";
        for uris in [&[one, "https://other.example.org/"][..], &["com.example.app:/callback"], &[]] {
            assert_eq!(of(Some(file), uris).as_deref(), Ok("sector.example.org"));
        }
    }

    #[test]
    fn a_client_without_one_host_needs_a_sector_identifier_uri() {
        let hosts = of(None, &["https://a.example.org/", "https://b.example.org/"]);
        assert_eq!(hosts, Err(SectorError::Hosts("a.example.org".to_owned(), "b.example.org".to_owned())));
        for uri in ["com.example.app:/callback", "com.example.app://host/callback", "nonsense"] {
            assert_eq!(of(None, &[uri]), Err(SectorError::NoHost(uri.to_owned())));
        }
        assert_eq!(of(None, &[]), Err(SectorError::Nothing));
        for uri in ["", "http://sector.example.org/", "sector.example.org"] {
            assert_eq!(of(Some(uri), &["https://a.example.org/"]), Err(SectorError::Uri(uri.to_owned())));
        }
    }

    #[test]
    fn the_words_on_the_wire_are_those_of_the_standard() {
        for subject_type in SubjectType::ALL {
            assert_eq!(serde_json::to_value(subject_type).unwrap(), subject_type.name());
        }
    }

    proptest! {
        #[test]
        fn no_uri_panics_and_every_sector_is_something(uri in ".*", redirect in ".*") {
            for found in [of(Some(&uri), &[]), of(None, &[&redirect])] {
                prop_assert!(found.is_err() || found.is_ok_and(|host| !host.is_empty()));
            }
        }
    }
}
