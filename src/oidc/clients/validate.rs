//! May a client be registered so? Every field is checked against the others; the first that is wrong is named.

use url::Url;

use super::invalid::Invalid;
use super::metadata::Metadata;
use super::subject::SubjectType;
use super::uris::{MAX_URI, check_redirect_uri, is_loopback};
use super::words::{AuthMethod, GrantType, ResponseType};
use crate::config::SigningAlgorithm;
use crate::keys::jose::ClientKeys;

/// The most members of a list.
const MAX_LIST: usize = 50;

/// What FAPI 2.0 §5.4.1 lets sign.
pub(in crate::oidc) const FAPI2_ALGORITHMS: [&str; 3] = ["PS256", "ES256", "EdDSA"];

type Checked = Result<(), Invalid>;

fn wrong(field: &'static str, reason: &'static str) -> Checked {
    Err(Invalid::Field { field, reason })
}

impl Metadata {
    /// Checks every field against the others.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn validate(&self) -> Checked {
        if self.client_name.trim().is_empty() || self.client_name.chars().count() > 100 {
            return wrong("client_name", "must have 1 to 100 characters");
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
        if may(GrantType::JwtBearer) && !self.has_keys() {
            return wrong("jwks", "must be there, or jwks_uri: jwt-bearer assertions are checked with it");
        }
        Ok(())
    }

    fn check_redirects(&self) -> Checked {
        let redirects = self.may_use(GrantType::AuthorizationCode) || self.may_use(GrantType::Implicit);
        if redirects && self.redirect_uris.is_empty() {
            return wrong("redirect_uris", "must name at least one for the authorization code grant");
        }
        for uri in self.redirect_uris.iter().chain(&self.post_logout_redirect_uris) {
            check_redirect_uri(uri, self.is_public())?;
        }
        let implicit = self.may_use(GrantType::Implicit);
        for uri in self.redirect_uris.iter().filter(|_| implicit || self.is_fapi2()) {
            if !uri.starts_with("https:") {
                let reason = "is not https, which the implicit grant (OpenID Connect Core section 3.2.2.1) and FAPI 2.0 demand";
                return Err(Invalid::RedirectUri { uri: uri.clone(), reason });
            }
        }
        let resources =
            [("allowed_resources", &self.allowed_resources), ("served_resources", &self.served_resources)];
        for (field, resources) in resources {
            if !resources.iter().all(|uri| Url::parse(uri).is_ok_and(|url| url.fragment().is_none())) {
                return wrong(field, "must be absolute URIs without a fragment (RFC 8707 section 2)");
            }
        }
        Ok(())
    }

    fn check_proof(&self) -> Checked {
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
    fn check_encryption(&self) -> Checked {
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
        }
        Ok(())
    }

    fn has_keys(&self) -> bool {
        self.jwks.is_some() || self.jwks_uri.is_some()
    }

    fn check_links(&self) -> Checked {
        let links = [
            ("logo_uri", &self.logo_uri),
            ("client_uri", &self.client_uri),
            ("policy_uri", &self.policy_uri),
            ("tos_uri", &self.tos_uri),
        ];
        for (field, link) in links {
            let Some(link) = link else { continue };
            let web = Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
            if !web || link.len() > MAX_URI {
                return wrong(field, "must be an http or https address");
            }
        }
        let fetched = [
            ("jwks_uri", &self.jwks_uri),
            ("sector_identifier_uri", &self.sector_identifier_uri),
            ("initiate_login_uri", &self.initiate_login_uri),
        ];
        for (field, link) in fetched {
            if link.as_ref().is_some_and(|link| !is_https(link)) {
                return wrong(field, "must be an https address");
            }
        }
        if self.request_uris.iter().any(|uri| !is_https(uri)) {
            return wrong("request_uris", "must be https addresses");
        }
        Ok(())
    }

    fn check_logout(&self) -> Checked {
        if let Some(uri) = &self.backchannel_logout_uri
            && !Url::parse(uri).is_ok_and(|url| url.scheme() == "https" && url.fragment().is_none())
        {
            return wrong("backchannel_logout_uri", "must be an https address without a fragment");
        }
        let Some(uri) = &self.frontchannel_logout_uri else { return Ok(()) };
        let safe = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
        let Some(url) = Url::parse(uri).ok().filter(|url| safe(url) && url.fragment().is_none()) else {
            return wrong("frontchannel_logout_uri", "must be an https address without a fragment");
        };
        let own = self.redirect_uris.iter().filter_map(|uri| Url::parse(uri).ok());
        if own.into_iter().any(|own| own.origin() == url.origin()) {
            Ok(())
        } else {
            let reason = "must have scheme, host and port of a redirect URI (Front-Channel Logout section 2)";
            wrong("frontchannel_logout_uri", reason)
        }
    }

    /// FAPI 2.0 Security Profile §5.3.2 and §5.4.
    fn check_fapi2(&self) -> Checked {
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

fn is_https(uri: &str) -> bool {
    uri.len() <= MAX_URI && Url::parse(uri).is_ok_and(|url| url.scheme() == "https" && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;

    fn app() -> Metadata {
        Metadata::web_app("App", vec!["https://app.example.org/cb".to_owned()])
    }

    fn refused(change: impl FnOnce(&mut Metadata)) -> Option<&'static str> {
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
        let mut metadata = app();
        right(&mut metadata);
        assert_eq!(metadata.id_token_encryption().map(|e| e.enc), Some(ContentEncryption::A128CbcHs256));
        assert_eq!(metadata.userinfo_encryption(), None);
    }

    #[test]
    fn addresses_are_https_and_logout_stays_at_home() {
        let http = || Some("http://app.example.org/x".to_owned());
        assert_eq!(refused(|m| m.initiate_login_uri = http()), Some("initiate_login_uri"));
        assert_eq!(refused(|m| m.jwks_uri = http()), Some("jwks_uri"));
        assert_eq!(refused(|m| m.backchannel_logout_uri = http()), Some("backchannel_logout_uri"));
        assert_eq!(refused(|m| m.request_uris = http().into_iter().collect()), Some("request_uris"));
        let elsewhere = |m: &mut Metadata| {
            m.frontchannel_logout_uri = Some("https://other.example.org/out".to_owned());
        };
        assert_eq!(refused(elsewhere), Some("frontchannel_logout_uri"));
        let home = |m: &mut Metadata| {
            m.frontchannel_logout_uri = Some("https://app.example.org/out".to_owned());
        };
        assert_eq!(refused(home), None);
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
