//! What can somebody do who has forgotten their password, and what can somebody else do in their name?
#![cfg(test)]

mod support;

use countersign::config::TransportKind;
use countersign::directory::Status;
use countersign::directory::users::Changes;
use countersign::store::audit::EventRow;
use reqwest::Method;
use support::Database;
use support::admin::PASSWORD;
use support::browser::{Browser, http};
use support::relying_app::Visit;
use support::site::Site;

/// What Ned chooses.
const NEW: &str = "vier blaue Regenschirme";

/// Asks for a new password for a login. That is seen to in the background.
async fn ask(site: &Site, login: &str) -> Browser {
    let mut browser = site.browser();
    browser.open("/reset").await;
    browser.fill("login", login).submit().await;
    browser
}

/// The link in the newest mail that carries one.
async fn link(site: &Site, address: &str) -> String {
    let letter = site.inbox(address).wait_for("A new password").await;
    let letters = site.inbox(address).letters();
    let newest = letters.iter().rfind(|l| l.text().contains("/reset/")).unwrap_or(&letter);
    newest.text().split_whitespace().find(|word| word.contains("/reset/")).expect("a link").to_owned()
}

/// Waits until as many mails with this subject have come to an address.
async fn mails(site: &Site, address: &str, subject: &str) -> usize {
    site.admin.until_no_mail_waits().await;
    let letters = site.inbox(address).letters();
    letters.iter().filter(|l| l.header("subject").is_some_and(|s| s.contains(subject))).count()
}

async fn events(site: &Site, name: &str) -> Vec<EventRow> {
    site.admin.events().await.into_iter().filter(|event| event.event == name).collect()
}

/// Waits until so many requests have led to a mail with a link.
async fn until_seen_to(site: &Site, times: usize) {
    let seen = async {
        loop {
            if events(site, "user.reset_requested").await.len() >= times {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), seen).await.expect("requests are seen to");
    site.admin.until_no_mail_waits().await;
}

crate::on_both_databases! {
    async fn whoever_has_forgotten_their_password_chooses_another_and_signs_in_with_both_steps(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let mut browser = site.browser();
        browser.open(&visit.url()).await;
        browser.fill("login", "Ned").fill("password", "I do not know").submit().await;
        let forgotten = browser.links().into_iter().find(|link| link.starts_with("/reset?")).expect("a link");
        browser.open(&forgotten).await;
        assert_eq!(browser.field("login").as_deref(), Some("Ned"), "what was typed need not be typed again");
        browser.submit().await;
        assert!(browser.text().contains("Look into your mail"), "{}", browser.text());
        let address = link(&site, "ned@example.org").await;
        assert!(address.starts_with(site.url.as_str()), "{address}");
        browser.open(&address).await;
        assert_eq!(browser.header("referrer-policy").as_deref(), Some("no-referrer"));
        browser.fill("password", NEW).submit().await;
        assert!(browser.text().contains("Time Tracker"), "{}", browser.text());
        let back = browser.links().into_iter().find(|link| link.starts_with("/authorize/")).expect("a way back");
        browser.open(&back).await;
        browser.fill("login", "ned").fill("password", NEW).submit().await;
        assert!(!browser.has_left(), "the password alone lets nobody in");
        let code = site.inbox("ned@example.org").code();
        browser.fill("code", &code).fill("password", NEW).submit().await;
        app.redeem(&visit, &browser.arrived()).await;
        let changed = events(&site, "user.password_changed").await.pop().expect("an event");
        assert!(changed.details.contains("\"how\":\"reset\"") && changed.network.is_some(), "{changed:?}");
        let told = site.inbox("ned@example.org").wait_for("was changed").await;
        assert!(told.text().contains("127.0.0.1") && told.text().contains("ned"), "{}", told.text());
    }

    async fn choosing_ends_sessions_and_pending_sign_ins_and_lets_codes_work_again(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (mut elsewhere, _) = site.signed_in(&app, &app.visit(), "ned").await;
        let mut pending = site.after_password(&app.visit(), "ned").await;
        site.admin.stop_codes("ned").await;
        ask(&site, "ned").await;
        let mut browser = site.browser();
        browser.open(&link(&site, "ned@example.org").await).await;
        browser.fill("password", NEW).submit().await;
        assert!(browser.text().contains("Your password is set"), "{}", browser.text());
        elsewhere.open(&app.visit().url()).await;
        assert!(elsewhere.has_field("login"), "{}", elsewhere.text());
        pending.reload().await;
        assert!(pending.error().is_some_and(|e| e.contains("account was changed")), "{}", pending.text());
        let mut new = site.browser();
        new.open(&app.visit().url()).await;
        new.fill("login", "ned").fill("password", NEW).submit().await;
        assert!(new.has_field("code"), "{}", new.text());
        let mut old = site.browser();
        old.open(&app.visit().url()).await;
        old.fill("login", "ned").fill("password", PASSWORD).submit().await;
        assert_eq!(old.error().as_deref(), Some("Incorrect login or password. Check for capital letters, and try again."));
    }

    /// A scanner of mail opens links, and asks with HEAD; neither spends anything. The second use finds it spent.
    async fn only_a_password_spends_a_link_and_only_once(database) {
        let site = Site::on(database).await;
        ask(&site, "ned").await;
        let address = link(&site, "ned@example.org").await;
        let mut scanner = site.browser();
        for _ in 0..3 {
            scanner.open(&address).await;
            scanner.fetch(&Method::HEAD, &address.parse().unwrap(), &[], true).await;
        }
        let mut browser = site.browser();
        browser.open(&address).await;
        browser.fill("password", "short").submit().await;
        assert_eq!(browser.error().as_deref(), Some("The password needs at least 8 characters."));
        browser.open(&address).await;
        browser.fill("password", "ned.example2026").submit().await;
        assert!(browser.error().is_some_and(|e| e.starts_with("Too easy to guess: ")), "{}", browser.text());
        let mut other = browser.new_tab();
        browser.fill("password", NEW).submit().await;
        assert!(browser.text().contains("Your password is set"), "{}", browser.text());
        other.fill("password", "noch ein anderes Passwort").submit().await;
        assert_eq!(other.status(), 404);
        assert!(other.links().contains(&"/reset".to_owned()), "{}", other.text());
    }

    async fn three_mails_an_hour_and_the_newest_link_alone_works(database) {
        let site = Site::on(database).await;
        let mut links = Vec::new();
        for n in 1..=3 {
            ask(&site, if n == 2 { "  NED " } else { "ned" }).await;
            until_seen_to(&site, n).await;
            links.push(link(&site, "ned@example.org").await);
        }
        for _ in 0..3 {
            ask(&site, "ned").await;
        }
        ask(&site, "max").await;
        until_seen_to(&site, 4).await;
        assert_eq!(mails(&site, "ned@example.org", "A new password").await, 3);
        for old in &links[..2] {
            let mut browser = site.browser();
            assert_eq!(browser.open(old).await.status(), 404);
        }
        let mut browser = site.browser();
        assert_eq!(browser.open(&links[2]).await.status(), 200);
        site.advance(3601);
        ask(&site, "ned").await;
        until_seen_to(&site, 5).await;
        assert_eq!(mails(&site, "ned@example.org", "A new password").await, 4);
        assert_eq!(browser.open(&links[2]).await.status(), 404, "an hour has passed");
    }

    /// Nothing that anybody types makes a difference to the page.
    async fn everybody_is_answered_alike(database) {
        let site = Site::on(database).await;
        let disabled = Changes { status: Some(Status::Disabled), ..Changes::default() };
        site.admin.change("max", disabled).await;
        let mut answers = Vec::new();
        for login in ["ned", "ned", "ned", "ned", "ned", "nobody", "nia", "max", "ned@example.org", "<b>", "\u{1}", &"x".repeat(300)] {
            let browser = ask(&site, login).await;
            answers.push((browser.status(), browser.page().body.clone()));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
        until_seen_to(&site, 3).await;
        assert_eq!(mails(&site, "max@example.org", "A new password").await, 0);
    }

    async fn with_no_address_those_who_can_help_are_told_once_a_day(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", true).await;
        site.admin.add_user(&bolt, "bob", "Top manager", Some("bob@example.org")).await;
        site.admin.add_user(&site.acme, "cora", "Co-manager", Some("cora@example.org")).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        site.admin.add_user(&design, "dan", "Manager", Some("dan@example.org")).await;
        for _ in 0..3 {
            ask(&site, "nia").await;
        }
        ask(&site, "ned").await;
        until_seen_to(&site, 1).await;
        for (address, told) in [("ada", 1), ("max", 1), ("cora", 1), ("ned", 0), ("bob", 0), ("dan", 0)] {
            let address = format!("{address}@example.org");
            assert_eq!(mails(&site, &address, "asks for a new password").await, told, "{address}");
        }
        assert!(site.inbox("ada@example.org").last().text().contains("nia"));
        site.advance(86_401);
        ask(&site, "nia").await;
        site.inbox("ada@example.org").wait_for("asks for a new password").await;
    }

    async fn a_link_ends_when_its_owner_changes(database) {
        let site = Site::on(database).await;
        let email = |email| Changes { email: Some(email), ..Changes::default() };
        let status = |status| Changes { status: Some(status), ..Changes::default() };
        for n in 1..=3 {
            ask(&site, "ned").await;
            until_seen_to(&site, n).await;
            let address = link(&site, "ned@example.org").await;
            match n {
                1 => drop(site.admin.change("ned", email(None)).await),
                2 => {
                    site.admin.change("ned", status(Status::Disabled)).await;
                    site.admin.change("ned", status(Status::Active)).await;
                }
                _ => site.admin.delete_user("ned").await,
            }
            let mut browser = site.browser();
            assert_eq!(browser.open(&address).await.status(), 404, "{n}");
            let address = address.strip_prefix(site.url.as_str()).unwrap();
            browser.post(&format!("/{}", address.trim_start_matches('/')), &[("password", NEW)]).await;
            assert_eq!(browser.status(), 404, "{n}");
            if n == 1 {
                site.admin.change_email("ned", Some("ned@example.org")).await;
            }
        }
    }

    async fn an_expired_link_stays_refused_when_the_clock_goes_back(database) {
        let site = Site::on(database).await;
        ask(&site, "ned").await;
        let address = link(&site, "ned@example.org").await;
        let mut browser = site.browser();
        site.advance(3601);
        assert_eq!(browser.open(&address).await.status(), 404);
        site.advance(-3600);
        assert_eq!(browser.open(&address).await.status(), 404);
    }

    /// Whoever was invited and has lost the mail gets another; what they were sent before works until one of them is used.
    async fn whoever_was_invited_asks_for_another_link_and_chooses_their_first_password(database) {
        let site = Site::on(database).await;
        let ivy = site.admin.add_user(&site.acme, "ivy", "User", Some("ivy@example.org")).await;
        let invitation = site.admin.invite("ivy").await;
        ask(&site, "ivy").await;
        let address = link(&site, "ivy@example.org").await;
        let mut browser = site.browser();
        assert_eq!(browser.open(&invitation).await.status(), 200, "a stranger can ask in anybody's name");
        browser.open(&address).await;
        browser.fill("password", NEW).submit().await;
        assert!(browser.text().contains("Your password is set"), "{}", browser.text());
        assert_eq!(browser.open(&invitation).await.status(), 404);
        let request = browser.header("x-request-id").expect("a request id");
        assert!(browser.text_of("reference").is_some_and(|told| told.contains(&request)), "{}", browser.text());
        assert_eq!(site.admin.user("ivy").await.id, ivy.id);
    }

    /// The host that a request names is anybody's word.
    async fn a_link_leads_to_the_issuer_whatever_host_was_asked(database) {
        let site = Site::on(database).await;
        let asked = http()
            .post(site.url.join("/reset").unwrap())
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("forwarded", "host=evil.example")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("login=ned");
        assert_eq!(asked.send().await.unwrap().status(), 200);
        let address = link(&site, "ned@example.org").await;
        assert!(address.starts_with(site.url.as_str()), "{address}");
        assert!(!site.inbox("ned@example.org").last().text().contains("evil"));
    }

    /// A stranger who asks in somebody's name takes nothing from them: neither their session nor the link that they were given.
    async fn asking_changes_nothing_for_the_one_who_is_asked_about(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let (mut browser, _) = site.signed_in(&app, &app.visit(), "ned").await;
        ask(&site, "ned").await;
        until_seen_to(&site, 1).await;
        browser.open(&app.visit().url()).await;
        assert!(browser.has_left(), "{}", browser.text());
    }
}

#[tokio::test]
async fn the_forms_are_taken_from_our_own_pages_alone() {
    let site = Site::on(Database::sqlite().await).await;
    let mut elsewhere = site.browser();
    elsewhere.post_from_elsewhere("/reset", &[("login", "ned")]).await;
    assert_eq!(elsewhere.status(), 403);
    ask(&site, "max").await;
    until_seen_to(&site, 1).await;
    assert!(site.inbox("ned@example.org").letters().is_empty());
    let address = link(&site, "max@example.org").await;
    elsewhere.post_from_elsewhere(&address, &[("password", NEW)]).await;
    assert_eq!(elsewhere.status(), 403);
    let mut twice = site.browser();
    twice.post("/reset", &[("login", "ned"), ("login", "max")]).await;
    assert_eq!(twice.status(), 400);
}

#[tokio::test]
async fn where_no_mail_is_sent_nobody_is_told_to_wait_for_any() {
    let site =
        Site::with(Database::sqlite().await, |config| config.mail.transport = TransportKind::None).await;
    let app = site.admin.add_app().await;
    let mut browser = site.browser();
    browser.open(&app.visit().url()).await;
    assert!(!browser.links().iter().any(|link| link.contains("/reset")), "{:?}", browser.links());
    assert!(browser.text().contains("Ask a manager for a new one"), "{}", browser.text());
    browser.open("/reset").await;
    assert!(!browser.has_field("login") && browser.text().contains("Ask a manager"), "{}", browser.text());
    browser.post("/reset", &[("login", "ned")]).await;
    assert!(browser.text().contains("Ask a manager"), "{}", browser.text());
    assert!(events(&site, "user.reset_requested").await.is_empty());
}

/// In another browser than the one that asked, the sign-in is not there; the app is named, and where it is.
#[tokio::test]
async fn a_link_that_is_opened_in_another_browser_leads_to_the_app() {
    let site = Site::on(Database::sqlite().await).await;
    let app = site.admin.add_app_with(|m| m.client_uri = Some("https://app.example.org/".to_owned())).await;
    let visit: Visit = app.visit();
    let mut browser = site.browser();
    browser.open(&visit.url()).await;
    let forgotten = browser.links().into_iter().find(|link| link.starts_with("/reset?")).expect("a link");
    let mut stranger = site.browser();
    stranger.open(&forgotten).await;
    assert!(!stranger.has_field("signin"), "somebody else's sign-in is not spoken of");
    browser.open(&forgotten).await;
    browser.fill("login", "ned").submit().await;
    let address = link(&site, "ned@example.org").await;
    let mut other = site.browser();
    other.open(&address).await;
    other.fill("password", NEW).submit().await;
    let links = other.links();
    assert!(links.contains(&"https://app.example.org/".to_owned()), "{links:?}");
    assert!(!links.iter().any(|link| link.starts_with("/authorize/")), "{links:?}");
}

/// A flood from one network is answered alike, and sends no more than an office would.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_network_cannot_write_to_everybody() {
    let site = Site::on(Database::sqlite().await).await;
    for n in 0..55 {
        let login = format!("user{n}");
        site.admin.add_user(&site.acme, &login, "User", Some(&format!("{login}@example.org"))).await;
    }
    for n in 0..55 {
        let browser = ask(&site, &format!("user{n}")).await;
        assert_eq!(browser.status(), 200);
        until_seen_to(&site, (n + 1).min(50)).await;
    }
    assert_eq!(events(&site, "user.reset_requested").await.len(), 50);
}
