//! What becomes of a password that was chosen with a code behind it, once it lets in alone?
#![cfg(test)]

mod support;

use countersign::signin::decide::Demand;
use countersign::signin::explain::explain;
use countersign::store::users;
use support::Database;
use support::admin::PASSWORD;
use support::browser::Browser;
use support::site::Site;

/// Nine letters: enough as long as a code is asked for as well.
const SHORT: &str = "kxwtqzbfm";

/// What Ned chooses instead.
const LONG: &str = "vier blaue Regenschirme";

/// Ned, whose password was chosen with a code behind it, at the login screen of an app.
async fn ned_with_nine_letters(site: &Site, password: &str) -> (support::relying_app::RelyingApp, Browser) {
    let app = site.admin.add_app().await;
    let mut browser = site.browser();
    browser.open(&app.visit().url()).await;
    browser.fill("login", "ned").fill("password", password).submit().await;
    (app, browser)
}

/// What `countersign explain` says of Ned.
async fn outcome(site: &Site) -> &'static str {
    let ned = site.admin.user("ned").await;
    let mut conn = site.admin.db.read().await.unwrap();
    explain(&mut conn, &ned, Demand::Whatever, 5, site.now()).await.unwrap().outcome
}

/// Marks Ned's password as short, as an earlier sign-in would have.
async fn mark_as_short(site: &Site) {
    let ned = site.admin.user("ned").await;
    let mut tx = site.admin.db.write().await.unwrap();
    assert!(users::note_length(&mut tx, &ned.id, ned.password_hash.as_deref().unwrap(), true).await.unwrap());
    tx.commit().await.unwrap();
}

crate::on_both_databases! {
    async fn whoever_gets_an_override_chooses_a_longer_password_and_goes_on(database) {
        let site = Site::on(database).await;
        site.admin.change_password("ned", SHORT).await;
        let (_, browser) = ned_with_nine_letters(&site, SHORT).await;
        assert!(browser.has_field("code"), "{}", browser.text());
        site.admin.change_role("ned", "Top manager").await;
        assert_eq!(outcome(&site).await, "password_then_longer_password");
        let (_, mut browser) = ned_with_nine_letters(&site, SHORT).await;
        assert!(browser.text().contains("Choose a longer password"), "{}", browser.text());
        browser.fill("password", "kxwtqzbfmkxw").submit().await;
        assert_eq!(browser.error().as_deref(), Some("The password needs at least 15 characters."));
        browser.fill("password", "ned likes acme").submit().await;
        assert!(browser.error().is_some(), "{}", browser.text());
        browser.reload().await;
        browser.fill("password", LONG).submit().await;
        browser.arrived();
        let events = site.admin.events().await;
        let changed: Vec<_> = events.iter().filter(|event| event.event == "user.password_changed").collect();
        assert!(changed.iter().any(|event| event.details.contains("\"how\":\"sign_in\"")), "{changed:?}");
        assert!(events.iter().any(|event| event.event == "signin.override"));
        site.inbox("ned@example.org").wait_for("was changed").await;
        let (_, browser) = ned_with_nine_letters(&site, SHORT).await;
        assert!(browser.error().is_some_and(|e| e.starts_with("Incorrect login or password.")));
        let (_, browser) = ned_with_nine_letters(&site, LONG).await;
        browser.arrived();
        assert_eq!(outcome(&site).await, "password_by_override");
    }

    async fn so_does_everybody_when_the_groups_flag_goes_off(database) {
        let site = Site::on(database).await;
        site.admin.change_password("ned", SHORT).await;
        site.admin.set_two_factor(&site.acme, false).await;
        assert_eq!(outcome(&site).await, "password", "nobody has typed it yet");
        let (_, mut browser) = ned_with_nine_letters(&site, SHORT).await;
        assert!(browser.text().contains("Choose a longer password"), "{}", browser.text());
        browser.fill("password", LONG).submit().await;
        browser.arrived();
        // Whose password is long enough is asked for nothing.
        let mut max = site.browser();
        max.open(&site.admin.add_app().await.visit().url()).await;
        max.fill("login", "max").fill("password", PASSWORD).submit().await;
        max.arrived();
    }

    async fn where_a_code_stands_behind_it_a_short_password_stays(database) {
        let site = Site::on(database).await;
        site.admin.change_password("ned", SHORT).await;
        let (_, mut browser) = ned_with_nine_letters(&site, SHORT).await;
        let code = site.inbox("ned@example.org").code();
        browser.fill("code", &code).fill("password", SHORT).submit().await;
        browser.arrived();
        assert_eq!(site.admin.user("ned").await.password_short, Some(true));
        assert_eq!(outcome(&site).await, "password_and_code");
    }

    /// A session that the password alone has opened asks for it again, and for a longer one then: nobody chooses a password for a
    /// browser that they have found open. An app that must not ask is told so.
    async fn a_session_is_asked_at_its_next_authorization(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let (app, mut browser) = ned_with_nine_letters(&site, PASSWORD).await;
        browser.arrived();
        mark_as_short(&site).await;
        let silent = app.visit().with("prompt", "none");
        browser.open(&silent.url()).await;
        assert_eq!(silent.error(&browser.arrived()), "login_required");
        site.advance(60);
        browser.open(&app.visit().url()).await;
        assert!(browser.has_field("login"), "{}", browser.text());
        browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
        // Typed, it turns out to be long enough after all.
        browser.arrived();
        assert_eq!(site.admin.user("ned").await.password_short, Some(false));
    }

    /// A session that password and code have opened, once the password would do without the code: by an override, or as the group's
    /// flag goes off. An app that insists on two factors has them, and asks for nothing.
    async fn a_session_of_two_factors_is_asked_once_the_password_would_let_in_alone(database) {
        let site = Site::on(database).await;
        for how in ["override", "flag"] {
            site.admin.change_password("ned", SHORT).await;
            let (app, mut browser) = ned_with_nine_letters(&site, SHORT).await;
            let code = site.inbox("ned@example.org").code();
            browser.fill("code", &code).fill("password", SHORT).submit().await;
            browser.arrived();
            browser.open(&app.visit().url()).await;
            browser.arrived();
            match how {
                "override" => site.admin.change_role("ned", "Top manager").await.id,
                _ => site.admin.set_two_factor(&site.acme, false).await.id,
            };
            let silent = app.visit().with("prompt", "none");
            browser.open(&silent.url()).await;
            assert_eq!(silent.error(&browser.arrived()), "login_required", "{how}");
            let strict = site.admin.add_app_with(|m| m.require_two_factor = true).await;
            browser.open(&strict.visit().url()).await;
            browser.arrived();
            site.advance(60);
            browser.open(&app.visit().url()).await;
            assert!(browser.has_field("login"), "{how}: {}", browser.text());
            browser.fill("login", "ned").fill("password", SHORT).submit().await;
            assert!(browser.text().contains("Choose a longer password"), "{how}: {}", browser.text());
            browser.fill("password", LONG).submit().await;
            browser.arrived();
            browser.open(&app.visit().with("prompt", "none").url()).await;
            assert!(browser.arrived().as_str().contains("code="), "{how}: it is asked once");
            site.admin.change_role("ned", "User").await;
        }
    }

    /// The form is good for whoever has to choose, and for nobody else: not before the password, nor before the code.
    async fn the_form_gets_nobody_past_a_step(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut browser = site.browser();
        browser.open(&app.visit().url()).await;
        let form = format!("{}/new-password", browser.page().url.path());
        browser.post(&form, &[("password", LONG)]).await;
        assert!(browser.has_field("login"), "{}", browser.text());
        browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
        browser.post(&form, &[("password", LONG)]).await;
        assert!(browser.has_field("code"), "{}", browser.text());
        assert!(!site.admin.events().await.iter().any(|event| event.event == "user.password_changed"));
        site.admin.change_password("ned", SHORT).await;
        site.admin.change_role("ned", "Top manager").await;
        let (_, mut due) = ned_with_nine_letters(&site, SHORT).await;
        let form = format!("{}/new-password", due.page().url.path());
        due.post_from_elsewhere(&form, &[("password", LONG)]).await;
        assert_eq!(due.status(), 403);
        let mut thief = site.browser();
        thief.post(&form, &[("password", LONG)]).await;
        assert_eq!(thief.status(), 410);
        // Whoever is changed meanwhile starts again, and has the password that they had.
        site.admin.change_role("ned", "Manager").await;
        due.post(&form, &[("password", LONG)]).await;
        assert!(due.has_field("login"), "{}", due.text());
        let (_, browser) = ned_with_nine_letters(&site, SHORT).await;
        assert!(browser.has_field("code"), "{}", browser.text());
    }
}

/// Two tabs at once: one of them chooses, the other finds that it has been done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_at_once_one_password_is_taken() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let site = Site::on(database).await;
        site.admin.change_password("ned", SHORT).await;
        site.admin.change_role("ned", "Top manager").await;
        let (_, mut one) = ned_with_nine_letters(&site, SHORT).await;
        let mut two = one.new_tab();
        one.fill("password", LONG);
        two.fill("password", "fünf rote Gießkannen");
        tokio::join!(one.submit(), two.submit());
        let events = site.admin.events().await;
        let changes =
            events.iter().filter(|e| e.event == "user.password_changed" && e.details.contains("sign_in"));
        assert_eq!(changes.count(), 1);
    }
}
