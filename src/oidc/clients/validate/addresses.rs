//! May these addresses of a client be registered: where browsers are sent, what its pages link to, what is fetched?

use url::Url;

use super::super::invalid::{Checked, Invalid, wrong};
use super::super::metadata::Metadata;
use super::super::uris::{MAX_URI, check_redirect_uri, is_loopback};
use super::super::words::GrantType;

const REDIRECT_URIS: &str = "redirect_uris";

impl Metadata {
    pub(super) fn check_redirects(&self) -> Checked {
        let redirects = self.may_use(GrantType::AuthorizationCode) || self.may_use(GrantType::Implicit);
        if redirects && self.redirect_uris.is_empty() {
            return wrong(REDIRECT_URIS, "must name at least one for the authorization code grant");
        }
        let after = self.post_logout_redirect_uris.iter().map(|uri| ("post_logout_redirect_uris", uri));
        for (field, uri) in self.redirect_uris.iter().map(|uri| (REDIRECT_URIS, uri)).chain(after) {
            check_redirect_uri(field, uri)?;
        }
        let implicit = self.may_use(GrantType::Implicit);
        for uri in self.redirect_uris.iter().filter(|_| implicit || self.is_fapi2()) {
            if !uri.starts_with("https:") {
                let reason = "is not https, which the implicit grant (OpenID Connect Core section 3.2.2.1) and FAPI 2.0 demand";
                return Err(Invalid::RedirectUri { field: REDIRECT_URIS, uri: uri.clone(), reason });
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

    pub(super) fn check_links(&self) -> Checked {
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

    pub(super) fn check_logout(&self) -> Checked {
        let safe = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
        if let Some(uri) = &self.backchannel_logout_uri
            && !Url::parse(uri).is_ok_and(|url| safe(&url) && url.fragment().is_none())
        {
            let reason = "must be an https address, or http on a loopback host, without a fragment";
            return wrong("backchannel_logout_uri", reason);
        }
        let Some(uri) = &self.frontchannel_logout_uri else { return Ok(()) };
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
}

fn is_https(uri: &str) -> bool {
    uri.len() <= MAX_URI && Url::parse(uri).is_ok_and(|url| url.scheme() == "https" && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::super::tests::refused;
    use super::*;

    #[test]
    fn addresses_are_https_and_logout_stays_at_home() {
        let http = || Some("http://app.example.org/x".to_owned());
        assert_eq!(refused(|m| m.initiate_login_uri = http()), Some("initiate_login_uri"));
        assert_eq!(refused(|m| m.jwks_uri = http()), Some("jwks_uri"));
        assert_eq!(refused(|m| m.backchannel_logout_uri = http()), Some("backchannel_logout_uri"));
        assert_eq!(refused(|m| m.request_uris = http().into_iter().collect()), Some("request_uris"));
        assert_eq!(
            refused(|m| m.backchannel_logout_uri = Some("http://localhost:3000/out".to_owned())),
            None
        );
        let elsewhere = |m: &mut Metadata| {
            m.frontchannel_logout_uri = Some("https://other.example.org/out".to_owned());
        };
        assert_eq!(refused(elsewhere), Some("frontchannel_logout_uri"));
        let home = |m: &mut Metadata| {
            m.frontchannel_logout_uri = Some("https://app.example.org/out".to_owned());
        };
        assert_eq!(refused(home), None);
    }
}
