//! Whose is what is proven, agreed to and sent in a sign-in, and what does its browser find that comes back to it?
#![cfg(test)]

mod support;

use countersign::directory::Status;
use countersign::directory::users::Changes;
use support::Database;
use support::admin::PASSWORD;
use support::browser::Browser;
use support::relying_app::{RelyingApp, Visit};
use support::site::Site;

const SESSION: &str = "countersign_session";

/// Ada, whom nobody asks for a code, and Ned, who needs one.
async fn at_the_login_screen(database: Database) -> (Site, RelyingApp, Visit, Browser) {
    let site = Site::on(database).await;
    let app = site.admin.add_app_with(|m| m.consent = true).await;
    let (visit, browser) = sent_by(&site, &app).await;
    (site, app, visit, browser)
}

/// A browser that an app has sent to sign in.
async fn sent_by(site: &Site, app: &RelyingApp) -> (Visit, Browser) {
    let visit = app.visit();
    let mut browser = site.browser();
    browser.open(&visit.url()).await;
    (visit, browser)
}

async fn give_password(browser: &mut Browser, login: &str) {
    browser.fill("login", login).fill("password", PASSWORD).submit().await;
}

async fn give_code(site: &Site, browser: &mut Browser) {
    let code = site.inbox("ned@example.org").code();
    browser.fill("code", &code).fill("password", PASSWORD).submit().await;
}

/// The address of the sign-in that a tab shows.
fn signin(browser: &Browser) -> String {
    browser.page().url.path().to_owned()
}

crate::on_both_databases! {
    /// OIDC Core §3.1.2.4: nobody agrees before it is known who they are.
    async fn a_consent_before_the_password_counts_for_nobody(database) {
        let (_site, _app, _visit, mut browser) = at_the_login_screen(database).await;
        browser.post(&format!("{}/consent", signin(&browser)), &[("decision", "allow")]).await;
        assert!(browser.has_field("login"), "{}", browser.text());
        give_password(&mut browser, "ada").await;
        assert!(browser.text().contains("asks for the following about you, ada"), "{}", browser.text());
    }

    /// Nor before they have proven everything.
    async fn a_consent_before_the_code_counts_for_nobody(database) {
        let (site, _app, _visit, mut browser) = at_the_login_screen(database).await;
        give_password(&mut browser, "ned").await;
        browser.post(&format!("{}/consent", signin(&browser)), &[("decision", "allow")]).await;
        assert!(browser.has_field("code"), "{}", browser.text());
        give_code(&site, &mut browser).await;
        assert!(browser.text().contains("asks for the following about you, ned"), "{}", browser.text());
    }

    /// What the first of two people has agreed to says nothing about the second.
    async fn a_consent_is_of_one_person(database) {
        let (site, app, visit, mut browser) = at_the_login_screen(database).await;
        give_password(&mut browser, "ada").await;
        let mut other = browser.new_tab();
        let path = signin(&browser);
        // Ada agrees, and before the answer Ned gives his password in another tab.
        other.post(&format!("{path}/password"), &[("login", "ned"), ("password", PASSWORD)]).await;
        browser.submit().await;
        assert!(browser.has_field("code"), "Ada's consent lets nobody else in: {}", browser.text());
        give_code(&site, &mut other).await;
        assert!(other.text().contains("asks for the following about you, ned"), "{}", other.text());
        other.submit().await;
        let tokens = app.redeem(&visit, &other.arrived()).await;
        let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(claims["sub"], site.admin.user("ned").await.id);
    }

    /// A page that has named one person takes nobody else's consent.
    async fn a_consent_page_speaks_for_whom_it_names(database) {
        let (site, _app, _visit, mut browser) = at_the_login_screen(database).await;
        site.admin.add_user(&site.acme, "tom", "Top manager", Some("tom@example.org")).await;
        give_password(&mut browser, "ada").await;
        let mut other = browser.new_tab();
        other
            .post(&format!("{}/password", signin(&browser)), &[("login", "tom"), ("password", PASSWORD)])
            .await;
        browser.submit().await;
        assert!(browser.text().contains("about you, tom"), "Tom is asked: {}", browser.text());
    }

    /// A second person in the same sign-in sees nothing of the first one's code, and gets one at once.
    async fn a_challenge_is_of_one_person(database) {
        let (site, _app, _visit, mut browser) = at_the_login_screen(database).await;
        site.admin.add_user(&site.acme, "zoe", "User", Some("zoe@example.org")).await;
        give_password(&mut browser, "ned").await;
        let reference = browser.text_of("hint").expect("a hint");
        assert!(reference.contains("n•••@example.org"), "{reference}");
        browser
            .post(&format!("{}/password", signin(&browser)), &[("login", "zoe"), ("password", PASSWORD)])
            .await;
        assert!(browser.text().contains("z•••@example.org"), "{}", browser.text());
        let code = site.inbox("zoe@example.org").code();
        browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        assert!(browser.text().contains("about you, zoe"), "{}", browser.text());
    }

    /// The second click of somebody whose line is slow: the first answer is lost with its cookie, the app hears all the same.
    async fn a_second_click_gets_to_the_app(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let mut browser = site.after_password(&visit, "ned").await;
        let code = site.inbox("ned@example.org").code();
        browser.fill("code", &code).fill("password", PASSWORD);
        let (url, _, fields) = browser.submission("submit");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut lost = browser.new_tab();
        lost.post(url.as_str(), &fields).await;
        let first = visit.code(&lost.arrived());
        browser.plant_cookie(SESSION, "never-arrived");
        browser.post(url.as_str(), &fields).await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(claims["acr"], "urn:countersign:acr:2fa");
        let stale = app.redeem_code(&visit, &first).await;
        assert_eq!(stale.error().as_deref(), Some("invalid_grant"), "the code that was lost is worth nothing");
        let again = app.visit();
        browser.open(&again.url()).await;
        assert!(browser.has_left(), "and the session is there: {}", browser.text());
        assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 200);
    }

    /// Whoever goes back to a sign-in whose app has its answer is told so, and what the app has stays.
    async fn going_back_gives_an_app_no_second_answer(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let app = site.admin.add_app().await;
        let (visit, mut browser) = sent_by(&site, &app).await;
        let path = signin(&browser);
        give_password(&mut browser, "ada").await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        browser.open(&path).await;
        assert!(!browser.has_left() && browser.status() == 200, "{}", browser.text());
        assert!(browser.text().contains("You are signed in"), "{}", browser.text());
        assert_eq!(app.userinfo(&tokens.text("access_token")).await.status, 200);
        assert!(browser.links().iter().any(|link| link.starts_with("https://app.example.org")), "{:?}", browser.links());
        site.admin.change("ada", Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
        browser.open(&path).await;
        assert_eq!(browser.status(), 410, "and who is not signed in is not told so: {}", browser.text());
    }

    /// A login that was typed and does not get in is answered, whoever else is signed in to the browser meanwhile.
    async fn a_wrong_password_lets_nobody_in_as_somebody_else(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (first, second) = (app.visit(), app.visit());
        let mut browser = site.browser();
        browser.open(&first.url()).await;
        let mut tab = browser.new_tab();
        tab.open(&second.url()).await;
        let path = signin(&tab);
        give_password(&mut browser, "ada").await;
        assert!(browser.has_left());
        for login in ["ned", "nobody"] {
            tab.post(&format!("{path}/password"), &[("login", login), ("password", "not it")]).await;
            assert!(tab.text().contains("Incorrect login or password."), "{login}: {}", tab.text());
            tab.open(&path).await;
            assert!(!tab.has_left() && tab.has_field("login"), "a reload lets nobody in either: {}", tab.text());
        }
        // A right one that is kept out is answered as well.
        give_password(&mut tab, "nia").await;
        tab.open(&path).await;
        assert!(tab.text().contains("No email associated with this login."), "{}", tab.text());
        // And whoever gets in is who typed it.
        give_password(&mut tab, "ned").await;
        give_code(&site, &mut tab).await;
        let tokens = app.redeem(&second, &tab.arrived()).await;
        let claims = app.verify(&tokens.text("id_token"), &second, site.now()).await;
        assert_eq!(claims["sub"], site.admin.user("ned").await.id);
    }

    /// One code for all tabs: who has given it in one is asked in another for the password alone, unless the app wants everything anew.
    async fn a_code_is_given_once_for_all_tabs(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut browser = site.browser();
        let visits = [app.visit(), app.visit(), app.visit().with("prompt", "login")];
        browser.open(&visits[0].url()).await;
        let mut tabs = Vec::new();
        for visit in &visits {
            let mut tab = browser.new_tab();
            tab.open(&visit.url()).await;
            tabs.push(tab);
        }
        give_password(&mut browser, "ned").await;
        give_code(&site, &mut browser).await;
        assert!(browser.has_left(), "{}", browser.text());
        let mails = site.inbox("ned@example.org").letters().len();
        let path = signin(&tabs[0]);
        tabs[0].post(&format!("{path}/password"), &[("login", "ned"), ("password", "not it")]).await;
        assert!(tabs[0].has_field("login"), "{}", tabs[0].text());
        for (tab, visit) in tabs.iter_mut().zip(&visits).take(2) {
            give_password(tab, "ned").await;
            let tokens = app.redeem(visit, &tab.arrived()).await;
            let claims = app.verify(&tokens.text("id_token"), visit, site.now()).await;
            assert_eq!(claims["acr"], "urn:countersign:acr:2fa");
        }
        assert_eq!(site.inbox("ned@example.org").letters().len(), mails);
        give_password(&mut tabs[2], "ned").await;
        assert!(tabs[2].has_field("code"), "{}", tabs[2].text());
    }

    /// A grant that was taken back does not come back with the back button, nor does the consent to it.
    async fn a_second_click_brings_back_nothing_that_was_taken_back(database) {
        let (site, app, visit, mut browser) = at_the_login_screen(database).await;
        let path = signin(&browser);
        give_password(&mut browser, "ada").await;
        browser.submit().await;
        let _ = app.redeem(&visit, &browser.arrived()).await;
        site.admin.revoke_grants("ada", &app).await;
        browser.open(&path).await;
        assert_eq!(browser.status(), 410, "{}", browser.text());
        let silent = app.visit().with("prompt", "none");
        browser.open(&silent.url()).await;
        assert_eq!(silent.error(&browser.arrived()), "consent_required");
    }

    /// Nor does it go around a consent that is demanded by now.
    async fn a_second_click_needs_the_consent_that_is_asked_for_by_now(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (_visit, mut browser) = sent_by(&site, &app).await;
        let path = signin(&browser);
        give_password(&mut browser, "ada").await;
        assert!(browser.has_left());
        site.admin.change_app(&app, |m| m.consent = true).await;
        browser.open(&path).await;
        assert_eq!(browser.status(), 410, "{}", browser.text());
    }

    /// Whoever types their own name on a page of somebody else's that is over gets nothing of theirs.
    async fn a_second_person_gets_nothing_of_a_sign_in_that_has_ended(database) {
        let (_site, _app, _visit, mut browser) = at_the_login_screen(database).await;
        let path = format!("{}/password", signin(&browser));
        give_password(&mut browser, "ada").await;
        browser.submit().await;
        assert!(browser.has_left());
        for login in ["ned", "nobody"] {
            browser.post(&path, &[("login", login), ("password", PASSWORD)]).await;
            assert_eq!((browser.has_left(), browser.status()), (false, 410), "{login}: {}", browser.text());
        }
        browser.post(&path, &[("login", "ADA"), ("password", PASSWORD)]).await;
        assert!(browser.has_left(), "her own second click: {}", browser.text());
    }

    /// A step-up waits for its person, and somebody else signs in to the browser meanwhile.
    async fn a_step_up_goes_on_with_whoever_is_signed_in_by_now(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "tom", "Top manager", Some("tom@example.org")).await;
        let app = site.admin.add_app().await;
        let strict = site.admin.add_app_with(|m| m.require_two_factor = true).await;
        let mut browser = site.after_password(&app.visit(), "ada").await;
        assert!(browser.has_left());
        let visit = strict.visit();
        browser.open(&visit.url()).await;
        assert!(browser.has_field("code"), "{}", browser.text());
        let path = signin(&browser);
        let mut tab = browser.new_tab();
        tab.open(&app.visit().with("prompt", "login").url()).await;
        give_password(&mut tab, "tom").await;
        assert!(tab.has_left(), "{}", tab.text());
        browser.open(&path).await;
        assert!(browser.text().contains("t•••@example.org"), "{}", browser.text());
        let code = site.inbox("tom@example.org").code();
        browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        let tokens = strict.redeem(&visit, &browser.arrived()).await;
        let claims = strict.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(claims["sub"], site.admin.user("tom").await.id);
    }

    /// What one person was told is not for the next.
    async fn a_notice_is_of_one_person(database) {
        let site = Site::on(database).await;
        let quiet = site.admin.add_group("Quiet", false).await;
        site.admin.add_user(&quiet, "una", "User", None).await;
        let app = site.admin.add_app().await;
        let strict = site.admin.add_app_with(|m| m.require_two_factor = true).await;
        let mut browser = site.after_password(&app.visit(), "una").await;
        browser.open(&strict.visit().url()).await;
        assert!(browser.text().contains("No email associated"), "{}", browser.text());
        let path = signin(&browser);
        let mut tab = browser.new_tab();
        tab.open(&app.visit().with("prompt", "login").url()).await;
        give_password(&mut tab, "ada").await;
        browser.open(&path).await;
        assert!(browser.has_field("code") && !browser.text().contains("No email"), "{}", browser.text());
    }

    /// Whoever has signed out meanwhile is out.
    async fn a_sign_in_does_not_come_back_after_the_logout(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (_visit, mut browser) = sent_by(&site, &app).await;
        let path = signin(&browser);
        give_password(&mut browser, "ada").await;
        assert!(browser.has_left());
        browser.open("/logout").await;
        browser.submit().await;
        browser.open(&path).await;
        assert_eq!(browser.status(), 410, "{}", browser.text());
    }

    /// Nor in another browser, nor much later, nor for somebody who may not sign in any more.
    async fn a_finished_sign_in_is_over_for_everybody_else(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "tom", "Top manager", Some("tom@example.org")).await;
        let app = site.admin.add_app().await;
        let (_visit, mut browser) = sent_by(&site, &app).await;
        let path = signin(&browser);
        give_password(&mut browser, "ada").await;
        let mut stranger = site.browser();
        stranger.open(&app.visit().url()).await;
        stranger.open(&path).await;
        assert_eq!(stranger.status(), 410);
        site.admin.change_role("ada", "User").await;
        browser.open(&path).await;
        assert!(!browser.has_left(), "a code is needed now");
        site.advance(301);
        browser.open(&path).await;
        assert_eq!(browser.status(), 410);
    }

    /// "Use another login" forgets the one before, on the code page and where a session stood.
    async fn another_login_can_be_used(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut browser = site.after_password(&app.visit(), "ned").await;
        let before = site.inbox("ned@example.org").code();
        browser.press("another").await;
        assert_eq!(browser.field("login").as_deref(), Some(""), "{}", browser.text());
        browser
            .post(&format!("{}/code", signin(&browser)), &[("code", &before), ("password", PASSWORD)])
            .await;
        assert!(browser.has_field("login"), "the code before is worth nothing: {}", browser.text());
        give_password(&mut browser, "ada").await;
        assert!(browser.has_left());

        let demanding = site.admin.add_app_with(|m| m.require_two_factor = true).await;
        browser.open(&demanding.visit().url()).await;
        assert!(browser.has_field("code"), "Ada's session is stepped up: {}", browser.text());
        browser.press("another").await;
        assert!(browser.has_field("login") && !browser.has_field("code"), "{}", browser.text());
        assert_eq!(browser.field("login").as_deref(), Some(""));
    }

    /// An app that is not for somebody says so before it costs them a code.
    async fn an_app_that_is_not_for_somebody_asks_for_no_code(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app_with(|m| m.allowed_groups = vec!["another".to_owned()]).await;
        let visit = app.visit();
        let browser = site.after_password(&visit, "ned").await;
        assert_eq!(visit.error(&browser.arrived()), "access_denied");
        assert!(site.smtp.letters().is_empty());
    }
}

/// Whatever sends somebody back to the login screen, they need not type their login again.
#[tokio::test(flavor = "multi_thread")]
async fn the_login_survives() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let mut browser = site.after_password(&app.visit(), "nia").await;
    assert!(browser.error().is_some_and(|e| e.starts_with("No email")), "{}", browser.text());
    assert_eq!(browser.field("login").as_deref(), Some("nia"));
    browser.reload().await;
    assert_eq!(browser.field("login").as_deref(), Some("nia"), "after a reload too");
    browser.fill("login", "nobody").fill("password", "wrong").submit().await;
    assert_eq!(browser.field("login").as_deref(), Some("nobody"), "what was typed last");

    let mut browser = site.after_password(&app.visit(), "ada").await;
    browser.open(&app.visit().with("prompt", "login").url()).await;
    assert_eq!(browser.field("login").as_deref(), Some("ada"), "whose session it is");
    browser.open(&app.visit().with("prompt", "login").with("login_hint", "tom").url()).await;
    assert_eq!(browser.field("login").as_deref(), Some("tom"), "whom the app names");
}

/// A wrong password on the code page leaves the code where it is, and the page says which of the two was wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_second_password_keeps_the_code() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let mut browser = site.after_password(&app.visit(), "ned").await;
    let code = site.inbox("ned@example.org").code();
    browser.fill("code", &code).fill("password", "wrong").submit().await;
    let error = browser.error().expect("a refusal");
    assert!(
        error.starts_with("Incorrect login or password.") && error.contains("your code still stands"),
        "{error}"
    );
    assert_eq!(browser.field("code").as_deref(), Some(code.as_str()));
    browser.fill("password", PASSWORD).submit().await;
    assert!(browser.has_left(), "{}", browser.text());
}

/// "Send another code" does not pretend to work before it does.
#[tokio::test(flavor = "multi_thread")]
async fn another_code_is_offered_once_it_can_be_sent() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let mut browser = site.after_password(&app.visit(), "ned").await;
    let disabled = |browser: &Browser| browser.page().body.contains("aria-describedby=\"wait\" disabled");
    assert!(
        disabled(&browser) && browser.text().contains("Another code can be sent in 1:00"),
        "{}",
        browser.text()
    );
    site.advance(60);
    browser.reload().await;
    assert!(!disabled(&browser), "{}", browser.page().body);
}

/// The front page says who is signed in, and leads to what they can do; "Sign out?" has a way back.
#[tokio::test(flavor = "multi_thread")]
async fn the_front_page_says_who_is_signed_in() {
    let site = Site::on(Database::sqlite().await).await;
    let app =
        site.admin.add_app_with(|m| m.client_uri = Some("https://app.example.org/start".to_owned())).await;
    let mut browser = site.browser();
    browser.open("/").await;
    assert!(browser.text().contains("Nobody is signed in here"), "{}", browser.text());
    let mut browser = site.after_password(&app.visit(), "ada").await;
    browser.open("/").await;
    assert!(browser.text().contains("You are signed in as ada"), "{}", browser.text());
    let links = browser.links();
    for path in ["/reset", "/logout"] {
        assert!(links.iter().any(|link| link == path), "{path} is not among {links:?}");
    }
    browser.open("/logout").await;
    assert!(browser.links().iter().any(|link| link == "/"), "{:?}", browser.links());
    browser.open(&format!("/logout?client_id={}", app.client_id)).await;
    assert!(browser.text().contains("go back to Time Tracker"), "{}", browser.text());
    browser.open("/").await;
    assert!(browser.text().contains("You are signed in as ada"), "looking ends nothing: {}", browser.text());
    browser.open("/logout").await;
    browser.submit().await;
    browser.open("/").await;
    assert!(browser.text().contains("Nobody is signed in here"), "{}", browser.text());
}
