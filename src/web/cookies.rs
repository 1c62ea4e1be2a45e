//! How are cookies named, protected and read?

use axum::http::{HeaderMap, header};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

/// How cookies are made here. Under https each has a `__Host-` name and is `Secure`, so that no neighbouring host can plant
/// one; http, which is for loopback alone, can have neither.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    secure: bool,
}

/// How long a cookie stays.
#[derive(Clone, Copy, Debug)]
pub enum Lifetime {
    /// Until the browser is closed.
    Browser,
    /// This many seconds.
    Seconds(i64),
}

impl Cookies {
    /// Cookies for an issuer.
    #[must_use]
    pub fn for_issuer(issuer: &str) -> Self {
        Self { secure: issuer.starts_with("https:") }
    }

    /// The value of a cookie, as the browser sent it. Of several of one name the first counts, which the browser sends for the
    /// most specific path.
    #[must_use]
    pub fn read(self, headers: &HeaderMap, name: &str) -> Option<String> {
        let wanted = self.name(name);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .find(|cookie| cookie.name() == wanted)
            .map(|cookie| cookie.value().to_owned())
    }

    /// The `Set-Cookie` value that sets a cookie.
    #[must_use]
    pub fn set(self, name: &str, value: &str, lifetime: Lifetime) -> String {
        let mut cookie = self.bare(name, value);
        if let Lifetime::Seconds(seconds) = lifetime {
            cookie.set_max_age(Duration::seconds(seconds));
        }
        cookie.to_string()
    }

    /// The `Set-Cookie` value that takes a cookie away.
    #[must_use]
    pub fn clear(self, name: &str) -> String {
        let mut cookie = self.bare(name, "");
        cookie.set_max_age(Duration::ZERO);
        cookie.to_string()
    }

    /// The `Set-Cookie` value that sets a cookie for scripts of our own to read, in frames on other sites too: it must be no
    /// secret that opens anything. It stays until the browser is closed.
    #[must_use]
    pub fn set_readable(self, name: &str, value: &str) -> String {
        let mut cookie = self.bare(name, value);
        cookie.set_http_only(false);
        if self.secure {
            cookie.set_same_site(SameSite::None);
        }
        cookie.to_string()
    }

    fn bare<'c>(self, name: &str, value: &'c str) -> Cookie<'c> {
        Cookie::build((self.name(name), value))
            .path("/")
            .http_only(true)
            // Lax: the redirect from the app must bring the cookie along, a form on another site must not.
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .build()
    }

    /// The whole name of a cookie.
    #[must_use]
    pub fn name(self, name: &str) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}countersign_{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn sent(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn under_https_cookies_are_host_bound_and_secure() {
        let set = Cookies::for_issuer("https://id.example.org").set("session", "v", Lifetime::Seconds(60));
        assert_eq!(set, "__Host-countersign_session=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
    }

    #[test]
    fn on_loopback_http_they_cannot_be() {
        let cookies = Cookies::for_issuer("http://localhost:8080");
        assert_eq!(
            cookies.set("session", "v", Lifetime::Browser),
            "countersign_session=v; HttpOnly; SameSite=Lax; Path=/"
        );
        assert!(cookies.clear("session").contains("Max-Age=0"));
    }

    #[test]
    fn what_a_script_reads_goes_to_frames_on_other_sites() {
        assert_eq!(
            Cookies::for_issuer("https://id.example.org").set_readable("browser_state", "v"),
            "__Host-countersign_browser_state=v; SameSite=None; Secure; Path=/"
        );
        assert_eq!(
            Cookies::for_issuer("http://localhost:8080").set_readable("browser_state", "v"),
            "countersign_browser_state=v; SameSite=Lax; Path=/"
        );
    }

    #[test]
    fn only_the_right_name_is_read_and_malformed_ones_are_passed_over() {
        let cookies = Cookies::for_issuer("https://id.example.org");
        let headers = sent("=; x; countersign_session=planted; __Host-countersign_session=mine; y=\"");
        assert_eq!(cookies.read(&headers, "session").as_deref(), Some("mine"));
        assert_eq!(cookies.read(&sent("countersign_session=planted"), "session"), None);
    }

    proptest! {
        #[test]
        fn no_header_panics_and_what_is_set_reads_back(other in "[!-~ ]{0,40}", value in "[A-Za-z0-9_-]{1,60}") {
            let cookies = Cookies::for_issuer("https://id.example.org");
            let _ = cookies.read(&sent(&other), "session");
            let set = cookies.set("session", &value, Lifetime::Browser);
            let headers = sent(set.split(';').next().unwrap());
            prop_assert_eq!(cookies.read(&headers, "session"), Some(value));
        }
    }
}
