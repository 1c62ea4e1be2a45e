//! Does an app's logout end the session here? Plan `oidcc-rp-initiated-logout-certification-test-plan`.

use countersign::keys::secret::base64url;

use crate::suite::{Flow, POST_LOGOUT_REDIRECT_URI, Suite, Terms, long_state};
use crate::support::browser::Browser;

/// Somebody who is signed in, and the flow that did it.
struct SignedIn {
    suite: Suite,
    browser: Browser,
    flow: Flow,
}

impl SignedIn {
    async fn start() -> Self {
        let suite = Suite::start(Terms::BASIC).await;
        let mut browser = suite.site.browser();
        let flow = suite.flow(&mut browser, &suite.visit()).await;
        Self { suite, browser, flow }
    }

    fn hint(&self) -> String {
        self.flow.tokens.text("id_token")
    }

    async fn log_out(&mut self, parameters: &[(&str, &str)]) {
        let url = self.suite.logout(parameters);
        self.browser.open(url.as_str()).await;
    }

    /// Whoever is asked agrees; then they read that they are signed out, and no app is called.
    async fn agrees_and_stays(&mut self) {
        assert!(!self.browser.has_left(), "sent to {}", self.browser.page().url);
        if self.browser.text().contains("Sign out?") {
            self.browser.submit().await;
        }
        assert!(!self.browser.has_left(), "sent to {}", self.browser.page().url);
        assert!(self.browser.text().contains("Signed out"), "{}", self.browser.text());
        self.session_is_gone().await;
    }

    async fn session_is_gone(&mut self) {
        self.suite.session_is_gone(&mut self.browser).await;
    }

    /// An error or a question, and no redirect.
    fn stays(&self) {
        assert!(!self.browser.has_left(), "sent to {}", self.browser.page().url);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let suite = Suite::start(Terms::BASIC).await;
    assert!(suite.metadata["end_session_endpoint"].as_str().unwrap().starts_with("https://"));
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let mut person = SignedIn::start().await;
    let (hint, state) = (person.hint(), long_state());
    let parameters = [
        ("id_token_hint", &*hint),
        ("post_logout_redirect_uri", POST_LOGOUT_REDIRECT_URI),
        ("state", &*state),
    ];
    person.log_out(&parameters).await;
    assert_eq!(person.browser.arrived().as_str(), format!("{POST_LOGOUT_REDIRECT_URI}?state={state}"));
    person.session_is_gone().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let mut person = SignedIn::start().await;
    let hint = person.hint();
    person.log_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", POST_LOGOUT_REDIRECT_URI)]).await;
    assert_eq!(person.browser.arrived().as_str(), POST_LOGOUT_REDIRECT_URI);
    person.session_is_gone().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let mut person = SignedIn::start().await;
    let (hint, state) = (person.hint(), long_state());
    let bad = format!("{POST_LOGOUT_REDIRECT_URI}/nonexisting");
    person.log_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", &bad), ("state", &state)]).await;
    person.stays();
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let mut person = SignedIn::start().await;
    let hint = person.hint();
    let added = format!("{POST_LOGOUT_REDIRECT_URI}?foo=bar");
    person.log_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", &added)]).await;
    person.stays();
}

/// The claims of the ID token, signed by nobody.
#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let mut person = SignedIn::start().await;
    let hint = person.hint();
    let claims = hint.split('.').nth(1).unwrap();
    let modified = format!("{}.{claims}.", base64url(br#"{"alg":"none"}"#));
    person
        .log_out(&[("id_token_hint", &modified), ("post_logout_redirect_uri", POST_LOGOUT_REDIRECT_URI)])
        .await;
    person.stays();
}

/// Signed by the app, with issuer and audience swapped.
#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    use josekit::jws::{JwsHeader, RS256};
    use josekit::jwt::{self, JwtPayload};

    let mut person = SignedIn::start().await;
    let mut claims = JwtPayload::new();
    claims.set_issuer(&person.suite.client.client_id);
    claims.set_audience(vec![person.suite.issuer()]);
    claims.set_subject(person.flow.id_token["sub"].as_str().unwrap());
    let key = openssl::rsa::Rsa::generate(2048).unwrap();
    let pem = openssl::pkey::PKey::from_rsa(key).unwrap().private_key_to_pem_pkcs8().unwrap();
    let bad =
        jwt::encode_with_signer(&claims, &JwsHeader::new(), &RS256.signer_from_pem(pem).unwrap()).unwrap();
    person.log_out(&[("id_token_hint", &bad), ("post_logout_redirect_uri", POST_LOGOUT_REDIRECT_URI)]).await;
    person.stays();
}

/// The person is asked; an address without a hint is not followed even then.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let mut person = SignedIn::start().await;
    let state = long_state();
    person.log_out(&[("post_logout_redirect_uri", POST_LOGOUT_REDIRECT_URI), ("state", &state)]).await;
    person.agrees_and_stays().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let mut person = SignedIn::start().await;
    person.log_out(&[]).await;
    person.agrees_and_stays().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let mut person = SignedIn::start().await;
    let (hint, state) = (person.hint(), long_state());
    person.log_out(&[("id_token_hint", &hint), ("state", &state)]).await;
    person.agrees_and_stays().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let mut person = SignedIn::start().await;
    person.log_out(&[("state", &long_state())]).await;
    person.agrees_and_stays().await;
}
