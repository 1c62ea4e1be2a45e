//! Which browser is this? A long-lived cookie of our own making, to which sign-ins are bound.

use axum::http::HeaderMap;
use rand::CryptoRng;

use crate::keys::secret::{Token, TokenHash, base64url, same};
use crate::keys::{Vault, VaultError};
use crate::web::cookies::{Cookies, Lifetime};

/// The cookie's name, before the prefix that https gives it.
const COOKIE: &str = "browser";

/// What its keyed hash is for.
const PURPOSE: &str = "browser cookie";

/// How long a browser is remembered, in seconds: as long as browsers allow.
const LIFETIME: i64 = 400 * 86_400;

/// A browser, by the hash of its cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser(TokenHash);

impl Browser {
    /// The browser that sent these headers, if it has been here before. A value that we did not make is nobody's.
    #[must_use]
    pub fn of(cookies: &Cookies, vault: &Vault, headers: &HeaderMap) -> Option<Self> {
        let value = cookies.read(headers, COOKIE)?;
        let (token, seal) = value.split_once('.')?;
        let expected = seal_of(vault, token).ok()?;
        same(expected.as_bytes(), seal.as_bytes()).then(|| Self(TokenHash::of(token)))
    }

    /// A browser that is here for the first time, and the `Set-Cookie` that tells it from others.
    pub fn greet(cookies: &Cookies, vault: &Vault, rng: &mut impl CryptoRng) -> (Self, String) {
        let token = Token::generate(rng);
        // Where OpenSSL refuses there is no seal, and the browser is new the next time too.
        let seal = seal_of(vault, token.reveal()).unwrap_or_default();
        let value = format!("{}.{seal}", token.reveal());
        (Self(token.hash()), cookies.set(COOKIE, &value, Lifetime::Seconds(LIFETIME)))
    }

    /// What the database knows it by.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn seal_of(vault: &Vault, token: &str) -> Result<String, VaultError> {
    Ok(base64url(&vault.mac_bytes(PURPOSE, &[token.as_bytes()])?))
}
