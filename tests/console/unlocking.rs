//! Can nothing be changed without a fresh proof, and is nothing lost on the way to it?

use crate::support::admin::PASSWORD;
use crate::support::manager::Manager;
use crate::support::site::Site;

crate::on_both_databases! {
    async fn pages_can_only_be_read_ten_minutes_after_the_proof(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        assert!(max.browser.text().contains("You can make changes until"), "{}", max.browser.text());
        site.advance(601);
        max.open("/console").await;
        assert!(max.browser.text().contains("can only be read"), "{}", max.browser.text());
        max.unlock().await;
        assert_eq!(max.browser.page().url.path(), "/console");
        assert!(max.browser.text().contains("You can make changes until"), "{}", max.browser.text());
    }

    async fn a_password_alone_does_not_unlock_where_the_group_asks_for_a_code(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        site.advance(601);
        max.open("/console/unlock?to=/console/repair").await;
        assert_eq!(max.browser.field("login").as_deref(), Some("max"));
        max.browser.fill("password", PASSWORD).submit().await;
        assert!(max.browser.has_field("code"), "{}", max.browser.text());
        max.open("/console").await;
        assert!(max.browser.text().contains("can only be read"), "{}", max.browser.text());
    }

    async fn what_was_sent_after_the_session_comes_back_and_goes_on_when_it_is_confirmed(database) {
        let site = Site::on(database).await;
        let mut browser = site.browser();
        browser.post("/console/language", &[("language", "en"), ("to", "/console/repair"), ("note", "\u{2603}<b>")]).await;
        assert!(browser.has_field("login"), "{}", browser.text());
        browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
        let text = browser.text();
        assert!(text.contains("You were no longer signed in") && text.contains("\u{2603}<b>"), "{text}");
        let (url, _, fields) = browser.new_tab().submission("submit");
        assert_eq!(url.path(), "/console/language");
        assert!(fields.contains(&("note".to_owned(), "\u{2603}<b>".to_owned())), "{fields:?}");
        browser.submit().await;
        assert_eq!(browser.page().url.path(), "/console/repair");
    }

    async fn what_was_kept_is_for_the_browser_that_sent_it_and_for_half_an_hour(database) {
        let site = Site::on(database).await;
        let mut browser = site.browser();
        browser.post("/console/language", &[("language", "en"), ("note", "mine")]).await;
        browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
        let kept = browser.page().url.path().to_owned();
        assert!(kept.starts_with("/console/kept/"), "{kept}");
        let mut other = Manager::arrives(&site, "ada").await;
        other.open(&kept).await;
        assert_eq!(other.browser.status(), 404);
        site.advance(1801);
        browser.open(&kept).await;
        assert_eq!(browser.status(), 410);
    }

    async fn what_is_too_long_to_be_kept_leads_home(database) {
        let site = Site::on(database).await;
        let mut browser = site.browser();
        let (half, third) = ("x".repeat(13_000), "y".repeat(13_000));
        browser.post("/console/language", &[("a", &half), ("b", &third)]).await;
        browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
        assert_eq!(browser.page().url.path(), "/console/repair");
    }

    async fn unlocking_leads_back_to_pages_of_the_console_alone(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        for elsewhere in ["https://evil.example/", "//evil.example/", "/console/../logout", "/logout", "/\\evil"] {
            ada.open(&format!("/console/unlock?to={elsewhere}")).await;
            assert_eq!(ada.browser.page().url.path(), "/console", "{elsewhere}");
        }
        ada.open("/console/unlock?to=/console/repair").await;
        assert_eq!(ada.browser.page().url.path(), "/console/repair");
    }
}
