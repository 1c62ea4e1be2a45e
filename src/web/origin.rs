//! Was a form sent from one of our own pages?

use axum::http::{HeaderMap, header};

/// Whether a POST comes from a page of this issuer: by what the browser says of it (`Sec-Fetch-Site`), or else by its
/// `Origin`. A client that says neither is no browser that somebody else could steer.
#[must_use]
pub fn is_own(headers: &HeaderMap, issuer: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    headers.get(header::ORIGIN).is_none_or(|origin| origin == origin_of(issuer))
}

/// The same for a form whose address is a secret. Its page sends no referrer, and so browsers that do not say `Sec-Fetch-Site` call
/// its origin `null`; nobody else knows where to send it.
#[must_use]
pub fn is_own_or_hidden(headers: &HeaderMap, issuer: &str) -> bool {
    let hidden = headers.get(header::ORIGIN).is_some_and(|origin| origin == "null");
    is_own(headers, issuer) || (hidden && !headers.contains_key("sec-fetch-site"))
}

/// Scheme, host and port of an issuer, which may have a path.
fn origin_of(issuer: &str) -> &str {
    parts_of(issuer).0
}

/// The path of an issuer, such as `/auth`; empty when it has none.
#[must_use]
pub fn path_of(issuer: &str) -> &str {
    parts_of(issuer).1.trim_end_matches('/')
}

fn parts_of(issuer: &str) -> (&str, &str) {
    let after_scheme = issuer.find("://").map_or(0, |at| at + 3);
    let slash = issuer.get(after_scheme..).and_then(|rest| rest.find('/')).map(|at| at + after_scheme);
    slash.and_then(|slash| issuer.split_at_checked(slash)).unwrap_or((issuer, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn with(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn an_issuer_may_have_a_path() {
        for (issuer, path) in [
            ("https://id.example.org", ""),
            ("https://id.example.org/", ""),
            ("https://id.example.org/auth", "/auth"),
            ("https://[::1]:8443/a/b", "/a/b"),
        ] {
            assert_eq!(path_of(issuer), path, "{issuer}");
        }
    }

    #[test]
    fn own_pages_and_programs_pass_and_other_sites_do_not() {
        let own = |pairs: &[(&'static str, &'static str)]| is_own(&with(pairs), "https://id.example.org/sso");
        assert!(own(&[]));
        assert!(own(&[("origin", "https://id.example.org")]));
        assert!(own(&[("sec-fetch-site", "same-origin"), ("origin", "https://id.example.org")]));
        assert!(!own(&[("origin", "https://evil.example")]));
        assert!(!own(&[("origin", "null")]));
        assert!(!own(&[("origin", "http://id.example.org")]));
        assert!(!own(&[("sec-fetch-site", "cross-site")]));
        assert!(!own(&[("sec-fetch-site", "same-site"), ("origin", "https://id.example.org")]));
    }

    #[test]
    fn a_form_whose_address_is_a_secret_may_hide_its_origin_and_none_may_come_from_elsewhere() {
        let own =
            |pairs: &[(&'static str, &'static str)]| is_own_or_hidden(&with(pairs), "https://id.example.org");
        assert!(own(&[("origin", "null")]) && own(&[("origin", "https://id.example.org")]));
        assert!(own(&[("origin", "null"), ("sec-fetch-site", "same-origin")]));
        assert!(!own(&[("origin", "null"), ("sec-fetch-site", "cross-site")]));
        assert!(!own(&[("origin", "https://evil.example")]));
    }
}
