//! Does a manager see what a group's setting does to whom before it does it, and can nothing be saved that nobody could repair?

use countersign::directory::TwoFactor;

use crate::support::manager::Manager;
use crate::support::site::Site;
use crate::support::smtp::{Mishap, Stage};

/// What the audit log says of changes of groups.
async fn changes(site: &Site) -> String {
    let events = site.admin.events().await;
    let changes = events.iter().filter(|event| event.event == "group.changed");
    changes.map(|event| event.details.as_str()).collect::<Vec<_>>().join("\n")
}

async fn setting(site: &Site) -> String {
    let mut conn = site.admin.db.read().await.unwrap();
    countersign::store::groups::find(&mut conn, &site.acme.id).await.unwrap().unwrap().two_factor_setting
}

crate::on_both_databases! {
    async fn the_tree_says_of_each_group_what_it_asks_for_and_who_is_kept_out(database) {
        let site = Site::on(database).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        site.admin.set_two_factor_to(&design, TwoFactor::Rehearse).await;
        site.admin.add_user(&design, "dan", "User", None).await;
        let sales = site.admin.add_subgroup(&site.acme, "Sales", false).await;
        site.admin.add_user(&sales, "sam", "User", None).await;
        site.admin.add_group("Bolt", true).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open("/console/groups").await;
        let text = max.browser.text();
        for expected in ["In one group on this page", "One cannot sign in", "One could not sign in if it were on", "a password alone lets in"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("Bolt") && !max.browser.has_field("name"), "{text}");
        site.admin.change_email("nia", Some("nia@example.org")).await;
        max.open("/console/groups").await;
        assert!(max.browser.text().contains("Nobody is kept out"), "{}", max.browser.text());
    }

    async fn a_long_tree_is_paged_and_every_group_can_be_reached(database) {
        let site = Site::on(database).await;
        for n in 0..60 {
            site.admin.add_subgroup(&site.acme, &format!("Part {n:02}"), false).await;
        }
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&format!("/console/groups/{}", site.acme.id)).await;
        let all = max.browser.links().into_iter().find(|link| link.contains("/console/groups?after=")).expect("all of them");
        max.open("/console/groups").await;
        assert!(!max.browser.text().contains("Part 59"));
        let next = max.browser.links().into_iter().find(|link| link.contains("after=")).expect("a next page");
        max.open(&next).await;
        assert!(max.browser.text().contains("Part 59"), "{}", max.browser.text());
        max.open(&all).await;
        assert!(max.browser.text().contains("Part 00"), "{}", max.browser.text());
    }

    async fn the_name_and_the_language_are_saved_with_what_was_before(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let page = format!("/console/groups/{}", site.acme.id);
        max.open(&page).await;
        assert!(max.browser.text().contains("One person cannot sign in"), "{}", max.browser.text());
        assert!(max.browser.text().contains("nia: no email address"), "{}", max.browser.text());
        max.send(&[("name", "Acme & Co"), ("language", "de")]).await;
        assert_eq!(max.saved().as_deref().map(|said| said.contains("Acme & Co is saved.")), Some(true), "{}", max.browser.text());
        let change = changes(&site).await;
        assert!(change.contains("Acme & Co") && change.contains(r#""name":"Acme""#), "{change}");
        // What was saved can be taken back.
        max.browser.press("undo").await;
        assert!(max.browser.text().contains("Acme is saved."), "{}", max.browser.text());
        // Somebody else changes it meanwhile.
        let mut ada = Manager::arrives(&site, "ada").await;
        ada.open(&page).await;
        max.send(&[("name", "Apex")]).await;
        ada.send(&[("name", "Zenith")]).await;
        assert_eq!(ada.browser.status(), 422);
        assert!(ada.browser.text().contains("changed this meanwhile to Apex"), "{}", ada.browser.text());
        assert_eq!(ada.browser.field("name").as_deref(), Some("Zenith"));
        // Whoever changes something else leaves that as it is now; and what is saved as it is leaves no event.
        max.open(&page).await;
        ada.browser.submit().await;
        max.send(&[("language", "fr")]).await;
        assert_eq!(max.saved().as_deref().map(|said| said.contains("Zenith is saved.")), Some(true), "{}", max.browser.text());
        let events = site.admin.events().await.len();
        max.open(&page).await.send(&[]).await;
        assert_eq!(site.admin.events().await.len(), events);
    }

    async fn what_is_no_name_or_language_is_said_beside_the_field_and_nothing_is_lost(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let page = format!("/console/groups/{}", site.acme.id);
        let long = "x".repeat(81);
        for (name, language, said) in [
            ("", "en", "A name has 1 to 80 characters"),
            ("a/b", "en", "A name has 1 to 80 characters"),
            (".", "en", "is neither . nor .."),
            (" .. ", "en", "is neither . nor .."),
            ("\u{2025}", "en", "is neither . nor .."),
            ("a\u{ff0f}b", "en", "no slash"),
            (&long, "en", "At most 80 characters"),
            ("\u{202e}evil", "en", "cannot be seen"),
            ("a\u{7}b", "en", "cannot be seen"),
            ("Acme", "english please", "is not a language"),
        ] {
            max.open(&page).await.send(&[("name", name), ("language", language)]).await;
            assert_eq!(max.browser.status(), 422, "{name:?}");
            assert!(max.browser.text().contains(said), "{name:?}: {}", max.browser.text());
            assert_eq!(max.browser.field("language").as_deref(), Some(language));
        }
        max.open(&page).await.send(&[("name", "R&amp;D \"West\" {{ name }}")]).await;
        assert!(max.browser.text().contains("R&amp;D \"West\" {{ name }}"), "{}", max.browser.text());
    }

    async fn a_subgroup_is_added_and_deleted_by_whoever_manages_subgroups(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "cora", "Co-manager", Some("cora@example.org")).await;
        let mut max = Manager::arrives(&site, "max").await;
        let page = format!("/console/groups/{}", site.acme.id);
        max.open(&page).await;
        max.browser.fill("subgroup", "Design").press("add").await;
        assert!(max.saved().is_some_and(|said| said.contains("Design was added")), "{}", max.browser.text());
        let design = max.browser.page().url.path().to_owned();
        assert!(max.browser.text().contains("Nobody is kept out"), "{}", max.browser.text());
        max.open(&page).await;
        for path in ["..", ".", "a/b"] {
            max.browser.fill("subgroup", path).press("add").await;
            assert_eq!(max.browser.status(), 422, "{path}");
            assert!(max.browser.text_of("subgroup-error").is_some(), "{path}: {}", max.browser.text());
        }
        max.browser.fill("subgroup", "design").press("add").await;
        assert!(max.browser.text().contains("There is one named design here already"), "{}", max.browser.text());
        let mut cora = Manager::arrives(&site, "cora").await;
        cora.open(&page).await;
        assert!(cora.browser.has_field("name") && !cora.browser.has_field("subgroup"));
        cora.browser.post(&format!("{page}/groups"), &[("subgroup", "Sales")]).await;
        assert_eq!(cora.browser.status(), 404);
        max.open(&design).await.browser.press("delete").await;
        assert!(max.browser.text().contains("Delete the group Design?"), "{}", max.browser.text());
        max.browser.submit().await;
        assert!(max.saved().is_some_and(|said| said.contains("Design was deleted")), "{}", max.browser.text());
        max.browser.post(&format!("{page}/delete"), &[("confirm", "yes")]).await;
        assert_eq!(max.browser.status(), 422, "nobody deletes their own group: {}", max.browser.text());
    }

    /// Whoever presses the button has no shell: no command is told to them.
    async fn a_group_that_an_app_is_for_is_not_deleted_and_the_page_says_who_mends_it(database) {
        let site = Site::on(database).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", false).await;
        site.admin.add_app_with(|app| app.allowed_groups = vec![design.id.clone()]).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.browser.post(&format!("/console/groups/{}/delete", design.id), &[("confirm", "yes")]).await;
        assert_eq!(max.browser.status(), 422, "{}", max.browser.text());
        let said = max.browser.error().unwrap();
        assert!(said.contains("Whoever manages the apps") && !said.contains("countersign "), "{said}");
    }

    /// Max has no override, and no address any more: he sees himself among the locked out.
    async fn a_manager_with_a_broken_address_sees_themselves_in_the_preview(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        site.admin.change_email("max", None).await;
        let mut max = Manager::arrives(&site, "max").await;
        let page = format!("/console/groups/{}/advanced", site.acme.id);
        max.open(&page).await.send(&[("two_factor", "on")]).await;
        let text = max.browser.text();
        for expected in [
            "You are among the locked out: you have no email address.",
            "2 people could no longer sign in. Nothing is saved yet.",
            "for want of an email address: max, nia",
            "the mail server would take a message to countersign@localhost",
            "ada signs in without a code, also when mail fails",
            "One person would be asked for a code: ned",
            "Whoever is Manager may switch two-factor, and needs a code",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert_eq!(setting(&site).await, "off");
        for wrong in ["", "1", "two", "2,0", "99999999999999999999"] {
            max.send(&[("confirm", wrong)]).await;
            assert_eq!(max.browser.status(), 422, "{wrong:?}");
            assert!(max.browser.text().contains("2 people would be locked out: type that number"), "{}", max.browser.text());
            assert_eq!(setting(&site).await, "off");
        }
        max.send(&[("confirm", "2")]).await;
        assert_eq!(setting(&site).await, "on");
        let change = changes(&site).await;
        assert!(change.contains(r#"{"before":"off","after":"on"}"#), "{change}");
        // It holds at the next click, for himself too.
        assert!(max.browser.has_field("password") || max.browser.text().contains("No email"), "{}", max.browser.text());
    }

    /// The number that is typed is about those whom the page has named.
    async fn others_than_those_who_were_shown_are_shown_before_they_are_locked_out(database) {
        let site = Site::on(database).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", false).await;
        for (login, email) in [("dan", None), ("dora", Some("dora@example.org"))] {
            site.admin.add_user(&design, login, "User", email).await;
        }
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&format!("/console/groups/{}/advanced", design.id)).await.send(&[("two_factor", "on")]).await;
        assert!(max.browser.text().contains("dan"), "{}", max.browser.text());
        site.admin.change_email("dan", Some("dan@example.org")).await;
        site.admin.change_email("dora", None).await;
        max.send(&[("confirm", "1")]).await;
        assert_eq!(max.browser.status(), 422, "{}", max.browser.text());
        let text = max.browser.text();
        assert!(text.contains("another person who would be locked out") && text.contains("dora"), "{text}");
        max.send(&[("confirm", "1")]).await;
        assert!(max.saved().is_some_and(|said| said.contains("Two-factor is on")), "{}", max.browser.text());
    }

    /// As on Home and in Repair, whose invitation did not arrive is not among those who cannot sign in.
    async fn whoever_has_no_password_yet_is_not_counted_as_kept_out(database) {
        let site = Site::on(database).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        site.admin.add_invited(&design, "ivy", None).await;
        let mut max = Manager::arrives(&site, "max").await;
        let page = format!("/console/groups/{}", design.id);
        for page in [page.clone(), format!("{page}/advanced")] {
            max.open(&page).await;
            assert!(!max.browser.text().contains("ivy"), "{page}: {}", max.browser.text());
        }
        site.admin.add_user(&design, "dan", "User", None).await;
        max.open(&page).await;
        assert!(max.browser.text().contains("One person cannot sign in"), "{}", max.browser.text());
    }

    async fn nothing_is_saved_that_nobody_could_repair_but_by_a_site_administrator_who_insists(database) {
        let mut site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        site.admin.add_site_administrator("root").await;
        let page = format!("/console/groups/{}/advanced", site.acme.id);
        let mut max = Manager::arrives(&site, "max").await.browser;
        let mut root = Manager::arrives(&site, "root").await.browser;
        site.smtp.close().await;
        max.open(&page).await.fill("two_factor", "on").submit().await;
        let text = max.text();
        assert!(text.contains("mail does not work this minute") && text.contains("connection refused"), "{text}");
        // What it means stands beside it, and no name of a setting: whoever reads it has no file of settings.
        assert!(text.contains("Our mail server does not answer") && !text.contains("mail.host"), "{text}");
        assert!(!max.has_field("confirm") && !max.has_field("insist"));
        max.post(&page, &[("two_factor", "on"), ("confirm", "0"), ("insist", "on")]).await;
        assert_eq!(max.status(), 422);
        assert!(max.error().is_some_and(|said| said.contains("mail does not work this minute")));
        assert_eq!(setting(&site).await, "off");
        // A rehearsal keeps nobody out.
        max.open(&page).await.fill("two_factor", "rehearse").submit().await;
        max.submit().await;
        assert_eq!(setting(&site).await, "rehearse");
        root.open(&page).await.fill("two_factor", "on").submit().await;
        // The first line does not say that it cannot be done above the button that does it.
        let text = root.text();
        assert!(text.contains("You may switch it on all the same.") && !text.contains("cannot be switched on now"), "{text}");
        root.submit().await;
        assert_eq!(root.status(), 422, "{}", root.text());
        // Max could not be sent a code meanwhile.
        root.fill("insist", "on").fill("confirm", "1").submit().await;
        assert_eq!(setting(&site).await, "on", "{}", root.text());
    }

    /// It answers, lets us in, and takes nothing: nobody would get a code. Asked is about one's own mailbox, or else the sender's; nothing is sent.
    async fn a_mail_server_that_takes_no_message_does_not_work(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        let page = format!("/console/groups/{}/advanced", site.acme.id);
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&page).await.send(&[("two_factor", "on")]).await;
        assert!(max.browser.text().contains("the mail server would take a message to max@example.org"), "{}", max.browser.text());
        for (answer, said) in [
            ("554 5.7.1 Relay access denied", "would not take a message to max@example.org: 554 5.7.1 Relay access denied"),
            ("550 5.1.1 no such mailbox", "would not take a message to max@example.org: 550 5.1.1 no such mailbox"),
        ] {
            site.smtp.let_fail(Stage::Recipient, Mishap::Answer(answer));
            max.open(&page).await.send(&[("two_factor", "on")]).await;
            let text = max.browser.text();
            assert!(text.contains("It cannot be switched on now: mail does not work this minute") && text.contains(said), "{text}");
            max.browser.post(&page, &[("two_factor", "on"), ("confirm", "0")]).await;
            assert_eq!((max.browser.status(), setting(&site).await.as_str()), (422, "off"));
        }
        // Whoever has no address asks about the sender's.
        site.admin.change_email("max", None).await;
        max.open(&page).await.send(&[("two_factor", "on")]).await;
        assert!(max.browser.text().contains("would not take a message to countersign@localhost: 550 5.1.1"), "{}", max.browser.text());
        site.smtp.let_work();
        assert!(site.smtp.letters().is_empty(), "nothing is sent by asking");
    }

    /// They are neither asked nor kept out before they have chosen a password.
    async fn whoever_has_no_password_yet_is_told_apart_from_those_who_are_asked_or_locked_out(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        for (login, email) in [("ivy", None), ("ike", Some("ike@example.org"))] {
            site.admin.add_invited(&site.acme, login, email).await;
        }
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&format!("/console/groups/{}/advanced", site.acme.id)).await.send(&[("two_factor", "on")]).await;
        let text = max.browser.text();
        assert!(text.contains("2 people have not chosen a password yet") && text.contains("Nobody would be kept out"), "{text}");
        assert!(text.contains("3 people would be asked for a code: max, ned, nia"), "{text}");
        assert!(!text.contains("How many people will be locked out?"), "{text}");
        max.browser.submit().await;
        assert_eq!(setting(&site).await, "on", "{}", max.browser.text());
    }

    async fn with_nobody_who_could_get_in_without_a_code_it_is_refused(database) {
        let site = Site::on(database).await;
        let bolt = site.admin.add_group("Bolt", false).await;
        site.admin.add_user(&bolt, "bob", "Manager", Some("bob@example.org")).await;
        let mut bob = Manager::arrives(&site, "bob").await;
        let page = format!("/console/groups/{}/advanced", bolt.id);
        bob.open(&page).await.send(&[("two_factor", "on")]).await;
        assert!(bob.browser.text().contains("nobody active here may sign in without a code"), "{}", bob.browser.text());
        bob.browser.post(&page, &[("two_factor", "on"), ("confirm", "0")]).await;
        assert_eq!(bob.browser.status(), 422);
        bob.open(&page).await.send(&[("two_factor", "maybe")]).await;
        assert!(bob.browser.text().contains("Choose one of them."), "{}", bob.browser.text());
    }

    async fn the_page_of_a_group_that_rehearses_says_who_managed_and_who_did_not_and_why(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor_to(&site.acme, TwoFactor::Rehearse).await;
        let app = site.admin.add_app().await;
        let mut max = Manager::arrives(&site, "max").await;
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("550 no such mailbox"));
        for login in ["ned", "nia"] {
            let mut browser = site.after_password(&app.visit(), login).await;
            browser.press("skip").await;
        }
        let page = format!("/console/groups/{}", site.acme.id);
        max.open(&page).await;
        let text = max.browser.text();
        for expected in
            ["entered the code: 1", "has no address for a code: 1", "needs no code: 1", "could not sign in if it were on"]
        {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        max.open(&format!("{page}?filter=no_address")).await;
        let links = max.browser.links();
        let about = |login: &str| format!("/console/users/{login}");
        let (nia, ned) = (site.admin.user("nia").await.id, site.admin.user("ned").await.id);
        let table = links.iter().filter(|link| link.contains(&about(&nia))).count();
        assert_eq!(table, 2, "among those who could not sign in, and in the list: {links:?}");
        max.open(&format!("{page}?filter=mail_refused")).await;
        assert!(max.browser.links().contains(&about(&ned)), "{}", max.browser.text());
        // A code that is not on its way yet was not sent.
        site.smtp.let_fail(Stage::Recipient, Mishap::Answer("451 come back later"));
        let mut browser = site.after_password(&app.visit(), "ned").await;
        browser.press("skip").await;
        max.open(&format!("{page}?filter=not_sent")).await;
        assert!(max.browser.text().contains("went on before the mail server had taken the code: 1"), "{}", max.browser.text());
        assert!(max.browser.links().contains(&about(&ned)), "{}", max.browser.text());
        max.open(&format!("{page}?filter=exempt")).await;
        assert!(max.browser.links().contains(&about(&site.admin.user("ada").await.id)), "{}", max.browser.text());
    }

    async fn what_somebody_else_has_switched_meanwhile_is_read_first(database) {
        let site = Site::on(database).await;
        site.admin.change_email("nia", Some("nia@example.org")).await;
        let mut max = Manager::arrives(&site, "max").await;
        let page = format!("/console/groups/{}/advanced", site.acme.id);
        max.open(&page).await.browser.fill("two_factor", "off").submit().await;
        site.admin.set_two_factor_to(&site.acme, TwoFactor::Rehearse).await;
        max.browser.submit().await;
        assert_eq!(max.browser.status(), 422);
        assert!(max.browser.text().contains("Somebody else has set two-factor to rehearse meanwhile"), "{}", max.browser.text());
        assert_eq!(setting(&site).await, "rehearse");
        max.browser.submit().await;
        assert_eq!(setting(&site).await, "off");
    }

    async fn whoever_may_not_switch_sees_the_setting_as_text(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "cora", "Co-manager", Some("cora@example.org")).await;
        let mut cora = Manager::arrives(&site, "cora").await;
        let page = format!("/console/groups/{}", site.acme.id);
        cora.open(&page).await;
        assert!(!cora.browser.links().iter().any(|link| link.ends_with("/advanced")));
        cora.open(&format!("{page}/advanced")).await;
        assert_eq!(cora.browser.status(), 404);
        let mut max = Manager::arrives(&site, "max").await;
        site.advance(601);
        max.open(&format!("{page}/advanced")).await;
        assert!(!max.browser.has_field("two_factor"), "it can only be read: {}", max.browser.text());
        max.unlock().await;
        assert!(max.browser.has_field("two_factor"), "{}", max.browser.text());
    }

    async fn a_site_administrator_adds_organisations(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let mut root = Manager::arrives(&site, "root").await;
        root.open("/console/groups").await.send(&[("name", "Bolt")]).await;
        assert!(root.saved().is_some_and(|said| said.contains("Bolt was added")), "{}", root.browser.text());
        root.open("/console/groups").await.send(&[("name", "bolt")]).await;
        assert_eq!(root.browser.status(), 422);
        assert_eq!(root.browser.field("name").as_deref(), Some("bolt"));
    }
}
