//! Does what was once refused because its time was over stay refused, whatever the clock does then?
#![cfg(test)]

mod support;

use countersign::config::RegistrationMode;
use countersign::directory::{By, links};
use countersign::keys::secret::entropy;
use countersign::oidc::clients::{AuthMethod, GrantType};
use countersign::oidc::registration::invitation;
use countersign::store::registrations;
use serde_json::json;
use support::admin::{PASSWORD, REDIRECT_URI};
use support::browser::{Browser, http};
use support::relying_app::Answer;
use support::site::Site;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An hour back, as when summer time ends on a machine that takes it for the time.
const BACK: i64 = -3600;

fn said(browser: &Browser, words: &str) {
    assert!(browser.text().contains(words) && !browser.has_left(), "{words} is not in:\n{}", browser.text());
}

crate::on_both_databases! {
    async fn an_emailed_code_that_has_expired(database) {
        let site = Site::with(database, |config| config.signin.ask_password_with_code = false).await;
        let app = site.admin.add_app().await;
        // Tried, seen on the page alone, or neither; and by how much the clock goes back.
        for (tried, seen, back) in [(true, true, -30), (true, true, BACK), (false, true, -30), (false, false, BACK)] {
            let mut browser = site.after_password(&app.visit(), "ned").await;
            let code = site.inbox("ned@example.org").code();
            site.advance(610);
            if tried {
                browser.fill("code", &code).submit().await;
                said(&browser, "no longer works");
            } else if seen {
                browser.reload().await;
                said(&browser, "no longer works");
            }
            site.advance(back);
            browser.fill("code", &code).submit().await;
            said(&browser, "no longer works");
            browser.press("resend").await;
            browser.fill("code", &site.inbox("ned@example.org").code()).submit().await;
            assert!(browser.has_left(), "another one can be had at once: {}", browser.text());
            site.advance(10_000);
        }
    }

    async fn a_code_by_hand_that_has_expired(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for (tried, back) in [(true, -30), (false, BACK)] {
            let code = site.give_code("nia").await;
            let mut browser = site.after_password(&app.visit(), "nia").await;
            assert!(browser.has_field("code"));
            let path = format!("{}/code", browser.page().url.path());
            site.advance(910);
            if tried {
                browser.post(&path, &[("code", &code), ("password", PASSWORD)]).await;
                assert!(!browser.has_left());
            }
            site.advance(back);
            browser.post(&path, &[("code", &code), ("password", PASSWORD)]).await;
            assert!(!browser.has_left());
            let mut again = site.after_password(&app.visit(), "nia").await;
            again.post(&format!("{}/code", again.page().url.path()), &[("code", &code), ("password", PASSWORD)]).await;
            assert!(!again.has_left());
            site.advance(10_000);
        }
    }

    async fn an_authorization_code_that_has_expired(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for (tried, back) in [(true, -30), (true, BACK), (false, BACK)] {
            let visit = app.visit();
            let code = visit.code(&site.after_password(&visit, "ada").await.arrived());
            site.advance(70);
            if tried {
                assert_eq!(app.redeem_code(&visit, &code).await.error().as_deref(), Some("invalid_grant"));
            }
            site.advance(back);
            assert_eq!(app.redeem_code(&visit, &code).await.error().as_deref(), Some("invalid_grant"), "{tried} {back}");
            site.advance(10_000);
        }
    }

    async fn a_refresh_token_that_has_expired(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit().with("scope", "openid offline_access");
        let (_, tokens) = site.signed_in(&app, &visit, "ada").await;
        site.advance(30 * 86_400);
        for later in [0, BACK] {
            site.advance(later);
            let refused = app.refresh(&tokens.text("refresh_token")).await;
            assert_eq!(refused.error().as_deref(), Some("invalid_grant"), "{}", refused.json);
        }
    }

    async fn a_device_that_has_waited_too_long(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(|m| {
            m.token_endpoint_auth_method = AuthMethod::None;
            m.grant_types = vec![GrantType::DeviceCode];
            m.redirect_uris.clear();
            m.response_types.clear();
        }).await;
        for (polled, typed, back) in [(true, false, -30), (false, true, -30), (false, false, BACK)] {
            let codes = app.ask("device_authorization", &[("scope", "openid")]).await;
            let lifetime = codes.json["expires_in"].as_i64().unwrap();
            let form = [("grant_type", DEVICE_CODE), ("device_code", &codes.text("device_code"))].map(|(n, v)| (n, v.to_owned()));
            let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
            site.advance(lifetime + 10);
            let mut browser = site.browser();
            if polled {
                assert_eq!(app.token(&form).await.error().as_deref(), Some("expired_token"));
            }
            if typed {
                browser.open("/device").await;
                browser.fill("user_code", &codes.text("user_code")).submit().await;
                said(&browser, "no longer works");
            }
            site.advance(back);
            browser.open("/device").await;
            browser.fill("user_code", &codes.text("user_code")).submit().await;
            said(&browser, "no longer works");
            assert_eq!(app.token(&form).await.error().as_deref(), Some("expired_token"), "{polled} {typed} {back}");
            site.advance(10_000);
        }
    }

    async fn a_pushed_request_that_has_expired(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for (tried, back) in [(true, -30), (false, BACK)] {
            let visit = app.visit();
            let fields: Vec<(&str, &str)> = visit.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let uri = app.ask("par", &fields).await.text("request_uri");
            let address = format!("/authorize?client_id={}&request_uri={uri}", app.client_id);
            site.advance(70);
            let mut browser = site.browser();
            if tried {
                browser.open(&address).await;
                assert_eq!(visit.error(&browser.arrived()), "invalid_request_uri");
            }
            site.advance(back);
            let mut browser = site.browser();
            browser.open(&address).await;
            assert_eq!(visit.error(&browser.arrived()), "invalid_request_uri", "{tried} {back}");
            site.advance(10_000);
        }
    }

    async fn a_link_to_choose_a_password_that_has_expired(database) {
        let site = Site::on(database).await;
        for (tried, back) in [(true, -30), (false, BACK)] {
            let person = site.admin.user("ned").await;
            let mut tx = site.admin.db.write().await.unwrap();
            let by = By::operator(site.now() * 1000);
            let token = links::issue(&mut tx, &person, 600, &by, &mut entropy()).await.unwrap();
            tx.commit().await.unwrap();
            let address = format!("/reset/{}", token.reveal());
            let mut browser = site.browser();
            site.advance(610);
            if tried {
                browser.open(&address).await;
                said(&browser, "This link no longer works");
            }
            site.advance(back);
            browser.open(&address).await;
            said(&browser, "This link no longer works");
            site.advance(10_000);
        }
    }

    async fn a_sign_in_that_is_over(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut browser = site.browser();
        browser.open(&app.visit().url()).await;
        let path = browser.page().url.path().to_owned();
        site.advance(1810);
        for later in [0, -30] {
            site.advance(later);
            browser.open(&path).await;
            said(&browser, "This sign-in is over");
        }
    }

    /// A clock that is set right signs nobody out; a session that was found too old stays so.
    async fn a_session_that_was_idle_for_too_long(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut browser = site.after_password(&app.visit(), "ada").await;
        site.advance(BACK);
        browser.open(&app.visit().url()).await;
        assert!(browser.has_left(), "{}", browser.text());
        site.advance(12 * 3600 + 10);
        for later in [0, -30] {
            site.advance(later);
            browser.open(&app.visit().url()).await;
            assert!(browser.has_field("login"), "{}", browser.text());
        }
    }

    async fn a_token_to_register_an_app_that_has_expired(database) {
        let site = Site::with(database, |config| config.registration.mode = RegistrationMode::Token).await;
        for (tried, back) in [(true, -30), (false, BACK)] {
            let mut tx = site.admin.db.write().await.unwrap();
            let token = invitation::invite(&mut tx, 1, 600, None, site.now(), &mut entropy()).await.unwrap();
            assert!(registrations::is_invited(&mut tx, token.hash().as_str(), site.now()).await.unwrap());
            tx.commit().await.unwrap();
            site.advance(610);
            if tried {
                let body = json!({"client_name": "Time Tracker", "redirect_uris": [REDIRECT_URI]});
                let at = site.url.join("register").unwrap();
                let answer = Answer::of(http().post(at).bearer_auth(token.reveal()).json(&body)).await;
                assert_eq!(answer.status.as_u16(), 401);
            }
            site.advance(back);
            let mut conn = site.admin.db.read().await.unwrap();
            assert!(!registrations::is_invited(&mut conn, token.hash().as_str(), site.now()).await.unwrap());
            site.advance(10_000);
        }
    }
}
