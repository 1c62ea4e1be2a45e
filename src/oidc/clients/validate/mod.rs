//! May a client be registered so? Every field is checked against the others; the first that is wrong is named.

mod addresses;
mod proofs;

use super::invalid::{Checked, wrong};
use super::metadata::Metadata;
use super::subject::SubjectType;
use super::uris::MAX_URI;
use super::words::{GrantType, ResponseType};
use crate::directory::misleads;

pub(in crate::oidc) use proofs::FAPI2_ALGORITHMS;

/// The most members of a list.
const MAX_LIST: usize = 50;

impl Metadata {
    /// Checks every field against the others.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn validate(&self) -> Checked {
        if self.client_name.trim().is_empty() || self.client_name.chars().count() > 100 {
            return wrong("client_name", "must have 1 to 100 characters");
        }
        if self.client_name.chars().any(misleads) {
            return wrong(
                "client_name",
                "has control characters, or marks that turn the direction of writing",
            );
        }
        self.check_lists()?;
        self.check_grants()?;
        self.check_redirects()?;
        self.check_proof()?;
        self.check_encryption()?;
        self.check_links()?;
        if self.subject_type() == SubjectType::Pairwise {
            self.sector()?;
        }
        self.check_logout()?;
        if self.is_fapi2() { self.check_fapi2() } else { Ok(()) }
    }

    fn check_lists(&self) -> Checked {
        let lists = [
            ("redirect_uris", &self.redirect_uris),
            ("post_logout_redirect_uris", &self.post_logout_redirect_uris),
            ("request_uris", &self.request_uris),
            ("contacts", &self.contacts),
            ("default_acr_values", &self.default_acr_values),
            ("allowed_resources", &self.allowed_resources),
            ("served_resources", &self.served_resources),
        ];
        for (field, list) in lists {
            if list.len() > MAX_LIST {
                return wrong(field, "must name at most 50");
            }
            if list.iter().any(|one| one.len() > MAX_URI) {
                return wrong(field, "must hold texts of at most 2000 bytes");
            }
        }
        let texts = [
            ("scope", &self.scope),
            ("software_id", &self.software_id),
            ("software_version", &self.software_version),
        ];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|text| text.len() > MAX_URI) {
                return wrong(field, "must have at most 2000 bytes");
            }
        }
        Ok(())
    }

    /// OIDC Registration §2: which grant types go with which response types.
    fn check_grants(&self) -> Checked {
        let may = |grant| self.may_use(grant);
        if self.grant_types.is_empty() {
            return wrong("grant_types", "must name at least one");
        }
        let needs_code = self.response_types.iter().any(|r| r.has_code());
        let needs_implicit = self.response_types.iter().any(|r| *r != ResponseType::Code);
        if needs_code && !may(GrantType::AuthorizationCode) {
            return wrong("grant_types", "must have authorization_code for a response type with code");
        }
        if needs_implicit && !may(GrantType::Implicit) {
            return wrong("grant_types", "must have implicit for a response type with token or id_token");
        }
        if may(GrantType::Implicit) && !needs_implicit {
            return wrong("response_types", "must have token or id_token for the implicit grant");
        }
        if may(GrantType::RefreshToken) && !may(GrantType::AuthorizationCode) && !may(GrantType::DeviceCode) {
            return wrong("grant_types", "refresh_token needs authorization_code or device_code beside it");
        }
        let alone = [GrantType::ClientCredentials, GrantType::TokenExchange, GrantType::JwtBearer];
        if self.is_public() && alone.into_iter().any(may) {
            return wrong(
                "grant_types",
                "client_credentials, token-exchange and jwt-bearer need a client that can prove who it is",
            );
        }
        if may(GrantType::JwtBearer) && self.subject_type() == SubjectType::Pairwise {
            return wrong(
                "subject_type",
                "must be public for jwt-bearer: a pairwise sub leads back to nobody",
            );
        }
        if may(GrantType::DeviceCode) && self.subject_type() == SubjectType::Pairwise {
            // Tokens go to whoever asks, who could name anybody's hosts and file.
            return wrong(
                "subject_type",
                "must be public for the device flow: no redirect URI proves there whose sector it is (OpenID Connect Core section 8.1)",
            );
        }
        if may(GrantType::JwtBearer) && !self.has_keys() {
            return wrong("jwks", "must be there, or jwks_uri: jwt-bearer assertions are checked with it");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::clients::{AuthMethod, Invalid};

    pub(super) fn app() -> Metadata {
        Metadata::web_app("App", vec!["https://app.example.org/cb".to_owned()])
    }

    /// The field that is wrong after this change of a client that may be registered.
    pub(super) fn refused(change: impl FnOnce(&mut Metadata)) -> Option<&'static str> {
        let mut metadata = app();
        change(&mut metadata);
        match metadata.validate() {
            Err(Invalid::Field { field, .. }) => Some(field),
            Err(Invalid::RedirectUri { .. }) => Some("redirect_uris"),
            Err(Invalid::Keys(_)) => Some("jwks"),
            Err(Invalid::Sector(_)) => Some("sector_identifier_uri"),
            Ok(()) => None,
        }
    }

    #[test]
    fn grants_must_fit_the_kind_of_client() {
        assert_eq!(refused(|_| ()), None);
        let public = |m: &mut Metadata| {
            m.token_endpoint_auth_method = AuthMethod::None;
            m.grant_types.push(GrantType::ClientCredentials);
        };
        assert_eq!(refused(public), Some("grant_types"));
        let no_uri = |grant| {
            move |m: &mut Metadata| {
                m.redirect_uris.clear();
                m.response_types.clear();
                m.grant_types = vec![grant];
            }
        };
        assert_eq!(refused(no_uri(GrantType::AuthorizationCode)), Some("redirect_uris"));
        assert_eq!(refused(no_uri(GrantType::ClientCredentials)), None);
        assert_eq!(refused(no_uri(GrantType::RefreshToken)), Some("grant_types"));
        assert_eq!(refused(no_uri(GrantType::DeviceCode)), None);
        assert_eq!(refused(no_uri(GrantType::JwtBearer)), Some("jwks"));
    }

    #[test]
    fn response_types_and_grant_types_go_together() {
        assert_eq!(refused(|m| m.response_types.push(ResponseType::IdToken)), Some("grant_types"));
        assert_eq!(refused(|m| m.grant_types.push(GrantType::Implicit)), Some("response_types"));
        let implicit = |uri: &'static str| {
            move |m: &mut Metadata| {
                m.response_types = vec![ResponseType::IdTokenToken];
                m.grant_types = vec![GrantType::Implicit];
                m.redirect_uris = vec![uri.to_owned()];
            }
        };
        assert_eq!(refused(implicit("https://app.example.org/cb")), None);
        assert_eq!(refused(implicit("http://localhost/cb")), Some("redirect_uris"));
    }

    #[test]
    fn a_device_has_no_sector() {
        let with = |grant| {
            refused(|m| {
                m.subject_type = Some(SubjectType::Pairwise);
                m.grant_types.push(grant);
            })
        };
        assert_eq!(with(GrantType::DeviceCode), Some("subject_type"));
        assert_eq!(with(GrantType::RefreshToken), None);
    }

    #[test]
    fn pairwise_subjects_need_a_sector() {
        let pairwise = |uris: &'static [&'static str]| {
            move |m: &mut Metadata| {
                m.subject_type = Some(SubjectType::Pairwise);
                m.redirect_uris = uris.iter().map(|&uri| uri.to_owned()).collect();
            }
        };
        assert_eq!(refused(pairwise(&["https://a.example/1", "https://a.example/2"])), None);
        let two = pairwise(&["https://a.example/", "https://b.example/"]);
        assert_eq!(refused(two), Some("sector_identifier_uri"));
        let named = |m: &mut Metadata| {
            two(m);
            m.sector_identifier_uri = Some("https://c.example/uris".to_owned());
        };
        assert_eq!(refused(named), None);
    }
}
