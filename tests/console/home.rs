//! Does the first page say what needs this manager, and nothing else?

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign::signin::days;
use serde_json::json;

use crate::support::admin::PASSWORD;
use crate::support::ca::Issued;
use crate::support::manager::Manager;
use crate::support::site::Site;
use crate::support::smtp::{Mishap, Stage};

fn attention(manager: &Manager<'_>) -> String {
    manager.browser.text_of("attention").unwrap()
}

/// The line of the figures for all days together.
fn figures(manager: &Manager<'_>) -> String {
    let text = manager.browser.text();
    let (_, after) = text.split_once("Sign-ins of the last 30 days").unwrap();
    after.split_whitespace().collect::<Vec<_>>().join(" ")
}

crate::on_both_databases! {
    async fn whoever_cannot_sign_in_is_counted_until_they_can(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        assert_eq!(attention(&max), "One thing needs you.");
        let text = max.browser.text();
        assert!(text.contains("One person cannot sign in") && text.contains("no email address"), "{text}");
        site.admin.change_email("nia", Some("nia@example.org")).await;
        max.open("/console").await;
        assert_eq!(attention(&max), "Nothing needs you.");
        site.admin.stop_codes("ned").await;
        max.open("/console").await;
        assert!(max.browser.text().contains("One person gets no codes any more"), "{}", max.browser.text());
    }

    /// A page that looked at all of many would be slow; one that said a number that is not so would be wrong.
    async fn counts_of_people_end_at_two_hundred_and_say_so(database) {
        let site = Site::on(database).await;
        site.run("INSERT INTO users (id, login, login_key, email, status, group_id, role_id, created_at, updated_at, addressless)
                  WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 402)
                  SELECT 'id' || CAST(n AS TEXT), 'p' || CAST(n AS TEXT), 'p' || CAST(n AS TEXT), CASE WHEN n <= 201 THEN 'p@example.org' END,
                         'active', ned.group_id, ned.role_id, 1, 1, n > 201
                  FROM numbers CROSS JOIN users ned WHERE ned.login_key = 'ned';
                  INSERT INTO code_budgets (user_id, tried_at, stopped_at) SELECT id, 1, 1 FROM users WHERE id LIKE 'id%' AND NOT addressless").await;
        let mut max = Manager::arrives(&site, "max").await;
        assert!(max.browser.text().contains("200 people or more get no codes any more"), "{}", max.browser.text());
        // Nia has no address, either.
        site.run("DELETE FROM users WHERE id IN ('id1', 'id201', 'id202')").await;
        max.open("/console").await;
        assert!(max.browser.text().contains("199 people get no codes any more"), "{}", max.browser.text());
        max.open("/console/users").await;
        assert!(max.browser.text().contains("100 people here or more cannot sign in"), "{}", max.browser.text());
    }

    async fn mail_that_fails_is_told_in_the_servers_words(database) {
        let site = Site::on(database).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        let app = site.admin.add_app().await;
        let mut max = Manager::arrives(&site, "max").await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 5.1.1 No such <mailbox> here"));
        site.after_password(&app.visit(), "ned").await;
        max.open("/console").await;
        let text = max.browser.text();
        assert!(text.contains("One message of the last day did not get through."), "{text}");
        assert!(text.contains("550 5.1.1 No such <mailbox> here"), "{text}");
        site.advance(86_401);
        let mut max = Manager::arrives_by_hand(&site, "max").await;
        assert_eq!(attention(max.open("/console").await), "One thing needs you.");
        assert!(max.browser.text().contains("One person cannot sign in: the last message to their address did not get through."), "{}", max.browser.text());
        site.smtp.let_work();
        site.after_password(&app.visit(), "ned").await;
        assert_eq!(attention(max.open("/console").await), "Nothing needs you.");
    }

    /// What Repair says first is said first here, and that a server refused something is not said where none listens.
    async fn mail_that_does_not_get_through_at_all_comes_first(database) {
        let mut site = Site::on(database).await;
        let app = site.admin.add_app().await;
        site.smtp.close().await;
        for login in ["ned", "max", "ned"] {
            site.after_password(&app.visit(), login).await;
            site.advance(1);
        }
        let mut ada = Manager::arrives(&site, "ada").await;
        assert_eq!(ada.browser.text_of("lead").unwrap(), "No mail gets through: no code and no link arrives.");
        ada.open("/console").await;
        let text = ada.browser.text();
        let first = text.find("No mail gets through: no code and no link arrives.").unwrap_or_else(|| panic!("{text}"));
        for later in ["cannot sign in", "no email address"] {
            assert!(text.find(later).is_some_and(|at| at > first), "{later}: {text}");
        }
        assert!(text.contains("no mail server listens at"), "{text}");
        assert!(!text.contains("of the last day") && !text.contains("The mail server said") && !text.contains("refused the last"), "{text}");
    }

    /// A message about which nothing is left to do is told of no more: a later one was taken, or the address is another one by now.
    async fn mail_that_failed_is_told_of_until_nothing_is_left_to_do(database) {
        let site = Site::on(database).await;
        site.admin.change_email("nia", Some("nia@exmaple.org")).await;
        let app = site.admin.add_app().await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 5.1.1 No such <mailbox> here"));
        for login in ["ned", "nia"] {
            site.after_password(&app.visit(), login).await;
        }
        site.smtp.let_work();
        site.advance(1);
        let mut max = Manager::arrives(&site, "max").await;
        assert!(max.browser.text().contains("2 messages of the last day did not get through."), "{}", max.browser.text());
        site.admin.change_email("nia", Some("nia@example.org")).await;
        max.open("/console").await;
        assert!(max.browser.text().contains("One message of the last day did not get through."), "{}", max.browser.text());
        site.after_password(&app.visit(), "ned").await;
        assert_eq!(attention(max.open("/console").await), "Nothing needs you.", "{}", max.browser.text());
        max.open("/console/repair").await;
        assert!(max.browser.text().contains("Nothing is broken here"), "{}", max.browser.text());
        // The list of mail has them still, and says so.
        max.open("/console/mail").await;
        let text = max.browser.text();
        assert!(text.contains("2 messages of the last day did not get through. Nothing is left to do about them"), "{text}");
        assert!(text.contains("Refused") && !text.contains("as far as the last day shows"), "{text}");
        site.advance(86_401);
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console/mail").await;
        assert!(ada.browser.text().contains("Mail gets through, as far as the last day shows."), "{}", ada.browser.text());
    }

    async fn an_override_is_news_for_one_visit_and_none_to_whoever_used_it(database) {
        let site = Site::on(database).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        let mut max = Manager::arrives(&site, "max").await;
        site.advance(7200);
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console").await;
        assert_eq!(attention(&ada), "Nothing needs you.");
        max.open("/console").await;
        assert!(max.browser.text().contains("Somebody signed in without a code since your last visit."));
        assert!(max.browser.text_of("overrides").unwrap().starts_with("ada"));
        let ada = format!("/console/users/{}", site.admin.user("ada").await.id);
        assert!(max.browser.links().contains(&ada), "{:?}", max.browser.links());
        site.advance(600);
        max.open("/console").await;
        assert!(max.browser.text_of("overrides").is_some(), "it is the same visit still");
        site.advance(7200);
        max.open("/console").await;
        assert_eq!(max.browser.text_of("overrides"), None);
    }

    async fn sign_ins_are_counted_by_how_they_ended_and_in_ones_own_tree_alone(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        site.admin.add_user(&bolt, "tom", "Top manager", Some("tom@example.org")).await;
        let app = site.admin.add_app().await;
        let max = Manager::arrives(&site, "max").await;
        assert!(figures(&max).contains("With a code 1 Password alone 0 By override 0 Refused 0"), "{}", figures(&max));
        days::tally(&site.admin.db, site.now()).await.unwrap();
        Manager::arrives(&site, "ada").await;
        let mut wrong = site.after_password(&app.visit(), "ned").await;
        wrong.fill("code", "x").fill("password", PASSWORD).submit().await;
        let tom = Manager::arrives(&site, "tom").await;
        assert!(figures(&tom).contains("With a code 0 Password alone 1 By override 0 Refused 0"), "{}", figures(&tom));
        assert_eq!(attention(&tom), "Nothing needs you.");
        let mut max = Manager::arrives(&site, "max").await;
        // Counted for good or not yet, nothing is counted twice.
        for seconds in [0, 300, 300] {
            site.advance(seconds);
            days::tally(&site.admin.db, site.now()).await.unwrap();
            max.open("/console").await;
        assert!(figures(&max).contains("With a code 2 Password alone 0 By override 1 Refused 1"), "{}", figures(&max));
        }
    }

    /// A certificate of `[tls]` that ends soon is told to whoever runs the site, and to nobody else; one that is over as what keeps people out.
    async fn a_certificate_that_ends_soon_is_told_to_whoever_runs_the_site(database) {
        let site = Site::with_tls(database, |_| ()).await;
        site.admin.add_site_administrator("root").await;
        // The certificates of the tests hold until the first of January 2030.
        let until = 1_893_456_000;
        for (days, expected) in [
            (15, None),
            (13, Some("The certificate of this server holds until 2030-01-01")),
            (-1, Some("The certificate of this server has been over since 2030-01-01")),
        ] {
            site.advance(until - days * 86_400 - site.now());
            let root = Manager::arrives(&site, "root").await;
            let mut home = Manager::arrives(&site, "ada").await;
            home.open("/console").await;
            assert!(!home.browser.text().contains("The certificate"), "{}", home.browser.text());
            let text = root.browser.text();
            match expected {
                Some(words) => assert!(text.contains(words), "{days}: {text}"),
                None => assert!(!text.contains("The certificate of this server"), "{days}: {text}"),
            }
        }
    }

    /// The certificate of an app is told of by its own end, to whoever registers apps.
    async fn a_certificate_of_an_app_that_ends_soon_is_told_to_whoever_can_register_another(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let own = BASE64_STANDARD.encode(Issued::self_signed("app").der());
        let key = json!({
            "kty": "EC", "crv": "P-256", "x5c": [own],
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        });
        site.admin.add_app_with(|m| m.jwks = Some(json!({ "keys": [key] }))).await;
        // As every certificate of the tests.
        let until = 1_893_456_000;
        for (days, expected) in [(15, None), (13, Some("ends within two weeks")), (-1, Some("is over"))] {
            site.advance(until - days * 86_400 - site.now());
            let root = Manager::arrives(&site, "root").await;
            let mut home = Manager::arrives(&site, "ada").await;
            home.open("/console").await;
            assert!(!home.browser.text().contains("The certificate that"), "{}", home.browser.text());
            let text = root.browser.text();
            match expected {
                Some(words) => assert!(text.contains(&format!("beside its key {words}")), "{days}: {text}"),
                None => assert!(!text.contains("The certificate that"), "{days}: {text}"),
            }
        }
    }

    async fn an_app_whose_sign_ins_fail_is_told_to_whoever_can_mend_it(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        site.admin.add_user(&site.acme, "tia", "Top manager", None).await;
        let strict = site.admin.add_app_with(|m| m.require_two_factor = true).await;
        site.after_password(&strict.visit(), "tia").await;
        let mut root = Manager::arrives(&site, "root").await;
        root.open("/console").await;
        assert!(root.browser.text().contains("One sign-in at Time Tracker was refused today."), "{}", root.browser.text());
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open("/console").await;
        assert!(!ada.browser.text().contains("Time Tracker"), "{}", ada.browser.text());
    }

    async fn keys_that_nobody_replaces_are_told_to_whoever_runs_the_site(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let root = Manager::arrives(&site, "root").await;
        assert!(!root.browser.text().contains("signing keys"), "{}", root.browser.text());
        site.advance(92 * 86_400);
        let root = Manager::arrives(&site, "root").await;
        assert!(root.browser.text().contains("should have been replaced 2 days ago"), "{}", root.browser.text());
        let max = Manager::arrives(&site, "max").await;
        assert!(!max.browser.text().contains("signing keys"), "{}", max.browser.text());
    }

    async fn the_front_page_leads_managers_to_the_console(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/").await;
        assert!(max.browser.links().iter().any(|link| link == "/console"), "{:?}", max.browser.links());
        let mut ned = Manager::arrives(&site, "ned").await;
        ned.open("/").await;
        assert!(!ned.browser.links().iter().any(|link| link == "/console"), "{:?}", ned.browser.links());
    }

    async fn whoever_asks_for_help_is_named_until_they_have_it(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let mut nia = site.after_password(&app.visit(), "nia").await;
        nia.press("help").await;
        let mut max = Manager::arrives(&site, "max").await;
        assert!(max.browser.text().contains("nia asks for help: there is no email address"), "{}", max.browser.text());
        site.admin.change_email("nia", Some("nia@example.org")).await;
        max.open("/console").await;
        assert_eq!(attention(&max), "Nothing needs you.");
    }
}
