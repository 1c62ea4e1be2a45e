//! Does a group that rehearses two-factor keep nobody out, and learn from it who would be? The stories of `rehearse`.
#![cfg(test)]

mod support;

use countersign::directory::TwoFactor;
use countersign::directory::help::{self, Why};
use countersign::signin::rehearsal;
use serde_json::{Value, json};
use support::Database;
use support::admin::PASSWORD;
use support::browser::Browser;
use support::relying_app::{RelyingApp, Visit};
use support::site::Site;
use support::smtp::{Mishap, Stage};

/// A site whose group rehearses.
async fn rehearsing(database: Database) -> Site {
    let site = Site::on(database).await;
    site.admin.set_two_factor_to(&site.acme, TwoFactor::Rehearse).await;
    site
}

async fn begin(site: &Site, login: &str) -> (RelyingApp, Visit, Browser) {
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let browser = site.after_password(&visit, login).await;
    (app, visit, browser)
}

/// `amr` and `acr` of the tokens that a finished sign-in leads to.
async fn told(site: &Site, app: &RelyingApp, visit: &Visit, browser: &Browser) -> (Value, Value) {
    let tokens = app.redeem(visit, &browser.arrived()).await;
    let claims = app.verify(&tokens.text("id_token"), visit, site.now()).await;
    (claims["amr"].clone(), claims["acr"].clone())
}

fn by_password() -> (Value, Value) {
    (json!(["pwd"]), json!("urn:countersign:acr:pwd"))
}

/// How the last rehearsal of each went who has had one: login and outcome.
async fn outcomes(site: &Site) -> Vec<(String, String)> {
    let mut conn = site.admin.db.read().await.expect("a connection");
    let rows = rehearsal::list(&mut conn, &site.acme, "", 100).await.expect("the outcomes");
    let had = rows.into_iter().filter_map(|row| Some((row.login, row.outcome?)));
    had.filter(|(_, outcome)| outcome != "exempt").collect()
}

fn outcome(login: &str, outcome: &str) -> Vec<(String, String)> {
    vec![(login.to_owned(), outcome.to_owned())]
}

/// Who waits for help, as this user sees it: login and why.
async fn waiting(site: &Site, login: &str) -> Vec<(String, Option<Why>)> {
    let by = site.by(login).await;
    let mut conn = site.admin.db.read().await.expect("a connection");
    let waiting = help::waiting(&mut conn, &by, (0, ""), 100).await.expect("those who wait");
    waiting.into_iter().map(|one| (one.login, one.why)).collect()
}

fn wrong(code: &str) -> String {
    let last = code.chars().last().and_then(|c| c.to_digit(10)).expect("a digit");
    format!("{}{}", &code[..code.len() - 1], (last + 1) % 10)
}

crate::on_both_databases! {
    /// The code is sent and asked for, and counts as in earnest.
    async fn a_code_that_is_entered_counts(database) {
        let site = rehearsing(database).await;
        let (app, visit, mut browser) = begin(&site, "ned").await;
        browser.fill("code", &site.inbox("ned@example.org").code()).fill("password", PASSWORD).submit().await;
        let two = (json!(["pwd", "otp", "mfa"]), json!("urn:countersign:acr:2fa"));
        assert_eq!(told(&site, &app, &visit, &browser).await, two);
        assert_eq!(outcomes(&site).await, outcome("ned", "managed"));
    }

    /// The button lets in without it: the app hears of a password alone, the audit log says who and why, and single sign-on holds.
    async fn one_goes_on_without_the_code(database) {
        let site = rehearsing(database).await;
        let (app, visit, mut browser) = begin(&site, "ned").await;
        browser.press("skip").await;
        assert_eq!(told(&site, &app, &visit, &browser).await, by_password());
        assert_eq!(outcomes(&site).await, outcome("ned", "skipped"));
        let events = site.admin.events().await;
        let skipped = events.iter().find(|event| event.event == "signin.code_skipped").expect("an event");
        assert!(skipped.details.contains("skipped") && skipped.user_id == Some(skipped.actor.clone()), "{skipped:?}");
        let again = app.visit();
        browser.open(&again.url()).await;
        assert!(browser.has_left(), "asked once a session: {}", browser.text());
        assert_eq!(site.inbox("ned@example.org").letters().len(), 1);
    }

    /// The session of somebody who went on without is asked for the code once the group means it.
    async fn what_was_skipped_is_asked_for_once_two_factor_is_on(database) {
        let site = rehearsing(database).await;
        let (app, visit, mut browser) = begin(&site, "ned").await;
        browser.press("skip").await;
        visit.code(&browser.arrived());
        site.admin.set_two_factor(&site.acme, true).await;
        browser.open(&app.visit().url()).await;
        assert!(browser.has_field("code") && !browser.text().contains("Continue without a code"), "{}", browser.text());
    }

    /// Nia has no address: she is told, and goes on.
    async fn without_an_address_one_is_told_and_goes_on(database) {
        let site = rehearsing(database).await;
        let (app, visit, mut browser) = begin(&site, "nia").await;
        let text = browser.text();
        assert!(text.contains("No email associated with this login.") && text.contains("Ask a manager"), "{text}");
        assert!(text.contains("once codes are needed, you could not have signed in"), "{text}");
        browser.submit().await;
        assert_eq!(told(&site, &app, &visit, &browser).await, by_password());
        assert_eq!(outcomes(&site).await, outcome("nia", "no_address"));
    }

    /// Whoever would be kept out asks for help from the same page, once an hour is told of it, and one goes on meanwhile.
    async fn whoever_would_be_kept_out_asks_for_help_and_goes_on(database) {
        let site = rehearsing(database).await;
        let (app, visit, mut nia) = begin(&site, "nia").await;
        nia.press("help").await;
        assert!(nia.text().contains("Help was asked for.") && nia.text().contains("You can go on meanwhile."), "{}", nia.text());
        assert!(!nia.page().body.contains("id=\"help\""), "asked once is enough");
        nia.reload().await;
        assert!(nia.text().contains("Help was asked for."), "{}", nia.text());
        nia.submit().await;
        assert_eq!(told(&site, &app, &visit, &nia).await, by_password());
        let mut again = site.after_password(&app.visit(), "nia").await;
        again.press("help").await;
        site.admin.until_no_mail_waits().await;
        let letters = site.inbox("max@example.org").letters();
        assert_eq!(letters.len(), 1, "once an hour");
        assert!(letters[0].text().contains("if it were on they would have been kept out"), "{}", letters[0].text());
        assert_eq!(waiting(&site, "max").await, [("nia".to_owned(), Some(Why::NoAddress))]);
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 no such mailbox"));
        site.advance(1);
        let (_, _, mut ned) = begin(&site, "ned").await;
        ned.press("help").await;
        assert_eq!(waiting(&site, "max").await.last(), Some(&("ned".to_owned(), Some(Why::MailFailed))));
    }

    /// Where nothing keeps anybody out there is no button, and its form does nothing; nor for whoever has given no password.
    async fn nobody_else_asks_for_help_in_a_rehearsal(database) {
        let site = rehearsing(database).await;
        let (_, _, mut ned) = begin(&site, "ned").await;
        let (_, _, nia) = begin(&site, "nia").await;
        let mut stranger = site.browser();
        stranger.open(&site.admin.add_app().await.visit().url()).await;
        for browser in [&mut ned, &mut stranger] {
            assert!(!browser.page().body.contains("id=\"help\""), "{}", browser.text());
            let path = format!("{}/help", browser.page().url.path());
            browser.post(&path, &[]).await;
            assert!(!browser.text().contains("Help was asked for."), "{}", browser.text());
        }
        let mut other = site.browser();
        other.post(&format!("{}/help", nia.page().url.path()), &[]).await;
        assert_eq!(other.status(), 410, "another browser's sign-in");
        assert!(waiting(&site, "max").await.is_empty());
        site.admin.until_no_mail_waits().await;
        assert!(site.inbox("max@example.org").letters().is_empty());
    }

    /// Mail that fails stops nobody, also after a reload.
    async fn a_message_that_is_refused_stops_nobody(database) {
        let site = rehearsing(database).await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 no such mailbox"));
        let (app, visit, mut browser) = begin(&site, "ned").await;
        for _ in 0..2 {
            assert!(browser.text().contains("The code could not be sent."), "{}", browser.text());
            browser.reload().await;
        }
        assert_eq!(outcomes(&site).await, outcome("ned", "mail_refused"));
        browser.submit().await;
        assert_eq!(told(&site, &app, &visit, &browser).await, by_password());
        assert_eq!(outcomes(&site).await, outcome("ned", "mail_refused"));
    }

    /// Five wrong codes end the challenge, and no one's way in.
    async fn wrong_codes_do_not_keep_one_from_going_on(database) {
        let site = rehearsing(database).await;
        let (app, visit, mut browser) = begin(&site, "ned").await;
        let code = site.inbox("ned@example.org").code();
        for _ in 0..5 {
            browser.fill("code", &wrong(&code)).fill("password", PASSWORD).submit().await;
        }
        assert!(!browser.has_field("code"), "the challenge has ended: {}", browser.text());
        assert_eq!(outcomes(&site).await, outcome("ned", "wrong_codes"));
        browser.submit().await;
        assert_eq!(told(&site, &app, &visit, &browser).await, by_password());
    }

    /// Codes that are stopped stop nobody either.
    async fn stopped_codes_do_not_keep_one_from_going_on(database) {
        let site = rehearsing(database).await;
        for _ in 0..2 {
            let (_, _, mut browser) = begin(&site, "ned").await;
            let code = site.inbox("ned@example.org").code();
            for _ in 0..5 {
                browser.fill("code", &wrong(&code)).fill("password", PASSWORD).submit().await;
            }
        }
        let (app, visit, mut browser) = begin(&site, "ned").await;
        assert!(browser.text().contains("Codes for this login are stopped."), "{}", browser.text());
        browser.submit().await;
        assert_eq!(told(&site, &app, &visit, &browser).await, by_password());
        assert_eq!(outcomes(&site).await, outcome("ned", "codes_stopped"));
    }

    /// An app that insists on two factors gets them: there is no button, and posting what it would send changes nothing.
    async fn an_app_that_insists_is_not_rehearsed_with(database) {
        let site = rehearsing(database).await;
        let app = site.admin.add_app_with(|app| app.require_two_factor = true).await;
        let visit = app.visit();
        let mut browser = site.after_password(&visit, "ned").await;
        assert!(browser.has_field("code") && !browser.text().contains("Continue without a code"), "{}", browser.text());
        skip_anyway(&mut browser).await;
        assert!(!browser.has_left() && browser.has_field("code"), "{}", browser.text());
        let nia = site.after_password(&app.visit(), "nia").await;
        assert!(nia.has_field("login") && nia.text().contains("No email associated"), "{}", nia.text());
    }

    /// Where two-factor is on, the form of a rehearsal is refused.
    async fn nobody_skips_a_code_that_is_meant(database) {
        let site = Site::on(database).await;
        let (_, _, mut browser) = begin(&site, "ned").await;
        skip_anyway(&mut browser).await;
        assert!(!browser.has_left() && browser.has_field("code"), "{}", browser.text());
        // Nor one of before: the setting counts when it is looked at.
        site.admin.set_two_factor_to(&site.acme, TwoFactor::Rehearse).await;
        let (_, _, mut browser) = begin(&site, "ned").await;
        site.admin.set_two_factor(&site.acme, true).await;
        browser.press("skip").await;
        assert!(!browser.has_left() && browser.has_field("code"), "{}", browser.text());
        assert!(outcomes(&site).await.is_empty());
    }

    /// Whose role overrides two-factor is asked for nothing, and nobody is told of an override that none was needed for.
    async fn an_override_is_not_rehearsed(database) {
        let site = rehearsing(database).await;
        let (app, visit, browser) = begin(&site, "ada").await;
        assert_eq!(told(&site, &app, &visit, &browser).await, by_password());
        assert!(outcomes(&site).await.is_empty());
        assert!(!site.admin.events().await.iter().any(|event| event.event == "signin.override"));
    }

    /// Where no page may be shown, nothing is rehearsed: the app gets what it would get without.
    async fn an_app_that_may_show_no_page_gets_its_answer(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let (app, visit, mut browser) = begin(&site, "ned").await;
        visit.code(&browser.arrived());
        site.admin.set_two_factor_to(&site.acme, TwoFactor::Rehearse).await;
        let silent = app.visit().with("prompt", "none");
        browser.open(&silent.url()).await;
        silent.code(&browser.arrived());
        let seen = app.visit();
        browser.open(&seen.url()).await;
        assert!(browser.has_field("code"), "{}", browser.text());
    }

    /// A new rehearsal begins with nobody having rehearsed.
    async fn a_rehearsal_begins_anew(database) {
        let site = rehearsing(database).await;
        let (_, _, mut browser) = begin(&site, "nia").await;
        browser.submit().await;
        assert_eq!(outcomes(&site).await, outcome("nia", "no_address"));
        site.admin.set_two_factor(&site.acme, false).await;
        assert_eq!(outcomes(&site).await, outcome("nia", "no_address"), "one can still look at it");
        site.admin.set_two_factor_to(&site.acme, TwoFactor::Rehearse).await;
        assert!(outcomes(&site).await.is_empty());
    }
}

/// Sends the form of the button although the page has none.
async fn skip_anyway(browser: &mut Browser) {
    let path = format!("{}/code/skip", browser.page().url.path());
    browser.post(&path, &[]).await;
}
