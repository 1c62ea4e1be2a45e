//! To which addresses may a browser be sent on a client's word?

use url::{Host, Url};

use super::invalid::Invalid;

/// The longest URI that may be registered, in bytes.
pub(super) const MAX_URI: usize = 2000;

/// Schemes that are no app's own: browsers run, show, fetch or hand on what they lead to.
const NOT_PRIVATE: [&str; 24] = [
    "about",
    "blob",
    "chrome",
    "content",
    "data",
    "feed",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "intent",
    "jar",
    "javascript",
    "ldap",
    "mailto",
    "resource",
    "sms",
    "ssh",
    "tel",
    "urn",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// A redirect URI may be https; http on a loopback host (RFC 8252 §7.3; RFC 9700 §2.6 forbids it elsewhere); or a private-use
/// scheme (RFC 8252 §7.1): with a dot in it, or, as apps are that came before that, `name://`. Never with a fragment (RFC 6749 §3.1.2), and never with a star, which would stand for itself.
pub(super) fn check_redirect_uri(field: &'static str, uri: &str) -> Result<(), Invalid> {
    let wrong = |reason| Err(Invalid::RedirectUri { field, uri: uri.to_owned(), reason });
    if uri.len() > MAX_URI {
        return wrong("is longer than 2000 bytes");
    }
    // RFC 3986 §2: programs do not agree on where a backslash leads.
    if !uri.bytes().all(|b| b.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&b)) {
        return wrong("has spaces or other characters that a URI cannot have");
    }
    let Ok(url) = Url::parse(uri) else { return wrong("is not an absolute URI") };
    if !is_private_use(uri) && !uri.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//")) {
        return wrong("has no // after its scheme, so that browsers take it for a part of another address");
    }
    if uri.contains('*') {
        return wrong("has a *, and addresses are compared letter by letter: register each of them");
    }
    if url.fragment().is_some() {
        return wrong("has a fragment (#...), which RFC 6749 section 3.1.2 forbids");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("has a user name or password in it");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => wrong("is http on another machine: use https (RFC 9700 section 2.6)"),
        private if private.contains('.') => Ok(()),
        known if NOT_PRIVATE.contains(&known) => {
            wrong("has a scheme that no browser may be sent to: use https")
        }
        _ if uri.contains("://") => Ok(()),
        _ => wrong("has a scheme without a dot (RFC 8252 section 7.1): then // follows it"),
    }
}

/// Whether an address has a private-use scheme without the dot that makes it somebody's own (RFC 8252 §7.1 and §8.4).
pub(in crate::oidc) fn is_anybodys(uri: &str) -> bool {
    is_private_use(uri) && !uri.split(':').next().is_some_and(|scheme| scheme.contains('.'))
}

/// Whether an address has a scheme that an app has made up for itself (RFC 8252 §7.1).
pub(super) fn is_private_use(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| !matches!(url.scheme(), "https" | "http"))
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether an address differs from the registered one in nothing but the port of this machine: `127.0.0.1`, `[::1]` (RFC 8252 §7.3) or
/// `localhost` (RFC 9700 §2.1).
pub(super) fn same_but_for_loopback_port(registered: &str, presented: &str) -> bool {
    let (Ok(mut registered), Ok(mut given)) = (Url::parse(registered), Url::parse(presented)) else {
        return false;
    };
    let loopback =
        |url: &Url| is_loopback(url) && !url.host_str().is_some_and(|host| host.ends_with(".localhost"));
    // Only a presentation in normal form is compared, so that no odd spelling of another address slips through.
    let normal = given.as_str() == presented;
    let both = [&registered, &given].iter().all(|u| u.scheme() == "http" && loopback(u));
    normal && both && registered.set_port(None).is_ok() && given.set_port(None).is_ok() && registered == given
}

#[cfg(test)]
mod tests {
    use super::super::{AuthMethod, Metadata};
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
        let beside_a_secret = Metadata::web_app("App", vec!["org.example.app:/cb".to_owned()]);
        assert_eq!(beside_a_secret.validate(), Ok(()));
        assert!(beside_a_secret.counts_as_public("org.example.app:/cb"));
        assert!(!beside_a_secret.counts_as_public("https://app.example.org/cb"));
        assert_eq!(native("http://127.0.0.1/cb").validate(), Ok(()));
        assert_eq!(native("oc://ios.owncloud.com").validate(), Ok(()));
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
            "https://*.example.org/cb",
            "https://app.example.org/*",
            "example:/cb",
            "javascript://app.example.org/%0aalert(1)",
            "FILE:///etc/passwd",
            "intent://app.example.org/#Intent;end",
            "https:app.example.org/cb",
            "https:/app.example.org/cb",
            "https://app.example.org\\@evil.example/",
            "https://app.example.org/<script>",
            "https://app.example.org/\"x\"",
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
        assert!(!native.allows_redirect_to("http://localhost:50123/cb"));
        let by_name = self::native("http://localhost/cb");
        assert!(by_name.allows_redirect_to("http://localhost:50123/cb"));
        assert!(!by_name.allows_redirect_to("http://localhost.evil.example:50123/cb"));
        assert!(!by_name.allows_redirect_to("http://127.0.0.1:50123/cb"));
        assert!(!self::native("http://app.localhost/cb").allows_redirect_to("http://app.localhost:50123/cb"));
        let confidential = Metadata::web_app("App", vec!["http://127.0.0.1/cb".to_owned()]);
        assert!(!confidential.allows_redirect_to("http://127.0.0.1:50123/cb"));
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
