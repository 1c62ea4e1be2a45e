//! Does a preview leave nobody out, not even whoever reads it, and say no more than is so?

use countersign::directory::TwoFactor;
use countersign::directory::login::fold;
use countersign::store::roles;

use crate::support::manager::Manager;
use crate::support::site::Site;
use crate::support::smtp::{Mishap, Stage};

async fn setting(site: &Site) -> String {
    let mut conn = site.admin.db.read().await.unwrap();
    countersign::store::groups::find(&mut conn, &site.acme.id).await.unwrap().unwrap().two_factor_setting
}

fn advanced(site: &Site) -> String {
    format!("/console/groups/{}/advanced", site.acme.id)
}

/// What a page says, whose every part stands there and none of what does not.
fn says(manager: &Manager<'_>, expected: &[&str], not: &[&str]) {
    let text = manager.browser.text();
    for part in expected {
        assert!(text.contains(part), "{part}: {text}");
    }
    for part in not {
        assert!(!text.contains(part), "not {part}: {text}");
    }
}

/// The id of a role of Acme's.
async fn role(site: &Site, name: &str) -> String {
    let mut conn = site.admin.db.read().await.unwrap();
    roles::find_named(&mut conn, Some(&site.acme.id), &fold(name)).await.unwrap().unwrap().id
}

/// What a page says below its menu, as it is written.
fn told(manager: &Manager<'_>) -> String {
    manager.browser.page().body.split("<main").nth(1).unwrap().replace("&#x2f;", "/")
}

crate::on_both_databases! {
    /// The mail server works, but for the one address that whoever switches needs.
    async fn whoever_the_mail_server_takes_no_message_to_is_among_the_locked_out(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let mut max = Manager::arrives(&site, "max").await;
        site.smtp.refuse("max@example.org", "550 5.1.1 no such mailbox");
        max.open(&advanced(&site)).await.send(&[("two_factor", "on")]).await;
        let locked_out = [
            "2 people could no longer sign in. Nothing is saved yet.",
            "You are among the locked out: the mail server takes no message to your address.",
            "One person could not sign in, because mail does not reach their address: max",
            "One person could not sign in, for want of an email address: nia",
            "but none to your own address",
            "The mail server said: 550 5.1.1 no such mailbox",
            "One person would be asked for a code: ned",
            "max the mail server takes no message to their address now",
        ];
        says(&max, &locked_out, &[]);
        for typed in ["0", "1", "3"] {
            max.send(&[("confirm", typed)]).await;
            assert_eq!((max.browser.status(), setting(&site).await.as_str()), (422, "off"), "{}", max.browser.text());
            says(&max, &["2 people would be locked out: type that number"], &[]);
        }
        max.send(&[("confirm", "2")]).await;
        assert_eq!(setting(&site).await, "on");
    }

    /// What was shown without them, and is saved when they are among the locked out, is others than were shown.
    async fn a_refusal_between_looking_and_saving_is_shown_first(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&advanced(&site)).await.send(&[("two_factor", "on")]).await;
        says(&max, &["One person could no longer sign in"], &["You are among"]);
        site.smtp.refuse("max@example.org", "550 5.1.1 no such mailbox");
        max.send(&[("confirm", "1")]).await;
        assert_eq!((max.browser.status(), setting(&site).await.as_str()), (422, "off"), "{}", max.browser.text());
        says(&max, &["You are among the locked out", "2 people could no longer sign in"], &[]);
    }

    /// Later it may be taken; and who overrides, or is of another group, is not kept out by it.
    async fn a_refusal_that_keeps_nobody_out_is_only_said(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        let design = site.admin.add_subgroup(&site.acme, "Design", false).await;
        site.admin.add_user(&design, "dan", "User", Some("dan@example.org")).await;
        let (mut max, mut ada) = (Manager::arrives(&site, "max").await, Manager::arrives(&site, "ada").await);
        site.smtp.refuse("max@example.org", "451 4.2.0 come back later");
        let here = advanced(&site);
        max.open(&here).await.send(&[("two_factor", "on")]).await;
        let said = ["but none to your own address", "The mail server said: 451 4.2.0 come back later"];
        says(&max, &said, &["You are among", "does not reach"]);
        site.smtp.refuse("max@example.org", "550 5.1.1 no such mailbox");
        let said = ["but none to your own address", "The mail server said: 550 5.1.1 no such mailbox"];
        max.open(&format!("/console/groups/{}/advanced", design.id)).await.send(&[("two_factor", "on")]).await;
        says(&max, &said, &["You are among", "does not reach"]);
        max.open(&here).await.send(&[("two_factor", "rehearse")]).await;
        says(&max, &said, &["You are among", "does not reach"]);
        site.smtp.refuse("ada@example.org", "550 5.1.1 no such mailbox");
        ada.open(&here).await.send(&[("two_factor", "on")]).await;
        says(&ada, &said, &["You are among", "does not reach"]);
    }

    /// It is what a rehearsal is for.
    async fn a_rehearsal_says_first_whom_no_code_could_reach(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        for (login, email) in [("ivy", None), ("ike", Some("ike@example.org"))] {
            site.admin.add_invited(&site.acme, login, email).await;
        }
        site.admin.add_user(&site.acme, "sue", "User", Some("sue@example.org")).await;
        site.admin.stop_codes("sue").await;
        let mut max = Manager::arrives(&site, "max").await;
        max.open(&advanced(&site)).await.send(&[("two_factor", "rehearse")]).await;
        let expected = [
            "Nobody would be kept out. Nothing is saved yet.",
            "One person could not be sent a code, for want of an email address, and goes on without one: nia",
            "One person could not be sent a code, since theirs are stopped, and goes on without one: sue",
            "2 people would be sent a code, and may go on without: max, ned",
            "2 people have not chosen a password yet. Once they have, whoever has an address is sent a code, and may go on without: ike, ivy",
        ];
        says(&max, &expected, &["Who is kept out", "could not sign in"]);
        max.browser.submit().await;
        assert_eq!(setting(&site).await, "rehearse", "{}", max.browser.text());
    }

    async fn what_off_does_is_said_and_nothing_of_what_it_ends(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        for setting in [TwoFactor::On, TwoFactor::Rehearse] {
            site.admin.set_two_factor_to(&site.acme, setting).await;
            max.open(&advanced(&site)).await.send(&[("two_factor", "off")]).await;
            let expected = [
                "Nobody would be asked for a code. Nothing is saved yet.",
                "3 people would no longer be asked for a code: max, ned, nia",
                "Whoever has a password of fewer than 15 characters is asked for a longer one at their next sign-in.",
            ];
            says(&max, &expected, &["without a code", "also when mail fails"]);
        }
        site.admin.set_two_factor(&site.acme, false).await;
        max.open(&advanced(&site)).await.send(&[("two_factor", "off")]).await;
        says(&max, &["This is the setting already."], &["no longer be asked", "a longer one"]);
    }

    async fn who_does_without_a_code_always_does(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let group = format!("/console/groups/{}", site.acme.id);
        for page in [group.as_str(), "/console/roles"] {
            max.open(page).await;
            says(&max, &["ada signs in without a code, also when mail fails."], &["code when mail fails"]);
        }
        site.admin.add_user(&site.acme, "amy", "Top manager", Some("amy@example.org")).await;
        max.open(&group).await;
        says(&max, &["2 people sign in without a code, also when mail fails: ada, amy."], &[]);
    }

    async fn where_mail_does_not_work_the_way_to_mend_it_is_a_link(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        site.admin.add_site_administrator("root").await;
        let (mut max, mut root) = (Manager::arrives(&site, "max").await, Manager::arrives(&site, "root").await);
        site.smtp.let_fail(Stage::Greeting, Mishap::HangUp);
        for (who, settings) in [(&mut max, false), (&mut root, true)] {
            who.open(&advanced(&site)).await.send(&[("two_factor", "on")]).await;
            let main = told(who);
            assert!(main.contains("href=\"/console/repair\""), "{main}");
            assert_eq!(main.contains("href=\"/console/mail/settings\""), settings, "{main}");
        }
        max.browser.post(&advanced(&site), &[("two_factor", "on"), ("confirm", "0")]).await;
        assert_eq!(max.browser.status(), 422);
        assert!(told(&max).contains("href=\"/console/repair\""), "{}", told(&max));
    }

    /// The right number is right, whatever else is missing.
    async fn only_what_is_wrong_is_said(database) {
        let site = Site::on(database).await;
        site.admin.set_two_factor(&site.acme, false).await;
        site.admin.add_site_administrator("root").await;
        let mut root = Manager::arrives(&site, "root").await;
        site.smtp.let_fail(Stage::Greeting, Mishap::HangUp);
        root.open(&advanced(&site)).await.send(&[("two_factor", "on")]).await;
        root.send(&[("confirm", "1")]).await;
        assert_eq!(root.browser.status(), 422);
        says(&root, &["tick this if you want it all the same", "There is one thing to correct"], &["type 1 if that is what you want"]);
        assert_eq!(root.browser.field("confirm").as_deref(), Some("1"));
        root.send(&[("confirm", "2"), ("insist", "on")]).await;
        assert_eq!(root.browser.status(), 422);
        says(&root, &["type 1 if that is what you want"], &["tick this if you want it all the same"]);
        root.send(&[("confirm", "1"), ("insist", "on")]).await;
        assert_eq!(setting(&site).await, "on", "{}", root.browser.text());
    }

    async fn an_address_is_given_where_the_field_for_it_is(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        let app = site.admin.add_app().await;
        let (mut max, mut root) = (Manager::arrives(&site, "max").await, Manager::arrives(&site, "root").await);
        let nia = format!("/console/users/{}", site.admin.user("nia").await.id);
        max.open(&nia).await;
        says(&max, &["Give them one below."], &[]);
        max.send(&[("group", "Acme/Design")]).await;
        says(&max, &["Move nia?", "Give them one on their page."], &["below"]);
        assert!(told(&max).contains(&format!("<a href=\"{nia}\">their page</a>")), "{}", told(&max));
        root.open(&format!("/console/apps/{}/try?user=nia&scope=openid", app.client_id)).await;
        says(&root, &["Give them one on their page."], &["Give them one below"]);
        assert!(told(&root).contains(&format!("<a href=\"{nia}\">their page</a>")), "{}", told(&root));
        site.admin.set_two_factor(&design, true).await;
        let own = format!("/console/users/{}", site.admin.user("max").await.id);
        max.open(&own).await.send(&[("email", "")]).await;
        says(&max, &["Keep yourself out?", "there is no email address that it could go to."], &["Give them one"]);
    }

    /// What the rank rules would refuse is not offered.
    async fn nothing_is_offered_that_whoever_reads_may_not_do(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        for (name, rank, undo) in [("Equal", "324", false), ("Below", "323", true)] {
            max.open("/console/roles/new").await.send(&[("name", name), ("rank", rank), ("rights", "")]).await;
            assert!(max.saved().is_some(), "{}", max.browser.text());
            assert_eq!(told(&max).contains("id=\"undo\""), undo, "{name}: {}", max.browser.text());
        }
        max.browser.press("undo").await;
        assert!(max.browser.text().contains("The role Below was deleted"), "{}", max.browser.text());
        let ned = format!("/console/users/{}", site.admin.user("ned").await.id);
        for (role, undo) in [("Co-manager", true), ("Manager", false)] {
            max.open(&ned).await.send(&[("role", role)]).await;
            assert!(max.saved().is_some_and(|said| said.contains("ned")), "{}", max.browser.text());
            assert_eq!(told(&max).contains("id=\"undo\""), undo, "{role}: {}", max.browser.text());
        }
    }

    async fn who_gains_or_loses_the_override_by_another_role_is_told_first(database) {
        let site = Site::on(database).await;
        site.admin.add_user(&site.acme, "amy", "Top manager", Some("amy@example.org")).await;
        let mut ada = Manager::arrives(&site, "ada").await;
        let page = |id: &str| format!("/console/users/{id}");
        let (ned, amy) = (page(&site.admin.user("ned").await.id), page(&site.admin.user("amy").await.id));
        ada.open(&ned).await.send(&[("role", "Top manager")]).await;
        let gains = [
            "Give ned another role?",
            "Their role is Top manager then, of rank 512.",
            "ned would sign in without a code from now on, also where their group asks for one.",
            "Can sign in with the password alone, by override",
        ];
        says(&ada, &gains, &[]);
        assert_eq!(site.admin.user("ned").await.role.name, "User", "nothing is saved yet");
        ada.browser.submit().await;
        assert!(ada.saved().is_some(), "{}", ada.browser.text());
        assert_eq!(site.admin.user("ned").await.role.name, "Top manager");
        ada.browser.press("undo").await;
        assert_eq!(site.admin.user("ned").await.role.name, "User", "{}", ada.browser.text());
        ada.open(&amy).await.send(&[("role", "User")]).await;
        says(&ada, &["amy could no longer sign in without a code", "with the password and a code that goes to amy@example.org"], &[]);
        ada.browser.submit().await;
        assert_eq!(site.admin.user("amy").await.role.name, "User", "{}", ada.browser.text());
        // What brings neither is saved at once, and can be taken back.
        ada.open(&ned).await.send(&[("role", "Manager")]).await;
        assert!(ada.saved().is_some() && told(&ada).contains("id=\"undo\""), "{}", ada.browser.text());
    }

    /// Of several groups of a tree it may be any.
    async fn a_group_that_would_keep_nobody_who_does_without_a_code_is_named(database) {
        let site = Site::on(database).await;
        site.admin.add_site_administrator("root").await;
        let design = site.admin.add_subgroup(&site.acme, "Design", true).await;
        site.admin.add_role(&site.acme, "Chief", 400, "override_2fa").await;
        site.admin.add_user(&design, "chloe", "Chief", Some("chloe@example.org")).await;
        let mut root = Manager::arrives(&site, "root").await;
        let said = "Two-factor is on in Acme/Design, and nobody else there could sign in without a code.";
        let (chief, chloe) = (role(&site, "Chief").await, format!("/console/users/{}", site.admin.user("chloe").await.id));
        for (path, fields) in [
            (format!("/console/roles/{chief}"), vec![("rights", "")]),
            (chloe.clone(), vec![("status", "disabled")]),
            (chloe.clone(), vec![("role", "User")]),
        ] {
            root.browser.post(&path, &fields).await;
            assert_eq!(root.browser.status(), 422, "{path} {fields:?}: {}", root.browser.text());
            says(&root, &[said], &["the last person here"]);
        }
        root.browser.post(&format!("{chloe}/delete"), &[]).await;
        says(&root, &[said], &["the last person here"]);
    }

    async fn the_groups_below_are_said_to_stay_as_they_are(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let (here, said) = (advanced(&site), "The groups below this one stay as they are");
        max.open(&here).await;
        says(&max, &[], &[said]);
        site.admin.add_subgroup(&site.acme, "Design", true).await;
        max.open(&here).await;
        says(&max, &[said], &[]);
        max.send(&[("two_factor", "off")]).await;
        says(&max, &[said], &[]);
    }

    async fn a_role_that_somebody_holds_is_not_asked_about_before_it_is_refused(database) {
        let site = Site::on(database).await;
        let mut max = Manager::arrives(&site, "max").await;
        let path = format!("/console/roles/{}/delete", role(&site, "User").await);
        max.browser.post(&path, &[]).await;
        assert_eq!(max.browser.status(), 422);
        says(&max, &["2 users hold the role User: give them another one first.", "Who holds it: ned, nia"], &["Delete the role User?"]);
    }
}
