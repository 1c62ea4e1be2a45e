//! How many codes go to one address, what counts as one, and how may a code be typed?
#![cfg(test)]

mod support;

use support::Database;
use support::admin::PASSWORD;
use support::browser::Browser;
use support::relying_app::RelyingApp;
use support::site::Site;
use support::smtp::{Mishap, Stage};
use tokio::task::JoinSet;

const NED: &str = "ned@example.org";
const NOT_SENT: &str = "The code could not be sent.";
const FULL: &str = "Too many codes have been sent to your address within an hour.";

async fn give_code(browser: &mut Browser, code: &str) {
    browser.fill("code", code).fill("password", PASSWORD).submit().await;
}

fn error(browser: &Browser) -> String {
    browser.error().unwrap_or_else(|| panic!("no refusal on:\n{}", browser.text()))
}

/// Ten codes have gone to Ned; the browser of the last one.
async fn ten_codes(site: &Site, app: &RelyingApp) -> Browser {
    let mut browser = site.browser();
    for number in 1..=10 {
        browser = site.after_password(&app.visit(), "ned").await;
        assert_eq!(site.inbox(NED).letters().len(), number);
    }
    browser
}

crate::on_both_databases! {
    /// A mail server that is down uses nothing up.
    async fn what_could_not_be_sent_does_not_count(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 not now"));
        let mut browser = site.after_password(&app.visit(), "ned").await;
        for _ in 0..12 {
            assert!(error(&browser).starts_with(NOT_SENT), "{}", error(&browser));
            browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
        }
        site.smtp.let_work();
        browser.fill("login", "ned").fill("password", PASSWORD).submit().await;
        for sent in 2..=5 {
            site.advance(61);
            browser.press("resend").await;
            assert_eq!(site.inbox(NED).letters().len(), sent, "{}", browser.text());
        }
        give_code(&mut browser, &site.inbox(NED).code()).await;
        assert!(browser.has_left(), "{}", browser.text());
    }

    async fn ten_codes_an_hour_go_to_one_address_and_the_page_says_when_the_next_can(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut last = ten_codes(&site, &app).await;
        site.advance(1500);
        let next = site.after_password(&app.visit(), "ned").await;
        assert!(error(&next).starts_with(FULL), "{}", error(&next));
        assert!(error(&next).contains("in 36 minutes"), "{}", error(&next));
        assert_eq!((next.status(), next.has_field("login")), (429, true));
        assert_eq!(site.inbox(NED).letters().len(), 10);
        site.advance(2101);
        let mut next = site.after_password(&app.visit(), "ned").await;
        assert_eq!(site.inbox(NED).letters().len(), 11);
        give_code(&mut next, &site.inbox(NED).code()).await;
        assert!(next.has_left(), "{}", next.text());
        last.reload().await;
        assert!(!last.has_left());
    }

    /// Two logins may have one mailbox, and write it differently.
    async fn the_codes_of_a_mailbox_are_counted_however_its_address_is_written(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "edna", "User", Some("NED@Example.org")).await;
        let app = site.admin.add_app().await;
        ten_codes(&site, &app).await;
        let next = site.after_password(&app.visit(), "edna").await;
        assert!(error(&next).starts_with(FULL), "{}", next.text());
    }

    /// A code that was sent goes on to work, and asking for another takes nothing away.
    async fn a_full_mailbox_takes_no_code_away(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut last = ten_codes(&site, &app).await;
        site.advance(61);
        last.reload().await;
        assert!(last.text().contains("Another code can be sent in 59:00"), "{}", last.text());
        let path = format!("{}/code/resend", last.page().url.path());
        last.post(&path, &[]).await;
        assert!(error(&last).starts_with(FULL), "{}", error(&last));
        assert_eq!(site.inbox(NED).letters().len(), 10);
        give_code(&mut last, &site.inbox(NED).code()).await;
        assert!(last.has_left(), "{}", last.text());
    }

    /// A code by hand, an unlock and a new password each help at once; another person's mailbox is not concerned.
    async fn a_manager_helps_whoever_was_flooded(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        ten_codes(&site, &app).await;
        assert!(site.after_password(&app.visit(), "max").await.has_field("code"));
        let mut stuck = site.after_password(&app.visit(), "ned").await;
        assert!(error(&stuck).starts_with(FULL));
        let by_hand = site.give_code("ned").await;
        stuck.fill("login", "ned").fill("password", PASSWORD).submit().await;
        give_code(&mut stuck, &by_hand).await;
        assert!(stuck.has_left(), "{}", stuck.text());
        for help in ["unlock", "password"] {
            while !site.after_password(&app.visit(), "ned").await.has_field("login") {}
            let password = if help == "unlock" {
                site.admin.unlock("ned").await;
                PASSWORD
            } else {
                site.admin.change_password("ned", "another horse battery").await;
                "another horse battery"
            };
            let mut browser = site.browser();
            browser.open(&app.visit().url()).await;
            browser.fill("login", "ned").fill("password", password).submit().await;
            assert!(browser.has_field("code"), "{help}: {}", browser.text());
        }
    }

    /// A browser that is signed in needs no password to ask for codes; tabs that come at once gain nothing, and neither does
    /// another login with the same address.
    async fn step_ups_that_come_at_once_send_no_more(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        site.admin.set_two_factor(&site.acme, false).await;
        site.admin.add_user(&site.acme, "twin", "User", Some(NED)).await;
        let mut browsers = Vec::new();
        for login in ["ned", "twin"] {
            browsers.push(site.after_password(&app.visit(), login).await);
        }
        site.admin.set_two_factor(&site.acme, true).await;
        let mut tabs = JoinSet::new();
        for browser in &browsers {
            for _ in 0..10 {
                let (mut tab, visit) = (browser.new_tab(), app.visit());
                tabs.spawn(async move {
                    tab.open(&visit.url()).await;
                    (tab.has_field("code"), tab.error())
                });
            }
        }
        let mut asked = 0;
        for (has_code, error) in tabs.join_all().await {
            assert!(has_code != error.is_some_and(|error| error.starts_with(FULL)));
            asked += usize::from(has_code);
        }
        assert_eq!((asked, site.inbox(NED).letters().len()), (10, 10));
    }
}

/// As many keyboards write them, and as people copy them.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_may_be_typed_in_any_digits_with_anything_around() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app().await;
    let in_digits_from = |zero: char, code: &str| -> String {
        code.chars().map(|c| char::from_u32(u32::from(zero) + c.to_digit(10).unwrap()).unwrap()).collect()
    };
    for write in [
        |code: &str, to: &dyn Fn(char, &str) -> String| to('\u{660}', code),
        |code: &str, to: &dyn Fn(char, &str) -> String| to('\u{6f0}', code),
        |code: &str, to: &dyn Fn(char, &str) -> String| to('０', code),
        |code: &str, _: &dyn Fn(char, &str) -> String| format!("{code}."),
        |code: &str, _: &dyn Fn(char, &str) -> String| {
            format!("\u{200f}{}\u{a0}{}\u{200b}", &code[..3], &code[3..])
        },
    ] {
        let mut browser = site.after_password(&app.visit(), "ned").await;
        let code = site.inbox(NED).code();
        give_code(&mut browser, &write(&code, &in_digits_from)).await;
        assert!(browser.has_left(), "{}", browser.text());
    }
}
