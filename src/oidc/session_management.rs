//! Can an app's page see that the session here has changed, without asking us again and again? (OIDC Session Management 1.0)

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use openssl::sha::sha256;
use rand::CryptoRng;
use url::Url;

use super::Provider;
use crate::keys::secret::{Token, base64url};
use crate::keys::{Vault, VaultError};
use crate::web::cookies::Cookies;
use crate::web::layers::AnyFrame;
use crate::web::{Language, SessionCheckPage};

/// The name of the cookie that our page in the app's frame reads, before the prefix that https gives it.
pub(super) const STATE_COOKIE: &str = "browser_state";

/// What the cookie's value is made for.
const PURPOSE: &str = "browser state";

/// Only our script, in whoever's frame. It can do nothing but answer whether somebody's guess is right.
const POLICY: &str =
    "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *";

/// What stands for the session in the browser (§4.2): it changes with the session, and nobody can guess it from `sid`.
///
/// # Errors
/// When the master key cannot be used.
pub(super) fn browser_state(vault: &Vault, session_id: &str) -> Result<String, VaultError> {
    vault.mac(PURPOSE, &[session_id.as_bytes()])
}

/// The cookie of a browser in which nobody is signed in any more: a value that no app has been told, and nobody can guess.
pub(super) fn cookie_of_nobody(cookies: Cookies, rng: &mut impl CryptoRng) -> String {
    cookies.set_readable(STATE_COOKIE, Token::generate(rng).reveal())
}

/// `session_state` (§2) of an answer to this redirect URI; none where it leads to no origin that could have a frame.
pub(super) fn session_state(client_id: &str, redirect_uri: &str, state: &str, salt: &str) -> Option<String> {
    let origin = Url::parse(redirect_uri).ok()?.origin();
    if !origin.is_tuple() {
        return None;
    }
    let text = format!("{client_id} {} {state} {salt}", origin.ascii_serialization());
    Some(format!("{}.{salt}", base64url(&sha256(text.as_bytes()))))
}

/// `GET /session/check`: the page behind `check_session_iframe` (§3.3)
pub(super) async fn check(State(provider): State<Arc<Provider>>) -> Response {
    let state = &provider.signin;
    let page = SessionCheckPage { cookie: state.cookies.name(STATE_COOKIE) };
    let mut response = state.pages.respond(StatusCode::OK, &page, Language::default());
    response.extensions_mut().insert(AnyFrame);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
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
