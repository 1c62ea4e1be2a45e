//! Does whoever was kept out after a right password leave a trace, once, where those look who can help; and is what they asked for closed
//! once they have come in?

use countersign::directory::TwoFactor;
use countersign::signin::help;

use crate::support::admin::PASSWORD;
use crate::support::browser::Browser;
use crate::support::manager::Manager;
use crate::support::site::Site;
use crate::support::smtp::{Mishap, Stage};

/// Who was turned away, and why, by login.
async fn turned_away(site: &Site) -> Vec<(String, String)> {
    let events = site.admin.events().await.into_iter().filter(|event| event.event == "signin.refused");
    let why = |details: &str| {
        serde_json::from_str::<serde_json::Value>(details).unwrap()["why"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let mut told: Vec<_> =
        events.map(|event| (event.user_login.clone().unwrap_or_default(), why(&event.details))).collect();
    told.sort();
    told
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(login, why)| ((*login).to_owned(), (*why).to_owned())).collect()
}

/// Types the login and the password once more into the page that turned somebody away.
async fn again(browser: &mut Browser, login: &str) {
    browser.fill("login", login).fill("password", PASSWORD).submit().await;
}

/// What Home says of who asks for help; empty where nobody does.
async fn asks_for_help(manager: &mut Manager<'_>, login: &str) -> bool {
    // Whoever came in without a code lands on the page of repairs the first time.
    manager.open("/console").await.open("/console").await;
    manager.browser.text().contains(&format!("{login} asks for help"))
}

/// How the last request for help was closed.
async fn closed(site: &Site) -> Option<String> {
    help::close_of_those_who_came_in(&site.admin.db, site.now() * 1000).await.unwrap();
    let event = site.admin.events().await.into_iter().rfind(|event| event.event == "help.closed")?;
    Some(format!("{} {}", event.user_login.unwrap_or_default(), event.details))
}

crate::on_both_databases! {
    async fn whoever_is_kept_out_after_a_right_password_leaves_one_trace(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "sid", "User", Some("sid@example.org")).await;
        site.admin.stop_codes("sid").await;
        let app = site.admin.add_app().await;
        // A wrong password before it is none of it, and reloading or trying again adds nothing.
        let mut nia = site.browser();
        nia.open(&app.visit().url()).await.fill("login", "nia").fill("password", "not this one").submit().await;
        assert!(turned_away(&site).await.is_empty());
        again(&mut nia, "nia").await;
        assert!(nia.text().contains("No email associated with this login."), "{}", nia.text());
        nia.reload().await;
        again(&mut nia, "nia").await;
        again(&mut nia, "sid").await;
        again(&mut nia, "nia").await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 5.1.1 No such mailbox here"));
        let mut ned = site.after_password(&app.visit(), "ned").await;
        assert!(ned.text().contains("The code could not be sent."), "{}", ned.text());
        again(&mut ned, "ned").await;
        site.smtp.let_work();
        // The console is no other than the apps.
        let mut console = site.browser();
        console.open("/console").await;
        again(&mut console, "nia").await;
        let expected = [("ned", "mail_failed"), ("nia", "no_address"), ("nia", "no_address"), ("sid", "codes_stopped")];
        assert_eq!(turned_away(&site).await, pairs(&expected));
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console/sign-ins?filter=refused").await;
        let text = ada.browser.text();
        for told in ["no email address for the code", "the code could not be sent", "codes stopped after too many wrong ones", "this console"] {
            assert!(text.contains(told), "{told}: {text}");
        }
        ada.open("/console/audit?kind=signin.refused").await;
        assert!(ada.browser.text().contains("no email address for the code"), "{}", ada.browser.text());
        let nia = site.admin.user("nia").await.id;
        ada.open(&format!("/console/users/{nia}")).await;
        assert!(ada.browser.text().contains("Turned away: no email address for the code"), "{}", ada.browser.text());
        ada.open("/console").await;
        let text = ada.browser.text().split_whitespace().collect::<Vec<_>>().join(" ");
        // Four were turned away; with them, nothing of an app's is wrong.
        assert!(text.contains("Refused 4") && text.contains("Wrong passwords are not counted"), "{text}");
        site.admin.add_site_administrator("root").await;
        let root = Manager::arrives(&site, "root").await;
        assert!(!root.browser.text().contains("at Time Tracker"), "{}", root.browser.text());
    }

    /// A session brings its person to the same page at every reload.
    async fn a_reload_in_a_session_adds_nothing(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let app = site.admin.add_app().await;
        let mut nia = site.after_password(&app.visit(), "nia").await;
        site.admin.set_two_factor(&site.acme, true).await;
        nia.open(&app.visit().url()).await;
        for _ in 0..3 {
            assert!(nia.text().contains("No email associated with this login."), "{}", nia.text());
            nia.reload().await;
        }
        assert_eq!(turned_away(&site).await, pairs(&[("nia", "no_address")]));
    }

    /// Whose codes are stopped while they type theirs is turned away as well, whatever they have typed.
    async fn codes_that_are_stopped_on_the_code_page_leave_a_trace(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut ned = site.after_password(&app.visit(), "ned").await;
        let code = site.inbox("ned@example.org").code();
        site.admin.stop_codes("ned").await;
        ned.fill("code", &code).fill("password", PASSWORD).submit().await;
        assert!(ned.text().contains("Codes for this login are stopped."), "{}", ned.text());
        again(&mut ned, "ned").await;
        assert_eq!(turned_away(&site).await, pairs(&[("ned", "codes_stopped")]));
    }

    async fn a_request_for_help_is_closed_once_its_person_has_come_in(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut max = Manager::arrives(&site, "max").await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 5.1.1 No such mailbox here"));
        site.after_password(&app.visit(), "ned").await.press("help").await;
        site.smtp.let_work();
        assert!(asks_for_help(&mut max, "ned").await, "{}", max.browser.text());
        assert_eq!(closed(&site).await, None);
        site.advance(60);
        let mut ned = site.after_password(&app.visit(), "ned").await;
        assert!(asks_for_help(&mut max, "ned").await, "a password alone lets nobody in: {}", max.browser.text());
        let code = site.inbox("ned@example.org").code();
        ned.fill("code", &code).fill("password", PASSWORD).submit().await;
        assert!(ned.has_left(), "{}", ned.text());
        assert!(!asks_for_help(&mut max, "ned").await, "{}", max.browser.text());
        max.open("/console/repair").await;
        assert!(!max.browser.text().contains("Asks for help"), "{}", max.browser.text());
        assert_eq!(closed(&site).await.as_deref(), Some(r#"ned {"how":"signed_in"}"#));
        // A code by hand lets in as well.
        site.after_password(&app.visit(), "nia").await.press("help").await;
        assert!(asks_for_help(&mut max, "nia").await, "{}", max.browser.text());
        site.advance(60);
        let code = site.give_code("nia").await;
        let mut nia = site.after_password(&app.visit(), "nia").await;
        nia.fill("code", &code).fill("password", PASSWORD).submit().await;
        assert!(nia.has_left(), "{}", nia.text());
        assert!(!asks_for_help(&mut max, "nia").await, "{}", max.browser.text());
        assert_eq!(closed(&site).await.as_deref(), Some(r#"nia {"how":"signed_in"}"#));
    }

    /// So it is once their group asks for no code any more. Whoever goes on without a rehearsed code still has none, and who comes in
    /// elsewhere is kept out where they asked.
    async fn a_request_for_help_stays_open_while_its_reason_does(database) {
        let site = Site::on(database).await;
        let (app, other) = (site.admin.add_app().await, site.admin.add_app().await);
        site.admin.set_two_factor_to(&site.acme, TwoFactor::Rehearse).await;
        let mut nia = site.after_password(&app.visit(), "nia").await;
        nia.press("help").await;
        site.advance(60);
        let mut nia = site.after_password(&app.visit(), "nia").await;
        nia.submit().await;
        assert!(nia.has_left(), "{}", nia.text());
        let mut ada = Manager::arrives(&site, "ada").await;
        assert!(asks_for_help(&mut ada, "nia").await, "{}", ada.browser.text());
        site.admin.set_two_factor(&site.acme, true).await;
        assert!(asks_for_help(&mut ada, "nia").await, "{}", ada.browser.text());
        site.after_password(&app.visit(), "nia").await.press("help").await;
        site.admin.set_two_factor(&site.acme, false).await;
        site.advance(60);
        assert!(site.after_password(&other.visit(), "nia").await.has_left());
        assert!(asks_for_help(&mut ada, "nia").await, "{}", ada.browser.text());
        assert_eq!(closed(&site).await, None);
        assert!(site.after_password(&app.visit(), "nia").await.has_left());
        assert!(!asks_for_help(&mut ada, "nia").await, "{}", ada.browser.text());
        assert_eq!(closed(&site).await.as_deref(), Some(r#"nia {"how":"signed_in"}"#));
    }
}
