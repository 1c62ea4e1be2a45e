//! How are cookies named, protected and read?

use axum::http::{HeaderMap, header};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

use super::origin::path_of;
use crate::keys::secret::{hex, sha256};

/// How cookies are made here. Under https each has a `__Host-` name and is `Secure`, so that no neighbouring host can plant
/// one; http, which is for loopback alone, can have neither.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    secure: bool,
    /// Stands for the path of an issuer that has one: `__Host-` cookies belong to the whole host, where others may be too.
    below: Option<[u8; 4]>,
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
        let path = path_of(issuer);
        let [a, b, c, d, ..] = sha256(path.as_bytes());
        Self { secure: issuer.starts_with("https:"), below: (!path.is_empty()).then_some([a, b, c, d]) }
    }

    /// The value of a cookie, as the browser sent it. Of several of one name the first counts, which the browser sends for the
    /// most specific path.
    #[must_use]
    pub fn read(self, headers: &HeaderMap, name: &str) -> Option<String> {
        sent(headers, &self.name(name))
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
        let below = self.below.map(|path| format!("{}_", hex(&path))).unwrap_or_default();
        format!("{prefix}countersign_{below}{name}")
    }
}

/// The value of the first cookie of exactly this name. The headers are read as bytes: what a neighbour on the same domain has
/// put into its own cookie (any byte but a `;` may stand there) says nothing about ours. Around a name none but the blanks of
/// RFC 6265 §5.2 go away, or a name that begins with another blank could pass for a `__Host-` one, which browsers guard.
#[must_use]
pub fn sent(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = pairs(headers).filter(|(found, _)| *found == name.as_bytes());
    values.find_map(|(_, value)| String::from_utf8(value.to_vec()).ok())
}

/// The names of all cookies that a browser has sent, but for those that are no text.
pub fn names(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    pairs(headers).filter_map(|(name, _)| std::str::from_utf8(name).ok())
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = headers.get_all(header::COOKIE).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).filter_map(|pair| {
        let (name, value) = pair.split_at_checked(pair.iter().position(|byte| *byte == b'=')?)?;
        Some((without_blanks(name), without_blanks(value.get(1..)?)))
    })
}

fn without_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn sent(value: &str) -> HeaderMap {
        lines(&[value.as_bytes()])
    }

    fn lines(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (header::COOKIE, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn under_https_cookies_are_host_bound_and_secure() {
        let set = Cookies::for_issuer("https://id.example.org").set("session", "v", Lifetime::Seconds(60));
        assert_eq!(set, "__Host-countersign_session=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
    }

    #[test]
    fn issuers_on_one_host_have_cookies_of_their_own() {
        let name = |issuer: &str| Cookies::for_issuer(issuer).name("session");
        assert_eq!(name("https://example.org/auth"), "__Host-countersign_7d2f30b8_session");
        assert_ne!(name("https://example.org/auth"), name("https://example.org/auth2"));
        assert_eq!(name("https://example.org"), "__Host-countersign_session");
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

    #[test]
    fn a_neighbours_cookie_takes_none_of_ours_along() {
        let cookies = Cookies::for_issuer("https://id.example.org");
        let mine = b"__Host-countersign_session=mine".as_slice();
        for neighbour in [
            "seen=café".as_bytes(),
            b"seen=caf\xe9",
            b"\xff\xfe",
            b"=",
            b"seen=\x80=; caf\xe9=1",
            b"seen=\"a b\", c",
            b"__Host-countersign_session",
        ] {
            let [before, after] = [[neighbour, mine].join(&b"; "[..]), [mine, neighbour].join(&b";"[..])];
            for headers in [lines(&[&before]), lines(&[&after]), lines(&[neighbour, mine])] {
                assert_eq!(cookies.read(&headers, "session").as_deref(), Some("mine"), "{headers:?}");
            }
        }
    }

    #[test]
    fn no_blank_makes_a_guarded_name() {
        let cookies = Cookies::for_issuer("https://id.example.org");
        for blank in ["\u{a0}", "\u{85}", "\u{2003}", "\u{3000}", "\u{feff}"] {
            for name in
                [format!("{blank}__Host-countersign_session"), format!("__Host-countersign_session{blank}")]
            {
                assert_eq!(cookies.read(&sent(&format!("{name}=planted")), "session"), None, "{name:?}");
            }
        }
        assert_eq!(cookies.read(&sent(" \t__Host-countersign_session = v"), "session").as_deref(), Some("v"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(0x20u8..=0xff, 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
                let _ = Cookies::for_issuer("https://id.example.org").read(&headers, "session");
            }
        }

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
