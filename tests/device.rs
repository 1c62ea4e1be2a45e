//! Does a device without a keyboard get its tokens, when a person has agreed and no sooner? (RFC 8628)
#![cfg(test)]

mod support;

use countersign::oidc::clients::{AuthMethod, GrantType, Metadata};
use support::Database;
use support::admin::PASSWORD;
use support::browser::Browser;
use support::relying_app::{Answer, RelyingApp};
use support::site::Site;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn television(m: &mut Metadata) {
    m.client_name = "Television".to_owned();
    m.token_endpoint_auth_method = AuthMethod::None;
    m.grant_types = vec![GrantType::DeviceCode, GrantType::RefreshToken];
    m.redirect_uris.clear();
    m.response_types.clear();
}

/// A device that has asked for its codes.
struct Device<'a> {
    app: &'a RelyingApp,
    codes: Answer,
}

impl<'a> Device<'a> {
    async fn of(app: &'a RelyingApp, scope: &str) -> Self {
        Self { app, codes: app.ask("device_authorization", &[("scope", scope)]).await }
    }

    fn user_code(&self) -> String {
        self.codes.text("user_code")
    }

    async fn poll(&self) -> Answer {
        let code = self.codes.text("device_code");
        self.app.token(&[("grant_type", DEVICE_CODE), ("device_code", &code)]).await
    }

    async fn poll_error(&self) -> String {
        self.poll().await.error().expect("a refusal")
    }
}

/// All of them at once.
async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(value) => {
                done.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

/// A browser in which somebody has typed a code, or come by the address that has it.
async fn enter(site: &Site, code: &str) -> Browser {
    let mut browser = site.browser();
    browser.open("/device").await;
    browser.fill("user_code", code).submit().await;
    browser
}

/// The same, and then login, password and emailed code.
async fn sign_in(site: &Site, code: &str, login: &str) -> Browser {
    let mut browser = enter(site, code).await;
    browser.fill("login", login).fill("password", PASSWORD).submit().await;
    let emailed = site.inbox(&format!("{login}@example.org")).code();
    browser.fill("code", &emailed).fill("password", PASSWORD).submit().await;
    browser
}

crate::on_both_databases! {
    async fn a_person_lets_a_device_in(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(television).await;
        let device = Device::of(&app, "openid profile offline_access").await;
        assert_eq!(device.codes.status, 200, "{}", device.codes.json);
        assert_eq!(device.codes.headers["cache-control"], "no-store");
        assert_eq!(device.codes.json["expires_in"], 600);
        assert_eq!(device.codes.json["interval"], 5);
        let issuer = site.url.as_str().trim_end_matches('/');
        assert_eq!(device.codes.text("verification_uri"), format!("{issuer}/device"));
        assert_eq!(device.poll_error().await, "authorization_pending");

        let typed = device.user_code().to_lowercase().replace('-', " ");
        let mut browser = sign_in(&site, &typed, "ned").await;
        assert!(browser.text().contains("Allow Television?"), "{}", browser.text());
        assert_eq!(browser.text_of("user_code"), Some(device.user_code()));
        site.advance(5);
        assert_eq!(device.poll_error().await, "authorization_pending");
        browser.submit().await;
        assert!(browser.text().contains("Your device is connected"), "{}", browser.text());
        assert!(!browser.has_left());

        let tokens = device.poll().await;
        assert_eq!(tokens.status, 200, "{}", tokens.json);
        let claims = app.verify_signature(&tokens.text("id_token")).await;
        assert_eq!(claims["amr"], serde_json::json!(["pwd", "otp", "mfa"]));
        assert_eq!(claims["aud"], app.client_id.as_str());
        assert!(claims["nonce"].is_null());
        let about = app.userinfo(&tokens.text("access_token")).await;
        assert_eq!(about.json["preferred_username"], "ned");
        let refreshed = app.refresh(&tokens.text("refresh_token")).await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.json);
        assert_eq!(device.poll_error().await, "invalid_grant");
    }
}

crate::on_both_databases! {
    async fn a_session_is_enough_but_consent_is_asked_every_time(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(television).await;
        let first = Device::of(&app, "openid").await;
        let mut browser = sign_in(&site, &first.user_code(), "ned").await;
        browser.submit().await;
        assert_eq!(first.poll().await.status, 200);

        let second = Device::of(&app, "openid").await;
        browser.open(&second.codes.text("verification_uri_complete")).await;
        assert_eq!(browser.field("user_code"), Some(second.user_code()));
        assert!(browser.text().contains("Does your device show this code?"));
        browser.submit().await;
        assert_eq!(browser.text_of("user_code"), Some(second.user_code()));
        assert_eq!(second.poll_error().await, "authorization_pending");
        browser.submit().await;
        assert_eq!(second.poll().await.status, 200);
    }
}

crate::on_both_databases! {
    async fn who_says_no_is_believed(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(television).await;
        let device = Device::of(&app, "openid").await;
        let mut browser = sign_in(&site, &device.user_code(), "ned").await;
        browser.press("deny").await;
        assert!(browser.text().contains("Not connected"), "{}", browser.text());
        assert_eq!(device.poll_error().await, "access_denied");
        assert_eq!(device.poll_error().await, "access_denied");

        let device = Device::of(&app, "openid").await;
        let mut browser = enter(&site, &device.user_code()).await;
        browser.press("cancel").await;
        assert!(browser.text().contains("Not connected"), "{}", browser.text());
        assert_eq!(device.poll_error().await, "access_denied");
        // Nothing can be decided twice.
        assert!(enter(&site, &device.user_code()).await.error().is_some());
    }
}

#[tokio::test]
async fn an_app_that_is_not_for_somebody_is_refused_to_them() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site
        .admin
        .add_app_with(|m| {
            television(m);
            m.allowed_groups = vec!["another".to_owned()];
        })
        .await;
    let device = Device::of(&app, "openid").await;
    let mut browser = enter(&site, &device.user_code()).await;
    browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
    assert!(browser.text().contains("Not connected"), "{}", browser.text());
    assert_eq!(device.poll_error().await, "access_denied");
}

crate::on_both_databases! {
    async fn a_device_that_asks_too_often_slows_down(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(television).await;
        let device = Device::of(&app, "openid").await;
        for (wait, expected) in [
            (0, "authorization_pending"),
            (5, "authorization_pending"),
            (4, "slow_down"),
            // Ten seconds from now on.
            (9, "slow_down"),
            // Fifteen.
            (15, "authorization_pending"),
            (14, "slow_down"),
            (20, "authorization_pending"),
        ] {
            site.advance(wait);
            assert_eq!(device.poll_error().await, expected, "after {wait} seconds");
        }
    }
}

crate::on_both_databases! {
    async fn a_code_ends_after_ten_minutes(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(television).await;
        let device = Device::of(&app, "openid").await;
        let mut browser = sign_in(&site, &device.user_code(), "ned").await;
        site.advance(600);
        assert_eq!(device.poll_error().await, "expired_token");
        browser.submit().await;
        assert_eq!(browser.status(), 410);
        assert!(browser.text().contains("This code no longer works"), "{}", browser.text());
        assert_eq!(device.poll_error().await, "expired_token");
        assert!(enter(&site, &device.user_code()).await.error().is_some());
    }
}

crate::on_both_databases! {
    async fn fifty_questions_at_once_have_one_answer(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(television).await;
        let device = Device::of(&app, "openid").await;
        let mut browser = sign_in(&site, &device.user_code(), "ned").await;
        browser.submit().await;
        let answers = join_all((0..50).map(|_| device.poll())).await;
        let given: Vec<&Answer> = answers.iter().filter(|a| a.status == 200).collect();
        assert_eq!(given.len(), 1);
        // Whoever came too late has not ended it.
        assert_eq!(app.userinfo(&given[0].text("access_token")).await.status, 200);
        for answer in answers.iter().filter(|a| a.status != 200) {
            assert!(answer.status == 400 || answer.status == 503, "{}", answer.json);
        }
    }
}

crate::on_both_databases! {
    async fn guessing_codes_is_slowed_down(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(television).await;
        let device = Device::of(&app, "openid").await;
        for _ in 0..10 {
            let browser = enter(&site, "BBBB-BBBB").await;
            assert_eq!(browser.error().map(|e| e.contains("This code is wrong")), Some(true));
        }
        let browser = enter(&site, &device.user_code()).await;
        assert_eq!(browser.status(), 429);
        assert_eq!(browser.header("retry-after"), Some("2".to_owned()));
        site.advance(2);
        assert!(enter(&site, &device.user_code()).await.has_field("login"));
    }
}

#[tokio::test]
async fn the_page_is_for_people_alone() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app_with(television).await;
    let device = Device::of(&app, "openid").await;
    let mut browser = site.browser();
    browser.open("/device?user_code=%3Cscript%3E").await;
    assert_eq!(browser.field("user_code"), Some(String::new()));
    let code = device.user_code();
    assert_eq!(browser.post_from_elsewhere("/device", &[("user_code", &code)]).await.status(), 403);
    browser.post("/device", &[("user_code", &code), ("user_code", &code)]).await;
    assert_eq!(browser.status(), 400);
}

#[tokio::test]
async fn what_a_device_asks_for_is_checked_first() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app_with(television).await;
    let other = site.admin.add_app_with(television).await;
    let web = site.admin.add_app().await;
    let refused = web.ask("device_authorization", &[("scope", "openid")]).await;
    assert_eq!(refused.error().as_deref(), Some("unauthorized_client"));
    let beyond = app.ask("device_authorization", &[("resource", "https://api.example.org/")]).await;
    assert_eq!(beyond.error().as_deref(), Some("invalid_target"));
    let twice = app.ask("device_authorization", &[("scope", "openid"), ("scope", "profile")]).await;
    assert_eq!(twice.error().as_deref(), Some("invalid_request"));

    let device = Device::of(&app, "openid").await;
    let code = device.codes.text("device_code");
    let stolen = other.token(&[("grant_type", DEVICE_CODE), ("device_code", &code)]).await;
    assert_eq!(stolen.error().as_deref(), Some("invalid_grant"));
    let missing = app.token(&[("grant_type", DEVICE_CODE)]).await;
    assert_eq!(missing.error().as_deref(), Some("invalid_request"));
    let unknown = app.token(&[("grant_type", DEVICE_CODE), ("device_code", "x")]).await;
    assert_eq!(unknown.error().as_deref(), Some("invalid_grant"));
}
