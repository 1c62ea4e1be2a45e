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

    /// A page that was left open past its session, and once more past its proof: what was typed survives both, without JavaScript.
    async fn a_page_left_open_comes_back_as_the_form_that_it_was(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        let path = format!("/console/users/{}", site.admin.user("nia").await.id);
        ada.open(&path).await;
        site.advance(13 * 3600);
        ada.send(&[("name", "Nia Nash"), ("email", "nia@example")]).await;
        ada.prove().await;
        assert!(ada.browser.text().contains("It is not saved yet: you were no longer signed in"), "{}", ada.browser.text());
        assert_eq!(ada.browser.field("name").as_deref(), Some("Nia Nash"));
        assert_eq!(ada.browser.field("email").as_deref(), Some("nia@example"));
        assert_eq!(ada.browser.field("role").as_deref(), Some("User"));
        site.advance(601);
        ada.send(&[("email", "nia@example.org")]).await;
        assert!(ada.browser.text().contains("the managers' console with your change"), "{}", ada.browser.text());
        ada.prove().await;
        assert!(ada.browser.text().contains("Your change goes on now"), "{}", ada.browser.text());
        ada.browser.submit().await;
        assert!(ada.saved().unwrap().contains("The changes to Nia Nash (nia) are saved."), "{}", ada.browser.text());
        let nia = site.admin.user("nia").await;
        assert_eq!((nia.name.as_deref(), nia.email.as_deref()), (Some("Nia Nash"), Some("nia@example.org")));
    }

    /// What somebody else has changed meanwhile is not overwritten by a form that comes back.
    async fn a_form_that_comes_back_overwrites_nothing(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        let path = format!("/console/users/{}", site.admin.user("nia").await.id);
        for place in [path.as_str(), "/console/repair"] {
            site.admin.change_email("nia", None).await;
            ada.open(place).await;
            ada.unlock().await;
            site.advance(13 * 3600);
            ada.browser.fill("email", "nia@first.example").press(&path).await;
            site.admin.change_email("nia", Some("nia@second.example")).await;
            ada.prove().await;
            assert_eq!(ada.browser.field("email").as_deref(), Some("nia@first.example"), "{}", ada.browser.text());
            ada.browser.press(&path).await;
            assert!(ada.browser.text().contains("Somebody else has set this to nia@second.example"), "{}", ada.browser.text());
            assert_eq!(ada.browser.field("email").as_deref(), Some("nia@first.example"));
            assert_eq!(site.admin.user("nia").await.email.as_deref(), Some("nia@second.example"));
        }
    }

    /// Secrets are not kept: the page asks for them again, and shows them nowhere.
    async fn a_password_that_was_typed_is_not_kept(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let mut root = Manager::arrives(&site, "root").await;
        let typed = [
            ("host", "mail.example.org"), ("username", "me"), ("password", "Geheimnis-7"),
            ("from", "id@example.org"), ("email", "me@example.org"),
        ];
        for signed_out in [true, false] {
            root.open("/console/mail/settings").await;
            root.unlock().await;
            site.advance(if signed_out { 13 * 3600 } else { 601 });
            root.send(&typed).await;
            root.prove().await;
            assert!(!root.browser.page().body.contains("Geheimnis-7"), "{}", root.browser.page().body);
            if !signed_out {
                root.browser.submit().await;
            }
            let error = root.browser.text_of("password-error").unwrap_or_else(|| panic!("{}", root.browser.text()));
            assert!(error.contains("Type it again"), "{error}");
            assert_eq!(root.browser.field("host").as_deref(), Some("mail.example.org"));
            assert_eq!(root.browser.field("password").as_deref(), Some(""));
        }
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

    /// Whoever signs in where somebody else's change waits for a proof neither sees it nor sends it.
    async fn what_one_has_typed_is_not_for_the_next_who_signs_in_there(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        site.advance(601);
        let ned = site.admin.user("ned").await.id;
        ada.browser.post(&format!("/console/users/{ned}"), &[("name", "Mine alone")]).await;
        ada.browser.fill("login", "max").fill("password", PASSWORD).submit().await;
        let code = site.inbox("max@example.org").code();
        ada.browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        assert_eq!(ada.browser.page().url.path(), "/console", "{}", ada.browser.text());
        assert!(!ada.browser.text().contains("Mine alone"), "{}", ada.browser.text());
        assert_eq!(site.admin.user("ned").await.name, None);
    }

    /// Nothing above 24 kB goes into a sign-in: it stays in the browser, and is sent from there after the proof.
    async fn what_is_too_long_to_be_kept_stays_on_the_page(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&format!("/console/users/{}", site.admin.user("nia").await.id)).await;
        for (away, way) in [(601, "/console/unlock"), (13 * 3600, "/console")] {
            site.advance(away);
            let long = "Nia ".repeat(8000);
            max.send(&[("name", &long), ("email", "nia@example.org")]).await;
            assert_eq!(max.browser.status(), 413, "{}", max.browser.text());
            assert!(max.browser.text().contains("too long to be kept"), "{}", max.browser.text());
            assert!(max.browser.links().contains(&way.to_owned()), "{:?}", max.browser.links());
            let mut page = max.browser.new_tab();
            max.open(way).await.prove().await;
            page.submit().await;
            assert_eq!(page.status(), 422, "{}", page.text());
            assert!(page.text_of("name-error").unwrap().contains("At most 80 characters"), "{}", page.text());
            assert_eq!(page.field("name"), Some(long));
            assert_eq!(page.field("email").as_deref(), Some("nia@example.org"));
            max.browser = page;
        }
    }

    /// What was kept goes on once. Whoever goes back, or presses the button of a page that their browser still has, sends nothing.
    async fn what_has_gone_on_is_not_sent_again(database) {
        let site = Site::on(database).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        let path = format!("/console/users/{}", site.admin.user("nia").await.id);
        ada.open(&path).await;
        site.advance(601);
        ada.send(&[("email", "nia@example.org")]).await;
        ada.prove().await;
        let kept = ada.browser.page().url.path().to_owned();
        // It waits for its proof a second time, and is one change still.
        site.advance(601);
        ada.open(&kept).await.prove().await;
        let anew = ada.browser.page().url.path().to_owned();
        assert_ne!(kept, anew);
        let (to, _, fields) = ada.browser.new_tab().submission("submit");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        ada.browser.submit().await;
        assert!(ada.saved().unwrap().contains("are saved."), "{}", ada.browser.text());
        site.admin.change_email("nia", None).await;
        for back in [&kept, &anew] {
            ada.open(back).await;
            assert_eq!(ada.browser.status(), 200);
            assert!(ada.browser.text().contains("This was sent already"), "{}", ada.browser.text());
            let body = &ada.browser.page().body;
            assert!(!body.contains("data-submit") && !body.contains("nia@example.org"), "{body}");
        }
        ada.browser.post(to.path(), &fields).await;
        assert_eq!(ada.browser.page().url.path(), anew, "{}", ada.browser.text());
        assert!(site.admin.user("nia").await.email.is_none());
        // Nobody else makes it so.
        let mut other = Manager::arrives(&site, "ada").await;
        other.browser.post(to.path(), &fields).await;
        assert!(other.saved().is_some(), "{}", other.browser.text());
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
