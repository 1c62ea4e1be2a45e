//! What stands for the session in the browser, so that an app's page can see a change? (OIDC Session Management 1.0 §3 and §4.2)

use rand::CryptoRng;
use url::Url;

use crate::keys::secret::{Token, base64url, sha256};
use crate::keys::{Vault, VaultError};
use crate::web::cookies::Cookies;

/// The name of the cookie that our page in the app's frame reads, before the prefix that https gives it.
pub(in crate::oidc) const STATE_COOKIE: &str = "browser_state";

/// What the cookie's value is made for.
const PURPOSE: &str = "browser state";

/// What stands for the session in the browser (§4.2): it changes with the session, and nobody can guess it from `sid`.
///
/// # Errors
/// When the master key cannot be used.
pub(in crate::oidc) fn browser_state(vault: &Vault, session_id: &str) -> Result<String, VaultError> {
    vault.mac(PURPOSE, &[session_id.as_bytes()])
}

/// The cookie of a browser in which nobody is signed in any more: a value that no app has been told, and nobody can guess.
pub(in crate::oidc) fn cookie_of_nobody(cookies: Cookies, rng: &mut impl CryptoRng) -> String {
    cookies.set_readable(STATE_COOKIE, Token::generate(rng).reveal())
}

/// `session_state` (§2) of an answer to this redirect URI; none where it leads to no origin that could have a frame.
pub(in crate::oidc) fn session_state(
    client_id: &str,
    redirect_uri: &str,
    state: &str,
    salt: &str,
) -> Option<String> {
    let origin = Url::parse(redirect_uri).ok()?.origin();
    if !origin.is_tuple() {
        return None;
    }
    let text = format!("{client_id} {} {state} {salt}", origin.ascii_serialization());
    Some(format!("{}.{salt}", base64url(&sha256(text.as_bytes()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_state_is_the_salted_hash_of_client_origin_and_state() {
        let state = |redirect_uri| session_state("app", redirect_uri, "s", "salt");
        let expected = base64url(&sha256(b"app https://app.example.org s salt"));
        assert_eq!(state("https://app.example.org/cb?x=1"), Some(format!("{expected}.salt")));
        assert_eq!(state("https://app.example.org:443/"), Some(format!("{expected}.salt")));
        assert_ne!(state("https://app.example.org:8443/"), Some(format!("{expected}.salt")));
        assert_eq!(state("org.example.app:/cb"), None, "no page of an app on a phone has a frame of ours");
    }
}
