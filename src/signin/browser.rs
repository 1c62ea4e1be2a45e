//! Which browser is this? A long-lived random cookie: sign-ins are bound to it, and wrong passwords are counted by it.

use axum::http::HeaderMap;
use rand::CryptoRng;

use crate::keys::secret::{Token, TokenHash};
use crate::web::cookies::{Cookies, Lifetime};

/// The cookie's name, before the prefix that https gives it.
const COOKIE: &str = "browser";

/// How long a browser is remembered, in seconds: as long as browsers allow.
const LIFETIME: i64 = 400 * 86_400;

/// A browser, by the hash of its cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser(TokenHash);

impl Browser {
    /// The browser that sent these headers, if it has been here before.
    #[must_use]
    pub fn of(cookies: &Cookies, headers: &HeaderMap) -> Option<Self> {
        let value = cookies.read(headers, COOKIE)?;
        // A value that we did not make is nobody's.
        (value.len() == 43).then(|| Self(TokenHash::of(&value)))
    }

    /// A browser that is here for the first time, and the `Set-Cookie` that will make it known.
    pub fn greet(cookies: &Cookies, rng: &mut impl CryptoRng) -> (Self, String) {
        let token = Token::generate(rng);
        let set = cookies.set(COOKIE, token.reveal(), Lifetime::Seconds(LIFETIME));
        (Self(token.hash()), set)
    }

    /// What the database knows it by.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}
