//! Does the console ask of everybody what every app would, at every request?

use countersign::directory::Status;
use countersign::directory::users::Changes;

use crate::support::admin::PASSWORD;
use crate::support::manager::Manager;
use crate::support::site::Site;

crate::on_both_databases! {
    async fn max_comes_in_with_a_code_and_lands_where_he_wanted_to(database) {
        let site = Site::on(database).await;
        let mut browser = site.browser();
        browser.open("/console/repair?x=1").await;
        assert!(browser.text().contains("the managers' console"), "{}", browser.text());
        browser.fill("login", "max").fill("password", PASSWORD).submit().await;
        let code = site.inbox("max@example.org").code();
        browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        assert_eq!(browser.page().url.path(), "/console/repair");
        assert_eq!(browser.page().url.query(), Some("x=1"));
        let events = site.admin.events().await;
        let completed: Vec<_> = events.iter().filter(|event| event.event == "signin.completed").collect();
        assert_eq!(completed.len(), 1);
        assert_eq!(completed[0].client_id, None);
        assert!(browser.text_of("menu").is_some());
    }

    async fn an_address_with_a_slash_at_its_end_leads_to_the_page(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        for (asked, found) in [
            ("/console/", "/console"),
            ("/console/users/?q=ned", "/console/users?q=ned"),
            ("/console/nowhere/", "/console/nowhere"),
        ] {
            max.open(asked).await;
            let url = &max.browser.page().url;
            assert_eq!(&url[url::Position::BeforePath..], found);
        }
        assert_eq!(max.browser.status(), 404);
        max.browser.post("/console/users/new/", &[("login", "una")]).await;
        assert_eq!(max.browser.status(), 404, "what is sent is sent to where it belongs");
    }

    async fn whoever_manages_nothing_is_told_so_and_shown_the_way_out(database) {
        let site = Site::on(database).await;
        let mut ned = Manager::arrives(&site, "ned").await;
        assert_eq!(ned.browser.status(), 403);
        let text = ned.browser.text();
        assert!(text.contains("Nothing to manage") && text.contains("ned"), "{text}");
        assert!(ned.browser.links().iter().any(|link| link == "/logout"), "{:?}", ned.browser.links());
        ned.open("/console/repair").await;
        assert_eq!(ned.browser.status(), 404);
    }

    async fn a_session_from_before_the_switch_is_asked_for_the_code_at_the_next_click(database) {
        let site = Site::on(database).await;
        let acme = site.admin.set_two_factor(&site.acme, false).await;
        let mut max = Manager::arrives(&site, "max").await;
        assert_eq!(max.browser.page().url.path(), "/console");
        site.admin.set_two_factor(&acme, true).await;
        max.open("/console/repair").await;
        assert!(max.browser.has_field("code"), "{}", max.browser.text());
        let code = site.inbox("max@example.org").code();
        max.browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        assert_eq!((max.browser.status(), max.browser.page().url.path()), (200, "/console/repair"));
    }

    async fn an_override_lands_in_repair_and_is_recorded_and_announced_once(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "tess", "Top manager", Some("tess@example.org")).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        assert_eq!(ada.browser.page().url.path(), "/console/repair");
        let letter = site.inbox("tess@example.org").wait_for("without a code").await;
        assert!(letter.text().contains("the managers' console"), "{}", letter.text());
        ada.open("/console").await;
        ada.open("/console/repair").await;
        ada.unlock().await;
        let overrides = async || {
            let events = site.admin.events().await;
            events.iter().filter(|event| event.event == "signin.override").count()
        };
        assert_eq!(overrides().await, 1);
    }

    async fn an_override_by_a_session_from_before_the_switch_is_recorded_too(database) {
        let site = Site::on(database).await;
        let acme = site.admin.set_two_factor(&site.acme, false).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        site.admin.set_two_factor(&acme, true).await;
        ada.open("/console").await;
        assert_eq!(ada.browser.page().url.path(), "/console/repair");
        ada.open("/console").await;
        assert_eq!(ada.browser.page().url.path(), "/console");
        let events = site.admin.events().await;
        assert_eq!(events.iter().filter(|event| event.event == "signin.override").count(), 1);
    }

    async fn whoever_has_lost_the_override_is_asked_for_a_code(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "tess", "Top manager", Some("tess@example.org")).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        site.admin.change_role("ada", "Manager").await;
        ada.open("/console").await;
        assert!(ada.browser.has_field("code") || ada.browser.has_field("login"), "{}", ada.browser.text());
        assert!(!ada.browser.page().url.path().starts_with("/console"));
    }

    async fn whoever_was_disabled_signed_out_or_idle_is_out(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        site.advance(13 * 3600);
        max.open("/console").await;
        assert!(max.browser.has_field("password"), "{}", max.browser.text());
        let mut again = Manager::arrives(&site, "max").await;
        site.admin.change("max", Changes { status: Some(Status::Disabled), ..Changes::default() }).await;
        again.open("/console").await;
        assert!(again.browser.has_field("password"), "{}", again.browser.text());
        site.admin.change("max", Changes { status: Some(Status::Active), ..Changes::default() }).await;
        let mut out = Manager::arrives(&site, "max").await;
        out.open("/logout").await;
        out.browser.submit().await;
        out.open("/console").await;
        assert!(out.browser.has_field("password"), "{}", out.browser.text());
    }

    async fn a_manager_of_no_address_is_told_so_as_everywhere(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "mia", "Manager", None).await;
        let mut browser = site.browser();
        browser.open("/console").await;
        browser.fill("login", "mia").fill("password", PASSWORD).submit().await;
        assert!(browser.error().unwrap().starts_with("No email associated with this login."));
    }

    async fn cancelling_leads_to_the_front_page_and_a_second_press_into_the_console(database) {
        let site = Site::on(database).await;
        let mut browser = site.browser();
        browser.open("/console").await;
        browser.press("cancel").await;
        assert_eq!(browser.page().url.path(), "/");
        browser.open("/console").await;
        let signin = browser.page().url.path().to_owned();
        browser.fill("login", "ada").fill("password", PASSWORD).submit().await;
        assert_eq!(browser.page().url.path(), "/console/repair");
        browser.open(&signin).await;
        assert_eq!(browser.page().url.path(), "/console");
    }
}
