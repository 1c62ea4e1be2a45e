//! Does an app that somebody else's library has built get in, at the program as it is installed?
#![cfg(test)]

mod support;

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreProviderMetadata};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse,
};
use support::admin::PASSWORD;
use support::browser::Browser;
use support::program::Program;
use support::smtp::Smtp;
use url::Url;

crate::on_both_databases! {
    /// Everything from an empty folder to a verified ID token: set up by commands, served by the program, signed in by
    /// a browser with an emailed code, redeemed and verified by the `openidconnect` crate.
    async fn an_app_built_on_the_openidconnect_crate_signs_ned_in(database) {
        let smtp = Smtp::start().await;
        let program = Program::new(database, &smtp);
        let (client_id, client_secret) = set_up(&program);
        let _serving = program.serve();
        let claims = sign_in(&program.url, &smtp, client_id, client_secret).await;
        let methods: Vec<&str> = claims.auth_method_refs().unwrap().iter().map(|m| m.as_str()).collect();
        assert_eq!(methods, ["pwd", "otp", "mfa"]);
        assert_eq!(claims.auth_context_ref().unwrap().as_str(), "urn:countersign:acr:2fa");
        assert!(claims.auth_time().is_some());
    }
}

const REDIRECT_URI: &str = "https://app.example.org/callback";

/// What the README tells to do.
fn set_up(program: &Program) -> (String, String) {
    program.init();
    program.must(&["group", "add", "Acme", "--language", "en"], "");
    program.must(&["group", "set", "Acme", "--two-factor", "on"], "");
    let add = [
        "user",
        "add",
        "ned",
        "--group",
        "Acme",
        "--role",
        "User",
        "--email",
        "ned@example.org",
        "--password-stdin",
    ];
    program.must(&add, &format!("{PASSWORD}\n"));
    let client =
        program.must_json(&["client", "add", "Time Tracker", "--redirect-uri", REDIRECT_URI, "--json"]);
    let text =
        |name: &str| client[name].as_str().unwrap_or_else(|| panic!("no {name} in {client}")).to_owned();
    (text("client_id"), text("client_secret"))
}

async fn sign_in(site: &Url, smtp: &Smtp, client_id: String, client_secret: String) -> CoreIdTokenClaims {
    let http = openidconnect::reqwest::Client::builder()
        .redirect(openidconnect::reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let issuer = IssuerUrl::new(site.origin().ascii_serialization()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &http).await.unwrap();
    let app = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(client_id),
        Some(ClientSecret::new(client_secret)),
    )
    .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.to_owned()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = app
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let arrived = walk_in(site, smtp, &url).await;
    let given =
        |name: &str| arrived.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap();
    assert_eq!(given("state"), *state.secret());
    let code = AuthorizationCode::new(given("code"));
    let tokens =
        app.exchange_code(code).unwrap().set_pkce_verifier(verifier).request_async(&http).await.unwrap();
    let id_token = tokens.id_token().unwrap();
    let verifier = app.id_token_verifier();
    let claims = id_token.claims(&verifier, &nonce).unwrap();
    if let Some(expected) = claims.access_token_hash() {
        let (algorithm, key) = (id_token.signing_alg().unwrap(), id_token.signing_key(&verifier).unwrap());
        let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).unwrap();
        assert_eq!(actual, *expected);
    }
    claims.clone()
}

/// What Ned does; the answer is the address at the app that he is sent to.
async fn walk_in(site: &Url, smtp: &Smtp, url: &Url) -> Url {
    let mut browser = Browser::new(site);
    browser.open(url.as_str()).await;
    browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
    let letter = smtp.letter(0).await;
    assert_eq!(letter.to, ["ned@example.org"]);
    browser.fill("code", &letter.code().unwrap()).fill("password", PASSWORD).submit().await;
    browser.arrived()
}
