//! What happens between a relying app's redirect and its answer? Every row of the decision table, and what can go wrong.
#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign::config::{Period, TransportKind};
use countersign::directory::users::Changes;
use countersign::directory::{Login, Status};
use support::Database;
use support::admin::PASSWORD;
use support::browser::Browser;
use support::relying_app::{RelyingApp, Visit};
use support::site::Site;
use support::smtp::{Mishap, Stage};
use tokio::task::JoinSet;

const NO_EMAIL: &str = "No email associated with this login.";
const INCORRECT: &str = "Incorrect login or password.";
const NOT_SENT: &str = "The code could not be sent. Try again later, or ask a manager.";

/// Opens a request of a new app and types a login and the password.
async fn begin(site: &Site, login: &str) -> (RelyingApp, Visit, Browser) {
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let browser = site.after_password(&visit, login).await;
    (app, visit, browser)
}

/// Types a code and the password on the code page.
async fn give_code(browser: &mut Browser, code: &str) {
    browser.fill("code", code).fill("password", PASSWORD).submit().await;
}

fn wrong(code: &str) -> String {
    let last = code.chars().last().and_then(|c| c.to_digit(10)).expect("a digit");
    format!("{}{}", &code[..code.len() - 1], (last + 1) % 10)
}

fn error(browser: &Browser) -> String {
    browser.error().unwrap_or_else(|| panic!("no refusal on:\n{}", browser.text()))
}

crate::on_both_databases! {
    /// Rows "on, no, yes": the code is mailed, and code and password together let Ned in.
    async fn a_code_is_mailed_and_lets_its_reader_in(database) {
        let site = Site::on(database).await;
        let (app, visit, mut browser) = begin(&site, "ned").await;
        assert!(!browser.has_left());
        assert!(browser.text().contains("n•••@example.org"), "{}", browser.text());
        let letter = site.inbox("ned@example.org").last();
        let reference = letter.text().split("Reference: ").nth(1).map(|t| t[..4].to_owned()).expect("a reference");
        assert!(browser.text().contains(&reference), "the page shows {reference}");
        give_code(&mut browser, &site.inbox("ned@example.org").code()).await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(claims["amr"], serde_json::json!(["pwd", "otp", "mfa"]));
        assert_eq!(claims["acr"], "urn:countersign:acr:2fa");
        assert_eq!(claims["auth_time"], site.now());
    }

    /// Rows "on, no, no": nobody to send a code to.
    async fn without_an_address_the_login_screen_says_so(database) {
        let site = Site::on(database).await;
        let (_, _, browser) = begin(&site, "nia").await;
        assert!(error(&browser).starts_with(NO_EMAIL), "{}", error(&browser));
        assert!(browser.has_field("login") && browser.has_field("password"));
        assert!(site.smtp.letters().is_empty());
    }

    /// Row "on, yes, any, no": the password alone, recorded and announced to the others who could do the same.
    async fn an_override_lets_in_and_is_announced(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "tom", "Top manager", Some("tom@example.org")).await;
        let (app, visit, browser) = begin(&site, "ada").await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
        assert_eq!(claims["acr"], "urn:countersign:acr:pwd");
        let letter = site.inbox("tom@example.org").wait_for("signed in without a code").await;
        assert!(letter.text().contains("ada") && letter.text().contains("password alone"), "{}", letter.text());
        assert!(site.inbox("ada@example.org").letters().is_empty(), "nobody is told about themselves");
        let events = site.admin.events().await;
        assert!(events.iter().any(|e| e.event == "signin.override"), "{events:?}");
    }

    /// The password was given before the group asked for more: the first use of the override is by the session, and counts as one.
    async fn an_override_by_a_session_from_before_the_flag_is_announced_once(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "tom", "Top manager", Some("tom@example.org")).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let (app, _, mut browser) = begin(&site, "ada").await;
        assert!(browser.has_left());
        let overrides = async || {
            let events = site.admin.events().await;
            events.iter().filter(|e| e.event == "signin.override").map(|e| e.details.clone()).collect::<Vec<_>>()
        };
        assert_eq!(overrides().await.len(), 0);
        site.admin.set_two_factor(&site.acme, true).await;
        for _ in 0..3 {
            let visit = app.visit();
            browser.open(&visit.url()).await;
            visit.code(&browser.arrived());
        }
        let recorded = overrides().await;
        assert!(recorded.len() == 1 && recorded[0].contains("by_session"), "{recorded:?}");
        site.inbox("tom@example.org").wait_for("signed in without a code").await;
        // Another password is another sign-in.
        browser.open(&app.visit().with("prompt", "login").url()).await;
        browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
        assert!(browser.has_left());
        assert_eq!(overrides().await.len(), 2);
        site.admin.until_no_mail_waits().await;
        assert_eq!(site.inbox("tom@example.org").letters().len(), 2);
    }

    /// What a session has proven is proven for as long as it lives, also where the code alone is asked for.
    async fn a_step_up_ends_with_the_session_that_it_stands_on(database) {
        let site = Site::with(database, |config| config.signin.ask_password_with_code = false).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let (app, _, mut browser) = begin(&site, "ned").await;
        site.admin.set_two_factor(&site.acme, true).await;
        browser.open(&app.visit().url()).await;
        assert!(browser.has_field("code") && !browser.has_field("password"));
        let code = site.inbox("ned@example.org").code();
        let mut tab = browser.new_tab();
        tab.open("/logout").await;
        tab.submit().await;
        browser.fill("code", &code).submit().await;
        assert!(!browser.has_left() && browser.has_field("login"), "{}", browser.text());
        browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
        browser.fill("code", &site.inbox("ned@example.org").code()).submit().await;
        assert!(browser.has_left(), "{}", browser.text());
    }

    /// Two-factor is decided afresh: a session from before the flag was switched on is asked for the missing step.
    async fn a_session_is_stepped_up_when_the_flag_is_switched_on(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let (app, _, mut browser) = begin(&site, "ned").await;
        assert!(browser.has_left());
        site.admin.set_two_factor(&site.acme, true).await;
        let visit = app.visit();
        browser.open(&visit.url()).await;
        assert!(browser.has_field("code"), "only the missing step runs: {}", browser.text());
        give_code(&mut browser, &site.inbox("ned@example.org").code()).await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(claims["acr"], "urn:countersign:acr:2fa");
    }

    /// The same when an override is taken away.
    async fn a_session_is_stepped_up_when_an_override_is_taken_away(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "tom", "Top manager", Some("tom@example.org")).await;
        let (app, _, mut browser) = begin(&site, "ada").await;
        assert!(browser.has_left());
        site.admin.change_role("ada", "Manager").await;
        browser.open(&app.visit().url()).await;
        assert!(browser.has_field("code"), "{}", browser.text());
    }

    /// Five wrong codes end the challenge; the right one is worth nothing then.
    async fn five_wrong_codes_end_the_challenge(database) {
        let site = Site::on(database).await;
        let (_, _, mut browser) = begin(&site, "ned").await;
        let code = site.inbox("ned@example.org").code();
        for left in [4, 3, 2, 1] {
            give_code(&mut browser, &wrong(&code)).await;
            let attempts = format!("{left} attempt{} left.", if left == 1 { "" } else { "s" });
            assert!(error(&browser).starts_with("Invalid 2FA code."), "{}", error(&browser));
            assert!(error(&browser).ends_with(&attempts), "{}", error(&browser));
        }
        give_code(&mut browser, &wrong(&code)).await;
        assert!(error(&browser).contains("Invalid 2FA code.") && error(&browser).contains("Start again"), "{}", error(&browser));
        assert!(browser.has_field("login"), "the login screen comes again");
        let action = format!("{}/code", browser.page().url.path());
        browser.post(&action, &[("code", &code), ("password", PASSWORD)]).await;
        assert!(!browser.has_left());
    }

    /// Ten wrong codes within a day stop a user's codes, whatever sign-in they are tried in, and the user is told.
    async fn ten_wrong_codes_stop_a_users_codes(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for _ in 0..2 {
            let mut browser = site.after_password(&app.visit(), "ned").await;
            let code = site.inbox("ned@example.org").code();
            for _ in 0..5 {
                give_code(&mut browser, &wrong(&code)).await;
            }
        }
        let browser = site.after_password(&app.visit(), "ned").await;
        assert!(error(&browser).starts_with("Too many wrong codes."), "{}", error(&browser));
        let letter = site.inbox("ned@example.org").wait_for("Your codes are stopped").await;
        assert!(letter.text().contains("Not") || letter.text().contains("not you"), "{}", letter.text());
        site.admin.unlock("ned").await;
        let mut browser = site.after_password(&app.visit(), "ned").await;
        give_code(&mut browser, &site.inbox("ned@example.org").code()).await;
        assert!(browser.has_left(), "{}", browser.text());
    }

    /// Any 24 hours count, not those of a day that began with the first wrong code.
    async fn wrong_codes_of_yesterday_and_today_are_counted_together(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let hour = 3600;
        for (later, tries) in [(0, 1), (23 * hour, 4), (0, 4), (2 * hour, 1)] {
            site.advance(later);
            let mut browser = site.after_password(&app.visit(), "ned").await;
            let code = site.inbox("ned@example.org").code();
            for _ in 0..tries {
                give_code(&mut browser, &wrong(&code)).await;
                assert!(error(&browser).contains("Invalid 2FA code."), "{}", error(&browser));
            }
        }
        let mut browser = site.after_password(&app.visit(), "ned").await;
        give_code(&mut browser, &wrong(&site.inbox("ned@example.org").code())).await;
        assert!(error(&browser).starts_with("Too many wrong codes."), "{}", error(&browser));
    }

    /// Another code after a minute; it ends the one before and does not reset the count.
    async fn another_code_ends_the_one_before_and_the_count_goes_on(database) {
        let site = Site::on(database).await;
        let (_, _, mut browser) = begin(&site, "ned").await;
        let first = site.inbox("ned@example.org").code();
        give_code(&mut browser, &wrong(&first)).await;
        browser.press("resend").await;
        assert!(error(&browser).contains("cannot be sent yet"), "{}", error(&browser));
        assert_eq!(site.inbox("ned@example.org").letters().len(), 1);
        site.advance(61);
        browser.press("resend").await;
        assert_eq!(site.inbox("ned@example.org").letters().len(), 2);
        let second = site.inbox("ned@example.org").code();
        assert!(browser.text().contains("another code"), "{}", browser.text());
        if first != second {
            give_code(&mut browser, &first).await;
            assert!(error(&browser).contains("3 attempts left"), "{}", error(&browser));
        }
        give_code(&mut browser, &second).await;
        assert!(browser.has_left(), "{}", browser.text());
    }

    /// At most five codes a sign-in.
    async fn a_sign_in_sends_five_codes_and_no_more(database) {
        let site = Site::on(database).await;
        let (_, _, mut browser) = begin(&site, "ned").await;
        for sent in 2..=5 {
            site.advance(61);
            browser.press("resend").await;
            assert_eq!(site.inbox("ned@example.org").letters().len(), sent);
        }
        site.advance(61);
        assert!(browser.text().contains("as many codes as it may"), "{}", browser.text());
        let path = format!("{}/code/resend", browser.page().url.path());
        browser.post(&path, &[]).await;
        assert_eq!(site.inbox("ned@example.org").letters().len(), 5);
        assert!(error(&browser).contains("No more codes"), "{}", error(&browser));
    }

    /// A code is for the browser that asked for it, the sign-in that it was made for, once, and for ten minutes.
    async fn a_code_serves_nowhere_else(database) {
        let site = Site::on(database).await;
        let (app, _, mut browser) = begin(&site, "ned").await;
        let code = site.inbox("ned@example.org").code();
        let path = browser.page().url.path().to_owned();

        let mut stranger = site.browser();
        stranger.open("/").await;
        stranger.post(&format!("{path}/code"), &[("code", &code), ("password", PASSWORD)]).await;
        assert!(stranger.text().contains("another browser"), "{}", stranger.text());
        assert!(!stranger.has_left());

        let mut elsewhere = browser.new_tab();
        elsewhere.open(&app.visit().url()).await;
        elsewhere.fill("login", "ned").fill("password", PASSWORD).submit().await;
        if site.inbox("ned@example.org").code() != code {
            give_code(&mut elsewhere, &code).await;
            assert!(error(&elsewhere).starts_with("Invalid 2FA code."), "{}", error(&elsewhere));
        }

        give_code(&mut browser, &code).await;
        assert!(browser.has_left());
        browser.back();
        site.advance(301);
        give_code(&mut browser, &code).await;
        assert!(!browser.has_left(), "used up");
        assert!(browser.text().contains("This sign-in is over"), "{}", browser.text());
        assert!(browser.links().iter().any(|link| link.starts_with("https://app.example.org/")), "back to the app");
    }

    /// After ten minutes a code is worth nothing, and another can be had.
    async fn an_old_code_is_refused(database) {
        let site = Site::on(database).await;
        let (_, _, mut browser) = begin(&site, "ned").await;
        let code = site.inbox("ned@example.org").code();
        site.advance(600);
        give_code(&mut browser, &code).await;
        assert!(error(&browser).contains("no longer works"), "{}", error(&browser));
        browser.press("resend").await;
        give_code(&mut browser, &site.inbox("ned@example.org").code()).await;
        assert!(browser.has_left(), "{}", browser.text());
    }

    /// After half an hour the sign-in itself is over.
    async fn an_old_sign_in_is_over(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut browser = site.browser();
        browser.open(&app.visit().url()).await;
        site.advance(1800);
        browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
        assert!(browser.text().contains("This sign-in is over"), "{}", browser.text());
        assert!(browser.error().is_some());
        let request = browser.header("x-request-id").expect("a request id");
        assert!(browser.text_of("reference").is_some_and(|told| told.contains(&request)), "{}", browser.text());
    }

    /// A change of password, email, role or status ends a pending code, whatever changed.
    async fn a_code_dies_when_the_account_changes(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for change in ["password", "email", "role", "status"] {
            let login = format!("user-{change}");
            let address = format!("{login}@example.org");
            site.admin.add_user(&site.acme, &login, "User", Some(&address)).await;
            let mut browser = site.after_password(&app.visit(), &login).await;
            let code = site.inbox(&address).code();
            let password = match change {
                "password" => {
                    site.admin.change_password(&login, "another horse battery").await;
                    "another horse battery"
                }
                "email" => {
                    site.admin.change_email(&login, Some("new@example.org")).await;
                    PASSWORD
                }
                "role" => {
                    site.admin.change_role(&login, "Co-manager").await;
                    PASSWORD
                }
                _ => {
                    site.admin.change(&login, Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
                    PASSWORD
                }
            };
            browser.fill("code", &code).fill("password", password).submit().await;
            assert!(!browser.has_left(), "{change}");
            assert!(browser.has_field("login"), "{change}: the login screen comes again: {}", browser.text());
        }
    }

    /// The same for a code that was given by hand: whoever asked for it is somebody else now.
    async fn a_code_given_by_hand_dies_when_the_account_changes(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        for change in ["password", "email", "role", "status"] {
            let login = format!("user-{change}");
            site.admin.add_user(&site.acme, &login, "User", None).await;
            site.give_code(&login).await;
            if change == "password" {
                site.admin.change_password(&login, PASSWORD).await;
            } else if change == "role" {
                site.admin.change_role(&login, "Co-manager").await;
            } else if change == "email" {
                site.admin.change_email(&login, Some("new@example.org")).await;
                site.admin.change_email(&login, None).await;
            } else {
                for status in [Status::Disabled, Status::Active] {
                    site.admin.change(&login, Changes { status: Some(status), ..Changes::default() }).await;
                }
            }
            let browser = site.after_password(&app.visit(), &login).await;
            assert!(error(&browser).starts_with(NO_EMAIL), "{change}: {}", browser.text());
        }
    }

    /// A restart in the middle loses nothing.
    async fn a_restart_in_the_middle_loses_nothing(database) {
        let mut site = Site::on(database).await;
        let (app, visit, mut browser) = begin(&site, "ned").await;
        site.restart().await;
        give_code(&mut browser, &site.inbox("ned@example.org").code()).await;
        site.restart().await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        assert_eq!(tokens.status, 200, "{}", tokens.json);
    }

    /// Fifty times the right code at once: one success.
    async fn fifty_right_codes_at_once_are_one_success(database) {
        let site = Site::on(database).await;
        let (app, visit, mut browser) = begin(&site, "ned").await;
        let code = site.inbox("ned@example.org").code();
        let path = browser.page().url.path().to_owned();
        let fields = [("code", code.as_str()), ("password", PASSWORD)];
        let codes = at_once(&mut browser, 50, &format!("{path}/code"), &fields).await;
        assert!(!codes.is_empty());
        // Whoever comes back to a sign-in that has just ended gets to the app too, and the answer before is worth nothing then.
        let mut good = 0;
        for code in &codes {
            good += i32::from(app.redeem_code(&visit, code).await.status == 200);
        }
        assert_eq!(good, 1, "{codes:?}");
        let completed = site.admin.events().await.into_iter().filter(|e| e.event == "signin.completed").count();
        assert_eq!(completed, 1);
    }

    /// Two hundred wrong codes at once: at most five are counted, and the right one is refused afterwards.
    async fn two_hundred_wrong_codes_at_once_are_five(database) {
        let site = Site::on(database).await;
        let (_, _, mut browser) = begin(&site, "ned").await;
        let code = site.inbox("ned@example.org").code();
        let path = browser.page().url.path().to_owned();
        let fields = [("code", wrong(&code)), ("password", PASSWORD.to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        at_once(&mut browser, 200, &format!("{path}/code"), &fields).await;
        let counted = site.admin.wrong_codes("ned").await;
        assert!((1..=5).contains(&counted), "{counted} were counted");
        browser.post(&format!("{path}/code"), &[("code", &code), ("password", PASSWORD)]).await;
        assert!(!browser.has_left(), "{}", browser.text());
    }

    /// A code given by hand lets in where mail cannot reach.
    async fn a_code_given_by_hand_lets_in_once(database) {
        let site = Site::on(database).await;
        let code = site.give_code("nia").await;
        let (app, _, mut browser) = begin(&site, "nia").await;
        assert!(browser.text().contains("by hand"), "{}", browser.text());
        assert!(site.smtp.letters().is_empty());
        give_code(&mut browser, &code).await;
        assert!(browser.has_left(), "{}", browser.text());
        let browser = site.after_password(&app.visit(), "nia").await;
        assert!(error(&browser).starts_with(NO_EMAIL), "used up: {}", error(&browser));
    }
}

/// Sends the same form many times at once and follows each answer; the codes with which the app was answered.
async fn at_once(browser: &mut Browser, times: usize, path: &str, fields: &[(&str, &str)]) -> Vec<String> {
    let fields: Vec<(String, String)> =
        fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let mut running = JoinSet::new();
    for _ in 0..times {
        let (mut tab, path, fields) = (browser.new_tab(), path.to_owned(), fields.clone());
        running.spawn(async move {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            tab.post(&path, &fields).await;
            assert!(tab.status() < 500 || tab.status() == 503, "{}", tab.status());
            tab.has_left().then(|| tab.arrived())
        });
    }
    let mut codes = Vec::new();
    while let Some(done) = running.join_next().await {
        if let Some(arrived) = done.expect("no panic") {
            let given: BTreeMap<_, _> = arrived.query_pairs().into_owned().collect();
            codes.extend(given.get("code").cloned());
        }
    }
    codes
}

#[tokio::test(flavor = "multi_thread")]
async fn where_two_factor_is_off_the_password_is_enough_unless_the_app_demands_more() {
    let site = Site::on(Database::sqlite().await).await;
    site.admin.set_two_factor(&site.acme, false).await;
    let lenient = site.admin.add_app().await;
    let strict = site.admin.add_app_with(|m| m.require_two_factor = true).await;
    for login in ["ada", "max", "ned", "nia"] {
        assert!(site.after_password(&lenient.visit(), login).await.has_left(), "{login}");
    }
    for login in ["ada", "max", "ned"] {
        let mut browser = site.after_password(&strict.visit(), login).await;
        assert!(browser.has_field("code"), "{login}");
        give_code(&mut browser, &site.inbox(&format!("{login}@example.org")).code()).await;
        assert!(browser.has_left(), "{login}");
    }
    let nia = site.after_password(&strict.visit(), "nia").await;
    assert!(error(&nia).starts_with(NO_EMAIL));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_does_not_satisfy_an_app_that_demands_two_factors() {
    let site = Site::on(Database::sqlite().await).await;
    site.admin.add_user(&site.acme, "tom", "Top manager", None).await;
    let strict = site.admin.add_app_with(|m| m.require_two_factor = true).await;
    let ada = site.after_password(&strict.visit(), "ada").await;
    assert!(ada.has_field("code"));
    let visit = strict.visit();
    let tom = site.after_password(&visit, "tom").await;
    assert_eq!(visit.error(&tom.arrived()), "unmet_authentication_requirements");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_essential_acr_demands_two_factors_too() {
    let site = Site::on(Database::sqlite().await).await;
    site.admin.set_two_factor(&site.acme, false).await;
    let app = site.admin.add_app().await;
    let essential = |value: &str| {
        let claims = format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{value}"]}}}}}}"#);
        app.visit().with("claims", &claims)
    };
    let browser = site.after_password(&essential("urn:countersign:acr:2fa"), "ned").await;
    assert!(browser.has_field("code"), "{}", browser.text());
    let browser = site.after_password(&essential("urn:countersign:acr:pwd"), "max").await;
    assert!(browser.has_left());
    let visit = essential("urn:mace:incommon:iap:gold");
    let mut browser = site.browser();
    browser.open(&visit.url()).await;
    assert_eq!(visit.error(&browser.arrived()), "unmet_authentication_requirements");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_an_address_receives_the_code() {
    let site = Site::on(Database::sqlite().await).await;
    site.admin.add_user(&site.acme, "eve@example.org", "User", None).await;
    let (_, _, mut browser) = begin(&site, "eve@example.org").await;
    give_code(&mut browser, &site.inbox("eve@example.org").code()).await;
    assert!(browser.has_left(), "{}", browser.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_login_wrong_password_and_disabled_user_answer_alike() {
    let site = Site::on(Database::sqlite().await).await;
    site.admin.change("max", Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
    let app = site.admin.add_app().await;
    let mut answers = Vec::new();
    for (login, password) in [("nobody", PASSWORD), ("ned", "wrong"), ("max", PASSWORD), ("max", "wrong")] {
        let mut browser = site.browser();
        browser.open(&app.visit().url()).await;
        browser.fill("login", login).fill("password", password).submit().await;
        assert!(error(&browser).starts_with(INCORRECT), "{login}: {}", error(&browser));
        assert_eq!(browser.field("login").as_deref(), Some(login), "what was typed is kept");
        answers.push((browser.status(), browser.text().replace(login, "LOGIN")));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_fold_together_are_one() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    for spelling in ["ADA", " ada ", "ａｄａ"] {
        assert!(site.after_password(&app.visit(), spelling).await.has_left(), "{spelling}");
    }
    assert!(Login::parse("ada").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_slow_down_a_stranger_but_not_a_browser_that_is_known() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let mut known = site.after_password(&app.visit(), "ada").await;
    assert!(known.has_left());
    let mut stranger = site.browser();
    stranger.open(&app.visit().url()).await;
    for _ in 0..6 {
        stranger.fill("login", "ada").fill("password", "wrong").submit().await;
    }
    assert_eq!(stranger.status(), 429, "{}", stranger.text());
    assert!(stranger.header("retry-after").is_some());
    assert!(error(&stranger).starts_with("Too many attempts."), "{}", error(&stranger));
    assert!(error(&stranger).contains("Try again in"), "{}", error(&stranger));
    stranger.fill("login", "ada").fill("password", PASSWORD).submit().await;
    assert!(!stranger.has_left(), "even the right password waits");
    known.open(&app.visit().with("prompt", "login").url()).await;
    known.fill("login", "ada").fill("password", PASSWORD).submit().await;
    assert!(known.has_left(), "{}", known.text());
    site.advance(400);
    stranger.fill("login", "ada").fill("password", PASSWORD).submit().await;
    assert!(stranger.has_left(), "nobody is locked out: {}", stranger.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_on_the_code_page_costs_no_attempt_at_the_code() {
    let site = Site::on(Database::sqlite().await).await;
    let (_, _, mut browser) = begin(&site, "ned").await;
    let code = site.inbox("ned@example.org").code();
    browser.fill("code", &code).fill("password", "wrong").submit().await;
    assert!(error(&browser).starts_with(INCORRECT), "{}", error(&browser));
    assert!(browser.has_field("code"), "the code page stays");
    give_code(&mut browser, &code).await;
    assert!(browser.has_left(), "{}", browser.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_page_can_ask_for_the_code_alone() {
    let site =
        Site::with(Database::sqlite().await, |config| config.signin.ask_password_with_code = false).await;
    let (_, _, mut browser) = begin(&site, "ned").await;
    assert!(!browser.has_field("password"));
    browser.fill("code", &site.inbox("ned@example.org").code()).submit().await;
    assert!(browser.has_left(), "{}", browser.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pasted_code_may_have_spaces_and_hyphens() {
    let site = Site::on(Database::sqlite().await).await;
    let (_, _, mut browser) = begin(&site, "ned").await;
    let code = site.inbox("ned@example.org").code();
    give_code(&mut browser, &format!(" {} - {}\u{a0}", &code[..3], &code[3..])).await;
    assert!(browser.has_left(), "{}", browser.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_are_two_sign_ins() {
    let site = Site::on(Database::sqlite().await).await;
    let (app, _, mut one) = begin(&site, "ned").await;
    let first = site.inbox("ned@example.org").code();
    let visit = app.visit();
    let mut two = one.new_tab();
    two.open(&visit.url()).await;
    assert!(two.has_field("login"), "a second tab skips nothing");
    two.fill("login", "ned").fill("password", PASSWORD).submit().await;
    give_code(&mut two, &site.inbox("ned@example.org").code()).await;
    assert!(two.has_left());
    give_code(&mut one, &first).await;
    assert!(one.has_left(), "the first tab's code still serves the first tab: {}", one.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_back_button_leads_nowhere_it_should_not() {
    let site = Site::on(Database::sqlite().await).await;
    let (_, _, mut browser) = begin(&site, "ned").await;
    let path = browser.page().url.path().to_owned();
    browser.open(&format!("{path}/password")).await;
    assert!(browser.has_field("code"), "a step's address leads back to where one is");
    browser.post(&format!("{path}/password"), &[]).await;
    assert!(browser.has_field("login"), "an empty form proves nothing");
    browser
        .post(
            &format!("{path}/code"),
            &[("code", &site.inbox("ned@example.org").code()), ("password", PASSWORD)],
        )
        .await;
    assert!(!browser.has_left(), "a code without its password step is worth nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_another_site_is_refused() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let mut browser = site.browser();
    browser.open(&app.visit().url()).await;
    let path = format!("{}/password", browser.page().url.path());
    browser.post_from_elsewhere(&path, &[("login", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(browser.status(), 403, "{}", browser.text());
    assert!(!browser.has_left());
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_tells_the_app() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let mut browser = site.browser();
    browser.open(&visit.url()).await;
    browser.press("cancel").await;
    assert_eq!(visit.error(&browser.arrived()), "access_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_refuses_leads_back_to_the_login_screen() {
    let site = Site::on(Database::sqlite().await).await;
    site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 no such mailbox"));
    let (_, _, browser) = begin(&site, "ned").await;
    assert!(error(&browser).starts_with(NOT_SENT), "{}", error(&browser));
    assert!(browser.has_field("login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_server_at_all_leads_there_too_and_an_override_still_gets_in() {
    let site =
        Site::with(Database::sqlite().await, |config| config.mail.transport = TransportKind::None).await;
    let (app, _, browser) = begin(&site, "ned").await;
    assert!(error(&browser).starts_with(NOT_SENT), "{}", error(&browser));
    assert!(site.after_password(&app.visit(), "ada").await.has_left());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_mail_server_does_not_hold_the_page_up_and_the_code_comes_later() {
    let site =
        Site::with(Database::sqlite().await, |config| config.signin.mail_patience = Period::seconds(0)).await;
    site.smtp.let_fail(Stage::Recipient, Mishap::Answer("451 try later"));
    let (_, _, mut browser) = begin(&site, "ned").await;
    assert!(browser.has_field("code"), "{}", browser.text());
    assert!(browser.text().contains("on its way"), "{}", browser.text());
    site.smtp.let_work();
    site.advance(10);
    let code = site.inbox("ned@example.org").wait_for("code").await.code().expect("a code");
    give_code(&mut browser, &code).await;
    assert!(browser.has_left(), "{}", browser.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_refuses_late_leads_to_the_login_screen_at_the_next_look() {
    let site =
        Site::with(Database::sqlite().await, |config| config.signin.mail_patience = Period::seconds(0)).await;
    site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 no such mailbox"));
    let (_, _, mut browser) = begin(&site, "ned").await;
    site.admin.until_no_mail_waits().await;
    let path = browser.page().url.path().to_owned();
    browser.open(&path).await;
    assert!(error(&browser).starts_with(NOT_SENT), "{}", browser.text());
    assert!(browser.has_field("password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_code_and_no_password_is_in_the_database() {
    let database = Database::sqlite().await;
    let file = PathBuf::from(database.url.trim_start_matches("sqlite:"));
    let site = Site::on(database).await;
    let (_, _, mut browser) = begin(&site, "ned").await;
    let code = site.inbox("ned@example.org").code();
    // Beside a wrong password the code stands on the page again, and is kept for that.
    browser.fill("code", &code).fill("password", "wrong").submit().await;
    assert_eq!(browser.field("code").as_deref(), Some(code.as_str()));
    let mut seen = 0;
    for entry in std::fs::read_dir(file.parent().expect("a folder")).expect("the folder") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        seen += text.matches("ned@example.org").count();
        assert!(!text.contains(PASSWORD));
        // Between letters and digits it may be part of a hash by chance.
        let alone = |(at, _): (usize, &str)| {
            let neighbours = [text[..at].chars().next_back(), text[at + code.len()..].chars().next()];
            !neighbours.iter().flatten().any(char::is_ascii_alphanumeric)
        };
        assert!(!text.match_indices(&code).any(alone), "the code is in the clear");
    }
    assert!(seen > 0, "the database was looked at");
}
