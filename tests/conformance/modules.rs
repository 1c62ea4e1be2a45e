//! What does each module do that several plans share? They differ in the terms of their requests.

use countersign::oidc::clients::{AuthMethod, ResponseType};
use serde_json::json;

use crate::checks;
use crate::suite::{Flow, Suite, Terms, answer_of, finish, long_state};
use crate::support::browser::{Browser, http};
use crate::support::relying_app::{Answer, Visit};

/// Those with which a provider may refuse to ask.
const INTERACTION: [&str; 4] =
    ["login_required", "interaction_required", "account_selection_required", "consent_required"];

/// A page of the provider's own that says what is wrong.
fn assert_error_page(browser: &Browser) {
    assert!(!browser.has_left(), "sent to {}", browser.page().url);
    assert_eq!(browser.status(), 400, "{}", browser.text());
}

async fn succeeds(terms: Terms, visit: impl FnOnce(Visit) -> Visit) -> Flow {
    let suite = Suite::start(terms).await;
    let visit = visit(suite.visit());
    suite.happy(&visit).await
}

pub async fn oidcc_server(terms: Terms) {
    succeeds(terms, |visit| visit).await;
}

pub async fn oidcc_response_type_missing(terms: Terms) {
    let suite = Suite::start(terms).await;
    let visit = suite.visit().without("response_type");
    let error = suite.refused(&mut suite.site.browser(), &visit).await;
    assert!(["unsupported_response_type", "invalid_request"].contains(&error.as_str()), "{error}");
}

pub async fn oidcc_idtoken_signature(terms: Terms) {
    use base64::Engine as _;
    let flow = succeeds(terms, |visit| visit).await;
    let id_token = flow.tokens.text("id_token");
    let header = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(id_token.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header["alg"], "RS256");
    assert!(header["kid"].is_string());
}

/// Skipped unless `none` is published for ID tokens.
pub async fn oidcc_idtoken_unsigned(terms: Terms) {
    assert!(!Suite::start(terms).await.lists("id_token_signing_alg_values_supported", "none"));
}

/// Not asked where there is no access token.
pub async fn oidcc_userinfo_get(terms: Terms) {
    // Every flow asks by GET.
    let flow = succeeds(terms, |visit| visit).await;
    if flow.tokens.json["access_token"].is_null() {
        return;
    }
    assert_eq!(flow.userinfo["sub"], flow.id_token["sub"]);
}

async fn userinfo_by_post(terms: Terms, in_header: bool) {
    let suite = Suite::start(terms).await;
    let flow = suite.happy(&suite.visit()).await;
    let Some(token) = flow.tokens.json["access_token"].as_str() else { return };
    let request = http().post(suite.metadata["userinfo_endpoint"].as_str().unwrap());
    let request = if in_header {
        request.bearer_auth(token)
    } else {
        let body =
            form_urlencoded::Serializer::new(String::new()).append_pair("access_token", token).finish();
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    checks::userinfo(&answer.json, &flow.id_token);
}

pub async fn oidcc_userinfo_post_header(terms: Terms) {
    userinfo_by_post(terms, true).await;
}

pub async fn oidcc_userinfo_post_body(terms: Terms) {
    userinfo_by_post(terms, false).await;
}

pub async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow(terms: Terms) {
    let flow = succeeds(terms, |visit| visit.without("nonce")).await;
    assert!(flow.id_token.get("nonce").is_none());
}

/// An ID token from the authorization endpoint needs one (OIDC Core §3.2.2.1).
pub async fn oidcc_ensure_request_without_nonce_fails(terms: Terms) {
    let suite = Suite::start(terms).await;
    let visit = suite.visit().without("nonce");
    if suite.response_type().has_id_token() {
        assert_eq!(suite.refused(&mut suite.site.browser(), &visit).await, "invalid_request");
    } else {
        suite.happy(&visit).await;
    }
}

/// Every claim of a scope (OIDC Core §5.4).
async fn scope(terms: Terms, scope: &str, claims: &[&str]) {
    let flow = succeeds(terms, |visit| visit.with("scope", &format!("openid {scope}"))).await;
    for claim in claims {
        assert!(flow.person().get(claim).is_some(), "{claim} is missing: {}", flow.person());
    }
}

const PROFILE: [&str; 14] = [
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
];

pub async fn oidcc_scope_profile(terms: Terms) {
    scope(terms, "profile", &PROFILE).await;
}

pub async fn oidcc_scope_email(terms: Terms) {
    scope(terms, "email", &["email", "email_verified"]).await;
}

pub async fn oidcc_scope_address(terms: Terms) {
    scope(terms, "address", &["address"]).await;
}

pub async fn oidcc_scope_phone(terms: Terms) {
    scope(terms, "phone", &["phone_number", "phone_number_verified"]).await;
}

pub async fn oidcc_scope_all(terms: Terms) {
    let rest = ["email", "email_verified", "address", "phone_number", "phone_number_verified"];
    scope(terms, "profile email address phone", &[&PROFILE[..], &rest].concat()).await;
}

pub async fn oidcc_alternate_happy_flow(terms: Terms) {
    let suite = Suite::start(terms).await;
    let visit = suite.visit().with("scope", "email openid");
    // The parameters of a visit are in their alphabet's order; here they come the other way round.
    let mut address = suite.site.url.join("authorize").unwrap();
    address.query_pairs_mut().extend_pairs(visit.parameters.iter().rev());
    let mut browser = suite.site.browser();
    browser.open(address.as_str()).await;
    finish(&mut browser).await;
    suite.redeem(&suite.client, &visit, &answer_of(&browser)).await;
}

pub async fn oidcc_display_page(terms: Terms) {
    succeeds(terms, |visit| visit.with("display", "page")).await;
}

pub async fn oidcc_display_popup(terms: Terms) {
    succeeds(terms, |visit| visit.with("display", "popup")).await;
}

/// A second request that has to ask again, though the session lives.
async fn asks_again(suite: &Suite, first: &Visit, second: &Visit) {
    let mut browser = suite.site.browser();
    let before = suite.flow(&mut browser, first).await;
    suite.site.advance(2);
    browser.open(&second.url()).await;
    assert!(browser.has_field("password"), "{}", browser.text());
    let after = suite.flow(&mut browser, second).await;
    assert_eq!(after.id_token["sub"], before.id_token["sub"]);
    let auth_time = after.id_token["auth_time"].as_i64().unwrap();
    assert!(before.id_token["auth_time"].as_i64().is_none_or(|before| auth_time > before));
    assert!(suite.site.now() - auth_time < 60);
}

pub async fn oidcc_prompt_login(terms: Terms) {
    let suite = Suite::start(terms).await;
    asks_again(&suite, &suite.visit(), &suite.visit().with("prompt", "login")).await;
}

pub async fn oidcc_prompt_none_not_logged_in(terms: Terms) {
    let suite = Suite::start(terms).await;
    let visit = suite.visit().with("prompt", "none").with("state", &long_state());
    let error = suite.refused(&mut suite.site.browser(), &visit).await;
    assert!(INTERACTION.contains(&error.as_str()), "{error}");
}

/// A second request that may not ask: the same person, the same time of sign-in.
async fn asks_nothing(suite: &Suite, first: &Visit, second: impl FnOnce(Visit, &Flow) -> Visit) -> [Flow; 2] {
    let mut browser = suite.site.browser();
    let before = suite.flow(&mut browser, first).await;
    suite.site.advance(2);
    let second = second(suite.visit(), &before);
    browser.open(&second.url()).await;
    let arrived = answer_of(&browser);
    checks::callback(&second, &arrived, suite.issuer());
    let after = suite.redeem(&suite.client, &second, &arrived).await;
    assert_eq!(after.id_token["sub"], before.id_token["sub"]);
    assert_eq!(after.id_token["auth_time"], before.id_token["auth_time"]);
    [before, after]
}

pub async fn oidcc_prompt_none_logged_in(terms: Terms) {
    let suite = Suite::start(terms).await;
    asks_nothing(&suite, &suite.visit(), |visit, _| visit.with("prompt", "none")).await;
}

pub async fn oidcc_max_age_1(terms: Terms) {
    let suite = Suite::start(terms).await;
    asks_again(&suite, &suite.visit(), &suite.visit().with("max_age", "1")).await;
}

pub async fn oidcc_max_age_10000(terms: Terms) {
    let suite = Suite::start(terms).await;
    let first = suite.visit().with("max_age", "15000");
    let flows = asks_nothing(&suite, &first, |visit, _| visit.with("max_age", "10000")).await;
    assert!(flows.iter().all(|flow| flow.id_token["auth_time"].is_i64()));
}

pub async fn oidcc_ensure_request_with_unknown_parameter_succeeds(terms: Terms) {
    succeeds(terms, |visit| visit.with("extra", "foobar")).await;
}

pub async fn oidcc_id_token_hint(terms: Terms) {
    let suite = Suite::start(terms).await;
    let hinted = |visit: Visit, before: &Flow| {
        visit.with("prompt", "none").with("id_token_hint", &before.tokens.text("id_token"))
    };
    asks_nothing(&suite, &suite.visit(), hinted).await;
}

pub async fn oidcc_login_hint(terms: Terms) {
    succeeds(terms, |visit| visit.with("login_hint", "buffy@localhost")).await;
}

pub async fn oidcc_ui_locales(terms: Terms) {
    succeeds(terms, |visit| visit.with("ui_locales", "se")).await;
}

pub async fn oidcc_claims_locales(terms: Terms) {
    succeeds(terms, |visit| visit.with("claims_locales", "se")).await;
}

pub async fn oidcc_ensure_request_with_acr_values_succeeds(terms: Terms) {
    let suite = Suite::start(terms).await;
    let published = suite.metadata["acr_values_supported"].as_array().unwrap().clone();
    let values: Vec<&str> = published.iter().filter_map(|v| v.as_str()).collect();
    let flow = suite.happy(&suite.visit().with("acr_values", &values.join(" "))).await;
    assert!(published.contains(&flow.id_token["acr"]), "{}", flow.id_token);
}

/// A code that comes again after so many seconds; the first access token is then dead.
async fn code_reuse(terms: Terms, seconds: i64) {
    let suite = Suite::start(terms).await;
    let visit = suite.visit();
    let arrived = suite.authorize(&mut suite.site.browser(), &visit).await;
    let flow = suite.redeem(&suite.client, &visit, &arrived).await;
    suite.site.advance(seconds);
    let again = suite.client.redeem(&visit, &arrived).await;
    checks::json_refusal(&again, 400, "invalid_grant");
    let userinfo = suite.client.userinfo(&flow.tokens.text("access_token")).await;
    assert!(userinfo.status.is_client_error(), "{}", userinfo.status);
}

pub async fn oidcc_codereuse(terms: Terms) {
    code_reuse(terms, 0).await;
}

pub async fn oidcc_codereuse_30seconds(terms: Terms) {
    code_reuse(terms, 30).await;
}

pub async fn oidcc_ensure_registered_redirect_uri(terms: Terms) {
    let suite = Suite::start(terms).await;
    let mut browser = suite.site.browser();
    let visit = suite.visit().with("redirect_uri", "https://app.example.org/callback/unregistered");
    browser.open(&visit.url()).await;
    assert_error_page(&browser);
}

pub async fn oidcc_ensure_post_request_succeeds(terms: Terms) {
    let suite = Suite::start(terms).await;
    let visit = suite.visit();
    let fields: Vec<(&str, &str)> = visit.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut browser = suite.site.browser();
    browser.post_from_elsewhere("authorize", &fields).await;
    finish(&mut browser).await;
    let arrived = answer_of(&browser);
    checks::callback(&visit, &arrived, suite.issuer());
    suite.redeem(&suite.client, &visit, &arrived).await;
}

pub async fn oidcc_server_client_secret_post(terms: Terms) {
    let suite =
        Suite::start_with(terms, |client| client.token_endpoint_auth_method = AuthMethod::ClientSecretPost)
            .await;
    assert!(suite.lists("token_endpoint_auth_methods_supported", "client_secret_post"));
    suite.happy(&suite.visit()).await;
}

/// What the suite asks of unsigned request objects: nothing, where their algorithms are published without `none`.
async fn skipped_without_none(terms: Terms) {
    assert!(Suite::start(terms).await.skips_unsigned_requests());
}

pub async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(terms: Terms) {
    skipped_without_none(terms).await;
}

pub async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(terms: Terms) {
    skipped_without_none(terms).await;
}

pub async fn oidcc_ensure_request_object_with_redirect_uri(terms: Terms) {
    skipped_without_none(terms).await;
}

pub async fn oidcc_claims_essential(terms: Terms) {
    let alone = terms.response_type() == ResponseType::IdToken;
    let half = if alone { "id_token" } else { "userinfo" };
    let claims = json!({ half: { "name": { "essential": true } } });
    let flow = succeeds(terms, |visit| visit.with("claims", &claims.to_string())).await;
    assert_eq!(flow.person()["name"], "Ada Lovelace");
}

pub async fn oidcc_refresh_token(terms: Terms) {
    let suite = Suite::start(terms).await;
    assert!(suite.lists("grant_types_supported", "refresh_token"));
    let offline = |visit: Visit| visit.with("scope", "openid offline_access").with("prompt", "consent");
    let visit = offline(suite.visit());
    let first = suite.happy(&visit).await;
    suite.site.advance(1);
    let refresh_token = first.tokens.text("refresh_token");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &refresh_token),
        ("scope", "openid offline_access"),
    ];
    let fresh = suite.client.token(&form).await;
    checks::token_answer(&fresh);
    assert_ne!(fresh.text("access_token"), first.tokens.text("access_token"));
    let claims = suite.client.verify_signature(&fresh.text("id_token")).await;
    for same in ["iss", "sub", "aud", "azp", "auth_time"] {
        assert_eq!(claims.get(same), first.id_token.get(same), "{same}");
    }
    assert!(claims["iat"].as_i64() > first.id_token["iat"].as_i64());
    assert_eq!(suite.client.userinfo(&fresh.text("access_token")).await.status, 200);

    let visit2 = offline(suite.on_terms(suite.client2.visit().without_pkce()));
    let mut browser = suite.site.browser();
    let arrived = suite.authorize(&mut browser, &visit2).await;
    let second = suite.redeem(&suite.client2, &visit2, &arrived).await;
    let stolen = suite.client.refresh(&second.tokens.text("refresh_token")).await;
    checks::json_refusal(&stolen, 400, "invalid_grant");
}

pub async fn oidcc_ensure_request_with_valid_pkce_succeeds(terms: Terms) {
    let suite = Suite::start(terms).await;
    let visit = suite.on_terms(suite.client.visit());
    suite.happy(&visit).await;
}
